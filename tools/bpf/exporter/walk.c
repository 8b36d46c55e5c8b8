// SPDX-License-Identifier: GPL-2.0-or-later
/* Who holds iovs, and for how long */

#include <string.h>
#include <time.h>

#include "stream.h"
#include "walk.h"

/* What tokens were out before we came is known from the first walk */
static void enter_tokens(struct probe *probe, const struct inventory *inv)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	const struct rec_token *token;

	vec_for_each(binding, &inv->bindings)
		vec_for_each(holder, &binding->holders)
			vec_for_each(token, &holder->token_list)
				probe_handed_out_before(probe, holder->sock.sk,
							token->token);
}

/* The kernel keeps since when an iov is held, or we saw the hand-out. What has no
 * entry was given back since the walk saw it.
 */
static __u64 held_since(const struct probe *probe, const struct inv_holder *holder)
{
	const struct rec_token *token;
	__u64 oldest = REC_UNKNOWN;

	if (holder->since_ns != REC_UNKNOWN || !probe->skel)
		return holder->since_ns;
	vec_for_each(token, &holder->token_list) {
		__u64 since = probe_handout(probe, holder->sock.sk, token->token);

		if (since < oldest)
			oldest = since;
	}
	return oldest;
}

/* Where the kernel does not count tokens: what was handed out and is not out any more has
 * come back. @gets was read before the walk, and closes are read after it, so this is never
 * too much; and what was told once stays true.
 */
static void count_returned(struct walk_binding *found, const struct probe *probe,
			   const struct walk *walk, __u64 gets)
{
	struct exp_counts counts;
	struct walk_binding old = {};
	__u64 all, gone;

	probe_counts(probe, found->id, &counts);
	if (!walk->begun && found->tokens > gets)
		old.before = found->tokens - gets;
	else
		walk_find(walk, found->id, &old);
	found->before = old.before;
	all = found->before + gets;
	gone = found->tokens + counts.closes;
	found->returned = all > gone && all - gone > old.returned ? all - gone : old.returned;
}

static void look_at(struct walk_binding *found, const struct probe *probe,
		    const struct inv_binding *binding)
{
	const struct inv_holder *holder;
	__u64 oldest = REC_UNKNOWN;

	*found = (struct walk_binding) {
		.id = binding->k.id,
		.total = binding->k.total,
		.free = binding->k.free,
		.user = binding->k.user,
	};
	vec_for_each(holder, &binding->holders) {
		__u64 since = held_since(probe, holder);

		if (since < oldest)
			oldest = since;
		found->tokens += holder->tokens;
		found->holders++;
	}
	if (found->holders)
		found->oldest_ns = inventory_age(oldest);
}

/* Hand-outs of a binding */
struct gets {
	__u32 id;
	__u64 num;
};

DEFINE_VEC(all_gets, struct gets);

static void read_gets(const struct probe *probe, struct all_gets *gets)
{
	struct vec_u32 known = {};
	struct exp_counts counts;
	const __u32 *id;

	probe_known(probe, &known);
	vec_for_each(id, &known) {
		probe_counts(probe, *id, &counts);
		*vec_add(gets) = (struct gets){ .id = *id, .num = counts.gets };
	}
	vec_free(&known);
}

static __u64 find_gets(const struct all_gets *gets, __u32 id)
{
	const struct gets *of;

	vec_for_each(of, gets)
		if (of->id == id)
			return of->num;
	return 0;
}

static void forget_handouts(struct probe *probe, const struct inventory *inv, __u64 since)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	const struct rec_token *token;
	struct held_keys out = {};

	vec_for_each(binding, &inv->bindings) {
		vec_for_each(holder, &binding->holders) {
			vec_for_each(token, &holder->token_list) {
				*vec_add(&out) = (struct held_key){
					.who = holder->sock.sk,
					.what = token->token,
				};
			}
		}
	}
	vec_sort(&out, held_cmp);
	probe_forget_handouts(probe, &out, since);
	vec_free(&out);
}

static struct inventory *read_all(const struct probe *probe)
{
	unsigned int what = INV_HOLDERS;
	struct vec_u32 known = {};
	struct inventory *inv;

	if (probe->skel)
		probe_known(probe, &known);
	if (!probe_kernel_counts(probe))
		what |= INV_TOKENS;
	inv = inventory_read(probe->walking, what);
	if (inv && probe->skel)
		probe_forget(probe, &known, inv);
	vec_free(&known);
	return inv;
}

__u64 walk_run(struct walk *walk, struct probe *probe)
{
	struct walk_bindings bindings = {}, old;
	const struct inv_binding *binding;
	__u64 start = stream_now_ns();
	struct all_gets gets = {};
	struct walk_binding *found;
	struct inventory *inv;
	struct timespec now;
	__u64 took;

	if (probe->reads)
		read_gets(probe, &gets);
	inv = read_all(probe);
	if (inv) {
		if (!walk->begun && probe->skel)
			enter_tokens(probe, inv);
		vec_for_each(binding, &inv->bindings) {
			found = vec_add(&bindings);
			look_at(found, probe, binding);
			if (probe->reads)
				count_returned(found, probe, walk, find_gets(&gets, found->id));
		}
		walk->begun = true;
		if (probe->reads && probe_remembers_many(probe))
			forget_handouts(probe, inv, start);
	}
	vec_free(&gets);
	clock_gettime(CLOCK_REALTIME, &now);
	took = stream_now_ns() - start;

	pthread_mutex_lock(&walk->lock);
	old = walk->bindings;
	walk->bindings = bindings;
	walk->done = inv;
	walk->took_ns = took;
	if (inv)
		walk->ended = now.tv_sec + now.tv_nsec / 1e9;
	else
		walk->failures++;
	pthread_mutex_unlock(&walk->lock);

	vec_free(&old);
	inventory_free(inv);
	return took;
}

bool walk_find(const struct walk *walk, __u32 id, struct walk_binding *found)
{
	const struct walk_binding *binding;

	vec_for_each(binding, &walk->bindings) {
		if (binding->id == id) {
			*found = *binding;
			return true;
		}
	}
	return false;
}
