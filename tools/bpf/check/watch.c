// SPDX-License-Identifier: GPL-2.0-or-later
/* Watches for some seconds: an inventory at each end, looks and counts in between */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netdev.h>

#include "attach.h"
#include "devmemcheck.h"
#include "devmemcheck.skel.h"
#include "diag.h"
#include "stream.h"
#include "watch.h"

#define ALL_OF_IT	(INV_HOLDERS | INV_TOKENS | INV_UNREAD)
#define LOOK_NS		1000000000ULL	/* between two looks */

static __u64 min(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static int attach(struct watch *watch)
{
	const unsigned int events = EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_EXHAUSTED) |
				    EV_BIT(EV_DROP);
	int err, num_cpus = libbpf_num_possible_cpus();
	struct devmemcheck_bpf *skel;
	unsigned int planned;

	if (num_cpus < 0) {
		diag("cannot find out how many CPUs there are: %s", strerror(-num_cpus));
		return num_cpus;
	}

	skel = devmemcheck_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return -errno;
	}
	watch->skel = skel;
	skel->rodata->num_cpus = num_cpus;
	planned = attach_plan(skel->obj, events);
	watch->exhausted_seen = planned & EV_BIT(EV_EXHAUSTED);
	watch->drops_seen = planned & EV_BIT(EV_DROP);
	err = attach_start(skel->skeleton, planned, EV_BIT(EV_TOKEN_GET));
	watch->attached_ns = stream_now_ns();
	return err;
}

int watch_open(struct watch *watch)
{
	int err = nl_open(&watch->nl);

	if (err) {
		diag("cannot ask the kernel by netlink: %s", strerror(-err));
		return err;
	}
	nl_family(&watch->nl, ETHTOOL_GENL_NAME, &watch->ethtool);
	watch->inv_skel = inventory_open();
	return watch->inv_skel ? attach(watch) : -EINVAL;
}

void watch_close(struct watch *watch)
{
	inventory_free(watch->first);
	inventory_free(watch->last);
	vec_free(&watch->occupancies);
	vec_free(&watch->counted);
	vec_free(&watch->drops);
	vec_free(&watch->queue_drops);
	vec_free(&watch->pools);
	devmemcheck_bpf__destroy(watch->skel);
	if (watch->inv_skel)
		inventory_close(watch->inv_skel);
	nl_close(&watch->nl);
}

static int run_once(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) ?: -(int)opts.retval;
	if (err)
		diag("cannot run BPF program %s: %s", bpf_program__name(prog), strerror(-err));
	return err;
}

int watch_devices(struct watch *watch, struct check_devices *devices)
{
	const struct devmemcheck_bpf *skel = watch->skel;
	__u32 i;

	if (run_once(skel->progs.read_devices))
		return -EIO;
	for (i = 0; i < skel->bss->num_devices; i++)
		*vec_add(devices) = skel->bss->devices[i];
	return 0;
}

int watch_pools(struct watch *watch, struct check_pools *pools)
{
	const struct devmemcheck_bpf *skel = watch->skel;
	__u32 i;

	if (run_once(skel->progs.read_pools))
		return -EIO;
	for (i = 0; i < skel->bss->num_pools; i++)
		*vec_add(pools) = skel->bss->pools[i];
	return 0;
}

static const struct inv_binding *same_binding(const struct inventory *inv,
					      const struct inv_binding *binding)
{
	const struct inv_binding *other;

	vec_for_each(other, &inv->bindings)
		if (other->k.addr == binding->k.addr && other->k.id == binding->k.id)
			return other;
	return NULL;
}

const struct inv_binding *watch_before(const struct watch *watch,
				       const struct inv_binding *binding)
{
	return same_binding(watch->first, binding);
}

const struct inv_holder *watch_holder_before(const struct watch *watch,
					     const struct inv_binding *binding,
					     const struct inv_holder *holder)
{
	const struct inv_binding *before = watch_before(watch, binding);
	const struct inv_holder *other;

	if (!before)
		return NULL;
	vec_for_each(other, &before->holders)
		if (other->sock.cookie == holder->sock.cookie)
			return other;
	return NULL;
}

const struct occupancy *watch_occupancy(const struct watch *watch,
					const struct inv_binding *binding)
{
	const struct occupancy *occupancy;

	vec_for_each(occupancy, &watch->occupancies)
		if (occupancy->addr == binding->k.addr)
			return occupancy;
	return NULL;
}

/* The counters are read one after the other, so their sum can be off */
__u64 pool_iovs(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	if (k->free == REC_UNKNOWN || k->user == REC_UNKNOWN)
		return 0;
	return k->total > k->free + k->user ? k->total - k->free - k->user : 0;
}

