#!/usr/bin/env bats
# Identities whose key an ssh-agent holds: made, used and renewed, with a real agent and with ones that
# lie.
load helpers

setup_file() {
	identities alice bob relay
	ssh-keygen -q -t ed25519 -N '' -C 'me at home' -f "$BATS_FILE_TMPDIR/key"
}

setup_agent() {
	command -v ssh-agent >/dev/null || skip 'no ssh-agent here'
	KEY=$BATS_FILE_TMPDIR/key
	AGENT_SOCK=$BATS_TEST_TMPDIR/agent
	ssh-agent -D -a "$AGENT_SOCK" >agent.out 2>agent.err </dev/null 3>&- &
	AGENT=$!
	STARTED+=("$AGENT")
	export SSH_AUTH_SOCK=$AGENT_SOCK
	until_true [ -S "$AGENT_SOCK" ]
	ssh-add -q "$KEY" 2>/dev/null
}

# keygen ARG...: stderr goes to keygen.err.
keygen() {
	timeout -k 5 "$PATIENCE" "$KEYGEN" "$@" 2>keygen.err 3>&-
}

# held: an agent, and `carol`, an identity of its key. Sets CAROL.
held() {
	setup_agent
	exits 0 keygen --agent "$KEY.pub" -f carol/identity >key
	CAROL=$(cat key)
}

# as_carol ARG...: she sends.
as_carol() {
	timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i carol/identity "$@" 2>send.err 3>&-
}

# to_carol OPTION...: she listens, alice may send. AT: other addresses; COMMAND: -- and a command.
to_carol() {
	local -a at=("${AT[@]}")

	[ "${#at[@]}" -gt 0 ] || at=(127.0.0.1:0)
	started carol "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i carol/identity --ready-fd 9 \
		--allow "$(key_of alice)" "$@" "${at[@]}" "${COMMAND[@]}" || return
	LISTENER=$PID
	ADDR=$READY
}

# gone: the agent ends.
gone() {
	kill "$AGENT"
	ended 0,2,143 "$AGENT"
}

# lying KIND [OPTION...]: an agent that lies, whose key is in `false.pub`.
lying() {
	local kind=$1

	shift
	rm -f false.sock
	started false "$FAULT/falseagent" --socket "$BATS_TEST_TMPDIR/false.sock" --ready-fd 9 --lie "$kind" "$@" || return
	LIAR=$PID
	cp false.ready false.pub
	export SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/false.sock
}

# hex: the bytes of stdin, on one line.
hex() { od -An -vtx1 | tr -d ' \n'; }

# has HEX FILE: those bytes are in a line's base64, at whatever offset.
has() {
	local line

	while read -r line; do
		base64 -d 2>/dev/null <<<"${line##* }" | hex | grep -q "$1" && return
	done <"$2"
	return 1
}

# proved WHO NAMESPACE SIGNATURE FILE: says ssh-keygen, too.
proved() {
	ssh-keygen -Y verify -f signers -I "$1" -n "$2" -s "$3" <"$4"
}

@test "the file of an identity that an agent holds has no secret of its key, and is marked so" {
	local seed line

	held
	# OpenSSH's own file in the clear has the seed before its public key, 64 bytes in all.
	seed=$(grep -v -- ----- "$KEY" | base64 -d | hex)
	line=$(cut -d ' ' -f 2 "$KEY.pub" | base64 -d | tail -c 32 | hex)
	seed=$(grep -o "00000040[0-9a-f]\{64\}$line" <<<"$seed" | cut -c 9-72)
	[ "${#seed}" -eq 64 ]
	[ "$(head -n 1 carol/identity)" = vz-identity-2 ]
	grep -qx 'signer ssh-agent' carol/identity
	run ! grep -q '^ed25519 ' carol/identity
	run ! has "$seed" carol/identity
	# Whoever looks finds it where it is.
	exits 0 keygen --import-ssh "$KEY" -f imported/identity >shown
	[ "$(cat shown)" = "$CAROL" ]
	has "$seed" imported/identity
	[ "$(stat -c %a carol/identity)" = 600 ]
	# An identity of our own is as it was.
	[ "$(head -n 1 "$(id_of alice)")" = vz-identity-1 ]
}

