// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the programs of inventory.bpf.c and puts together what they find */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "diag.h"
#include "inventory.h"
#include "inventory.skel.h"
#include "stream.h"

/* Where the iovs of a binding are in the kernel's memory */
struct range {
	__u64 start;
	__u64 end;
	size_t binding;
	size_t run;
};

DEFINE_VEC(ranges, struct range);
DEFINE_VEC(rec_files, struct rec_file);
DEFINE_VEC(rec_frags, struct rec_frag);
DEFINE_VEC(rec_bindings, struct rec_binding);
DEFINE_VEC(rec_pools, struct rec_pool);

static const char *const layout_names[] = {
	[LAYOUT_NONE] = "none",
	[LAYOUT_CHUNK_OWNER] = "linux-6.12",
	[LAYOUT_AREA] = "linux-6.15",
	[LAYOUT_DESC] = "linux-6.17",
	[LAYOUT_PPDEVMEM] = "ppdevmem",
};

const char *layout_name(enum devmem_layout layout)
{
	return layout_names[layout];
}

__u64 inventory_age(__u64 since_ns)
{
	__u64 now;

	if (since_ns == REC_UNKNOWN)
		return REC_UNKNOWN;

	now = stream_now_ns();
	return now > since_ns ? now - since_ns : 0;
}

struct inventory_bpf *inventory_open(void)
{
	struct inventory_bpf *skel;
	int err;

	if (diag_check_kernel())
		return NULL;

