// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints how many BPF programs are loaded. bpftool does as well, but loads one of
 * its own each time, to find out who has them open.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <bpf/bpf.h>

int main(void)
{
	unsigned int progs = 0;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		progs++;
	if (errno != ENOENT)
		err(EXIT_FAILURE, "cannot list BPF programs");
	printf("%u\n", progs);
	return EXIT_SUCCESS;
}
