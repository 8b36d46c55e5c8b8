/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_CONN_H
#define DEVMEMCAT_CONN_H

#include "tokens.h"

#include "binding.h"
#include "devmemcat.h"

/* What all connections of a receiver share. */
struct intake {
	const struct options *opt;
	const struct binding *binding;	/* NULL with io_uring */
	int out;		/* -1: no output */
	bool holding_over;	/* tokens are no longer to be kept */

	unsigned long long devmem;	/* bytes, by where they came in */
	unsigned long long linear;	/* copied by the kernel from an skb's linear part */
	unsigned long long host;		/* no device memory at all */
	unsigned long long frags;
	unsigned long long peeked;	/* tokens that MSG_PEEK minted */
	unsigned long long returned;
	unsigned long long held;		/* kept now */
	unsigned long long held_bytes;
};

struct conn {
	struct intake *in;
	unsigned int number;
	unsigned long long offset;	/* in the stream: bytes received */
	bool bad;
	unsigned long long bad_offset;
	struct token_batch batch;	/* has the socket */
	uint32_t *kept;
	size_t num_kept;
	size_t room;
	bool parked;		/* batch.fd is what the socket hangs on */
};

struct conn *conn_new(struct intake *in, int fd, unsigned int number);
/* Closes the socket: the kernel takes back the tokens it still has out. */
void conn_free(struct conn *c);

enum conn_state { CONN_ERROR = -1, CONN_EOF, CONN_MORE };

/* Take what has arrived, never blocks. */
enum conn_state conn_read(struct conn *c);

/* Compare what lies at @p, in @where, with the stream at @offset. The first difference is told. */
void conn_verify(struct conn *c, const char *p, size_t len, unsigned long long offset,
		 const char *where);

/* Put the socket where no descriptor has it. Returns 0, or -1 after saying why not. */
int conn_park(struct conn *c);

/*
 * Give back the tokens that were kept; of a parked one, when it is freed. Returns 0, or -1
 * after saying why not.
 */
int conn_release(struct conn *c);

#endif
