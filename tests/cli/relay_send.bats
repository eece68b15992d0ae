#!/usr/bin/env bats
# vz-send through a relay: what arrives, what survives a relay that is killed, and each refusal.
load helpers
load relay

setup_file() {
	identities alice bob carol relay
}

# relay_of_three: carol may be registered there, too.
relay_of_three() {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "connect $(key_of alice)" "register $(key_of bob)" "register $(key_of carol)"
	relay
}

# relay_again: it starts anew where it was, after it was killed.
relay_again() {
	local -a AT=("${RELAY#*@}")

	relay
}

# listens OPTION...: bob listens at the relay. Sets LISTENER, ADDR.
listens() {
	local -a AT=("$RELAY")

	listen "$@"
}

# answers COMMAND ARG...: as listens, and each message is a command's.
answers() {
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 \
		--allow "$(key_of alice)" -k "$RELAY" -- "$@" || return
	LISTENER=$PID
	ADDR=$READY
}

# gone PID: a process of ours was killed, and is no more.
gone() {
	kill -9 "$1"
	wait "$1" || true
}

# Where nothing listens, as a relay's address: a relay that was there and is gone.
relay_that_is_gone() {
	relay
	gone "$RELAYING"
}

# at_relay NAME: the address of NAME at the relay.
at_relay() { echo "$(key_of "$1")@$RELAY"; }

# settled N: the listener's output has so many bytes.
settled() { [ "$(stat -c %s "$1")" -ge "$2" ]; }

@test "a file, standard input and a command's output arrive through a relay" {
	relay
	bytes 3000000 in
	mkdir dir
	listens -k --dir dir
	exits 0 send "$ADDR" in
	exits 0 send "$ADDR" <in
	exits 0 send --run "$ADDR" -- cat in
	holds 3 dir
	for file in dir/*; do
		cmp in "$file"
	done
}

@test "questions are answered, one and many" {
	relay
	answers tr '[:lower:]' '[:upper:]'
	printf 'a question' >in
	exits 0 send -r "$ADDR" in >out
	[ "$(cat out)" = 'A QUESTION' ]
	seq -f 'line %g' 300 >in
	exits 0 send -r --lines "$ADDR" <in >out
	tr '[:lower:]' '[:upper:]' <in | cmp - out
}

@test "many messages go over one connection" {
	relay
	listens --lines
	seq 20000 >in
	exits 0 send --lines "$ADDR" <in
	ended 0 "$LISTENER"
	cmp in listen.out
}

@test "several destinations, through the relay and direct, get the same" {
	relay_of_three
	bytes 5000000 in
	mkdir bob carol
	listens -k --dir bob
	started carol "$LISTEN" -i "$(id_of carol)" --allow "$(key_of alice)" --ready-fd 9 -k --dir carol \
		"$RELAY" 127.0.0.1:0
	direct=$(grep -vF "$RELAY" carol.ready)
	exits 0 send "$ADDR,$(at_relay carol),$direct,$ADDR" in
	[ "$(grep -c delivered send.err)" -eq 3 ]
	holds 1 bob
	holds 2 carol
	cmp in bob/*
	for file in carol/*; do
		cmp in "$file"
	done
}

@test "of more destinations at one relay than may wait there each is met" {
	local all='' i

	relay --allow-any
	for i in {1..20}; do
		mkdir -m 700 "l$i"
		"$KEYGEN" -f "l$i/identity" >/dev/null 2>&1
		started "l$i" "$LISTEN" -i "l$i/identity" --allow "$(key_of alice)" --ready-fd 9 "$RELAY"
		all+=,$READY
	done
	exits 0 send "${all#,}" < <(printf x)
	[ "$(grep -c delivered send.err)" -eq 20 ]
	for i in {1..20}; do
		[ "$(cat "l$i.out")" = x ]
	done
	# And with most of them away the others are met all the same.
	started again "$LISTEN" -i l20/identity --allow "$(key_of alice)" --ready-fd 9 "$RELAY"
	exits 69 send "${all#,}" < <(printf y)
	[ "$(cat again.out)" = y ]
	# Nor do those hold anybody up that are waited for.
	started patience "$LISTEN" -i l20/identity --allow "$(key_of alice)" --ready-fd 9 "$RELAY"
	"$SEND" --retry-for 1h -i "$(id_of alice)" "${all#,}" < <(printf z) 2>send.err 3>&- &
	STARTED+=($!)
	until_true grep -q z patience.out
}

@test "a name from peers is the relay, or all of it" {
	relay
	mkdir -m 700 a
	cp "$(id_of alice)" a/identity
	printf '%s\n' "hub $RELAY" "bob $(key_of bob)@hub" "also $(at_relay bob)" >a/peers
	listens -k --lines
	for to in bob also "$(key_of bob)@hub" "$(at_relay bob)"; do
		exits 0 timeout "$PATIENCE" "$SEND" -i a/identity "$to" < <(printf %s "$to") 2>send.err
	done
	# One and the same.
	exits 0 timeout "$PATIENCE" "$SEND" -i a/identity "bob,also" < <(printf both) 2>send.err
	[ "$(wc -l <listen.out)" -eq 5 ]
}

@test "a relay may be at a Unix socket, or at a name" {
	AT=("$PWD/hub" 127.0.0.1:0)
	relay
	unset AT
	[ "$RELAY" = "$(key_of relay)@$PWD/hub" ]
	listens -k --lines
	tcp=$(sed -n 2p relay.ready)
	exits 0 send "$ADDR" < <(printf 1)
	exits 0 send "$(key_of bob)@$tcp" < <(printf 2)
	exits 0 send "$(key_of bob)@${tcp%@*}@localhost:${tcp##*:}" < <(printf 3)
	exits 0 send -4 "$(key_of bob)@${tcp%@*}@localhost:${tcp##*:}" < <(printf 4)
	exits 68 send -6 "$(key_of bob)@$tcp" < <(printf 5)
	one_error send.err 'the relay is not there: no such host'
	[ "$(tr -d '\n' <listen.out)" = 1234 ]
}

@test "-v and --log-json tell each step" {
	relay
	listens -k --lines
	exits 0 send -v "$ADDR" < <(printf x)
	says send.err 'connected to the relay of '
	says send.err "the relay is ${RELAY%@*}; asked for "
	says send.err 'has come to the relay$'
	exits 0 send --log-json "$ADDR" < <(printf x)
	[ "$(jq -r 'select(.event | test("^(connect|relay|match|authenticated|sent|delivered)$")) | .event' send.err |
		tr '\n' ' ')" = 'connect relay match authenticated sent delivered ' ]
	[ "$(jq -r "select(.relay == \"${RELAY%@*}\" and .to == \"$ADDR\" and .us > 0) | .event" send.err | tr '\n' ' ')" = \
		'connect relay match ' ]
}

@test "--check names each step" {
	relay
	listens -k --lines
	exits 0 send --check "$ADDR"
	[ "$(sed -n 's/^vz-send: \([a-z ]*\): ok, [0-9.]* ms.*/\1/p' send.err | tr '\n' ,)" = \
		'connect,relay,match,handshake,rights,round trip,' ]
	exits 0 send --check "${ADDR%127.0.0.1:*}localhost:${ADDR##*:}"
	says send.err '^vz-send: resolve and connect: ok, '
}

