#!/usr/bin/env bats
# vz-relay --spool: what is kept, for whom, and how much of it; --fsck and --stats.
load helpers
load relay

setup_file() {
	identities alice bob carol relay
}

# stat NAME: that number of --stats.
stat_of() {
	"$VZRELAY" --spool spool --stats | jq ".$1"
}

@test "what was deposited is collected by its recipient, once, also after a restart" {
	command -v jq >/dev/null || skip 'no jq here'
	relay --spool spool
	exits 0 peer alice --size 200000 "$RELAY" deposit "$(key_of bob)" 3 >out
	[ "$(cat out)" = '0 3' ]
	exits 0 peer bob --leave "$RELAY" collect >first
	[ "$(grep -c '^200000 ' first)" -eq 3 ]
	kill "$RELAYING"
	ended 0 "$RELAYING"
	[ "$(stat_of messages)" -eq 3 ]
	[ "$(stat_of bytes)" -eq 600000 ]
	relay --spool spool
	exits 0 peer bob "$RELAY" collect >second
	cmp first second
	exits 0 peer bob "$RELAY" collect >third
	[ ! -s third ]
}

@test "without a spool nothing is kept, and that is said with 69" {
	relay
	exits 69 peer alice "$RELAY" deposit "$(key_of bob)" 1
	says peer.err 'keeps no messages'
	exits 69 peer bob "$RELAY" collect
}

@test "only those who may deposit do, only for those who may collect, and nobody gets another's" {
	relay --spool spool
	may "register $(key_of bob)" "connect,deposit $(key_of alice)" "register $(key_of carol)"
	kill -HUP "$RELAYING"
	until_true exits 77 peer carol "$RELAY" deposit "$(key_of bob)" 1
	says peer.err 'may not deposit'
	exits 0 peer alice "$RELAY" deposit "$(key_of relay)" 1 >out
	[ "$(cat out)" = '69 1' ]
	says peer.err 'has no mailbox here'
	# One that is known here and may not register could not collect either.
	exits 0 peer alice "$RELAY" deposit "$(key_of alice)" 1 >out
	[ "$(cat out)" = '69 1' ]
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 1 >out
	[ "$(cat out)" = '0 1' ]
	exits 0 peer carol "$RELAY" collect >got
	[ ! -s got ]
	exits 77 peer alice "$RELAY" collect
	exits 0 peer bob "$RELAY" collect >got
	[ "$(wc -l <got)" -eq 1 ]
}

@test "each quota says 75 when it is reached, and others are not held to it" {
	relay --spool spool --mailbox-messages 2 --mailbox-size 100k --sender-size 150k
	may "register $(key_of bob)" "register,deposit $(key_of carol)" "deposit $(key_of alice)" "deposit,register $(key_of relay)"
	kill -HUP "$RELAYING"
	until_true exits 0 peer relay "$RELAY" deposit "$(key_of carol)" 1 >/dev/null
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 3 >out
	[ "$(cat out)" = $'0 2\n75 1' ]
	says peer.err 'mailbox is full'
	exits 0 peer bob "$RELAY" collect >/dev/null
	exits 0 peer alice --size 90000 "$RELAY" deposit "$(key_of bob)" 2 >out
	[ "$(cat out)" = $'0 1\n75 1' ]
	# Another mailbox has room, and this sender has none: also what was taken is remembered.
	exits 0 peer alice --size 90000 "$RELAY" deposit "$(key_of carol)" 1 >out
	[ "$(cat out)" = '75 1' ]
	exits 0 peer relay --size 90000 "$RELAY" deposit "$(key_of carol)" 1 >out
	[ "$(cat out)" = '0 1' ]
}

@test "no more than 64 connections of a key use mailboxes at a time, and others do" {
	local i

	relay --spool spool
	may "register $(key_of bob)" "deposit $(key_of alice)" "deposit $(key_of carol)"
	kill -HUP "$RELAYING"
	mkfifo hold
	for ((i = 0; i < 64; i++)); do
		"$FAULT/relaypeer" -i "$(id_of alice)" --hold hold "$RELAY" deposit "$(key_of bob)" 1 >"held.$i" 2>&1 3>&- &
		STARTED+=("$!")
	done
	exec 8>hold
	until_true eval '[ "$(cat held.* | grep -c "^held")" -eq 64 ]'
	exits 75 peer alice "$RELAY" deposit "$(key_of bob)" 1
	says peer.err 'too many connections use mailboxes'
	exits 0 peer carol "$RELAY" deposit "$(key_of bob)" 1 >out
	[ "$(cat out)" = '0 1' ]
	exec 8>&-
	until_true eval 'peer alice "$RELAY" deposit "$(key_of bob)" 1 >out && [ "$(cat out)" = "0 1" ]'
}

@test "max-size= and rate= in a line hold for deposits" {
	relay --spool spool
	may "register $(key_of bob)" "deposit,max-size=\"5k\" $(key_of alice)" "deposit,rate=\"1/s\" $(key_of carol)"
	kill -HUP "$RELAYING"
	until_true eval 'peer alice --size 6000 "$RELAY" deposit "$(key_of bob)" 1 >out; grep -q "^77 1" out'
	exits 0 peer alice --size 5000 "$RELAY" deposit "$(key_of bob)" 1 >out
	[ "$(cat out)" = '0 1' ]
	exits 0 peer carol "$RELAY" deposit "$(key_of bob)" 3 >out
	says peer.err 'over its rate'
	grep -q '^75 ' out
	grep -q '^0 ' out
}

