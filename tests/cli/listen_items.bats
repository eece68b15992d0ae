#!/usr/bin/env bats
# vz-listen --lines, --null, --frames, --json and --echo: whole messages, many at a time.
load helpers

setup_file() {
	identities alice bob
}

# frame FILE...: each as vz-listen --frames writes it.
frame() {
	local file

	for file; do
		printf "%08x" "$(stat -c %s "$file")" | xxd -r -p
		cat "$file"
	done
}

# bounded KIB: the listener never had more memory than that. A sanitizer's own is not counted.
bounded() {
	grep -qa __asan_init "$LISTEN" ||
		[ "$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$LISTENER/status")" -lt "$1" ]
}

@test "a million lines in are a million lines out, in order" {
	listen --lines
	seq 1000000 >in
	exits 0 send --lines "$ADDR" <in
	ended 0 "$LISTENER"
	cmp in listen.out
}

@test "fifty senders at once: no line is torn, none is lost" {
	local i pids=()

	listen --lines -k --max-conns 64
	for i in $(seq 50); do
		seq -f "$i %.0f $(printf '%050d' "$i")" 2000 >"in.$i"
		"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <"in.$i" 2>"send$i.err" 3>&- &
		pids+=($!)
		# One key has 16 sessions at most.
		[ $((i % 12)) -ne 0 ] || { wait "${pids[@]}" && pids=(); }
	done
	wait "${pids[@]}"
	kill "$LISTENER"
	ended 0 "$LISTENER"
	sort listen.out >got
	sort in.* | cmp - got
	# Each one's are in order.
	grep '^7 ' listen.out | cmp in.7 -
}

@test "--null and --frames carry what --lines cannot, --json says all of each" {
	printf 'one\ntwo' >a
	head -c 100000 /dev/urandom >b
	: >c
	listen --null
	exits 0 send "$ADDR" a c
	ended 0 "$LISTENER"
	printf 'one\ntwo\0\0' | cmp - listen.out
	listen --frames
	exits 0 send "$ADDR" a b c
	ended 0 "$LISTENER"
	frame a b c | cmp - listen.out
	listen --json
	exits 0 send "$ADDR" a b c
	ended 0 "$LISTENER"
	[ "$(wc -l <listen.out)" -eq 3 ]
	[ "$(jq -r .peer listen.out | sort -u)" = "$(key_of alice)" ]
	[ "$(jq -r .name listen.out | tr '\n' ' ')" = 'a b c ' ]
	[ "$(jq -r .size listen.out | tr '\n' ' ')" = '7 100000 0 ' ]
	[ "$(jq -r .base64 listen.out | tr '\n' ' ')" = 'false true false ' ]
	[[ $(jq -r .id listen.out | sed -n 2p) =~ ^[0-9a-f]{32}\.1$ ]]
	jq -rj 'select(.name == "a").body' listen.out | cmp a -
	jq -r 'select(.name == "b").body' listen.out | base64 -d | cmp b -
}

@test "--json tells the name that the authorised file has for a sender, and never another one" {
	printf '%s  na"me \\ of her\n' "$(key_of alice)" >authorized
	ALLOW=(-a authorized)
	listen --json
	exits 0 send --name 'bob","peer_name":"root' "$ADDR" <<<x
	ended 0 "$LISTENER"
	[ "$(jq -r .peer_name listen.out)" = 'na"me \ of her' ]
	ALLOW=(--allow "$(key_of alice)")
	listen --json
	exits 0 send --lines "$ADDR" <<<x
	ended 0 "$LISTENER"
	[ "$(jq -r .peer_name listen.out)" = null ]
}

@test "a message that would come out as two is refused, the others are delivered" {
	printf 'one\ntwo' >two
	printf 'x%.0s' $(seq 40000) >long
	{ cat long && echo && cat long; } >longtwo
	printf 'a\0b' >nul
	echo -n fine >fine
	listen --lines -k
	exits 77 send "$ADDR" two
	says send.err 'contains a newline'
	says listen.err "'two'.* failed .*: the message contains a newline"
	exits 77 send "$ADDR" longtwo
	says send.err 'contains a newline'
	exits 0 send "$ADDR" nul fine
	kill "$LISTENER"
	ended 0 "$LISTENER"
	printf 'a\0b\nfine\n' | cmp - listen.out
	listen --null -k
	exits 77 send "$ADDR" nul
	says send.err 'contains a NUL'
	exits 0 send "$ADDR" two
	kill "$LISTENER"
	ended 0 "$LISTENER"
	printf 'one\ntwo\0' | cmp - listen.out
}

@test "over --max-size is refused: by its length at once, else at the first byte over" {
	bytes 1048577 in
	tr '\n' x <in >big
	head -c 1048576 big >fits
	listen --lines -k
	exits 77 send "$ADDR" big
	says send.err 'longer than what is taken'
	says listen.err 'not taken: longer'
	exits 77 send "$ADDR" < <(cat big)
	says listen.err 'failed after 1048576 bytes: longer|failed after [0-9]+ bytes: longer'
	exits 0 send "$ADDR" fits
	exits 0 send "$ADDR" < <(cat fits)
	kill "$LISTENER"
	ended 0 "$LISTENER"
	{ cat fits && echo && cat fits && echo; } | cmp - listen.out
	listen --lines --max-size 10
	exits 77 send --lines "$ADDR" < <(printf '0123456789\n01234567890\nx\n')
	printf '0123456789\nx\n' | cmp - listen.out
}

