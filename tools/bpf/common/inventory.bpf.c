// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what there is of device memory: bindings, their queues, pools and
 * iovs, and the sockets that hold tokens. User space runs these programs one
 * after the other and puts the pieces together, see inventory.c.
 *
 * Everything is read from outside and without a lock, so what is found can be
 * on its way out. User space believes an iov only if it lies in a binding.
 */
#include "kernel.h"
#include "layout.bpf.h"
#include "records.h"
#include "xarray.bpf.h"

/* Where something is that is static in the kernel. To ask the kernel is a
 * thousand times faster than to read /proc/kallsyms. It is asked once: whoever
 * runs the programs may have dropped CAP_SYSLOG by the next time. Returns 0 or
 * an errno.
 */
#define find_symbol(name, where)					\
({									\
	u64 _addr = where;						\
	int _err = 0;							\
									\
	if (!_addr) {							\
		_err = -bpf_kallsyms_lookup_name(name, sizeof(name), 0,	\
						 &_addr);		\
		where = _addr;						\
	}								\
	_err;								\
})

struct rec_request req;
struct rec_reply reply;

struct rec_binding bindings[REC_BATCH_BINDINGS];
struct rec_pool pools[REC_BATCH_POOLS];
__u32 queues[REC_BATCH_QUEUES];
struct rec_run runs[REC_BATCH_RUNS];
struct rec_token tokens[REC_BATCH_TOKENS];
struct rec_frag frags[REC_BATCH_FRAGS];
struct rec_iov iovs[REC_BATCH_IOVS];
__u32 layout;
__u32 iov_bytes;

static struct xa_cursor cursor;
static u64 bindings_xa;
static u64 pools_xa;
static u64 provider_ops;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A slot of the batch, or NULL if it is full and the program is to be run
 * again from where the cursor stands.
 */
#define next_record(array)						\
({									\
	u32 _n = reply.num;						\
	typeof(&(array)[0]) _rec = NULL;				\
									\
	if (_n < ARRAY_SIZE(array)) {					\
		_rec = &(array)[_n];					\
		reply.num = _n + 1;					\
	}								\
	_rec;								\
})

static __always_inline bool batch_full(u32 size)
{
	return reply.num >= size;
}

static __always_inline void finish_walk(void)
{
	reply.more = !cursor.done;
	reply.next = cursor.next;
}

static __always_inline void start_reply(void)
{
	reply.num = 0;
	reply.more = 0;
	reply.next = 0;
}

static __always_inline void fill_device(struct rec_binding *rec,
					const struct net_device *dev)
{
	if (!dev)
		return;

	rec->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	BPF_CORE_READ_STR_INTO(&rec->ifname, dev, name);
}

static __always_inline void fill_counters(struct rec_binding *rec,
					  const void *binding)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = binding;

	if (!bpf_core_field_exists(ours->num_iovs)) {
		rec->iovs = 0;
		rec->total = REC_UNKNOWN;
		rec->free = REC_UNKNOWN;
		rec->user = REC_UNKNOWN;
		rec->allocs = REC_UNKNOWN;
		rec->releases = REC_UNKNOWN;
		rec->exhausted = REC_UNKNOWN;
		rec->high_water = REC_UNKNOWN;
		rec->unbound = 0;
		return;
	}
	rec->iovs = (u64)BPF_CORE_READ(ours, iovs);
	rec->total = BPF_CORE_READ(ours, num_iovs);
	rec->free = BPF_CORE_READ(ours, num_free);
	rec->user = BPF_CORE_READ(ours, num_user.counter);
	rec->allocs = BPF_CORE_READ(ours, allocs);
	rec->releases = BPF_CORE_READ(ours, releases);
	rec->exhausted = BPF_CORE_READ(ours, exhausted);
	rec->high_water = BPF_CORE_READ(ours, high_water);
	rec->unbound = BPF_CORE_READ(ours, unbound);
}

static __always_inline void
fill_binding(struct rec_binding *rec,
	     const struct net_devmem_dmabuf_binding *binding,
	     const struct net_device *dev)
{
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->addr = (u64)binding;
	rec->id = BPF_CORE_READ(binding, id);
	rec->inode = BPF_CORE_READ(binding, dmabuf, file, f_inode, i_ino);
	rec->size = BPF_CORE_READ(binding, dmabuf, size);
	rec->iov_shift = binding_iov_shift(binding);
	bpf_probe_read_kernel_str(rec->exporter, sizeof(rec->exporter),
				  BPF_CORE_READ(binding, dmabuf, exp_name));
	fill_counters(rec, binding);
	fill_device(rec, dev);
}

