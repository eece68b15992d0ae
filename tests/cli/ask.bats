# vz-listen --ask: who is not known is asked about, on a real terminal.

load helpers
load relay
load terminal

VZRELAY=$VZ_BUILD/bin/vz-relay

setup_file() {
	identities alice bob carol dave relay
}

# Some of them do not live on their terminals.
eval "$(declare -f teardown | sed '1s/teardown/teardown_all/')"
teardown() {
	[ ! -e listen.pid ] || kill -9 "$(cat listen.pid)" 2>/dev/null || true
	teardown_all
}

# asks OPTION... [-- ADDRESS]: bob listens in a terminal, with a folder of his own. Sets ADDR.
asks() {
	local at=127.0.0.1:0

	[ -d b ] || { mkdir -m 700 b; cp "$(id_of bob)" b/identity; }
	[ "${*: -2:1}" != -- ] || { at=${*: -1}; set -- "${@:1:$#-2}"; }
	rm -f ready.tty
	mkfifo ready.tty
	# shellcheck disable=SC2016 # the inner shell's own
	terminal ask 100 40 bash -c 'exec 9>ready.tty; (echo $BASHPID >listen.pid; exec "$@" 2>listen.err); echo "status $?"; exec 9>&-; read -r' \
		ask "$LISTEN" "${BREAKS_END_LISTEN[@]}" --ask -v -k -d . -i b/identity --ready-fd 9 "$@" "$at"
	IFS= read -r ADDR <ready.tty
	[ -n "$ADDR" ]
}

# answer TEXT: once the question is there.
answer() {
	shows ask '^Allow it'
	typed ask "$1"
	pressed ask Enter
}

# waits NAME...: each sends a message, and waits for the answer. Sets PIDS.
waits() {
	local name

	PIDS=()
	for name; do
		SENDER=$name timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of "$name")" --name "$name" \
			"$ADDR" <<<"$name" 2>"$name.err" 3>&- &
		PIDS+=("$!")
		STARTED+=("$!")
	done
}

# over STATUS PID
over() {
	local status=0

	wait "$2" || status=$?
	[ "$status" -eq "$1" ] || fail "a sender ended with $status instead of $1: $(cat ./*.err)"
}

asked() { scrolled ask | grep -c '^vz-listen: a key that is not known wants to send'; }

@test "a yes lets it in, and is remembered with its name for the next time" {
	asks
	waits alice
	shows ask '^vz-listen: a key that is not known wants to send, from 127\.0\.0\.1:[0-9]*:$'
	shows ask "^$(key_of alice)\$"
	until_true says alice.err 'waiting to be let in there'
	answer 'yes  Alice at home '
	over 0 "${PIDS[0]}"
	[ "$(cat b/authorized)" = "$(key_of alice) Alice at home" ]
	[ "$(stat -c %a b/authorized)" = 600 ]
	shows ask '^vz-listen: allowed, and remembered$'
	exits 0 send "$ADDR" <<<again
	[ "$(asked)" -eq 1 ]
	started listen "$LISTEN" -d . -i b/identity --ready-fd 9 127.0.0.1:0
	exits 0 send "$READY" <<<'without --ask'
}

@test "the question shows key, fingerprint and picture as vz-keygen and ssh-keygen do" {
	timeout 20 "$KEYGEN" -y --ssh -f "$(id_of alice)" >alice.pub
	asks
	waits alice
	shows ask '^Allow it\?'
	ssh-keygen -lv -f alice.pub | sed -n '2,12p' >picture
	diff picture <(scrolled ask | grep '^[|+]')
	scrolled ask | grep -F "$(ssh-keygen -l -f alice.pub | cut -d ' ' -f 2)"
	answer once
	over 0 "${PIDS[0]}"
}

@test "the comments and the order of authorized stay" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	printf '# friends\n%s Carol\n# no newline here' "$(key_of carol)" >b/authorized
	cp b/authorized before
	asks
	waits alice
	answer YES
	over 0 "${PIDS[0]}"
	{ cat before; echo; key_of alice; } | diff - b/authorized
}

