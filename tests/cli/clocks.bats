#!/usr/bin/env bats
# Clocks that are a year wrong (tests/fault/clock.c): nothing that proves who somebody is asks one;
# what has a date goes by the clock of who checks it.
load helpers

YEAR=31536000
REAL_LISTEN=$LISTEN REAL_SEND=$SEND REAL_KEYGEN=$KEYGEN

setup_file() {
	identities alice bob relay
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

# visited_relay: a relay that keeps mail, at which bob has been. Sets AT, TO.
visited_relay() {
	mkdir -m 700 r
	mkdir dir
	cp "$(id_of relay)" r/identity
	printf '%s\n' "register $(key_of bob)" "connect,deposit $(key_of alice)" >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --spool r/spool --ready-fd 9 127.0.0.1:0
	AT=("$READY")
	TO=$(key_of bob)@$READY
	listen_at 0 -k -d dir --state listener
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
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

@test "mail is not lost by a listener whose clock is a year ahead, nor taken for old by one behind" {
	clock_or_skip
	visited_relay
	exits 0 send_at 0 --state sender --store=only "$TO" <<<x
	exits 0 send_at 0 --state sender --store=only --expires 30d "$TO" <<<x
	listen_at "$YEAR" -k -d dir --state listener
	until_true says listen.err "expired by this host's clock, and not by the relay's"
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	empty dir
	listen_at -$YEAR -k -d dir --state listener
	until_true placed 2 dir
}

@test "a sender whose clock is a year wrong stores nothing, and is told where to look" {
	local seconds

	clock_or_skip
	visited_relay
	exits 77 send_at "$YEAR" --state sender --store=only "$TO" <<<x
	says send.err "hint: .*clock"
	exits 65 send_at -$YEAR --state sender --store=only "$TO" <<<x
	says send.err "hint: .*clock"
	# The count goes on from where the wrong clock has left it.
	exits 0 send_at 0 --state sender --store=only "$TO" <<<x
	listen_at 0 -k -d dir --state listener
	until_true placed 1 dir
}
