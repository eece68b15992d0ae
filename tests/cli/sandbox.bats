#!/usr/bin/env bats
# --sandbox and --user: what is in force, what is required, and that all goes on behind it.
load helpers

setup_file() {
	identities alice bob
}

# layers: whether each is to be had here, by the sender's own word.
complete() {
	! "$SEND" -v --sandbox=auto -i "$(id_of alice)" --check "$(key_of bob)@127.0.0.1:1" 2>&1 |
		grep -q 'sandbox: .*: missing'
}

@test "-v and --log-json say in one line what is in force" {
	listen -v -k
	exits 0 send -v "$ADDR" <<<x
	for who in listen send; do
		[ "$(grep -c ': sandbox: ' "$who.err")" -ge 1 ]
	done
	exits 0 send --log-json "$ADDR" <<<x
	[ "$(grep -c '"event":"sandbox","mode":"auto"' send.err)" -eq 1 ]
	exits 0 send "$ADDR" <<<x
	run ! grep -q sandbox send.err
}

@test "--sandbox=off closes nothing, says so, and another word is a usage error" {
	listen -v -k --sandbox=off
	says listen.err 'sandbox: off'
	grep -q '^Seccomp:[[:space:]]*[01]$' "/proc/$LISTENER/status"
	exits 0 send -v --sandbox=off "$ADDR" <<<x
	says send.err 'sandbox: off'
	exits 64 send --sandbox=some "$ADDR" <<<x
}

@test "--sandbox=require works where all layers are, and the kernel confirms them" {
	complete || skip 'a layer is missing here'
	listen -k --sandbox=require
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$LISTENER/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$LISTENER/status"
	exits 0 send --sandbox=require "$ADDR" <<<x
}

@test "a missing layer is one line at -v, and fatal where it is required" {
	complete || skip 'a layer is missing here already'
	listen -k
	for layer in Landlock seccomp; do
		without=("$FAULT/without" "${layer,}")
		exits 0 "${without[@]}" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --state a "$ADDR" <<<x 2>send.err
		run ! grep -q sandbox send.err
		exits 0 "${without[@]}" "$SEND" -v -i "$(id_of alice)" --state a "$ADDR" <<<x 2>send.err
		[ "$(grep -c "sandbox: $layer: missing" send.err)" -eq 1 ]
		exits 71 "${without[@]}" "$SEND" --sandbox=require -i "$(id_of alice)" --state a "$ADDR" <<<x 2>send.err
		grep -q -- "--sandbox=require: $layer: missing" send.err
		exits 71 "${without[@]}" "$LISTEN" --sandbox=require -i "$(id_of bob)" --state b --allow-any "$PWD/sock" 2>fatal.err
		[ ! -e sock ]
	done
}

@test "names are looked up behind it" {
	listen -k
	exits 0 send --sandbox=auto "${ADDR/127.0.0.1/localhost}" <<<x
}

@test "the process that looks names up has a sandbox of its own" {
	complete || skip 'a layer is missing here'
	listen -k
	mkfifo slow
	"$SEND" "${BREAKS_END_SEND[@]}" -v -i "$(id_of alice)" "${ADDR/127.0.0.1/localhost}" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	until_true grep -q authenticated send.err
	resolver=$(cat "/proc/$SENDING/task/$SENDING/children")
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/${resolver% }/status"
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/${resolver% }/status"
	exec 7>&-
	ended 0 "$SENDING"
}

# at_relay NAME: the address of a relay that does as descriptor 7 tells it (tests/fault/matchmaker.c).
at_relay() {
	mkfifo commands
	exec 7<>commands
	matchmaker() { exec "$FAULT/matchmaker" --ready-fd 9 <commands 7>&-; }
	started matchmaker matchmaker
	RELAY=${READY/127.0.0.1/$1}
}

