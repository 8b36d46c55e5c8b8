#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 900
#
# The patches apply to every 6.12.y in Debian's archive, and one that does not
# is named, with the hunk.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

tmp=$(mktemp -d)
on_exit 'rm -rf "$tmp"'

scripts/kernel check-series >"$tmp/out" 2>"$tmp/err"
is $? 0 "the check succeeds"
while read -r line; do
	case $line in
	ok*) ok "${line#*- }" ;;
	not*) not_ok "${line#*- }" "$(cat "$tmp/err")" ;;
	esac
done <"$tmp/out"
# What Debian's index has
cache=${PPDEVMEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ppdevmem}
mapfile -t versions < <(apt-cache -o Dir::State::Lists="$cache/apt/lists" \
	-o Dir::Cache="$cache/apt/cache" -o Dir::State::status=/dev/null show linux-source-6.12 |
	sed -n 's/^Version: //p' | sort -Vu)
is "$(sed -n 's/.*applies to Linux //p' "$tmp/out" | sort -V)" "$(printf '%s\n' "${versions[@]}")" \
	"each version that the archive has was tried"
like "${versions[*]}" "^6\.12\.[0-9]" "which are some"

mkdir "$tmp/clone"
cp -r scripts kernel "$tmp/clone/"
patch=$(sed -n '/^[^#]/{p;q}' kernel/series)
# Every line of context: patch forgives a strange one at the edge.
sed -i 's/^ [a-z}#\t].*/&nowhere/' "$tmp/clone/kernel/patches/$patch"
"$tmp/clone/scripts/kernel" check-series >"$tmp/out" 2>"$tmp/err"
is $? 1 "a patch that does not apply fails the check"
like "$(cat "$tmp/err")" "kernel/patches/$patch does not apply to Linux 6.12" "the patch is named"
like "$(cat "$tmp/err")" "Hunk #1 FAILED" "the hunk is named"
done_testing
