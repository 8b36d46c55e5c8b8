// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Can this host do device memory: what the kernel has, where memory comes from, and device
 * by device. The kernel is asked, what it has is in its BTF; its version says nothing.
 */

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/netdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "can.h"
#include "device.h"
#include "diag.h"
#include "nl.h"
#include "output.h"
#include "shape.h"

#ifndef SO_DEVMEM_DONTNEED
#define SO_DEVMEM_DONTNEED	80
#endif

#define BTF_FILE		"/sys/kernel/btf/vmlinux"
#define UDMABUF_LIMIT		"/sys/module/udmabuf/parameters/size_limit_mb"
#define HEAPS			"/dev/dma_heap"

bool can_kernel(struct findings *findings)
{
	struct finding *finding;

	if (access(BTF_FILE, R_OK) || !ksyms_btf()) {
		finding = found(findings, PART_CAN, WRONG, "btf", NULL);
		found_evidence(finding,
			       "the kernel does not say what its types look like: " BTF_FILE ": %s",
			       strerror(errno));
		found_remedy(finding, "a kernel with CONFIG_DEBUG_INFO_BTF=y");
		return false;
	}
	if (has_struct("net_devmem_dmabuf_binding") &&
	    has_function("net_devmem_bind_dmabuf"))
		return true;
	finding = found(findings, PART_CAN, WRONG, "kernel", NULL);
	found_evidence(finding, "the kernel has no device memory: it needs Linux 6.12 or later with CONFIG_NET_DEVMEM=y");
	found_remedy(finding,
		     "such a kernel; Debian 12 has one in its security suite (linux-image-6.12)");
	return false;
}

/* --- the kernel --- */

static void check_kernel(struct findings *findings, const struct watch *watch)
{
	struct finding *finding = found(findings, PART_CAN, FINE, "kernel", NULL);
	bool ours = watch->last->layout == LAYOUT_PPDEVMEM;

	found_evidence(finding, "%s has device memory, layout %s; %s", ours ? "ppdevmem" : "Linux",
		       layout_name(watch->last->layout),
		       ours ? "it counts and knows since when tokens are out" :
		       "it keeps no counters and no times");
	found_evidence(finding, "; sending from device memory: %s; io_uring zero-copy receive: %s",
		       has_function("net_devmem_get_binding") ||
		       has_function("netdev_nl_bind_tx_doit") ? "yes" : "no",
		       has_struct("io_zcrx_ifq") ? "yes" : "no");
}

/* The option of nothing, of three bytes too many: who knows it says that this is no token */
static bool knows_dontneed(void)
{
	char nothing[4] = {};
	int err, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return true;
	err = setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, nothing, sizeof(nothing)) ? errno : 0;
	close(fd);
	return err != ENOPROTOOPT;
}

static void check_uapi(struct findings *findings, struct nl *nl)
{
	struct nl_family netdev = {};
	struct finding *finding;
	int err;

	err = nl_family(nl, NETDEV_FAMILY_NAME, &netdev);
	if (!err && netdev.commands & 1ULL << NETDEV_CMD_BIND_RX && knows_dontneed()) {
		finding = found(findings, PART_CAN, FINE, "uapi", NULL);
		found_evidence(finding, "netlink family netdev has bind-rx, sockets take SO_DEVMEM_DONTNEED");
		return;
	}
	finding = found(findings, PART_CAN, WRONG, "uapi", NULL);
	found_evidence(finding, "netlink family netdev %s, sockets %s SO_DEVMEM_DONTNEED",
		       err ? strerror(-err) : netdev.commands & 1ULL << NETDEV_CMD_BIND_RX ?
		       "has bind-rx" : "has no bind-rx",
		       knows_dontneed() ? "take" : "do not know");
	found_remedy(finding, "a kernel with CONFIG_NET_DEVMEM=y whose uAPI is not filtered away");
}

/* --- memory to bind --- */

static long read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long value = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static void tell_heaps(struct finding *finding)
{
	char name[OUT_NAME_LEN];
	struct dirent *entry;
	bool any = false;
	DIR *dir;

	dir = opendir(HEAPS);
	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		found_evidence(finding, "%s%s", any ? ", " : "; dma-heaps: ",
			       out_name(name, entry->d_name));
		any = true;
	}
	if (dir)
		closedir(dir);
	if (!any)
		found_evidence(finding, "; no dma-heap");
}

static void check_memory(struct findings *findings)
{
	bool udmabuf = !access("/dev/udmabuf", F_OK);
	struct finding *finding;
	long limit = read_number(UDMABUF_LIMIT);

	finding = found(findings, PART_CAN, udmabuf || !access(HEAPS, F_OK) ? FINE : NOTE,
			"memory", NULL);
	if (!udmabuf)
		found_evidence(finding, "no /dev/udmabuf");
	else if (limit < 0)
		found_evidence(finding, "udmabuf, its limit is not known");
	else
		found_evidence(finding, "udmabuf, of at most %ld MiB", limit);
	tell_heaps(finding);
	if (finding->verdict == NOTE)
		found_remedy(finding,
			     "only what a driver exports, as of a GPU, can be bound; for tests, modprobe udmabuf");
	else if (udmabuf && limit >= 0 && limit <= 64)
		found_remedy(finding, "more: echo MIB > " UDMABUF_LIMIT);
}

