#!/usr/bin/env bats
# vz-listen by itself: its command line, how it starts, what it says, how it ends.
load helpers

setup_file() {
	identities alice bob carol
}

# usage WORDS ARG...: refused in two lines with 64.
usage() {
	local words=$1

	shift
	exits 64 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" "$@" 2>listen.err >out 3>&-
	[ "$(wc -l <listen.err)" -eq 2 ] || fail "not two lines: $*"
	says listen.err "$words" || return
	says listen.err "^try 'vz-listen --help'$" || return
	[ ! -s out ]
}

# held_send: alice sends what descriptor 8 is given, in the background: HELD. Close 8 in the end.
held_send() {
	mkfifo hold
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
}

# starts_not STATUS WORDS ARG...: ends so before it listens.
starts_not() {
	local status=$1 words=$2

	shift 2
	exits "$status" timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" "$@" \
		2>listen.err 3>&- >out || return
	says listen.err "$words" || return
	run ! grep -q 'listening on' listen.err
}

@test "help fits a screen, goes to stdout and names each option" {
	timeout "$PATIENCE" "$LISTEN" --help >help 2>listen.err
	[ ! -s listen.err ]
	[ "$(wc -l <help)" -le 24 ]
	[ "$(awk 'length > 80' help | wc -l)" -eq 0 ]
	for option in -k --keep -1 --once -o -d --dir -a --authorized --allow --allow-any --max-size \
		--lines --null --frames --json --echo --coproc --max-handlers --handler-timeout --audit \
		--max-conns --raw --relay-psk-file --progress --no-progress --ready-fd --socket-mode --drain --reuse-port -i --identity --psk-file --state \
		--passphrase-fd -w --timeout -4 -6 -v -q --log-json -h --help -V --version; do
		grep -Eq -- "(^|[ ,])$option" help || fail "$option is not in --help"
	done
}

@test "a wrong use is two lines and 64" {
	usage 'no address' --allow-any
	usage 'unknown option --bogus' --bogus 0
	usage '-o needs an argument' -o
	usage '--keep takes no argument' --keep=yes 0
	usage "not a key.*'vz1nonsense'" --allow vz1nonsense 0
	usage "not a size.*'many'" --max-size many 0
	usage "not a number.*'0'" --max-conns 0 0
	usage "not a number.*'x'" --max-conns x 0
	usage "not a number.*'1'" --ready-fd 1 0
	usage "not an open descriptor" --ready-fd 77 0
	usage "not an octal mode.*'888'" --socket-mode 888 0
	usage "not an octal mode.*'10000'" --socket-mode 10000 0
	usage "not an octal mode.*'-1'" --socket-mode -1 0
	usage '-o: the name is empty' -o '' 0
	usage '--dir: the name is empty' -d '' 0
	usage "not an address.*'non.sense:'" --allow-any non.sense:
	usage "not an address.*'1:2:3'" --allow-any 1:2:3
	usage "not an address" --allow-any 65536
	usage 'at most two' --psk-file a --psk-file b --psk-file c 0
}

@test "what the user wrote is escaped when it is said again" {
	usage "not an address.*'.x1b\[31m'" --allow-any $'\e[31m'
	usage "not a size.*'.x1b\[31m'" --max-size $'\e[31m' 0
}

@test "options that contradict each other are refused" {
	usage 'exclude each other' -o got -d . 0
	usage 'use --dir' -o got -k 0
	usage 'use --dir' -k -o got 0
	usage 'exclude each other' --lines -o got 0
	usage 'exclude each other' --echo --json 0
	usage 'exclude each other' --dir . 0 -- cat
	usage 'exclude each other' --frames 0 -- cat
	usage 'needs a COMMAND' --coproc 0
	usage 'COMMAND is missing' 0 --
	usage 'COMMAND is empty' 0 -- ''
	usage 'held in memory' --lines --max-size none 0
	usage 'held in memory' --max-size 2G --json 0
	usage "not a number.*'0'" --max-handlers 0 0 -- cat
	usage "not a duration.*'soon'" --handler-timeout soon 0 -- cat
	usage "not a duration.*'soon'" --resume-window soon 0
}

@test "another host's address is no place to listen, and a relay's needs its key" {
	starts_not 71 'cannot listen on 192.0.2.1:4433' 192.0.2.1:4433
	says listen.err 'hint: no address of this host; a relay.s has its key before it: vz1KEY@HOST:PORT'
}

@test "an address that is a name has to be in peers, and a relay cannot be behind a relay" {
	starts_not 68 "nonsense: no such name in peers" nonsense
	usage 'behind a relay' --allow-any "$(key_of alice)@$(key_of carol)@127.0.0.1:1"
	usage 'mistyped' --allow-any "$(key_of alice | tr 2-6 3-7)@127.0.0.1:1"
}

