#!/usr/bin/env bats
# The system fails under the programs (tests/fault/faultio.c): each fault has its class of outcome and
# status, one clear line, no partial file under a final name, no false 0, and no hang; what is merely
# interrupted or done in part changes nothing.
load helpers

setup_file() {
	identities alice bob
}

# met: the listener knows alice already, so that its memory of peers is not what it writes first.
met() {
	listen -o met
	exits 0 send "$ADDR" <<<x
	ended 0 "$LISTENER"
	rm met
}

# Those of a transfer that broke off: vz-send(1) EXIT STATUS.
NOT_DELIVERED=65,66,69,71,73,74,75,76,77,78,79
REAL_LISTEN=$LISTEN

# listen_with RULES OPTION...: as listen, with faults in the listener; the counts are in listen.faults.
listen_with() {
	LISTEN_RULES=$1
	shift
	faulty_listen() { with_faults "$LISTEN_RULES" listen.faults "$REAL_LISTEN" "$@"; }
	LISTEN=faulty_listen
	listen "$@"
}

# send_with RULES ARG...: as send, with faults in the sender; the counts are in send.faults.
send_with() {
	local rules=$1

	shift
	timeout -k 5 "$PATIENCE" env LD_PRELOAD="$FAULT/faultio.so" FAULTIO="$rules" \
		FAULTIO_COUNTS=send.faults ${FAULTIO_SEED:+FAULTIO_SEED="$FAULTIO_SEED"} \
		"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$@" 2>send.err 3>&-
}

# stop: the listener is told to end, and does.
stop() {
	kill "$LISTENER" 2>/dev/null || true
	ended "${1:-0,143}" "$LISTENER"
}

