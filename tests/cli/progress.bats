#!/usr/bin/env bats
# How far it is: the lines on a terminal, and those that a signal asks for. Nothing here measures
# time: transfers last because their input is held back, or by a rate that the listener keeps.
load helpers
load terminal
load relay

# A hangup alone does not end a listener that goes on for ever.
eval "shared_$(declare -f teardown)"
teardown() {
	local pid

	for pid in ${TMUX_TERMINALS:+$(timeout 10 tmux -S tmux list-panes -a -F '#{?pane_dead,,#{pane_pid}}' 3>&-)}; do
		kill -9 "$pid" 2>/dev/null || true
	done
	shared_teardown
}

setup_file() {
	identities alice bob carol relay
}

terminal_or_skip() {
	command -v tmux >/dev/null || skip 'tmux is not installed'
}

# slow RATE FILE...: what alice sends is held to that; see acl(5)'s words in vz-listen(1).
slowly() {
	printf 'bytes="%s" %s alice\n' "$1" "$(key_of alice)" >keys
	shift
	ALLOW=(-a keys)
	listen -d in "$@"
}

# sender NAME COLUMNS INPUT ARG...: alice's vz-send in a terminal between two lines of its own. It
# begins when the terminal is written down in NAME.raw. WITH is a command to run it by.
sender() {
	local name=$1 columns=$2 input=$3

	shift 3
	mkfifo "go.$name"
	# shellcheck disable=SC2086 # a command and its arguments
	terminal "$name" "$columns" 10 bash -c '
		read -r _ <"$0"; printf "%s\n" 1 2 3 before; "${@:2}" <"$1"; s=$?; echo after; echo "$s" >"$0.status"' \
		"go.$name" "$input" $WITH "$SEND" -i "$(id_of alice)" "$@" 8>&-
	tmux_of pipe-pane "$name" "cat >'$PWD/$name.raw'" 8>&-
	timeout 10 sh -c 'echo >"$0"' "go.$name"
}
WITH=

# hold NAME: a FIFO, whose writing end is descriptor 8.
hold() {
	mkfifo "$1"
	exec 8<>"$1"
}

# over NAME STATUS: it has ended so, and all of it is written down. tmux itself may not notice the end
# of what it writes down.
over() {
	until_true test -s "go.$1.status"
	[ "$(cat "go.$1.status")" = "$2" ] || fail "$(scrolled "$1")"
	until_true grep -aq after "$1.raw"
}

# left NAME: it has ended well, and nothing is on the terminal but what was there before, and what
# came afterwards.
left() {
	over "$1" 0
	until_true drawn "$1" '^(after|Pane is dead)'
	scrolled "$1" | sed '/^Pane is dead/,$d; s/ *$//; /^$/d' >left.txt
	printf '%s\n' 1 2 3 before after | diff - left.txt
}

# drawn NAME PATTERN: the last line of the screen that is not empty is like that, and no longer than
# the terminal is wide.
drawn() {
	screen "$1" 2>/dev/null | grep . | tail -n 1 | grep -Eq -- "$2"
}

# alone NAME: nothing else is on the screen but what was there before.
alone() {
	[ "$(screen "$1" | grep . | grep -cvx '[123]\|before')" -eq 1 ] || fail "$(screen "$1")"
}

# answers PID [SigIgn]: it catches SIGUSR1 by now, or ignores it.
answers() {
	grep -q '^Name:.*vz-send' "/proc/$1/status" && grep -q "^${2:-SigCgt}:.*[2367abef]..\$" "/proc/$1/status"
}

# lacks FILE REGEX
lacks() {
	! grep -aE -- "$2" "$1" || fail "$1 has: $2"
}

