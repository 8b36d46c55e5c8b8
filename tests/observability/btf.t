#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# timeout: 900
#
# What a debugger or a BPF program needs to know stands in the kernel's BTF.
#
# Not on debug: pahole 1.30 gives a function no kfunc declaration if the compiler has
# split a cold part off, and checks for bounds make it do so there, to Linux's own as well.

set -u
. "$PPDEVMEM_REPO/tests/observability/common.sh"

bpftool btf dump file /sys/kernel/btf/vmlinux | grep -E "^	'(PP_|DEVMEM_)" >"$dir/raw"
# What is ours of it: the rest is large, and this machine may be slow.
bpftool btf dump file /sys/kernel/btf/vmlinux format c | awk '
	/^struct (page_pool_iov|net_devmem_dmabuf_binding|bpf_iter__|net_iov)[a-z_]* \{$/ { inside = 1 }
	inside || (/^extern/ && /__ksym;$/)
	/^}/ { inside = 0 }' >"$dir/vmlinux.h"

for enumerator in PP_DEVMEM=1 PP_IOV_KIND_DMABUF=1 PP_IOV_FREE=0 PP_IOV_POOL=1 PP_IOV_USER=2 \
	DEVMEM_PUT_DONTNEED=0 DEVMEM_PUT_CLOSE=1; do
	is "$(sed -n "s/^\t'${enumerator%=*}' val=//p" "$dir/raw" | sort -u)" "${enumerator#*=}" \
		"$enumerator is an enumerator"
done

# members STRUCT: their names, in order; nothing for a mere declaration.
members() {
	awk -v head="^struct $1 \\\\{$" '
		$0 ~ head { inside = 1; next }
		inside && /^}/ { exit }
		inside && /;$/ { sub(/(\[[0-9]*\])?;$/, ""); sub(/.*[ *]/, ""); print }' "$dir/vmlinux.h" |
		paste -sd' '
}

# has_members STRUCT NAME...
has_members() {
	local name have
	have=" $(members "$1") "
	shift
	for name; do
		[[ $have == *" $name "* ]] || { echo "no $name among$have" && return 1; }
	done
}

check "struct page_pool_iov is complete" has_members page_pool_iov niov user_tokens user_since_ns
check "struct page_pool_iov_area is complete" has_members page_pool_iov_area \
	base_virtual base_dma_addr iovs num_iovs binding kind
# The counters that the documentation names, and what leads from one to another.
mapfile -t counters < <(doc_tables Counters | cut -d'|' -f1)
is "${#counters[@]}" 11 "the documentation names the counters"
check "struct net_devmem_dmabuf_binding is complete" has_members net_devmem_dmabuf_binding \
	id ifindex dev dmabuf iovs areas bound_rxqs unbound ref "${counters[@]}"
check "an iov leads to its area" grep -q \
	'^	const struct page_pool_iov_area \*owner;' "$dir/vmlinux.h"
check "no bit-field is in the way" awk '
	/^struct (page_pool_iov|page_pool_iov_area|net_devmem_dmabuf_binding) \{$/ { inside = 1 }
	/^}/ { inside = 0 }
	inside && / [a-z0-9_]+: *[0-9]+;/ { exit 1 }' "$dir/vmlinux.h"

while read -r declaration; do
	check "vmlinux.h declares ${declaration%%(*}" grep -qxF \
		"extern $declaration __weak __ksym;" "$dir/vmlinux.h"
done <<-END
	struct page_pool_iov *bpf_page_pool_iov_from_frag(u64 frag)
	int bpf_iter_devmem_binding_new(struct bpf_iter_devmem_binding *it)
	struct net_devmem_dmabuf_binding *bpf_iter_devmem_binding_next(struct bpf_iter_devmem_binding *it)
	void bpf_iter_devmem_binding_destroy(struct bpf_iter_devmem_binding *it)
	int bpf_iter_page_pool_iov_new(struct bpf_iter_page_pool_iov *it, struct net_devmem_dmabuf_binding *binding)
	struct page_pool_iov *bpf_iter_page_pool_iov_next(struct bpf_iter_page_pool_iov *it)
	void bpf_iter_page_pool_iov_destroy(struct bpf_iter_page_pool_iov *it)
END
check "the context of devmem_binding programs is complete" \
	grep -q '^struct bpf_iter__devmem_binding {' "$dir/vmlinux.h"
check "the context of page_pool_iov programs is complete" \
	grep -q '^struct bpf_iter__page_pool_iov {' "$dir/vmlinux.h"
done_testing
