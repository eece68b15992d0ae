#!/usr/bin/env bats
# vz-listen --audit: who did what is recorded, and vz-keygen --verify-audit says that nobody changed
# it since.
load helpers

setup_file() {
	identities alice bob carol
}

verify() {
	timeout -k 5 "$PATIENCE" "$KEYGEN" -q -f "$(id_of bob)" "$@" </dev/null 3>&-
}

# of EVENT FIELD [FILE]: that field of each line of that event.
of() {
	jq -r "select(.event == \"$1\") | .$2" "${3:-log}"
}

# record OPTION...: bob listens with alice's right to send, an inbox and --audit log.
record() {
	mkdir -p in
	echo "send,rate=\"50/s\",bytes=\"1k/s\" $(key_of alice) Alice" >keys
	ALLOW=(-a keys)
	listen -d in --audit log "$@"
}

# whole FILE...: the files are one chain, and signed to the end by bob.
whole() {
	run -0 --separate-stderr timeout -k 5 "$PATIENCE" "$KEYGEN" -f "$(id_of bob)" --verify-audit "$@" 3>&-
	[ "$stderr" = "vz-keygen: signed by $(key_of bob)" ] || fail "$stderr"
	[[ $output =~ ^[0-9]+\ [0-9a-f]{64}$ ]]
}

@test "a session's life is in the record, and the record is whole" {
	command -v jq >/dev/null || skip 'no jq here'
	record
	exits 0 send "$ADDR" <<<x
	exits 77 send -r "$ADDR" <<<x
	SENDER=carol exits 77 send "$ADDR" <<<x
	exits 65 send --run "$ADDR" -- sh -c 'echo begun; exit 1'
	bytes 20000 file
	exits 0 send --run "$ADDR" -- cat file
	exits 75 send "$ADDR" file
	sed -i 's/ Alice$/ Ann/' keys
	until_true grep -q '"reloaded"' log
	kill "$LISTENER"
	ended 0 "$LISTENER"
	whole log
	[ "$(stat -c %a log)" = 600 ]
	[ "$(of accepted key | sort -u)" = "$(key_of alice)" ]
	[ "$(of accepted name | sort -u)" = Alice ]
	[ "$(of accepted result | sort -u)" = 0 ]
	[[ $(of accepted remote | head -1) == 127.0.0.1:* ]]
	[ "$(of started message | wc -l)" -eq 3 ]
	[ "$(of delivered bytes | xargs)" = '2 20000' ]
	[ "$(of delivered result | xargs)" = '0 0' ]
	[ "$(of delivered message | head -1)" = "$(of started message | head -1)" ]
	[[ $(of failed result) == '65 '* ]] || fail "$(of failed result)"
	[ "$(of failed message)" = "$(of started message | sed -n 2p)" ]
	[[ $(of refused result | head -1) =~ ^(69|77)\  ]] || fail "$(of refused result)"
	[ "$(of refused result | tail -n +2)" = '77 this key is not authorised here' ] || fail "$(of refused result)"
	[ "$(jq -r 'select(.event == "refused" and .message == null) | .key' log)" = "$(key_of carol)" ]
	[[ $(of limited result | tail -1) == '75 this key is over its rate: try again in '* ]]
	[ "$(of reloaded result)" = 'rights read again' ]
}

@test "one line changed, removed or swapped is found and named" {
	record
	for _ in 1 2 3; do exits 0 send "$ADDR" <<<x; done
	kill "$LISTENER"
	ended 0 "$LISTENER"
	whole log
	last=$(wc -l <log)
	[ "$last" -eq 10 ]
	for line in $(seq $((last - 1))); do
		sed "${line}s/\"remote\":\"1/\"remote\":\"2/" log >changed
		run -65 verify --verify-audit changed
		[[ $output == *"changed: line $line "* ]] || fail "$output"
		sed "${line}d" log >changed
		run -65 verify --verify-audit changed
		[[ $output == *"changed: line $line "* ]] || fail "$output"
		sed "${line}{h;n;G};p" log | sed -n 'p;n' >changed
		sed -n "${line}{h;n;p;g};p" log >changed
		run -65 verify --verify-audit changed
		[[ $output == *"changed: line $line "* ]] || fail "$output"
	done
	head -n 6 log >changed
	run -0 verify --verify-audit changed
	run -65 verify --head "$(tail -n 1 log | sha256sum | cut -d' ' -f1)" --verify-audit changed
}

