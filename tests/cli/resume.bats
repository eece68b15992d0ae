#!/usr/bin/env bats
# A connection that breaks is made again, and what was under way goes on: whole, once, with status 0.
# VZ_TEST_SEEDS sets how many seeds each test of many runs.
load helpers

SEEDS=${VZ_TEST_SEEDS:-3}

setup_file() {
	identities alice bob
}

# waiting OPTION...: bob listens and waits for those whose connection breaks.
waiting() {
	BREAKS_END_LISTEN=(--resume-window 1m)
	listen "$@"
}

# breaking N BYTES SEED: a proxy that breaks the connection N times within so many bytes. A silence
# is found by its keepalives only, after a minute: that is the full version's.
breaking() {
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --breaks "$1" --seed "$3" \
		--within "$2" --dir both --end "${END:-rst}" || return
	MANGLE=$PID
	THROUGH=$READY
}

# resend ARG...: as send, but it comes back.
resend() {
	BREAKS_END_SEND=(--retry-for 20)
	send "$@"
}

# broke N: the proxy did break so many connections, and the sender said that it went on.
broke() {
	[ "$(grep -c '^break' mangle.out)" -eq "$1" ]
	[ "$(grep -c 'resumed$' send.err)" -ge 1 ]
}

@test "standard input through 10 breaks is whole, once, with status 0 on both sides" {
	local seed

	bytes 20000000 in
	for seed in $(seq "$SEEDS"); do
		waiting
		END=$([ $((seed % 2)) -eq 0 ] && echo fin || echo rst)
		breaking 10 20000000 "$seed"
		exits 0 resend -v "$THROUGH" < <(cat in)
		broke 10
		ended 0 "$LISTENER"
		cmp in listen.out
		kill "$MANGLE"
	done
}

