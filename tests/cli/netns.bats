#!/usr/bin/env bats
# Two hosts that cannot reach each other, and a relay that both can: three networks of their own.
load helpers

setup_file() {
	identities alice bob relay
}

# namespace: a network of its own that lasts as long as the process $PID.
namespace() {
	unshare --net timeout 300 tail -f /dev/null 3>&- &
	PID=$!
	STARTED+=("$PID")
	until_true other_network "$PID"
}
other_network() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# at HOST COMMAND...: there.
at() {
	local pid

	pid=$(cat "$1.pid")
	shift
	nsenter --net="/proc/$pid/ns/net" "$@"
}

# cable HOST NET: joins it with the relay's host; 10.NET.0.2 there, 10.NET.0.1 at the relay.
cable() {
	local host

	host=$(cat "$1.pid")
	at relay ip link add "to-$1" type veth peer name wire netns "$host" &&
		at relay ip addr add "10.$2.0.1/24" dev "to-$1" && at relay ip link set "to-$1" up &&
		at "$1" ip addr add "10.$2.0.2/24" dev wire && at "$1" ip link set wire up
}

cables() {
	cable alice 1 && cable bob 2
}

# networks: alice's 10.1.0.2, bob's 10.2.0.2, and the relay's host with a leg in each.
networks() {
	local host

	[ "$(id -u)" -eq 0 ] || skip 'only root can make networks'
	command -v ip >/dev/null || skip 'no ip(8) here'
	unshare --net true 2>/dev/null || skip 'cannot make networks here'
	for host in alice bob relay; do
		namespace || return
		echo "$PID" >"$host.pid"
	done
	cables 2>cable.log || skip "cannot join networks here: $(tail -n 1 cable.log)"
}

# relay: it runs. Sets RELAY (pid), and RA and RB, its address from alice's side and from bob's.
relay() {
	started relay nsenter --net="/proc/$(cat relay.pid)/ns/net" "$VZ_BUILD/bin/vz-relay" -i "$(id_of relay)" \
		--allow "$(key_of alice)" --allow "$(key_of bob)" --spool spool --ready-fd 9 '*:4433' || return
	RELAY=$PID
	RA=$(key_of relay)@10.1.0.1:4433
	RB=$(key_of relay)@10.2.0.1:4433
}

# crash: it is gone, with nothing said to anybody.
crash() {
	kill -9 "$RELAY"
	wait "$RELAY" || true
}

# asked: alice has asked the relay for something.
asked() {
	grep -q 'asked for' send.err
}

# bob_listens OPTION...: at the relay. Sets LISTENER.
bob_listens() {
	started listen nsenter --net="/proc/$(cat bob.pid)/ns/net" "$LISTEN" -i "$(id_of bob)" --allow "$(key_of alice)" \
		--ready-fd 9 "$@" || return
	LISTENER=$PID
}

# alice_sends ARG...: to bob through the relay.
alice_sends() {
	at alice timeout -k 5 "$PATIENCE" "$SEND" -i "$(id_of alice)" "$@" 2>send.err 3>&-
}

@test "two hosts that cannot reach each other: a file and a question arrive through the relay" {
	networks
	relay
	mkdir got
	bytes 3000000 in

	bob_listens --dir got "$RB"
	exits 69 alice_sends -w 1 --check "$(key_of bob)@10.2.0.2:4433"
	alice_sends "$(key_of bob)@$RA" in
	cmp in got/*-in
	kill "$LISTENER"
	ended 0 "$LISTENER"

	bob_listens --keep "$RB" -- tr a-z A-Z
	[ "$(echo 'who is there?' | alice_sends -r "$(key_of bob)@$RA")" = 'WHO IS THERE?' ]
}

@test "a message to a host that is away arrives when it comes back, and once" {
	networks
	relay
	mkdir got
	bytes 3000000 in

	# It has been there once, so that the relay has its bundle.
	bob_listens --dir got "$RB"
	kill "$LISTENER"
	ended 0 "$LISTENER"
	alice_sends --store=only --name away "$(key_of bob)@$RA" <in
	exits 80 alice_sends --store=auto --name away "$(key_of bob)@$RA" <in
	# What is acknowledged outlives the relay.
	crash
	relay
	bob_listens --dir got "$RB"
	until_true placed 2 got
	for file in got/*; do
		cmp in "$file"
	done
	kill "$LISTENER"
	ended 0 "$LISTENER"
	bob_listens --keep "$RB" -- tr a-z A-Z
	[ "$(echo 'nothing more?' | alice_sends -r "$(key_of bob)@$RA")" = 'NOTHING MORE?' ]
	holds 2 got
}

@test "a relay that is killed in mid-stream and started again costs neither the file nor the answer" {
	local feed sender

	networks
	relay
	bytes 9000000 in
	mkfifo feed
	mkdir got

	bob_listens --dir got "$RB"
	exec 7<>feed
	alice_sends "$(key_of bob)@$RA" <feed 7>&- &
	sender=$!
	STARTED+=("$sender")
	timeout "$PATIENCE" head -c 4000000 in >&7
	until_true arrived 1000000
	crash
	relay 7>&-
	timeout "$PATIENCE" tail -c +4000001 in >&7
	exec 7>&-
	ended 0 "$sender"
	cmp in got/*
	kill "$LISTENER"
	ended 0 "$LISTENER"

	bob_listens --keep "$RB" -- sh -c 'head -c 1 && echo >begun && cat'
	exec 7<>feed
	alice_sends -r "$(key_of bob)@$RA" <feed >answer 7>&- &
	sender=$!
	STARTED+=("$sender")
	timeout "$PATIENCE" head -c 4000000 in >&7
	until_true [ -e begun ]
	crash
	relay 7>&-
	timeout "$PATIENCE" tail -c +4000001 in >&7
	exec 7>&-
	ended 0 "$sender"
	cmp in answer
}

@test "a relay that is killed while a message is left there and while it is collected costs nothing, and nothing comes twice" {
	local sender

	networks
	relay
	bytes 12000000 in
	mkdir got
	bob_listens --dir got "$RB"
	kill "$LISTENER"
	ended 0 "$LISTENER"

	alice_sends -v --retry-for 30s --store=only "$(key_of bob)@$RA" <in &
	sender=$!
	STARTED+=("$sender")
	until_true asked
	crash
	relay
	ended 0 "$sender"

	bob_listens --dir got "$RB"
	crash
	relay
	until_true eval 'cmp -s in got/*'
	cmp in got/*
	kill "$LISTENER"
	ended 0 "$LISTENER"
	bob_listens --keep "$RB" -- tr a-z A-Z
	[ "$(echo 'nothing more?' | alice_sends -r "$(key_of bob)@$RA")" = 'NOTHING MORE?' ]
	holds 1 got
}
