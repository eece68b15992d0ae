# A systemd of the tests' own: in namespaces, over a copy of the system that nobody else sees.

# booted_or_skip: whether that is possible here.
booted_or_skip() {
	[ "$(id -u)" -eq 0 ] || skip 'only root can boot a systemd of its own'
	[ -x /lib/systemd/systemd ] || skip 'no systemd here'
	! grep -q __asan_init "$LISTEN" || skip 'a sanitizer wants memory that units forbid'
	mkdir -p lower
	timeout 20 unshare --mount --pid --fork --cgroup --net --kill-child sh -c '
		mount -t tmpfs none lower && mkdir lower/a lower/b lower/c lower/d &&
		mount -t overlay -o lowerdir=/,upperdir=lower/a,workdir=lower/b none lower/c &&
		mount -t cgroup2 none lower/d' 2>/dev/null || skip 'no namespaces, overlays or cgroups for us here'
	rmdir lower
}

# booted SCRIPT [SECONDS]: boots it; its only job is SCRIPT, run by bash -ex as root, with vz installed
# below /usr, the tree of PWD at the same place, ports of its own, and `lo` up. What SCRIPT says is
# in boot.err; its status is ours.
booted() {
	mkdir -p boot && printf '%s\n' "$1" >drive.sh && rm -f boot.status || return
	MAKEFLAGS='' make -C "$VZ_TREE" B="$VZ_BUILD" PREFIX=/usr DESTDIR="$PWD/boot/vz" install-system >make.out || return
	install -D -t boot/vz/usr/bin "$KEYGEN" "$SEND" "$LISTEN" "$VZ_BUILD/bin/vz-relay" || return
	timeout -k 5 "${2:-$PATIENCE}" unshare --mount --pid --fork --kill-child \
		bash "$VZ_TREE/tests/cli/systemd-boot" "$PWD" >boot.err 2>&1 </dev/null 3>&- || true
	[ -s boot.status ] || fail 'no systemd came up, or it took too long' || return
	[ "$(cat boot.status)" = 0 ] || fail "status $(cat boot.status)"
}
