// SPDX-License-Identifier: GPL-2.0-or-later
/* devmem_exporter - Prometheus metrics of device memory */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "args.h"
#include "attach.h"
#include "diag.h"
#include "exporter/families.h"
#include "exporter/front.h"
#include "exporter/listen.h"
#include "exporter/notify.h"
#include "exporter/page.h"
#include "exporter/probe.h"
#include "exporter/sandbox.h"
#include "exporter/walk.h"
#include "stream.h"

/* A walk takes at most this part of the time, whatever the interval */
#define WALK_SHARE	100

static struct env {
	const char *address;
	const char *port;
	unsigned long walk_interval;
	bool once;
	bool check;
	bool histograms;
} env = {
	.address = "127.0.0.1",
	.port = "9943",
	.walk_interval = 15,
};

static const char doc[] =
	"Serve Prometheus metrics of device memory on http://ADDRESS:PORT/metrics.\v"
	"Gives up root and all capabilities before it serves.\n\n"
	"EXAMPLES:\n"
	"  devmem_exporter                     on the loopback address\n"
	"  devmem_exporter --address :: --port 9100\n"
	"  devmem_exporter --once              print what needs no watching, for the textfile collector\n"
	"  devmem_exporter --check             say what this kernel can tell\n";

enum {
	OPT_ADDRESS = 256,
	OPT_PORT,
	OPT_WALK,
	OPT_ONCE,
	OPT_CHECK,
	OPT_HISTOGRAMS,
};

