// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * devfuzz: do everything to device memory that can be done, in any order and at
 * once, and look whether the kernel stays whole. In rounds: each has a new pair
 * of devices, processes whose threads run operations, and after those the
 * oracles.
 */
#include "fuzz.h"

#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bed.h"
#include "devmemcat.h"
#include "oracle.h"

#define ROUND_OPS 10000
/* Until threads that were told to end must have: generous, for slow machines. */
#define PATIENCE_SECONDS 240
#define TENTHS_PER_POSITION 5

static struct settings settings;
static struct {
	uint64_t ops;
	unsigned int seconds;
	unsigned int rounds;
	unsigned int first_round;
	unsigned int round_ops;
	uint64_t list;		/* operations of each thread to list, from list_from on */
	uint64_t list_from;
} options = { .round_ops = ROUND_OPS };

static struct world *world;
static volatile sig_atomic_t splat;

/* What devmemcat's parts say when something fails, which it does all the time here. */
static bool talk = true;

int complain(const char *fmt, ...)
{
	va_list ap;

	if (!talk)
		return -1;
	va_start(ap, fmt);
	fputs("devfuzz: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return -1;
}

static const char doc[] =
	"Do everything to device memory that can be done, in any order and at once.\v"
	"Prints the seed that it uses. Without --ops, --seconds and --rounds it plays one round. "
	"A signal USR1 tells it that the kernel complained: it prints the last operations of "
	"each thread and ends. Exit status: 0 if all held, 1 if not.";

enum {
	OPT_FIRST = 256,
	OPT_WITHOUT,
	OPT_IDLE,
	OPT_LIST,
	OPT_FROM,
	OPT_ROUND_OPS,
};

static const struct argp_option arguments[] = {
	{ "seed", 's', "N", 0, "Of all operations; by default from the time", 0 },
	{ "ops", 'n', "N", 0, "Play rounds until so many operations are done", 0 },
	{ "seconds", 't', "N", 0, "Play rounds until so much time is over", 0 },
	{ "rounds", 'r', "N", 0, "Play so many rounds", 0 },
	{ "first", OPT_FIRST, "N", 0, "Begin with this round, not with 0", 0 },
	{ "round-ops", OPT_ROUND_OPS, "N", 0, "Operations of a round (default 10000)", 0 },
	{ "faults", 'f', NULL, 0, "Make allocations fail as well", 0 },
	{ "without", OPT_WITHOUT, "KIND,...", 0, "Leave out operations of these kinds", 0 },
	{ "idle", OPT_IDLE, "THREAD,...", 0, "Leave out all that these threads do", 0 },
	{ "list", OPT_LIST, "N", 0, "List N operations of each thread and run nothing", 0 },
	{ "from", OPT_FROM, "N", 0, "With --list: begin with this one", 0 },
	{},
};

static uint64_t parse_number(struct argp_state *state, const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (end == text || *end || *text == '-')
		argp_error(state, "'%s' is not a number", text);
	return n;
}

static void parse_kinds(struct argp_state *state, char *text)
{
	enum op_kind kind;
	char *name;

	while ((name = strsep(&text, ","))) {
		kind = op_by_name(name);
		if (kind == OP_KINDS)
			argp_error(state, "no operation is called '%s'", name);
		settings.without[kind] = true;
	}
}

static void parse_threads(struct argp_state *state, char *text)
{
	char *name;
	uint64_t id;

	while ((name = strsep(&text, ","))) {
		id = parse_number(state, name);
		if (id >= WORKERS)
			argp_error(state, "threads are 0 to %d, not %s", WORKERS - 1, name);
		settings.idle[id] = true;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 's':
		settings.seed = parse_number(state, arg);
		break;
	case 'n':
		options.ops = parse_number(state, arg);
		break;
	case 't':
		options.seconds = parse_number(state, arg);
		break;
	case 'r':
		options.rounds = parse_number(state, arg);
		break;
	case 'f':
		settings.faults = true;
		break;
	case OPT_FIRST:
		options.first_round = parse_number(state, arg);
		break;
	case OPT_ROUND_OPS:
		options.round_ops = parse_number(state, arg);
		break;
	case OPT_WITHOUT:
		parse_kinds(state, arg);
		break;
	case OPT_IDLE:
		parse_threads(state, arg);
		break;
	case OPT_LIST:
		options.list = parse_number(state, arg);
		break;
	case OPT_FROM:
		options.list_from = parse_number(state, arg);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there are only options", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void list_operations(void)
{
	unsigned int id;
	struct gen gen;
	struct op op;
	char text[256];
	uint64_t i;

	for (id = 0; id < WORKERS; id++) {
		gen_init(&gen, settings.seed, options.first_round, id);
		for (i = 0; i < options.list_from + options.list; i++) {
			gen_next(&gen, worker_role(id), &op);
			if (i >= options.list_from && !settings.without[op.kind])
				printf("thread %u op %" PRIu64 ": %s\n", id, i,
				       op_text(&op, text, sizeof(text)));
		}
	}
}

static void on_splat(int sig)
{
	(void)sig;
	splat = 1;
}

/* Into the kernel's log, which is what is left when the kernel dies. */
static void tell_positions(int kmsg, unsigned int round)
{
	char text[256];
	unsigned int id;
	int len;

	len = snprintf(text, sizeof(text), "devfuzz: seed %" PRIu64 " round %u at", settings.seed,
		       round);
	for (id = 0; id < WORKERS; id++)
		len += snprintf(text + len, sizeof(text) - len, " %" PRIu64,
				(uint64_t)world->number[id]);
	if (kmsg >= 0 && write(kmsg, text, len) < 0)
		complain("/dev/kmsg: %s", strerror(errno));
}

static void print_record(unsigned int id, const struct record *rec)
{
	char text[256];

	printf("thread %u op %" PRIu64 ": %s: ", id, rec->number,
	       op_text(&rec->op, text, sizeof(text)));
	if (!rec->done)
		printf("being run\n");
	else if (rec->result == SKIPPED)
		printf("nothing to do it to\n");
	else if (rec->result < 0)
		printf("%s\n", strerror(-rec->result));
	else
		printf("%ld\n", rec->result);
}

/* What each thread did last, oldest first. */
static void print_records(void)
{
	unsigned int id;
	uint64_t i;

	for (id = 0; id < WORKERS; id++) {
		i = world->number[id] + 1;
		for (i = i < RECORDS ? 0 : i - RECORDS; i <= world->number[id]; i++)
			if (world->record[id][i % RECORDS].number == i)
				print_record(id, &world->record[id][i % RECORDS]);
	}
	fflush(stdout);
}

/* Processes that wait for the kernel or run in it for ever: it tells where. */
static void tell_stuck(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	complain("%u threads are not done after %d s; their stacks are in the kernel's log",
		 world->working, PATIENCE_SECONDS);
	if (fd < 0 || write(fd, "w", 1) < 0 || write(fd, "l", 1) < 0)
		complain("/proc/sysrq-trigger: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	print_records();
}

static void init_world(void)
{
	unsigned int id;

	memset(world->record, 0, sizeof(world->record));
	world->left = options.round_ops;
	world->stop = false;
	world->working = 0;
	for (id = 0; id < WORKERS; id++) {
		world->number[id] = 0;
		world->working += !settings.idle[id];
	}
}

/* A process of the round ended on its own. */
static bool died(const pid_t *pids)
{
	siginfo_t info = { 0 };
	int i;

	for (i = 0; i < PROCESSES; i++) {
		if (waitid(P_PID, pids[i], &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			continue;
		complain("process %d of the round ended with %s %d", i,
			 info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
		print_records();
		return true;
	}
	return false;
}

/* Wait until all threads are done. Returns 0, or -1 if they do not come to their end. */
static int attend(unsigned int round, const pid_t *pids)
{
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), tenths = 0, patience = 0;

	while (world->working && !splat) {
		usleep(100000);
		if (tenths++ % TENTHS_PER_POSITION == 0)
			tell_positions(kmsg, round);
		if (died(pids)) {
			close(kmsg);
			return -1;
		}
		if (world->left <= 0 && patience++ > 10 * PATIENCE_SECONDS) {
			tell_stuck();
			close(kmsg);
			return -1;
		}
	}
	close(kmsg);
	if (!splat)
		return 0;
	complain("the kernel complained in round %u of seed %" PRIu64 "; what was done last:",
		 round, settings.seed);
	print_records();
	return -1;
}

static int start_processes(const struct bed *bed, unsigned int round, pid_t *pids)
{
	int until[2];
	int i;

	if (pipe2(until, O_CLOEXEC))
		return -1;
	fflush(NULL);
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		talk = false;
		close(until[1]);
		worker_process(&settings, bed, world, round, i, until[0]);
	}
	close(until[0]);
	return until[1];
}

static void wait_processes(const pid_t *pids)
{
	int i;

	for (i = 0; i < PROCESSES; i++)
		waitpid(pids[i], NULL, 0);
}

static void kill_processes(const pid_t *pids)
{
	int i;

	for (i = 0; i < PROCESSES; i++)
		kill(pids[i], SIGKILL);
}

/* Descriptors on their way belong to nobody. */
static void empty_mail(const struct bed *bed)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room };
	int fd;

	for (;;) {
		msg.msg_controllen = sizeof(room);
		if (recvmsg(bed->mail[1], &msg, MSG_DONTWAIT) < 0)
			return;
		memcpy(&fd, CMSG_DATA((struct cmsghdr *)room), sizeof(fd));
		close(fd);
	}
}

/* With the threads at rest, stop what still comes, and look. */
static int look(struct admin *admin, const struct bed *bed, struct sight *sight)
{
	empty_mail(bed);
	link_flags(&admin->link[NS_TX], world->ifindex[END_TX], 0, IFF_UP);
	return oracle_at_rest(sight);
}

static uint64_t sum_tally(size_t field)
{
	uint64_t sum = 0;
	unsigned int kind;

	for (kind = 0; kind < OP_KINDS; kind++)
		sum += *(_Atomic uint64_t *)((char *)&world->tally[kind] + field);
	return sum;
}

static uint64_t ops_done(void)
{
	return sum_tally(offsetof(struct tally, done)) + sum_tally(offsetof(struct tally, refused));
}

static int play_round(unsigned int round)
{
	struct sight sight = { 0 };
	pid_t pids[PROCESSES] = { 0 };
	struct admin admin;
	struct bed bed;
	int err, until;

	init_world();
	err = bed_open(&bed) ?: admin_open(&admin, &bed, world) ?: bed_make_devices(&admin);
	if (err)
		return complain("no bed to play on: %s", strerror(-err));
	until = start_processes(&bed, round, pids);
	err = attend(round, pids);
	if (err) {
		kill_processes(pids);
		return err;
	}
	err = look(&admin, &bed, &sight);
	close(until);
	wait_processes(pids);
	bed_mend(&admin);
	bed_delete_devices(&admin);
	admin_close(&admin);
	bed_close(&bed);
	err |= oracle_all_gone();
	printf("round %u: %" PRIu64 " operations so far; at rest %u bindings with %u iovs, %u with a reader, %u tokens\n",
	       round, ops_done(), sight.bindings, sight.iovs, sight.user, sight.tokens);
	fflush(stdout);
	if (err)
		complain("in round %u of seed %" PRIu64, round, settings.seed);
	return err;
}

static void print_tally(void)
{
	unsigned int kind;

	printf("%-14s %9s %9s %9s %9s\n", "operation", "done", "refused", "skipped", "faults");
	for (kind = 0; kind < OP_KINDS; kind++)
		printf("%-14s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
		       op_name(kind),
		       (uint64_t)world->tally[kind].done, (uint64_t)world->tally[kind].refused,
		       (uint64_t)world->tally[kind].skipped, (uint64_t)world->tally[kind].faults);
	printf("seed %" PRIu64 ": %" PRIu64 " operations, %" PRIu64 " of them with a fault\n",
	       settings.seed, ops_done(), sum_tally(offsetof(struct tally, faults)));
}

static bool over(unsigned int rounds, time_t begin)
{
	if (options.rounds || (!options.ops && !options.seconds))
		return rounds >= (options.rounds ?: 1);
	if (options.seconds)
		return time(NULL) - begin >= options.seconds;
	return ops_done() >= options.ops;
}

/* Whether the kernel has the DMA API's debugging, and that looks. */
static bool dma_is_watched(void)
{
	FILE *file = fopen("/sys/kernel/debug/dma-api/disabled", "re");
	bool watched;

	if (!file)
		return false;
	watched = getc(file) == 'N';
	fclose(file);
	return watched;
}

int main(int argc, char **argv)
{
	const struct argp argp = { arguments, parse, NULL, doc, NULL, NULL, NULL };
	const time_t begin = time(NULL);
	unsigned int rounds = 0;
	int err = 0;

	settings.map_once = dma_is_watched();
	settings.seed = (uint64_t)begin * 1000 + getpid() % 1000;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (options.list) {
		list_operations();
		return 0;
	}
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED)
		return 1;
	signal(SIGUSR1, on_splat);
	printf("seed %" PRIu64 "\n", settings.seed);
	fflush(stdout);
	while (!err && !over(rounds, begin))
		err = play_round(options.first_round + rounds++);
	print_tally();
	return err ? 1 : 0;
}
