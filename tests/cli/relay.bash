# What the tests of vz-relay share. Load helpers first.
VZRELAY=$VZ_BUILD/bin/vz-relay

# relay OPTION...: vz-relay with the identity `relay`, in the folder r, for the keys in r/authorized,
# which is made if it is not there: bob may register, alice connect and deposit. Sets RELAYING (pid)
# and RELAY (address). AT: other addresses.
relay() {
	local -a at=("${AT[@]}")

	[ "${#at[@]}" -gt 0 ] || at=(127.0.0.1:0)
	if [ ! -d r ]; then
		mkdir -m 700 r
		cp "$(id_of relay)" r/identity
	fi
	[ -e r/authorized ] || may "register $(key_of bob) Bob" "connect,deposit $(key_of alice) Alice"
	started relay "$VZRELAY" -i r/identity --state r/state --ready-fd 9 "$@" "${at[@]}" || return
	RELAYING=$PID
	RELAY=$READY
}

# may LINE...: the authorised file, in one step.
may() {
	printf '%s\n' "$@" >r/new
	mv r/new r/authorized
}

# peer WHO ARG...: WHO is a client of the relay (tests/fault/relaypeer.c).
peer() {
	local who=$1

	shift
	timeout -k 5 "$PATIENCE" "$FAULT/relaypeer" -i "$(id_of "$who")" "$@" 2>peer.err 3>&-
}

# registered WHO OPTION...: WHO is a listener there, in the background: PID.
registered() {
	local who=$1

	shift
	started "$who" "$FAULT/relaypeer" -i "$(id_of "$who")" --ready-fd 9 "$@" "$RELAY" listen
}

# reach STATUS [WHO]: alice asks for bob, with that status; 0: what she says comes back.
reach() {
	exits "$1" peer "${2:-alice}" "$RELAY" connect "$(key_of bob)" <<<hello >back || return
	[ "$1" != 0 ] || [ "$(cat back)" = hello ]
}

# metric NAME: its value in the file `metrics`.
metric() {
	sed -n "s/^vz_relay_$1 //p" metrics
}

# joined_pair: alice's bytes go through bob and back: HELD (pid) has descriptor 8 as its input.
joined_pair() {
	mkfifo hold
	"$FAULT/relaypeer" -i "$(id_of alice)" "$RELAY" connect "$(key_of bob)" <hold >held.out 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	echo begun >&8
	until_true grep -q begun held.out
}
