# A key that was mistyped: where it is likely wrong.

load helpers

setup_file() {
	identities alice bob
}

# wrong KEY N: its Nth character is another one of the alphabet.
wrong() {
	local other=q

	[ "${1:$2-1:1}" != q ] || other=p
	echo "${1:0:$2-1}$other${1:$2}"
}

@test "an address whose key is mistyped says which character is likely wrong" {
	local key

	key=$(wrong "$(key_of bob)" 17)
	exits 64 send "$key@127.0.0.1:1" <<<x
	says send.err "the 17th character is likely wrong: the ${key:16:1} in \.\.\.${key:12:9}\.\.\."
	run ! grep -F "$(key_of bob)" send.err
	exits 64 send "$(key_of bob)@$key@127.0.0.1:1" <<<x
	says send.err 'the 17th character'
	mkdir -m 700 a
	cp "$(id_of alice)" a/identity
	echo "bob $key@127.0.0.1:1" >a/peers
	exits 64 timeout 20 "$SEND" -i a/identity bob 2>send.err <<<x
	says send.err 'the 17th character'
}

@test "swapped, missing and superfluous characters of a key are told of" {
	local key

	key=$(key_of bob)
	exits 64 send "${key:0:30}${key:31}@127.0.0.1:1" <<<x
	says send.err 'a character is likely missing after the (30|2[0-9])th'
	exits 64 send "${key:0:30}b${key:30}@127.0.0.1:1" <<<x
	says send.err 'the 31st character is likely one too many'
	exits 64 send "v${key:2:1}${key:1:1}${key:3}@127.0.0.1:1" <<<x
	says send.err 'the 2nd and the next character are likely swapped'
	exits 64 send "V${key:1}@127.0.0.1:1" <<<x
	says send.err 'capital and small letters are mixed, first at the 2nd'
}

@test "--allow and a relay's address say which character is likely wrong" {
	local key

	key=$(wrong "$(key_of alice)" 40)
	exits 64 timeout 20 "$LISTEN" -i "$(id_of bob)" --allow "$key" 0 2>listen.err
	says listen.err 'the 40th character'
	exits 64 timeout 20 "$LISTEN" -i "$(id_of bob)" --allow-any "$key@127.0.0.1:1" 2>listen.err
	says listen.err 'the 40th character'
}

@test "a mistyped key in authorized and in revoked is told with line and character" {
	mkdir -m 700 b
	cp "$(id_of bob)" b/identity
	{
		echo '# those who may send'
		echo "send $(wrong "$(key_of alice)" 50) alice"
		key_of alice
	} >b/authorized
	started listen "$LISTEN" -i b/identity --ready-fd 9 0
	says listen.err 'authorized: line 2: the key is mistyped: the 50th character'
	echo "$(wrong "$(key_of alice)" 4) alice" >b/revoked
	exits 78 timeout 20 "$LISTEN" -i b/identity 0 2>listen.err
	says listen.err 'revoked: line 1: not a key: the 4th character'
}

@test "of a mistyped pre-shared key only the place is told" {
	local psk

	psk=$(timeout 20 "$KEYGEN" --psk)
	(umask 077 && wrong "$psk" 30 >one)
	exits 78 send --psk-file one "$(key_of bob)@127.0.0.1:1" <<<x
	says send.err 'not a pre-shared key: the 30th character is likely wrong$'
	run ! grep -F "${psk:20:5}" send.err
	run ! grep -F "${psk:30:5}" send.err
}

@test "a key with two slips is only called mistyped" {
	exits 64 send "$(wrong "$(wrong "$(key_of bob)" 17)" 40)@127.0.0.1:1" <<<x
	says send.err 'mistyped'
	run ! grep -i 'character' send.err
}
