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
#include "json.h"
#include "output.h"

#define DOCUMENT_VERSION	2

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
	[IOV_UNKNOWN] = "-",
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

/* What io_uring receives into has no id */
static __u64 binding_id(const struct inv_binding *binding)
{
	return binding->k.kind == KIND_IO_URING ? REC_UNKNOWN : binding->k.id;
}

static void print_holder_json(const struct inv_binding *binding,
			      const struct inv_holder *holder)
{
	json_begin_object(NULL);
	holder_json(holder);
	json_num("tokens", holder->tokens);
	json_num("iovs", holder->iovs);
	json_num("bytes", inventory_held_bytes(binding, holder));
	json_seconds("oldest_seconds", inventory_age(holder->since_ns));
	json_end_object();
}

static void occupancy_json(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	json_begin_object("iovs");
	json_num("total", k->total);
	json_num("free", k->free);
	json_num("pool", inventory_pool_iovs(binding));
	json_num("user", k->user);
	json_end_object();
	json_num("allocs", k->allocs);
	json_num("releases", k->releases);
	json_num("exhausted", k->exhausted);
	json_num("high_water", k->high_water);
}

/* Of a binding whose device is gone only the old number is known, if that */
static void device_json(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	json_text("ifname", k->ifname);
	json_num("ifindex", k->ifindex ? (__u64)k->ifindex : REC_UNKNOWN);
	json_num("netns", k->netns ? k->netns : REC_UNKNOWN);
}

static void dmabuf_json(const struct rec_binding *k)
{
	if (k->kind == KIND_IO_URING) {
		json_null("dmabuf");
		return;
	}
	json_begin_object("dmabuf");
	json_num("inode", k->inode);
	json_num("size", k->size);
	json_string("exporter", k->exporter);
	json_end_object();
}

static void binding_json(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;
	const struct inv_holder *holder;
	const __u32 *queue;

	json_num("id", binding_id(binding));
	json_string("kind", inventory_kind(k->kind));
	json_num("area", k->kind == KIND_IO_URING ? k->area : REC_UNKNOWN);
	device_json(binding);
	json_bool("unbound", k->unbound);
	dmabuf_json(k);
	json_num("iov_size", 1ULL << k->iov_shift);
	json_begin_array("queues");
	vec_for_each(queue, &binding->queues)
		json_num(NULL, *queue);
	json_end_array();
	occupancy_json(binding);
	json_begin_array("holders");
	vec_for_each(holder, &binding->holders)
		print_holder_json(binding, holder);
	json_end_array();
}

static void iov_json(const struct inventory *inv, const struct inv_iov *iov)
{
	enum devmem_iov_state state = inventory_iov_state(inv, iov);

	json_num("iov", iov->index);
	json_num("offset", iov->offset);
	json_hex("frag", iov->k.addr | PP_DEVMEM);
	json_hex("dma", iov->k.dma);
	json_text("state", state == IOV_UNKNOWN ? NULL : state_names[state]);
	json_int("refcount", iov->k.refcount);
	json_num("tokens", iov->k.tokens);
	json_num("pool", iov->k.has_pool ? iov->k.pool : REC_UNKNOWN);
	json_seconds("held_seconds",
		     state == IOV_USER ? inventory_age(iov->k.since_ns) : REC_UNKNOWN);
}

static int print_iov_json(const struct inv_iov *iov, void *arg)
{
	json_begin_object(NULL);
	iov_json(arg, iov);
	json_end_object();
	return 0;
}

static int print_iov(const struct inv_iov *iov, void *arg)
{
	enum devmem_iov_state state = inventory_iov_state(arg, iov);
	char id[OUT_NUM_LEN], tokens[OUT_NUM_LEN], age[OUT_NUM_LEN];

	printf("%7s %8llu 0x%llx 0x%-14llx %-5s %8lld %6s %8s\n",
	       out_num(id, binding_id(iov->binding)), iov->index, iov->k.addr | PP_DEVMEM,
	       iov->k.dma, state_names[state], iov->k.refcount,
	       out_num(tokens, iov->k.tokens),
	       out_age(age, state == IOV_USER ?
		       inventory_age(iov->k.since_ns) : REC_UNKNOWN));
	return 0;
}

/* A document that could not be finished is left without its end: nobody can take
 * it for a whole one.
 */
static int print_json(struct inventory_bpf *skel, struct inventory *inv)
{
	const struct inv_binding *binding;
	int err = 0;

	json_begin_object(NULL);
	json_num("version", DOCUMENT_VERSION);
	json_string("layout", layout_name(inv->layout));
	json_begin_array("bindings");
	vec_for_each(binding, &inv->bindings) {
		if (!wanted(binding))
			continue;
		json_begin_object(NULL);
		binding_json(binding);
		if (env.iovs) {
			json_begin_array("iov_list");
			err = inventory_each_iov(skel, binding, print_iov_json, inv);
			if (err && err != -ESTALE)
				return err;
			json_end_array();
		}
		if (binding->truncated || err)
			json_bool("truncated", true);
		json_end_object();
	}
	json_end_array();
	json_end_document();
	return 0;
}