@test "a disk that is full or broken at any step of --dir: 75, no file, and the next one is taken" {
	local rule n=0

	faultio_or_skip
	bytes 300000 in
	mkdir dir
	met
	for rule in creat/dir:ENOSPC@1 creat/dir:EMFILE@1 fchmod:EIO@1 'write/reg:short@3 write/reg:ENOSPC@4' \
		write/reg:EIO@3 write/reg:EDQUOT@3 fsync/reg:EIO@1 linkat:ENOSPC@1 fsync/dir:EIO@1; do
		listen_with "$rule" -d dir
		exits 75 send "$ADDR" in
		one_error send.err "try again later: the receiver's output failed: "
		says listen.err "failed after [0-9]+ bytes: the receiver's output failed: "
		struck listen.faults
		empty dir
		exits 0 send "$ADDR" in
		cmp in dir/*
		stop
		rm dir/*
	done
}

@test "a disk that is full or broken at any step of -o: 75 there, 74 here, and what was there stays" {
	local rule

	faultio_or_skip
	bytes 300000 in
	mkdir dir
	echo before >dir/got
	for rule in write/reg:ENOSPC@3 write/reg:EIO@4 fsync/reg:EIO renameat:ENOSPC renameat:EIO; do
		listen_with "$rule" -o dir/got
		exits 75 send "$ADDR" in
		one_error send.err "try again later: the receiver's output failed: "
		ended 74 "$LISTENER"
		one_error listen.err "the receiver's output failed: "
		struck listen.faults
		[ "$(cat dir/got)" = before ]
		holds 1 dir
	done
}

@test "a folder that cannot be made durable: no false 0, and what is there is whole" {
	faultio_or_skip
	bytes 300000 in
	mkdir dir
	met
	listen_with fsync/dir:EIO -o dir/got
	exits 75 send "$ADDR" in
	ended 74 "$LISTENER"
	struck listen.faults
	cmp in dir/got
}

@test "standard output that is full or fails: 75 there, 74 here" {
	local rule how

	faultio_or_skip
	seq 20000 >in
	for rule in write/1:EIO 'write/1:short@1 write/1:ENOSPC'; do
		listen_with "$rule"
		exits 75 send "$ADDR" in
		ended 74 "$LISTENER"
		struck listen.faults
		run ! cmp -s in listen.out
	done
	for how in --lines --json; do
		listen_with 'write/1:short@1 write/1:ENOSPC' "$how"
		exits 75 send --lines "$ADDR" <in
		ended 74 "$LISTENER"
		struck listen.faults
	done
}

@test "a record that cannot be written: nothing is delivered, 75 there, 74 here, and it still verifies" {
	faultio_or_skip
	mkdir dir
	listen --audit record -d dir
	stop
	listen_with write/reg:ENOSPC@3+ --audit record -d dir
	exits 75 send "$ADDR" <<<x
	says send.err 'try again later'
	ended 74 "$LISTENER"
	struck listen.faults
	empty dir
	exits 0 timeout "$PATIENCE" "$KEYGEN" --verify-audit record >verified
}

@test "a memory of peers that cannot be written refuses with 75, and the listener goes on" {
	local rule

	faultio_or_skip
	mkdir dir
	for rule in fsync:EIO@1-2 renameat:ENOSPC@1; do
		rm -rf state
		listen_with "$rule" --state state -d dir
		exits 75 send "$ADDR" <<<x
		one_error send.err 'cannot write its memory of peers'
		struck listen.faults
		empty dir
		exits 0 send "$ADDR" <<<x
		stop
		rm dir/*
	done
}

@test "running out at accept: one line, and who waits is served when it is over" {
	local error

	faultio_or_skip
	mkdir dir
	for error in EMFILE ENFILE ENOMEM ENOBUFS; do
		listen_with "accept4:$error@1-3" -d dir
		exits 0 send "$ADDR" <<<x
		says listen.err 'cannot accept connections for the moment: '
		[ "$(grep -c 'cannot accept' listen.err)" -eq 1 ]
		struck listen.faults
		stop
	done
	for error in ECONNABORTED EPROTO EINTR ENETUNREACH EPERM; do
		listen_with "accept4:$error@1-3" -d dir
		exits 0 send "$ADDR" <<<x
		run ! grep -q 'cannot accept' listen.err
		struck listen.faults
		stop
	done
}

@test "a listener that cannot have its commands started says so at once, with 71" {
	local rule

	faultio_or_skip
	for rule in fork:EAGAIN@1 fork:ENOMEM@1 pipe2:EMFILE@1 pipe2:ENFILE@1; do
		exits 71 timeout "$PATIENCE" env LD_PRELOAD="$FAULT/faultio.so" FAULTIO="$rule" \
			FAULTIO_COUNTS=listen.faults "$REAL_LISTEN" -i "$(id_of bob)" \
			--allow "$(key_of alice)" 127.0.0.1:0 -- cat 2>listen.err 3>&-
		one_error listen.err 'cannot|could not|resource|memory|many open files|in system'
		struck listen.faults
	done
}

@test "a sender that the system fails says what and ends with its class" {
	faultio_or_skip
	bytes 300000 in
	mkdir dir
	listen -d dir
	exits 71 send_with socket:EMFILE "$ADDR" in
	one_error send.err 'too many open files'
	exits 71 send_with epoll_create1:EMFILE "$ADDR" in
	one_error send.err 'too many open files'
	exits 71 send_with pipe2:EMFILE "$ADDR" in
	one_error send.err 'too many open files'
	exits 69 send_with connect:ENETUNREACH "$ADDR" in
	one_error send.err 'unreachable'
	exits 75 send_with connect:ETIMEDOUT "$ADDR" in
	one_error send.err 'timed out'
	exits 66 send_with read/fifo:EIO@2 "$ADDR" < <(cat in)
	one_error send.err 'input/output error'
	exits 65 send_with read/sock:ECONNRESET@2 "$ADDR" in
	one_error send.err 'connection'
	empty dir
}

@test "a reply that cannot be written is 74, and no 0" {
	faultio_or_skip
	listen --echo -k
	exits 74 send_with write/1:ENOSPC -r "$ADDR" <<<question >reply
	one_error send.err 'standard output: no space left'
	exits 74 send_with 'write/1:short@1 write/1:EIO@1' -r "$ADDR" <<<question >reply
	one_error send.err 'standard output: input/output error'
}

INTERRUPTED='read,write,send,pread:EINTR%25 epoll_wait:EINTR%25 fsync,accept4,waitpid:EINTR%25'
PARTLY='read,pread:short%30 write,send:short%30 read,send,write:byte%5'

@test "interrupted and partial calls change nothing, wherever a message goes" {
	local how

	faultio_or_skip
	bytes 400000 in
	mkdir dir
	for how in '-d dir' '-o got' '' '--audit record -d dir' '--state state -d dir'; do
		rm -rf got dir/*
		# shellcheck disable=SC2086 # words
		listen_with "$INTERRUPTED $PARTLY" $how
		exits 0 send_with "connect:EINTR@1 $INTERRUPTED $PARTLY" "$ADDR" in
		stop
		struck send.faults connect
		[ "$(awk '{ n += $6 } END { print n }' listen.faults)" -ge 3 ]
		cat dir/* got listen.out 2>/dev/null | head -c 400000 | cmp in
	done
	exits 0 timeout "$PATIENCE" "$KEYGEN" --verify-audit record >verified
}

@test "interrupted and partial calls change nothing for many messages, questions and commands" {
	faultio_or_skip
	seq 5000 >in
	listen_with "$INTERRUPTED $PARTLY" --lines
	exits 0 send_with "$INTERRUPTED $PARTLY" --lines "$ADDR" <in
	ended 0 "$LISTENER"
	cmp in listen.out
	listen_with "$INTERRUPTED $PARTLY" --echo -k
	exits 0 send_with "$INTERRUPTED $PARTLY" -r --lines "$ADDR" <in >out
	cmp in out
	stop
	LISTEN_RULES="$INTERRUPTED $PARTLY"
	faulty() { with_faults "$LISTEN_RULES" listen.faults "$REAL_LISTEN" "$@"; }
	started listen faulty "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 127.0.0.1:0 \
		-- tr 0-9 a-j
	LISTENER=$PID
	exits 0 send_with "$INTERRUPTED $PARTLY" -r "$READY" <in >out
	tr 0-9 a-j <in | cmp - out
	exits 0 send_with "$INTERRUPTED $PARTLY" --run "$READY" -- cat in
	stop
}

@test "without memory at any of its allocations the sender has no false 0, and does not crash" {
	local n status

	faultio_or_skip
	bytes 100000 in
	mkdir dir
	listen -w 2 -d dir
	for n in 1 2 3 4 5 7 9 11 13 15 17 19; do
		status=0
		send_with "malloc,calloc,realloc:ENOMEM@$n" -w 1 "$ADDR" in || status=$?
		case ,0,$NOT_DELIVERED, in
		*,"$status",*) ;;
		*) fail "allocation $n: status $status" ;;
		esac
		[ "$status" -ne 0 ] || { cmp in dir/*; rm dir/*; }
		[ "$status" -eq 0 ] || empty dir
	done
}

# FAULT_SEEDS: how many; `make fault` runs more.
@test "whatever fails at random: who ends with 0 has delivered, and all files are whole" {
	local seed status told=0 rules

	faultio_or_skip
	bytes 200000 in
	mkdir dir
	rules='read/sock,send:ECONNRESET%0.5 write/reg:ENOSPC%0.5 fsync:EIO%5 linkat:ENOSPC%5'
	rules+=" creat,accept4:EMFILE%5 malloc,calloc,realloc:ENOMEM%0.1 $INTERRUPTED $PARTLY"
	for ((seed = 1; seed <= ${FAULT_SEEDS:-20}; seed++)); do
		export FAULTIO_SEED=$seed
		rm -f listen.ready
		listen_with "$rules" -w 2 -d dir || { wait "$PID" || true; continue; }
		status=0
		send_with "$rules" -w 1 "$ADDR" in || status=$?
		case ,0,$NOT_DELIVERED, in
		*,"$status",*) ;;
		*) fail "seed $seed: the sender ended with $status" ;;
		esac
		stop 0,71,74,143
		for file in dir/*; do
			[ ! -e "$file" ] || cmp in "$file" || fail "seed $seed: $file is not whole"
		done
		[ "$status" -ne 0 ] || { told=$((told + 1)); holds 1 dir || fail "seed $seed: acknowledged, but not there"; }
		rm -rf dir
		mkdir dir
	done
	echo "$told of ${FAULT_SEEDS:-20} delivered" >&3
}

@test "a line on standard error is whole, however little of it each write takes" {
	faultio_or_skip
	mkdir dir
	listen_with 'write/2:EINTR@1 write/2:byte%40 write/2:short%50' -v --log-json -d dir
	exits 0 send_with 'write/2:byte%40 write/2:short%50' -v --log-json "$ADDR" <<<x
	stop
	struck listen.faults
	[ "$(grep -vc '^{"time":.*}$' listen.err)" -eq 0 ]
	[ "$(grep -vc '^{"time":.*}$' send.err)" -eq 0 ]
}

@test "without memory at any of its allocations the listener has no false 0, and does not crash" {
	local n status

	faultio_or_skip
	bytes 100000 in
	mkdir dir
	for n in {1..24}; do
		listen_with "malloc,calloc,realloc:ENOMEM@$n" -w 2 -d dir >/dev/null || {
			ended 71,73,78 "$PID"
			continue
		}
		status=0
		send -w 1 "$ADDR" in || status=$?
		case ,0,$NOT_DELIVERED, in
		*,"$status",*) ;;
		*) fail "allocation $n: the sender ended with $status" ;;
		esac
		stop 0,71,143
		[ "$status" -ne 0 ] || { cmp in dir/*; rm dir/*; }
		[ "$status" -eq 0 ] || empty dir
	done
}

@test "a reply that cannot be read from its command is 79, and no 0" {
	local n status refused=0

	faultio_or_skip
	seq 3000 >in
	for n in 1 2 3 4 5; do
		LISTEN_RULES="read/fifo:EIO@$n"
		faulty() { with_faults "$LISTEN_RULES" listen.faults "$REAL_LISTEN" "$@"; }
		started listen faulty "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 127.0.0.1:0 \
			-- cat
		LISTENER=$PID
		status=0
		send -w 2 -r "$READY" <in >out || status=$?
		case $status in
		0) cmp in out ;;
		79) refused=$((refused + 1)) ;;
		*) fail "read $n: status $status" ;;
		esac
		stop
	done
	[ "$refused" -ge 1 ]
}
