/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEM_SANDBOX_H
#define DEVMEM_SANDBOX_H

/* Gives up root and all capabilities, for good, and lets nobody else in. To be called
 * before there are threads. Says what is wrong, and returns nonzero, on failure.
 */
int sandbox_enter(void);

#endif /* DEVMEM_SANDBOX_H */
