#!/usr/bin/env bats
# A question whose input goes on: a conversation, in which either side may end what it says, and who
# answers may end all of it.
load helpers

setup_file() {
	identities alice bob
}

# at_work SCRIPT OPTION...: bob runs sh -c SCRIPT for each message.
at_work() {
	local script=$1

	shift
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" "$@" 127.0.0.1:0 \
		-- sh -c "$script" || return
	LISTENER=$PID
	ADDR=$READY
}

# talking ARG...: alice asks in the background, with descriptors TO and FROM. Sets TALK (pid).
talking() {
	rm -f to from
	mkfifo to from
	"$SEND" -i "$(id_of alice)" -r "$@" <to >from 2>send.err 3>&- &
	TALK=$!
	STARTED+=("$TALK")
	exec {TO}>to {FROM}<from
}
# heard: the next line of the reply, within a bound.
heard() {
	local line

	IFS= read -r -t "$PATIENCE" -u "$FROM" line || return
	echo "$line"
}
# no_more: the reply has ended.
no_more() { [ -z "$(timeout "$PATIENCE" cat <&"$FROM" || echo late)" ]; }

@test "each side hears at once what the other says" {
	local i

	at_work 'while read -r word; do echo "$word?"; done; echo bye'
	talking "$ADDR"
	for i in 1 2 3; do
		echo "$i" >&"$TO"
		[ "$(heard)" = "$i?" ]
	done
	alive "$TALK"
	exec {TO}>&-
	[ "$(heard)" = bye ]
	no_more
	ended 0 "$TALK"
}

@test "who answers ends it by exiting, although there is more to be said" {
	at_work 'read -r word; echo "$word?"'
	talking "$ADDR"
	echo hello >&"$TO"
	[ "$(heard)" = 'hello?' ]
	no_more
	ended 0 "$TALK"
	# A status that is not 0 is told as well.
	at_work 'read -r word; echo "$word?"; exit 3'
	talking "$ADDR"
	echo hello >&"$TO"
	[ "$(heard)" = 'hello?' ]
	ended 3 "$TALK"
}

@test "an answer that ends is seen to end while the question goes on" {
	at_work 'echo first; exec >&-; cat >got'
	talking "$ADDR"
	[ "$(heard)" = first ]
	no_more
	alive "$TALK"
	echo more >&"$TO"
	exec {TO}>&-
	ended 0 "$TALK"
	[ "$(cat got)" = more ]
}

@test "an answer that has ended counts only if the command then exits 0" {
	at_work 'echo first; exec >&-; cat >/dev/null; exit 9'
	talking "$ADDR"
	[ "$(heard)" = first ]
	no_more
	exec {TO}>&-
	ended 9 "$TALK"
	says send.err 'exited 9'
}

@test "an endless question is no more than what was wanted of it" {
	at_work 'head -n 2'
	[ "$(yes | send -r "$ADDR")" = $'y\ny' ]
}

@test "an answer ends also what waits because its sender may say only so much a second" {
	printf 'bytes="64k/s" %s\n' "$(key_of alice)" >authorized
	chmod 600 authorized
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 -a authorized 127.0.0.1:0 -- sh -c 'head -n 1; sleep 0.3'
	ADDR=$READY
	yes | exits 0 send -r "$ADDR" >out
	[ "$(cat out)" = y ]
}

@test "a file, a command and a signed question are wanted to their end" {
	bytes 3000000 in
	at_work 'head -c 1 >/dev/null; echo enough'
	exits 65 send -r --run "$ADDR" -- sh -c 'cat in; sleep 0.3; exit 4' >out
	says send.err 'exited 4'
	mkfifo late
	(sleep 0.3; echo end; exec 3>ended) >late &
	[ "$(send -r --sign "$ADDR" <late)" = enough ]
	[ -e ended ]
	[ "$(send -r "$ADDR" in)" = enough ]
}

@test "a conversation goes on over a connection that breaks, and ends when who answers ends it" {
	local i

	at_work 'for i in 1 2 3 4 5 6 7 8; do read -r word || exit 7; echo "$word?"; done' --resume-window 60
	mangled --breaks 3 --within 3000 --end rst
	talking --retry-for 60 "$THROUGH"
	for i in 1 2 3 4 5 6 7 8; do
		echo "$i$(head -c 2000 /dev/zero | tr '\0' x)" >&"$TO"
		[[ $(heard) == "$i"x*'?' ]]
	done
	no_more
	ended 0 "$TALK"
}

@test "a socket for both directions is half closed by the answer's end" {
	command -v socat >/dev/null || skip 'socat is not here'
	at_work 'echo first; exec >&-; cat >got'
	cat >ask.sh <<-EOF
		exec "$SEND" -i "$(id_of alice)" -r --raw "$ADDR"
	EOF
	timeout "$PATIENCE" socat UNIX-LISTEN:sock EXEC:'sh ask.sh',nofork 2>send.err 3>&- &
	STARTED+=($!)
	until_true test -S sock
	mkfifo to from
	socat -t "$PATIENCE" STDIO,shut-close UNIX-CONNECT:sock <to >from 2>socat.err 3>&- &
	STARTED+=($!)
	exec {TO}>to {FROM}<from
	[ "$(heard)" = first ]
	no_more
	echo more >&"$TO"
	exec {TO}>&-
	until_true grep -qx more got
}
