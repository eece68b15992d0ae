#!/usr/bin/env bats
# scripts/dev/header-page: the comment at the head of a script is its manual page.
load helpers

# head_: a script with the head on stdin, as vz-try.
head_() {
	{
		echo '#!/bin/sh'
		sed 's/^/# /; s/ $//'
		echo 'set -u'
		echo '# vz-send --no-part-of-it'
	} >vz-try
}
page() {
	SOURCE_DATE_EPOCH=86400 timeout "$PATIENCE" "$VZ_TREE/scripts/dev/header-page" vz-try
}

a_head() {
	cat <<-'TXT'
		vz-try - try a thing, and say how it went

		usage: vz-try [-n] [--keep N] DIR DEST [-- COMMAND [ARG...]]
		       vz-try --receive DIR

		Sends DIR by vz-send(1). See --keep, or
		.not a 'macro' of back\slashes.

		This is shown:

		    $ vz-try -n /srv x
		    .dot

		Options:
		  -n, --dry-run   say what would be
		                  done
		  --keep N
		                  keep N of them

		Exit status:
		  0      well

		Examples:
		  Words.

		      vz-try --keep 7 /srv

		See also:
		  vz-send(1)
	TXT
}

@test "the head of a script becomes a page that mandoc has nothing to say about" {
	command -v mandoc >/dev/null || skip 'no mandoc here'
	a_head | head_
	page >vz-try.1
	mandoc -T lint -W style vz-try.1 >words || true
	run ! grep -v 'referenced manual not found' words
	mandoc -T ascii vz-try.1 | sed 's/.\x08//g' >page.txt
	grep -qx '     vz-try \[-n\] \[--keep N\] DIR DEST \[-- COMMAND \[ARG...\]\]' page.txt
	grep -qx '     vz-try --receive DIR' page.txt
	grep -qF ".not a 'macro' of back\\slashes." page.txt
	grep -qx '           .dot' page.txt
	grep -qx '           vz-try --keep 7 /srv' page.txt
	grep -qx '     -n, --dry-run' page.txt
	grep -qx '             say what would be done' page.txt
	grep -q 'January 2, 1970' page.txt
	run ! grep -q no-part-of-it page.txt
	# In the order that pages have, whatever the order of the head.
	[ "$(grep -E '^[A-Z ]+$' page.txt | tr '\n' ,)" = 'NAME,SYNOPSIS,DESCRIPTION,EXIT STATUS,EXAMPLES,SEE ALSO,' ]
}

@test "a head that is no manual makes no page, and a word says why" {
	local without

	for without in '^vz-try' '^usage' '^Sends' '^$'; do
		a_head | sed "0,/$without/{/$without/d}" | head_
		[ "$without" != '^Sends' ] || { printf '%s\n' 'vz-try - x' '' 'usage: vz-try' | head_; }
		exits 65 page >out 2>page.err
		[ ! -s out ]
		one_error page.err '^vz-try: its head'
	done
}
