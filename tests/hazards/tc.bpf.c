// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs for tc and XDP that do to a packet's payload what they must not be able to do
 * when it lies in device memory. tc counts what they had in hand.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* Behind all headers; no acknowledgment is twice as long. */
#define PAYLOAD 200

/* Make all of it linear, so that it may be read directly. */
SEC("tc/pull")
int pull(struct __sk_buff *skb)
{
	bpf_skb_pull_data(skb, skb->len);
	return TC_ACT_UNSPEC;
}

SEC("tc/store")
int store(struct __sk_buff *skb)
{
	char other[8] = "written";

	bpf_skb_store_bytes(skb, PAYLOAD, other, sizeof(other), BPF_F_RECOMPUTE_CSUM);
	return TC_ACT_UNSPEC;
}

/* Cut it off in the middle of the payload, and make it longer again. */
SEC("tc/resize")
int resize(struct __sk_buff *skb)
{
	__u32 len = skb->len;

	if (len > 2 * PAYLOAD) {
		bpf_skb_change_tail(skb, PAYLOAD, 0);
		bpf_skb_change_tail(skb, len, 0);
	}
	return TC_ACT_UNSPEC;
}

/* Send a copy of it back where it came from. */
SEC("tc/clone")
int clone(struct __sk_buff *skb)
{
	bpf_clone_redirect(skb, skb->ifindex, 0);
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int look(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
