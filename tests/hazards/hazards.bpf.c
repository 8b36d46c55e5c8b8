// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs for sockets that do to a packet's payload what they must not be able to do when
 * it lies in device memory. @seen counts the packets with payload that they had in hand.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* No acknowledgment is as long as this; behind all headers. */
#define PAYLOAD 200

unsigned long seen;

/* The other socket of a redirect is at 1. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} socks SEC(".maps");

static void count(struct __sk_buff *skb)
{
	if (skb->len > 2 * PAYLOAD)
		__sync_fetch_and_add(&seen, 1);
}

SEC("cgroup_skb/ingress")
int cgroup(struct __sk_buff *skb)
{
	char data[8];

	count(skb);
	bpf_skb_load_bytes(skb, PAYLOAD, data, sizeof(data));
	return 1;
}

/* A socket filter: what it returns is what is kept. */
SEC("socket")
int keep(struct __sk_buff *skb)
{
	char data[8];

	count(skb);
	bpf_skb_load_bytes(skb, PAYLOAD, data, sizeof(data));
	return -1;
}

SEC("sk_skb/stream_parser")
int parse(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("sk_skb/stream_verdict")
int redirect(struct __sk_buff *skb)
{
	count(skb);
	return bpf_sk_redirect_map(skb, &socks, 1, 0);
}

SEC("sk_skb/stream_verdict")
int redirect_ingress(struct __sk_buff *skb)
{
	count(skb);
	return bpf_sk_redirect_map(skb, &socks, 1, BPF_F_INGRESS);
}

SEC("sk_skb/stream_verdict")
int pass(struct __sk_buff *skb)
{
	count(skb);
	bpf_skb_pull_data(skb, skb->len);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
