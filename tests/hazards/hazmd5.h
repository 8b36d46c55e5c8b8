/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HAZMD5_H
#define HAZMD5_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Sign what goes to @peer and want the same of what comes, with a key that all know. */
static inline int sign_md5(int fd, struct in_addr peer)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = peer };
	struct tcp_md5sig key = { .tcpm_keylen = 3, .tcpm_key = "key" };

	memcpy(&key.tcpm_addr, &addr, sizeof(addr));
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key));
}

#endif
