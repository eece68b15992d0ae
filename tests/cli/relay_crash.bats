#!/usr/bin/env bats
# vz-relay's mailboxes under kill -9 and power cuts (tests/fault/relay-rounds, tests/fault/relay-cuts).
load helpers

# together: skips where powercut cannot be preloaded.
together() {
	! grep -q __asan_init "$FAULT/mailman" || skip 'powercut and sanitizers do not go together'
}

NOTHING='lost 0, back 0, twice 0, torn 0'

@test "vz-relay is killed at random moments: what it acknowledged is there, what was removed is not, nothing comes twice" {
	# Each run has other moments.
	ROUNDS=${RELAY_ROUNDS:-50} SEED=${RELAY_SEED:-$RANDOM} timeout 300 \
		"$VZ_TREE/tests/fault/relay-rounds" "$VZ_BUILD" >counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q "$NOTHING, ended by itself 0" counted
	# The relay was used meanwhile, and its clients felt its ends, or it proves little.
	grep -Eq 'acknowledged [0-9]{3}.*, removed [0-9]{2}' counted
	awk '/breaks/ { exit $NF < '"${RELAY_ROUNDS:-50}"' }' counted
}

@test "relay, recipient or sender is killed while messages are left and collected: what is stored arrives once and whole" {
	ROUNDS=${MAIL_ROUNDS:-9} SEED=${MAIL_SEED:-$RANDOM} timeout 300 \
		"$VZ_TREE/tests/fault/mail-rounds" "$VZ_BUILD" >counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q 'stored [1-9].*, lost 0, untold 0, torn 0, twice 0' counted
}

@test "the power of vz-relay is cut at random moments: the same, whatever was not synced" {
	together
	CUTS=${RELAY_CUTS:-20} SEED=${RELAY_SEED:-$RANDOM} timeout 300 \
		"$VZ_TREE/tests/fault/relay-cuts" "$VZ_BUILD" >counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q "$NOTHING, unsound 0, unopened 0, cuts that hurt 0" counted
	grep -q 'acknowledged [1-9]' counted
}

@test "power cuts do show the losses of a vz-relay with synchronous=NORMAL" {
	together
	WEAK=1 CUTS=15 exits 1 timeout 300 "$VZ_TREE/tests/fault/relay-cuts" "$VZ_BUILD" >counted 2>&1 3>&-
	tail -n 1 counted >&3
	grep -q 'lost [1-9]' counted
}
