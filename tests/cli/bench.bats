#!/usr/bin/env bats
# scripts/dev/bench: the table of speeds and its plot, of runs too short to mean anything.
load helpers

# xml FILE: it is well-formed, says whatever reader of XML is here.
xml() {
	if command -v xmllint >/dev/null; then
		xmllint --noout "$1"
	elif command -v python3 >/dev/null; then
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"
	else
		skip 'no xmllint or python3 to read XML'
	fi
}

measured_or_skip() {
	! grep -q __asan_init "$SEND" || skip 'nobody measures sanitizers'
	[ -x "$VZ_BUILD/tests/bench/spawn" ]
}

@test "a short run makes README's table and a plot" {
	measured_or_skip
	timeout 120 "$VZ_TREE/scripts/dev/bench" --tiny --plot plot.svg "$VZ_BUILD" bulk oneshot >table 2>words 3>&-
	# Every line has four columns, and vz a number in each.
	[ "$(head -n 1 table)" = '| | vz | in the clear | TLS |' ]
	[ "$(grep -c '^|' table)" -eq 5 ]
	awk -F ' [|] ' '/^[|] [^|]/ && NR > 2 {
		if (NF != 4 || $2 !~ /^[0-9]+([.][0-9]+)? (GB\/s|ms)$/) { print; bad = 1 }
	} END { exit bad }' table
	grep -q '^Medians, on [0-9]* of .*vz [0-9]' table
	# Its rows are README's.
	grep -F '| one message of 100 bytes, from start to exit |' table
	grep -qF '| one message of 100 bytes, from start to exit |' "$VZ_TREE/README.md"
	xml plot.svg
	[ "$(grep -c 'class="title"' plot.svg)" -eq 3 ]
	[ "$(grep -c 'class="range"' plot.svg)" -gt 3 ]
	# Nothing sticks out.
	awk '/<rect x=/ { split($0, a, "\""); if (a[2] + a[6] > 760) bad = 1 } END { exit bad }' plot.svg
}

@test "a tool that is missing is left out of the table, and said" {
	measured_or_skip
	mkdir bin
	ln -sf /bin/* /usr/bin/* /usr/local/bin/* bin/ || true
	rm -f bin/nc bin/nc.* bin/socat bin/ncat
	PATH=$PWD/bin timeout 120 "$VZ_TREE/scripts/dev/bench" --tiny --plot plot.svg "$VZ_BUILD" bulk >table 2>words 3>&-
	grep -qx -- '- socat is left out: not installed' table
	grep -Eqx '[|] 2 MiB, file to /dev/null [|] [0-9.]+ GB/s [|]  [|]  [|]' table
	xml plot.svg
}

@test "what a machine is called cannot break the plot" {
	printf 'file\tvz\t3.3\t3.1\t3.4\nfile\tnc\t3.1\t3\t3.2\nstore-1\tvz\t10\t9\t11\n' >figures
	awk -v size=1024 -v on='<b>&"A" \303\244' -v with= -f "$VZ_TREE/scripts/dev/bench-plot.awk" figures >plot.svg
	grep -qF '&lt;b&gt;&amp;&quot;A&quot;' plot.svg
	xml plot.svg
}

@test "a wrong use is one line and 64" {
	exits 64 "$VZ_TREE/scripts/dev/bench" 2>words
	exits 64 "$VZ_TREE/scripts/dev/bench" --bogus "$VZ_BUILD" 2>words
	exits 64 "$VZ_TREE/scripts/dev/bench" "$VZ_BUILD" nonsense 2>words
	[ "$(wc -l <words)" -eq 1 ]
}
