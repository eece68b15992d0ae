#!/usr/bin/env bats
# A relay that lies: the hosts find it, and nothing is delivered that was not sent.
load helpers

setup_file() {
	identities alice bob carol dave
}

# liar [LIE]...: such a relay (tests/fault/liar.c). Sets LIAR, RELAY, DOOR. Lies go to descriptor 7.
liar() {
	[ -p commands ] || mkfifo commands
	exec 7<>commands
	fed_liar() { exec "$FAULT/liar" --ready-fd 9 "$@" <commands 7>&-; }
	started liar fed_liar "$@" || return
	LIAR=$PID
	RELAY=$READY
	DOOR=$(sed -n 2p liar.ready)
}

# did N WORD: the liar has said so at least so often.
did() {
	[ "$(grep -c "^$2\$" liar.out)" -ge "$1" ]
}

# lie WORDS: from now on.
lie() {
	local n

	n=$(grep -c "^$1\$" liar.out) || true
	echo "$1" >&7
	until_true did $((n + 1)) "$1"
}

# listens [WHO]: bob, or WHO, at the relay. Messages are files in got.
listens() {
	local -a AT=("$RELAY" "${AT[@]}")

	mkdir -p got
	listen -v -w 2 --dir got -i "$(id_of "${1:-bob}")"
}

# at_relay NAME: the address of NAME at the relay.
at_relay() { echo "$(key_of "$1")@$RELAY"; }

# prefix FILE OF: nothing else than its beginning.
prefix() {
	cmp -n "$(stat -c %s "$1")" "$1" "$2"
}

@test "bytes that are cut off, changed, left out, repeated or moved are found on either side" {
	local what at way

	bytes 300000 in
	liar
	AT=("$RELAY")
	listen -w 2 -k --max-size 1M --echo
	send -r "$ADDR" <in >back
	cmp in back
	for what in cut flip drop repeat reorder; do
		for at in 900:910 280000:281000; do
			for way in up down; do
				lie honest
				lie "$what $at $way"
				exits 65 send -r "$ADDR" <in >back
				prefix back in
				says send.err 'broke|not whole|does not verify|tampered'
			done
		done
	done
	lie honest
	send -r "$ADDR" <in >back
	cmp in back
}

@test "so are they in the handshake" {
	local what

	liar
	listens
	for what in 'flip 20:21 up' 'flip 20:21 down' 'repeat 0:10 down'; do
		lie honest
		lie "$what"
		exits 76 send "$ADDR" <<<hello
		says send.err 'no valid answer'
	done
	empty got
}

