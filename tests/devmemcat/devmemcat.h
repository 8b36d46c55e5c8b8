/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_H
#define DEVMEMCAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "park.h"

#define MAX_QUEUES 256

/* What the user asked for. */
struct options {
	/* both directions */
	const char *host;	/* sender: peer; receiver: local address or NULL */
	const char *port;
	unsigned long long bytes;		/* 0: not given */
	unsigned long long seed;
	bool json;
	bool verbose;

	/* sender */
	bool from_stdin;
	bool tx;		/* from a dma-buf */

	/* receiver */
	bool listen;
	bool bind_only;
	const char *ifname;
	unsigned int queues[MAX_QUEUES];
	unsigned int num_queues;
	const char *memory;	/* udmabuf, heap[:NAME], fd:N */
	size_t size;
	const char *output;	/* NULL: verify */
	bool discard;
	bool no_read;
	bool peek;
	bool zcrx;		/* by io_uring, into host memory */
	unsigned long long hold;
	enum park park;		/* where connections go that hold tokens at their end */
	unsigned int accept;	/* 0: until interrupted */
	unsigned long long count;	/* bind-only: cycles; 0: one, until interrupted */
};

/* message.c: a message for the user, on stderr; complain() returns -1. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int run_receiver(const struct options *opt);
int run_zcrx(const struct options *opt);
int run_bind_only(const struct options *opt);
int run_sender(const struct options *opt);
int run_tx(const struct options *opt);

/* net.c */
int net_listen(const char *host, const char *port);
int net_connect(const char *host, const char *port);
/* Write "ADDRESS:PORT" of the local (or remote) end into @name; returns @name. */
char *net_name(int fd, bool remote, char *name, size_t size);

#endif
