#!/usr/bin/env bats
# vz-keygen -Y: signatures that ssh-keygen verifies, and its own verified, in its argument forms.
load helpers

setup_file() {
	identities alice bob
	command -v ssh-keygen >/dev/null || return 0
	ssh-keygen -q -t ed25519 -N '' -C 'carol@here' -f "$BATS_FILE_TMPDIR/carol"
	ssh-keygen -q -t rsa -b 1024 -N '' -f "$BATS_FILE_TMPDIR/rsa"
}
setup_ssh() {
	command -v ssh-keygen >/dev/null || skip 'no ssh-keygen here'
}

ssh_of() {
	if [ "$1" = carol ]; then
		cut -d' ' -f1,2 "$BATS_FILE_TMPDIR/carol.pub"
	else
		"$KEYGEN" -y --ssh -f "$(id_of "$1")"
	fi
}
# sign_as NAME FILE [ARG...]: makes FILE.sig anew, in the namespace `file`.
sign_as() {
	local key

	key=$(id_of "$1")
	[ "$1" != carol ] || key=$BATS_FILE_TMPDIR/carol
	timeout "$PATIENCE" "$KEYGEN" -Y sign -f "$key" -n file --force "${@:3}" "$2" 2>sign.err
}
# verify ARG...: of m and m.sig, by the file `allowed`, for alice; stdout is in out.
verify() {
	timeout "$PATIENCE" "$KEYGEN" -Y verify -f allowed -I alice -n file -s m.sig "$@" <m >out 2>verify.err
}
# theirs ARG...: the same by ssh-keygen; it fails with any status but 0.
theirs() {
	ssh-keygen -Y verify -f allowed -I alice -n file -s m.sig "$@" <m >theirs.out 2>theirs.err
}
# allowed LINE...: the file, with the key of alice for each @ at the end of a line.
allowed() {
	printf '%s\n' "$@" | sed "s|@$|$(ssh_of alice)|" >allowed
}
# refused STATUS WORDS ARG...: in one line, and nothing on stdout.
refused() {
	exits "$1" verify "${@:3}" || return
	says verify.err "$2" || return
	[ ! -s out ]
}

@test "ssh-keygen verifies what an identity or an OpenSSH key signs, of files and of standard input" {
	setup_ssh
	allowed 'alice @' "carol $(ssh_of carol)"
	for who in alice carol; do
		for size in 0 1 64 111 112 127 128 65535 65536 65537 1000000; do
			bytes "$size" m
			sign_as "$who" m
			theirs -I "$who"
			verify -I "$who"
			cmp out theirs.out
		done
		# OpenSSH's signature of the same is the same.
		sign_as "$who" - <m >stdin.sig
		cmp stdin.sig m.sig
	done
	ssh-keygen -q -Y sign -f "$BATS_FILE_TMPDIR/carol" -n file - <m 2>/dev/null | cmp - m.sig
}

@test "several files are signed in one run, each beside itself, and options come in any order" {
	allowed 'alice @'
	for f in a b 'c d'; do bytes 100 "$f"; done
	timeout "$PATIENCE" "$KEYGEN" -n file -f "$(id_of alice)" -Ohashalg=sha512 -Y sign a b 'c d' >out 2>sign.err
	[ ! -s out ]
	says sign.err 'signature saved in a.sig'
	for f in a b 'c d'; do
		cp "$f" m
		cp "$f.sig" m.sig
		verify
		[ "$(stat -c %a "$f.sig")" = 644 ]
	done
	(umask 077 && "$KEYGEN" -Y sign -f "$(id_of alice)" -n file m --force 2>/dev/null) || true
	rm m.sig
	(umask 077 && "$KEYGEN" -q -Y sign -f "$(id_of alice)" -n file m)
	[ "$(stat -c %a m.sig)" = 600 ]
	# Nothing but -q, and nothing is said.
	"$KEYGEN" -qYverify -fallowed -Ialice -nfile -sm.sig <m >out 2>&1
	[ ! -s out ]
}

@test "what is typed on a terminal is signed, up to the first end of it" {
	command -v tmux >/dev/null || skip 'no tmux here'
	load terminal
	# shellcheck disable=SC2016 # the inner shell's own
	terminal t 80 24 sh -c '"$@"; echo "status $?"; read -r _' sh "$KEYGEN" -Y sign -f "$(id_of alice)" -n file
	shows t 'up to \^D'
	typed t hello
	pressed t Enter C-d
	shows t '^status 0$'
	screen t | sed -n '/^-----BEGIN/,/^-----END/p' >m.sig
	echo hello >m
	allowed 'alice @'
	verify
}

