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
	local name

	make_ install BINDIR=/b MANDIR=/m DOCDIR=/d EXAMPLESDIR=/e UNITDIR=/u SYSUSERSDIR=/s TMPFILESDIR=/t \
		LOCALSTATEDIR=/l BASHDIR=/c ZSHDIR=/z FISHDIR=/f
	[ "$(ls root)" = "$(printf '%s\n' b c d e f m s t u z)" ]
	grep -q '^ExecStart=/b/vz-listen ' root/u/vz-listen.service
	grep -q '^/l/log/vz/' root/e/logrotate
	run ! grep -rE '@[A-Za-z]+@' root/u root/s root/t root/e
	make_ uninstall BINDIR=/b MANDIR=/m DOCDIR=/d EXAMPLESDIR=/e UNITDIR=/u SYSUSERSDIR=/s TMPFILESDIR=/t \
		BASHDIR=/c ZSHDIR=/z FISHDIR=/f
	[ -z "$(find root ! -type d)" ]
	[ ! -e root/e ]
	make_ install UNITDIR= SYSUSERSDIR= TMPFILESDIR= EXAMPLESDIR= BASHDIR= ZSHDIR= FISHDIR=
	[ -z "$(find root -path '*systemd*' -o -path '*.d/*' -o -path '*/examples*' \
		-o -path '*complet*' -o -path '*zsh*')" ]
	make_ uninstall UNITDIR= SYSUSERSDIR= TMPFILESDIR= EXAMPLESDIR= BASHDIR= ZSHDIR= FISHDIR=
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
