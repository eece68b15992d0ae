#!/usr/bin/env bats
# vz-authorized(5): each option grants and denies, and what is broken grants nothing.
load helpers
load rights

setup_file() {
	identities alice bob carol
}

@test "send grants messages, and no questions" {
	serve 'send @alice' 'ask @carol'
	exits 0 send "$ADDR" <<<x
	exits 77 send -r "$ADDR" <<<x
	says send.err 'may not ask'
	SENDER=carol exits 77 send "$ADDR" <<<x
	says send.err 'may not send'
	holds 1 in
}

@test "ask grants questions, and no messages" {
	granted 'ask @alice' 'send @carol'
	ALLOW=(-a keys)
	listen -k --echo
	[ "$(send -r "$ADDR" <<<x)" = x ]
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send -r "$ADDR" <<<x
	says send.err 'may not ask'
}

@test "from= grants the addresses that it names, and no others" {
	AT=(127.0.0.1:0 "$PWD/sock")
	serve 'from="127.0.0.0/8" @alice' 'from="10.0.0.0/8,192.0.2.1,127.0.0.2/31" @carol'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	says send.err 'from that address'
	exits 77 send "$(key_of bob)@$PWD/sock" <<<x
	says send.err 'from that address'
	granted 'from="10.0.0.0/8,127.0.0.1" @alice' '@carol'
	kill -HUP "$LISTENER"
	said 1 'rights read again'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$(key_of bob)@$PWD/sock" <<<x
	holds 3 in
}

@test "from= knows IPv6, and IPv4 on a socket of both families" {
	ipv6_or_skip
	AT=('[::1]:0' '*:0')
	serve 'from="::1/128" @alice' 'from="127.0.0.1" @carol'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	port=$(sed -n '2s/.*://p' listen.ready)
	SENDER=carol exits 0 send "$(key_of bob)@127.0.0.1:$port" <<<x
	exits 77 send "$(key_of bob)@127.0.0.1:$port" <<<x
}

@test "expires= grants until its day" {
	serve 'expires="2100-01-01" @alice' 'expires="2024-02-29" @carol'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	says send.err 'has expired'
	holds 1 in
}

@test "expires= ends a running session when its day comes" {
	command -v cc >/dev/null || skip 'no compiler here'
	cat >later.c <<-'END'
		#include <time.h>
		#include <unistd.h>
		time_t time(time_t *t)
		{
			struct timespec now;
			clock_gettime(CLOCK_REALTIME, &now);
			if (access("tomorrow", F_OK) == 0)
				now.tv_sec += 100 * 366 * 86400L;
			if (t)
				*t = now.tv_sec;
			return now.tv_sec;
		}
	END
	cc -shared -fPIC -o later.so later.c || skip 'cannot build a library here'
	export ASAN_OPTIONS=verify_asan_link_order=0:$ASAN_OPTIONS
	LD_PRELOAD=$PWD/later.so serve 'expires="2100-01-01" @alice' '@carol'
	held
	: >tomorrow
	ended 77 "$HELD"
	exec 8>&-
	says held.err 'has expired'
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	holds 1 in
}

@test "max-conns= grants so many sessions at once, and no more" {
	serve 'max-conns="1" @alice' 'max-conns="2" @carol'
	held
	exits 75 send "$ADDR" <<<x
	says send.err 'too many sessions'
	exec 8>&-
	ended 0 "$HELD"
	exits 0 send "$ADDR" <<<x
	rm hold
	: >listen.err
	SENDER=carol held
	SENDER=carol exits 0 send "$ADDR" <<<x
	exec 8>&-
	ended 0 "$HELD"
}

