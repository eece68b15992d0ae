#!/usr/bin/env bats
# scripts/vz-backup: what was read arrives, stays and comes back as it was, or a status says that it does not.
load helpers

setup_file() {
	identities alice bob carol
}

# store OPTION...: bob keeps alice's and carol's backups in ./store.
store() {
	mkdir -p store
	BREAKS_END_LISTEN=(--resume-window 1m)
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 --allow "$(key_of alice)" \
		--allow "$(key_of carol)" 127.0.0.1:0 -- "${RECEIVE[@]:-vz-backup}" --receive "$PWD/store" "$@" || return
	LISTENER=$PID
	ADDR=$READY
	KEPT=store/$(key_of alice)
}

# backup ARG...: of alice; stderr is in send.err.
backup() {
	timeout -k 5 "$PATIENCE" vz-backup -i "$(id_of "${SENDER:-alice}")" --retry-for 20 "$@" 2>send.err 3>&- 9>&-
}

# kept NAME N: so many generations are there.
kept() {
	[ "$(find "$KEPT/$1" -name '[0-9]*' | wc -l)" -eq "$2" ]
}
# nothing_new: nothing is there but what has become a generation.
nothing_new() {
	[ -z "$(find store -name '.new-*')" ]
}

@test "a stream, a file and a command's output become generations, and come back as they were" {
	bytes 3000000 in
	store
	exits 0 backup "$ADDR" in
	exits 0 backup "$ADDR" -- cat in
	exits 0 backup "$ADDR" <in
	exits 0 backup -v -n in "$ADDR" <<<two
	grep -q '^vz-backup: in 2: 4 bytes, data, [0-9a-f]*$' send.err
	: >nothing
	exits 0 backup "$ADDR" nothing
	backup --list "$ADDR" | cut -d ' ' -f 1,2,4,5 >list
	printf '%s\n' 'cat 1 data 3000000' 'in 1 data 3000000' 'in 2 data 4' 'nothing 1 data 0' 'stdin 1 data 3000000' |
		cmp - list
	for name in cat in stdin; do
		exits 0 backup -n "$name" -g 1 --restore "$ADDR" >out
		cmp in out
	done
	[ "$(backup -n in --restore "$ADDR")" = two ]
	exits 0 backup --verify "$ADDR" >out
	[ "$(grep -c ': ok$' out)" -eq 5 ]
	exits 2 backup -n in -g 3 --restore "$ADDR"
	exits 2 backup -n none --restore "$ADDR"
	nothing_new
}

# tree: a folder with names that shells and lists stumble over.
tree() {
	mkdir -p dir/sub/deep 'dir/ two  blanks ' dir/empty
	echo 1 >dir/file
	echo 2 >dir/$'new\nline'
	echo 3 >'dir/ two  blanks /-rf'
	echo 4 >dir/"'quote\"\\back"
	echo 5 >dir/sub/deep/größe
	ln -s /etc/passwd dir/link
	chmod 640 dir/file
	touch -d '2001-02-03 04:05:06.789' dir/file
}
# facts FOLDER: what is there, for comparing.
facts() {
	(cd "$1" && find . -printf '%y %m %p %l\0' | sort -z | tr '\0' '\n' && find . -type f -print0 | sort -z |
		xargs -0 sha256sum && find . -type f -printf '%T@ %p\0' | sort -z)
}

@test "a folder goes in increments, and comes back as it is and as it was" {
	tree
	bytes 500000 dir/much
	store
	exits 0 backup -t dir "$ADDR"
	cp -a dir first
	rm -r dir/sub dir/file
	echo 6 >dir/later
	mv dir/empty dir/renamed
	exits 0 backup -t dir "$ADDR"
	cp -a dir second
	rm dir/link
	mkdir dir/link
	echo 7 >dir/link/in
	exits 0 backup -t dir "$ADDR"
	[ "$(backup -n dir --list "$ADDR" | cut -d ' ' -f 4 | tr '\n' ' ')" = 'full incr incr ' ]
	# What did not change is not sent again.
	[ "$(backup -n dir --list "$ADDR" | awk '$2 > 1 { n += $5 } END { print n }')" -lt 100000 ]
	for n in 1 2 3; do
		exits 0 backup -n dir -g "$n" -C "out$n" --restore "$ADDR"
	done
	facts first | cmp - <(facts out1)
	facts second | cmp - <(facts out2)
	facts dir | cmp - <(facts out3)
	# Not over what is there.
	exits 73 backup -n dir -C out3 --restore "$ADDR"
	facts dir | cmp - <(facts out3)
	exits 0 backup -t dir -f "$ADDR" -- --exclude=./much
	exits 0 backup -n dir -C out4 --restore "$ADDR"
	[ ! -e out4/much ]
	[ -e out4/later ]
	exits 0 backup -t dir --chain 0 "$ADDR"
	[ "$(backup -n dir --list "$ADDR" | cut -d ' ' -f 4 | tr '\n' ' ')" = 'full incr incr full full ' ]
}

