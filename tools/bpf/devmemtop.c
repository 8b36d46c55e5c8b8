// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemtop - device memory, live: by binding, socket or process */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "diag.h"
#include "stream.h"
#include "top/collect.h"
#include "top/rows.h"
#include "top/screen.h"

static struct env {
	struct choice choice;
	unsigned long count;
	const char *sort_name;
	bool batch;
} env = {
	.choice.interval = 1,
};

static const char doc[] =
	"Show device memory live, by binding, socket or process.\v"
	"KEYS: b s p choose the view, < and > the column to sort by, q ends.\n\n"
	"EXAMPLES:\n"
	"  devmemtop                 every second\n"
	"  devmemtop -w process 5    by process, every 5 seconds\n"
	"  devmemtop -B 1 10         10 times as text, for a file\n"
	"  devmemtop -j -b 3 1 1     once, binding 3, as JSON\n";

static const struct argp_option options[] = {
	{ "batch", 'B', NULL, 0, "Print text, no screen; the default without a terminal", 0 },
	{ "view", 'w', "VIEW", 0, "binding (default), socket or process", 0 },
	{ "sort", 's', "COLUMN", 0, "Sort by this column, the largest first", 0 },
	{},
};

static enum view parse_view(struct argp_state *state, const char *name)
{
	unsigned int view;

	for (view = 0; view < NUM_VIEWS; view++)
		if (!strcmp(name, views[view].name))
			return view;

	argp_error(state, "'%s' is no view: there are binding, socket and process", name);
	return VIEW_BINDING;
}

static void choose_sort(struct argp_state *state)
{
	env.choice.sort = views[env.choice.view].sort;
	if (!env.sort_name)
		return;

	env.choice.sort = rows_find_column(env.choice.view, env.sort_name);
	if (env.choice.sort < 0)
		argp_error(state, "'%s' is no column of the view by %s",
			   env.sort_name, views[env.choice.view].name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.choice.args;
		state->child_inputs[1] = &env.choice.args;
		return 0;
	case 'B':
		env.batch = true;
		return 0;
	case 'w':
		env.choice.view = parse_view(state, arg);
		return 0;
	case 's':
		env.sort_name = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "'%s': there is only INTERVAL and COUNT", arg);
		if (!state->arg_num)
			env.choice.interval = args_number(state, "INTERVAL", arg, 1, INT_MAX);
		else
			env.count = args_number(state, "COUNT", arg, 1, INT_MAX);
		return 0;
	case ARGP_KEY_END:
		choose_sort(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void show(const struct top *top)
{
	struct rows rows = {};

	rows_make(&rows, top, &env.choice);
	if (env.choice.args.json)
		screen_json(top, &env.choice, &rows);
	else if (env.batch)
		screen_text(top, &env.choice, &rows);
	else
		screen_draw(top, &env.choice, &rows);
	vec_free(&rows);
}

/* Keys change what is shown of the last interval, and not how long this one lasts */
static int watch_keys(struct top *top)
{
	__u64 now, end = top->now_ns + env.choice.interval * 1000000000ULL;
	int err = 0;

	if (!isatty(STDIN_FILENO)) {
		stream_sleep(env.choice.interval);
		return 0;
	}
	for (now = stream_now_ns(); !stream_stop && now < end; now = stream_now_ns()) {
		if (!screen_key(&env.choice, (end - now) / 1000000 + 1))
			continue;
		err = collect_also(top, views[env.choice.view].what);
		if (err)
			break;
		show(top);
	}
	return err;
}

/* The first time there are no rates yet */
static int follow(struct top *top)
{
	unsigned long i;
	int err = 0;

	for (i = 0; !stream_stop && (!env.count || i < env.count); i++) {
		if (i && env.batch)
			stream_sleep(env.choice.interval);
		else if (i)
			err = watch_keys(top);
		if (stream_stop || err)
			break;
		err = collect(top, views[env.choice.view].what);
		if (err)
			break;
		show(top);
		if (fflush(stdout))
			break;
	}
	return err;
}

static void report_missed(const struct top *top)
{
	unsigned long long missed = collect_missed(top);

	if (missed)
		diag("%llu events were missed, so rates were higher than shown", missed);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = doc,
	};
	struct top top = {};
	unsigned int what;
	int err = -1;

	args_parse_binding(&argp, argc, argv);
	args_say_unknown_device(&env.choice.args);
	if (env.choice.args.json || !isatty(STDOUT_FILENO))
		env.batch = true;
	/* A key can ask for bindings at any time */
	what = views[env.choice.view].what | (env.batch ? 0 : TOP_BINDINGS);
	if (collect_open(&top, what))
		goto out;

	stream_catch_signals();
	if (!env.batch && screen_open())
		goto out;
	err = follow(&top);
	if (!env.batch)
		screen_close();
	report_missed(&top);
out:
	collect_close(&top);
	return err ? EXIT_FOUND : EXIT_DONE;
}
