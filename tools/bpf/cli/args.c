// SPDX-License-Identifier: GPL-2.0-or-later
/* Options that all tools have */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <net/if.h>

#include "args.h"
#include "diag.h"
#include "output.h"

unsigned long args_number(struct argp_state *state, const char *what,
			  const char *arg, unsigned long min, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	/* 010 is ten, whatever C thinks */
	value = strtoul(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-' || value < min || value > max)
		argp_error(state, "%s is '%s', not a number from %lu to %lu",
			   what, arg, min, max);
	return value;
}

void args_say_unknown_device(const struct args *args)
{
	if (args->ifname && !args->ifindex)
		diag("-i: there is no device '%s' in this network namespace: only one in another can be meant",
		     args->ifname);
}

static const struct argp_option common_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "interface", 'i', "IFNAME", 0, "Only bindings of this device", 0 },
	{ "pid", 'p', "PID", 0, "Only this process", 0 },
	{ "verbose", 'v', NULL, 0, "Say what the kernel offers and what of it is used", 0 },
	{ NULL, 'h', NULL, 0, "Give this help list", -1 },
	{},
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case 'i':
		args->ifname = arg;
		args->ifindex = if_nametoindex(arg);
		return 0;
	case 'p':
		args->pid = args_number(state, "PID", arg, 1, INT_MAX);
		return 0;
	case 'v':
		diag_verbose = true;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp common_argp = {
	.options = common_options,
	.parser = parse_common,
};

static const struct argp_option binding_options[] = {
	{ "binding", 'b', "BINDING", 0, "Only the binding with this id", 0 },
	{},
};

static error_t parse_binding(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	if (key != 'b')
		return ARGP_ERR_UNKNOWN;

	args->binding = args_number(state, "BINDING", arg, 1, UINT_MAX);
	return 0;
}

static const struct argp binding_argp = {
	.options = binding_options,
	.parser = parse_binding,
};

static void parse_with(struct argp argp, const struct argp_child *children, int argc,
		       char **argv)
{
	argp.children = children;
	argp_program_version = "ppdevmem " DEVMEM_VERSION;
	argp_err_exit_status = EXIT_USAGE;
	diag_init();
	out_init();
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
}

void args_parse_own(const struct argp *argp, int argc, char **argv)
{
	parse_with(*argp, NULL, argc, argv);
}

void args_parse(const struct argp *argp, int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ .argp = &common_argp },
		{},
	};

	parse_with(*argp, children, argc, argv);
}

void args_parse_binding(const struct argp *argp, int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ .argp = &common_argp },
		{ .argp = &binding_argp },
		{},
	};

	parse_with(*argp, children, argc, argv);
}
