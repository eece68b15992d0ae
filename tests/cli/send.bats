#!/usr/bin/env bats
# vz-send's command line: what it takes, what it refuses, what it says before anybody is called.
load helpers

setup_file() {
	identities alice bob
}

# The status and the words of a run that ends before it connects: the address leads nowhere.
nowhere() { echo "$(key_of bob)@127.0.0.1:1"; }

# usage REGEX ARG...: two lines, the first of them matches, and 64.
usage() {
	local words=$1

	shift
	exits 64 send "$@" </dev/null
	says send.err "$words"
	[ "$(wc -l <send.err)" -eq 2 ] || fail 'not two lines'
	says send.err "^try 'vz-send --help'$"
}

@test "help fits a screen, goes to stdout and names each option" {
	exits 0 send --help >help
	[ ! -s send.err ]
	[ "$(wc -l <help)" -le 24 ]
	[ "$(awk 'length > 80' help | wc -l)" -eq 0 ]
	for option in --run -n --name --check -i --identity --psk-file --state --passphrase-fd -w \
		--timeout -4 -6 -v -q --log-json -h --help -V --version -r --reply --lines --null --frames \
		--in-flight --unordered --raw --sign --store --expires --relay-psk-file --progress --no-progress; do
		grep -q -- "$option" help || fail "$option is not in --help"
	done
	exits 0 send -h >again
	cmp help again
}

@test "the version is one line on stdout" {
	exits 0 send -V >version
	grep -Eqx 'vz-send [0-9]+\.[0-9]+\.[0-9]+' version
	[ "$(wc -l <version)" -eq 1 ]
}

@test "a wrong use is two lines and 64" {
	usage 'no destination'
	usage 'unknown option --bogus' --bogus
	usage 'unknown option -Z' -Z
	usage '--name needs an argument' --name
	usage '-w needs an argument' -w
	usage '--check takes no argument' --check=now "$(nowhere)"
	usage '-w: not a duration' -w soon "$(nowhere)"
	usage '-w: not a duration' -w 0 "$(nowhere)"
	usage '-w: not a duration' -w -1 "$(nowhere)"
	usage 'not a descriptor' --passphrase-fd x "$(nowhere)"
	usage 'no command' --run "$(nowhere)"
	usage 'no command' --run "$(nowhere)" --
	usage 'an empty destination' "$(nowhere),"
	usage 'an empty destination' ",$(nowhere)"
	usage '--in-flight: not a number from 1 to 16384' --in-flight 0 "$(nowhere)"
	usage '--in-flight: not a number from 1 to 16384' --in-flight 16385 "$(nowhere)"
	usage 'control characters' --name $'a\nb' "$(nowhere)"
	usage 'more than 255' --name "$(printf '%0256d' 0)" "$(nowhere)"
}

@test "options that contradict each other are refused" {
	usage '-n and --run' -n --run "$(nowhere)" -- true
	usage '--check and --run' --check --run "$(nowhere)" -- true
	usage '-n and --check' -n --check "$(nowhere)"
	usage '-n takes no FILE' -n "$(nowhere)" file
	usage '--check takes no FILE' --check "$(nowhere)" file
	usage 'one message only' --name x "$(nowhere)" file1 file2
	usage 'one message only' --lines --name x "$(nowhere)"
	usage 'standard input only' --lines "$(nowhere)" file
	usage 'standard input only' --null -n "$(nowhere)"
	usage 'standard input only' --frames --run "$(nowhere)" -- true
	usage 'standard input only' --lines --check "$(nowhere)"
	usage '-r and --check' -r --check "$(nowhere)"
	usage '-r takes one FILE' -r "$(nowhere)" file1 file2
	usage '-r takes one destination' -r "$(nowhere),$(nowhere)"
	usage '-r takes one destination' -r @group
	usage '--in-flight needs' --in-flight 5 "$(nowhere)"
	usage '--unordered needs' -r --unordered "$(nowhere)"
	usage '--unordered is about replies' --lines --unordered "$(nowhere)"
	usage '--raw is about replies' --raw "$(nowhere)"
	usage '--retry-for: not a duration' --retry-for 13h "$(nowhere)"
}

@test "what stands after -- is no option, and a command's options are its own" {
	exits 66 send -- "$(nowhere)" -n
	says send.err '^vz-send: -n: no such file'
	exits 69 send --run "$(nowhere)" -- ls --no-such-option
	exits 69 send --run "$(nowhere)" ls --no-such-option
}

