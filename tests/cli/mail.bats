#!/usr/bin/env bats
# Mail: sealed messages that wait at a relay are collected by vz-listen, once.
load helpers

setup_file() {
	identities alice bob carol dave relay
}

# relay [ADDRESS]: vz-relay with a spool, as it was left. Sets RELAY, RELAYING.
relay() {
	if mkdir -m 700 r 2>/dev/null; then
		cp "$(id_of relay)" r/identity
		printf 'register %s\n' "$(key_of bob)" >r/authorized
		printf 'deposit,connect %s\n' "$(key_of alice)" "$(key_of carol)" "$(key_of dave)" >>r/authorized
	fi
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --spool r/spool --ready-fd 9 "${1:-127.0.0.1:0}" || return
	RELAYING=$PID
	RELAY=$READY
}

# post [OPTION...] FILE...: alice leaves them for bob there; the relay's numbers are in post.out.
post() {
	local -a options=()

	while [[ $1 == -* ]]; do
		options+=("$1")
		if [[ $1 != -[wr] ]]; then
			shift
			options+=("$1")
		fi
		shift
	done
	timeout "$PATIENCE" "$FAULT/postman" -i "$(id_of "${SENDER:-alice}")" "${options[@]}" "$RELAY" "$(id_of bob)" "$@" >post.out 2>post.err
}

# collect OPTION...: bob listens there.
collect() {
	local -a AT=("$RELAY")

	listen "$@"
}

# handle SCRIPT: bob runs that for each message.
handle() {
	local -a AT=("$RELAY" -- "$BASH" -c "$1")

	listen -v
}

# waits_for FILE WORDS: they are there, of what bob wrote.
waits_for() {
	grep -qxF "$2" "listen.$1"
}

# waiting N: so many are in bob's mailbox, as he is told.
waiting() {
	timeout "$PATIENCE" "$FAULT/relaypeer" -i "$(id_of bob)" --leave "$RELAY" collect >mailbox 2>mailbox.err
	[ "$(wc -l <mailbox)" -eq "$1" ]
}

@test "what waited and what comes is delivered, oldest first, and is gone from the mailbox" {
	relay
	for i in 1 2 3; do printf 'message %s' "$i" >"m$i"; done
	post m1 m2
	waiting 2
	STDOUT=out collect -k --lines
	until_true eval '[ "$(wc -l <out)" -eq 2 ]'
	post -n 3 m3
	until_true eval '[ "$(wc -l <out)" -eq 3 ]'
	[ "$(cat out)" = "$(printf 'message %s\n' 1 2 3)" ]
	until_true waiting 0
	kill "$LISTENER"
	ended 0 "$LISTENER"
}

@test "a message arrives as one that was sent live: in a folder, to a command, as JSON" {
	relay
	bytes 300000 m
	mkdir in
	post -N 'a name' m
	collect --dir in
	until_true placed 1 in
	until_true waiting 0
	cmp m "in/53535353535353535353535353535353.1-a_name"
	kill "$LISTENER"
	ended 0 "$LISTENER"

	post -n 2 -N 'a name' m
	handle 'cat >got; env >env'
	until_true waiting 0
	cmp m got
	grep -qxF "VZ_PEER=$(key_of alice)" env
	grep -qxF "VZ_REMOTE=relay:$(key_of relay)" env
	grep -qxF 'VZ_MESSAGE_ID=53535353535353535353535353535353.2' env
	grep -qxF 'VZ_MESSAGE_NAME=a name' env
	grep -qxF VZ_SIGNED=1 env
	run ! grep -q TCPREMOTEIP env
	kill "$LISTENER"
	ended 0 "$LISTENER"

	printf body >b
	post -n 3 b
	STDOUT=json collect -k --json
	until_true waiting 0
	grep -q '"body":"body"' json
}

@test "one message is taken to standard output or a file, and the rest is left for another time" {
	relay
	printf first >m1
	printf second >m2
	post m1 m2
	STDOUT=out collect
	ended 0 "$LISTENER"
	[ "$(cat out)" = first ]
	waiting 1
	collect -o file
	ended 0 "$LISTENER"
	[ "$(cat file)" = second ]
	waiting 0
}

