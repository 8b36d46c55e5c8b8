// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazread WAY IFACE QUEUE PORT: receive one connection into device memory and get at its
 * payload in a way that is not meant for it.
 *
 * Binds the queue, gives up all privileges, unless the way needs them (BPF), so that what a
 * way does is what anybody can do who was given a socket, accepts, and waits for SIGUSR1.
 * Then it does it and prints what became of it, "WHAT RESULT" a line, with an errno or a
 * number, and "done". Last it reads the rest of the connection properly and compares it:
 * "verified BYTES", where the way left something to read.
 */
#include "uapi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "binding.h"
#include "conn.h"
#include "devmemcat.h"
#include "hazards.skel.h"
#include "hazmd5.h"

/* <linux/tcp.h> and <netinet/tcp.h> cannot both be there. */
struct zerocopy_receive {
	uint64_t address;
	uint32_t length;
	uint32_t recv_skip_hint;
	uint32_t inq;
	int32_t err;
	uint64_t copybuf_address;
	int32_t copybuf_len;
	uint32_t flags;
	uint64_t msg_control;
	uint64_t msg_controllen;
	uint32_t msg_flags;
	uint32_t reserved;
};

#define ONE_CMSG CMSG_SPACE(sizeof(struct dmabuf_cmsg))
#define MAX_FRAGS 256
#define MAX_BYTES 262144

#define NOBODY 65534
#define PEER "10.0.0.2"

/* What the brute force does: enough for some to be lost where they can be. */
#define RACE_READS 2000
#define STALLED_MS 3000
#define REST_MS 60000

/* Headers and a little: a filter's cut goes through the payload of a segment. */
#define CUT 200

/* One more than a socket may have. */
#define MANY_TOKENS ((1 << 20) + 1)

/* What a way binds that does so after its first data. */
static struct binding *late_binding;
static const struct options *late_options;

static struct conn *conn;
static int sock;
static int listener;

/* What one recvmsg() gave. */
struct got {
	long ret;
	unsigned int num;
	uint32_t token[MAX_FRAGS];
};

/* A negative errno instead of -1. */
static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static void tell(const char *what, long ret)
{
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;

	if (name)
		printf("%s %s\n", what, name);
	else
		printf("%s %ld\n", what, ret);
}

static struct got receive_bytes(size_t len, unsigned int frags, int flags)
{
	static char data[MAX_BYTES], room[ONE_CMSG * MAX_FRAGS];
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = frags * ONE_CMSG,
	};
	struct got got = { 0 };
	struct cmsghdr *cm;

	got.ret = result(recvmsg(sock, &msg, flags | MSG_DONTWAIT));
	for (cm = got.ret > 0 ? CMSG_FIRSTHDR(&msg) : NULL; cm; cm = CMSG_NXTHDR(&msg, cm))
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_DEVMEM_DMABUF &&
		    got.num < MAX_FRAGS)
			got.token[got.num++] = ((struct dmabuf_cmsg *)CMSG_DATA(cm))->frag_token;
	return got;
}

static struct got receive(unsigned int frags, int flags)
{
	return receive_bytes(MAX_BYTES, frags, flags);
}

static long give_back(uint32_t start, uint32_t count)
{
	struct dmabuf_token token = { .token_start = start, .token_count = count };

	return result(setsockopt(sock, SOL_SOCKET, SO_DEVMEM_DONTNEED, &token, sizeof(token)));
}

static void give_all_back(const struct got *got)
{
	unsigned int i;

	for (i = 0; i < got->num; i++)
		give_back(got->token[i], 1);
}

/* The rest of the stream, compared. Returns the bytes or a negative errno. */
static long read_rest(void)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	enum conn_state state;

	do {
		if (!poll(&wait, 1, REST_MS))
			return -ETIMEDOUT;
		state = conn_read(conn);
	} while (state == CONN_MORE);
	return state == CONN_EOF && !conn->bad ? (long)conn->in->devmem : -EIO;
}

/*
 * The ways. Each returns whether the rest of the stream can still be read and compared.
 */

static bool plain(void)
{
	char data[4096];

	tell("read", result(read(sock, data, sizeof(data))));
	tell("peek", result(recv(sock, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT)));
	return true;
}

static bool do_splice(void)
{
	int pipes[2];

	if (pipe(pipes))
		return false;
	tell("splice", result(splice(sock, NULL, pipes[1], NULL, 65536, SPLICE_F_NONBLOCK)));
	return true;
}

static bool do_sendfile(void)
{
	int out = memfd_create("out", 0);

	tell("sendfile", result(sendfile(out, sock, NULL, 65536)));
	return true;
}

