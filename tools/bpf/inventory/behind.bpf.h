/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets that no process has as a descriptor of its own: what is behind a file that
 * some process has, and what is behind none.
 */
#ifndef DEVMEM_BEHIND_BPF_H
#define DEVMEM_BEHIND_BPF_H

/* Containers that were found since read_bindings() ran. A container has its slot by its
 * address, or one of the next ones, so that it takes only one, whoever has it open.
 */
static struct container {
	u64 addr;
	u64 file;		/* of a ring: where it was found */
	u64 walk;		/* whose number it is */
	u32 type;		/* enum rec_file_type */
} containers[REC_CONTAINERS];

#define CONTAINER_TRIES	32

struct place {
	u64 addr;
	u64 file;
	u32 type;
	u32 slot;
	bool found;
};

static long place_step(u32 i, struct place *p)
{
	u32 slot = (p->slot + i) & (REC_CONTAINERS - 1);
	struct container *c = &containers[slot];

	if (c->walk == this_walk && c->addr != p->addr)
		return 0;
	c->addr = p->addr;
	c->file = p->file;
	c->type = p->type;
	c->walk = this_walk;
	p->slot = slot;
	p->found = true;
	return 1;
}

/* False if there is no room */
static __always_inline bool place_container(struct rec_file *rec, u64 file)
{
	struct place p = {
		.addr = rec->sk,
		.file = file,
		.type = rec->type,
		.slot = rec->sk >> 6,
	};

	bpf_loop(CONTAINER_TRIES, place_step, &p, 0);
	rec->slot = p.slot;
	return p.found;
}

static __always_inline bool is_unix(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX;
}

static __always_inline bool is_listening(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;
}

/* Is a socket a container that has something? If so, of what type it is */
static __always_inline bool holds_others(const struct sock *sk, u8 *type)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	const struct unix_sock *unix_sk = (const void *)sk;

	if (is_unix(sk) && is_listening(sk)) {
		*type = FILE_UNIX_LISTENER;
		return BPF_CORE_READ(sk, sk_receive_queue.qlen);
	}
	if (is_unix(sk)) {
		*type = FILE_UNIX;
		return BPF_CORE_READ(unix_sk, scm_stat.nr_fds.counter);
	}
	*type = FILE_LISTENER;
	return is_tcp(sk) && is_listening(sk) &&
	       BPF_CORE_READ(icsk, icsk_accept_queue.rskq_accept_head);
}

static __always_inline bool ring_holds_others(const struct io_ring_ctx *ring)
{
	const struct io_ring_ctx___one_ifq *old = (const void *)ring;

	if (ring_num_files(ring))
		return true;
	if (bpf_core_field_exists(ring->zcrx_ctxs))
		return BPF_CORE_READ(ring, zcrx_ctxs.xa_head);
	return bpf_core_field_exists(old->ifq) && BPF_CORE_READ(old, ifq);
}

/* What can be told of a socket without its file. False if it is of no interest. */
static __always_inline bool fill_socket(struct rec_file *rec, const struct sock *sk)
{
	rec->sk = (u64)sk;
	if (holds_others(sk, &rec->type))
		return place_container(rec, 0);
	if (!is_tcp(sk) || is_listening(sk))
		return false;
	rec->type = FILE_SOCKET;
	return fill_tcp(rec, sk);
}

static __always_inline bool fill_ring(struct rec_file *rec, const struct file *file)
{
	const struct io_ring_ctx *ring;

	if (!uring_fops || (u64)BPF_CORE_READ(file, f_op) != uring_fops)
		return false;
	ring = BPF_CORE_READ(file, private_data);
	rec->sk = (u64)ring;
	rec->type = FILE_RING;
	return ring_holds_others(ring) && place_container(rec, (u64)file);
}

/* A file or a socket was found. Not static: the verifier looks at it once then. Nonzero if
 * there is no room for it.
 */
__noinline int add_found(u64 file_addr, u64 sk_addr)
{
	const struct file *file = (const void *)file_addr;
	const struct sock *sk = (const void *)sk_addr;
	struct rec_file rec = {};
	struct rec_file *slot;
	bool good;

	if (file && (u64)BPF_CORE_READ(file, f_op) == socket_fops) {
		const struct socket *sock = BPF_CORE_READ(file, private_data);

		sk = BPF_CORE_READ(sock, sk);
		file = NULL;
	}
	if (file)
		good = fill_ring(&rec, file);
	else
		good = sk && fill_socket(&rec, sk);
	if (!good)
		return 0;
	slot = next_record(files);
	if (!slot)
		return 1;
	*slot = rec;
	return 0;
}

