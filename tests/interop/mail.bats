#!/usr/bin/env bats
# Sealed messages by hand: what vz seals, age, tar, sha512sum and ssh-keygen open; what they make, vz
# opens. They share no code with vz.
bats_require_minimum_version 1.5.0

setup_file() {
	local program

	export WHY_NOT=
	for program in age age-keygen tar sha512sum ssh-keygen; do
		command -v "$program" >/dev/null || WHY_NOT="no $program here"
	done
	export VZ_BUILD="${VZ_BUILD:-$BATS_TEST_DIRNAME/../../build}"
	export KEYGEN="$VZ_BUILD/bin/vz-keygen" SEALER="$VZ_BUILD/tests/interop/sealer"
	export ALICE="$BATS_FILE_TMPDIR/alice/identity" BOB="$BATS_FILE_TMPDIR/bob/identity"
	"$KEYGEN" -q -f "$ALICE" >"$BATS_FILE_TMPDIR/alice.key" &&
		"$KEYGEN" -q -f "$BOB" >"$BATS_FILE_TMPDIR/bob.key"
}

setup() {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	cd "$BATS_TEST_TMPDIR" || return
	sed -n 's/^age //p' "$BOB" >age.key
}

# unpack FILE: decrypts and unpacks it here; tar has nothing to say.
unpack() {
	age -d -i age.key "$1" >archive.tar || return
	tar -xvf archive.tar >listed 2>said || return
	[ ! -s said ] && [ "$(tr '\n' ' ' <listed)" = 'body manifest manifest.sig ' ]
}

# pack FILE: as vz-protocol(7) says, from body, manifest and manifest.sig here.
pack() {
	tar --format=ustar --owner=:0 --group=:0 --numeric-owner --mtime=@0 --mode=644 -b1 \
		-c body manifest manifest.sig | age -r "$(age-keygen -y age.key)" >"$1"
}

# signed_by FILE: the manifest here is signed by the OpenSSH key in FILE.
signed_by() {
	echo "sender $(cat "$1")" >allowed_signers
	ssh-keygen -Y verify -f allowed_signers -I sender -n vz-message@vz -s manifest.sig <manifest
}

@test "what vz seals is opened by age, tar, sha512sum and ssh-keygen" {
	for size in 0 1 65024 65536 3000000; do
		head -c "$size" /dev/urandom >original
		"$SEALER" "$ALICE" "$BOB" 'a name' "$(($(date +%s) + 60))" <original >m.age
		unpack m.age
		cmp body original
		sha512sum --strict -c manifest
		"$KEYGEN" -f "$ALICE" -y --ssh >alice.pub
		signed_by alice.pub
		grep -qx "# from $(cat "$BATS_FILE_TMPDIR/alice.key")" manifest
		grep -qx "# to $(cat "$BATS_FILE_TMPDIR/bob.key")" manifest
		grep -qx '# name a%20name' manifest
	done
}

@test "packed again by hand it is the same archive, and vz opens it" {
	echo hello | "$SEALER" "$ALICE" "$BOB" >m.age
	unpack m.age
	mv archive.tar first.tar
	pack again.age
	age -d -i age.key again.age | cmp - first.tar
	run --separate-stderr -0 "$KEYGEN" -f "$BOB" --open again.age
	[ "$output" = hello ]
}

@test "what an OpenSSH key, tar and age make by hand is opened by vz" {
	ssh-keygen -q -t ed25519 -N '' -C '' -f carol
	echo 'written by hand' >body
	{
		echo '# vz-message-1'
		echo "# from $("$SEALER" -k "$(cut -d' ' -f1,2 carol.pub)")"
		echo "# to $(cat "$BATS_FILE_TMPDIR/bob.key")"
		echo '# stream 000102030405060708090a0b0c0d0e0f'
		echo '# sequence 12'
		echo '# name by-hand'
		echo '# expires 2999-12-31T23:59:59Z'
		echo "# size $(stat -c %s body)"
		sha512sum body
	} >manifest
	ssh-keygen -q -Y sign -f carol -n vz-message@vz manifest
	pack m.age
	run --separate-stderr -0 "$KEYGEN" -f "$BOB" --open m.age
	[ "$output" = 'written by hand' ]
	[[ $stderr == *"message 12 of $("$SEALER" -k "$(cut -d' ' -f1,2 carol.pub)"), named by-hand, 16 bytes" ]]
	# The same for another purpose, and with another body.
	rm manifest.sig
	ssh-keygen -q -Y sign -f carol -n file manifest
	pack m.age
	run --separate-stderr -65 "$KEYGEN" -f "$BOB" --open m.age
	[ -z "$output" ]
	[[ $stderr == *'made for another purpose' ]]
	rm manifest.sig
	ssh-keygen -q -Y sign -f carol -n vz-message@vz manifest
	echo 'written by HAND' >body
	pack m.age
	run --separate-stderr -65 "$KEYGEN" -f "$BOB" --open m.age
	[ -z "$output" ]
	[[ $stderr == *'not the one that was signed' ]]
}

@test "an archive as tar makes it without being told is refused" {
	echo hello | "$SEALER" "$ALICE" "$BOB" >m.age
	unpack m.age
	tar -c body manifest manifest.sig | age -r "$(age-keygen -y age.key)" >loose.age
	run --separate-stderr -65 "$KEYGEN" -f "$BOB" --open loose.age
	[ -z "$output" ]
	[[ $stderr == *'other contents' ]]
}

@test "a file for several recipients, with stanzas that vz does not know, is opened" {
	ssh-keygen -q -t ed25519 -N '' -f other
	age-keygen -o other.age 2>/dev/null
	echo hello | "$SEALER" "$ALICE" "$BOB" >m.age
	age -d -i age.key m.age |
		age -r "$(age-keygen -y other.age)" -R other.pub -r "$(age-keygen -y age.key)" >many.age
	run --separate-stderr -0 "$KEYGEN" -f "$BOB" --open many.age
	[ "$output" = hello ]
}