@test "on a terminal of 80 columns a line says how far a file is, and it is gone at the end" {
	terminal_or_skip
	mkdir in
	slowly 1M/s
	bytes 4000000 big.tar
	sender t 80 /dev/null "$ADDR" big.tar
	until_true drawn t '^big\.tar  [0-9.]+ [KM]iB of 3\.8 MiB  [0-9]+ %  [0-9.]+ [KM]iB/s  0:0[0-9] left$'
	left t
	cmp big.tar in/*big.tar
}

@test "a line is never wider than the terminal, whatever its name, also when that changes" {
	terminal_or_skip
	local name=$'\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254\350\252\236-\342\200\256-and-a-long-name-besides-of-many-letters.tar'

	mkdir in
	listen -d in
	hold hold
	sender t 80 hold --name "$name" "$ADDR"
	head -c 1048576 /dev/zero >&8
	# What could turn the text round is escaped.
	until_true drawn t $'^\346\227\245.*[.]{3}.*[.]tar  1\.0 MiB'
	resized t 40 10
	until_true drawn t $'^\346\227\245.*[.]{3}.*tar  1\.0 MiB'
	alone t
	resized t 20 10
	until_true drawn t $'^\346\227\245.* 1\.0 MiB$'
	alone t
	resized t 100 10
	until_true drawn t $'^\346\227\245.*\\\\xe2\\\\x80\\\\xae.*1\.0 MiB'
	alone t
	exec 8>&-
	left t
}

@test "what is counted is what the other side has" {
	mkdir in
	listen -d in
	hold hold
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <hold 2>send.err 3>&- 8>&- &
	STARTED+=("$!")
	until_true answers "$!"
	head -c 65536 /dev/zero >&8
	told() {
		kill -USR1 "${STARTED[-1]}"
		until_true eval "[ \"\$(wc -l <send.err)\" -gt $1 ]"
		tail -n 1 send.err
	}
	has() { told "$(wc -l <send.err)" | grep -q "vz-send: $1"; }
	until_true has '64.0 KiB'
	kill -STOP "$LISTENER"
	head -c 204800 /dev/zero >&8
	has '64.0 KiB'
	kill -CONT "$LISTENER"
	until_true has '264.0 KiB'
	exec 8>&-
	ended 0 "${STARTED[-1]}"
}

@test "nothing is shown where nobody looks, or wants to" {
	terminal_or_skip
	mkdir in
	slowly 4M/s --max-conns 16
	bytes 2500000 big
	sender quiet 80 /dev/null -q "$ADDR" big
	sender json 80 /dev/null --log-json "$ADDR" big
	sender never 80 /dev/null --no-progress "$ADDR" big
	# Somebody else is in front: the shell that started it.
	mkfifo go.behind
	terminal behind 80 10 bash -c '
		set -m; read -r _ <go.behind; "$@" & wait $!; s=$?; echo after; echo "$s" >go.behind.status' _ \
		"$SEND" -i "$(id_of alice)" "$ADDR" big
	tmux_of pipe-pane behind "cat >'$PWD/behind.raw'"
	timeout 10 sh -c 'echo >go.behind'
	exits 0 send "$ADDR" big
	[ ! -s send.err ]
	for name in quiet json never behind; do
		over "$name" 0
		lacks "$name.raw" 'MiB|%'
	done
}

@test "where replies or what is typed are on the terminal nothing is drawn" {
	terminal_or_skip
	mkfifo fifo
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" 127.0.0.1:0 -- \
		sh -c 'cat >/dev/null; echo first; exec cat fifo'
	ADDR=$READY
	echo question >data
	terminal asks 80 10 sh -c '"$@" </dev/null' _ "$SEND" -r -i "$(id_of alice)" "$ADDR" data
	terminal typed 80 10 "$SEND" -i "$(id_of alice)" "$ADDR"
	# When one that may draw has drawn, the others had the time for it.
	terminal beside 80 10 sh -c '"$@" </dev/null >answer' _ "$SEND" -r -i "$(id_of alice)" "$ADDR" data
	until_true drawn beside 'reply 6 B$'
	[ "$(screen asks | grep .)" = first ]
	screen typed >typed.txt
	lacks typed.txt .
	# Those who still wait there for somebody to answer.
	exec 8<>fifo 8>&-
}

@test "--progress tells it in plain lines where there is no terminal" {
	mkdir in
	slowly 2M/s --progress
	bytes 5000000 big
	exits 0 send -q --progress "$ADDR" big
	says send.err '^vz-send: big, .* of 4\.8 MiB, [0-9]+ %'
	lacks send.err "$(printf '[\033\r]')"
	says listen.err '^vz-listen: 1 session, 0 waited for, 1 message under way with [0-9.]+ [KM]iB, [01] delivered$'
	exits 0 send --log-json --progress "$ADDR" big
	jq -es 'any(.[]; .event == "progress" and .state == "sending" and .of == 5000000 and .bytes > 0)' send.err
}

@test "a dumb terminal gets no sequences, and NO_COLOR means no colours" {
	terminal_or_skip
	mkdir in
	slowly 1M/s
	bytes 3000000 big
	WITH='env TERM=dumb' sender dumb 60 /dev/null "$ADDR" big
	left dumb
	grep -aq ' % ' dumb.raw
	lacks dumb.raw "$(printf '\033')"
	WITH='env NO_COLOR=1' sender plain 80 /dev/null "$ADDR" big
	WITH='env -u NO_COLOR' sender colour 80 /dev/null "$ADDR" big
	until_true grep -aEq "$(printf '\033')\\[1m[0-9]+ %" colour.raw
	until_true grep -aq ' % ' plain.raw
	lacks plain.raw "$(printf '\033')\\[[0-9;]*m"
}

@test "a break is seen, and how often it went on; a line that is said takes the other away" {
	terminal_or_skip
	mkdir in
	AT=("$PWD/sock")
	BREAKS_END_LISTEN=()
	listen -d in
	mangled --at "$PWD/proxy"
	hold hold
	sender t 80 hold -v "$THROUGH"
	head -c 1048576 /dev/zero >&8
	until_true drawn t '^1\.0 MiB'
	kill -9 "$MANGLE"
	until_true drawn t 'reconnecting$'
	rm -f proxy
	mangled --at "$PWD/proxy" 8>&-
	until_true drawn t 'resumed 1 time$'
	head -c 1048576 /dev/zero >&8
	until_true drawn t '^2\.0 MiB.*resumed 1 time$'
	exec 8>&-
	over t 0
	until_true drawn t '^(after|Pane is dead)'
	# Each line begins and ends as it was said.
	scrolled t | sed '/^Pane is dead/,$d' >all
	! grep -v '^vz-send: ' all | grep -vx '[123]\|before\|after\|' || fail 'a line is mixed with another'
	grep -q '^vz-send: .*resumed' all
	[ "$(stat -c %s in/*)" -eq 2097152 ]
}

@test "stopped from the keyboard it leaves the terminal as it was, and goes on where it was" {
	terminal_or_skip
	mkdir in
	listen -d in
	hold hold
	terminal t 80 12 env PS1='shell: ' bash --norc --noprofile -i 8>&-
	shows t '^shell:'
	typed t "$SEND -i $(id_of alice) $ADDR <hold; echo over"
	pressed t Enter
	head -c 1048576 /dev/zero >&8
	until_true drawn t '^1\.0 MiB'
	pressed t C-z
	shows t 'Stopped'
	until_true drawn t '^shell:'
	scrolled t >all.txt
	lacks all.txt 'MiB'
	typed t fg
	pressed t Enter
	until_true drawn t '^1\.0 MiB'
	exec 8>&-
	until_true placed 1 in
	until_true drawn t '^shell:'
	scrolled t >all.txt
	lacks all.txt 'MiB'
}

@test "many messages are counted, and several destinations" {
	terminal_or_skip
	mkdir in
	listen -d in
	first=$ADDR
	started other "$LISTEN" -i "$(id_of relay)" --ready-fd 9 --allow "$(key_of alice)" -k --lines 127.0.0.1:0
	hold hold
	sender many 80 hold --lines "$READY"
	printf 'a\nb\nc\n' >&8
	until_true drawn many '^3 delivered  6 B'
	exec 8>&-
	left many
	hold more
	sender both 80 more "$first,$READY"
	head -c 10000 /dev/zero >&8
	until_true drawn both '^9\.8 KiB.*0 of 2 there$'
	exec 8>&-
	over both 0
}

@test "a question shows that it waits, and what has come of the reply" {
	terminal_or_skip
	mkfifo fifo
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" 127.0.0.1:0 -- \
		sh -c 'cat >/dev/null; exec cat fifo'
	ADDR=$READY
	echo question >data
	terminal t 80 10 sh -c '"$@" >reply; echo $? >status' _ "$SEND" -r -i "$(id_of alice)" "$ADDR" data
	until_true drawn t '^data  9 B  waiting for the reply$'
	exec 8<>fifo
	head -c 10240 /dev/zero >&8
	until_true drawn t 'reply 10\.0 KiB$'
	exec 8>&-
	until_true test -s status
	[ "$(cat status)" = 0 ]
	[ "$(stat -c %s reply)" -eq 10240 ]
}

@test "vz-listen shows a line for each message, and how many have no room" {
	terminal_or_skip
	mkdir in
	printf '%s alice\n' "$(key_of alice)" >keys
	terminal l 80 5 sh -c 'exec "$@" 9>addr' _ "$LISTEN" -i "$(id_of bob)" -a keys --ready-fd 9 \
		-d in 127.0.0.1:0
	until_true test -s addr
	ADDR=$(cat addr)
	for i in 1 2 3 4 5; do
		mkfifo "hold$i"
		"$SEND" -i "$(id_of alice)" --name "n$i"$'\342\200\256' "$ADDR" <"hold$i" 2>"send$i.err" 3>&- &
		STARTED+=("$!")
		eval "exec 2$i<>hold$i"
		head -c 2048 /dev/zero >&"2$i"
	done
	until_true drawn l '^and 2 more$'
	[ "$(screen l | grep -Ec '^alice  n[1-5]\\xe2\\x80\\xae  2\.0 KiB')" -eq 3 ]
	resized l 80 12
	until_true eval "[ \"\$(screen l | grep -c '^alice')\" -eq 5 ]"
	for i in 1 2 3 4 5; do
		eval "exec 2$i>&-"
	done
	for pid in "${STARTED[@]}"; do
		ended 0 "$pid"
	done
	# The paths are printed there too.
	until_true eval "[ \"\$(scrolled l | grep -Ec '^in/[0-9a-f]+\\.0-n[1-5]___\$')\" -eq 5 ]"
	scrolled l >l.txt
	lacks l.txt '^alice'
}

@test "while somebody is asked about, the last line is for the answer" {
	terminal_or_skip
	mkdir -m 700 b in
	cp "$(id_of bob)" b/identity
	printf '%s alice\n' "$(key_of alice)" >b/authorized
	terminal l 100 40 sh -c 'exec "$@" 9>addr' _ "$LISTEN" --ask -i b/identity --ready-fd 9 -d in 127.0.0.1:0
	until_true test -s addr
	ADDR=$(cat addr)
	hold hold
	"$SEND" -i "$(id_of alice)" --name first "$ADDR" <hold 2>send.err 3>&- 8>&- &
	STARTED+=("$!")
	head -c 2048 /dev/zero >&8
	until_true drawn l '^alice  first  2\.0 KiB'
	"$SEND" -i "$(id_of carol)" -n "$ADDR" 2>carol.err 3>&- 8>&- &
	STARTED+=("$!")
	until_true drawn l '^Allow it'
	# That other messages go on meanwhile takes nothing away.
	head -c 2048 /dev/zero >&8
	kill -USR1 "$(tmux_of display-message l -p '#{pane_pid}')"
	shows l 'vz-listen: [12] sessions?, .* 1 message under way'
	# Somebody else has drawn since, so there was time for it.
	mkfifo more
	sender beside 80 more "$ADDR"
	exec 7<>./more
	until_true drawn beside '^0 B'
	scrolled l >all.txt
	lacks all.txt '^alice'
	grep -q '^Allow it' all.txt
	exec 7>&-
	typed l no
	pressed l Enter
	until_true drawn l '^alice  first  4\.0 KiB'
	ended 77 "${STARTED[-1]}"
	exec 8>&-
	ended 0 "${STARTED[0]}"
}

@test "SIGUSR1 is answered by a line or an event at any time, and breaks nothing" {
	relay --log-json
	mkdir in
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -q -d in "$(key_of relay)@${RELAY#*@}"
	LISTENER=$PID
	ADDR=$READY
	hold hold
	bytes 3000000 big
	"$SEND" -i "$(id_of alice)" -q "$ADDR" <hold 2>send.err 3>&- 8>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true answers "$SENDING"
	for i in $(seq 30); do
		tail -c "+$(((i - 1) * 100000 + 1))" big | head -c 100000 >&8
		kill -USR1 "$SENDING" "$LISTENER" "$RELAYING"
	done
	until_true grep -Eq '^vz-send: .*2\.[0-9] MiB' send.err || kill -USR1 "$SENDING"
	exec 8>&-
	ended 0 "$SENDING"
	cmp big in/*
	kill -USR1 "$LISTENER" "$RELAYING"
	until_true grep -Eq '^vz-listen: [01] sessions?, 0 waited for, 0 messages under way with 0 B, 1 delivered$' listen.err
	until_true grep -q '"relayed_bytes":[1-9]' relay.err
	jq -es 'any(.[]; .event == "progress" and .listeners == 1)' relay.err
}

@test "a process that asks before there is an answer does no harm" {
	# The passphrase is waited for: neither the program nor who looks names up may die of it.
	mkdir -m 700 p
	mkfifo fd
	echo secret | timeout 30 "$KEYGEN" -q -f p/identity --passphrase --passphrase-fd 0 >/dev/null
	"$SEND" -i p/identity --passphrase-fd 7 -n "$(key_of bob)@127.0.0.1:1" 7<>fd 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true answers "$SENDING" SigIgn
	kill -USR1 "$SENDING"
	echo secret >fd
	ended 69 "$SENDING"
}
