#!/usr/bin/env bats
# scripts/vz-deploy: releases that are signed, put in place whole, switched to in one step, and taken back.
load helpers

setup_file() {
	identities alice bob carol
	echo "alice namespaces=\"vz-message@vz\" $("$KEYGEN" -y --ssh -f "$(id_of alice)")" >"$BATS_FILE_TMPDIR/signers"
}

# receiver OPTION...: bob takes releases to app. Sets ADDR.
receiver() {
	for tool in flock tar sha512sum; do
		command -v "$tool" >/dev/null || skip "$tool is not here"
	done
	PATH=$VZ_TREE/scripts:$VZ_BUILD/bin:$PATH
	started listen vz-listen "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --allow "$(key_of alice)" --ready-fd 9 127.0.0.1:0 \
		-- vz-deploy --receive "$PWD/app" "$@" || return
	LISTENER=$PID
	ADDR=$READY
}
# deploy ARG...: alice's; the reply goes to `said`, errors to `send.err`.
deploy() { timeout "$PATIENCE" vz-deploy -i "$(id_of "${SENDER:-alice}")" "$@" >said 2>send.err 3>&-; }
# version N: a folder `site` of that version.
version() {
	mkdir -p site/sub
	echo "$1" >site/version
	echo "of $1" >site/sub/file
	ln -sfn sub/file site/link
}
now_at() { [ "$(cat app/current/version)" = "$1" ] || fail "current is $(cat app/current/version) and not $1"; }
# hostile: the archive on stdin, signed, as alice would send her own.
hostile() { timeout "$PATIENCE" vz-send -i "$(id_of alice)" -r --sign --name 'vz-deploy put' "$ADDR" >said 2>send.err 3>&-; }
# made PYTHON: an archive, by statements about `t`, a tarfile, and `add(name, type, link, mode)`.
made() {
	python3 - <<-PY
		import io, sys, tarfile
		t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')
		def add(name, type=tarfile.REGTYPE, link='', mode=0o644, data=b'x'):
		    i = tarfile.TarInfo(name)
		    i.type, i.linkname, i.mode = type, link, mode
		    i.size = len(data) if type == tarfile.REGTYPE else 0
		    t.addfile(i, io.BytesIO(data) if i.size else None)
		$1
		t.close()
	PY
}
no_trace() { [ -z "$(find app -mindepth 1 -maxdepth 1 ! -name releases ! -name log ! -name .lock)" ] && [ -z "$(ls -A app/releases)" ]; }

@test "a folder becomes a release and current, the next one too, and back" {
	receiver
	version 1
	exits 0 deploy "$ADDR" site
	now_at 1
	grep -Eqx 'current is 00000001-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}' said
	diff -r --no-dereference site app/current/
	version 2
	exits 0 deploy "$ADDR" site
	now_at 2
	exits 0 deploy --list "$ADDR"
	[ "$(wc -l <said)" -eq 2 ]
	[ "$(grep -c ' current$' said)" -eq 1 ]
	exits 0 deploy --rollback "$ADDR"
	now_at 1
	exits 4 deploy --rollback "$ADDR"
	says said 'no release before'
	last=$(cd app/releases && echo 00000002-*[0-9a-f])
	exits 0 deploy --rollback --to "$last" "$ADDR"
	now_at 2
	exits 4 deploy --rollback --to "$last" "$ADDR"
	exits 4 deploy --rollback --to nothing "$ADDR"
	[ "$(grep -c "$(key_of alice)" app/log)" -eq 4 ]
}

@test "files are a release too, with their folders" {
	receiver
	version 1
	exits 0 deploy "$ADDR" site/version site/sub
	[ "$(cat app/current/site/version)" = 1 ]
	[ "$(cat app/current/site/sub/file)" = 'of 1' ]
	exits 66 deploy "$ADDR" site/version absent
	says send.err 'absent: cannot be read'
}

@test "what was deployed can be proved with ssh-keygen and sha512sum" {
	receiver
	version 1
	exits 0 deploy "$ADDR" site
	cd app/releases
	m=$(echo *.manifest)
	ssh-keygen -Y verify -f "$BATS_FILE_TMPDIR/signers" -I alice -n vz-message@vz -s "$m.sig" <"$m"
	grep -qx '# name vz-deploy%20put' "$m"
}

