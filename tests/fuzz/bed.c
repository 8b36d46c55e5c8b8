// SPDX-License-Identifier: GPL-2.0-or-later
#include "bed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "devmemcat.h"

#define KNOBS "/sys/kernel/debug/devmemsim"
#define PROCESSOR "/sys/devices/system/cpu/cpu1/online"
#define LOOPBACK 1
#define TRACE_ALL "/sys/kernel/tracing/events/devmem/enable"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int own_ns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void bed_limit_patience(int fd, unsigned int ms)
{
	const struct timeval patience = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* Let the caller listen in the namespace "rx", without ever waiting in accept(). */
static int open_listeners(struct bed *bed)
{
	char port[8];
	int i;

	for (i = 0; i < PORTS; i++) {
		snprintf(port, sizeof(port), "%d", FIRST_PORT + i);
		bed->listener[i] = net_listen("::", port);
		if (bed->listener[i] < 0 || fcntl(bed->listener[i], F_SETFL, O_NONBLOCK))
			return -errno;
		/* Connections inherit it */
		bed_limit_patience(bed->listener[i], BED_READ_MS);
	}
	return 0;
}

/* A connection that was closed or lost its peer, and what it holds, ends soon. */
static int shorten_tcp(void)
{
	static const char *const values[][2] = {
		{ "tcp_retries2", "4" }, { "tcp_orphan_retries", "2" }, { "tcp_syn_retries", "2" },
		{ "tcp_synack_retries", "1" }, { "tcp_fin_timeout", "2" },
	};
	unsigned int i;
	char path[64];
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(values) && !err; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", values[i][0]);
		err = write_file(path, values[i][1]);
	}
	return err;
}

int bed_open(struct bed *bed)
{
	int before = own_ns(), i, err = 0;
	struct genl rt;

	for (i = 0; i < NAMESPACES; i++) {
		if (unshare(CLONE_NEWNET))
			return -errno;
		bed->ns[i] = own_ns();
		err = link_open(&rt);
		if (err)
			return err;
		link_flags(&rt, LOOPBACK, IFF_UP, IFF_UP);
		genl_close(&rt);
		err = shorten_tcp();
		if (err)
			return err;
	}
	if (!setns(bed->ns[NS_RX], CLONE_NEWNET))
		err = open_listeners(bed);
	if (setns(before, CLONE_NEWNET))
		return -errno;
	close(before);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, bed->mail))
		return -errno;
	return err;
}

void bed_close(struct bed *bed)
{
	int i;

	for (i = 0; i < PORTS; i++)
		close(bed->listener[i]);
	for (i = 0; i < NAMESPACES; i++)
		close(bed->ns[i]);
	close(bed->mail[0]);
	close(bed->mail[1]);
}

int admin_open(struct admin *admin, const struct bed *bed, struct world *world)
{
	int before = own_ns(), i, err = 0;

	memset(admin, 0, sizeof(*admin));
	admin->bed = bed;
	admin->world = world;
	for (i = 0; i < NAMESPACES && !err; i++) {
		if (setns(bed->ns[i], CLONE_NEWNET))
			err = -errno;
		else
			err = link_open(&admin->link[i]) ?: ethtool_open(&admin->ethtool[i]);
		if (err)
			break;
		bed_limit_patience(mnl_socket_get_fd(admin->link[i].nl), BED_ANSWER_MS);
		bed_limit_patience(mnl_socket_get_fd(admin->ethtool[i].genl.nl), BED_ANSWER_MS);
	}
	if (setns(before, CLONE_NEWNET))
		err = -errno;
	close(before);
	return err;
}

void admin_close(struct admin *admin)
{
	int i;

	for (i = 0; i < NAMESPACES; i++) {
		genl_close(&admin->link[i]);
		genl_close(&admin->ethtool[i].genl);
		close(admin->ethtool[i].sock);
	}
}

enum ns bed_ns_of(const struct admin *admin, enum end end)
{
	if (end == END_TX)
		return NS_TX;
	return admin->world->away ? NS_AWAY : NS_RX;
}

static int index_of(struct admin *admin, enum end end, const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(admin->ethtool[bed_ns_of(admin, end)].sock, SIOCGIFINDEX, &ifr))
		return -errno;
	return ifr.ifr_ifindex;
}

int bed_make_devices(struct admin *admin)
{
	int err, i;

	admin->world->away = false;
	err = link_make_pair(&admin->link[NS_RX], BED_RX_NAME, BED_TX_NAME,
			     admin->bed->ns[NS_TX], QUEUES);
	if (err)
		return err;
	for (i = 0; i < ENDS; i++) {
		err = index_of(admin, i, i == END_RX ? BED_RX_NAME : BED_TX_NAME);
		if (err < 0)
			return err;
		admin->world->ifindex[i] = err;
	}
	bed_mend(admin);
	return 0;
}

