# Runs the examples of the manual pages and of the README as they are printed there. Load it after
# helpers.bash.
#
# In an example a line that begins with a prompt is what somebody types: `hostb$ ` on hostb, `$ ` on the
# host that the test says is meant; a line that ends with a backslash goes on in the next one. The lines
# below are what is said then, in that order and perhaps with more in between; after `cat >` they are
# typed. An example without any prompt is a script, or a file if the test takes it for one. What serves
# goes on in the background, and is waited for until it listens.
#
# Hosts are folders here, each with a HOME, an identity and an address of its own on loopback. In the
# text of the example is put, for it to run here,
#
#	vz1...B, vz1hostb...	the key of hostb: the last letter of HOSTx, the first of other names
#	vz1...@hostb		the same
#	vz1...			one key after the other of KEYS
#	hostb:4433		its address; and that of relay for relay.example.net:4433
#	'*:4433'		the address of the host that it runs on
#	127.0.0.1:5432		that port of the host's own address
#	/srv, /var, /run, /tmp, /usr/local	folders of that name in the host's folder
#	/usr/bin/vz-...		the scripts of the tree
#
# and the programs are those of the build. What reaches other hosts or goes on for ever (ssh, scp, curl,
# tail -f and the like) is a small stand-in that does not.

declare -gA ADDRESS KEY
SERVERS=()

# hosts NAME...: at most four of them in a test.
hosts() {
	local name letter n=0

	: >as-here.sed
	for name; do
		# No other test has these as long as this process lives.
		ADDRESS[$name]=127.$((64 + (BASHPID >> 14 & 127))).$((BASHPID >> 6 & 255)).$(((BASHPID & 63) * 4 + n++))
		mkdir -p "hosts/$name/root"/{srv/www,tmp,usr/local/bin,var/log,var/lib/node_exporter,run/user/1000}
		KEY[$name]=$(HOME=$PWD/hosts/$name timeout 30 "$KEYGEN" -q) || return
		case $name in
		host?) letter=${name#host} ;;
		*) letter=${name:0:1} ;;
		esac
		cat >>as-here.sed <<-END
			s/vz1\.\.\.${letter^}\>/${KEY[$name]}/g
			s/vz1$name\.\.\./${KEY[$name]}/g
			s/vz1${name^^}@/${KEY[$name]}@/g
			s/vz1\.\.\.@$name\>/${KEY[$name]}@$name/g
			s/\(^\|[^a-z0-9._-]\)$name\(\.example\.net\)\{0,1\}:\([0-9]\)/\1${ADDRESS[$name]}:\3/g
		END
	done
	# What is about any host at a relay.
	[ -z "${KEY[hostb]:-}" ] || echo "s/vz1HOST@/${KEY[hostb]}@/g" >>as-here.sed
	stand_ins
}

# known_by NAME FILE: the host's key is that of another identity from now on.
known_by() {
	local old=${KEY[$1]}

	KEY[$1]=$(timeout 30 "$KEYGEN" -y -f "$2") || return
	sed -i "s/$old/${KEY[$1]}/g" as-here.sed
}

