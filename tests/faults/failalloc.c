// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * failalloc: let each allocation of what the kernel is asked for fail in its turn,
 * or each two of them, and look at what is left before anything mends it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devmemcat.h"
#include "faults.h"
#include "paths.h"

#define MAX_ERRNO 4096

struct score {
	unsigned int attempts;	/* with all the faults that were wanted */
	unsigned int refused;
	unsigned int errnos[MAX_ERRNO];
};

static struct bed bed;

static void print_usage(FILE *out)
{
	unsigned int i;

	fprintf(out, "usage: failalloc [--pairs] IFACE QUEUE HOST PORT PATH...\n"
		"\n"
		"In the namespace of IFACE, whose peer is in the namespace tx. Each allocation of a\n"
		"PATH fails in its turn; with --pairs each two of them.\n"
		"\n"
		"PATH:");
	for (i = 0; paths[i].name; i++)
		fprintf(out, " %s", paths[i].name);
	fprintf(out, "\n");
}

static int call(int (*step)(struct bed *bed))
{
	return step ? step(&bed) : 0;
}

/* One attempt: how many allocations failed, or -1 if something was wrong. */
static int try(const struct path *path, unsigned int first, unsigned int second,
	       struct score *score)
{
	int failed, err;

	if (call(path->prepare))
		return complain("%s: before the faults %u and %u", path->name, first, second);
	/* What was said before is of no interest */
	bed_kernel_said(&bed, "");
	if (faults_arm(first, second, path->within, path->anybody))
		return -1;
	err = path->act(&bed);
	failed = faults_disarm();
	if (path->check(&bed, err) || (path->finish && path->finish(&bed, err)) ||
	    (err && !failed)) {
		complain("%s with the faults %u and %u: %s", path->name, first, second,
			 err ? strerror(-err) : "succeeded");
		faults_explain();
		return -1;
	}
	if (failed != !!first + !!second)
		return failed;
	score->attempts++;
	if (err) {
		score->refused++;
		score->errnos[-err]++;
	}
	return failed;
}

/* Every allocation, and with @pairs every one after it, until there are no more. */
static int run_path(const struct path *path, bool pairs, struct score *score)
{
	unsigned int first, second;
	int failed;

	for (first = 1; !path->most || first <= path->most; first++) {
		failed = try(path, first, 0, score);
		if (failed <= 0)
			return failed;
		for (second = first + 1; pairs && (!path->most || second <= path->most); second++) {
			failed = try(path, first, second, score);
			if (failed < 0)
				return -1;
			if (failed < 2)
				break;
		}
	}
	return 0;
}

static void print_score(const struct path *path, const struct score *score)
{
	unsigned int i;

	printf("%s: %u attempts, %u refused:", path->name, score->attempts, score->refused);
	for (i = 0; i < MAX_ERRNO; i++)
		if (score->errnos[i])
			printf(" %u %s", score->errnos[i], strerrorname_np(i) ?: "unknown");
	printf("\n");
	fflush(stdout);
}

static int run(const char *name, bool pairs)
{
	struct score score = { 0 };
	unsigned int i;
	int ret;

	for (i = 0; paths[i].name && strcmp(paths[i].name, name); i++)
		;
	if (!paths[i].name)
		return complain("no such path: '%s', see --help", name);
	if (call(paths[i].setup))
		return complain("%s: no start", name);
	if (paths[i].sweep) {
		ret = paths[i].sweep(&bed);
		if (!ret)
			printf("%s: done\n", name);
	} else {
		ret = run_path(&paths[i], pairs, &score);
		print_score(&paths[i], &score);
	}
	return ret || call(paths[i].teardown) || faults_debugging_alive() ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pairs", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool pairs = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			pairs = true;
			break;
		case 'h':
			print_usage(stdout);
			return 0;
		default:
			print_usage(stderr);
			return 2;
		}
	}
	if (argc - optind < 5) {
		print_usage(stderr);
		return 2;
	}
	bed.ifname = argv[optind];
	bed.queue = atoi(argv[optind + 1]);
	bed.host = argv[optind + 2];
	bed.port = argv[optind + 3];
	if (faults_open() || bed_open(&bed))
		return 1;
	for (optind += 4; optind < argc; optind++)
		if (run(argv[optind], pairs))
			return 1;
	return 0;
}
