#!/usr/bin/env bats
# Limits under attack: whoever comes in numbers, or slowly, keeps nobody out, and costs little.
#
# Where the other limits of DESIGN 9 are reached:
#	pools before authentication	unit/test_pool.c, unit/test_penalty.c
#	sessions, and those of a key	listen.bats (--max-conns), rights.bats (max-conns=)
#	a record, silence		crash.bats (a way that swallows everything), unit/test_session.c
#	message names			bad_input.bats, unit/test_frame.c
#	ring and windows		send_items.bats (a slow destination), unit/test_session.c
#	unanswered and untaken replies	listen_items.bats, handlers.bats (hostile floods)
#	handlers and their queue	handlers.bats (--max-handlers, one session's flood)
#	bytes held in memory		listen_items.bats (halves of messages, a reader that is away)
load helpers

# As people send: who had to make room in a crowd comes again at once.
BREAKS_END_SEND=()

setup_file() {
	identities alice bob
}

# bounded KIB: the listener never had more memory than that. A sanitizer's own is not counted.
bounded() {
	grep -qa __asan_init "$LISTEN" ||
		[ "$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$LISTENER/status")" -lt "$1" ]
}

# crowd N SLOW: so many connections that lead nowhere, until descriptor 7 is closed (fault/crowd.c).
crowd() {
	local status=0

	mkfifo crowd.say
	"$FAULT/crowd" "$ADDR" "$1" "$2" <crowd.say >crowd.hear 2>crowd.err 3>&- &
	CROWD=$!
	STARTED+=("$CROWD")
	exec 7>crowd.say
	until_true eval 'grep -q ready crowd.hear || ! alive "$CROWD"'
	grep -q ready crowd.hear || wait "$CROWD" || status=$?
	[ "$status" -ne 77 ] || skip "$(cat crowd.err)"
	[ "$status" -eq 0 ]
}

# few N COMMAND ARG...: with so many descriptors at most.
few() {
	local n=$1

	shift
	ulimit -n "$n"
	exec "$@"
}

@test "1,000 silent connections and 200 slow ones, half from the sender's address: messages get through" {
	local i

	mkdir in
	listen -d in
	crowd 1000 200
	for i in {1..10}; do
		exits 0 send "$ADDR" <<<"$i" 7>&-
		until_true holds "$i" in
	done
	bounded 65536
	exec 7>&-
	ended 0 "$CROWD"
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "a source that keeps failing has fewer places, and is still let in when it knows better" {
	local i

	mkdir in
	listen -d in --log-json
	for i in {1..40}; do
		exits 76 send -w 50ms "$(key_of alice)@${ADDR#*@}" <<<x
	done
	until_true grep -q '"event":"penalised".*"places":2' listen.err
	# Each step down is one line, however often it fails.
	[ "$(grep -c '"event":"penalised"' listen.err)" -le 10 ]
	exits 0 send "$ADDR" <<<x
	until_true holds 1 in
}

@test "who says a first message and no more, or a byte at a time, is ended at the handshake's deadline" {
	# One more byte of what may be a first message, and then whether two were ended so.
	dribbled() {
		(printf x >&7) 2>/dev/null
		[ "$(grep -c '"event":"ended".*timed out' listen.err)" -ge 2 ]
	}

	mkdir in
	listen -d in --log-json -w 300ms
	crowd 0 1
	until_true grep -q '"event":"ended".*timed out' listen.err
	exec 7>&-
	ended 0 "$CROWD"
	exec 7<>"/dev/tcp/127.0.0.1/${ADDR##*:}"
	printf '\0\60' >&7
	until_true dribbled
	exec 7>&-
	exits 0 send "$ADDR" <<<x
	holds 1 in
}

@test "a sender that takes nothing of its replies is ended when nothing has moved for the time of -w" {
	ALLOW=(--allow-any)
	listen -k --echo --log-json -w 500ms
	"$FAULT/flooder" "$ADDR" deaf 100000 1000 >flooder.out 2>flooder.err 3>&- &
	STARTED+=("$!")
	until_true grep -q '"event":"ended".*timed out' listen.err
	alive "$LISTENER"
	exits 0 send -r "$ADDR" <<<x
}

@test "without descriptors for all strangers the oldest makes room, one line says so, and senders get in" {
	mkdir in
	started listen few 24 "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 \
		-d in 127.0.0.1:0
	LISTENER=$PID ADDR=$READY
	crowd 60 0
	exits 0 send "$ADDR" <<<x 7>&-
	until_true holds 1 in
	says listen.err 'cannot accept connections for the moment'
	alive "$LISTENER"
	exec 7>&-
	ended 0 "$CROWD"
	exits 0 send "$ADDR" <<<y
	holds 2 in
}

@test "without descriptors sessions go on, accepting pauses and one line says so, and it recovers" {
	local fd i
	local -a doors=() pids=()

	started listen few 16 "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 \
		-k --lines 127.0.0.1:0
	LISTENER=$PID ADDR=$READY
	for i in {1..12}; do
		mkfifo "hold.$i"
		(
			# None holds another one's input open.
			for fd in "${doors[@]}"; do
				exec {fd}>&-
			done
			exec "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <"hold.$i" 2>"held.$i.err" 3>&-
		) &
		pids+=("$!")
		STARTED+=("$!")
		exec {fd}>"hold.$i"
		doors+=("$fd")
		echo "first of $i" >&"$fd"
	done
	until_true grep -q 'cannot accept connections for the moment' listen.err
	echo 'and another one' >&"${doors[0]}"
	until_true grep -qx 'and another one' listen.out
	for fd in "${doors[@]}"; do
		exec {fd}>&-
	done
	for i in {0..11}; do
		ended 0 "${pids[i]}"
	done
	exits 0 send --lines "$ADDR" <<<last
	until_true grep -qx last listen.out
	[ "$(grep -c '^first of' listen.out)" -eq 12 ]
	[ "$(grep -c 'cannot accept' listen.err)" -eq 1 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
}
