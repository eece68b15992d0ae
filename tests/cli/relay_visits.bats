#!/usr/bin/env bats
# Messages that come to a listener through vz-relay.
load helpers
load relay
load rights

setup_file() {
	identities alice bob carol relay other
}

# relay_of_three: carol may connect there, too.
relay_of_three() {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "register $(key_of bob)" "connect $(key_of alice)" "connect $(key_of carol)"
	relay -v
}

# at_relay OPTION...: bob listens there, and resumes.
at_relay() {
	local -a BREAKS_END_LISTEN=() AT=("$RELAY")

	listen "$@"
}

# patient ARG...: alice sends, and comes again.
patient() {
	local -a BREAKS_END_SEND=()

	send "$@"
}

@test "a file arrives, and so does a question" {
	relay -v
	mkdir in
	bytes 3000000 data
	at_relay -d in
	exits 0 send "$ADDR" data
	cmp data in/*-data
	kill "$LISTENER"
	ended 0 "$LISTENER"
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow-any "$RELAY" -- tr a-z A-Z
	exits 0 send -r "$READY" <<<question >answer
	[ "$(cat answer)" = QUESTION ]
}

@test "one session through a relay is like another: one message, and the end" {
	relay -v
	at_relay -o got
	exits 0 send "$ADDR" <<<once
	ended 0 "$LISTENER"
	[ "$(cat got)" = once ]
	exits 69 send "$ADDR" <<<again
}

@test "while one session is served others are told to try again" {
	relay -v
	at_relay
	mkfifo hold
	"$SEND" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo one >&8
	until_true grep -q one listen.out
	exits 75 send "$ADDR" <<<two
	says send.err 'serves one session'
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	[ "$(cat listen.out)" = one ]
}

@test "a relay that is killed and started again in mid-stream: the session goes on" {
	relay -v
	mkdir in
	at_relay -d in
	mkfifo hold
	"$SEND" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	bytes 2000000 first
	bytes 2000000 second
	cat first >&8
	until_true eval '[ -n "$(find in -type f -size +900k)" ]'
	kill -9 "$RELAYING"
	until_true grep -q 'relay .*; trying until' listen.err
	AT=("${RELAY#*@}")
	relay -v 8>&-
	cat second >&8
	exec 8>&-
	ended 0 "$HELD"
	cat first second | cmp - in/*
	holds 1 in
	[ "$(grep -c "listening on $ADDR" listen.err)" -eq 2 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "from= with this relay lets in who comes through it, and addresses never do" {
	relay_of_three
	AT=("$RELAY")
	refused() {
		serve "$1"
		exits 77 send "$ADDR" <<<x
		says send.err 'may not come through that relay'
		kill "$LISTENER"
		ended 0 "$LISTENER"
	}
	refused 'from="127.0.0.0/8,::/0" @alice'
	refused "from=\"relay:$(key_of other)\" @alice"
	serve "from=\"127.0.0.0/8,relay:$(key_of relay)\" @alice" "from=\"relay:$(key_of relay)\" @carol"
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	holds 2 in
}

@test "who comes through a relay is no address of it: from=relay lets nobody in directly" {
	AT=(127.0.0.1:0)
	serve "from=\"relay:$(key_of relay)\" @alice"
	exits 77 send "$ADDR" <<<x
	says send.err 'may not come from that address'
}

@test "a right that is taken away ends a session through a relay, too" {
	relay -v
	AT=("$RELAY")
	serve "from=\"relay:$(key_of relay)\" @alice"
	held alice
	granted "from=\"relay:$(key_of other)\" @alice"
	kill -HUP "$LISTENER"
	ended 77 "$HELD"
	exec 8>&-
}

@test "commands and events hear of the relay, and of no address" {
	relay -v
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow-any --log-json --audit record "$RELAY" \
		-- sh -c 'env | grep -E "^(VZ_REMOTE|PROTO|TCP|IPC)"'
	exits 0 send -r "$READY" <<<x >told
	[ "$(cat told)" = "VZ_REMOTE=relay:$(key_of relay)" ]
	grep -q "\"event\":\"authenticated\",\"remote\":\"relay:$(key_of relay)\"" listen.err
	grep -q "\"event\":\"delivered\".*\"remote\":\"relay:$(key_of relay)\"" record
	run ! grep -q '"remote":"[0-9]' listen.err
}

@test "two relays and an address: messages come from all three" {
	relay
	one=$RELAY
	mkdir -m 700 two two/r
	cp "$(id_of other)" two/r/identity
	cd two
	relay
	cd "$OLDPWD"
	AT=("$one" 127.0.0.1:0 "$RELAY")
	listen -k --lines
	while read -r address; do
		exits 0 send "$address" < <(printf x)
	done <listen.ready
	[ "$(wc -l <listen.out)" -eq 3 ]
}

@test "a relay on a Unix socket is a relay" {
	AT=("$PWD/meeting")
	relay -v
	at_relay -k --lines
	exits 0 send "$ADDR" < <(printf met)
	[ "$(cat listen.out)" = met ]
}

@test "told to end, it leaves the relay and finishes what is under way" {
	relay -v
	mkdir in
	at_relay -d in -v
	mkfifo hold
	"$SEND" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo first >&8
	until_true grep -q 'message .* from' listen.err
	kill "$LISTENER"
	until_true grep -q 'stopping: ' listen.err
	until_true eval 'send "$ADDR" <<<new; [ "$?" -eq 69 ]'
	alive "$LISTENER"
	echo last >&8
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	holds 1 in
	printf 'first\nlast\n' | cmp - in/*
}

# senders N: so many send one message after the other until there is a file `enough`.
senders() {
	local i

	for ((i = 0; i < $1; i++)); do
		while [ ! -e enough ]; do
			"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <<<x 2>"sender.$i.err" || {
				echo "$?: $(cat "sender.$i.err")" >>failures
			}
			echo >>"sent.$i"
		done 3>&- &
		SENDERS+=("$!")
		STARTED+=("$!")
	done
}

@test "with --reuse-port a listener at a relay is replaced 10 times, and no sender notices" {
	local i pid sent=0
	local -a olds=()

	relay -v
	mkdir in
	at_relay -d in --reuse-port
	senders 2
	for ((i = 0; i < 10; i++)); do
		olds+=("$LISTENER")
		at_relay -d in --reuse-port
		sent=$((sent + 2))
		until_true eval '[ "$(cat sent.* 2>/dev/null | wc -l)" -ge '"$sent"' ]'
	done
	touch enough
	for pid in "${SENDERS[@]}"; do
		ended 0 "$pid"
	done
	[ ! -e failures ] || fail "$(sort failures | uniq -c)"
	for pid in "${olds[@]}"; do
		ended 0 "$pid"
	done
	holds "$(cat sent.* | wc -l)" in
}

@test "whose place is taken finishes what is under way, and a signal does not cut it short" {
	relay
	mkdir in
	at_relay -d in -v
	mkfifo hold
	"$SEND" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo first >&8
	until_true grep -q 'message .* from' listen.err
	old=$LISTENER
	mv listen.err old.err
	at_relay -d in 8>&-
	until_true grep -q 'stopping: 1 message' old.err
	kill "$old"
	exits 0 send "$ADDR" <<<new
	echo last >&8
	exec 8>&-
	ended 0 "$HELD"
	ended 77 "$old"
	holds 2 in
	printf 'first\nlast\n' | cmp - "$(grep -l last in/*)"
}

@test "whose place is taken with --reuse-port, and does not finish in time, does not end with 0" {
	relay
	mkdir in
	at_relay -d in -v --reuse-port --drain 200ms
	mkfifo hold
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo first >&8
	until_true grep -q 'message .* from' listen.err
	old=$LISTENER
	at_relay -d in 8>&-
	ended 75 "$old"
	ended 75 "$HELD"
	exec 8>&-
	empty in
}

@test "who comes through a relay and says nothing pushes out its like, and nobody else" {
	local i

	relay_of_three
	AT=(127.0.0.1:0 "$RELAY")
	listen -k --lines -v
	direct=$READY
	there=$(sed -n 2p listen.ready)
	mkfifo hold
	exec 8<>hold
	# One stranger of another source, who was there before all of them.
	exec 7<>"/dev/tcp/127.0.0.1/${direct##*:}"
	pushed() { [ "$(grep -c "relay:.*: pushed out by newer" listen.err)" -ge 4 ]; }
	for ((i = 1; i <= 60; i++)); do
		"$FAULT/relaypeer" -i "$(id_of carol)" "$RELAY" connect "$(key_of bob)" <hold >/dev/null 2>silent.err 3>&- 8>&- &
		STARTED+=("$!")
		said "$i" 'connection from relay:'
		! pushed || break
	done
	pushed || fail 'nobody was pushed out'
	run ! grep -q ' 127.0.0.1:.*: pushed out' listen.err
	exits 0 send "$there" < <(printf there)
	exits 0 send "$direct" < <(printf direct)
	[ "$(cat listen.out)" = $'there\ndirect' ]
	run ! grep -q ' 127.0.0.1:.*: pushed out' listen.err
	exec 7>&- 8>&-
}

@test "senders that come to the relay and go again keep nobody out" {
	relay_of_three
	mkdir in
	at_relay -d in
	"$FAULT/relaypeer" -i "$(id_of carol)" --at-once 8 "$RELAY" many "$(key_of bob)" 200 >many.out 2>many.err 3>&- &
	MANY=$!
	STARTED+=("$MANY")
	for ((i = 0; i < 10; i++)); do
		exits 0 patient --retry-for 60 "$ADDR" <<<"$i"
	done
	ended 0 "$MANY"
	exits 0 send "$ADDR" <<<last
	holds 11 in
}
