// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user's side of probe.bpf.c and refused.bpf.c: asks the kernel's decoder
 * about words whose meaning is known here, compares counters with what a walk
 * over the iovs finds, and shows why the verifier refuses a program.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe.h"
#include "probe.skel.h"
#include "refused.skel.h"

#define EXIT_USAGE 2
#define IOV_SIZE 64
#define PAGE_STRUCT_SIZE 64
#define TAG 0x1ULL
#define LOG_SIZE (1 << 20)

static struct probe *skel;

static void run(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int error = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	if (error || opts.retval)
		errx(EXIT_FAILURE, "running '%s': error %d, result %d", bpf_program__name(prog),
		     error, opts.retval);
}

static void open_probe(bool attach)
{
	skel = probe__open();
	if (!skel)
		err(EXIT_FAILURE, "cannot open the BPF object");
	if (!attach) {
		bpf_program__set_autoload(skel->progs.on_token_get, false);
		bpf_program__set_autoload(skel->progs.on_unbind, false);
		bpf_program__set_autoload(skel->progs.on_segment, false);
		bpf_program__set_autoload(skel->progs.on_kprobe, false);
	}
	if (probe__load(skel))
		err(EXIT_FAILURE, "cannot load the BPF object");
}

static void walk(void)
{
	run(skel->progs.walk);
}

static int list(void)
{
	unsigned int i;

	open_probe(false);
	walk();
	for (i = 0; i < skel->bss->num_bindings; i++) {
		const struct probe_binding *b = &skel->bss->bindings[i];

		printf("binding=%u unbound=%u iovs=0x%llx total=%u free=%u user=%d allocs=%llu releases=%llu exhausted=%llu high_water=%u walked_free=%u walked_pool=%u walked_user=%u tokens=%llu misplaced=%u\n",
		       b->id, b->unbound, b->iovs, b->total, b->free, b->user, b->allocs,
		       b->releases, b->exhausted, b->high_water, b->walked[0], b->walked[1],
		       b->walked[2], b->tokens, b->misplaced);
	}
	return EXIT_SUCCESS;
}

/* The binding whose memory has an iov that starts at @addr. */
static const struct probe_binding *binding_at(__u64 addr)
{
	unsigned int i;

	for (i = 0; i < skel->bss->num_bindings; i++) {
		const struct probe_binding *b = &skel->bss->bindings[i];
		__u64 offset = addr - b->iovs;

		if (offset < (__u64)b->total * IOV_SIZE && offset % IOV_SIZE == 0)
			return b;
	}
	return NULL;
}

static bool is_right(const struct probe_word *w)
{
	const struct probe_binding *b = w->word & TAG ? binding_at(w->word - TAG) : NULL;

	if (!b)
		return !w->iov;
	return w->iov == w->word - TAG && w->binding == b->id &&
	       w->idx == (w->iov - b->iovs) / IOV_SIZE;
}

/* Words of one class on their way through the kernel. */
struct class {
	const char *name;
	unsigned long long words;
	unsigned long long decoded;
	unsigned long long free;	/* of the decoded, in state free */
	unsigned long long wrong;
};

static void flush(struct class *c)
{
	unsigned int i;

	run(skel->progs.decode);
	for (i = 0; i < skel->bss->num_words; i++) {
		const struct probe_word *w = &skel->bss->words[i];

		c->words++;
		c->decoded += !!w->iov;
		c->free += w->iov && !w->state;
		if (is_right(w))
			continue;
		if (!c->wrong++)
			warnx("%s: 0x%llx decoded to 0x%llx, binding %u, index %u", c->name,
			      w->word, w->iov, w->binding, w->idx);
	}
	skel->bss->num_words = 0;
}

static void ask(struct class *c, __u64 word)
{
	skel->bss->words[skel->bss->num_words++] = (struct probe_word){ .word = word };
	if (skel->bss->num_words == PROBE_WORDS)
		flush(c);
}

static void report(struct class *c)
{
	flush(c);
	printf("%s words=%llu decoded=%llu free=%llu wrong=%llu\n", c->name, c->words, c->decoded,
	       c->free, c->wrong);
}

static __u64 random_word(void)
{
	return (__u64)random() << 42 ^ (__u64)random() << 21 ^ random();
}

static const struct probe_binding *random_binding(void)
{
	return &skel->bss->bindings[random() % skel->bss->num_bindings];
}

