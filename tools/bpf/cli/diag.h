/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the user what is wrong, and what to do about it */
#ifndef DEVMEM_DIAG_H
#define DEVMEM_DIAG_H

#include <stdbool.h>

/* Exit status of all tools */
enum {
	EXIT_DONE = 0,
	EXIT_FOUND = 1,		/* something was found, or failed */
	EXIT_USAGE = 2,
};

extern bool diag_verbose;

/* To stderr, with the tool's name in front */
void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, under -v only */
void diag_v(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* strerror() that knows what BPF system calls return */
const char *diag_errno(int err);

/* Keeps what libbpf says until it matters. Call it before anything else. */
void diag_init(void);

/* What every tool needs: BTF, device memory, capabilities. Says what is missing and returns
 * nonzero.
 */
int diag_check_kernel(void);

/* Says why @what could not be loaded, with libbpf's own words */
void diag_load_failed(const char *what, int err);

#endif /* DEVMEM_DIAG_H */
