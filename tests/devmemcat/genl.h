/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_GENL_H
#define DEVMEMCAT_GENL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* A generic netlink socket, and what the kernel said about the last request. */
struct genl {
	struct mnl_socket *nl;
	unsigned int seq;
	char extack[256];	/* "" if the kernel gave no reason */
};

/* All of these return 0 or a negative errno. */
int genl_open(struct genl *g);
void genl_close(struct genl *g);

/* Number of the family called @name, or a negative errno (-ENOENT: not there). */
int genl_family(struct genl *g, const char *name);

/* Begin a request in @buf; the caller adds attributes and calls genl_talk(). */
struct nlmsghdr *genl_request(void *buf, uint16_t family, uint8_t cmd, uint16_t flags);

/* Send @req, give each reply to @cb (which may be NULL), wait for the end of it. */
int genl_talk(struct genl *g, struct nlmsghdr *req, mnl_cb_t cb, void *data);

#endif