/* Where a walk over what is behind a container stands */
static volatile struct {
	u64 container;
	u64 at;			/* request or skb that is looked at */
	u64 end;
	u64 fds;		/* scm_fp_list of that skb */
	u64 nr;			/* of @at, or of a fixed file */
	u32 fd;			/* of @fds */
} behind;

static long skip_step(u32 i, const u32 *type)
{
	const struct request_sock *conn = (const void *)behind.at;
	const struct sk_buff *skb = (const void *)conn;

	if (!conn || behind.at == behind.end)
		return 1;
	if (*type == FILE_LISTENER)
		behind.at = (u64)BPF_CORE_READ(conn, dl_next);
	else
		behind.at = (u64)BPF_CORE_READ(skb, next);
	behind.nr++;
	return 0;
}

static long accept_step(u32 i, void *unused)
{
	const struct request_sock *conn = (const void *)behind.at;

	if (!conn || batch_full(REC_BATCH_FILES))
		return 1;
	add_found(0, (u64)BPF_CORE_READ(conn, sk));
	behind.at = (u64)BPF_CORE_READ(conn, dl_next);
	behind.nr++;
	return 0;
}

static long embryo_step(u32 i, void *unused)
{
	const struct sk_buff *skb = (const void *)behind.at;

	if (!skb || behind.at == behind.end || batch_full(REC_BATCH_FILES))
		return 1;
	add_found(0, (u64)BPF_CORE_READ(skb, sk));
	behind.at = (u64)BPF_CORE_READ(skb, next);
	behind.nr++;
	return 0;
}

static long in_flight_step(u32 i, void *unused)
{
	const struct sk_buff *skb = (const void *)behind.at;
	const struct scm_fp_list *fds = NULL;
	u64 file = 0;

	if (!skb || behind.at == behind.end || batch_full(REC_BATCH_FILES))
		return 1;
	bpf_probe_read_kernel(&fds, sizeof(fds), (const void *)skb +
			      bpf_core_field_offset(skb->cb) +
			      bpf_core_field_offset(struct unix_skb_parms, fp));
	if (!fds || behind.fd >= (u32)BPF_CORE_READ(fds, count)) {
		behind.at = (u64)BPF_CORE_READ(skb, next);
		behind.fd = 0;
		behind.nr++;
		return 0;
	}
	bpf_probe_read_kernel(&file, sizeof(file), (const void *)fds +
			      bpf_core_field_offset(fds->fp) + behind.fd * sizeof(file));
	behind.fd++;
	if (file)
		add_found(file, 0);
	return 0;
}

static long fixed_step(u32 i, void *unused)
{
	const struct io_ring_ctx *ring = (const void *)behind.container;
	const struct file *file;

	if (behind.nr >= ring_num_files(ring) || batch_full(REC_BATCH_FILES))
		return 1;
	file = ring_file(ring, behind.nr++);
	if (file)
		add_found((u64)file, 0);
	return 0;
}

/* The container that the request is about, if it still is one */
static __always_inline u64 find_container(u32 *type)
{
	const struct container *c;
	const struct file *file;
	u32 slot = req.slot;

	if (slot >= REC_CONTAINERS)
		return 0;
	c = &containers[slot];
	if (c->walk != this_walk || c->addr != req.binding)
		return 0;
	*type = c->type;
	if (c->type != FILE_RING)
		return c->addr;
	file = (const void *)c->file;
	if ((u64)BPF_CORE_READ(file, f_op) != uring_fops ||
	    (u64)BPF_CORE_READ(file, private_data) != c->addr)
		return 0;
	return c->addr;
}

static __always_inline void start_behind(u64 container, u32 type)
{
	const struct inet_connection_sock *icsk = (const void *)container;
	const struct sock *sk = (const void *)container;

	behind.container = container;
	behind.nr = 0;
	behind.fd = req.from;
	behind.end = (u64)&sk->sk_receive_queue;
	if (type == FILE_RING) {
		behind.nr = req.from >> 32;
		return;
	}
	if (type == FILE_LISTENER)
		behind.at = (u64)BPF_CORE_READ(icsk, icsk_accept_queue.rskq_accept_head);
	else
		behind.at = (u64)BPF_CORE_READ(sk, sk_receive_queue.next);
	bpf_loop(req.from >> 32, skip_step, &type, 0);
}

/* What is behind a container: sockets with device memory, and other containers. Whether
 * there is more is known only when the batch was not filled.
 */
