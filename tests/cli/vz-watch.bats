#!/usr/bin/env bats
# scripts/vz-watch: logs of many hosts, each line under its sender's name, and none lost.
load helpers

setup_file() {
	identities alice bob carol dave
}

tools() { PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH; }

# watching OPTION...: bob watches; lines go to watch.out. Sets ADDR, WATCH (pid). AT: where, again.
watching() {
	tools
	{
		echo "$(key_of alice)  web1"
		echo "$(key_of carol)  a-longer-name"
		key_of dave
	} >authorized
	started watch vz-watch -i "$(id_of bob)" -a authorized --ready-fd 9 "$@" "${AT:-127.0.0.1:0}" || return
	WATCH=$PID
	ADDR=$READY
}
# following FILE...: alice sends. Sets FOLLOW (pid).
following() {
	"$VZ_TREE/scripts/vz-watch" -i "$(id_of "${SENDER:-alice}")" --send "$ADDR" "${ALL---all}" "$@" 2>>follow.err 3>&- </dev/null &
	FOLLOW=$!
	STARTED+=("$FOLLOW")
}
# seen N: the lines of alice, without her name, are 1 to N, in their order, each once.
seen() {
	sed -n 's/^web1  *//p' watch.out >seen
	cmp -s seen <(seq "$1")
}
# had N: the same, but some may be there twice.
had() {
	sed -n 's/^web1  *//p' watch.out | awk '$1 <= last { next } { last = $1; print }' >seen
	cmp -s seen <(seq "$1")
}
acknowledged() { read -r _ at n _ <"$(echo "$HOME"/.local/state/vz/watch/*/*log)" && [ "$at:$n" = "$1" ]; }
stopped() {
	kill "$FOLLOW"
	ended 0 "$FOLLOW"
}

@test "lines come under the names that the watcher has for their senders, and are aligned" {
	watching
	for who in alice carol dave; do
		SENDER=$who
		echo "of $who" >"$who.log"
		following "$who.log"
	done
	until_true sh -c '[ "$(wc -l <watch.out)" -eq 3 ]'
	grep -qx 'web1  *of alice' watch.out
	grep -qx 'a-longer-name  of carol' watch.out
	grep -qx "$(key_of dave | cut -c 1-12)  *of dave" watch.out
	SENDER=carol
	echo 'short' >web.log
	following web.log
	SENDER=alice following alice.log
	echo 'aligned' >>alice.log
	until_true grep -qx 'web1           aligned' watch.out
}

@test "what is appended comes, and only that, unless --all is given" {
	watching
	seq 3 >log
	ALL='-q' following log
	until_true sh -c 'ls "$HOME"/.local/state/vz/watch/*/*log'
	echo 4 >>log
	until_true grep -qx 'web1  4' watch.out
	[ "$(wc -l <watch.out)" -eq 1 ]
	stopped
	seq 5 8 >>log
	ALL='-q' following log
	until_true grep -qx 'web1  8' watch.out
	[ "$(sed 's/.* //' watch.out | tr '\n' ' ')" = '4 5 6 7 8 ' ]
}

@test "a file that is renamed and made anew is followed, with what is still written to the old one" {
	watching
	seq 10 >log
	following log
	until_true seen 10
	mv log log.1
	seq 11 15 >>log.1
	seq 16 20 >log
	until_true seen 20
	mv log log.2
	until_true seen 20
	seq 21 22 >log
	until_true seen 22
	rm log
	echo 23 >log
	until_true seen 23
}

@test "a run goes on where the one before it was, also in files that were renamed meanwhile" {
	watching
	seq 10 >log
	following log
	until_true seen 10
	until_true acknowledged 0:10
	stopped
	seq 11 12 >>log
	mv log log.2
	seq 13 14 >log
	mv log log.1
	seq 15 16 >log
	following log
	until_true seen 16
	seq 17 18 >>log
	until_true seen 18
}

@test "a file that was replaced while nobody looked is sent from its beginning, with a word" {
	watching
	seq 10 >log
	following log
	until_true seen 10
	until_true acknowledged 0:10
	stopped
	# The same name, perhaps the same inode, other lines.
	rm log
	seq 11 40 >log
	following log
	until_true seen 40
	says follow.err 'not there any more: lines may be missing'
	: >log
	until_true grep -q 'was truncated' follow.err
	echo 41 >log
	until_true seen 41
}

@test "the network breaks, and no line is lost or comes twice" {
	watching
	mangled --breaks 5 --within 20000 --end rst
	ADDR=$THROUGH
	seq 30000 >log
	following log
	until_true seen 30000
}

