#!/usr/bin/env bats
# vz-send --sign: what was sent can be proved to others, and what is not what was signed is not delivered.
load helpers

setup_file() {
	identities alice bob carol relay
	local name

	for name in alice bob carol; do
		echo "$name namespaces=\"vz-message@vz\" $("$KEYGEN" -y --ssh -f "$(id_of "$name")")"
	done >"$BATS_FILE_TMPDIR/signers"
}

# by_hand MANIFEST FILE [WHO]: sha512sum and ssh-keygen find in what was kept that alice sent this file.
by_hand() {
	rm -rf hand
	mkdir hand
	cp "$1" hand/manifest
	cp "$2" hand/body
	(cd hand && sha512sum --strict -c manifest >sums) || return
	[ "$(cat hand/sums)" = 'body: OK' ] || return
	ssh-keygen -Y verify -f "$BATS_FILE_TMPDIR/signers" -I "${3:-alice}" -n vz-message@vz -s "$1.sig" <"$1" >/dev/null
}

# says_line FILE NAME VALUE: a line of the manifest.
says_line() {
	grep -Fqx "# $2 $3" "$1" || fail "$1 has no '$2 $3': $(cat "$1")"
}

# hash_of FILE
hash_of() {
	sha512sum <"$1" | cut -d ' ' -f 1
}

# forge HOW: alice says that it is signed, and lies (tests/fault/forger.c).
forge() {
	timeout "$PATIENCE" "$FAULT/forger" "$ADDR" "$(id_of alice)" "$1"
}

# In which the manifest, or what it is of, is not what it should be; but the message has an end.
LIES=(garbled signature namespace signer recipient stream sequence name expires body size)
# In which the frames are not legal.
BREACHES=(none unannounced late)

