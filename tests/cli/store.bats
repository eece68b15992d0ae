#!/usr/bin/env bats
# The relay's store under kill -9 and power cuts (tests/fault/store-rounds, tests/fault/store-cuts).
load helpers

# together: skips where powercut and faultio cannot be preloaded.
together() {
	! grep -q __asan_init "$FAULT/storer" || skip 'powercut and sanitizers do not go together'
}

NOTHING='lost 0, back 0, twice 0, torn 0, unsound 0'

@test "kill -9 at random moments: what the store acknowledged is there, what was removed is not, nothing is there twice" {
	together
	# Each run has other moments.
	ROUNDS=${STORE_ROUNDS:-50} SEED=${STORE_SEED:-$RANDOM} WITHIN=50 timeout 300 \
		"$VZ_TREE/tests/fault/store-rounds" "$VZ_BUILD" >counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q "$NOTHING" counted
	# Some kills strike amid removals too, or they prove little.
	awk '/^store-rounds/ { exit $4 < $2 / 10 }' counted
}

@test "the power is cut at random moments: the same, whatever was not synced" {
	together
	CUTS=${STORE_CUTS:-20} SEED=${STORE_SEED:-$RANDOM} timeout 300 \
		"$VZ_TREE/tests/fault/store-cuts" "$VZ_BUILD" >counted 2>&1 3>&- || fail "$(cat counted)"
	tail -n 1 counted >&3
	grep -q "$NOTHING, unopened 0, cuts that hurt 0" counted
	grep -q 'acknowledged [1-9]' counted
}

@test "power cuts do show the losses of a store with synchronous=NORMAL" {
	together
	WEAK=1 CUTS=20 exits 1 timeout 300 "$VZ_TREE/tests/fault/store-cuts" "$VZ_BUILD" >counted 2>&1 3>&-
	tail -n 1 counted >&3
	grep -q 'lost [1-9]' counted
}

@test "an fsync that fails ends the store, and memory that fails a request; what was acknowledged before is there" {
	together
	local n faults

	timeout 60 "$FAULT/storer" run --ops 1 --seed 1 spool >said
	timeout 60 "$FAULT/storer" verify spool said
	for n in 10 11 12 17 23 40; do
		exits 74 timeout 60 env FAULTIO="fdatasync:EIO@$n" LD_PRELOAD="$FAULT/faultio.so" \
			"$FAULT/storer" run --seed "$n" spool >said 2>words
		says words 'I/O error'
		timeout 60 "$FAULT/storer" verify spool said >verified || fail "$n: $(cat verified)"
	done
	for n in $(seq 600 250 3000); do
		faults="malloc,calloc,realloc:ENOMEM@$n-$((n + 3))"
		exits 0,71,74 timeout 60 env FAULTIO="$faults" LD_PRELOAD="$FAULT/faultio.so" \
			"$FAULT/storer" run --ops 60 --seed "$n" spool >said 2>words
		timeout 60 "$FAULT/storer" verify spool said >verified || fail "$n: $(cat verified)"
	done
}

@test "recut makes the same folder by the same seed, and another by another" {
	local n

	together
	timeout 60 env POWERCUT_DIR="$PWD/spool" POWERCUT_LOG="$PWD/log" LD_PRELOAD="$FAULT/powercut.so" \
		"$FAULT/storer" run --weak --ops 100 --seed 1 "$PWD/spool" >said
	for n in 1 2; do
		timeout 60 "$FAULT/recut" --seed 7 log "$n" "said.$n" >"moment.$n"
	done
	diff -r 1 2
	cmp said.1 said.2
	cmp moment.1 moment.2
	timeout 60 "$FAULT/recut" --seed 8 log 3 said.3 >moment.3
	run ! cmp moment.1 moment.3
	exits 71 timeout 60 "$FAULT/recut" --seed 7 said 4 said.4 2>words
	says words 'log'
}
