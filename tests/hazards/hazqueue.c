// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazqueue QUEUE: take packets from an NFQUEUE, whole, and accept each.
 *
 * Prints "ready", and "data" for each that has payload (by the length of its IP packet). Ends
 * when it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devmemcat.h"

/* No acknowledgment is as long as this. */
#define WITH_PAYLOAD 500

static struct mnl_socket *nl;
static unsigned int queue;

static struct nlmsghdr *request(void *buf, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(queue);
	return nlh;
}

static int configure(void)
{
	struct nfqnl_msg_config_cmd cmd = { .command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET) };
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(0xffff), .copy_mode = NFQNL_COPY_PACKET,
	};
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, NFQNL_MSG_CONFIG);

	mnl_attr_put(nlh, NFQA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFQA_CFG_PARAMS, sizeof(params), &params);
	/* Merged packets come as they are. */
	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(nl, buf, sizeof(buf)) < 0 ||
	    mnl_cb_run(buf, sizeof(struct nlmsgerr) + NLMSG_HDRLEN, 0, 0, NULL, NULL) < 0)
		return complain("queue %u: %s", queue, strerror(errno));
	return 0;
}

static int take_id(const struct nlattr *attr, void *data)
{
	uint32_t *id = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == NFQA_PACKET_HDR)
		*id = ((struct nfqnl_msg_packet_hdr *)mnl_attr_get_payload(attr))->packet_id;
	else if (type == NFQA_CAP_LEN && ntohl(mnl_attr_get_u32(attr)) > WITH_PAYLOAD)
		puts("data");
	else if (type == NFQA_PAYLOAD && mnl_attr_get_payload_len(attr) > WITH_PAYLOAD)
		puts("data");
	return MNL_CB_OK;
}

static int accept_it(const struct nlmsghdr *nlh, void *data)
{
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };
	char buf[256];
	struct nlmsghdr *answer;

	(void)data;
	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_id, &verdict.id);
	answer = request(buf, NFQNL_MSG_VERDICT);
	mnl_attr_put(answer, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	return mnl_socket_sendto(nl, answer, answer->nlmsg_len) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int main(int argc, char **argv)
{
	static char buf[1 << 17];
	ssize_t len;

	if (argc != 2) {
		fprintf(stderr, "usage: hazqueue QUEUE\n");
		return 2;
	}
	queue = atoi(argv[1]);
	setlinebuf(stdout);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) || configure())
		return complain("no queue") < 0;
	puts("ready");
	for (;;) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0) {
			/* A message that could not be read: its packet gets no verdict. */
			printf("failed %s\n", strerrorname_np(errno));
			continue;
		}
		mnl_cb_run(buf, len, 0, 0, accept_it, NULL);
	}
}
