// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers scrapes. One thread, and a fixed number of connections, of which no address
 * has all. Among many, one that asks for nothing is soon cut off, so that silent clients
 * keep nobody out. A page is written at most four times a second and format, so that
 * neither memory nor CPU time depend on how many ask.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <microhttpd.h>

#include "diag.h"
#include "http.h"
#include "prom.h"
#include "stream.h"

#define MAX_CONNECTIONS		256
#define MAX_OF_ADDRESS		64
#define MANY_CONNECTIONS	32
#define CONNECTION_BYTES	(16 * 1024)	/* for a request and its headers */
#define IDLE_SECONDS		5
#define PATIENCE_NS		1000000000ULL	/* with one that says nothing, among many */
#define LIFE_NS			(30 * 1000000000ULL)
#define FRESH_NS		250000000ULL

static const char root_text[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><title>devmem_exporter</title></head>\n"
	"<body><h1>devmem_exporter</h1><p><a href=\"/metrics\">Metrics</a></p></body></html>\n";

struct written {
	struct MHD_Response *response;
	__u64 ns;
};

/* A connection that is open; free if @since_ns is 0 */
struct client {
	int fd;
	bool asked;
	__u64 since_ns;
};

struct http {
	struct MHD_Daemon *daemon;
	const struct pagelink *link;
	struct written written[2];	/* text, OpenMetrics */
	pthread_mutex_t lock;		/* of @clients */
	struct client clients[MAX_CONNECTIONS];
};

/* Every response ends its connection, which bounds how long it can last */
static struct MHD_Response *make_response(size_t len, const char *text,
					  enum MHD_ResponseMemoryMode mode,
					  const char *type)
{
	struct MHD_Response *response;

	response = MHD_create_response_from_buffer(len, (void *)text, mode);
	if (!response)
		return NULL;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return response;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *text, const char *type)
{
	struct MHD_Response *response;
	enum MHD_Result ret;

	response = make_response(strlen(text), text, MHD_RESPMEM_PERSISTENT, type);
	if (!response)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

/* The page that was written last, or a new one. Clients that are still being sent an
 * old one keep it.
 */
static struct MHD_Response *get_page(struct http *http, bool openmetrics)
{
	struct written *written = &http->written[openmetrics];
	__u64 now = stream_now_ns();
	size_t len;
	char *text;

	if (written->response && now - written->ns < FRESH_NS)
		return written->response;

	if (written->response)
		MHD_destroy_response(written->response);
	written->response = NULL;
	text = pagelink_ask(http->link, openmetrics, &len);
	if (!text)
		return NULL;
	written->response = make_response(len, text, MHD_RESPMEM_MUST_FREE,
					  prom_content_type(openmetrics));
	if (written->response)
		MHD_add_response_header(written->response, MHD_HTTP_HEADER_VARY, "Accept");
	else
		free(text);
	written->ns = now;
	return written->response;
}

static enum MHD_Result answer_metrics(struct http *http,
				      struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	const char *accept;

	accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					     MHD_HTTP_HEADER_ACCEPT);
	response = get_page(http, prom_wants_openmetrics(accept));
	if (!response)
		return answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
			      "the kernel could not be read, see the log\n", "text/plain");
	return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

static struct client *find_client(struct http *http, int fd, bool in_use)
{
	size_t i;

	for (i = 0; i < MAX_CONNECTIONS; i++) {
		struct client *client = &http->clients[i];

		if (in_use ? client->since_ns && client->fd == fd : !client->since_ns)
			return client;
	}
	return NULL;
}

static int fd_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;

	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info ? info->connect_fd : -1;
}

static void client_asks(struct http *http, struct MHD_Connection *connection)
{
	struct client *client;

	pthread_mutex_lock(&http->lock);
	client = find_client(http, fd_of(connection), true);
	if (client)
		client->asked = true;
	pthread_mutex_unlock(&http->lock);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_len, void **state)
{
	client_asks(arg, connection);
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			      "only GET and HEAD\n", "text/plain");
	if (!strcmp(url, "/metrics"))
		return answer_metrics(arg, connection);
	if (!strcmp(url, "/"))
		return answer(connection, MHD_HTTP_OK, root_text, "text/html");
	return answer(connection, MHD_HTTP_NOT_FOUND, "there is only /metrics\n",
		      "text/plain");
}

/* The descriptor is closed after the second of these, so it is still the client's
 * when http_expire() has it
 */
static void on_connection(void *arg, struct MHD_Connection *connection,
			  void **state, enum MHD_ConnectionNotificationCode what)
{
	bool ends = what == MHD_CONNECTION_NOTIFY_CLOSED;
	struct http *http = arg;
	struct client *client;

	pthread_mutex_lock(&http->lock);
	client = find_client(http, fd_of(connection), ends);
	if (client)
		*client = (struct client){
			.fd = fd_of(connection),
			.since_ns = ends ? 0 : stream_now_ns(),
		};
	pthread_mutex_unlock(&http->lock);
}

static bool is_over(const struct client *client, bool crowded, __u64 now)
{
	if (now > client->since_ns + LIFE_NS)
		return true;
	return crowded && !client->asked && now > client->since_ns + PATIENCE_NS;
}

void http_expire(struct http *http)
{
	__u64 now = stream_now_ns();
	unsigned int num = 0;
	size_t i;

	pthread_mutex_lock(&http->lock);
	for (i = 0; i < MAX_CONNECTIONS; i++)
		num += http->clients[i].since_ns != 0;
	for (i = 0; i < MAX_CONNECTIONS; i++) {
		const struct client *client = &http->clients[i];

		if (client->since_ns && is_over(client, num > MANY_CONNECTIONS, now))
			shutdown(client->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&http->lock);
}

struct http *http_start(int sock, const struct pagelink *link)
{
	struct http *http;

	http = calloc(1, sizeof(*http));
	if (!http) {
		diag("no memory for the HTTP server");
		return NULL;
	}
	http->link = link;
	pthread_mutex_init(&http->lock, NULL);
	/* With MHD_USE_ITC it stops without a shutdown() of the socket, which may be
	 * systemd's
	 */
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0,
					NULL, NULL, on_request, http,
					MHD_OPTION_LISTEN_SOCKET, sock,
					MHD_OPTION_CONNECTION_LIMIT,
					(unsigned int)MAX_CONNECTIONS,
					MHD_OPTION_PER_IP_CONNECTION_LIMIT,
					(unsigned int)MAX_OF_ADDRESS,
					MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					(size_t)CONNECTION_BYTES,
					MHD_OPTION_CONNECTION_TIMEOUT,
					(unsigned int)IDLE_SECONDS,
					MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
					MHD_OPTION_END);
	if (!http->daemon) {
		diag("cannot start the HTTP server: %s", strerror(errno));
		free(http);
		return NULL;
	}
	return http;
}

void http_stop(struct http *http)
{
	size_t i;

	MHD_stop_daemon(http->daemon);
	for (i = 0; i < 2; i++)
		if (http->written[i].response)
			MHD_destroy_response(http->written[i].response);
	free(http);
}
