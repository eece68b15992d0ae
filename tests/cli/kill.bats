#!/usr/bin/env bats
# Senders and listeners that are killed at random moments (tests/fault/kill-rounds).
load helpers

@test "kill -9 at random moments: what was acknowledged is there, whole, once, and no file is torn" {
	local rounds=${KILL_ROUNDS:-50}

	! grep -q __asan_init "$SEND" || rounds=10
	# Each run has other moments.
	ROUNDS=$rounds SEED=${KILL_SEED:-$RANDOM} timeout 300 "$VZ_TREE/tests/fault/kill-rounds" "$VZ_BUILD" \
		>counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q 'acknowledged but missing 0, torn 0, lost 0, delivered twice 0' counted
	# Most kills strike before all is acknowledged, or they prove little.
	awk -v most="$rounds" '/^killed within/ { exit $5 + $10 < most / 4 }' counted
}

@test "killer says what it did, does the same by the same seed, and goes on when told to" {
	exits 3 timeout 20 "$FAULT/killer" --rounds 3 --within 30 --seed 5 --ready-fd 9 --go-on -- \
		sh -c 'echo run >>runs; exec 9>&-; [ "$(wc -l <runs)" -lt 4 ] || exit 3; exec sleep 60' \
		2>first 9>/dev/null
	[ "$(wc -l <runs)" -eq 4 ]
	[ "$(grep -c 'killed after' first)" -eq 3 ]
	exits 137 timeout 20 "$FAULT/killer" --rounds 3 --within 30 --seed 5 -- sleep 60 2>second
	cmp first second
	exits 7 timeout 20 "$FAULT/killer" --within 10000 -- sh -c 'exit 7' 2>third
	says third 'ended 7 by itself'
}
