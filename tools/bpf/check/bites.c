// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What bites who uses device memory on this host: what docs/hazards.md found out, as far as
 * the kernel's shape tells whether it has it, and what stands in its way already
 */

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "bites.h"
#include "device.h"
#include "diag.h"
#include "shape.h"

/* How a kernel shows whether it has a hazard. Ours has none of them. */
enum sign {
	NO_SIGN,		/* nothing in its types or functions tells */
	SIGN_NETMEM_REFS,	/* not if it can take references on iovs in frags */
};

static const struct hazard {
	const char *name;
	enum sign sign;
	const char *evidence;
	const char *remedy;
} hazards[] = {
	{ "copies", SIGN_NETMEM_REFS,
	  "a packet that is copied by reference panics this kernel while a device is bound: for a plain packet socket (one without a ring), nftables dup, bpf_clone_redirect()",
	  "none of these on a bound device; tcpdump with its ring and tc mirred do no harm" },
	{ "bad-checksum", NO_SIGN,
	  "one TCP packet with a wrong checksum can make the kernel WARN: any peer can send one",
	  "no panic_on_warn; let nobody but trusted peers send to the bound queues" },
	{ "urgent", NO_SIGN,
	  "a byte marked as urgent can panic the kernel: any peer can send one",
	  "let nobody but trusted peers send to the bound queues" },
	{ "md5", NO_SIGN,
	  "a segment for a socket that wants MD5 signatures can panic the kernel",
	  "no TCP_MD5SIG on flows that are steered to bound queues" },
	{ "ktls", NO_SIGN,
	  "kernel TLS on a socket that receives into device memory can panic the kernel",
	  "no kernel TLS on flows that are steered to bound queues" },
	{ "sockmap", NO_SIGN,
	  "a sockmap that redirects what came into device memory can panic the kernel",
	  "no sockmap for those sockets" },
	{ "race", NO_SIGN,
	  "two threads of a reader, one of which returns tokens that it guesses, can lose iovs until the next boot",
	  "give sockets to trusted programs only" },
	{ "peek", NO_SIGN,
	  "MSG_PEEK makes tokens, and their number can be without bound",
	  "give sockets to trusted programs only" },
};

/* "net: add get_netmem/put_netmem support" and what followed have it as a function */
static bool takes_netmem_refs(void)
{
	return has_function("__get_netmem");
}

static bool has_copies_hazard(const struct watch *watch)
{
	return watch->last->layout != LAYOUT_PPDEVMEM && !takes_netmem_refs();
}

static void check_hazards(struct findings *findings, const struct watch *watch)
{
	const size_t num = sizeof(hazards) / sizeof(*hazards);
	struct finding *finding;
	const struct hazard *h;

	if (watch->last->layout == LAYOUT_PPDEVMEM) {
		finding = found(findings, PART_BITES, FINE, "kernel", NULL);
		found_evidence(finding, "the kernel is ppdevmem's, with the core's known hazards mended");
		return;
	}
	for (h = hazards; h < hazards + num; h++) {
		if (h->sign == SIGN_NETMEM_REFS && takes_netmem_refs())
			continue;
		finding = found(findings, PART_BITES, h->sign == NO_SIGN ? UNKNOWN : NOTE, h->name,
				NULL);
		found_evidence(finding, "%s%s", h->evidence, h->sign == NO_SIGN ?
			       "; not known of this kernel, as nothing in its shape tells" : "");
		found_remedy(finding, "%s", h->remedy);
	}
}

/* --- packet sockets --- */

struct packet_socket {
	int ifindex;		/* 0: of all devices */
	bool ring;
	bool known;
};

DEFINE_VEC(packet_sockets, struct packet_socket);

static int packet_attr(const struct nlattr *attr, void *data)
{
	struct packet_socket *sock = data;
	const struct packet_diag_info *info;

	switch (mnl_attr_get_type(attr)) {
	case PACKET_DIAG_INFO:
		info = mnl_attr_get_payload(attr);
		sock->ifindex = info->pdi_index;
		sock->known = true;
		break;
	case PACKET_DIAG_RX_RING:
		sock->ring = true;
		break;
	}
	return MNL_CB_OK;
}

