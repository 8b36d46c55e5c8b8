/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULTS_BED_H
#define FAULTS_BED_H

#include "uapi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dmabuf.h"
#include "netdev.h"

#define BED_TOKENS 4096
#define BED_CMSG CMSG_SPACE(sizeof(struct dmabuf_cmsg))

/* A device with a queue to bind, and a connection through it. */
struct bed {
	const char *ifname;
	unsigned int ifindex;
	unsigned int queue;
	const char *host;
	const char *port;
	int tx_ns;	/* where the peer is */
	int own_ns;
	int ctl;	/* any socket, for ioctls */
	int kmsg;
	int listener;

	struct dmabuf buf;
	struct netdev nd;
	uint32_t id;	/* of the binding */

	int conn;	/* the receiving end */
	int sender;
	size_t sent;
	size_t in_devmem;	/* bytes received, and how */
	size_t elsewhere;
	unsigned int num_tokens;
	uint32_t tokens[BED_TOKENS];	/* held */
};

/* All return 0, or -1 after saying what is wrong, unless they say otherwise. */
int bed_open(struct bed *bed);

/* Memory for a binding, and the binding. bed_try_bind() returns 0 or -errno. */
int bed_memory(struct bed *bed);
int bed_try_bind(struct bed *bed);
int bed_bind(struct bed *bed);
void bed_unbind(struct bed *bed);

int bed_connect(struct bed *bed);
void bed_disconnect(struct bed *bed);
int bed_send(struct bed *bed, size_t bytes);
/* Until so many bytes wait in the receiving end. */
int bed_wait_data(struct bed *bed, size_t bytes);
/*
 * One recvmsg() with this buffer for control messages, of which @room bytes are said
 * to be there. Returns the bytes or -errno.
 */
long bed_receive(struct bed *bed, void *control, size_t room);
/* Receive until all that was sent is there; gives tokens back as they come. */
int bed_receive_all(struct bed *bed);
/* Give back all tokens that are held: how many the kernel took, or -errno. */
long bed_give_back(struct bed *bed);
/* A connection from begin to end, all of it received in device memory. */
int bed_transfer(struct bed *bed, size_t bytes);

/* 0 or -errno */
int bed_link(struct bed *bed, bool up);
bool bed_link_is_up(struct bed *bed);
int bed_toggle_rings(struct bed *bed);
int bed_toggle_channels(struct bed *bed);
int bed_toggle_mtu(struct bed *bed);

/* Whether the kernel said this since the last call. */
bool bed_kernel_said(struct bed *bed, const char *what);

/* What there must be of bindings, soon; says what there is instead. */
int bed_expect_no_binding(void);
int bed_expect_no_dmabuf(void);
/* Of the one binding: iovs that readers have, by counter and by each iov, and tokens. */
int bed_expect_user(unsigned int tokens);
int bed_expect_all_free(void);

#endif
