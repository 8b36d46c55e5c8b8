// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads what was counted, and the inventory
 *
 * As little as possible is counted in the kernel's way: what happens to a binding our
 * provider counts itself, and of tokens only hand-outs are counted, by read. What was handed
 * out and is not held any more has come back.
 */

#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "attach.h"
#include "collect.h"
#include "devmemtop.skel.h"
#include "diag.h"
#include "stream.h"

static int cmp_counted(const void *a, const void *b)
{
	const struct top_key *l = &((const struct counted *)a)->key;
	const struct top_key *r = &((const struct counted *)b)->key;

	return (l->binding > r->binding) - (l->binding < r->binding) ?:
	       (l->sk > r->sk) - (l->sk < r->sk);
}

static struct counted *find(const struct snapshot *snapshot, const struct top_key *key)
{
	const struct counted counted = { .key = *key };

	return vec_find(snapshot, &counted, cmp_counted);
}

struct counted snapshot_find(const struct snapshot *snapshot, __u64 binding, __u64 sk)
{
	const struct top_key key = { .binding = binding, .sk = sk };
	const struct counted *found = find(snapshot, &key);

	return found ? *found : (struct counted){ .key = key };
}

const struct counted *snapshot_first(const struct snapshot *snapshot, __u64 binding)
{
	size_t low = 0, high = snapshot->num;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (snapshot->at[middle].key.binding < binding)
			low = middle + 1;
		else
			high = middle;
	}
	return snapshot->at + low;
}

/* In one system call, sorted, so that it can be searched */
static int read_counts(const struct top *top, struct snapshot *snapshot)
{
	static struct top_key keys[TOP_ENTRIES];
	static struct top_counts counts[TOP_ENTRIES];
	__u32 bucket, i, num = TOP_ENTRIES;
	int err;

	snapshot->num = 0;
	if (!top->skel)
		return 0;
	err = bpf_map_lookup_batch(bpf_map__fd(top->skel->maps.counts), NULL, &bucket,
				   keys, counts, &num, NULL);
	/* ENOENT says that this was all */
	if (err && err != -ENOENT) {
		diag("cannot read what was counted: %s", strerror(-err));
		return err;
	}
	for (i = 0; i < num; i++)
		*vec_add(snapshot) = (struct counted){
			.key = keys[i], .counts = counts[i],
		};
	vec_sort(snapshot, cmp_counted);
	return 0;
}

static bool is_half_full(const struct top *top)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return top->skel &&
	       !bpf_map_get_info_by_fd(bpf_map__fd(top->skel->maps.counts), &info, &size) &&
	       top->now.num > info.max_entries / 2;
}

/* Removes what was not counted in the last interval. If it was since then, that is in the
 * difference to what is read next.
 */
static void forget_idle(struct top *top)
{
	struct top_counts removed;
	struct counted *counted, *last;

	vec_for_each(counted, &top->now) {
		last = find(&top->last, &counted->key);
		if (!last || memcmp(&counted->counts, &last->counts, sizeof(last->counts)) ||
		    bpf_map_lookup_and_delete_elem(bpf_map__fd(top->skel->maps.counts),
						   &counted->key, &removed))
			continue;
		counted->counts.allocs -= removed.allocs;
		counted->counts.exhausted -= removed.exhausted;
		counted->counts.gets -= removed.gets;
		counted->counts.puts -= removed.puts;
		counted->before += removed.gets;
	}
}

/* A binding's own counters, where the kernel has some */
static void enter_bindings(struct top *top)
{
	const struct inv_binding *binding;

	vec_for_each(binding, &top->inv->bindings) {
		const struct rec_binding *k = &binding->k;

		*vec_add(&top->now) = (struct counted){
			.key = { .binding = k->id },
			.counts = {
				.allocs = k->allocs,
				.exhausted = k->exhausted,
				.gets = k->token_gets,
				.puts = k->token_puts + k->token_closes,
			},
		};
	}
}

static __u64 max(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* What came back. Hand-outs were read before the walk found what is held, so this is never too
 * much; what was told once stays true.
 */
static void count_puts(struct counted *counted, const struct counted *last)
{
	__u64 out = counted->before + counted->counts.gets;

	counted->counts.puts = max(last->counts.puts,
				   out > counted->held ? out - counted->held : 0);
}

static bool has_out(const struct counted *counted)
{
	return counted->counts.puts < counted->before + counted->counts.gets;
}

/* Sockets in the inventory, by what they hold */
static void list_held(const struct inventory *inv, struct snapshot *held)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;

	vec_for_each(binding, &inv->bindings) {
		vec_for_each(holder, &binding->holders) {
			*vec_add(held) = (struct counted){
				.key = { .binding = binding->k.id, .sk = holder->sock.sk },
				.held = holder->tokens,
			};
		}
	}
	vec_sort(held, cmp_counted);
}