	skel = inventory_bpf__open();
	if (!skel) {
		diag("cannot open the inventory's BPF programs: %s", strerror(errno));
		return NULL;
	}
	err = inventory_bpf__load(skel);
	if (err) {
		diag_load_failed("inventory", err);
		inventory_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

void inventory_close(struct inventory_bpf *skel)
{
	inventory_bpf__destroy(skel);
}

/* Runs one batch: 1 if there is more, 0 if that was all, or an error */
static int run_batch(struct inventory_bpf *skel, struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err) {
		diag("cannot run BPF program %s: %s", bpf_program__name(prog),
		     strerror(-err));
		return err;
	}
	if (opts.retval)
		return -(int)opts.retval;

	skel->bss->req.from = skel->bss->reply.next;
	return skel->bss->reply.more;
}

static void request(struct inventory_bpf *skel, __u64 addr)
{
	memset(&skel->bss->req, 0, sizeof(skel->bss->req));
	skel->bss->req.addr = addr;
}

/* Runs a program to the end and adds all records of its batches to a vector */
#define collect(skel, prog, records, vec)				\
({									\
	int _ret;							\
	__u32 _i;							\
									\
	do {								\
		_ret = run_batch(skel, prog);				\
		for (_i = 0; _ret >= 0 && _i < (skel)->bss->reply.num; _i++) \
			*vec_add(vec) = (records)[_i];			\
	} while (_ret > 0);						\
	_ret;								\
})

static int cmp_u64(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

static struct inv_binding *add_binding(struct inventory *inv,
				       const struct rec_binding *k)
{
	struct inv_binding *binding = vec_add(&inv->bindings);

	memset(binding, 0, sizeof(*binding));
	binding->k = *k;
	return binding;
}

static int read_listed_bindings(struct inventory_bpf *skel,
				struct inventory *inv)
{
	struct rec_bindings recs = {};
	struct rec_binding *rec;
	int err;

	request(skel, 0);
	err = collect(skel, skel->progs.read_bindings, skel->bss->bindings, &recs);
	if (err == -ENOENT)
		diag("the kernel has no device memory: it needs Linux 6.12 or later with CONFIG_NET_DEVMEM=y and CONFIG_KALLSYMS_ALL=y");
	else if (err == -EPERM)
		diag("the kernel hides where things are: it takes CAP_SYSLOG, and sysctl kernel.kptr_restrict below 2");

	inv->layout = skel->bss->layout;
	inv->iov_bytes = skel->bss->iov_bytes;
	vec_for_each(rec, &recs)
		add_binding(inv, rec);
	vec_free(&recs);
	return err;
}

static struct inv_binding *find_binding(struct inventory *inv, __u64 addr)
{
	struct inv_binding *binding;

	vec_for_each(binding, &inv->bindings)
		if (binding->k.addr == addr)
			return binding;
	return NULL;
}

/* Mainline forgets a binding when it is unbound; page pools still have it */
static int read_unlisted_bindings(struct inventory_bpf *skel,
				  struct inventory *inv)
{
	struct rec_pools pools = {};
	struct rec_pool *pool;
	int err;

	if (inv->layout == LAYOUT_PPDEVMEM)
		return 0;

	request(skel, 0);
	err = collect(skel, skel->progs.read_pools, skel->bss->pools, &pools);
	if (err == -ENOENT)
		diag("the kernel does not name its page pools: it needs CONFIG_KALLSYMS_ALL=y");

	vec_for_each(pool, &pools) {
		if (err || find_binding(inv, pool->binding))
			continue;
		request(skel, pool->binding);
		err = run_batch(skel, skel->progs.read_unlisted_binding);
		if (!err)
			add_binding(inv, &skel->bss->bindings[0]);
	}
	vec_free(&pools);
	return err;
}

static int cmp_runs(const void *a, const void *b)
{
	return cmp_u64(((const struct rec_run *)a)->base_virtual,
		       ((const struct rec_run *)b)->base_virtual);
}

/* Where the provider has no counters, and chunks instead of one array */
static int read_runs(struct inventory_bpf *skel, struct inv_binding *binding)
{
	const struct rec_run *rec;
	int err;

	request(skel, binding->k.addr);
	err = collect(skel, skel->progs.read_runs, skel->bss->runs, &binding->runs);
	if (err)
		return err;

	vec_sort(&binding->runs, cmp_runs);
	binding->k.total = 0;
	binding->k.free = 0;
	vec_for_each(rec, &binding->runs) {
		binding->k.total += rec->num;
		binding->k.free += rec->avail >> binding->k.iov_shift;
	}
	return 0;
}

/* An unbound binding has none, but mainline lets it keep its old list */
static int read_queues(struct inventory_bpf *skel, struct inv_binding *binding)
{
	if (binding->k.unbound)
		return 0;

	request(skel, binding->k.addr);
	return collect(skel, skel->progs.read_queues, skel->bss->queues,
		       &binding->queues);
}

static int read_details(struct inventory_bpf *skel, struct inv_binding *binding,
			unsigned int what)
{
	int err;

	err = read_queues(skel, binding);
	if (err)
		return err;

	if (!binding->k.iovs)
		return what & INV_QUICK ? 0 : read_runs(skel, binding);

	*vec_add(&binding->runs) = (struct rec_run) {
		.iovs = binding->k.iovs,
		.num = binding->k.total,
		.avail = binding->k.free << binding->k.iov_shift,
	};
	return 0;
}

static int cmp_ranges(const void *a, const void *b)
{
	return cmp_u64(((const struct range *)a)->start,
		       ((const struct range *)b)->start);
}

static void make_ranges(const struct inventory *inv, struct ranges *ranges)
{
	size_t i, j;

	for (i = 0; i < inv->bindings.num; i++) {
		const struct inv_binding *binding = &inv->bindings.at[i];

		for (j = 0; j < binding->runs.num; j++) {
			const struct rec_run *run = &binding->runs.at[j];

			*vec_add(ranges) = (struct range) {
				.start = run->iovs,
				.end = run->iovs + run->num * inv->iov_bytes,
				.binding = i,
				.run = j,
			};
		}
	}
	vec_sort(ranges, cmp_ranges);
}

static const struct range *find_range(const struct ranges *ranges, __u64 addr)
{
	size_t low = 0, high = ranges->num;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr < ranges->at[mid].start)
			high = mid;
		else if (addr >= ranges->at[mid].end)
			low = mid + 1;
		else
			return &ranges->at[mid];
	}
	return NULL;
}

