# What the programs have in common in zsh. Names come from the peers file, and are taken for names
# only where they are such; nothing of it is ever expanded.

# _vz_names PATTERN: offers what matches it of the first words in the peers file beside the identity.
_vz_names() {
	emulate -L zsh
	local LC_ALL=C identity=${(Q)opt_args[-i]:-${(Q)opt_args[--identity]:-$VZ_IDENTITY}} file name rest
	local -a names

	: ${identity:=${XDG_CONFIG_HOME:-$HOME/.config}/vz/identity}
	[[ $identity == '~/'* ]] && identity=$HOME/${identity#'~/'}
	file=${identity:h}/peers
	[[ -f $file && -r $file ]] || return 1
	while IFS=$' \t' read -r name rest || [[ -n $name ]]; do
		[[ $name =~ $1 && $name != (|@)vz1* ]] && (( $#name <= 64 )) && names+=($name)
	done < <(head -c 1048576 <$file | tr -d '\0')
	(( $#names )) && compadd -a names
}

_vz_dest() {
	local name='[A-Za-z][A-Za-z0-9._-]*'

	compset -P '*,'
	if compset -P '?*@'; then # at a relay
		_vz_names "^$name\$"
	else
		_vz_names "^@?$name\$"
	fi
}

_vz_address() {
	if [[ $PREFIX == */* ]]; then
		_files
	else
		_vz_names '^[A-Za-z][A-Za-z0-9._-]*$'
	fi
}

# Addresses, and behind -- a command.
_vz_addresses() {
	local -i end=${words[(i)--]}

	if (( end >= CURRENT )); then
		_vz_address
		return
	fi
	shift end words
	(( CURRENT -= end ))
	if (( CURRENT == 1 )); then
		_command_names -e
	else
		_normal
	fi
}

_vz() {
	local first rest command
	local -a specs operands

	_vz_table_$service
	if [[ $command == --run && -n ${words[(r)--run(|=*)]} ]]; then
		operands=('(-)1:command:_command_names -e' '*::argument:_normal')
	elif [[ $command == after ]]; then
		operands=('*::address:_vz_addresses')
	elif [[ $rest == file ]]; then
		operands=('*:file:_files')
		[[ $first == dest ]] && operands+=('1:destination:_vz_dest')
	else
		operands=('*:address:_vz_address')
	fi
	_arguments -s -S -A '-*' : $specs $operands
}

_vz "$@"