static void ask_random(unsigned int n)
{
	struct class c = { .name = "random" };

	while (n--)
		ask(&c, random_word());
	report(&c);
}

/* Where the kernel has its heap, both odd and even. */
static void ask_heap(unsigned int n)
{
	struct class c = { .name = "heap" };

	while (n--)
		ask(&c, (random_binding()->iovs & ~0xffffffffULL) | (random_word() & 0xffffffff));
	report(&c);
}

/* In and around the iovs. */
static void ask_near(unsigned int n)
{
	struct class c = { .name = "near" };

	while (n--) {
		const struct probe_binding *b = random_binding();
		__u64 size = (__u64)b->total * IOV_SIZE;

		ask(&c, b->iovs - size + random_word() % (3 * size));
	}
	report(&c);
}

/* Every byte of some iovs, the tagged ones of the first and the last among them. */
static void ask_inside(unsigned int n)
{
	struct class c = { .name = "inside" };
	unsigned int i, offset;

	for (i = 0; i < n / IOV_SIZE; i++) {
		const struct probe_binding *b = random_binding();
		__u32 idx = i == 0 ? 0 : i == 1 ? b->total - 1 : random() % b->total;

		for (offset = 0; offset < IOV_SIZE; offset++)
			ask(&c, b->iovs + (__u64)idx * IOV_SIZE + offset);
	}
	report(&c);
}

/* struct page pointers, as they are and with a stray tag. */
static void ask_pages(unsigned int n)
{
	struct class c = { .name = "pages" };

	while (n--)
		ask(&c, (skel->bss->vmemmap + random() % (1 << 20) * PAGE_STRUCT_SIZE) | (n & 1));
	report(&c);
}

/* Every iov that there is: tagged, then untagged. */
static void ask_real(void)
{
	struct class tagged = { .name = "iovs" }, bare = { .name = "untagged" };
	struct class *c;
	unsigned int i, idx;
	__u64 tag;

	for (tag = 0; tag <= TAG; tag++) {
		c = tag ? &tagged : &bare;
		for (i = 0; i < skel->bss->num_bindings; i++)
			for (idx = 0; idx < skel->bss->bindings[i].total; idx++)
				ask(c, (skel->bss->bindings[i].iovs + (__u64)idx * IOV_SIZE) | tag);
		report(c);
	}
}

static int ask_words(const char *count)
{
	unsigned int n = strtoul(count, NULL, 10) / 5;

	open_probe(false);
	walk();
	if (!skel->bss->num_bindings)
		errx(EXIT_FAILURE, "there is no binding");
	ask_random(n);
	ask_heap(n);
	ask_near(n);
	ask_inside(n);
	ask_pages(n);
	ask_real();
	return EXIT_SUCCESS;
}

/* Iovs as they stand in frags, whoever they once belonged to. */
static int ask_range(const char *address, const char *count)
{
	struct class c = { .name = "range" };
	__u64 addr = strtoull(address, NULL, 0);
	unsigned int n = strtoul(count, NULL, 10);

	open_probe(false);
	walk();
	for (; n; n--, addr += IOV_SIZE)
		ask(&c, addr | TAG);
	report(&c);
	return EXIT_SUCCESS;
}

static int decode_word(const char *word)
{
	struct class c = { .name = "word" };
	const struct probe_word *w;

	open_probe(false);
	walk();
	ask(&c, strtoull(word, NULL, 0));
	flush(&c);
	w = &skel->bss->words[0];
	if (!w->iov)
		return EXIT_FAILURE;
	printf("binding=%u iov=%u state=%u since=%llu\n", w->binding, w->idx, w->state, w->since);
	return EXIT_SUCCESS;
}

