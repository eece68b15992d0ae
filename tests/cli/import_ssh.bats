#!/usr/bin/env bats
# vz-keygen --import-ssh: a key that OpenSSH made is an identity, and nothing else becomes one.
load helpers

setup_file() {
	identities bob
}

# ssh_key NAME [ARG...]: ssh-keygen makes NAME and NAME.pub, of type ed25519 and without passphrase.
ssh_key() {
	local name=$1

	shift
	command -v ssh-keygen >/dev/null || skip 'no ssh-keygen here'
	ssh-keygen -q -t ed25519 -N '' -C "$name@here" -f "$name" "$@"
}

# import ARG...: without a terminal.
import() {
	timeout -k 5 "$PATIENCE" setsid -w "$KEYGEN" --import-ssh "$@" </dev/null 2>import.err 3>&-
}

# refused STATUS WORDS FILE: it says so, and no identity comes of it.
refused() {
	exits "$1" import "$3" -f none >out || return
	one_error import.err "$2" || return
	[ ! -s out ] && [ ! -e none ]
}

@test "the identity has the key and the comment that the file has, in a file of its own" {
	for i in 1 2 3 4 5 6 7 8; do
		ssh_key "k$i"
		cp "k$i" before
		import "k$i" -f "id$i" >key
		cmp "k$i" before
		"$KEYGEN" -y --ssh -f "id$i" | cmp - "k$i.pub"
		"$KEYGEN" -y -f "id$i" | cmp - key
		[ "$(stat -c %a "id$i")" = 600 ]
	done
	"$KEYGEN" -lv -f id1 | cmp - <(ssh-keygen -lv -f k1.pub)
	# The other keys of an identity are new ones.
	import k1 -f again >key
	[ "$(grep -c -x -F -f id1 again)" -eq 3 ] # the form, the comment, the key's secret
}

@test "-C gives another comment, and one that cannot be kept is left out and said to be" {
	ssh_key k
	import k -f id -C 'for backups' >key
	[ "$("$KEYGEN" -y --ssh -f id)" = "$(cut -d' ' -f1,2 k.pub) for backups" ]
	ssh_key odd -C $'a\e[31mb'
	import odd -f odd.id >key
	says import.err 'comment is left out'
	[ "$("$KEYGEN" -y --ssh -f odd.id)" = "$(cut -d' ' -f1,2 odd.pub)" ]
	import odd -f odd2.id -C fit >key
	[ "$(grep -c 'left out' import.err)" -eq 0 ]
	ssh_key long -C "$(printf '%0255d' 0)"
	import long -f long.id >key
	"$KEYGEN" -y --ssh -f long.id | cmp - long.pub
	ssh_key longer -C "$(printf '%0256d' 0)"
	import longer -f longer.id >key
	says import.err 'comment is left out'
}

@test "a message goes from an imported identity to one that knows it by its line of OpenSSH" {
	ssh_key k
	import k -f id >key
	cp k.pub authorized
	ALLOW=(-a authorized)
	listen -o got
	exits 0 timeout "$PATIENCE" "$SEND" -i id "$ADDR" <<<hello 2>send.err
	ended 0 "$LISTENER"
	[ "$(cat got)" = hello ]
}

@test "a message goes to an imported identity, called by the key that it prints" {
	ssh_key k
	import k -f id >key
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i id --ready-fd 9 --allow "$(key_of bob)" -o got 127.0.0.1:0
	[[ $READY == "$(cat key)@"* ]]
	SENDER=bob exits 0 send "$READY" <<<hello
	ended 0 "$PID"
	[ "$(cat got)" = hello ]
}

@test "--passphrase encrypts what was imported" {
	ssh_key k
	printf 'correct horse\n' >words
	exits 0 timeout "$PATIENCE" "$KEYGEN" --import-ssh k -f id --passphrase-fd 9 9<words >key 2>import.err
	grep -q '^encrypted argon2id ' id
	exits 78 timeout "$PATIENCE" setsid -w "$SEND" -i id "$(cat key)@127.0.0.1:1" </dev/null 2>send.err
	"$KEYGEN" -y --ssh -f id | cmp - k.pub
	# Taken off, the seed is there.
	exits 0 timeout "$PATIENCE" "$KEYGEN" -p -f id --passphrase-fd 9 9< <(printf 'correct horse\n\n') 2>p.err
	grep -q '^ed25519 ' id
}

@test "an encrypted key is refused, with what can be done about it, and that works" {
	ssh_key k -N 'a passphrase'
	refused 78 'k: the private key is encrypted with a passphrase' k
	says import.err 'hint: .*ssh-keygen -p .*COPY'
	says import.err 'hint: .*--agent'
	cp -p k COPY
	ssh-keygen -q -p -P 'a passphrase' -N '' -f COPY
	import COPY -f id >key
	"$KEYGEN" -y --ssh -f id | cmp - k.pub
}

@test "other kinds of keys and files are refused by their names" {
	ssh_key k
	ssh_key rsa -t rsa -b 1024
	ssh_key ecdsa -t ecdsa
	ssh_key pem -t rsa -b 1024 -m PEM
	refused 78 'another type than ssh-ed25519' rsa
	refused 78 'another type than ssh-ed25519' ecdsa
	refused 78 'in PEM' pem
	chmod 600 k.pub
	refused 78 'a public key' k.pub
	refused 78 'not a private key of OpenSSH' "$(id_of bob)"
	: >empty
	chmod 600 empty
	refused 78 'not a private key of OpenSSH' empty
	(umask 077 && head -c 33000 /dev/zero >large && head -n 3 k >short && sed '3s/./_/5' k >damaged)
	refused 78 'large: over the limit' large
	refused 78 'short: the private key is damaged' short
	refused 78 'damaged: the private key is damaged' damaged
	refused 78 'nowhere: not found' nowhere
}

@test "a key that others can read, or a link to one, is refused as an identity is" {
	ssh_key k
	for bits in 640 604 620 644; do
		chmod "$bits" k
		refused 78 'k: unsafe owner, permissions' k
	done
	chmod 600 k
	ln -s k link
	refused 78 'link: unsafe' link
	chmod 400 k
	import k -f id >key
}

@test "an identity that exists is not replaced without --force" {
	ssh_key k
	cp -p "$(id_of bob)" id
	exits 73 import k -f id
	cmp id "$(id_of bob)"
	import k -f id --force >key
	"$KEYGEN" -y --ssh -f id | cmp - k.pub
	[ -z "$(find . -name '.vz-*')" ]
}

@test "no secret of the file is said, at the highest verbosity or by mistake" {
	ssh_key k
	import k -vv -f id >key
	# The seed is the bytes from 161 to 192 of the file's.
	sed '1d;$d' k | tr -d '\n' | cut -c 217-256 | fold -w 8 >secrets
	run ! grep -qF -f secrets import.err key
	sed '2s/A/_/' k >broken
	chmod 600 broken
	exits 78 import broken -vv -f none
	run ! grep -qF -f secrets import.err
}
