#!/usr/bin/env bats
# make install puts the programs and their pages where they belong, and uninstall leaves nothing.
load helpers

make_() {
	# The build is there; with its own options nothing is compiled again. MAKEFLAGS of a make that
	# runs these tests are not ours.
	# shellcheck disable=SC2046 # AEAD=... LOOP=...
	MAKEFLAGS='' make -C "$VZ_TREE" B="$VZ_BUILD" $(cat "$VZ_BUILD/options") DESTDIR="$PWD/root" "$@" >make.out
}

setup_file() {
	identities alice bob
}

@test "make install installs programs and scripts that run, and a page for each" {
	local program

	make_ install PREFIX=/usr
	for program in vz-keygen vz-send vz-listen vz-relay; do
		timeout "$PATIENCE" "root/usr/bin/$program" --version
		[ -s "root/usr/share/man/man1/$program.1" ]
	done
	for program in "$VZ_TREE"/scripts/vz-*; do
		[ -e "$program" ] || continue
		timeout "$PATIENCE" "root/usr/bin/${program##*/}" -h | grep -q '^usage: '
		[ -s "root/usr/share/man/man1/${program##*/}.1" ]
	done
	[ -s root/usr/share/man/man7/vz.7 ]
	[ -s root/usr/share/doc/vz/README.md ]
	for program in vz-keygen vz-send vz-listen vz-relay; do
		grep -q "^complete -F _vz $program\$" "root/usr/share/bash-completion/completions/$program"
		grep -q "^#compdef .*$program" root/usr/share/zsh/site-functions/_vz
		grep -q "^complete -c $program " "root/usr/share/fish/vendor_completions.d/$program.fish"
	done
	[ -z "$(find root -type f -perm /022)" ]
}

@test "make static makes programs that need no library" {
	local lib program

	for lib in sodium sqlite3 bsd z; do
		[ -e "$(cc -print-file-name="lib$lib.a")" ] || skip "no lib$lib.a here"
	done
	make_ static 2>make.err || fail "$(tail make.err)"
	for program in vz-keygen vz-send vz-listen vz-relay; do
		timeout "$PATIENCE" "$VZ_BUILD/static/bin/$program" --version
		run ! ldd "$VZ_BUILD/static/bin/$program"
		readelf -d "$VZ_BUILD/static/bin/$program" | grep -q 'There is no dynamic section'
	done
	mkdir in
	bytes 300000 file
	LISTEN=$VZ_BUILD/static/bin/vz-listen listen -1 -d in --sandbox require
	SEND=$VZ_BUILD/static/bin/vz-send send --sandbox require "$ADDR" file
	ended 0 "$LISTENER"
	cmp file in/*-file
}

@test "each folder of make install can be another one, or none" {
	make_ install BINDIR=/b MANDIR=/m DOCDIR=/d EXAMPLESDIR=/e BASHDIR=/c/b ZSHDIR=/c/z FISHDIR=/c/f \
		UNITDIR=/u SYSUSERSDIR=/s TMPFILESDIR=/t LOCALSTATEDIR=/l
	[ "$(ls root)" = "$(printf '%s\n' b c d e m s t u)" ]
	grep -q '^ExecStart=/b/vz-listen ' root/u/vz-listen.service
	grep -q '^/l/log/vz/' root/e/logrotate
	run ! grep -rE '@[A-Za-z]+@' root/u root/s root/t root/e
	make_ uninstall BINDIR=/b MANDIR=/m DOCDIR=/d EXAMPLESDIR=/e BASHDIR=/c/b ZSHDIR=/c/z FISHDIR=/c/f \
		UNITDIR=/u SYSUSERSDIR=/s TMPFILESDIR=/t
	[ -z "$(find root ! -type d)" ]
	[ ! -e root/e ]
	make_ install UNITDIR= SYSUSERSDIR= TMPFILESDIR= EXAMPLESDIR=
	[ -z "$(find root -path '*systemd*' -o -path '*/sysusers.d*' -o -path '*/tmpfiles.d*' -o -path '*/examples*')" ]
	make_ uninstall UNITDIR= SYSUSERSDIR= TMPFILESDIR= EXAMPLESDIR=
	[ -z "$(find root ! -type d)" ]
}

@test "make uninstall leaves nothing of it" {
	make_ install
	mkdir -p root/usr/local/bin root/usr/local/share/man/man1
	echo theirs >root/usr/local/bin/other
	make_ uninstall
	[ "$(find root ! -type d)" = root/usr/local/bin/other ]
	[ ! -e root/usr/local/share/doc/vz ]
}

@test "identities are made for their owner alone under any umask" {
	local mask

	for mask in 000 022 077 777; do
		(umask "$mask"; exec timeout "$PATIENCE" "$KEYGEN" -f "$PWD/new$mask/identity") >key
		[ "$(stat -c %a "new$mask/identity")" = 600 ]
		[ "$(stat -c %a "new$mask")" = 700 ]
		grep -Eqx 'vz1[a-z0-9]{58}' key
	done
}

@test "a second identity is not made over the first" {
	mkdir -m 700 own
	exits 0 timeout "$PATIENCE" "$KEYGEN" -f own/identity >key
	cp own/identity before
	exits 73 timeout "$PATIENCE" "$KEYGEN" -f own/identity 2>again.err
	says again.err 'hint: .*--force'
	cmp before own/identity
}

@test "the README's first commands work when pasted" {
	# On a socket of our own instead of a port that somebody may use.
	sed -n '/^```sh$/,/^```$/{/^```sh$/d;/^```$/q;p;}' "$VZ_TREE/README.md" |
		sed "s|127\.0\.0\.1:4433|$PWD/socket|; s| 4433 &| $PWD/socket \&|; s|-o copy|-o $PWD/copy|" >pasted
	[ "$(wc -l <pasted)" -eq 3 ] && [ "$(grep -c '^vz-' pasted)" -eq 3 ]
	echo 'status=$?; wait; exit "$status"' >>pasted
	cd "$VZ_TREE"
	PATH=$VZ_BUILD/bin:$PATH exits 0 timeout "$PATIENCE" bash "$BATS_TEST_TMPDIR/pasted" 3>&-
	cd "$BATS_TEST_TMPDIR"
	tar tf copy.tar | grep -qx 'man/vz.7'
}

@test "the manual's script that waits for a listener works when pasted" {
	local key

	# From the EXAMPLES of vz(7), with keys and files of ours.
	sed -n '/^mkfifo ready/,/^\.Ed/p' "$VZ_TREE/man/vz.7" | sed '/^\.Ed/d' >pasted
	[ "$(wc -l <pasted)" -eq 4 ]
	timeout "$PATIENCE" "$KEYGEN" >key
	key=$(cat key)
	bytes 100000 data
	export key
	PATH=$VZ_BUILD/bin:$PATH exits 0 timeout "$PATIENCE" bash pasted 3>&-
	cmp data got
}
