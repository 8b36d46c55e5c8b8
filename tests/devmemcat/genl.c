// SPDX-License-Identifier: GPL-2.0-or-later
#include "genl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* libmnl's callbacks get one pointer: this carries ours and the caller's. */
struct reply {
	struct genl *genl;
	mnl_cb_t cb;
	void *data;
};

int genl_open(struct genl *g)
{
	int one = 1, err;

	memset(g, 0, sizeof(*g));
	g->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!g->nl)
		return -errno;
	if (mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		mnl_socket_close(g->nl);
		return err;
	}
	/* The reason behind an errno; a kernel too old for it just gives none. */
	mnl_socket_setsockopt(g->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	return 0;
}

void genl_close(struct genl *g)
{
	mnl_socket_close(g->nl);
	g->nl = NULL;
}

static int extack_attr(const struct nlattr *attr, void *data)
{
	struct genl *g = data;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(g->extack, sizeof(g->extack), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

/* An NLMSG_ERROR: an errno, the request (or its header only), then attributes. */
static int error_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const struct reply *reply = data;
	unsigned int skip = sizeof(*err);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			skip += mnl_nlmsg_get_payload_len(&err->msg);
		mnl_attr_parse(nlh, skip, extack_attr, reply->genl);
	}
	if (!err->error)
		return MNL_CB_STOP;
	errno = -err->error;
	return MNL_CB_ERROR;
}

/* The end of a dump, with an errno if it ended early. */
static int done_cb(const struct nlmsghdr *nlh, void *data)
{
	const int *err = mnl_nlmsg_get_payload(nlh);

	(void)data;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) || *err >= 0)
		return MNL_CB_STOP;
	errno = -*err;
	return MNL_CB_ERROR;
}

static int data_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct reply *reply = data;

	return reply->cb ? reply->cb(nlh, reply->data) : MNL_CB_OK;
}

struct nlmsghdr *genl_request(void *buf, uint16_t family, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* What libmnl calls MNL_SOCKET_DUMP_SIZE from 1.0.5 on: no kernel's answer is longer. */
#define ANSWER_SIZE 32768

int genl_talk(struct genl *g, struct nlmsghdr *req, mnl_cb_t cb, void *data)
{
	/* Not const, for libmnl before 1.0.5 */
	static mnl_cb_t control[NLMSG_MIN_TYPE] = {
		[NLMSG_ERROR] = error_cb,
		[NLMSG_DONE] = done_cb,
	};
	struct reply reply = { g, cb, data };
	char buf[ANSWER_SIZE];
	unsigned int portid = mnl_socket_get_portid(g->nl);
	ssize_t len;
	int ret;

	g->extack[0] = '\0';
	req->nlmsg_seq = ++g->seq;
	if (mnl_socket_sendto(g->nl, req, req->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(g->nl, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		ret = mnl_cb_run2(buf, len, g->seq, portid, data_cb, &reply, control,
				  NLMSG_MIN_TYPE);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

static int family_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
	    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
		*(int *)data = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int family_cb(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), family_attr, data);
}

int genl_family(struct genl *g, const char *name)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	int family = -ENOENT, err;
	struct nlmsghdr *req;

	req = genl_request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(req, CTRL_ATTR_FAMILY_NAME, name);
	err = genl_talk(g, req, family_cb, &family);
	return err ? err : family;
}
