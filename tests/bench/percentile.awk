# Of a list of numbers with blanks between: the value that such a share of them is below, and the one in
# the middle.
function percentile(list, share,   v, n, i, j, t) {
	n = split(list, v, " ")
	for (i = 2; i <= n; i++) {
		t = v[i] + 0
		for (j = i - 1; j >= 1 && v[j] + 0 > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	i = 1 + (n - 1) * share
	j = int(i)
	return j < n ? v[j] + (i - j) * (v[j + 1] - v[j]) : v[n]
}
function median(list) {
	return percentile(list, 0.5)
}
