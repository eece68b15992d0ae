#!/usr/bin/env bats
# An independent client (client.js) against vz-listen: what vz-protocol(7) says is what vz does.

bats_require_minimum_version 1.5.0

setup_file() {
	export VZ_BIN="${VZ_BUILD:-$BATS_TEST_DIRNAME/../../build}/bin"
	export NODE_PATH="$BATS_FILE_TMPDIR/node_modules"
	export WHY_NOT=
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		WHY_NOT='no node or npm'
		return
	fi
	cp "$BATS_TEST_DIRNAME/package.json" "$BATS_FILE_TMPDIR"
	if ! (cd "$BATS_FILE_TMPDIR" && timeout 120 npm install --no-audit --no-fund \
		--no-package-lock --ignore-scripts >npm.log 2>&1); then
		WHY_NOT="noise-handshake cannot be installed: $(grep -m 1 'code' "$BATS_FILE_TMPDIR/npm.log")"
	fi
}

setup() {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	cd "$BATS_TEST_TMPDIR" || return
	client=$BATS_TEST_DIRNAME/client.js
	key=$(node "$client" keygen node.json)
	"$VZ_BIN/vz-keygen" -f vz/identity >/dev/null 2>&1
	head -c 1000000 /dev/urandom >in
	listener=
}

teardown() {
	[ -z "$listener" ] || kill "$listener" 2>/dev/null || :
}

# Starts vz-listen with these options and sets $address.
listen() {
	mkfifo ready
	"$VZ_BIN/vz-listen" -q -i vz/identity --state state --ready-fd 9 "$@" \
		9>ready 2>listen.err 3>&- &
	listener=$!
	read -r address <ready
}

# The listener ends by itself and well.
listener_ends() {
	wait "$listener" || { cat listen.err; return 1; }
	listener=
}

@test "a client that shares no code with vz completes the handshake and delivers a message" {
	listen --allow "$key" -o out 127.0.0.1:0
	run -0 node "$client" send --name 'näme' node.json "$address" in
	[ "$output" = 'delivered 1000000' ]
	listener_ends
	cmp in out
}

@test "it delivers over a Unix socket" {
	listen --allow "$key" -o out "$PWD/socket"
	run -0 node "$client" send node.json "$address" in
	listener_ends
	cmp in out
}

@test "it delivers an empty message" {
	: >in
	listen --allow "$key" -o out 127.0.0.1:0
	run -0 node "$client" send node.json "$address" in
	listener_ends
	cmp in out
}

@test "it delivers with AES-256-GCM, where both ends have it" {
	listen --allow "$key" -o out 127.0.0.1:0
	run node "$client" send --aes node.json "$address" in
	[[ $output != *'cannot do AES-256-GCM'* ]] || skip 'the listener has no AES-256-GCM'
	[ "$status" -eq 0 ]
	listener_ends
	cmp in out
}

@test "it delivers over the rekey after 65,536 records" {
	listen --allow "$key" -o out 127.0.0.1:0
	run -0 node "$client" send --chunk 13 node.json "$address" in
	listener_ends
	cmp in out
}

@test "it delivers with a pre-shared key, and gets no answer without" {
	(umask 077 && "$VZ_BIN/vz-keygen" --psk >psk 2>keygen.err)
	listen --allow "$key" --psk-file psk -o out 127.0.0.1:0
	run -76 timeout 5 node "$client" send --wait 1 node.json "$address" in
	[[ $output == *'no answer'* ]]
	run -0 node "$client" send --psk psk node.json "$address" in
	listener_ends
	cmp in out
}

@test "it is told, encrypted, that its key is not authorised" {
	listen --allow "$(node "$client" keygen other.json)" -o out 127.0.0.1:0
	run -0 node "$client" send --refused node.json "$address" in
	[[ $output == 77\ * ]]
	[ ! -e out ]
}
