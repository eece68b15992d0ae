#!/usr/bin/env bats
# Many messages from one read of standard input, to one listener and to several.
load helpers

setup_file() {
	identities alice
}

# answerer NAME ARG...: starts one (tests/fault/answerer.c). Sets AT_NAME to its address.
answerer() {
	local name=$1

	shift
	started "$name" "$FAULT/answerer" --ready-fd 9 "$@" || return
	eval "AT_$name=\$READY PID_$name=\$PID"
}

x_times() { head -c "$1" /dev/zero | tr '\0' x; }

@test "each line arrives as a message, in order, however many there are" {
	answerer one lines
	seq 100000 >in
	exits 0 send --lines "$AT_one" <in
	cmp in one.out
}

@test "a last line without its newline is a message, and no line is none" {
	answerer one lines
	printf 'a\n\nb' >in
	exits 0 send --lines "$AT_one" <in
	printf 'a\n\nb\n' | cmp - one.out
	exits 0 send --lines "$AT_one" </dev/null
	printf 'a\n\nb\n' | cmp - one.out
}

@test "NUL-ended items may hold newlines" {
	answerer one lines
	printf 'a\nb\0c\0' >in
	exits 0 send --null "$AT_one" <in
	printf 'a\nb\nc\n' | cmp - one.out
}

@test "items of every size around the limits of frames and windows arrive" {
	answerer one lines
	for n in 0 1 16383 16384 16385 65535 65536 300000 9000000; do x_times "$n"; echo; done >in
	exits 0 send --lines "$AT_one" <in
	cmp in one.out
}

@test "items that come in pieces are put together" {
	answerer one lines
	for n in 0 1 5 12 13 14 99 1000 17000; do x_times "$n"; echo; done >in
	exits 0 send --lines "$AT_one" < <(dd if=in obs=13 status=none)
	cmp in one.out
	seq 200000 | awk '{ printf "%*d\n", $1 % 997, $1 }' >in
	exits 0 send --lines "$AT_one" < <(dd if=in obs=65521 status=none)
	tail -c "$(stat -c %s in)" one.out | cmp - in
}

@test "frames carry any bytes" {
	answerer one lines
	printf '\0\0\0\3a\nb\0\0\0\0\0\0\0\1\0' >in
	exits 0 send --frames "$AT_one" <in
	printf 'a\nb\n\n\0\n' | cmp - one.out
}

@test "invalid frames are 65 with the offset, and what was complete is delivered" {
	answerer one lines
	printf '\0\0\0\1a\0\0\0\2b' >in
	exits 65 send --frames "$AT_one" <in
	one_error send.err 'standard input: the frame at byte 5 is cut short'
	echo a | cmp - one.out
	printf '\0\0' >in
	exits 65 send --frames "$AT_one" <in
	says send.err 'the frame at byte 0 is cut short'
	{ printf '\0\0\0\1a\0\1\0\0'; x_times 40000; } >in
	exits 65 send --frames "$AT_one" <in
	says send.err 'the frame at byte 5 is cut short'
	until_true grep -q '^cancelled 1$' one.err
	printf 'a\na\n' | cmp - one.out
}

@test "the first failure in the order of the items is the status, and failures are named" {
	answerer one refuse 3
	seq 10 >in
	exits 77 send --lines "$AT_one" <in
	says send.err 'message 3: refused: not this$'
	says send.err 'message 9: refused'
	[ "$(wc -l <send.err)" -eq 3 ]
	seq 1000 >in
	exits 77 send --lines "$AT_one" <in
	[ "$(wc -l <send.err)" -eq 11 ]
	says send.err 'more messages failed'
}

@test "an item longer than the listener takes is refused here and named; the others go" {
	answerer one --max-size 100 lines
	mkfifo in
	send --lines "$AT_one" <in &
	sender=$!
	exec 8>in
	echo first >&8
	until_true grep -q first one.out
	{ x_times 101; echo; x_times 100; echo; x_times 20000; echo; echo last; } >&8
	exec 8>&-
	ended 77 $sender
	says send.err 'message 2: longer than what is taken there'
	says send.err 'message 4: longer than what is taken there'
	{ echo first; x_times 100; echo; echo last; } | cmp - one.out
}