static long binding_step(u32 i, void *unused)
{
	const struct net_devmem_dmabuf_binding *binding;
	struct rec_binding *rec;
	struct xa_found found;

	if (cursor.done || batch_full(REC_BATCH_BINDINGS))
		return 1;

	found = xa_step(&cursor);
	if (!found.entry)
		return 0;
	rec = next_record(bindings);
	if (!rec)
		return 1;

	binding = (const void *)found.entry;
	fill_binding(rec, binding, BPF_CORE_READ(binding, dev));
	rec->ifindex = binding_ifindex(binding);
	return 0;
}

/* The bindings that have an id, from id req.from on */
SEC("syscall")
int read_bindings(void *ctx)
{
	int err;

	start_reply();
	layout = devmem_layout();
	iov_bytes = iov_struct_size();
	err = find_symbol("net_devmem_dmabuf_bindings", bindings_xa);
	if (err)
		return err;

	bpf_rcu_read_lock();
	xa_start(&cursor, (const void *)bindings_xa, req.from);
	bpf_loop(REC_MAX_STEPS, binding_step, NULL, 0);
	bpf_rcu_read_unlock();
	finish_walk();
	return 0;
}

static long pool_step(u32 i, void *unused)
{
	const struct page_pool *pool;
	struct rec_pool *rec;
	struct xa_found found;

	if (cursor.done || batch_full(REC_BATCH_POOLS))
		return 1;

	found = xa_step(&cursor);
	pool = (const void *)found.entry;
	if (!pool || (u64)BPF_CORE_READ(pool, mp_ops) != provider_ops)
		return 0;
	rec = next_record(pools);
	if (!rec)
		return 1;

	rec->binding = (u64)BPF_CORE_READ(pool, mp_priv);
	rec->id = BPF_CORE_READ(pool, user.id);
	rec->queue = BPF_CORE_READ(pool, slow.queue_idx);
	return 0;
}

/* The page pools on device memory, from pool id req.from on */
SEC("syscall")
int read_pools(void *ctx)
{
	int err;

	start_reply();
	err = find_symbol("page_pools", pools_xa) ?:
	      find_symbol("dmabuf_devmem_ops", provider_ops);
	if (err)
		return err;

	bpf_rcu_read_lock();
	xa_start(&cursor, (const void *)pools_xa, req.from);
	bpf_loop(REC_MAX_STEPS, pool_step, NULL, 0);
	bpf_rcu_read_unlock();
	finish_walk();
	return 0;
}

/* The binding at req.addr, which a page pool holds and no list has. Its device
 * may be gone, so that is not looked at.
 */
SEC("syscall")
int read_unlisted_binding(void *ctx)
{
	const struct net_devmem_dmabuf_binding *binding = (const void *)req.addr;
	struct rec_binding *rec;

	start_reply();
	rec = next_record(bindings);
	if (!rec)
		return 1;
	fill_binding(rec, binding, NULL);
	rec->unbound = 1;
	return 0;
}

static long queue_step(u32 i, void *unused)
{
	struct xa_found found;
	u32 *rec;

	if (cursor.done || batch_full(REC_BATCH_QUEUES))
		return 1;

	found = xa_step(&cursor);
	if (!found.entry)
		return 0;
	rec = next_record(queues);
	if (!rec)
		return 1;
	*rec = rxq_index((const void *)found.entry);
	return 0;
}

/* The queues of the binding at req.addr, from entry req.from on */
SEC("syscall")
int read_queues(void *ctx)
{
	const struct net_devmem_dmabuf_binding *binding = (const void *)req.addr;

	start_reply();
	bpf_rcu_read_lock();
	xa_start(&cursor, &binding->bound_rxqs, req.from);
	bpf_loop(REC_MAX_STEPS, queue_step, NULL, 0);
	bpf_rcu_read_unlock();
	finish_walk();
	return 0;
}