void bed_delete_devices(struct admin *admin)
{
	link_delete(&admin->link[bed_ns_of(admin, END_RX)], admin->world->ifindex[END_RX]);
}

static void mend_features(struct ethtool *et, int ifindex)
{
	ethtool_value(et, ifindex, ETHTOOL_SRXCSUM, 1);
	ethtool_value(et, ifindex, ETHTOOL_SGRO, 1);
	ethtool_value(et, ifindex, ETHTOOL_STXCSUM, 1);
	ethtool_value(et, ifindex, ETHTOOL_SSG, 1);
	ethtool_value(et, ifindex, ETHTOOL_SFLAGS, ETH_FLAG_NTUPLE | ETH_FLAG_RXHASH);
}

static void mend_device(struct admin *admin, enum end end)
{
	struct ethtool *et = &admin->ethtool[bed_ns_of(admin, end)];
	struct genl *rt = &admin->link[bed_ns_of(admin, end)];
	const int ifindex = admin->world->ifindex[end];

	mend_features(et, ifindex);
	ethtool_channels(et, ifindex, QUEUES);
	if (end == END_RX)
		ethtool_rings(et, ifindex, BED_RING, ETHTOOL_TCP_DATA_SPLIT_ENABLED);
	link_mtu(rt, ifindex, BED_MTU);
	link_flags(rt, ifindex, IFF_UP | IFF_MULTICAST, IFF_UP | IFF_MULTICAST | IFF_NOARP);
	link_address(rt, ifindex, end == END_RX ? BED_RX_ADDR4 : BED_TX_ADDR4, 24, true);
	link_address(rt, ifindex, end == END_RX ? BED_RX_ADDR6 : BED_TX_ADDR6, 64, true);
}

static void mend_steering(struct admin *admin)
{
	struct ethtool *et = &admin->ethtool[NS_RX];
	const int ifindex = admin->world->ifindex[END_RX];
	int i;

	ethtool_spread(et, ifindex, 0, 1);
	for (i = 0; i < PORTS; i++) {
		ethtool_steer(et, ifindex, i, FIRST_PORT + i, false, i + 1);
		ethtool_steer(et, ifindex, PORTS + i, FIRST_PORT + i, true, i + 1);
	}
}

static void mend_knobs(void)
{
	unsigned int dir, queue, knob;

	for (dir = 0; dir < ENDS; dir++)
		for (queue = 0; queue < QUEUES; queue++)
			for (knob = 0; knob < BED_KNOBS; knob++)
				bed_knob(dir, queue, knob, 0);
}

void bed_mend(struct admin *admin)
{
	bed_trace(false);
	if (admin->world->offline && !bed_set_offline(false))
		admin->world->offline = false;
	if (admin->world->knobs)
		mend_knobs();
	admin->world->knobs = false;
	if (admin->world->away)
		admin->world->away = link_move(&admin->link[NS_AWAY],
					       admin->world->ifindex[END_RX],
					       admin->bed->ns[NS_RX]);
	mend_device(admin, END_RX);
	mend_device(admin, END_TX);
	mend_steering(admin);
}

int bed_trace(bool on)
{
	return write_file(TRACE_ALL, on ? "1" : "0");
}

int bed_set_offline(bool offline)
{
	return write_file(PROCESSOR, offline ? "0" : "1");
}

/* The directory of a device moves with the device's name. */
static int knob_dir(unsigned int number, char *path, size_t size)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir(KNOBS);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !number--)
			break;
	if (entry)
		snprintf(path, size, "%s/%s", KNOBS, entry->d_name);
	closedir(dir);
	return entry ? 0 : -ENOENT;
}

int bed_knob(unsigned int dir, unsigned int queue, unsigned int knob, unsigned int value)
{
	/* The last one is of the device */
	static const char *const names[BED_KNOBS] = {
		"stall", "starve", "drop", "fail_payload_alloc", "fail_mem_alloc", "fail_start",
		"no_dma_map",
	};
	char path[300], name[64], text[16];
	int err;

	err = knob_dir(dir, path, sizeof(path));
	if (err)
		return err;
	if (knob == BED_KNOBS - 1)
		snprintf(name, sizeof(name), "/%s", names[knob]);
	else
		snprintf(name, sizeof(name), "/queue%u/%s", queue, names[knob]);
	strncat(path, name, sizeof(path) - strlen(path) - 1);
	snprintf(text, sizeof(text), "%u", value);
	return write_file(path, text);
}
