#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem stock-6.12 stock-latest
# slow: stock-latest
# timeout: 120
#
# The size of an iov is the host's page size, or the binding's own where it has one. No kernel
# here has other pages than 4 KiB, so the tool is told of pages half as large: nothing may
# be left that takes them for 4 KiB.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

half=$(($(getconf PAGESIZE) / 2))
factor=2
# A binding has its own since 7.1
[ "$PPDEVMEM_FLAVOR" != stock-latest ] || factor=1

net_pair 4
bind
devmemls -j --iovs >"$tmp/real"
LD_PRELOAD=$PPDEVMEM_REPO/build/bin/fakebpf.so FAKEBPF_PAGE=$half devmemls -j --iovs >"$tmp/half"
jq_is "$tmp/half" '[.bindings[0].iov_list[1:][] | .offset / .iov] | unique' "[$((half * 2 / factor))]" \
	"which iov lies where in the dma-buf"
jq_is "$tmp/half" '.bindings[0] | [.iovs.total, (.iov_list | length)]' \
	"$(jq -c '.bindings[0] | [.iovs.total, .iovs.total]' "$tmp/real")" "each iov is listed"
if ! $counts; then
	jq_is "$tmp/half" .bindings[0].iovs.free "$(jq ".bindings[0].iovs.free * $factor" "$tmp/real")" \
		"what is free, of which the kernel counts bytes"
fi
unbind
check "all memory comes back" wait_for 60 no_bindings
done_testing