@test "a full disk is an answer to deposits, and live traffic goes on" {
	small_disk disk
	# The reserve alone would not fit into what is small for other tests.
	mount -o remount,size=48m disk
	relay --spool disk/spool
	registered bob
	head -c 60M /dev/zero >disk/fill 2>/dev/null || true
	exits 0 peer alice --size 400000 "$RELAY" deposit "$(key_of bob)" 6 >out
	grep -q '^75 ' out
	reach 0
	rm disk/fill
	until_true eval 'peer alice --size 400000 "$RELAY" deposit "$(key_of bob)" 1 >out; grep -q "^0 1" out'
	exits 0 peer bob "$RELAY" collect >got
	[ "$(grep -c '^400000 ' got)" -ge 1 ]
}

@test "when the store fails nothing is acknowledged any more, and it ends with 74" {
	faultio_or_skip
	AT=(127.0.0.1:0)
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "register $(key_of bob)" "deposit $(key_of alice)"
	with_faults_here() {
		with_faults "$1" counts "${@:2}"
	}
	started relay with_faults_here 'fsync,fdatasync:EIO@12+' "$VZRELAY" -i r/identity --state r/state --sandbox=off --spool spool --ready-fd 9 127.0.0.1:0
	RELAYING=$PID
	RELAY=$READY
	for _ in {1..10}; do
		peer alice "$RELAY" deposit "$(key_of bob)" 1 >>out || break
	done
	ended 74 "$RELAYING"
	says relay.err 'the store failed'
	# All that was acknowledged is there.
	relay --spool spool
	exits 0 peer bob "$RELAY" collect >got
	[ "$(wc -l <got)" -ge "$(grep -c '^0 1' out)" ]
}

@test "--fsck repairs, and both it and --stats want a spool that nobody has open" {
	command -v jq >/dev/null || skip 'no jq here'
	exits 66 "$VZRELAY" --spool spool --fsck 2>fsck.err
	says fsck.err 'no spool is there'
	# A look makes nothing.
	mkdir -m 700 bare
	exits 66 "$VZRELAY" --spool bare --stats 2>fsck.err
	empty bare
	relay --spool spool
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 4 >/dev/null
	exits 75 "$VZRELAY" --spool spool --stats 2>fsck.err
	says fsck.err 'another process has the spool open'
	exits 75 "$VZRELAY" --spool spool --fsck 2>fsck.err
	kill "$RELAYING"
	ended 0 "$RELAYING"
	exits 0 "$VZRELAY" --spool spool --fsck >fsck.out
	[ "$(cat fsck.out)" = '4 messages, 0 things wrong, 0 repaired' ]
	command -v sqlite3 >/dev/null || skip 'no sqlite3 here'
	table=$(sqlite3 spool/spool.db .tables | tr -s ' ' '\n' | grep -m1 chunk)
	sqlite3 spool/spool.db "delete from $table where rowid = (select min(rowid) from $table)"
	exits 0 "$VZRELAY" --spool spool --fsck >fsck.out
	run ! grep -q ' 0 things wrong' fsck.out
	exits 0 "$VZRELAY" --spool spool --fsck >fsck.out
	grep -q ' 0 things wrong' fsck.out
	[ "$(stat_of messages)" -eq 3 ]
	: >spool/spool.db
	head -c 8192 /dev/urandom >spool/spool.db
	exits 78 "$VZRELAY" --spool spool --stats 2>fsck.err
	says fsck.err 'hint: vz-relay --spool DIR --fsck'
	exits 65 "$VZRELAY" --spool spool --fsck 2>fsck.err
	says fsck.err 'hint: --fsck cannot repair that'
}

@test "--fsck says each fault of a damaged file on a line of its own, and that it is none that it repairs" {
	relay --spool spool
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 200 >/dev/null
	kill "$RELAYING"
	ended 0 "$RELAYING"
	size=$(stat -c %s spool/spool.db)
	# All pages but those at the beginning, which say what it is.
	head -c $((size - 20480)) /dev/urandom |
		dd of=spool/spool.db bs=4096 seek=5 conv=notrunc 2>/dev/null
	exits 65 "$VZRELAY" --spool spool --fsck >fsck.out 2>fsck.err
	[ "$(grep -c '^the file: ' fsck.out)" -gt 2 ]
	run ! grep -q 'x0a' fsck.out
	says fsck.out 'beyond repair'
	says fsck.err 'hint: --fsck cannot repair that'
}

@test "a spool that others can look into is refused" {
	mkdir -m 755 spool
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	may "register $(key_of bob)"
	exits 78 "$VZRELAY" -i r/identity --state r/state --spool spool 127.0.0.1:0 2>no.err
	says no.err 'spool'
	: >file
	exits 73 "$VZRELAY" -i r/identity --state r/state --spool file/spool 127.0.0.1:0 2>no.err
}

@test "what has expired goes" {
	command -v jq >/dev/null || skip 'no jq here'
	relay --spool spool --ttl 1s --metrics metrics
	exits 0 peer alice "$RELAY" deposit "$(key_of bob)" 2 >/dev/null
	until_true eval 'peer bob --leave "$RELAY" collect >got && [ ! -s got ]'
	# Before the first deposit none are stored, either.
	until_true eval 'kill -HUP "$RELAYING" && [ "$(metric deposits_total) $(metric stored_messages)" = "2 0" ]'
	kill "$RELAYING"
	ended 0 "$RELAYING"
	[ "$(stat_of messages)" -eq 0 ]
}
