#!/usr/bin/env bats
# The services of vz, as systemd has them: vz(7), AS A SERVICE.
load helpers
load systemd

UNITS=(vz-listen.service vz-listen@.service vz-listen.socket vz-relay.service vz-relay.socket)

# units: as make install has them, for the programs of the build.
units() {
	MAKEFLAGS='' make -C "$VZ_TREE" B="$VZ_BUILD" BINDIR="$VZ_BUILD/bin" DESTDIR="$PWD/root" install-system >make.out
	DIR=root/usr/local/lib/systemd/system
}

# What an administrator does: users, folders, an identity, and alice, whose file goes to the inbox.
SETUP='umask 022
systemd-sysusers /usr/lib/sysusers.d/vz.conf
systemd-tmpfiles --create /usr/lib/tmpfiles.d/vz.conf
vz-keygen -q -f /etc/vz/identity >key
vz-keygen -q -f alice/identity >alice.key
echo "$(cat alice.key) alice" >/etc/vz/authorized
echo hello >file
until_true() { until "$@"; do sleep 0.1; done; }
not() { ! "$@"; }
send() { timeout 30 vz-send -i alice/identity --state alice/state "$@"; }
'

@test "systemd finds nothing wrong with the units" {
	local unit

	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
	units
	for unit in "${UNITS[@]}"; do
		timeout "$PATIENCE" systemd-analyze verify --man=no "$DIR/$unit" >verify.err 2>&1
		[ ! -s verify.err ] || fail "$unit"
	done
	[ "$(find "$DIR" -type f | wc -l)" -eq "${#UNITS[@]}" ]
}

