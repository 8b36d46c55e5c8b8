// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the programs of inventory.bpf.c and puts together what they find */

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <sys/mman.h>

#include "diag.h"
#include "inventory.h"
#include "inventory.skel.h"
#include "set.h"
#include "stream.h"

/* Where the iovs of a binding are in the kernel's memory */
struct range {
	__u64 start;
	__u64 end;
	size_t binding;
	size_t run;
};

DEFINE_VEC(ranges, struct range);
DEFINE_VEC(rec_frags, struct rec_frag);
DEFINE_VEC(rec_bindings, struct rec_binding);
DEFINE_VEC(rec_pools, struct rec_pool);

/* Interface queue @ifq is @ring's */
struct ring_ifq {
	__u64 ifq;
	__u64 ring;
};

DEFINE_VEC(ring_ifqs, struct ring_ifq);

/* A search for holders */
struct scan {
	struct inventory_bpf *skel;
	struct inventory *inv;
	unsigned int what;
	struct ranges ranges;
	struct set cookies;		/* of sockets that were read */
	struct set addrs;		/* of those that have no cookie */
	struct set known;		/* addresses of containers */
	struct rec_files containers;	/* different ones */
	struct ring_ifqs ifqs;
	struct found found;
};

static const char *const layout_names[] = {
	[LAYOUT_NONE] = "none",
	[LAYOUT_CHUNK_OWNER] = "linux-6.12",
	[LAYOUT_AREA] = "linux-6.15",
	[LAYOUT_DESC] = "linux-6.17",
	[LAYOUT_PPDEVMEM] = "ppdevmem",
};

static const char *const kind_names[] = {
	[KIND_RX] = "rx",
	[KIND_TX] = "tx",
	[KIND_IO_URING] = "io_uring",
};

const char *inventory_kind(enum devmem_kind kind)
{
	return kind_names[kind];
}

/* Counters are read one after the other, so their sum can be off */
__u64 inventory_pool_iovs(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	if (k->total == REC_UNKNOWN || k->free == REC_UNKNOWN || k->user == REC_UNKNOWN)
		return REC_UNKNOWN;
	return k->total > k->free + k->user ? k->total - k->free - k->user : 0;
}

__u64 inventory_held_bytes(const struct inv_binding *binding,
			   const struct inv_holder *holder)
{
	if (binding->k.kind == KIND_TX)
		return holder->sent_bytes;
	return holder->iovs << binding->k.iov_shift;
}

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

/* From now on nobody but the programs can write what they remember, this process
 * included: a map is frozen only when it is mapped nowhere for writing. The skeleton's
 * struct ends before variables that are static.
 */
static int seal(struct inventory_bpf *skel)
{
	size_t size = bpf_map__value_size(skel->maps.bss);
	int fd = bpf_map__fd(skel->maps.bss);

	if (mmap(skel->bss, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		return -errno;
	return bpf_map_freeze(fd);
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
	layout_set_host(skel->obj);
	err = inventory_bpf__load(skel) ?: seal(skel);
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

/* Runs one batch: 1 if there is more, 0 if that was all, or an error; -ESTALE if what
 * was asked for is gone
 */
static int run_batch(struct inventory_bpf *skel, struct bpf_program *prog,
		     struct rec_request *req)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = req, .ctx_size_in = sizeof(*req));
	int err;

	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err) {
		diag("cannot run BPF program %s: %s", bpf_program__name(prog),
		     strerror(-err));
		return err;
	}
	if (opts.retval)
		return -(int)opts.retval;
	if (skel->bss->reply.gone)
		return -ESTALE;

	req->from = skel->bss->reply.next;
	return skel->bss->reply.more;
}

