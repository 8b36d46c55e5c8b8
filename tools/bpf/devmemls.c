// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemls - what device memory is bound where, how full, and who holds it */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "diag.h"
#include "holders.h"
#include "inventory.h"
#include "output.h"

static struct env {
	struct args args;
	bool iovs;
	const char *word;
} env;

static const char doc[] =
	"List device memory: which dma-buf is bound to which queues, how full it is, and who holds its iovs.\v"
	"EXAMPLES:\n"
	"  devmemls                 all bindings and their holders\n"
	"  devmemls -j              the same as a JSON document\n"
	"  devmemls -i eth1 --iovs  each iov of eth1's bindings\n"
	"  devmemls --frag 0xffff888104a2c041\n"
	"                           what a tagged word out of a skb frag stands for\n";

enum {
	OPT_IOVS = 256,
	OPT_FRAG,
};

static const struct argp_option options[] = {
	{ "iovs", OPT_IOVS, NULL, 0, "List each iov", 0 },
	{ "frag", OPT_FRAG, "WORD", 0, "Decode a word as it stands in a skb frag", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.args;
		state->child_inputs[1] = &env.args;
		return 0;
	case OPT_IOVS:
		env.iovs = true;
		return 0;
	case OPT_FRAG:
		env.word = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there are only options", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const state_names[] = {
	[IOV_FREE] = "free",
	[IOV_POOL] = "pool",
	[IOV_USER] = "user",
};

static bool wanted(const struct inv_binding *binding)
{
	const struct inv_holder *holder;

	if (!binding_wanted(binding, &env.args))
		return false;
	if (!env.args.pid)
		return true;
	vec_for_each(holder, &binding->holders)
		if (holder_wanted(holder, &env.args))
			return true;
	return false;
}

/* The counters are read one after the other, so their sum can be off */
static __u64 pool_iovs(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	return k->total > k->free + k->user ? k->total - k->free - k->user : 0;
}

static cJSON *holder_json(const struct inv_binding *binding,
			  const struct inv_holder *holder)
{
	cJSON *obj = cJSON_CreateObject();

	holder_add_json(obj, holder);
	out_json_num(obj, "tokens", holder->tokens);
	out_json_num(obj, "iovs", holder->iovs);
	out_json_num(obj, "bytes", holder->iovs << binding->k.iov_shift);
	out_json_seconds(obj, "oldest_seconds", inventory_age(holder->since_ns));
	return obj;
}

static void add_occupancy(cJSON *obj, const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;
	cJSON *iovs = cJSON_AddObjectToObject(obj, "iovs");

	out_json_num(iovs, "total", k->total);
	out_json_num(iovs, "free", k->free);
	out_json_num(iovs, "pool", pool_iovs(binding));
	out_json_num(iovs, "user", k->user);
	out_json_num(obj, "allocs", k->allocs);
	out_json_num(obj, "releases", k->releases);
	out_json_num(obj, "exhausted", k->exhausted);
	out_json_num(obj, "high_water", k->high_water);
}

/* Of a binding whose device is gone only the old number is known, if that */
static void add_device(cJSON *obj, const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	out_json_text(obj, "ifname", k->ifname);
	out_json_num(obj, "ifindex", k->ifindex ? (__u64)k->ifindex : REC_UNKNOWN);
	out_json_num(obj, "netns", k->netns ? k->netns : REC_UNKNOWN);
}

static cJSON *binding_json(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;
	cJSON *obj = cJSON_CreateObject();
	const struct inv_holder *holder;
	cJSON *dmabuf, *queues, *holders;
	const __u32 *queue;

	out_json_num(obj, "id", k->id);
	add_device(obj, binding);
	cJSON_AddBoolToObject(obj, "unbound", k->unbound);
	dmabuf = cJSON_AddObjectToObject(obj, "dmabuf");
	out_json_num(dmabuf, "inode", k->inode);
	out_json_num(dmabuf, "size", k->size);
	cJSON_AddStringToObject(dmabuf, "exporter", k->exporter);
	out_json_num(obj, "iov_size", 1ULL << k->iov_shift);
	queues = cJSON_AddArrayToObject(obj, "queues");
	vec_for_each(queue, &binding->queues)
		cJSON_AddItemToArray(queues, cJSON_CreateNumber(*queue));
	add_occupancy(obj, binding);
	holders = cJSON_AddArrayToObject(obj, "holders");
	vec_for_each(holder, &binding->holders)
		cJSON_AddItemToArray(holders, holder_json(binding, holder));
	return obj;
}

static void iov_fields(cJSON *obj, const struct inventory *inv,
		       const struct inv_iov *iov)
{
	enum devmem_iov_state state = inventory_iov_state(inv, iov);

	out_json_num(obj, "iov", iov->index);
	out_json_num(obj, "offset", iov->offset);
	out_json_hex(obj, "frag", iov->k.addr | PP_DEVMEM);
	out_json_hex(obj, "dma", iov->k.dma);
	cJSON_AddStringToObject(obj, "state", state_names[state]);
	out_json_num(obj, "refcount", iov->k.refcount);
	out_json_num(obj, "tokens", iov->k.tokens);
	out_json_num(obj, "pool", iov->k.has_pool ? iov->k.pool : REC_UNKNOWN);
	out_json_seconds(obj, "held_seconds",
			 state == IOV_USER ? inventory_age(iov->k.since_ns) : REC_UNKNOWN);
}

struct iov_list {
	const struct inventory *inv;
	cJSON *json;		/* NULL: print a table */
};

static int list_iov(const struct inv_iov *iov, void *arg)
{
	const struct iov_list *list = arg;
	enum devmem_iov_state state;
	char tokens[OUT_NUM_LEN], age[OUT_NUM_LEN];
	cJSON *obj;

	if (list->json) {
		obj = cJSON_CreateObject();
		iov_fields(obj, list->inv, iov);
		cJSON_AddItemToArray(list->json, obj);
		return 0;
	}

	state = inventory_iov_state(list->inv, iov);
	printf("%7u %8llu 0x%llx 0x%-14llx %-5s %8lld %6s %8s\n",
	       iov->binding->k.id, iov->index, iov->k.addr | PP_DEVMEM,
	       iov->k.dma, state_names[state], iov->k.refcount,
	       out_num(tokens, iov->k.tokens),
	       out_age(age, state == IOV_USER ?
		       inventory_age(iov->k.since_ns) : REC_UNKNOWN));
	return 0;
}

static int print_json(struct inventory_bpf *skel, const struct inventory *inv)
{
	const struct inv_binding *binding;
	cJSON *root, *bindings, *obj;
	int err = 0;

	root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "layout", layout_name(inv->layout));
	bindings = cJSON_AddArrayToObject(root, "bindings");
	vec_for_each(binding, &inv->bindings) {
		struct iov_list list = { .inv = inv };

		if (!wanted(binding))
			continue;
		obj = binding_json(binding);
		cJSON_AddItemToArray(bindings, obj);
		if (!env.iovs)
			continue;
		list.json = cJSON_AddArrayToObject(obj, "iov_list");
		err = inventory_each_iov(skel, inv, binding, list_iov, &list);
		if (err)
			break;
	}
	return out_json_print(root) ?: err;
}

