# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# TAP for tests written in shell. Use:
#
#	. "$PPDEVMEM_REPO/tests/lib/tap.sh"
#	check "the device is up" ip link show dms0
#	is "$(cat file)" "expected" "the file's content"
#	done_testing
#
# A test that ends without done_testing has no plan and fails. What a check
# prints goes to stderr when it fails. Functions given to on_exit run in
# reverse order, however the test ends.

# shellcheck source=tests/lib/wait.sh
. "${BASH_SOURCE[0]%/*}/wait.sh"

_tap_count=0
_tap_failed=0
_tap_cleanup=()

# diag TEXT...: an explanation for whoever reads a failure.
diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

# ok DESCRIPTION: a point that passed.
ok() {
	_tap_count=$((_tap_count + 1))
	printf 'ok %d - %s\n' "$_tap_count" "$1"
}

# not_ok DESCRIPTION [EXPLANATION...]: a point that failed.
not_ok() {
	_tap_count=$((_tap_count + 1))
	_tap_failed=$((_tap_failed + 1))
	printf 'not ok %d - %s\n' "$_tap_count" "$1"
	shift
	[ $# -eq 0 ] || diag "$@"
	return 0
}

# skip DESCRIPTION REASON: a point that cannot be tested here.
skip() {
	_tap_count=$((_tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$_tap_count" "$1" "$2"
}

# skip_all REASON: end the test; it does not apply here at all.
skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

# check DESCRIPTION COMMAND...: COMMAND succeeds.
check() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ]; then
		ok "$description"
	else
		not_ok "$description" "'$*' ended with status $status: $output"
	fi
}

# fails DESCRIPTION STATUS PATTERN COMMAND...: COMMAND ends with STATUS and
# what it prints contains the extended regular expression PATTERN.
fails() {
	local description=$1 want=$2 pattern=$3 output status=0
	shift 3
	output=$("$@" 2>&1) || status=$?
	if [ "$status" = "$want" ] && [[ $output =~ $pattern ]]; then
		ok "$description"
	else
		not_ok "$description" \
			"'$*' ended with status $status (wanted $want) and said: $output (wanted $pattern)"
	fi
}

# is GOT WANT DESCRIPTION: two strings are equal.
is() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3" "got '$1', wanted '$2'"
	fi
}

# like GOT PATTERN DESCRIPTION: a string contains an extended regular expression.
like() {
	if [[ $1 =~ $2 ]]; then
		ok "$3"
	else
		not_ok "$3" "got '$1', wanted something like '$2'"
	fi
}

# on_exit COMMAND: run COMMAND (one string) when the test ends.
on_exit() {
	_tap_cleanup=("$1" "${_tap_cleanup[@]}")
}

_tap_exit() {
	local status=$? command
	for command in "${_tap_cleanup[@]}"; do
		eval "$command"
	done
	exit "$status"
}
trap _tap_exit EXIT
trap 'exit 143' TERM

# done_testing: print the plan and end.
done_testing() {
	printf '1..%d\n' "$_tap_count"
	[ "$_tap_failed" = 0 ]
	exit
}
