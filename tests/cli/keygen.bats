#!/usr/bin/env bats
# vz-keygen: an identity is made once, kept from others, and never shown.
load helpers

# keygen ARG...: without a terminal, so that nobody is ever asked there.
keygen() {
	timeout -k 5 "$PATIENCE" setsid -w "$KEYGEN" "$@" </dev/null 3>&-
}

# with_passphrases LINES ARG...: they come from descriptor 9.
with_passphrases() {
	local lines=$1

	shift
	keygen --passphrase-fd 9 "$@" 9< <(printf '%s' "$lines")
}

mode() {
	stat -c %a "$1"
}

# usage ARG...: exactly two lines on stderr, nothing on stdout.
usage() {
	run --separate-stderr -64 keygen "$@"
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == 'vz-keygen: '* ]]
	[ "${stderr_lines[1]}" = "try 'vz-keygen --help'" ]
}

@test "an identity is made at its default place, and its key is all that stdout gets" {
	run --separate-stderr -0 keygen
	[[ $output =~ ^vz1[02-9ac-hj-np-z]{58}$ ]]
	[ "$stderr" = "vz-keygen: identity saved in $HOME/.config/vz/identity" ]
	key=$output
	run --separate-stderr -0 keygen -y
	[ "$output" = "$key" ]
	[ -z "$stderr" ]
}

@test "the identity is where -f, VZ_IDENTITY or XDG_CONFIG_HOME say" {
	VZ_IDENTITY=$PWD/env run -0 keygen -q
	[ -f env ]
	VZ_IDENTITY=$PWD/env run -0 keygen -q -f option
	[ -f option ]
	XDG_CONFIG_HOME=$PWD/config run -0 keygen -q
	[ -f config/vz/identity ]
	[ ! -e "$HOME/.config" ]
	run -0 keygen -y -f option
	run -0 keygen -y -i option
	run -0 keygen -y --identity=option
	VZ_IDENTITY='' HOME='' run --separate-stderr -78 keygen
	[[ $stderr == *'HOME is not set'* ]]
}

@test "the file is 0600 and a folder made for it 0700, whatever the umask" {
	for mask in 000 022 077 277 777; do
		(umask "$mask" && keygen -q -f "under$mask/vz/identity")
		[ "$(mode "under$mask/vz/identity")" = 600 ]
		[ "$(mode "under$mask/vz")" = 700 ]
		[ "$(mode "under$mask")" = 700 ]
		[ "$(find "under$mask" -type f | wc -l)" -eq 1 ]
	done
}

@test "an existing file is refused, and left as it is" {
	keygen -q -f id
	cp id before
	run --separate-stderr -73 keygen -f id
	[ -z "$output" ]
	[[ $stderr == *'id: exists already'*'hint: -f FILE makes another one; --force'* ]]
	cmp id before
	run -73 keygen --psk -f id
	cmp id before
}

@test "--force puts a whole new identity in its place" {
	old=$(keygen -q -f id -C old)
	run --separate-stderr -0 keygen -q -f id --force
	[ "$output" != "$old" ]
	[ "$(keygen -y -f id)" = "$output" ]
	[ "$(mode id)" = 600 ]
	[ "$(find . -name '.vz-*' | wc -l)" -eq 0 ]
}

@test "a failed --force keeps the old identity and leaves no half file" {
	small_disk disk
	keygen -q -f disk/id >old
	dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true
	run -73 keygen -q -f disk/id --force
	[ "$(keygen -y -f disk/id)" = "$(cat old)" ]
	[ "$(ls -A disk)" = "$(printf '%s\n' filler id)" ]
}

@test "a file in a folder that cannot be made is status 73" {
	: >file
	run --separate-stderr -73 keygen -f file/id
	[[ $stderr == 'vz-keygen: file/id: '* ]]
}

@test "an identity that the group or others can read is refused" {
	keygen -q -f id
	for bits in 640 604 620 602 644; do
		chmod "$bits" id
		run --separate-stderr -78 keygen -y -f id
		[ -z "$output" ]
		[[ $stderr == *'unsafe owner, permissions'*hint:* ]]
		run -78 keygen -l -f id
		run -78 keygen -p -f id
	done
	chmod 400 id
	run -0 keygen -y -f id
}

