#!/usr/bin/env bats
# vz-keygen --open: a sealed message is printed when all of it verifies, and otherwise nothing.
load helpers

SEALER=$VZ_BUILD/tests/interop/sealer

setup_file() {
	identities alice bob carol
}

# sealed [NAME [EXPIRES]]: standard input from alice for bob, in m.age.
sealed() {
	timeout "$PATIENCE" "$SEALER" "$(id_of alice)" "$(id_of bob)" "$@" >m.age
}

# open_by WHO FILE [OPTION...]: what he sees is in out and open.err.
open_by() {
	local who=$1 file=$2

	shift 2
	timeout -k 5 "$PATIENCE" setsid -w "$KEYGEN" -f "$(id_of "$who")" "$@" --open "$file" \
		</dev/null >out 2>open.err 3>&-
}

# refused STATUS WHO FILE WORDS: nothing is printed, and one line says why.
refused() {
	exits "$1" open_by "$2" "$3" || return
	[ ! -s out ] || fail 'something was printed' || return
	one_error open.err "$4"
}

@test "a sealed message is printed byte for byte, and its sender is named" {
	for size in 0 1 65536 1000000; do
		head -c "$size" /dev/urandom >body
		sealed <body
		exits 0 open_by bob m.age
		cmp body out
		[ "$(cat open.err)" = "vz-keygen: message 1 of $(key_of alice), $size bytes" ]
	done
}

@test "its name is shown escaped, and the event has all of it" {
	echo x | sealed $'a\xe2\x80\xae b"\\'
	exits 0 open_by bob m.age
	! grep -q $'\xe2\x80\xae' open.err || fail 'a mark that turns the text round is shown'
	exits 0 open_by bob m.age --log-json
	[ "$(jq -r .event <open.err)" = opened ]
	[ "$(jq -r .key <open.err)" = "$(key_of alice)" ]
	[ "$(jq -r .name <open.err)" = $'a\xe2\x80\xae b"\\' ]
	[ "$(jq .sequence <open.err) $(jq .bytes <open.err)" = '1 2' ]
}

@test "a message cut short or changed at any place prints nothing" {
	head -c 70000 /dev/urandom | sealed
	size=$(stat -c %s m.age)
	for at in 0 100 167 183 184 65736 65737 $((size - 17)) $((size - 1)); do
		head -c "$at" m.age >cut.age
		refused 65 bob cut.age 'cut'
		cp m.age flipped.age
		printf '%b' "\\x$(printf %02x $((0x$(od -An -tx1 -j "$at" -N 1 m.age | tr -d ' ') ^ 1)))" |
			dd of=flipped.age bs=1 seek="$at" conv=notrunc status=none
		refused 65 bob flipped.age 'damaged|sealed for another key|no sealed message'
	done
	{ cat m.age; echo; } >longer.age
	refused 65 bob longer.age 'damaged'
}

@test "nobody but the recipient opens it" {
	echo secret | sealed
	refused 65 carol m.age 'sealed for another key'
	refused 65 alice m.age 'sealed for another key'
}

@test "what is no sealed message is refused" {
	echo hello >text
	: >nothing
	head -c 2000000 /dev/zero >zeros
	refused 65 bob text 'cut short|not an age file'
	refused 65 bob nothing 'cut short'
	refused 65 bob zeros 'not an age file'
	refused 66 bob missing 'not found'
	refused 66 bob . 'unsafe|folder|directory'
	truncate -s 20M big
	refused 65 bob big 'over the limit'
}

@test "an expired message is refused by our clock" {
	echo late | sealed late "$(($(date +%s) - 1))"
	refused 77 bob m.age 'expired'
	echo early | sealed early "$(($(date +%s) + 3600))"
	exits 0 open_by bob m.age
	[ "$(cat out)" = early ]
}

@test "a revoked sender is not listened to, nor anybody while the list is bad" {
	cp -r "$(dirname "$(id_of bob)")" bob
	echo x | sealed
	key_of alice >bob/revoked
	run --separate-stderr -77 "$KEYGEN" -f bob/identity --open m.age
	[ -z "$output" ]
	[[ $stderr == *'revoked'* ]]
	echo rubbish >bob/revoked
	run --separate-stderr -78 "$KEYGEN" -f bob/identity --open m.age
	[ -z "$output" ]
	[[ $stderr == *'revoked: line 1: not a key'* ]]
	key_of carol >bob/revoked
	run --separate-stderr -0 "$KEYGEN" -f bob/identity --open m.age
	[ "$output" = x ]
}

@test "an encrypted identity opens it with its passphrase" {
	"$KEYGEN" -q -f locked --passphrase-fd 9 9< <(echo secret) >/dev/null
	echo x | "$SEALER" "$(id_of alice)" locked >m.age
	run --separate-stderr -78 setsid -w "$KEYGEN" -f locked --open m.age </dev/null
	[ -z "$output" ]
	run --separate-stderr -0 "$KEYGEN" -f locked --passphrase-fd 9 --open m.age 9< <(echo secret)
	[ "$output" = x ]
}

@test "a full disk is status 74" {
	[ -c /dev/full ] || skip 'no /dev/full here'
	echo x | sealed
	run -74 sh -c '"$0" -f "$1" --open m.age >/dev/full' "$KEYGEN" "$(id_of bob)"
}

@test "on a terminal the body is shown escaped" {
	command -v script >/dev/null || skip 'no script(1) here'
	printf 'a\tb\e[31mc\xff\n\xc3' | sealed
	timeout "$PATIENCE" script -qec "'$KEYGEN' -q -f '$(id_of bob)' --open m.age" typescript </dev/null >shown
	grep -qF 'b\x1b[31mc\xff' shown
	grep -qF '\xc3' shown
	! grep -q $'\e' shown || fail 'an escape reached the terminal'
}

@test "options that mean nothing with --open are refused" {
	for more in -y --force --ssh '-C x' operand; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -64 "$KEYGEN" --open m.age $more
		[ -z "$output" ]
	done
}