static const struct argp_option options[] = {
	{ "address", OPT_ADDRESS, "ADDRESS", 0, "Listen on this address (default 127.0.0.1)", 0 },
	{ "port", OPT_PORT, "PORT", 0, "Listen on this port (default 9943)", 0 },
	{ "walk-interval", OPT_WALK, "SECONDS", 0, "How often to look at holders (default 15)", 0 },
	{ "once", OPT_ONCE, NULL, 0, "Print the metrics and end; attaches nothing", 0 },
	{ "check", OPT_CHECK, NULL, 0, "Load and attach, say what can be seen, and end", 0 },
	{ "histograms", OPT_HISTOGRAMS, NULL, 0, "Look at each token, to tell how long it is held",
	  0 },
	{ "verbose", 'v', NULL, 0, "Say what the kernel offers and what of it is used", 0 },
	{ NULL, 'h', NULL, 0, "Give this help list", -1 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_ADDRESS:
		env.address = arg;
		return 0;
	case OPT_PORT:
		args_number(state, "PORT", arg, 1, 65535);
		env.port = arg;
		return 0;
	case OPT_WALK:
		env.walk_interval = args_number(state, "SECONDS", arg, 1, 3600);
		return 0;
	case OPT_ONCE:
		env.once = true;
		return 0;
	case OPT_CHECK:
		env.check = true;
		return 0;
	case OPT_HISTOGRAMS:
		env.histograms = true;
		return 0;
	case 'v':
		diag_verbose = true;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there are only options", arg);
		return 0;
	case ARGP_KEY_END:
		if (env.once && env.check)
			argp_error(state, "it is either --once or --check");
		if (env.once && env.histograms)
			argp_error(state, "--once attaches nothing, so there is nothing for --histograms");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_once(struct page *page)
{
	size_t len;
	char *text;

	walk_run(page->walk, page->probe);
	text = page_write(page, false, &len);
	if (!text)
		return EXIT_FOUND;
	fwrite(text, 1, len, stdout);
	free(text);
	return EXIT_DONE;
}

static int num_missing;

static void say_missing(const char *name)
{
	printf("absent: %s\n", name);
	num_missing++;
}

/* What cannot be told on a kernel that has no counters of its own is no fault; what
 * it could, but for an event that cannot be seen, is.
 */
static int print_check(const struct probe *probe)
{
	unsigned int event, wanted = probe_wanted(probe), unseen = 0;
	const char *way;

	printf("layout: %s\n", layout_name(probe->layout));
	for (event = 0; event < EV_NUM; event++) {
		if (!(wanted & EV_BIT(event)))
			continue;
		way = probe_way(probe, event);
		printf("%s: %s\n", event_name(event), way ?: "cannot be seen");
		unseen += !way;
	}
	families_each_missing(probe, say_missing);
	if (!unseen)
		puts("all events can be seen");
	return unseen ? EXIT_FOUND : EXIT_DONE;
}

/* What the threads of the process that reads the kernel share */
struct server {
	struct page *page;
	struct pagelink link;
	pid_t front;
	bool told;		/* to end */
	atomic_bool alone;	/* the process that speaks HTTP is answered no more */
};

static void *answer_pages(void *arg)
{
	struct server *server = arg;

	pagelink_answer(&server->link, server->page);
	server->alone = true;
	return NULL;
}

/* Until the next walk, or a signal says something: SIGHUP asks for a walk now */
static bool wait_for_walk(struct server *server, const sigset_t *signals, __u64 until)
{
	const struct timespec second = { .tv_sec = 1 };
	int sig;

	while (stream_now_ns() < until) {
		notify_manager("WATCHDOG=1");
		sig = sigtimedwait(signals, NULL, &second);
		if (sig == SIGINT || sig == SIGTERM) {
			server->told = true;
			return false;
		}
		if (sig == SIGHUP)
			return true;
		if (server->alone) {
			diag("the process that speaks HTTP has ended");
			return false;
		}
	}
	return true;
}

static void walk_until_told(struct server *server, const sigset_t *signals)
{
	struct page *page = server->page;
	__u64 pause, took = page->walk->took_ns;

	do {
		pause = env.walk_interval * 1000000000ULL;
		if (pause < took * WALK_SHARE)
			pause = took * WALK_SHARE;
		if (!wait_for_walk(server, signals, stream_now_ns() + pause))
			return;
		took = walk_run(page->walk, page->probe);
	} while (true);
}

static int serve_pages(struct server *server, const sigset_t *signals)
{
	pthread_t thread;
	int err;

	walk_run(server->page->walk, server->page->probe);
	err = pthread_create(&thread, NULL, answer_pages, server);
	if (err) {
		diag("cannot start a thread: %s", strerror(err));
		return EXIT_FOUND;
	}
	if (!pagelink_ready(&server->link)) {
		notify_manager("READY=1");
		walk_until_told(server, signals);
	}
	/* Then the thread has nobody to wait for, whatever that process is doing */
	kill(server->front, SIGKILL);
	pthread_join(thread, NULL);
	return server->told ? EXIT_DONE : EXIT_FOUND;
}

static int serve_probe(struct server *server, const sigset_t *signals)
{
	struct walk walk = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct probe probe = {};
	struct page page = { .probe = &probe, .walk = &walk };
	int status = EXIT_FOUND;

	server->page = &page;
	if (!probe_open(&probe, true, env.histograms) && !sandbox_enter())
		status = serve_pages(server, signals);
	probe_close(&probe);
	vec_free(&page.names);
	vec_free(&page.devices);
	vec_free(&walk.bindings);
	return status;
}

static int serve(void)
{
	struct server server = {};
	sigset_t signals;
	int sock, status;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	sock = listen_open(env.address, env.port);
	if (sock < 0)
		return EXIT_FOUND;
	server.front = front_start(sock, &server.link);
	if (server.front < 0)
		return EXIT_FOUND;
	status = serve_probe(&server, &signals);
	pagelink_close(&server.link);
	waitpid(server.front, NULL, 0);
	return status;
}

static int print(void)
{
	struct walk walk = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct probe probe = {};
	struct page page = { .probe = &probe, .walk = &walk };
	int status = EXIT_FOUND;

	if (!probe_open(&probe, env.check, env.histograms))
		status = env.check ? print_check(&probe) : print_once(&page);
	probe_close(&probe);
	vec_free(&page.names);
	vec_free(&page.devices);
	vec_free(&walk.bindings);
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
	};

	args_parse_own(&argp, argc, argv);
	return env.once || env.check ? print() : serve();
}