@test "all of it works with every layer of the sandbox required" {
	relay
	listens -k --lines
	if ! send --sandbox require "$ADDR" < <(printf x); then
		says send.err 'sandbox' || return
		skip 'a layer is missing here'
	fi
	[ "$(cat listen.out)" = x ]
}

# stream_begins: alice sends to ADDR what comes to descriptor 6. Sets SENDER_PID.
stream_begins() {
	mkfifo pipe
	(BREAKS_END_SEND=(--retry-for 30) && send -v "$ADDR" <pipe) &
	SENDER_PID=$!
	STARTED+=("$SENDER_PID")
	exec 6>pipe
}

@test "a relay that is killed in mid-stream and started anew is a break, and all arrives once" {
	relay
	bytes 3000000 first
	bytes 3000000 second
	BREAKS_END_LISTEN=(--resume-window 1m)
	listens
	stream_begins
	cat first >&6
	until_true settled listen.out 2000000
	gone "$RELAYING"
	until_true grep -q 'connection refused; trying again' send.err
	relay_again 6>&-
	cat second >&6
	exec 6>&-
	ended 0 "$SENDER_PID"
	ended 0 "$LISTENER"
	cat first second | cmp - listen.out
	says send.err 'resumed$'
}

@test "so is one in a batch of messages, and questions are answered once" {
	relay
	BREAKS_END_LISTEN=(--resume-window 1m)
	answers cat
	seq 500 >in
	mkfifo pipe
	(BREAKS_END_SEND=(--retry-for 30) && send -v -r --lines "$ADDR" <pipe >out) &
	asker=$!
	STARTED+=("$asker")
	exec 6>pipe
	head -n 100 in >&6
	until_true settled out 100
	gone "$RELAYING"
	relay_again 6>&-
	tail -n +101 in >&6
	exec 6>&-
	ended 0 "$asker"
	cmp in out
	says send.err 'resumed$'
}