static bool zerocopy(void)
{
	static char copy[65536];
	struct zerocopy_receive zc = { .length = 65536 };
	socklen_t len = sizeof(zc);
	void *map = mmap(NULL, zc.length, PROT_READ, MAP_SHARED, sock, 0);

	if (map == MAP_FAILED) {
		tell("mmap", -errno);
		return true;
	}
	zc.address = (unsigned long)map;
	tell("zerocopy", result(getsockopt(sock, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &len)));
	tell("mapped", zc.length);
	zc.length = 65536;
	zc.copybuf_address = (unsigned long)copy;
	zc.copybuf_len = sizeof(copy);
	len = sizeof(zc);
	tell("copy", result(getsockopt(sock, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &len)));
	tell("copied", zc.copybuf_len);
	return true;
}

/* Submit what was prepared and wait for it. */
static long uring_do(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	long ret = io_uring_submit(ring);

	if (ret < 0)
		return ret;
	ret = io_uring_wait_cqe(ring, &cqe);
	if (ret < 0)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static bool uring(void)
{
	static char data[65536], room[ONE_CMSG];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct io_uring_buf_ring *bufs;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	long ret;

	ret = io_uring_queue_init(8, &ring, 0);
	tell("queue", ret);
	if (ret < 0)
		return true;
	io_uring_prep_recv(io_uring_get_sqe(&ring), sock, data, sizeof(data), MSG_DONTWAIT);
	tell("recv", uring_do(&ring));
	io_uring_prep_recvmsg(io_uring_get_sqe(&ring), sock, &msg, MSG_DONTWAIT);
	tell("recvmsg", uring_do(&ring));
	/* There is no room for a control message, and then there is. */
	io_uring_prep_recvmsg(io_uring_get_sqe(&ring), sock, &msg, MSG_DONTWAIT | MSG_SOCK_DEVMEM);
	tell("recvmsg_devmem", uring_do(&ring));
	msg.msg_control = room;
	msg.msg_controllen = sizeof(room);
	io_uring_prep_recvmsg(io_uring_get_sqe(&ring), sock, &msg,
			      MSG_DONTWAIT | MSG_SOCK_DEVMEM | MSG_PEEK);
	tell("recvmsg_control", uring_do(&ring));
	bufs = io_uring_setup_buf_ring(&ring, 1, 0, 0, (int *)&ret);
	if (bufs) {
		io_uring_buf_ring_add(bufs, data, sizeof(data), 0, 0, 0);
		io_uring_buf_ring_advance(bufs, 1);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_recv_multishot(sqe, sock, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = 0;
		tell("multishot", uring_do(&ring));
	}
	io_uring_queue_exit(&ring);
	return true;
}

/* Every combination of flags, with and without room for control messages. */
static bool flags(void)
{
	static const int all[] = { MSG_PEEK, MSG_TRUNC, MSG_SOCK_DEVMEM, MSG_WAITALL, MSG_OOB,
				   MSG_ERRQUEUE };
	unsigned int set, bit, frags;
	struct got got;
	char what[64];
	int flag;

	for (set = 0; set < 1 << 6; set++) {
		for (frags = 0; frags < 3; frags += 2) {
			for (flag = 0, bit = 0; bit < 6; bit++)
				if (set & 1 << bit)
					flag |= all[bit];
			got = receive_bytes(500, frags, flag);
			snprintf(what, sizeof(what), "flags_%#x_%u", flag, frags);
			tell(what, got.ret);
			give_all_back(&got);
			/* A read that was not a peek took it out of the stream. */
			if (got.ret > 0 && !(flag & MSG_PEEK))
				conn->offset += got.ret;
		}
	}
	return true;
}

/* Disconnect with tokens out and data unread; the socket listens then, and goes. */
static bool disconnect(void)
{
	struct sockaddr any = { .sa_family = AF_UNSPEC };
	struct got got = receive(4, MSG_SOCK_DEVMEM);

	tell("held", got.num);
	tell("disconnect", result(connect(sock, &any, sizeof(any))));
	tell("returned", got.num ? give_back(got.token[0], 1) : 0);
	tell("listen", result(listen(sock, 1)));
	return false;
}

static bool start_tls(void)
{
	struct tls12_crypto_info_aes_gcm_128 key = {
		.info = { .version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
	};
	long ret = result(setsockopt(sock, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")));

	tell("ulp", ret);
	if (ret < 0)
		return false;
	tell("rx", result(setsockopt(sock, SOL_TLS, TLS_RX, &key, sizeof(key))));
	return true;
}

static void read_tls(void)
{
	char data[4096];

	tell("recv", result(recv(sock, data, sizeof(data), MSG_DONTWAIT)));
	tell("peek", result(recv(sock, data, sizeof(data), MSG_DONTWAIT | MSG_PEEK)));
	tell("recvmsg_devmem", receive(4, MSG_SOCK_DEVMEM).ret);
}

static bool ktls(void)
{
	if (!start_tls())
		return true;
	read_tls();
	return false;
}

/* The header of a record came before the queue was bound, the rest of it comes after. */
static bool ktls_late(void)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };

	if (!start_tls() || binding_open(late_binding, late_options))
		return false;
	puts("ready");
	/* All of the record, or an error. */
	tell("poll", poll(&wait, 1, REST_MS));
	read_tls();
	return false;
}

/* The same with so little room that TLS has to copy what is there of the record. */
static bool ktls_copy(void)
{
	int little = 4096;

	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	return ktls_late();
}

static bool mptcp(void)
{
	char data[4096];

	tell("recv", result(recv(sock, data, sizeof(data), MSG_DONTWAIT)));
	tell("peek", result(recv(sock, data, sizeof(data), MSG_DONTWAIT | MSG_PEEK)));
	tell("recvmsg_devmem", receive(4, MSG_SOCK_DEVMEM).ret);
	tell("dontneed", give_back(0, 1));
	return false;
}

static atomic_bool racing = true;

/* Give back whatever token there may be, by guessing. */
static void *guess(void *unused)
{
	(void)unused;
	while (racing)
		give_back(1, 256);
	return NULL;
}

static bool race(void)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	unsigned long handed = 0, reads = 0;
	pthread_t thread;
	struct got got;

	if (pthread_create(&thread, NULL, guess, NULL))
		return false;
	while (reads < RACE_READS) {
		if (!poll(&wait, 1, STALLED_MS)) {
			tell("stalled_after", reads);
			break;
		}
		got = receive(2, MSG_SOCK_DEVMEM);
		if (!got.ret)
			break;
		if (got.ret < 0)
			continue;
		reads++;
		handed += got.num;
		conn->offset += got.ret;
		give_all_back(&got);
	}
	racing = false;
	pthread_join(thread, NULL);
	tell("handed", handed);
	return true;
}

/* Peek for tokens until there are no more. */
static bool mint(void)
{
	unsigned long minted = 0;
	struct got got;

	while (minted < MANY_TOKENS) {
		got = receive(MAX_FRAGS, MSG_SOCK_DEVMEM | MSG_PEEK);
		if (got.ret < 0)
			break;
		minted += got.num;
	}
	tell("minted", minted);
	tell("peek", got.ret);
	return false;
}

/* One end of a connection over loopback; the other is in @other. */
static int loopback(int *other)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), server = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(addr);

	if (bind(server, (struct sockaddr *)&addr, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&addr, &len) ||
	    connect(fd, (struct sockaddr *)&addr, len))
		return complain("no connection to this host: %s", strerror(errno));
	*other = accept(server, NULL, NULL);
	close(server);
	return fd;
}

