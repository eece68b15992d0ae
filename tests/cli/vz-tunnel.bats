#!/usr/bin/env bats
# scripts/vz-tunnel: services of any kind, through vz.
load helpers

setup_file() {
	identities alice bob carol
}

tools() {
	command -v socat >/dev/null || skip 'socat is not here'
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
}

# service SCRIPT: listens at $PWD/service, and runs the script for each connection.
service() {
	local pid

	socat UNIX-LISTEN:service,fork,backlog=256 "SYSTEM:sh $1,nofork" 2>service.err 3>&- &
	STARTED+=($!)
	until_true test -S service
}
echoes() {
	echo 'exec cat' >echo.sh
	service echo.sh
}

# serve ARG...: bob serves it, to alice or whom ALLOW says. Sets ADDR, SERVER (pid).
serve() {
	local -a allow=("${ALLOW[@]}")

	[ "${#allow[@]}" -gt 0 ] || allow=(--allow "$(key_of alice)")
	started serve vz-tunnel -i "$(id_of bob)" --state bob.state --ready-fd 9 "${allow[@]}" --serve "$@" 127.0.0.1:0 || return
	SERVER=$PID
	ADDR=$READY
}
# tunnel [ARG...] LISTEN: alice listens. Sets AT, TUNNEL (pid).
tunnel() {
	started tunnel vz-tunnel -i "$(id_of alice)" --state alice.state --ready-fd 9 "$@" "$ADDR" || return
	TUNNEL=$PID
	AT=$READY
}
# through: standard input and output, connected to AT.
through() {
	case $AT in
	*:*) timeout "$PATIENCE" socat -t "$PATIENCE" STDIO "TCP:$AT" 3>&- ;;
	*) timeout "$PATIENCE" socat -t "$PATIENCE" STDIO "UNIX-CONNECT:$AT" 3>&- ;;
	esac
}
# quiet_for PATTERN: no process has it among its arguments.
quiet_for() { ! pgrep -f -- "$1" >/dev/null; }

@test "a conversation over TCP and over Unix sockets, each line at once" {
	local at i

	tools
	echo 'while read -r word; do echo "$word?"; done; echo bye' >ask.sh
	service ask.sh
	serve "$PWD/service"
	for at in 0 "$PWD/here"; do
		tunnel "$at"
		mkfifo to from
		through <to >from &
		STARTED+=($!)
		exec {TO}>to {FROM}<from
		for i in 1 2 3; do
			echo "$i" >&"$TO"
			IFS= read -r -t "$PATIENCE" -u "$FROM" line
			[ "$line" = "$i?" ]
		done
		exec {TO}>&-
		[ "$(timeout "$PATIENCE" cat <&"$FROM")" = bye ]
		exec {FROM}<&-
		rm to from
	done
}

@test "many connections at once, with much in both directions" {
	local i

	tools
	echoes
	serve "$PWD/service"
	tunnel 0
	bytes 300000 in
	for i in {1..40}; do
		through <in >"out.$i" &
		STARTED+=($!)
		set -- "$@" $!
	done
	for i; do
		ended 0 "$i"
	done
	for i in {1..40}; do
		cmp in "out.$i"
	done
	bytes 30000000 in
	through <in >back
	cmp in back
}

@test "--max bounds the connections of an allowed key, and what is beyond waits at LISTEN" {
	local i

	tools
	echoes
	serve "$PWD/service" --max 2
	tunnel --max 2 0
	for i in 1 2 3 4 5 6; do
		(sleep 0.2; echo "$i") | through >"out.$i" &
		STARTED+=($!)
		set -- "$@" $!
	done
	for i; do
		ended 0 "$i"
	done
	for i in 1 2 3 4 5 6; do
		[ "$(cat "out.$i")" = "$i" ]
	done
}

@test "either side may end what it says and hear the rest, and a service that closes is seen to" {
	tools
	cat >service.py <<-'PY'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind('service'); s.listen(9)
		while True:
		    c, _ = s.accept()
		    what = c.recv(1)
		    if what == b'h':                    # half closes first, and listens on
		        c.sendall(b'bye'); c.shutdown(socket.SHUT_WR)
		        got = b''
		        while len(d := c.recv(1000)): got += d
		        open('heard', 'wb').write(got)
		    elif what == b'l':                  # speaks after the end
		        while c.recv(1000): pass
		        c.sendall(b'late')
		    elif what == b'c':
		        c.sendall(b'closed')
		    c.close()
	PY
	cat >client.py <<-'PY'
		import socket, sys
		def talk(what, end):
		    c = socket.socket(socket.AF_UNIX)
		    c.settimeout(60)
		    c.connect('here')
		    c.sendall(what)
		    if end: c.shutdown(socket.SHUT_WR)
		    got = b''
		    while len(d := c.recv(1000)): got += d
		    return c, got
		c, got = talk(b'h', False); assert got == b'bye', got
		c.sendall(b'more'); c.close()
		c, got = talk(b'l', True); assert got == b'late', got
		c, got = talk(b'c', False); assert got == b'closed', got
	PY
	python3 service.py 2>service.err 3>&- &
	STARTED+=($!)
	until_true test -S service
	serve "$PWD/service"
	tunnel "$PWD/here"
	timeout "$PATIENCE" python3 client.py 2>client.err
	until_true grep -qx more heard
}

