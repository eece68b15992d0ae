# The figures of bench-figures.awk -> a plot, as SVG: a bar for each tool up to its median, and a
# line from the 10th to the 90th percentile.
#
#	awk -v size=MIB -v on=MACHINE -v with=VERSIONS -f scripts/dev/bench-plot.awk FIGURES

BEGIN {
	FS = OFS = "\t"
	WIDTH = 760; LEFT = 150; RIGHT = 90; BAR = 14; ROW = 20
	# Those of the middle column without cryptography are grey, those with TLS lighter.
	colour["vz"] = "#1f4e8c"
	clear["nc"] = clear["skeleton"] = 1
	called["skeleton"] = "no cryptography"; called["one", "stunnel"] = "nc, two stunnels"
	called["relay", "socat"] = "socat, in the clear"; called["relay", "stunnel"] = "two stunnels"
	called["relay", "vz"] = "vz-relay"
	long = size % 1024 == 0 ? size / 1024 " GiB" : size " MiB"
	panel("file", long " over loopback, file to /dev/null", "GB/s", "longer is better")
	panel("pipe", long " over loopback, pipe to pipe", "GB/s", "longer is better")
	panel("relay", long " through a relay", "GB/s", "longer is better")
	panel("one", "One message of 100 bytes, from start to exit", "ms", "shorter is better")
	panel("ask-1", "Questions a second, 1 under way", "/s", "longer is better")
	panel("ask-100", "Questions a second, 100 under way", "/s", "longer is better")
	panel("ask-10000", "Questions a second, 10,000 under way", "/s", "longer is better")
	panel("ask-oneway", "Messages a second, acknowledged", "/s", "longer is better")
	panel("store", "1 KiB messages kept for others, a second", "/s", "longer is better")
}

function panel(what, title, unit, better) {
	panels[++n_panels] = what
	titles[what] = title
	units[what] = unit
	betters[what] = better
}

# These are of one tool, and from so many senders.
$1 ~ /^store-/ {
	$2 = substr($1, 7) == 1 ? "from 1 sender" : "from " substr($1, 7)
	$1 = "store"
}

{
	tools[$1, ++n_tools[$1]] = $2
	median[$1, $2] = $3; low[$1, $2] = $4; high[$1, $2] = $5
	if ($5 > most[$1]) most[$1] = $5
	if ($3 > most[$1]) most[$1] = $3
}

function escaped(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); gsub(/"/, "\\&quot;", s)
	gsub(/[^ -~]/, "?", s)
	return s
}

function number(what, x) {
	if (units[what] == "/s")
		return x >= 999500 ? sprintf("%.1f M/s", x / 1e6) : \
		    x >= 9950 ? sprintf("%.0f k/s", x / 1e3) : x >= 995 ? sprintf("%.1f k/s", x / 1e3) : \
		    sprintf("%.0f/s", x)
	return sprintf(x < 9.95 ? "%.2f %s" : "%.1f %s", x, units[what])
}

function text(x, y, class, s) {
	out = out sprintf("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, class, escaped(s))
}

function bar(what, tool, y,   scale, fill, name, x1, x2) {
	scale = (WIDTH - LEFT - RIGHT) / most[what]
	fill = tool == "vz" || what == "store" ? colour["vz"] : (tool in clear) || (what == "relay" && tool == "socat") ? \
	    "#9a9a9a" : "#d08a3a"
	name = (what SUBSEP tool) in called ? called[what, tool] : tool in called ? called[tool] : tool
	text(LEFT - 8, y + BAR - 3, "tool", name)
	out = out sprintf("<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", \
	    LEFT, y, median[what, tool] * scale, BAR, fill)
	x1 = LEFT + low[what, tool] * scale
	x2 = LEFT + high[what, tool] * scale
	out = out sprintf("<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv6M%.1f %.1fv6\" class=\"range\"/>\n", \
	    x1, y + BAR / 2, x2, x1, y + BAR / 2 - 3, x2, y + BAR / 2 - 3)
	x2 = x2 > LEFT + median[what, tool] * scale ? x2 : LEFT + median[what, tool] * scale
	text(x2 + 6, y + BAR - 3, "value", number(what, median[what, tool]))
}

function legend(y,   i, x, c, w) {
	split("#1f4e8c #9a9a9a #d08a3a", c, " ")
	split("vz|in the clear|TLS", w, "|")
	x = LEFT
	for (i = 1; i <= 3; i++) {
		out = out sprintf("<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x, y, c[i])
		text(x + 17, y + 10, "value", w[i])
		x += 40 + 7 * length(w[i])
	}
	out = out sprintf("<path d=\"M%d %dh24M%d %dv6M%d %dv6\" class=\"range\"/>\n", x, y + 6, x, y + 3, x + 24, y + 3)
	text(x + 30, y + 10, "value", "10th to 90th percentile; a bar ends at the median")
}

END {
	y = 40
	for (p = 1; p <= n_panels; p++) {
		what = panels[p]
		if (!n_tools[what] || most[what] <= 0)
			continue
		y += 22
		text(LEFT, y - 6, "title", titles[what])
		text(WIDTH - 12, y - 6, "note", betters[what])
		# vz first.
		for (pass = 1; pass <= 2; pass++)
			for (i = 1; i <= n_tools[what]; i++)
				if ((tools[what, i] == "vz") == (pass == 1)) {
					bar(what, tools[what, i], y)
					y += ROW
				}
		y += 6
	}
	legend(y + 10)
	text(12, y + 48, "value", on)
	text(12, y + 64, "value", with)
	height = y + 78
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n", \
	    WIDTH, height, WIDTH, height
	print "<title>The speed of vz beside other tools</title>"
	print "<style>text{font:12px sans-serif;fill:#222}.title{font-weight:bold}.head{font:bold 16px sans-serif}" \
	    ".tool,.note{text-anchor:end}.note{fill:#666}.range{stroke:#000;stroke-width:1;fill:none}</style>"
	printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", WIDTH, height
	print "<text x=\"12\" y=\"26\" class=\"head\">The speed of vz beside other tools</text>"
	printf "%s</svg>\n", out
}
