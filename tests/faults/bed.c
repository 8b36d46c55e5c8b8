// SPDX-License-Identifier: GPL-2.0-or-later
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "devmemcat.h"
#include "faults.h"

#define BUF_SIZE (2 << 20)
#define SOCKET_BUF (4 << 20)
#define PATIENCE 120	/* seconds, for what comes by itself */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Poll until @is_so; false if it is not within the patience. */
static bool wait_until(bool (*is_so)(void *), void *arg)
{
	time_t end = time(NULL) + PATIENCE;

	while (!is_so(arg)) {
		if (time(NULL) > end)
			return false;
		nap();
	}
	return true;
}

int bed_open(struct bed *bed)
{
	cpu_set_t first;

	/* What is received here is freed here: no other CPU has to be waited for */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		return complain("cannot stay on CPU 0: %s", strerror(errno));
	bed->ifindex = if_nametoindex(bed->ifname);
	bed->own_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bed->tx_ns = open("/run/netns/tx", O_RDONLY | O_CLOEXEC);
	bed->ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bed->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (!bed->ifindex || bed->own_ns < 0 || bed->tx_ns < 0 || bed->ctl < 0 || bed->kmsg < 0)
		return complain("no bed: %s, /run/netns/tx or /dev/kmsg is missing", bed->ifname);
	lseek(bed->kmsg, 0, SEEK_END);
	bed->conn = -1;
	bed->sender = -1;
	bed->listener = net_listen(bed->host, bed->port);
	return bed->listener < 0 ? -1 : 0;
}

int bed_memory(struct bed *bed)
{
	return dmabuf_create(&bed->buf, "udmabuf", BUF_SIZE);
}

int bed_try_bind(struct bed *bed)
{
	return netdev_bind_rx(&bed->nd, bed->ifindex, bed->buf.fd, &bed->queue, 1, &bed->id);
}

int bed_bind(struct bed *bed)
{
	int err;

	if (bed_memory(bed))
		return -1;
	err = netdev_open(&bed->nd);
	if (err)
		return complain("netlink: %s", strerror(-err));
	err = bed_try_bind(bed);
	if (err)
		return complain("a bind without a fault: %s: %s", strerror(-err),
				bed->nd.genl.extack);
	return 0;
}

void bed_unbind(struct bed *bed)
{
	netdev_close(&bed->nd);
	dmabuf_destroy(&bed->buf);
}

static int connect_peer(struct bed *bed)
{
	int fd;

	if (setns(bed->tx_ns, CLONE_NEWNET))
		return complain("cannot go to the peer: %s", strerror(errno));
	fd = net_connect(bed->host, bed->port);
	if (setns(bed->own_ns, CLONE_NEWNET))
		return complain("cannot come back: %s", strerror(errno));
	return fd;
}

