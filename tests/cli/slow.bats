#!/usr/bin/env bats
# Peers that are slow, or stop, in every state (tests/fault/slowpeer.c): they are ended in their time,
# and hold nobody else up; who is merely slow is served.
load helpers

setup_file() {
	identities alice bob
}

# slow NAME ARG...: a slow sender to ADDR; its words are in slow.NAME. Sets PID.
slow() {
	local name=$1

	shift
	"$FAULT/slowpeer" "$@" >"slow.$name" 2>"slow.$name.err" 3>&- &
	PID=$!
	STARTED+=("$PID")
}

@test "a sender that stops in any state is ended in its time, and others are served meanwhile" {
	local state
	local -A peers=()

	mkdir dir
	ALLOW=(--allow-any)
	listen -w 2 -d dir
	for state in silent in-hello after-hello in-proof after-proof in-head in-record gone; do
		slow "$state" send "$ADDR" "$state"
		peers[$state]=$PID
	done
	slow deaf --size 100000000 send "$ADDR" deaf
	peers[deaf]=$PID
	for state in "${!peers[@]}"; do
		until_true grep -q there "slow.$state"
	done
	exits 0 send "$ADDR" <<<'got through'
	[ "$(cat dir/*)" = 'got through' ]
	for state in "${!peers[@]}"; do
		ended 0 "${peers[$state]}" || fail "$state: $(cat "slow.$state")"
		grep -q ended "slow.$state"
	done
	# Of the one that had begun a message nothing is left.
	holds 1 dir
	exits 0 send "$ADDR" <<<x
	alive "$LISTENER"
}

@test "one that sends or reads a byte at a time is served" {
	mkdir dir
	ALLOW=(--allow-any)
	listen -d dir
	slow drip --every 1 send "$ADDR" drip
	slow sip --every 1 send "$ADDR" sip
	ended 0 "$PID"
	until_true grep -q ended slow.drip
	grep -q 'done 0' slow.drip
	grep -q 'done 0' slow.sip
	holds 2 dir
}

@test "a sender that never ends its message is waited for, and stops nobody" {
	mkdir dir
	ALLOW=(--allow-any)
	listen -w 1 -d dir --drain 200ms
	slow begun send "$ADDR" begun
	until_true grep -q there slow.begun
	exits 0 send "$ADDR" <<<x
	# The other one is there under its temporary name.
	until_true holds 2 dir
	kill "$LISTENER"
	ended 143 "$LISTENER"
	ended 0 "$PID"
	holds 1 dir
}

@test "a question that waits outlives its connection, which ends because replies are not read" {
	ALLOW=(--allow-any)
	AT=("$PWD/socket")
	BREAKS_END_LISTEN=(--resume-window 1m)
	listen -k --echo -w 1 --drain 0
	slow first --size 16000 send "$ADDR" asking
	until_true grep -q ended slow.first
	# When one has to wait, those that wait already are tried again: also the one that is away.
	slow second --size 16000 send "$ADDR" asking
	until_true grep -q ended slow.second
	[ "$(echo hello | send -r "$ADDR")" = hello ]
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
}

@test "a listener that stops in any state ends the sender in its time" {
	local state

	bytes 3000000 in
	for state in silent in-hello; do
		started slow "$FAULT/slowpeer" --ready-fd 9 listen "$state"
		exits 76 send -w 500ms "$READY" in
		one_error send.err 'no answer in time'
	done
	for state in after-hello in-head in-record deaf; do
		started slow "$FAULT/slowpeer" --ready-fd 9 listen "$state"
		exits 75 send -w 1 "$READY" in
		one_error send.err 'silent'
		grep -q there slow.out
	done
}

@test "a listener that never acknowledges, or never says delivered, but answers, gets no 0" {
	local state

	bytes 3000000 in
	for state in unacked undone; do
		started slow "$FAULT/slowpeer" --ready-fd 9 listen "$state"
		"$SEND" -w 500ms -i "$(id_of alice)" "$READY" in 2>send.err 3>&- &
		local sender=$!
		STARTED+=("$sender")
		until_true grep -q there slow.out
		# It is waited for, since it answers; the sender's user may have enough of it.
		kill "$sender"
		ended 143 "$sender"
		until_true grep -q ended slow.out
	done
}

@test "a listener that takes or says a byte at a time is sent to" {
	local state

	bytes 1000 in
	for state in sip drip; do
		started slow "$FAULT/slowpeer" --every 1 --ready-fd 9 listen "$state"
		exits 0 send "$READY" in
	done
}
