#!/usr/bin/env bats
# vz-listen ... -- COMMAND and --coproc: what a command gets, what its sender hears of it, and that no
# command takes a cut for an end.
load helpers

setup_file() {
	identities alice bob
}

# at_work SCRIPT OPTION...: bob runs sh -c SCRIPT for each message.
at_work() {
	local script=$1

	shift
	COMMAND=(-- sh -c "$script")
	listen_with "$@"
}

# listen_with OPTION...: COMMAND after the address.
listen_with() {
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" "$@" \
		127.0.0.1:0 "${COMMAND[@]}" || return
	LISTENER=$PID
	ADDR=$READY
}

# at_rest: the listener has nothing to do, and ends well.
at_rest() {
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

# bounded KIB: the listener never had more memory than that. A sanitizer's own is not counted.
bounded() {
	grep -qa __asan_init "$LISTEN" ||
		[ "$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$LISTENER/status")" -lt "$1" ]
}

# gone MARK: no process but the listener and what starts its commands has MARK among its arguments.
gone() {
	local file

	grep -alsF -f <(echo "$1") /proc/[0-9]*/cmdline | while read -r file; do
		case $file in "/proc/$LISTENER/cmdline") continue ;; esac
		case $(cat "${file%cmdline}comm" 2>/dev/null) in vz-starter | '') continue ;; esac
		return 1
	done
}

coproc_py() {
	cat >coproc.py <<-'PY'
		import os, random, struct, sys
		r, w, late = sys.stdin.buffer, sys.stdout.buffer, []
		mode = sys.argv[1]
		def answer(number, status, body):
		    w.write(struct.pack('>IQB', 9 + len(body), number, status) + body)
		    w.flush()
		while True:
		    head = r.read(4)
		    if not head:
		        break
		    rest = r.read(struct.unpack('>I', head)[0])
		    number, flags, p, i, n = struct.unpack('>QBBBB', rest[:12])
		    peer, mid = rest[12:12 + p], rest[12 + p:12 + p + i]
		    name, body = rest[12 + p + i:12 + p + i + n], rest[12 + p + i + n:]
		    if body == b'die':
		        os._exit(3)
		    if body == b'facts':
		        body = b'|'.join([peer, mid, name, b'%d' % flags])
		    if body == b'rubbish':
		        w.write(b'\0\0\0\1x'); w.flush(); continue
		    status = int(body[6:]) if body.startswith(b'status') else 0
		    if mode == 'shuffle':
		        late.append((number, body))
		        if len(late) < 50 and body != b'last':
		            continue
		        random.shuffle(late)
		        for a, b in late:
		            answer(a, 0, b)
		        late = []
		    else:
		        answer(number, status, body)
		open('ended', 'w').write('well')
	PY
	COMMAND=(-- python3 coproc.py "$1")
	shift
	listen_with --coproc "$@"
}

@test "the message is stdin, stdout is the reply, the status is the verdict" {
	at_work 'tr a-z A-Z'
	[ "$(echo hello | send -r "$ADDR")" = HELLO ]
	exits 0 send "$ADDR" <<<dropped >out
	[ ! -s out ]
	exits 0 send -r -n "$ADDR"
	bytes 20000000 in
	at_work cat
	exits 0 send -r "$ADDR" in >out
	cmp in out
	at_rest
	# Nothing of a reply or of what nobody asked for is on the listener's stdout.
	[ ! -s listen.out ]
}

@test "every row of the status table" {
	local status

	for status in 0 1 63; do
		at_work "cat >/dev/null; echo reply; exit $status"
		exits "$status" send "$ADDR" <<<x
		[ "$(exits "$status" send -r "$ADDR" <<<x)" = reply ]
		[ "$status" -eq 0 ] || says send.err "exited $status"
		at_rest
	done
	for status in 64 65 75 127 255; do
		at_work "cat >/dev/null; exit $status"
		exits 79 send "$ADDR" <<<x
		says send.err "exited $status, above 63"
		exits 79 send -r "$ADDR" <<<x
		at_rest
	done
	at_work 'cat >/dev/null; kill -9 $$'
	exits 79 send -r "$ADDR" <<<x
	says send.err 'killed by signal 9'
	at_rest
	at_work 'cat >/dev/null; exec sleep 1000.1' --handler-timeout 200ms
	exits 79 send -r "$ADDR" <<<x
	says send.err 'timed out'
	at_rest
	COMMAND=(-- "$PWD/missing")
	listen_with
	exits 79 send "$ADDR" <<<x
	says send.err 'could not start: no such file'
	at_rest
	listen --lines
	exits 69 send -r "$ADDR" <<<x
}