static int print_iovs(struct inventory_bpf *skel, const struct inventory *inv)
{
	struct iov_list list = { .inv = inv };
	const struct inv_binding *binding;
	int err;

	printf("%7s %8s %-18s %-16s %-5s %8s %6s %8s\n", "BINDING", "IOV",
	       "FRAG", "DMA", "STATE", "REFCOUNT", "TOKENS", "HELD");
	vec_for_each(binding, &inv->bindings) {
		if (!wanted(binding))
			continue;
		err = inventory_each_iov(skel, inv, binding, list_iov, &list);
		if (err)
			return err;
	}
	return 0;
}

static void print_queues(const struct inv_binding *binding)
{
	char text[64] = "-";
	size_t used = 0, i;

	for (i = 0; i < binding->queues.num && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used,
				 i ? ",%u" : "%u", binding->queues.at[i]);
	printf(" %-8s", text);
}

static void print_holder(const struct inv_binding *binding,
			 const struct inv_holder *holder)
{
	char bytes[OUT_NUM_LEN], age[OUT_NUM_LEN];

	printf("        held: %llu iovs (%s), %llu tokens, oldest %s, socket %llu ",
	       holder->iovs, out_size(bytes, holder->iovs << binding->k.iov_shift),
	       holder->tokens, out_age(age, inventory_age(holder->since_ns)),
	       holder->sock.cookie);
	holder_print(holder);
	putchar('\n');
}

