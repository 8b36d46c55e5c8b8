#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 120
#
# The man pages are there, whole, and name the options that the programs have;
# make install puts them where man finds them. docs/tools.md is as it is written.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'
apps=$(make -s --no-print-directory -C tools/bpf apps)

# options_of_help TOOL: -x and --xxx that --help lists, sorted.
options_of_help() {
	"build/bin/$1" --help | grep -E '^ +-' | grep -oE '(^|[ ,])(--[a-z-]+|-[a-zA-Z?])' |
		tr -d ' ,' | sort -u
}

# options_of_page TOOL: those that the items of the page's OPTIONS begin with.
options_of_page() {
	awk '/^\.SH/ { inside = /OPTIONS/ } inside && item { sub(/: .*/, ""); print } { item = /^\.IP/ }' \
		"build/man/$1.8" | grep -oE '\\fB-[a-zA-Z?-]+' | sed 's/^\\fB//' | sort -u
}

sections_of_page() {
	sed -n 's/^\.SH //p' "build/man/$1.8" | tr '\n' ','
}

make -s -C tools/bpf install DESTDIR="$tmp" PREFIX=/usr >/dev/null
for tool in $apps; do
	page=build/man/$tool.8
	is "$(groff -man -Tutf8 -ww -z "$page" 2>&1)" "" "$tool: groff has nothing to say of the page"
	sections=$(sections_of_page "$tool")
	missing=
	for section in NAME SYNOPSIS REQUIREMENTS OPTIONS EXAMPLES FIELDS OVERHEAD "SEE ALSO"; do
		[[ ,$sections == *",$section,"* ]] || missing+=" $section"
	done
	is "$missing" "" "$tool: the page lacks no section"
	like "$(options_of_help "$tool")" "--help" "$tool: --help lists options"
	is "$(options_of_page "$tool")" "$(options_of_help "$tool")" "$tool: the page has the options that --help lists"
	like "$("build/bin/$tool" --version)" "^ppdevmem [0-9]" "$tool: --version"
	check "$tool: make install puts the program there" test -x "$tmp/usr/sbin/$tool"
	check "$tool: and the page" cmp "$page" "$tmp/usr/share/man/man8/$tool.8"
done
check "docs/tools.md has no hole that is not explained" tests/tools/table.py --check
done_testing