@test "the last of a repeated option counts" {
	exits 69 send -i /nonexistent -i "$(id_of alice)" "$(nowhere)" </dev/null
	"$KEYGEN" --psk >psk
	chmod 600 psk
	exits 69 send --psk-file /nonexistent --psk-file psk "$(nowhere)" </dev/null
	usage '-w: not a duration' -w 1 -w x "$(nowhere)"
}

@test "inputs that cannot be read are 66, and then nobody is called" {
	mkdir folder
	exits 66 send -v "$(nowhere)" missing folder
	says send.err '^vz-send: missing: no such file or directory$'
	says send.err '^vz-send: folder: is a directory$'
	says send.err '^vz-send: hint: a folder goes as an archive: vz-send --run DEST -- tar c FOLDER$'
	[ "$(wc -l <send.err)" -eq 3 ]
	exits 66 send "$(nowhere)" --name x missing
	says send.err '^vz-send: hint: options come before DEST$'
	exits 66 send "$(nowhere)" <folder
	says send.err '^vz-send: standard input: is a directory$'
	exits 66 send "$(nowhere)" <&-
	says send.err '^vz-send: standard input: bad file descriptor$'
	exits 66 send "$(nowhere)" - 0>out
	says send.err '^vz-send: standard input: bad file descriptor$'
}

@test "a command is not run for a peer that is not there" {
	exits 69 send --run "$(nowhere)" -- touch ran
	[ ! -e ran ]
	exits 69 send --run "$(nowhere)" -- /nonexistent/command
	[ "$(grep -c nonexistent send.err)" -eq 0 ]
}

@test "what went wrong is said once, with a hint, and -q leaves the hint out" {
	exits 69 send "$(nowhere)" </dev/null
	[ "$(cat send.err)" = "vz-send: $(nowhere): connection refused
vz-send: hint: is vz-listen running there?" ]
	exits 69 send -q "$(nowhere)" </dev/null
	[ "$(cat send.err)" = "vz-send: $(nowhere): connection refused" ]
}

@test "a name that is not in peers, and one whose line is bad, are 68" {
	mkdir -m 700 known
	cp "$(id_of alice)" known/identity
	exits 68 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity backup </dev/null 2>send.err
	says send.err 'backup: no such name in peers'
	says send.err '^vz-send: hint: .*; names are in known/peers$'
	: >report.pdf
	exits 68 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity report.pdf backup </dev/null 2>send.err
	says send.err '^vz-send: hint: DEST comes first, and then FILE: report.pdf is a file here$'
	exits 68 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity "$(key_of bob)@backup" </dev/null 2>send.err
	says send.err '^vz-send: hint: what is after @ is HOST:PORT, or the name of a relay in peers$'
	echo 'backup elsewhere' >known/peers
	exits 68,64 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity backup </dev/null 2>send.err
	echo "backup $(nowhere)" >known/peers
	exits 69 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity backup </dev/null 2>send.err
	says send.err '^vz-send: backup: connection refused'
	chmod 666 known/peers
	exits 78 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity backup </dev/null 2>send.err
	says send.err 'writable by others'
}

@test "peers is not read for a full address" {
	mkdir -m 700 known
	cp "$(id_of alice)" known/identity
	: >known/peers
	chmod 666 known/peers
	exits 69 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity "$(nowhere)" </dev/null 2>send.err
}

@test "a relay behind a relay is refused in words" {
	usage 'a relay cannot be behind a relay' "$(key_of bob)@$(key_of alice)@$(key_of alice)@127.0.0.1:1"
}

@test "what the user wrote is escaped when it is said again" {
	exits 66 send "$(nowhere)" $'a\e[31m\nb'
	says send.err '^vz-send: a\\x1b\[31m.*b: '
	[ "$(tr -d '[:print:]\n' <send.err | wc -c)" -eq 0 ]
	exits 64 send $'a\e[31m\nb' </dev/null
	[ "$(tr -d '[:print:]\n' <send.err | wc -c)" -eq 0 ]
}

@test "events are one JSON object a line, errors included" {
	exits 69 send --log-json "$(nowhere)" </dev/null
	while IFS= read -r line; do
		[[ $line =~ ^\{\"time\":\"[0-9TZ:.-]+\",\"program\":\"vz-send\",\"event\":\".*\}$ ]] || fail "$line"
	done <send.err
	says send.err '"event":"error".*connection refused'
	says send.err '"event":"failed".*"status":69'
}

@test "standard input is not read when nobody is there to take it from a file" {
	printf 'one\ntwo\n' >in
	{
		exits 69 send -n "$(nowhere)"
		read -r line
	} <in
	[ "$line" = one ]
}
