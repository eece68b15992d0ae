# -vv: the conversation, without secrets and without contents.

load helpers
load relay

VZRELAY=$VZ_BUILD/bin/vz-relay
CONTENT='the-planted-contents-of-a-message'

setup_file() {
	identities alice bob carol relay
}

# silent FILE...: nothing of what is secret or a content is in them.
silent() {
	local secret secrets

	run ! grep -aF "$CONTENT" "$@"
	mapfile -t secrets < <(sed -n 's/^\(ed25519\|noise\|age\) //p' "$(id_of alice)" "$(id_of bob)")
	[ "${#secrets[@]}" -eq 6 ]
	for secret in "${secrets[@]}"; do
		run ! grep -aF "$secret" "$@"
	done
}

@test "-vv shows each step of a handshake and each frame, on both sides" {
	listen -d . -vv
	exits 0 send -vv --name 'a name' "$ADDR" <<<"$CONTENT"
	until_true says listen.err 'session over'
	for line in '> handshake 1 bytes=48' '< handshake 2 bytes=' '> handshake 3 bytes=' \
		'> stream stream=' '< ready rights=3 ' "> open [0-9a-f]{8}\.0 kind=0 .* name='a name'" \
		'> data [0-9a-f]{8}\.0 offset=0 bytes=34$' '> end [0-9a-f]{8}\.0 length=34$' \
		'< done [0-9a-f]{8}\.0 status=0 length=34$' '> close status=0$'; do
		says send.err "^vz-send: 127\.0\.0\.1:[0-9]*: [0-9]+\.[0-9]{3} ms $line"
		[[ $line == '>'* ]] && line="<${line:1}" || line=">${line:1}"
		says listen.err "^vz-listen: 127\.0\.0\.1:[0-9]*: [0-9]+\.[0-9]{3} ms $line"
	done
	silent send.err listen.err
}

@test "-v shows none of it" {
	listen -d . -v
	exits 0 send -v "$ADDR" <<<"$CONTENT"
	run ! grep -E 'handshake [123]| ms [<>] ' send.err listen.err
}

@test "secrets, contents and replies are in no line of -vv" {
	timeout 20 "$KEYGEN" -q --psk -f psk
	listen -k --echo -vv --psk-file psk --audit log
	exits 0 send -vv --psk-file psk -r --sign "$ADDR" <<<"$CONTENT" >reply
	exits 0 send -vv --psk-file psk --lines "$ADDR" <<<"$CONTENT"
	[ "$(cat reply)" = "$CONTENT" ]
	silent send.err listen.err
	run ! grep -F "$(cat psk)" send.err listen.err
	run ! grep -F "$(sed 's/^vzpsk1//' psk | cut -c 1-20)" send.err listen.err
	says listen.err '< signed [0-9a-f]{8}\.0 manifest=[0-9]* bytes=[0-9]*$'
}

@test "what a peer says is escaped in lines of -vv" {
	# A name may hold marks that turn writing around.
	listen -d . -vv
	exits 0 send -vv --name $'a\xe2\x80\xaeb' "$ADDR" <<<x
	until_true says listen.err "< open .* name='a.xe2.x80.xaeb'"
	says send.err "> open .* name='a.xe2.x80.xaeb'"
	run ! grep -P '\xe2' send.err listen.err
}

@test "a long message is summed up, and so is a crowd of small ones" {
	bytes 30000000 in
	listen -d . -vv
	exits 0 send -vv --retry-for 0 "$ADDR" in
	says send.err '> data [0-9a-f]{8}\.0 offset=[0-9]* bytes=[0-9]*, the last of [0-9]*, [0-9]* bytes in all'
	says send.err '< ack [0-9a-f]{8}\.0 taken=[0-9]* .*, the last of [0-9]*$'
	[ "$(wc -l <send.err)" -lt 60 ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	listen -d . -vv
	seq 20000 >lines
	exits 0 send -vv --lines "$ADDR" <lines
	says send.err ' ms - and [0-9]* lines more$'
	[ "$(grep -c ' ms [<>-] ' send.err)" -lt 1500 ]
}

@test "with --log-json the conversation is events, and only with -vv" {
	listen -d . -vv --log-json
	exits 0 send -vv --log-json "$ADDR" <<<"$CONTENT"
	[ "$(jq -r 'select(.event == "talk" and .way == ">") | .text' send.err | head -n 1)" = 'handshake 1 bytes=48' ]
	[ "$(jq -r 'select(.event == "talk" and .way == "<") | .text' listen.err | head -n 1)" = 'handshake 1 bytes=48' ]
	[ "$(jq -r 'select(.event == "talk" and (.text | test("^done "))) | .us > 0 and (.with | test("@127"))' send.err)" = true ]
	silent send.err listen.err
	exits 0 send -v --log-json "$ADDR" <<<"$CONTENT"
	[ -z "$(jq -r 'select(.event == "talk")' send.err)" ]
}

@test "a relay shows its conversations with its clients, and they theirs" {
	relay -vv
	ALLOW=(--allow "$(key_of alice)")
	AT=("$RELAY")
	listen -d . -vv
	exits 0 send -vv "$ADDR" <<<"$CONTENT"
	says send.err '> relay: handshake 1 bytes=48'
	says send.err "> relay: connect key=$(key_of bob) bytes="
	says send.err '< relay: ready match=[0-9a-f]{8}\.\.\.$'
	says send.err '> handshake 3'
	says relay.err "^vz-relay: 127\.0\.0\.1:[0-9]*: [0-9.]+ ms < relay: connect key=$(key_of bob)"
	says relay.err '> relay: offer match=[0-9a-f]{8}\.\.\.$'
	says listen.err '> relay: register number=0'
	says listen.err '< relay: offer match=[0-9a-f]{8}\.\.\.$'
	says listen.err '< handshake 3'
	silent send.err listen.err relay.err
}

@test "mail of -vv has no contents either" {
	relay --spool spool -vv
	ALLOW=(--allow "$(key_of alice)")
	AT=("$RELAY")
	listen -d . -vv --state state
	kill "$LISTENER"
	ended 0 "$LISTENER"
	exits 0 send -vv --store only "$ADDR" <<<"$CONTENT"
	says send.err '> relay: deposit key='
	says send.err '> relay: part bytes='
	mkdir got
	listen -d got -vv --state state
	until_true placed 1 got
	until_true says listen.err '< relay: piece bytes='
	silent send.err listen.err relay.err
}
