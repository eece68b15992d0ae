#!/usr/bin/env bats
# The examples of vz-protocol(7) are what vz makes.

bats_require_minimum_version 1.5.0

setup() {
	tree=$BATS_TEST_DIRNAME/../..
	vz_bin=${VZ_BUILD:-$tree/build}/bin
	page=$tree/man/vz-protocol.7
	mkdir -m 700 "$BATS_TEST_TMPDIR/vz"
	install -m 600 "$tree/tests/fuzz/corpus/identity/clear" "$BATS_TEST_TMPDIR/vz/identity"
}

# The hexadecimal of the page, without its blanks and line ends.
page_hex() {
	tr -d ' \n' <"$page"
}

@test "the page's identity is the one with its secret" {
	run -0 "$vz_bin/vz-keygen" -y -f "$BATS_TEST_TMPDIR/vz/identity"
	grep -qx "$output" "$page"
}

@test "the page's bundle is that identity's" {
	bundle=$(sed -n 's/^bundle //p' "$BATS_TEST_TMPDIR/vz/identity" | base64 -d |
		od -An -v -tx1 | tr -d ' \n')
	[ ${#bundle} -eq 354 ]
	page_hex | grep -q "$bundle"
}

@test "the page's first record is a record" {
	frames=$(od -An -v -tx1 "$tree/tests/fuzz/corpus/frame/page" | tr -d ' \n')
	[ ${#frames} -gt 100 ]
	page_hex | grep -q "$frames"
}
