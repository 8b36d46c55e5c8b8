// SPDX-License-Identifier: GPL-2.0-or-later
/* The process that speaks HTTP */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "diag.h"
#include "front.h"
#include "http.h"
#include "listen.h"
#include "sandbox.h"

/* Until told to end, or there is nobody to ask any more */
static void watch_clients(struct http *http, const struct pagelink *link,
			  const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };
	int sig;

	do {
		http_expire(http);
		sig = sigtimedwait(signals, NULL, &second);
	} while (sig != SIGINT && sig != SIGTERM && !pagelink_ended(link));
}

static int serve(int sock, const struct pagelink *link)
{
	struct http *http;
	sigset_t signals;

	sigprocmask(SIG_BLOCK, NULL, &signals);
	if (!pagelink_wait(link))
		return 0;
	http = http_start(sock, link);
	if (!http)
		return EXIT_FAILURE;
	listen_tell(sock);
	watch_clients(http, link, &signals);
	http_stop(http);
	return 0;
}

pid_t front_start(int sock, struct pagelink *link)
{
	struct pagelink reader, front;
	pid_t pid, parent = getpid();

	if (pagelink_open(&reader, &front))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		pagelink_close(&reader);
		/* The other process may die of a signal that nobody passes on */
		if (sandbox_enter() || prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(EXIT_FAILURE);
		_exit(serve(sock, &front));
	}
	pagelink_close(&front);
	close(sock);
	if (pid < 0) {
		diag("cannot start a process: %s", strerror(errno));
		pagelink_close(&reader);
		return -1;
	}
	*link = reader;
	return pid;
}
