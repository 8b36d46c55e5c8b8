// SPDX-License-Identifier: GPL-2.0-or-later
#include "faults.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devmemcat.h"
#include "fail.skel.h"
#include "symbols.h"

static struct fail *skel;

/*
 * Memory that the kernel's debugging asks for on the way. To fail it tests nothing
 * but that debugging, which then stops (dma-debug for good), or knows less.
 */
static const char * const spared[] = {
	/* dma-debug */
	"add_dma_entry", "dma_entry_alloc", "dma_debug_create_entries", "active_cacheline_insert",
	"debug_dma_map_page", "debug_dma_map_sg", "debug_dma_alloc_coherent",
	/* kmemleak */
	"kmemleak_alloc", "kmemleak_alloc_percpu", "kmemleak_vmalloc", "__create_object",
	"create_object", "__alloc_object", "mem_pool_alloc",
	/* debug objects, stack depot, KASAN, tracked references */
	"debug_objects_fill_pool", "fill_pool", "__debug_object_init", "debug_object_activate",
	"stack_depot_save_flags", "kasan_save_stack", "kasan_save_track", "kasan_populate_vmalloc",
	"ref_tracker_alloc", "ref_tracker_free", "lockdep_register_key",
};

/* Debugging that is there, and what must be known of it lest it is failed. */
static const struct {
	const char *there;
	const char *function;
} must_be_known[] = {
	{ "/sys/kernel/debug/dma-api/disabled", "add_dma_entry" },
	{ "/sys/kernel/debug/kmemleak", "kmemleak_alloc" },
};

static int find_spared(struct fail_plan *plan)
{
	struct fail_range range;
	unsigned int i;

	plan->num_spared = 0;
	for (i = 0; i < sizeof(spared) / sizeof(*spared); i++)
		plan->num_spared += symbols_find(spared[i], plan->spared + plan->num_spared,
						 FAIL_SPARED - plan->num_spared);
	for (i = 0; i < sizeof(must_be_known) / sizeof(*must_be_known); i++) {
		if (!access(must_be_known[i].there, F_OK) &&
		    !symbols_find(must_be_known[i].function, &range, 1))
			return complain("the kernel has no %s(): look up what its debugging calls now",
					must_be_known[i].function);
	}
	return 0;
}

/* The bit of __GFP_NOFAIL, which is another one in other kernels. */
static int find_nofail(struct fail_plan *plan)
{
	struct btf *btf = btf__load_vmlinux_btf();
	unsigned int i, j, n;

	if (!btf)
		return complain("no BTF of the kernel");
	n = btf__type_cnt(btf);
	for (i = 1; i < n && !plan->nofail; i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);

		if (!btf_is_enum(t))
			continue;
		for (j = 0; j < btf_vlen(t); j++)
			if (!strcmp(btf__name_by_offset(btf, btf_enum(t)[j].name_off),
				    "___GFP_NOFAIL_BIT"))
				plan->nofail = 1u << btf_enum(t)[j].val;
	}
	btf__free(btf);
	return plan->nofail ? 0 : complain("the kernel's BTF has no ___GFP_NOFAIL_BIT");
}

int faults_open(void)
{
	int err;

	if (symbols_load())
		return -1;
	skel = fail__open_and_load();
	if (!skel)
		return complain("the BPF programs are refused: needs CONFIG_FAILSLAB, FAIL_PAGE_ALLOC and FUNCTION_ERROR_INJECTION");
	if (find_spared(&skel->bss->plan) || find_nofail(&skel->bss->plan))
		return -1;
	err = fail__attach(skel);
	if (err)
		return complain("cannot attach to the allocator: %s", strerror(-err));
	return 0;
}

int faults_arm(unsigned int first, unsigned int second, const char *within, bool anybody)
{
	struct fail_plan *plan = &skel->bss->plan;

	memset(&skel->bss->result, 0, sizeof(skel->bss->result));
	plan->nth[0] = first;
	plan->nth[1] = second;
	plan->tid = anybody ? 0 : gettid();
	plan->within = (struct fail_range){ 0 };
	if (within && !symbols_find(within, &plan->within, 1))
		return complain("the kernel has no %s()", within);
	__atomic_store_n(&plan->armed, 1, __ATOMIC_SEQ_CST);
	return 0;
}

unsigned int faults_disarm(void)
{
	__atomic_store_n(&skel->bss->plan.armed, 0, __ATOMIC_SEQ_CST);
	return skel->bss->result.failed;
}

void faults_explain(void)
{
	const struct fail_result *result = &skel->bss->result;
	unsigned int i, j;

	for (i = 0; i < result->failed && i < FAIL_FAULTS; i++) {
		fprintf(stderr, "  memory refused to:");
		for (j = 0; j < FAIL_DEPTH && result->stack[i][j]; j++)
			fprintf(stderr, " %s", symbols_name(result->stack[i][j]) ?: "?");
		fprintf(stderr, "\n");
	}
}

const struct fail_binding *faults_walk(unsigned int *num)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.walk), &opts) || opts.retval) {
		complain("the walk over the bindings does not run");
		return NULL;
	}
	*num = skel->bss->num_bindings;
	return skel->bss->bindings;
}

static int says(const char *path, char want)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY);
	bool same;

	if (fd < 0)
		return errno == ENOENT ? 0 : complain("%s: %s", path, strerror(errno));
	same = read(fd, text, sizeof(text) - 1) > 0 && text[0] == want;
	close(fd);
	return same ? 0 : complain("%s is not %c any more", path, want);
}

int faults_debugging_alive(void)
{
	return says("/sys/kernel/debug/dma-api/disabled", 'N');
}