static long run_step(u32 i, void *unused)
{
	const struct gen_pool_chunk *chunk = (const void *)reply.next;
	struct devmem_run run;
	struct rec_run *rec;

	if (reply.next == req.to)
		return 1;
	rec = next_record(runs);
	if (!rec)
		return 1;

	run = owner_run(BPF_CORE_READ(chunk, owner));
	rec->iovs = (u64)run.iovs;
	rec->num = run.num;
	rec->base_virtual = run.base_virtual;
	rec->avail = BPF_CORE_READ(chunk, avail.counter);
	rec->bits = (u64)chunk + bpf_core_field_offset(chunk->bits);
	reply.next = (u64)BPF_CORE_READ(chunk, next_chunk.next);
	return 0;
}

/* The runs of iovs of the binding at req.addr, from the chunk at req.from on,
 * or the first. Its next_chunk is a gen_pool_chunk's first member.
 */
SEC("syscall")
int read_runs(void *ctx)
{
	const struct net_devmem_dmabuf_binding *binding = (const void *)req.addr;
	const struct gen_pool *pool;

	start_reply();
	if (!bpf_core_field_exists(binding->chunk_pool))
		return ENOENT;

	pool = BPF_CORE_READ(binding, chunk_pool);
	req.to = (u64)&pool->chunks;
	reply.next = req.from;
	bpf_rcu_read_lock();
	if (!reply.next)
		reply.next = (u64)BPF_CORE_READ(pool, chunks.next);
	bpf_loop(REC_BATCH_RUNS, run_step, NULL, 0);
	bpf_rcu_read_unlock();
	reply.more = reply.next != req.to;
	return 0;
}

static long iov_step(u32 i, void *unused)
{
	const struct net_iov *iov = (const void *)reply.next;
	const struct page_pool *pool = NULL;
	s64 refcount = 0;
	struct rec_iov *rec;

	if (reply.next >= req.to)
		return 1;
	rec = next_record(iovs);
	if (!rec)
		return 1;

	if (!iov_in_gen_pool(req.bits, (reply.next - req.addr) / iov_struct_size())) {
		pool = iov_pool(iov);
		refcount = iov_refcount(iov);
	}
	rec->addr = (u64)iov;
	rec->dma = iov_dma(iov);
	rec->refcount = refcount;
	rec->tokens = iov_user_tokens(iov);
	rec->since_ns = iov_user_since(iov);
	rec->has_pool = !!pool;
	rec->pool = pool ? BPF_CORE_READ(pool, user.id) : 0;
	reply.next += iov_struct_size();
	return 0;
}

/* The iovs in memory from req.from up to req.to, which user space has found to
 * lie in the run that starts at req.addr
 */
SEC("syscall")
int read_iovs(void *ctx)
{
	start_reply();
	reply.next = req.from;
	bpf_rcu_read_lock();
	bpf_loop(REC_BATCH_IOVS, iov_step, NULL, 0);
	bpf_rcu_read_unlock();
	reply.more = reply.next < req.to;
	return 0;
}

static long token_step(u32 i, void *unused)
{
	const struct net_iov *iov;
	struct rec_token *rec;
	struct xa_found found;

	if (cursor.done || batch_full(REC_BATCH_TOKENS))
		return 1;

	found = xa_step(&cursor);
	if (!(found.entry & PP_DEVMEM))
		return 0;
	rec = next_record(tokens);
	if (!rec)
		return 1;

	iov = iov_untag(found.entry);
	rec->word = found.entry;
	rec->token = found.index;
	rec->since_ns = iov_user_since(iov);
	rec->on_iov = iov_user_tokens(iov);
	return 0;
}

/* The tokens of the socket at req.addr, from token req.from on. Nothing if the
 * socket is another one by now.
 */
SEC("syscall")
int read_tokens(void *ctx)
{
	const struct sock *sk = (const void *)req.addr;

	start_reply();
	bpf_rcu_read_lock();
	if (BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == (s64)req.cookie) {
		xa_start(&cursor, &sk->sk_user_frags, req.from);
		bpf_loop(REC_MAX_STEPS, token_step, NULL, 0);
		finish_walk();
	}
	bpf_rcu_read_unlock();
	return 0;
}

/* Where a walk over a receive queue stands: an skb of the queue, or one of its
 * frag_list. Volatile, because the compiler would make three variables of it,
 * which do not fit their BTF.
 */
static volatile struct {
	const struct sk_buff *skb;
	const struct sk_buff *next;	/* of the queue, when in a frag_list */
	const void *end;
} unread;

