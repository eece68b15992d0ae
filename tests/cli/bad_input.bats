#!/usr/bin/env bats
# Whatever is wrong has its documented status and one clear line, on both sides where both can know;
# nobody hangs, no partial file gets a final name, no secret and no raw byte of a peer is shown.
load helpers

SOON=400ms # how long a sender waits for an answer that does not come

setup_file() {
	identities alice bob carol mallory
	timeout 30 "$KEYGEN" --psk >"$BATS_FILE_TMPDIR/psk1"
	timeout 30 "$KEYGEN" --psk >"$BATS_FILE_TMPDIR/psk2"
	chmod 600 "$BATS_FILE_TMPDIR/psk1" "$BATS_FILE_TMPDIR/psk2"
}

# The listener was not harmed: alice still gets through.
still_serves() {
	SENDER=alice exits 0 send "$@" "$ADDR" <<<'still here'
	grep -qx 'still here' got dir/* 2>/dev/null
}

# at: the listener's HOST:PORT, without its key.
at() { echo "${ADDR#*@}"; }

# private_copy NAME FOLDER: a folder of one's own for an identity, with room for files beside it.
private_copy() {
	mkdir -m 700 "$2"
	cp "$(id_of "$1")" "$2/identity"
}

@test "a listener that is told of no key does not start" {
	exits 78,64 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" 127.0.0.1:0 2>listen.err 3>&-
	says listen.err 'authori[sz]ed|allow'
}

@test "an unauthorised key is refused with 77, and both sides say so" {
	listen -o got
	SENDER=mallory exits 77 send "$ADDR" <<<x
	one_error send.err 'refused|not authori[sz]ed'
	says listen.err "$(key_of mallory)"
	[ ! -e got ]
	still_serves
	ended 0 "$LISTENER"
}

@test "an unauthorised key is refused over a large input too, without a hang" {
	listen -o got
	SENDER=mallory exits 77 send --run "$ADDR" -- head -c 30000000 /dev/zero
	still_serves
}

@test "a revoked key is refused with 77 although it is authorised" {
	private_copy bob b
	key_of carol >b/revoked
	cp "$BATS_FILE_TMPDIR/bob/identity" b/identity
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i b/identity --ready-fd 9 --allow "$(key_of alice)" \
		--allow "$(key_of carol)" -o got 127.0.0.1:0
	LISTENER=$PID ADDR=$READY
	SENDER=carol exits 77 send "$ADDR" <<<x
	one_error send.err 'refused|revoked'
	says listen.err 'revoked'
	[ ! -e got ]
	still_serves
}

@test "--allow-any does not let a revoked key in" {
	private_copy bob b
	key_of carol >b/revoked
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i b/identity --ready-fd 9 --allow-any -o got 127.0.0.1:0
	LISTENER=$PID ADDR=$READY
	SENDER=carol exits 77 send "$ADDR" <<<x
	SENDER=mallory exits 0 send "$ADDR" <<<x
}

@test "a sender does not talk to a key on its own revoked list" {
	listen -o got
	private_copy alice a
	key_of bob >a/revoked
	exits 77 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i a/identity "$ADDR" <<<x 2>send.err
	one_error send.err 'revoked'
	[ ! -e got ]
}

@test "a revoked list with a bad line stops a listener at the start" {
	private_copy bob b
	{ key_of carol; echo 'not a key'; } >b/revoked
	exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i b/identity --allow-any 127.0.0.1:0 2>listen.err 3>&-
	says listen.err 'revoked.*2'
}

@test "another key than the one called gives 76" {
	listen -o got
	exits 76 send -w "$SOON" "$(key_of carol)@$(at)" <<<x
	one_error send.err 'no (valid )?answer'
	[ ! -e got ]
	still_serves
}

@test "another pre-shared key, one too many and one too few give 76" {
	listen --psk-file "$BATS_FILE_TMPDIR/psk1" -o got
	exits 76 send -w "$SOON" --psk-file "$BATS_FILE_TMPDIR/psk2" "$ADDR" <<<x
	one_error send.err 'no (valid )?answer'
	exits 76 send -w "$SOON" "$ADDR" <<<x
	[ ! -e got ]
	still_serves --psk-file "$BATS_FILE_TMPDIR/psk1"
	listen -o got
	exits 76 send -w "$SOON" --psk-file "$BATS_FILE_TMPDIR/psk1" "$ADDR" <<<x
}

@test "a listener takes the old pre-shared key and the new one while they change" {
	mkdir dir
	listen --keep --psk-file "$BATS_FILE_TMPDIR/psk1" --psk-file "$BATS_FILE_TMPDIR/psk2" -d dir
	exits 0 send --psk-file "$BATS_FILE_TMPDIR/psk1" "$ADDR" <<<x
	exits 0 send --psk-file "$BATS_FILE_TMPDIR/psk2" "$ADDR" <<<x
	exits 76 send -w "$SOON" "$ADDR" <<<x
}

@test "a passphrase is no pre-shared key" {
	echo 'correct horse battery staple' >phrase
	chmod 600 phrase
	exits 78 send --psk-file phrase "$(key_of bob)@127.0.0.1:1" <<<x
	one_error send.err 'phrase|psk|pre-shared'
	run ! grep horse send.err
}

@test "a mistyped key is found before anything is sent" {
	local key other

	key=$(key_of bob)
	# The 20th character, by another one of the alphabet.
	[ "${key:19:1}" = q ] && other=p || other=q
	exits 64 send "${key:0:19}$other${key:20}@127.0.0.1:1" <<<x
	says send.err 'mistyped|checksum|typing|not a key|address'
}

@test "malformed addresses give 64" {
	local address

	for address in '' vz1 @ "$(key_of bob)" "$(key_of bob)@" "$(key_of bob)@host" \
		"$(key_of bob)@:1" "$(key_of bob)@host:0" "$(key_of bob)@host:65536" \
		"$(key_of bob)@host:+1" "$(key_of bob)@[::1:1" "$(key_of bob)@relative/path" \
		"$(key_of bob | tr '[:lower:]' '[:upper:]' | sed 's/^VZ1/vz1/')@host:1" 'host:1' ' '; do
		exits 64,68 send "$address" <<<x
		says send.err 'vz-send: '
	done
}

@test "an unknown host gives 68" {
	exits 68 send -w 5 "$(key_of bob)@no-such-host.invalid:1" <<<x
	one_error send.err 'no-such-host\.invalid'
}

@test "nobody there gives 69" {
	listen -o got
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	exits 69 send "$ADDR" <<<x
	one_error send.err 'refused|nobody'
	exits 69 send "$(key_of bob)@$PWD/no-socket" <<<x
}

# false_peer ARG...: something that accepts one connection and is no vz. Sets PEER.
false_peer() {
	command -v socat >/dev/null || skip 'no socat'
	rm -f peer.err
	socat -d -d TCP4-LISTEN:0,bind=127.0.0.1 "$@" 2>peer.err 3>&- &
	STARTED+=("$!")
	until_true grep -qs 'listening on' peer.err
	PEER=$(sed -n 's/.*listening on AF=2 //p' peer.err)
}

@test "something that is no vz gives 76, whether it talks, hangs up or says nothing" {
	false_peer "SYSTEM:printf 'SSH-2.0-OpenSSH_9.2\r\n'; cat >/dev/null"
	exits 76 send -w 2 "$(key_of bob)@$PEER" <<<x
	one_error send.err 'no (valid )?answer'
	false_peer SYSTEM:true
	exits 76 send -w 2 "$(key_of bob)@$PEER" <<<x
	one_error send.err 'no (valid )?answer'
	false_peer 'SYSTEM:cat >/dev/null'
	exits 76 send -w "$SOON" "$(key_of bob)@$PEER" <<<x
	one_error send.err 'no (valid )?answer'
}

@test "strangers at the door do not disturb a listener" {
	local i

	listen -o got
	for i in 'GET / HTTP/1.0\r\n\r\n' '\0\0' '\0\60' '\377\377' ''; do
		# shellcheck disable=SC2059 # the bytes are the format
		printf "$i" >"/dev/tcp/127.0.0.1/${ADDR##*:}" || true
	done
	head -c 100000 /dev/urandom >"/dev/tcp/127.0.0.1/${ADDR##*:}" 2>/dev/null || true
	still_serves
	ended 0 "$LISTENER"
}

@test "a --run command that fails leaves no file, and both sides say so" {
	mkdir dir
	listen -o dir/got
	exits 65 send --run "$ADDR" -- sh -c 'head -c 1000000 /dev/zero; exit 3'
	says send.err 'status 3|exited|ended with 3|cancel'
	ended 65 "$LISTENER"
	says listen.err 'cancel|gave.*up'
	empty dir
}

@test "a --run command that cannot start leaves no file" {
	mkdir dir
	listen -o dir/got
	exits 65,66,71,79 send --run "$ADDR" -- ./no-such-command
	says send.err 'no-such-command'
	empty dir
}

@test "a --run command that is killed leaves no file" {
	mkdir dir
	listen -d dir
	# shellcheck disable=SC2016 # the inner shell's own
	exits 65 send --run "$ADDR" -- sh -c 'head -c 1000000 /dev/zero; kill -9 $$'
	says send.err 'kill|signal'
	empty dir
}

@test "an unreadable input gives 66 and nothing arrives" {
	mkdir dir
	listen --keep -d dir
	exits 66 send "$ADDR" no-such-file
	one_error send.err 'no-such-file'
	exits 66 send "$ADDR" .
	exits 66,74 send "$ADDR" 0<&-
	empty dir
}

@test "a file that shrinks while it is sent gives 66, and nothing is delivered" {
	mkfifo pipe
	head -c 100000000 /dev/zero >big
	exec 8<>pipe
	STDOUT=pipe listen
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" big 2>send.err 3>&- 8<&- &
	local sender=$!
	STARTED+=("$sender")
	# The first bytes are here, and most are not: more than all buffers on the way hold.
	head -c 100000 <&8 | cmp - <(head -c 100000 /dev/zero)
	truncate -s 0 big
	cat <pipe 8<&- >/dev/null 3>&- &
	STARTED+=("$!")
	exec 8<&-
	ended 66 "$sender"
	says send.err 'big'
	ended 65 "$LISTENER"
}

@test "a full disk is told to both sides and leaves no file" {
	small_disk disk
	listen -o disk/got
	exits 75 send --run "$ADDR" -- head -c 5000000 /dev/zero
	says send.err 'space|disk|sink|could not|write'
	ended 74 "$LISTENER"
	says listen.err 'no space'
	empty disk
}

@test "a full disk under --dir is told to both sides, leaves no file, and the listener goes on" {
	small_disk disk
	listen -d disk
	exits 75 send --run "$ADDR" -- head -c 5000000 /dev/zero
	empty disk
	exits 0 send "$ADDR" <<<small
	[ "$(cat disk/*)" = small ]
}

@test "an output folder that is not there is found before anything is received" {
	exits 73 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -o no/such/file 127.0.0.1:0 \
		2>listen.err 3>&-
	says listen.err 'no/such'
	exits 73 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -d no/such 127.0.0.1:0 \
		2>listen.err 3>&-
	says listen.err 'no/such'
}

@test "standard output on a full disk is 74 here and 75 there" {
	STDOUT=/dev/full listen
	exits 75 send "$ADDR" <<<x
	ended 74 "$LISTENER"
	says listen.err 'no space'
}

@test "a closed standard output never passes for a delivery" {
	closed() { exec "$@" >&-; }
	started listen closed "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 127.0.0.1:0 ||
		{ ended 74 "$PID" && return; }
	LISTENER=$PID
	exits 75 send "$READY" <<<x
	ended 74 "$LISTENER"
}

@test "a reader that goes away is told to both sides" {
	mkfifo pipe
	head -c 1 <pipe >first 3>&- &
	STARTED+=("$!")
	STDOUT=pipe listen
	exits 75 send --run "$ADDR" -- head -c 5000000 /dev/zero
	ended 74 "$LISTENER"
}

@test "a missing identity gives 78 and says how to make one" {
	exits 78 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i none "$(key_of bob)@127.0.0.1:1" <<<x 2>send.err
	says send.err 'none'
	says send.err 'hint: .*vz-keygen'
}

@test "an identity that others may read gives 78, for both programs" {
	private_copy alice a
	local mode
	for mode in 640 604 660 644; do
		chmod "$mode" a/identity
		exits 78 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i a/identity "$(key_of bob)@127.0.0.1:1" <<<x 2>send.err
		says send.err 'a/identity'
		exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i a/identity --allow-any 127.0.0.1:0 2>listen.err 3>&-
	done
}

@test "a damaged identity gives 78 and none of it is shown" {
	private_copy alice a
	tr 'A-Fa-f' 'B-Gb-g' <a/identity >a/other
	cat a/other >a/identity
	exits 78 timeout "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i a/identity "$(key_of bob)@127.0.0.1:1" <<<x 2>send.err
	no_secret_in send.err a/identity
}

# no_secret_in FILE SECRETS: no word of 16 letters or more of SECRETS is in FILE.
no_secret_in() {
	grep -Eo '[A-Za-z0-9+/=]{16,}' "$2" | grep -v '^vz1' >words || true
	[ -s words ]
	! grep -aqFf words "$1" || fail "a secret of $2 is in $1"
}

@test "an authorised file that others may write gives 78" {
	key_of alice >authorized
	chmod 666 authorized
	exits 78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" -a authorized 127.0.0.1:0 2>listen.err 3>&-
	says listen.err 'authorized'
}

@test "a bad line in the authorised file grants nothing and is reported, the rest stand" {
	mkdir -m 700 own
	{
		echo '# who may'
		echo "send $(key_of alice) alice"
		echo "vz1qqqqqqqq broken"
		echo "command=nonsense $(key_of mallory)"
		echo "nonsense $(key_of mallory)"
		echo "$(key_of carol) carol"
	} >own/authorized
	ALLOW=(-a own/authorized)
	mkdir -p dir
	listen -d dir
	says listen.err 'line 3|:3:'
	says listen.err 'line 5|:5:'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 0 send "$ADDR" <<<x
	SENDER=mallory exits 77 send "$ADDR" <<<x
}

@test "a list of ssh-ed25519 lines as GitHub serves it works as the authorised file" {
	mkdir -m 700 own
	ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f rsa
	ssh-keygen -q -t ed25519 -N '' -C '' -f other
	{
		cut -d ' ' -f 1,2 rsa.pub
		cut -d ' ' -f 1,2 other.pub
		timeout "$PATIENCE" "$KEYGEN" -y --ssh -f "$(id_of alice)" | cut -d ' ' -f 1,2
	} >own/keys
	ALLOW=(--authorized own/keys)
	mkdir -p dir
	listen -d dir
	exits 0 send "$ADDR" <<<x
	SENDER=mallory exits 77 send "$ADDR" <<<x
	[ "$(grep -c 'rsa' listen.err)" -le 1 ]
}

@test "a key that may only ask may not send" {
	mkdir -m 700 own
	echo "ask $(key_of alice)" >own/authorized
	ALLOW=(-a own/authorized)
	mkdir -p dir
	listen -d dir
	exits 77 send "$ADDR" <<<x
	[ ! -e got ]
}

@test "no secret is in a process's arguments or environment, nor in what -vv says" {
	listen -vv --psk-file "$BATS_FILE_TMPDIR/psk1" -o got
	mkfifo slow
	"$SEND" -vv -i "$(id_of alice)" --psk-file "$BATS_FILE_TMPDIR/psk1" --run "$ADDR" -- cat slow \
		2>send.err 3>&- &
	local sender=$! pid
	STARTED+=("$sender")
	exec 7>slow
	echo data >&7
	# The sender, its command, the listener.
	for pid in "$sender" "$LISTENER" $(cat "/proc/$sender/task/$sender/children"); do
		cat "/proc/$pid/cmdline" "/proc/$pid/environ"
	done >surroundings
	exec 7>&-
	ended 0 "$sender"
	ended 0 "$LISTENER"
	local file secret
	for file in surroundings send.err listen.err; do
		for secret in "$(id_of alice)" "$(id_of bob)" "$BATS_FILE_TMPDIR/psk1"; do
			no_secret_in "$file" "$secret"
		done
	done
}

@test "a peer's file name never becomes a path" {
	mkdir dir outside
	listen -d dir
	local name
	for name in ../../outside/a /etc/passwd .. . .hidden -rf 'a/b' 'a\b' '$(touch outside/x)' ' ' '*' \
		'~' "$(printf '%0255d' 0)"; do
		exits 0 send --name "$name" "$ADDR" <<<x
	done
	empty outside
	local file
	holds 13 dir
	for file in dir/*; do
		[[ ${file#dir/} =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]]
		[ -f "$file" ]
		[ "${#file}" -lt 260 ]
	done
}

@test "a name that is too long, no UTF-8 or holds control characters is not even sent" {
	mkdir dir
	listen -d dir
	local name
	for name in "$(printf '%0256d' 0)" "$(printf '%04096d' 0)" $'new\nline' $'\e[31mred' $'CR\r' \
		$'C1\xc2\x9b' $'bad\xff'; do
		exits 64 send --name "$name" "$ADDR" <<<x
		says send.err 'name'
		run ! grep -aq "$(printf '[\001-\010\013-\037]')" send.err
	done
	empty dir
}

@test "what a peer says is escaped on terminal, log and JSON" {
	local as

	mkdir dir
	for as in --verbose --log-json; do
		listen -v "$as" -d dir
		exits 0 send --name $'a\xe2\x80\xaeb\xe2\x80\x8fc"\\' "$ADDR" <<<x
		SENDER=mallory exits 77 send --name $'d\xe2\x80\xaee' "$ADDR" <<<x
		says listen.err 'a.*b.*c'
		if LC_ALL=C grep -aq "$(printf '[\001-\010\013-\037\177-\377]')" listen.err listen.out send.err
		then
			fail 'a byte was shown as it came'
		fi
		kill "$LISTENER"
	done
	# The last one spoke JSON, on every line.
	[ "$(grep -vc '^{.*}$' listen.err)" -eq 0 ]
}

@test "temporary files have no predictable name, and a planted link is not followed" {
	mkdir dir
	echo precious >victim
	ln -s ../victim dir/got
	exits 73 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -o dir/got 127.0.0.1:0 \
		2>listen.err 3>&-
	rm dir/got
	listen -o dir/got
	mkfifo slow
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <slow 2>send.err 3>&- &
	STARTED+=("$!")
	local sender=$! name
	exec 7>slow
	head -c 1000000 /dev/zero >&7
	until_true arrived 900000
	# The name that it has on the way tells neither what it will be nor who writes it.
	name=$(ls -A dir)
	[[ $name != *got* && $name != *$LISTENER* && ${#name} -ge 12 ]]
	ln -s ../victim dir/got
	exec 7>&-
	ended 0,75 "$sender"
	ended 0,73,74 "$LISTENER"
	[ "$(cat victim)" = precious ]
}

@test "-o replaces a file whole, and never a device or a pipe" {
	echo old >got
	listen -o got
	exits 0 send "$ADDR" <<<new
	ended 0 "$LISTENER"
	[ "$(cat got)" = new ]
	mkfifo pipe
	exits 73,78 timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any -o pipe 127.0.0.1:0 2>listen.err 3>&-
	[ -p pipe ]
}

@test "no shell stands between a message's name and a file, nor between DEST and a command" {
	mkdir dir
	listen -d dir
	exits 0 send --run "$ADDR" -- printf '%s' '$(touch hacked); `touch hacked`'
	[ ! -e hacked ]
	grep -q 'touch hacked' dir/*
}

@test "usage errors are two lines on standard error and 64" {
	local program

	for program in "$SEND" "$LISTEN" "$KEYGEN"; do
		exits 64 timeout "$PATIENCE" "$program" --no-such-option 2>usage.err >usage.out
		[ "$(wc -l <usage.err)" -eq 2 ]
		[ ! -s usage.out ]
	done
	exits 64 send
	[ "$(wc -l <send.err)" -eq 2 ]
	exits 64 timeout "$PATIENCE" "$LISTEN" -q -i "$(id_of bob)" --allow-any 2>listen.err 3>&-
	[ "$(wc -l <listen.err)" -eq 2 ]
}

@test "help and version asked for go to standard output with 0" {
	local program

	for program in "$SEND" "$LISTEN" "$KEYGEN"; do
		exits 0 timeout "$PATIENCE" "$program" --help >help 2>help.err
		[ -s help ]
		[ ! -s help.err ]
		exits 0 timeout "$PATIENCE" "$program" -V >version
		grep -Eq '[0-9]+\.[0-9]+\.[0-9]+' version
		exits 74 timeout "$PATIENCE" "$program" --help >/dev/full 2>help.err
	done
}

@test "options come before operands" {
	# Taken for files, which are not there.
	exits 66 send "$(key_of bob)@127.0.0.1:1" --name x <<<x
}

@test "a listener that nobody calls waits, and a signal ends it" {
	listen -o got
	kill -TERM "$LISTENER"
	ended 143 "$LISTENER"
	# A shell starts what it sends to the background with SIGINT ignored; a terminal would not.
	started listen env --default-signal=INT "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" \
		--ready-fd 9 -o got 127.0.0.1:0
	kill -INT "$PID"
	ended 130 "$PID"
	[ ! -e got ]
}

@test "a signal that the caller ignores does not end a listener" {
	started listen env --ignore-signal=INT "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" \
		--ready-fd 9 -o got 127.0.0.1:0
	ADDR=$READY
	kill -INT "$PID"
	exits 0 send "$ADDR" <<<x
	ended 0 "$PID"
}