@test "the default identity signs without -f" {
	"$KEYGEN" -q >key
	echo x >m
	"$KEYGEN" -q -Y sign -n file m
	printf 'alice %s\n' "$(cat key)" >allowed
	verify
	says out '^Good "file" signature for alice with ED25519 key SHA256:[A-Za-z0-9+/]{43}$'
}

@test "what ssh-keygen signs is verified, with either hash" {
	setup_ssh
	printf 'alice %s\n' "$(ssh_of carol)" >allowed
	for hash in sha512 sha256; do
		bytes 100000 m
		rm -f m.sig
		ssh-keygen -q -Y sign -f "$BATS_FILE_TMPDIR/carol" -n file -O hashalg=$hash m
		verify
		theirs
		cmp out theirs.out
	done
	# A key of a type that no identity has is not verified, and not taken for one.
	rm m.sig
	ssh-keygen -q -Y sign -f "$BATS_FILE_TMPDIR/rsa" -n file m
	refused 65 'not a signature by an Ed25519 key'
}

@test "no changed bit of message or signature verifies, here as there" {
	setup_ssh
	allowed 'alice @'
	echo 'the quick brown fox' >m
	sign_as alice m
	verify
	sed -n '2,$p' m.sig | sed '$d' | tr -d '\n' | base64 -d >blob
	size=$(stat -c %s blob)
	n=0
	for ((at = 0; at < size; at += 5)); do
		cp blob bad
		byte=$(($(od -An -tu1 -j "$at" -N 1 blob) ^ (1 << at % 8)))
		printf '%b' "\\0$(printf %o "$byte")" | dd of=bad bs=1 seek="$at" conv=notrunc 2>/dev/null
		run ! cmp -s blob bad
		{
			echo '-----BEGIN SSH SIGNATURE-----'
			base64 -w 70 bad
			echo '-----END SSH SIGNATURE-----'
		} >m.sig
		exits 65,77 verify
		[ ! -s out ]
		run ! theirs
		n=$((n + 1))
	done
	[ "$n" -gt 30 ]
	sign_as alice m
	echo 'the quick brown fix' >m
	refused 65 'not one of this message'
	: >m
	refused 65 'not one of this message'
}

@test "a signature that is cut, or that is none, or not there, is told apart" {
	allowed 'alice @'
	echo x >m
	sign_as alice m
	cp m.sig whole
	for n in 0 1 30 100 250 280; do
		head -c "$n" whole >m.sig
		refused 65 'm.sig: not a signature'
	done
	head -c 20000 /dev/zero >m.sig
	refused 65 'not a signature'
	rm m.sig
	refused 66 'm.sig: no such file'
	mkdir m.sig
	refused 66 'm.sig: is a directory'
	verify -s <(cat whole)
}

@test "a signature counts in its own namespace only" {
	allowed 'alice @'
	echo x >m
	sign_as alice m
	refused 65 'in another namespace: file' -n git
	refused 65 'in another namespace' -n fil
	refused 65 'in another namespace' -n file2
	# One that would write to a terminal is shown escaped.
	"$KEYGEN" -q -Y sign -f "$(id_of alice)" -n $'a\e[31mb' --force m
	verify -n $'a\e[31mb'
	says out '^Good "a\\x1b\[31mb" signature'
	refused 65 'namespace: a\\x1b\[31mb' -n file
}

@test "nobody signs in the namespaces that end in @vz" {
	echo x >m
	for ns in vz-bundle@vz vz-message@vz vz-receipt@vz vz-audit@vz x@vz @vz A@VZ; do
		exits 64 "$KEYGEN" -Y sign -f "$(id_of alice)" -n "$ns" m 2>sign.err
		says sign.err 'what ends in @vz'
	done
	[ ! -e m.sig ]
	# What vz itself signed there is verified.
	exits 0 "$KEYGEN" -q -Y sign -f "$(id_of alice)" -n vz@example.org m
	[ -e m.sig ]
}

