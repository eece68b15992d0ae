#!/usr/bin/env bats
# Each example of the manual pages and of the README does what is said of it, and none is forgotten.
load terminal
load helpers
load examples

# let_in HOST...: the first one's list of keys, and its file `keys`, have the others.
let_in() {
	local host=$1 other

	shift
	for other; do
		echo "${KEY[$other]} $other"
	done | tee "hosts/$host/keys" >"hosts/$host/.config/vz/authorized"
}
# needs TOOL...: or the test is left out.
needs() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null && continue
		: >"$BATS_FILE_TMPDIR/left-out"
		skip "no $tool here"
	done
}
# named HOST NAME ADDRESS: a line in its peers file.
named() { at "$1" "echo '$2 $3' >> ~/.config/vz/peers"; }

# A terminal for each host, with a shell whose prompt is that of the text.
terminal_of() {
	(
		cd "hosts/$1" || exit
		terminal "$1" 250 60 env HOME="$PWD" PATH="$VZ_BUILD/bin:$PATH" PS1="$1\$ " bash --noprofile --norc -i
	)
	TMUX_TERMINALS+=" $1"
	shows "$1" "^$1\\\$ *$"
}
# typed_as_in WORDS: types what the example has at the prompts, each line when the one before is done or
# listens.
typed_as_in() {
	local line

	text_of README "$1" >text
	while IFS= read -r line; do
		[[ $line =~ ^([a-z]+)\$\ (.*)$ ]] || continue
		typed "${BASH_REMATCH[1]}" "$(as_here "${BASH_REMATCH[1]}" <<<"${BASH_REMATCH[2]}")"
		pressed "${BASH_REMATCH[1]}" Enter
		until_true rests "${BASH_REMATCH[1]}"
	done <text
	cat text >>typed
}
# Its last line is a prompt, or that it listens.
rests() { screen "$1" | grep -v '^ *$' | tail -n 1 | grep -Eq "^$1[$] *\$|listening on"; }
# said_on HOST: what the terminal shows below prompts, in the words of the text; said_in_text HOST.
said_on() {
	scrolled "$1" | sed "s/${KEY[hosta]}/vz1...A/g; s/${KEY[hostb]}/vz1...B/g; s#$PWD/hosts/hostb#/home/bob#g
		s/@$(uname -n):/@$1:/g" | comparable "$1"
}
said_in_text() {
	awk -v host="$1" '/^[a-z]*[$] / { on = index($0, host "$") == 1 } on' typed | comparable "$1"
}
comparable() {
	sed -E "/^$1[$]/d; /^ *$/d; s/ *$//; /listening on/s/@.*//; s/[0-9a-f]{32}/ID/; s/[0-9]+ bytes/N bytes/" | uniq
}

@test "vz-listen: one archive, either whole or not there" {
	hosts hosta hostb
	KEYS=("${KEY[hosta]}")
	example vz-listen 'One archive' hostb
	at hosta "mkdir dir && seq 1000 >dir/file && vz-send --run vz1...B@hostb:4433 -- tar c dir"
	served 0
	tar tf hosts/hostb/backup.tar | grep -qx dir/file
}

@test "vz-listen: unpack it as it comes" {
	hosts hosta hostb
	KEYS=("${KEY[hosta]}")
	example vz-listen 'Unpack it as it comes' hostb
	at hosta "mkdir dir && seq 1000 >dir/file && vz-send --run vz1...B@hostb:4433 -- tar c dir"
	served 0
}

