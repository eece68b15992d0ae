#!/usr/bin/env bats
# A listener at a relay: registering, staying registered, and who comes through it.
load helpers

setup_file() {
	identities alice bob carol relay
}

# matchmaker [ARG...]: a relay that does as told (tests/fault/matchmaker.c). Sets MATCHMAKER, RELAY.
# Commands go to descriptor 7; what happens is in matchmaker.out.
matchmaker() {
	[ -p commands ] || mkfifo commands
	exec 7<>commands
	fed_matchmaker() { exec "$FAULT/matchmaker" --ready-fd 9 "$@" <commands 7>&-; }
	started matchmaker fed_matchmaker "$@" || return
	MATCHMAKER=$PID
	RELAY=$READY
}

# told N WORDS: the matchmaker has said so at least so often.
told() {
	until_true eval "[ \"\$(grep -Ec -- '^$2' matchmaker.out)\" -ge $1 ]"
}

# said N REGEX: so many lines of listen.err match, in the end.
said() {
	until_true eval "[ \"\$(grep -Ec -- '$2' listen.err)\" -ge $1 ]"
}

# listen_at ADDRESS OPTION...: bob listens there.
listen_at() {
	local -a AT=("$1")

	shift
	listen "$@"
}

# listens_not STATUS WORDS ADDRESS OPTION...: bob ends so before he is ready.
listens_not() {
	local status=$1 words=$2 at=$3

	shift 3
	exits "$status" timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" \
		--allow "$(key_of alice)" --ready-fd 9 "$@" "$at" 9>ready 2>listen.err 3>&- >out || return
	says listen.err "$words" || return
	[ ! -s ready ]
}

# nobody_there: an address where nobody listens any more. Sets RELAY.
nobody_there() {
	matchmaker
	kill "$MATCHMAKER"
	wait "$MATCHMAKER" || true
}

# The address that senders use for bob at $RELAY.
there() { echo "$(key_of bob)@$RELAY"; }

@test "a listener registers, and says where senders find it, also to --ready-fd" {
	matchmaker
	listen_at "$RELAY" -k
	[ "$ADDR" = "$(there)" ]
	grep -qxF "vz-listen: listening on $(there)" listen.err
	told 1 'registered 1$'
	kill "$LISTENER"
	ended 0 "$LISTENER"
	told 1 gone
}

@test "a name from peers is a relay, and others may be listened at beside it" {
	matchmaker
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	echo "meeting $RELAY" >b/peers
	started listen "$LISTEN" -i b/identity --ready-fd 9 --allow "$(key_of alice)" -k --lines meeting 127.0.0.1:0 "$PWD/socket"
	LISTENER=$PID
	[ "$(wc -l <listen.ready)" -eq 3 ]
	[ "$(sed -n 3p listen.ready)" = "$(there)" ]
	for ((i = 1; i <= 2; i++)); do
		exits 0 send "$(sed -n "${i}p" listen.ready)" < <(printf %s "$i")
	done
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(cat listen.out)" = $'1\n2' ]
	[ ! -e socket ]
}

@test "--log-json says where, what was lost, and what is over" {
	matchmaker
	listen_at "$RELAY" -k --log-json
	echo 'offer 1' >&7
	told 1 claim
	echo drop >&7
	told 2 registered
	echo 'close 77' >&7
	ended 77 "$LISTENER"
	grep -q "\"event\":\"listening\",\"address\":\"$(there)\",\"loopback\":false,\"relay\":\"$RELAY\"}" listen.err
	grep -q "\"event\":\"unclaimed\",\"relay\":\"$RELAY\",\"status\":69,\"text\":\"nobody waits" listen.err
	grep -q "\"event\":\"relay-lost\",\"relay\":\"$RELAY\",\"status\":75,\"text\":\"[^\"]*\",\"milliseconds\":[1-9]" listen.err
	grep -q "\"event\":\"relay-over\",\"relay\":\"$RELAY\",\"status\":77" listen.err
}