@test "a signature that exists is replaced with --force only, and in one step" {
	echo x >m
	sign_as alice m
	cp m.sig before
	echo y >m
	exits 73 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file m 2>sign.err
	one_error sign.err 'm.sig: exists already'
	cmp m.sig before
	# Told before any of them is signed.
	cp m other
	exits 73 "$KEYGEN" -Y sign -f nowhere -n file other m 2>sign.err
	one_error sign.err 'm.sig: exists already'
	[ ! -e other.sig ]
	sign_as alice m
	run ! cmp -s m.sig before
	ln -s nowhere a.sig
	cp m a
	exits 73 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file a 2>sign.err
	exits 73 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file --force a 2>sign.err
	[ -L a.sig ] && [ ! -e nowhere ]
	[ -z "$(find . -name '.vz-*')" ]
}

@test "what cannot be read or written is told, and leaves no signature" {
	mkdir folder
	exits 66 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file nowhere 2>sign.err
	one_error sign.err 'nowhere: not found'
	exits 66 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file folder 2>sign.err
	one_error sign.err 'folder: '
	exits 78 "$KEYGEN" -Y sign -f nowhere -n file folder 2>sign.err
	one_error sign.err 'nowhere: not found'
	setup_ssh
	exits 78 "$KEYGEN" -Y sign -f "$BATS_FILE_TMPDIR/rsa" -n file folder 2>sign.err
	one_error sign.err 'another type'
	[ -z "$(find . -name '*.sig')" ]
	small_disk disk
	echo x >disk/m
	dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true
	exits 73 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file disk/m 2>sign.err
	[ "$(ls -A disk)" = "$(printf 'filler\nm')" ]
}

@test "an identity with a passphrase signs when it is told" {
	echo 'correct horse' >words
	"$KEYGEN" -q -f locked --passphrase-fd 9 9<words >key
	echo x >m
	exits 78 timeout "$PATIENCE" setsid -w "$KEYGEN" -Y sign -f locked -n file m 2>sign.err </dev/null
	"$KEYGEN" -q -Y sign -f locked -n file --passphrase-fd 9 m 9<words
	printf 'alice %s\n' "$(cat key)" >allowed
	verify
}

@test "each line of allowed signers means here what it means there" {
	setup_ssh
	echo x >m
	sign_as alice m
	n=0 yes=0
	while IFS='|' read -r line who at; do
		allowed "$line"
		sig=m.sig
		args=(-I "${who:-alice}" ${at:+-Overify-time="$at"})
		want=0
		theirs "${args[@]}" || want=1
		got=0
		verify "${args[@]}" || got=1
		[ "$want" -eq "$got" ] || fail "ssh-keygen ends with $want, we with $got: $line ($who $at)"
		[ "$want" -eq 1 ] || cmp out theirs.out
		yes=$((yes + 1 - want))
		n=$((n + 1))
	done <<'LINES'
alice @
alice @|bob
alice @|Alice
ALICE @
alice,bob @|bob
bob,alice @
alice,bob @|alice,bob
* @|whoever
*@example.org @|alice@example.org
*@example.org @|alice@example.com
al?ce @
al?ce @|allce
al?ce @|alce
!bob,* @|bob
!bob,* @|alice
*,!bob @|bob
!bob @|alice
alice, @
,alice @
"alice" @
"alice b" @|alice b
"alice b,carol" @|carol
alice namespaces="file" @
alice namespaces="git,file" @
alice namespaces="f*" @
alice namespaces="git" @
alice namespaces="!file,*" @
alice namespaces="*,!git" @
alice namespaces="FILE" @
alice NameSpaces="file" @
alice namespaces="" @
alice namespaces=file @
alice namespaces @
alice namespaces="file @
alice namespaces="file",namespaces="file" @
alice foo @
alice foo,namespaces="file" @
alice namespaces="file",foo @
alice namespaces="file", @
alice namespaces="file"
alice cert-authority @
alice cert-authority,namespaces="file" @
alice no-touch-required @
alice valid-after="20200101" @
alice valid-after="20990101" @
alice valid-before="20200101" @
alice valid-before="20990101" @
alice valid-before="20990101Z",valid-after="20200101Z" @
alice valid-before="20200101",valid-after="20990101" @
alice valid-after="20200101",valid-before="20200101" @
alice valid-before="209901010000" @
alice valid-before="2099010100" @
alice valid-before="20990101000000UTC" @
alice valid-before="" @
alice valid-before="0" @
alice valid-before="20991301" @
alice valid-before="20200701Z" @||20200701000000Z
alice valid-before="20200701Z" @||20200701000001Z
alice valid-after="20200701Z" @||20200701000000Z
alice valid-after="20200701Z" @||20200630235959Z
alice valid-after="20200701" @||20200701
alice valid-after="202007010000" @||20200630235959
alice valid-before="20200101",valid-before="20300101" @
 	alice 	 @
#alice @
alice
alice ssh-rsa AAAA
alice ssh-ed25519
alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA
LINES
	echo "$n lines, $yes of them good"
	[ "$n" -ge 60 ] && [ "$yes" -ge 25 ]
}