/* Sockets that had tokens and were not handed any since they were counted */
static void add_missing(struct snapshot *now, const struct snapshot *from)
{
	const size_t known = now->num;
	const struct counted *counted;

	vec_for_each(counted, from) {
		const struct snapshot sorted = { now->at, known, known };

		if (counted->key.sk && (counted->held || has_out(counted)) &&
		    !find(&sorted, &counted->key))
			*vec_add(now) = (struct counted){ .key = counted->key };
	}
	vec_sort(now, cmp_counted);
}

/* Of tokens that are not seen to come back. What was out before we counted is known from
 * the first time: what is held and was not counted, not even @after that was read.
 */
static void enter_sockets(struct top *top, const struct snapshot *after)
{
	struct snapshot held = {};
	struct counted *counted;

	list_held(top->inv, &held);
	add_missing(&top->now, &held);
	add_missing(&top->now, &top->last);
	vec_for_each(counted, &top->now) {
		const struct top_key *key = &counted->key;
		const struct counted last = snapshot_find(&top->last, key->binding, key->sk);
		__u64 gets;

		if (!key->sk)
			continue;
		counted->held = snapshot_find(&held, key->binding, key->sk).held;
		counted->before = last.before;
		if (!top->rounds) {
			gets = snapshot_find(after, key->binding, key->sk).counts.gets;
			counted->before = counted->held > gets ? counted->held - gets : 0;
		}
		count_puts(counted, &last);
	}
	vec_free(&held);
}

/* Our provider counts what happens to a binding, others do not even say how full it is */
static unsigned int needed(const struct top *top, unsigned int what)
{
	return what & TOP_BINDINGS && !top->kernel_counts ? what | TOP_SOCKETS : what;
}

static int read_inventory(struct top *top, unsigned int what)
{
	struct inventory *inv;

	inv = inventory_read(top->inv_skel, what & TOP_SOCKETS ? INV_HOLDERS : 0);
	if (!inv)
		return -EIO;
	inventory_free(top->inv);
	top->inv = inv;
	top->has_holders = what & TOP_SOCKETS;
	return 0;
}

/* Tokens by read, or without a way to do that, one by one. A plan leaves out all that it
 * does not name.
 */
static void plan_tokens(struct top *top, unsigned int events)
{
	const unsigned int tokens = EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) |
				    EV_BIT(EV_TOKEN_CLOSE);

	top->events = attach_plan(top->skel->obj, events);
	top->reads = attach_reads(top->skel->obj);
	if (top->reads)
		top->events |= tokens;
	else
		top->events = attach_plan(top->skel->obj, events | tokens);
}

/* What cannot be seen on this kernel is shown as unknown */
static int start_counting(struct top *top, unsigned int what)
{
	unsigned int events = 0;

	if (what & TOP_BINDINGS && !top->kernel_counts)
		events = EV_BIT(EV_ALLOC) | EV_BIT(EV_EXHAUSTED);
	if (top->skel || !(what & TOP_SOCKETS))
		return 0;
	top->skel = devmemtop_bpf__open();
	if (!top->skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return -errno;
	}
	plan_tokens(top, events);
	return attach_start(top->skel->skeleton, top->events, 0);
}

int collect_open(struct top *top, unsigned int what)
{
	top->inv_skel = inventory_open();
	if (!top->inv_skel)
		return -EINVAL;
	if (read_inventory(top, 0))
		return -EIO;
	top->kernel_counts = top->inv->layout == LAYOUT_PPDEVMEM;
	return start_counting(top, needed(top, what));
}

/* Counts are read first: a socket that comes in between has its rate in the next interval,
 * and not in none. Who counts sockets once goes on.
 */
int collect(struct top *top, unsigned int what)
{
	struct snapshot after = {}, last = top->last;
	__u64 now;
	int err;

	what = needed(top, what) | (top->skel ? TOP_SOCKETS : 0);
	if (is_half_full(top))
		forget_idle(top);
	top->last = top->now;
	top->now = last;
	err = read_counts(top, &top->now);
	if (err)
		return err;
	now = stream_now_ns();
	top->seconds = top->now_ns ? (now - top->now_ns) / 1e9 : 0;
	top->now_ns = now;
	err = read_inventory(top, what);
	if (err)
		return err;
	if (top->skel && !top->rounds)
		err = read_counts(top, &after);
	if (top->reads && !err)
		enter_sockets(top, &after);
	vec_free(&after);
	if (top->skel)
		top->rounds++;
	if (top->kernel_counts)
		enter_bindings(top);
	vec_sort(&top->now, cmp_counted);
	return err;
}

int collect_also(struct top *top, unsigned int what)
{
	what = needed(top, what);
	if (!(what & TOP_SOCKETS) || top->has_holders)
		return 0;
	return start_counting(top, what) ?: read_inventory(top, what);
}

unsigned long long collect_missed(const struct top *top)
{
	return top->skel ? attach_missed(top->skel->obj) : 0;
}

void collect_close(struct top *top)
{
	inventory_free(top->inv);
	vec_free(&top->last);
	vec_free(&top->now);
	devmemtop_bpf__destroy(top->skel);
	if (top->inv_skel)
		inventory_close(top->inv_skel);
}