@test "after SIGHUP the chain goes on in a new file, and after a restart too" {
	record
	exits 0 send "$ADDR" <<<x
	mv log log.1
	exits 0 send "$ADDR" <<<x
	kill -HUP "$LISTENER"
	until_true [ -s log ]
	exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(grep -c '"delivered"' log.1)" -eq 2 ]
	record
	exits 0 send "$ADDR" <<<x
	# What is in the way is left alone, and nothing is lost.
	mv log log.2
	echo mine >log
	kill -HUP "$LISTENER"
	until_true grep -q 'going on in the old one' listen.err
	exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(cat log)" = mine ]
	[ "$(grep -c '"delivered"' log.2)" -eq 3 ]
	whole log.1 log.2
}

@test "a listener that is killed leaves a record that goes on" {
	record
	exits 0 send "$ADDR" <<<x
	kill -9 "$LISTENER"
	ended 137 "$LISTENER"
	printf '{"seq":4,"time' >>log
	record
	exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	[ "$(grep -c '"recovered"' log)" -eq 1 ]
	whole log
}

@test "a message that is under way at the end failed" {
	record --drain 200ms
	mkfifo hold
	"$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of alice)" "$ADDR" <hold 2>held.err 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	exec 8>hold
	until_true grep -q '"started"' log
	kill "$LISTENER"
	ended 143 "$LISTENER"
	exec 8>&-
	ended 75 "$HELD"
	grep -q '"event":"failed".*"result":"75 ' log
	whole log
}

@test "when a line cannot be written nothing new begins, and the listener ends with 74" {
	small_disk disk
	mkdir in
	listen -d in --audit disk/log
	exits 0 send "$ADDR" <<<x
	head -c 2000000 /dev/zero >disk/filler 2>/dev/null || true
	# Its last page has room for a few lines more.
	delivered=1
	while status=0 && { send "$ADDR" <<<x || status=$?; } && [ "$status" -eq 0 ]; do
		[ $((delivered += 1)) -lt 20 ] || fail 'the disk is not full'
	done
	[ "$status" -eq 75 ] || [ "$status" -eq 69 ] || fail "status $status"
	ended 74 "$LISTENER"
	says listen.err 'disk/log: cannot be written: .*stopping'
	holds "$delivered" in
	rm disk/filler
	listen -d in --audit disk/log
	exits 0 send "$ADDR" <<<x
	kill "$LISTENER"
	ended 0 "$LISTENER"
	whole disk/log
}

@test "a file that cannot be a record stops a listener at the start" {
	refused() {
		exits "$1" timeout "$PATIENCE" "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow-any --audit "$2" \
			-d . 127.0.0.1:0 2>listen.err 3>&-
		says listen.err "$3" || return
		run ! grep -q 'listening on' listen.err
	}
	echo 'not a record' >log
	refused 78 log 'not an audit file'
	[ "$(cat log)" = 'not a record' ]
	: >others
	chmod 666 others
	refused 78 others 'not a regular file of ours'
	ln -s others link
	refused 78 link 'not a regular file of ours'
	mkfifo fifo
	refused 78 fifo 'not a regular file of ours'
	refused 73 missing/log 'missing/log'
	rm log
	record
	refused 73 log 'another process'
}

@test "refused sessions do not fill the disk: beyond a rate they are counted" {
	command -v jq >/dev/null || skip 'no jq here'
	record -q
	for _ in $(seq 13); do
		pids=()
		for _ in $(seq 10); do
			"$SEND" -q -i "$(id_of carol)" "$ADDR" </dev/null 2>/dev/null 3>&- &
			pids+=("$!")
			STARTED+=("$!")
		done
		for pid in "${pids[@]}"; do ended 77 "$pid"; done
	done
	kill "$LISTENER"
	ended 0 "$LISTENER"
	counted=$(of refused result | sed -n 's/ more sessions.*//p' | awk '{ n += $1 } END { print n + 0 }')
	named=$(of refused key | grep -c '^vz1')
	[ "$((named + counted))" -eq 130 ] || fail "$named and $counted"
	whole log
}
