#!/usr/bin/env bats
# vz-send --store: what is left at a relay for a host that is away.
load helpers

setup_file() {
	identities alice bob carol relay
}

# relay [OPTION...]: it keeps messages; alice may send and deposit, bob may register. Sets RELAYING
# (pid), RELAY; the same address again once it was started.
relay() {
	if mkdir -m 700 r 2>/dev/null; then
		cp "$(id_of relay)" r/identity
		printf '%s\n' "register $(key_of bob)" "connect,deposit $(key_of alice)" \
			"connect $(key_of carol)" >r/authorized
	fi
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --spool r/spool --ready-fd 9 -v \
		"$@" "${AT_RELAY:-127.0.0.1:0}" || return
	RELAYING=$PID
	RELAY=$READY
	AT_RELAY=${RELAY#*@}
	TO=$(key_of bob)@$RELAY
}

# at_relay OPTION...: bob listens there.
at_relay() {
	local -a BREAKS_END_LISTEN=() AT=("$RELAY")

	listen --state bobs "$@"
}

# known: bob has been at the relay, which knows his keys now, and is away again.
known() {
	mkdir -p visit
	at_relay -d visit
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

# store ARG...: alice leaves it there.
store() {
	send --state alices --store=only "$@"
}

# waits N: so many messages are kept.
waits() {
	kill "$RELAYING"
	ended 0,143 "$RELAYING" || return
	[ "$("$VZ_BUILD/bin/vz-relay" --spool r/spool --stats | jq .messages)" -eq "$1" ] || fail "not $1 wait" || return
	relay
}

@test "what is stored while the listener is away comes to it when it is back" {
	relay
	known
	bytes 3000000 data
	exits 0 store "$TO" data
	[ ! -s send.err ]
	exits 0 store "$TO" <<<second
	exits 0 store -n --name nothing "$TO"
	mkdir in
	at_relay -d in
	until_true placed 3 in
	cmp data in/*-data
	[ "$(cat in/*-nothing)" = '' ]
	grep -q second in/*
}

@test "a command's output is stored when it ended well, and not at all when it did not" {
	relay
	known
	exits 0 store --run "$TO" -- sh -c 'echo made'
	exits 65 store --run "$TO" -- sh -c 'echo half; exit 3'
	says send.err 'exited 3'
	exits 66 store --run "$TO" -- /nonexistent
	mkdir in
	at_relay -d in
	until_true placed 1 in
	[ "$(cat in/*)" = made ]
}

@test "each item is a message, and comes in order" {
	relay
	known
	seq 300 >items
	exits 0 store --lines "$TO" <items
	exits 0 store --log-json -v --frames "$TO" < <(printf '\0\0\0\1x\0\0\0\0')
	[ "$(grep -c '"event":"stored"' send.err)" -eq 2 ]
	exits 65 store --frames "$TO" < <(printf '\0\0\0\1y\0\0\0\5zz')
	says send.err 'cut short'
	at_relay -k --lines
	until_true grep -qx y listen.out
	(cat items && printf 'x\n\ny\n') | cmp - listen.out
}

@test "16 MiB sealed are taken, and a byte more is refused before it goes anywhere" {
	relay --sender-size 100M --mailbox-size 100M
	known
	# What age, the archive and the manifest add.
	truncate -s 16768000 fits
	truncate -s 16777216 long
	exits 0 store "$TO" fits
	exits 77 store "$TO" long
	says send.err 'longer than what is kept'
	says send.err hint:
	exits 77 store "$TO" - <long
	exits 77 store "$TO" long fits
	exits 77 store --lines "$TO" < <(echo a; tr '\0' x <long; echo; echo b)
	says send.err 'message 2: longer'
	waits 4
}

@test "auto: delivered while the listener is there, and stored with status 80 when it is not" {
	relay
	mkdir in
	at_relay -d in
	exits 0 send --state alices --store=auto "$TO" <<<live
	grep -q live in/*
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 80 send --state alices --store=auto "$TO" <<<away
	says send.err 'away: stored at the relay, not delivered yet'
	exits 80 send --state alices --store=auto --lines "$TO" <<<$'one\ntwo'
	exits 80 send --state alices --store=auto --run "$TO" -- echo made
	at_relay -d in
	until_true placed 5 in
	[ "$(for file in in/*; do cat "$file" && echo; done | sort | xargs)" = 'away live made one two' ]
}

@test "auto: a listener that is there and refuses is not gone round" {
	relay
	mkdir in
	ALLOW=(--allow "$(key_of carol)")
	at_relay -k -d in
	exits 77 send --state alices --store=auto "$TO" <<<x
	waits 0
}

@test "auto: a listener that is registered and does not come is away, too" {
	relay
	known
	started deaf "$FAULT/relaypeer" -i "$(id_of bob)" --deaf --ready-fd 9 "$RELAY" listen
	exits 80 send --state alices -w 1 --store=auto "$TO" <<<x
	says send.err 'away: stored at the relay'
	kill "$PID"
	ended 0,143 "$PID"
	mkdir in
	at_relay -d in
	until_true placed 1 in
	[ "$(cat in/*)" = x ]
}

@test "of several destinations each goes its own way, and each has its line" {
	relay
	known
	printf '%s\n' "register $(key_of bob)" "connect,deposit $(key_of alice)" "register $(key_of carol)" >r/authorized
	kill -HUP "$RELAYING"
	mkdir carols
	started carol "$LISTEN" -i "$(id_of carol)" --state cs --ready-fd 9 --allow "$(key_of alice)" -k -d carols "$RELAY"
	exits 80 send --state alices --store=auto "$TO,$(key_of carol)@$RELAY" <<<both
	says send.err "^vz-send: $(key_of bob)@.*: stored, 5"
	says send.err "^vz-send: $(key_of carol)@.*: delivered, 5"
	[ "$(cat carols/*)" = both ]
	mkdir in
	at_relay -d in
	until_true placed 1 in
	exits 0 send --state alices --store=only --lines "$TO,$(key_of carol)@$RELAY" < <(seq 100)
	until_true placed 101 in
	until_true placed 101 carols
}

@test "an interrupt stores nothing of what was not whole, and ends by the signal" {
	relay
	known
	mkfifo hold
	"$SEND" -v -i "$(id_of alice)" --state alices --store=only "$TO" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo half >&8
	until_true grep -q 'asked for' held.err
	kill -TERM "$HELD"
	ended 143 "$HELD"
	exec 8>&-
	waits 0
}

@test "a failure counts more than that something was stored" {
	relay
	known
	exits 66 send --state alices --store=auto "$TO" items missing < <(echo)
	echo x >good
	exits 66 send --state alices --store=auto "$TO" good missing
	waits 1
}

@test "without a relay, with a question or with --check it is no use" {
	exits 64 send --store=only "$(key_of bob)@127.0.0.1:9" <<<x
	says send.err 'not reached through a relay'
	for more in -r --check; do
		exits 64 send --store=auto $more "$(key_of bob)@$(key_of relay)@127.0.0.1:9" <<<x
		says send.err 'exclude each other'
	done
	exits 64 send --store=maybe "$(key_of bob)@$(key_of relay)@127.0.0.1:9" <<<x
	exits 64 send --expires 1d "$(key_of bob)@$(key_of relay)@127.0.0.1:9" <<<x
	for time in 31d 0 -1 x; do
		exits 64 send --store=only --expires "$time" "$(key_of bob)@$(key_of relay)@127.0.0.1:9" <<<x
	done
}

@test "who was never there, who may not deposit, and a relay that keeps nothing: each has its words" {
	relay
	exits 69 store "$TO" <<<x
	says send.err 'no bundle of that key is known here'
	known
	SENDER=carol exits 77 send --state carols --store=only "$TO" <<<x
	says send.err "hint: .*the right deposit .*that of $(key_of carol)"
	kill "$RELAYING"
	ended 0,143 "$RELAYING"
	exits 69 store "$TO" <<<x
	says send.err 'the relay is not there'
	started plain "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --ready-fd 9 127.0.0.1:0
	exits 69 store "$(key_of bob)@$READY" <<<x
	says send.err 'keeps no messages'
	says send.err 'hint: .*--spool'
}

@test "a full mailbox is status 75, and what was stored before stays" {
	relay --mailbox-messages 2
	known
	exits 0 store "$TO" <<<one
	exits 0 store "$TO" <<<two
	exits 75 store "$TO" <<<three
	says send.err 'this mailbox is full'
	exits 75 store --lines "$TO" <<<$'four\nfive'
	waits 2
}

@test "the keys of the destination that were sealed for are the latest that were seen" {
	relay
	cp -r "$(dirname "$(id_of bob)")" old
	cp -r old new
	"$KEYGEN" -q -f new/identity --rotate
	# Alice meets the new ones.
	mkdir in
	started listen "$LISTEN" -i new/identity --state bobs --ready-fd 9 --allow "$(key_of alice)" -d in 127.0.0.1:0
	exits 0 send --state alices "$READY" <<<hello
	# The relay knows the old ones only.
	known
	exits 77 store "$TO" <<<x
	says send.err 'older than ones seen before'
	waits 0
}

@test "a relay takes up its renewed keys while it runs, and who has its old ones is not believed" {
	relay
	known
	exits 0 store "$TO" <<<one
	cp r/identity old
	"$KEYGEN" -q -f r/identity --rotate
	exits 0 store "$TO" <<<two
	kill "$RELAYING"
	ended 0,143 "$RELAYING"
	mv old r/identity
	relay
	exits 77 store "$TO" <<<three
	says send.err 'the relay: its session keys are older than ones seen before'
	waits 2
}

@test "a destination that renewed its keys is sealed for by the new ones once it has been at the relay" {
	relay
	known
	exits 0 store "$TO" <<<old
	cp -r "$(dirname "$(id_of bob)")" b
	"$KEYGEN" -q -f b/identity --rotate
	mkdir in
	started listen "$LISTEN" -i b/identity --state bobs --ready-fd 9 --allow "$(key_of alice)" -d in "$RELAY"
	until_true placed 1 in
	kill "$PID"
	ended 0 "$PID"
	exits 0 store "$TO" <<<new
	# The old file alone opens only what is from before; with both keys all of it comes.
	started listen "$LISTEN" -i b/identity --state bobs --ready-fd 9 --allow "$(key_of alice)" -d in "$RELAY"
	until_true placed 2 in
	[ "$(cat in/* | sort)" = $'new\nold' ]
}

@test "a revoked destination gets nothing" {
	relay
	known
	cp -r "$(dirname "$(id_of alice)")" a
	key_of bob >a/revoked
	exits 77 "$SEND" -i a/identity --state alices --store=only "$TO" <<<x 2>send.err
	says send.err revoked
	waits 0
}

@test "two at a time count without a number twice, and a damaged count is told" {
	relay
	known
	for n in 1 2 3 4; do
		"$SEND" -i "$(id_of alice)" --state alices --store=only --log-json "$TO" <<<"$n" 2>"$n.json" 3>&- &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ "$(cat ./*.json | jq -r 'select(.event == "stored").id' | sort -u | wc -l)" -eq 4 ]
	[ "$(stat -c %a alices/mail.db)" = 600 ]
	chmod 640 alices/mail.db
	exits 78 store "$TO" <<<x
	says send.err 'mail.db: unsafe'
	chmod 600 alices/mail.db
	echo junk >alices/mail.db
	exits 78 store "$TO" <<<x
	says send.err 'hint: .*remove it'
	rm alices/mail.db*
	exits 0 store "$TO" <<<x
	mkdir in
	at_relay -d in
	until_true placed 5 in
}

@test "a relay that is killed in the middle: after --retry-for each message is there once" {
	relay
	known
	seq 900 >items
	mkfifo hold
	"$SEND" -i "$(id_of alice)" --state alices --store=only -vv --lines "$TO" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	head -n 500 items >&8
	until_true grep -q 'message 400: stored' held.err
	kill -9 "$RELAYING"
	ended 137 "$RELAYING"
	tail -n +501 items >&8
	exec 8>&-
	relay
	ended 0 "$HELD"
	at_relay -k --lines
	until_true grep -qx 900 listen.out
	cmp items listen.out
}

@test "what breaks off in the handshake is tried again where the relay has been met, and else not" {
	cat >hang_up.py <<-'PY'
		import os, socket, sys
		door = socket.create_server(('127.0.0.1', int(sys.argv[1])))
		os.write(9, b'there\n')
		os.close(9)
		for _ in range(int(sys.argv[2])):
		    door.accept()[0].close()
	PY
	relay
	known
	mkfifo hold
	"$SEND" -vv -i "$(id_of alice)" --state alices --store=only --lines "$TO" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo one >&8
	until_true grep -q 'message 1: stored' held.err
	kill -9 "$RELAYING"
	ended 137 "$RELAYING"
	started hang python3 hang_up.py "${AT_RELAY#*:}" 2 8>&-
	ended 0 "$PID"
	relay 8>&-
	echo two >&8
	exec 8>&-
	ended 0 "$HELD"
	waits 2
	kill "$RELAYING"
	ended 0,143 "$RELAYING"
	started hang python3 hang_up.py "${AT_RELAY#*:}" 1
	exits 76 store --retry-for 10 "$TO" <<<x
	ended 0 "$PID"
}

@test "a number that was taken and never used leaves a gap, and the listener says so" {
	relay
	known
	exits 0 store --lines "$TO" <<<one
	sqlite3 alices/mail.db 'UPDATE count SET last = last + 2'
	exits 0 store --lines "$TO" <<<two
	at_relay -k --lines
	until_true grep -qx two listen.out
	[ "$(cat listen.out)" = $'one\ntwo' ]
	until_true grep -q 'was not delivered, and a later one was' listen.err
}
