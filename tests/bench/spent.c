// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spent COMMAND...: run it, with its output thrown away, and print what it took as a JSON
 * object: nanoseconds, which are instructions where those are counted, and the most
 * memory that it had.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void run(char **argv)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		err(EXIT_FAILURE, "/dev/null");
	execvp(*argv, argv);
	err(EXIT_FAILURE, "%s", *argv);
}

int main(int argc, char **argv)
{
	unsigned long long begin = now_ns();
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: spent COMMAND...");
	pid = fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid)
		run(argv + 1);
	if (wait4(pid, &status, 0, &usage) < 0)
		err(EXIT_FAILURE, "wait4");
	if (status)
		errx(EXIT_FAILURE, "%s: status %#x", argv[1], status);
	printf("{\"ns\":%llu,\"kib\":%ld}\n", now_ns() - begin, usage.ru_maxrss);
	return EXIT_SUCCESS;
}
