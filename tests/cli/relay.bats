#!/usr/bin/env bats
# vz-relay: who may do what there, how much, and how it begins and ends.
load helpers
load relay

setup_file() {
	identities alice bob carol relay
}

@test "the options are understood, or refused with 64 and two lines" {
	exits 0 "$VZRELAY" --help >out
	grep -q '^usage: vz-relay' out
	exits 0 "$VZRELAY" --version >out
	grep -Eq '^vz-relay [0-9.]+$' out
	for bad in '' '--idle x 1' '--idle' '--max-listeners 0 1' '--max-conns 0 1' '--ttl 5 1' '--spool' \
		'--fsck' '--stats' '--spool s --fsck --stats' '--spool s --fsck 1' '--spool s --ttl 31d 1' \
		'--spool s --ttl 1ms 1' '--spool s --mailbox-size 0 1' '--mailbox-messages 5 1' \
		'--spool-size 1G 1' '--metrics= 1' '--spool= 1' '--nonsense' '1 --idle 5' 'vz1x@host:1'; do
		# shellcheck disable=SC2086 # words
		exits 64 "$VZRELAY" $bad </dev/null 2>usage.err || fail "$bad"
		[ "$(wc -l <usage.err)" -eq 2 ] || fail "$bad: $(cat usage.err)"
	done
	[ ! -e s ]
}

@test "without an authorised key it refuses to start, and --allow-any is said loudly" {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	exits 78 "$VZRELAY" -i r/identity --state st 0 2>no.err
	says no.err 'nobody is authorised, so nobody could use this relay'
	exits 78 "$VZRELAY" -i r/identity --state st -a missing 0 2>no.err
	says no.err 'missing: no such file'
	# Rights to send are none at a relay.
	key_of alice >r/authorized
	exits 78 "$VZRELAY" -i r/identity --state st 0 2>no.err
	says no.err 'line 1: no right at a relay'
	rm r/authorized
	relay --allow-any
	says relay.err 'warning: --allow-any: everybody who can connect may use this relay'
	registered bob
	reach 0
	kill "$RELAYING"
	ended 0 "$RELAYING"
}

@test "a file of rights that others may write is refused, and so are options that a relay cannot hold to" {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "connect $(key_of alice)"
	chmod 666 r/authorized
	exits 78 "$VZRELAY" -i r/identity --state st 0 2>no.err
	says no.err 'writable by others'
	may "connect,command=\"/bin/cat\" $(key_of alice)" "connect,name-match=\"x\" $(key_of carol)"
	chmod 600 r/authorized
	exits 78 "$VZRELAY" -i r/identity --state st 0 2>no.err
	says no.err 'line 1: command='
	says no.err 'line 2: name-match= at a relay'
	may "connect $(key_of alice)"
	echo garbage >r/revoked
	exits 78 "$VZRELAY" -i r/identity --state st 0 2>no.err
	says no.err 'revoked: line 1: not a key'
}

@test "two hosts are joined, and each end of a direction is passed on" {
	relay -v
	registered bob
	bytes 5000000 in
	exits 0 peer alice "$RELAY" connect "$(key_of bob)" <in >out
	cmp in out
	says relay.err 'parted: .*: 5000000 bytes there, 5000000 back$'
}

@test "each right is for what it says, and a line without any grants nothing" {
	relay
	may "register $(key_of bob)" "connect $(key_of alice)" "send $(key_of carol)"
	kill -HUP "$RELAYING"
	until_true grep -q 'line 3: no right at a relay' relay.err
	registered bob
	reach 0
	exits 77 peer alice "$RELAY" listen
	says peer.err 'this key may not register here'
	exits 77 peer alice "$RELAY" claim 00112233445566778899aabbccddeeff
	exits 77 peer bob "$RELAY" connect "$(key_of bob)" </dev/null
	says peer.err 'this key may not connect here'
	exits 77 peer carol "$RELAY" connect "$(key_of bob)" </dev/null
	says peer.err 'this key is not authorised here'
	exits 69 peer alice "$RELAY" connect "$(key_of carol)" </dev/null
	says peer.err 'no such listener'
}