@test "a symbolic link, a folder, a FIFO and a device are no identities" {
	keygen -q -f id
	ln -s id link
	mkfifo fifo
	mkdir -m 700 folder
	for not in link fifo folder /dev/null /dev/zero; do
		run -78 keygen -y -f "$not"
	done
}

@test "a planted link is neither followed nor replaced" {
	echo precious >target
	ln -s target link
	ln -s nowhere dangling
	run -73 keygen -f link
	run -73 keygen -f link --force
	run -73 keygen -f dangling
	run -73 keygen --psk -f dangling --force
	[ "$(cat target)" = precious ]
	[ ! -e nowhere ]
	[ -L link ]
}

@test "a missing, empty, cut, damaged or foreign file is status 78" {
	keygen -q -f id
	run --separate-stderr -78 keygen -y -f none
	[[ $stderr == *'none: not found'* ]]
	(umask 077 && : >empty && head -c 100 id >short && sed 's/bundle A/bundle B/' id >damaged)
	(umask 077 && head -c 100000 /dev/urandom >noise)
	for file in empty short damaged noise; do
		run -78 keygen -y -f "$file"
		run -78 keygen -p -f "$file"
	done
}

@test "--ssh and -l agree with ssh-keygen" {
	command -v ssh-keygen >/dev/null || skip 'no ssh-keygen here'
	keygen -q -f id -C 'the backup host'
	keygen -y --ssh -f id >id.pub
	grep -Eq '^ssh-ed25519 AAAA[A-Za-z0-9+/]+ the backup host$' id.pub
	ssh-keygen -l -f id.pub >want
	keygen -l -f id >got
	cmp want got
	keygen -q -f plain
	keygen -y --ssh -f plain >plain.pub
	ssh-keygen -l -f plain.pub >want
	keygen -l -f plain >got
	cmp want got
}

@test "-l -v draws the random art that ssh-keygen draws, of one key as of many" {
	command -v ssh-keygen >/dev/null || skip 'no ssh-keygen here'
	for i in {1..60}; do
		"$KEYGEN" -q -f "id$i" -C "key $i"
		"$KEYGEN" -y --ssh -f "id$i" >>keys
		"$KEYGEN" -lv -f "id$i" >>got
	done >/dev/null
	ssh-keygen -lv -f keys >want
	[ "$(wc -l <want)" -eq 720 ]
	cmp want got
	"$KEYGEN" -l -f id1 -v | cmp - <(head -n 12 got)
	[ "$("$KEYGEN" -l -f id1 | wc -l)" -eq 1 ]
}

@test "a passphrase locks the secrets, and the key can be shown without it" {
	with_passphrases $'correct horse\n' -q -f id -C comment >key
	[ "$(mode id)" = 600 ]
	run -0 grep -c '^encrypted argon2id ' id
	run -1 grep -Eq '^(ed25519|noise|age) ' id
	[ "$(keygen -y -f id)" = "$(cat key)" ]
	keygen -l -f id | grep -q ' comment (ED25519)$'
}

@test "a wrong passphrase, or nobody to ask, is status 78 and changes nothing" {
	with_passphrases $'correct horse\n' -q -f id
	cp id before
	run --separate-stderr -78 with_passphrases $'wrong\nnew\n' -p -f id
	[[ $stderr == *'id: passphrase missing or wrong'*hint:* ]]
	run -78 with_passphrases '' -p -f id
	run -78 keygen -p -f id
	run -78 with_passphrases $'correct horse\n' -p -f id
	run -78 env VZ_ASKPASS=/nonexistent setsid -w "$KEYGEN" -p -f id
	run -78 env VZ_ASKPASS=false setsid -w "$KEYGEN" -p -f id
	cmp id before
}