int bed_connect(struct bed *bed)
{
	/* A closed socket returns its tokens when it is destroyed: at once */
	struct linger at_once = { .l_onoff = 1 };
	int size = SOCKET_BUF;

	/* Room for many frags, whose number is what counts */
	setsockopt(bed->listener, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	bed->sender = connect_peer(bed);
	if (bed->sender < 0)
		return -1;
	bed->conn = accept(bed->listener, NULL, NULL);
	if (bed->conn < 0)
		return complain("accept: %s", strerror(errno));
	setsockopt(bed->sender, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(bed->conn, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	setsockopt(bed->sender, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	bed->sent = 0;
	bed->in_devmem = 0;
	bed->elsewhere = 0;
	bed->num_tokens = 0;
	return 0;
}

void bed_disconnect(struct bed *bed)
{
	if (bed->conn >= 0)
		close(bed->conn);
	if (bed->sender >= 0)
		close(bed->sender);
	bed->conn = -1;
	bed->sender = -1;
	bed->num_tokens = 0;
}

int bed_send(struct bed *bed, size_t bytes)
{
	static char data[SOCKET_BUF];
	ssize_t n;

	n = send(bed->sender, data, bytes, MSG_DONTWAIT);
	if (n != (ssize_t)bytes)
		return complain("%zd of %zu bytes sent: %s", n, bytes, strerror(errno));
	bed->sent += bytes;
	return 0;
}

struct waiting {
	int fd;
	size_t bytes;
};

static bool has_data(void *arg)
{
	struct waiting *w = arg;
	int n = 0;

	ioctl(w->fd, SIOCINQ, &n);
	return (size_t)n >= w->bytes;
}

int bed_wait_data(struct bed *bed, size_t bytes)
{
	struct waiting w = { bed->conn, bytes };

	return wait_until(has_data, &w) ? 0 : complain("the data that was sent does not come");
}

static void collect(struct bed *bed, struct msghdr *msg)
{
	struct dmabuf_cmsg frag;
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET)
			continue;
		memcpy(&frag, CMSG_DATA(cm), sizeof(frag));
		if (cm->cmsg_type == SCM_DEVMEM_DMABUF && bed->num_tokens < BED_TOKENS) {
			bed->tokens[bed->num_tokens++] = frag.frag_token;
			bed->in_devmem += frag.frag_size;
		} else {
			bed->elsewhere += frag.frag_size;
		}
	}
}

long bed_receive(struct bed *bed, void *control, size_t room)
{
	static char data[SOCKET_BUF];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = room,
	};
	ssize_t n = recvmsg(bed->conn, &msg, MSG_SOCK_DEVMEM | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	collect(bed, &msg);
	return n;
}

long bed_give_back(struct bed *bed)
{
	struct dmabuf_token ranges[DONTNEED_MAX_RANGES];
	unsigned int i, n, done = 0;
	int ret;

	while (done < bed->num_tokens) {
		n = bed->num_tokens - done;
		n = n < DONTNEED_MAX_RANGES ? n : DONTNEED_MAX_RANGES;
		for (i = 0; i < n; i++)
			ranges[i] = (struct dmabuf_token){ bed->tokens[done + i], 1 };
		ret = setsockopt(bed->conn, SOL_SOCKET, SO_DEVMEM_DONTNEED, ranges,
				 n * sizeof(*ranges));
		if (ret < 0)
			return -errno;
		done += ret;
		if ((unsigned int)ret != n)
			break;
	}
	return done;
}

int bed_receive_all(struct bed *bed)
{
	static char control[BED_CMSG * 512];
	struct pollfd wait = { .fd = bed->conn, .events = POLLIN };
	long n, given;

	while (bed->in_devmem + bed->elsewhere < bed->sent) {
		if (poll(&wait, 1, PATIENCE * 1000) != 1)
			return complain("of %zu bytes %zu came", bed->sent,
					bed->in_devmem + bed->elsewhere);
		n = bed_receive(bed, control, sizeof(control));
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return complain("a read without a fault: %s", n ? strerror(-n) : "end");
		given = bed_give_back(bed);
		if (given != bed->num_tokens)
			return complain("of %u tokens %ld are taken back", bed->num_tokens, given);
		bed->num_tokens = 0;
	}
	if (bed->elsewhere)
		return complain("%zu of %zu bytes are not in device memory", bed->elsewhere,
				bed->sent);
	return 0;
}

int bed_transfer(struct bed *bed, size_t bytes)
{
	int ret = bed_connect(bed) || bed_send(bed, bytes) || bed_receive_all(bed) ? -1 : 0;

	bed_disconnect(bed);
	return ret;
}

static int interface_ioctl(struct bed *bed, unsigned long what, struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", bed->ifname);
	return ioctl(bed->ctl, what, ifr) ? -errno : 0;
}

static int ethtool_ioctl(struct bed *bed, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	return interface_ioctl(bed, SIOCETHTOOL, &ifr);
}

bool bed_link_is_up(struct bed *bed)
{
	struct ifreq ifr = { 0 };

	interface_ioctl(bed, SIOCGIFFLAGS, &ifr);
	return ifr.ifr_flags & IFF_UP;
}

int bed_link(struct bed *bed, bool up)
{
	struct ifreq ifr = { 0 };

	interface_ioctl(bed, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags = up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP;
	return interface_ioctl(bed, SIOCSIFFLAGS, &ifr);
}

int bed_toggle_rings(struct bed *bed)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	int err = ethtool_ioctl(bed, &ring);

	if (err)
		return err;
	ring.cmd = ETHTOOL_SRINGPARAM;
	ring.rx_pending = ring.rx_pending == 32 ? 64 : 32;
	return ethtool_ioctl(bed, &ring);
}

int bed_toggle_channels(struct bed *bed)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	int err = ethtool_ioctl(bed, &channels);

	if (err)
		return err;
	channels.cmd = ETHTOOL_SCHANNELS;
	channels.combined_count = channels.combined_count == 3 ? 4 : 3;
	return ethtool_ioctl(bed, &channels);
}

int bed_toggle_mtu(struct bed *bed)
{
	struct ifreq ifr = { 0 };
	int err = interface_ioctl(bed, SIOCGIFMTU, &ifr);

	if (err)
		return err;
	ifr.ifr_mtu = ifr.ifr_mtu == 1500 ? 4148 : 1500;
	return interface_ioctl(bed, SIOCSIFMTU, &ifr);
}

bool bed_kernel_said(struct bed *bed, const char *what)
{
	char record[2048];
	bool said = false;
	ssize_t n;

	for (;;) {
		n = read(bed->kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return said;
		record[n] = '\0';
		said = said || strstr(record, what);
	}
}

static bool no_binding(void *arg)
{
	unsigned int num = 1;

	return faults_walk(&num) && !num;
}

int bed_expect_no_binding(void)
{
	if (wait_until(no_binding, NULL))
		return 0;
	return complain("a binding is left");
}

/* The number of dma-bufs, by what the kernel lists. */
static bool no_dmabuf(void *arg)
{
	char line[256];
	unsigned int n;
	bool none = false;
	FILE *f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "r");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Total %u objects", &n) == 1)
			none = !n;
	fclose(f);
	return none;
}

int bed_expect_no_dmabuf(void)
{
	if (wait_until(no_dmabuf, NULL))
		return 0;
	return complain("a dma-buf is left that nobody has open");
}

static const struct fail_binding *the_binding(void)
{
	const struct fail_binding *b;
	unsigned int num;

	b = faults_walk(&num);
	return b && num == 1 ? b : NULL;
}

int bed_expect_user(unsigned int tokens)
{
	const struct fail_binding *b = the_binding();

	if (!b)
		return complain("there is not one binding");
	if (b->tokens != tokens || b->user != (int)b->walked[2] || b->walked[2] > tokens)
		return complain("%u tokens are known, the kernel's iovs have %llu; %u iovs are with a reader, %d by the counter",
				tokens, b->tokens, b->walked[2], b->user);
	return 0;
}

static bool all_free(void *arg)
{
	const struct fail_binding *b = the_binding();

	return b && b->free == b->total && b->walked[0] == b->total && !b->user;
}

int bed_expect_all_free(void)
{
	const struct fail_binding *b;

	if (wait_until(all_free, NULL))
		return 0;
	b = the_binding();
	return complain("of %u iovs %u are free, %u by what each says; %u are with a pool, %u with a reader",
			b ? b->total : 0, b ? b->free : 0, b ? b->walked[0] : 0,
			b ? b->walked[1] : 0, b ? b->walked[2] : 0);
}