@test "what is not signed is refused, and so is what is no request" {
	receiver
	version 1
	tar -C site -cf in.tar .
	exits 2 vz-send -i "$(id_of alice)" -r --name 'vz-deploy put' "$ADDR" in.tar >said 2>send.err
	says said 'not signed'
	exits 2 vz-send -i "$(id_of alice)" -r --sign --name 'put' "$ADDR" in.tar >said 2>send.err
	exits 2 vz-send -i "$(id_of alice)" -r --sign --name 'vz-deploy put; touch hacked' "$ADDR" in.tar >said 2>send.err
	for name in ../../etc . .. a/b '-rf' '$(touch hacked)' "$(printf 'a\\nb')"; do
		exits 4 vz-send -i "$(id_of alice)" -r --sign --name "vz-deploy rollback $name" -n "$ADDR" >said 2>send.err
	done
	SENDER=carol exits 77 deploy "$ADDR" site
	[ ! -e hacked ]
	no_trace
}

@test "an archive that would leave its folder is refused as a whole" {
	local bad

	receiver
	while IFS= read -r bad; do
		made "$bad" >bad.tar
		exits 3 hostile <bad.tar
		says said 'the archive has|^vz-deploy: tar: '
		no_trace || fail "left something: $bad"
	done <<-'TXT'
		add('/etc/vz-hacked')
		add('ok'); add('../hacked')
		add('a/../../hacked')
		add('a', tarfile.SYMTYPE, '/etc'); add('a/vz-hacked')
		add('a', tarfile.SYMTYPE, '..'); add('a/hacked')
		add('a', tarfile.SYMTYPE, '/etc/passwd')
		add('d/e', tarfile.SYMTYPE, '../../x')
		add('s', tarfile.SYMTYPE, '.'); add('y', tarfile.SYMTYPE, 's/s/../../x')
		add('h', tarfile.LNKTYPE, '/etc/passwd')
		add('h', tarfile.LNKTYPE, '../../../log')
		add('n', tarfile.CHRTYPE)
		add('n', tarfile.BLKTYPE)
		add('n', tarfile.FIFOTYPE)
		add('su', mode=0o4755)
		add('sg', mode=0o2755)
	TXT
	echo nonsense | exits 3 hostile
	exits 3 hostile < <(made "add('a', data=b'x' * 100000)" | head -c 50000)
	no_trace
	[ ! -e /etc/vz-hacked ]
	[ ! -e hacked ] && [ ! -e app/hacked ]
}

@test "names of any bytes are names, and stay below the release" {
	receiver
	mkdir site
	touch "site/a b" "site/-rf" "site/\$(touch hacked)" "site/$(printf 'x\ny')" "site/$(printf '\033[31m')" "site/ -> .."
	ln -s 'a b' "site/l -> x"
	echo 1 >site/version
	exits 0 deploy "$ADDR" site
	diff -r --no-dereference site app/current/
	[ ! -e hacked ]
}

@test "a release longer than --max-size is refused, packed or unpacked" {
	receiver --max-size 1M
	version 1
	head -c 2000000 /dev/zero >site/big
	exits 3 deploy "$ADDR" site
	says said 'longer than is taken'
	rm site/big
	truncate -s 1T site/big
	tar -C site -S -cf sparse.tar .
	exits 3 hostile <sparse.tar
	says said 'more than is taken'
	no_trace
	rm site/big
	exits 0 deploy "$ADDR" site
}

@test "a hook that fails keeps current where it is, and its words and status are told" {
	cat >before.sh <<-'SH'
		echo "checking $VZ_DEPLOY_RELEASE after ${VZ_DEPLOY_PREVIOUS:-none} of $VZ_PEER"
		[ "$(cat version)" != bad ] || { echo 'it is bad' >&2; exit 42; }
		[ "$(cat version)" != worse ] || exit 200
	SH
	receiver --before "sh $PWD/before.sh"
	version 1
	exits 0 deploy "$ADDR" site
	says said "^checking .* after none of $(key_of alice)"
	version bad
	exits 42 deploy "$ADDR" site
	says said '^it is bad$'
	says said 'current is still'
	now_at 1
	[ "$(cat app/failed/version)" = bad ]
	version worse
	exits 1 deploy "$ADDR" site
	now_at 1
	says app/log 'put .*: failed status 200'
	[ "$(deploy --list "$ADDR"; wc -l <said)" -eq 1 ]
}

@test "a hook that fails after the switch takes it back" {
	echo 'echo "now $(cat version)"; [ "$(cat version)" != bad ]' >after.sh
	receiver --after "sh $PWD/after.sh"
	version 1
	exits 0 deploy "$ADDR" site
	version bad
	exits 1 deploy "$ADDR" site
	[ "$(grep '^now' said | tr '\n' ' ')" = 'now bad now 1 ' ]
	now_at 1
}