/* Runs a program to the end and adds all records of its batches to a vector */
#define collect(skel, prog, req, records, vec)				\
({									\
	int _ret;							\
	__u32 _i;							\
									\
	do {								\
		_ret = run_batch(skel, prog, req);			\
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
	struct rec_request req = {};
	struct rec_binding *rec;
	int err;

	err = collect(skel, skel->progs.read_bindings, &req, skel->bss->bindings, &recs);
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

static int read_unlisted_binding(struct inventory_bpf *skel, struct inventory *inv,
				 const struct rec_pool *pool)
{
	struct rec_request req = { .id = pool->id };
	int err;

	if (inv->layout == LAYOUT_PPDEVMEM || find_binding(inv, pool->binding))
		return 0;
	err = run_batch(skel, skel->progs.read_unlisted_binding, &req);
	if (!err)
		add_binding(inv, &skel->bss->bindings[0]);
	return err;
}

/* A page pool that is on its way out can have the same ones as a new one */
static int read_areas(struct inventory_bpf *skel, struct inventory *inv,
		      const struct rec_pool *pool)
{
	struct rec_request req = { .id = pool->id };
	struct rec_bindings recs = {};
	struct rec_binding *rec;
	int err;

	err = collect(skel, skel->progs.read_areas, &req, skel->bss->bindings, &recs);
	vec_for_each(rec, &recs)
		if (!err && !find_binding(inv, rec->addr))
			add_binding(inv, rec);
	vec_free(&recs);
	return err;
}

/* Mainline forgets a binding when it is unbound, and lists no interface queues; page pools
 * have both
 */
static int read_unlisted(struct inventory_bpf *skel, struct inventory *inv,
			 unsigned int what)
{
	const bool areas = what & INV_KINDS && skel->bss->zcrx;
	struct rec_pools pools = {};
	struct rec_request req = {};
	struct rec_pool *pool;
	int err;

	if (inv->layout == LAYOUT_PPDEVMEM && !areas)
		return 0;

	err = collect(skel, skel->progs.read_pools, &req, skel->bss->pools, &pools);
	if (err == -ENOENT)
		diag("the kernel does not name its page pools: it needs CONFIG_KALLSYMS_ALL=y");

	vec_for_each(pool, &pools) {
		if (err)
			break;
		if (pool->kind != KIND_IO_URING)
			err = read_unlisted_binding(skel, inv, pool);
		else if (areas)
			err = read_areas(skel, inv, pool);
		if (err == -ESTALE)
			err = 0;
	}
	vec_free(&pools);
	return err;
}

static int cmp_runs(const void *a, const void *b)
{
	return cmp_u64(((const struct inv_run *)a)->k.base_virtual,
		       ((const struct inv_run *)b)->k.base_virtual);
}

static struct rec_request about(const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;

	return (struct rec_request) {
		.binding = k->addr,
		.id = k->kind == KIND_IO_URING ? k->pool : k->id,
		.kind = k->kind,
		.area = k->area,
	};
}

/* Where the provider has no counters, runs tell how full it is. What is sent from takes no
 * iov out of them.
 */
static void count_runs(struct inv_binding *binding)
{
	const struct inv_run *run;
	__u64 num = 0, avail = 0;

	vec_for_each(run, &binding->runs) {
		num += run->k.num;
		avail += run->k.avail >> binding->k.iov_shift;
	}
	binding->k.total = num;
	if (binding->k.kind == KIND_RX)
		binding->k.free = avail;
}

/* All of an area that user space has is its rings' */
static int count_refs(struct inventory_bpf *skel, struct inv_binding *binding)
{
	struct rec_request req = about(binding);
	struct rec_refs refs = {};
	struct inv_holder *holder;
	int more;

	do {
		more = run_batch(skel, skel->progs.count_refs, &req);
		refs.refs += skel->bss->refs.refs;
		refs.iovs += skel->bss->refs.iovs;
	} while (more > 0);
	if (more)
		return more;
	binding->k.user = refs.iovs;
	holder = vec_add(&binding->holders);
	memset(holder, 0, sizeof(*holder));
	holder->ring = true;
	holder->tokens = refs.refs;
	holder->iovs = refs.iovs;
	holder->since_ns = REC_UNKNOWN;
	return 0;
}

static int read_runs(struct inventory_bpf *skel, struct inv_binding *binding)
{
	struct rec_request req = about(binding);
	int more;
	__u32 i;

	do {
		more = run_batch(skel, skel->progs.read_runs, &req);
		for (i = 0; more >= 0 && i < skel->bss->reply.num; i++) {
			struct inv_run *run = vec_add(&binding->runs);

			run->k = skel->bss->runs[i];
			run->pos = binding->runs.num - 1;
		}
		binding->truncated |= more >= 0 && skel->bss->reply.cut;
	} while (more > 0);
	if (more)
		return more;

	vec_sort(&binding->runs, cmp_runs);
	if (binding->k.total == REC_UNKNOWN)
		count_runs(binding);
	return 0;
}

/* An unbound binding has none, but mainline lets it keep its old list */
static int read_queues(struct inventory_bpf *skel, struct inv_binding *binding)
{
	struct rec_request req = about(binding);

	if (binding->k.unbound)
		return 0;
	if (binding->k.kind == KIND_IO_URING) {
		if (binding->k.ifindex)
			*vec_add(&binding->queues) = binding->k.queue;
		return 0;
	}
	return collect(skel, skel->progs.read_queues, &req, skel->bss->queues,
		       &binding->queues);
}

static int read_details(struct inventory_bpf *skel, struct inv_binding *binding,
			unsigned int what)
{
	int err;

	err = read_queues(skel, binding);
	if (!err && !(what & INV_QUICK))
		err = read_runs(skel, binding);
	if (!err && binding->k.kind == KIND_IO_URING && !(what & INV_QUICK))
		err = count_refs(skel, binding);
	return err;
}

static void free_binding(struct inv_binding *binding)
{
	struct inv_holder *holder;

	vec_for_each(holder, &binding->holders) {
		vec_free(&holder->tasks);
		vec_free(&holder->token_list);
	}
	vec_free(&binding->holders);
	vec_free(&binding->queues);
	vec_free(&binding->runs);
	vec_free(&binding->user_words);
}

/* Calls @fn for each binding. One that is gone by then is taken off the list: what
 * was read of it may be another's.
 */
static int visit_bindings(struct inventory_bpf *skel, struct inventory *inv,
			  unsigned int what,
			  int (*fn)(struct inventory_bpf *skel,
				    struct inv_binding *binding, unsigned int what))
{
	struct inv_binding *binding, *kept = inv->bindings.at;
	int err = 0;

	vec_for_each(binding, &inv->bindings) {
		if (!err)
			err = fn(skel, binding, what);
		if (err == -ESTALE) {
			free_binding(binding);
			err = 0;
		} else {
			*kept++ = *binding;
		}
	}
	inv->bindings.num = kept - inv->bindings.at;
	return err;
}

static int check_binding(struct inventory_bpf *skel, struct inv_binding *binding,
			 unsigned int what)
{
	struct rec_request req = about(binding);

	return run_batch(skel, skel->progs.check_binding, &req);
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
			const struct rec_run *run = &binding->runs.at[j].k;

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

/* Sockets are read one after the other, so if it is there it is the last */
static struct inv_holder *get_holder(struct inv_binding *binding,
				     const struct rec_file *sock)
{
	struct inv_holder *holder = binding->holders.at + binding->holders.num;

	if (binding->holders.num && holder[-1].sock.sk == sock->sk &&
	    holder[-1].sock.cookie == sock->cookie)
		return &holder[-1];

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

static struct rec_request about_socket(const struct rec_file *sock)
{
	return (struct rec_request) {
		.binding = sock->sk,
		.slot = sock->slot,
		.cookie = sock->cookie,
	};
}

static int read_tokens(struct scan *scan, const struct rec_file *sock)
{
	struct rec_request req = about_socket(sock);
	struct inventory_bpf *skel = scan->skel;
	struct rec_tokens tokens = {};
	int err;

	err = collect(skel, skel->progs.read_tokens, &req, skel->bss->tokens, &tokens);
	if (!err) {
		vec_sort(&tokens, cmp_tokens);
		forget_shared(&tokens);
		account_tokens(scan->inv, &scan->ranges, sock, &tokens,
			       scan->what & INV_TOKENS);
	}
	vec_free(&tokens);
	return err;
}

static void account_unread(struct scan *scan, const struct rec_file *sock,
			   const struct rec_frags *frags, bool truncated)
{
	const struct rec_frag *frag;

	vec_for_each(frag, frags) {
		const struct range *range;
		struct inv_holder *holder;

		range = find_range(&scan->ranges, frag->word & ~PP_DEVMEM);
		if (!range)
			continue;
		holder = get_holder(&scan->inv->bindings.at[range->binding], sock);
		holder->unread_iovs++;
		holder->unread_bytes += frag->len;
		holder->truncated = truncated;
	}
}

/* @frags is sorted by iov. What is sent on as it was received is no binding for sending's. */
static void account_sent(struct scan *scan, const struct rec_file *sock,
			 const struct rec_frags *frags, bool truncated)
{
	const struct rec_frag *frag;
	__u64 last = 0;

	vec_for_each(frag, frags) {
		const struct range *range;
		struct inv_binding *binding;
		struct inv_holder *holder;

		range = find_range(&scan->ranges, frag->word & ~PP_DEVMEM);
		if (!range || scan->inv->bindings.at[range->binding].k.kind != KIND_TX)
			continue;
		binding = &scan->inv->bindings.at[range->binding];
		holder = get_holder(binding, sock);
		holder->tokens++;
		holder->sent_bytes += frag->len;
		holder->truncated = truncated;
		if (frag->word == last)
			continue;
		last = frag->word;
		holder->iovs++;
		*vec_add(&binding->user_words) = frag->word;
	}
}

static int cmp_frags(const void *a, const void *b)
{
	return cmp_u64(((const struct rec_frag *)a)->word,
		       ((const struct rec_frag *)b)->word);
}

/* The frags in a socket's queues: those that it received, or those to be sent */
static int read_frags(struct scan *scan, const struct rec_file *sock, bool sent)
{
	struct rec_request req = about_socket(sock);
	struct inventory_bpf *skel = scan->skel;
	struct rec_frags frags = {};
	bool truncated = false;
	int more;
	__u32 i;

	req.kind = sent ? KIND_TX : KIND_RX;
	do {
		more = run_batch(skel, skel->progs.read_unread, &req);
		for (i = 0; more >= 0 && i < skel->bss->reply.num; i++)
			*vec_add(&frags) = skel->bss->frags[i];
		truncated |= more >= 0 && skel->bss->reply.cut;
	} while (more > 0);
	vec_sort(&frags, cmp_frags);
	if (!more && sent)
		account_sent(scan, sock, &frags, truncated);
	else if (!more)
		account_unread(scan, sock, &frags, truncated);
	vec_free(&frags);
	return more;
}

/* A socket that is gone by now has given back what it had */
static int read_socket(struct scan *scan, const struct rec_file *sock)
{
	int err = 0;

	if (!(sock->cookie ? set_add(&scan->cookies, sock->cookie) :
			     set_add(&scan->addrs, sock->sk)))
		return 0;
	if (sock->has_tokens)
		err = read_tokens(scan, sock);
	if (!err && sock->has_unread && scan->what & INV_UNREAD)
		err = read_frags(scan, sock, false);
	if (!err && sock->has_sent && scan->what & INV_KINDS)
		err = read_frags(scan, sock, true);
	return err == -ESTALE ? 0 : err;
}

/* A socket is read at once, as programs forget where it is. What is behind a container is
 * looked at when all processes' files are known.
 */
static int take_file(struct scan *scan, const struct rec_file *file)
{
	if (file->type == FILE_SOCKET)
		return read_socket(scan, file);
	if (set_add(&scan->known, file->sk))
		*vec_add(&scan->containers) = *file;
	return 0;
}

/* After a million files that are of no interest the kernel takes a break, but not for
 * good.
 */
static int read_files_from(int fd, struct scan *scan)
{
	struct rec_file recs[128];
	ssize_t len, i;
	int err = 0;

	while (!err) {
		len = read(fd, recs, sizeof(recs));
		if (len < 0 && errno == EAGAIN)
			continue;
		if (len < 0) {
			diag("the walk over open files ended early: %s", strerror(errno));
			err = -errno;
		}
		if (len <= 0)
			break;
		for (i = 0; !err && i < len / (ssize_t)sizeof(*recs); i++) {
			*vec_add(&scan->found.opens) = recs[i];
			err = take_file(scan, &recs[i]);
		}
	}
	return err;
}

static int read_files(struct scan *scan)
{
	struct bpf_link *link;
	int fd, err;

	link = bpf_program__attach_iter(scan->skel->progs.read_files, NULL);
	fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (fd < 0) {
		err = -errno;
		diag("cannot walk over open files: %s", strerror(-err));
	} else {
		err = read_files_from(fd, scan);
		close(fd);
	}
	bpf_link__destroy(link);
	return err;
}

/* Takes what a batch found. The next one writes over it, and so may what a socket is read
 * with.
 */
static int take_batch(struct scan *scan, const struct rec_file *container)
{
	struct rec_files recs = {};
	const struct rec_file *rec;
	int err = 0;
	__u32 i;

	for (i = 0; i < scan->skel->bss->reply.num; i++)
		*vec_add(&recs) = scan->skel->bss->files[i];
	vec_for_each(rec, &recs) {
		if (container)
			found_link(&scan->found, rec->sk, container);
		err = err ?: take_file(scan, rec);
	}
	vec_free(&recs);
	return err;
}

/* Runs a program that finds files to its end */
static int take_all(struct scan *scan, struct bpf_program *prog, struct rec_request *req,
		    const struct rec_file *container)
{
	int more, err;

	do {
		more = run_batch(scan->skel, prog, req);
		err = more < 0 ? more : take_batch(scan, container);
	} while (more > 0 && !err);
	return err == -ESTALE ? 0 : err;
}

static struct rec_request about_container(const struct rec_file *container)
{
	return (struct rec_request){ .binding = container->sk, .slot = container->slot };
}

static int read_ring(struct scan *scan, const struct rec_file *ring)
{
	struct rec_request req = about_container(ring);
	struct inventory_bpf *skel = scan->skel;
	struct vec_u64 ifqs = {};
	struct ring_ifq *of;
	const __u64 *ifq;
	int err;

	err = collect(skel, skel->progs.read_ring, &req, skel->bss->ifqs, &ifqs);
	vec_for_each(ifq, &ifqs) {
		of = vec_add(&scan->ifqs);
		of->ifq = *ifq;
		of->ring = ring->sk;
	}
	vec_free(&ifqs);
	return err == -ESTALE ? 0 : err;
}

/* There can be more behind what is behind one */
static int read_containers(struct scan *scan)
{
	struct rec_file container;
	struct rec_request req;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < scan->containers.num; i++) {
		container = scan->containers.at[i];
		req = about_container(&container);
		err = take_all(scan, scan->skel->progs.read_behind, &req, &container);
		if (!err && container.type == FILE_RING)
			err = read_ring(scan, &container);
	}
	return err;
}

/* Sockets that nobody can reach, but that are not gone */
static int read_hash(struct scan *scan)
{
	struct rec_request req = {};

	return take_all(scan, scan->skel->progs.read_hash, &req, NULL);
}

/* All rings that have the area's interface queue. If there is none, user space has what it
 * has all the same.
 */
static void find_rings(const struct scan *scan, struct inv_binding *binding)
{
	struct inv_holder *holder = binding->holders.at;
	const struct ring_ifq *of;
	bool found = false;

	vec_for_each(of, &scan->ifqs) {
		if (of->ifq != binding->k.ifq)
			continue;
		found = true;
		found_tasks(&scan->found, of->ring, &holder->tasks);
	}
	if (!found && !holder->tokens)
		binding->holders.num = 0;
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

static void find_tasks(const struct scan *scan, struct inv_binding *binding)
{
	struct inv_holder *holder;

	if (binding->k.kind == KIND_IO_URING) {
		find_rings(scan, binding);
		return;
	}
	count_user(binding);
	vec_sort(&binding->holders, cmp_holders);
	vec_for_each(holder, &binding->holders)
		found_tasks(&scan->found, holder->sock.sk, &holder->tasks);
}

static int read_holders(struct inventory_bpf *skel, struct inventory *inv,
			unsigned int what)
{
	struct scan scan = { .skel = skel, .inv = inv, .what = what };
	struct inv_binding *binding;
	int err;

	make_ranges(inv, &scan.ranges);
	err = read_files(&scan) ?: read_containers(&scan) ?: read_hash(&scan);
	found_sort(&scan.found);
	vec_for_each(binding, &inv->bindings)
		find_tasks(&scan, binding);
	vec_free(&scan.ranges);
	set_free(&scan.cookies);
	set_free(&scan.addrs);
	set_free(&scan.known);
	vec_free(&scan.containers);
	vec_free(&scan.ifqs);
	found_free(&scan.found);
	return err ?: visit_bindings(skel, inv, what, check_binding);
}

/* Areas have no id; those whose device is gone come last */
static int cmp_bindings(const void *a, const void *b)
{
	const struct rec_binding *l = &((const struct inv_binding *)a)->k;
	const struct rec_binding *r = &((const struct inv_binding *)b)->k;

	return cmp_u64(l->kind == KIND_IO_URING, r->kind == KIND_IO_URING) ?:
	       cmp_u64(l->id, r->id) ?: cmp_u64((__u32)l->ifindex - 1, (__u32)r->ifindex - 1) ?:
	       cmp_u64(l->queue, r->queue) ?: cmp_u64(l->area, r->area);
}

struct inventory *inventory_read(struct inventory_bpf *skel, unsigned int what)
{
	struct inventory *inv;
	int err;

	inv = calloc(1, sizeof(*inv));
	if (!inv) {
		diag("no memory for an inventory");
		return NULL;
	}

	err = read_listed_bindings(skel, inv);
	if (!err)
		err = read_unlisted(skel, inv, what);
	if (!err)
		err = visit_bindings(skel, inv, what, read_details);
	vec_sort(&inv->bindings, cmp_bindings);
	if (!err && what & (INV_HOLDERS | INV_TOKENS | INV_UNREAD))
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

	if (!inv)
		return;

	vec_for_each(binding, &inv->bindings)
		free_binding(binding);
	vec_free(&inv->bindings);
	free(inv);
}

static void place_iov(struct inv_iov *iov, const struct inv_binding *binding,
		      const struct rec_run *run, __u64 nr)
{
	iov->binding = binding;
	iov->offset = run->base_virtual + (nr << binding->k.iov_shift);
	iov->index = iov->offset >> binding->k.iov_shift;
}

/* Lets the programs find a run again, whose iovs are to be read. Runs stand in the
 * kernel's list in one order or the other, so one batch does for many of them.
 */
static int find_run(struct inventory_bpf *skel, const struct inv_binding *binding,
		    const struct inv_run *run, __u64 *first, struct rec_request *req)
{
	int err;

	*req = about(binding);
	if (*first == REC_UNKNOWN || run->pos / REC_BATCH_RUNS != *first / REC_BATCH_RUNS) {
		*first = run->pos / REC_BATCH_RUNS * REC_BATCH_RUNS;
		req->from = *first;
		err = run_batch(skel, skel->progs.read_runs, req);
		if (err < 0)
			return err;
	}
	req->slot = run->pos - *first;
	return skel->bss->runs[req->slot].iovs == run->k.iovs ? 0 : -ESTALE;
}

int inventory_decode(struct inventory_bpf *skel, const struct inventory *inv,
		     __u64 word, struct inv_iov *iov)
{
	__u64 addr = word & ~PP_DEVMEM, first = REC_UNKNOWN;
	const struct inv_binding *binding;
	const struct range *range;
	const struct inv_run *run;
	struct ranges ranges = {};
	struct rec_request req;
	int err = -ENOENT;

	make_ranges(inv, &ranges);
	range = find_range(&ranges, addr);
	if (!range || (addr - range->start) % inv->iov_bytes)
		goto out;

	binding = &inv->bindings.at[range->binding];
	run = &binding->runs.at[range->run];
	err = find_run(skel, binding, run, &first, &req);
	if (err)
		goto out;
	req.from = (addr - range->start) / inv->iov_bytes;
	req.to = req.from + 1;
	place_iov(iov, binding, &run->k, req.from);
	err = run_batch(skel, skel->progs.read_iovs, &req);
	iov->k = skel->bss->iovs[0];
out:
	vec_free(&ranges);
	return err == -ESTALE ? -ENOENT : err;
}

static int each_iov_of_run(struct inventory_bpf *skel, const struct inv_binding *binding,
			   const struct rec_run *run, struct rec_request *req,
			   int (*fn)(const struct inv_iov *iov, void *arg), void *arg)
{
	struct inv_iov iov;
	int err, more;
	__u64 nr;
	__u32 i;

	req->from = 0;
	req->to = run->num;
	do {
		nr = req->from;
		more = run_batch(skel, skel->progs.read_iovs, req);
		if (more < 0)
			return more;
		for (i = 0; i < skel->bss->reply.num; i++) {
			iov.k = skel->bss->iovs[i];
			place_iov(&iov, binding, run, nr + i);
			err = fn(&iov, arg);
			if (err)
				return err;
		}
	} while (more);
	return 0;
}

int inventory_each_iov(struct inventory_bpf *skel, const struct inv_binding *binding,
		       int (*fn)(const struct inv_iov *iov, void *arg),
		       void *arg)
{
	const struct inv_run *run;
	struct rec_request req;
	__u64 first = REC_UNKNOWN;
	int err = 0;

	vec_for_each(run, &binding->runs) {
		err = find_run(skel, binding, run, &first, &req) ?:
		      each_iov_of_run(skel, binding, &run->k, &req, fn, arg);
		if (err)
			break;
	}
	return err;
}

enum devmem_iov_state inventory_iov_state(const struct inventory *inv,
					  const struct inv_iov *iov)
{
	__u64 word = iov->k.addr | PP_DEVMEM;
	const struct inv_binding *binding = iov->binding;
	bool counted = inv->layout == LAYOUT_PPDEVMEM || binding->k.kind == KIND_IO_URING;

	if (counted ? iov->k.tokens :
	    binding->user_words.num &&
	    bsearch(&word, binding->user_words.at, binding->user_words.num,
		    sizeof(word), cmp_words))
		return IOV_USER;
	if (binding->k.kind == KIND_TX)
		return IOV_UNKNOWN;
	return iov->k.has_pool ? IOV_POOL : IOV_FREE;
}
