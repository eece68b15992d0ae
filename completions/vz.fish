# What the programs of vz have in common in fish. Names come from the peers file, and are taken for
# names only where they are such; nothing of it is ever expanded.

# Goes through the words before the cursor as getopt(3) would. Sets __vz_kind to what the word at the
# cursor is, __vz_identity to the identity, and __vz_argv to a command's own words.
function __vz_parse
	set -l line (commandline -cp | string collect)"$VZ_IDENTITY"
	test "$line" = "$__vz_line"; and return
	set -g __vz_line $line
	set -l argv (commandline -opc)
	set -g __vz_identity $VZ_IDENTITY
	set -g __vz_argv
	set -l run 0
	set -l ended 0
	set -l operands 0
	set -l of
	set -l table __vz_table_(string replace -r '.*/' '' -- $argv[1])
	$table
	set -e argv[1]
	while set -q argv[1]
		set -l word $argv[1]
		if set -q of[1]
			string match -qr '^(-[^-]*i|--identity)$' -- $of; and set __vz_identity $word
			set of
		else if test $ended = 0; and string match -qr '^-.' -- $word
			switch $word
				case --
					set ended 1
				case '--identity=*'
					set __vz_identity (string replace -r '^[^=]*=' '' -- $word)
				case '--run' '--run=*'
					set run 1
			end
			if contains -- $word $__vz_takes
				set of $word
			else if not string match -q -- '--*' $word; and contains -- -(string sub -s -1 -- $word) $__vz_takes
				set of $word
			end
		else
			set ended 1
			if test "$__vz_command" = after -a "$word" = --
				set -g __vz_kind command
				set __vz_argv $argv[2..-1]
				return
			else if test "$__vz_command" = --run -a $run = 1
				set -g __vz_kind command
				set __vz_argv $argv
				return
			end
			set operands (math $operands + 1)
		end
		set -e argv[1]
	end
	if set -q of[1]
		set -g __vz_kind argument
	else if test $ended = 0; and string match -q -- '-*' (commandline -ct)
		set -g __vz_kind option
	else if test "$__vz_command" = --run -a $run = 1
		set -g __vz_kind command
	else if test $operands = 0
		set -g __vz_kind $__vz_first
	else
		set -g __vz_kind $__vz_rest
	end
end

# Whether the word at the cursor is of that kind; the argument of an option is the option's own.
function __vz_is
	__vz_parse
	test $__vz_kind = $argv[1]; or test $argv[1] = option -a $__vz_kind = argument
end

# __vz_first_words PATTERN: what matches it of the first words in the peers file beside the identity.
function __vz_first_words
	set -l identity $__vz_identity
	if not set -q identity[1]
		set identity ~/.config/vz/identity
		set -q XDG_CONFIG_HOME; and set identity $XDG_CONFIG_HOME/vz/identity
	end
	set identity (string replace -r '^~/' "$HOME/" -- $identity)
	set -l file peers
	string match -q '*/*' -- $identity; and set file (string replace -r '/[^/]*$' /peers -- $identity)
	test -f $file -a -r $file; or return
	head -c 1048576 <$file | tr -d '\0' | string replace -rf '^[ \t]*((?!@?vz1)'$argv[1]')(?:[ \t].*)?$' '$1'
end

function __vz_names
	__vz_parse
	__vz_first_words '[A-Za-z][A-Za-z0-9._-]{0,62}'
end

# Names and groups, behind the commas that are there already.
function __vz_dests
	set -l token (string replace -r '^--run=' '' -- (commandline -ct))
	set -l prefix (string match -r '^.*,' -- $token)
	set -l last (string replace -r '^.*,' '' -- $token)
	__vz_parse
	if string match -qr '^.+@' -- $last # at a relay
		set prefix "$prefix"(string match -r '^.*@' -- $last)
		printf '%s\n' "$prefix"(__vz_first_words '[A-Za-z][A-Za-z0-9._-]{0,62}')
	else
		printf '%s\n' "$prefix"(__vz_first_words '@?[A-Za-z][A-Za-z0-9._-]{0,62}')
	end
end

function __vz_subcommand
	complete -C (string join ' ' -- (string escape -- $__vz_argv) (commandline -ct))
end
