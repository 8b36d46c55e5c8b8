/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A binding, and connections whose two ends are in this process, in the network that
 * tests/lib/net.sh makes. All of these end the program when they fail.
 */
#ifndef BENCH_RXCONN_H
#define BENCH_RXCONN_H

#include "uapi.h"

#include <stddef.h>

#include "binding.h"
#include "tokens.h"

#define RX_IFNAME "dms0"

/* Queues from 1 on */
void rx_bind_queues(struct binding *binding, unsigned int num, size_t size);

/* At @port, which is steered to a queue. Called in the namespace rx. */
int rx_listen(int port);

/* Another connection to where @listener listens. */
void rx_connect(int listener, int *sender, int *receiver);

/* Collect the tokens of one message. */
void rx_take_tokens(struct token_batch *batch, struct msghdr *msg);

#endif
