// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fulltramp FUNCTION: attach to a kernel function until its trampoline takes no more, say
 * so, and keep it like that.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/filter.h>

int main(int argc, char **argv)
{
	/* r0 = 0; exit */
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int attached = 0, fd;

	if (argc != 2)
		return 2;
	opts.attach_btf_id = btf__find_by_name_kind(btf__load_vmlinux_btf(), argv[1],
						    BTF_KIND_FUNC);
	do {
		fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "fulltramp", "GPL", nothing, 2, &opts);
		if (fd < 0) {
			fprintf(stderr, "cannot load a program for %s: %s\n", argv[1],
				strerror(errno));
			return 1;
		}
	} while (bpf_raw_tracepoint_open(NULL, fd) >= 0 && ++attached);
	printf("full with %d: %s\n", attached, strerror(errno));
	fflush(stdout);
	pause();
	return 0;
}
