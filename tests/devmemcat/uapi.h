/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_UAPI_H
#define DEVMEMCAT_UAPI_H

/*
 * Both the kernel's <linux/uio.h>, for struct dmabuf_cmsg and dmabuf_token,
 * and libc define struct iovec, in the same way. Take the kernel's and tell
 * libc that it is there. This header must therefore come before <sys/uio.h>
 * and <sys/socket.h>.
 */
#include <linux/types.h>
#include <linux/uio.h>
#define __iovec_defined 1
#include <sys/socket.h>

/* C libraries older than glibc 2.41 do not know it. */
#ifndef MSG_SOCK_DEVMEM
#define MSG_SOCK_DEVMEM 0x2000000
#endif

/* What one SO_DEVMEM_DONTNEED call takes: net/core/sock.c says so, no header does. */
#define DONTNEED_MAX_RANGES 128
#define DONTNEED_MAX_TOKENS 1024

#endif