stand_ins() {
	mkdir -p stand-ins
	cat >stand-ins/ssh <<-END
		#!/bin/sh
		case \$1 in -o) exec sh -c "\${2#ProxyCommand=}" ;; esac
		cd "$PWD/hosts/\$1" && HOME=\$PWD exec sh -c "\$2"
	END
	cat >stand-ins/scp <<-END
		#!/bin/sh
		[ "\$1" = -p ] && exec cp -p "\$2" "$PWD/hosts/\${3%%:*}/\${3#*:}"
	END
	cat >stand-ins/curl <<-END
		#!/bin/sh
		[ "\$*" = '-fsS https://github.com/USER.keys' ] && exec cat "$PWD/keys.of.user"
	END
	printf '#!/bin/sh\nseq 1000\n' >stand-ins/journalctl
	printf '#!/bin/sh\nseq 5\n' >stand-ins/vmstat
	printf '#!/bin/sh\ncase $1 in -[fF]) exec cat "$2" ;; esac\nexec %s "$@"\n' "$(command -v tail)" >stand-ins/tail
	printf '#!/bin/sh\necho hosta\n' >stand-ins/hostname
	printf '#!/bin/sh\nseq 2000\n' >stand-ins/pg_dump
	chmod +x stand-ins/*
}

# as_here HOST: the text on stdin for that host.
as_here() {
	sed -f as-here.sed -e "s/127\.0\.0\.1:\([0-9]\)/${ADDRESS[$1]}:\1/g" \
		-e "s/'\{0,1\}\*:\([0-9]\)\([0-9]*\)'\{0,1\}/${ADDRESS[$1]}:\1\2/g" \
		-e "s#\(^\|[^A-Za-z0-9_./-]\)/\(srv\|var\|run\|tmp\|usr/local\)/#\1$PWD/hosts/$1/root/\2/#g" \
		-e "s#\(^\|[^A-Za-z0-9_./-]\)/usr/bin/vz-#\1$VZ_TREE/scripts/vz-#g"
}
# with_keys: bare vz1... become those of KEYS, the last one for all that are left.
with_keys() {
	local text i=0

	text=$(cat)
	while [[ $text == *vz1...* ]]; do
		[ "${#KEYS[@]}" -gt 0 ] || fail "whose key is meant? $text" || return
		text=${text/vz1.../${KEYS[i]}}
		[ "$((i + 1))" -ge "${#KEYS[@]}" ] || i=$((i + 1))
	done
	printf '%s\n' "$text"
}

# at HOST COMMAND: runs what is written as in an example there; its output goes to said.
at() {
	local host=$1 command

	command=$(as_here "$host" <<<"$2" | with_keys) || return
	(
		cd "hosts/$host" || exit
		HOME=$PWD PATH=$BATS_TEST_TMPDIR/stand-ins:$VZ_BUILD/bin:$VZ_TREE/scripts:$PATH LOGNAME=alice \
			exec timeout -k 5 "$PATIENCE" bash -c "$command" 3>&-
	) >said 2>&1 </dev/null && return
	set -- "$?"
	sed 's/^/said: /' said
	return "$1"
}
# goes_on HOST COMMAND: the same in the background; serves HOST COMMAND: until it listens. Both set SERVER.
goes_on() {
	local command said=$BATS_TEST_TMPDIR/hosts/$1.said

	command=$(as_here "$1" <<<"$2" | with_keys) || return
	# What an earlier one said is no sign of this one.
	rm -f "$said"
	(
		cd "hosts/$1" || exit
		HOME=$PWD PATH=$BATS_TEST_TMPDIR/stand-ins:$VZ_BUILD/bin:$VZ_TREE/scripts:$PATH \
			exec setsid bash -c "$command" 3>&-
	) >"$said" 2>&1 </dev/null 3>&- &
	SERVER=$!
	SERVERS+=("$SERVER")
}
serves() {
	local said=$BATS_TEST_TMPDIR/hosts/$1.said

	goes_on "$@" || return
	until_true listens "$said" "$SERVER" && grep -q 'listening on' "$said" && return
	cat "$said"
	fail "does not listen: $2"
}
listens() { grep -qs 'listening on' "$1" || ! alive "$2"; }
# What a server has said.
server_said() { cat "$BATS_TEST_TMPDIR/hosts/$1.said"; }
# served STATUS: the last one ends by itself, and so. stopped: it, and what it was part of, are told to.
served() { ended "$1" "$SERVER"; }
stopped() {
	kill -TERM -- "-$SERVER"
	ended 0,143 "$SERVER"
}

# text_of PAGE WORDS: the lines of the example whose paragraph begins so; noted as run.
text_of() {
	local file

	case $1 in
	README) file=$VZ_TREE/README.md ;;
	*)
		file=$(echo "$VZ_TREE/man/$1".[157])
		[ -e "$file" ] || file=$VZ_BUILD/man/$1.1
		;;
	esac
	"$VZ_TREE/scripts/dev/examples" "$file" | awk -v words="$2" -v page="$1" -v ran="$BATS_FILE_TMPDIR/ran" '
		/^=/ {
			found = words ~ /^\(/ ? index($0, words) > 0 : index($0, words) == 2 && !/ \([0-9]\)$/
			n += found
			if (found) print page "\t" substr($0, 2) >>ran
			next
		}
		found { print substr($0, 2) }
		END { exit n != 1 }' || fail "not just one example of $1 begins with: $2"
}

# as_pattern HOST: lines that an example shows as what has to match there.
as_pattern() {
	sed 's/vz1[a-z]*\.\.\.[A-Z]\{0,1\}/A-KEY/g' | as_here "$1" |
		sed 's/[][\\.*^$+?(){}|]/\\&/g; s/  */ */g; s/A-KEY/vz1[a-z0-9]{58}/g
			s/[0-9]*\\\.[0-9]* \*ms/[0-9.]+ *ms/g; s/resolve \*and \*connect/(resolve and )?connect/
			s/alice@hosta/alice@[^ ]*/g'
}
# shown LINES HOST: they are in said, in that order; keys and times may be others.
shown() {
	local line pattern='' said

	said=$(tr -s ' \n' '  ' <said)
	while IFS= read -r line; do
		line=$(as_pattern "$2" <<<"$line")
		pattern+=".*$line"
	done <<<"$1"
	[[ $said =~ $pattern ]] || fail "not said: $1
said: $said"
}

