# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Waiting for conditions, never for a time.

# Nothing is ever written into it.
[ -n "${_wait_fd-}" ] || exec {_wait_fd}<> <(:)

# pause: a tenth of a second between two looks. No process is started for it, who
# polls must not take the processor from what is waited for.
pause() {
	read -rt 0.1 -u "$_wait_fd" || :
}

# wait_for SECONDS COMMAND...: poll until COMMAND succeeds; fail at the bound.
# For conditions: give SECONDS generously, machines may be slow.
wait_for() {
	local bound=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= bound)); then
			echo "# waited in vain for: $*" >&2
			return 1
		fi
		pause
	done
}

# gone PID: that process has ended.
gone() {
	[ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}

# wait_line FILE REGEX [SECONDS [PID]]: until a line of FILE matches; fails after
# SECONDS (default 120), or when PID, which is to write the line, ended without
# it, saying what FILE has.
wait_line() {
	local end=$((SECONDS + ${3:-120})) last=
	until grep -Eqs -- "$2" "$1"; do
		if [ -n "$last" ] || [ "$SECONDS" -ge "$end" ]; then
			echo "# no '$2' in $1${last:+ of a process that ended}, which has:" >&2
			sed 's/^/#   /' "$1" >&2
			return 1
		fi
		# Its last words may have come since.
		if [ -n "${4-}" ] && gone "$4"; then last=1; else pause; fi
	done
}
