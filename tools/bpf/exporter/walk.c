// SPDX-License-Identifier: GPL-2.0-or-later
/* Who holds iovs, and for how long */

#include <string.h>
#include <time.h>

#include "stream.h"
#include "walk.h"

/* What tokens were out before we came is known from the first walk */
static void enter_tokens(const struct probe *probe, const struct inventory *inv)
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

__u64 walk_run(struct walk *walk, const struct probe *probe)
{
	struct walk_bindings bindings = {}, old;
	const struct inv_binding *binding;
	__u64 start = stream_now_ns();
	struct inventory *inv;
	struct timespec now;
	__u64 took;

	inv = read_all(probe);
	if (inv) {
		if (!walk->begun && probe->skel)
			enter_tokens(probe, inv);
		walk->begun = true;
		vec_for_each(binding, &inv->bindings)
			look_at(vec_add(&bindings), probe, binding);
	}
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
