// SPDX-License-Identifier: GPL-2.0
/*
 * devmemtop - counts events by binding, and by socket in each
 *
 * Nothing is done for each token but what must be: those of one read are counted
 * together, and so are those of one call that gives them back, if they can only be
 * of one binding.
 */

#include "devmemtop.h"
#include "events/iovs.bpf.h"
#include "events/pools.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"

const volatile bool by_socket;

/* A socket or binding that ends leaves its counts; user space removes what is idle. No
 * LRU map: there each processor has entries for itself, and takes those of others that
 * are in use when it has none left. Not preallocated, so that an entry that is removed as it
 * is counted in does not become another's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TOP_ENTRIES);
	__type(key, struct top_key);
	__type(value, struct top_counts);
} counts SEC(".maps");

/* The binding that all tokens of a socket are of, or one of these */
enum {
	HOME_UNKNOWN,
	HOME_SEVERAL,
	HOME_NUM,
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} homes SEC(".maps");

struct home_walk {
	struct xa_cursor cursor;
	u64 home;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct home_walk);
} home_walks SEC(".maps");

static const struct top_counts none;

static __always_inline void count_one(u64 binding, u64 sk, enum devmem_event kind, u64 num)
{
	struct top_key key = { .binding = binding, .sk = sk };
	struct top_counts *c = bpf_map_lookup_elem(&counts, &key);

	if (!c) {
		bpf_map_update_elem(&counts, &key, &none, BPF_NOEXIST);
		c = bpf_map_lookup_elem(&counts, &key);
	}
	if (!c) {
		miss_events(num);
		return;
	}
	switch (kind) {
	case EV_ALLOC:
		__sync_fetch_and_add(&c->allocs, num);
		return;
	case EV_EXHAUSTED:
		__sync_fetch_and_add(&c->exhausted, num);
		return;
	case EV_TOKEN_GET:
		__sync_fetch_and_add(&c->gets, num);
		return;
	default:
		__sync_fetch_and_add(&c->puts, num);
		return;
	}
}

static __always_inline void count(u64 binding, u64 sk, enum devmem_event kind, u64 num)
{
	count_one(binding, 0, kind, num);
	if (by_socket && sk)
		count_one(binding, sk, kind, num);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	count((u64)untyped(event_binding(e)), (u64)untyped(e->sk), e->kind, 1);
}

/* --- tokens that are handed out, by read --- */

static __always_inline u64 netmem_binding(u64 netmem)
{
	return (u64)untyped(iov_run(iov_untag(netmem)).binding);
}

static long home_step(u32 i, struct home_walk **walk)
{
	struct home_walk *w = *walk;
	struct xa_found found;

	if (w->cursor.done)
		return 1;
	found = xa_step(&w->cursor);
	if (!(found.entry & PP_DEVMEM) || netmem_binding(found.entry) == w->home)
		return 0;
	w->home = HOME_SEVERAL;
	return 1;
}

/* The home of a socket whose tokens we never saw, and that was just given some of @binding */
static __always_inline u64 find_home(const struct sock *sk, u64 binding)
{
	struct home_walk *w;
	u32 key = 0;

	w = bpf_map_lookup_elem(&home_walks, &key);
	if (!w)
		return HOME_UNKNOWN;
	w->home = binding;
	xa_start(&w->cursor, &sk->sk_user_frags, 0);
	bpf_loop(CLOSE_MAX_STEPS, home_step, &w, 0);
	return w->cursor.done || w->home == HOME_SEVERAL ? w->home : HOME_UNKNOWN;
}

static __always_inline void settle(struct sock *sk, u64 binding)
{
	u64 *home = bpf_sk_storage_get(&homes, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!home || *home == binding)
		return;
	*home = *home == HOME_UNKNOWN ? find_home(sk, binding) : HOME_SEVERAL;
}

