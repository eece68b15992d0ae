# What the end-to-end tests share. Load it in each file; each test has a folder, a HOME and
# processes of its own, and nothing waits without a bound.
#
#	VZ_BUILD	the build that is tested (build/)
#	VZ_SEND_BIN, VZ_LISTEN_BIN	folders of other builds' programs, to let two builds talk
bats_require_minimum_version 1.5.0

VZ_TREE=${VZ_TREE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
VZ_BUILD=${VZ_BUILD:-$VZ_TREE/build}
KEYGEN=$VZ_BUILD/bin/vz-keygen
SEND=${VZ_SEND_BIN:-$VZ_BUILD/bin}/vz-send
LISTEN=${VZ_LISTEN_BIN:-$VZ_BUILD/bin}/vz-listen
FAULT=$VZ_BUILD/tests/fault
# Most tests are about what one connection does: a break is the end there. resume.bats is about the rest.
BREAKS_END_LISTEN=(--resume-window 0)
BREAKS_END_SEND=(--retry-for 0)
PATIENCE=60 # seconds that a program may take before a test calls it a hang

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir -m 700 "$HOME"
	umask 022
	STARTED=()
	MOUNTED=()
}

teardown() {
	local pid folder running

	! declare -F terminals_end >/dev/null || terminals_end
	# Only what still runs: the number of one that ended may be a stranger's by now.
	running=" $(jobs -rp | tr '\n' ' ')"
	for pid in "${STARTED[@]}"; do
		[[ $running == *" $pid "* ]] || continue
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for folder in "${MOUNTED[@]}"; do
		umount -l "$folder" || true
	done
	# A sanitizer's finding counts, whatever became of the process that it was in.
	if grep -aE 'runtime error|Sanitizer' ./*.err 2>/dev/null; then
		return 1
	fi
}

# identities NAME...: makes one each; in setup_file.
identities() {
	local name

	for name; do
		mkdir -m 700 "$BATS_FILE_TMPDIR/$name"
		timeout 30 "$KEYGEN" -f "$BATS_FILE_TMPDIR/$name/identity" >"$BATS_FILE_TMPDIR/$name/key" || return
	done
}
# The file and the public key of an identity.
id_of() { echo "$BATS_FILE_TMPDIR/$1/identity"; }
key_of() { cat "$BATS_FILE_TMPDIR/$1/key"; }

# fail WORDS: ends the test and shows what the programs said.
fail() {
	local file

	echo "$*"
	for file in *.err; do
		[ -e "$file" ] && sed "s|^|$file: |" "$file"
	done
	return 1
}

# started NAME COMMAND...: a process in the background that writes lines to descriptor 9 and closes it
# when it is ready: PID and READY, the first line, are set, and all lines are in NAME.ready. stdout goes to NAME.out ($STDOUT if set), stderr to NAME.err.
started() {
	local name=$1 fifo

	shift
	fifo=$(mktemp -u "ready.XXXXXX")
	mkfifo "$fifo" || return
	"$@" 9>"$fifo" >"${STDOUT:-$name.out}" 2>"$name.err" </dev/null 3>&- &
	PID=$!
	STARTED+=("$PID")
	# A program that ends before it is ready closes the descriptor: no line, and no waiting.
	timeout "$PATIENCE" cat "$fifo" >"$name.ready"
	IFS= read -r READY <"$name.ready" || fail "$name did not get ready"
}

# listen OPTION...: bob listens, alice is allowed. Sets LISTENER (pid) and ADDR. The options come
# first; AT holds the addresses (127.0.0.1:0), ALLOW other words than --allow ALICE.
listen() {
	local -a at=("${AT[@]}") allow=("${ALLOW[@]}")

	[ "${#at[@]}" -gt 0 ] || at=(127.0.0.1:0)
	[ "${#allow[@]}" -gt 0 ] || allow=(--allow "$(key_of alice)")
	started listen "$LISTEN" "${BREAKS_END_LISTEN[@]}" -i "$(id_of bob)" --ready-fd 9 "${allow[@]}" "$@" "${at[@]}" || return
	LISTENER=$PID
	ADDR=$READY
}

# send ARG...: alice sends; stderr goes to send.err.
send() {
	timeout -k 5 "$PATIENCE" "$SEND" "${BREAKS_END_SEND[@]}" -i "$(id_of "${SENDER:-alice}")" "$@" 2>send.err 3>&-
}

# mangled ARG...: a proxy before the listener (tests/fault/mangle.c). Sets THROUGH, the address there.
mangled() {
	started mangle "$FAULT/mangle" --ready-fd 9 --to "$ADDR" "$@" || return
	MANGLE=$PID
	THROUGH=$READY
}

# exits STATUS[,STATUS...] COMMAND ARG...: runs it, and it ends so.
exits() {
	local want=$1 got=0

	shift
	"$@" || got=$?
	[[ ,$want, == *,$got,* ]] || fail "status $got instead of $want: $*"
}

# ended STATUS[,STATUS...] PID: a process in the background ends by itself, and so. Sets STATUS.
ended() {
	STATUS=0
	timeout "$PATIENCE" tail --pid="$2" -s 0.02 -f /dev/null || fail "process $2 still runs" || return
	wait "$2" || STATUS=$?
	[[ ,$1, == *,$STATUS,* ]] || fail "the process in the background ended with $STATUS instead of $1"
}

# alive PID: it runs, and is not a corpse either.
alive() {
	[ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)" != Z ] &&
		kill -0 "$1"
}

# says FILE REGEX: a line of it matches, whatever the case of its letters.
says() {
	grep -Eiq -- "$2" "$1" || fail "$1 does not say: $2"
}

# one_error FILE REGEX: it matches the only line that is no hint.
one_error() {
	says "$1" "$2" || return
	[ "$(grep -Evc '^(vz-[a-z]+: hint: |vz-listen: listening on )' "$1")" -eq 1 ] ||
		fail "$1 has not just one line of error"
}

# empty FOLDER...: no file is there under any name that a user would take for a result, nor a
# left-over temporary file.
empty() {
	local folder

	for folder; do
		[ -z "$(ls -A "$folder")" ] || fail "$folder holds: $(ls -A "$folder")"
	done
}

# holds N FOLDER: so many files are there.
holds() {
	[ "$(find "$2" -type f | wc -l)" -eq "$1" ]
}

# placed N FOLDER: so many are there under their own names, whole.
placed() {
	[ "$(find "$2" -type f ! -name '.*' | wc -l)" -eq "$1" ]
}

# arrived N: some file here has at least N bytes, `in` apart.
arrived() {
	[ -n "$(find . -type f -size "+$(($1 / 1024))k" ! -name in)" ]
}

# until_true COMMAND ARG...: tries it until it succeeds, less often the longer it takes; for what only
# a look can tell.
until_true() {
	local began=$SECONDS pause=0.02

	until "$@"; do
		[ "$((SECONDS - began))" -lt "$PATIENCE" ] || fail "never came true: $*" || return
		[ "$((SECONDS - began))" -lt 2 ] || pause=0.1
		read -r -t "$pause" <> <(:) || true
	done
}

# bytes N FILE: that many random bytes.
bytes() {
	head -c "$1" /dev/urandom >"$2"
}

ipv6_or_skip() {
	grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || skip 'no ::1 here'
}

# small_disk FOLDER [SIZE]: a file system of 1 MiB there, or of that size.
small_disk() {
	[ "$(id -u)" -eq 0 ] || skip 'only root can mount a small disk'
	mkdir -p "$1"
	mount -t tmpfs -o size="${2:-1m}",mode=700 none "$1" 2>/dev/null || skip 'cannot mount a small disk here'
	MOUNTED+=("$1")
}

# with_faults RULES COUNTS COMMAND ARG...: becomes the command with faultio (tests/fault/faultio.c)
# preloaded; how often each rule struck is in the file COUNTS. For a process in the background or in
# parentheses.
with_faults() {
	local rules=$1 counts=$2

	shift 2
	exec env LD_PRELOAD="$FAULT/faultio.so" FAULTIO="$rules" FAULTIO_COUNTS="$counts" \
		${FAULTIO_SEED:+FAULTIO_SEED="$FAULTIO_SEED"} "$@"
}

# faultio_or_skip: sanitizers want to be loaded first.
faultio_or_skip() {
	! grep -q __asan_init "$SEND" || skip 'faultio and sanitizers do not go together'
	[ -e "$FAULT/faultio.so" ]
}

# no_disk: bin/sync, to be found before the system's: fsync(2) fails in it.
no_disk() {
	faultio_or_skip
	mkdir bin
	cat >bin/sync <<-SH
		#!/bin/sh
		PATH=$PATH LD_PRELOAD=$FAULT/faultio.so FAULTIO=fsync,syncfs:EIO exec sync "\$@"
	SH
	chmod +x bin/sync
}

# struck COUNTS [FUNCTION]: each rule (of the function) has made at least one call fail.
struck() {
	awk -v of="${2:-}" '
		$1 != "seed" && (of == "" || $1 == of) { n++; if ($6 == 0) bad = 1 }
		END { exit n == 0 || bad }' "$1" || fail "a fault did not happen: $(cat "$1")"
}