@test "done means written: a reader that is away holds the senders back, in bounded memory" {
	mkfifo pipe
	exec 7<>pipe
	STDOUT=pipe listen --lines -k
	# A little more than the pipe takes.
	seq -f '%0100.0f' 13000 >few
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <few 2>few.err 3>&- 7>&- &
	FEW=$!
	STARTED+=("$FEW")
	sleep 0.5
	alive "$FEW"
	timeout "$PATIENCE" head -n 13000 <&7 | cmp few -
	ended 0 "$FEW"
	seq -f "%010000.0f" 8000 >in
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <in 2>send.err 3>&- 7>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	sleep 0.5
	# Another sender is not refused, and waits as well.
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <<<other 2>other.err 3>&- 7>&- &
	OTHER=$!
	STARTED+=("$OTHER")
	sleep 0.5
	alive "$SENDING"
	alive "$OTHER"
	bounded 65536
	timeout "$PATIENCE" head -n 8001 <&7 >got
	ended 0 "$SENDING"
	ended 0 "$OTHER"
	exec 7>&-
	grep -v other got | cmp in -
}

@test "a reader that goes away: the senders hear it, 74 here" {
	mkfifo pipe
	head -n 1 <pipe >/dev/null 3>&- &
	STARTED+=($!)
	STDOUT=pipe listen --lines -k
	exits 75 send --lines "$ADDR" < <(seq 1000000)
	ended 74 "$LISTENER"
}

@test "a cut in the middle leaves whole lines only" {
	local at

	seq -f '%0200.0f' 20000 >in
	for at in 1000 5000 70000 400000 2000000; do
		listen --lines -k
		mangled --cut "$at"
		exits 65,75,76 send --lines "$THROUGH" <in
		kill "$LISTENER"
		ended 0,143 "$LISTENER"
		head -n "$(wc -l <listen.out)" in | cmp - listen.out
		kill "$MANGLE"
	done
}

@test "events are written for each message, however small" {
	listen --lines --log-json
	exits 0 send --lines "$ADDR" < <(seq 100)
	ended 0 "$LISTENER"
	[ "$(grep -c '"event":"delivered"' listen.err)" -eq 100 ]
	[ "$(jq -r 'select(.event == "delivered").bytes' listen.err | paste -sd+ | bc)" -eq 192 ]
}

@test "--echo answers each question with itself, and drops what is none" {
	seq 300000 >in
	listen --echo -k
	exits 0 send -r --lines "$ADDR" <in >out
	cmp in out
	# More in flight than the listener's output holds: it waits, and goes on.
	seq -f '%0100.0f' 300000 >deep
	exits 0 send -r --lines --in-flight 16000 "$ADDR" <deep >out
	cmp deep out
	bytes 30000000 big
	exits 0 send -r "$ADDR" big >out
	cmp big out
	exits 0 send -r "$ADDR" < <(cat big) >out
	cmp big out
	exits 0 send -r -n "$ADDR" >out
	[ ! -s out ]
	exits 0 send --lines "$ADDR" <in
	exits 0 send "$ADDR" big
	bounded 65536
	[ ! -s listen.out ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "who does not take replies is held by its own windows, and others are served" {
	mkfifo pipe
	exec 7<>pipe
	listen --echo -k
	head -c 60000000 /dev/zero | tr '\0' x | fold -w 600 >in
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r --lines "$ADDR" <in >pipe 2>send.err 3>&- 7>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	sleep 1
	alive "$SENDING"
	[ "$(echo hello | send -r "$ADDR")" = hello ]
	bounded 65536
	timeout "$PATIENCE" head -c "$(stat -c %s in)" <&7 | cmp in -
	ended 0 "$SENDING"
	exec 7>&-
}

@test "without rights to ask or to send: 77" {
	echo "send $(key_of alice)" >keys
	ALLOW=(-a keys)
	listen --echo -k
	exits 77 send -r "$ADDR" <<<x
	says send.err 'may not ask'
	exits 0 send "$ADDR" <<<x
	echo "ask $(key_of alice)" >keys
	listen --echo -k
	exits 77 send "$ADDR" <<<x
	says send.err 'may not send'
	exits 0 send -r "$ADDR" <<<x >out
}

# flood N ARG...: N hostile senders (tests/fault/flooder.c), until each has all that it can get.
flood() {
	local i n=$1

	shift
	for i in $(seq "$n"); do
		"$FAULT/flooder" "$ADDR" "$@" >"flood$i" 2>&1 3>&- &
		STARTED+=($!)
	done
	for i in $(seq "$n"); do
		until_true grep -q '^sent' "flood$i"
	done
}

@test "who sends halves of messages and waits keeps nobody out for long" {
	ALLOW=(--allow-any)
	listen --lines -k
	flood 10 sends 1000 1000000
	bounded 131072
	# Small ones that come whole need no such memory.
	exits 0 send --lines "$ADDR" <<<small
	SECONDS=0
	exits 0 send "$ADDR" < <(echo -n streamed)
	[ "$SECONDS" -lt 20 ]
	says listen.err 'stood still while others waited'
	printf 'small\nstreamed\n' | cmp - listen.out
}

@test "100,000 questions without taking replies: bounded memory, others unaffected" {
	ALLOW=(--allow-any)
	listen --echo -k
	flood 8 deaf 100000 10000
	flood 4 asks 16000 300000
	flood 4 asks 16000 1
	bounded 131072
	SECONDS=0
	exits 0 send -r "$ADDR" <<<hello >out
	[ "$SECONDS" -lt 5 ]
	[ "$(cat out)" = hello ]
}
