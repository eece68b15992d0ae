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
