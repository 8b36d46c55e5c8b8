// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Teaches ip(8) the arguments of "ip link add NAME type devmemsim peer ...".
 *
 * ip looks for the arguments of a link type in DIR/link_TYPE.so, where DIR is
 * $IP_LIB_DIR, and takes a structure from it. devmemsim describes its peer by
 * the same netlink attribute as veth, and ip exports its parser for that, so
 * this file only says that the one is to be used for the other. Without it
 * "ip link add NAME type devmemsim" works all the same and calls the peer NAMEp.
 */

#include <stdio.h>

struct nlmsghdr;
struct rtattr;

/* As ip lays it out. */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *util, int argc, char **argv, struct nlmsghdr *request);
	void (*print_opt)(struct link_util *util, FILE *file, struct rtattr **attributes);
	void (*print_xstats)(struct link_util *util, FILE *file, struct rtattr *attributes);
	void (*print_help)(struct link_util *util, int argc, char **argv, FILE *file);
	int (*parse_ifla_xstats)(struct link_util *util, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *answer, void *argument);
};

extern struct link_util veth_link_util;

static int parse_peer(struct link_util *util, int argc, char **argv, struct nlmsghdr *request)
{
	return veth_link_util.parse_opt(util, argc, argv, request);
}

static void print_help(struct link_util *util, int argc, char **argv, FILE *file)
{
	(void)util;
	(void)argc;
	(void)argv;
	fputs("Usage: ip link add NAME [numrxqueues N numtxqueues N] type devmemsim\n"
	      "                        [peer name PEER [netns NETNS] [ATTRIBUTE...]]\n",
	      file);
}

struct link_util devmemsim_link_util = {
	.id = "devmemsim",
	.parse_opt = parse_peer,
	.print_help = print_help,
};
