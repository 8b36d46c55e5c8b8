// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is wrong now, by name: readers that leak or do not read, bindings that are too
 * small, that were unbound and are held, or that miss iovs
 */

#include <string.h>

#include "holders.h"
#include "ksyms.h"
#include "now.h"
#include "output.h"

/* A queue is hot if it takes four fifths of what several sockets get, and they had a choice */
#define HOT_SHARE	0.8
#define HOT_MIN_GETS	100

struct check {
	struct findings *findings;
	const struct watch *watch;
	const struct args *args;
};

static struct finding *found_of(const struct check *check, enum verdict verdict, const char *name,
				const struct inv_binding *binding)
{
	struct finding *finding;

	finding = found(check->findings, PART_NOW, verdict, name, binding->k.ifname);
	finding->binding = binding->k.id;
	return finding;
}

/* --- readers --- */

struct held {
	__u64 through;		/* tokens that were out all the time */
	__u64 iovs;
	__u64 oldest_ns;
};

static struct held held_through(const struct watch *watch, const struct inv_holder *before,
				const struct inv_holder *holder)
{
	struct held held = { .oldest_ns = watch->look_ns - watch->start_ns };
	const struct rec_token *token;
	__u64 last = 0;

	vec_for_each(token, &holder->token_list) {
		if (!watch_held_through(watch, before, holder, token))
			continue;
		held.through++;
		held.iovs += token->word != last;
		last = token->word;
		if (token->since_ns != REC_UNKNOWN &&
		    watch->look_ns - token->since_ns > held.oldest_ns)
			held.oldest_ns = watch->look_ns - token->since_ns;
	}
	return held;
}

/* A reader that takes its time, but gives back what it got: some of what was out at first came
 * back, the number does not grow, and what is left is not older than its usual hold, which
 * Little's law gives.
 */
static bool is_only_slow(const struct watch *watch, const struct inv_holder *before,
			 const struct inv_holder *holder, const struct held *held, __u64 gets)
{
	double mean = (before->tokens + holder->tokens) / 2.0;

	if (held->through >= before->tokens || !gets)
		return false;
	if (holder->tokens > before->tokens + before->tokens / 4)
		return false;
	return held->oldest_ns / 1e9 < 3 * mean * watch->counted_seconds / gets;
}

/* When the binding will have nothing left, if this goes on */
static void tell_growth(struct finding *finding, const struct watch *watch,
			const struct inv_binding *binding, const struct inv_holder *before,
			const struct inv_holder *holder)
{
	double rate = ((double)holder->iovs - before->iovs) / watch->seconds;

	found_figure(finding, "iovs_per_second", rate > 0 ? rate : 0);
	if (rate <= 0) {
		found_evidence(finding, "; it does not grow now");
		return;
	}
	found_evidence(finding, "; it grows by %.1f iovs/s", rate);
	if (binding->k.unbound)
		return;
	found_figure(finding, "dry_in_seconds", binding->k.free / rate);
	if (binding->k.free)
		found_evidence(finding, ", so that the binding is dry in %.0f s",
			       binding->k.free / rate);
	else
		found_evidence(finding, ", and the binding is dry");
}

static void check_leak(const struct check *check, const struct inv_binding *binding,
		       const struct inv_holder *before, const struct inv_holder *holder)
{
	const struct watch *watch = check->watch;
	__u64 gets = watch_counts(watch, binding->k.id, holder->sock.sk).gets;
	struct held held = held_through(watch, before, holder);
	char size[OUT_NUM_LEN], age[OUT_NUM_LEN];
	struct finding *finding;

	if (!held.through || is_only_slow(watch, before, holder, &held, gets))
		return;
	finding = found_of(check, WRONG, "leak", binding);
	finding->holder = holder;
	found_evidence(finding,
		       "a reader keeps %llu of its %llu tokens, on %llu iovs (%s), for %s%s",
		       held.through, holder->tokens, held.iovs,
		       out_size(size, held.iovs << binding->k.iov_shift),
		       holder->since_ns == REC_UNKNOWN ? "at least " : "",
		       out_age(age, held.oldest_ns));
	found_figure(finding, "tokens", held.through);
	found_figure(finding, "iovs", held.iovs);
	found_figure(finding, "seconds", held.oldest_ns / 1e9);
	tell_growth(finding, watch, binding, before, holder);
	found_remedy(finding,
		     "give them back (SO_DEVMEM_DONTNEED), or close the socket; 'devmemleak --sample %d' shows by which path they were received",
		     30);
}

