# What the programs of vz have in common in bash: the words up to the cursor are gone through as
# getopt(3) would, and the last one is completed as what it is. Names come from the peers file, and
# are taken for names only where they are such; nothing of it is ever expanded.

# Splits the line at the cursor into argv; where[i] is the place of argv[i] in COMP_WORDS, which bash
# has cut at each = and @, too.
_vz_split() {
	local left=${COMP_LINE:0:COMP_POINT} word i gap

	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		gap=${left%%[! $'\t']*}
		left=${left#"$gap"}
		[ "${#word}" -le "${#left}" ] || word=$left
		left=${left#"$word"}
		if [ "$i" -eq 0 ] || [ -n "$gap" ]; then
			argv+=("$word")
			where+=("$i")
		else
			argv[${#argv[@]} - 1]+=$word
		fi
	done
}

# _vz_option WORD: sets kind to what the word after it is, if it ends with an option that takes one.
_vz_option() {
	local letters=${1#-}

	kind=''
	case $1 in
	--*=*) ;;
	--*) "$table" "$1" ;;
	-?*)
		while [ -n "$letters" ] && [ -z "$kind" ]; do
			"$table" "-${letters:0:1}"
			letters=${letters:1}
		done
		# What it takes is in the same word.
		[ -z "$letters" ] || kind=''
		;;
	esac
}

# _vz_names PATTERN: adds what matches it of the first words in the peers file beside the identity.
_vz_names() {
	local LC_ALL=C file=peers name rest

	# What was typed is not expanded yet.
	# shellcheck disable=SC2088
	case $identity in
	'~/'*) file=$HOME/${identity#'~/'} ;;
	*) file=$identity ;;
	esac
	case $file in
	*/*) file=${file%/*}/peers ;;
	*) file=peers ;;
	esac
	[ -f "$file" ] && [ -r "$file" ] || return
	while read -r name rest || [ -n "$name" ]; do
		case $name in vz1* | @vz1*) continue ;; esac
		if [[ $name =~ $1 ]] && [ "${#name}" -le 64 ]; then
			names+=("$name")
		fi
	done < <(head -c 1048576 <"$file" | tr -d '\0')
}

# _vz_offer PREFIX WORD...: those that begin as the word at the cursor does, each after PREFIX.
_vz_offer() {
	local prefix=$1 word

	shift
	for word; do
		word=$prefix$word
		# What is before a = or @ stays as it is: readline completes from there.
		[[ $word != "$cur"* ]] || COMPREPLY+=("${word#"$kept"}")
	done
}

_vz_dest() {
	local name='[A-Za-z][A-Za-z0-9._-]*' prefix='' last=$cur

	case $last in
	*,*)
		prefix=${last%,*},
		last=${last##*,}
		;;
	esac
	case $last in
	?*@*) # at a relay
		prefix+=${last%@*}@
		_vz_names "^$name\$"
		;;
	*) _vz_names "^@?$name\$" ;;
	esac
	_vz_offer "$prefix" "${names[@]}"
}

# _vz_kind KIND: completes the word at the cursor as one.
_vz_kind() {
	local -a names=()

	case $1 in
	file) compopt -o default ;;
	dir) compopt -o dirnames ;;
	dest) _vz_dest ;;
	address)
		_vz_names '^[A-Za-z][A-Za-z0-9._-]*$'
		_vz_offer '' "${names[@]}"
		[ "${#COMPREPLY[@]}" -gt 0 ] || compopt -o default
		;;
	user)
		mapfile -t names < <(compgen -u -- "$cur")
		_vz_offer '' "${names[@]}"
		;;
	word)
		read -ra names <<<"$choices"
		_vz_offer '' "${names[@]}"
		;;
	esac
}

# _vz_run I: argv[I] and what follows is a command of its own.
_vz_run() {
	if declare -F _command_offset >/dev/null; then
		_command_offset "${where[$1]}"
	elif [ "$1" -eq $((${#argv[@]} - 1)) ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		compopt -o default
	fi
}

_vz() {
	local table=_vz_table_${1##*/} identity=${VZ_IDENTITY:-${XDG_CONFIG_HOME:-$HOME/.config}/vz/identity}
	local -a argv=() where=() names=()
	local first rest command options kind='' choices='' cur kept word i operands=0 ended='' run='' of=''

	table=${table//-/_}
	declare -F "$table" >/dev/null || return
	COMPREPLY=()
	_vz_split
	cur=${argv[${#argv[@]} - 1]}
	kept=${cur%"$2"}
	"$table" ''
	for ((i = 1; i < ${#argv[@]} - 1; i++)); do
		word=${argv[i]}
		if [ -n "$kind" ]; then
			case $of in -*i | --identity) identity=$word ;; esac
			kind=''
			continue
		fi
		if [ -z "$ended" ] && [[ $word == -?* ]]; then
			case $word in
			--) ended=yes ;;
			--identity=*) identity=${word#*=} ;;
			--run=*) run=yes ;;
			esac
			of=$word
			_vz_option "$word"
			[ "$word" != --run ] || run=yes
			continue
		fi
		ended=yes
		if [ "$command" = after ] && [ "$word" = -- ]; then
			_vz_run $((i + 1))
			return
		elif [ "$command" = --run ] && [ -n "$run" ]; then
			_vz_run "$i"
			return
		fi
		operands=$((operands + 1))
	done
	if [ -n "$kind" ]; then
		_vz_kind "$kind"
	elif [ -z "$ended" ] && [[ $cur == --*=* ]]; then
		"$table" "${cur%%=*}"
		word=$cur
		cur=${cur#*=}
		kept=${cur%"$2"}
		_vz_kind "$kind"
	elif [ -z "$ended" ] && [[ $cur == -* ]]; then
		read -ra names <<<"$options"
		_vz_offer '' "${names[@]}"
	elif [ "$command" = --run ] && [ -n "$run" ]; then
		_vz_run "$i"
	elif [ "$operands" -eq 0 ]; then
		_vz_kind "$first"
	else
		_vz_kind "$rest"
	fi
}
