// SPDX-License-Identifier: GPL-2.0-or-later
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devmemcat.h"

#define EXIT_USAGE 2

const char *argp_program_version = "devmemcat (ppdevmem) 0.1";
error_t argp_err_exit_status = EXIT_USAGE;

static const char doc[] =
	"Receive TCP into device memory, or send to such a receiver.\n"
	"\n"
	"The receiver (-l) makes a dma-buf, binds it to receive queues of a network\n"
	"device, reads with MSG_SOCK_DEVMEM and checks that what lies in the dma-buf\n"
	"is what the sender sent, or writes it out (-o). The sender is ordinary TCP.\v"
	"Signals to a receiver: USR1 gives held tokens back, USR2 unbinds the queues,\n"
	"TERM and INT end it.\n"
	"\n"
	"EXAMPLES\n"
	"  devmemcat -l -i eth0 -q 1 5201             receive on queue 1 and verify\n"
	"  devmemcat -n 256M 10.0.0.1 5201            send it something\n"
	"  devmemcat --tx -i eth0 -n 256M HOST 5201   send it from device memory\n"
	"  devmemcat -l -i eth0 -q 1,2-3 -d heap -o FILE 5201\n"
	"  devmemcat -l -i eth0 -q 1 --hold 64 5201   never give 64 tokens back\n"
	"  devmemcat -l --zcrx -i eth0 -q 1 5201      receive by io_uring\n"
	"  devmemcat --bind-only -i eth0 -q 1         bind until interrupted\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage.";
static const char args_doc[] =
	"-l -i IFACE -q QUEUES PORT\n[-n BYTES] [--tx -i IFACE] HOST PORT [-]\n"
	"--bind-only -i IFACE -q QUEUES";

/* options without a letter */
enum {
	OPT_ACCEPT = 256,
	OPT_BIND_ONLY,
	OPT_COUNT,
	OPT_DISCARD,
	OPT_HOLD,
	OPT_NO_READ,
	OPT_PARK,
	OPT_PEEK,
	OPT_SEED,
	OPT_TX,
	OPT_ZCRX,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Receiver:", 1 },
	{ "listen", 'l', NULL, 0, "receive", 1 },
	{ "interface", 'i', "IFACE", 0, "network device to bind to", 1 },
	{ "queues", 'q', "QUEUES", 0, "its receive queues, as in 1 or 1,4-7", 1 },
	{ "dmabuf", 'd', "KIND", 0,
	  "memory: udmabuf (default), heap[:NAME], fd:N (an inherited dma-buf)", 1 },
	{ "size", 'S', "BYTES", 0, "its size (default 64M); K, M and G are understood", 1 },
	{ "bind", 'b', "ADDR", 0, "local address (default: any)", 1 },
	{ "output", 'o', "FILE", 0, "write the data to FILE (- for standard output)", 1 },
	{ "discard", OPT_DISCARD, NULL, 0, "neither verify nor write", 1 },
	{ "accept", OPT_ACCEPT, "N", 0,
	  "end after N connections, which may overlap (default 1; 0: when interrupted)", 1 },
	{ "hold", OPT_HOLD, "N", 0, "never return the first N tokens", 1 },
	{ "park", OPT_PARK, "WHERE", 0,
	  "lose the descriptor of a connection that holds tokens at its end: "
	  "flight (in a unix socket) or ring (a fixed file of an io_uring)", 1 },
	{ "no-read", OPT_NO_READ, NULL, 0, "accept, and leave the data unread", 1 },
	{ "peek", OPT_PEEK, NULL, 0, "look at each message by MSG_PEEK first", 1 },
	{ "zcrx", OPT_ZCRX, NULL, 0,
	  "by io_uring's zero-copy receive, into host memory, on one queue", 1 },
	{ "bind-only", OPT_BIND_ONLY, NULL, 0, "bind, and wait for a signal", 1 },
	{ "count", OPT_COUNT, "N", 0, "with --bind-only: bind and unbind N times, and end", 1 },
	{ NULL, 0, NULL, 0, "Sender:", 2 },
	{ "tx", OPT_TX, NULL, 0, "from a dma-buf bound to IFACE (-i, -d, -S)", 2 },
	{ NULL, 0, NULL, 0, "Both:", 2 },
	{ "bytes", 'n', "BYTES", 0,
	  "how much to send (default: without end), or to insist on from each connection", 2 },
	{ "seed", OPT_SEED, "N", 0, "tells patterns apart (default 0)", 2 },
	{ "json", 'j', NULL, 0, "summary in JSON", 2 },
	{ "verbose", 'v', NULL, 0, "say more, for instance each frag", 2 },
	{ NULL, 'h', NULL, 0, "the same as --help", -1 },
	{ 0 }
};

static unsigned long long parse_number(struct argp_state *state, const char *arg,
				       const char *what, unsigned long long max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(arg, &end, 0);
	if (errno || end == arg || *end || arg[0] == '-' || value > max)
		argp_error(state, "%s: '%s' is not a number up to %llu", what, arg,
			   max);
	return value;
}

static unsigned long long parse_size(struct argp_state *state, const char *arg, const char *what)
{
	static const char units[] = "KMG";
	unsigned long long value;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	value = strtoull(arg, &end, 0);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (errno || end == arg || *end || arg[0] == '-' || !value ||
	    value > (ULLONG_MAX >> 1) >> shift)
		argp_error(state, "%s: '%s' is not a size such as 4096, 64M or 1G", what, arg);
	return value << shift;
}