@test "what was delivered is not delivered again, also when the relay has it again" {
	relay
	printf once >m
	post -w m
	cp post.out sealed
	post -r sealed
	mkdir in
	collect --dir in -v
	until_true placed 1 in
	until_true waiting 0
	kill "$LISTENER"
	ended 0 "$LISTENER"
	# The same sealed bytes from another depositor, and what it says sealed anew.
	SENDER=dave post -r sealed
	post -n 1 m
	rm in/*
	collect --dir in
	until_true waiting 0
	empty in
	until_true eval '[ "$(grep -c "not delivered: it was delivered before" listen.err)" -eq 2 ]'
}

@test "what is forged, meant for others, damaged or no message is thrown away, and said" {
	relay
	printf good >m
	bytes 5000 junk
	post -r junk
	post -w m
	head -c 100 post.out >short
	tail -c +101 post.out >>short
	printf x | dd of=short bs=1 seek=2000 conv=notrunc 2>dd.err
	post -r short
	post -t "$(id_of carol)" m
	post -k "$(id_of carol)" m
	post -x 1000000000 m
	# Somebody who may send takes the words of another for his own.
	post -w -f "$(id_of carol)" m
	cp post.out forged
	post -r forged
	post -n 7 m
	STDOUT=out collect -k --lines --audit log
	until_true waiting 0
	[ "$(cat out)" = good ]
	for words in 'not an age file' 'damaged, or cut' 'meant it for somebody else' 'for another key' expired; do
		says listen.err "$words"
	done
	says listen.err 'not authorised here'
	[ "$(grep -c '"event":"refused"' log)" -eq 6 ]
}

@test "who may not send now is refused, by rights, revocation, name, size and way" {
	relay
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	{
		printf 'send,name-match="a*" %s alice\n' "$(key_of alice)"
		printf 'ask %s\n' "$(key_of carol)"
		printf 'from="127.0.0.0/8" %s\n' "$(key_of dave)"
	} >b/authorized
	printf good >m
	bytes 3000 big
	post -n 1 -N b m
	post -n 2 -N a m
	post -n 3 -N a big
	SENDER=carol post m
	SENDER=dave post m
	SENDER=relay post m || true
	started listen "$LISTEN" -i b/identity --ready-fd 9 -v -k --lines --max-size 2K "$RELAY"
	LISTENER=$PID
	until_true waiting 0
	[ "$(cat listen.out)" = good ]
	says listen.err 'of that name'
	says listen.err 'may not send here'
	says listen.err 'may not come through that relay'
	says listen.err 'its body is over the limit'
	key_of alice >b/revoked
	kill -HUP "$LISTENER"
	until_true grep -q 'rights read again' listen.err
	post -n 9 -N a m
	until_true waiting 0
	says listen.err 'revoked'
	[ "$(cat listen.out)" = good ]
}

@test "a message that fails where it goes stays, the others go on, and it comes again" {
	relay
	for i in 1 2 3; do printf %s "$i" >"m$i"; done
	post m1 m2 m3
	handle 'read -r x || true; if [ "$x" = 2 ] && [ ! -e ok ]; then exit 75; fi; echo "$x" >>got'
	until_true eval '[ "$(wc -l <got)" -eq 2 ]'
	until_true waiting 1
	touch ok
	until_true eval '[ "$(wc -l <got)" -eq 3 ]'
	until_true waiting 0
	[ "$(cat got)" = "$(printf '%s\n' 1 3 2)" ]
}

@test "numbers that are passed over are said to be missing" {
	relay
	printf x >m
	post -n 4 m
	post -n 5 m
	post -n 9 m
	STDOUT=out collect -k --lines
	until_true waiting 0
	says listen.err 'mail 6 to 8 of .* was not delivered'
	post -n 7 m
	until_true eval '[ "$(wc -l <out)" -eq 4 ]'
	[ "$(grep -c 'a later one was' listen.err)" -eq 1 ]
}

@test "a relay that is killed and comes back loses nothing and delivers nothing twice" {
	relay
	mkdir in
	for ((i = 1; i <= 20; i++)); do bytes 20000 "m$i"; done
	post m?
	collect --dir in
	port=${RELAY##*:}
	kill -9 "$RELAYING"
	wait "$RELAYING" || true
	relay "127.0.0.1:$port"
	post -n 10 m??
	until_true placed 20 in
	until_true waiting 0
	for ((i = 1; i <= 20; i++)); do cmp "in/53535353535353535353535353535353.$i" "m$i"; done
}

@test "a listener that is killed in the middle has each message once in its folder" {
	relay
	mkdir in
	for ((i = 1; i <= 30; i++)); do bytes 3000 "m$i"; done
	post m? m??
	for ((i = 0; i < 6; i++)); do
		collect --dir in
		until_true eval "[ \"\$(find in -name '5353*' | wc -l)\" -gt $((i * 4)) ]"
		kill -9 "$LISTENER"
		wait "$LISTENER" || true
	done
	collect --dir in
	until_true waiting 0
	[ "$(find in -name '5353*' | wc -l)" -eq 30 ]
	cat m? m?? | wc -c >want
	cat in/5353* | wc -c >got
	cmp want got
}

@test "what was sealed for an age key that was replaced is opened, by a listener that ran meanwhile too" {
	relay
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	printf first >m1
	printf second >m2
	post m1
	exits 0 "$KEYGEN" -f b/identity --rotate >rotated
	started listen "$LISTEN" -i b/identity --ready-fd 9 -k --lines --allow "$(key_of alice)" "$RELAY"
	LISTENER=$PID
	until_true waits_for out first
	exits 0 "$KEYGEN" -f b/identity --rotate >rotated
	post -n 2 m2
	until_true waits_for out second
}

@test "SIGTERM lets a command finish with its message, which is then gone from the mailbox" {
	relay
	printf one >m1
	printf two >m2
	mkfifo gate
	post m1 m2
	handle 'cat >>got; echo >>got; read -r x <gate'
	until_true test -s got
	kill "$LISTENER"
	until_true grep -q 'stopping: 1 message' listen.err
	echo go >gate
	ended 0 "$LISTENER"
	[ "$(cat got)" = one ]
	waiting 1
}

@test "a book of mail that cannot be used is an error before anything is delivered" {
	relay
	printf x >m
	post m
	mkdir -m 700 state
	echo nonsense >state/mail.db
	chmod 600 state/mail.db
	exits 78 timeout "$PATIENCE" "$LISTEN" -i "$(id_of bob)" --state state --allow "$(key_of alice)" --lines "$RELAY" 2>listen.err >out
	says listen.err 'mail.db: damaged, or not of this program'
	[ ! -s out ]
	waiting 1
}

@test "the plaintext and the name of a message are nowhere at the relay" {
	relay
	printf 'a secret that is nowhere else' >m
	post -N 'a-name-that-is-nowhere-else' m
	kill "$RELAYING"
	ended 0,143 "$RELAYING"
	run ! grep -rqaE 'nowhere.else' r relay.err relay.out
	relay
	STDOUT=out collect -k --lines
	until_true waiting 0
	[ "$(cat out)" = 'a secret that is nowhere else' ]
	kill "$RELAYING"
	ended 0,143 "$RELAYING"
	run ! grep -rqaE 'nowhere.else' r relay.err relay.out
}

@test "a listener that takes the place of another waits for the mail that this one delivers" {
	relay
	handle 'cat >>got; echo " begun" >>got; until [ -e go ]; do read -r -t 0.05 <> <(:) || true; done; echo ended >>got'
	FIRST=$LISTENER
	printf one >m1
	post m1
	until_true eval '[ -s got ]'
	# shellcheck disable=SC2016
	started second "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" -v "$RELAY" -- \
		"$BASH" -c 'cat >>got; echo " by the second" >>got'
	until_true says second.err 'another vz-listen with this identity delivers mail'
	touch go
	ended 77 "$FIRST"
	until_true waiting 0
	printf two >m2
	post -n 2 m2
	until_true says got 'two by the second'
	[ "$(cat got)" = $'one begun\nended\ntwo by the second' ]
}
