#!/usr/bin/env bats
# vz-keygen --rotate: new keys for connections and mail under the same name; what is stolen of the
# old ones opens nothing that comes later.
load helpers

SEALER=$VZ_BUILD/tests/interop/sealer
DAY=86400

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir -m 700 "$HOME"
	STARTED=()
	MOUNTED=()
	# Rotated here, so each test has its own.
	BATS_FILE_TMPDIR=$PWD
	identities alice bob
}

# rotate WHO [OPTION...]: words go to rotate.err.
rotate() {
	timeout -k 5 "$PATIENCE" setsid -w "$KEYGEN" -f "$(id_of "$1")" "${@:2}" --rotate </dev/null \
		2>rotate.err 3>&-
}

# at DAYS COMMAND ARG...: so many days from now.
at() {
	env LD_PRELOAD="$FAULT/clock.so" CLOCK="$(($1 * DAY))" "${@:2}"
}

clock_or_skip() {
	! grep -q __asan_init "$SEND" || skip 'another clock and sanitizers do not go together'
}

line_of() {
	sed -n "s/^$2 //p" "$(id_of "$1")"
}

retired() {
	grep -c '^retired ' "$(id_of "$1")" || true
}

# sealed_for_bob FILE: standard input from alice.
sealed_for_bob() {
	timeout "$PATIENCE" "$SEALER" "$(id_of alice)" "$(id_of bob)" >"$1"
}

# open_at DAYS FILE: bob opens it then.
open_at() {
	at "$1" timeout "$PATIENCE" "$KEYGEN" -q -f "$(id_of bob)" --open "$2"
}

@test "the name stays, the keys are new, and the old one for mail is kept with its time" {
	before=$(date +%s)
	noise=$(line_of bob noise) age=$(line_of bob age) self=$(line_of bob ed25519)
	exits 0 rotate bob --log-json
	[ "$(jq -r .event <rotate.err)" = rotated ]
	[ "$(jq .serial <rotate.err)" -ge "$before" ]
	[ "$("$KEYGEN" -y -f "$(id_of bob)")" = "$(key_of bob)" ]
	[ "$(line_of bob ed25519)" = "$self" ]
	[ "$(line_of bob noise)" != "$noise" ]
	[ "$(line_of bob age)" != "$age" ]
	! grep -qF "$noise" "$(id_of bob)" || fail 'the old handshake key is still there'
	read -r when key < <(line_of bob retired)
	[ "$key" = "$age" ]
	[ "$when" -ge "$before" ] && [ "$when" -le "$(date +%s)" ]
	[ "$(stat -c %a "$(id_of bob)")" = 600 ]
	[ "$(find bob -name '.vz-*' | wc -l)" -eq 0 ]
}

@test "each serial is above the last one, also within a second and with a clock that was set back" {
	clock_or_skip
	for days in 0 0 -400 0; do
		exits 0 at "$days" "$KEYGEN" -f "$(id_of bob)" --log-json --rotate 2>>serials
	done
	jq .serial <serials | sort -n -u -c
	[ "$(jq .serial <serials | sort -n -u | wc -l)" -eq 4 ]
	[ "$(jq .serial <serials)" = "$(jq .serial <serials | sort -n)" ]
}

@test "a listener takes up its new keys while it runs, and its senders theirs" {
	mkdir dir
	listen -k -d dir --state listener
	exits 0 send --state sender "$ADDR" <<<one
	exits 0 rotate bob
	exits 0 send --state sender "$ADDR" <<<two
	exits 0 rotate alice
	exits 0 send --state sender "$ADDR" <<<three
	[ "$(cat dir/* | sort)" = $'one\nthree\ntwo' ]
}

@test "a sender that comes again after a break has its new keys" {
	local -a BREAKS_END_LISTEN=()

	mkdir dir
	listen -k -d dir --state listener
	mkfifo hold
	"$SEND" -v -i "$(id_of alice)" --state sender "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	bytes 200000 in
	cat in >&8
	until_true arrived 100000
	exits 0 rotate alice
	exits 0 send --state sender "$ADDR" <<<between
	kill -9 "$LISTENER"
	ended 137 "$LISTENER"
	AT=("${ADDR#*@}")
	listen -k -d dir --state listener 8>&-
	until_true grep -q resumed held.err
	cat in >&8
	exec 8>&-
	ended 0 "$HELD"
	says held.err 'identity read again'
	[ "$(find dir -type f ! -name '.*' | wc -l)" -eq 2 ]
}

