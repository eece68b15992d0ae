# Terminals for tests of what is seen on one: tmux(1) without a user's configuration, with a socket in
# the test's own folder. Load it after helpers.bash, whose teardown ends them.

# terminal NAME COLUMNS LINES COMMAND...: runs the command in a terminal of that size; when it ends
# the screen stays. Its status it has to print itself, as tmux does not always see the end. The command's
# environment is the test's, with TERM=tmux-256color.
terminal() {
	local name=$1 columns=$2 lines=$3

	shift 3
	TMUX_TERMINALS+=" $name"
	env -u TMUX tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null start-server \; set -g remain-on-exit on \; \
		set -g status off \; set -g history-limit 2000 \; set -g default-terminal tmux-256color \; \
		new-session -d -s "$name" -x "$columns" -y "$lines" "$(printf '%q ' "$@")" >&2 3>&- 9>&-
}
tmux_of() {
	local verb=$1 name=$2

	shift 2
	timeout 10 env -u TMUX tmux -S "$BATS_TEST_TMPDIR/tmux" "$verb" -t "$name" "$@" 3>&-
}
# typed NAME TEXT: as if typed, without the return key; pressed NAME KEY...: keys by tmux's names
# (Enter, Tab, C-c, Up).
typed() { tmux_of send-keys "$1" -l -- "$2"; }
pressed() {
	local name=$1

	shift
	tmux_of send-keys "$name" "$@"
}
# What is on the screen now, without blanks at the ends; scrolled NAME: with all that went by.
screen() { tmux_of capture-pane "$1" -p; }
scrolled() { tmux_of capture-pane "$1" -p -S - -J; }
# shows NAME PATTERN: waits until a line of the screen (or what went by) matches the extended expression.
shows() {
	local end=$((SECONDS + PATIENCE))

	until scrolled "$1" 2>/dev/null | grep -Eq -- "$2"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "no line of the terminal matches: $2"
			scrolled "$1"
			return 1
		fi
		sleep 0.05
	done
}
# resized NAME COLUMNS LINES
resized() { tmux_of resize-window "$1" -x "$2" -y "$3"; }
terminals_end() {
	[ -z "${TMUX_TERMINALS:-}" ] || timeout 10 env -u TMUX tmux -S "$BATS_TEST_TMPDIR/tmux" kill-server 3>&- || true
}
