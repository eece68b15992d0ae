#!/usr/bin/env bats
# The Debian package: VZ_PACKAGE is the file that scripts/dev/package made.
load helpers
load systemd

# chrooted SCRIPT: in a copy of the system that nobody else sees, where the package is /vz.deb. What
# SCRIPT changed is in layer/upper.
chrooted() {
	[ -n "${VZ_PACKAGE:-}" ] || skip 'no package was made'
	[ "$(id -u)" -eq 0 ] || skip 'only root can install packages'
	mkdir root
	small_disk layer 256m
	mkdir layer/upper layer/work
	cp "$VZ_PACKAGE" layer/upper/vz.deb
	printf '%s\n' 'set -ex' "$1" >layer/upper/script
	timeout -k 5 "$PATIENCE" unshare --mount --pid --fork --net --kill-child sh -ec '
		mount -t overlay -o "lowerdir=/,upperdir=$PWD/layer/upper,workdir=$PWD/layer/work" none root
		mount -t proc proc root/proc
		mount -t tmpfs none root/run
		mount --rbind /dev root/dev
		cd root && exec chroot . sh /script' >chroot.err 2>&1 3>&- || fail 'in there something failed'
}

# What in layer/upper was not there before, but for what dpkg and its triggers keep about themselves.
left() {
	(cd layer/upper && find . -mindepth 1 ! -name vz.deb ! -name script) | sed 's|^\.||' | while read -r path; do
		case $path in
		/var/lib/dpkg/* | /var/cache/man* | /var/cache/debconf/* | /var/log/dpkg.log* | /etc/*-) continue ;;
		esac
		[ -e "$path" ] || [ -L "$path" ] || echo "$path"
	done
}

INSTALL='export DEBIAN_FRONTEND=noninteractive
dpkg --force-unsafe-io -i /vz.deb
'

@test "the package installs, and its programs deliver" {
	chrooted "$INSTALL"'
vz-keygen -q -f /etc/vz/identity >/key
vz-listen -i /etc/vz/identity --state /state --allow "$(cat /key)" --ready-fd 3 -o /got /socket 3>/ready &
until [ -s /ready ]; do sleep 0.05; done
echo hello | vz-send -i /etc/vz/identity --state /state "$(cat /ready)"
wait $!
[ "$(cat /got)" = hello ]
[ "$(stat -c "%U %G %a" /etc/vz /etc/vz-relay | tr "\n" " ")" = "root vz 750 root vz-relay 750 " ]
gzip -t /usr/share/man/man1/vz-send.1.gz
[ -z "$(find /etc/systemd/system -name "vz-*")" ]'
}

@test "removed, it keeps what was configured, and purged it leaves nothing" {
	chrooted "$INSTALL"'
vz-keygen -q -f /etc/vz/identity
echo "ADDRESSES=*:4433" >/etc/vz/listen.conf
mkdir -p /var/lib/vz/state /var/lib/vz/inbox /var/lib/vz/one/state /var/lib/vz/one/inbox /var/lib/vz-relay/spool /var/log/vz
touch /var/lib/vz/state/streams.db /var/log/vz/listen.audit
dpkg --force-unsafe-io -r vz
[ -s /etc/vz/identity ]
! command -v vz-send
dpkg --force-unsafe-io -P vz'
	[ -z "$(left)" ] || fail "left: $(left)"
}

@test "purging takes no message that came" {
	chrooted "$INSTALL"'
mkdir -p /var/lib/vz/inbox /var/lib/vz-relay/spool
touch /var/lib/vz/inbox/message /var/lib/vz-relay/spool/spool.db
dpkg --force-unsafe-io -P vz >/said
grep -q "^vz: /var/lib/vz/inbox is left" /said'
	[ "$(left | sort | tr '\n' ' ')" = '/said /var/lib/vz /var/lib/vz-relay /var/lib/vz-relay/spool /var/lib/vz-relay/spool/spool.db /var/lib/vz/inbox /var/lib/vz/inbox/message ' ] ||
		fail "left: $(left)"
}

@test "services that run are started anew by an upgrade, and others are not; removing ends them all" {
	[ -n "${VZ_PACKAGE:-}" ] || skip 'no package was made'
	booted_or_skip
	cp "$VZ_PACKAGE" vz.deb
	booted 'rm -rf /usr/lib/systemd/system/vz-* /lib/systemd/system/vz-* /usr/bin/vz-* /usr/sbin/policy-rc.d
dpkg --force-unsafe-io -i vz.deb
running() { pgrep -c "^vz-(listen|relay)" || true; }
[ "$(running)" = 0 ]
vz-keygen -q -f /etc/vz/identity >key
cp key /etc/vz/authorized
cp /etc/vz/authorized /etc/vz/identity /etc/vz-relay
echo ADDRESSES=4433 >/etc/vz/listen.conf
echo ADDRESSES=4434 >/etc/vz/one.conf
systemctl enable --now vz-listen
systemctl start vz-listen@one
before=$(systemctl show -p MainPID --value vz-listen)
dpkg --force-unsafe-io -i vz.deb
systemctl is-active vz-listen
[ "$(systemctl show -p MainPID --value vz-listen)" != "$before" ]
[ "$(running)" = 2 ]
dpkg --force-unsafe-io -r vz
[ "$(running)" = 0 ]'
}

@test "lintian finds no fault with the package" {
	[ -n "${VZ_PACKAGE:-}" ] || skip 'no package was made'
	command -v lintian >/dev/null || skip 'no lintian'
	timeout 300 lintian --allow-root --fail-on error,warning "$VZ_PACKAGE" >lintian.err 2>&1 || fail
}