@test "KEY is a file, vz1..., OpenSSH's text, or a fingerprint" {
	local key

	held
	for key in "$CAROL" "$(cat "$KEY.pub")" "$(cut -d ' ' -f 1,2 "$KEY.pub")" \
		"$(ssh-keygen -l -f "$KEY.pub" | cut -d ' ' -f 2)"; do
		exits 0 keygen --agent "$key" -f other/identity --force >shown
		[ "$(cat shown)" = "$CAROL" ]
	done
	exits 0 keygen -y --ssh -f other/identity >shown
	cmp shown "$KEY.pub"
	exits 0 keygen --agent "$CAROL" -C mine -f other/identity --force >shown
	exits 0 keygen -y --ssh -f other/identity >shown
	[ "$(cut -d ' ' -f 3- shown)" = mine ]
	exits 73 keygen --agent "$CAROL" -f other/identity
}

@test "what is no such key is refused with a word" {
	held
	exits 78 keygen --agent "$KEY" -f no/identity
	says keygen.err 'a private key'
	exits 78 keygen --agent nothing -f no/identity
	says keygen.err 'neither a key nor a file'
	wrong=x
	[[ $CAROL != *x ]] || wrong=y
	exits 78 keygen --agent "${CAROL%?}$wrong" -f no/identity
	says keygen.err 'mistyped'
	exits 78 keygen --agent SHA256:short -f no/identity
	says keygen.err 'not a fingerprint'
	exits 78 keygen --agent 'sk-ssh-ed25519@openssh.com AAAA' -f no/identity
	says keygen.err 'security key'
	exits 78 keygen --agent 'ssh-rsa AAAA' -f no/identity
	says keygen.err 'ssh-ed25519 key, and no other kind'
	echo '# nothing' >nothing
	exits 78 keygen --agent nothing -f no/identity
	says keygen.err 'not a public key'
	exits 78 keygen --agent "$(key_of alice)" -f no/identity
	says keygen.err 'does not hold SHA256:'
	says keygen.err 'hint: ssh-add'
	exits 64 keygen --agent "$CAROL" --rotate -f no/identity
	exits 64 keygen --agent "$CAROL" -y -f no/identity
	ssh-keygen -q -t ecdsa -N '' -f ecdsa
	ssh-add -q ecdsa 2>/dev/null
	exits 78 keygen --agent "$(ssh-keygen -l -f ecdsa.pub | cut -d ' ' -f 2)" -f no/identity
	says keygen.err 'no other kind'
	[ ! -e no ]
}

@test "a security key in the agent is refused by its fingerprint, too" {
	local blob

	lying list-sk
	{
		printf '\0\0\0\032sk-ssh-ed25519@openssh.com\0\0\0\040'
		cut -d ' ' -f 2 false.pub | base64 -d | tail -c 32
	} >blob
	blob=$(sha256sum <blob | cut -c 1-64 | tr a-f A-F | basenc --base16 -d | base64 | tr -d =)
	exits 78 keygen --agent "SHA256:$blob" -f no/identity
	one_error keygen.err 'a security key'
	[ ! -e no ]
}

@test "delivery works both ways, and needs no agent" {
	held
	gone
	unset SSH_AUTH_SOCK
	ALLOW=(--allow "$CAROL")
	listen -o got
	exits 0 as_carol "$ADDR" <<<'from her'
	ended 0 "$LISTENER"
	[ "$(cat got)" = 'from her' ]
	to_carol -o back
	exits 0 send "$ADDR" <<<'to her'
	ended 0 "$LISTENER"
	[ "$(cat back)" = 'to her' ]
	exits 0 keygen -y -f carol/identity >shown
	[ "$(cat shown)" = "$CAROL" ]
	exits 0 keygen -l -f carol/identity >shown
	grep -qF "$(ssh-keygen -l -f "$KEY.pub" | cut -d ' ' -f 2)" shown
	exits 64 keygen -l --ssh -f carol/identity
}

