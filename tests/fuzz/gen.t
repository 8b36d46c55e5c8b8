#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 240
#
# What devfuzz does is made of its seed and of nothing else.

set -u
. "$PPDEVMEM_REPO/tests/lib/tap.sh"
devfuzz=$PPDEVMEM_REPO/build/bin/devfuzz

list() {
	"$devfuzz" --list 2000 "$@"
}

# of_thread THREAD [OPTION...]: its operations alone, without their thread.
of_thread() {
	list "${@:2}" | sed -n "s/^thread $1 //p"
}

# differ DESCRIPTION TEXT TEXT
differ() {
	check "$1" test "$2" != "$3"
}

one=$(list --seed 1)
is "$(wc -l <<<"$one")" 18000 "a list of 2000 operations for each of 9 threads"
is "$(list --seed 1)" "$one" "the same seed gives the same operations"
differ "another seed gives others" "$(list --seed 2)" "$one"
differ "so does another round" "$(list --seed 1 --first 1)" "$one"
is "$(list --seed 1 --first 0)" "$one" "rounds count from 0"
differ "two readers do not do the same" "$(of_thread 0 --seed 1)" "$(of_thread 1 --seed 1)"
is "$(list --seed 1 --without recv,mend)" "$(grep -Ev ': (recv|mend)\b' <<<"$one")" \
	"what is left out leaves the rest as it is"
is "$(list --seed 1 --from 1990 | grep -c .)" 18000 "a list from the middle"
is "$(list --seed 1 --from 1990 | grep "^thread 8 op 1999:")" "$(grep "^thread 8 op 1999:" <<<"$one")" \
	"has the same operations at the same places"
is "$(list --seed 1 | sed 's/.* op [0-9]*: \([a-z_]*\).*/\1/' | sort -u | wc -l)" \
	"$(sed -n '/^enum op_kind/,/^}/p' "$PPDEVMEM_REPO/tests/fuzz/gen.h" | grep -o '\bOP_[A-Z_]*' |
		grep -vc OP_KINDS)" "every kind of operation comes"
fails "an unknown kind is an error" 2 "no operation is called 'dance'" "$devfuzz" --without dance
fails "as is a seed that is no number" 2 "'x1' is not a number" "$devfuzz" --seed x1
done_testing
