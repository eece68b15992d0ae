#!/usr/bin/env bats
# The options of all programs, as their tables have them.
load helpers

PROGRAMS=(vz-keygen vz-listen vz-relay vz-send)

setup_file() {
	identities alice
}

# A line for each option: program, letter, long name, argument, words.
rows() {
	"$VZ_BUILD/gen/completions" rows | tr '\t' '|'
}

# value_for ARGUMENT WORDS: one that is taken.
value_for() {
	case $1 in
	COMMENT | DEST | DIR | FILE | KEYFILE | NAME) echo name ;;
	HASH) printf '%064d\n' 0 ;;
	KEY) key_of alice ;;
	N) echo 9 ;;
	SIZE) echo 4096 ;;
	TIME) echo 5s ;;
	*) [ -n "$2" ] && echo "${2%% *}" || echo 600 ;;
	esac
}

@test "the tables of options keep their own rules" {
	"$VZ_BUILD/gen/completions" check
}

@test "help fits a screen with a prompt below it, and names each option of the table" {
	local program letter name argument words

	for program in "${PROGRAMS[@]}"; do
		exits 0 timeout "$PATIENCE" "$VZ_BUILD/bin/$program" --help >"$program.help"
		[ "$(wc -l <"$program.help")" -le 23 ] || fail "$program --help is too long"
		[ "$(awk 'length > 79' "$program.help" | wc -l)" -eq 0 ] || fail "$program --help is too wide"
	done
	while IFS='|' read -r program letter name argument words; do
		# An argument that two names share is behind the second.
		for option in $letter $name; do
			grep -Eq -- "(^|[ ,])$option($|[ ,].*${argument:-})" "$program.help" ||
				fail "$program --help lacks $option $argument"
		done
	done < <(rows)
}

@test "each option of a table is taken, by its letter and by its name" {
	local program letter name argument words option n=0

	exec 9>/dev/null
	while IFS='|' read -r program letter name argument words; do
		for option in $letter $name; do
			case $option in
			-h | --help | -V | --version) continue ;;
			esac
			# Each is handled before the next one, so that the version is the proof.
			exits 0 timeout "$PATIENCE" "$VZ_BUILD/bin/$program" "$option" \
				${argument:+"$(value_for "$argument" "$words")"} -V >out 2>out.err </dev/null ||
				fail "$program $option"
			grep -q "^$program " out
			n=$((n + 1))
		done
	done < <(rows)
	[ "$n" -gt 100 ]
}