@test "a watcher that is away gets all lines when it is back" {
	watching
	AT=${ADDR#*@}
	seq 5 >log
	following log
	until_true seen 5
	kill "$WATCH"
	ended 0 "$WATCH"
	mv watch.out before
	seq 6 5000 >>log
	watching
	STDOUT=watch.out
	until_true sh -c 'grep -q " 5000$" watch.out'
	cat before watch.out >both
	mv both watch.out
	had 5000
}

@test "killed in the middle and started again it has left nothing out" {
	local i

	watching
	: >log
	for i in 1 2 3; do
		following log
		seq "$((i * 3000 - 2999))" "$((i * 3000))" >>log
		until_true grep -q "$((i * 3000 - 2500))\$" watch.out
		kill -9 "$FOLLOW"
		wait "$FOLLOW" || true
	done
	following log
	until_true sh -c 'grep -q " 9000$" watch.out'
	sed -n 's/^web1  *//p' watch.out | sort -n | uniq | cmp - <(seq 9000)
}

@test "--once ends when all is acknowledged, and the status tells if it cannot be" {
	watching
	seq 100 >log
	exits 0 timeout "$PATIENCE" vz-watch -i "$(id_of alice)" --all --once --send "$ADDR" log
	seen 100
	echo 101 >>log
	exits 0 timeout "$PATIENCE" vz-watch -i "$(id_of alice)" --once --send "$ADDR" log
	seen 101
	exits 78 timeout "$PATIENCE" vz-watch -i missing --once --send "$ADDR" log 2>once.err
	exits 77 timeout "$PATIENCE" vz-watch -i "$(id_of bob)" --all --once --send "$ADDR" log 2>once.err
	says once.err 'not authorised'
}

@test "several files are told apart, and a line is waited for until it is whole" {
	watching
	echo one >a.log
	printf 'par' >b.log
	following a.log b.log
	until_true grep -qx 'web1  a.log: one' watch.out
	echo 'tial' >>b.log
	until_true grep -qx 'web1  b.log: partial' watch.out
	[ "$(wc -l <watch.out)" -eq 2 ]
}

@test "nothing that is sent does anything to a terminal, or looks like another sender's" {
	watching
	{
		printf 'a\033[2Jb\rc\007d\n'
		printf '\302\233x\342\200\256y\n'
		printf 'latin \377\376\033 end\n'
		printf '{"peer":"vz1","peer_name":"root","base64":false,"body":"forged"}\n'
		printf 'back\\slash "quoted" \\u001b end\n'
		printf 'x","base64":false,"body":"y\n'
		echo last
	} >log
	following log
	until_true grep -qx 'web1  last' watch.out
	run ! grep -q "$(printf '[\001-\010\013-\037\177]')" watch.out
	run ! grep -qv '^web1  ' watch.out
	grep -qxF 'web1  a\u001b[2Jb\u000dc\u0007d' watch.out
	grep -qxF 'web1  latin \xff\xfe\x1b end' watch.out
	grep -qxF 'web1  {"peer":"vz1","peer_name":"root","base64":false,"body":"forged"}' watch.out
	grep -qxF 'web1  back\slash "quoted" \u001b end' watch.out
	grep -qxF 'web1  x","base64":false,"body":"y' watch.out
	# A message of several lines, by another program than ours, is one line.
	printf 'one\nweb1  two' | "$SEND" -i "$(id_of dave)" --name 'web1' "$ADDR"
	until_true grep -q 'one\\u000aweb1  two' watch.out
}

@test "long lines are cut with a mark, and one that is longer than is taken does not stop the rest" {
	watching --max-line 100
	{
		head -c 99 /dev/zero | tr '\0' x
		printf 'é and more\n'
		head -c 3000000 /dev/zero | tr '\0' y
		echo
		echo after
	} >log
	following log
	until_true grep -qx 'web1  after' watch.out
	grep -qx 'web1  x\{99\} \[+11 bytes\]' watch.out
	run ! grep -q yy watch.out
	until_true grep -q 'a line was refused' follow.err
}

@test "--grep prints what matches only, and a bad expression is told" {
	watching -g 'err(or)?|\[x\]'
	printf 'fine\nerror 1\nan err\nwith [x]\nlast [x]\n' >log
	following log
	until_true grep -qx 'web1  last \[x\]' watch.out
	[ "$(sed 's/^web1  //' watch.out | tr '\n' ,)" = 'error 1,an err,with [x],last [x],' ]
	exits 64 vz-watch -g '(' 0 2>bad.err
	exits 64 vz-watch --send x 2>bad.err
	exits 64 vz-watch --send x,y log 2>bad.err
	exits 64 vz-watch 2>bad.err
	exits 64 vz-watch --all 0 2>bad.err
}

@test "on a terminal names have colours, unless NO_COLOR is set" {
	command -v tmux >/dev/null || skip 'tmux is not here'
	load terminal
	tools
	printf '%s  web1\n' "$(key_of alice)" >authorized
	for colour in '' 1; do
		mkfifo "ready$colour"
		terminal "t$colour" 80 24 env NO_COLOR="$colour" PATH="$PATH" HOME="$HOME" sh -c \
			'echo $$ >pid; exec vz-watch -q -i "$1" -a authorized --ready-fd 9 127.0.0.1:0 9>"$2"' sh "$(id_of bob)" "ready$colour"
		ADDR=$(timeout "$PATIENCE" cat "ready$colour")
		echo "line of $colour." | "$SEND" -i "$(id_of alice)" --lines "$ADDR"
		shows "t$colour" "web1  line of ${colour}[.]"
	done
	tmux_of capture-pane t -p -e | grep -q "$(printf '\033\\[3[1-6]mweb1')"
	tmux_of capture-pane t1 -p -e >plain
	run ! grep -q "$(printf '\033')" plain
	# And it ends as told by the keyboard, leaving nothing behind.
	pressed t1 C-c
	ended_by_itself() { ! alive "$(cat pid)"; }
	until_true ended_by_itself
}

@test "two that follow the same file for the same watcher do not send it twice" {
	command -v flock >/dev/null || skip 'flock is not here'
	watching
	seq 3 >log
	following log
	until_true seen 3
	exits 73 timeout "$PATIENCE" vz-watch -i "$(id_of alice)" --once --send "$ADDR" log 2>once.err
	says once.err 'followed by another one'
}
