#!/usr/bin/env bats
# A running listener follows the files of vz-authorized(5), and what is broken in them takes and
# gives nothing.
load helpers
load rights

setup_file() {
	identities alice bob carol
}

# at_once: the files are read again by signal, where a test is not about finding that they changed.
at_once() { kill -HUP "$LISTENER"; }

@test "a listener follows its file without a signal" {
	serve '@carol'
	exits 77 send "$ADDR" <<<x
	granted '@alice' '@carol'
	said 1 'rights read again'
	exits 0 send "$ADDR" <<<x
	held
	granted '@carol'
	ended 77 "$HELD"
	exec 8>&-
	says held.err 'no longer authorised'
	until_true holds 1 in
	exits 77 send "$ADDR" <<<x
}

@test "a running session has the options that its line has now" {
	serve '@alice'
	held
	granted 'max-size="1k" @alice'
	said 1 'rights read again'
	head -c 5000 /dev/zero >&8 || true # the sender may be gone before the last byte
	ended 77 "$HELD"
	exec 8>&-
	granted 'from="10.0.0.0/8" @alice'
	at_once
	said 2 'rights read again'
	exits 77 send "$ADDR" <<<x
	granted '@alice'
	at_once
	said 3 'rights read again'
	exits 0 send "$ADDR" <<<x
	: >listen.err
	rm hold
	held
	granted 'from="10.0.0.0/8" @alice'
	at_once
	ended 77 "$HELD"
	exec 8>&-
	says held.err 'from that address'
}

@test "authorised keys that cannot be read leave the old rights, less what is revoked" {
	serve '@alice' '@carol'
	n=0
	# Without a signal, too: each is a change.
	chmod 666 keys
	said $((n += 1)) 'as they were'
	exits 0 send "$ADDR" <<<x
	chmod 644 keys
	said 1 'rights read again'
	printf 'a\0b\n' >keys.new && mv keys.new keys
	said $((n += 1)) 'as they were'
	exits 0 send "$ADDR" <<<x
	head -c 1100000 /dev/zero | tr '\0' '#' >keys.new && mv keys.new keys
	said $((n += 1)) 'as they were'
	exits 0 send "$ADDR" <<<x
	rm keys
	said $((n += 1)) 'as they were'
	exits 0 send "$ADDR" <<<x
	held
	key_of alice >b/revoked
	ended 77 "$HELD"
	exec 8>&-
	exits 77 send "$ADDR" <<<x
	says send.err 'revoked'
	SENDER=carol exits 0 send "$ADDR" <<<x
	granted '@alice'
	said 2 'rights read again'
	SENDER=carol exits 77 send "$ADDR" <<<x
	exits 77 send "$ADDR" <<<x
	rm b/revoked
	said 3 'rights read again'
	exits 0 send "$ADDR" <<<x
}

@test "a damaged revoked list lets nobody new in until it is mended" {
	serve '@alice' '@carol'
	held
	{ key_of carol; echo 'not a key'; } >b/revoked
	at_once
	said 1 'nobody new gets in'
	says listen.err 'revoked: line 2'
	exits 75 send "$ADDR" <<<x
	SENDER=carol exits 75 send "$ADDR" <<<x
	# Who is in stays, unless the other list says otherwise.
	echo y >&8
	exec 8>&-
	ended 0 "$HELD"
	key_of carol >b/revoked
	at_once
	said 1 'rights read again'
	exits 0 send "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	chmod 666 b/revoked
	said 2 'nobody new gets in'
	exits 75 send "$ADDR" <<<x
	chmod 600 b/revoked
	said 2 'rights read again'
	exits 0 send "$ADDR" <<<x
	rm hold
	: >listen.err
	held
	echo nonsense >b/revoked
	at_once
	said 1 'nobody new gets in'
	granted '@carol'
	at_once
	ended 77 "$HELD"
	exec 8>&-
	holds 3 in
}

@test "a revoked key loses its running session" {
	serve '@alice'
	held
	key_of alice >b/revoked
	ended 77 "$HELD"
	exec 8>&-
	until_true empty in
	exits 77 send "$ADDR" <<<x
	says send.err 'revoked'
}

@test "a file that is still being written takes nobody's right away" {
	serve '@carol' '@alice'
	held
	# Two seconds without alice's line.
	key_of carol >keys
	for n in $(seq 100); do
		echo "# line $n" >>keys
		read -r -t 0.02 <> <(:) || true
	done
	key_of alice >>keys
	said 1 'rights read again'
	exec 8>&-
	ended 0 "$HELD"
	holds 1 in
}