static int read_files(struct inventory_bpf *skel, struct rec_files *files)
{
	struct bpf_link *link;
	struct rec_file rec;
	ssize_t len = -1;
	int fd;

	link = bpf_program__attach_iter(skel->progs.read_files, NULL);
	if (!link) {
		diag("cannot walk over open files: %s", strerror(errno));
		return -errno;
	}
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd >= 0) {
		while ((len = read(fd, &rec, sizeof(rec))) == sizeof(rec))
			*vec_add(files) = rec;
		close(fd);
	}
	bpf_link__destroy(link);
	if (len) {
		diag("the walk over open files ended early: %s", strerror(errno));
		return -EIO;
	}
	return 0;
}

static int cmp_files(const void *a, const void *b)
{
	const struct rec_file *l = a, *r = b;

	return cmp_u64(l->cookie, r->cookie) ?: cmp_u64(l->pid, r->pid) ?:
	       cmp_u64(l->fd, r->fd);
}

static int cmp_tokens(const void *a, const void *b)
{
	return cmp_u64(((const struct rec_token *)a)->word,
		       ((const struct rec_token *)b)->word);
}

/* A jiffy: what the coarse clock advances by */
static __u64 tick_ns(void)
{
	struct timespec ts = {};

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_nsec;
}

static struct inv_holder *get_holder(struct inv_binding *binding,
				     const struct rec_file *sock)
{
	struct inv_holder *holder;

	vec_for_each(holder, &binding->holders)
		if (holder->sock.cookie == sock->cookie)
			return holder;

	holder = vec_add(&binding->holders);
	memset(holder, 0, sizeof(*holder));
	holder->sock = *sock;
	holder->since_ns = REC_UNKNOWN;
	holder->idle_ns = sock->idle_jiffies * tick_ns();
	return holder;
}

/* What the kernel keeps is the time of an iov's first token. If another socket has some
 * as well, nobody knows whose that is. @tokens is sorted by iov.
 */
static void forget_shared(struct rec_tokens *tokens)
{
	size_t i, first = 0, own;

	for (i = 0; i < tokens->num; i++) {
		if (i + 1 < tokens->num && tokens->at[i + 1].word == tokens->at[i].word)
			continue;
		own = i + 1 - first;
		for (; first <= i; first++)
			if (tokens->at[first].on_iov > own)
				tokens->at[first].since_ns = REC_UNKNOWN;
	}
}

/* Shares out a socket's tokens, sorted by iov, among the bindings */
static void account_tokens(struct inventory *inv, const struct ranges *ranges,
			   const struct rec_file *sock, const struct rec_tokens *tokens,
			   bool keep)
{
	const struct rec_token *token;
	__u64 last = 0;

	vec_for_each(token, tokens) {
		const struct range *range;
		struct inv_binding *binding;
		struct inv_holder *holder;

		range = find_range(ranges, token->word & ~PP_DEVMEM);
		if (!range)
			continue;
		binding = &inv->bindings.at[range->binding];
		holder = get_holder(binding, sock);
		holder->tokens++;
		if (keep)
			*vec_add(&holder->token_list) = *token;
		if (holder->since_ns > token->since_ns)
			holder->since_ns = token->since_ns;
		if (token->word == last)
			continue;
		last = token->word;
		holder->iovs++;
		if (binding->k.user == REC_UNKNOWN)
			*vec_add(&binding->user_words) = token->word;
	}
}

static int read_tokens(struct inventory_bpf *skel, struct inventory *inv,
		       const struct ranges *ranges, const struct rec_file *sock,
		       bool keep)
{
	struct rec_tokens tokens = {};
	int err;

	request(skel, sock->sk);
	skel->bss->req.cookie = sock->cookie;
	err = collect(skel, skel->progs.read_tokens, skel->bss->tokens, &tokens);
	if (!err) {
		vec_sort(&tokens, cmp_tokens);
		forget_shared(&tokens);
		account_tokens(inv, ranges, sock, &tokens, keep);
	}
	vec_free(&tokens);
	return err;
}