@test "a listener that has not come back to the relay is waited for" {
	relay
	bytes 1000000 in
	mkdir state
	BREAKS_END_LISTEN=(--resume-window 1m)
	listens --state state -o whole
	stream_begins
	cat in >&6
	until_true arrived 500000
	gone "$LISTENER"
	until_true grep -q 'not registered at the relay; trying again' send.err
	listens --state state -o whole 6>&-
	exec 6>&-
	ended 0 "$SENDER_PID"
	cmp in whole
}

@test "a connection through a relay that is an hour old is left for another one, without a break" {
	relay
	bytes 100000 in
	BREAKS_END_LISTEN=(--resume-window 1m)
	LISTEN=$FAULT/hourly/vz-listen listens
	mkfifo pipe
	"$FAULT/hourly/vz-send" -v -i "$(id_of alice)" "$ADDR" <pipe 2>send.err 3>&- &
	SENDER_PID=$!
	STARTED+=("$SENDER_PID")
	exec 6>pipe
	head -c 50000 in >&6
	until_true eval '[ "$(grep -c "renewed$" send.err)" -ge 2 ]'
	tail -c +50001 in >&6
	exec 6>&-
	ended 0 "$SENDER_PID"
	ended 0 "$LISTENER"
	cmp in listen.out
	run ! grep -E 'trying again|resumed' send.err
}

@test "--retry-for waits for a listener that has never been there" {
	relay
	BREAKS_END_SEND=(--retry-for 30)
	send -v "$(at_relay bob)" < <(printf patience) &
	sender=$!
	STARTED+=("$sender")
	until_true grep -q 'not registered at the relay; trying again' send.err
	listens --lines
	ended 0 "$sender"
	ended 0 "$LISTENER"
	[ "$(cat listen.out)" = patience ]
}

# Refusals.

@test "no relay there is 69" {
	relay_that_is_gone
	exits 69 send "$(at_relay bob)" < <(printf x)
	one_error send.err 'the relay is not there: connection refused'
	says send.err 'hint: is vz-relay running there\?'
}

@test "a listener that is not registered is 69" {
	relay
	exits 69 send "$(at_relay bob)" < <(printf x)
	one_error send.err 'not registered at the relay'
	says send.err 'hint: is vz-listen running there, with the relay as its address\?'
}

@test "a listener that does not come in time is 75" {
	relay
	listens -k --lines
	kill -STOP "$LISTENER"
	exits 75 send -w 1s "$ADDR" < <(printf x)
	one_error send.err 'did not come to the relay in time'
	kill -CONT "$LISTENER"
	exits 0 send "$ADDR" < <(printf x)
}

@test "one too many that waits for a listener is 75, and the others are not harmed" {
	local -a waiting=()

	relay
	listens -k --lines
	kill -STOP "$LISTENER"
	for n in 1 2 3 4; do
		"$SEND" -v -i "$(id_of alice)" "$ADDR" < <(printf %s "$n") 2>"waits$n.err" 3>&- &
		waiting+=($!)
		STARTED+=($!)
		until_true grep -q 'asked for' "waits$n.err"
	done
	exits 75 send "$ADDR" < <(printf x)
	one_error send.err 'the relay: try again later: too many wait'
	kill -CONT "$LISTENER"
	for pid in "${waiting[@]}"; do
		ended 0 "$pid"
	done
	[ "$(sort listen.out | tr -d '\n')" = 1234 ]
}

@test "another key than the relay's is 76, and so is what is no relay" {
	relay
	exits 76 send -w 300ms "$(key_of bob)@$(key_of carol)@${RELAY#*@}" < <(printf x)
	one_error send.err 'the relay: connected, but no answer in time'
	says send.err 'hint: not vz-relay, or another key than this one'
	listen -k --lines # direct
	exits 76 send -w 300ms "$(key_of carol)@$ADDR" < <(printf x)
	one_error send.err 'the relay: connected, but no answer in time'
	says send.err 'hint: not vz-relay, or another key than this one'
}