SEC("syscall")
int read_behind(struct rec_request *ctx)
{
	u32 type = 0;
	u64 container;

	start_request(ctx);
	bpf_rcu_read_lock();
	container = find_container(&type);
	if (container) {
		start_behind(container, type);
		if (type == FILE_LISTENER)
			bpf_loop(REC_MAX_STEPS, accept_step, NULL, 0);
		else if (type == FILE_UNIX)
			bpf_loop(REC_MAX_STEPS, in_flight_step, NULL, 0);
		else if (type == FILE_UNIX_LISTENER)
			bpf_loop(REC_MAX_STEPS, embryo_step, NULL, 0);
		else
			bpf_loop(REC_MAX_STEPS, fixed_step, NULL, 0);
		reply.more = batch_full(REC_BATCH_FILES);
		reply.next = behind.nr << 32 | behind.fd;
	}
	reply.gone = !container;
	bpf_rcu_read_unlock();
	return 0;
}

static long ifq_step(u32 i, void *unused)
{
	struct xa_found found;
	u64 *rec;

	if (cursor.done || batch_full(REC_BATCH_IFQS))
		return 1;
	found = xa_step(&cursor);
	if (!found.entry)
		return 0;
	rec = next_record(ifqs);
	if (!rec)
		return 1;
	*rec = found.entry;
	return 0;
}

/* The interface queues of a ring, from number req.from on */
SEC("syscall")
int read_ring(struct rec_request *ctx)
{
	const struct io_ring_ctx___one_ifq *old;
	const struct io_ring_ctx *ring;
	u32 type = 0;

	start_request(ctx);
	bpf_rcu_read_lock();
	ring = (const void *)find_container(&type);
	old = (const void *)ring;
	if (!ring || type != FILE_RING) {
		reply.gone = 1;
	} else if (bpf_core_field_exists(ring->zcrx_ctxs)) {
		xa_start(&cursor, &ring->zcrx_ctxs, req.from);
		bpf_loop(REC_MAX_STEPS, ifq_step, NULL, 0);
		finish_walk();
	} else if (bpf_core_field_exists(old->ifq)) {
		ifqs[0] = (u64)BPF_CORE_READ(old, ifq);
		reply.num = 1;
	}
	bpf_rcu_read_unlock();
	return 0;
}

/* Where a walk over the TCP hash stands */
static volatile struct {
	u64 buckets;
	u64 num;
	u64 nr;			/* bucket */
	u64 node;		/* in its chain, 0 before the first */
} hash;

/* A chain ends with an odd word, which is its bucket's number */
static long hash_step(u32 i, void *unused)
{
	const struct hlist_nulls_node *node;
	const struct sock *sk = NULL;
	u64 next = 0;
	u8 state;

	if (hash.nr >= hash.num || batch_full(REC_BATCH_FILES))
		return 1;
	if (!hash.node) {
		bpf_probe_read_kernel(&next, sizeof(next),
				      (const void *)(hash.buckets + hash.nr * sizeof(next)));
	} else {
		node = (const void *)hash.node;
		sk = (const void *)node - bpf_core_field_offset(sk->__sk_common.skc_nulls_node);
		state = BPF_CORE_READ(sk, __sk_common.skc_state);
		if (state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV)
			add_found(0, (u64)sk);
		next = (u64)BPF_CORE_READ(node, next);
	}
	if (!next || next & 1) {
		hash.nr++;
		next = 0;
	}
	hash.node = next;
	return 0;
}

/* The sockets with device memory in the TCP hash, from bucket req.from on. A chain that does
 * not fit in the batch is begun again with the next one.
 */
SEC("syscall")
int read_hash(struct rec_request *ctx)
{
	const struct inet_hashinfo *table;

	start_request(ctx);
	if (!tcp_hash)
		return 0;
	table = (const void *)tcp_hash;
	bpf_rcu_read_lock();
	hash.buckets = (u64)BPF_CORE_READ(table, ehash);
	hash.num = (u64)BPF_CORE_READ(table, ehash_mask) + 1;
	hash.nr = req.from;
	hash.node = 0;
	bpf_loop(REC_MAX_STEPS, hash_step, NULL, 0);
	reply.more = hash.nr < hash.num;
	/* (a chain without an end is left) */
	reply.next = hash.nr > req.from ? hash.nr : req.from + 1;
	bpf_rcu_read_unlock();
	return 0;
}

#endif /* DEVMEM_BEHIND_BPF_H */