@test "another identity in the place of ours is not taken up in the middle" {
	local -a BREAKS_END_LISTEN=()

	mkdir dir
	listen -k -d dir --state listener
	mkfifo hold
	"$SEND" -v -i "$(id_of alice)" --state sender "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	bytes 200000 in
	cat in >&8
	until_true arrived 100000
	"$KEYGEN" -q -f "$(id_of alice)" --force
	kill -9 "$LISTENER"
	ended 137 "$LISTENER"
	AT=("${ADDR#*@}")
	listen -k -d dir --state listener 8>&-
	until_true grep -q resumed held.err
	exec 8>&-
	ended 0 "$HELD"
	cmp in dir/*
}

@test "a stolen older copy is refused once the new keys were seen, on either side" {
	mkdir dir
	cp -r bob stolen
	cp -r alice robbed
	exits 0 rotate bob
	exits 0 rotate alice
	listen -k -d dir --state listener
	exits 0 send --state sender "$ADDR" <<<x
	# Who has alice's old keys does not get in any more.
	exits 77 "$SEND" -i robbed/identity --state thief "$ADDR" <<<y 2>send.err
	says send.err 'older'
	# Nor is who has bob's old ones believed.
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	cp stolen/identity bob/identity
	listen -k -d dir --state thief
	exits 77 send --state sender "$ADDR" <<<z
	says send.err 'older'
	holds 1 dir
}

@test "mail that was sealed for old keys can be opened for 30 days, and then no more" {
	clock_or_skip
	echo first | sealed_for_bob first.age
	exits 0 rotate bob
	echo second | sealed_for_bob second.age
	exits 0 at 20 "$KEYGEN" -f "$(id_of bob)" -q --rotate
	echo third | sealed_for_bob third.age
	[ "$(retired bob)" -eq 2 ]
	for n in first second third; do
		[ "$(open_at 29 "$n.age")" = "$n" ]
	done
	# Not used from then on, though nobody has erased it yet; and a clock set back makes it no older.
	exits 65 open_at 31 first.age 2>open.err
	says open.err 'sealed for another key'
	[ "$(open_at 31 second.age)" = second ]
	[ "$(open_at -400 first.age)" = first ]
	exits 0 at 31 "$KEYGEN" -f "$(id_of bob)" -q --rotate
	[ "$(retired bob)" -eq 2 ]
	exits 65 open_at 0 first.age 2>open.err
	[ "$(open_at 31 second.age)" = second ]
	[ "$(open_at 31 third.age)" = third ]
}

@test "changing the passphrase erases what is too old as well" {
	clock_or_skip
	exits 0 rotate bob
	exits 0 at 31 "$KEYGEN" -q -f "$(id_of bob)" -p --passphrase-fd 9 9< <(printf '\n')
	[ "$(retired bob)" -eq 0 ]
	[ "$("$KEYGEN" -y -f "$(id_of bob)")" = "$(key_of bob)" ]
}

@test "a passphrase is asked for once, and stays" {
	"$KEYGEN" -q -f "$(id_of bob)" -p --passphrase-fd 9 9< <(printf 'open sesame\n')
	exits 78 rotate bob
	cp bob/identity before
	exits 78 rotate bob --passphrase-fd 9 9< <(printf 'shut\n')
	cmp before bob/identity
	exits 0 rotate bob --passphrase-fd 9 9< <(printf 'open sesame\n')
	! grep -q '^retired\|^age' bob/identity || fail 'a secret is in the clear'
	"$KEYGEN" -q -f "$(id_of bob)" -p --passphrase-fd 9 9< <(printf 'open sesame\n\n')
	[ "$(retired bob)" -eq 1 ]
	[ "$("$KEYGEN" -y -f "$(id_of bob)")" = "$(key_of bob)" ]
}

@test "60 old keys are kept, and there is no 61st until one is too old" {
	clock_or_skip
	for _ in $(seq 60); do
		rotate bob -q
	done
	[ "$(retired bob)" -eq 60 ]
	cp bob/identity before
	exits 75 rotate bob
	says rotate.err '60 old mail keys are kept already'
	cmp before bob/identity
	exits 0 at 31 "$KEYGEN" -q -f "$(id_of bob)" --rotate
	[ "$(retired bob)" -eq 1 ]
}

@test "two at a time lose no key" {
	age=$(line_of bob age)
	for n in 1 2 3 4; do
		"$KEYGEN" -q -f "$(id_of bob)" --rotate 2>"$n.err" &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ "$(retired bob)" -eq 4 ]
	line_of bob retired | grep -qF "$age"
}

@test "a rotation that fails leaves the identity as it was" {
	small_disk disk
	cp bob/identity disk/id
	cp disk/id before
	dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true
	run -73 "$KEYGEN" -f disk/id --rotate
	cmp before disk/id
	[ "$(ls -A disk)" = "$(printf '%s\n' filler id)" ]
}

@test "age(1) opens old mail by an old key" {
	command -v age >/dev/null || skip 'no age here'
	echo first | sealed_for_bob first.age
	exits 0 rotate bob
	sed -n 's/^age //p; s/^retired [0-9]* //p' bob/identity >age.key
	[ "$(age -d -i age.key first.age | tar -xO body)" = first ]
}

@test "options that mean nothing with --rotate are refused" {
	for more in -y --force --ssh '-C x' --passphrase operand; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -64 "$KEYGEN" -f "$(id_of bob)" --rotate $more
		[ -z "$output" ]
	done
}