@test "the same in summer and in winter of a place that has both" {
	setup_ssh
	export TZ=America/New_York
	echo x >m
	sign_as alice m
	for day in 20260701 20260115 20260308 20261101; do
		allowed "alice valid-after=\"${day}0130\" @"
		for at in ${day}012959 ${day}0130 ${day}052959Z ${day}063000Z ${day}062959Z ${day}053000Z; do
			want=0 got=0
			theirs -Overify-time="$at" || want=1
			verify -Overify-time="$at" || got=1
			[ "$want" -eq "$got" ] || fail "they say $want, we say $got: $day at $at"
		done
	done
}

@test "where ssh-keygen guesses, a line is void" {
	echo x >m
	sign_as alice m
	for line in 'al"ice" @' 'alice valid-before="20990231" @' 'alice valid-before="2099 1 1" @'; do
		allowed "$line"
		exits 77 verify
	done
	# Said of the lines that are about the one in question, and of no others.
	allowed 'alice foo @' 'bob foo @'
	refused 77 'allowed: line 1: neither a key nor an option'
	run ! grep -q 'line 2' verify.err
	refused 77 'no line lets SHA256:.* sign as alice'
}

@test "lines that expired, began later or are for others do not keep a good one from counting" {
	setup_ssh
	echo x >m
	sign_as alice m
	allowed 'alice valid-before="20200101" @' 'alice ssh-rsa AAAA' "alice $(ssh_of bob)" 'alice nonsense @' \
		'# a comment' '' 'alice namespaces="git" @' 'al* @'
	verify
	theirs
	cmp out theirs.out
	allowed 'alice valid-before="20200101" @'
	refused 77 'line 1: the key has expired'
	allowed 'alice valid-after="20990101" @'
	refused 77 'line 1: the key is not valid yet'
	allowed 'alice namespaces="git" @'
	refused 77 'may not sign in this namespace'
	allowed 'alice cert-authority @'
	refused 77 'signs certificates'
}

@test "a key may stand as vz1... where ssh-ed25519 AAAA... may" {
	echo x >m
	sign_as alice m
	printf 'bob,alice namespaces="file" %s a comment\n' "$(key_of alice)" >allowed
	verify
	printf 'alice %s\n' "$(key_of bob)" >allowed
	refused 77 'no line lets'
	printf 'alice %s\n' "$(key_of alice | tr 'q-z' 'z-q' 2>/dev/null || echo vz1x)" >allowed
	exits 77 verify
}

@test "a revoked key is refused, and so is a list that cannot be read" {
	setup_ssh
	echo x >m
	sign_as alice m
	allowed 'alice @'
	printf '%s\n' '# lost' "$(ssh_of bob)" "$(cut -d' ' -f1,2 "$BATS_FILE_TMPDIR/rsa.pub")" >revoked
	verify -r revoked
	theirs -r revoked
	ssh_of alice >>revoked
	refused 77 'the key is revoked' -r revoked
	run ! theirs -r revoked
	key_of alice >revoked
	refused 77 'the key is revoked' -r revoked
	refused 78 'nowhere: not found' -r nowhere
	run ! theirs -r nowhere
	echo nonsense >revoked
	refused 78 'revoked: line 1' -r revoked
	ssh-keygen -q -k -f krl "$BATS_FILE_TMPDIR/carol.pub"
	refused 78 'krl: ' -r krl
	ssh_of bob >revoked
	chmod 666 revoked
	refused 78 'revoked: unsafe' -r revoked
}

@test "allowed signers that others can write to, or that are not there, allow nobody" {
	echo x >m
	sign_as alice m
	allowed 'alice @'
	chmod 664 allowed
	refused 78 'allowed: unsafe'
	says verify.err 'hint: .*neither group nor others'
	rm allowed
	refused 78 'allowed: not found'
	mkdir -m 777 open
	(allowed 'alice @')
	mv allowed open
	refused 78 'unsafe' -f open/allowed
	printf 'alice \0%s\n' "$(key_of alice)" >allowed
	refused 78 'allowed: line 1'
	{
		head -c 5000 /dev/zero | tr '\0' x
		echo
	} >allowed
	refused 78 'allowed: line 1: over the limit'
}

