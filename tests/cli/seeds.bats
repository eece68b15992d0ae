#!/usr/bin/env bats
# Connections that break where a seed says (tests/fault/seeds): what was sent is whole, once.
load helpers

# FAULT_SEEDS: how many.
@test "messages and questions through breaks of many seeds are whole, once, with status 0" {
	local seeds=${FAULT_SEEDS:-20}

	! grep -qa __asan_init "$SEND" || seeds=5
	SEEDS=$seeds timeout $((60 + 6 * seeds)) "$VZ_TREE/tests/fault/seeds" "$VZ_BUILD" >counted 2>&1 3>&- ||
		fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q "; $seeds commands ran, 0 failed\$" counted
}