/* The first @num tokens of @pool */
static __always_inline void count_read(struct sock *sk, const struct tcp_xa_pool *pool, u32 num)
{
	u64 who = (u64)untyped(sk), binding = 0, next;
	u64 netmems[MAX_FRAGS];
	u32 i, run = 0;

	if (bpf_core_read(netmems, sizeof(netmems), &pool->netmems))
		return;
	if (num > MAX_FRAGS)
		miss_events(num - MAX_FRAGS);
	for (i = 0; i < MAX_FRAGS && i < num; i++) {
		if (!(netmems[i] & PP_DEVMEM))
			continue;
		next = netmem_binding(netmems[i]);
		if (run && next != binding) {
			count(binding, who, EV_TOKEN_GET, run);
			settle(sk, binding);
			run = 0;
		}
		binding = next;
		run++;
	}
	if (!run)
		return;
	count(binding, who, EV_TOKEN_GET, run);
	settle(sk, binding);
}

SEC("fentry/tcp_xa_pool_commit_locked")
int token_gets__fentry(u64 *ctx)
{
	const struct tcp_xa_pool *pool = (const void *)ctx[1];

	count_read((struct sock *)ctx[0], pool, KGET(pool, struct tcp_xa_pool, idx));
	return 0;
}

SEC("fexit/net_devmem_tokens_get")
int token_gets__fexit(u64 *ctx)
{
	const struct tcp_xa_pool *pool = (const void *)ctx[1];

	count_read((struct sock *)ctx[0], pool, KGET(pool, struct tcp_xa_pool___ppdevmem, max));
	return 0;
}

/* What is taken back of it because its reader could not be told */
SEC("fentry/net_devmem_tokens_undo")
int token_undo__fentry(u64 *ctx)
{
	const struct tcp_xa_pool *pool = (const void *)ctx[1];
	u32 max = KGET(pool, struct tcp_xa_pool___ppdevmem, max);
	const struct sock *sk = (const void *)ctx[0];
	u32 i = KGET(pool, struct tcp_xa_pool, idx);
	u64 netmems[MAX_FRAGS];
	u32 tokens[MAX_FRAGS];

	if (bpf_core_read(tokens, sizeof(tokens), &pool->tokens) ||
	    bpf_core_read(netmems, sizeof(netmems), &pool->netmems))
		return 0;
	/* (what somebody gave back before was counted then) */
	for (; i < MAX_FRAGS && i < max; i++)
		if (xa_entry(&sk->sk_user_frags, tokens[i]) == netmems[i])
			count(netmem_binding(netmems[i]), (u64)untyped(sk), EV_TOKEN_PUT, 1);
	return 0;
}

/* --- tokens that come back, by call --- */

SEC("fentry/sock_devmem_dontneed")
int token_puts__fentry(u64 *ctx)
{
	u64 *home = bpf_sk_storage_get(&homes, (struct sock *)ctx[0], NULL, 0);

	/* Which ones does not matter if all are of the same binding */
	if (!home || *home < HOME_NUM)
		begin_put((const void *)ctx[0], ctx[1], ctx[3]);
	return 0;
}

SEC("fexit/sock_devmem_dontneed")
int token_puts__fexit(u64 *ctx)
{
	u64 thread = bpf_get_current_pid_tgid(), ret = 0;
	u64 *home;

	bpf_get_func_ret(ctx, &ret);
	if (bpf_map_lookup_elem(&put_calls, &thread)) {
		end_put(ctx, ret);
		return 0;
	}
	if ((s32)ret <= 0)
		return 0;
	home = bpf_sk_storage_get(&homes, (struct sock *)ctx[0], NULL, 0);
	if (home && *home >= HOME_NUM)
		count(*home, (u64)untyped((void *)ctx[0]), EV_TOKEN_PUT, (u32)ret);
	else
		miss_events((u32)ret);
	return 0;
}

SEC("fentry/tcp_v4_destroy_sock")
int token_closes__fentry(u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];

	if (KGET(sk, struct sock, sk_user_frags.xa_head))
		emit_close(ctx, sk, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
