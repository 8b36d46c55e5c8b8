/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all tools do with bindings and their holders: choose, and show them */
#ifndef DEVMEM_HOLDERS_H
#define DEVMEM_HOLDERS_H

#include "args.h"
#include "inventory.h"

/* By -b and -i */
bool binding_wanted(const struct inv_binding *binding, const struct args *args);

/* False, and said so, if -i names what is not there: neither as a device of this network
 * namespace nor by a binding, which can be in any
 */
bool device_known(const struct inventory *inv, const struct args *args);

/* By -p */
bool holder_wanted(const struct inv_holder *holder, const struct args *args);

/* JSON's holder, cookie, local, remote and tasks, in the object that is open */
void holder_json(const struct inv_holder *holder);

/* Prints "LOCAL <- REMOTE, COMM[PID] fd FD, ...", or "io_uring of COMM[PID] fd FD, ...". How
 * a process has what it does not have as a descriptor is said in words.
 */
void holder_print(const struct inv_holder *holder);

#endif /* DEVMEM_HOLDERS_H */