@test "no shell stands between a peer and a command" {
	COMMAND=(-- printf '%s\n' '$(touch hacked)' '`touch hacked`' ';touch hacked')
	listen_with
	exits 0 send -r --name ';touch hacked' "$ADDR" <<<'$(touch hacked)' >out
	printf '%s\n' '$(touch hacked)' '`touch hacked`' ';touch hacked' | cmp - out
	at_rest
	COMMAND=(-- printenv VZ_MESSAGE_NAME)
	listen_with
	[ "$(send -r --name '$(touch hacked);`touch hacked`' "$ADDR" <<<x)" = '$(touch hacked);`touch hacked`' ]
	at_rest
	[ ! -e hacked ]
}

@test "stderr of a command stays here" {
	at_work 'cat >/dev/null; echo secret words >&2; exit 1'
	exits 1 send -r "$ADDR" <<<x >out
	[ ! -s out ]
	run ! grep secret send.err
	says listen.err 'secret words'
	at_rest
}

@test "a command that does not read all of its message decides by its status" {
	bytes 30000000 in
	at_work 'head -c 10'
	exits 0 send -r "$ADDR" in >out
	head -c 10 in | cmp - out
	exits 0 send -r "$ADDR" < <(cat in) >out
	at_rest
	at_work 'exit 4'
	exits 4 send -r "$ADDR" in
	at_rest
	at_work 'exec <&-; echo closed'
	exits 0 send -r "$ADDR" in >out
	[ "$(cat out)" = closed ]
	at_rest
}

@test "the reply streams while the message does" {
	mkfifo question
	at_work 'while read -r line; do echo "got $line"; done'
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r "$ADDR" <question >reply 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>question
	echo one >&7
	until_true grep -q 'got one' reply
	echo two >&7
	until_true grep -q 'got two' reply
	exec 7>&-
	ended 0 "$SENDING"
	at_rest
}

@test "the environment is what is documented, and no more" {
	export VZ_PEER=mine LISTEN_FOO=1 TCPREMOTEIP=liar PROTO=liar NOTIFY_SOCKET='' VZ_ASKPASS=/bin/true
	at_work 'cat >/dev/null; env'
	exits 0 send -r --name $'a \xe2\x80\xae\\b' "$ADDR" <<<x >out
	grep -Fx "VZ_PEER=$(key_of alice)" out
	grep -Fx 'VZ_PEER_NAME=' out
	grep -Ex 'VZ_REMOTE=127.0.0.1:[0-9]+' out
	grep -Ex 'VZ_MESSAGE_ID=[0-9a-f]{32}\.0' out
	grep -Fx 'VZ_MESSAGE_NAME=a \xe2\x80\xae\\b' out
	grep -Fx 'VZ_ATTEMPT=1' out
	grep -Fx 'PROTO=TCP' out
	grep -Fx 'TCPREMOTEIP=127.0.0.1' out
	grep -Fx 'TCPLOCALIP=127.0.0.1' out
	grep -Ex 'TCPREMOTEPORT=[0-9]+' out
	grep -Fx "TCPLOCALPORT=${ADDR##*:}" out
	run ! grep -E '^(LISTEN_|NOTIFY_SOCKET|VZ_ASKPASS|VZ_IDENTITY)' out
	[ "$(grep -c ^VZ_ out)" -eq 6 ]
	at_rest
}

@test "a Unix socket is IPC, with the user" {
	at_work 'cat >/dev/null; env'
	at_rest
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" "$PWD/sock" \
		-- sh -c 'cat >/dev/null; env'
	LISTENER=$PID
	exits 0 send -r "$READY" <<<x >out
	grep -Fx PROTO=IPC out
	grep -Fx "IPCREMOTEEUID=$(id -u)" out
	run ! grep ^TCP out
	at_rest
}

