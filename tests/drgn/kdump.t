#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 900
#
# A crash as a production host has it: Debian's own kernel, unpatched, panics, the
# kernel that was loaded for that takes over, and drgn looks at /proc/vmcore. There
# are no debugging symbols: types and symbols come out of the dump.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

flavor=stock-6.12
kernel=$(scripts/kernel "$flavor")
case $? in
0) ;;
3) skip_all "the archive has no $flavor" ;;
*) exit 1 ;;
esac
mkdir -p build/out
out=$(mktemp -d "$PPDEVMEM_REPO/build/out/kdump.XXXXXX")
on_exit 'rm -rf "$out"'

scripts/vm --kernel "$flavor" --cpus 1 --mem 1024 --append crashkernel=384M --timeout 500 \
	-- tests/drgn/kdump_scene.sh "$out" "$kernel/bzImage" >"$out/log" 2>&1
is $? 99 "the guest panics"
like "$(cat "$out/log")" "panic - not syncing: sysrq triggered crash" "because it was told to"
if [ ! -s "$out/vmcore" ]; then
	not_ok "the kernel that takes over looks at /proc/vmcore" "$(tail -n 40 "$out/log")"
	done_testing
fi
like "$(cat "$out/devmemls")" '"tokens":100' "devmemls saw the readers before"
is "$(jq -cS . "$out/vmcore")" "$(jq -cS . "$out/devmemls")" "drgn says the same of /proc/vmcore"
like "$(cat "$out/leaks")" "on 256 iovs.*devmemcat\\[$(cat "$out/leaker")\\]" \
	"and names the process that leaked"
done_testing
