/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that all tools have */
#ifndef DEVMEM_ARGS_H
#define DEVMEM_ARGS_H

#include <argp.h>
#include <stdbool.h>

#define ARGS_NO_BINDING	0	/* no binding has this id */

struct args {
	bool json;
	const char *ifname;
	unsigned int ifindex;
	unsigned int binding;
	unsigned int pid;
};

/* Children of a tool's own argp, with a struct args as their input: -h -v -j
 * -i -p, and -b
 */
extern const struct argp args_argp;
extern const struct argp args_binding_argp;

/* What a tool's main() starts with: the version, exit status 2 on wrong usage */
void args_init(void);

/* A whole number from @min to @max, or usage and exit */
unsigned long args_number(struct argp_state *state, const char *what,
			  const char *arg, unsigned long min, unsigned long max);

#endif /* DEVMEM_ARGS_H */
