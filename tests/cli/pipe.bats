#!/usr/bin/env bats
# The main job: whatever goes in at one host comes out at the other, whole, and both say so.
load helpers

setup_file() {
	identities alice bob carol dave
}

# a_tree FOLDER: something worth archiving.
a_tree() {
	mkdir -p "$1/deep/er"
	bytes 300000 "$1/deep/random"
	seq 100000 >"$1/deep/er/text"
	: >"$1/empty"
	ln -s ../empty "$1/deep/link"
}

tar_arrives() {
	a_tree tree
	tar cf want.tar tree
	listen -o got.tar
	exits 0 send --run "$ADDR" -- tar cf - tree
	ended 0 "$LISTENER"
	cmp want.tar got.tar
}

@test "a command's output arrives as a file over IPv4" {
	tar_arrives
}

@test "a command's output arrives as a file over IPv6" {
	ipv6_or_skip
	AT=('[::1]:0')
	tar_arrives
	[[ $ADDR == *'@[::1]:'* ]]
}

@test "a command's output arrives as a file over a Unix socket" {
	AT=("$PWD/socket")
	tar_arrives
	[[ $ADDR == *"@$PWD/socket" ]]
	[ ! -e socket ]
}

@test "standard input arrives on standard output as it is" {
	bytes 5000000 in
	listen
	exits 0 send "$ADDR" <in
	ended 0 "$LISTENER"
	cmp in listen.out
}

# peak_below KIB PID: the most memory that a process ever had in use.
peak_below() {
	local peak

	peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$2/status")
	[ "$peak" -gt 0 ]
	[ "$peak" -lt "$1" ] || fail "process $2 used $peak KiB"
}

@test "200 MB go from pipe to pipe unchanged, in less than 16 MiB of memory on each side" {
	mkfifo pipe hold
	cat >source.sh <<-'END'
		seq 26000000 | head -c 200000000
		: >produced
		read -r go <hold
	END
	sha256sum <pipe >got.sum 3>&- &
	local sum=$!
	STARTED+=("$sum")
	STDOUT=pipe listen
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --run "$ADDR" -- sh source.sh 2>send.err 3>&- &
	local sender=$!
	STARTED+=("$sender")
	until_true test -e produced
	# A sanitizer's shadow is no memory of ours.
	if ! grep -qa __asan_init "$SEND" "$LISTEN"; then
		peak_below 16384 "$sender"
		peak_below 16384 "$LISTENER"
	fi
	echo go >hold
	ended 0 "$sender"
	ended 0 "$LISTENER"
	ended 0 "$sum"
	seq 26000000 | head -c 200000000 | sha256sum | cmp - got.sum
}

@test "empty input arrives as an empty message" {
	listen -o got
	exits 0 send "$ADDR" </dev/null
	ended 0 "$LISTENER"
	[ -f got ]
	[ ! -s got ]
}

@test "-n sends an empty message and leaves standard input alone" {
	listen -o got
	{
		exits 0 send -n "$ADDR"
		IFS= read -r line
	} <<<'still here'
	[ "$line" = 'still here' ]
	ended 0 "$LISTENER"
	[ ! -s got ]
}

@test "a command that writes nothing and ends well is an empty message" {
	listen -o got
	exits 0 send --run "$ADDR" -- true
	ended 0 "$LISTENER"
	[ -f got ]
	[ ! -s got ]
}