/* --- devices --- */

static void tell_iommu(struct finding *finding, const char *ifname)
{
	char path[128], type[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/iommu_group/type", ifname);
	f = fopen(path, "r");
	if (f && fscanf(f, "%31s", type) != 1)
		*type = 0;
	if (f)
		fclose(f);
	found_evidence(finding, ", IOMMU %s", *type ? type : "none");
}

static void tell_pools(struct finding *finding, const struct check_pools *pools, int ifindex)
{
	unsigned int all = 0, unreadable = 0;
	const struct check_pool *pool;

	vec_for_each(pool, pools) {
		all += pool->ifindex == ifindex;
		unreadable += pool->ifindex == ifindex && pool->unreadable;
	}
	found_evidence(finding, ", %u of %u page pools take unreadable memory", unreadable, all);
}

static const char *split_name(__u32 split)
{
	switch (split) {
	case ETHTOOL_TCP_DATA_SPLIT_ENABLED:
		return "on";
	case ETHTOOL_TCP_DATA_SPLIT_DISABLED:
		return "off";
	default:
		return "not told";
	}
}

static void say_what_is_missing(struct finding *finding, const struct check_device *k,
				const struct device *device, const struct bound *bound)
{
	const char *ifname = finding->ifname;

	if (device->split != ETHTOOL_TCP_DATA_SPLIT_ENABLED)
		found_remedy(finding, "ethtool -G %s tcp-data-split on; ", ifname);
	if (device->threshold && device->threshold != DEVICE_UNKNOWN)
		found_remedy(finding, "ethtool -G %s hds-thresh 0; ", ifname);
	if (device->has_features && !device->ntuple)
		found_remedy(finding, "ethtool -K %s ntuple on, to steer flows to the bound queues; ",
			     ifname);
	if (device->has_features && !device->checksums)
		found_remedy(finding, "ethtool -K %s rx on; ", ifname);
	if (k->num_rxqs < 2)
		found_remedy(finding, "more channels (ethtool -L), for what is not to be bound; ");
	if (bound->spread)
		found_remedy(finding,
			     "keep other traffic off the bound queues (ethtool -X %s equal N, a context of its own); ",
			     ifname);
	if (finding->remedy) {
		finding->verdict = NOTE;
		finding->remedy[strlen(finding->remedy) - 2] = 0;
	}
}

/* True if it can */
static bool check_device(struct findings *findings, struct watch *watch,
			 const struct check_pools *pools, const struct check_device *k)
{
	struct finding *finding;
	struct device device;
	struct bound bound;

	finding = found(findings, PART_CAN, FINE, "device", k->name);
	if (!k->queue_mgmt) {
		finding->verdict = NOTE;
		found_evidence(finding, "cannot: its driver has no queue management API");
		return false;
	}
	device_ask(&watch->nl, &watch->ethtool, k->ifindex, &device);
	bound = device_bound(watch->last, k->ifindex, &device);
	found_evidence(finding,
		       "can: queue management; header split %s", split_name(device.split));
	if (device.threshold != DEVICE_UNKNOWN)
		found_evidence(finding, " from %u bytes on", device.threshold);
	found_evidence(finding, ", checksums %s, steering by ntuple %s, %u channels, %u bound",
		       device.checksums ? "on" : "off", device.ntuple ? "on" : "off",
		       k->num_rxqs, bound.queues);
	if (device.ring != DEVICE_UNKNOWN)
		found_evidence(finding, ", rings of %u", device.ring);
	tell_pools(finding, pools, k->ifindex);
	tell_iommu(finding, k->name);
	found_figure(finding, "channels", k->num_rxqs);
	found_figure(finding, "bound", bound.queues);
	say_what_is_missing(finding, k, &device, &bound);
	return true;
}

static void say_none_can(struct findings *findings, const struct watch *watch)
{
	struct finding *finding;

	finding = found(findings, PART_CAN, watch->last->bindings.num ? NOTE : WRONG,
			"devices", NULL);
	found_evidence(finding, "no device of this network namespace can");
	found_remedy(finding, "a NIC whose driver has the queue management API and header split; in another namespace, run it there (ip netns exec); devmemsim is one to develop with");
}

static int check_devices(struct findings *findings, struct watch *watch,
			 const struct args *args)
{
	struct check_devices devices = {};
	struct check_pools pools = {};
	const struct check_device *k;
	unsigned int able = 0;
	int err;

	err = watch_devices(watch, &devices) ?: watch_pools(watch, &pools);
	vec_for_each(k, &devices) {
		if (err || k->loopback || (args->ifname && strcmp(args->ifname, k->name)))
			continue;
		able += check_device(findings, watch, &pools, k);
	}
	if (!err && !able)
		say_none_can(findings, watch);
	vec_free(&devices);
	vec_free(&pools);
	return err;
}

int can_host(struct findings *findings, struct watch *watch, const struct args *args)
{
	check_kernel(findings, watch);
	check_uapi(findings, &watch->nl);
	check_memory(findings);
	return check_devices(findings, watch, args);
}
