#!/usr/bin/env bats
# scripts/vz-sync: the folder there becomes as it is here, by whole files only, and nothing beside it changes.
load helpers

setup_file() {
	identities alice bob
}

# there OPTION...: bob keeps ./there as alice has it.
there() {
	mkdir -p there
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	started listen "$LISTEN" --resume-window 1m -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" \
		127.0.0.1:0 -- "${RECEIVE[@]:-vz-sync}" --receive "$PWD/there" || return
	LISTENER=$PID
	ADDR=$READY
}
# sync_ ARG...: of alice; stderr is in send.err.
sync_() {
	timeout -k 5 "$PATIENCE" vz-sync -i "$(id_of alice)" --retry-for 20 "$@" 2>send.err 3>&- 9>&-
}

# facts FOLDER: all that is kept of what is in it.
facts() {
	(cd "$1" && find . -mindepth 1 -path ./.vz-sync -prune -o -type l -printf '%y %p %l\0' -o -type f -printf '%y %m %p %T@ %s\0' \
		-o -printf '%y %m %p %T@\0' | sort -z | tr '\0' '\n' &&
		find . -path ./.vz-sync -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
}
same() {
	facts here >here.facts
	facts there | diff here.facts -
}
# open_again: what was closed, so that anybody can clean up.
open_again() {
	chmod u+w here/closed there/closed
}
# no_rest: nothing that was on its way is left.
no_rest() {
	[ "$(ls -A there/.vz-sync)" = lock ]
}

# tree: a folder with names that shells and lists stumble over.
tree() {
	mkdir -p here/sub/deep 'here/ two  blanks ' here/empty here/closed
	echo 1 >here/file
	echo 2 >here/$'new\nline'
	echo 3 >'here/ two  blanks /-rf'
	echo 4 >here/"'quote\"\\%0A%25"
	echo 5 >here/sub/deep/größe
	echo 6 >here/$'\xff\xfe not utf-8'
	echo 7 >here/-
	echo 8 >here/--help
	echo 9 >here/'tab	*?[a] $(id) '
	: >here/closed/nothing
	ln -s /etc/passwd here/link
	ln -s '../x//y z ' here/$'sub/li\nnk '
	ln here/file here/hard
	chmod 640 here/file
	chmod 555 here/closed
	touch -d '2001-02-03 04:05:06.789' here/file here/empty
}

@test "a folder becomes the same there, whatever its names are, and stays so at no cost" {
	tree
	there
	exits 0 sync_ -n here "$ADDR" >out
	grep -qx 'send   link' out
	[ "$(ls -A there)" = '' ]
	exits 0 sync_ here "$ADDR" >out
	[ ! -s out ]
	same
	# From the second time on what did not change is not sent.
	exits 0 sync_ -v -o --log-json here "$ADDR"
	run ! grep -q '"name":"vz-sync put"\|vz-sync: send' send.err
	[ "$(grep -c '"event":"delivered"' send.err)" -eq 1 ]
	# What is not text is nothing that a terminal obeys.
	: >here/$'\e]0;title\a'
	exits 0 sync_ -n here "$ADDR" >out
	run ! grep -q $'\e\|\a' out
	open_again
}

@test "what changed is sent, of all kinds, and what is gone goes with --delete only" {
	tree
	there
	exits 0 sync_ here "$ADDR"
	chmod 600 here/file
	echo longer >here/sub/deep/größe
	rm here/link here/--help
	mv here/- here/renamed
	mkdir here/link
	echo in >here/link/in
	rm -r here/empty
	echo 'file now' >here/empty
	echo extra >there/extra
	mkdir there/more
	ln -s /etc there/more/etc
	exits 3 sync_ here "$ADDR"
	says send.err 'in the way of empty'
	[ -e there/extra ] && [ -e there/- ]
	exits 0 sync_ -n --delete here "$ADDR" >out
	grep -qx 'remove more/etc' out
	[ -e there/extra ]
	exits 0 sync_ --delete here "$ADDR"
	same
	no_rest
	# One that nothing may be written to.
	chmod 755 here/closed
	echo x >here/closed/more
	chmod 555 here/closed
	exits 0 sync_ --delete here "$ADDR"
	same
	open_again
}

@test "the README shows what a dry run prints" {
	mkdir -p www/img www/.git there
	touch www/index.html www/img/logo.svg www/.git/config there/old.html
	there
	exits 0 sync_ -n --delete -x .git www "$ADDR" >out
	sed -n '/[$] vz-sync -n/,/[$] vz-sync --delete/s/^    \([a-z]* .*\)/\1/p' "$VZ_TREE/README.md" >shown
	[ "$(wc -l <shown)" -ge 4 ]
	cmp shown out
}

@test "a file that differs in its bytes only is found by --checksum" {
	mkdir here
	echo one >here/file
	there
	exits 0 sync_ here "$ADDR"
	echo two >here/file
	touch -r there/file here/file
	exits 0 sync_ here "$ADDR"
	[ "$(cat there/file)" = one ]
	exits 0 sync_ -c here "$ADDR"
	same
	touch here/file
	exits 0 sync_ -v -c here "$ADDR"
	grep -qx 'vz-sync: set    file' send.err
	same
}

@test "what is excluded is neither sent nor removed" {
	mkdir -p here/a/cache here/cache here/b
	touch here/a/cache/1 here/cache/2 here/b/x.o here/b/x.c here/keep
	there
	mkdir there/cache
	touch there/cache/theirs there/y.o there/other
	exits 0 sync_ --delete -x /cache -x '*.o' here "$ADDR"
	[ "$(cd there && find . -type f ! -path './.vz-sync/*' | sort | tr '\n' ' ')" = './a/cache/1 ./b/x.c ./cache/theirs ./keep ./y.o ' ]
	exits 0 sync_ --delete --exclude=cache here "$ADDR"
	[ -e there/a/cache/1 ] && [ -e there/cache/theirs ] && [ ! -e there/y.o ]
}

@test "a connection that breaks goes on where it was" {
	mkdir here
	bytes 8000000 here/one
	bytes 3000000 here/two
	there
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --breaks 8 --seed 5 --within 11000000 --dir both --end rst
	exits 0 sync_ -o -v here "$READY"
	[ "$(grep -c '^break' mangle.out)" -eq 8 ]
	grep -q 'resumed$' send.err
	same
}

# staged: something has come, and not yet to its place.
staged() {
	[ -n "$(find there/.vz-sync -path '*/tree/*' -type f)" ]
}
# hanging: alice's sync hangs in the middle of its second archive. Sets SENDING.
hanging() {
	mkdir -p bin
	[ -p never ] || mkfifo never
	echo 0 >calls
	cat >bin/tar <<-'SH'
		#!/bin/sh
		PATH=${PATH#*:}
		[ "$1" = --create ] || exec tar "$@"
		n=$(($(cat "$AT/calls") + 1))
		echo "$n" >"$AT/calls"
		[ "$n" -ge 2 ] || exec tar "$@"
		tar "$@" | head -c 300000
		exec cat "$AT/never"
	SH
	chmod +x bin/tar
	AT=$PWD PATH=$PWD/bin:$PATH vz-sync -i "$(id_of alice)" --retry-for 0 here "$ADDR" 2>send.err 3>&- 9>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true eval 'staged && [ "$(cat calls)" = 2 ]'
}
# whole_ones N: so many files are in their place, and each is as it was.
whole_ones() {
	[ "$(find there -path there/.vz-sync -prune -o -type f -print | wc -l)" -eq "$1" ]
	run ! grep -v '^Only in' <(diff -r here there)
}

@test "a run that is killed at any place leaves no half file, and the next one goes on" {
	local i

	mkdir here there
	for i in {1..2300}; do
		echo "$i is in it" >"here/$i"
	done
	there
	hanging
	kill "$SENDING"
	ended 143 "$SENDING"
	until_true no_rest
	whole_ones 1000
	hanging
	kill -9 "$LISTENER"
	ended 65,69,75 "$SENDING"
	until_true no_rest
	whole_ones 2000
	# What a power cut leaves aside goes at the next run.
	mkdir there/.vz-sync/left
	echo x >there/.vz-sync/left/x
	there
	exits 0 sync_ -v here "$ADDR"
	[ "$(grep -c 'vz-sync: send' send.err)" -eq 300 ]
	same
	no_rest
}

@test "a file that changes while it is sent is not there until it is whole" {
	mkdir here bin
	echo before >here/file
	echo other >here/other
	there
	exits 0 sync_ here "$ADDR"
	echo changed >here/file
	touch here/other
	# It changes between its hash and its sending.
	cat >bin/tar <<-'SH'
		#!/bin/sh
		[ "$1" != --create ] || echo "while it was sent" >"$HERE/file"
		PATH=${PATH#*:}
		exec tar "$@"
	SH
	chmod +x bin/tar
	export HERE=$PWD/here
	PATH=$PWD/bin:$PATH exits 3 sync_ here "$ADDR"
	says send.err 'not the same yet: 1 of 2, such as file'
	[ "$(cat there/file)" = before ]
	exits 0 sync_ here "$ADDR"
	same
}

@test "what cannot be read is told by 66, the rest is sent, and nothing is removed" {
	[ "$(id -u)" -eq 0 ] || skip 'root runs it as another user'
	tree
	there
	exits 0 sync_ here "$ADDR"
	echo secret >here/secret
	mkdir here/shut
	touch here/shut/in here/new there/extra
	chmod 0 here/secret here/shut
	cp -r "$(dirname "$(id_of alice)")" alice
	mkdir -p other/tmp
	chown -R nobody alice other
	chmod 755 . "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
	HOME=$PWD/other TMPDIR=$PWD/other/tmp exits 66 timeout 60 setpriv --reuid nobody --clear-groups \
		env "PATH=$PATH" vz-sync --delete -i "$PWD/alice/identity" here "$ADDR" 2>send.err 3>&-
	says send.err 'hint: nothing is removed'
	[ -e there/new ] && [ -e there/extra ] && [ ! -e there/secret ]
	# An empty folder is taken for one that is not mounted.
	mkdir none
	exits 66 sync_ --delete none "$ADDR"
	[ -e there/new ]
	exits 66 sync_ missing "$ADDR"
}

# message LIST MEMBERS: what a sender of bad will sends. MEMBERS are lines of python: add(name, type, data).
message() {
	printf '%s' "$1" >list
	printf 'list %08d\n' "$(stat -c %s list)"
	cat list
	[ -n "$2" ] || return 0
	python3 - "$2" <<-'PY'
		import io, sys, tarfile
		t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.GNU_FORMAT)
		def add(name, type=tarfile.REGTYPE, data=b'', link='', mode=0o644):
		    i = tarfile.TarInfo(name)
		    i.type, i.size, i.linkname, i.mode = type, len(data), link, mode
		    t.addfile(i, io.BytesIO(data))
		L, H, D, C = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE
		exec(sys.argv[1])
		t.close()
	PY
}
# evil STATUS REQUEST LIST MEMBERS
evil() {
	message "$3" "${4:-}" >evil.message
	exits "$1" send -r --name "vz-sync $2" "$ADDR" evil.message >reply
}
X=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 # of x
f() { echo "f 644 1.0 1 $X $1"; }

@test "no path of a sender leads out of the folder, by name or by link" {
	local path

	mkdir -p there/inside outside
	echo keep >outside/keep
	ln -s "$PWD/outside" there/out
	ln -s inside there/in
	ln -s "$PWD/outside/keep" there/of
	there
	{ facts outside; stat -c '%a %Y' outside; } >before
	for path in ../outside/x "$PWD/outside/x" a/../../outside/x . .. '' a//b a/ ./x .vz-sync/x .vz-sync a/./b $'a\nb' '%2e%2e/x' '%' \
		"$(printf '%04200d' 1)"; do
		evil 1 put "$(f "$path")"$'\n'
	done
	for path in ../outside/keep .vz-sync/lock; do
		evil 1 set "f 755 1.0 0 - $path"$'\n'
		evil 1 set "d 755 1.0 - - $path"$'\n'
		evil 1 set "x - - - - $path"$'\n'
	done
	# Through links that are there, or come with it.
	evil 3 put "$(f out/x)"$'\n' "add('out/x', data=b'x')"
	evil 3 put "$(f in/x)"$'\n' "add('in/x', data=b'x')"
	evil 3 set "d 755 1.0 - - out/x"$'\n'
	evil 3 set "d 700 1.0 - - out"$'\n'
	evil 3 set "f 700 1.0 0 - out/keep"$'\n'
	evil 3 set "f 700 1.0 0 - of"$'\n'
	evil 0 set "x - - - - out/keep"$'\n'
	evil 4 put "l - - - - a//$PWD/outside"$'\n'"$(f a/x)"$'\n' "add('a', L, link='$PWD/outside'); add('a/x', data=b'x')"
	evil 4 put "l - - - - b//../../../../outside"$'\n'"$(f b/x)"$'\n' "add('b', L, link='../../../../outside'); add('b/x', data=b'x')"
	# The archive says something else than the list.
	evil 1,4 put "$(f x)"$'\n' "add('../x', data=b'x')"
	evil 1,4 put "$(f x)"$'\n' "add('../../../../outside/x', data=b'x')"
	evil 1 put "$(f x)"$'\n' "add('$PWD/outside/x', data=b'x')"
	evil 1 put "$(f x)"$'\n' "add('y', data=b'x')"
	evil 1,4 put "$(f x)"$'\n' "add('x', H, link='$PWD/outside/keep')"
	evil 1,4 put "$(f x)"$'\n' "add('x', H, link='../../../../outside/keep')"
	evil 1 put "$(f x)"$'\n'"$(f y)"$'\n' "add('x', data=b'x'); add('y', H, link='x')"
	empty there/inside
	no_rest
	rm -r there/.vz-sync
	ln -s ../outside there/.vz-sync
	evil 5 put "$(f x)"$'\n' "add('x', data=b'x')"
	{ facts outside; stat -c '%a %Y' outside; } | diff before -
	[ "$(cd there && echo .vz* *)" = '.vz-sync in inside of out' ]
}

@test "what is not as its list says never gets to its place, and no bits of privilege do" {
	there
	for list in "$(f x)" "f 644 1.0 2 $X x" "f 644 1.0 1 ${X%1}0 x" 'l - - - - x//y'; do
		evil 0 put "$list"$'\n' "add('x', data=b'y')"
		[ "$(cat reply)" = '0 1' ]
	done
	evil 0 put "$(f x)"$'\n' "add('x', D)"
	evil 0 put "$(f x)"$'\n' "add('x', L, link='y')"
	[ "$(id -u)" -ne 0 ] || evil 0 put "$(f x)"$'\n' "add('x', C)"
	[ "$(ls -A there)" = .vz-sync ]
	evil 0 put "$(f x)"$'\n' "add('x', data=b'x', mode=0o6755)"
	[ "$(stat -c %a there/x)" = 644 ]
	for list in "f 4755 1.0 1 $X x" "f 75 1.0 1 $X x" "f 644 now 1 $X x" "f 644 1.0 -1 $X x" 'f 644 1.0 1 zz x' "$(f x)"$'\n'"$(f x)" \
		'b 644 1.0 - - x' 'd 755 1.0 - - x' 'x - - - - x' '' 'l - - - - x'; do
		[ -z "$list" ] || evil 1 put "$list"$'\n' "add('x', data=b'x')"
	done
	# No list, one that is cut, one that is too long.
	for head in '' 'list 1' 'list 0000001x' 'list 99999999' 'list -0000001' 'lost 00000001' 'list 00000009'; do
		exits 1 send -r --name 'vz-sync put' "$ADDR" <<<"$head" >reply
	done
	head -c 1000000 /dev/zero >zeros
	exits 1 send -r --name 'vz-sync set' "$ADDR" zeros
	for request in '' list2 'put x' '../list' rm; do
		exits 1 send -r --name "vz-sync $request" "$ADDR" <<<x
	done
	printf 'list 00000000\n' >rubbish
	bytes 20000 bytes
	cat bytes >>rubbish
	exits 4 send -r --name 'vz-sync put' "$ADDR" rubbish
	no_rest
	VZ_PEER='' exits 64 vz-sync --receive there 2>x.err
	VZ_PEER=vz1x VZ_MESSAGE_NAME='vz-sync list' exits 5 vz-sync --receive missing 2>x.err
}

@test "a host that lies gets nothing removed here, and no words on the terminal" {
	mkdir here
	echo x >here/x
	cat >liar <<-'SH'
		#!/bin/sh
		cat "$PWD/answer"
	SH
	chmod +x liar
	RECEIVE=("$PWD/liar")
	there
	for answer in 'hello' $'f 644 1.0 1 - \e]0;x\a/../y' 'x - - - - ../here/x' 'f 644 1.0 1 - ../here/x'; do
		printf '%s\n' "$answer" >answer
		exits 76 sync_ --delete here "$ADDR"
		run ! grep -q $'\e' send.err
	done
	printf 'f 644 1.0 1 - \e]0;x\a\n' >answer
	exits 0 sync_ -n --delete here "$ADDR" >out
	grep -q 'remove ?]0;x?' out
	[ "$(cat here/x)" = x ]
}

@test "a full disk gives 4, and what was there stays as it was" {
	small_disk there 2m
	there
	mkdir here
	echo old >here/file
	exits 0 sync_ here "$ADDR"
	bytes 3000000 here/file
	exits 4 sync_ here "$ADDR"
	says send.err 'hint: there is no room'
	[ "$(cat there/file)" = old ]
	until_true no_rest
	echo new >here/file
	exits 0 sync_ here "$ADDR"
	same
}

@test "what a disk does not keep does not get to its place" {
	mkdir here
	echo old >here/file
	there
	exits 0 sync_ here "$ADDR"
	no_disk
	PATH=$PWD/bin:$PATH there
	echo new >here/file
	exits 4 sync_ here "$ADDR"
	[ "$(cat there/file)" = old ]
	until_true no_rest
}

@test "two at a time leave whole files, one of either" {
	local i

	mkdir here other
	for i in {1..300}; do
		echo "one $i" >"here/$i"
		echo "the other $i" >"other/$i"
	done
	there
	timeout 60 vz-sync -i "$(id_of alice)" --state "$PWD/state" other "$ADDR" 2>other.err 3>&- 9>&- &
	STARTED+=("$!")
	OTHER=$!
	exits 0,3 sync_ here "$ADDR"
	ended 0,3 "$OTHER"
	[ "$(cat there/* | sort | uniq -d | wc -l)" -eq 0 ]
	[ "$(cat there/* | grep -Exc '(one|the other) [0-9]+')" -eq 300 ]
	exits 0 sync_ here "$ADDR"
	same
}

# waiting_for_lock: somebody does.
waiting_for_lock() {
	grep -alsxzF -e -w /proc/[0-9]*/cmdline | while read -r file; do
		[ "$(tr '\0' ' ' <"$file")" != 'flock -w 60 9 ' ] || echo "$file"
	done | grep -q .
}

@test "a folder that somebody else writes to is waited for" {
	mkdir here there there/.vz-sync
	echo x >here/x
	there
	exec 7>>there/.vz-sync/lock
	flock 7
	vz-sync -i "$(id_of alice)" here "$ADDR" 2>send.err 3>&- 7>&- 9>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	until_true waiting_for_lock
	[ ! -e there/x ]
	exec 7>&-
	ended 0 "$SENDING"
	same
}

@test "help is the head, and wrong use gives 64" {
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	vz-sync --help | grep -q '^usage: vz-sync'
	for words in '' 'd' 'd a b' '--delete=x . a' '-x' '--odd . a' '-z . a' '. a,b' '. @g' '--receive . d' '--exclude= . d'; do
		# shellcheck disable=SC2086 # words
		exits 64 sync_ $words
		says send.err 'hint: vz-sync --help'
	done
}
