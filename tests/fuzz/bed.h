/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a round is played on: namespaces, a pair of devices between them, sockets
 * that listen.
 */
#ifndef FUZZ_BED_H
#define FUZZ_BED_H

#include "fuzz.h"

#include "ethtool.h"
#include "link.h"

#define BED_RX_ADDR4	"10.0.0.1"
#define BED_TX_ADDR4	"10.0.0.2"
#define BED_RX_ADDR6	"fd00::1"
#define BED_TX_ADDR6	"fd00::2"
#define BED_RX_NAME	"dms0"
#define BED_TX_NAME	"dms1"
#define BED_RING	64
#define BED_MTU		1500
#define BED_KNOBS	7
#define BED_READ_MS	20
#define BED_ANSWER_MS	5000	/* of the kernel, to netlink */

/* Sockets to change devices with, one of each kind for each namespace. */
struct admin {
	struct genl link[NAMESPACES];
	struct ethtool ethtool[NAMESPACES];
	const struct bed *bed;
	struct world *world;
};

/*
 * No read of the socket waits longer than so many milliseconds: not even one whose
 * answer went to another thread, which had the descriptor or its number.
 */
void bed_limit_patience(int fd, unsigned int ms);

/* Make the namespaces and all sockets. Returns 0 or a negative errno. */
int bed_open(struct bed *bed);
void bed_close(struct bed *bed);

int admin_open(struct admin *admin, const struct bed *bed, struct world *world);
void admin_close(struct admin *admin);

/* Make the pair, and all of it as it should be. Returns 0 or a negative errno. */
int bed_make_devices(struct admin *admin);
/* Whatever was done to the devices and processors, traffic can flow again. */
void bed_mend(struct admin *admin);
void bed_delete_devices(struct admin *admin);

/* Where a device is now. */
enum ns bed_ns_of(const struct admin *admin, enum end end);

/*
 * Write @value into knob number @knob of a queue of the device number @dir in
 * debugfs. Returns 0 or a negative errno.
 */
int bed_knob(unsigned int dir, unsigned int queue, unsigned int knob, unsigned int value);
/* All events of device memory, on or off. 0 or a negative errno. */
int bed_trace(bool on);
/* Take a processor away or give it back. */
int bed_set_offline(bool offline);

#endif