@test "revoked, expired and from elsewhere are refused with 77" {
	relay
	may "register $(key_of bob)" "connect,expires=\"2020-01-01\" $(key_of alice)" "connect,from=\"192.0.2.1\" $(key_of carol)"
	kill -HUP "$RELAYING"
	registered bob
	reach 77
	says peer.err 'has expired'
	reach 77 carol
	says peer.err 'may not come from that address'
	may "register $(key_of bob)" "connect,from=\"127.0.0.0/8\" $(key_of carol)" "connect $(key_of alice)"
	kill -HUP "$RELAYING"
	until_true reach 0 carol
	key_of alice >r/revoked
	kill -HUP "$RELAYING"
	until_true reach 77
	says peer.err 'is revoked'
	reach 0 carol
}

@test "a changed file of rights ends what is not granted any more, a running pair too" {
	relay -v
	registered bob
	BOB=$PID
	joined_pair
	may "connect $(key_of alice)" "register $(key_of carol)"
	ended 77 "$BOB"
	says bob.err 'closed with 77'
	exec 8>&-
	ended 0,76 "$HELD"
	reach 69
	# The other one of a pair.
	may "register $(key_of bob)" "connect $(key_of alice)"
	until_true registered bob
	rm hold
	joined_pair
	key_of alice >r/revoked
	until_true grep -q 'this key is no longer authorised here' relay.err
	until_true grep -q 'parted: ' relay.err
	exec 8>&-
	ended 0,76 "$HELD"
	alive "$PID"
	# Still in the file, and without the right that it uses.
	may "connect $(key_of bob)"
	ended 77 "$PID"
	says bob.err 'no longer has that right'
}

@test "a damaged list of revoked keys lets nobody new in, and leaves who is there" {
	relay
	registered bob
	joined_pair
	echo garbage >r/revoked
	kill -HUP "$RELAYING"
	until_true grep -q 'nobody new gets in' relay.err
	reach 75
	says peer.err 'takes nobody new at the moment'
	echo more >&8
	until_true grep -q more held.out
	exec 8>&-
	ended 0 "$HELD"
	: >r/revoked
	kill -HUP "$RELAYING"
	until_true reach 0
}

@test "rate= bounds requests, max-conns= connections, and each says 75" {
	relay
	may "register $(key_of bob)" "connect,rate=\"1/s\",burst=\"2\" $(key_of alice)" "connect,max-conns=\"1\" $(key_of carol)"
	kill -HUP "$RELAYING"
	registered bob
	exits 0 peer alice --at-once 1 "$RELAY" many "$(key_of bob)" 20 >out
	grep -q '^75 ' out
	grep -q '^0 ' out
	until_true reach 75
	says peer.err 'this key is over its rate: try again in 1 s'
	mkfifo hold
	"$FAULT/relaypeer" -i "$(id_of carol)" "$RELAY" connect "$(key_of bob)" <hold >held.out 2>held.err 3>&- &
	STARTED+=("$!")
	exec 8>hold
	echo begun >&8
	until_true grep -q begun held.out
	reach 75 carol
	says peer.err 'too many connections here'
	exec 8>&-
	until_true reach 0 carol
}

@test "bytes= slows what a key sends, and nobody else" {
	relay --metrics metrics
	may "register $(key_of bob)" "connect,bytes=\"100k/s\" $(key_of alice)" "connect $(key_of carol)"
	kill -HUP "$RELAYING"
	registered bob
	bytes 400000 in
	began=$(date +%s%N)
	exits 0 peer alice "$RELAY" connect "$(key_of bob)" <in >out
	cmp in out
	# A second's bytes at once, and three seconds for the rest; a slow machine only takes longer.
	[ $((($(date +%s%N) - began) / 1000000)) -ge 1500 ]
	exits 0 peer carol "$RELAY" connect "$(key_of bob)" <in >out
	cmp in out
}

@test "an idle pair is ended, and so is one side that takes nothing" {
	relay -v --idle 1s -w 3s
	registered bob
	joined_pair
	until_true grep -q 'parted: .*timed out' relay.err
	exec 8>&-
	ended 0,76 "$HELD"
	rm hold
	mkfifo hold
	"$FAULT/relaypeer" -i "$(id_of alice)" "$RELAY" connect "$(key_of bob)" <hold >held.out 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo begun >&8
	until_true grep -q begun held.out
	kill -STOP "$HELD"
	# Its process that writes goes on, and nothing is read of what comes back.
	timeout 30 head -c 30000000 /dev/zero >&8 || true
	until_true eval '[ "$(grep -c "parted: " relay.err)" -ge 2 ]'
	kill -CONT "$HELD"
	exec 8>&-
}

@test "the newest listener of a key stays, and the other one is told 77" {
	relay
	registered bob
	FIRST=$PID
	registered bob
	ended 77 "$FIRST"
	reach 0
	alive "$PID"
}