@test "what --dir keeps of a signed file is read by ssh-keygen and sha512sum" {
	local id

	bytes 3000000 in
	mkdir dir
	listen -d dir
	exits 0 send --sign "$ADDR" in
	id=$(echo dir/*-in)
	id=${id%-in}
	[ "$(find dir -type f | wc -l)" -eq 3 ]
	[ "$(cat listen.out)" = "$id-in" ]
	by_hand "$id.manifest" "$id-in"
	cmp in "$id-in"
	run ! by_hand "$id.manifest" "$id-in" bob
	says_line "$id.manifest" from "$(key_of alice)"
	says_line "$id.manifest" to "$(key_of bob)"
	says_line "$id.manifest" name in
	says_line "$id.manifest" size 3000000
	says_line "$id.manifest" sequence 1
	says_line "$id.manifest" stream "$(basename "$id" .0)"
	run ! grep -q previous "$id.manifest"
	# Which a byte of the file, or of the manifest, undoes.
	cp "$id-in" changed
	printf x | dd of=changed bs=1 seek=1500000 conv=notrunc status=none
	cmp -s changed in || run ! by_hand "$id.manifest" changed
	sed 's/size 3/size 4/' "$id.manifest" >changed
	cp "$id.manifest.sig" changed.sig
	run ! by_hand changed "$id-in"
}

@test "standard input, a command's output, a name and the empty message are signed too" {
	local f

	mkdir dir
	listen -d dir
	exits 0 send --sign "$ADDR" < <(printf 'from a pipe')
	exits 0 send --sign --run "$ADDR" -- printf 'of a command'
	exits 0 send --sign --name 'näme of it' -n "$ADDR"
	[ "$(find dir -name '*.manifest' | wc -l)" -eq 3 ]
	while read -r f; do
		by_hand "${f%.0*}.0.manifest" "$f"
	done <listen.out
	[ "$(wc -l <listen.out)" -eq 3 ]
	grep -qx '# name n%C3%A4me%20of%20it' dir/*.manifest
	[ "$(grep -l '^# size 0$' dir/*.manifest | wc -l)" -eq 1 ]
}

@test "what is not signed has no manifest, and a command's failure leaves none either" {
	mkdir dir
	listen -d dir
	exits 0 send "$ADDR" < <(echo plain)
	exits 65 send --sign --run "$ADDR" -- sh -c 'echo part; exit 3'
	[ "$(find dir -type f | wc -l)" -eq 1 ]
}

@test "each manifest has the hash of the one before it in the run" {
	local i before='' id

	for i in 1 2 3 4 5 6 7 8; do
		bytes "$((i * 1000))" "in$i"
	done
	mkdir dir
	listen -d dir
	exits 66 send --sign "$ADDR" in1 in2 in3 absent in4 in5 in6 in7 in8
	id=$(echo dir/*-in1)
	id=${id%.0-in1}
	for i in 0 1 2 3 4 5 6 7; do
		by_hand "$id.$i.manifest" "$id.$i-in$((i + 1))"
		says_line "$id.$i.manifest" sequence "$((i + 1))"
		[ -z "$before" ] || says_line "$id.$i.manifest" previous "$before"
		before=$(hash_of "$id.$i.manifest")
	done
	[ "$(find dir -type f | wc -l)" -eq 24 ]
}

@test "each of several destinations has a manifest of its own, which is none of another's" {
	local bobs

	bytes 300000 in
	mkdir dir carols
	listen -d dir
	bobs=$ADDR
	started carol "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of carol)" --state "$PWD/carols-state" --ready-fd 9 \
		--allow "$(key_of alice)" -d carols 127.0.0.1:0
	exits 0 send --sign "$bobs,$READY" in
	by_hand dir/*.manifest in
	by_hand carols/*.manifest in
	says_line "$(echo dir/*.manifest)" to "$(key_of bob)"
	says_line "$(echo carols/*.manifest)" to "$(key_of carol)"
}

@test "through a relay a signed message is between the same two, and the relay is not in it" {
	local -a AT

	bytes 300000 in
	mkdir dir
	mkdir -m 700 r
	cp "$(id_of relay)" r/identity
	printf '%s\n' "register $(key_of bob)" "connect $(key_of alice)" >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --state r/state --ready-fd 9 127.0.0.1:0
	AT=("$READY")
	listen -d dir
	exits 0 send --sign "$ADDR" in
	by_hand dir/*.manifest dir/*-in
	says_line "$(echo dir/*.manifest)" to "$(key_of bob)"
	run ! grep -q "$(key_of relay)" dir/*.manifest
}

@test "a command knows that it reads what is signed, and its answer comes as to any question" {
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" \
		127.0.0.1:0 -- sh -c 'echo "${VZ_SIGNED-no}"; cat'
	ADDR=$READY
	[ "$(echo question | VZ_SIGNED=1 send -r --sign "$ADDR")" = $'1\nquestion' ]
	[ "$(echo question | VZ_SIGNED=1 send -r "$ADDR")" = $'no\nquestion' ]
	# A coprocess finds it in the flags, beside that of the reply, which it answers with here.
	cat >coproc.py <<-'PY'
		import struct, sys
		while head := sys.stdin.buffer.read(4):
		    rest = sys.stdin.buffer.read(struct.unpack('>I', head)[0])
		    number, flags = struct.unpack('>QB', rest[:9])
		    sys.stdout.buffer.write(struct.pack('>IQB', 10, number, 0) + b'%d' % flags)
		    sys.stdout.buffer.flush()
	PY
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" \
		--coproc 127.0.0.1:0 -- python3 coproc.py
	ADDR=$READY
	[ "$(echo question | send -r --sign "$ADDR")" = 3 ]
	[ "$(echo question | send -r "$ADDR")" = 1 ]
}

@test "-o, standard output, --lines and --json take what is signed, and keep no manifest" {
	bytes 300000 in
	listen -o out
	exits 0 send --sign "$ADDR" in
	ended 0 "$LISTENER"
	cmp in out
	[ "$(find . -name '*manifest*' | wc -l)" -eq 0 ]
	listen
	exits 0 send --sign "$ADDR" in
	ended 0 "$LISTENER"
	cmp in listen.out
	listen --lines
	exits 0 send --sign "$ADDR" < <(printf 'a line')
	ended 0 "$LISTENER"
	[ "$(cat listen.out)" = 'a line' ]
	listen --json
	exits 0 send --sign "$ADDR" < <(printf 'a line')
	ended 0 "$LISTENER"
	jq -e '.signed == true and .body == "a line"' listen.out
	listen --json
	exits 0 send "$ADDR" < <(printf 'a line')
	ended 0 "$LISTENER"
	jq -e 'has("signed") | not' listen.out
}

@test "a listener whose folder gets a forged message has nothing of it, and takes the next one" {
	local how

	mkdir dir
	listen -d dir
	for how in "${LIES[@]}"; do
		[[ "$(forge "$how")" == "done 65 "* ]] || fail "$how"
		until_true holds 0 dir
	done
	for how in "${BREACHES[@]}"; do
		[[ "$(forge "$how")" == "closed 65 "* ]] || fail "$how"
		until_true holds 0 dir
	done
	[ "$(forge honest)" = 'done 0 ' ]
	by_hand dir/*.manifest dir/*-name
	[ "$(find dir -type f | wc -l)" -eq 3 ]
	# Each was told, with its reason.
	[ "$(grep -c 'failed after 7 bytes' listen.err)" -eq $((${#LIES[@]} + ${#BREACHES[@]})) ]
	says listen.err "signed by another key than its sender's"
	says listen.err 'signed for another recipient'
	says listen.err 'that of another message'
	says listen.err 'not what was signed'
}

@test "-o makes no file of a forged message, and standard output ends with status 65" {
	local how

	for how in "${LIES[@]}" "${BREACHES[@]}"; do
		listen -o out
		[[ "$(forge "$how")" == *" 65 "* ]] || fail "$how"
		ended 65 "$LISTENER"
		[ ! -e out ]
	done
	[ -z "$(find . -name '.vz-*')" ]
	for how in body none; do
		listen
		[[ "$(forge "$how")" == *" 65 "* ]] || fail "$how"
		ended 65 "$LISTENER"
		listen --frames
		[[ "$(forge "$how")" == *" 65 "* ]] || fail "$how"
		ended 65 "$LISTENER"
		[ ! -s listen.out ]
	done
}

@test "a command is killed before it can take the end of a forged message for one" {
	local how

	for how in body signer none late; do
		rm -f began
		started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -k -i "$(id_of bob)" --ready-fd 9 \
			--allow "$(key_of alice)" 127.0.0.1:0 -- sh -c 'echo >began; cat >got; echo >end'
		ADDR=$READY
		[[ "$(forge "$how")" == *" 65 "* ]] || fail "$how"
		kill "$PID"
		ended 0 "$PID"
		[ ! -e end ]
		started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -k -i "$(id_of bob)" --ready-fd 9 \
			--allow "$(key_of alice)" --coproc 127.0.0.1:0 -- sh -c 'cat >asked'
		ADDR=$READY
		[[ "$(forge "$how")" == *" 65 "* ]] || fail "$how"
		kill "$PID"
		ended 0 "$PID"
		[ ! -s asked ]
	done
}

# breaking N SEED: a proxy that breaks the connection N times. Sets THROUGH.
breaking() {
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --breaks "$1" --seed "$2" --within 8000000 --dir both --end rst
	THROUGH=$READY
}

@test "a signed message goes on after breaks, from a file and from a pipe, and its proof holds" {
	local seed f

	bytes 8000000 in
	BREAKS_END_LISTEN=(--resume-window 1m)
	BREAKS_END_SEND=(--retry-for 20)
	mkdir dir
	listen -d dir
	for seed in 1 2 3; do
		breaking 6 "$seed"
		exits 0 send -v --sign "$THROUGH" in
		[ "$(grep -c 'resumed$' send.err)" -ge 1 ]
		breaking 6 "$((10 * seed))"
		exits 0 send -v --sign "$THROUGH" < <(cat in)
		[ "$(grep -c 'resumed$' send.err)" -ge 1 ]
	done
	[ "$(wc -l <listen.out)" -eq 6 ]
	while read -r f; do
		by_hand "${f%.0*}.0.manifest" "$f"
		cmp in "$f"
	done <listen.out
	[ "$(find dir -type f | wc -l)" -eq 18 ]
}

# killed_in_part: 20 of 30 MB from a pipe are sent and at least 8 durable when the listener is killed.
# SENDING goes on.
killed_in_part() {
	bytes 30000000 in
	mkdir dir
	BREAKS_END_LISTEN=(--resume-window 1m)
	AT=("$PWD/socket")
	listen -d dir 7>&-
	mkfifo slow
	"$SEND" --retry-for 30s --sign --log-json -i "$(id_of alice)" "$ADDR" <slow 2>send.err 3>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 20000000 in >&7
	until_true eval '[ "$(sqlite3 -readonly "$HOME/.local/state/vz/streams.db" \
		"SELECT coalesce(max(length), 0) FROM message WHERE file IS NOT NULL")" -ge 8000000 ]'
	kill -9 "$LISTENER"
	wait "$LISTENER" 2>/dev/null || true
	until_true grep -q '"event":"broken"' send.err
}

# and_then: the listener is started again, and the rest is sent.
and_then() {
	listen -d dir 7>&-
	tail -c +20000001 in >&7
	exec 7>&-
}

@test "a listener that is killed and started again proves what it had before, too" {
	local f

	killed_in_part
	and_then
	ended 0 "$SENDING"
	f=$(cat listen.out)
	by_hand "${f%.0*}.0.manifest" "$f"
	cmp in "$f"
	[ "$(find dir -type f | wc -l)" -eq 3 ]
}

@test "what was changed on disk while the listener was away is no delivered message" {
	killed_in_part
	printf x | dd of="$(echo dir/.vz-*)" bs=1 seek=1000000 conv=notrunc status=none
	cmp -n 1000001 in "$(echo dir/.vz-*)" && skip 'the same byte, by chance'
	and_then
	ended 65 "$SENDING"
	says listen.err 'not what was signed'
	until_true holds 0 dir
}

@test "a disk that has no room for a manifest, or fails at it, leaves nothing" {
	local rules

	faultio_or_skip
	echo body >in
	for rules in linkat:ENOSPC@1 linkat:ENOSPC@2 linkat:ENOSPC@3 write/reg:ENOSPC@2 write/reg:ENOSPC@3 fsync/reg:EIO@2 \
		fsync/reg:EIO@3 fsync/dir:EIO@1; do
		rm -rf dir
		mkdir dir
		REAL_LISTEN=$LISTEN
		started listen env LD_PRELOAD="$FAULT/faultio.so" FAULTIO="$rules" FAULTIO_COUNTS=listen.faults "$LISTEN" \
			"${BREAKS_END_LISTEN[@]}" --state "$PWD/dir.state" -i "$(id_of bob)" --ready-fd 9 \
			--allow "$(key_of alice)" -d dir 127.0.0.1:0
		exits 75 send --sign "$READY" in
		until_true holds 0 dir
		struck listen.faults
		exits 0 send --sign "$READY" in
		by_hand dir/*.manifest in
		kill "$PID"
		ended 0 "$PID"
	done
}

@test "kill -9 at random moments: no signed file is there without its manifest and signature" {
	SIGN=1 ROUNDS=8 SEED=$RANDOM timeout 200 "$VZ_TREE/tests/fault/kill-rounds" "$VZ_BUILD" >counted 2>&1 3>&- ||
		fail "$(cat counted)"
	grep -q 'missing 0, torn 0, lost 0, delivered twice 0; .*; unproved 0$' counted
}

@test "--sign is for whole messages that are sent" {
	local option

	for option in --lines --null --frames --check; do
		exits 64 send --sign "$option" "$(key_of bob)@127.0.0.1:1" </dev/null
		says send.err '^vz-send: --sign'
	done
}

# with_manifest: what a command does that keeps both.
with_manifest() {
	cat >keep.sh <<-'SH'
		cat >body
		cat <&3 >proof
		sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' proof >manifest
		sed -n '/^-----BEGIN SSH SIGNATURE-----$/,$p' proof >manifest.sig
		echo "$VZ_SIGNED $VZ_MANIFEST_FD"
	SH
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" \
		127.0.0.1:0 -- sh keep.sh || return
	LISTENER=$PID
	ADDR=$READY
}

@test "a command is given manifest and signature of a signed message, for ssh-keygen and sha512sum" {
	with_manifest
	bytes 300000 in
	[ "$(send -r --sign "$ADDR" in)" = '1 3' ]
	by_hand manifest body
	cmp in body
	says_line manifest name in
	[ "$(send -r --sign -n "$ADDR")" = '1 3' ]
	by_hand manifest body
	[ ! -s body ]
	exits 0 send --sign "$ADDR" in
	by_hand manifest body
}

@test "a command has the manifest too that came while it waited to be run" {
	mkfifo go
	cat >keep.sh <<-'SH'
		n=$(cat)
		[ "$n" -gt 0 ] || read -r _ <go
		cat <&3 >"proof.$n"
	SH
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" --max-handlers 1 127.0.0.1:0 -- sh keep.sh
	for n in 0 1 2; do
		echo "$n" >"in.$n"
	done
	"$SEND" -i "$(id_of alice)" --sign "$READY" in.0 in.1 in.2 2>send.err 3>&- &
	STARTED+=($!)
	echo >go
	ended 0 $!
	for n in 0 1 2; do
		grep -qx "# name in.$n" "proof.$n"
		grep -qx -e '-----END SSH SIGNATURE-----' "proof.$n"
	done
}

@test "a command whose message is not signed, or does not read it, has no manifest and no harm" {
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" 127.0.0.1:0 -- \
		sh -c 'cat >/dev/null; echo "${VZ_MANIFEST_FD-none}"; ls /proc/self/fd | tr "\n" " "'
	[ "$(send -r "$READY" <<<x)" = $'none\n0 1 2 3 ' ]
	[ "$(send -r --sign "$READY" <<<x)" = $'3\n0 1 2 3 4 ' ]
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" 127.0.0.1:0 -- \
		sh -c 'exec 3<&-; cat'
	[ "$(send -r --sign "$READY" <<<x)" = x ]
}