static void check_unread(const struct check *check, const struct inv_binding *binding,
			 const struct inv_holder *before, const struct inv_holder *holder)
{
	char bytes[OUT_NUM_LEN], idle[OUT_NUM_LEN];
	struct finding *finding;

	if (!before->unread_iovs || holder->unread_bytes < before->unread_bytes ||
	    watch_counts(check->watch, binding->k.id, holder->sock.sk).gets)
		return;
	finding = found_of(check, WRONG, "unread", binding);
	finding->holder = holder;
	found_evidence(finding,
		       "%s%llu iovs with %s of data wait for a reader, who read nothing for %.1f s; the last data came %s ago",
		       holder->truncated ? "at least " : "", holder->unread_iovs,
		       out_size(bytes, holder->unread_bytes), check->watch->seconds,
		       out_age(idle, holder->idle_ns));
	found_figure(finding, "iovs", holder->unread_iovs);
	found_figure(finding, "bytes", holder->unread_bytes);
	found_figure(finding, "idle_seconds", holder->idle_ns / 1e9);
	found_remedy(finding,
		     "read, or close the socket; see what the process waits for, and whether it is stopped");
}

static void check_holders(const struct check *check, const struct inv_binding *binding)
{
	const struct inv_holder *holder, *before;

	vec_for_each(holder, &binding->holders) {
		before = watch_holder_before(check->watch, binding, holder);
		if (!before || !holder_wanted(holder, check->args))
			continue;
		check_leak(check, binding, before, holder);
		check_unread(check, binding, before, holder);
	}
}

/* --- bindings --- */

static void check_unbound(const struct check *check, const struct inv_binding *binding,
			  const struct occupancy *occupancy)
{
	__u64 nameless = occupancy->min_nameless;
	__u64 unread = unread_iovs(binding), pool = pool_iovs(binding);
	struct finding *finding;

	if (!binding->k.unbound)
		return;
	finding = found_of(check, WRONG, "unbound-held", binding);
	found_evidence(finding,
		       "unbound, but %llu iovs are held: %llu by readers, %llu unread, %llu in deferred frees, %llu by nobody that is known; so its dma-buf stays mapped",
		       binding->k.user + pool, binding->k.user, unread,
		       occupancy->min_deferred, nameless);
	found_figure(finding, "iovs", binding->k.user + pool);
	found_remedy(finding, binding->holders.num ?
		     "end who holds it, or close its sockets: devmemls names them" :
		     "see what is said of it below");
}

/* Any CPU may have some of a busy binding. They hurt where they keep what is to go, or what
 * others wait for.
 */
static void check_deferred(const struct check *check, const struct inv_binding *binding,
			   const struct occupancy *occupancy)
{
	bool dry = occupancy->dry_looks == occupancy->looks;
	struct finding *finding;

	if (!occupancy->min_deferred || (!binding->k.unbound && !dry))
		return;
	finding = found_of(check, WRONG, "deferred", binding);
	found_evidence(finding,
		       "%llu iovs wait in the lists of deferred frees of idle CPUs, and the binding is %s",
		       occupancy->min_deferred, binding->k.unbound ? "unbound" : "dry");
	found_figure(finding, "iovs", occupancy->min_deferred);
	found_remedy(finding,
		     "'taskset -c CPU ping -c 1 127.0.0.1' on each CPU frees them; sysctl net.core.skb_defer_max=0 ends the waiting for good");
}

static void check_lost(const struct check *check, const struct inv_binding *binding,
		       const struct occupancy *occupancy)
{
	struct finding *finding;
	char size[OUT_NUM_LEN];

	if (!occupancy->min_nameless || binding->truncated)
		return;
	finding = found_of(check, WRONG, "lost", binding);
	found_evidence(finding,
		       "%llu iovs (%s) or more are neither free nor with a reader, unread, or where %s can have them",
		       occupancy->min_nameless,
		       out_size(size, occupancy->min_nameless << binding->k.iov_shift),
		       binding->k.unbound ? "a page pool that has ended" : "its page pools");
	found_figure(finding, "iovs", occupancy->min_nameless);
	found_remedy(finding,
		     "look for what keeps packets: a queue of nftables, a qdisc, a driver that has not given its pool back; what two threads of a reader lose to each other comes back with the next boot only");
}

/* --- what flows --- */

static bool blames(const struct findings *findings, const char *name, __u32 binding)
{
	const struct finding *finding;

	vec_for_each(finding, findings)
		if (finding->binding == binding && !strcmp(finding->name, name))
			return true;
	return false;
}

