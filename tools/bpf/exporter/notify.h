/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEM_NOTIFY_H
#define DEVMEM_NOTIFY_H

/* Tells the service manager @state ("READY=1", "WATCHDOG=1"), as sd_notify(3) says, if
 * there is one that wants to know.
 */
void notify_manager(const char *state);

#endif /* DEVMEM_NOTIFY_H */
