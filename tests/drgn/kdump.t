#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 900
#
# A crash as a production host has it: Debian's own kernel, unpatched, panics in an
# interrupt, amid traffic; the kernel that was loaded for that takes over, and drgn looks
# at /proc/vmcore and at what makedumpfile leaves of it. There are no debugging symbols:
# types and symbols come out of the dump.

. "$PPDEVMEM_REPO/tests/lib/tap.sh"
cd "$PPDEVMEM_REPO" || exit

flavor=stock-6.12
kernel=$(scripts/kernel "$flavor")
case $? in
0) ;;
3) skip_all "the archive has no $flavor" ;;
*) exit 1 ;;
esac
scripts/module "$flavor" tests/drgn/panic || exit
mkdir -p build/out
out=$(mktemp -d "$PPDEVMEM_REPO/build/out/kdump.XXXXXX")
on_exit 'rm -rf "$out"'

scripts/vm --kernel "$flavor" --cpus 1 --mem 1024 --append crashkernel=384M --timeout 800 \
	-- tests/drgn/kdump_scene.sh "$out" "$kernel/bzImage" >"$out/log" 2>&1
is $? 99 "the guest panics"
like "$(cat "$out/log")" "panic - not syncing: timer_panic" "because it was told to"
if [ ! -s "$out/filtered" ]; then
	not_ok "the kernel that takes over looks at /proc/vmcore" "$(tail -n 40 "$out/log")"
	done_testing
fi

# What is not the busy reader's
still() {
	jq -cS 'del(.bindings[] | select(.queues == [4]))' "$1"
}

like "$(cat "$out/devmemls")" '"tokens":100' "devmemls saw the readers before"
check "and there were small sockets" [ "$(cat "$out/remnants")" -gt 500 ]
for dump in vmcore filtered; do
	is "$(still "$out/$dump")" "$(still "$out/devmemls")" "drgn says the same of $dump"
	is "$(jq -c '[.bindings[] | select(.queues == [4]).iovs.total]' "$out/$dump")" "[1024]" \
		"and has the busy reader's binding as well"
	is "$(cat "$out/$dump.status") $(cat "$out/$dump.said")" "0 " "without a complaint"
	like "$(cat "$out/$dump.leaks")" "on 256 iovs.*devmemcat\\[$(cat "$out/leaker")\\]" \
		"and names the process that leaked"
done
check "little is left of the dump" awk 'NR == 1 { all = $1 } END { exit !($1 < all / 4) }' "$out/sizes"
done_testing