@test "files, a command's output, -o and --dir go on as well" {
	local f

	bytes 3000000 one
	bytes 5000000 two
	mkdir dir
	waiting -d dir
	breaking 8 8000000 7
	exits 0 resend -v "$THROUGH" one two
	broke 8
	for f in one two; do
		cmp "$f" dir/*-"$f"
	done
	holds 2 dir
	kill "$MANGLE" "$LISTENER"
	waiting -o got
	breaking 5 5000000 8
	exits 0 resend -v --run "$THROUGH" -- cat two
	broke 5
	ended 0 "$LISTENER"
	cmp two got
}

@test "a question goes on, and its reply where it was" {
	local seed

	bytes 3000000 in
	for seed in $(seq "$SEEDS"); do
		BREAKS_END_LISTEN=(--resume-window 1m)
		started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 \
			--allow "$(key_of alice)" 127.0.0.1:0 -- sh -c 'echo run >>runs; exec cat'
		LISTENER=$PID
		ADDR=$READY
		breaking 10 6000000 "$seed"
		exits 0 resend -v -r "$THROUGH" <in >out
		broke 10
		cmp in out
		# One run of the command, whatever broke.
		[ "$(wc -l <runs)" -eq "$seed" ]
		kill "$MANGLE" "$LISTENER"
	done
}

@test "a verdict that got lost is said again: delivered once, status 0" {
	local at

	mkdir dir
	waiting -d dir
	for at in $(seq 350 14 480); do
		# Around the last bytes of the listener's: its verdict is lost, or not yet given.
		started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --cut "$at" --dir down || return
		MANGLE=$PID
		"$SEND" --retry-for 700ms -i "$(id_of alice)" "$READY" <<<"$at" 2>send.err 3>&- && continue
		kill "$MANGLE"
	done
	# Each arrived once, whole: those that were told 0, and perhaps others.
	[ -z "$(cat dir/* | sort | uniq -d)" ]
	[ "$(cat dir/* | wc -l)" -eq "$(find dir -type f | wc -l)" ]
}

@test "the listener waits no longer than --resume-window, and then tells of the cut" {
	mkfifo slow
	BREAKS_END_LISTEN=(--resume-window 300ms)
	listen
	"$SEND" --retry-for 0 -i "$(id_of alice)" "$ADDR" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 300000 /dev/zero >&7
	until_true arrived 200000
	kill -9 "$SENDING"
	exec 7>&-
	ended 65 "$LISTENER"
	says listen.err 'broke and was not taken up again'
}

@test "the sender tries no longer than --retry-for, and says so with 75" {
	mkfifo slow
	waiting
	"$SEND" --retry-for 700ms -i "$(id_of alice)" "$ADDR" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 300000 /dev/zero >&7
	until_true arrived 200000
	kill -9 "$LISTENER"
	ended 75 "$SENDING"
	exec 7>&-
	one_error send.err 'refused.*--retry-for'
}

@test "a first connection is tried again only when --retry-for is given" {
	local port

	listen -k
	kill "$LISTENER"
	ended 0 "$LISTENER"
	BREAKS_END_SEND=()
	exits 69 send "$ADDR" <<<x
	BREAKS_END_SEND=(--retry-for 20)
	port=${ADDR##*:}
	send -v "$ADDR" <<<x 2>/dev/null &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true grep -q 'trying again' send.err
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" "127.0.0.1:$port" ||
		skip 'somebody else has the port by now'
	ended 0 "$SENDING"
	[ "$(cat listen.out)" = x ]
}

@test "who is put out without a word comes again at once, a few times" {
	waiting
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --cut 0 --end fin || return
	MANGLE=$PID
	exits 76 "$SEND" -i "$(id_of alice)" "$READY" <<<x 2>send.err 3>&-
	until_true eval '[ "$(grep -c "^up" mangle.out)" -eq 6 ]'
	exits 76 "$SEND" --retry-for 0 -i "$(id_of alice)" "$READY" <<<x 2>send.err 3>&-
	until_true eval '[ "$(grep -c "^up" mangle.out)" -eq 7 ]'
	kill "$MANGLE"
	# Put out twice, then let in.
	END=fin breaking 2 40 1
	exits 0 "$SEND" -i "$(id_of alice)" "$THROUGH" <<<x 2>send.err 3>&-
	[ "$(grep -c '^break' mangle.out)" -eq 2 ]
	[ "$(cat listen.out)" = x ]
}

@test "a key that is revoked while its connection is away has nothing more here" {
	mkdir -m 700 state
	printf '%s\n' "$(key_of alice)" >authorized
	ALLOW=(--authorized authorized)
	mkdir dir
	waiting -d dir
	mkfifo slow
	mangled --end fin
	"$SEND" --retry-for 20 -v -i "$(id_of alice)" "$THROUGH" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 300000 /dev/zero >&7
	until_true arrived 200000
	kill "$MANGLE"
	until_true grep -q 'trying again' send.err
	: >authorized
	kill -HUP "$LISTENER"
	until_true grep -q 'failed after' listen.err
	empty dir
	kill "$SENDING"
	exec 7>&-
}

# peer NAME ARG...: a sender with a key of its own (tests/fault/slowpeer.c); its words are in NAME.
peer() {
	local name=$1

	shift
	"$FAULT/slowpeer" --stream 000102030405060708090a0b0c0d0e0f "$@" >"$name" 2>"$name.err" 3>&- &
	PEER=$!
	STARTED+=("$PEER")
}

@test "another key that names a stream has one of its own, and disturbs and learns nothing" {
	started listen "$LISTEN" -v --resume-window 1m -i "$(id_of bob)" --ready-fd 9 --allow-any 127.0.0.1:0 \
		-- sh -c 'n=$(wc -c) && echo "$n" >>sizes'
	ADDR=$READY
	peer first --size 1000 send "$ADDR" begun
	first=$PEER
	until_true grep -q there first
	# While the first is connected, and when it is away.
	peer second --size 500 send "$ADDR" plain
	ended 0 "$PEER"
	grep -q 'done 0' second
	alive "$first"
	kill -9 "$first"
	until_true grep -q 'waiting for it to come back' listen.err
	peer third --size 600 send "$ADDR" plain
	ended 0 "$PEER"
	grep -q 'done 0' third
	run ! grep -q resumed listen.err
	[ "$(tr '\n' ' ' <sizes)" = '500 600 ' ]
}

# items SEED MODE: in `in` many small items and some long ones, the last line or NUL-ended one without
# its end; in `want` what arrives of them.
items() {
	python3 - "$1" "$2" <<-'PY'
		import random, struct, sys
		r = random.Random(int(sys.argv[1]))
		sizes = [r.choice((r.randrange(80), r.randrange(2000))) for _ in range(1500)]
		sizes += [r.randrange(16000, 17000) for _ in range(60)] + [r.randrange(300000) for _ in range(12)]
		r.shuffle(sizes)
		all = [(b'%d.' % i * (n // 2 + 1))[:n] for i, n in enumerate(sizes)] + [b'last']
		if sys.argv[2] == '--frames':
		    sent = want = b''.join(struct.pack('>I', len(b)) + b for b in all)
		else:
		    end = b'\n' if sys.argv[2] == '--lines' else b'\0'
		    sent, want = end.join(all), end.join(all) + end
		open('in', 'wb').write(sent)
		open('want', 'wb').write(want)
	PY
}

# mode SEED, end SEED: one of them each.
mode() {
	local -a modes=(--lines --null --frames)

	echo "${modes[$(($1 % 3))]}"
}
end() {
	local -a ends=(fin rst)

	echo "${ends[$(($1 % 2))]}"
}

@test "items through breaks arrive in their order, each once, with status 0 on both sides" {
	local seed mode

	for seed in $(seq "$SEEDS"); do
		mode=$(mode "$seed")
		items "$seed" "$mode"
		waiting "$mode"
		END=$(end "$seed") breaking 5 2500000 "$seed"
		exits 0 resend -v "$mode" "$THROUGH" <in
		broke 5
		ended 0 "$LISTENER"
		cmp want listen.out
		says send.err '1573 messages delivered, 0 failed'
		kill "$MANGLE"
	done
}

@test "questions through breaks have their own replies, in their order" {
	local seed mode

	for seed in $(seq "$SEEDS"); do
		mode=$(mode "$seed")
		items "$seed" "$mode"
		waiting -k --echo
		END=$(end $((seed + 1))) breaking 5 5000000 "$seed"
		exits 0 resend -v -r "$mode" "$THROUGH" <in >out
		broke 5
		cmp want out
		kill "$MANGLE" "$LISTENER"
	done
}

@test "a command is run once for each item, and a coprocess asked once, whatever breaks" {
	seq 400 >in
	BREAKS_END_LISTEN=(--resume-window 1m)
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 \
		--allow "$(key_of alice)" 127.0.0.1:0 -- sh -c 'read -r n; echo "$n" | tee -a runs'
	LISTENER=$PID
	ADDR=$READY
	breaking 5 25000 1
	exits 0 resend -v -r --lines "$THROUGH" <in >out
	broke 5
	cmp in out
	sort -n runs | cmp - in
	exits 0 resend -v --lines "$THROUGH" <in
	cat in in | sort -n | cmp - <(sort -n runs)
	kill "$MANGLE" "$LISTENER"

	cat >coproc.py <<-'PY'
		import struct, sys
		r, w = sys.stdin.buffer, sys.stdout.buffer
		late = []
		while head := r.read(4):
		    frame = r.read(struct.unpack('>I', head)[0])
		    number = frame[:8]
		    late.append((number, frame[-300:]))
		    print('asked', file=sys.stderr, flush=True)
		    if len(late) == 7:
		        for number, body in reversed(late):
		            w.write(struct.pack('>I', 9 + len(body)) + number + b'\0' + body)
		        w.flush()
		        late = []
	PY
	seq -f '%0300.0f' 700 >in
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 \
		--allow "$(key_of alice)" --coproc 127.0.0.1:0 -- python3 coproc.py
	LISTENER=$PID
	ADDR=$READY
	breaking 5 400000 2
	exits 0 resend -v -r --lines "$THROUGH" <in >out
	broke 5
	cmp in out
	[ "$(grep -c '^asked' listen.err)" -eq 700 ]
}

@test "a batch that had nothing under way when the connection broke goes on as well" {
	local n

	mkfifo slow
	waiting --lines
	for n in 1 2; do
		started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" 7>&- || return
		MANGLE=$PID
		if [ "$n" -eq 1 ]; then
			"$SEND" --retry-for 20 -v -i "$(id_of alice)" --lines "$READY" <slow 2>send.err 3>&- &
			SENDING=$!
			STARTED+=("$SENDING")
			exec 7>slow
			seq 100 >&7
			until_true grep -qx 100 listen.out
			kill "$MANGLE"
			until_true grep -q 'trying again' send.err
			rm -f proxy
		fi
	done
	echo 101 >&7
	exec 7>&-
	ended 0 "$SENDING"
	ended 0 "$LISTENER"
	seq 101 | cmp - listen.out
}

@test "where one of two destinations is reached with breaks, both get all of a batch" {
	local direct

	seq 100000 >in
	waiting --lines
	mv listen.out near.out
	direct=$ADDR
	waiting --lines
	breaking 4 500000 5
	exits 0 resend -v --lines "$direct,$THROUGH" <in
	broke 4
	ended 0 "$LISTENER"
	cmp in listen.out
	cmp in near.out
}

@test "what has no verdict is held in bounded memory, however slow the other side is" {
	mkfifo pipe
	exec 7<>pipe
	STDOUT=pipe waiting -k --lines
	yes "$(printf '%0999d' 1)" | head -n 60000 >in
	"$SEND" --retry-for 20 -i "$(id_of alice)" --lines "$ADDR" < <(cat in) 2>send.err 3>&- 7>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	timeout "$PATIENCE" head -c 40000000 <&7 | cmp -n 40000000 in -
	alive "$SENDING"
	grep -qa __asan_init "$SEND" ||
		[ "$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$SENDING/status")" -lt 24576 ]
	timeout "$PATIENCE" head -c 20000000 <&7 | cmp <(tail -c 20000000 in) -
	ended 0 "$SENDING"
}

@test "an item that is longer than all that can be held goes on where the other side is" {
	bytes 20000000 long
	mkdir dir
	waiting -d dir
	breaking 4 20000000 6
	exits 0 resend -v --frames "$THROUGH" < <(
		printf '\0\0\0\5small\1\61\55\0'
		cat long
		printf '\0\0\0\4last'
	)
	broke 4
	holds 3 dir
	cmp long dir/*.1
	[ "$(cat dir/*.2)" = last ]
}

# gone N: so many connections broke in the listener's eyes, whatever came of them.
gone() {
	[ "$(grep -c '"event":"\(broken\|ended\)"' listen.err)" -ge "$1" ]
}

@test "64 sessions of a key are waited for, and further ones end as if none were" {
	local n begun=0

	mkdir dir
	mkfifo quiet
	exec 7<>quiet
	waiting -d dir --log-json
	for n in 16 32 48 64 70; do
		started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" || return
		MANGLE=$PID
		# One after the other: of an address that has proved nothing only a few may come at once.
		while [ "$begun" -lt "$n" ]; do
			"$SEND" --retry-for 0 -i "$(id_of alice)" "$READY" <quiet 2>/dev/null 3>&- &
			STARTED+=("$!")
			begun=$((begun + 1))
			until_true eval '[ "$(grep -c "\"event\":\"begun\"" listen.err)" -ge $begun ]'
		done
		kill -9 "$MANGLE"
		until_true gone "$n"
	done
	[ "$(grep -c '"event":"broken"' listen.err)" -eq 64 ]
	[ "$(grep -c '"event":"failed"' listen.err)" -ge 6 ]
	exec 7>&-
	kill "$LISTENER"
}

rss_above() {
	[ "$(awk '/^VmRSS/ { print $2 }' "/proc/$LISTENER/status")" -gt "$1" ]
}

@test "sessions that hold more than 64 MiB of replies in all are not waited for" {
	local n

	! grep -q __asan_init "$LISTEN" || skip 'a sanitizer has other needs of memory'
	# Each has 4 MiB of answers under way to who does not read them.
	for _ in {1..256}; do
		head -c 12000 /dev/zero | tr '\0' x
		echo
	done >lines
	mkfifo full
	exec 7<>full
	echo "max-conns=\"40\" $(key_of alice)" >authorized
	ALLOW=(-a "$PWD/authorized")
	waiting -k --echo --log-json
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" || return
	MANGLE=$PID
	for _ in {1..36}; do
		"$SEND" --retry-for 0 --in-flight 256 -r --lines -i "$(id_of alice)" "$READY" <lines >full 2>/dev/null 3>&- &
		STARTED+=("$!")
	done
	until_true rss_above 108000
	kill -9 "$MANGLE"
	until_true gone 36
	exec 7>&-
	n=$(grep -c '"event":"broken"' listen.err)
	[ "$n" -ge 12 ]
	[ "$n" -lt 36 ]
	kill "$LISTENER"
}

@test "where the listener waits for nobody a break is the end, and nothing arrives twice" {
	local seed

	seq 100000 >in
	# Before the sender has heard that nobody waits, and after.
	for seed in 4 5 6 7; do
		BREAKS_END_LISTEN=(--resume-window 0)
		listen -k --lines
		breaking 1 600000 "$seed"
		exits 65 resend --lines "$THROUGH" <in
		one_error send.err 'connection broke'
		kill "$MANGLE" "$LISTENER"
		ended 0,143 "$LISTENER"
		head -n "$(wc -l <listen.out)" in | cmp - listen.out
	done
}

# Programs with an hour of half a second: a sender renews after one, a listener ends after two.
HOURLY=$FAULT/hourly

# trickle N: writes that many bytes of `in` to descriptor 7, a tenth at a time.
trickle() {
	local i

	for i in {0..9}; do
		tail -c +$((i * $1 / 10 + 1)) in | head -c $(($1 / 10)) >&7
		read -r -t 0.3 <> <(:) || true
	done
}

# for_hours SENDER: sends for what are six hours to them. Sets SENDING.
for_hours() {
	mkfifo hours
	"$1" -v --retry-for 20 -i "$(id_of alice)" "$ADDR" <hours 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>hours
	trickle 1000000
	exec 7>&-
}

@test "a sender leaves a connection of an hour for another one, and nobody calls it a break" {
	bytes 1000000 in
	waiting -v
	for_hours "$HOURLY/vz-send"
	ended 0 "$SENDING"
	ended 0 "$LISTENER"
	cmp in listen.out
	[ "$(grep -c renewed send.err)" -ge 3 ]
	[ "$(grep -c 'broke\|resumed' send.err)" -eq 0 ]
}

@test "a listener ends a connection of two hours, and its sender goes on" {
	LISTEN=$HOURLY/vz-listen
	bytes 1000000 in
	waiting -v
	for_hours "$SEND"
	ended 0 "$SENDING"
	ended 0 "$LISTENER"
	cmp in listen.out
	[ "$(grep -c 'resumed$' send.err)" -ge 2 ]
}

@test "where it waits for nobody, a connection of two hours ends with status 75" {
	LISTEN=$HOURLY/vz-listen
	bytes 1000000 in
	BREAKS_END_LISTEN=(--resume-window 0)
	listen
	for_hours "$SEND" || true
	ended 75 "$SENDING"
	says send.err 'too old'
}
