#!/usr/bin/env bats
# A message that waits at a relay, taken out of its spool and opened without vz: by sqlite3, age, tar,
# sha512sum and ssh-keygen, as vz-relay(1) has it.
load ../cli/helpers

setup_file() {
	local program

	export WHY_NOT=
	for program in jq sqlite3 basenc age tar sha512sum ssh-keygen; do
		command -v "$program" >/dev/null || WHY_NOT="no $program here"
	done
	identities relay alice bob
}

# deposited FILE: alice leaves it at a relay for bob, who was there once, and the relay ends. Sets
# SEQ, its number there.
deposited() {
	printf '%s\n' "connect,deposit $(key_of alice)" "register $(key_of bob)" >authorized
	started relay "$VZ_BUILD/bin/vz-relay" --log-json -i "$(id_of relay)" --state state.relay -a authorized \
		--spool spool --ready-fd 9 "$PWD/socket"
	RELAY_PID=$PID
	RELAY=$READY
	started listen "$LISTEN" -i "$(id_of bob)" --state state.bob --allow "$(key_of alice)" --ready-fd 9 -k "$RELAY"
	kill "$PID"
	ended 0 "$PID"
	send --state state.alice --store=only --name 'a name' "$READY" "$1"
	SEQ=$(jq -r 'select(.event == "deposited").number' relay.err)
	# Nobody else can look at the spool meanwhile.
	run -5 sqlite3 spool/spool.db 'SELECT seq FROM message'
	kill "$RELAY_PID"
	ended 0 "$RELAY_PID"
}

@test "a message from the spool of a relay is opened by hand" {
	local size

	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	for size in 0 5000 300000; do
		rm -rf spool body manifest manifest.sig
		bytes "$size" original
		deposited original
		# What waits: for whom, of what size, since when.
		sqlite3 spool/spool.db "SELECT seq, size, datetime(deposited, 'unixepoch') FROM message WHERE body <> 0" >waits
		grep -q "^$SEQ|[0-9]*|$(date -u +%Y)-" waits
		[ "$(wc -l <waits)" -eq 1 ]
		# Out of the spool.
		sqlite3 spool/spool.db "SELECT hex(bytes) FROM chunk WHERE id / 256 =
			(SELECT body FROM message WHERE seq = $SEQ) ORDER BY id" | basenc --base16 -d >message.age
		# At its recipient's.
		sed -n 's/^age //p' "$(id_of bob)" >age.key
		age -d -i age.key message.age | tar -x
		cmp body original
		sha512sum -c manifest
		echo "alice $("$KEYGEN" -f "$(id_of alice)" -y --ssh)" >allowed_signers
		ssh-keygen -Y verify -f allowed_signers -I alice -n vz-message@vz -s manifest.sig <manifest
		grep -qx "# from $(key_of alice)" manifest
		grep -qx "# to $(key_of bob)" manifest
		grep -qx '# name a%20name' manifest
		# It is all there, and the relay finds nothing wrong with what was looked at.
		[ "$("$VZ_BUILD/bin/vz-relay" --spool spool --fsck)" = '1 messages, 0 things wrong, 0 repaired' ]
	done
}

@test "whoever has the spool and not the recipient's key opens nothing" {
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	bytes 1000 original
	deposited original
	sqlite3 spool/spool.db 'SELECT hex(bytes) FROM chunk ORDER BY id' | basenc --base16 -d >message.age
	sed -n 's/^age //p' "$(id_of relay)" >age.key
	run -1 age -d -i age.key message.age
	sed -n 's/^age //p' "$(id_of alice)" >age.key
	run -1 age -d -i age.key message.age
	sed -n 's/^age //p' "$(id_of bob)" >age.key
	age -d -i age.key message.age | tar -x
	cmp body original
}
