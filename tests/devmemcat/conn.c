// SPDX-License-Identifier: GPL-2.0-or-later
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pattern.h"

/* One recvmsg() gives at most this much; a frag may be as small as a byte. */
#define MESSAGE_BYTES (256 << 10)
#define MESSAGE_FRAGS 1536

struct message {
	struct msghdr hdr;
	struct iovec iov;
	size_t len;
	bool peek;
	char data[MESSAGE_BYTES];
	char control[MESSAGE_FRAGS * CMSG_SPACE(sizeof(struct dmabuf_cmsg))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
};

struct conn *conn_new(struct intake *in, int fd, unsigned int number)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		complain("out of memory");
		return NULL;
	}
	c->in = in;
	c->number = number;
	c->batch.fd = fd;
	return c;
}

void conn_free(struct conn *c)
{
	close(c->batch.fd);
	free(c->kept);
	free(c);
}

static int write_out(const struct intake *in, const char *p, size_t len)
{
	ssize_t done;

	while (len) {
		done = write(in->out, p, len);
		if (done < 0 && errno != EINTR)
			return complain("%s: %s", in->opt->output, strerror(errno));
		if (done > 0) {
			p += done;
			len -= done;
		}
	}
	return 0;
}

void conn_verify(struct conn *c, const char *p, size_t len, unsigned long long offset,
		 const char *where)
{
	unsigned long long seed = c->in->opt->seed;
	size_t good;

	if (c->bad)
		return;
	good = pattern_check(p, len, offset, seed);
	if (good == len)
		return;
	c->bad = true;
	c->bad_offset = offset + good;
	complain("connection %u: byte %llu, in %s, is 0x%02x and should be 0x%02x", c->number,
		 c->bad_offset, where, (uint8_t)p[good],
		 pattern_byte(c->bad_offset, seed));
}

/* Bytes of the stream that begin at @offset: check them, write them, or neither. */
static int consume(struct conn *c, const struct message *msg, const char *p, size_t len,
		   unsigned long long offset, const char *where)
{
	const struct options *opt = c->in->opt;

	if (c->in->out >= 0)
		return msg->peek ? 0 : write_out(c->in, p, len);
	if (!opt->discard)
		conn_verify(c, p, len, offset, where);
	return 0;
}

static int keep_token(struct conn *c, const struct dmabuf_cmsg *frag)
{
	uint32_t *kept;

	if (c->num_kept == c->room) {
		c->room = c->room ? 2 * c->room : 256;
		kept = reallocarray(c->kept, c->room, sizeof(*kept));
		if (!kept)
			return complain("out of memory");
		c->kept = kept;
	}
	c->kept[c->num_kept++] = frag->frag_token;
	c->in->held++;
	c->in->held_bytes += frag->frag_size;
	if (c->in->held == c->in->opt->hold)
		say("holding %llu tokens, %llu bytes", c->in->held,
		    c->in->held_bytes);
	return 0;
}

static int take_token(struct conn *c, const struct message *msg, const struct dmabuf_cmsg *frag)
{
	struct intake *in = c->in;

	if (msg->peek)
		in->peeked++;
	else if (!in->holding_over && in->held < in->opt->hold)
		return keep_token(c, frag);
	return tokens_add(&c->batch, frag->frag_token);
}

static int take_frag(struct conn *c, const struct message *msg, const struct dmabuf_cmsg *frag,
		     unsigned long long offset)
{
	const struct binding *b = c->in->binding;

	if (frag->dmabuf_id != b->id)
		return complain("connection %u: a frag of binding %u, not of ours (%u): the flow goes to another receiver's queue",
				c->number, frag->dmabuf_id, b->id);
	if (frag->frag_offset > b->buf.size || frag->frag_size > b->buf.size - frag->frag_offset)
		return complain("connection %u: a frag of %u bytes at %llu is not in the dma-buf's %zu bytes",
				c->number, frag->frag_size, frag->frag_offset,
				b->buf.size);
	if (c->in->opt->verbose)
		say("connection %u: %s %u bytes at %llu, token %u", c->number,
		    msg->peek ? "peek" : "frag", frag->frag_size,
		    frag->frag_offset, frag->frag_token);
	if (!msg->peek) {
		c->in->frags++;
		c->in->devmem += frag->frag_size;
	}
	if (consume(c, msg, b->buf.map + frag->frag_offset, frag->frag_size, offset,
		    "device memory"))
		return -1;
	return take_token(c, msg, frag);
}

