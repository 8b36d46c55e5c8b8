#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# timeout: 300
#
# The demo ends well, and what README.md shows is what it prints: the same
# lines, numbers aside.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"

# How many spaces align a column depends on the numbers in it, and ftrace's flags
# (interrupts off, need to reschedule...) on the moment. ftrace knows no name of a process
# that it had not the time to learn. From a minute on an age is told as 1m05s.
numbers_aside() {
	sed -E 's/<\.\.\.>-/devmemcat-/; s/(\[[0-9]+\]) [^ ]{5} /\1 FLAGS /; s/0x[0-9a-f]+/HEX/g
		s/[0-9]+(\.[0-9]+)?/N/g; s/\<NmNs/Ns/g; s/ +/ /g; s/ +$//'
}

shown() {
	awk '/^```/ { inside = !inside && block == ""; next_is = 1; next }
	     inside && next_is { wanted = /^1\. Two network/; next_is = 0 }
	     inside && wanted' README.md
}

status=0
output=$(scripts/demo-guest 2>&1) || status=$?
is $status 0 "the demo ends with status 0"
like "$output" "268435456 bytes" "256 MiB were verified"
is "$(numbers_aside <<<"$output" | sed '/./,$!d')" "$(shown | numbers_aside)" \
	"README.md shows what the demo prints"
done_testing
