// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what there is of device memory: bindings, their queues, pools and
 * iovs, and the sockets that hold tokens. User space runs these programs one
 * after the other and puts the pieces together, see inventory.c.
 *
 * Everything is read from outside and without a lock, so what is found can be
 * on its way out. A binding's parts count only if it was there before they were
 * read and still is after that; user space believes an iov only if it lies in a
 * binding.
 *
 * User space can read what is here and cannot write it, see inventory_open(): a
 * program looks at addresses that programs have found, and takes none from outside.
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

/* A static struct is volatile, or else the compiler makes many variables of it, which do
 * not fit their BTF.
 */
static volatile struct rec_request req;
struct rec_reply reply;

struct rec_binding bindings[REC_BATCH_BINDINGS];
struct rec_pool pools[REC_BATCH_POOLS];
__u32 queues[REC_BATCH_QUEUES];
struct rec_run runs[REC_BATCH_RUNS];
struct rec_token tokens[REC_BATCH_TOKENS];
struct rec_frag frags[REC_BATCH_FRAGS];
struct rec_iov iovs[REC_BATCH_IOVS];
struct rec_file files[REC_BATCH_FILES];
__u64 ifqs[REC_BATCH_IFQS];
struct rec_refs refs;
__u32 layout;
__u32 iov_bytes;
bool zcrx;		/* there may be interface queues of io_uring */

static struct xa_cursor cursor;
static struct xa_cursor finder;		/* a second one, for look-ups */
static u64 bindings_xa;
static u64 pools_xa;
static u64 provider_ops;
static u64 zcrx_ops;
static u64 socket_fops;
static u64 uring_fops;
static u64 tcp_hash;
static u64 this_walk;		/* numbers the looks at all there is */
static bool any_sends;		/* a binding is for sending */

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

static __always_inline void start_request(const struct rec_request *ctx)
{
	req = *ctx;
	__builtin_memset(&reply, 0, sizeof(reply));
}

struct look_up {
	u64 index;
	u64 entry;
};

static long look_up_step(u32 i, struct look_up *l)
{
	struct xa_found found;

	if (finder.done || finder.next != l->index)
		return 1;
	found = xa_step(&finder);
	if (found.index == l->index)
		l->entry = found.entry;
	return 0;
}

/* The entry at an index of an xarray, or 0: a step to its leaf, and one in it */
static __always_inline u64 look_up(u64 xa, u64 index)
{
	struct look_up l = { .index = index };

	xa_start(&finder, (const void *)xa, index);
	bpf_loop(2, look_up_step, &l, 0);
	return l.entry;
}

static long find_pool_step(u32 i, u64 *binding)
{
	const struct page_pool *pool;

	if (finder.done)
		return 1;
	pool = (const void *)xa_step(&finder).entry;
	if (!pool || (u64)BPF_CORE_READ(pool, mp_ops) != provider_ops ||
	    (u64)BPF_CORE_READ(pool, mp_priv) != req.binding)
		return 0;
	*binding = req.binding;
	return 1;
}

/* The binding that the request is about, if it is there: listed with its id, or
 * else held by a page pool. Its address is only compared.
 */
static __always_inline const struct net_devmem_dmabuf_binding *find_binding(void)
{
	u64 binding;

	binding = look_up(bindings_xa, req.id);
	if (binding == req.binding)
		return (const void *)binding;

	binding = 0;
	if (provider_ops) {
		xa_start(&finder, (const void *)pools_xa, 0);
		bpf_loop(REC_MAX_STEPS, find_pool_step, &binding, 0);
	}
	return (const void *)binding;
}

static __always_inline const struct page_pool *find_pool(u32 id, u64 ops)
{
	const struct page_pool *pool;

	pool = (const void *)look_up(pools_xa, id);
	return pool && ops && (u64)BPF_CORE_READ(pool, mp_ops) == ops ? pool : NULL;
}

static __always_inline void fill_device(struct rec_binding *rec,
					const struct net_device *dev)
{
	if (!dev)
		return;

	rec->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	BPF_CORE_READ_STR_INTO(&rec->ifname, dev, name);
}

