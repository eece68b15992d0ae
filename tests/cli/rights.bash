# What the tests of rights share: bob's lines, his listener, and who is held in its midst.

# granted LINE...: the lines of `keys`, where @alice and @carol stand for their keys.
granted() {
	printf '%s\n' "$@" | sed "s/@alice/$(key_of alice)/; s/@carol/$(key_of carol)/" >keys.new
	mv keys.new keys
}

# serve LINE... [-- OPTION...]: bob listens with a folder `b` of his own, these lines and an inbox.
serve() {
	local -a lines=()

	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		lines+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	granted "${lines[@]}"
	mkdir -m 700 -p b in
	cp "$(id_of bob)" b/identity
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i b/identity -a keys --ready-fd 9 -v -d in "$@" "${AT[@]:-127.0.0.1:0}" || return
	LISTENER=$PID
	ADDR=$READY
}

# held NAME: alice, or SENDER, sends what descriptor 8 is given, in the background, and it has
# begun: HELD. Close 8 in the end.
held() {
	mkfifo hold
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of "${SENDER:-alice}")" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	until_true grep -q 'message .* from' listen.err
}

# said N REGEX: so many lines of listen.err match, in the end.
said() {
	until_true eval "[ \"\$(grep -Ec -- '$2' listen.err)\" -ge $1 ]"
}

# milliseconds: the time, for differences.
milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