@test "a handler that writes a flag at end of file never writes it for a cut message" {
	local at end size=203000

	bytes 200000 in
	at_work "cat >/dev/null; touch '$PWD/flags/'\$\$"
	mkdir flags
	mangled
	exits 0 send "$THROUGH" in
	kill "$MANGLE"
	holds 1 flags
	rm flags/*
	for at in $(seq 64); do
		end=fin
		[ $((at % 2)) -eq 0 ] || end=rst
		mangled --cut $((at * (size - 4000) / 64 + 500)) --end "$end"
		exits 65,75,76 send "$THROUGH" in
		kill "$MANGLE"
	done
	# A whole one after all of them: by then each of the others has been ended.
	until_true gone "$PWD/flags"
	holds 0 flags
	exits 0 send "$ADDR" in
	holds 1 flags
	at_rest
}

@test "a cancelled message never ends well for its command" {
	at_work "cat >/dev/null; touch '$PWD/flag'"
	exits 65 send --run "$ADDR" -- sh -c 'head -c 3000000 /dev/zero; exit 3'
	says listen.err 'cancelled by the sender'
	until_true gone "$PWD/flag"
	[ ! -e flag ]
	at_rest
}

@test "a sender that is killed takes the whole process group with it" {
	mkfifo question
	at_work 'sleep 1000.25 & cat; wait'
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r "$ADDR" <question >reply 2>send.err 3>&- &
	SENDING=$!
	exec 7>question
	echo one >&7
	until_true grep -q one reply
	run ! gone 1000.25
	kill -9 "$SENDING"
	wait "$SENDING" || true
	until_true gone 1000.25
	exec 7>&-
	at_rest
}

@test "a command that ignores SIGTERM and leaves others behind is ended in its time" {
	at_work 'trap "" TERM; (trap "" TERM; sleep 1000.5) & while :; do sleep 1000.5; done' \
		--handler-timeout 200ms
	exits 79 send "$ADDR" <<<x
	says send.err 'timed out'
	until_true gone 1000.5
	at_rest
}

@test "a command that never reads holds its sender only, one that never writes nobody" {
	local i

	bytes 10000000 in
	at_work 'if [ "$VZ_MESSAGE_NAME" = stuck ]; then exec sleep 1000.75; else cat; fi'
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --name stuck "$ADDR" <in 2>stuck.err 3>&- &
	STUCK=$!
	STARTED+=("$STUCK")
	until_true eval '! gone 1000.75'
	for i in 1 2 3; do
		exits 0 send -r "$ADDR" in >out
		cmp in out
	done
	alive "$STUCK"
	kill "$STUCK"
	until_true gone 1000.75
	at_rest
}

@test "at most --max-handlers run, the rest wait, and each gets its own answer" {
	at_work 'mkdir "$PWD/$$.run"; ls -d ./*.run | wc -l >>most; sleep 0.02; rmdir "$PWD/$$.run"; cat' \
		--max-handlers 3
	seq 300 >in
	exits 0 send -r --lines --in-flight 300 "$ADDR" <in >out
	cmp in out
	[ "$(sort -n most | tail -n 1)" -le 3 ]
	at_rest
}

@test "handlers whose senders stand still give way to another key, not to the same one's" {
	# A key with no more than its share stays, however long it stands.
	at_work 'cat' --max-handlers 2 --allow-any
	mkfifo question
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r "$ADDR" <question >reply 2>send.stays.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>question
	echo one >&7
	until_true grep -q one reply
	"$FAULT/flooder" "$ADDR" asks 2 1 >flood2 2>&1 3>&- 7>&- &
	STARTED+=($!)
	until_true grep -q '^sent 2' flood2
	# At another listener meanwhile, one with more than its share goes.
	mv listen.err first.err
	at_work 'cat' --max-handlers 2 --allow-any 7>&-
	"$FAULT/flooder" "$ADDR" asks 2 1 >flood 2>&1 3>&- 7>&- &
	STARTED+=($!)
	until_true grep -q '^sent 2' flood
	[ "$(echo hello | send -r "$ADDR")" = hello ]
	[ "$(grep -c 'stood still while others waited for a handler' listen.err)" -eq 1 ]
	sleep 2 # nothing to wait for: the first one has to go on standing there
	echo two >&7
	until_true grep -q two reply
	exec 7>&-
	ended 0 "$SENDING"
}

@test "one session's flood of questions does not keep another's waiting" {
	at_work 'sleep 0.02; cat' --max-handlers 2
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r --lines --in-flight 10000 "$ADDR" < <(seq 10000) >flood 2>flood.err 3>&- &
	FLOOD=$!
	STARTED+=("$FLOOD")
	until_true test -s flood
	SECONDS=0
	[ "$(echo hello | send -r "$ADDR")" = hello ]
	[ "$SECONDS" -lt 10 ]
	bounded 65536
	alive "$FLOOD"
	kill "$FLOOD"
}

@test "replies that nobody takes hold their commands, not the others" {
	mkfifo pipe
	exec 7<>pipe
	at_work 'if [ "$VZ_MESSAGE_NAME" = much ]; then head -c 20000000 /dev/zero; else cat; fi'
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r --name much "$ADDR" </dev/null >pipe 2>much.err 3>&- 7>&- &
	MUCH=$!
	STARTED+=("$MUCH")
	sleep 0.5
	[ "$(echo hello | send -r "$ADDR")" = hello ]
	alive "$MUCH"
	[ "$(timeout "$PATIENCE" head -c 20000000 <&7 | wc -c)" -eq 20000000 ]
	ended 0 "$MUCH"
	exec 7>&-
	at_rest
}

@test "-1 serves one session, and ends with the first command that failed" {
	at_work 'read -r x; exit "$x"' -1
	exits 0,5,7 send --lines "$ADDR" < <(printf '0\n5\n7\n')
	ended 5,7 "$LISTENER"
}

@test "--coproc: frames in, answers in any order" {
	coproc_py plain
	[ "$(printf hello | send -r "$ADDR")" = hello ]
	[[ $(printf facts | send -r --name n "$ADDR") =~ ^"$(key_of alice)|"[0-9a-f]{32}\.0"|n|1"$ ]]
	exits 0 send "$ADDR" < <(printf hello)
	exits 7 send "$ADDR" < <(printf status7)
	[ "$(printf status63 | exits 63 send -r "$ADDR")" = status63 ]
	exits 79 send "$ADDR" < <(printf status64)
	exits 77 send "$ADDR" < <(head -c 1048577 /dev/zero)
	bytes 1048576 in
	exits 0 send -r "$ADDR" in >out
	cmp in out
	at_rest
	[ "$(cat ended)" = well ]
	coproc_py shuffle
	{ seq 10000 && echo last; } >in
	exits 0 send -r --lines "$ADDR" <in >out
	cmp in out
	at_rest
}

@test "--coproc: one that dies is started again, what it had not answered gets 75" {
	coproc_py plain
	exits 75 send -r "$ADDR" < <(printf die)
	says send.err 'ended before it answered'
	says listen.err 'command exited 3; it is started again in 0.250 s'
	[ "$(printf hello | send -r "$ADDR")" = hello ]
	exits 75 send -r "$ADDR" < <(printf rubbish)
	says listen.err 'malformed frame; it is started again'
	[ "$(printf hello | send -r "$ADDR")" = hello ]
	at_rest
	COMMAND=(-- "$PWD/missing")
	exits 79 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --coproc 0 -- \
		"$PWD/missing" 2>missing.err 3>&-
	says missing.err 'could not start'
}

@test "--coproc: one that never answers is ended in its time" {
	COMMAND=(-- sh -c 'exec sleep 1000.125')
	listen_with --coproc --handler-timeout 300ms
	exits 75 send -r "$ADDR" <<<x
	says listen.err 'did not answer in time'
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	until_true gone 1000.125
}

@test "hostile floods of questions: bounded memory, others are served" {
	local how i

	coproc_py plain --allow-any
	for how in 'asks 16000 1' 'asks 1000 1000000' 'deaf 100000 10000'; do
		for i in 1 2 3; do
			# shellcheck disable=SC2086 # words
			"$FAULT/flooder" "$ADDR" $how >"flood.$i.${how%% *}" 2>&1 3>&- &
			STARTED+=($!)
		done
	done
	until_true grep -q '^sent' flood.3.deaf
	[ "$(printf hello | send -r "$ADDR")" = hello ]
	bounded 196608
	COMMAND=(-- cat)
	listen_with --allow-any
	"$FAULT/flooder" "$ADDR" deaf 100000 10000 >flood 2>&1 3>&- &
	STARTED+=($!)
	"$FAULT/flooder" "$ADDR" asks 16000 1 >flood 2>&1 3>&- &
	STARTED+=($!)
	[ "$(printf hello | send -r "$ADDR")" = hello ]
	bounded 65536
}
