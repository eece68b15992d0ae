#!/usr/bin/env bats
# Completion in real shells, on a real terminal: what is typed, a tab, and what is there then.
load helpers
load terminal

setup_file() {
	identities alice
}

# What the shells have around them: a place with files, and names of peers.
surroundings() {
	mkdir -p "$HOME/.config/vz" place/subfolder other
	cp "$(id_of alice)" "$HOME/.config/vz/identity"
	printf '%s\n' '# names' "workshop $(key_of alice)@workshop:4433" "webserver $(key_of alice)@web:4433" \
		"relay $(key_of alice)@relay:4433" '@backups = workshop webserver' >"$HOME/.config/vz/peers"
	printf '%s\n' "elsewhere $(key_of alice)@elsewhere:4433" >other/peers
	: >place/report.pdf
	: >other/identity
	cd place || return
	export PATH=$VZ_BUILD/bin:$PATH
	command -v tmux >/dev/null || skip 'no tmux here'
	command -v "$1" >/dev/null || skip "no $1 here"
}

# in_bash, in_zsh, in_fish: a terminal with that shell, whose prompt is "> ".
in_bash() {
	surroundings bash
	printf '%s\n' 'set show-all-if-ambiguous on' 'set bell-style none' 'set page-completions off' \
		'set completion-query-items 0' 'set enable-bracketed-paste off' >../inputrc
	printf '%s\n' "PS1='> '" "for f in '$VZ_BUILD'/completions/bash/*; do . \"\$f\"; done" "$@" >../rc
	INPUTRC=$PWD/../inputrc terminal shell 100 40 bash --noprofile --rcfile ../rc -i
	shows shell '^> *$'
}
in_zsh() {
	surroundings zsh
	printf '%s\n' "PS1='> '" 'setopt no_beep' "fpath=('$VZ_BUILD/completions/zsh' \$fpath)" 'LISTMAX=1000' \
		'autoload -Uz compinit' 'compinit -u -D' >"$HOME/.zshrc"
	terminal shell 100 40 zsh -d -i
	shows shell '^> *$'
}
in_fish() {
	surroundings fish
	terminal shell 100 40 fish -C "set fish_greeting; function fish_prompt; echo '> '; end
		set -p fish_complete_path '$VZ_BUILD/completions/fish'"
	shows shell '^> *$'
}

# becomes TYPED LINE: after a tab the line is this one. offers TYPED PATTERN...: after two tabs each
# is on the screen. Both leave an empty line.
becomes() {
	typed shell "$1"
	pressed shell Tab
	until_true sees "^> $2 ?\$" || what_is_there "$1"
	cleared
}
offers() {
	local pattern typed=$1

	typed shell "$1"
	pressed shell Tab Tab
	shift
	for pattern; do
		until_true sees "$pattern" || what_is_there "$typed"
	done
	cleared
}
sees() { screen shell | grep -Eq -- "$1"; }
what_is_there() {
	echo "typed: $1"
	screen shell
	return 1
}
cleared() {
	pressed shell C-u C-l
	until_true prompt || what_is_there "C-u C-l"
}
prompt() { [[ $(screen shell) =~ ^'>'[[:space:]]*$ ]]; }

