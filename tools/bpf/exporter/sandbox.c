// SPDX-License-Identifier: GPL-2.0-or-later
/* Gives up every privilege that is not needed once the programs are attached */

#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "diag.h"
#include "sandbox.h"

#define NOBODY	65534	/* the kernel's overflow id: owner of nothing */

/* Root without capabilities still owns most files */
static int leave_root(void)
{
	if (geteuid())
		return 0;
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

/* What is not in the bounding set cannot come back by way of a file. That takes
 * CAP_SETPCAP; without it no_new_privs alone has to do.
 */
static void empty_bounding_set(void)
{
	cap_value_t cap;

	for (cap = 0; cap < cap_max_bits(); cap++)
		if (cap_get_bound(cap) > 0)
			cap_drop_bound(cap);
}

int sandbox_enter(void)
{
	cap_t none = cap_init();
	int err;

	empty_bounding_set();
	/* Undumpable: another process of this user cannot trace it or take its files */
	err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || cap_reset_ambient() ||
	      leave_root() || !none || cap_set_proc(none) ||
	      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (err)
		diag("cannot give up privileges: %s", strerror(errno));
	cap_free(none);
	return err;
}