__u64 unread_iovs(const struct inv_binding *binding)
{
	const struct inv_holder *holder;
	__u64 sum = 0;

	vec_for_each(holder, &binding->holders)
		sum += holder->unread_iovs;
	return sum;
}

/* Iovs that no socket has and that are more than page pools and their drivers can have: each
 * pool what lies in it, and what its driver asked for at most.
 */
static __u64 nameless_iovs(const struct inv_binding *binding, const struct check_pools *pools,
			   __u64 deferred)
{
	__u64 known = unread_iovs(binding) + deferred, out = pool_iovs(binding);
	const struct check_pool *pool;

	vec_for_each(pool, pools)
		if (pool->binding == binding->k.addr && !binding->k.unbound)
			known += pool->cached + pool->size;
	return out > known ? out - known : 0;
}

/* In skbs that wait to be freed, as read_deferred() counted them */
static __u64 deferred_iovs(const struct watch *watch, const struct inv_binding *binding)
{
	int fd = bpf_map__fd(watch->skel->maps.deferred);
	__u64 num = 0;

	bpf_map_lookup_elem(fd, &binding->k.addr, &num);
	return num;
}

static void note_binding(struct watch *watch, const struct inv_binding *binding)
{
	struct occupancy *occupancy = (struct occupancy *)watch_occupancy(watch, binding);
	__u64 deferred = deferred_iovs(watch, binding);
	__u64 nameless = nameless_iovs(binding, &watch->pools, deferred);

	if (!occupancy) {
		occupancy = vec_add(&watch->occupancies);
		*occupancy = (struct occupancy){
			.addr = binding->k.addr,
			.min_nameless = nameless,
			.min_deferred = deferred,
		};
	}
	occupancy->looks++;
	occupancy->dry_looks += !binding->k.free;
	occupancy->sum_user += binding->k.user;
	if (binding->k.user > occupancy->max_user)
		occupancy->max_user = binding->k.user;
	if (nameless < occupancy->min_nameless)
		occupancy->min_nameless = nameless;
	if (deferred < occupancy->min_deferred)
		occupancy->min_deferred = deferred;
}

static void forget_deferred(const struct watch *watch)
{
	int fd = bpf_map__fd(watch->skel->maps.deferred);
	__u64 binding;

	while (!bpf_map_get_next_key(fd, NULL, &binding))
		bpf_map_delete_elem(fd, &binding);
}

/* Pools first: what comes into one after that is not missing from it */
static struct inventory *look(struct watch *watch)
{
	const struct inv_binding *binding;
	struct inventory *inv = NULL;

	watch->pools.num = 0;
	forget_deferred(watch);
	if (!watch_pools(watch, &watch->pools) && !run_once(watch->skel->progs.read_deferred))
		inv = inventory_read(watch->inv_skel, ALL_OF_IT);
	if (inv)
		vec_for_each(binding, &inv->bindings)
			note_binding(watch, binding);
	return inv;
}

static int cmp_tokens(const void *a, const void *b)
{
	const struct rec_token *l = a, *r = b;

	return (l->token > r->token) - (l->token < r->token);
}

static void sort_tokens(struct inventory *inv)
{
	struct inv_binding *binding;
	struct inv_holder *holder;

	vec_for_each(binding, &inv->bindings)
		vec_for_each(holder, &binding->holders)
			vec_sort(&holder->token_list, cmp_tokens);
}

static void read_counts(struct watch *watch)
{
	int fd = bpf_map__fd(watch->skel->maps.counts);
	struct check_key key, *prev = NULL;
	struct counted counted;

	while (watch->counted.num < CHECK_ENTRIES && !bpf_map_get_next_key(fd, prev, &key)) {
		counted.key = key;
		if (!bpf_map_lookup_elem(fd, &key, &counted.counts))
			*vec_add(&watch->counted) = counted;
		prev = &key;
	}
}

static void read_drops(struct watch *watch)
{
	int fd = bpf_map__fd(watch->skel->maps.drops);
	__u32 key, *prev = NULL;
	struct drop drop;

	while (watch->drops.num < CHECK_REASONS && !bpf_map_get_next_key(fd, prev, &key)) {
		drop.reason = key;
		if (!bpf_map_lookup_elem(fd, &key, &drop.num))
			*vec_add(&watch->drops) = drop;
		prev = &key;
	}
}

struct qstats {
	struct watch *watch;
	int sign;
};

static void add_drops(struct watch *watch, const struct queue_drops *add)
{
	struct queue_drops *drops;

	vec_for_each(drops, &watch->queue_drops) {
		if (drops->ifindex == add->ifindex && drops->queue == add->queue) {
			drops->num += add->num;
			return;
		}
	}
	*vec_add(&watch->queue_drops) = *add;
}

static __u64 attr_num(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(__u64) ? mnl_attr_get_u64(attr) :
	       mnl_attr_get_u32(attr);
}