# What is the same in all of them.
completes() {
	becomes 'vz-send wo' 'vz-send workshop'
	becomes 'vz-send @b' 'vz-send @backups'
	becomes 'vz-send webserver,wo' 'vz-send webserver,workshop'
	becomes 'vz-send workshop,@b' 'vz-send workshop,@backups'
	becomes 'vz-send --run we' 'vz-send --run webserver'
	becomes 'vz-send --retry-for 5s -v wo' 'vz-send --retry-for 5s -v workshop'
	becomes 'vz-send -i ../other/identity el' 'vz-send -i ../other/identity elsewhere'
	becomes 'vz-send --identity=../other/identity el' 'vz-send --identity=../other/identity elsewhere'
	becomes 'vz-send -vi ../other/identity el' 'vz-send -vi ../other/identity elsewhere'
	becomes 'vz-send --run=we' 'vz-send --run=webserver'
	becomes 'vz-send --psk-file=rep' 'vz-send --psk-file=report.pdf'
	becomes "vz-send $(key_of alice)@re" "vz-send $(key_of alice)@relay"
	becomes 'vz-send workshop rep' 'vz-send workshop report.pdf'
	becomes 'vz-listen --dir su' 'vz-listen --dir subfolder/'
	becomes 'vz-listen -d su' 'vz-listen -d subfolder/'
	becomes 'vz-listen re' 'vz-listen relay'
	becomes 'vz-listen --coproc --max-handlers 4 relay -- vz-keyg' 'vz-listen --coproc --max-handlers 4 relay -- vz-keygen'
	becomes 'vz-send --run workshop -- vz-keyg' 'vz-send --run workshop -- vz-keygen'
	becomes 'vz-send --run workshop -- tac rep' 'vz-send --run workshop -- tac report.pdf'
	becomes 'vz-send --store on' 'vz-send --store only'
	becomes 'vz-send --store=au' 'vz-send --store=auto'
	becomes 'vz-relay --sandbox req' 'vz-relay --sandbox require'
	becomes 'vz-relay --spool-' 'vz-relay --spool-size=?'
	becomes 'vz-keygen --verify-audit rep' 'vz-keygen --verify-audit report.pdf'
	becomes 'vz-listen --user dae' 'vz-listen --user daemon'
	offers 'vz-send --s' --sign --store --state --sandbox
	offers 'vz-send ' workshop webserver relay @backups
}

# What others wrote into the peers file is only ever shown, and only if it is a name; a peers file that
# is no file is not waited for.
survives() {
	local name

	for name in '$(>ran)' '`>ran`' '@$(>ran)' 'w$(>ran)' 'w[$(>ran)]' 'w;>ran' "w';>ran;'" 'w*' 'w{1,2}' 'vz1w' \
		$'w\e]0;ran\a' $'w\xff' -w "w$(printf '%070d' 0)"; do
		echo "$name $(key_of alice)@host:4433"
	done >"$HOME/.config/vz/peers"
	printf 'wide %s@host:4433' "$(key_of alice)" >>"$HOME/.config/vz/peers"
	becomes 'vz-send w' 'vz-send wide'
	becomes 'vz-send wide,w' 'vz-send wide,wide'
	typed shell 'vz-send '
	pressed shell Tab
	until_true sees '^> vz-send wide ?$' || what_is_there 'vz-send '
	cleared
	typed shell "vz-send -i '\$(>ran)/identity' w"
	pressed shell Tab
	cleared
	rm "$HOME/.config/vz/peers"
	mkfifo "$HOME/.config/vz/peers"
	typed shell 'vz-send w'
	pressed shell Tab
	cleared
	becomes 'vz-send --uno' 'vz-send --unordered'
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'ran*')" ]
}

@test "bash completes options, names, files, words and commands" {
	in_bash
	completes
}

@test "in bash nothing in a peers file is run, nor taken for a name when it is none" {
	in_bash
	survives
}

@test "bash does so with bash-completion, too" {
	[ -e /usr/share/bash-completion/bash_completion ] || skip 'no bash-completion here'
	in_bash '. /usr/share/bash-completion/bash_completion'
	completes
}

@test "zsh completes options with what they do, names, files, words and commands" {
	in_zsh
	completes
	offers 'vz-send --s' '--store .*at the relay'
}

@test "in zsh nothing in a peers file is run, nor taken for a name when it is none" {
	in_zsh
	survives
}

@test "fish completes options with what they do, names, files, words and commands" {
	in_fish
	completes
	offers 'vz-send --s' '--store .*at the relay'
}

@test "in fish nothing in a peers file is run, nor taken for a name when it is none" {
	in_fish
	survives
}
