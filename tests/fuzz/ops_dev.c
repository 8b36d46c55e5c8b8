// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on devices and processors, by the one thread that changes them. */
#include "fuzz.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <net/if.h>
#include <unistd.h>

#include "bed.h"

static int ifindex_of(const struct worker *w, enum end end)
{
	return w->world->ifindex[end];
}

static struct genl *link_of(const struct worker *w, enum end end)
{
	return &w->admin->link[bed_ns_of(w->admin, end)];
}

static struct ethtool *ethtool_of(const struct worker *w, enum end end)
{
	return &w->admin->ethtool[bed_ns_of(w->admin, end)];
}

static long op_updown(struct worker *w, const uint32_t *arg)
{
	return link_flags(link_of(w, arg[0]), ifindex_of(w, arg[0]), arg[1] ? IFF_UP : 0, IFF_UP);
}

static long op_mend(struct worker *w, const uint32_t *arg)
{
	(void)arg;
	bed_mend(w->admin);
	return 0;
}

static long op_rings(struct worker *w, const uint32_t *arg)
{
	return ethtool_rings(ethtool_of(w, arg[0]), ifindex_of(w, arg[0]), arg[1], arg[2]);
}

static long op_channels(struct worker *w, const uint32_t *arg)
{
	return ethtool_channels(ethtool_of(w, arg[0]), ifindex_of(w, arg[0]), arg[1]);
}

static long op_mtu(struct worker *w, const uint32_t *arg)
{
	return link_mtu(link_of(w, arg[0]), ifindex_of(w, arg[0]), arg[1]);
}

static long op_rename(struct worker *w, const uint32_t *arg)
{
	static const char *const names[] = {
		BED_RX_NAME, BED_TX_NAME, "fuzz0", "fuzz1", "fuzz%d", "", "a/b", "lo",
		"a_name_that_is_too_long",
	};
	const unsigned int which = arg[1] % (ARRAY_SIZE(names));

	return link_rename(link_of(w, arg[0]), ifindex_of(w, arg[0]), names[which]);
}

static long op_move(struct worker *w, const uint32_t *arg)
{
	struct admin *admin = w->admin;
	int err;

	if (admin->world->away != arg[0])
		return SKIPPED;
	err = link_move(link_of(w, END_RX), ifindex_of(w, END_RX),
			admin->bed->ns[admin->world->away ? NS_RX : NS_AWAY]);
	if (!err)
		admin->world->away = !admin->world->away;
	return err;
}

static long op_steer(struct worker *w, const uint32_t *arg)
{
	struct ethtool *et = ethtool_of(w, END_RX);
	const int ifindex = ifindex_of(w, END_RX);

	if (arg[3])
		return ethtool_unsteer(et, ifindex, arg[0]);
	return ethtool_steer(et, ifindex, arg[0], FIRST_PORT + arg[1], arg[0] & 1, arg[2]);
}

static long op_rss(struct worker *w, const uint32_t *arg)
{
	return ethtool_spread(ethtool_of(w, END_RX), ifindex_of(w, END_RX), arg[0], arg[1]);
}

static long op_feature(struct worker *w, const uint32_t *arg)
{
	static const struct {
		uint32_t cmd;
		uint32_t on;
	} features[] = {
		{ ETHTOOL_SGRO, 1 }, { ETHTOOL_SGSO, 1 }, { ETHTOOL_STSO, 1 }, { ETHTOOL_SSG, 1 },
		{ ETHTOOL_STXCSUM, 1 },
		{ ETHTOOL_SFLAGS, ETH_FLAG_NTUPLE | ETH_FLAG_RXHASH },
	};
	const unsigned int which = arg[1] % (ARRAY_SIZE(features));

	return ethtool_value(ethtool_of(w, arg[0]), ifindex_of(w, arg[0]), features[which].cmd,
			     arg[2] ? features[which].on : 0);
}

static long op_rx_csum(struct worker *w, const uint32_t *arg)
{
	return ethtool_value(ethtool_of(w, END_RX), ifindex_of(w, END_RX), ETHTOOL_SRXCSUM,
			     arg[0]);
}

static long op_flags(struct worker *w, const uint32_t *arg)
{
	static const uint32_t flags[] = { IFF_PROMISC, IFF_ALLMULTI, IFF_NOARP, IFF_MULTICAST };
	const uint32_t flag = flags[arg[1] % 4];

	return link_flags(link_of(w, arg[0]), ifindex_of(w, arg[0]), arg[2] ? flag : 0, flag);
}

static long op_mac(struct worker *w, const uint32_t *arg)
{
	/* An odd first byte is no device's address */
	const uint8_t mac[6] = { 2 + !(arg[1] & 0xff00), 0, 0, 0, arg[0], arg[1] };

	return link_mac(link_of(w, arg[0]), ifindex_of(w, arg[0]), mac);
}

static long op_address(struct worker *w, const uint32_t *arg)
{
	return link_address(link_of(w, arg[0]), ifindex_of(w, arg[0]),
			    arg[0] ? BED_TX_ADDR4 : BED_RX_ADDR4, 24, arg[1]);
}

static long op_knob(struct worker *w, const uint32_t *arg)
{
	w->admin->world->knobs = true;
	return bed_knob(arg[0], arg[1], arg[2] % BED_KNOBS, arg[3]);
}

/* The device goes, with whatever is bound to it, and another one comes. */
static long op_remake(struct worker *w, const uint32_t *arg)
{
	(void)arg;
	bed_delete_devices(w->admin);
	return bed_make_devices(w->admin);
}

static long op_offline(struct worker *w, const uint32_t *arg)
{
	int err = bed_set_offline(arg[0]);

	if (!err)
		w->admin->world->offline = arg[0];
	return err;
}

static long op_pause(struct worker *w, const uint32_t *arg)
{
	(void)w;
	usleep(arg[0]);
	return 0;
}

const op_func dev_ops[OP_KINDS] = {
	[OP_UPDOWN] = op_updown,
	[OP_MEND] = op_mend,
	[OP_RINGS] = op_rings,
	[OP_CHANNELS] = op_channels,
	[OP_MTU] = op_mtu,
	[OP_RENAME] = op_rename,
	[OP_MOVE] = op_move,
	[OP_STEER] = op_steer,
	[OP_RSS] = op_rss,
	[OP_FEATURE] = op_feature,
	[OP_RX_CSUM] = op_rx_csum,
	[OP_FLAGS] = op_flags,
	[OP_MAC] = op_mac,
	[OP_ADDRESS] = op_address,
	[OP_KNOB] = op_knob,
	[OP_REMAKE] = op_remake,
	[OP_OFFLINE] = op_offline,
	[OP_PAUSE_ADMIN] = op_pause,
};
