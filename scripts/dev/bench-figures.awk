# What the benches wrote to $RESULTS (tests/bench/lib.sh, keep) -> one line for each thing measured
# and tool, tabs between: what, tool, median, 10th and 90th percentile.
#
#	awk -v size=MIB -f tests/bench/percentile.awk -f scripts/dev/bench-figures.awk RESULTS
#
# Units: GB/s for file, pipe and relay; seconds of CPU a GiB for relay-cpu; milliseconds for one;
# messages a second for the rest.

function add(what, tool, value,   key) {
	key = what "\t" tool
	if (!(key in all))
		order[++n] = key
	all[key] = all[key] " " value
}

BEGIN { bytes = size * 1048576 }

/ failed( |$)/ { next }
$1 == "bulk" && $5 > 0 { add($2 == "pair" ? "file" : "pipe", $3, bytes / $5 / 1e9) }
$1 == "oneshot" && $4 > 0 { add("one", $2, 1000 * $4) }
$1 == "messages" && $2 == "all" { add("ask-" $3, $4, $6) }
$1 == "relay" && $2 == "vz" && $5 > 0 {
	add("relay", $3, bytes / $5 / 1e9)
	add("relay-cpu", $3, ($7 - $6) * 1024 / size)
}
$1 == "store" && $4 == "store" { add("store-" $3, "vz", $5) }

END {
	for (i = 1; i <= n; i++)
		printf "%s\t%.6g\t%.6g\t%.6g\n", order[i], percentile(all[order[i]], 0.5), \
		    percentile(all[order[i]], 0.1), percentile(all[order[i]], 0.9)
}