@test "-p changes, removes and adds a passphrase, and the key stays" {
	with_passphrases $'one\n' -q -f id >key
	with_passphrases $'one\ntwo\n' -p -q -f id
	run -78 with_passphrases $'one\nx\n' -p -q -f id
	with_passphrases $'two\n\n' -p -q -f id
	grep -q '^ed25519 ' id
	with_passphrases $'three' -p -q -f id
	run -1 grep -q '^ed25519 ' id
	[ "$(keygen -y -f id)" = "$(cat key)" ]
	[ "$(mode id)" = 600 ]
}

@test "an empty, a missing and an overlong passphrase make no identity" {
	run -78 with_passphrases $'\n' -f id
	run -78 with_passphrases '' -f id
	run -78 with_passphrases "$(head -c 1025 /dev/zero | tr '\0' x)" -f id
	run -78 keygen --passphrase -f id
	run -71 keygen --passphrase-fd 77 -f id
	[ ! -e id ]
	with_passphrases "$(head -c 1024 /dev/zero | tr '\0' x)" -q -f id
}

@test "VZ_ASKPASS is run without a shell, asked twice, and its answers must agree" {
	cat >ask <<'ASK'
#!/bin/sh
echo "$#:$1" >>asked
echo "pass;word $(wc -l <differ 2>/dev/null)"
echo 'a second line is nobody'"'"'s'
ASK
	chmod 700 ask
	VZ_ASKPASS=$PWD/ask keygen -q --passphrase -f 'the id'
	[ "$(cat asked)" = "$(printf '%s\n' '1:new passphrase for the id: ' '1:once more, new passphrase for the id: ')" ]
	echo >differ
	sed -i 's/^echo "pass.*/echo "$(wc -l <asked)"/' ask
	VZ_ASKPASS=$PWD/ask run --separate-stderr -78 keygen --passphrase -f other
	[ "$stderr" = 'vz-keygen: the two passphrases differ' ]
	[ ! -e other ]
}

@test "a file that comes while the passphrase is asked is not replaced" {
	printf '%s\n' '#!/bin/sh' 'echo mine >id' 'echo password' >ask
	chmod 700 ask
	VZ_ASKPASS=$PWD/ask run -73 keygen --passphrase -f id
	[ "$(cat id)" = mine ]
}

@test "on a terminal the passphrase is asked twice and never echoed" {
	command -v script >/dev/null || skip 'no script(1) here'
	mkfifo keyboard
	timeout -k 5 "$PATIENCE" script -qec "'$KEYGEN' --passphrase -f id" typescript \
		<keyboard >screen 2>&1 3>&- &
	STARTED+=("$!")
	typist=$!
	exec 7>keyboard
	until_true grep -q 'new passphrase for id: ' screen
	echo 'open sesame' >&7
	until_true grep -q 'once more' screen
	echo 'open sesame' >&7
	ended 0 "$typist"
	exec 7>&-
	run -1 grep -q sesame screen
	with_passphrases $'open sesame\n\n' -p -q -f id
}

@test "no secret is in an argument, an environment or a message" {
	cat >ask <<'ASK'
#!/bin/sh
tr '\0' '\n' <"/proc/$PPID/cmdline" >>seen
tr '\0' '\n' <"/proc/$PPID/environ" >>seen
env >>seen
echo 'pass word'
ASK
	chmod 700 ask
	keygen -v -v -f id >>seen 2>&1
	sed -n 's/^\(ed25519\|noise\|age\) //p' id >secrets
	[ "$(wc -l <secrets)" -eq 3 ]
	echo 'pass word' >>secrets
	export VZ_ASKPASS=$PWD/ask
	{
		keygen -vv -p -f id
		keygen -vv --log-json -p -f id
		keygen -vv -y -f id
	} >>seen 2>&1
	grep -q "VZ_ASKPASS" seen
	run -1 grep -Ff secrets seen
}