@test "nobody authorised is 78, with the two ways out of it" {
	exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" 0 2>listen.err 3>&-
	says listen.err 'nobody is authorised'
	says listen.err 'hint: use --allow KEY, or .*bob/authorized'
	echo "# nobody yet" >keys
	exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" -a keys 0 2>listen.err 3>&-
	says listen.err 'nobody is authorised'
	exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" -a missing 0 2>listen.err 3>&-
	says listen.err 'missing: no such file'
}

@test "the file beside the identity is read unless the options name others" {
	ALLOW=(-v)
	echo "$(key_of alice) alice" >"$BATS_FILE_TMPDIR/bob/authorized"
	listen -o got
	exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	says listen.err '\(alice\)'
	ALLOW=(--allow "$(key_of carol)")
	listen -o got
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	rm "$BATS_FILE_TMPDIR/bob/authorized"
}

@test "--allow-any warns, and lets anybody in" {
	ALLOW=(--allow-any)
	listen -o got
	SENDER=carol exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	says listen.err 'warning: --allow-any'
}

@test "it says where it listens, and that a bare port is for this host only" {
	AT=(0 "$PWD/sock")
	listen -o got
	says listen.err "^vz-listen: listening on $(key_of bob)@127\.0\.0\.1:[0-9]+ \(this host only; \*:[0-9]+ for all\)$"
	says listen.err "^vz-listen: listening on $(key_of bob)@$PWD/sock$"
	[ "$READY" = "$(grep -Eo 'vz1[^ ]*' listen.err | head -1)" ]
	exits 0 send "$(key_of bob)@$PWD/sock" <<<x
	ended 0 "$LISTENER"
	[ ! -e sock ]
}

@test "-q says nothing while all is well" {
	listen -q -o got
	exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	[ ! -s listen.err ]
}

@test "what cannot become the output is found at the start: 73" {
	mkfifo fifo
	ln -s elsewhere link
	starts_not 73 'not a regular file' -o /dev/null 0
	says listen.err 'hint: -o takes the name of a file, -d that of a folder; '
	starts_not 73 'not a regular file' -o fifo 0
	starts_not 73 'not a regular file' -o link 0
	starts_not 73 'not a regular file' -o . 0
	starts_not 73 'no such file' -o missing/got 0
	starts_not 73 'no such file' -d missing 0
	starts_not 73 'not a folder' -d "$(id_of bob)" 0
}

@test "a closed standard output is 74 at the start, unless -o needs none" {
	exits 74 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any 0 2>listen.err >&- 3>&-
	says listen.err 'standard output is closed'
	exits 74 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -d . 0 2>listen.err >&- 3>&-
	closed() { exec "$LISTEN" "$@" >&-; }
	started listen closed -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -o got 127.0.0.1:0
	exits 0 send "$READY" <<<x
	ended 0 "$PID"
	[ "$(cat got)" = x ]
}