static int qstats_reply(const struct nlmsghdr *nlh, void *data)
{
	struct qstats *q = data;
	struct queue_drops drops = {};
	const struct nlattr *attr;
	bool rx = false;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case NETDEV_A_QSTATS_IFINDEX:
			drops.ifindex = mnl_attr_get_u32(attr);
			break;
		case NETDEV_A_QSTATS_QUEUE_TYPE:
			rx = mnl_attr_get_u32(attr) == NETDEV_QUEUE_TYPE_RX;
			break;
		case NETDEV_A_QSTATS_QUEUE_ID:
			drops.queue = mnl_attr_get_u32(attr);
			break;
		case NETDEV_A_QSTATS_RX_HW_DROPS:
			drops.num = attr_num(attr) * q->sign;
			break;
		}
	}
	if (rx)
		add_drops(q->watch, &drops);
	return MNL_CB_OK;
}

/* Of the devices with bindings that are in this network namespace. A driver that does not tell
 * is not blamed.
 */
static void add_queue_drops(struct watch *watch, int sign)
{
	struct qstats q = { watch, sign };
	const struct inv_binding *binding, *other;
	struct nl_family netdev;

	if (nl_family(&watch->nl, NETDEV_FAMILY_NAME, &netdev))
		return;
	vec_for_each(binding, &watch->first->bindings) {
		for (other = watch->first->bindings.at; other < binding; other++)
			if (other->k.ifindex == binding->k.ifindex)
				break;
		if (other == binding && binding->k.ifindex &&
		    nl_is_here(binding->k.ifindex, binding->k.ifname))
			nl_queue_stats(&watch->nl, &netdev, binding->k.ifindex, qstats_reply, &q);
	}
}

static void show_progress(double left)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (left > 0)
		fprintf(stderr, "\rwatching, %.0f s left ", left);
	else
		fprintf(stderr, "\r%30s\r", "");
}

int watch_for(struct watch *watch, unsigned int seconds)
{
	__u64 now, end;

	watch->start_ns = stream_now_ns();
	end = watch->start_ns + seconds * 1000000000ULL;
	watch->first = look(watch);
	if (!watch->first)
		return -EIO;
	sort_tokens(watch->first);
	add_queue_drops(watch, -1);
	diag_v("watching for %u s", seconds);
	do {
		now = stream_now_ns();
		show_progress(now < end ? (end - now) / 1e9 : 0);
		if (now < end)
			stream_sleep(min(end - now, LOOK_NS) / 1e9);
		watch->look_ns = stream_now_ns();
		inventory_free(watch->last);
		watch->last = look(watch);
		if (!watch->last)
			return -EIO;
	} while (!stream_stop && stream_now_ns() < end);
	show_progress(0);
	read_counts(watch);
	read_drops(watch);
	add_queue_drops(watch, 1);
	watch->seconds = (watch->look_ns - watch->start_ns) / 1e9;
	watch->counted_seconds = (stream_now_ns() - watch->attached_ns) / 1e9;
	watch->missed = attach_missed(watch->skel->obj);
	watch->gets_missed = attach_missed_gets(watch->skel->obj) || watch->skel->bss->lost;
	return 0;
}

struct check_counts watch_counts(const struct watch *watch, __u32 binding, __u64 sk)
{
	struct check_counts sum = {};
	const struct counted *counted;

	vec_for_each(counted, &watch->counted) {
		if (counted->key.binding != binding || (sk && counted->key.sk != sk))
			continue;
		sum.gets += counted->counts.gets;
		sum.exhausted += counted->counts.exhausted;
	}
	return sum;
}

/* The tokens of @before are sorted by number */
static bool was_out(const struct inv_holder *before, const struct rec_token *token)
{
	const struct rec_token *found = vec_find(&before->token_list, token, cmp_tokens);

	return found && found->word == token->word;
}

static bool handed_out_since(const struct watch *watch, const struct held_key *key)
{
	__u32 index = held_index(key);
	struct check_slot slot;
	struct check_get get;

	if (!bpf_map_lookup_elem(bpf_map__fd(watch->skel->maps.slots), &index, &slot) &&
	    !held_cmp(&slot.key, key))
		return slot.get.ts > watch->start_ns;
	if (!bpf_map_lookup_elem(bpf_map__fd(watch->skel->maps.more), key, &get))
		return get.ts > watch->start_ns;
	return false;
}

bool watch_held_through(const struct watch *watch, const struct inv_holder *before,
			const struct inv_holder *holder, const struct rec_token *token)
{
	const struct held_key key = { .who = holder->sock.sk, .what = token->token };

	if (token->since_ns != REC_UNKNOWN)
		return token->since_ns <= watch->start_ns;
	if (watch->gets_missed || !was_out(before, token))
		return false;
	return !handed_out_since(watch, &key);
}