@test "--psk makes one line, to stdout or a 0600 file, another each time" {
	run --separate-stderr -0 keygen --psk
	[[ $output =~ ^vzpsk1[02-9ac-hj-np-z]{58}$ ]]
	[ -z "$stderr" ]
	(umask 0 && keygen --psk -f psk) 2>said
	[ "$(mode psk)" = 600 ]
	grep -Exq 'vzpsk1[02-9ac-hj-np-z]{58}' psk
	[ "$(wc -l <psk)" -eq 1 ]
	[ "$(cat psk)" != "$output" ]
	[ "$(cat said)" = 'vz-keygen: pre-shared key saved in psk' ]
	keygen -q --psk --force -f psk
	VZ_IDENTITY=$PWD/never keygen --psk >/dev/null
	[ ! -e never ]
}

@test "a full or closed stdout is status 74" {
	[ -c /dev/full ] || skip 'no /dev/full here'
	keygen -q -f id
	for arguments in '-y -f id' '-y --ssh -f id' '-l -f id' '--psk' '--help' '--version' '-q -f new'; do
		run -74 sh -c '"$0" $1 >/dev/full' "$KEYGEN" "$arguments"
	done
	run -74 sh -c '"$0" -y -f id >&-' "$KEYGEN"
	# The key was made before there was nobody to tell.
	keygen -y -f new
}

@test "closed standard descriptors are never taken for files" {
	run -0 sh -c '"$0" -q -f id >out <&- 2>&-' "$KEYGEN"
	head -n 1 id | grep -qx vz-identity-1
	grep -q '^vz1' out
	sh -c '"$0" -f other >&- 2>&- <&-' "$KEYGEN" || true
	[ "$(keygen -y -f other | wc -l)" -eq 1 ]
}

@test "events are one JSON object a line" {
	run --separate-stderr -0 keygen --log-json -f $'i\td"'
	[[ $stderr =~ ^\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z\",\"program\":\"vz-keygen\",\"event\":\"saved\",\"what\":\"identity\",\"path\":\"i\\(t|u0009)d\\\"\"\}$ ]]
	run --separate-stderr -73 keygen --log-json -f $'i\td"'
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == *'"event":"error"'* ]]
	[[ ${stderr_lines[1]} == *'"event":"hint"'* ]]
}

@test "a file's name and comment are shown escaped" {
	run --separate-stderr -0 keygen -f $'id\e[31m\n'
	[[ $stderr == 'vz-keygen: identity saved in id\x1b[31m\x0a' ]]
	usage -C $'a\nb'
	usage -C $'\e[31m'
	usage -C $'\xff'
	usage -C ''
	usage -C "$(head -c 256 /dev/zero | tr '\0' a)"
	run --separate-stderr -64 keygen $'\e[31m'
	[[ $stderr != *$'\e'* ]]
}

@test "modes exclude each other, and options that mean nothing are refused" {
	usage -y -l
	usage -l -p
	usage --psk -y
	usage --ssh
	usage --ssh -l
	usage -y --force
	usage -p --force
	usage -y -C x
	usage --psk -C x
	usage -p --passphrase
	usage --psk --passphrase-fd 9
	usage -y --passphrase-fd 9
	usage --passphrase-fd x
	usage --passphrase-fd -1
	usage --unknown
	usage -Z
	usage -f
	usage -f ''
	usage --ssh=yes -y
	usage -y operand
	usage operand -y
	usage -- -y
	[ ! -e "$HOME/.config" ]
}

@test "help fits a screen, goes to stdout and names each option" {
	run --separate-stderr -0 keygen --help
	[ -z "$stderr" ]
	[ "${#lines[@]}" -le 24 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ]
	done
	for option in -f -C --passphrase --passphrase-fd --force -y --ssh -l -p --psk -v -q --log-json -h -V; do
		[[ $output == *"$option"* ]]
	done
	help=$output
	run --separate-stderr -0 keygen -h
	[ "$output" = "$help" ]
	run --separate-stderr -0 keygen -V
	[[ $output =~ ^vz-keygen\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "-q says errors only" {
	run --separate-stderr -0 keygen -q -f id
	[ -z "$stderr" ]
	run --separate-stderr -73 keygen -q -f id
	[ "${#stderr_lines[@]}" -eq 1 ]
}