@test "a relay that is not there ends the start, unless it is to go on for ever" {
	nobody_there
	listens_not 69 'refused' "$RELAY"
	says listen.err 'hint: is vz-relay running there?'
	mkfifo told
	"$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -k --ready-fd 9 "$RELAY" 9>told 2>listen.err >out 3>&- &
	LISTENER=$!
	STARTED+=("$LISTENER")
	exec 6<told
	said 1 'refused; trying until it is there'
	! read -r -t 0 <&6 || fail 'said to be ready before it was'
	matchmaker --port "${RELAY##*:}"
	read -r -t "$PATIENCE" ADDR <&6
	[ "$ADDR" = "$(there)" ]
	[ "$(grep -c refused listen.err)" -eq 1 ]
	exec 6<&-
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "what is not the relay is 76, also with -k" {
	matchmaker
	listens_not 76 'connected, but no valid answer' "$(key_of carol)@${RELAY#*@}" -k
	says listen.err 'hint: not vz-relay'
	echo 'handshake ignore' >&7
	listens_not 76 'connected, but no answer in time' "$RELAY" -k -w 200ms
}

@test "a refusal is 77, also with -k, and says what the relay's owner can do" {
	matchmaker "register 77"
	listens_not 77 'refused: ' "$RELAY" -k
	says listen.err "hint: .*authorized file: register $(key_of bob)"
}

@test "a relay's status that is none of a relay's is 76" {
	for status in 5 80; do
		matchmaker "register $status"
		listens_not 76 'not today' "$RELAY" -k
	done
}

@test "a relay that has no room is 75, or tried again with -k" {
	matchmaker "register 75"
	listens_not 75 relay "$RELAY"
	"$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -k "$RELAY" 2>listen.err >out 3>&- &
	LISTENER=$!
	STARTED+=("$LISTENER")
	said 1 'trying until it is there'
	echo 'register accept' >&7
	said 1 "listening on $(there)"
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "a relay that answers nothing to a registration is 75" {
	matchmaker "register ignore"
	listens_not 75 'fell silent' "$RELAY" -w 300ms
}

@test "a lost registration is made again with its own number, and both are said once" {
	matchmaker
	listen_at "$RELAY" -k
	for n in 2 3; do
		echo drop >&7
		told "$n" registered
	done
	[ "$(sort -u matchmaker.out | grep -c registered)" -eq 2 ]
	said 3 "listening on $(there)"
	[ "$(grep -c 'relay .*; trying until' listen.err)" -eq 2 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "told to hang up, a listener tries at once" {
	nobody_there
	: >listen.err
	"$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -k -v "$RELAY" 2>listen.err >out 3>&- &
	LISTENER=$!
	STARTED+=("$LISTENER")
	said 1 "trying until it is there"
	# By itself it would pause for longer and longer, and need minutes for as many.
	until_true eval 'kill -HUP "$LISTENER"; [ "$(grep -c "connection refused" listen.err)" -ge 12 ]'
	matchmaker --port "${RELAY##*:}"
	said 1 "listening on $(there)"
}

@test "the service manager hears that it is ready when it is registered" {
	command -v socat >/dev/null || skip 'no socat'
	socat -u "UNIX-RECV:$PWD/notify" OPEN:notified,creat,append 2>socat.err 3>&- &
	STARTED+=("$!")
	until_true test -S notify
	matchmaker 'register 75'
	NOTIFY_SOCKET=$PWD/notify "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -k "$RELAY" 2>listen.err >out 3>&- &
	STARTED+=("$!")
	said 1 'trying until it is there'
	run ! grep -q READY=1 notified
	echo 'register accept' >&7
	until_true grep -q READY=1 notified
}

@test "the same relay twice is a wrong use" {
	matchmaker
	listens_not 64 'the same relay twice' "$RELAY" "${RELAY/127.0.0.1/localhost}"
}

@test "a relay that falls silent is left, and called again" {
	matchmaker
	listen_at "$RELAY" -k -w 500ms
	kill -STOP "$MATCHMAKER"
	said 1 'the relay fell silent; trying until it is there'
	kill -CONT "$MATCHMAKER"
	said 2 "listening on $(there)"
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "without -k a relay is waited for as long as for a sender" {
	matchmaker
	listen_at "$RELAY" --resume-window 300ms
	kill "$MATCHMAKER"
	ended 69 "$LISTENER"
	says listen.err 'tried again in vain'
}

@test "of two listeners with one identity the newest stays, and the older is told and ends with 77" {
	matchmaker
	listen_at "$RELAY" -k
	old=$LISTENER
	mv listen.err old.err
	listen_at "$RELAY" -k
	ended 77 "$old"
	says old.err 'refused: a newer listener with this identity has registered here'
	says old.err 'hint: two listeners cannot share an identity at a relay'
	alive "$LISTENER"
	[ "$(grep -c registered matchmaker.out)" -eq 2 ]
}

@test "who is displaced at a relay goes on elsewhere" {
	matchmaker
	AT=("$RELAY" 127.0.0.1:0)
	listen -k --lines
	other=$(grep -v "$RELAY" listen.ready)
	echo 'close 77' >&7
	said 1 'refused: '
	exits 0 send "$other" < <(printf here)
	[ "$(cat listen.out)" = here ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(grep -c registered matchmaker.out)" -eq 1 ]
}

@test "with --reuse-port the older makes room and ends with 0" {
	matchmaker
	listen_at "$RELAY" -k --reuse-port
	old=$LISTENER
	listen_at "$RELAY" -k --reuse-port
	ended 0 "$old"
	alive "$LISTENER"
}

@test "a relay whose key is revoked is not registered at, nor stayed at" {
	matchmaker
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	started listen "$LISTEN" -i b/identity --ready-fd 9 --allow "$(key_of alice)" -k "$RELAY"
	echo "${RELAY%@*}" >b/revoked
	ended 77 "$PID"
	says listen.err 'on this host.s revoked list'
	told 1 gone
	exits 77 timeout "$PATIENCE" "$LISTEN" -i b/identity --allow "$(key_of alice)" -k "$RELAY" 2>again.err 3>&-
	says again.err 'on this host.s revoked list'
	[ "$(grep -c registered matchmaker.out)" -eq 1 ]
}

@test "an identity that is replaced registers anew, and says its new address" {
	matchmaker
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	started listen "$LISTEN" -i b/identity --ready-fd 9 --allow "$(key_of alice)" -k "$RELAY"
	cp "$(id_of carol)" b/new
	mv b/new b/identity
	said 1 "listening on $(key_of carol)@$RELAY"
	told 2 'registered 1$'
	told 1 gone
	alive "$PID"
}

@test "renewed keys are registered in the place of the old ones, and senders meet them there" {
	matchmaker
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	started listen "$LISTEN" -i b/identity --ready-fd 9 --allow "$(key_of alice)" -k --lines "$RELAY"
	exits 0 send "$READY" < <(printf old)
	timeout 30 "$KEYGEN" --rotate -f b/identity >rotated
	told 2 'registered '
	[ "$(grep -c '^registered 1$' matchmaker.out)" -eq 1 ]
	told 1 gone
	exits 0 send "$READY" < <(printf new)
	[ "$(cat listen.out)" = $'old\nnew' ]
	[ "$(grep -c 'listening on' listen.err)" -eq 1 ]
}

@test "a flood of offers keeps eight claims under way, and others are served" {
	matchmaker "claims ignore"
	AT=("$RELAY" 127.0.0.1:0)
	listen -k --lines -v
	direct=$(grep -v "$RELAY" listen.ready)
	for ((i = 0; i < 20; i++)); do
		echo 'offer 50' >&7
	done
	told 8 claim
	exits 0 send "$direct" < <(printf through)
	[ "$(cat listen.out)" = through ]
	[ "$(grep -c claim matchmaker.out)" -eq 8 ]
	[ "$(grep -c 'not reached who came there' listen.err)" -le 20 ]
	kill -9 "$MATCHMAKER"
	said 1 'trying until it is there'
	exits 0 send "$direct" < <(printf still)
}

@test "claims that are refused, hung up on, or whose sender is gone harm nobody" {
	matchmaker
	listen_at "$RELAY" -k -v
	n=0
	for how in refuse hangup vanish; do
		echo "claims $how" >&7
		for ((i = 0; i < 20; i++)); do
			echo 'offer 1' >&7
			told $((++n)) claim
		done
	done
	echo 'claims refuse' >&7
	echo 'offer 1' >&7
	told $((n + 1)) claim
	[ "$(grep -c registered matchmaker.out)" -eq 1 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
}