@test "no more listeners than --max-listeners, no more connections than --max-conns" {
	relay --max-listeners 1 --max-conns 3
	may "register $(key_of bob)" "register,connect $(key_of carol)" "connect $(key_of alice)"
	kill -HUP "$RELAYING"
	registered bob
	until_true exits 75 peer carol "$RELAY" listen
	says peer.err 'too many listeners'
	joined_pair
	reach 75 carol
	says peer.err 'as many connections as it takes'
	exec 8>&-
	ended 0 "$HELD"
	until_true reach 0
}

@test "another's match cannot be claimed, nor one twice" {
	relay
	may "register $(key_of bob)" "register $(key_of carol)" "connect $(key_of alice)"
	kill -HUP "$RELAYING"
	registered bob --deaf
	"$FAULT/relaypeer" -i "$(id_of alice)" "$RELAY" connect "$(key_of bob)" <<<hello >held.out 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	until_true grep -q offer bob.out
	match=$(sed -n 's/^offer //p' bob.out | head -n 1)
	until_true eval 'exits 69 peer carol "$RELAY" claim "$match" </dev/null'
	says peer.err 'nobody waits in this match'
	alive "$HELD"
	exits 0 peer bob "$RELAY" claim "$match" </dev/null >claimed
	[ "$(cat claimed)" = hello ]
	ended 0 "$HELD"
	exits 69 peer bob "$RELAY" claim "$match" </dev/null
}

@test "thousands of matches that nobody answers, and a listener that reads nothing, are nobody else's matter" {
	relay --metrics metrics
	may "register $(key_of bob)" "register $(key_of carol)" "connect $(key_of alice)" "connect $(key_of relay)"
	kill -HUP "$RELAYING"
	registered carol
	CAROL=$PID
	kill -STOP "$CAROL"
	registered bob
	"$FAULT/relaypeer" -i "$(id_of relay)" --at-once 64 "$RELAY" many "$(key_of carol)" "${MATCHES:-1500}" >flood.out 2>flood.err 3>&- &
	FLOOD=$!
	STARTED+=("$FLOOD")
	for _ in 1 2 3 4 5; do
		reach 0
	done
	ended 0 "$FLOOD"
	# Four wait, and are told after 10 s, all others at once; some of a crowd had to make room.
	run ! grep '^0 ' flood.out
	[ "$(sed -n 's/^75 //p' flood.out)" -ge 100 ]
	[ "$(awk '{ n += $2 } END { print n }' flood.out)" -eq "${MATCHES:-1500}" ]
	reach 0
	kill -CONT "$CAROL"
	kill "$RELAYING"
	ended 0 "$RELAYING"
	[ "$(metric waiting)" -eq 0 ]
}