static int ignore(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Try to load a program of refused.bpf.c; what the verifier says goes to stdout. */
static int load(const char *name)
{
	struct refused *refused = refused__open();
	static char log[LOG_SIZE];
	struct bpf_program *prog;

	if (!refused)
		err(EXIT_FAILURE, "cannot open the BPF object");
	prog = bpf_object__find_program_by_name(refused->obj, name);
	if (!prog)
		errx(EXIT_USAGE, "there is no program '%s'", name);
	libbpf_set_print(ignore);
	bpf_program__set_autoload(prog, true);
	bpf_program__set_log_buf(prog, log, sizeof(log));
	bpf_program__set_log_level(prog, 1);
	if (!refused__load(refused))
		return EXIT_SUCCESS;
	fputs(log, stdout);
	return EXIT_FAILURE;
}

/* SIGINT and SIGTERM are waited for from now on; sets @set to them. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* Attach everything, until a signal comes; then say what was seen. */
static int watch(void)
{
	const struct probe_seen *seen;
	sigset_t set;
	int sig;

	block_signals(&set);
	open_probe(true);
	if (probe__attach(skel))
		err(EXIT_FAILURE, "cannot attach");
	puts("attached");
	fflush(stdout);
	sigwait(&set, &sig);
	probe__detach(skel);
	seen = &skel->bss->seen;
	printf("tokens=%llu tokens_wrong=%llu frags=%llu frags_null=%llu pages=%llu pages_iov=%llu kprobe_decoded=%llu unbinds=%llu unbinds_wrong=%llu\n",
	       seen->tokens, seen->tokens_wrong, seen->frags, seen->frags_null, seen->pages,
	       seen->pages_iov, seen->kprobe_decoded, seen->unbinds, seen->unbinds_wrong);
	return EXIT_SUCCESS;
}

/* What a walk found fits together, whatever came and went meanwhile. */
static unsigned int check_walk(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < skel->bss->num_bindings; i++) {
		const struct probe_binding *b = &skel->bss->bindings[i];

		wrong += b->misplaced || b->walked[0] + b->walked[1] + b->walked[2] != b->total ||
			 b->free > b->total || b->user < 0 || b->user > (int)b->total;
	}
	return wrong;
}

/* Words near iovs that may be gone by now: each is NULL or the iov asked for. */
static unsigned int check_decoding(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < skel->bss->num_bindings * 512; i++) {
		const struct probe_binding *b = random_binding();

		skel->bss->words[i % PROBE_WORDS].word = b->iovs +
			random_word() % ((__u64)b->total * IOV_SIZE);
	}
	skel->bss->num_words = i < PROBE_WORDS ? i : PROBE_WORDS;
	run(skel->progs.decode);
	for (i = 0; i < skel->bss->num_words; i++) {
		const struct probe_word *w = &skel->bss->words[i];

		wrong += w->iov && w->iov != w->word - TAG;
	}
	skel->bss->num_words = 0;
	return wrong;
}

/* Walk and decode, over and over, until a signal comes. */
static int stress(void)
{
	unsigned long long walks = 0, bindings = 0, wrong = 0;
	const struct timespec now = { 0 };
	sigset_t set;

	block_signals(&set);
	open_probe(false);
	puts("started");
	fflush(stdout);
	do {
		walk();
		wrong += check_walk() + check_decoding();
		bindings += skel->bss->num_bindings;
		walks++;
	} while (sigtimedwait(&set, NULL, &now) < 0);
	printf("walks=%llu bindings=%llu wrong=%llu\n", walks, bindings, wrong);
	return EXIT_SUCCESS;
}

static int explain(void)
{
	fputs("usage: devmemprobe ls               each binding: its counters, and what a walk over its iovs finds\n"
	      "       devmemprobe words COUNT      decode words of every class, and compare with what they are\n"
	      "       devmemprobe range ADDR N     decode N iovs from ADDR on, whoever they once belonged to\n"
	      "       devmemprobe frag WORD        decode one word; 1 if it is no iov\n"
	      "       devmemprobe load PROGRAM     load a program of refused.bpf.c; 1 and the verifier's log if refused\n"
	      "       devmemprobe stress           walk and decode over and over, until a signal\n"
	      "       devmemprobe watch            decode in tp_btf, fentry and kprobe programs, until a signal\n",
	      stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (argc == 2 && !strcmp(command, "ls"))
		return list();
	if (argc == 3 && !strcmp(command, "words"))
		return ask_words(argv[2]);
	if (argc == 4 && !strcmp(command, "range"))
		return ask_range(argv[2], argv[3]);
	if (argc == 3 && !strcmp(command, "frag"))
		return decode_word(argv[2]);
	if (argc == 3 && !strcmp(command, "load"))
		return load(argv[2]);
	if (argc == 2 && !strcmp(command, "stress"))
		return stress();
	if (argc == 2 && !strcmp(command, "watch"))
		return watch();
	return explain();
}