static enum park parse_park(struct argp_state *state, const char *arg)
{
	if (!strcmp(arg, "flight"))
		return PARK_IN_FLIGHT;
	if (!strcmp(arg, "ring"))
		return PARK_REGISTERED;
	argp_error(state, "--park: 'flight' or 'ring', not '%s'", arg);
	return PARK_NOWHERE;
}

static void add_queues(struct argp_state *state, struct options *opt, unsigned int first,
		       unsigned int last)
{
	for (; first <= last; first++) {
		if (opt->num_queues == MAX_QUEUES)
			argp_error(state, "-q: more than %d queues", MAX_QUEUES);
		opt->queues[opt->num_queues++] = first;
	}
}

/* "1,4-7": single queues and ranges */
static void parse_queues(struct argp_state *state, struct options *opt, const char *arg)
{
	unsigned int first, last;
	int used;

	opt->num_queues = 0;
	do {
		used = 0;
		if (!isdigit((unsigned char)*arg))
			break;
		if (sscanf(arg, "%5u-%5u%n", &first, &last, &used) == 2 && first <= last)
			add_queues(state, opt, first, last);
		else if (sscanf(arg, "%5u%n", &first, &used) == 1)
			add_queues(state, opt, first, first);
		else
			break;
		arg += used;
	} while (*arg == ',' && *++arg);
	if (*arg || !opt->num_queues)
		argp_error(state, "-q: expected queues such as 1 or 1,4-7, not '%s'", arg);
}

static void check_zcrx(struct argp_state *state, const struct options *opt)
{
	if (opt->num_queues != 1)
		argp_error(state, "--zcrx takes one queue");
	if (opt->bind_only || opt->peek || opt->output || opt->memory || opt->park)
		argp_error(state, "--zcrx goes with none of --bind-only, --peek, --park, -o and -d");
}

static void check_usage(struct argp_state *state, const struct options *opt)
{
	if (opt->listen || opt->bind_only) {
		if (!opt->ifname || !opt->num_queues)
			argp_error(state, "a receiver needs -i IFACE and -q QUEUES");
		if (opt->bind_only && (opt->listen || opt->port))
			argp_error(state, "--bind-only takes neither -l nor a port");
		if (!opt->bind_only && !opt->port)
			argp_error(state, "which PORT to listen on?");
		if (opt->zcrx)
			check_zcrx(state, opt);
		return;
	}
	if (opt->tx && (!opt->ifname || opt->num_queues || opt->from_stdin))
		argp_error(state, "--tx needs -i IFACE, and goes with neither -q nor -");
	if (!opt->tx && (opt->ifname || opt->num_queues))
		argp_error(state, "-i and -q are for receivers: add -l, or leave them out");
	if (!opt->host || !opt->port)
		argp_error(state, "a sender needs HOST and PORT, a receiver -l");
}

static void parse_argument(struct argp_state *state, struct options *opt, const char *arg)
{
	if (opt->listen && state->arg_num == 0)
		opt->port = arg;
	else if (!opt->listen && state->arg_num == 0)
		opt->host = arg;
	else if (!opt->listen && state->arg_num == 1)
		opt->port = arg;
	else if (!opt->listen && state->arg_num == 2 && !strcmp(arg, "-"))
		opt->from_stdin = true;
	else
		argp_error(state, "what is '%s'?", arg);
}

static error_t parse_receiver_option(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'i':
		opt->ifname = arg;
		return 0;
	case 'q':
		parse_queues(state, opt, arg);
		return 0;
	case 'd':
		opt->memory = arg;
		return 0;
	case 'S':
		opt->size = parse_size(state, arg, "-S");
		return 0;
	case 'b':
		opt->host = arg;
		return 0;
	case 'o':
		opt->output = arg;
		return 0;
	case OPT_DISCARD:
		opt->discard = true;
		return 0;
	case OPT_ACCEPT:
		opt->accept = parse_number(state, arg, "--accept", 1024);
		return 0;
	case OPT_HOLD:
		opt->hold = parse_number(state, arg, "--hold", UINT32_MAX);
		return 0;
	case OPT_PARK:
		opt->park = parse_park(state, arg);
		return 0;
	case OPT_NO_READ:
		opt->no_read = true;
		return 0;
	case OPT_PEEK:
		opt->peek = true;
		return 0;
	case OPT_ZCRX:
		opt->zcrx = true;
		return 0;
	case OPT_COUNT:
		opt->count = parse_number(state, arg, "--count", UINT32_MAX);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case 'l':
		opt->listen = true;
		return 0;
	case OPT_BIND_ONLY:
		opt->bind_only = true;
		return 0;
	case 'n':
		opt->bytes = parse_size(state, arg, "-n");
		return 0;
	case OPT_TX:
		opt->tx = true;
		return 0;
	case OPT_SEED:
		opt->seed = parse_number(state, arg, "--seed", ULLONG_MAX);
		return 0;
	case 'j':
		opt->json = true;
		return 0;
	case 'v':
		opt->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(state, opt, arg);
		return 0;
	case ARGP_KEY_END:
		check_usage(state, opt);
		return 0;
	}
	return parse_receiver_option(key, arg, state);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = args_doc,
		.doc = doc,
	};
	struct options opt = { .size = 64 << 20, .accept = 1 };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	if (!opt.memory)
		opt.memory = "udmabuf";
	/* a reader of our output that goes away is an error to report, not to die of */
	signal(SIGPIPE, SIG_IGN);
	if (opt.zcrx)
		ret = run_zcrx(&opt);
	else if (opt.bind_only)
		ret = run_bind_only(&opt);
	else if (opt.listen)
		ret = run_receiver(&opt);
	else if (opt.tx)
		ret = run_tx(&opt);
	else
		ret = run_sender(&opt);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
