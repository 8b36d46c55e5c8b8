#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-latest mainline
# timeout: 600
#
# drgn on a running kernel: the same document as devmemls, iovs by where they
# are, planted words, what becomes of a binding that is let go of, and looking
# while bindings come and go. On Debian's own kernels the types are those of BTF.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/lib/net.sh"
. "$PPDEVMEM_REPO/tests/drgn/scene.sh"

on_exit scene_down
# Not by check, which would keep the readers' pids to itself
if ! scene_up; then
	not_ok "three readers hold still"
	done_testing
fi
ok "three readers hold still"
devmemls -j >"$scene/devmemls.json"
fails "drgn-devmem says what it found, and that it is too much" 1 \
	"types.*layout.*tokens on 256 iovs.*devmemcat\[$leaker\]" drgn-devmem -v leaks 0
while read -r word text; do
	case $word in
	ok) ok "$text" ;;
	not) not_ok "$text" ;;
	*) diag "$word $text" ;;
	esac
done < <(python3 -B "$PPDEVMEM_REPO/tests/drgn/live_checks.py" 2>&1 || echo "not it ended early")

done_testing