@test "find-principals and check-novalidate say what ssh-keygen says" {
	setup_ssh
	echo x >m
	sign_as alice m
	n=0
	while IFS= read -r lines; do
		IFS=';' read -ra each <<<"$lines"
		allowed "${each[@]}"
		for at in '' -Overify-time=20190101; do
			want=0 got=0
			ssh-keygen -Y find-principals -s m.sig -f allowed ${at:+"$at"} >want 2>/dev/null || want=77
			"$KEYGEN" -Y find-principals -s m.sig -f allowed ${at:+"$at"} >got 2>got.err || got=$?
			[ "$want" -eq "$got" ]
			cmp want got
			n=$((n + 1))
		done
	done <<LINES
alice,bob,*@x @
alice namespaces="git" @
alice foo @;carol,!dave @;eve @
alice valid-before="20200101" @
alice cert-authority @
alice $(ssh_of bob)
LINES
	[ "$n" -eq 12 ]
	ssh-keygen -Y check-novalidate -n file -s m.sig <m >want
	"$KEYGEN" -Y check-novalidate -n file -s m.sig <m >got
	cmp want got
	exits 65 "$KEYGEN" -Y check-novalidate -n git -s m.sig <m >got 2>got.err
	exits 64 "$KEYGEN" -Y check-novalidate -n file -s m.sig m >got 2>got.err
	says got.err "read the message from standard input: 'm'"
	exits 65 "$KEYGEN" -Y check-novalidate -n file -s m.sig </dev/null >got 2>got.err
	[ ! -s got ]
	ssh-keygen -Y check-novalidate -n file -s m.sig -O print-pubkey <m >want
	"$KEYGEN" -Y check-novalidate -n file -s m.sig -O print-pubkey <m >got
	cmp want got
}

# An agent that holds carol's key. Sets AGENT.
setup_agent() {
	setup_ssh
	export SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/agent
	ssh-agent -D -a "$SSH_AUTH_SOCK" >agent.out 2>agent.err </dev/null 3>&- &
	AGENT=$!
	STARTED+=("$AGENT")
	until_true ssh-add -q "$BATS_FILE_TMPDIR/carol" 2>/dev/null
	allowed "carol $(ssh_of carol)"
	echo x >m
}

@test "an agent signs for a public key, and for an identity whose key it holds" {
	setup_agent
	sign_as carol m
	cp m.sig want
	"$KEYGEN" -q --agent "$BATS_FILE_TMPDIR/carol.pub" -f held/identity >key
	for key in "$BATS_FILE_TMPDIR/carol.pub" held/identity; do
		rm m.sig
		exits 0 timeout "$PATIENCE" "$KEYGEN" -q -Y sign -f "$key" -n file m 2>sign.err
		cmp m.sig want
		verify -I carol
	done
	rm m.sig
	# A key that it does not hold, and nobody there.
	ssh_of alice >alice.pub
	exits 78 timeout "$PATIENCE" "$KEYGEN" -Y sign -f alice.pub -n file m 2>sign.err
	one_error sign.err 'does not hold'
	kill "$AGENT"
	ended 0,2,143 "$AGENT"
	for key in "$BATS_FILE_TMPDIR/carol.pub" held/identity; do
		run ! timeout "$PATIENCE" "$KEYGEN" -Y sign -f "$key" -n file m
		SSH_AUTH_SOCK='' run ! timeout "$PATIENCE" "$KEYGEN" -Y sign -f "$key" -n file m
	done
	[ ! -e m.sig ]
}

@test "what an agent signs wrongly is no signature" {
	echo x >m
	for kind in refused:'refuses to sign' cut:'ended the connection' other-data:'does not verify' \
		other-key:'does not verify' zeros:'does not verify' :; do
		started false "$FAULT/falseagent" --socket "$BATS_TEST_TMPDIR/lies" --ready-fd 9 --lie "${kind%%:*}"
		cp false.ready false.pub
		export SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/lies
		if [ "$kind" = : ]; then
			exits 0 timeout "$PATIENCE" "$KEYGEN" -q -Y sign -f false.pub -n file m 2>sign.err
			[ -e m.sig ]
		else
			exits 78 timeout "$PATIENCE" "$KEYGEN" -Y sign -f false.pub -n file m 2>sign.err
			one_error sign.err "ssh-agent: .*${kind#*:}"
			[ ! -e m.sig ]
		fi
		kill "$PID"
		rm lies
	done
}

