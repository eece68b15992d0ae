#!/usr/bin/env bats
# vz-listen is killed and started again, or another takes its place, while its senders go on: what is
# durable is not sent again, and what has its verdict is not delivered again.
load helpers

setup_file() {
	identities alice bob carol
}

# waiting OPTION...: bob listens at ./socket, and waits for those whose connection breaks.
waiting() {
	BREAKS_END_LISTEN=(--resume-window 1m)
	AT=("$PWD/socket")
	listen "$@" 7>&-
}

# slowly ARG...: alice sends what is written to descriptor 7, and comes back. Sets SENDING.
slowly() {
	mkfifo slow
	"$SEND" --retry-for 30s --log-json -i "$(id_of alice)" "$@" <slow >sent.out 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
}

killed() {
	kill -9 "$1"
	wait "$1" 2>/dev/null || true
}

ledger() {
	sqlite3 -readonly "$HOME/.local/state/vz/streams.db" "$1"
}

durable() {
	[ "$(ledger 'SELECT coalesce(max(length), 0) FROM message WHERE file IS NOT NULL')" -ge "$1" ]
}

# sent_event EVENT: the sender has said so.
sent_event() {
	grep -q "\"event\":\"$1\"" send.err
}

# in_part N OPTION...: alice has sent 20 of 30 MB from a pipe, more than she holds, and at least N are
# durable, when the listener is killed.
in_part() {
	local least=$1

	shift
	bytes 30000000 in
	waiting "$@"
	slowly "$ADDR"
	head -c 20000000 in >&7
	until_true durable "$least"
	killed "$LISTENER"
	until_true sent_event broken
}

# the_rest: and the rest is sent to the one that was started after it.
the_rest() {
	tail -c +20000001 in >&7
	exec 7>&-
	ended 0 "$SENDING"
	sent_event resumed
}

