/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEM_LISTEN_H
#define DEVMEM_LISTEN_H

/* A socket that listens: the one that systemd hands over, if it does, else one on
 * this numeric address and port. Says what is wrong, and returns -1, on failure.
 */
int listen_open(const char *address, const char *port);

/* Says where @sock listens */
void listen_tell(int sock);

#endif /* DEVMEM_LISTEN_H */
