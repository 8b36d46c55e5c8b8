/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tools have in common that run until they are told to stop */
#ifndef DEVMEM_STREAM_H
#define DEVMEM_STREAM_H

#include <stdbool.h>
#include <linux/types.h>

/* Set by SIGINT and SIGTERM, which end a tool in an orderly way, and when
 * standard output is closed at the other end
 */
extern volatile bool stream_stop;

void stream_catch_signals(void);

/* Sleeps until @seconds are over or a signal says stop */
void stream_sleep(double seconds);

/* The one clock of all tools: what bpf_ktime_get_ns() gives and the provider notes. It
 * stands still while the host is suspended; time namespaces do not shift it.
 */
__u64 stream_now_ns(void);

/* "12:34:56.123456" of a monotonic time */
const char *stream_time(char buf[32], __u64 mono_ns);

#endif /* DEVMEM_STREAM_H */