@test "a relay that cuts every connection only costs time: what was begun goes on, and arrives once" {
	local BREAKS_END_LISTEN=() BREAKS_END_SEND=()

	bytes 1000000 in
	liar
	listens
	lie 'cut 300000'
	send "$ADDR" in
	holds 1 got
	cmp in got/*
	did 4 connect
}

@test "two senders that each get the other's match are joined with nobody" {
	local first status=0

	liar swap-senders
	ALLOW=(--allow "$(key_of alice)" --allow "$(key_of carol)")
	listens
	echo first | timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of carol)" "$ADDR" 2>carol.err 3>&- 7>&- &
	first=$!
	STARTED+=("$first")
	until_true did 1 claim
	exits 76 send "$ADDR" <<<second
	ended 76 "$first"
	empty got
	lie honest
	send "$ADDR" <<<third
	[ "$(cat got/*)" = third ]
}

@test "a sender and a listener that are told different matches do not meet" {
	liar other-match
	listens
	exits 76 send "$ADDR" <<<hello
	says send.err 'no valid answer'
	empty got
}

@test "a session for the relay that goes to the listener directly is none" {
	local direct

	liar
	AT=(127.0.0.1:0)
	listens
	direct=$(sed -n 's/^\(vz1[^@]*@127.*\)/\1/p' listen.ready)
	lie "as-direct ${direct##*:}"
	exits 76 send "$(at_relay bob)" <<<relayed
	says send.err 'no valid answer'
	empty got
	send "$direct" <<<direct
	[ "$(cat got/*)" = direct ]
}

@test "a direct session that goes through the relay is none" {
	liar as-relayed
	listens
	exits 76 send "$(key_of bob)@$DOOR" <<<direct
	did 1 door
	did 1 claim
	empty got
	send "$(at_relay bob)" <<<relayed
	[ "$(cat got/*)" = relayed ]
}

@test "a session that is played again delivers nothing, also to a listener started anew" {
	liar
	listens
	send "$ADDR" <<<once
	holds 1 got
	lie replay
	until_true says listen.err 'before it was authenticated'
	kill "$LISTENER"
	ended 0 "$LISTENER"
	rm listen.err
	listens
	lie replay
	until_true says listen.err 'before it was authenticated'
	send "$ADDR" <<<again
	holds 2 got
	[ "$(cat got/*)" = "$(printf 'once\nagain')" ] || [ "$(cat got/*)" = "$(printf 'again\nonce')" ]
}

# away WHO: has been at the relay, and is not now.
away() {
	listens "$1"
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

# store WHO WORD...: one message each is left for WHO, and acknowledged.
store() {
	local who=$1 word

	shift
	for word; do
		send --store=only "$(at_relay "$who")" <<<"$word" || return
	done
}

# back N: bob is at the relay again until it has heard of N messages that they were dealt with.
back() {
	local before

	before=$(grep -c '^taken$' liar.out) || true
	listens
	until_true did $((before + $1)) taken
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

# delivered WORD...: these and no others, in any order.
delivered() {
	[ "$(cat got/* | sort)" = "$(printf '%s\n' "$@" | sort)" ] || fail "delivered: $(cat got/*)"
}

@test "a bundle that is another's, changed or old is refused, and nothing is sealed for it" {
	liar
	away carol
	away dave
	lie other-bundle
	exits 76 store dave hello
	says send.err 'the relay gave out the keys of another host'
	lie honest
	lie bad-bundle
	exits 76 store dave hello
	says send.err 'does not verify'
	lie honest
	store dave first
	"$KEYGEN" -q --rotate -f "$(id_of dave)"
	away dave
	store dave second
	did 2 deposited
	lie old-bundle
	exits 77 store dave third
	says send.err 'its session keys are older than ones seen before'
	run ! did 3 deposited
}

@test "a message that is acknowledged and forgotten is missed at the next one" {
	liar
	away bob
	store bob one
	back 1
	lie lose
	store bob two
	lie honest
	store bob three
	back 1
	delivered one three
	says listen.err 'mail [0-9]* of vz1[a-z0-9]* was not delivered, and a later one was'
}

@test "messages that are handed out again are delivered once, also by a listener started anew" {
	liar
	away bob
	store bob one two
	lie twice
	back 4
	delivered one two
	[ "$(grep -c 'it was delivered before' listen.err)" -eq 2 ]
	lie honest
	lie keep
	back 2
	delivered one two
	[ "$(grep -c 'it was delivered before' listen.err)" -eq 2 ]
}

@test "messages in another order are missed until they come, and come once" {
	liar
	away bob
	store bob one
	back 1
	store bob two three
	lie newest-first
	back 2
	delivered one two three
	says listen.err 'mail [0-9]* of vz1[a-z0-9]* was not delivered, and a later one was'
}

@test "a message for another mailbox is not opened" {
	liar
	away bob
	away carol
	store carol secret
	lie swap-boxes
	back 1
	empty got
	says listen.err 'thrown away'
	run ! grep -q secret listen.err
}

@test "a message that was changed is thrown away with a word" {
	liar
	away bob
	store bob hello
	lie bad-mail
	back 1
	empty got
	says listen.err 'thrown away: does not verify'
}