# example PAGE WORDS [HOST [STATUS]]: runs it; lines with a bare prompt on HOST. Its last command ends
# with STATUS (0), all before with 0. Where a page shows how others do the same, what is ours is first:
# OURS=yes leaves out what follows an empty line.
example() {
	local text line host=${3:-} want=${4:-0}
	local -a on=() commands=() below=()
	local i

	text=$(text_of "$1" "$2") || return
	[ -z "${OURS:-}" ] || text=${text%%$'\n\n'*}
	if ! grep -q '^[a-z]*\$ ' <<<"$text"; then
		on=("$host") commands=("$text") below=('')
		[[ $text =~ ^vz-(listen|relay|watch) ]] || commands=("set -e"$'\n'"$text")
	fi
	[ "${#commands[@]}" -gt 0 ] || while IFS= read -r line; do
		if [[ $line =~ ^([a-z]*)\$\ (.*)$ ]]; then
			on+=("${BASH_REMATCH[1]:-$host}")
			commands+=("${BASH_REMATCH[2]}")
			below+=('')
		elif [[ ${commands[-1]} == *\\ || ${commands[-1]} =~ ^[^\"]*\"[^\"]*$ || ${commands[-1]} =~ (\||&&)$ ]]; then
			commands[-1]+=$'\n'$line
		else
			below[-1]+=${below[-1]:+$'\n'}$line
		fi
	done <<<"$text"
	for ((i = 0; i < ${#commands[@]}; i++)); do
		example_line "${on[i]}" "${commands[i]}" "${below[i]}"
	done
	[ -z "$SEGMENT" ] || segment_ends "$want"
}

# Commands of one host run in one shell, up to one that serves, or another host's.
SEGMENT='' SEGMENT_ON='' SEGMENT_SHOWS=''
example_line() {
	local host=$1 command=$2 shows=$3

	if [[ $command =~ ^vz-(listen|relay|tunnel|watch)\  && ! $command =~ --(stats|fsck) && ! $command == *'&'$'\n'* ]]; then
		[ -z "$SEGMENT" ] || segment_ends 0
		serves "$host" "$command"
		if [ -n "$shows" ]; then
			server_said "$host" >said
			shown "$shows" "$host"
		fi
		return
	fi
	[ -z "$SEGMENT" ] || [ "$SEGMENT_ON" = "$host" ] || segment_ends 0
	if [[ $command == 'cat > '* ]]; then
		command+=" <<'END'"$'\n'$shows$'\nEND'
		shows=''
	fi
	SEGMENT_ON=$host
	SEGMENT+=${SEGMENT:+$'\n[ $? -eq 0 ] || exit\n'}$command
	SEGMENT_SHOWS+=${shows:+${SEGMENT_SHOWS:+$'\n'}$shows}
}
segment_ends() {
	local command=$SEGMENT shows=$SEGMENT_SHOWS

	SEGMENT='' SEGMENT_SHOWS=''
	exits "$1" at "$SEGMENT_ON" "$command"
	[ -z "$shows" ] || shown "$shows" "$SEGMENT_ON"
}

# file_of PAGE WORDS: the example is a file; its text with the keys of KEYS.
file_of() {
	text_of "$1" "$2" | with_keys
}

# Servers are told to end, as what they have started may be out of reach, and then made to.
eval "helpers_$(declare -f teardown)"
teardown() {
	local pid running

	running=" $(jobs -rp | tr '\n' ' ')"
	for pid in "${SERVERS[@]}"; do
		[[ $running != *" $pid "* ]] || kill -TERM -- "-$pid" 2>/dev/null || true
	done
	for pid in "${SERVERS[@]}"; do
		[[ $running == *" $pid "* ]] || continue
		timeout 5 tail --pid="$pid" -s 0.02 -f /dev/null || true
		kill -9 -- "-$pid" 2>/dev/null || true
	done
	helpers_teardown
}