@test "files arrive in a folder under an id and their name, and each path is printed" {
	bytes 100000 one
	bytes 1 two.txt
	mkdir dir
	listen -d dir
	exits 0 send "$ADDR" one two.txt
	until_true holds 2 dir
	kill -TERM "$LISTENER"
	ended 0,143 "$LISTENER"
	cmp one dir/*-one
	cmp two.txt dir/*-two.txt
	sort listen.out >printed
	printf '%s\n' dir/* | sort | cmp - printed
}

@test "--name gives standard input a name" {
	mkdir dir
	listen -d dir --once
	exits 0 send --name 'daily report' "$ADDR" <<<hello
	ended 0 "$LISTENER"
	[ "$(cat dir/*-daily_report)" = hello ]
}

@test "a listener that keeps takes one sender after the other" {
	mkdir dir
	listen --keep -d dir
	local i
	for i in 1 2 3 4 5; do
		exits 0 send "$ADDR" <<<"message $i"
	done
	[ "$(cat dir/* | sort)" = "$(seq -f 'message %g' 5)" ]
	alive "$LISTENER"
}

@test "many senders at once each deliver a whole message of their own" {
	local i pid
	local -a pids=()

	mkdir dir
	ALLOW=(--allow "$(key_of alice)" --allow "$(key_of carol)" --allow "$(key_of dave)")
	listen --keep -d dir
	for i in 1 2 3 4 5 6 7 8 9; do
		# Each is one letter over and over: a foreign byte would show.
		head -c "$((i * 400000))" /dev/zero | tr '\0' "$i" >"in$i"
	done
	for i in 1 2 3 4 5 6 7 8 9; do
		case $((i % 3)) in 0) who=alice ;; 1) who=carol ;; *) who=dave ;; esac
		timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of $who)" "$ADDR" "in$i" 2>"send$i.err" 3>&- &
		pids+=("$!")
		STARTED+=("$!")
	done
	for pid in "${pids[@]}"; do
		ended 0 "$pid"
	done
	for i in 1 2 3 4 5 6 7 8 9; do
		cmp "in$i" dir/*-"in$i"
	done
	holds 9 dir
}

@test "a second message to a raw standard output is refused, and the first stays whole" {
	bytes 100000 one
	bytes 100000 two
	listen
	exits 69 send "$ADDR" one two
	says send.err 'vz-send: '
	says listen.err '(hint|vz-listen).*(--dir|--lines|command)'
	ended 0,65,69 "$LISTENER"
	cmp one listen.out
}

@test "another sender's message never gets into one that is on its way" {
	local into alice

	ALLOW=(--allow "$(key_of alice)" --allow "$(key_of carol)")
	mkfifo slow
	for into in '' '-o got'; do
		# shellcheck disable=SC2086 # two words or none
		listen $into
		timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <slow 2>alice.err 3>&- &
		alice=$!
		STARTED+=("$alice")
		exec 7>slow
		head -c 1000000 /dev/zero >&7
		until_true arrived 900000
		SENDER=carol exits 69,75 send "$ADDR" <<<'carol was here'
		one_error send.err 'refused|takes|busy|another'
		echo ends >&7
		exec 7>&-
		ended 0 "$alice"
		ended 0 "$LISTENER"
		{ head -c 1000000 /dev/zero; echo ends; } >want
		if [ -n "$into" ]; then cmp want got; else cmp want listen.out; fi
		rm -f listen.out want
	done
}

@test "a name from the peers file is an address" {
	listen -o got
	mkdir -m 700 own
	cp "$(id_of alice)" own/identity
	echo "printer $ADDR" >own/peers
	timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i own/identity printer <<<'by name' 2>send.err || fail "status $?"
	ended 0 "$LISTENER"
	[ "$(cat got)" = 'by name' ]
}

@test "--check delivers nothing and says that all is well" {
	mkdir dir
	listen -d dir
	exits 0 send --check "$ADDR"
	empty dir
}

@test "--check does not use up a listener for one message" {
	listen -o got
	exits 0 send --check "$ADDR"
	exits 0 send "$ADDR" <<<'now for real'
	ended 0 "$LISTENER"
	[ "$(cat got)" = 'now for real' ]
}

@test "--check says which step failed" {
	listen -o got
	SENDER=carol exits 77 send --check "$ADDR"
	says send.err 'rights|authori[sz]ed|refused'
	kill "$LISTENER"
	ended 143 "$LISTENER"
	exits 69 send --check "$ADDR"
	says send.err 'connect'
	[ ! -e got ]
}

@test "each address gets a port of its own and a line when it accepts" {
	AT=(127.0.0.1:0 127.0.0.1:0 "$PWD/socket")
	listen --keep -d .
	[ "$(sort -u listen.ready | wc -l)" -eq 3 ]
	while IFS= read -r address; do
		[[ $address == "$(key_of bob)@"* ]]
		exits 0 send "$address" <<<x
	done <listen.ready
	says listen.err 'listening on vz1[a-z0-9]*@127\.0\.0\.1:[1-9][0-9]* \(this host only'
}

@test "a bare port listens on this host only" {
	AT=(:0)
	listen --keep -d .
	[[ $ADDR == *'@127.0.0.1:'* || $ADDR == *'@[::1]:'* ]]
	says listen.err 'this host only'
	exits 0 send "$ADDR" <<<x
}

@test "a listening socket can come from a service manager" {
	started listen "$FAULT/fdpass" --ready-fd 9 -- "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" \
		--allow "$(key_of alice)" -o got
	exits 0 send "$(key_of bob)@$READY" <<<'by descriptor'
	ended 0 "$PID"
	[ "$(cat got)" = 'by descriptor' ]
}

@test "a stale Unix socket is replaced" {
	AT=("$PWD/socket")
	listen -o got
	kill -9 "$LISTENER"
	wait "$LISTENER" || true
	[ -S socket ]
	listen -o got
	exits 0 send "$ADDR" <<<again
	[ "$(cat got)" = again ]
}

@test "a Unix socket that somebody answers on is not taken away" {
	AT=("$PWD/socket")
	listen -o got
	exits 73 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -o other "$PWD/socket" \
		2>second.err 3>&-
	says second.err 'socket'
	exits 0 send "$ADDR" <<<mine
	[ "$(cat got)" = mine ]
}

@test "a file that is no socket is not replaced by one" {
	echo precious >socket
	exits 71,73,78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any "$PWD/socket" 2>listen.err 3>&-
	[ "$(cat socket)" = precious ]
}

@test "a Unix socket's path that is too long is refused in words" {
	local long

	long=$PWD/$(printf '%0110d' 0)
	exits 64,71,78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any "$long" 2>listen.err 3>&-
	says listen.err 'long|107'
	exits 64 send "$(key_of bob)@$long" <<<x
	says send.err 'long|107'
}
