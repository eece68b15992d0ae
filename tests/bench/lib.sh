# Shared by the benches: where things are, temporary files, identities, medians. Sourced, not run.
# shellcheck shell=sh disable=SC2034

B=${VZ_BUILD:-build}
spawn=$B/tests/bench/spawn

die()
{
	echo "$0: $*" >&2
	exit 1
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

# Says a peer is left out and why.
skip()
{
	echo "# $1 is left out: $2" >&2
}

# A folder in memory where there is one with room for $1 KiB, so that no disk is measured.
make_tmp()
{
	parent=${TMPDIR:-/tmp}
	room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	if [ -w /dev/shm ] && [ "${room:-0}" -gt "$1" ]; then
		parent=/dev/shm
	fi
	tmp=$(mktemp -d "$parent/vz-bench.XXXXXX") || die 'no temporary folder'
	children=
	trap 'kill $children 2>/dev/null || :; rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

make_cert()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	    -subj /CN=localhost -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null ||
		die 'openssl cannot make a certificate'
	cat "$tmp/key.pem" "$tmp/cert.pem" >"$tmp/both.pem"
}

# Two identities: sender a and listener b; their keys in $key_a and $key_b. Their memory of peers is
# where it is when nobody asks for verdicts that outlive a listener, as --state would.
make_identities()
{
	XDG_STATE_HOME=$tmp/state
	export XDG_STATE_HOME
	mkdir -p "$tmp/state"
	key_a=$("$B/bin/vz-keygen" -q -f "$tmp/a/identity") || die 'vz-keygen failed'
	key_b=$("$B/bin/vz-keygen" -q -f "$tmp/b/identity") || die 'vz-keygen failed'
}

installed()
{
	have "$1" || { skip "$1" 'not installed' && return 1; }
}

# The other netcats have no -N.
nc_usable()
{
	installed nc || return 1
	nc -h 2>&1 | grep -q OpenBSD || { skip nc 'not the OpenBSD netcat' && return 1; }
}

vz_usable()
{
	for program in vz-keygen vz-listen vz-send; do
		[ -x "$B/bin/$program" ] || { skip vz "no $B/bin/$program: run make" && return 1; }
	done
	make_identities
}

# keep BENCH FILE: the lines of what was measured go to $RESULTS too, if that is set, for
# scripts/dev/bench.
keep()
{
	[ -z "${RESULTS:-}" ] || sed "s/^/$1 /" "$2" >>"$RESULTS"
}

# resident PID: KiB.
resident()
{
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

awk_median=$(cat tests/bench/percentile.awk)