/* Until @seen, what comes out, if anything does, on either side; and a little longer. */
static void read_all(const unsigned long *seen, int fd, int other)
{
	const int fds[] = { other, fd, sock };
	unsigned int after = 0, i;
	unsigned long bytes = 0;
	char data[4096];
	ssize_t got;

	while (after < 20) {
		for (i = 0; i < 3; i++) {
			got = recv(fds[i], data, sizeof(data), MSG_DONTWAIT);
			bytes += got > 0 ? got : 0;
		}
		got = receive(4, MSG_SOCK_DEVMEM).ret;
		bytes += got > 0 ? got : 0;
		poll(NULL, 0, 10);
		if (__atomic_load_n(seen, __ATOMIC_RELAXED) && !after++)
			puts("data");
	}
	tell("bytes", bytes);
}

/* Into a map, so that @verdict of hazards.bpf.c gets what arrives. */
static bool into_sockmap(const char *verdict, bool parser)
{
	struct hazards *obj = hazards__open_and_load();
	int other = -1, fd, map, prog;

	if (!obj)
		return complain("cannot load the programs: %s", strerror(errno)) > 0;
	prog = bpf_program__fd(bpf_object__find_program_by_name(obj->obj, verdict));
	map = bpf_map__fd(obj->maps.socks);
	fd = loopback(&other);
	if (fd < 0)
		return false;
	if (parser)
		tell("parser", result(bpf_prog_attach(bpf_program__fd(obj->progs.parse), map,
						      BPF_SK_SKB_STREAM_PARSER, 0)));
	tell("verdict", result(bpf_prog_attach(prog, map, BPF_SK_SKB_STREAM_VERDICT, 0)));
	tell("other", result(bpf_map_update_elem(map, &(int){ 1 }, &fd, BPF_ANY)));
	tell("socket", result(bpf_map_update_elem(map, &(int){ 0 }, &sock, BPF_ANY)));
	puts("ready");
	read_all(&obj->bss->seen, fd, other);
	return false;
}

