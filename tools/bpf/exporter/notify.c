// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A datagram to the service manager. The protocol is stable, and so small that its
 * documentation advises to implement it rather than to link a library.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "diag.h"
#include "notify.h"

void notify_manager(const char *state)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;
	int sock;

	if (!path)
		return;
	len = strlen(path);
	if (len < 2 || len >= sizeof(where.sun_path)) {
		diag("NOTIFY_SOCKET is '%s', which is no address", path);
		return;
	}
	memcpy(where.sun_path, path, len);
	if (*path == '@')	/* of the abstract kind */
		where.sun_path[0] = '\0';
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 ||
	    sendto(sock, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&where,
		   offsetof(struct sockaddr_un, sun_path) + len) < 0)
		diag("cannot tell the service manager %s: %s", state, strerror(errno));
	if (sock >= 0)
		close(sock);
}