@test "a file from a pipe goes on from its durable length after kill -9 of the listener" {
	mkdir dir
	in_part 16000000 -d dir
	# What is not whole has no name that anybody would take for a message's.
	[ "$(find dir -type f ! -name '.*' | wc -l)" -eq 0 ]
	waiting -d dir
	the_rest
	[ "$(find dir -type f | wc -l)" -eq 1 ]
	cmp in dir/*
	[ "$(cat listen.out)" = "$(echo dir/*)" ]
	# A stream that its sender has closed is forgotten.
	until_true eval '[ "$(ledger "SELECT count(*) FROM stream")" -eq 0 ]'
}

@test "-o goes on as well, and a listener that is killed again and again" {
	local n

	in_part 16000000 -o out
	for n in 1 2 3; do
		waiting -o out
		until_true eval '[ "$(grep -c "\"event\":\"resumed\"" send.err)" -ge $n ]'
		killed "$LISTENER"
	done
	[ ! -e out ]
	waiting -o out
	the_rest
	ended 0 "$LISTENER"
	cmp in out
	[ "$(find . -name '.vz-*' | wc -l)" -eq 0 ]
}

@test "a file that can be read again goes on too, and from its beginning where nothing is left of it" {
	bytes 30000000 in
	mkdir dir
	waiting -d dir
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --throttle 20000000 || return
	MANGLE=$PID
	timeout "$PATIENCE" "$SEND" --retry-for 30s --log-json -i "$(id_of alice)" "$READY" in 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true arrived 5000000
	killed "$LISTENER"
	rm -f dir/.vz-*
	waiting -d dir
	ended 0 "$SENDING"
	cmp in dir/*-in
	[ "$(find dir -type f ! -name '.*' | wc -l)" -eq 1 ]
}

@test "bytes of a pipe that nobody has any more are status 65, never silence" {
	mkdir dir
	in_part 16000000 -d dir
	rm dir/.vz-*
	waiting -d dir
	ended 65 "$SENDING"
	says send.err 'has lost what it had of it'
	exec 7>&-
	[ "$(find dir -type f ! -name '.*' | wc -l)" -eq 0 ]
}

# deaf: a proxy before the listener, which swallows the last bytes of what it says to a message of alice's
# like the one that she sends now (FROM, ASK); its sender never hears the verdict. Sets SENDING.
deaf() {
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" 7>&- || return
	timeout "$PATIENCE" "$SEND" --retry-for 0 -i "$(id_of alice)" "${ASK[@]}" "$READY" <<<hello >/dev/null \
		2>send.err 3>&- || return
	until_true grep -q '^up' mangle.out
	killed "$PID"
	rm proxy
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" --dir down \
		--hole $(($(sed -n 's/^up .* down //p' mangle.out) - 20)) || return
	MANGLE=$PID
	"$SEND" --retry-for 30s --log-json -i "$(id_of alice)" "${ASK[@]}" "$READY" <<<hello >sent.out \
		2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
}

# let_through: the sender gets through, to whoever listens now.
let_through() {
	killed "$MANGLE"
	rm proxy
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" 7>&- || return
}

@test "what was delivered before the kill is not delivered again, though its file is gone" {
	mkdir dir
	waiting -d dir
	deaf
	until_true eval '[ "$(wc -l <listen.out)" -eq 2 ]'
	[ "$(cat "$(tail -n 1 listen.out)")" = hello ]
	rm dir/*
	killed "$LISTENER"
	waiting -d dir
	let_through
	ended 0 "$SENDING"
	sent_event delivered
	[ ! -s listen.out ]
	[ "$(find dir -type f | wc -l)" -eq 0 ]
}

@test "-o is not written again, and the listener that hears of it ends with 0" {
	waiting -d .
	deaf
	until_true eval '[ "$(wc -l <listen.out)" -eq 2 ]'
	killed "$LISTENER"
	echo mine >out
	waiting -o out
	let_through
	ended 0 "$SENDING"
	ended 0 "$LISTENER"
	[ "$(cat out)" = mine ]
}

# A command's listener: its options come before the command.
commanding() {
	BREAKS_END_LISTEN=(--resume-window 1m)
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 \
		--allow "$(key_of alice)" "$@" "$PWD/socket" -- \
		sh -c 'echo "$VZ_MESSAGE_ID $VZ_ATTEMPT" >>runs; exec cat'
	LISTENER=$PID
	ADDR=$READY
}

# ran_and_killed OPTION...: a command ran, its sender never heard; the listener was killed and started.
ran_and_killed() {
	commanding "$@"
	deaf
	until_true eval '[ "$(wc -l <runs)" -eq 2 ]'
	[ "$#" -eq 0 ] || until_true noted "$2"
	killed "$LISTENER"
	commanding "$@"
	let_through
}

noted() {
	[ "$(sqlite3 -readonly "$1/streams.db" 'SELECT count(*) FROM message' 2>&1)" = 1 ]
}

@test "with --state a command does not run again for what it has done" {
	ran_and_killed --state "$PWD/state"
	ended 0 "$SENDING"
	[ "$(wc -l <runs)" -eq 2 ]
}

@test "nor for a question: its reply was lost with the listener, which is told with 75" {
	ASK=(-r)
	ran_and_killed --state "$PWD/state"
	ended 75 "$SENDING"
	says send.err 'the reply was lost'
	[ "$(wc -l <runs)" -eq 2 ]
}

@test "without --state it does, and VZ_ATTEMPT and VZ_MESSAGE_ID say that it may have" {
	local id attempt again more

	ran_and_killed
	ended 0 "$SENDING"
	[ "$(wc -l <runs)" -eq 3 ]
	{
		read -r _
		read -r id attempt
		read -r again more
	} <runs
	[ "$id" = "$again" ]
	[ "$attempt" -eq 1 ]
	[ "$more" -ge 2 ]
}

@test "who drains leaves what lost its connection to who accepts in its place" {
	local old

	BREAKS_END_LISTEN=(--resume-window 1m)
	bytes 30000000 in
	mkdir dir
	listen -d dir --reuse-port
	old=$LISTENER
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" 7>&- || return
	MANGLE=$PID
	slowly "$READY"
	head -c 20000000 in >&7
	until_true durable 16000000
	killed "$MANGLE"
	until_true sent_event broken
	rm proxy
	AT=("${ADDR#*@}")
	listen -d dir --reuse-port 7>&-
	kill "$old"
	ended 0 "$old"
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --at "$PWD/proxy" 7>&- || return
	the_rest
	[ "$(find dir -type f | wc -l)" -eq 1 ]
	cmp in dir/*
}

@test "what a kill left a day ago is swept away, but nothing else" {
	local old=.vz-00112233445566778899aabbccddeeff new=.vz-ffeeddccbbaa99887766554433221100

	mkdir dir
	touch -d '2 days ago' "dir/$old" dir/.vz-mine "dir/x$old" "dir/${old}0"
	ln -s nowhere dir/.vz-0123456789abcdef0123456789abcdef
	touch "dir/$new"
	waiting -d dir
	kill "$LISTENER"
	[ ! -e "dir/$old" ]
	[ -e "dir/$new" ]
	[ "$(find dir -mindepth 1 | wc -l)" -eq 5 ]
}

@test "a verdict that cannot be noted is not given" {
	small_disk state
	mkdir dir
	waiting -d dir --state "$PWD/state"
	exits 0 send "$ADDR" <<<first
	dd if=/dev/zero of=state/filler bs=4096 2>/dev/null || true
	exits 75 send "$ADDR" <<<hello
	says listen.err 'streams.db'
	[ "$(cat dir/*)" = first ]
	rm state/filler
	exits 0 send "$ADDR" <<<hello
	grep -q hello dir/*
}

@test "a damaged streams.db is status 78, with what can be done" {
	mkdir -p "$HOME/.local/state/vz" dir
	chmod 700 "$HOME/.local/state/vz"
	head -c 8192 /dev/zero | tr '\0' x >"$HOME/.local/state/vz/streams.db"
	chmod 600 "$HOME/.local/state/vz/streams.db"
	exits 78 timeout "$PATIENCE" "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -d dir \
		"$PWD/socket" 2>listen.err
	says listen.err 'streams.db: damaged'
	says listen.err 'hint: '
}