@test "a connection that breaks is 65" {
	answerer one cut 500
	seq 1000 >in
	exits 65 send --lines "$AT_one" <in
	says send.err 'broke before delivery was confirmed'
}

@test "with --log-json there is one event for the batch, and for messages only with -v" {
	answerer one lines
	seq 1000 >in
	exits 0 send --log-json --lines "$AT_one" <in
	grep '"event":"batch"' send.err | grep -q '"messages":1000,"delivered":1000,"failed":0,"bytes":2893'
	run ! grep -q '"event":"delivered"' send.err
	exits 0 send -v --log-json --lines "$AT_one" <in
	sed -n 's/.*"event":"delivered".*"count":\([0-9]*\).*/\1/p' send.err | paste -sd+ | bc | grep -qx 1000
}

@test "--in-flight 1 waits for each verdict" {
	answerer one reverse 1
	seq 20 >in
	exits 0 send --lines --in-flight 1 "$AT_one" <in
}

@test "several destinations get all of one read, each with its status line" {
	answerer one lines
	answerer two lines
	seq 100000 >in
	exits 0 send --lines "$AT_one,$AT_two" < <(cat in)
	cmp in one.out
	cmp in two.out
	[ "$(grep -c ': delivered, ' send.err)" -eq 2 ]
	bytes 5000000 big
	exits 0 send -q --run "$AT_one,$AT_two" -- cat big
	# shellcheck disable=SC2094 # both are read
	exits 0 send -q "$AT_one,$AT_two" big in - <big
	tail -c 5000001 one.out | head -c 5000000 | cmp - big
	cmp one.out two.out
}

@test "one destination that fails does not disturb the others, and its status counts" {
	answerer one lines
	answerer two lines
	seq 1000 >in
	exits 69 send --log-json --lines "$AT_one,${AT_one%:*}:1,$AT_two" <in
	cmp in one.out
	cmp in two.out
	[ "$(grep -c '"event":"destination"' send.err)" -eq 3 ]
	grep '"event":"destination"' send.err | grep -q '"status":69'
	answerer three refuse 2
	answerer four cut 0
	exits 77 send --lines "$AT_three,$AT_four,$AT_one" <in
	exits 65 send --lines "$AT_four,$AT_three,$AT_one" <in
}

@test "a slow destination has the ring, and is dropped as too slow when the others wait" {
	answerer one take
	answerer slow hold
	answerer two take
	bytes 60000000 in
	base64 -w 99 in >lines
	exits 75 send --lines "$AT_one,$AT_slow,$AT_two" < <(cat lines)
	says send.err 'too slow'
	[ "$(grep -c ': delivered, ' send.err)" -eq 2 ]
	exits 75 send "$AT_slow,$AT_one" < <(cat in)
	says send.err 'too slow'
}

@test "a command that fails is cancelled everywhere" {
	answerer one lines
	answerer two lines
	exits 65 send --run "$AT_one,$AT_two" -- sh -c 'echo some; exit 3'
	[ ! -s one.out ]
	[ ! -s two.out ]
	exits 66 send --run "$AT_one,$AT_two" -- ./nonesuch
}

@test "a group of peers is all of its members, each once" {
	answerer one lines
	answerer two lines
	mkdir -m 700 known
	cp "$(id_of alice)" known/identity
	printf '%s\n' "one $AT_one" "two $AT_two" "again $AT_two" '@all = one two again' '@bad = one nobody' >known/peers
	echo hello | timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity @all 2>send.err
	printf 'hello\n\n' | cmp - one.out
	printf 'hello\n\n' | cmp - two.out
	says send.err '^vz-send: one: delivered'
	exits 68 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity @nobody 2>send.err </dev/null
	says send.err 'no such group'
	exits 68 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i known/identity @bad 2>send.err </dev/null
	says send.err 'nobody: no such name'
}