@test "nothing that is sent is run unless --run-hook says so" {
	receiver
	version 1
	printf '#!/bin/sh\necho ran >ran; echo "from within"\n' >site/deploy
	chmod +x site/deploy
	exits 0 deploy "$ADDR" site
	[ ! -e app/current/ran ]
	kill "$LISTENER"
	ended 0 "$LISTENER"
	receiver --run-hook
	exits 0 deploy "$ADDR" site
	[ -e app/current/ran ]
	says said '^from within$'
}

@test "what a hook leaves running holds up neither the reply nor the next one" {
	receiver --before 'sleep 1000.9 & echo $! >>../../pids'
	version 1
	exits 0 deploy "$ADDR" site
	version 2
	exits 0 deploy "$ADDR" site
	now_at 2
	while read -r pid; do
		kill "$pid"
	done <app/pids
}

@test "the newest are kept, and what is current" {
	local i

	receiver --keep 2
	for i in 1 2 3 4; do
		version "$i"
		exits 0 deploy "$ADDR" site
	done
	exits 0 deploy --list "$ADDR"
	[ "$(wc -l <said)" -eq 2 ]
	exits 0 deploy --rollback "$ADDR"
	now_at 3
	for i in 5 6; do
		version "$i"
		exits 0 deploy "$ADDR" site
	done
	now_at 6
	[ "$(find app/releases -name '*.manifest' | wc -l)" -eq 6 ]
}

@test "two at once: one is told that another one is under way" {
	mkfifo go
	receiver --before "read -r _ <$PWD/go"
	version 1
	vz-deploy -i "$(id_of alice)" "$ADDR" site >first 2>first.err 3>&- &
	FIRST=$!
	STARTED+=("$FIRST")
	until_true sh -c 'find app/releases -name "*.sig" | grep -q .'
	exits 6 deploy "$ADDR" site
	says said 'another one is under way'
	echo >go
	ended 0 "$FIRST"
	now_at 1
}

@test "a sender that stands still keeps nobody else waiting" {
	receiver
	version 1
	mkfifo late
	vz-send -i "$(id_of alice)" -r --sign --name 'vz-deploy put' "$ADDR" <late >out 2>cut.err 3>&- &
	STARTED+=($!)
	exec {TO}>late
	tar -C site -cf - . | head -c 3000 >&"$TO"
	until_true sh -c 'find app -path "*/.work.*/body" | grep -q .'
	exits 0 deploy "$ADDR" site
	now_at 1
	tar -C site -cf - . | tail -c +3001 >&"$TO"
	exec {TO}>&-
	ended 0 "${STARTED[-1]}"
	[ "$(find app/releases -name '0*2-*.sig' | wc -l)" -eq 1 ]
}

@test "killed in the middle it leaves what was current, and the next one cleans up" {
	receiver
	version 1
	exits 0 deploy "$ADDR" site
	version 2
	# The sender dies while its archive is on its way,
	mkfifo late
	vz-send -i "$(id_of alice)" --retry-for 0 -r --sign --name 'vz-deploy put' "$ADDR" <late >out 2>cut.err 3>&- &
	CUT=$!
	STARTED+=("$CUT")
	exec {TO}>late
	tar -C site -cf - . | head -c 3000 >&"$TO"
	until_true sh -c 'find app -path "*/.work.*/body" | grep -q .'
	kill -9 "$CUT"
	until_true grep -q 'failed after\|in the middle\|broken' listen.err
	now_at 1
	# or the listener, with all that it runs.
	kill -9 "$LISTENER"
	receiver
	exits 0 deploy "$ADDR" site
	now_at 2
	[ -z "$(find app -maxdepth 1 -name '.work.*')" ]
}

@test "several hosts come one after the other, up to one that fails" {
	receiver
	version 1
	echo "bob $ADDR" >"$BATS_FILE_TMPDIR/alice/peers"
	echo "gone $(key_of carol)@/nowhere" >>"$BATS_FILE_TMPDIR/alice/peers"
	exits 69 deploy bob,gone,bob site
	now_at 1
	says send.err '^vz-deploy: not sent to bob$'
	exits 64 deploy bob,,bob site
	exits 64 deploy bob
	exits 64 deploy --to x bob site
	exits 64 deploy --to ../x --rollback bob
}