@test "a service manager's credential works without an agent" {
	held
	gone
	unset SSH_AUTH_SOCK
	mkdir -m 700 credentials
	install -m 600 carol/identity credentials/vz-identity
	ALLOW=(--allow "$CAROL")
	listen -o got
	CREDENTIALS_DIRECTORY=$PWD/credentials timeout "$PATIENCE" "$SEND" "$ADDR" <<<hello 3>&-
	ended 0 "$LISTENER"
	[ "$(cat got)" = hello ]
}

@test "the agent renews the keys, and a running listener takes them" {
	local bundle

	held
	to_carol -k -d .
	exits 0 send "$ADDR" <<<before
	bundle=$(grep '^bundle ' carol/identity)
	exits 0 keygen --rotate -f carol/identity
	says keygen.err 'new keys under serial'
	[ "$bundle" != "$(grep '^bundle ' carol/identity)" ]
	grep -q '^retired ' carol/identity
	[ "$(head -n 1 carol/identity)" = vz-identity-2 ]
	exits 0 send "$ADDR" <<<after
	exits 0 keygen -y -f carol/identity >shown
	[ "$(cat shown)" = "$CAROL" ]
	says carol.err 'listening'
	run ! grep -q 'going on with the identity as it was' carol.err
}

@test "a passphrase protects what is in the file, and can be taken off without the agent" {
	held
	exits 0 timeout "$PATIENCE" "$KEYGEN" --agent "$CAROL" --passphrase-fd 5 -f locked/identity 5<<<hunter 3>&- >key
	grep -q '^encrypted argon2id' locked/identity
	grep -qx 'signer ssh-agent' locked/identity
	run ! grep -q '^noise' locked/identity
	gone
	exits 0 timeout "$PATIENCE" "$KEYGEN" -p --passphrase-fd 5 -f locked/identity 5<<<$'hunter\n' 2>keygen.err 3>&-
	grep -q '^noise' locked/identity
	run ! grep -q '^ed25519' locked/identity
}

@test "an agent that is gone, locked, or without the key has a word and a status of its own" {
	held
	cp carol/identity before
	ssh-add -q -d "$KEY.pub" 2>/dev/null
	exits 78 keygen --rotate -f carol/identity
	says keygen.err "does not hold the identity's key, SHA256:"
	says keygen.err 'hint: ssh-add'
	ssh-add -q "$KEY" 2>/dev/null
	printf '%s\n' '#!/bin/sh' 'echo hunter' >ask
	chmod +x ask
	SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=$PWD/ask ssh-add -q -x </dev/null 2>/dev/null 3>&-
	exits 78 keygen --rotate -f carol/identity
	says keygen.err 'locked'
	exits 78 keygen --agent "$CAROL" -f new/identity
	says keygen.err 'locked'
	SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=$PWD/ask ssh-add -q -X </dev/null 2>/dev/null 3>&-
	exits 0 keygen --rotate -f carol/identity
	cp carol/identity before
	gone
	exits 78 keygen --rotate -f carol/identity
	says keygen.err 'cannot be reached'
	says keygen.err 'hint: is the ssh-agent running'
	unset SSH_AUTH_SOCK
	exits 78 keygen --rotate -f carol/identity
	says keygen.err 'SSH_AUTH_SOCK is not set'
	exits 78 keygen --agent "$CAROL" -f new/identity
	[ ! -e new ]
	cmp before carol/identity
}

