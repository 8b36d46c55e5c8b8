# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# upstream OPTION... -- TEST...: run those of the kernel's own driver tests on a devmemsim pair
# on stock-latest, and print TAP. OPTIONs are those of judge.py. What the tests printed is in
# build/upstream.log; to write the table in the docs after a run of all:
#
#	python3 tests/upstream/judge.py --write <build/upstream.log

# shellcheck source=tests/lib/tap.sh
. "$PPDEVMEM_REPO/tests/lib/tap.sh"

upstream() {
	local options=() dir log=$PPDEVMEM_REPO/build/upstream.log status=0 line
	while [ "$1" != -- ]; do
		options+=("$1") && shift
	done
	shift
	dir=$("$PPDEVMEM_REPO/scripts/upstream") || {
		not_ok "the kernel's driver tests can be had"
		done_testing
	}
	"$PPDEVMEM_REPO/scripts/vm" --kernel stock-latest --mem 3072 --timeout 3000 -- \
		"$PPDEVMEM_REPO/tests/upstream/guest" "$dir" "$@" >"$log" || status=$?
	while read -r line; do
		case $line in
		ok*) ok "${line#* - }" ;;
		"not ok"*) not_ok "${line#* - }" ;;
		esac
	done < <(python3 -B "$PPDEVMEM_REPO/tests/upstream/judge.py" "${options[@]}" <"$log")
	is "$(grep -c "^# .* ends$" "$log")" $# "every test was run"
	is "$status" 0 "the kernel did not complain"
	[ "$_tap_failed" = 0 ] || diag "$(cat "$log")"
	done_testing
}
