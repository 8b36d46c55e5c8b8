/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_SIGNALS_H
#define DEVMEMCAT_SIGNALS_H

/*
 * Signals are read from a file descriptor, so that they come between steps only.
 * Returns it, or -1 after saying what is wrong.
 */
int signals_open(void);

/* The number of the next signal, 0 if there is none. */
int signals_read(int fd);

#endif