@test "once lets it in for this run, through reloads, and remembers nothing" {
	asks
	waits alice
	answer once
	over 0 "${PIDS[0]}"
	[ ! -e b/authorized ]
	key_of carol >b/authorized
	until_true says listen.err 'rights read again'
	exits 0 send "$ADDR" <<<again
	[ "$(asked)" -eq 1 ]
	key_of alice >b/revoked
	until_true exits 77 send "$ADDR" <<<revoked
	says send.err 'this key is revoked'
	[ "$(asked)" -eq 1 ]
}

@test "a no is 77, and the same key is not asked about again" {
	asks
	waits alice
	answer no
	over 77 "${PIDS[0]}"
	says alice.err 'refused: this key was turned down here'
	exits 77 send "$ADDR" <<<again
	waits carol
	shows ask "^$(key_of carol)\$"
	# End of file is a no as well.
	pressed ask C-d
	over 77 "${PIDS[0]}"
	[ "$(asked)" -eq 2 ]
	[ ! -e b/authorized ]
}

@test "who is not answered about in time is refused, and an answer after that still counts" {
	asks -w 1
	waits alice
	over 77 "${PIDS[0]}"
	says alice.err 'refused: nobody answered whether this key is allowed here'
	says alice.err 'hint: its owner was asked on a terminal there'
	answer yes
	shows ask '^vz-listen: allowed, and remembered$'
	exits 0 send "$ADDR" <<<again
}

@test "a question that nobody answers goes away, and comes again with its sender" {
	asks -w 200ms
	waits alice
	over 77 "${PIDS[0]}"
	shows ask '^vz-listen: nobody answered; it is asked again when it comes again$'
	waits alice
	over 77 "${PIDS[0]}"
	[ "$(asked)" -eq 2 ]
}

@test "one question at a time, others are served meanwhile, and two of one source wait" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	key_of carol >b/authorized
	asks
	waits alice
	shows ask "^$(key_of alice)\$"
	first=${PIDS[0]}
	waits dave
	second=${PIDS[0]}
	until_true says listen.err "$(key_of dave) .* waits for an answer"
	SENDER=carol exits 0 send "$ADDR" <<<'in the meantime'
	SENDER=relay exits 77 send "$ADDR" <<<'one too many'
	says send.err 'this key is not authorised here'
	[ "$(asked)" -eq 1 ]
	answer once
	over 0 "$first"
	shows ask "^$(key_of dave)\$"
	typed ask no
	pressed ask Enter
	over 77 "$second"
}

@test "eight wait, and the ninth is refused as ever" {
	local i j where pids=()

	asks
	for i in 1 2 3 4 5; do
		started "socat$i" bash -c 'echo x >&9; exec 9>&-; exec socat "UNIX-LISTEN:$1,fork" "TCP:$2,bind=127.0.0.1$3"' \
			socat "$PWD/s$i" "${ADDR#*@}" "$i"
		until_true test -S "s$i"
	done
	for i in 1 2 3 4; do
		where=$(key_of bob)@$PWD/s$i
		for j in a b; do
			timeout 20 "$KEYGEN" -q -f "id$i$j" >/dev/null
			timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "id$i$j" "$where" <<<x 2>"$i$j.err" 3>&- &
			pids+=("$!")
			STARTED+=("$!")
		done
	done
	until_true bash -c '[ "$(grep -c "waits for an answer" listen.err)" -eq 8 ]'
	exits 77 send "$(key_of bob)@$PWD/s5" <<<x
	says send.err 'this key is not authorised here'
	for i in 1 2 3 4 5 6 7 8; do
		until_true bash -c "[ \"\$(tmux -S '$BATS_TEST_TMPDIR/tmux' capture-pane -t ask -p -S - | grep -c '^Allow it')\" -eq $i ]"
		typed ask once
		pressed ask Enter
	done
	for i in "${pids[@]}"; do
		over 0 "$i"
	done
}