@test "what a service could do is little: systemd-analyze says less than 2.5 of 10" {
	local unit

	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
	units
	for unit in "$DIR"/*.service; do
		timeout "$PATIENCE" systemd-analyze security --offline=true --threshold=24 "$unit" >security.err 2>&1 ||
			fail "$unit: $(tail -n 1 security.err)"
	done
}

@test "a service receives, with an identity that its user cannot read" {
	booted_or_skip
	booted "$SETUP"'
printf "%s\n" "ADDRESSES=*:4433" "OPTIONS=--dir /var/lib/vz/inbox --sandbox require" >/etc/vz/listen.conf
systemctl start vz-listen
send "$(cat key)@127.0.0.1:4433" file
cmp file /var/lib/vz/inbox/*-file
[ "$(stat -c "%U %G %a" /var/lib/vz/inbox/*-file)" = "vz vz 640" ]
not setpriv --reuid vz --regid vz --clear-groups cat /etc/vz/identity
setpriv --reuid vz --regid vz --clear-groups cat /etc/vz/authorized
[ "$(stat -c "%U %G %a" /etc/vz)" = "root vz 750" ]
systemctl stop vz-listen
[ "$(systemctl show -p Result,ExecMainStatus --value vz-listen | tr "\n" " ")" = "success 0 " ]'
}

@test "the manual's set-up of a service works when pasted, and so does what it says of other keys" {
	booted_or_skip
	sed -n '/^\.Sh AS A SERVICE/,/^\.Sh ENV/s/^# //p' "$VZ_TREE/man/vz.7" >pasted
	[ "$(wc -l <pasted)" -eq 5 ]
	sed -n '/^\.Sh AS A SERVICE/,/^\.Sh ENV/s/^\.Ql \(LoadCredential=.*\)$/[Service]\n\1/p' "$VZ_TREE/man/vz.7" >psk.conf
	sed -n '/^\.Sh AS A SERVICE/,/^\.Sh ENV/s/^\.Ql \(--psk-file [^ ]*\) .*/\1/p' "$VZ_TREE/man/vz.7" >psk.option
	booted 'umask 022
vz-keygen -q -f alice/identity >alice.key
sed -i "s|vz1\.\.\.A|$(cat alice.key)|" pasted
sh -ex pasted >said
[ "$(cat said)" = "$(vz-keygen -y -f /etc/vz/identity)" ]
systemctl is-enabled vz-listen
echo hello >file
send() { timeout 30 vz-send -i alice/identity --state alice/state "$@" "$(cat said)@127.0.0.1:4433" file; }
send
cmp file /var/lib/vz/inbox/*-file
vz-keygen --psk >/etc/vz/psk
chmod 600 /etc/vz/psk
cp /etc/vz/psk psk
mkdir -p /etc/systemd/system/vz-listen.service.d
cp psk.conf /etc/systemd/system/vz-listen.service.d
echo "OPTIONS=--dir /var/lib/vz/inbox $(cat psk.option)" >>/etc/vz/listen.conf
systemctl daemon-reload
systemctl restart vz-listen
send --psk-file psk
send || [ $? = 76 ]
[ "$(ls /var/lib/vz/inbox/*-file | wc -l)" = 2 ]'
}

@test "a service follows the lists beside its configuration, not beside the credential" {
	booted_or_skip
	booted "$SETUP"'
echo "ADDRESSES=*:4433" >/etc/vz/listen.conf
cat key >>/etc/vz/authorized
cp alice.key /etc/vz/revoked
systemctl start vz-listen
send --check "$(cat key)@127.0.0.1:4433" || [ $? = 77 ]
rm /etc/vz/revoked
systemctl reload vz-listen
until_true send --check "$(cat key)@127.0.0.1:4433"
cp alice.key /etc/vz/revoked
systemctl reload vz-listen
until_true not send --check "$(cat key)@127.0.0.1:4433"
send "$(cat key)@127.0.0.1:4433" file || [ $? = 77 ]
[ -z "$(ls /var/lib/vz/inbox)" ]'
	[ "$(grep -c 'refused' boot.err)" -ge 3 ]
}

@test "a socket starts its service, and keeps who comes while that starts anew" {
	booted_or_skip
	booted "$SETUP"'
systemctl start vz-listen.socket
not systemctl -q is-active vz-listen
send "$(cat key)@127.0.0.1:4433" file
systemctl -q is-active vz-listen
for n in 1 2 3; do
	systemctl restart vz-listen &
	send "$(cat key)@127.0.0.1:4433" file
	wait $!
done
[ "$(ls /var/lib/vz/inbox/*-file | wc -l)" = 4 ]'
}

@test "an instance has a configuration, a state and an inbox of its own, and runs commands" {
	booted_or_skip
	booted "$SETUP"'
echo "ADDRESSES=4434" >/etc/vz/one.conf
printf "%s\n" "ADDRESSES=4435" "OPTIONS=--handler-timeout 1m" "COMMAND=-- /usr/bin/sort -r" >/etc/vz/two.conf
systemctl start vz-listen@one vz-listen@two
send "$(cat key)@127.0.0.1:4434" file
cmp file /var/lib/vz/one/inbox/*-file
[ "$(printf "1\n2\n" | send -r "$(cat key)@127.0.0.1:4435" | tr "\n" " ")" = "2 1 " ]
not systemctl start vz-listen@three'
}

@test "stopping a service leaves the commands alone that work on messages, until they are done" {
	booted_or_skip
	cat >take <<-'EOT'
		#!/bin/sh
		echo begun >/run/vz/begun
		until [ -e /run/vz/go ]; do sleep 0.1; done
		exec "$@"
	EOT
	chmod 755 take
	booted "$SETUP"'
vz-keygen -q -f bob/identity >bob.key
cp take /usr/local/bin
echo "command=\"/usr/local/bin/take /usr/bin/rev\" $(cat bob.key) bob" >>/etc/vz/authorized
printf "%s\n" "ADDRESSES=*:4433" "OPTIONS=--drain 20s" "COMMAND=-- /usr/local/bin/take /bin/sh -c '\''echo \$VZ_PEER_NAME; cat'\''" >/etc/vz/listen.conf
systemctl start vz-listen
send -r "$(cat key)@127.0.0.1:4433" <file >alice.out &
timeout 30 vz-send -i bob/identity --state bob/state -r "$(cat key)@127.0.0.1:4433" <file >bob.out &
until_true test -e /run/vz/begun
until_true pgrep -f "take /usr/bin/rev"
until_true pgrep -f "take /bin/sh"
systemctl stop --no-block vz-listen
until_true not systemctl -q is-active vz-listen
[ "$(systemctl show -p ActiveState --value vz-listen)" = deactivating ]
touch /run/vz/go
wait %1
wait %2
[ "$(tr "\n" " " <alice.out)" = "alice hello " ]
[ "$(cat bob.out)" = olleh ]
gone() { [ "$(systemctl show -p ActiveState --value vz-listen)" = inactive ]; }
until_true gone
[ "$(systemctl show -p Result --value vz-listen)" = success ]'
}

@test "a relay keeps messages as a service, for a listener that is one too" {
	booted_or_skip
	booted "$SETUP"'
vz-keygen -q -f /etc/vz-relay/identity >relay.key
printf "%s\n" "register $(cat key) here" "connect,deposit $(cat alice.key) alice" >/etc/vz-relay/authorized
printf "%s\n" "ADDRESSES=*:4433" "OPTIONS=--sandbox require --spool /var/lib/vz-relay/spool --metrics /run/vz-relay/vz-relay.prom" >/etc/vz-relay/relay.conf
echo "relay $(cat relay.key)@127.0.0.1:4433" >/etc/vz/peers
echo "ADDRESSES=relay" >/etc/vz/listen.conf
systemctl start vz-relay vz-listen
send "$(cat key)@$(cat relay.key)@127.0.0.1:4433" file
cmp file /var/lib/vz/inbox/*-file
systemctl stop vz-listen
send --store=only "$(cat key)@$(cat relay.key)@127.0.0.1:4433" file
systemctl start vz-listen
files() { [ "$(ls /var/lib/vz/inbox/*-file | wc -l)" = "$1" ]; }
until_true files 2
grep -q "^vz_relay_accepted_total" /run/vz-relay/vz-relay.prom
[ "$(stat -c "%U %a" /var/lib/vz-relay/spool)" = "vz-relay 700" ]
systemctl stop vz-relay
sed -i /ADDRESSES/d /etc/vz-relay/relay.conf
systemctl start vz-relay.socket
send --check "$(cat relay.key)@127.0.0.1:4433" || [ $? = 76 ]
systemctl -q is-active vz-relay'
}

@test "a service that stands still is found out, and started anew" {
	booted_or_skip
	booted "$SETUP"'
mkdir -p /run/systemd/system/vz-listen.service.d
printf "[Service]\nWatchdogSec=5s\nRestartSec=0\n" >/run/systemd/system/vz-listen.service.d/soon.conf
systemctl daemon-reload
echo "ADDRESSES=*:4433" >/etc/vz/listen.conf
systemctl start vz-listen
begun=$(systemctl show -p ActiveEnterTimestampMonotonic --value vz-listen)
heard() { [ "$(systemctl show -p WatchdogTimestampMonotonic --value vz-listen)" -gt $((begun + 6000000)) ]; }
until_true heard
[ "$(systemctl show -p NRestarts --value vz-listen)" = 0 ]
kill -STOP "$(systemctl show -p MainPID --value vz-listen)"
again() { [ "$(systemctl show -p NRestarts,ActiveState --value vz-listen | tr "\n" " ")" = "1 active " ]; }
until_true again
send --check "$(cat key)@127.0.0.1:4433"'
}

@test "the example for logrotate keeps the record one chain" {
	command -v logrotate >/dev/null || skip 'no logrotate'
	booted_or_skip
	booted "$SETUP"'
printf "%s\n" "ADDRESSES=*:4433" "OPTIONS=--audit /var/log/vz/listen.audit --dir /var/lib/vz/inbox" >/etc/vz/listen.conf
systemctl start vz-listen
send "$(cat key)@127.0.0.1:4433" file
cp /usr/share/doc/vz/examples/logrotate /etc/logrotate.d/vz
logrotate -s status /etc/logrotate.d/vz
logrotate -f -s status /etc/logrotate.d/vz
until_true [ -s /var/log/vz/listen.audit ]
send "$(cat key)@127.0.0.1:4433" file
systemctl stop vz-listen
logrotate -f -s status /etc/logrotate.d/vz
cd /var/log/vz
ls -l
gunzip listen.audit.2.gz
vz-keygen --verify-audit listen.audit.2
vz-keygen --verify-audit listen.audit.1
grep -q "\"event\":\"continued\".*$(vz-keygen --verify-audit listen.audit.2 | grep -Eo "[0-9a-f]{64}" | tail -n 1)" listen.audit.1'
}

# lent MODE: bob's identity there, root's and with that mode, on a file system that takes writing.
lent() {
	small_disk credentials
	install -m "$1" "$(id_of bob)" credentials/vz-identity
}

setup_file() {
	identities alice bob
}

@test "a credential that an access list lends is taken where nobody can write to it" {
	lent 440
	export CREDENTIALS_DIRECTORY=$PWD/credentials
	run -78 timeout "$PATIENCE" "$KEYGEN" -y
	mount -o remount,ro credentials
	[ "$(timeout "$PATIENCE" "$KEYGEN" -y)" = "$(key_of bob)" ]
}

@test "a credential that all can read is refused wherever it is" {
	lent 444
	mount -o remount,ro credentials
	CREDENTIALS_DIRECTORY=$PWD/credentials run -78 timeout "$PATIENCE" "$KEYGEN" -y
}

@test "the first process of a container says how it ended, though no signal ends it" {
	local first

	unshare --pid --fork --kill-child true 2>/dev/null || skip 'no process namespaces for us here'
	mkdir in
	unshare --pid --fork --kill-child "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" -1 -d in \
		"$PWD/socket" 2>listen.err >out 3>&- &
	STARTED+=("$!")
	first=$!
	until_true grep -q 'listening on' listen.err
	kill "$(pgrep -P "$first")"
	ended 143 "$first"
}
