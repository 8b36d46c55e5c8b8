#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What large.t runs in the guest: ends with status 0 if all went well.

set -eu
. "$PPDEVMEM_REPO/tests/lib/net.sh"

segments=35
segment=0xfffff000 # what a length has room for, in whole pages
log=$(mktemp)

net_pair 4
insmod "$PPDEVMEM_REPO/build/modules/ppdevmem/sgbuf.ko"
list=()
for ((i = 0; i < segments; i++)); do
	list+=("$((0x100000000 * (i + 1)))+$((segment))")
done
start_rx with-sgbuf "${list[@]}" -- devmemcat --bind-only -i dms0 -q 1 -d fd:3 2>"$log"
binder=$!
wait_line "$log" "bound binding" 300

total=$((segments * segment / 4096))
echo "$total iovs"
# Its driver has posted buffers
[ "$(devmemls -j | jq '.bindings[0].iovs | .total == '$total' and .free < .total')" = true ]
kill "$binder"
wait "$binder"
freed() {
	[ "$(devmemls -j | jq '.bindings | length')" = 0 ]
}
wait_for 120 freed