@test "a listener at a relay registers, claims and comes again behind it, and looks its name up" {
	complete || skip 'a layer is missing here'
	at_relay localhost
	AT=("$RELAY")
	listen -v -k --sandbox=require
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$LISTENER/status"
	resolver=$(cat "/proc/$LISTENER/task/$LISTENER/children")
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/${resolver% }/status"
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/${resolver% }/status"
	# Who is offered is at the address where the relay was found, whatever its name is by now.
	kill -STOP "${resolver% }"
	echo 'offer 2' >&7
	until_true eval '[ "$(grep -c claim matchmaker.out)" -eq 2 ]'
	kill -CONT "${resolver% }"
	echo drop >&7
	until_true eval '[ "$(grep -c registered matchmaker.out)" -eq 2 ]'
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "a listener at a relay that is an address has nobody who looks names up" {
	at_relay 127.0.0.1
	AT=("$RELAY" 127.0.0.1:0)
	listen -k
	[ -z "$(cat "/proc/$LISTENER/task/$LISTENER/children")" ]
}

@test "a socket's file goes away with the listener, and a state folder comes with it" {
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --state new/state --ready-fd 9 --allow-any -k "$PWD/sock"
	exits 0 send "$READY" <<<x
	[ -e new/state/serials ]
	kill "$PID"
	ended 0 "$PID"
	[ ! -e sock ]
}

# gone MARK: no process has MARK among its arguments.
gone() {
	run ! grep -alsF -f <(echo "$1") /proc/[0-9]*/cmdline
}

# The sender's input stays open, so that only the listener's death can end the command's.
@test "a command of a listener that is killed never sees its message end" {
	mkfifo input
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow-any 127.0.0.1:0 \
		-- sh -c "head -c 1 >begun; cat >/dev/null; touch '$PWD/ended'"
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$READY" <input 2>send.err 3>&- &
	STARTED+=("$!")
	exec 7>input
	echo one >&7
	until_true test -s begun
	kill -9 "$PID"
	until_true gone "$PWD/ended"
	[ ! -e ended ]
	exec 7>&-
}

@test "a listener that lost what starts its commands ends with an error" {
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow-any 127.0.0.1:0 -- cat
	kill -9 "$(cat "/proc/$PID/task/$PID/children")"
	ended 71 "$PID"
	says listen.err 'starts commands is gone'
}

@test "--user leaves root for good, and so do the commands" {
	[ "$(id -u)" = 0 ] || skip 'only root can'
	uid=$(id -u nobody)
	# Where nobody can get to: not below the folder of the tests, which is root's alone.
	state=$(mktemp -d "${TMPDIR:-/tmp}/vz-user.XXXXXX")
	chown nobody "$state"
	started listen "$LISTEN" -v -i "$(id_of bob)" --state "$state" --user nobody --ready-fd 9 --allow-any \
		127.0.0.1:0 -- sh -c 'id -u; id -G'
	LISTENER=$PID
	send -r "$READY" >out <<<x || fail "status $?"
	run ! grep -q 'going on' listen.err
	[ -e "$state/serials" ]
	rm -r "$state"
	[ "$(head -n 1 out)" = "$uid" ]
	[ "$(tail -n 1 out)" = "$(id -G nobody)" ]
	[ "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$LISTENER/status")" = "$uid $uid $uid $uid" ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 64 "$LISTEN" --user no-such-user -i "$(id_of bob)" --allow-any 127.0.0.1:0 2>user.err
	exits 64 "$LISTEN" --user root -i "$(id_of bob)" --allow-any 127.0.0.1:0 2>user.err
}

# For a filter, a Landlock domain or a limit of what starts commands would be theirs too.
@test "commands are ordinary processes, whatever the listener gave up" {
	facts='grep -E "^(NoNewPrivs|Seccomp|Cap[A-Z][a-z]*):" /proc/self/status; ulimit -c; cat /proc/self/environ >/dev/null && ls /'
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow-any 127.0.0.1:0 -- sh -c "$facts"
	exits 0 send -r "$READY" >out <<<x
	sh -c "$facts" | cmp - out
}
