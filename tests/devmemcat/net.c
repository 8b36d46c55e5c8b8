// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"

static int resolve(const char *host, const char *port, int flags, struct addrinfo **list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	int err = getaddrinfo(host, port, &hints, list);

	if (err)
		return complain("%s port %s: %s", host ?: "any address", port, gai_strerror(err));
	return 0;
}

static int try_listen(const struct addrinfo *ai)
{
	int fd, one = 1, zero = 0;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* "::" is to take IPv4 as well, whatever the system's default is */
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, SOMAXCONN)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static int try_connect(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);

	if (fd < 0)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* Use the first address that works, of family @family if that is not 0. */
static int first_that_works(const struct addrinfo *list, int family,
			    int (*try)(const struct addrinfo *ai))
{
	const struct addrinfo *ai;
	int fd = -1;

	for (ai = list; ai && fd < 0; ai = ai->ai_next)
		if (!family || ai->ai_family == family)
			fd = try(ai);
	return fd;
}

int net_listen(const char *host, const char *port)
{
	struct addrinfo *list;
	int fd;

	if (resolve(host, port, AI_PASSIVE, &list))
		return -1;
	/* "::" takes both families where there is IPv6 */
	fd = first_that_works(list, AF_INET6, try_listen);
	if (fd < 0)
		fd = first_that_works(list, 0, try_listen);
	if (fd < 0)
		complain("cannot listen on %s port %s: %s", host ?: "any address", port,
			 strerror(errno));
	freeaddrinfo(list);
	return fd;
}

int net_connect(const char *host, const char *port)
{
	struct addrinfo *list;
	int fd;

	if (resolve(host, port, 0, &list))
		return -1;
	fd = first_that_works(list, 0, try_connect);
	if (fd < 0)
		complain("cannot connect to %s port %s: %s", host, port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

/* A v4-mapped address as the IPv4 address it stands for. */
static void unmap_v4(struct sockaddr_storage *addr, socklen_t *len)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in in4 = { .sin_family = AF_INET };

	if (addr->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return;
	in4.sin_port = in6->sin6_port;
	memcpy(&in4.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof(in4.sin_addr));
	memcpy(addr, &in4, sizeof(in4));
	*len = sizeof(in4);
}

char *net_name(int fd, bool remote, char *name, size_t size)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	int err;

	err = remote ? getpeername(fd, (struct sockaddr *)&addr, &len) :
		       getsockname(fd, (struct sockaddr *)&addr, &len);
	if (!err)
		unmap_v4(&addr, &len);
	if (err || getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
			       sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(name, size, "?");
		return name;
	}
	snprintf(name, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return name;
}