static int print_iovs(struct inventory_bpf *skel, struct inventory *inv)
{
	const struct inv_binding *binding;
	char id[OUT_NUM_LEN];
	int err;

	printf("%7s %8s %-18s %-16s %-5s %8s %6s %8s\n", "BINDING", "IOV",
	       "FRAG", "DMA", "STATE", "REFCOUNT", "TOKENS", "HELD");
	vec_for_each(binding, &inv->bindings) {
		if (!wanted(binding))
			continue;
		err = inventory_each_iov(skel, binding, print_iov, inv);
		if (err && err != -ESTALE)
			return err;
		if (binding->truncated || err)
			printf("%7s truncated\n", out_num(id, binding_id(binding)));
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
	char bytes[OUT_NUM_LEN], age[OUT_NUM_LEN], cookie[OUT_NUM_LEN];

	printf("        held: %llu iovs (%s), %llu %s, oldest %s, ", holder->iovs,
	       out_size(bytes, inventory_held_bytes(binding, holder)), holder->tokens,
	       binding->k.kind == KIND_TX ? "frags to be acknowledged" : "tokens",
	       out_age(age, inventory_age(holder->since_ns)));
	if (!holder->ring)
		printf("socket %s ", out_num(cookie, holder->sock.cookie ?: REC_UNKNOWN));
	holder_print(holder);
	putchar('\n');
}

/* Host memory has no dma-buf that says how large it is */
static __u64 binding_size(const struct rec_binding *k)
{
	return k->kind == KIND_IO_URING ? k->total << k->iov_shift : k->size;
}

static void print_binding(const struct inv_binding *binding)
{
	char total[OUT_NUM_LEN], unused[OUT_NUM_LEN], pool[OUT_NUM_LEN];
	char user[OUT_NUM_LEN], high[OUT_NUM_LEN], exhausted[OUT_NUM_LEN];
	const struct rec_binding *k = &binding->k;
	const struct inv_holder *holder;
	char size[OUT_NUM_LEN], name[OUT_NAME_LEN], id[OUT_NUM_LEN], inode[OUT_NUM_LEN];

	printf("%7s %-8s %-10s", out_num(id, binding_id(binding)), inventory_kind(k->kind),
	       out_name(name, k->ifname));
	print_queues(binding);
	printf(" %7s %-9s %6s %8s %8s %8s %8s %8s %9s%s%s\n",
	       out_num(inode, k->kind == KIND_IO_URING ? REC_UNKNOWN : k->inode),
	       out_name(name, k->exporter), out_size(size, binding_size(k)),
	       out_num(total, k->total), out_num(unused, k->free),
	       out_num(pool, inventory_pool_iovs(binding)),
	       out_num(user, k->user), out_num(high, k->high_water),
	       out_num(exhausted, k->exhausted), k->unbound ? " unbound" : "",
	       binding->truncated ? " truncated" : "");
	vec_for_each(holder, &binding->holders)
		print_holder(binding, holder);
}

static int print_table(const struct inventory *inv)
{
	const struct inv_binding *binding;

	printf("%7s %-8s %-10s %-8s %7s %-9s %6s %8s %8s %8s %8s %8s %9s\n",
	       "BINDING", "KIND", "IFNAME", "QUEUES", "DMABUF", "EXPORTER", "SIZE",
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
	char ifname[OUT_NAME_LEN], exporter[OUT_NAME_LEN];

	printf("frag      0x%llx\n", iov->k.addr | PP_DEVMEM);
	printf("kind      %s\n", inventory_kind(k->kind));
	out_name(ifname, *k->ifname ? k->ifname : "device gone");
	if (k->kind == KIND_IO_URING)
		printf("binding   - (%s, area %u of queue %u)\n", ifname, k->area, k->queue);
	else
		printf("binding   %u (%s, %s, dma-buf inode %llu)\n", k->id, ifname,
		       out_name(exporter, k->exporter), k->inode);
	printf("iov       %llu of %llu\n", iov->index, k->total);
	printf("offset    %llu bytes into the %s\n", iov->offset,
	       k->kind == KIND_IO_URING ? "area" : "dma-buf");
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

	json_begin_object(NULL);
	json_num("version", DOCUMENT_VERSION);
	json_string("layout", layout_name(inv->layout));
	json_string("kind", inventory_kind(iov.binding->k.kind));
	json_num("binding", binding_id(iov.binding));
	device_json(iov.binding);
	iov_json(inv, &iov);
	json_end_document();
	return 0;
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
	int err, status = EXIT_FOUND;

	args_parse_binding(&argp, argc, argv);
	if (env.word)
		word = parse_word(env.word);

	skel = inventory_open();
	if (!skel)
		return EXIT_FOUND;
	inv = inventory_read(skel, INV_HOLDERS | INV_KINDS);
	if (!inv)
		goto out;

	if (!device_known(inv, &env.args)) {
		status = EXIT_USAGE;
		goto out;
	}
	diag_v("layout %s", layout_name(inv->layout));
	if (env.word)
		err = decode(skel, inv, word);
	else if (env.args.json)
		err = print_json(skel, inv);
	else if (env.iovs)
		err = print_iovs(skel, inv);
	else
		err = print_table(inv);
	status = err ? EXIT_FOUND : EXIT_DONE;
out:
	inventory_free(inv);
	inventory_close(skel);
	return status;
}
