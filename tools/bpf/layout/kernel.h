/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types, as far as the tools look at them.
 *
 * Only names and members count here, not offsets: libbpf finds each member in
 * the running kernel's BTF when a program is loaded. So this needs no
 * vmlinux.h, and the tools can be built before there is any kernel. Types that
 * differ from kernel to kernel are in layout.bpf.h.
 */
#ifndef DEVMEM_KERNEL_H
#define DEVMEM_KERNEL_H

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define ENOENT		2

#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define IPPROTO_TCP	6

#define TCP_TIME_WAIT	6
#define TCP_LISTEN	10
#define TCP_NEW_SYN_RECV 12

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

/* These and the next are typedefs of nameless structs in the kernel, which
 * makes no difference to libbpf
 */
struct atomic {
	int counter;
};

struct atomic64 {
	s64 counter;
};

struct list_head {
	struct list_head *next;
};

struct xarray {
	void *xa_head;
};

struct xa_node {
	u8 shift;
	void *slots[64];
};

struct ns_common {
	u32 inum;
};

struct net {
	struct ns_common ns;
};

struct possible_net {
	struct net *net;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
	const void *f_op;
	void *private_data;
};

struct dma_buf {
	unsigned long size;
	struct file *file;
	const char *exp_name;
};

struct net_device {
	char name[16];
	int ifindex;
	struct possible_net nd_net;
	struct netdev_rx_queue *_rx;
};

struct netdev_rx_queue {
	struct net_device *dev;
};

struct memory_provider_ops;

struct page_pool_params_slow {
	struct net_device *netdev;
	u32 queue_idx;
};

struct page_pool {
	void *mp_priv;
	const struct memory_provider_ops *mp_ops;
	struct page_pool_params_slow slow;
	struct {
		u32 id;
	} user;
};

struct gen_pool {
	struct list_head chunks;
};

struct gen_pool_chunk {
	struct list_head next_chunk;
	struct atomic64 avail;
	void *owner;
	unsigned long bits[];
};

struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};

struct hlist_nulls_node {
	struct hlist_nulls_node *next;
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_family;
	u8 skc_state;
	struct hlist_nulls_node skc_nulls_node;
	struct possible_net skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct atomic64 skc_cookie;
};

struct sk_buff;

struct sk_buff_head {
	struct sk_buff *next;
	u32 qlen;
};

struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_receive_queue;
	struct sk_buff_head sk_write_queue;
	struct rb_root tcp_rtx_queue;
	struct {
		struct sk_buff *head;
	} sk_backlog;
	struct xarray sk_user_frags;
	u16 sk_protocol;
};

struct inet_sock {
	u16 inet_sport;
};

/* A connection that waits to be accepted */
struct request_sock {
	struct request_sock *dl_next;
	struct sock *sk;
};

struct inet_connection_sock {
	struct {
		struct request_sock *rskq_accept_head;
	} icsk_accept_queue;
	struct {
		u32 lrcvtime;
	} icsk_ack;
};

struct tcp_sock {
	struct rb_root out_of_order_queue;
};

struct unix_sock {
	struct {
		struct atomic nr_fds;
	} scm_stat;
};

struct socket {
	struct sock *sk;
};

struct sk_buff {
	struct sk_buff *next;
	struct rb_node rbnode;
	char cb[48];
	struct sock *sk;
	u32 len;
	u32 data_len;
	u8 unreadable : 1;
	u32 end;
	unsigned char *head;
};

struct skb_shared_info {
	u8 nr_frags;
	struct sk_buff *frag_list;
	struct {
		unsigned long netmem;
		u32 len;
	} frags[17];
};

/* In sk_buff's cb */
struct tcp_skb_cb {
	u32 seq;
};

struct unix_skb_parms {
	struct scm_fp_list *fp;
};

/* Files that are sent over a unix socket */
struct scm_fp_list {
	short count;
	struct file *fp[253];
};

/* (its only member is a list's head, which is a pointer) */
struct inet_ehash_bucket;

struct inet_hashinfo {
	struct inet_ehash_bucket *ehash;
	u32 ehash_mask;
};

struct tcp_xa_pool {
	u8 idx;
	u32 tokens[17];
	u64 netmems[17];
};

/* @max is how many of them are tokens already */
struct tcp_xa_pool___ppdevmem {
	u8 max;
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/*
 * What @ptr, a pointer to a @type of the kernel, has as @member. As safe as
 * BPF_CORE_READ(), with any number for a pointer, and some forty instructions
 * cheaper: it is a load that the kernel guards, not a call, and is left out where
 * nobody uses it. One member only: pointers are not followed.
 */
#define KGET(ptr, type, member)	(bpf_core_cast((ptr), type)->member)

/* The verifier allows little arithmetic on a typed pointer. What was swapped twice
 * is a mere number to it.
 */
static __always_inline const void *untyped(const void *ptr)
{
	asm("%[ptr] = be64 %[ptr]; %[ptr] = be64 %[ptr]" : [ptr] "+r"(ptr));
	return ptr;
}

/* Kfuncs since Linux 6.2 ("bpf: Add kfunc bpf_rcu_read_lock/unlock()") */
extern __ksym void bpf_rcu_read_lock(void);
extern __ksym void bpf_rcu_read_unlock(void);

#endif /* DEVMEM_KERNEL_H */