static int read_unread(struct inventory_bpf *skel, struct inventory *inv,
		       const struct ranges *ranges, const struct rec_file *sock)
{
	const struct rec_frag *frag;
	struct rec_frags frags = {};
	int err;

	request(skel, sock->sk);
	skel->bss->req.cookie = sock->cookie;
	err = collect(skel, skel->progs.read_unread, skel->bss->frags, &frags);
	vec_for_each(frag, &frags) {
		const struct range *range;
		struct inv_holder *holder;

		range = find_range(ranges, frag->word & ~PP_DEVMEM);
		if (!range)
			continue;
		holder = get_holder(&inv->bindings.at[range->binding], sock);
		holder->unread_iovs++;
		holder->unread_bytes += frag->len;
	}
	vec_free(&frags);
	return err;
}

static int read_socket(struct inventory_bpf *skel, struct inventory *inv,
		       const struct ranges *ranges, const struct rec_file *sock,
		       unsigned int what)
{
	int err = 0;

	if (sock->has_tokens)
		err = read_tokens(skel, inv, ranges, sock, what & INV_TOKENS);
	if (!err && sock->has_unread && what & INV_UNREAD)
		err = read_unread(skel, inv, ranges, sock);
	return err;
}

/* @files is sorted: those of one socket stand together */
static void add_tasks(struct inv_binding *binding, const struct rec_files *files)
{
	const struct rec_file *file;
	struct inv_holder *holder;

	vec_for_each(holder, &binding->holders) {
		vec_for_each(file, files) {
			struct inv_task *task;

			if (file->cookie != holder->sock.cookie)
				continue;
			task = vec_add(&holder->tasks);
			task->pid = file->pid;
			task->fd = file->fd;
			memcpy(task->comm, file->comm, sizeof(task->comm));
		}
	}
}

static int cmp_words(const void *a, const void *b)
{
	return cmp_u64(*(const __u64 *)a, *(const __u64 *)b);
}

static int cmp_holders(const void *a, const void *b)
{
	const struct inv_holder *l = a, *r = b;

	return cmp_u64(r->tokens, l->tokens) ?:
	       cmp_u64(l->sock.cookie, r->sock.cookie);
}

static void count_user(struct inv_binding *binding)
{
	size_t i;

	if (binding->k.user != REC_UNKNOWN)
		return;

	vec_sort(&binding->user_words, cmp_words);
	binding->k.user = 0;
	for (i = 0; i < binding->user_words.num; i++)
		if (!i || binding->user_words.at[i] != binding->user_words.at[i - 1])
			binding->k.user++;
}

static int read_holders(struct inventory_bpf *skel, struct inventory *inv,
			unsigned int what)
{
	struct inv_binding *binding;
	struct ranges ranges = {};
	struct rec_files files = {};
	size_t i;
	int err;

	err = read_files(skel, &files);
	vec_sort(&files, cmp_files);
	make_ranges(inv, &ranges);
	for (i = 0; !err && i < files.num; i++)
		if (!i || files.at[i].cookie != files.at[i - 1].cookie)
			err = read_socket(skel, inv, &ranges, &files.at[i], what);

	vec_for_each(binding, &inv->bindings) {
		count_user(binding);
		vec_sort(&binding->holders, cmp_holders);
		add_tasks(binding, &files);
	}
	vec_free(&ranges);
	vec_free(&files);
	return err;
}

static int cmp_bindings(const void *a, const void *b)
{
	return cmp_u64(((const struct inv_binding *)a)->k.id,
		       ((const struct inv_binding *)b)->k.id);
}

struct inventory *inventory_read(struct inventory_bpf *skel, unsigned int what)
{
	struct inv_binding *binding;
	struct inventory *inv;
	int err;

	inv = calloc(1, sizeof(*inv));
	if (!inv) {
		diag("no memory for an inventory");
		return NULL;
	}

	err = read_listed_bindings(skel, inv);
	if (!err)
		err = read_unlisted_bindings(skel, inv);
	vec_for_each(binding, &inv->bindings)
		if (!err)
			err = read_details(skel, binding, what);
	vec_sort(&inv->bindings, cmp_bindings);
	if (!err && what & ~INV_QUICK)
		err = read_holders(skel, inv, what);
	if (err) {
		inventory_free(inv);
		return NULL;
	}
	return inv;
}

