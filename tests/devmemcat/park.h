/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_PARK_H
#define DEVMEMCAT_PARK_H

/* Where a socket can be that no process has as a file descriptor. */
enum park {
	PARK_NOWHERE,
	PARK_IN_FLIGHT,		/* sent over a unix socket, not received */
	PARK_REGISTERED,	/* a fixed file of an io_uring */
};

/*
 * Put the socket @fd there and close it. Returns the descriptor that it hangs on from
 * now on (the unix socket it waits in, the ring), or -1 after saying what is wrong.
 */
int park(enum park where, int fd);

#endif
