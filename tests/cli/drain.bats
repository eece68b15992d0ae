#!/usr/bin/env bats
# How a listener that keeps ends, and how one takes the place of another.
load helpers
load terminal

setup_file() {
	identities alice bob
}

# held_send NAME ARG...: alice sends what descriptor 8 is given, in the background: HELD. Close 8 in
# the end.
held_send() {
	local name=$1

	shift
	mkfifo "$name.hold"
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$@" "$ADDR" <"$name.hold" >"$name.got" 2>"$name.err" 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>"$name.hold"
}

# stopping: the listener is told to end, and does so.
stopping() {
	kill -"${1:-TERM}" "$LISTENER"
	until_true grep -q 'stopping: ' listen.err
}

@test "told to end, the message that is under way is finished and new ones are told to try again" {
	mkdir in
	listen -d in -v
	held_send held
	echo first >&8
	until_true grep -q 'message .* from' listen.err
	stopping
	exits 75 send "$ADDR" <<<new
	says send.err 'this listener is stopping'
	alive "$LISTENER"
	echo last >&8
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	holds 1 in
	printf 'first\nlast\n' | cmp - in/*
}

@test "told to end by the keyboard's interrupt, it is the same" {
	mkdir in
	started listen env --default-signal=INT "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" \
		--ready-fd 9 -v -d in 127.0.0.1:0
	LISTENER=$PID ADDR=$READY
	held_send held
	until_true grep -q 'message .* from' listen.err
	stopping INT
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	holds 1 in
}

@test "told to end, runs and those that wait for one end, and their replies arrive" {
	mkfifo go
	exec 7<>go
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -v \
		--max-handlers 1 127.0.0.1:0 -- sh -c 'cat; read -r word <go; echo "$word"'
	LISTENER=$PID ADDR=$READY
	for i in 1 2; do
		"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" -r "$ADDR" <<<"$i" >"reply.$i" 2>"send.$i.err" 3>&- 7>&- &
		STARTED+=("$!")
	done
	until_true eval '[ "$(grep -c "message .* from" listen.err)" -eq 2 ]'
	stopping
	printf 'done\ndone\n' >&7
	ended 0 "${STARTED[1]}"
	ended 0 "${STARTED[2]}"
	ended 0 "$LISTENER"
	printf '1\ndone\n' | cmp - reply.1
	printf '2\ndone\n' | cmp - reply.2
}

@test "told to end, whole messages that wait for a slow reader are written and acknowledged" {
	mkfifo pipe
	exec 7<>pipe
	STDOUT=pipe listen --lines -k -v
	# More than the pipe takes.
	seq -f '%0100.0f' 13000 >in
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <in 2>send.err 3>&- 7>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true eval '[ "$(grep -c "message .* from" listen.err)" -eq 13000 ]'
	stopping
	exits 75 send "$ADDR" <<<new
	# More than what an idle session is given.
	sleep 2.5
	alive "$SENDING"
	alive "$LISTENER"
	timeout "$PATIENCE" head -n 13000 <&7 | cmp in -
	ended 0 "$SENDING"
	ended 0 "$LISTENER"
	exec 7>&-
}

@test "told to end, whole messages of a sender that has gone are written" {
	mkfifo pipe
	exec 7<>pipe
	STDOUT=pipe listen --lines -k -v
	seq -f '%0100.0f' 13000 >in
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --lines "$ADDR" <in 2>send.err 3>&- 7>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true eval '[ "$(grep -c "message .* from" listen.err)" -eq 13000 ]'
	kill -9 "$SENDING"
	until_true grep -q ' from 127.0.0.1:[0-9]*: the connection was cut' listen.err
	stopping
	timeout "$PATIENCE" head -n 13000 <&7 | cmp in -
	ended 0 "$LISTENER"
	exec 7>&-
}

@test "told to end, a session's begun messages are finished and its next ones are told to try again" {
	mkfifo go
	exec 7<>go
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -v \
		127.0.0.1:0 -- sh -c 'read -r word <go; cat'
	LISTENER=$PID ADDR=$READY
	held_send held -r --lines
	echo first >&8
	until_true grep -q 'message .* from' listen.err
	stopping
	echo second >&8
	until_true grep -q 'not taken: this listener is stopping' listen.err
	echo >&7
	exec 8>&-
	ended 75 "$HELD"
	ended 0 "$LISTENER"
	grep -qx first held.got
	run ! grep -q second held.got
}

@test "told to end, a session that has nothing under way is not waited for" {
	listen -k --lines --drain 1h
	held_send held --lines
	echo one >&8
	until_true grep -q one listen.out
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exec 8>&-
	ended 0,75 "$HELD"
}

@test "when the time of --drain is over the rest is ended, and its sender told" {
	mkdir in
	listen -d in -v --drain 200ms
	held_send held
	until_true grep -q 'message .* from' listen.err
	stopping
	ended 143 "$LISTENER"
	says listen.err 'time of --drain is over: 1 message'
	ended 75 "$HELD"
	exec 8>&-
	says held.err 'this listener is stopping'
	empty in
}

@test "asked twice it ends at once, and the sender is told" {
	mkdir in
	listen -d in -v --drain 1h
	held_send held
	until_true grep -q 'message .* from' listen.err
	stopping
	kill "$LISTENER"
	ended 143 "$LISTENER"
	ended 75 "$HELD"
	exec 8>&-
	says held.err 'this listener is stopping'
	empty in
}

@test "--drain 0 finishes nothing" {
	mkdir in
	listen -d in -v --drain 0
	held_send held
	until_true grep -q 'message .* from' listen.err
	kill "$LISTENER"
	ended 143 "$LISTENER"
	ended 75 "$HELD"
	exec 8>&-
	empty in
	listen -d in --drain 0
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "the end is two events, and the service manager hears how long it may take" {
	command -v socat >/dev/null || skip 'no socat'
	mkdir in
	socat -u "UNIX-RECV:$PWD/notify" OPEN:notified,creat,append 2>socat.err 3>&- &
	STARTED+=("$!")
	until_true test -S notify
	NOTIFY_SOCKET=$PWD/notify listen -d in --log-json --drain 60
	held_send held
	until_true grep -q '"event":"begun"' listen.err
	kill "$LISTENER"
	until_true grep -q '"event":"draining","sessions":1,"messages":1,"milliseconds":60000' listen.err
	until_true grep -q EXTEND_TIMEOUT_USEC=65000000 notified
	grep -q STOPPING=1 notified
	exec 8>&-
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	grep -q '"event":"drained","complete":true' listen.err
	[ "$(grep -c STOPPING notified)" -eq 1 ]
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

# more_sent N: since it was called before so many more were sent.
SENT=0
more_sent() {
	local want=$((SENT + $1))

	until_true eval "[ \"\$(cat sent.* 2>/dev/null | wc -l)\" -ge $want ]"
	SENT=$want
}

# all_arrived: the senders end; none has failed, and as much is there as was sent.
all_arrived() {
	local pid

	touch enough
	for pid in "${SENDERS[@]}"; do
		ended 0 "$pid"
	done
	[ ! -e failures ] || fail "$(sort failures | uniq -c)"
	holds "$(cat sent.* | wc -l)" in
}

# replaced_20_times ADDRESS: listeners follow each other there while two senders send.
replaced_20_times() {
	local old i
	local -a olds=()

	mkdir in
	AT=("$1")
	listen -d in --reuse-port
	AT=("${ADDR#*@}")
	senders 2
	for ((i = 0; i < 20; i++)); do
		old=$LISTENER
		listen -d in --reuse-port
		more_sent 2
		kill "$old"
		olds+=("$old")
	done
	all_arrived
	for old in "${olds[@]}"; do
		ended 0 "$old"
	done
}

@test "with --reuse-port a listener is replaced 20 times, and no sender notices" {
	replaced_20_times 127.0.0.1:0
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "with --reuse-port a listener on a Unix socket is replaced 20 times, and no sender notices" {
	replaced_20_times "$PWD/socket"
	[ "$(stat -c '%F %a' socket)" = 'socket 600' ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ ! -e socket ]
	[ -z "$(find . -name '.vz-*')" ]
	echo mine >socket
	started_not=0
	timeout "$PATIENCE" "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" --reuse-port -d in \
		"$PWD/socket" 2>other.err 3>&- || started_not=$?
	[ "$started_not" -eq 73 ]
	[ "$(cat socket)" = mine ]
}

@test "told to end, what the coprocess has is answered" {
	cat >coproc.py <<-'PY'
		import struct, sys
		r, w = sys.stdin.buffer, sys.stdout.buffer
		while True:
		    head = r.read(4)
		    if not head:
		        break
		    rest = r.read(struct.unpack('>I', head)[0])
		    open('go').read()
		    w.write(struct.pack('>IQB', 9 + 4, struct.unpack('>Q', rest[:8])[0], 0) + b'done')
		    w.flush()
	PY
	mkfifo go
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -v \
		--coproc 127.0.0.1:0 -- python3 coproc.py
	LISTENER=$PID ADDR=$READY
	held_send held -r
	printf x >&8
	exec 8>&-
	until_true grep -q 'message .* from' listen.err
	stopping
	timeout "$PATIENCE" sh -c ': >go'
	ended 0 "$HELD"
	ended 0 "$LISTENER"
	[ "$(cat held.got)" = 'done' ]
}

# What holds the socket in place of a service manager: on each line of standard input it starts
# a listener, whose number is in the file pid.
MANAGER='while read -r _; do
	(
		export LISTEN_PID=$BASHPID LISTEN_FDS=1
		echo "$BASHPID" >pid
		exec "$@" 9>ready
	) &
done'

@test "with a service manager's socket a listener is replaced 20 times, and no sender notices" {
	local old='' i

	mkdir in
	mkfifo start ready
	exec 6<>start
	started manager "$FAULT/fdpass" --ready-fd 9 -- bash -c "exec <start; $MANAGER" - \
		"$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 -d in
	ADDR=$(key_of bob)@$READY
	for ((i = 0; i <= 20; i++)); do
		echo >&6
		timeout "$PATIENCE" cat ready >address
		[ -s address ] || fail 'the listener did not start'
		if [ -n "$old" ]; then
			more_sent 2
			kill "$old"
			timeout "$PATIENCE" tail --pid="$old" -s 0.02 -f /dev/null
		else
			senders 2
		fi
		old=$(cat pid)
		STARTED+=("$old")
	done
	all_arrived
	kill "$old"
	timeout "$PATIENCE" tail --pid="$old" -s 0.02 -f /dev/null
	exec 6>&-
}

@test "a port that is not shared by both is not shared" {
	local status=0

	listen -k --lines
	AT=("${ADDR#*@}")
	timeout "$PATIENCE" "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -k --lines --reuse-port \
		"${AT[@]}" 2>other.err 3>&- || status=$?
	[ "$status" -eq 71 ]
	says other.err 'cannot listen'
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "after the last listener of a shared port has gone, connections are refused" {
	listen -k --lines --reuse-port
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 69 send "$ADDR" <<<x
}

@test "a listener or relay that goes on for ever ends with its terminal" {
	local program id=bob

	key_of alice >authorized
	gone() { ! alive "$1"; }
	for program in "$LISTEN -k --lines" "$VZ_BUILD/bin/vz-relay"; do
		mkfifo ready
		# shellcheck disable=SC2086 # words of a command
		terminal t 80 24 bash -c 'echo $$ >pid; exec "$@" 9>ready' sh $program -v -i "$(id_of "$id")" \
			-a authorized --ready-fd 9 127.0.0.1:0
		timeout "$PATIENCE" cat ready >address
		[ -s address ]
		kill -HUP "$(cat pid)"
		shows t 'rights read again'
		tmux_of kill-session t
		until_true gone "$(cat pid)"
		rm ready
		id=alice
		echo "register $(key_of bob)" >authorized
	done
}