@test "after so many that were turned down nobody is asked about any more" {
	local i second

	asks
	for i in {1..32}; do
		timeout 20 "$KEYGEN" -q -f "id$i" >/dev/null
		timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "id$i" "$ADDR" <<<x 2>more.err 3>&- &
		PIDS=("$!")
		shows ask "^$(timeout 20 "$KEYGEN" -y -f "id$i")\$"
		if [ "$i" -eq 32 ]; then
			timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of carol)" "$ADDR" <<<x 2>carol.err 3>&- &
			second=$!
			until_true bash -c '[ "$(grep -c "waits for an answer" listen.err)" -eq 33 ]'
		fi
		typed ask no
		pressed ask Enter
		over 77 "${PIDS[0]}"
	done
	shows ask 'no more are asked about in this run'
	# Who waited meanwhile has no question either: nowhere would its answer be kept.
	over 77 "$second"
	exits 77 send "$ADDR" <<<x
	[ "$(asked)" -eq 32 ]
}

@test "revoked keys and those of a line that grants nothing are not asked about" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	key_of alice >b/revoked
	echo "connect $(key_of carol)" >b/authorized
	asks
	exits 77 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	[ "$(asked)" -eq 0 ]
}

@test "where no file is read a yes has no place, and once is offered" {
	asks --allow "$(key_of carol)"
	waits alice
	shows ask '^Allow it for this run\? once or no:'
	typed ask yes
	pressed ask Enter
	answer once
	over 0 "${PIDS[0]}"
	[ ! -e b/authorized ]
}

@test "a file that cannot be written to is said, and the key is allowed for this run" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	key_of carol >b/authorized
	asks
	chmod 660 b/authorized
	waits alice
	answer yes
	over 0 "${PIDS[0]}"
	shows ask '^vz-listen: cannot be remembered in b/authorized: it, or its folder, is writable by others; allowed for this run$'
	[ "$(cat b/authorized)" = "$(key_of carol)" ]
}

@test "what was typed before the question is no answer, nor is a word that is none" {
	asks
	typed ask yes
	pressed ask Enter
	typed ask ye
	waits alice
	shows ask '^Allow it\?'
	typed ask 's'
	pressed ask Enter
	typed ask "yesterday"
	pressed ask Enter
	typed ask "$(head -c 1000 /dev/zero | tr '\0' y)"
	pressed ask Enter
	typed ask "no"
	pressed ask Enter
	over 77 "${PIDS[0]}"
	[ ! -e b/authorized ]
}

@test "the file may be edited meanwhile: whom it knows then is let in" {
	asks
	waits alice
	shows ask '^Allow it\?'
	key_of alice >b/new
	mv b/new b/authorized
	over 0 "${PIDS[0]}"
	shows ask '^vz-listen: that was decided by the files meanwhile$'
}

@test "a sender that goes is not missed, and an answer is remembered" {
	asks
	waits alice
	shows ask '^Allow it\?'
	kill "${PIDS[0]}"
	until_true says listen.err 'gone before|session over|connection|cut'
	answer 'yes Alice'
	until_true grep -q Alice b/authorized
	exits 0 send "$ADDR" <<<again
}

@test "on a Unix socket and at a relay it asks as well" {
	asks -- "$PWD/socket"
	waits alice
	answer once
	over 0 "${PIDS[0]}"
	terminals_end
	relay
	may "register $(key_of bob)" "connect $(key_of carol)"
	kill -HUP "$RELAYING"
	asks -- "$RELAY"
	until_true exits 69,77 send "$ADDR" <<<x
	waits carol
	shows ask "wants to send, from relay:$(key_of relay):"
	answer 'yes Carol'
	over 0 "${PIDS[0]}"
	[ "$(cat b/authorized)" = "$(key_of carol) Carol" ]
}

@test "it asks with every layer of the sandbox required" {
	asks --sandbox require || { says listen.err 'sandbox' && skip 'a layer is missing here'; }
	waits alice
	answer yes
	over 0 "${PIDS[0]}"
	[ "$(cat b/authorized)" = "$(key_of alice)" ]
}