/*
 * Control messages stand in stream order: a DMABUF one for each frag, a LINEAR
 * one for bytes that are in the ordinary buffer. Returns the bytes they speak
 * of, or -1.
 */
static ssize_t take_cmsgs(struct conn *c, struct message *msg)
{
	const struct dmabuf_cmsg *frag;
	struct cmsghdr *cm;
	size_t linear = 0, total = 0;

	for (cm = CMSG_FIRSTHDR(&msg->hdr); cm; cm = CMSG_NXTHDR(&msg->hdr, cm)) {
		if (cm->cmsg_level != SOL_SOCKET)
			continue;
		frag = (const struct dmabuf_cmsg *)CMSG_DATA(cm);
		if (cm->cmsg_type == SCM_DEVMEM_DMABUF) {
			if (take_frag(c, msg, frag, c->offset + total))
				return -1;
		} else if (cm->cmsg_type == SCM_DEVMEM_LINEAR) {
			if (consume(c, msg, msg->data + linear, frag->frag_size,
				    c->offset + total, "the linear part"))
				return -1;
			linear += frag->frag_size;
		} else {
			continue;
		}
		total += frag->frag_size;
	}
	if (!msg->peek)
		c->in->linear += linear;
	return total;
}

static int take_host(struct conn *c, const struct message *msg)
{
	if (!msg->peek)
		c->in->host += msg->len;
	return consume(c, msg, msg->data, msg->len, c->offset, "host memory");
}

static int take_devmem(struct conn *c, struct message *msg)
{
	ssize_t total;

	if (dmabuf_begin_read(&c->in->binding->buf))
		return -1;
	total = take_cmsgs(c, msg);
	if (dmabuf_end_read(&c->in->binding->buf) || total < 0)
		return -1;
	if ((size_t)total != msg->len)
		return complain("connection %u: recvmsg gave %zu bytes, its control messages say %zd",
				c->number, msg->len, total);
	return 0;
}

static int take_message(struct conn *c, struct message *msg)
{
	unsigned long long returned = c->batch.returned;
	int ret;

	if (msg->hdr.msg_flags & MSG_CTRUNC)
		return complain("connection %u: the kernel truncated control messages: tokens are lost",
				c->number);
	ret = CMSG_FIRSTHDR(&msg->hdr) ? take_devmem(c, msg) : take_host(c, msg);
	if (tokens_flush(&c->batch))
		ret = -1;
	c->in->returned += c->batch.returned - returned;
	if (!msg->peek)
		c->offset += msg->len;
	return ret;
}

static enum conn_state receive(struct conn *c, bool peek)
{
	static struct message msg;
	ssize_t len;

	msg.peek = peek;
	msg.iov = (struct iovec){ .iov_base = msg.data, .iov_len = sizeof(msg.data) };
	msg.hdr = (struct msghdr){
		.msg_iov = &msg.iov,
		.msg_iovlen = 1,
		.msg_control = msg.control,
		.msg_controllen = sizeof(msg.control),
	};
	len = recvmsg(c->batch.fd, &msg.hdr,
		      MSG_SOCK_DEVMEM | MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return CONN_MORE;
	if (len < 0)
		return complain("connection %u: recvmsg: %s", c->number, strerror(errno));
	if (len == 0)
		return CONN_EOF;
	msg.len = len;
	return take_message(c, &msg) ? CONN_ERROR : CONN_MORE;
}

enum conn_state conn_read(struct conn *c)
{
	enum conn_state state;

	if (c->in->opt->peek) {
		state = receive(c, true);
		if (state != CONN_MORE)
			return state;
	}
	return receive(c, false);
}

int conn_park(struct conn *c)
{
	int fd = park(c->in->opt->park, c->batch.fd);

	if (fd < 0)
		return -1;
	c->batch.fd = fd;
	c->parked = true;
	return 0;
}

int conn_release(struct conn *c)
{
	unsigned long long returned = c->batch.returned;
	size_t i;
	int ret = 0;

	for (i = 0; i < c->num_kept && !ret && !c->parked; i++)
		ret = tokens_add(&c->batch, c->kept[i]);
	if (tokens_flush(&c->batch))
		ret = -1;
	c->in->returned += c->batch.returned - returned;
	c->in->held -= c->num_kept;
	c->num_kept = 0;
	return ret;
}
