# vz-send --check: each step that fails is named, and says what to do.

load helpers
load relay

VZRELAY=$VZ_BUILD/bin/vz-relay

setup_file() {
	identities alice bob carol relay
}

# fails STATUS STEP REGEX [ARG...]: --check ends so, at that step, with a hint that says so.
fails() {
	local status=$1 step=$2 regex=$3

	shift 3
	exits "$status" send --check "$@"
	says send.err "^vz-send: $step: failed\$"
	says send.err "^vz-send: hint: .*$regex"
	[ "$(grep -c ': failed$' send.err)" -eq 1 ]
	[ "$(grep -c '^vz-send: hint: ' send.err)" -le 4 ]
}

@test "resolve" {
	fails 68 resolve "getent hosts no-such-host.invalid" -w 5 "$(key_of bob)@no-such-host.invalid:1"
}

@test "connect, to a port and to a socket" {
	fails 69 connect 'listen at \*:1 ' "$(key_of bob)@127.0.0.1:1"
	fails 69 connect "ls -l $PWD/none" "$(key_of bob)@$PWD/none"
	run ! grep -q 'ok,' send.err
}

@test "handshake, with another key and with another pre-shared key" {
	listen -k --lines
	fails 76 handshake 'vz-keygen -y' -w 5 "$(key_of carol)@${ADDR#*@}"
	says send.err '^vz-send: connect: ok'
	timeout 20 "$KEYGEN" -q --psk -f psk
	fails 76 handshake 'psk-file' -w 5 --psk-file psk "$ADDR"
}

@test "identity, when this host holds something against it" {
	mkdir -m 700 a
	cp "$(id_of alice)" a/identity
	key_of bob >a/revoked
	listen -k --lines
	exits 77 timeout 20 "$SEND" -i a/identity --check "$ADDR" 2>send.err
	says send.err '^vz-send: identity: failed$'
	says send.err 'on this host.s revoked list'
	says send.err 'hint: .*the file revoked beside the identity'
}

@test "rights, when the key is not on the list and when there is no room" {
	local held

	listen -k --lines --max-conns 1
	SENDER=carol fails 77 rights 'authorized there: ' "$ADDR"
	SENDER=carol fails 77 rights 'the words of vz-listen there' "$ADDR"
	mkfifo hold
	send "$ADDR" <hold &
	held=$!
	STARTED+=("$held")
	exec 7>hold
	printf x >&7
	until_true says listen.err . # it listens
	until_true fails 75 rights 'busy' "$ADDR"
	exec 7>&-
	wait "$held"
}

@test "round trip, when the connection is lost after it was let in" {
	local up

	listen -k --lines
	mangled
	exits 0 send --check "$THROUGH"
	until_true grep -q '^up ' mangle.out
	up=$(sed -n 's/^up \([0-9]*\) .*/\1/p' mangle.out)
	# Of what goes up, the ping and the goodbye are the last 29 and 22 bytes.
	mangled --cut $((up - 45))
	fails 65 'round trip' 'network drops' "$THROUGH"
	says send.err '^vz-send: rights: ok'
}

@test "relay, when another one answers, and match, when nobody is there" {
	relay
	fails 76 relay "vz-keygen -y. at the relay" -w 5 "$(key_of bob)@$(key_of carol)@${RELAY#*@}"
	fails 69 match "has to say 'listening on'" "$(key_of bob)@$RELAY"
	says send.err '^vz-send: relay: ok'
	SENDER=carol fails 77 match 'authorized file: connect ' "$(key_of bob)@$RELAY"
	fails 69 connect 'vz-relay' "$(key_of bob)@$(key_of relay)@127.0.0.1:1"
}

@test "match, when the listener does not come" {
	relay
	ALLOW=(--allow "$(key_of alice)")
	AT=("$RELAY")
	listen -k --lines
	kill -STOP "$LISTENER"
	fails 75 match 'reach the relay' -w 1 "$ADDR"
	kill -CONT "$LISTENER"
}

@test "rights and round trip through a relay" {
	relay
	ALLOW=(--allow "$(key_of carol)")
	AT=("$RELAY")
	listen -k --lines
	fails 77 rights 'authorized there: ' "$ADDR"
	says send.err '^vz-send: match: ok'
	says send.err '^vz-send: handshake: ok'
}

@test "-q leaves what is not an error away" {
	exits 69 send -q --check "$(key_of bob)@127.0.0.1:1"
	[ "$(wc -l <send.err)" -eq 1 ]
}
