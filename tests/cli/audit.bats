#!/usr/bin/env bats
# vz-keygen --verify-audit: what was changed in an audit file is found, and named. The files are of
# one chain of seven lines: four, the last a checkpoint, and three, the same.
load helpers

verify() {
	timeout -k 5 "$PATIENCE" "$KEYGEN" "$@" </dev/null 3>&-
}

setup_file() {
	export FIRST=$BATS_TEST_DIRNAME/../vectors/audit-1.log
	export SECOND=$BATS_TEST_DIRNAME/../vectors/audit-2.log
}

hash_of() {
	sed -n "$1p" "$2" | sha256sum | cut -d' ' -f1
}

# wrong WORDS ARG...: status 65, nothing on stdout, and these words on stderr.
wrong() {
	local words=$1

	shift
	run --separate-stderr -65 verify "$@"
	[ -z "$output" ]
	[[ $stderr == "vz-keygen: "*"$words"* ]] || { echo "$stderr" && false; }
}

@test "a whole chain gives its number of lines and its head, and who signed it" {
	head=$(hash_of 3 "$SECOND")
	run --separate-stderr -0 verify --verify-audit "$FIRST" "$SECOND"
	[ "$output" = "7 $head" ]
	key=$(sed -n '4s/.*"key":"\([^"]*\)".*/\1/p' "$FIRST")
	[ "$stderr" = "vz-keygen: signed by $key" ]
	run --separate-stderr -0 verify -q --verify-audit "$FIRST"
	[ "$output" = "4 $(hash_of 4 "$FIRST")" ]
	[ -z "$stderr" ]
	run --separate-stderr -0 verify --verify-audit "$SECOND"
	[ "$output" = "7 $head" ]
	[[ $stderr == *'4 lines earlier'* ]]
}

@test "what is not signed yet is said" {
	head -n 3 "$FIRST" >log
	run --separate-stderr -0 verify --verify-audit log
	[ "$output" = "3 $(hash_of 3 log)" ]
	[ "$stderr" = 'vz-keygen: the last 3 lines are not signed' ]
	: >empty
	run -0 verify -q --verify-audit empty
	[[ $output =~ ^0\ 0{64}$ ]]
}

@test "each line's hash is what sha256sum prints, and the next line has it" {
	command -v jq >/dev/null || skip 'no jq here'
	cat "$FIRST" "$SECOND" >log
	for line in 1 2 3 4 5 6; do
		[ "$(sed -n "$((line + 1))p" log | jq -r .previous)" = "$(hash_of "$line" log)" ]
	done
}

@test "ssh-keygen verifies each checkpoint" {
	command -v jq >/dev/null || skip 'no jq here'
	cat "$FIRST" "$SECOND" >log
	for line in 4 7; do
		sed -n "${line}p" log >checkpoint
		jq -r .signature checkpoint >signature
		jq -j '"\(.seq - 1) \(.previous) \(.time)\n"' checkpoint >text
		ssh-keygen -Y check-novalidate -n vz-audit@vz -s signature <text
		run ! ssh-keygen -Y check-novalidate -n vz-audit@vz -s signature <log
	done
}

@test "each changed, removed or swapped line is found and named" {
	for line in 1 2 3 4; do
		sed "${line}s/T12/T13/" "$FIRST" >log
		if [ "$line" -eq 4 ]; then
			wrong 'log: line 4 is a checkpoint whose signature' --verify-audit log
		else
			wrong "log: line $line was changed" --verify-audit log
		fi
	done
	for line in 1 2 3; do
		sed "${line}d" "$FIRST" >log
		wrong "log: line $line " --verify-audit log
		sed -n "${line}{h;n;G};p" "$FIRST" >log
		wrong "log: line $line " --verify-audit log
		sed "${line}p" "$FIRST" >log
		wrong "log: line $((line + 1)) " --verify-audit log
	done
	sed '2s/^/ /' "$FIRST" >log
	wrong 'log: line 2 is no line of an audit file' --verify-audit log
}

@test "files of a chain that are out of order, missing or changed are found and named" {
	wrong "audit-1.log: line 1 " --verify-audit "$SECOND" "$FIRST"
	wrong "audit-1.log: line 1 " --verify-audit "$FIRST" "$FIRST"
	sed 3d "$FIRST" >one
	wrong 'one: line 3 ' --verify-audit one "$SECOND"
	head -n 3 "$FIRST" >one
	wrong 'audit-2.log: line 1 ' --verify-audit one "$SECOND"
	sed 2s/unix/tcp/ "$SECOND" >two
	wrong 'two: line 2 was changed' --verify-audit "$FIRST" two
	sed 1d "$SECOND" >two
	wrong 'two: line 1 ' --verify-audit two
}

@test "a cut tail is found against a head kept elsewhere" {
	head=$(hash_of 4 "$FIRST")
	run -0 verify -q --head "$head" --verify-audit "$FIRST"
	run -0 verify -q --verify-audit "$FIRST" --head "$head"
	run -0 verify -q --head "${head^^}" --verify-audit "$FIRST" "$SECOND"
	head -n 3 "$FIRST" >log
	run -0 verify -q --verify-audit log
	wrong 'log: no line has the hash given' --head "$head" --verify-audit log
	head -c -1 "$FIRST" >log
	wrong 'log: line 4 has no end' --verify-audit log
	head -c -1 "$FIRST" >log
	wrong 'log: line 4 has no end' --head "$head" --verify-audit log
}

@test "with -f another signer is found" {
	verify -q -f id >/dev/null
	wrong 'line 4 is a checkpoint signed by another key' -f id --verify-audit "$FIRST"
	run -78 verify -f missing --verify-audit "$FIRST"
}

@test "a file that cannot be read is status 66, a wrong command line 64" {
	run --separate-stderr -66 verify --verify-audit missing
	[ -z "$output" ]
	[[ $stderr == 'vz-keygen: missing: '* ]]
	run -66 verify --verify-audit "$FIRST" .
	run -64 verify --verify-audit
	run -64 verify --head abc --verify-audit "$FIRST"
	run -64 verify --head "$(hash_of 4 "$FIRST")0" --verify-audit "$FIRST"
	run -64 verify --head "$(hash_of 4 "$FIRST")" -y
	run -64 verify -y --verify-audit "$FIRST"
	run -64 verify --force --verify-audit "$FIRST"
}
