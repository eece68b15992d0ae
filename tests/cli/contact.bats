# First contact: what those who meet for the first time are told, and asked.

load helpers
load terminal

setup_file() {
	identities alice bob carol relay
}

# own NAME: a folder of bob's own, for what is beside his identity.
own() {
	mkdir -m 700 "$1"
	cp "$(id_of "$2")" "$1/identity"
}

# by_hand NAME COMMAND...: in a terminal that stays until its screen was seen.
by_hand() {
	local name=$1

	shift
	# shellcheck disable=SC2016 # the inner shell's own
	terminal "$name" 250 24 bash -c '"$@"; echo "status $?"; read -r' by_hand "$@"
	shows "$name" '^status 0$'
}

@test "who makes an identity by hand is told the two next commands, with the key in them" {
	local key

	by_hand keygen "$KEYGEN" -f "$PWD/it's here"
	key=$(timeout 20 "$KEYGEN" -y -f "it's here")
	shows keygen "hint: .* run: vz-listen --allow $key '\*:4433'\$"
	shows keygen "hint: .* run: vz-listen -i '.*it'.''s here' --allow KEY '\*:4433'; .* $key@[A-Za-z0-9.-]+:4433\$"
	# As pasted, but for where it listens.
	run -64 bash -c "$(scrolled keygen | sed -n "s|.* run: vz-listen \(-i .*\) --allow KEY.*|$LISTEN \1 --allow KEY 0|p")"
	[[ $output == *"--allow: not a key"* ]]
}

@test "a name that a terminal would not take for one is in no command" {
	by_hand keygen "$KEYGEN" -f "$PWD/"$'a\xc2\x9b31mb'
	[ -z "$(scrolled keygen | grep ' run: ' || :)" ]
	by_hand other "$KEYGEN" -f "$PWD/josé"
	shows other ' run: vz-listen -i '
}

@test "a script that makes an identity gets the key on stdout and no hints" {
	local quiet

	for quiet in -v -q --log-json; do
		by_hand "gen$quiet" "$KEYGEN" "$quiet" -f "$PWD/id$quiet"
	done
	by_hand captured bash -c '"$1" -f id.captured >key' captured "$KEYGEN"
	shows gen-v 'hint:'
	run ! grep hint <(scrolled gen-q; scrolled gen--log-json; scrolled captured)
	[ "$(cat key)" = "$(timeout 20 "$KEYGEN" -y -f id.captured)" ]
}

@test "a refused sender is told the line for the other's file, and that line lets it in" {
	own b bob
	key_of carol >b/authorized
	started listen "$LISTEN" -k --lines -i b/identity --ready-fd 9 127.0.0.1:0
	ADDR=$READY
	LOGNAME='al ice' exits 77 send "$ADDR" <<<x
	says send.err 'refused: this key is not authorised here'
	says send.err "hint: .* ~/.config/vz/authorized there: $(key_of alice) al_ice@[A-Za-z0-9._-]+\$"
	says send.err "hint: or, where vz-listen runs with --allow, have this added: --allow $(key_of alice)\$"
	sed -n 's/.*authorized there: //p' send.err >>b/authorized
	printf x >x
	until_true send "$ADDR" x
	until_true grep -q '^x$' listen.out
}

@test "the comment of an identity is the name that is proposed" {
	timeout 20 "$KEYGEN" -q -C 'web 1 $(reboot)' -f web >/dev/null
	listen --lines
	exits 77 timeout 20 "$SEND" -i web "$ADDR" 2>send.err <<<x
	says send.err 'there: vz1[a-z0-9]* web_1___reboot_$'
}

@test "a sender that may only send is told the right to ask that its line lacks" {
	own b bob
	echo "send $(key_of alice)" >b/authorized
	started listen "$LISTEN" --echo -k -i b/identity --ready-fd 9 127.0.0.1:0
	exits 77 send -r "$READY" <<<x
	says send.err 'hint: its owner has to add the right ask .*authorized there, which then is: send,ask '"$(key_of alice)"
}

@test "a listener says which line would let a refused key in, and once" {
	local i

	own "b c" bob
	key_of carol >"b c/authorized"
	started listen "$LISTEN" -k --lines -i "b c/identity" --ready-fd 9 127.0.0.1:0
	ADDR=$READY
	for i in 1 2 3; do
		exits 77 send "$ADDR" <<<x
	done
	[ "$(grep -c 'refused: ' listen.err)" -eq 3 ]
	[ "$(grep -c 'hint: ' listen.err)" -eq 1 ]
	says listen.err "hint: to let it in, add this line to b c/authorized: $(key_of alice)\$"
}

@test "a listener without a file of keys says --allow, and -q nothing" {
	ALLOW=(--allow "$(key_of carol)")
	listen -k --lines
	exits 77 send "$ADDR" <<<x
	says listen.err "hint: to let it in, start this with --allow $(key_of alice) too"
	ALLOW=(--allow "$(key_of carol)")
	listen -k --lines -q
	exits 77 send "$ADDR" <<<x
	run ! grep . listen.err
}

@test "a crowd of keys does not fill a listener's log with hints" {
	local i

	ALLOW=(--allow "$(key_of carol)")
	listen -k --lines
	for i in {1..25}; do
		timeout 20 "$KEYGEN" -q -f "id$i" >/dev/null
		exits 77 timeout 20 "$SEND" -i "id$i" "$ADDR" 2>send.err <<<x
	done
	[ "$(grep -c 'refused: ' listen.err)" -eq 25 ]
	[ "$(grep -c 'hint: ' listen.err)" -le 12 ]
	[ "$(grep -c 'hint: ' listen.err)" -ge 10 ]
}

@test "a relay and those it refuses say which line and which right are missing" {
	local relay

	own r relay
	{
		echo "register $(key_of bob)"
		echo "connect $(key_of carol)"
	} >r/authorized
	started relay "$VZ_BUILD/bin/vz-relay" -i r/identity --ready-fd 9 127.0.0.1:0
	relay=$READY
	exits 77 send "$(key_of bob)@$relay" <<<x
	says send.err "hint: its operator has to add this line to the relay's authorized file: connect $(key_of alice)"
	says relay.err "hint: to let it in, add a line to r/authorized with .* $(key_of alice)\$"
	SENDER=bob exits 77 send "$(key_of bob)@$relay" <<<x
	says send.err "hint: its operator has to add the right connect to this host's line in the relay's authorized file, that of $(key_of bob)"
	exits 77 timeout 20 "$LISTEN" -i "$(id_of carol)" --allow-any "$relay" 2>listen.err
	says listen.err "hint: its operator has to add the right register to this host's line"
}