@test "a relay that does not know us is 77, and its operator's line is told" {
	relay
	SENDER=carol exits 77 send "$(at_relay bob)" < <(printf x)
	one_error send.err 'refused by the relay'
	says send.err "hint: its operator has to add this line to the relay's authorized file: connect $(key_of carol)( [A-Za-z0-9._@-]+)?$"
	# And with that line it is enough.
	may "$(sed -n "s/.*authorized file: //p" send.err)"
	kill "$RELAYING"
	ended 0 "$RELAYING"
	relay
	SENDER=carol exits 69 send "$(at_relay bob)" < <(printf x)
}

@test "a relay on the list of revoked keys is 77, and learns nothing" {
	relay
	mkdir -m 700 a
	cp "$(id_of alice)" a/identity
	key_of relay >a/revoked
	exits 77 timeout "$PATIENCE" "$SEND" -i a/identity "$(at_relay bob)" < <(printf x) 2>send.err
	one_error send.err "the relay: its key is on this host's revoked list"
}

@test "a listener that does not know us is 77 as without a relay, and its own line is told" {
	relay
	ALLOW=(--allow "$(key_of carol)")
	listens -k --lines
	exits 77 send "$ADDR" < <(printf x)
	one_error send.err 'refused'
	says send.err "hint: .*this line added to ~/.config/vz/authorized there: $(key_of alice)"
	says send.err "hint: .*runs with --allow, have this added: --allow $(key_of alice)$"
}

@test "the pre-shared key is the listener's, not the relay's" {
	relay
	"$KEYGEN" --psk >psk
	"$KEYGEN" --psk >other
	chmod 600 psk other
	listens -k --lines --psk-file psk
	exits 0 send --psk-file psk "$ADDR" < <(printf x)
	exits 76 send -w 1500ms --psk-file other "$ADDR" < <(printf x)
	one_error send.err 'connected, but no'
	says send.err 'hint: another pre-shared key than this one'
	[ "$(cat listen.out)" = x ]
}

@test "a relay with a pre-shared key of its own is none to who does not have it" {
	"$KEYGEN" --psk >psk
	"$KEYGEN" --psk >other
	chmod 600 psk other
	relay --psk-file psk
	listens -k --lines --relay-psk-file psk
	exits 0 send --relay-psk-file psk "$ADDR" < <(printf x)
	exits 76 send -w 1500ms --relay-psk-file other "$ADDR" < <(printf x)
	exits 76 send -w 1500ms "$ADDR" < <(printf x)
	exits 78 send --relay-psk-file /dev/null "$ADDR" < <(printf x)
	[ "$(cat listen.out)" = x ]
}

@test "-w bounds each wait" {
	relay
	kill -STOP "$RELAYING"
	exits 76 send -w 300ms "$(at_relay bob)" < <(printf x)
	one_error send.err 'the relay: connected, but no answer in time'
	kill -CONT "$RELAYING"
}

@test "an identity that was put back from a copy, or is revoked, is told so, and asks for no line" {
	local -a as=(-i "$PWD/alice/identity" --state "$PWD/alice/state")

	mkdir -m 700 alice copy r
	cp "$(id_of alice)" alice/identity
	cp alice/identity copy/identity
	cp "$(id_of relay)" r/identity
	key_of carol >r/revoked
	relay
	exits 69 "$SEND" "${as[@]}" "$(at_relay bob)" < <(printf x) 2>send.err
	timeout 30 "$KEYGEN" -q --rotate -f alice/identity
	exits 69 "$SEND" "${as[@]}" "$(at_relay bob)" < <(printf x) 2>send.err
	cp copy/identity alice/identity
	exits 77 "$SEND" "${as[@]}" "$(at_relay bob)" < <(printf x) 2>send.err
	says send.err 'refused by the relay: an older bundle'
	says send.err 'hint: .*--rotate'
	run ! grep -q 'authorized file' send.err
	exits 77 "$SEND" --store=only "${as[@]}" "$(at_relay bob)" < <(printf x) 2>send.err
	says send.err 'hint: .*--rotate'
	run ! grep -q 'authorized file' send.err
	# A listener there hears the same.
	exits 77 timeout "$PATIENCE" "$LISTEN" "${as[@]}" --allow "$(key_of bob)" "$RELAY" 2>listen.err 3>&-
	says listen.err 'hint: .*--rotate'
	run ! grep -q 'authorized file' listen.err
	# And where no line would help, none is asked for.
	SENDER=carol exits 77 send "$(at_relay bob)" < <(printf x)
	says send.err 'this key is revoked'
	run ! grep -q hint send.err
}
