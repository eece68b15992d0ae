#!/usr/bin/env bats
# Questions and their replies, one and many, whole and broken.
load helpers

setup_file() {
	identities alice
}

# answerer ARG...: starts one (tests/fault/answerer.c). Sets ADDR.
answerer() {
	started answerer "$FAULT/answerer" --ready-fd 9 "$@" || return
	ADDR=$READY
}

# ask ARG...: alice asks ADDR; the reply goes to `out`.
ask() {
	local -a last=("$ADDR")

	[ "$1" != --run ] || last=()
	send -r "$@" "${last[@]}" >out
}

x_times() { head -c "$1" /dev/zero | tr '\0' x; }

@test "a reply is what comes out" {
	answerer echo
	printf 'a\nb' >in
	exits 0 ask <in
	cmp in out
	exits 0 send -r "$ADDR" in >out
	cmp in out
	exits 0 send -r --run "$ADDR" -- cat in >out
	cmp in out
	exits 0 ask -n <in
	[ ! -s out ]
}

@test "a reply in parts streams" {
	answerer parts
	bytes 200000 in
	exits 0 ask <in
	cmp in out
}

@test "the answer's status is the exit status, and the reply is shown" {
	answerer status 3
	echo why >in
	exits 3 ask <in
	cmp in out
	says send.err 'the command there exited 3'
}

@test "a reply that breaks off is not taken for whole: what came is written" {
	answerer half
	x_times 1000 >in
	exits 79 ask <in
	head -c 500 in | cmp - out
	answerer cut 0
	exits 65 ask <in
	says send.err 'broke before delivery was confirmed'
}

@test "a reader that is gone is 74, one that is slow gets all" {
	answerer parts
	bytes 200000 in
	send -r "$ADDR" <in | { read -r -t 1 -n 1 -u 3 3< <(sleep 2) || true; cat; } >out
	cmp in out
	yes | head -n 2000000 >in
	answerer echo
	exits 74 send -r --lines "$ADDR" <in > >(exec head -c 1 >/dev/null)
	says send.err 'standard output: broken pipe'
	exits 74 ask_full <in
}

ask_full() { send -r --lines "$ADDR" >/dev/full; }

@test "a terminal is shown nothing but text, unless --raw" {
	answerer echo
	printf 'a\033[31mb\tc\n' >in
	script -qec "'$SEND' -i '$(id_of alice)' -r '$ADDR' <in" /dev/null </dev/null | tr -d '\r' >out
	printf 'a\\x1b[31mb\tc\n' | cmp - out
	script -qec "'$SEND' -i '$(id_of alice)' -r --raw '$ADDR' <in" /dev/null </dev/null | tr -d '\r' >out
	cmp in out
}

@test "replies are written in the order of the questions, however they come" {
	seq 3003 >in
	for how in echo 'reverse 0' 'reverse 7' parts; do
		# shellcheck disable=SC2086 # words
		answerer $how
		exits 0 ask --lines --in-flight 700 <in
		cmp in out
		exits 0 ask --null --in-flight 70 < <(tr '\n' '\0' <in)
		tr '\0' '\n' <out | cmp - in
	done
}

@test "--unordered writes each reply after its question's number" {
	answerer reverse 10
	seq 101 120 >in
	exits 0 ask --lines --unordered --in-flight 10 <in
	[ "$(head -n 1 out)" = $'10\t110' ]
	seq 101 120 | nl -w 1 >want
	sort -n out | cmp - want
}

@test "100,000 questions in flight together come back matched" {
	answerer echo
	seq 100000 >in
	exits 0 ask --lines --in-flight 16384 <in
	cmp in out
	exits 0 send -r --lines "$ADDR" <in > >(sleep 0.5; exec cat >out)
	until_true cmp in out
}

@test "replies of every size come as items" {
	answerer echo
	for n in 0 1 16383 16384 16385 100000; do x_times "$n"; echo; done >in
	exits 0 ask --lines <in
	cmp in out
	printf '\0\0\0\2\n\n\0\0\0\0\0\0\0\1\0' >in
	exits 0 ask --frames <in
	cmp in out
}

@test "a reply of two lines is refused under --lines and leaves an empty line" {
	answerer newline
	seq 3 >in
	exits 65 ask --lines <in
	says send.err 'message 2: its reply has more than one line'
	printf '\n\n\n' | cmp - out
	exits 0 ask --null < <(printf 'a\0')
	printf 'one\ntwo\n\0' | cmp - out
}

@test "a question that fails keeps its place, and the first of them is the status" {
	answerer refuse 2
	seq 5 >in
	exits 77 ask --lines <in
	printf '1\n\n3\n\n5\n' | cmp - out
	says send.err 'message 2: refused'
	exits 77 ask --lines --unordered <in
	sort -n out | cmp - <(printf '1\t1\n3\t3\n5\t5\n')
	answerer status 9
	exits 9 ask --lines <in
	cmp in out
	answerer ranks 5
	exits 1 ask --lines <in
	cmp in out
	answerer half
	exits 79 ask --lines < <(echo abcd; echo efgh)
	printf '\n\n' | cmp - out
}

@test "what broke off in a batch ends the output, with 65" {
	answerer cut 5
	mkfifo in
	ask --lines <in &
	asker=$!
	exec 8>in
	seq 5 >&8
	until_true grep -qx 5 out
	echo 6 >&8
	exec 8>&-
	ended 65 $asker
	seq 5 | cmp - out
}

@test "what comes before its turn is bounded: the last replies are dropped with 75" {
	answerer reverse 5000
	yes "$(x_times 16000)" | head -n 5000 >in
	exits 75 send -r --lines --in-flight 5000 "$ADDR" <in >out
	says send.err 'too much came before its turn'
	[ "$(wc -l <out)" -eq 5000 ]
	head -n 4000 in | cmp -n 64004000 - out
	[ "$(grep -c . out)" -lt 4300 ]
	[ "$(tail -n 1 out)" = '' ]
}

@test "a single question is answered at once" {
	answerer echo
	mkfifo in
	ask --lines <in &
	asker=$!
	exec 8>in
	for n in 1 2 3; do
		echo "$n" >&8
		until_true grep -qx "$n" out
	done
	exec 8>&-
	ended 0 $asker
}
