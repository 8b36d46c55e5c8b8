// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket that scrapes come in by */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>

#include "diag.h"
#include "listen.h"
#include "output.h"

#define FIRST_FD	3	/* of those that are handed over, see sd_listen_fds(3) */
#define BACKLOG		4096

static int check_handed_over(int fd)
{
	socklen_t len = sizeof(int);
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens) {
		diag("the file that was handed over is no listening socket: ListenStream= it takes");
		return -1;
	}
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		diag("cannot use the socket that was handed over: %s", strerror(errno));
		return -1;
	}
	return fd;
}

static struct addrinfo *resolve(const char *address, const char *port)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	int err;

	err = getaddrinfo(address, port, &hints, &found);
	if (!err)
		return found;
	diag("--address '%s' is not a numeric IPv4 or IPv6 address: %s", address,
	     gai_strerror(err));
	return NULL;
}

static int open_socket(const struct addrinfo *where)
{
	int yes = 1, sock;

	sock = socket(where->ai_family,
		      SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -1;
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!bind(sock, where->ai_addr, where->ai_addrlen) && !listen(sock, BACKLOG))
		return sock;
	close(sock);
	return -1;
}

int listen_open(const char *address, const char *port)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	struct addrinfo *where;
	int sock;

	if (pid && fds && atoi(pid) == getpid()) {
		if (!strcmp(fds, "1"))
			return check_handed_over(FIRST_FD);
		diag("%s sockets were handed over: it takes one", fds);
		return -1;
	}

	where = resolve(address, port);
	if (!where)
		return -1;
	sock = open_socket(where);
	if (sock < 0)
		diag("cannot listen on address %s port %s: %s", address, port,
		     strerror(errno));
	freeaddrinfo(where);
	return sock;
}

void listen_tell(int sock)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} where = {};
	socklen_t len = sizeof(where);
	char name[OUT_ADDR_LEN];
	const void *addr;

	getsockname(sock, &where.any, &len);
	addr = where.any.sa_family == AF_INET6 ? (const void *)&where.v6.sin6_addr :
						 (const void *)&where.v4.sin_addr;
	diag("serving on http://%s/metrics",
	     out_addr(name, where.any.sa_family, addr, ntohs(where.v4.sin_port)));
}