@test "a producer that fails leaves nothing there, and the next increment makes up for it" {
	tree
	store
	exits 65 backup "$ADDR" -- sh -c 'head -c 3000000 /dev/zero; exit 7'
	says send.err 'sh exited 7, and nothing is stored'
	exits 65 backup "$ADDR" -- sh -c 'head -c 3000000 /dev/zero; kill -9 $$'
	exits 65 backup "$ADDR" -- "$PWD/missing"
	until_true nothing_new
	[ -z "$(find store -name '[0-9]*')" ]
	exits 0 backup -t dir "$ADDR"
	echo new >dir/new
	exits 65 backup -t dir "$ADDR" -- missing-too
	exits 0 backup -t dir "$ADDR"
	kept dir 2
	exits 0 backup -n dir -C out --restore "$ADDR"
	[ "$(cat out/new)" = new ]
	exits 66 backup -t dir/none "$ADDR"
	exits 66 backup "$ADDR" dir/none
}

@test "a connection that breaks goes on where it was, also of a folder and of what comes back" {
	mkdir dir
	bytes 12000000 dir/in
	store
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --breaks 8 --seed 3 --within 12000000 \
		--dir both --end rst
	exits 0 backup -o -v -t dir "$READY"
	grep -q 'resumed$' send.err
	[ "$(grep -c '^break' mangle.out)" -eq 8 ]
	kept dir 1
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" --breaks 5 --seed 4 --within 10000000 --dir both --end fin
	exits 0 backup -n dir -C out --restore "$READY"
	cmp dir/in out/in
}

# begun: the other side has something of it.
begun() {
	[ -n "$(find store -name '.new-*' -size +100k)" ]
}

@test "a backup that is killed leaves nothing, and the next one is whole" {
	local how

	mkdir tmp
	export TMPDIR=$PWD/tmp
	tree
	store
	exits 0 backup -t dir "$ADDR"
	mkfifo dir.fifo
	for how in TERM HUP; do
		vz-backup -i "$(id_of alice)" -n s "$ADDR" <dir.fifo 2>send.err 3>&- 9>&- &
		SENDING=$!
		STARTED+=("$SENDING")
		exec 7>dir.fifo
		head -c 300000 /dev/zero >&7
		until_true begun
		kill "-$how" "$SENDING"
		ended 129,143 "$SENDING"
		exec 7>&-
		until_true nothing_new
	done
	# The other host's own, too: whole or not there.
	vz-backup -i "$(id_of alice)" -n s --retry-for 0 "$ADDR" <dir.fifo 2>send.err 3>&- 9>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>dir.fifo
	head -c 300000 /dev/zero >&7
	until_true begun
	kill -9 "$LISTENER"
	exec 7>&-
	ended 65,69,75 "$SENDING"
	until_true nothing_new
	[ ! -e "$KEPT/s" ]
	store
	echo new >dir/new
	exits 0 backup -t dir "$ADDR"
	exits 0 backup -n dir -C out --restore "$ADDR"
	facts dir | cmp - <(facts out)
	empty tmp
}

