// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazbpf CGROUP: read the payload of what the sockets of a cgroup receive, by a BPF program.
 *
 * Prints "ready", and "data" when the program had a packet with payload. Ends when killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "devmemcat.h"
#include "hazards.skel.h"

int main(int argc, char **argv)
{
	struct bpf_link *link;
	struct hazards *obj;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: hazbpf CGROUP\n");
		return 2;
	}
	setlinebuf(stdout);
	fd = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return complain("%s: %s", argv[1], strerror(errno)) < 0;
	obj = hazards__open_and_load();
	if (!obj)
		return complain("cannot load the programs: %s", strerror(errno)) < 0;
	link = bpf_program__attach_cgroup(obj->progs.cgroup, fd);
	if (!link)
		return complain("cannot attach to %s: %s", argv[1], strerror(errno)) < 0;
	puts("ready");
	while (!obj->bss->seen)
		poll(NULL, 0, 10);
	puts("data");
	for (;;)
		poll(NULL, 0, -1);
}
