#!/usr/bin/env bats
# Clocks that are a year wrong (tests/fault/clock.c): nothing that proves who somebody is asks one;
# what has a date goes by the clock of who checks it.
load helpers

YEAR=31536000
REAL_LISTEN=$LISTEN REAL_SEND=$SEND REAL_KEYGEN=$KEYGEN

setup_file() {
	identities alice bob
}

# off SECONDS COMMAND ARG...: it runs with that clock; for a process in the background or a function
# that takes the place of a program.
off() {
	local seconds=$1

	shift
	env LD_PRELOAD="$FAULT/clock.so" CLOCK="$seconds" "$@"
}

# clock_or_skip: sanitizers want to be loaded first.
clock_or_skip() {
	! grep -q __asan_init "$REAL_SEND" || skip 'another clock and sanitizers do not go together'
	[ "$(off -$YEAR date +%Y)" -eq "$(($(date +%Y) - 1))" ] || skip 'date(1) does not show another clock'
}

# listen_at SECONDS OPTION...: as listen, with that clock.
listen_at() {
	LISTEN_OFF=$1
	shift
	wrong_listen() { exec env LD_PRELOAD="$FAULT/clock.so" CLOCK="$LISTEN_OFF" "$REAL_LISTEN" "$@"; }
	LISTEN=wrong_listen
	listen "$@"
}

# send_at SECONDS ARG...: as send, with that clock.
send_at() {
	timeout -k 5 "$PATIENCE" env LD_PRELOAD="$FAULT/clock.so" CLOCK="$1" "$REAL_SEND" "${BREAKS_END_SEND[@]}" \
		-i "$(id_of alice)" "${@:2}" 2>send.err 3>&-
}

@test "a clock that is a year wrong on either side keeps nobody out" {
	local here there n=0

	clock_or_skip
	mkdir dir
	for here in -$YEAR 0 $YEAR; do
		listen_at "$here" -k -d dir --state listener
		for there in -$YEAR 0 $YEAR; do
			exits 0 send_at "$there" --state sender "$ADDR" <<<x
			n=$((n + 1))
		done
		kill "$LISTENER"
		ended 0,143 "$LISTENER"
	done
	holds "$n" dir
}

@test "an identity that was made a year ahead or behind is as good as another" {
	local seconds

	clock_or_skip
	mkdir dir
	for seconds in $YEAR -$YEAR; do
		key=$(off "$seconds" "$REAL_KEYGEN" -f "made$seconds" 2>keygen.err)
		ALLOW=(--allow "$key")
		listen -k -d dir --state state
		exits 0 timeout "$PATIENCE" "$SEND" -i "made$seconds" --state sent "$ADDR" <<<x 2>send.err
		kill "$LISTENER"
		ended 0,143 "$LISTENER"
	done
	holds 2 dir
}

@test "a right ends by the clock of the listener, whatever the sender's says" {
	local day

	clock_or_skip
	mkdir dir
	day=$(date -u -d '+180 days' +%F)
	printf 'expires="%s" %s\n' "$day" "$(key_of alice)" >authorized
	ALLOW=(--authorized authorized)
	listen_at 0 -k -d dir
	exits 0 send_at "$YEAR" "$ADDR" <<<x
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	listen_at "$YEAR" -k -d dir
	exits 77 send_at -$YEAR "$ADDR" <<<x
	holds 1 dir
}