@test "--sign is signed by the agent, and ssh-keygen verifies it" {
	held
	echo "carol $(cat "$KEY.pub")" >signers
	mkdir dir
	ALLOW=(--allow "$CAROL")
	listen -k -d dir
	bytes 300000 a
	bytes 10 b
	exits 0 as_carol --sign "$ADDR" a b
	[ ! -s send.err ]
	cmp a dir/*-a
	proved carol vz-message@vz dir/*.0.manifest.sig dir/*.0.manifest
	proved carol vz-message@vz dir/*.1.manifest.sig dir/*.1.manifest
	gone
	exits 78 as_carol --sign "$ADDR" a
	says send.err 'ssh-agent: cannot be reached'
	exits 0 as_carol "$ADDR" a
}

@test "the key goes after the start: the message is cancelled, not delivered unsigned" {
	held
	mkdir dir
	ALLOW=(--allow "$CAROL")
	listen -k -d dir
	mkfifo in
	as_carol --sign "$ADDR" <in &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>in
	echo begun >&7
	until_true holds 1 dir
	ssh-add -q -D 2>/dev/null
	exec 7>&-
	ended 78 "$SENDING"
	says send.err 'ssh-agent: it refuses to sign'
	says send.err 'hint: the key may be gone'
	empty dir
}

@test "what is stored at a relay is signed by the agent, each item in its order" {
	held
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	printf '%s\n' "register $(key_of bob)" "connect,deposit $CAROL" >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --spool r/spool --ready-fd 9 127.0.0.1:0
	mkdir in
	ALLOW=(--allow "$CAROL") AT=("$READY")
	RELAY=$READY
	BREAKS_END_LISTEN=()
	listen --state bobs -d in
	kill "$LISTENER"
	ended 0 "$LISTENER"
	bytes 100000 file
	exits 0 as_carol --state hers --store=only "$(key_of bob)@$RELAY" file file
	seq 100 | exits 0 as_carol --state hers --store=only --lines "$(key_of bob)@$RELAY"
	exits 80 as_carol --state hers --store=auto "$(key_of bob)@$RELAY" <<<away
	listen --state bobs -d in
	until_true placed 103 in
	cmp file "$(find in -name '*-file' | head -n 1)"
	[ "$(for file in in/*; do [[ $file = *-file ]] || (cat "$file" && echo); done | grep -cx '[0-9]\+')" -eq 100 ]
	# Whom it finds it needs no agent for.
	gone
	exits 0 as_carol --state hers --store=auto "$(key_of bob)@$RELAY" <<<there
	until_true placed 104 in
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 78 as_carol --state hers --store=auto "$(key_of bob)@$RELAY" <<<lost
	says send.err 'ssh-agent: cannot be reached'
	exits 78 as_carol --state hers --store=only "$(key_of bob)@$RELAY" <<<lost
}

@test "an audit file is signed by the agent; when it goes the record goes on unsigned, and the next run signs it" {
	held
	mkdir in
	to_carol --audit log -d in
	exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 0 keygen -f carol/identity --verify-audit log
	[ "$(cat keygen.err)" = "vz-keygen: signed by $CAROL" ]
	to_carol --audit log -d in
	gone
	exits 0 send "$ADDR" <<<y
	kill "$LISTENER"
	ended 74 "$LISTENER"
	says carol.err 'log: cannot be signed at the end: ssh-agent: (it ended the connection, and the sandbox|cannot be reached)'
	exits 0 keygen -f carol/identity --verify-audit log
	says keygen.err 'the last [0-9]+ lines are not signed'
	exits 78 timeout "$PATIENCE" "$LISTEN" -i carol/identity --allow "$(key_of alice)" --audit log \
		-d in 127.0.0.1:0 2>none.err 3>&-
	says none.err 'ssh-agent: cannot be reached'
	setup_agent
	to_carol --audit log -d in
	exits 0 send "$ADDR" <<<z
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 0 keygen -f carol/identity --verify-audit log
	[ "$(cat keygen.err)" = "vz-keygen: signed by $CAROL" ]
	placed 3 in
}

@test "the thousandth line of a record that nobody signs says so, and the listener goes on" {
	held
	to_carol --audit log -k --lines
	gone
	seq 700 | exits 0 send --lines "$ADDR"
	kill "$LISTENER"
	ended 74 "$LISTENER"
	says carol.err 'log: cannot be signed now: ssh-agent: .*: going on, unsigned'
	[ "$(grep -c 'going on, unsigned' carol.err)" -eq 1 ]
	[ "$(wc -l <carol.out)" -eq 700 ]
	sed -n 1000p log | grep -q '"event":"unsigned"'
	exits 0 keygen -f carol/identity --verify-audit log
	says keygen.err 'checkpoints that nobody was there to sign: 1'
	says keygen.err 'lines are not signed'
}

@test "a relay's record is signed by the agent, too" {
	held
	mkdir -m 700 r
	cp carol/identity r/identity
	echo "connect $(key_of alice)" >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --audit rlog --ready-fd 9 127.0.0.1:0
	exits 69 send "$(key_of bob)@$READY" <<<x
	kill "$PID"
	ended 0 "$PID"
	exits 0 keygen -f carol/identity --verify-audit rlog
	[ "$(cat keygen.err)" = "vz-keygen: signed by $CAROL" ]
}

@test "commands of a listener are not told where its agent is, and are when it has none" {
	local -a COMMAND=(-- sh -c 'echo "agent=$SSH_AUTH_SOCK"')

	held
	to_carol
	exits 0 send -r "$ADDR" <<<x >reply
	[ "$(cat reply)" = agent= ]
	AT=(127.0.0.1:0 "${COMMAND[@]}")
	listen
	exits 0 send -r "$ADDR" <<<x >reply
	[ "$(cat reply)" = "agent=$AGENT_SOCK" ]
}

@test "somebody may take his time to confirm: the connection lives on meanwhile" {
	lying '' --delay 1200
	exits 0 keygen --agent false.pub -f carol/identity
	says keygen.err 'waiting for ssh-agent: it may be asking somebody to confirm'
	kill "$LIAR"
	mkdir dir
	ALLOW=(--allow "$("$KEYGEN" -y -f carol/identity)")
	# Whoever says nothing for two seconds is dead.
	lying '' --delay 3000
	listen -k -d dir -w 2s
	exits 0 as_carol -w 2s --sign "$ADDR" <<<x
	says send.err 'waiting for ssh-agent'
	placed 3 dir
}

@test "an agent that takes its time signs for each destination and each stored message, in order" {
	local files first pid

	lying '' --delay 150
	exits 0 keygen --agent false.pub -f carol/identity >key
	CAROL=$(cat key)
	mkdir dir other
	ALLOW=(--allow "$CAROL")
	listen -k -d dir
	first=$ADDR
	pid=$LISTENER
	listen -k -d other
	for files in a b c; do
		bytes 1000 "$files"
	done
	exits 0 as_carol --sign "$first,$ADDR" a b c
	[ "$(find dir other -name '*.manifest.sig' | wc -l)" -eq 6 ]
	kill "$LISTENER" "$pid"
	ended 0 "$LISTENER"
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	printf '%s\n' "register $(key_of bob)" "connect,deposit $CAROL" >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --spool r/spool --ready-fd 9 127.0.0.1:0
	BREAKS_END_LISTEN=()
	AT=("$READY")
	listen --state bobs -k --lines
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 0 as_carol --state hers --store=only "$(key_of bob)@${AT[0]}" a
	seq 5 | exits 0 as_carol --state hers --store=only --lines "$(key_of bob)@${AT[0]}"
	listen --state bobs -k --null
	until_true grep -qz '^5$' listen.out
	[ "$(tail -c 10 listen.out | tr '\0' ' ')" = '1 2 3 4 5 ' ]
}

@test "a message that is not signed is cancelled, and the one before it was delivered" {
	lying refused --after 2
	exits 0 keygen --agent false.pub -f carol/identity
	mkdir dir
	ALLOW=(--allow "$("$KEYGEN" -y -f carol/identity)")
	listen -k -d dir
	bytes 1000 a
	bytes 1000 b
	# Each connection has its own two honest answers.
	exits 78 as_carol --sign "$ADDR" a b a b
	[ "$(grep -c 'ssh-agent: it refuses to sign' send.err)" -eq 2 ]
	[ "$(find dir -name '*.manifest.sig' | wc -l)" -eq 2 ]
	placed 6 dir
}

@test "an agent that lies about its signature makes no identity, and every lie is told" {
	local kind

	for kind in refused:'refuses to sign' cut:'ended the connection' closed:'ended the connection' \
		huge:'no answer of an ssh-agent' empty:'no answer of an ssh-agent' type:'no answer of an ssh-agent' \
		trailing:'no answer of an ssh-agent' short:'no answer of an ssh-agent' long:'no answer of an ssh-agent' \
		algorithm:'by another algorithm' other-key:'does not verify' other-data:'does not verify' \
		flipped:'does not verify' zeros:'does not verify'; do
		lying "${kind%%:*}"
		exits 78 keygen --agent false.pub -f no/identity
		one_error keygen.err "ssh-agent: .*${kind#*:}"
		kill "$LIAR"
	done
	[ ! -e no ]
}

@test "an agent that lies about its keys makes no identity, and every lie is told" {
	local kind

	for kind in refused:'list of keys is none' cut:'ended the connection' huge:'no answer of an ssh-agent' \
		empty:'no answer of an ssh-agent' type:'list of keys is none' trailing:'list of keys is none' \
		short:'list of keys is none' many:'list of keys is none' none:'does not hold' sk:'does not hold' \
		rsa:'does not hold'; do
		lying "list-${kind%%:*}"
		exits 78 keygen --agent false.pub -f no/identity
		one_error keygen.err "ssh-agent: .*${kind#*:}"
		kill "$LIAR"
	done
	[ ! -e no ]
}

@test "a record is not signed by an agent's lies, and a lying agent stops nobody" {
	local kind

	lying ''
	exits 0 keygen --agent false.pub -f carol/identity
	kill "$LIAR"
	for kind in other-key hang huge closed; do
		lying "$kind"
		to_carol --audit "log-$kind" -k
		exits 0 send "$ADDR" <<<x
		kill "$LISTENER"
		ended 74 "$LISTENER"
		says carol.err 'cannot be signed at the end: ssh-agent: '
		run ! grep -q '"event":"checkpoint"' "log-$kind"
		kill "$LIAR"
	done
}

@test "a message is not signed by an agent's lies" {
	local kind

	lying ''
	exits 0 keygen --agent false.pub -f carol/identity
	kill "$LIAR"
	mkdir dir
	ALLOW=(--allow "$("$KEYGEN" -y -f carol/identity)")
	listen -k -d dir
	for kind in other-key flipped huge closed trailing unasked:after; do
		lying "${kind%:*}"
		case $kind in
		unasked:*) exits 0,78 as_carol --sign "$ADDR" <<<x ;;
		*)
			exits 78 as_carol --sign "$ADDR" <<<x
			says send.err 'ssh-agent: '
			empty dir
			;;
		esac
		kill "$LIAR"
	done
}

@test "-Y sign signs by the agent, for an identity and for a public key file, as ssh-keygen does" {
	held
	echo "carol $(cat "$KEY.pub")" >signers
	echo text >text
	exits 0 keygen -Y sign -n file -f carol/identity text
	proved carol file text.sig text
	exits 0 keygen -Y sign -n file -f "$KEY.pub" <text >other.sig
	proved carol file other.sig text
	exits 0 keygen -Y verify -f signers -I carol -n file -s text.sig <text
	exits 64 keygen -Y sign -n vz-bundle@vz -f carol/identity text
	ssh-add -q -D 2>/dev/null
	exits 78 keygen -Y sign -n file -f carol/identity --force text
	says keygen.err 'does not hold'
	cmp text.sig <(keygen -Y sign -n file -f "$KEY" <text)
}