@test "a client that is gone ends its connection at the service" {
	tools
	echo 'echo hello; exec cat >/dev/null' >hello.sh
	service hello.sh
	serve "$PWD/service"
	tunnel 0
	python3 - "$AT" <<-'PY'
		import socket, struct, sys
		host, port = sys.argv[1].split(':')
		c = socket.create_connection((host, int(port)))
		c.settimeout(60)
		assert c.recv(100) == b'hello\n'
		c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
		c.close()
	PY
	until_true grep -q 'cancelled by the sender\|the session ended' serve.err
}

@test "a service that is not there closes the client's connection, and says so" {
	tools
	serve "$PWD/nothing"
	tunnel 0
	[ -z "$(echo hello | through)" ]
	until_true grep -q 'the command there exited 1' tunnel.err
	until_true grep -q 'nothing.*No such file' serve.err
	exits 1 vz-tunnel -i "$(id_of alice)" - "$ADDR" </dev/null
}

@test "without the other host a connection is closed with its error, and the tunnel goes on" {
	tools
	echoes
	serve "$PWD/service"
	tunnel 0
	kill "$SERVER"
	ended 0 "$SERVER"
	[ -z "$(echo hello | through)" ]
	until_true grep -q 'vz-send: .*connection refused' tunnel.err
	alive "$TUNNEL"
}

@test "connections stay while the network is gone, and lose nothing" {
	tools
	echoes
	serve "$PWD/service"
	mangled --breaks 6 --within 200000 --end fin
	ADDR=$THROUGH
	tunnel --retry-for 60 0
	bytes 2000000 in
	through <in >back
	cmp in back
}

@test "who may not ask is told so and reaches nothing" {
	tools
	echo 'echo reached >>reached' >touch.sh
	service touch.sh
	printf 'send %s\n' "$(key_of alice)" >authorized
	ALLOW=(-a authorized)
	serve "$PWD/service"
	exits 77 vz-tunnel -i "$(id_of alice)" - "$ADDR" </dev/null 2>send.err
	exits 77 vz-tunnel -i "$(id_of carol)" - "$ADDR" </dev/null 2>send.err
	[ ! -e reached ]
}

@test "command= forces the service of each key, whatever else there is" {
	tools
	echo 'echo one' >one.sh
	service one.sh
	mv service one
	echo 'echo two' >two.sh
	service two.sh
	{
		echo "ask,command=\"$VZ_TREE/scripts/vz-tunnel --connect $PWD/one\" $(key_of alice)"
		echo "ask,command=\"$VZ_TREE/scripts/vz-tunnel --connect $PWD/service\" $(key_of carol)"
	} >authorized
	started listen vz-listen -i "$(id_of bob)" -a authorized --ready-fd 9 127.0.0.1:0 -- false
	[ "$(vz-tunnel -i "$(id_of alice)" - "$READY" </dev/null)" = one ]
	[ "$(vz-tunnel -i "$(id_of carol)" - "$READY" </dev/null)" = two ]
}

@test "ssh works through it, by ProxyCommand" {
	tools
	[ -x /usr/sbin/sshd ] || skip 'sshd is not here'
	[ "$(id -u)" -eq 0 ] || skip 'sshd is tried as root only'
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f user
	cat >sshd_config <<-EOF
		HostKey $PWD/host
		AuthorizedKeysFile $PWD/user.pub
		StrictModes no
		UsePAM no
		PermitRootLogin yes
	EOF
	[ -d /run/sshd ] || mkdir -p /run/sshd || skip 'no /run/sshd'
	started serve vz-listen -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 127.0.0.1:0 \
		-- /usr/sbin/sshd -i -e -f "$PWD/sshd_config"
	bytes 3000000 in
	timeout "$PATIENCE" ssh -F none -i user -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o ProxyCommand="vz-tunnel -i '$(id_of alice)' - $READY" root@hostb 'sha256sum; exit 7' <in >out 2>ssh.err || status=$?
	[ "$status" -eq 7 ] || fail "ssh ended with $status"
	[ "$(sha256sum <in)" = "$(cat out)" ]
}

@test "a database answers through it" {
	tools
	command -v redis-server >/dev/null || skip 'redis is not here'
	redis-server --port 0 --unixsocket "$PWD/service" --save '' --dir . >redis.out 2>&1 3>&- &
	STARTED+=($!)
	until_true test -S service
	serve "$PWD/service"
	tunnel "$PWD/here"
	[ "$(timeout "$PATIENCE" redis-cli -s here set a 17)" = OK ]
	[ "$(timeout "$PATIENCE" redis-cli -s here incr a)" = 18 ]
	[ "$(for i in {1..500}; do echo "incr a"; done | timeout "$PATIENCE" redis-cli -s here | tail -n 1)" = 518 ]
}

