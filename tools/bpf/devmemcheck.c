// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemcheck - can this host do device memory, what bites on it, and what is wrong now */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "check/bites.h"
#include "check/can.h"
#include "check/findings.h"
#include "check/now.h"
#include "check/watch.h"
#include "diag.h"
#include "holders.h"
#include "json.h"
#include "stream.h"

#define DEFAULT_SECONDS	5

static struct env {
	struct args args;
	unsigned long seconds;
	unsigned int parts;	/* a bit each */
} env = {
	.seconds = DEFAULT_SECONDS,
};

static const char doc[] =
	"Check device memory on this host: can it do it, what bites, what is wrong now. Exit status 1 if something is wrong.\v"
	"PART is 'can', 'bites' or 'now'; all of them if none is named.\n\n"
	"EXAMPLES:\n"
	"  devmemcheck              everything, watching for 5 seconds\n"
	"  devmemcheck -w 60 now    what is wrong now, seen for a minute\n"
	"  devmemcheck -j can       can this host do it, as JSON\n";

static const struct argp_option options[] = {
	{ "watch", 'w', "SECONDS", 0, "How long to watch for what is wrong now (default 5)", 0 },
	{},
};

static unsigned int parse_part(struct argp_state *state, const char *arg)
{
	unsigned int part;

	for (part = 0; part < PART_NUM; part++)
		if (!strcmp(arg, part_names[part]))
			return 1U << part;
	argp_error(state, "PART is '%s', not 'can', 'bites' or 'now'", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.args;
		state->child_inputs[1] = &env.args;
		return 0;
	case 'w':
		env.seconds = args_number(state, "SECONDS", arg, 1, INT_MAX / 1000);
		return 0;
	case ARGP_KEY_ARG:
		env.parts |= parse_part(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool asked(enum part part)
{
	return env.parts & 1U << part;
}

static void print_json(const struct findings *findings, const struct watch *watch)
{
	unsigned int part;

	json_begin_object(NULL);
	json_text("layout", watch->last ? layout_name(watch->last->layout) : NULL);
	json_begin_array("parts");
	for (part = 0; part < PART_NUM; part++)
		if (asked(part))
			json_string(NULL, part_names[part]);
	json_end_array();
	json_seconds("watched_seconds", watch->look_ns ? watch->look_ns - watch->start_ns :
		     REC_UNKNOWN);
	findings_json(findings);
	json_end_document();
}

/* Nothing can be wrong now on a kernel that has none of it, which is part of the answer */
static int check(struct findings *findings, struct watch *watch)
{
	int err;

	if (!can_kernel(findings)) {
		env.parts = 1U << PART_CAN;
		return 0;
	}
	err = watch_open(watch);
	if (!err)
		err = watch_for(watch, asked(PART_NOW) ? env.seconds : 0);
	if (err)
		return err;
	if (!device_known(watch->last, &env.args))
		return -ENODEV;
	if (asked(PART_CAN))
		err = can_host(findings, watch, &env.args);
	if (!err && asked(PART_BITES))
		err = check_bites(findings, watch, &env.args);
	if (!err && asked(PART_NOW))
		check_now(findings, watch, &env.args);
	return err;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[PART...]",
		.doc = doc,
	};
	struct findings findings = {};
	struct watch watch = {};
	int err, status;

	args_parse_binding(&argp, argc, argv);
	env.parts = env.parts ?: (1U << PART_NUM) - 1;
	stream_catch_signals();
	err = check(&findings, &watch);
	if (!err && env.args.json)
		print_json(&findings, &watch);
	else if (!err)
		findings_print(&findings, env.parts);
	if (err == -ENODEV)
		status = EXIT_USAGE;
	else
		status = err || findings_wrong(&findings) ? EXIT_FOUND : EXIT_DONE;
	findings_free(&findings);
	watch_close(&watch);
	return status;
}
