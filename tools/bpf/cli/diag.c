// SPDX-License-Identifier: GPL-2.0-or-later
/* Errors that name what is missing and the remedy */

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "diag.h"
#include "ksyms.h"

#define BTF_FILE	"/sys/kernel/btf/vmlinux"
#define LOCKDOWN_FILE	"/sys/kernel/security/lockdown"
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

bool diag_verbose;

/* What libbpf complained about, and how much of its end is shown: a refused
 * program comes with the verifier's whole log
 */
static char *complaints;
static size_t complaints_len;
static FILE *complaints_file;

#define COMPLAINTS_SHOWN	2000

static void vdiag(const char *fmt, va_list args)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void diag(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vdiag(fmt, args);
	va_end(args);
}

void diag_v(const char *fmt, ...)
{
	va_list args;

	if (!diag_verbose)
		return;

	va_start(args, fmt);
	vdiag(fmt, args);
	va_end(args);
}

static int keep_complaint(enum libbpf_print_level level, const char *fmt,
			  va_list args)
{
	if (level != LIBBPF_WARN || !complaints_file)
		return 0;

	return vfprintf(complaints_file, fmt, args);
}

void diag_init(void)
{
	complaints_file = open_memstream(&complaints, &complaints_len);
	libbpf_set_print(keep_complaint);
}

/* The kernel has errors of its own, which BPF system calls let out */
const char *diag_errno(int err)
{
	return err == 524 ? "not supported" : strerror(err);
}

static int say_locked_down(void)
{
	diag("the kernel is locked down for confidentiality, so nobody may read its memory: boot it with lockdown=integrity, or without");
	return -EPERM;
}

void diag_load_failed(const char *what, int err)
{
	size_t skipped = 0;

	diag("cannot load the BPF programs of %s: %s", what, diag_errno(-err));
	if (!complaints_file || fflush(complaints_file))
		return;
	/* The verifier's way to say that, where securityfs is not mounted */
	if (strstr(complaints, "cannot use helper bpf_probe_read")) {
		say_locked_down();
		return;
	}
	if (!diag_verbose && complaints_len > COMPLAINTS_SHOWN)
		skipped = complaints_len - COMPLAINTS_SHOWN;
	fputs(complaints + skipped, stderr);
}

static bool have_capability(const struct __user_cap_data_struct *data, int cap)
{
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

static int check_capabilities(void)
{
	static const struct {
		int cap;
		const char *name;
		const char *what;
	} needs[] = {
		{ CAP_BPF, "CAP_BPF", "to load BPF programs" },
		{ CAP_PERFMON, "CAP_PERFMON", "to read the kernel's memory" },
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	size_t i;

	if (syscall(SYS_capget, &header, data)) {
		diag("cannot find out the capabilities: %s", strerror(errno));
		return -errno;
	}

	if (have_capability(data, CAP_SYS_ADMIN))
		return 0;
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (have_capability(data, needs[i].cap))
			continue;
		diag("%s is missing, %s: run it as root, or give it CAP_BPF, CAP_PERFMON and CAP_SYSLOG",
		     needs[i].name, needs[i].what);
		return -EPERM;
	}
	return 0;
}

/* The kernel refuses to read its memory then, whatever the capabilities */
static int check_lockdown(void)
{
	char text[128] = "";
	FILE *f = fopen(LOCKDOWN_FILE, "r");

	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		*text = 0;
	fclose(f);
	if (!strstr(text, "[confidentiality]"))
		return 0;
	return say_locked_down();
}

static int check_device_memory(void)
{
	if (!ksyms_btf()) {
		diag(BTF_FILE " cannot be read: %s", strerror(errno));
		return -errno;
	}
	if (btf__find_by_name_kind(ksyms_btf(), "net_devmem_dmabuf_binding",
				   BTF_KIND_STRUCT) < 0) {
		diag("the kernel has no device memory: it needs Linux 6.12 or later with CONFIG_NET_DEVMEM=y");
		return -ENOENT;
	}
	return 0;
}

/* What is cheap to find out comes first */
int diag_check_kernel(void)
{
	int err;

	if (access(BTF_FILE, R_OK)) {
		diag(BTF_FILE ": %s: the kernel needs CONFIG_DEBUG_INFO_BTF=y", strerror(errno));
		return -errno;
	}
	err = check_capabilities() ?: check_lockdown();
	return err ?: check_device_memory();
}
