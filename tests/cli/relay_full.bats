#!/usr/bin/env bats
# vz-relay on a full disk.
load helpers

setup_file() {
	identities relay alice bob
}

# relay: on a Unix socket, for mailman's people, alice and bob. Sets RELAY.
relay() {
	{
		"$FAULT/mailman" keys
		echo "connect,deposit $(key_of alice)"
		echo "register $(key_of bob)"
	} >authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i "$(id_of relay)" --authorized authorized --spool disk/spool \
		--ready-fd 9 "$PWD/socket" || return
	RELAY=$READY
}

# mailman MODE ARG...: its outcome is in mailman.out.
mailman() {
	local mode=$1

	shift
	timeout "$PATIENCE" "$FAULT/mailman" "$mode" --relay "$RELAY" "$@" >mailman.out 2>mailman.err 3>&-
}

# deposits SEED N: deposits until the relay has taken N of 60,000 bytes, or refuses one.
deposits() {
	mailman run --seed "$1" --ops "$2" --size 60000 --no-collect --stop-refused "journal.$1"
}

# live_goes_on WORDS: alice's message reaches bob through the relay.
live_goes_on() {
	echo "$1" >words
	exits 0 send --state alice.state "$THERE" words
	until_true grep -rqxF "$1" inbox
}

# left STATUS: alice leaves a message for bob at the relay, which ends so.
left() {
	bytes 60000 letter
	exits "$1" send --state alice.state --store=only "$THERE" letter
}

full_disk() {
	small_disk disk 40m
	relay
	mkdir inbox
	started bob "$LISTEN" -i "$(id_of bob)" --state bob.state --allow "$(key_of alice)" --ready-fd 9 -d inbox "$RELAY"
	THERE=$READY
}

@test "deposits on a full disk get 75, what is there is collected and removed, live traffic goes on, and then there is room again" {
	local taken

	full_disk
	live_goes_on 'while there is room'
	deposits 1 10000
	says mailman.out '^refused 75 .*disk'
	taken=$(sed -n 's/^deposited \([0-9]*\) .*/\1/p' mailman.out)
	[ "$taken" -gt 10 ]
	live_goes_on 'on a full disk'
	left 75
	says send.err 'disk is full'
	# It is not for one mailbox or sender, and stays so while nothing goes.
	deposits 2 10000
	says mailman.out '^refused 75 .*disk'
	# All that was acknowledged is there, whole; and then it is gone.
	mailman judge --seed 1 --size 60000 journal.1 || fail "$(cat mailman.out)"
	says mailman.out '^acknowledged .* lost 0 back 0 twice 0 torn 0$'
	deposits 3 20
	says mailman.out '^deposited [1-9].* refused 0 '
	left 0
	until_true eval 'cmp -s letter inbox/*-letter'
	live_goes_on 'with room again'
}

@test "when something else has filled the disk, deposits are refused until it is gone" {
	full_disk
	deposits 1 20
	says mailman.out '^deposited [1-9].* refused 0 '
	# Whatever is left.
	dd if=/dev/zero of=disk/other bs=64k status=none 2>dd.err || true
	until_true refused_now
	live_goes_on 'on a full disk'
	mailman empty
	says mailman.out '^removed [1-9]'
	rm disk/other
	until_true accepted_now
	live_goes_on 'with room again'
}

# refused_now, accepted_now: what becomes of deposits.
refused_now() {
	deposits "$((SEED += 1))" 200 && grep -q '^refused 75 .*disk' mailman.out
}
accepted_now() {
	deposits "$((SEED += 1))" 20 && grep -q '^deposited [1-9].* refused 0 ' mailman.out
}
SEED=100