@test "max-size= grants up to its bytes, told or found out" {
	serve 'max-size="10" @alice' 'max-size="1k" @carol' -- --max-size 100
	printf 0123456789 >ten
	printf 0123456789X >eleven
	exits 0 send "$ADDR" ten
	exits 77 send "$ADDR" eleven
	exits 0 send --run "$ADDR" -- cat ten
	exits 77 send --run "$ADDR" -- cat eleven
	# Of the line's and the option's the lower one.
	bytes 100 hundred
	bytes 101 more
	SENDER=carol exits 0 send "$ADDR" hundred
	SENDER=carol exits 77 send "$ADDR" more
	holds 3 in
}

@test "name-match= grants the names that match, and no others" {
	serve 'name-match="log-*.txt" @alice' 'name-match="" @carol' 'name-match="?" @carol'
	exits 0 send --name log-1.txt "$ADDR" <<<x
	exits 0 send --name log-/../.txt "$ADDR" <<<x
	for name in log-1.txtx Log-1.txt log.txt; do
		exits 77 send --name "$name" "$ADDR" <<<x
		says send.err 'of that name'
	done
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 0 send --name a "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	holds 3 in
	said 1 'keys: line 2: .*name-match|keys: line 2: .*not empty'
}

@test "command= is an error where no commands are run, and grants nothing" {
	serve '@alice' 'command="/bin/cat" @carol'
	says listen.err 'keys: line 2: command='
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
}

@test "command= takes the place of the command that a listener runs" {
	granted 'command="/usr/bin/env printf %s-%s a $(b)" @alice' '@carol'
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" -a keys --ready-fd 9 -v 127.0.0.1:0 -- cat
	LISTENER=$PID ADDR=$READY
	[ "$(send -r "$ADDR" <<<x)" = 'a-$(b)' ]
	[ "$(SENDER=carol send -r "$ADDR" <<<x)" = x ]
	granted 'command="/usr/bin/env printf new" @alice' 'command="cat" @carol'
	said 1 'rights read again'
	says listen.err 'keys: line 2: command='
	[ "$(send -r "$ADDR" <<<x)" = new ]
	SENDER=carol exits 77 send -r "$ADDR" <<<x
}

@test "rate= counts each line of --lines" {
	granted 'rate="10/s",burst="5" @alice' '@carol'
	ALLOW=(-a keys)
	listen -k --lines
	before=$(milliseconds)
	seq 25 >lines
	exits 0 send --lines "$ADDR" <lines
	passed=$(($(milliseconds) - before))
	[ "$passed" -ge 1900 ] || fail "only $passed ms"
	[ "$passed" -le 15000 ] || fail "$passed ms"
	cmp lines listen.out
	seq 1000 >rest
	before=$(milliseconds)
	SENDER=carol exits 0 send --lines "$ADDR" <rest
	[ "$(($(milliseconds) - before))" -le 1900 ] || fail 'carol is slowed too'
	cat lines rest | cmp - listen.out
}

@test "bytes= counts the bytes of small messages" {
	granted 'bytes="10k/s" @alice'
	ALLOW=(-a keys)
	listen -k --lines
	for _ in $(seq 40); do printf '%01023d\n' 0; done >lines
	before=$(milliseconds)
	exits 0 send --lines "$ADDR" <lines
	passed=$(($(milliseconds) - before))
	[ "$passed" -ge 2900 ] || fail "only $passed ms"
	cmp lines listen.out
}

@test "rate= and burst= slow a sender down to so many messages a second" {
	serve 'rate="10/s",burst="5" @alice' '@carol'
	for n in $(seq 25); do echo "$n" >"file$n"; done
	before=$(milliseconds)
	exits 0 send "$ADDR" file*
	passed=$(($(milliseconds) - before))
	# 5 at once, then 20 more: two seconds.
	[ "$passed" -ge 1900 ] || fail "only $passed ms"
	[ "$passed" -le 15000 ] || fail "$passed ms"
	holds 25 in
	says listen.err 'over its rate: slowed'
	before=$(milliseconds)
	SENDER=carol exits 0 send "$ADDR" file*
	[ "$(($(milliseconds) - before))" -le 1900 ] || fail 'carol is slowed too'
}

