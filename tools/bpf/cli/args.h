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

/* What a tool's main() starts with: take the options, with exit status 2 on wrong usage,
 * and be ready for diag().
 */
void args_parse_own(const struct argp *argp, int argc, char **argv);

/* With the common ones: -h -v -j -i -p. @argp's parser gives its child 0 a struct args. */
void args_parse(const struct argp *argp, int argc, char **argv);

/* And with -b; @argp's parser gives its children 0 and 1 the same struct args. */
void args_parse_binding(const struct argp *argp, int argc, char **argv);

/* For tools that wait for what is to come: -i may name a device that is not here */
void args_say_unknown_device(const struct args *args);

/* A whole number from @min to @max, or usage and exit */
unsigned long args_number(struct argp_state *state, const char *what,
			  const char *arg, unsigned long min, unsigned long max);

#endif /* DEVMEM_ARGS_H */
