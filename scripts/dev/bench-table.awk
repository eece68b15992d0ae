# The figures of bench-figures.awk -> README's table of speeds, in Markdown.
#
#	awk -v size=MIB -v on=MACHINE -v with=VERSIONS -f scripts/dev/bench-table.awk FIGURES

BEGIN { FS = "\t" }

{ median[$1, $2] = $3 }

function rate(x) {
	return x >= 999500 ? sprintf("%.1f M", x / 1e6) : x >= 9950 ? sprintf("%.0f k", x / 1e3) : \
	    x >= 995 ? sprintf("%.1f k", x / 1e3) : sprintf("%.0f", x)
}

# Of one thing by one tool, called `name`, in its unit; "" when it was not measured.
function cell(what, tool, name, unit,   x) {
	if (!((what, tool) in median))
		return ""
	x = median[what, tool]
	name = name == "" ? "" : name " "
	return name (what ~ /^(ask|store)-/ ? rate(x) : \
	    what == "relay-cpu" ? sprintf("%.2g s", x) : sprintf("%.1f", x)) unit
}

# The same of several things, with slashes between.
function cells(list, tool, name,   what, n, i, text, one) {
	n = split(list, what, " ")
	for (i = 1; i <= n; i++) {
		one = cell(what[i], tool, "", "")
		if (one != "")
			text = text (text == "" ? "" : " / ") one
	}
	return text == "" || name == "" ? text : name " " text
}

function both(a, b) {
	return a == "" || b == "" ? a b : a "; " b
}

function row(title, vz, clear, tls) {
	if (vz clear tls != "")
		printf "| %s | %s | %s | %s |\n", title, vz, clear, tls
}

END {
	long = size % 1024 == 0 ? size / 1024 " GiB" : size " MiB"
	asks = "ask-1 ask-100 ask-10000"
	print "| | vz | in the clear | TLS |"
	print "|---|---|---|---|"
	row(long ", file to /dev/null", cell("file", "vz", "", " GB/s"), \
	    cell("file", "nc", "nc", ""), cell("file", "socat", "socat", ""))
	row(long ", pipe to pipe", cell("pipe", "vz", "", " GB/s"), \
	    cell("pipe", "nc", "nc", ""), cell("pipe", "socat", "socat", ""))
	row("one message of 100 bytes, from start to exit", cell("one", "vz", "", " ms"), \
	    cell("one", "nc", "nc", ""), cell("one", "stunnel", "stunnel with nc", ""))
	row("questions a second, 1 / 100 / 10,000 under way", cells(asks, "vz", ""), \
	    cells(asks, "skeleton", ""), cells(asks, "redis", "redis"))
	row("messages a second, acknowledged", cell("ask-oneway", "vz", "", ""), \
	    cell("ask-oneway", "skeleton", "", ""), "")
	row(long " through a relay; CPU time of the relay for a GiB", \
	    both(cell("relay", "vz", "", " GB/s"), cell("relay-cpu", "vz", "", "")), \
	    both(cell("relay", "socat", "socat", ""), cell("relay-cpu", "socat", "", "")), \
	    both(cell("relay", "stunnel", "stunnel", ""), cell("relay-cpu", "stunnel", "", "")))
	row("1 KiB messages kept for others, a second, from 1 / 100 senders", \
	    cells("store-1 store-100", "vz", ""), "", "")
	printf "\nMedians, on %s", on
	if (with != "")
		printf "; with %s", with
	print "."
}