/* skb_frag_t, as a copy */
struct frag_copy {
	u64 netmem;
	u32 len;
	u32 offset;
};

/* Those of one skb */
static struct frag_copy skb_frags[17];

static long frag_step(u32 i, void *unused)
{
	struct rec_frag *rec;

	if (i >= ARRAY_SIZE(skb_frags))
		return 1;
	if (!(skb_frags[i].netmem & PP_DEVMEM))
		return 0;
	rec = next_record(frags);
	if (!rec)
		return 1;
	rec->word = skb_frags[i].netmem;
	rec->len = skb_frags[i].len;
	return 0;
}

/* With a function for each frag: of a plain loop the verifier would follow all
 * paths, for longer than over all that is left of these programs.
 */
static __always_inline void add_frags(const struct skb_shared_info *shinfo)
{
	if (!bpf_core_read(skb_frags, sizeof(skb_frags), &shinfo->frags))
		bpf_loop(BPF_CORE_READ(shinfo, nr_frags), frag_step, NULL, 0);
}

static long unread_step(u32 i, void *unused)
{
	const struct sk_buff *skb = unread.skb, *list;
	const struct skb_shared_info *shinfo;

	if (!skb || skb == unread.end)
		return 1;

	shinfo = (const void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	add_frags(shinfo);
	list = BPF_CORE_READ(shinfo, frag_list);
	if (unread.next) {
		unread.skb = BPF_CORE_READ(skb, next) ?: unread.next;
		if (unread.skb == unread.next)
			unread.next = NULL;
	} else if (list) {
		unread.next = BPF_CORE_READ(skb, next);
		unread.skb = list;
	} else {
		unread.skb = BPF_CORE_READ(skb, next);
	}
	return 0;
}

/* The frags in the receive queue of the socket at req.addr: all at once, for
 * there is no number to go on from
 */
SEC("syscall")
int read_unread(void *ctx)
{
	const struct sock *sk = (const void *)req.addr;

	start_reply();
	bpf_rcu_read_lock();
	if (BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == (s64)req.cookie) {
		unread.skb = BPF_CORE_READ(sk, sk_receive_queue.next);
		unread.next = NULL;
		unread.end = &sk->sk_receive_queue;
		bpf_loop(REC_BATCH_FRAGS, unread_step, NULL, 0);
	}
	bpf_rcu_read_unlock();
	return 0;
}

static __always_inline bool has_unread(const struct sock *sk)
{
	const struct sk_buff *skb = BPF_CORE_READ(sk, sk_receive_queue.next);

	if (!skb || skb == (const void *)&sk->sk_receive_queue)
		return false;
	return BPF_CORE_READ_BITFIELD_PROBED(skb, unreadable);
}

static __always_inline bool is_tcp(const struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/* inet_sport, because skc_num is gone once the connection has ended, and a leak
 * often outlives its connection
 */
static __always_inline void fill_addresses(struct rec_file *rec,
					   const struct sock *sk)
{
	const struct inet_sock *inet = (const void *)sk;

	rec->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	rec->local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	rec->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (rec->family == AF_INET6) {
		BPF_CORE_READ_INTO(&rec->local_addr, sk,
				   __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&rec->remote_addr, sk,
				   __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		return;
	}
	*(u32 *)rec->local_addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	*(u32 *)rec->remote_addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
}

/* Every open file of every process: the TCP sockets that hold tokens or have
 * unread device memory
 */
SEC("iter/task_file")
int read_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	const struct inet_connection_sock *icsk;
	struct file *file = ctx->file;
	struct rec_file rec = {};
	struct socket *sock;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk || !is_tcp(sk))
		return 0;
	rec.has_tokens = !!BPF_CORE_READ(sk, sk_user_frags.xa_head);
	rec.has_unread = has_unread(sk);
	if (!rec.has_tokens && !rec.has_unread)
		return 0;

	icsk = (const void *)sk;
	rec.idle_jiffies = (u32)bpf_jiffies64() -
			   BPF_CORE_READ(icsk, icsk_ack.lrcvtime);
	rec.sk = (u64)sk;
	rec.cookie = bpf_get_socket_cookie(sk);
	rec.pid = BPF_CORE_READ(task, tgid);
	rec.fd = ctx->fd;
	rec.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	BPF_CORE_READ_STR_INTO(&rec.comm, task, group_leader, comm);
	fill_addresses(&rec, sk);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