@test "told to end it ends all that it started, and leaves nothing behind" {
	tools
	echo 'echo hello; exec cat >/dev/null' >hello.sh
	service hello.sh
	serve "$PWD/service"
	tunnel "$PWD/here"
	mkfifo hold
	through <hold >out &
	STARTED+=($!)
	exec {TO}>hold
	until_true grep -q hello out
	mkdir tmp
	kill "$TUNNEL"
	ended 0 "$TUNNEL"
	[ ! -e here ]
	until_true quiet_for "vz-send -r --raw .*$ADDR"
	kill "$SERVER"
	ended 0 "$SERVER"
	until_true quiet_for "vz-tunnel --connect $PWD/service"
}

@test "killed, it leaves nobody who would go on to listen" {
	tools
	command -v setpriv >/dev/null || skip 'setpriv is not here'
	echoes
	serve "$PWD/service"
	tunnel "$PWD/here"
	kill -9 "$TUNNEL" "$SERVER"
	until_true quiet_for "^socat.*UNIX-LISTEN:$PWD/here"
	until_true quiet_for "^vz-listen.*--connect $PWD/service"
}

@test "a socket that is left over is replaced, one that is in use or no socket is not" {
	tools
	echoes
	serve "$PWD/service"
	tunnel "$PWD/here"
	[ "$(stat -c %a here)" = 600 ]
	exits 73 vz-tunnel -i "$(id_of alice)" "$PWD/here" "$ADDR" 2>again.err
	says again.err 'somebody listens there'
	[ "$(echo hello | through)" = hello ]
	# The one that accepts, and whoever of its children is not done yet.
	pgrep -f "^socat.*UNIX-LISTEN:$PWD/here" | xargs kill -9 2>kill.err || true
	until_true quiet_for "^socat.*UNIX-LISTEN:$PWD/here"
	[ -S here ]
	tunnel "$PWD/here"
	[ "$(echo hello | through)" = hello ]
	echo text >file
	exits 73 vz-tunnel -i "$(id_of alice)" "$PWD/file" "$ADDR" 2>again.err
	[ "$(cat file)" = text ]
}

@test "a port that is taken is 73, with its words" {
	tools
	echoes
	serve "$PWD/service"
	tunnel 0
	exits 73 timeout "$PATIENCE" vz-tunnel -i "$(id_of alice)" "${AT##*:}" "$ADDR" 2>again.err
	says again.err 'vz-tunnel: .*address already in use'
}

@test "no place or address is taken for more than that" {
	local place

	tools
	for place in '' x 65536 -1 1.5 host: :1x 'a b:1' '$(touch hacked):1' 'h;touch hacked:1' '-oX:1' 'h,exec=x:1' \
		'[::1' '[::1]' '[x y]:1' 'EXEC:touch hacked'; do
		exits 64 vz-tunnel "$place" dest 2>words
		exits 64 vz-tunnel --connect "$place" </dev/null 2>words
		exits 64 vz-tunnel --serve "$place" 0 2>words
	done
	exits 64 vz-tunnel 0 2>words
	exits 64 vz-tunnel --serve 22 2>words
	exits 64 vz-tunnel --connect 0 2>words
	exits 64 vz-tunnel --allow 'x" vz1' --serve 22 0 2>words
	exits 64 vz-tunnel --nothing 2>words
	[ ! -e hacked ]
	# Names that mean something to socat or the shell are names.
	mkdir "a ,b:c'\$(touch hacked)"
	cd "a ,b:c'\$(touch hacked)"
	echoes
	serve "$PWD/service"
	tunnel "$PWD/h!(e,r:e"
	[ "$(echo hello | timeout "$PATIENCE" socat -t 60 STDIO 'UNIX-CONNECT:h!\(e\,r\:e')" = hello ]
	[ ! -e hacked ]
}

@test "without socat a service manager's tool and nc do it" {
	tools
	command -v systemd-socket-activate >/dev/null || skip 'systemd-socket-activate is not here'
	command -v nc >/dev/null || skip 'nc is not here'
	nc -h 2>&1 | grep -q OpenBSD || skip 'another nc'
	echoes
	mkdir path
	for tool in sh sed mktemp rm nc systemd-socket-activate setsid cat mkfifo timeout; do
		ln -s "$(command -v "$tool")" path/
	done
	ln -s "$VZ_TREE/scripts/vz-tunnel" "$VZ_BUILD"/bin/vz-* path/
	PATH=$PWD/path started serve vz-tunnel -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 \
		--serve "$PWD/service" 127.0.0.1:0
	ADDR=$READY
	PATH=$PWD/path vz-tunnel -i "$(id_of alice)" "$PWD/here" "$ADDR" 2>tunnel.err 3>&- &
	STARTED+=($!)
	until_true test -S here
	AT=here
	bytes 3000000 in
	through <in >back
	cmp in back
	kill "${STARTED[-1]}" "$PID"
	ended 0 "${STARTED[-1]}"
	ended 0 "$PID"
}
