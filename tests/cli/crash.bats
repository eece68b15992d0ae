#!/usr/bin/env bats
# Whatever happens on the way and whoever dies: a side that exits with 0 has, or delivered, the
# identical whole message; nothing else appears under a final name; nobody hangs.
load helpers

setup_file() {
	identities alice bob
}

# What the sender may end with when the way breaks under it, at whichever step.
BROKEN=65,69,75,76
SOON=250ms # how long a sender waits for an answer to a damaged handshake

# sizes: how many bytes a clean transfer of `in` needs each way. Sets UP and DOWN.
sizes() {
	mkdir clean
	listen -d clean
	mangled
	exits 0 send "$THROUGH" in
	until_true grep -q '^up' mangle.out
	read -r _ UP _ DOWN <mangle.out
	kill "$MANGLE" "$LISTENER"
	ended 0,143 "$LISTENER"
	cmp in clean/*
	rm -r clean
}

# offsets N SIZE: N of them: the ends of the first frames and of the last, and evenly between.
offsets() {
	{
		printf '%s\n' 0 1 2 49 50 51 52 "$(($2 - 1))" "$(($2 - 2))" "$(($2 - 20))" "$(($2 - 60))"
		seq 53 "$((($2 - 60) / ($1 - 11)))" "$2"
	} | awk '$1 >= 0 && !seen[$1]++' | head -n "$1"
}

# survive DIR WHAT OPTION...: for each offset on stdin a transfer of `in` into one listener's folder,
# with `--WHAT OFFSET` on the way.
survive() {
	local dir=$1 what=$2 n=0 end status delivered=0

	shift 2
	mkdir -p got
	listen -w 10 -d got
	while read -r offset; do
		n=$((n + 1))
		end=fin
		[ $((n % 2)) -eq 0 ] || end=rst
		mangled "--$what" "$offset" --dir "$dir" --end "$end" "$@"
		status=0
		send -w "$SOON" "$THROUGH" in || status=$?
		kill "$MANGLE"
		case $status in
		0) delivered=$((delivered + 1)) ;;
		65 | 69 | 75 | 76) ;;
		*) fail "--$what $offset --dir $dir --end $end: status $status" || return ;;
		esac
	done
	[ "$n" -ge 16 ]
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	# All that has a name is whole, and there is no less than was acknowledged.
	for file in got/*; do
		[ ! -e "$file" ] || cmp in "$file" || return
	done
	[ -z "$(find got -name '.*' -type f)" ] || fail 'temporary files are left'
	[ "$(find got -type f | wc -l)" -ge "$delivered" ] || fail 'acknowledged, but not there'
	[ "$delivered" -lt "$n" ] || fail 'nothing was broken: the test does not test'
}

@test "64 cuts on the way to the listener: no side takes a part for the whole" {
	bytes 200000 in
	sizes
	survive up cut < <(offsets 64 "$UP")
}

@test "64 cuts on the way back: no acknowledgement, no 0" {
	bytes 200000 in
	sizes
	survive down cut < <(offsets 64 "$DOWN")
}

@test "a flipped bit at 64 places on the way to the listener is never delivered" {
	bytes 200000 in
	sizes
	survive up flip < <(offsets 64 "$UP")
}

@test "a flipped bit at 32 places on the way back is never an acknowledgement" {
	bytes 200000 in
	sizes
	survive down flip < <(offsets 32 "$DOWN")
}

@test "bytes left out or sent twice are never delivered" {
	bytes 200000 in
	sizes
	local a
	survive up drop < <(for a in $(offsets 20 "$UP"); do echo "$a:$((a + 1))"; done)
	rm -r got
	survive up repeat < <(for a in $(offsets 20 "$UP"); do echo "$a:$((a + 7))"; done)
}

@test "standard output gets only bytes of undamaged records" {
	local offset got

	bytes 400000 in
	sizes
	for offset in $(offsets 16 "$UP"); do
		listen -w 10
		mangled --flip "$offset:3"
		exits 0,$BROKEN send -w "$SOON" "$THROUGH" in
		kill "$MANGLE"
		# In the handshake it was a stranger, and the listener waits on.
		kill "$LISTENER" 2>/dev/null || true
		ended 0,65,76,143 "$LISTENER"
		got=$(stat -c %s listen.out)
		cmp -n "$got" in listen.out || fail "a damaged byte got through, offset $offset"
		[ "$STATUS" -ne 0 ] || [ "$got" -eq 400000 ]
	done
}

@test "-o ends with 65 and no file when the connection is cut in mid-stream" {
	local end

	bytes 3000000 in
	mkdir dir
	for end in fin rst; do
		listen -o dir/got
		mangled --cut 1500000 --end "$end"
		exits 65 send -w 5 "$THROUGH" <in
		one_error send.err 'cut|connection|reset|ended'
		ended 65 "$LISTENER"
		one_error listen.err 'cut|connection|reset|ended'
		empty dir
	done
}

@test "a slow way and a way of many small pieces change nothing" {
	bytes 300000 in
	mkdir dir
	listen -d dir
	mangled --throttle 400000
	exits 0 send "$THROUGH" <in
	mangled --delay 20
	exits 0 send "$THROUGH" <in
	holds 2 dir
	for file in dir/*; do
		cmp in "$file"
	done
}

@test "a way that swallows everything: the sender ends in its time" {
	bytes 3000000 in
	listen -d .
	mangled --hole 1000000
	exits 75 send -w 1 "$THROUGH" <in
	one_error send.err 'silent|timed out'
}

@test "a way that swallows everything: the listener ends in its time" {
	bytes 3000000 in
	mkdir dir
	listen -w 1 -o dir/got
	mangled --hole 1000000
	exits 65 send "$THROUGH" <in
	ended 65 "$LISTENER"
	one_error listen.err 'timed out'
	empty dir
}

@test "an answer that never comes ends the sender in its time" {
	bytes 100 in
	mkdir dir
	listen -o dir/got
	mangled --hole 0 --dir down
	exits 76 send -w 1 "$THROUGH" <in
	one_error send.err 'no answer'
}

# in_mid_stream: alice sends what comes through descriptor 7; a part of it has arrived when this
# returns. Sets SENDING.
in_mid_stream() {
	mkfifo slow
	"$SEND" "${BREAKS_END_SEND[@]}" -w 2 -i "$(id_of alice)" "$ADDR" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 1000000 /dev/zero >&7
	until_true arrived 900000
}

# final FOLDER: no file that is no temporary one.
no_final() {
	[ -z "$(find "$1" -type f ! -name '.*')" ] || fail "$1 holds $(ls -A "$1")"
}

@test "a sender killed in mid-stream: standard output's listener says 65" {
	listen
	in_mid_stream
	kill -9 "$SENDING"
	ended 65 "$LISTENER"
	one_error listen.err 'cut|connection'
}

@test "a sender killed in mid-stream leaves no file with -o" {
	mkdir dir
	listen -o dir/got
	in_mid_stream
	kill -9 "$SENDING"
	ended 65 "$LISTENER"
	empty dir
}

@test "a sender killed in mid-stream leaves no file with --dir, and the listener goes on" {
	mkdir dir
	listen -d dir
	in_mid_stream
	kill -9 "$SENDING"
	exits 0 send "$ADDR" <<<next
	until_true holds 1 dir
	[ "$(cat dir/*)" = next ]
	says listen.err 'cut|connection'
}

@test "a listener killed in mid-stream: the sender says so, and there is no final file" {
	local how

	mkdir dir
	for how in '-o dir/got' '-d dir'; do
		# shellcheck disable=SC2086 # two words
		listen $how
		in_mid_stream
		kill -9 "$LISTENER"
		exec 7>&-
		ended 65 "$SENDING"
		one_error send.err 'cut|connection|reset|ended'
		no_final dir
		rm -rf slow dir/.??*
	done
}

@test "a sender that is told to end cancels its message, and the listener says so" {
	mkdir dir
	listen -o dir/got
	in_mid_stream
	kill -TERM "$SENDING"
	ended 143 "$SENDING"
	ended 65 "$LISTENER"
	one_error listen.err 'cancel|gave|cut'
	empty dir
}

@test "a listener that is told to end removes its temporary file and tells the sender" {
	mkdir dir
	listen -o dir/got
	in_mid_stream
	kill -TERM "$LISTENER"
	ended 143 "$LISTENER"
	exec 7>&-
	ended 75 "$SENDING"
	one_error send.err 'ended|stopp|shut|clos'
	empty dir
}

@test "a producer killed in mid-stream cancels the message" {
	mkdir dir
	listen -o dir/got
	mkfifo slow
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" --run "$ADDR" -- cat slow 2>send.err 3>&- &
	local sender=$!
	STARTED+=("$sender")
	exec 7>slow
	head -c 1000000 /dev/zero >&7
	until_true arrived 900000
	kill -9 "$(cat "/proc/$sender/task/$sender/children")"
	exec 7>&-
	ended 65 "$sender"
	ended 65 "$LISTENER"
	empty dir
}

@test "a crowd of silent connections does not keep an authorised sender out" {
	local fd
	local -a crowd=()

	mkdir dir
	listen -d dir
	for _ in {1..100}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/${ADDR##*:}"
		crowd+=("$fd")
	done
	exits 0 send "$ADDR" <<<'got through'
	[ "$(cat dir/*)" = 'got through' ]
	for fd in "${crowd[@]}"; do
		exec {fd}>&-
	done
	alive "$LISTENER"
}

@test "running out of descriptors stops nobody for good" {
	local fd
	local -a crowd=()
	few() { ulimit -n 24; exec "$@"; }

	mkdir dir
	started listen few "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 \
		-d dir 127.0.0.1:0
	LISTENER=$PID
	for _ in {1..40}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/${READY##*:}"
		crowd+=("$fd")
	done
	for fd in "${crowd[@]}"; do
		exec {fd}>&-
	done
	exits 0 send "$READY" <<<x
	[ "$(cat dir/*)" = x ]
	alive "$LISTENER"
}