/* What the drivers of its queues ask for, to fill their rings */
static __u64 iovs_of_pools(const struct check_pools *pools, const struct inv_binding *binding)
{
	const struct check_pool *pool;
	__u64 sum = 0;

	vec_for_each(pool, pools)
		if (pool->binding == binding->k.addr)
			sum += pool->size;
	return sum;
}

/* How often the binding gave nothing, where the kernel counts that or lets us see it */
static __u64 times_exhausted(const struct watch *watch, const struct inv_binding *binding)
{
	const struct inv_binding *before = watch_before(watch, binding);

	if (binding->k.exhausted != REC_UNKNOWN && before->k.exhausted != REC_UNKNOWN)
		return binding->k.exhausted - before->k.exhausted;
	return watch_counts(watch, binding->k.id, 0).exhausted;
}

/* Little's law: what readers hold is the rate times the time that they hold it. The rate is
 * what came through while there was too little, so twice that is asked for.
 */
static void check_too_small(const struct check *check, const struct inv_binding *binding,
			    const struct occupancy *occupancy)
{
	const struct watch *watch = check->watch;
	double mean = (double)occupancy->sum_user / occupancy->looks;
	double rate = watch_counts(watch, binding->k.id, 0).gets / watch->counted_seconds;
	__u64 posted = iovs_of_pools(&watch->pools, binding), want;
	__u64 exhausted = times_exhausted(watch, binding);
	char size[OUT_NUM_LEN], want_size[OUT_NUM_LEN];
	struct finding *finding;

	/* (a burst that a reader catches up with is no fault of the binding's) */
	if (!exhausted || 2 * occupancy->dry_looks < occupancy->looks || binding->k.unbound ||
	    blames(check->findings, "leak", binding->k.id) ||
	    blames(check->findings, "unread", binding->k.id))
		return;
	for (want = 1; want < posted + 2 * occupancy->max_user; want *= 2)
		;
	finding = found_of(check, WRONG, "too-small", binding);
	found_evidence(finding,
		       "%llu times in %.1f s it had nothing for the NIC: of its %llu iovs (%s) readers hold %.0f (%.0f tokens/s",
		       exhausted, watch->seconds, binding->k.total,
		       out_size(size, binding->k.size), mean, rate);
	if (rate > 0)
		found_evidence(finding, ", %.3f s each", mean / rate);
	found_evidence(finding, "), at most %llu, and the NIC's rings want %llu",
		       occupancy->max_user, posted);
	found_figure(finding, "exhausted", exhausted);
	found_figure(finding, "tokens_per_second", rate);
	found_figure(finding, "hold_seconds", rate > 0 ? mean / rate : 0);
	found_figure(finding, "iovs", binding->k.total);
	found_figure(finding, "iovs_wanted", want);
	found_remedy(finding,
		     "bind %s (%llu iovs) or more, make rings smaller (ethtool -G %s rx N), or let readers give back sooner",
		     out_size(want_size, want << binding->k.iov_shift), want, binding->k.ifname);
}

struct queue_share {
	__u32 queue;
	__u64 gets;
	__u64 all;
	unsigned int sockets;	/* of the binding, that get something */
};

static __u64 gets_of_queue(const struct watch *watch, __u32 binding, __u32 queue)
{
	const struct counted *counted;
	__u64 sum = 0;

	vec_for_each(counted, &watch->counted)
		if (counted->key.binding == binding && counted->key.queue == queue)
			sum += counted->counts.gets;
	return sum;
}

static struct queue_share hottest_queue(const struct watch *watch,
					const struct inv_binding *binding)
{
	struct queue_share share = {};
	const struct counted *counted;
	const __u32 *queue;

	vec_for_each(counted, &watch->counted)
		if (counted->key.binding == binding->k.id)
			share.sockets += !!counted->counts.gets;
	vec_for_each(queue, &binding->queues) {
		__u64 gets = gets_of_queue(watch, binding->k.id, *queue);

		share.all += gets;
		if (gets > share.gets) {
			share.gets = gets;
			share.queue = *queue;
		}
	}
	return share;
}

static void check_hot_queue(const struct check *check, const struct inv_binding *binding)
{
	struct queue_share share = hottest_queue(check->watch, binding);
	struct finding *finding;

	if (binding->queues.num < 2 || share.sockets < 2 || share.all < HOT_MIN_GETS ||
	    share.gets < HOT_SHARE * share.all)
		return;
	finding = found_of(check, WRONG, "hot-queue", binding);
	found_evidence(finding,
		       "queue %u has %.0f %% of what %u flows receive, though %zu queues are bound",
		       share.queue, 100.0 * share.gets / share.all, share.sockets,
		       binding->queues.num);
	found_figure(finding, "queue", share.queue);
	found_figure(finding, "share", (double)share.gets / share.all);
	found_remedy(finding, "spread the flows: ethtool -N %s by port or address, or an RSS context over the bound queues",
		     binding->k.ifname);
}