@test "vz-listen: an inbox, and something done with each file" {
	hosts hosta hostb
	let_in hostb hosta
	mkdir hosts/hostb/inbox
	example vz-listen 'An inbox' hostb
	at hosta 'seq 1000 >numbers && vz-send vz1...B@hostb:4433 numbers'
	until_true compgen -G 'hosts/hostb/inbox/*-numbers.gz'
	stopped
	cmp hosts/hosta/numbers <(gunzip -c hosts/hostb/inbox/*-numbers.gz)
}

@test "vz-listen: a service that answers questions" {
	hosts hosta hostb
	let_in hostb hosta
	example vz-listen 'A service that answers' hostb
	at hosta 'echo hello | vz-send -r vz1...B@hostb:4433'
	grep -qx HELLO said
	stopped
}

@test "vz-listen: measurements of many hosts, directly and by way of a relay" {
	local way

	hosts hosta hostb hostc relay
	let_in hostb hosta hostc
	serves relay "vz-relay --allow ${KEY[hosta]} --allow ${KEY[hostb]} --allow ${KEY[hostc]} '*:4433'"
	for way in 'Measurements of many hosts:vz1...B@hostb:4433' 'The same for hosts:vz1...B@vz1...R@relay:4433'; do
		rm -f hosts/hostb/measured
		example vz-listen "${way%%:*}" hostb
		at hosta "seq 1 500 | vz-send --lines ${way#*:}"
		at hostc "seq 501 1000 | vz-send --lines ${way#*:}"
		stopped
		cmp <(seq 1000) <(sort -n hosts/hostb/measured)
	done
}

@test "vz-listen: a free port, and the address to give to somebody" {
	hosts hosta hostb
	export key=${KEY[hosta]}
	example vz-listen 'A free port' hostb
	at hosta "echo hello | vz-send $(cat hosts/hostb/address)"
	served 0
	grep -qx hello hosts/hostb/got
}

@test "vz-send: a folder, and some files" {
	hosts hosta hostb
	let_in hostb hosta
	mkdir hosts/hostb/inbox
	echo page >hosts/hosta/root/srv/www/index.html
	serves hostb "vz-listen -o www.tar '*:4433'"
	example vz-send 'A folder' hosta
	served 0
	[ "$(tar xOf hosts/hostb/www.tar --wildcards '*/index.html')" = page ]

	named hosta backup 'vz1...B@hostb:4433'
	seq 10 >hosts/hosta/one.sql
	seq 20 >hosts/hosta/two.sql
	serves hostb "vz-listen -d inbox '*:4433'"
	example vz-send 'Some files' hosta
	cmp hosts/hosta/one.sql hosts/hostb/inbox/*-one.sql
	cmp hosts/hosta/two.sql hosts/hostb/inbox/*-two.sql
}

@test "vz-send: ask a service, and many questions at once" {
	hosts hosta hostb
	let_in hostb hosta
	named hosta database 'vz1...B@hostb:4433'
	named hosta resolver 'vz1...B@hostb:4433'
	seq 100 >hosts/hosta/names
	serves hostb "vz-listen '*:4433' -- sed 's/SELECT //; s/^/is /'"
	example vz-send 'Ask a service' hosta
	grep -qx 'is 1' said
	cmp <(seq 100 | sed 's/^/is /') hosts/hosta/addresses
}

@test "vz-send: every line of a log, to all hosts of a group" {
	local host

	hosts hosta hostb hostc
	for host in hostb hostc; do
		let_in "$host" hosta
		serves "$host" "vz-listen --lines -k '*:4433' >>log"
		named hosta "log-$host" "vz1$host...@$host:4433"
	done
	at hosta "echo '@loghosts = log-hostb log-hostc' >> ~/.config/vz/peers"
	seq 1000 >hosts/hosta/log
	example vz-send 'Every line of a log' hosta
	cmp hosts/hosta/log hosts/hostb/log
	cmp hosts/hosta/log hosts/hostc/log
}

@test "vz-send: something that nobody shall be able to deny later, and vz-listen: to prove it" {
	local id

	hosts hosta hostb
	let_in hostb hosta
	seq 100 >hosts/hosta/contract.pdf
	mkdir hosts/hostb/inbox
	serves hostb "vz-listen -d inbox '*:4433'"
	example vz-send 'Something that nobody' hosta
	id=$(cd hosts/hostb/inbox && echo ./*-contract.pdf)
	id=${id#./}
	echo "s/\<ID\>/${id%-contract.pdf}/g" >>as-here.sed
	echo "alice $(HOME=$PWD/hosts/hosta "$KEYGEN" -y --ssh)" >hosts/hostb/signers
	example vz-listen 'To prove by hand' hostb
	grep -q '^Good "vz-message@vz" signature for alice' said
}

@test "vz-send: tell by script whether it has arrived" {
	hosts hosta hostb
	let_in hostb hosta
	mkdir hosts/hostb/inbox
	named hosta loghost 'vz1...B@hostb:4433'
	serves hostb "vz-listen -d inbox '*:4433'"
	example vz-send 'Tell by script' hosta
	grep -qx delivered said
	cmp <(seq 1000) hosts/hostb/inbox/*log_of_hosta
}

@test "vz-send: through a relay, and to a host that is away half of the time" {
	hosts hosta hostb relay
	let_in hostb hosta
	let_in relay hosta hostb
	sed -i 's/^/register,connect,deposit /' hosts/relay/keys
	mkdir hosts/hostb/inbox
	serves relay "vz-relay -a keys --spool spool '*:4433'"
	serves hostb 'vz-listen -d inbox vz1...R@relay:4433'
	seq 100 >hosts/hosta/report.pdf
	example vz-send 'A host that cannot be reached' hosta
	cmp hosts/hosta/report.pdf hosts/hostb/inbox/*-report.pdf
	stopped

	named hosta relay 'vz1...R@relay:4433'
	named hosta laptop 'vz1...B@relay'
	seq 200 >hosts/hosta/notes.txt
	example vz-send 'To a host that is away' hosta
	grep -q stored said
	serves hostb 'vz-listen -d inbox vz1...R@relay:4433'
	until_true compgen -G 'hosts/hostb/inbox/*-notes.txt'
	cmp hosts/hosta/notes.txt hosts/hostb/inbox/*-notes.txt
}

@test "vz-send: find out why it does not work" {
	hosts hosta hostb
	serves hostb "vz-listen --allow vz1...B '*:4433'"
	example vz-send 'Find out why' hosta 77
}

@test "vz-relay: run your own in five minutes" {
	hosts relay alice bob
	example vz-relay 'A relay is one program'
	known_by relay hosts/relay/root/srv/relay/identity
	example vz-relay 'Say who may do what'
	example vz-relay 'Start it'
	seq 100 >hosts/alice/report.pdf
	example vz-relay 'Bob, behind his firewall'
	cmp hosts/alice/report.pdf hosts/bob/inbox/*-report.pdf
}

@test "vz-relay: for hosts of one's own, and how much waits" {
	hosts relay alice bob
	let_in relay alice bob
	let_in bob alice
	sed 's/^/register,connect,deposit /' hosts/relay/keys >hosts/relay/clients
	mkdir hosts/bob/inbox
	example vz-relay "For hosts of one's own" relay
	serves bob 'vz-listen -d inbox vz1...R@relay:4433'
	at alice 'seq 100 | vz-send vz1...B@vz1...R@relay:4433'
	grep -q '"event":"joined"' hosts/relay/root/var/log/vz-relay.audit
	until_true test -s hosts/relay/root/var/lib/node_exporter/vz-relay.prom
	mkdir -m 700 hosts/relay/root/srv/relay
	serves relay 'vz-relay -i ~/.config/vz/identity -a clients --spool /srv/relay/spool 127.0.0.1:0'
	stopped
	example vz-relay 'How much waits' relay
	grep -q '^{.*}$' said
}

@test "vz-relay: limits of a key until the end of the year" {
	hosts relay alice
	file_of vz-relay 'No more than 1 MiB' | sed "s/^\(.*\)vz1guest\.\.\./\1${KEY[alice]}/" >hosts/relay/clients
	serves relay "vz-relay -a clients '*:4433'"
	run ! grep -E 'clients|line' hosts/relay.said
}

@test "vz-relay: a message is taken out of its store by hand, and vz-keygen: opened by hand" {
	local n

	needs sqlite3 age
	hosts alice bob relay
	let_in relay alice bob
	let_in bob alice
	sed -i 's/^/register,connect,deposit /' hosts/relay/keys
	mkdir hosts/bob/inbox
	serves relay "vz-relay -a keys --spool spool '*:4433'"
	serves bob 'vz-listen -d inbox vz1...R@relay:4433'
	stopped
	# The page has it that the message is the seventh.
	for n in 1 2 3 4 5 6 7; do
		at alice "echo $n | vz-send --store=only vz1...B@vz1...R@relay:4433"
	done
	kill -TERM -- "-${SERVERS[0]}"
	ended 0,143 "${SERVERS[0]}"
	cp hosts/relay/spool/spool.db* hosts/relay
	example vz-relay 'While no relay has it open' relay
	grep -q '^7|' said
	cp hosts/relay/message.age hosts/bob
	example vz-keygen 'Open a message that was stored' bob
	grep -qx 7 hosts/bob/body
	echo "alice $(HOME=$PWD/hosts/alice "$KEYGEN" -y --ssh)" >hosts/bob/allowed_signers
	rm hosts/bob/body
	example vz-keygen 'A sealed message has a body' bob
	grep -q '^Good "vz-message@vz" signature for alice' said
	grep -qx 7 hosts/bob/body
}

@test "vz-keygen: identities, and how other hosts learn of them" {
	hosts hosta hostb
	rm hosts/hosta/.config/vz/identity
	example vz-keygen "Make this host's identity" hosta
	known_by hosta hosts/hosta/.config/vz/identity
	example vz-keygen 'Let this host in' hosta
	serves hostb "vz-listen -o got '*:4433'"
	at hosta 'echo hello | vz-send vz1...B@hostb:4433'
	served 0
	example vz-keygen 'Make a pre-shared key' hosta
	serves hostb "vz-listen --psk-file .config/vz/psk -o again '*:4433'"
	at hosta 'echo hello | vz-send --psk-file .config/vz/psk vz1...B@hostb:4433'
	served 0
}

@test "vz-keygen: passphrases, set and removed" {
	hosts hosta
	printf '#!/bin/sh\necho secret\n' >askpass
	chmod +x askpass
	VZ_ASKPASS=$PWD/askpass example vz-keygen 'Make one for backups' hosta
	grep -q 'nightly backups' hosts/hosta/.config/vz/backup
	run ! grep -q '^age ' hosts/hosta/.config/vz/backup
	mv hosts/hosta/.config/vz/backup hosts/hosta/.config/vz/identity
	old=secret
	export old
	example vz-keygen 'Remove the passphrase' hosta
	grep -q '^age ' hosts/hosta/.config/vz/identity
}

@test "vz-keygen: known by the key that one has for ssh" {
	hosts hosta hostb
	printf '#!/bin/sh\necho secret\n' >askpass
	chmod +x askpass
	export VZ_ASKPASS=$PWD/askpass SSH_ASKPASS=$PWD/askpass SSH_ASKPASS_REQUIRE=force
	mkdir -m 700 hosts/host{a,b}/.ssh
	ssh-keygen -q -t ed25519 -N '' -f hosts/hosta/.ssh/id_ed25519
	ssh-keygen -q -t ed25519 -N secret -f hosts/hostb/.ssh/id_ed25519
	rm hosts/host{a,b}/.config/vz/identity
	example vz-keygen 'Be known by the key' hosta
	example vz-keygen '(2)' hostb
	for host in hosta hostb; do
		at "$host" 'vz-keygen -y --ssh'
		grep -qF "$(cut -d ' ' -f 1,2 "hosts/$host/.ssh/id_ed25519.pub")" said
	done
}

@test "vz-keygen: the head of yesterday's audit file, held against today's" {
	hosts hosta hostb
	let_in hosta hostb
	mkdir hosts/hosta/inbox
	serves hosta "vz-listen --audit audit.log -d inbox '*:4433'"
	at hostb 'echo hello | vz-send vz1...A@hosta:4433'
	stopped
	example vz-keygen 'Keep the head' hosta
	# One that is not in it is found.
	exits 65 at hosta "vz-keygen --head $(printf '%064d' 0) --verify-audit audit.log"
}

@test "vz-keygen: an identity whose key stays in an ssh-agent" {
	needs ssh-agent
	hosts hosta hostb
	let_in hostb hosta
	mkdir -m 700 hosts/hosta/.ssh
	ssh-keygen -q -t ed25519 -N '' -f hosts/hosta/.ssh/id_ed25519
	eval "$(ssh-agent -s -a "$PWD/agent")" >/dev/null
	STARTED+=("$SSH_AGENT_PID")
	export SSH_AUTH_SOCK
	rm hosts/hosta/.config/vz/identity
	example vz-keygen 'The key of an identity only signs' hosta
	known_by hosta hosts/hosta/.config/vz/identity
	let_in hostb hosta
	serves hostb "vz-listen -o got '*:4433'"
	at hosta 'echo hello | vz-send vz1...B@hostb:4433'
	served 0
	kill "$SSH_AGENT_PID"
	at hosta 'vz-keygen -y --ssh'
	grep -qF "$(cut -d ' ' -f 1,2 hosts/hosta/.ssh/id_ed25519.pub)" said
}

@test "vz-keygen: sign a release, and commits" {
	needs git
	hosts hosta
	echo "alice $(HOME=$PWD/hosts/hosta "$KEYGEN" -y --ssh)" >hosts/hosta/allowed_signers
	seq 1000 >hosts/hosta/release.tar
	example vz-keygen 'Sign a release' hosta
	grep -q '^Good "file" signature for alice' said

	at hosta 'git init -q; git config user.name Alice; git config user.email alice@hosta; git add release.tar'
	printf '#!/bin/sh\necho release >"$1"\n' >editor
	chmod +x editor
	GIT_EDITOR=$PWD/editor example vz-keygen 'Sign commits' hosta
	at hosta 'git config gpg.ssh.allowedSignersFile allowed_signers; git verify-commit HEAD'
	grep -q '^Good "git" signature for alice' said
}

@test "vz-compare: the same jobs, as vz does them" {
	hosts hosta hostb relay
	let_in hostb hosta
	cp hosts/hostb/keys hosts/hostb/authorized
	mkdir hosts/hostb/inbox
	seq 100 >hosts/hosta/report.pdf
	seq 200 >hosts/hosta/app.log
	OURS=yes example vz-compare 'A file to another host'
	served 0
	cmp hosts/hosta/report.pdf hosts/hostb/report.pdf

	serves hostb "vz-listen -o shop '*:4433'"
	OURS=yes example vz-compare 'What a command prints'
	served 0
	cmp <(seq 2000) hosts/hostb/shop
	example vz-compare 'With ssh, and a shell'
	cmp <(seq 2000) hosts/hostb/shop.sql

	printf '#!/bin/sh\nread -r what; echo "7 $what"\n' >hosts/hostb/root/usr/local/bin/stock
	chmod +x hosts/hostb/root/usr/local/bin/stock
	OURS=yes example vz-compare 'A question to a program'
	grep -qx '7 bolts' said
	stopped

	named hosta collector 'vz1...B@hostb:4433'
	OURS=yes example vz-compare 'Lines as they come'
	cmp hosts/hosta/app.log hosts/hostb/all.log
	stopped

	let_in relay hosta hostb
	sed -i 's/^/register,connect,deposit /' hosts/relay/keys
	serves relay "vz-relay -a keys --spool spool '*:4433'"
	OURS=yes example vz-compare 'Hosts behind other people'
	cmp hosts/hosta/report.pdf hosts/hostb/inbox/*-report.pdf
}

# upper_at HOST PORT: a service there that answers in capitals.
upper_at() {
	socat "TCP-LISTEN:$2,bind=${ADDRESS[$1]},fork,reuseaddr" SYSTEM:"tr a-z A-Z" 2>socat.err 3>&- &
	STARTED+=("$!")
	until_true answers_at "$1" "$2"
}
answers_at() { socat -u OPEN:/dev/null "TCP:${ADDRESS[$1]}:$2" 2>/dev/null; }
# asks HOST: what the service says to hello, at port 5432 there.
asks() { echo hello | timeout 20 socat -t 20 - "TCP:${ADDRESS[$1]}:5432"; }

@test "vz-compare: a port of another program" {
	needs socat
	hosts hosta hostb
	let_in hostb hosta
	upper_at hostb 5432
	OURS=yes example vz-compare 'A port of another program'
	[ "$(asks hosta)" = HELLO ]
}

@test "vz-tunnel: a database, and a Unix socket" {
	needs socat
	hosts dbhost laptop
	printf '%s\n' "s/vz1\.\.\.A\>/${KEY[laptop]}/g" "s/vz1\.\.\.B\>/${KEY[dbhost]}/g" \
		's/\(serve\|vz-tunnel\) 5432/\1 127.0.0.1:5432/' >>as-here.sed
	printf '#!/bin/sh\necho hello | socat -t 20 - TCP:%s:5432\n' "${ADDRESS[laptop]}" >stand-ins/psql
	printf '#!/bin/sh\necho hello | socat -t 20 - "UNIX:${DOCKER_HOST#unix://}"\n' >stand-ins/docker
	chmod +x stand-ins/*
	upper_at dbhost 5432
	example vz-tunnel 'Where the service is'
	grep -qx HELLO said
	named laptop build 'vz1...B@dbhost:4433'
	example vz-tunnel 'A service behind a Unix socket'
	grep -qx HELLO said
}

@test "vz-tunnel: a host without open ports, and a server that is no daemon" {
	needs socat
	hosts hosta hostb relay
	let_in relay hosta hostb
	let_in hostb hosta
	cp hosts/hostb/keys hosts/hostb/authorized
	sed -i 's/^/register,connect /' hosts/relay/keys
	echo 's/serve 22 /serve 127.0.0.1:2222 /' >>as-here.sed
	printf '#!/bin/sh\necho "$@"; exec tr a-z A-Z\n' >stand-ins/rsync
	chmod +x stand-ins/rsync
	upper_at hostb 2222
	serves relay "vz-relay -a keys '*:4433'"
	example vz-tunnel 'SSH to a host'
	example vz-tunnel 'A server that is no daemon' hostb
	at hosta 'echo hello | vz-tunnel - vz1...B@hostb:4433'
	[ "$(tr '\n' ' ' <said)" = '--server --daemon . HELLO ' ]
}

@test "vz-sync: a folder, by a key that may write to one folder and nothing else" {
	hosts hosta hostb
	KEYS=("${KEY[hosta]}")
	file_of vz-sync 'A key that may write' | as_here hostb >hosts/hostb/keys
	mkdir -p hosts/hosta/root/srv/www/{.git,cache,pages}
	seq 10 | tee hosts/hosta/root/srv/www/{.git,cache,pages}/one
	seq 20 >hosts/hostb/root/srv/www/old
	named hosta webhost 'vz1...B@hostb:4433'
	serves hostb "vz-listen -a keys '*:4433' -- /bin/false"
	example vz-sync 'A folder, and what' hosta
	cmp hosts/hosta/root/srv/www/pages/one hosts/hostb/root/srv/www/pages/one
	[ ! -e hosts/hostb/root/srv/www/old ]
	[ ! -e hosts/hostb/root/srv/www/cache ]
	[ ! -e hosts/hostb/root/srv/www/.git ]
}

@test "vz-deploy: two web servers, by a key that may deploy and not roll back" {
	local host

	hosts build web1 web2
	for host in web1 web2; do
		KEYS=("${KEY[build]}")
		file_of vz-deploy 'One line of authorized' | as_here "$host" >"hosts/$host/keys"
		mkdir "hosts/$host/root/srv/app"
		serves "$host" "vz-listen -a keys '*:4433' -- /bin/false"
		named build "$host" "vz1$host...@$host:4433"
	done
	mkdir hosts/build/build
	seq 10 >hosts/build/build/app
	example vz-deploy 'Two web servers' build
	for host in web1 web2; do
		cmp hosts/build/build/app "hosts/$host/root/srv/app/current/app"
	done
	exits 77 at build 'vz-deploy --rollback web1' >/dev/null
}

@test "vz-watch: what hosts say, and what failed on all that reach a relay" {
	local followed

	hosts watcher web1 relay
	let_in watcher web1
	cp hosts/watcher/keys hosts/watcher/loghosts
	let_in relay watcher web1
	sed -i 's/^/register,connect,deposit /' hosts/relay/keys
	serves watcher "$(text_of vz-watch 'Where you look' | sed -n 's/^\$ //p')"
	named web1 loghost 'vz1...W@watcher:4433'
	mkdir hosts/web1/root/var/log/nginx
	: >hosts/web1/root/var/log/nginx/error.log
	goes_on web1 "$(text_of vz-watch 'As a service' | sed 's/^ExecStart=//; s/--send/--all --send/')"
	echo 'GET /index.html 200' >>hosts/web1/root/var/log/nginx/error.log
	until_true says_line watcher '^web1  GET /index.html 200$'
	for followed in "${SERVERS[@]}"; do
		SERVER=$followed
		stopped
	done

	serves relay "vz-relay -a keys '*:4433'"
	example vz-watch 'Everything that failed' watcher
	printf '%s\n' 'all is well' 'an error' 'well again' >hosts/web1/log
	goes_on web1 'vz-watch --all --send vz1...W@vz1...R@relay:4433 log'
	until_true says_line watcher '^web1  an error$'
	run ! says_line watcher well
}
says_line() { server_said "$1" | grep -q "$2"; }

@test "vz-backup: folders and streams, restored and proved, and a key that is lost" {
	local i

	hosts hosta hostb hostc
	KEYS=("${KEY[hosta]}")
	mkdir -p hosts/hostb/root/srv/backup hosts/hosta/root/srv/www/cache
	seq 10 | tee hosts/hosta/root/srv/www/cache/no >hosts/hosta/root/srv/www/page
	named hosta backuphost 'vz1...B@hostb:4433'
	let_in hostb hosta hostc
	serves hostb "vz-listen '*:4433' -- /usr/bin/vz-backup --receive /srv/backup"
	example vz-backup 'Every night' hosta
	for i in {2..13}; do
		echo "$i" >hosts/hosta/root/srv/www/page
		at hosta 'vz-backup -t /srv/www backuphost -- --exclude=./cache'
	done
	example vz-backup 'The folder as it is' hosta
	[ "$(cat hosts/hosta/root/srv/www.new/page)" = 13 ]
	[ "$(cat hosts/hosta/root/tmp/www/page)" = 12 ]
	[ ! -e hosts/hosta/root/tmp/www/cache ]
	example vz-backup 'Prove that what is there' hosta

	printf '%s\n' "s/vz1OLD/${KEY[hosta]}/" "s/vz1NEW/${KEY[hostc]}/" >>as-here.sed
	example vz-backup 'A host whose key is lost' hostb
	named hostc backuphost 'vz1...B@hostb:4433'
	at hostc 'vz-backup -n db --restore backuphost >db'
	cmp <(seq 2000) hosts/hostc/db
	stopped

	# One that may store and not read.
	file_of vz-backup 'A host that may store' | as_here hostb >hosts/hostb/keys
	serves hostb "vz-listen -a keys '*:4433' -- /bin/false"
	at hosta 'seq 10 | vz-backup -n numbers backuphost'
	exits 77 at hosta 'vz-backup -n numbers --restore backuphost' >/dev/null
}

@test "vz: a first message, lines, answers" {
	hosts hosta hostb
	rm hosts/hostb/.config/vz/identity
	mkdir hosts/hosta/dir
	seq 100 >hosts/hosta/dir/file
	example vz 'On the receiving host' hostb
	known_by hostb hosts/hostb/.config/vz/identity
	example vz 'On the sending host' hosta
	served 0
	tar tf hosts/hostb/backup.tar | grep -qx dir/file

	let_in hostb hosta
	named hosta hostb 'vz1...B@hostb:4433'
	example vz 'A message may be a whole file system'
	cmp <(seq 5) hosts/hostb/measurements
	stopped
	printf '%s\n' pear apple >hosts/hosta/words
	example vz 'A listener with a command'
	[ "$(tr '\n' ' ' <said)" = 'apple pear ' ]
}

@test "vz: hosts that cannot reach each other, and hosts that are away" {
	hosts hosta hostb relay
	let_in hostb hosta
	let_in relay hosta hostb
	sed -i 's/^/register,connect,deposit /' hosts/relay/keys
	mkdir hosts/hostb/inbox
	seq 100 >hosts/hosta/report.pdf
	serves relay "vz-relay -a keys --spool spool '*:4433'"
	example vz 'They meet at a relay'
	cmp hosts/hosta/report.pdf hosts/hostb/inbox/*-report.pdf
	rm hosts/hostb/inbox/*
	stopped
	example vz 'A relay that keeps messages' '' 80
	serves hostb 'vz-listen -d inbox vz1...R@relay:4433'
	until_true compgen -G 'hosts/hostb/inbox/*-report.pdf'
	cmp hosts/hosta/report.pdf hosts/hostb/inbox/*-report.pdf
}

@test "vz: files by name, and at which step a connection fails" {
	hosts hosta hostb
	let_in hostb hosta
	mkdir hosts/hostb/inbox
	seq 10 >hosts/hosta/report.pdf
	seq 20 >hosts/hosta/notes.txt
	example vz 'Receive files into a folder' hostb
	example vz 'Give a host a name' hosta
	cmp hosts/hosta/report.pdf hosts/hostb/inbox/*-report.pdf
	cmp hosts/hosta/notes.txt hosts/hostb/inbox/*-notes.txt
	example vz 'See at which step' hosta
	grep -q 'round trip: ok' said
	stopped
	exits 69 at hosta 'vz-send --check hostb' >/dev/null
	grep -q 'connection refused' said
}

@test "vz: a listener and a sender in one script, and programs of one host" {
	hosts hosta
	export key=${KEY[hosta]}
	seq 100 >hosts/hosta/data
	example vz 'Start a listener and a sender' hosta
	cmp hosts/hosta/data hosts/hosta/got
	rm hosts/hosta/got
	# Both are of the same user here.
	echo "s/vz1\.\.\.B/${KEY[hosta]}/g" >>as-here.sed
	example vz 'Let programs of one host' hosta
	served 0
	cmp hosts/hosta/data hosts/hosta/got
}

@test "vz-authorized: two hosts and a person, a sensor, logs" {
	local words ssh

	hosts hosta hostb hostc hostd
	ssh=$(HOME=$PWD/hosts/hostc "$KEYGEN" -y --ssh | cut -d ' ' -f 1,2)
	KEYS=("${KEY[hosta]}" "${KEY[hostd]}")
	file_of vz-authorized 'Two hosts and a person' | sed "s#ssh-ed25519 AAAA\.\.\.#$ssh#" >hosts/hostb/keys
	serves hostb "vz-listen -a keys --echo -k '*:4433'"
	at hosta 'echo hello | vz-send vz1...B@hostb:4433'
	at hosta 'echo hello | vz-send -r vz1...B@hostb:4433'
	at hostc 'echo hello | vz-send vz1...B@hostb:4433'
	exits 77 at hostc 'echo hello | vz-send -r vz1...B@hostb:4433' >/dev/null
	at hostd 'echo hello | vz-send -r vz1...B@hostb:4433'
	exits 77 at hostd 'echo hello | vz-send vz1...B@hostb:4433' >/dev/null
	stopped

	KEYS=("${KEY[hosta]}")
	file_of vz-authorized 'A sensor' >hosts/hostb/keys
	serves hostb "vz-listen -a keys -k --lines '*:4433' >measured"
	# The line is a good one, but this host is not in that network.
	run ! grep -q 'keys' hosts/hostb.said
	exits 77 at hosta 'echo hello | vz-send vz1...B@hostb:4433' >/dev/null
	stopped

	KEYS=("${KEY[hostd]}")
	file_of vz-authorized 'The logs of a host' >hosts/hostb/keys
	mkdir hosts/hostb/logs
	serves hostb "vz-listen -a keys -d logs '*:4433'"
	at hostd 'echo hello | vz-send --name a.log vz1...B@hostb:4433'
	exits 77 at hostd 'echo hello | vz-send --name a.txt vz1...B@hostb:4433' >/dev/null
}

@test "vz-authorized: let in whoever holds the SSH keys of a user" {
	hosts hosta hostb
	ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
	cat rsa.pub >keys.of.user
	HOME=$PWD/hosts/hosta "$KEYGEN" -y --ssh >>keys.of.user
	mkdir hosts/hostb/inbox
	example vz-authorized 'Let in whoever' hostb
	at hosta 'echo hello | vz-send --name greeting vz1...B@hostb:4433'
	grep -qx hello hosts/hostb/inbox/*-greeting
}

@test "vz-protocol: what other tests make of the same secrets" {
	local hex page=$VZ_TREE/tests/interop/page.bats unit=$VZ_TREE/tests/unit

	# These hold the page itself against what vz makes.
	for words in 'The identity whose' 'and the text' 'Its bundle with' "A sender's first record"; do
		text_of vz-protocol "$words" >text
		[ -s text ]
	done
	grep -q 'page_hex | grep' "$page"
	text_of vz-protocol 'The same identity' | sed -n 's/^\([0-9a-f]\{64\}\).*/\1/p' >text
	while read -r hex; do
		grep -q "$hex" "$unit/test_manifest.c"
	done <text
	[ "$(wc -l <text)" -eq 2 ]
	grep -q "$(text_of vz-protocol 'where the hash before')" "$unit/test_seal.c"
}

@test "vz-protocol: the psk of who calls an identity, without a shared key and with one" {
	local listener text key

	needs openssl
	text=$(text_of vz-protocol 'Who calls it' | tr -d ' \n')
	listener=$(text_of vz-protocol 'The identity whose' | tr -d ' \n')
	basenc --base16 -d <<<"$(tr 'a-f' 'A-F' <<<"767a2f312070736b00$listener")" >message
	[ "${text:0:64}" = "$(b2sum -l 256 message | cut -d ' ' -f 1)" ]
	printf -v key '07%.0s' {1..32}
	[ "${text:64}" = "$(openssl mac -in message -macopt "hexkey:$key" -macopt size:32 BLAKE2BMAC | tr 'A-F' 'a-f')" ]
}

ends_with_prompt() { [[ $(screen "$1") =~ "$1\$"[[:space:]]*$ ]]; }
says_of_the_cancelled() { scrolled "$1" | grep -q cancelled; }

@test "README: from nothing to a delivered file on two hosts, as a terminal shows it" {
	needs tmux
	hosts hosta hostb
	rm hosts/host{a,b}/.config/vz/identity
	seq 100 >hosts/hosta/report.pdf
	mkdir hosts/hosta/photos
	seq 1000 >hosts/hosta/photos/one
	terminal_of hosta
	terminal_of hostb

	typed_as_in 'Each is Debian 12 here'
	known_by hosta hosts/hosta/.config/vz/identity
	known_by hostb hosts/hostb/.config/vz/identity
	typed_as_in 'hostb waits, as with'
	until_true cmp hosts/hosta/report.pdf hosts/hostb/report.pdf
	until_true rests hostb
	typed_as_in 'That is all'
	[ "$(tar xOf hosts/hostb/inbox/*-photos.tar photos/one)" = "$(seq 1000)" ]
	holds 1 hosts/hostb/inbox
	until_true says_of_the_cancelled hostb
	for host in hosta hostb; do
		diff <(said_in_text "$host") <(said_on "$host")
	done
	# It would outlive its terminal.
	pressed hostb C-c
	until_true ends_with_prompt hostb
}

@test "README: one host talks to itself" {
	hosts hosta
	rm hosts/hosta/.config/vz/identity
	cp -r "$VZ_TREE/man" hosts/hosta
	# Only the comment has one.
	KEYS=(none)
	printf '%s\n' "s/ 4433 / ${ADDRESS[hosta]}:4433 /" "s/127\.0\.0\.1/${ADDRESS[hosta]}/" >>as-here.sed
	example README 'To try it' hosta
	tar tf hosts/hosta/copy.tar | grep -qx man/vz.7
}

@test "every example of the pages and of README was run by the tests above" {
	local page

	[ ! -e "$BATS_FILE_TMPDIR/left-out" ] || skip 'some were left out'
	# What installs, tests and measures is not run by a test.
	text_of README 'On Debian 12, as root or with sudo' >/dev/null
	for page in "$VZ_TREE"/README.md "$VZ_TREE"/man/*.[157] "$VZ_BUILD"/man/*.1; do
		"$VZ_TREE/scripts/dev/examples" "$page" | sed -n "s|^=|$(basename "${page%.*}")\t|p"
	done | sort -u >there
	sort -u "$BATS_FILE_TMPDIR/ran" >ran
	diff there ran
}