@test "all sessions of a key share its rate, new ones too" {
	serve 'rate="5/s" @alice'
	for n in 1 2 3 4; do echo "$n" >"file$n"; done
	before=$(milliseconds)
	pids=()
	for n in 1 2 3 4; do
		"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" file? 2>"send$n.err" 3>&- &
		pids+=("$!")
		STARTED+=("$!")
	done
	for pid in "${pids[@]}"; do ended 0 "$pid"; done
	exits 0 send "$ADDR" file1 file2 file3 file4
	passed=$(($(milliseconds) - before))
	# 20 messages, of which 5 at once.
	[ "$passed" -ge 2900 ] || fail "only $passed ms"
	holds 20 in
}

@test "bytes= slows a message down to so many bytes a second" {
	serve 'bytes="100k/s" @alice'
	bytes 409600 file
	before=$(milliseconds)
	exits 0 send "$ADDR" file
	passed=$(($(milliseconds) - before))
	# 100 KiB at once, and the last frame is on credit.
	[ "$passed" -ge 1900 ] || fail "only $passed ms"
	[ "$passed" -le 20000 ] || fail "$passed ms"
	cmp file in/*
}

@test "who would have to wait for too long is told for how long" {
	serve 'bytes="1k/s" @alice' '@carol'
	bytes 60000 file
	# One write, and so one frame: all of it is taken on credit.
	exits 0 send --run "$ADDR" -- dd if=file bs=15000 count=1 status=none
	exits 75 send "$ADDR" file
	says send.err 'over its rate: try again in 1[0-9] s'
	SENDER=carol exits 0 send "$ADDR" file
	holds 2 in
}

@test "a sender that is slowed holds nobody else up, and costs no time of the processor" {
	serve 'bytes="1k/s" @alice' '@carol' -- --drain 200ms
	bytes 100000 file
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" file 2>slow.err 3>&- &
	STARTED+=("$!")
	said 1 'slowed'
	before=$(awk '{ print $14 + $15 }' "/proc/$LISTENER/stat")
	for _ in 1 2 3; do
		SENDER=carol exits 0 send "$ADDR" file
	done
	ticks=$(($(awk '{ print $14 + $15 }' "/proc/$LISTENER/stat") - before))
	[ "$ticks" -le 50 ] || fail "$ticks ticks"
	kill "$LISTENER"
	ended 143 "$LISTENER"
	holds 3 in
}

@test "a sender that is slowed on its way to standard output costs no time of the processor" {
	granted 'bytes="1k/s" @alice'
	ALLOW=(-a keys)
	listen -k -v
	bytes 5000 file
	exits 0 send --run "$ADDR" -- bash -c 'head -c 2000 file; read -r -t 0.2 <> <(:); tail -c 3000 file'
	ticks=$(awk '{ print $14 + $15 }' "/proc/$LISTENER/stat")
	[ "$ticks" -le 50 ] || fail "$ticks ticks"
	says listen.err 'slowed'
	cmp file listen.out
}

@test "a broken line grants nothing and is named, and the others stand" {
	bad=('nonsense @alice' 'send,frob @alice' 'from="10.0.0.1/8" @alice' 'rate="0/s" @alice'
		'rate="5" @alice' 'burst="5" @alice' 'bytes="x/s" @alice' 'max-size="0" @alice'
		'max-conns="-1" @alice' 'expires="2030-02-30" @alice' 'name-match="" @alice'
		'command="cat" @alice' 'max-size="1",max-size="2" @alice' 'max-size=1 @alice'
		'from="127.0.0.1 @alice')
	serve "${bad[@]}" '@carol'
	for n in $(seq "${#bad[@]}"); do
		says listen.err "keys: line $n: " || fail "${bad[n - 1]}"
	done
	run ! grep -q "keys: line $((${#bad[@]} + 1))" listen.err
	exits 77 send "$ADDR" <<<x
	says send.err 'not authorised'
	SENDER=carol exits 0 send "$ADDR" <<<x
}