static bool sockmap(void)
{
	return into_sockmap("redirect", false);
}

static bool sockmap_ingress(void)
{
	return into_sockmap("redirect_ingress", false);
}

static bool sockmap_parser(void)
{
	return into_sockmap("redirect", true);
}

static bool sockmap_pass(void)
{
	return into_sockmap("pass", false);
}

/* A BPF program as the socket's filter, which tries to read the payload. */
static bool filter(void)
{
	struct hazards *obj = hazards__open_and_load();
	int prog;

	if (!obj)
		return complain("cannot load the programs: %s", strerror(errno)) > 0;
	prog = bpf_program__fd(obj->progs.keep);
	tell("attach", result(setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog))));
	puts("ready");
	while (!__atomic_load_n(&obj->bss->seen, __ATOMIC_RELAXED)) {
		conn_read(conn);
		poll(NULL, 0, 10);
	}
	puts("data");
	return true;
}

/* A filter that keeps less of each segment than there is. */
static bool cut(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, CUT);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	tell("attach", result(setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog))));
	return true;
}

/* With tokens in hand, use all memory there is. */
static bool eat(void)
{
	struct got got = receive(4, MSG_SOCK_DEVMEM);
	void *more;

	tell("held", got.num);
	do {
		more = mmap(NULL, MAX_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	} while (more != MAP_FAILED);
	return false;
}

/* The listener did it already: each segment's signature covers its payload. */
static bool md5(void)
{
	return true;
}

static const struct way {
	const char *name;
	bool (*run)(void);
	bool privileged;
	bool signed_by_peer;
	bool late;
	int protocol;
} ways[] = {
	{ "plain", plain },
	{ "splice", do_splice },
	{ "sendfile", do_sendfile },
	{ "zerocopy", zerocopy },
	{ "uring", uring },
	{ "flags", flags },
	{ "disconnect", disconnect },
	{ "ktls", ktls },
	{ "ktls-late", ktls_late, .privileged = true, .late = true },
	{ "ktls-copy", ktls_copy, .privileged = true, .late = true },
	{ "mptcp", mptcp, .protocol = IPPROTO_MPTCP },
	{ "md5", md5, .signed_by_peer = true },
	{ "cut", cut, .privileged = true },
	{ "eat", eat },
	{ "race", race },
	{ "mint", mint },
	{ "filter", filter, .privileged = true },
	{ "sockmap", sockmap, .privileged = true },
	{ "sockmap-ingress", sockmap_ingress, .privileged = true },
	{ "sockmap-parser", sockmap_parser, .privileged = true },
	{ "sockmap-pass", sockmap_pass, .privileged = true },
	{ NULL }
};

static const struct way *find(const char *name)
{
	const struct way *way = ways;

	while (way->name && strcmp(way->name, name))
		way++;
	return way->name ? way : NULL;
}

static int listen_on(const char *port, const struct way *way)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, way->protocol);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    (way->signed_by_peer && sign_md5(fd, (struct in_addr){ inet_addr(PEER) })) ||
	    listen(fd, 1))
		return complain("cannot listen: %s", strerror(errno));
	return fd;
}

static int serve(const struct way *way, const struct options *opt, const struct binding *binding)
{
	struct intake in = { .opt = opt, .binding = binding, .out = -1 };
	int number;
	sigset_t go;
	bool more;
	long rest;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	if (!way->privileged && setresuid(NOBODY, NOBODY, NOBODY))
		return complain("setresuid: %s", strerror(errno));
	say("listening on port %s", opt->port);
	sock = accept(listener, NULL, NULL);
	conn = sock < 0 ? NULL : conn_new(&in, sock, 1);
	if (!conn)
		return -1;
	sigwait(&go, &number);
	more = way->run();
	puts("done");
	rest = more ? read_rest() : 0;
	if (more)
		tell("verified", rest);
	conn_free(conn);
	return rest < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	const struct way *way = argc == 5 ? find(argv[1]) : NULL;
	struct options opt = { .memory = "udmabuf", .size = 4 << 20, .num_queues = 1 };
	struct binding binding;
	int ret;

	if (!way) {
		fprintf(stderr, "usage: hazread WAY IFACE QUEUE PORT\n");
		return 2;
	}
	setlinebuf(stdout);
	opt.ifname = argv[2];
	opt.queues[0] = atoi(argv[3]);
	opt.port = argv[4];
	listener = listen_on(opt.port, way);
	if (listener < 0)
		return 1;
	late_binding = &binding;
	late_options = &opt;
	if (!way->late && (binding_open(&binding, &opt) || dmabuf_map(&binding.buf, PROT_READ)))
		return 1;
	ret = serve(way, &opt, &binding);
	binding_close(&binding);
	return ret ? 1 : 0;
}