# crowd N SLOW: so many connections that lead nowhere, until descriptor 7 is closed (fault/crowd.c).
crowd() {
	local status=0

	mkfifo crowd.say
	"$FAULT/crowd" "$RELAY" "$1" "$2" <crowd.say >crowd.hear 2>crowd.err 3>&- 8>&- &
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

@test "a crowd of strangers keeps nobody out who comes again, and costs little" {
	relay
	registered bob
	joined_pair
	crowd 500 100
	for _ in 1 2 3; do
		until_true reach 0 7>&-
	done
	echo more >&8
	until_true grep -q more held.out
	exec 7>&- 8>&-
	ended 0 "$HELD"
	grep -qa __asan_init "$VZRELAY" ||
		[ "$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$RELAYING/status")" -lt 32768 ]
}

@test "without descriptors pairs go on, and it recovers" {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "register $(key_of bob)" "connect $(key_of alice)"
	started relay few 56 "$VZRELAY" -i r/identity --state r/state --ready-fd 9 127.0.0.1:0
	RELAYING=$PID
	RELAY=$READY
	registered bob
	joined_pair
	crowd 100 0
	echo more >&8
	until_true grep -q more held.out
	exec 7>&-
	ended 0 "$CROWD"
	until_true reach 0
	exec 8>&-
	ended 0 "$HELD"
}

@test "a client that says nothing, half of something or too much is ended, and nobody else" {
	relay -v -w 3s
	registered bob
	port=${RELAY##*:}
	for said in '' x '\0\60' "\\0\\60$(printf %048d 7)" "$(head -c 3000 /dev/zero | tr '\0' z)"; do
		(
			exec 7<>"/dev/tcp/127.0.0.1/$port"
			# shellcheck disable=SC2059 # it is what is to be said
			printf "$said" >&7
			timeout "$PATIENCE" cat <&7
		) >"said.$((++n))" 2>/dev/null 3>&- &
		STARTED+=("$!")
		SAYING+=("$!")
	done
	reach 0
	for pid in "${SAYING[@]}"; do
		ended 0,1 "$pid"
	done
	cat said.* >said
	[ ! -s said ]
	reach 0
}

@test "who fails before it has proved a key is told nothing, and held until its time is over" {
	relay -w 1h
	registered bob
	exec 7<>"/dev/tcp/127.0.0.1/${RELAY##*:}"
	printf '\0\60%048d' 7 >&7
	reach 0 7>&-
	reach 0 7>&-
	# Neither bytes nor an end.
	run ! read -r -t 0 -u 7
	exec 7>&-
}

@test "told to end, listeners are told 75, pairs go on, and it exits 0 when they have ended" {
	relay -v
	registered bob
	BOB=$PID
	joined_pair
	kill "$RELAYING"
	ended 75 "$BOB"
	says bob.err 'this relay is stopping'
	reach 75
	echo more >&8
	until_true grep -q more held.out
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$RELAYING"
	says relay.err 'stopping: 1 pair joined'
}

@test "the time of --drain over, pairs are cut and the signal ends it" {
	relay --drain 100ms
	registered bob
	joined_pair
	kill "$RELAYING"
	ended 143 "$RELAYING"
	says relay.err 'the time of --drain is over: 1 pair still joined'
	exec 8>&-
	ended 0,76 "$HELD"
}

@test "a second signal cuts at once" {
	relay --drain 1h
	registered bob
	joined_pair
	kill "$RELAYING"
	until_true grep -q 'stopping: ' relay.err
	kill "$RELAYING"
	ended 143 "$RELAYING"
	exec 8>&-
}

@test "another one takes its place on a shared port, and pairs end where they began" {
	relay --reuse-port -v
	OLD=$RELAYING
	registered bob
	joined_pair
	AT=("127.0.0.1:${RELAY##*:}")
	cp relay.err old.err
	started second "$VZRELAY" -i r/identity --state r/state --ready-fd 9 --reuse-port "${AT[@]}" 8>&-
	kill "$OLD"
	until_true registered bob 8>&-
	until_true reach 0
	echo more >&8
	until_true grep -q more held.out
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$OLD"
}

@test "with nothing to wait for, one whose port is shared ends as soon as its sockets are empty" {
	relay --reuse-port --drain 1h
	registered bob
	BOB=$PID
	kill "$RELAYING"
	ended 75 "$BOB"
	ended 0 "$RELAYING"
}

@test "events are JSON, and the record is whole and says who met whom" {
	command -v jq >/dev/null || skip 'no jq here'
	relay --log-json --audit log
	registered bob
	reach 0
	reach 77 carol
	kill "$RELAYING"
	ended 0 "$RELAYING"
	jq -e . relay.err >/dev/null
	for event in listening sandbox accepted authenticated registered joined parted refused ended draining drained; do
		jq -se "any(.event == \"$event\")" relay.err >/dev/null || fail "no event $event"
	done
	[ "$(jq -r 'select(.event == "parted") | "\(.key) \(.listener) \(.bytes_there) \(.bytes_back)"' relay.err)" = \
		"$(key_of alice) $(key_of bob) 6 6" ]
	timeout "$PATIENCE" "$KEYGEN" -q -f r/identity --verify-audit log >verified
	for event in accepted registered joined parted refused; do
		jq -se "any(.event == \"$event\")" log >/dev/null || fail "no line $event"
	done
	[ "$(jq -r 'select(.event == "parted") | .bytes' log)" -eq 12 ]
}

@test "a record that cannot be written ends it with 74, and nothing is joined unrecorded" {
	small_disk disk
	relay --audit disk/log
	registered bob
	BOB=$PID
	head -c 2M /dev/zero >disk/fill 2>/dev/null || true
	# The last block of the file has room for some lines.
	for _ in {1..40}; do
		peer alice "$RELAY" connect "$(key_of bob)" <<<x >back || break
	done
	ended 74 "$RELAYING"
	says relay.err 'cannot be written'
	ended 75 "$BOB"
}

@test "the metrics are OpenMetrics, whole at any time, and right" {
	relay --metrics metrics --spool spool
	registered bob
	reach 0
	reach 77 carol
	exits 69 peer alice "$RELAY" connect "$(key_of carol)" </dev/null
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 3 >/dev/null
	rm metrics
	kill -HUP "$RELAYING"
	until_true test -e metrics
	openmetrics metrics
	[ "$(metric matches_total)" -eq 1 ]
	[ "$(metric relayed_bytes_total)" -eq 12 ]
	[ "$(metric listeners)" -eq 1 ]
	[ "$(metric pairs)" -eq 0 ]
	[ "$(metric stored_messages)" -eq 3 ]
	[ "$(metric stored_bytes)" -eq 3000 ]
	[ "$(metric oldest_message_timestamp_seconds)" -gt 1700000000 ]
	[ "$(metric 'refusals_total{reason="absent"}')" -eq 1 ]
	[ "$(metric 'refusals_total{reason="key"}')" -eq 1 ]
	[ "$(metric 'store_commit_seconds_bucket{le="+Inf"}')" -eq "$(metric store_commit_seconds_count)" ]
	# Where it cannot be written that is said once, and all else goes on.
	rm metrics
	mkdir metrics
	kill -HUP "$RELAYING"
	until_true grep -q 'metrics: cannot be written' relay.err
	reach 0
}

# openmetrics FILE: as the specification has it: each family has its type before its samples and is
# not begun twice, counters end in _total, buckets only grow, and the last line is the end.
openmetrics() {
	awk '
		function bad(why) { print "line " NR ": " why ": " $0; failed = 1 }
		ended { bad("after the end") }
		/^# EOF$/ { ended = 1; next }
		/^# TYPE / {
			if ($3 in type || NF != 4 || $4 !~ /^(gauge|counter|histogram)$/) bad("type")
			type[$3] = $4; family = $3; last = -1
			next
		}
		/^# HELP / { if ($3 != family || NF < 4) bad("help"); next }
		!/^[a-z_]+([{][a-z]+="[^"]*"[}])? [0-9.e+-]+$/ { bad("sample"); next }
		{
			name = $1; sub(/[{].*/, "", name)
			if (type[family] == "counter" && name != family "_total") bad("no counter")
			if (type[family] == "gauge" && name != family) bad("no gauge")
			if (type[family] == "histogram" && name !~ "^" family "_(bucket|count|sum)$") bad("no histogram")
			if (name ~ /_bucket$/) { if ($2 + 0 < last) bad("shrinks"); last = $2 + 0 }
			if (seen[$1]++) bad("twice")
		}
		END { if (!ended) { print "no end"; failed = 1 }; exit failed }
	' "$1"
}

@test "the kernel holds it to its sandbox, and all goes on behind it" {
	complete() {
		! "$SEND" -v -i "$(id_of alice)" --check "$(key_of bob)@127.0.0.1:1" 2>&1 | grep -q 'sandbox: .*: missing'
	}
	complete || skip 'a layer is missing here'
	relay --sandbox=require --spool spool --metrics metrics --audit log
	for task in /proc/"$RELAYING"/task/*; do
		grep -q '^Seccomp:[[:space:]]*2$' "$task/status"
		grep -q '^NoNewPrivs:[[:space:]]*1$' "$task/status"
	done
	[ "$(find /proc/"$RELAYING"/task -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]
	registered bob
	reach 0
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 2 >/dev/null
	exits 0 peer bob "$RELAY" collect >got
	[ "$(wc -l <got)" -eq 2 ]
	kill "$RELAYING"
	ended 0 "$RELAYING"
}

@test "a listening socket can come from a service manager" {
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "register $(key_of bob)" "connect $(key_of alice)"
	started relay "$FAULT/fdpass" --ready-fd 9 -- "$VZRELAY" -i r/identity --state r/state
	RELAYING=$PID
	RELAY="$(key_of relay)@$READY"
	registered bob
	reach 0
	kill "$RELAYING"
	ended 0 "$RELAYING"
}

@test "a service manager is told when it is ready, and when it ends" {
	command -v socat >/dev/null || skip 'no socat here'
	socat -u UNIX-RECV:notify,mode=600 - >notified 2>socat.err 3>&- &
	STARTED+=("$!")
	until_true test -S notify
	NOTIFY_SOCKET=$PWD/notify relay
	until_true grep -q READY=1 notified
	registered bob
	reach 0
	kill "$RELAYING"
	ended 0 "$RELAYING"
	until_true grep -q STOPPING=1 notified
}