@test "git signs and verifies commits with an identity" {
	command -v git >/dev/null || skip 'no git here'
	unset "${!GIT_@}"
	export GIT_CONFIG_GLOBAL=$PWD/gitconfig GIT_CONFIG_NOSYSTEM=1
	git config --global user.name alice
	git config --global user.email alice@example.org
	git config --global gpg.format ssh
	git config --global gpg.ssh.program "$KEYGEN"
	git config --global user.signingkey "$(id_of alice)"
	git config --global gpg.ssh.allowedSignersFile "$PWD/allowed"
	git init -q repository
	git -C repository commit -q -S --allow-empty -m 'signed'
	allowed 'alice@example.org @'
	git -C repository verify-commit -v HEAD >out 2>&1
	says out 'Good "git" signature for alice@example.org with ED25519 key SHA256'
	allowed 'alice@example.org valid-before="20200101" @'
	run ! git -C repository verify-commit HEAD
	allowed "alice@example.org $(key_of bob)"
	run ! git -C repository verify-commit HEAD
}

@test "a large file is signed in little memory" {
	! grep -q __asan_init "$KEYGEN" || skip 'a sanitizer takes memory of its own'
	truncate -s 100M large
	(
		ulimit -v 60000
		"$KEYGEN" -q -Y sign -f "$(id_of alice)" -n file large
		printf 'alice %s\n' "$(key_of alice)" >allowed
		"$KEYGEN" -q -Y verify -f allowed -I alice -n file -s large.sig <large
	)
}

@test "what -Y lacks or cannot take is wrong use" {
	: >m
	for args in 'sign' 'sign -n file -I alice' 'sign -n file -s m.sig' 'sign -n file -r m' 'sign -n file -y' \
		'sign -n file -O print-pubkey' 'sign -n file -O hashalg=sha256' 'sign -n file -O foo' 'sign -n file -C x' \
		'verify' 'verify -f a -I b -n c' 'verify -f a -I b -s c' 'verify -f a -n b -s c' 'verify -I a -n b -s c' \
		'verify -f a -I b -n c -s d extra' 'verify -f a -I b -n c -s d -Overify-time=x' \
		'verify -f a -I b -n c -s d -Overify-time=20260131 -O foo' \
		'verify -f a -I b -n c -s d -Overify-time=20260131 -O hashalg=sha256' \
		'verify -f a -I b -n c -s d -Overify-time=20260231' 'verify -f a -I b -n c -s d --force' \
		'find-principals -f a' 'find-principals -s a' 'find-principals -f a -s b -n c' \
		'check-novalidate -n a' 'check-novalidate -s a' 'check-novalidate -n a -s b -I c' \
		'check-novalidate -n a -s b -f c' 'match-principals -f a -I b' 'Sign -n file' ''; do
		# shellcheck disable=SC2086 # words
		exits 64 timeout "$PATIENCE" "$KEYGEN" -Y ${args:-''} 2>sign.err </dev/null >out
		[ "$(wc -l <sign.err)" -eq 2 ]
		[ ! -s out ]
	done
	exits 64 "$KEYGEN" -Y sign -n '' 2>sign.err
	exits 64 "$KEYGEN" -Y sign -n "$(printf '%0256d' 0)" 2>sign.err
	says sign.err '1 to 255 bytes'
	exits 64 "$KEYGEN" -Y verify -f a -n b -s c -I '' 2>sign.err
	exits 64 "$KEYGEN" -Y verify -f a -n b -s c -I "$(printf '%01025d' 0)" 2>sign.err
	exits 64 "$KEYGEN" -n file 2>sign.err
	# The longest of each.
	long=$(printf '%0255d' 0) who=$(printf '%01024d' 0)
	"$KEYGEN" -q -Y sign -f "$(id_of alice)" -n "$long" m
	printf '* %s\n' "$(key_of alice)" >allowed
	verify -n "$long" -I "$who"
}

@test "a reader that is gone, and a full disk, fail" {
	echo x >m
	sign_as alice m
	allowed 'alice @'
	exits 74 "$KEYGEN" -Y verify -f allowed -I alice -n file -s m.sig <m >/dev/full 2>verify.err
	exits 74 "$KEYGEN" -Y sign -f "$(id_of alice)" -n file <m >/dev/full 2>sign.err
	exits 66 "$KEYGEN" -Y verify -f allowed -I alice -n file -s m.sig <. 2>verify.err >out
}
