#!/usr/bin/env bats
# Whatever a seed makes of the way between two hosts (tests/fault/mangle.c): nothing that is not whole
# is taken for it, and the ends have their class.
load helpers

setup_file() {
	identities alice bob
}

# checked N: `in` arrived at least N times, and nothing else did.
checked() {
	local file

	for file in got/*; do
		[ ! -e "$file" ] || cmp in "$file" || return
	done
	[ "$(find got -type f ! -name '.*' | wc -l)" -ge "$1" ] || fail 'acknowledged, but not there'
	[ -z "$(find got -name '.*' -type f)" ] || fail 'temporary files are left'
}

# FAULT_SEEDS: how many; `make fault` runs more.
@test "whatever happens to the bytes on the way, by seed: a 0 means whole, and all files are" {
	local seed status told=0

	bytes 100000 in
	mkdir got
	listen -w 10 -d got
	for ((seed = 1; seed <= ${FAULT_SEEDS:-20}; seed++)); do
		mangled --seed "$seed" --within 101000
		status=0
		send -w 500ms "$THROUGH" in || status=$?
		kill "$MANGLE"
		case $status in
		0) told=$((told + 1)) ;;
		65 | 69 | 75 | 76) ;;
		*) fail "$(head -n 1 mangle.out): status $status" ;;
		esac
	done
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	checked "$told"
	[ "$told" -lt "${FAULT_SEEDS:-20}" ]
	# The same seed is the same damage.
	mangled --seed 7 --within 101000
	cp mangle.out first
	mangled --seed 7 --within 101000
	cmp first mangle.out
}

@test "bytes that overtake others are never delivered" {
	local at

	bytes 100000 in
	mkdir got
	listen -w 10 -d got
	for at in 2:30 52:60 60:61 1000:1001 50000:60000 90000:92000; do
		mangled --reorder "$at"
		exits 65,69,75,76 send -w 500ms "$THROUGH" in
		kill "$MANGLE"
	done
	checked 0
	# What is at the end, with nothing behind it, never comes.
	mangled --reorder 100000:101000 --dir down
	exits 0 send "$THROUGH" in
	checked 1
}

@test "the way over Unix sockets can be mangled too" {
	bytes 100000 in
	mkdir got
	AT=("$PWD/socket")
	listen -w 10 -d got
	mangled --at "$PWD/before"
	exits 0 send "$THROUGH" in
	kill "$MANGLE"
	mangled --at "$PWD/before2" --cut 50000 --end rst
	exits 65,75 send -w 1 "$THROUGH" in
	kill "$MANGLE"
	mangled --at "$PWD/before3" --cut 50000 --end hole
	exits 75 send -w 1 "$THROUGH" in
	one_error send.err 'silent'
	kill "$LISTENER"
	ended 0,143 "$LISTENER"
	checked 1
}

@test "a way that breaks N times is whole afterwards, and breaks the same by the same seed" {
	local n=0 status

	bytes 100000 in
	mkdir got
	listen -w 10 -d got
	mangled --breaks 5 --seed 3 --within 400000
	until exits 0 send -w 500ms "$THROUGH" in >failed 2>&1; do
		n=$((n + 1))
		[ "$n" -le 5 ] || fail "it broke more often than it was to"
	done
	# More goes through than the offsets of all breaks.
	for _ in 1 2 3 4 5 6 7 8; do
		send -w 500ms "$THROUGH" in || true
	done
	[ "$(grep -c '^break' mangle.out)" -eq 5 ]
	exits 0 send "$THROUGH" in
	grep '^break' mangle.out | sort >first
	kill "$MANGLE"
	mangled --breaks 5 --seed 3 --within 400000
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		send -w 500ms "$THROUGH" in || true
	done
	grep '^break' mangle.out | sort | cmp first
	# All three ways of ending are there.
	[ "$(cut -d ' ' -f 5 first | sort -u | wc -l)" -ge 2 ]
	checked 1
}
