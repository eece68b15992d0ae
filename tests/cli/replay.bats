#!/usr/bin/env bats
# What was overheard is of no use: a session that is played again delivers nothing.
load helpers

setup_file() {
	identities alice bob
}

# overheard: a proxy before the listener that keeps what a sender says, in the file `up`. Sets THROUGH.
overheard() {
	cat >overhear.py <<-'PY'
		import os, select, socket, sys
		port, ready = int(sys.argv[1]), int(sys.argv[2])
		door = socket.create_server(('127.0.0.1', 0))
		os.write(ready, b'%d\n' % door.getsockname()[1])
		os.close(ready)
		a, b = door.accept()[0], socket.create_connection(('127.0.0.1', port))
		log, way = open('up', 'wb', 0), {a: b, b: a}
		while way:
		    for s in select.select(list(way), [], [])[0]:
		        p = s.recv(65536)
		        if s is a:
		            log.write(p)
		        if p:
		            way[s].sendall(p)
		        else:
		            try:
		                way.pop(s).shutdown(socket.SHUT_WR)
		            except OSError:
		                way = {}
		                break
	PY
	started overhear python3 overhear.py "${ADDR##*:}" 9 || return
	THROUGH=${ADDR%:*}:$READY
}

# play_again: says all of `up` to the listener, and waits until that has ended the connection.
play_again() {
	cat >play.py <<-'PY'
		import socket, sys
		s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
		s.settimeout(30)
		try:
		    s.sendall(open('up', 'rb').read())
		    while s.recv(65536):
		        pass
		except (ConnectionResetError, BrokenPipeError):
		    pass
	PY
	timeout "$PATIENCE" python3 play.py "${ADDR##*:}"
}

@test "a whole session played again delivers nothing, neither to the same listener nor to one started anew" {
	mkdir dir
	listen -w 1 -k -d dir --state state
	overheard
	exits 0 send "$THROUGH" <<<once
	holds 1 dir
	[ "$(stat -c %s up)" -gt 400 ]
	# Not even a name that is taken stands in its way.
	rm dir/*
	play_again
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	listen -w 1 -k -d dir --state state
	play_again
	rm -r state
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	listen -w 1 -k -d dir --state state
	play_again
	empty dir
	exits 0 send "$ADDR" <<<twice
	holds 1 dir
}