static int packet_reply(const struct nlmsghdr *nlh, void *data)
{
	struct packet_sockets *sockets = data;
	struct packet_socket sock = {};

	mnl_attr_parse(nlh, sizeof(struct packet_diag_msg), packet_attr, &sock);
	if (sock.known)
		*vec_add(sockets) = sock;
	return MNL_CB_OK;
}

static int read_packet_sockets(struct packet_sockets *sockets)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct packet_diag_req *req;
	struct nlmsghdr *nlh;
	struct nl nl;
	int err;

	err = nl_open_diag(&nl);
	if (err)
		return err;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_PACKET;
	req->pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG;
	err = nl_talk(&nl, nlh, packet_reply, sockets);
	nl_close(&nl);
	return err;
}

static void check_packet_sockets(struct findings *findings, const struct check_device *k,
				 const struct packet_sockets *sockets)
{
	const struct packet_socket *sock;
	struct finding *finding;
	unsigned int plain = 0;

	vec_for_each(sock, sockets)
		plain += !sock->ring && (!sock->ifindex || sock->ifindex == k->ifindex);
	if (!plain)
		return;
	finding = found(findings, PART_BITES, WRONG, "packet-socket", k->name);
	found_evidence(finding,
		       "%u plain packet sockets look at this device, which is bound: the next packet with device memory panics this kernel",
		       plain);
	found_figure(finding, "sockets", plain);
	found_remedy(finding, "close them at once: 'ss -0 -p' names who has them");
}

/* --- devices that are bound --- */

static void check_settings(struct findings *findings, const struct check_device *k,
			   const struct device *device)
{
	struct finding *finding;

	if (device->has_features && !device->checksums) {
		finding = found(findings, PART_BITES, WRONG, "checksum-off", k->name);
		found_evidence(finding,
			       "receive checksums are off while it is bound: the CPU cannot sum up what it cannot read");
		found_remedy(finding, "ethtool -K %s rx on", k->name);
	}
	if (device->split == ETHTOOL_TCP_DATA_SPLIT_DISABLED) {
		finding = found(findings, PART_BITES, WRONG, "split-off", k->name);
		found_evidence(finding,
			       "header split is off while it is bound: payload comes into host memory, or not at all");
		found_remedy(finding, "ethtool -G %s tcp-data-split on, and bind anew", k->name);
	}
	if (k->xdp) {
		finding = found(findings, PART_BITES, WRONG, "xdp", k->name);
		found_evidence(finding,
			       "an XDP program is attached while it is bound: it would read what cannot be read");
		found_remedy(finding, "ip link set %s xdp off", k->name);
	}
}

static void check_device(struct findings *findings, struct watch *watch,
			 const struct packet_sockets *sockets, const struct check_device *k)
{
	struct device device;

	device_ask(&watch->nl, &watch->ethtool, k->ifindex, &device);
	if (!device_bound(watch->last, k->ifindex, &device).queues)
		return;
	check_settings(findings, k, &device);
	if (has_copies_hazard(watch))
		check_packet_sockets(findings, k, sockets);
}

static int check_devices(struct findings *findings, struct watch *watch,
			 const struct args *args)
{
	struct packet_sockets sockets = {};
	struct check_devices devices = {};
	const struct check_device *k;
	struct finding *finding;
	int err;

	err = watch_devices(watch, &devices);
	if (!err && has_copies_hazard(watch) && read_packet_sockets(&sockets)) {
		finding = found(findings, PART_BITES, UNKNOWN, "packet-socket", NULL);
		found_evidence(finding, "the kernel does not list packet sockets");
		found_remedy(finding, "modprobe af_packet_diag, or see 'ss -0'");
	}
	vec_for_each(k, &devices)
		if (!err && (!args->ifname || !strcmp(args->ifname, k->name)))
			check_device(findings, watch, &sockets, k);
	vec_free(&devices);
	vec_free(&sockets);
	return err;
}

int check_bites(struct findings *findings, struct watch *watch, const struct args *args)
{
	check_hazards(findings, watch);
	return check_devices(findings, watch, args);
}