@test "who waits is told when the listener ends" {
	local pid

	asks
	waits alice
	shows ask '^Allow it\?'
	pressed ask C-c
	over 75 "${PIDS[0]}"
	says alice.err 'this listener is stopping'
	shows ask '^status 0$'
}

@test "lines and progress that come to the same terminal leave the prompt the last thing on it" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	key_of carol >b/authorized
	mkfifo ready.tty slow
	terminal ask 100 40 bash -c 'exec 9>ready.tty; echo $$ >listen.pid; exec "$@"' \
		ask "$LISTEN" --ask -v -k -d . --progress -i b/identity --ready-fd 9 127.0.0.1:0
	IFS= read -r ADDR <ready.tty
	SENDER=carol send "$ADDR" <slow &
	STARTED+=("$!")
	exec 7>slow
	printf 'a beginning' >&7
	# What is under way is shown, until somebody has to read something else.
	shows ask '11 B'
	waits alice
	shows ask '^Allow it'
	until_true bash -c "! tmux -S '$BATS_TEST_TMPDIR/tmux' capture-pane -t ask -p | grep -q '11 B'"
	SENDER=dave send -w 1s "$ADDR" <<<x &
	STARTED+=("$!")
	shows ask "$(key_of dave) from .*: not known; waits"
	until_true bash -c "tmux -S '$BATS_TEST_TMPDIR/tmux' capture-pane -t ask -p | grep . | tail -n 1 | grep -q '^Allow it'"
	answer once
	over 0 "${PIDS[0]}"
	exec 7>&-
}

@test "in the background what is typed is for others, and in front it is an answer" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	mkfifo ready.tty
	terminal ask 100 40 bash -c 'set -m; "$@" 9>ready.tty 2>listen.err & echo $! >listen.pid; read -r x; echo "the shell got $x"; fg %1' \
		ask "$LISTEN" --ask -v -k -d . -i b/identity --ready-fd 9 127.0.0.1:0
	IFS= read -r ADDR <ready.tty
	waits alice
	shows ask '^Allow it'
	typed ask yes
	pressed ask Enter
	shows ask '^the shell got yes$'
	[ ! -e b/authorized ]
	typed ask yes
	pressed ask Enter
	over 0 "${PIDS[0]}"
	[ -e b/authorized ]
}

@test "a terminal that is gone answers nothing, and a listener that does not live on it goes on" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	key_of carol >b/authorized
	mkfifo ready.tty
	terminal ask 100 40 bash -c '(echo $BASHPID >listen.pid; exec "$@" 9>ready.tty </dev/null >names 2>listen.err); :' \
		ask "$LISTEN" --ask -v -k -d . -i b/identity --ready-fd 9 127.0.0.1:0
	IFS= read -r ADDR <ready.tty
	terminals_end
	until_true grep -q 'rights read again' listen.err # so it heard of it
	exits 77 send "$ADDR" <<<x
	says send.err 'nobody answered'
	SENDER=carol exits 0 send "$ADDR" <<<x
}

@test "without a terminal, and with --allow-any, it is wrong use" {
	exits 64 setsid -w timeout 20 "$LISTEN" --ask -i "$(id_of bob)" 0 </dev/null 2>listen.err
	says listen.err 'ask: there is no terminal to ask at'
	exits 64 timeout 20 "$LISTEN" --ask --allow-any -i "$(id_of bob)" 0 2>listen.err
	says listen.err 'ask and --allow-any exclude each other'
}

@test "the record and the events say who was asked about, and the answer" {
	asks --log-json --audit log
	waits alice
	answer once
	over 0 "${PIDS[0]}"
	[ "$(jq -r 'select(.event == "asked") | .key' listen.err)" = "$(key_of alice)" ]
	[ "$(jq -r 'select(.event == "answered") | .key + " " + .text' listen.err)" = "$(key_of alice) once" ]
	grep -q "asked about $(key_of alice): once" log
}
