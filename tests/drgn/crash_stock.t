#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 1800
#
# crash with its extension on dumps of Debian's own kernels, with their debugging symbols:
# it lists and decodes what drgn does, which needs none.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
. "$PPDEVMEM_REPO/tests/drgn/crash.sh"

# dumped: a dump of $flavor in $dump, and the vmlinux for it; 3 if the archive lacks one.
dumped() {
	vmlinux=$(tests/drgn/stock-vmlinux "$flavor") || return
	scripts/vm --kernel "$flavor" --mem 768 --timeout 800 --vmcore "$dump" \
		-- tests/drgn/dump_scene.sh >/dev/null
}

# lists OPTION...: crash, started with these, lists what drgn does. A crash that is older than
# the kernel may not open its dump, whatever is to be looked at: that is no failure, and said.
lists() {
	local said
	crash_options=("$@")
	said=$(in_crash devmem)
	if [[ $said != *IFNAME* && $said =~ crash:\ ([^$'\n']*) ]]; then
		skip "$flavor: crash $* lists the same" "crash says: ${BASH_REMATCH[1]}"
		return 1
	fi
	is "$(squeezed <<<"$said")" "$(drgn_list)" \
		"$flavor: crash $* lists the same"
}

for flavor in stock-6.12 stock-latest; do
	dump=$tmp/$flavor
	seen=$dump
	dumped
	case $? in
	0) ok "$flavor: a guest is dumped" ;;
	3) skip "$flavor" "the archive has no debugging symbols for it" && continue ;;
	*) not_ok "$flavor: a guest is dumped" && continue ;;
	esac
	lists
	lists --minimal && crash_agrees
	rm "$dump"
done
done_testing