@test "an increment whose ground is gone is all of the folder instead" {
	tree
	store
	exits 0 backup -t dir "$ADDR"
	rm "$KEPT"/dir/0*
	exits 0 backup -v -t dir "$ADDR"
	says send.err 'bytes, full'
	# The ground goes while tar runs.
	mkdir bin
	cat >bin/tar <<-'SH'
		#!/bin/sh
		mv "$ADDED" "$ADDED.done" 2>/dev/null && vz-backup -i "$OTHER" --state "$PWD/other" -n dir "$ADDR" "$ADDED.done"
		PATH=${PATH#*:}
		exec tar "$@"
	SH
	chmod +x bin/tar
	echo between >added
	OTHER=$(id_of alice)
	export ADDED=$PWD/added ADDR OTHER
	echo new >dir/new
	PATH=$PWD/bin:$PATH exits 0 backup -v -t dir "$ADDR"
	says send.err 'bytes, full'
	says send.err 'all of it, then'
	[ "$(backup -n dir --list "$ADDR" | cut -d ' ' -f 4 | tr '\n' ' ')" = 'full data full ' ]
	# What was kept here is lost: nothing is taken for granted either.
	rm -r home/.local/state/vz/backup
	exits 0 backup -v -t dir "$ADDR"
	says send.err 'bytes, full'
	# A link of the chain was taken away by hand: no restore with a hole in it.
	echo 1 >dir/1
	exits 0 backup -t dir "$ADDR"
	echo 2 >dir/2
	exits 0 backup -t dir "$ADDR"
	rm "$KEPT"/dir/*5-*
	exits 65 backup -n dir -C out --restore "$ADDR"
	exits 65 backup --verify "$ADDR" >out
	grep -q '^dir 5 .*: missing$' out
}

@test "old generations go, but none that one which stays goes on from, and none that is young" {
	local n

	mkdir dir
	store --keep 3
	for n in 1 2 3 4 5; do
		echo "$n" >dir/file
		exits 0 backup --chain 3 -t dir "$ADDR"
		exits 0 backup -n s "$ADDR" <<<"$n"
	done
	[ "$(backup --list "$ADDR" | cut -d ' ' -f 1,2,4 | tr '\n' ,)" = \
		'dir 1 full,dir 2 incr,dir 3 incr,dir 4 incr,dir 5 full,s 3 data,s 4 data,s 5 data,' ]
	for n in 6 7; do
		exits 0 backup -t dir "$ADDR"
	done
	[ "$(backup -n dir --list "$ADDR" | cut -d ' ' -f 2 | tr '\n' ,)" = '5,6,7,' ]
	exits 0 backup --verify "$ADDR" >out
	[ "$(grep -c ': ok$' out)" -eq 6 ]
	store --keep 1 --days 2
	f=$(echo "$KEPT"/s/00000003-*)
	mv "$f" "${f%%-*}-$(date -u -d '-3 days' +%Y%m%dT%H%M%SZ)-${f#*-*-}"
	f=$(echo "$KEPT"/s/00000004-*)
	mv "$f" "${f%%-*}-$(date -u -d '-1 days' +%Y%m%dT%H%M%SZ)-${f#*-*-}"
	exits 0 backup -n s "$ADDR" <<<6
	[ "$(backup -n s --list "$ADDR" | cut -d ' ' -f 2 | tr '\n' ,)" = '4,5,6,' ]
}

@test "what has rotted or was put in its place there is found" {
	store
	exits 0 backup -n a "$ADDR" <<<first
	exits 0 backup -n a "$ADDR" <<<second
	exits 0 backup -n b "$ADDR" <<<third
	echo Second >"$(echo "$KEPT"/a/00000002-*)"
	sum=$(sha256sum <<<Third)
	mv "$KEPT"/b/*1-* "$(echo "$KEPT"/b/*1-* | sed 's/-[^-]*$//')-${sum%% *}"
	echo Third >"$(echo "$KEPT"/b/00000001-*)"
	exits 65 backup --verify "$ADDR" >out
	cut -d : -f 1,4- out | sed 's/ [^ ]* data//' >short
	grep -q '^a 1 .*: ok$' out
	grep -q '^a 2 .*: damaged$' out
	grep -q '^b 1 .*: not what was sent$' out
	exits 65 backup -n a --restore "$ADDR" >out
	exits 65 backup -n b --restore "$ADDR" >out
	exits 0 backup -n a -g 1 --restore "$ADDR" >out
	# Who does not know what was sent finds the damage, too.
	exits 65 backup --state "$PWD/other" -n a --restore "$ADDR" >out
}

@test "what comes again after its verdict was lost is kept once" {
	local attempt

	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	mkdir store
	for attempt in 1 2 3; do
		VZ_PEER=$(key_of alice) VZ_MESSAGE_NAME='vz-backup put s data -' VZ_ATTEMPT=$attempt \
			timeout "$PATIENCE" vz-backup --receive store <<<same >"reply$attempt"
	done
	cmp reply1 reply2
	cmp reply1 reply3
	[ "$(find store -name '0*' | wc -l)" -eq 1 ]
	VZ_PEER=$(key_of alice) VZ_MESSAGE_NAME='vz-backup put s data -' VZ_ATTEMPT=2 \
		timeout "$PATIENCE" vz-backup --receive store <<<other >reply
	[ "$(find store -name '0*' | wc -l)" -eq 2 ]
}

@test "a sender has folders of its own, and no name leads out of them" {
	local name

	store
	exits 0 backup -n mine "$ADDR" <<<secret
	sum=$(sha256sum <<<secret)
	SENDER=carol exits 0 backup --list "$ADDR" >out
	[ ! -s out ]
	SENDER=carol exits 2 backup -n mine --restore "$ADDR"
	SENDER=carol exits 0 backup --state "$PWD/carols" -n mine "$ADDR" <<<hers
	kept mine 1
	[ "$(backup -n mine --restore "$ADDR")" = secret ]
	find . -path ./home -prune -o ! -name '*.err' ! -name out ! -name '*.list' -print | sort >before.list
	for name in 'put ../x data -' 'put . data -' 'put .. data -' 'put a/b data -' 'put /tmp/x data -' 'put -x data -' \
		'put .new data -' 'put * data -' 'put $(id) data -' "put $(printf %0101d 1) data -" 'put x' 'put x data' \
		'put x odd -' 'put x full - -' 'head ..' "list ../$(key_of alice)" 'verify *' 'list a b' \
		"get ../$(key_of alice)/mine 1 ${sum%% *}" 'get mine ../1 x' 'get mine 1 *' 'get mine 0x1 0' 'rm mine' '' \
		'put a;touch${IFS}x data -' 'put größe data -'; do
		exits 1 send -r --name "vz-backup $name" "$ADDR" <<<evil >out
		[ ! -s out ]
	done
	exits 1 send -r "$ADDR" <<<evil
	exits 3 send -r --name 'vz-backup put mine incr -' "$ADDR" <<<evil
	exits 3 send -r --name "vz-backup put new incr $(printf %064d 1)" "$ADDR" <<<evil
	exits 2 send -r --name "vz-backup get mine 1 ${sum%%? *}" "$ADDR" <<<evil
	find . -path ./home -prune -o ! -name '*.err' ! -name out ! -name '*.list' -print | sort | diff before.list -
	# It is for vz-listen only.
	VZ_PEER='' exits 64 vz-backup --receive store 2>x.err
	VZ_PEER=vz1../x VZ_MESSAGE_NAME='vz-backup list' exits 64 vz-backup --receive store 2>x.err
	VZ_PEER="$(key_of alice)" VZ_MESSAGE_NAME='vz-backup list' exits 5 vz-backup --receive none 2>x.err
}

@test "a name that is made here is of safe letters, and one that is given has to be" {
	store
	mkdir 'a b' .conf
	echo x >'a b/[1] ü'
	exits 0 backup "$ADDR" 'a b/[1] ü'
	exits 0 backup -t 'a b' "$ADDR"
	exits 0 backup -t .conf/ "$ADDR"
	exits 64 backup -t / "$ADDR"
	says send.err '-n NAME'
	[ "$(backup --list "$ADDR" | cut -d ' ' -f 1 | tr '\n' ,)" = '1____,a_b,conf,' ]
	for name in ../x '' .x 'a b' -x; do
		exits 64 backup -n "$name" "$ADDR" <<<x
	done
}

@test "a full disk, a full quota and too many names give 4, and what was there stays" {
	local n

	bytes 300000 in
	store --quota 400K
	exits 0 backup "$ADDR" in
	exits 4 backup "$ADDR" in
	says send.err 'hint: there is no room'
	exits 0 backup -n s "$ADDR" < <(head -c 100000 in)
	exits 4 backup -n s "$ADDR" <<<"$(head -c 10000 in | base64)"
	exits 0 backup -n in --restore "$ADDR" | cmp - in
	kill "$LISTENER"
	rm -r home/.local/state/vz/backup
	small_disk store
	store
	exits 0 backup "$ADDR" in
	exits 4 backup "$ADDR" -- cat in in in in
	until_true nothing_new
	exits 0 backup --verify "$ADDR" >out
	mkdir -p "$KEPT/n"{1..99}
	exits 4 backup -n more "$ADDR" <<<x
	exits 0 backup -n n7 "$ADDR" <<<x
}

@test "what a disk does not keep is no generation" {
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	no_disk
	PATH=$PWD/bin:$PATH store
	exits 0 backup -n none --list "$ADDR"
	exits 4 backup -n s "$ADDR" <<<x
	until_true nothing_new
	[ ! -e "$KEPT/s" ]
}

@test "a host that lies cannot have a file written beside the folder, nor words on the terminal" {
	mkdir w out outside
	ln -s "$PWD/outside" w/link
	tar -cf 1.tar -C w --listed-incremental=snar .
	rm w/link
	mkdir w/link
	echo x >w/link/planted
	tar -cf 2.tar -C w ./link/planted
	cat >liar <<-'SH'
		#!/bin/sh
		case $VZ_MESSAGE_NAME in
		*list* | *verify*)
			for n in 1 2; do
				s=$(sha256sum <$n.tar)
				echo "w $n 2026-11-22T10:35:44Z $([ $n = 1 ] && echo full || echo incr) 10240 ${s%% *}"
			done
			[ ! -e words ] || printf 'w 3 \033]0;title\007\n'
			;;
		*'get w 1 '*) cat 1.tar ;;
		*'get w 2 '*) cat 2.tar ;;
		*) printf '1 full \033[31m 0\n' ;;
		esac
	SH
	chmod +x liar
	RECEIVE=("$PWD/liar")
	store
	exits 65 backup -n w -C out --restore "$ADDR"
	says send.err 'through a symbolic link'
	empty outside
	: >words
	for what in --list --verify; do
		exits 76 backup "$what" "$ADDR" >shown
		[ ! -s shown ]
	done
	exits 76 backup -t w "$ADDR"
	exits 76 backup "$ADDR" <<<x
	# It has something, and it is not this.
	cat >liar <<-SH
		#!/bin/sh
		echo $(printf %064d 7) 2 1 data
	SH
	exits 65 backup "$ADDR" <<<x
	says send.err 'not what was sent'
	[ -z "$(find home -name '*.snar')" ]
}

@test "a key may be let store and not read" {
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	mkdir store dir
	echo "command=\"$VZ_TREE/scripts/vz-backup --receive $PWD/store\",name-match=\"vz-backup [hp]*\" $(key_of alice)" >authorized
	started listen "$LISTEN" -i "$(id_of bob)" --ready-fd 9 -a authorized 127.0.0.1:0 -- false
	ADDR=$READY
	exits 0 backup -t dir "$ADDR"
	exits 0 backup -t dir "$ADDR"
	exits 77 backup --list "$ADDR"
	exits 77 backup -n dir --restore "$ADDR"
}

@test "one backup of a name at a time, and a second one says so" {
	store
	mkfifo slow
	vz-backup -i "$(id_of alice)" "$ADDR" <slow 2>first.err 3>&- 9>&- &
	SENDING=$!
	STARTED+=("$SENDING")
	exec 7>slow
	head -c 200000 /dev/zero >&7
	until_true begun
	exits 75 backup "$ADDR" <<<x
	says send.err 'under way'
	# Of another name it is another matter, and the first one is not swept away.
	exits 0 backup -n other "$ADDR" <<<x
	begun
	exec 7>&-
	ended 0 "$SENDING"
	[ "$(backup -n stdin --restore "$ADDR" | wc -c)" -eq 200000 ]
}

@test "help is the head, and wrong use gives 64" {
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	vz-backup --help | grep -q '^usage: vz-backup'
	vz-backup -h | cmp - <(vz-backup --help)
	for words in '' '-t dir' '--restore d' '-g x d' '-g 0 d' '--keep' '--keep x d' '--list=x d' '--odd d' '-z d' 'a,b' '@g' '../d' './d x' \
		'-t . d file' 'd a b' 'd --' '--quota 1X --receive .' '--receive . d' '--days -1 d'; do
		# shellcheck disable=SC2086 # words
		exits 64 backup $words
		says send.err 'hint: vz-backup --help'
	done
}
