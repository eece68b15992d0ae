#!/usr/bin/env bats
# What a relay learns (vz-protocol(7) RELAYS, SECURITY.md): everything that it stores, logs and passes
# on is searched for what was sent and for names.
load helpers

BODY='the treasure lies under the third oak'
ANSWER='then dig there before the moon is up'
NAME='Quarterly Figures 2031.ods'
LETTER='keep this until he is at home again'
LETTER_NAME='Letter To My Brother.txt'

setup_file() {
	local who

	for who in relay alice bob; do
		mkdir -m 700 "$BATS_FILE_TMPDIR/$who"
	done
	timeout 30 "$KEYGEN" -f "$(id_of relay)" -C 'operator of this relay' >"$BATS_FILE_TMPDIR/relay/key"
	timeout 30 "$KEYGEN" -f "$(id_of alice)" -C 'alice at the lighthouse' >"$BATS_FILE_TMPDIR/alice/key"
	timeout 30 "$KEYGEN" -f "$(id_of bob)" -C 'bob in the boat house' >"$BATS_FILE_TMPDIR/bob/key"
}

# What a relay must not learn.
secrets() {
	printf '%s\n' "$BODY" "$ANSWER" "$NAME" "$LETTER" "$LETTER_NAME" 'alice at the lighthouse' \
		'bob in the boat house' fox-den-relay bobs-hideout my-old-friend-al
}

# found FILE...: the texts, a line each, that are in these in any form.
found() {
	exits 0,1 "$FAULT/seeker" texts "$@" >seen
	sed 's/^[^:]*: [^:]*: //' seen | sort -u
}

# relay_and_wire: a relay that tells and keeps all that it can, and who records what comes to it and
# goes from it. Sets RELAY, the address there.
relay_and_wire() {
	mkdir -m 700 relay a b
	mkdir wire
	printf '%s\n' "connect,deposit $(key_of alice)" "register $(key_of bob)" \
		"deposit $("$FAULT/mailman" keys --depositors 1 | sed -n 's/^deposit //p')" >relay/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -vv --log-json -i "$(id_of relay)" --state relay/state \
		--authorized relay/authorized --spool relay/spool --audit relay/audit --metrics relay/metrics \
		--ready-fd 9 127.0.0.1:0
	RELAY_PID=$PID
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$READY" --record wire
	RELAY=$READY
	cp "$(id_of alice)" a/identity
	printf '%s\n' "fox-den-relay $RELAY" "bobs-hideout $(key_of bob)@fox-den-relay" >a/peers
	cp "$(id_of bob)" b/identity
	echo "fox-den-relay $RELAY" >b/peers
	echo "$(key_of alice) my-old-friend-al" >b/authorized
	secrets >texts
}

# bob OPTION...: he listens at the relay.
bob() {
	started bob "$LISTEN" -v --log-json -i b/identity --state b/state --authorized b/authorized --ready-fd 9 -k \
		"$@"
}

# alice ARG...: she sends.
alice() {
	timeout "$PATIENCE" "$SEND" -v --log-json -i a/identity --state a/state "$@" 2>>alice.err 3>&-
}

# told: the relay has ended, and everything that it had to say is said.
told() {
	kill -HUP "$RELAY_PID"
	until_true [ -s relay/metrics ]
	kill "$RELAY_PID"
	ended 0 "$RELAY_PID"
	# It did learn something: who, and how much.
	grep -q "$(key_of alice)" relay.err
	grep -q "$(key_of bob)" relay/audit
	grep -q '^vz_relay_' relay/metrics
	run ! grep -i vz1 relay/metrics
}

@test "a relay learns nothing of what is sent through it, nor of any name" {
	relay_and_wire
	# Often enough that no boundary of blocks hides all of it.
	yes "$BODY" | head -n 5000 >body
	echo "$ANSWER" >reply
	bob fox-den-relay -- sh -c 'cat >taken; echo "$VZ_MESSAGE_NAME $VZ_PEER_NAME" >>taken; cat reply'
	alice -r --sign --name "$NAME" bobs-hideout body >answer
	cmp reply answer
	told
	# It all went through.
	[ "$(cat wire/* | wc -c)" -gt "$(($(stat -c %s body)))" ]
	found relay relay.err relay.out wire >learned
	[ ! -s learned ] || fail "the relay knows: $(cat seen)"
	# The same search finds each where it belongs.
	found taken answer a b >known
	secrets | grep -v -e "$LETTER" -e "$LETTER_NAME" | sort | cmp - known
}

@test "a relay learns nothing of what it keeps for somebody who is away, nor of any name" {
	relay_and_wire
	mkdir inbox
	# He was there once, so that the relay has his keys.
	bob --dir inbox fox-den-relay
	kill "$PID"
	ended 0 "$PID"
	yes "$LETTER" | head -n 5000 >letter
	alice --store=only --name "$LETTER_NAME" bobs-hideout letter
	# While it waits, and after.
	cp -r relay/spool spool.before
	[ "$(cat spool.before/spool.db* | wc -c)" -gt "$(stat -c %s letter)" ]
	bob --dir inbox fox-den-relay
	until_true eval 'cmp -s letter inbox/*'
	kill "$PID"
	ended 0 "$PID"
	told
	found spool.before relay relay.err relay.out wire >learned
	[ ! -s learned ] || fail "the relay knows: $(cat seen)"
	ls inbox >names
	found inbox names a b >known
	secrets | grep -v -e "$BODY" -e "$ANSWER" -e "$NAME" | sort | cmp - known
}

@test "the same search finds what is not encrypted from host to host, on the way and in the spool" {
	relay_and_wire
	started bob "$FAULT/relaypeer" -i b/identity --ready-fd 9 "$RELAY" listen
	echo "$BODY" | timeout "$PATIENCE" "$FAULT/relaypeer" -i a/identity "$RELAY" connect "$(key_of bob)" >answer 3>&-
	echo "$LETTER" | timeout "$PATIENCE" "$FAULT/mailman" put --relay "$RELAY" "$(key_of bob)" >kept 3>&-
	told
	[ "$(found wire)" = "$BODY" ]
	[ "$(found relay/spool)" = "$LETTER" ]
}

@test "the search finds a text in every form" {
	secrets >texts
	mkdir forms
	printf 'THE TREASURE lies under the third oak' >forms/0
	rev <<<"$BODY" >forms/1
	iconv -t UTF-16LE <<<"$BODY" >forms/2
	iconv -t UTF-16BE <<<"$BODY" >forms/3
	od -An -v -tx1 <<<"$BODY" | tr -d ' \n' >forms/4
	od -An -v -tx1 <<<"$BODY" | tr -d '\n' | tr 'a-f ' 'A-F%' >forms/5
	tr ' ' '_' <<<"$BODY" >forms/6
	echo "${BODY// /%20}" >forms/7
	for before in '' x xy xyz; do
		base64 -w 0 <<<"$before$BODY" >"forms/b${#before}"
		basenc --base64url -w 0 <<<"$before$BODY?>?>" >"forms/u${#before}"
	done
	for file in forms/*; do
		[ "$(found "$file")" = "$BODY" ] || fail "$file: $(cat seen)"
	done
	echo 'the treasure lies under the third ash' >other
	[ -z "$(found other)" ]
}