void inventory_free(struct inventory *inv)
{
	struct inv_binding *binding;
	struct inv_holder *holder;

	if (!inv)
		return;

	vec_for_each(binding, &inv->bindings) {
		vec_for_each(holder, &binding->holders) {
			vec_free(&holder->tasks);
			vec_free(&holder->token_list);
		}
		vec_free(&binding->holders);
		vec_free(&binding->queues);
		vec_free(&binding->runs);
		vec_free(&binding->user_words);
	}
	vec_free(&inv->bindings);
	free(inv);
}

static void place_iov(struct inv_iov *iov, const struct inventory *inv,
		      const struct inv_binding *binding,
		      const struct rec_run *run, __u64 addr)
{
	iov->binding = binding;
	iov->offset = run->base_virtual +
		      ((addr - run->iovs) / inv->iov_bytes << binding->k.iov_shift);
	iov->index = iov->offset >> binding->k.iov_shift;
}

int inventory_decode(struct inventory_bpf *skel, const struct inventory *inv,
		     __u64 word, struct inv_iov *iov)
{
	__u64 addr = word & ~PP_DEVMEM;
	const struct inv_binding *binding;
	const struct range *range;
	const struct rec_run *run;
	struct ranges ranges = {};
	int err = -ENOENT;

	make_ranges(inv, &ranges);
	range = find_range(&ranges, addr);
	if (!range || (addr - range->start) % inv->iov_bytes)
		goto out;

	binding = &inv->bindings.at[range->binding];
	run = &binding->runs.at[range->run];
	place_iov(iov, inv, binding, run, addr);
	request(skel, run->iovs);
	skel->bss->req.bits = run->bits;
	skel->bss->req.from = addr;
	skel->bss->req.to = addr + inv->iov_bytes;
	err = run_batch(skel, skel->progs.read_iovs);
	iov->k = skel->bss->iovs[0];
out:
	vec_free(&ranges);
	return err;
}

static int each_iov_of_run(struct inventory_bpf *skel,
			   const struct inventory *inv,
			   const struct inv_binding *binding,
			   const struct rec_run *run,
			   int (*fn)(const struct inv_iov *iov, void *arg),
			   void *arg)
{
	struct inv_iov iov;
	int err, more;
	__u32 i;

	request(skel, run->iovs);
	skel->bss->req.bits = run->bits;
	skel->bss->req.from = run->iovs;
	skel->bss->req.to = run->iovs + run->num * inv->iov_bytes;
	do {
		more = run_batch(skel, skel->progs.read_iovs);
		if (more < 0)
			return more;
		for (i = 0; i < skel->bss->reply.num; i++) {
			iov.k = skel->bss->iovs[i];
			place_iov(&iov, inv, binding, run, iov.k.addr);
			err = fn(&iov, arg);
			if (err)
				return err;
		}
	} while (more);
	return 0;
}

int inventory_each_iov(struct inventory_bpf *skel, const struct inventory *inv,
		       const struct inv_binding *binding,
		       int (*fn)(const struct inv_iov *iov, void *arg),
		       void *arg)
{
	const struct rec_run *rec;
	int err;

	vec_for_each(rec, &binding->runs) {
		err = each_iov_of_run(skel, inv, binding, rec, fn, arg);
		if (err)
			return err;
	}
	return 0;
}

enum devmem_iov_state inventory_iov_state(const struct inventory *inv,
					  const struct inv_iov *iov)
{
	__u64 word = iov->k.addr | PP_DEVMEM;
	const struct inv_binding *binding = iov->binding;

	if (inv->layout == LAYOUT_PPDEVMEM ? iov->k.tokens :
	    binding->user_words.num &&
	    bsearch(&word, binding->user_words.at, binding->user_words.num,
		    sizeof(word), cmp_words))
		return IOV_USER;

	return iov->k.has_pool ? IOV_POOL : IOV_FREE;
}
