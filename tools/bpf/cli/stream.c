// SPDX-License-Identifier: GPL-2.0-or-later
/* What tools have in common that run until they are told to stop */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stream.h"

volatile bool stream_stop;

static void on_signal(int sig)
{
	stream_stop = true;
}

/* A second signal ends a tool that hangs in writing its output */
void stream_catch_signals(void)
{
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESETHAND,
	};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static __u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* What a time namespace adds to the kernel's own clock */
static __s64 namespace_offset_ns(void)
{
	long long seconds = 0, ns = 0;
	FILE *f;

	f = fopen("/proc/self/timens_offsets", "r");
	if (!f)
		return 0;
	if (fscanf(f, "monotonic %lld %lld", &seconds, &ns) != 2)
		seconds = 0;
	fclose(f);
	return seconds * 1000000000 + ns;
}

__u64 stream_now_ns(void)
{
	static __s64 offset;
	static bool known;

	if (!known) {
		offset = namespace_offset_ns();
		known = true;
	}
	return monotonic_ns() - offset;
}

void stream_sleep(double seconds)
{
	__u64 end = monotonic_ns() + (__u64)(seconds * 1e9);
	struct timespec ts = {
		.tv_sec = end / 1000000000,
		.tv_nsec = end % 1000000000,
	};

	while (!stream_stop &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

const char *stream_time(char buf[32], __u64 mono_ns)
{
	struct timespec real;
	char hms[16];
	struct tm tm;
	__u64 ns;

	clock_gettime(CLOCK_REALTIME, &real);
	ns = real.tv_sec * 1000000000ULL + real.tv_nsec -
	     (stream_now_ns() - mono_ns);
	real.tv_sec = ns / 1000000000;
	localtime_r(&real.tv_sec, &tm);
	strftime(hms, sizeof(hms), "%H:%M:%S", &tm);
	snprintf(buf, 32, "%s.%06llu", hms, ns % 1000000000 / 1000);
	return buf;
}