/* There is memory, but the driver does not take it */
static void check_starving(const struct check *check, const struct inv_binding *binding,
			   const struct occupancy *occupancy)
{
	const struct watch *watch = check->watch;
	__u64 dropped = 0;
	const struct queue_drops *drops;
	struct finding *finding;
	const __u32 *queue;

	if (occupancy->dry_looks || times_exhausted(watch, binding) || binding->k.unbound)
		return;
	vec_for_each(queue, &binding->queues)
		vec_for_each(drops, &watch->queue_drops)
			if (drops->ifindex == binding->k.ifindex && drops->queue == *queue)
				dropped += drops->num;
	if (!dropped)
		return;
	finding = found_of(check, WRONG, "starving", binding);
	found_evidence(finding,
		       "the NIC dropped %llu packets of the bound queues in %.1f s, while %llu iovs are free: its driver does not keep its rings filled, or has too short ones",
		       dropped, watch->seconds, binding->k.free);
	found_figure(finding, "drops", dropped);
	found_remedy(finding,
		     "ethtool -S %s says why; larger rings (ethtool -G %s rx N); see that the queue's interrupt is served",
		     binding->k.ifname, binding->k.ifname);
}

/* What TCP drops in the course of its life: what came twice, or too early */
static bool is_ordinary(const char *reason)
{
	static const char *const ordinary[] = {
		"TCP_OLD_DATA", "TCP_OLD_SEQUENCE", "TCP_OFOMERGE", "TCP_OFO_DROP",
		"TCP_OVERWINDOW", "TCP_INVALID_SEQUENCE", "TCP_OLD_ACK",
	};
	size_t i;

	for (i = 0; i < sizeof(ordinary) / sizeof(*ordinary); i++)
		if (!strcmp(reason, ordinary[i]))
			return true;
	return false;
}

static void check_drops(const struct check *check)
{
	const struct watch *watch = check->watch;
	struct finding *finding;
	const struct drop *drop;
	char reason[64];

	vec_for_each(drop, &watch->drops) {
		ksyms_drop_reason(reason, sizeof(reason), drop->reason);
		finding = found(check->findings, PART_NOW,
				is_ordinary(reason) ? NOTE : WRONG, "drops", NULL);
		found_evidence(finding, "%llu packets with device memory were dropped in %.1f s: %s",
			       drop->num, watch->counted_seconds, reason);
		found_figure(finding, "drops", drop->num);
		found_remedy(finding, "'devmemsnoop -e drop' shows where and whose");
	}
	if (watch->drops_seen)
		return;
	finding = found(check->findings, PART_NOW, UNKNOWN, "drops", NULL);
	found_evidence(finding, "this kernel does not tell of packets that are dropped");
}

/* --- everything --- */

static void check_binding(const struct check *check, const struct inv_binding *binding)
{
	const struct occupancy *occupancy = watch_occupancy(check->watch, binding);

	/* One that came meanwhile was not watched, one to send from has nothing that runs dry */
	if (!watch_before(check->watch, binding) || !occupancy ||
	    binding->k.free == REC_UNKNOWN)
		return;
	check_holders(check, binding);
	if (check->args->pid)
		return;
	check_unbound(check, binding, occupancy);
	check_deferred(check, binding, occupancy);
	check_lost(check, binding, occupancy);
	check_too_small(check, binding, occupancy);
	check_hot_queue(check, binding);
	check_starving(check, binding, occupancy);
}

static void check_missed(const struct check *check)
{
	struct finding *finding;

	if (!check->watch->gets_missed)
		return;
	finding = found(check->findings, PART_NOW, UNKNOWN, "missed", NULL);
	found_evidence(finding,
		       "%llu events were missed, so a token that was held all the time may not be known as such",
		       check->watch->missed);
	found_remedy(finding, "watch again");
}

void check_now(struct findings *findings, const struct watch *watch, const struct args *args)
{
	const struct check check = { findings, watch, args };
	const struct inv_binding *binding;

	vec_for_each(binding, &watch->last->bindings)
		if (binding_wanted(binding, args))
			check_binding(&check, binding);
	if (!args->pid && !args->binding && !args->ifname)
		check_drops(&check);
	check_missed(&check);
}
