# What vz-compare(7) says of other tools when a sender is killed, or a disk is full. Where they change
# for the better these tests fail, and the page has to say so.
load ../cli/helpers

setup_file() {
	identities alice bob
	# Three parts of five get through before the sender dies.
	bytes 5000000 "$BATS_FILE_TMPDIR/in"
}

needs() {
	command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || skip "there is no $1"
}
# feed FIFO: what the sender reads; the rest never comes.
feed() {
	exec 8<>"$1"
	head -c 3000000 "$BATS_FILE_TMPDIR/in" >&8 &
	STARTED+=("$!")
}
has() { [ "$(stat -c %s "$1" 2>/dev/null)" -eq "$2" ]; }

# background COMMAND...: sets PID.
background() {
	"$@" 3>&- 8>&- &
	PID=$!
	STARTED+=("$PID")
}
# listens PATH: somebody accepts connections there; it is bound before.
listens() { grep -q " 00010000 .* $1\$" /proc/net/unix; }
# killed_in_the_middle OUT SENDER...: it is when the part that it was fed is in OUT.
killed_in_the_middle() {
	local out=$1

	shift
	mkfifo fifo
	feed fifo
	"$@" <fifo 2>send.err 3>&- 8>&- &
	SENT=$!
	STARTED+=("$SENT")
	until_true has "$out" 3000000
	kill -9 "$SENT"
}

@test "vz-listen: a killed sender is status 65 or 75, and no file" {
	started listen "$LISTEN" --resume-window 0 -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -o out 127.0.0.1:0
	local listener=$PID
	mkfifo fifo
	feed fifo
	"$SEND" -i "$(id_of alice)" "$READY" <fifo 2>send.err 3>&- 8>&- &
	SENT=$!
	STARTED+=("$SENT")
	part() { [ "$(find . -maxdepth 1 -name '.*' -type f -size +2900k | wc -l)" -eq 1 ]; }
	until_true part
	kill -9 "$SENT"
	ended 65,75 "$listener"
	[ ! -e out ]
}

@test "nc: a killed sender is an end like any other" {
	needs nc
	background nc -lU "$PWD/socket" >out
	until_true listens "$PWD/socket"
	killed_in_the_middle out nc -NU socket
	ended 0 "$PID"
	has out 3000000
}

@test "nc: a receiver on a full disk, and its sender, exit with 0" {
	needs nc
	[ -w /dev/full ] || skip "there is no /dev/full"
	background nc -lU "$PWD/socket" >/dev/full
	until_true listens "$PWD/socket"
	timeout "$PATIENCE" nc -NU socket <"$BATS_FILE_TMPDIR/in"
	ended 0 "$PID"
}

@test "spiped: a killed sender is an end like any other" {
	needs spiped
	bytes 32 key
	background nc -lU "$PWD/far" >out
	receiver=$PID
	background spiped -F -d -s "$PWD/middle" -t "$PWD/far" -k key
	background spiped -F -e -s "$PWD/near" -t "$PWD/middle" -k key
	for place in far middle near; do
		until_true listens "$PWD/$place"
	done
	killed_in_the_middle out nc -NU near
	ended 0 "$receiver"
	has out 3000000
}

@test "ssh: a killed sender is an end like any other to the remote command" {
	needs sshd
	[ "$(id -u)" -eq 0 ] || skip "sshd wants to be root"
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f host
	ssh-keygen -q -t ed25519 -N '' -f me
	killed_in_the_middle out ssh -q -F none -i me -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o "ProxyCommand=/usr/sbin/sshd -i -h $PWD/host -o AuthorizedKeysFile=$PWD/me.pub -o StrictModes=no -o UsePAM=no" \
		there "cat >$PWD/out; echo \$? >$PWD/status"
	until_true test -s status
	[ "$(cat status)" -eq 0 ]
	has out 3000000
}

@test "socat with TLS: a killed sender is an error, and the part stays" {
	needs socat
	needs openssl
	openssl req -x509 -newkey rsa:2048 -nodes -keyout c.key -out c.crt -subj /CN=localhost -days 2 2>/dev/null
	cat c.key c.crt >c.pem
	background socat -d -d -u OPENSSL-LISTEN:0,bind=127.0.0.1,cert=c.pem,cafile=c.crt CREATE:out 2>listen.log
	receiver=$PID
	until_true grep -q 'listening on' listen.log
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' listen.log)
	killed_in_the_middle out socat -u STDIN "OPENSSL:localhost:$port,cert=c.pem,cafile=c.crt"
	ended 1 "$receiver"
	has out 3000000
}

@test "a pipe into nc exits with 0 when what is before it fails" {
	needs nc
	background nc -lU "$PWD/socket" >out
	until_true listens "$PWD/socket"
	sh -c '(head -c 1000 "$1"; exit 3) | nc -NU socket' sh "$BATS_FILE_TMPDIR/in"
	ended 0 "$PID"
	has out 1000
}