@test "an address in use is 71, an unknown host 68" {
	listen -k
	starts_not 71 'address already in use' "127.0.0.1:${ADDR##*:}"
	starts_not 68 'no such host' nowhere.invalid:0
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "a Unix socket gets the mode asked for, 600 without" {
	AT=("$PWD/sock")
	listen -k
	[ "$(stat -c %a sock)" = 600 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	listen -k --socket-mode 660
	[ "$(stat -c %a sock)" = 660 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ ! -e sock ]
}

@test "a new file's mode is the umask's, a replaced one keeps its own" {
	umask 027
	listen -o got
	exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	[ "$(stat -c %a got)" = 640 ]
	chmod 600 got
	umask 022
	listen -o got
	exits 0 send "$ADDR" <<<y
	ended 0 "$LISTENER"
	[ "$(stat -c %a got)" = 600 ]
	[ "$(cat got)" = y ]
}

@test "--dir goes on, and with -1 ends with its first session" {
	mkdir in
	echo a >a
	echo b >b
	listen -d in
	exits 0 send "$ADDR" a
	exits 0 send "$ADDR" b
	kill "$LISTENER"
	ended 0 "$LISTENER"
	holds 2 in
	listen -1 -d in
	exits 0 send "$ADDR" a b
	ended 0 "$LISTENER"
	holds 4 in
}

@test "a message over --max-size is refused before or when it is, and the exact size is taken" {
	bytes 2000 big
	bytes 1024 fits
	mkdir in
	listen -d in --max-size 1K
	exits 77 send "$ADDR" big
	says send.err 'longer than'
	exits 77 send "$ADDR" < <(cat big)
	exits 0 send "$ADDR" < <(cat fits)
	exits 0 send "$ADDR" fits
	holds 2 in
	kill "$LISTENER"
	ended 0 "$LISTENER"
	listen -o got --max-size 1K
	exits 77 send "$ADDR" < <(cat big)
	ended 65 "$LISTENER"
	[ ! -e got ]
}

@test "over --max-conns a sender is told to try again later" {
	listen -k --max-conns 1
	held_send
	echo first >&8
	until_true grep -q first listen.out
	exits 75 send "$ADDR" <<<x 8>&-
	says send.err 'as many sessions'
	exec 8>&-
	kill "$LISTENER"
}

@test "a kept standard output that breaks off in a message ends with 65" {
	listen -k
	exits 0 send "$ADDR" <<<whole
	held_send
	echo half >&8
	until_true grep -q half listen.out
	kill -9 "$HELD"
	ended 65 "$LISTENER"
	exec 8>&-
	says listen.err 'ends in the middle of a message'
}

@test "a kept standard output is not ended by a message that broke off before its first byte" {
	listen -k -v
	held_send
	until_true grep -q 'message .* from' listen.err
	kill -9 "$HELD"
	until_true grep -q 'failed after 0 bytes' listen.err
	exec 8>&-
	exits 0 send "$ADDR" <<<next
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(cat listen.out)" = next ]
}

@test "told to end, one that keeps and has nothing to do exits 0, another dies by the signal" {
	listen -k
	kill -TERM "$LISTENER"
	ended 0 "$LISTENER"
	listen
	kill -TERM "$LISTENER"
	ended 143 "$LISTENER"
}

@test "on SIGHUP the rights are read again, and a file that cannot be read changes nothing" {
	ALLOW=(-a keys)
	key_of alice >keys
	mkdir in
	listen -d in -v
	exits 0 send "$ADDR" <<<x
	key_of carol >keys
	kill -HUP "$LISTENER"
	until_true grep -q 'rights read again' listen.err
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	chmod 666 keys
	kill -HUP "$LISTENER"
	until_true grep -q 'rights as they were' listen.err
	SENDER=carol exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	holds 3 in
}

@test "a session whose right is taken away ends" {
	ALLOW=(-a keys)
	printf '%s\n' "$(key_of alice)" "$(key_of carol)" >keys
	mkdir in
	listen -d in -v
	held_send
	until_true grep -q 'message .* from' listen.err
	key_of carol >keys
	kill -HUP "$LISTENER"
	ended 77 "$HELD"
	exec 8>&-
	says held.err 'no longer authorised'
	until_true empty in
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "the identity is read again when it changes" {
	mkdir -m 700 dave
	"$KEYGEN" -f dave/identity >dave/key 2>keygen.err
	mkdir in
	started listen "$LISTEN" -v -i dave/identity --allow "$(key_of alice)" --ready-fd 9 -d in 127.0.0.1:0
	exits 0 send "$READY" <<<x
	"$KEYGEN" --force -f dave/identity >dave/key 2>keygen.err
	exits 0 send "$(cat dave/key)@${READY#*@}" <<<y
	holds 2 in
	kill "$PID"
	ended 0 "$PID"
}

# on_terminal OPTION...: alice sends `message` to bob, whose standard output is a terminal. What it
# shows is in `seen`.
on_terminal() {
	: >ready
	script -qefc "exec '$LISTEN' -q -i '$(id_of bob)' --allow '$(key_of alice)' $* --ready-fd 9 \
		127.0.0.1:0 9>ready 2>listen.err" /dev/null </dev/null >shown 3>&- &
	PID=$!
	STARTED+=("$PID")
	until_true [ -s ready ]
	exits 0 send "$(cat ready)" <message
	ended 0 "$PID"
	tr -d '\r' <shown >seen
}

@test "a terminal gets text escaped, and with --raw as it is" {
	command -v script >/dev/null || skip 'no script(1) here'
	printf 'a\tb\n\033[31m\377 gr\303\274n\n' >message
	printf 'a\tb\n\\x1b[31m\\xff gr\303\274n\n' >want
	on_terminal
	cmp want seen
	on_terminal --raw
	cmp message seen
}

@test "events are one JSON object a line, errors included" {
	command -v jq >/dev/null || skip 'no jq here'
	listen --log-json
	SENDER=carol exits 77 send "$ADDR" <<<x
	exits 69 send "$ADDR" "$(id_of alice)" "$(id_of alice)"
	ended 69 "$LISTENER"
	[ "$(jq -e .event listen.err | wc -l)" -eq "$(wc -l <listen.err)" ]
	for event in listening accepted refused authenticated begun delivered not-taken ended; do
		[ "$(jq -r "select(.event == \"$event\") | .program" listen.err | head -1)" = vz-listen ] ||
			fail "no event $event"
	done
	[ "$(jq -r 'select(.event == "delivered") | .key' listen.err)" = "$(key_of alice)" ]
	[ "$(jq -r 'select(.event == "refused") | .status' listen.err)" = 77 ]
	exits 64 timeout "$PATIENCE" "$LISTEN" --log-json 2>listen.err 3>&-
	jq -e . listen.err >/dev/null
}

@test "an option after an address is told to come first, in two lines" {
	run -64 --separate-stderr "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" 127.0.0.1:0 --keep
	[ "${stderr_lines[0]}" = "vz-listen: options come before addresses: '--keep'" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}