static void print_binding(const struct inv_binding *binding)
{
	char total[OUT_NUM_LEN], unused[OUT_NUM_LEN], pool[OUT_NUM_LEN];
	char user[OUT_NUM_LEN], high[OUT_NUM_LEN], exhausted[OUT_NUM_LEN];
	const struct rec_binding *k = &binding->k;
	const struct inv_holder *holder;
	char size[OUT_NUM_LEN];

	printf("%7u %-10s", k->id, *k->ifname ? k->ifname : "-");
	print_queues(binding);
	printf(" %7llu %-9s %6s %8s %8s %8s %8s %8s %9s%s\n", k->inode,
	       k->exporter, out_size(size, k->size), out_num(total, k->total),
	       out_num(unused, k->free), out_num(pool, pool_iovs(binding)),
	       out_num(user, k->user), out_num(high, k->high_water),
	       out_num(exhausted, k->exhausted), k->unbound ? " unbound" : "");
	vec_for_each(holder, &binding->holders)
		print_holder(binding, holder);
}

static int print_table(const struct inventory *inv)
{
	const struct inv_binding *binding;

	printf("%7s %-10s %-8s %7s %-9s %6s %8s %8s %8s %8s %8s %9s\n",
	       "BINDING", "IFNAME", "QUEUES", "DMABUF", "EXPORTER", "SIZE",
	       "IOVS", "FREE", "POOL", "USER", "HIGH", "EXHAUSTED");
	vec_for_each(binding, &inv->bindings)
		if (wanted(binding))
			print_binding(binding);
	return 0;
}

static void print_decoded(const struct inventory *inv, const struct inv_iov *iov)
{
	const struct rec_binding *k = &iov->binding->k;
	enum devmem_iov_state state = inventory_iov_state(inv, iov);
	char tokens[OUT_NUM_LEN], age[OUT_NUM_LEN], pool[OUT_NUM_LEN];

	printf("frag      0x%llx\n", iov->k.addr | PP_DEVMEM);
	printf("binding   %u (%s, %s, dma-buf inode %llu)\n", k->id,
	       *k->ifname ? k->ifname : "device gone", k->exporter, k->inode);
	printf("iov       %llu of %llu\n", iov->index, k->total);
	printf("offset    %llu bytes into the dma-buf\n", iov->offset);
	printf("dma       0x%llx\n", iov->k.dma);
	printf("state     %s\n", state_names[state]);
	printf("refcount  %lld\n", iov->k.refcount);
	printf("tokens    %s\n", out_num(tokens, iov->k.tokens));
	printf("held      %s\n", out_age(age, state == IOV_USER ?
			inventory_age(iov->k.since_ns) : REC_UNKNOWN));
	printf("pool      %s\n", out_num(pool, iov->k.has_pool ? iov->k.pool : REC_UNKNOWN));
}

static int decode(struct inventory_bpf *skel, const struct inventory *inv,
		  __u64 word)
{
	struct inv_iov iov;
	cJSON *obj;
	int err;

	if (!(word & PP_DEVMEM)) {
		diag("0x%llx is a page's address, not an iov's: its lowest bit is not set", word);
		return -EINVAL;
	}
	err = inventory_decode(skel, inv, word, &iov);
	if (err) {
		diag("0x%llx is no iov of the %zu bindings that there are", word,
		     inv->bindings.num);
		return err;
	}
	if (!env.args.json) {
		print_decoded(inv, &iov);
		return 0;
	}

	obj = cJSON_CreateObject();
	cJSON_AddStringToObject(obj, "layout", layout_name(inv->layout));
	out_json_num(obj, "binding", iov.binding->k.id);
	add_device(obj, iov.binding);
	iov_fields(obj, inv, &iov);
	return out_json_print(obj);
}

static __u64 parse_word(const char *text)
{
	char *end;
	__u64 word;

	errno = 0;
	word = strtoull(text, &end, 16);
	if (errno || end == text || *end) {
		diag("--frag '%s' is not a hexadecimal word", text);
		exit(EXIT_USAGE);
	}
	return word;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
	};
	struct inventory_bpf *skel;
	struct inventory *inv;
	__u64 word = 0;
	int err = -1;

	args_parse_binding(&argp, argc, argv);
	if (env.word)
		word = parse_word(env.word);

	skel = inventory_open();
	if (!skel)
		return EXIT_FOUND;
	inv = inventory_read(skel, INV_HOLDERS);
	if (!inv)
		goto out;

	diag_v("layout %s", layout_name(inv->layout));
	if (env.word)
		err = decode(skel, inv, word);
	else if (env.args.json)
		err = print_json(skel, inv);
	else if (env.iovs)
		err = print_iovs(skel, inv);
	else
		err = print_table(inv);
out:
	inventory_free(inv);
	inventory_close(skel);
	return err ? EXIT_FOUND : EXIT_DONE;
}