static __always_inline void forget_counters(struct rec_binding *rec)
{
	rec->total = REC_UNKNOWN;
	rec->free = REC_UNKNOWN;
	rec->user = REC_UNKNOWN;
	rec->allocs = REC_UNKNOWN;
	rec->releases = REC_UNKNOWN;
	rec->exhausted = REC_UNKNOWN;
	rec->high_water = REC_UNKNOWN;
	rec->token_gets = REC_UNKNOWN;
	rec->token_puts = REC_UNKNOWN;
	rec->token_closes = REC_UNKNOWN;
}

static __always_inline void fill_counters(struct rec_binding *rec,
					  const void *binding)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = binding;

	if (!bpf_core_field_exists(ours->num_iovs)) {
		forget_counters(rec);
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
	/* (first what may be ahead: more came back than was made would be absurd) */
	rec->token_closes = BPF_CORE_READ(ours, token_closes.counter);
	rec->token_puts = BPF_CORE_READ(ours, token_puts.counter);
	rec->token_gets = BPF_CORE_READ(ours, token_gets.counter);
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
	rec->kind = binding_kind(binding);
	any_sends |= rec->kind == KIND_TX;
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
int read_bindings(struct rec_request *ctx)
{
	int err;

	start_request(ctx);
	layout = devmem_layout();
	iov_bytes = iov_struct_size();
	zcrx = can_zcrx();
	if (!req.from) {
		this_walk++;
		any_sends = false;
	}
	err = find_symbol("net_devmem_dmabuf_bindings", bindings_xa);
	if (err)
		return err;
	/* What a kernel does not have, nobody is found by */
	find_symbol("socket_file_ops", socket_fops);
	find_symbol("io_uring_fops", uring_fops);
	find_symbol("tcp_hashinfo", tcp_hash);

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
	u64 ops;

	if (cursor.done || batch_full(REC_BATCH_POOLS))
		return 1;

	found = xa_step(&cursor);
	pool = (const void *)found.entry;
	ops = pool ? (u64)BPF_CORE_READ(pool, mp_ops) : 0;
	if (!ops || (ops != provider_ops && ops != zcrx_ops))
		return 0;
	rec = next_record(pools);
	if (!rec)
		return 1;

	rec->kind = ops == zcrx_ops ? KIND_IO_URING : KIND_RX;
	rec->binding = (u64)BPF_CORE_READ(pool, mp_priv);
	rec->id = BPF_CORE_READ(pool, user.id);
	rec->queue = BPF_CORE_READ(pool, slow.queue_idx);
	return 0;
}

/* The page pools on memory that is no page, from pool id req.from on */
SEC("syscall")
int read_pools(struct rec_request *ctx)
{
	int err;

	start_request(ctx);
	err = find_symbol("page_pools", pools_xa) ?:
	      find_symbol("dmabuf_devmem_ops", provider_ops);
	if (err)
		return err;
	if (can_zcrx())
		find_symbol("io_uring_pp_zc_ops", zcrx_ops);

	bpf_rcu_read_lock();
	xa_start(&cursor, (const void *)pools_xa, req.from);
	bpf_loop(REC_MAX_STEPS, pool_step, NULL, 0);
	bpf_rcu_read_unlock();
	finish_walk();
	return 0;
}

/* The binding that page pool req.id holds and no list has. Its device may be gone,
 * so that is not looked at.
 */
SEC("syscall")
int read_unlisted_binding(struct rec_request *ctx)
{
	const struct page_pool *pool;
	struct rec_binding *rec;

	start_request(ctx);
	bpf_rcu_read_lock();
	pool = find_pool(req.id, provider_ops);
	rec = next_record(bindings);
	if (rec && pool) {
		fill_binding(rec, BPF_CORE_READ(pool, mp_priv), NULL);
		rec->unbound = 1;
		reply.gone = find_pool(req.id, provider_ops) != pool;
	} else {
		reply.gone = 1;
	}
	bpf_rcu_read_unlock();
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

/* The queues of a binding, from entry req.from on */
SEC("syscall")
int read_queues(struct rec_request *ctx)
{
	const struct net_devmem_dmabuf_binding *binding;

	start_request(ctx);
	bpf_rcu_read_lock();
	binding = find_binding();
	if (binding) {
		xa_start(&cursor, &binding->bound_rxqs, req.from);
		bpf_loop(REC_MAX_STEPS, queue_step, NULL, 0);
		finish_walk();
	}
	reply.gone = !binding || !find_binding();
	bpf_rcu_read_unlock();
	return 0;
}

/* Where a walk over a binding's runs stands. Its next_chunk is a gen_pool_chunk's
 * first member.
 */
static volatile struct {
	u64 binding;
	u64 chunk;
	u64 end;		/* the list's head */
	u64 num;		/* of those before */
	u64 iovs;		/* that the dma-buf has room for */
	u32 iov_shift;
} walk;

static long skip_run(u32 i, void *unused)
{
	const struct list_head *chunk = (const void *)walk.chunk;

	if (!chunk || walk.chunk == walk.end)
		return 1;
	walk.chunk = (u64)BPF_CORE_READ(chunk, next);
	walk.num++;
	return 0;
}

static __always_inline void start_runs(const struct net_devmem_dmabuf_binding *binding)
{
	const struct gen_pool *pool = BPF_CORE_READ(binding, chunk_pool);

	walk.binding = (u64)binding;
	walk.iov_shift = binding_iov_shift(binding);
	walk.iovs = BPF_CORE_READ(binding, dmabuf, size) >> walk.iov_shift;
	walk.num = 0;
	walk.end = (u64)&pool->chunks;
	walk.chunk = (u64)BPF_CORE_READ(pool, chunks.next);
	bpf_loop(req.from, skip_run, NULL, 0);
}

/* A run that does not fit in its dma-buf, or more runs than it has iovs: that is no
 * list any more.
 */
static __always_inline bool run_fits(const struct devmem_run *run)
{
	return run->num && run->num <= walk.iovs && walk.num < walk.iovs &&
	       run->base_virtual >> walk.iov_shift <= walk.iovs - run->num;
}

static long run_step(u32 i, void *unused)
{
	const struct gen_pool_chunk *chunk = (const void *)walk.chunk;
	struct devmem_run run;
	struct rec_run *rec;

	if (walk.chunk == walk.end)
		return 1;
	run = owner_run(BPF_CORE_READ(chunk, owner));
	if (!chunk || !run_fits(&run)) {
		reply.cut = 1;
		walk.chunk = walk.end;
		return 1;
	}
	rec = next_record(runs);
	if (!rec)
		return 1;

	rec->iovs = (u64)run.iovs;
	rec->num = run.num;
	rec->base_virtual = run.base_virtual;
	rec->avail = BPF_CORE_READ(chunk, avail.counter);
	rec->bits = (u64)chunk + bpf_core_field_offset(chunk->bits);
	walk.chunk = (u64)BPF_CORE_READ(chunk, next_chunk.next);
	walk.num++;
	return 0;
}

#include "areas.bpf.h"

/* What the request is about is there, a binding or an area */
static __always_inline bool is_there(void)
{
	return req.kind == KIND_IO_URING ? !!find_area() : !!find_binding();
}

/* Whether a binding is there, or an area */
SEC("syscall")
int check_binding(struct rec_request *ctx)
{
	start_request(ctx);
	bpf_rcu_read_lock();
	reply.gone = !is_there();
	bpf_rcu_read_unlock();
	return 0;
}

/* Our provider has one array */
static __always_inline void read_array(const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = (const void *)binding;
	u32 shift = binding_iov_shift(binding);
	struct rec_run *rec = next_record(runs);

	if (!rec)
		return;
	walk.binding = (u64)binding;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->iovs = (u64)BPF_CORE_READ(ours, iovs);
	rec->num = BPF_CORE_READ(ours, num_iovs);
	rec->avail = (u64)BPF_CORE_READ(ours, num_free) << shift;
	if (rec->num <= BPF_CORE_READ(binding, dmabuf, size) >> shift)
		return;
	reply.num = 0;
	reply.cut = 1;
}

/* The runs of iovs of a binding or an area, from run number req.from on */
SEC("syscall")
int read_runs(struct rec_request *ctx)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = NULL;
	const struct net_devmem_dmabuf_binding *binding = NULL;
	const struct io_zcrx_area *area;

	start_request(ctx);
	if (req.kind == KIND_IO_URING) {
		bpf_rcu_read_lock();
		area = find_area();
		if (area)
			read_area(area);
		reply.gone = !area || !find_area();
		bpf_rcu_read_unlock();
		return 0;
	}
	if (!bpf_core_field_exists(ours->num_iovs) &&
	    !bpf_core_field_exists(binding->chunk_pool))
		return ENOENT;

	bpf_rcu_read_lock();
	binding = find_binding();
	if (binding && bpf_core_field_exists(ours->num_iovs)) {
		read_array(binding);
	} else if (binding) {
		if (!req.from || walk.binding != (u64)binding || walk.num != req.from)
			start_runs(binding);
		bpf_loop(REC_BATCH_RUNS, run_step, NULL, 0);
		reply.more = walk.chunk != walk.end;
		reply.next = walk.num;
	}
	reply.gone = !binding || !find_binding();
	bpf_rcu_read_unlock();
	return 0;
}

static long iov_step(u32 i, const struct rec_run *run)
{
	const struct page_pool *pool = NULL;
	const struct net_iov *iov;
	struct rec_iov *rec;
	s64 refcount = 0;

	if (reply.next >= req.to || reply.next >= run->num)
		return 1;
	rec = next_record(iovs);
	if (!rec)
		return 1;

	iov = (const void *)(run->iovs + reply.next * iov_struct_size());
	if (!iov_in_gen_pool(run->bits, reply.next)) {
		pool = iov_pool(iov);
		refcount = iov_refcount(iov);
	}
	rec->addr = (u64)iov;
	rec->dma = iov_dma(iov);
	rec->refcount = refcount;
	rec->tokens = run->refs ? area_refs(run, reply.next) : iov_user_tokens(iov);
	rec->since_ns = iov_user_since(iov);
	rec->has_pool = !!pool;
	rec->pool = pool ? BPF_CORE_READ(pool, user.id) : 0;
	reply.next++;
	return 0;
}

/* The iovs number req.from up to req.to of a run of the last batch */
SEC("syscall")
int read_iovs(struct rec_request *ctx)
{
	struct rec_run run = {};
	u32 slot;

	start_request(ctx);
	slot = req.slot;
	if (slot < ARRAY_SIZE(runs) && walk.binding == req.binding)
		run = runs[slot];
	reply.next = req.from;
	bpf_rcu_read_lock();
	reply.gone = !is_there();
	if (!reply.gone)
		bpf_loop(REC_BATCH_IOVS, iov_step, &run, 0);
	reply.more = reply.next < req.to && reply.next < run.num;
	reply.gone |= !is_there();
	bpf_rcu_read_unlock();
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

/* Sockets that were found. Only those can be asked for. */
static struct {
	u64 sk;
	u64 cookie;
} sockets[REC_SOCKETS];
static u32 next_socket;

/* The socket that the request is about, if it is still the same one: its memory may
 * have become another's.
 */
static __always_inline const struct sock *find_socket(void)
{
	const struct sock *sk;
	u32 slot = req.slot;

	if (slot >= ARRAY_SIZE(sockets) || sockets[slot].cookie != req.cookie ||
	    sockets[slot].sk != req.binding)
		return NULL;
	sk = (const void *)sockets[slot].sk;
	if (BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != (s64)req.cookie)
		return NULL;
	return sk;
}

/* The tokens of a socket, from token req.from on */
SEC("syscall")
int read_tokens(struct rec_request *ctx)
{
	const struct sock *sk;

	start_request(ctx);
	bpf_rcu_read_lock();
	sk = find_socket();
	if (sk) {
		xa_start(&cursor, &sk->sk_user_frags, req.from);
		bpf_loop(REC_MAX_STEPS, token_step, NULL, 0);
		finish_walk();
	}
	reply.gone = !sk || !find_socket();
	bpf_rcu_read_unlock();
	return 0;
}

/* What a socket has not read is in three queues, one after the other, and what its peer has
 * not acknowledged in two
 */
enum unread_queue {
	QUEUE_RECEIVED,		/* a list, in the order of sequence numbers */
	QUEUE_EARLY,		/* out of order: a tree of sequence numbers */
	QUEUE_BACKLOG,		/* a list: came while the socket was locked */
	UNREAD_END,
	QUEUE_UNACKED = UNREAD_END,	/* was sent: a tree of sequence numbers */
	QUEUE_UNSENT,		/* a list, in their order */
	SENT_END,
};

#define MAX_RESTARTS	8

/* Where a walk over them stands. The socket is not locked. Its reader takes skbs from
 * the front, so a walk that has lost its way starts from there again and passes over
 * what it has had.
 */
static volatile struct {
	const struct sock *sk;
	const struct sk_buff *skb;	/* of the queue */
	const struct sk_buff *part;	/* of that one's frag_list */
	const struct sk_buff *best;	/* of the tree, so far */
	const struct rb_node *node;
	u32 queue;			/* enum unread_queue */
	u32 end;			/* the first queue not to look at */
	u32 had;			/* sequence number, or how many of the backlog */
	u32 num;			/* of the backlog, before this one */
	u32 restarts;
	u32 first;			/* record of this skb */
	bool any;			/* some of this queue were had */
	bool only_look;			/* for device memory; make no records */
	bool found;
	bool full;
} unread;

/* skb_frag_t, as a copy */
struct frag_copy {
	u64 netmem;
	u32 len;
	u32 offset;
};

/* Those of one skb, as many as any kernel can be configured for */
static struct frag_copy skb_frags[45];

static long frag_step(u32 i, void *unused)
{
	struct rec_frag *rec;

	if (i >= ARRAY_SIZE(skb_frags))
		return 1;
	if (!(skb_frags[i].netmem & PP_DEVMEM))
		return 0;
	rec = next_record(frags);
	if (!rec) {
		unread.full = true;
		return 1;
	}
	rec->word = skb_frags[i].netmem;
	rec->len = skb_frags[i].len;
	return 0;
}

static __always_inline const struct skb_shared_info *skb_info(const struct sk_buff *skb)
{
	return (const void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
}

/* With a function for each frag: of a plain loop the verifier would follow all
 * paths, for longer than over all that is left of these programs. How many frags there
 * is room for is the kernel's CONFIG_MAX_SKB_FRAGS.
 */
static __always_inline void add_frags(const struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_info(skb);
	u32 size = bpf_core_field_size(shinfo->frags);

	if (size > sizeof(skb_frags))
		size = sizeof(skb_frags);
	if (bpf_core_read(skb_frags, size, &shinfo->frags)) {
		reply.cut = 1;
		return;
	}
	bpf_loop(BPF_CORE_READ(shinfo, nr_frags), frag_step, NULL, 0);
}

static __always_inline u32 skb_seq(const struct sk_buff *skb)
{
	u32 seq = 0;

	bpf_probe_read_kernel(&seq, sizeof(seq), (const void *)skb +
			      bpf_core_field_offset(skb->cb) +
			      bpf_core_field_offset(struct tcp_skb_cb, seq));
	return seq;
}

static __always_inline bool was_had(u32 seq)
{
	return unread.any && (s32)(seq - unread.had) <= 0;
}

/* Down a tree of what came early or was sent, to the first that was not had */
static long early_step(u32 i, void *unused)
{
	const struct rb_node *node = unread.node;
	const struct sk_buff *skb = NULL;

	if (!node)
		return 1;
	skb = (const void *)node - bpf_core_field_offset(skb->rbnode);
	if (was_had(skb_seq(skb))) {
		unread.node = BPF_CORE_READ(node, rb_right);
	} else {
		unread.best = skb;
		unread.node = BPF_CORE_READ(node, rb_left);
	}
	return 0;
}

#define TREE_DEPTH	64

static __always_inline bool is_tree(void)
{
	return unread.queue == QUEUE_EARLY || unread.queue == QUEUE_UNACKED;
}

static __always_inline const struct sk_buff *first_of_tree(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;

	unread.best = NULL;
	if (unread.queue == QUEUE_EARLY)
		unread.node = BPF_CORE_READ(tp, out_of_order_queue.rb_node);
	else
		unread.node = BPF_CORE_READ(sk, tcp_rtx_queue.rb_node);
	bpf_loop(TREE_DEPTH, early_step, NULL, 0);
	return unread.best;
}

static __always_inline const struct sk_buff *first_of_queue(const struct sock *sk)
{
	if (unread.queue == QUEUE_RECEIVED)
		return BPF_CORE_READ(sk, sk_receive_queue.next);
	if (is_tree())
		return first_of_tree(sk);
	if (unread.queue == QUEUE_UNSENT)
		return BPF_CORE_READ(sk, sk_write_queue.next);
	unread.num = 0;
	return BPF_CORE_READ(sk, sk_backlog.head);
}

static __always_inline void next_queue(void)
{
	unread.queue++;
	unread.any = false;
	unread.restarts = 0;
	unread.skb = first_of_queue(unread.sk);
}

/* What is not the socket's is of another queue by now, or of none. What is to be sent does
 * not say whose it is.
 */
static __always_inline bool is_astray(const struct sk_buff *skb)
{
	if (unread.queue >= UNREAD_END)
		return !skb;
	return unread.queue != QUEUE_BACKLOG &&
	       (!skb || BPF_CORE_READ(skb, sk) != unread.sk);
}

static __always_inline bool is_end(const struct sk_buff *skb)
{
	if (unread.queue == QUEUE_RECEIVED)
		return skb == (const void *)&unread.sk->sk_receive_queue;
	if (unread.queue == QUEUE_UNSENT)
		return skb == (const void *)&unread.sk->sk_write_queue;
	return !skb;
}

static __always_inline void start_again(void)
{
	if (unread.restarts++ < MAX_RESTARTS) {
		unread.skb = first_of_queue(unread.sk);
		return;
	}
	reply.cut = 1;
	next_queue();
}

static __always_inline const struct sk_buff *skb_after(const struct sk_buff *skb)
{
	if (is_tree())
		return first_of_tree(unread.sk);
	return BPF_CORE_READ(skb, next);
}

/* The skb and all its parts were looked at */
static __always_inline void finish_skb(const struct sk_buff *skb)
{
	unread.had = unread.queue == QUEUE_BACKLOG ? unread.num : skb_seq(skb);
	unread.any = true;
	unread.first = reply.num;
	unread.num++;
	unread.part = NULL;
	unread.skb = skb_after(skb);
}

static __always_inline bool skb_was_had(const struct sk_buff *skb)
{
	return was_had(unread.queue == QUEUE_BACKLOG ? unread.num : skb_seq(skb));
}

static __always_inline void look_at_skb(const struct sk_buff *skb)
{
	if (unread.only_look)
		unread.found |= BPF_CORE_READ_BITFIELD_PROBED(skb, unreadable);
	else
		add_frags(skb);
}

static long unread_step(u32 i, void *unused)
{
	const struct sk_buff *skb = unread.skb, *part = unread.part;

	if (unread.queue >= unread.end || unread.found || unread.full)
		return 1;
	if (part) {
		add_frags(part);
		if (unread.full)
			return 1;
		unread.part = BPF_CORE_READ(part, next);
		if (!unread.part)
			finish_skb(skb);
		return 0;
	}
	if (is_end(skb)) {
		next_queue();
		return 0;
	}
	if (is_astray(skb)) {
		start_again();
		return 0;
	}
	if (skb_was_had(skb)) {
		unread.num++;
		unread.skb = skb_after(skb);
		return 0;
	}
	look_at_skb(skb);
	if (unread.full)
		return 1;
	if (!unread.only_look)
		unread.part = BPF_CORE_READ(skb_info(skb), frag_list);
	if (!unread.part)
		finish_skb(skb);
	return 0;
}

/* @from: where to go on, as unread_position() has it, 0 at the beginning of those that end
 * at @end
 */
static __always_inline void start_unread(const struct sock *sk, u64 from, u32 end)
{
	unread.sk = sk;
	unread.end = end;
	unread.queue = from >> 33;
	if (end == SENT_END && unread.queue < UNREAD_END)
		unread.queue = UNREAD_END;
	unread.any = from >> 32 & 1;
	unread.had = from;
	unread.part = NULL;
	unread.restarts = 0;
	unread.first = 0;
	unread.found = false;
	unread.full = false;
	unread.skb = first_of_queue(sk);
}

static __always_inline u64 unread_position(void)
{
	return (u64)unread.queue << 33 | (u64)unread.any << 32 | unread.had;
}

/* An skb whose frags did not all fit comes again with the next batch. If it is alone in
 * this one it never fits.
 */
static __always_inline void finish_unread(void)
{
	reply.more = unread.queue < unread.end;
	if (!reply.more)
		return;
	if (unread.first) {
		reply.num = unread.first;
	} else {
		reply.cut = 1;
		reply.more = 0;
	}
	reply.next = unread_position();
}

/* The frags that a socket has not read, from req.from on; with req.kind of KIND_TX those
 * that its peer has not acknowledged
 */
SEC("syscall")
int read_unread(struct rec_request *ctx)
{
	const struct sock *sk;

	start_request(ctx);
	bpf_rcu_read_lock();
	sk = find_socket();
	if (sk) {
		unread.only_look = false;
		start_unread(sk, req.from, req.kind == KIND_TX ? SENT_END : UNREAD_END);
		bpf_loop(REC_MAX_STEPS, unread_step, NULL, 0);
		finish_unread();
	}
	reply.gone = !sk || !find_socket();
	bpf_rcu_read_unlock();
	return 0;
}

/* What came before a queue was bound, or by another one, can stand before what is in
 * device memory.
 */
static __always_inline bool has_devmem(const struct sock *sk, u32 end)
{
	unread.only_look = true;
	start_unread(sk, 0, end);
	bpf_loop(REC_MAX_STEPS, unread_step, NULL, 0);
	return unread.found;
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

/* False if a TCP socket has no device memory */
static __always_inline bool fill_tcp(struct rec_file *rec, const struct sock *sk)
{
	const struct inet_connection_sock *icsk = (const void *)sk;
	u32 slot;

	rec->has_tokens = !!BPF_CORE_READ(sk, sk_user_frags.xa_head);
	rec->has_unread = has_devmem(sk, UNREAD_END);
	if (any_sends)
		rec->has_sent = has_devmem(sk, SENT_END);
	if (!rec->has_tokens && !rec->has_unread && !rec->has_sent)
		return false;

	rec->idle_jiffies = (u32)bpf_jiffies64() -
			    BPF_CORE_READ(icsk, icsk_ack.lrcvtime);
	rec->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	slot = next_socket++ % REC_SOCKETS;
	sockets[slot].sk = (u64)sk;
	sockets[slot].cookie = rec->cookie;
	rec->slot = slot;
	rec->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	fill_addresses(rec, sk);
	return true;
}

#include "behind.bpf.h"

/* Every open file of every process: the TCP sockets that hold tokens or have device memory
 * unread or unsent, and the containers
 */
SEC("iter/task_file")
int read_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct rec_file rec = {};
	struct socket *sock;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : NULL;
	if (sock ? !sk || !fill_socket(&rec, untyped(sk)) : !fill_ring(&rec, untyped(file)))
		return 0;
	if (sk && rec.type == FILE_SOCKET) {
		rec.cookie = bpf_get_socket_cookie(sk);
		sockets[rec.slot % REC_SOCKETS].cookie = rec.cookie;
	}
	rec.pid = BPF_CORE_READ(task, tgid);
	rec.fd = ctx->fd;
	BPF_CORE_READ_STR_INTO(&rec.comm, task, group_leader, comm);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
