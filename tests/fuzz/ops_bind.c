// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on dma-bufs, binds and unbinds. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netdev.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

#define PAGE 4096

static long op_buffer(struct worker *w, const uint32_t *arg)
{
	struct dmabuf *slot = &w->proc->buffer[arg[0]], buf, old;

	if (dmabuf_create(&buf, arg[2] ? "heap" : "udmabuf", (size_t)arg[1] * PAGE))
		return -errno;
	pthread_mutex_lock(&w->proc->buffer_lock);
	old = *slot;
	*slot = buf;
	pthread_mutex_unlock(&w->proc->buffer_lock);
	if (old.fd >= 0)
		dmabuf_destroy(&old);
	return 0;
}

static long op_buffer_close(struct worker *w, const uint32_t *arg)
{
	struct dmabuf *slot = &w->proc->buffer[arg[0]], old;

	pthread_mutex_lock(&w->proc->buffer_lock);
	old = *slot;
	slot->fd = -1;
	slot->map = NULL;
	pthread_mutex_unlock(&w->proc->buffer_lock);
	if (old.fd < 0)
		return SKIPPED;
	dmabuf_destroy(&old);
	return 0;
}

/* Look at it as a reader of the payload does. */
static long op_buffer_use(struct worker *w, const uint32_t *arg)
{
	struct dmabuf buf = w->proc->buffer[arg[0]];

	buf.map = NULL;
	if (buf.fd < 0)
		return SKIPPED;
	if (dmabuf_map(&buf, PROT_READ))
		return -errno;
	if (arg[1] % 2)
		dmabuf_begin_read(&buf);
	memcpy(w->control[PLACE_GOOD], buf.map, CONTROL_SIZE < buf.size ? CONTROL_SIZE : buf.size);
	if (arg[1] % 2)
		dmabuf_end_read(&buf);
	munmap(buf.map, buf.size);
	return 0;
}

/* A socket to bind with is in the slot; it is locked. Returns 0 or a negative errno. */
static int open_slot(struct process *proc, uint32_t slot)
{
	int err;

	if (proc->bound[slot])
		return 0;
	err = netdev_open(&proc->binding[slot]);
	proc->bound[slot] = !err;
	if (!err)
		bed_limit_patience(mnl_socket_get_fd(proc->binding[slot].genl.nl), BED_ANSWER_MS);
	return err;
}

static void close_slot(struct process *proc, uint32_t slot)
{
	if (proc->bound[slot])
		netdev_close(&proc->binding[slot]);
	proc->bound[slot] = false;
}

/*
 * Two bindings of a buffer map it twice, which the DMA API's debugging takes for a mistake
 * of the driver. Where it looks, a buffer is taken out of its slot to be bound, and another
 * put there.
 */
static struct dmabuf take_buffer(struct worker *w, uint32_t slot)
{
	struct dmabuf buf;

	pthread_mutex_lock(&w->proc->buffer_lock);
	buf = w->proc->buffer[slot];
	if (w->settings->map_once) {
		w->proc->buffer[slot].fd = -1;
		w->proc->buffer[slot].map = NULL;
	}
	pthread_mutex_unlock(&w->proc->buffer_lock);
	return buf;
}

static void spend_buffer(struct worker *w, uint32_t slot, struct dmabuf *buf)
{
	struct dmabuf new;

	if (!w->settings->map_once || buf->fd < 0)
		return;
	if (dmabuf_create(&new, "udmabuf", buf->size))
		new.fd = -1;
	dmabuf_destroy(buf);
	pthread_mutex_lock(&w->proc->buffer_lock);
	if (w->proc->buffer[slot].fd < 0 && new.fd >= 0) {
		w->proc->buffer[slot] = new;
		new.fd = -1;
	}
	pthread_mutex_unlock(&w->proc->buffer_lock);
	if (new.fd >= 0)
		dmabuf_destroy(&new);
}

static long op_bind(struct worker *w, const uint32_t *arg)
{
	const int ifindex = w->world->ifindex[END_RX];
	struct dmabuf buf = take_buffer(w, arg[1]);
	unsigned int queues[QUEUES], num = 0, i;
	struct process *proc = w->proc;
	uint32_t id;
	int err;

	if (buf.fd < 0)
		return SKIPPED;
	for (i = 0; i < QUEUES; i++)
		if (arg[2] & 1 << i)
			queues[num++] = i;
	pthread_mutex_lock(&proc->binding_lock[arg[0]]);
	/* One socket may have several bindings */
	if (!arg[3])
		close_slot(proc, arg[0]);
	err = open_slot(proc, arg[0]);
	if (!err)
		err = netdev_bind_rx(&proc->binding[arg[0]], ifindex, buf.fd, queues, num, &id);
	pthread_mutex_unlock(&proc->binding_lock[arg[0]]);
	spend_buffer(w, arg[1], &buf);
	return err;
}

enum wrong {
	NO_IFINDEX, NO_FD, NO_QUEUES, OTHER_IFINDEX, OTHER_FD, TX_QUEUE, NO_TYPE, NO_ID,
	EMPTY_QUEUE, ANY_QUEUE, TWICE, LISTENER, MANY, GARBAGE, PEER, TRUNCATED,
};

static void put_queue(struct nlmsghdr *req, enum wrong wrong, uint32_t queue)
{
	struct nlattr *nest = mnl_attr_nest_start(req, NETDEV_A_DMABUF_QUEUES);

	if (wrong != NO_TYPE && wrong != EMPTY_QUEUE)
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_TYPE, wrong == TX_QUEUE ?
				 NETDEV_QUEUE_TYPE_TX : NETDEV_QUEUE_TYPE_RX);
	if (wrong != NO_ID && wrong != EMPTY_QUEUE)
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_ID, queue);
	mnl_attr_nest_end(req, nest);
	if (wrong == TRUNCATED)
		nest->nla_len -= 1;
}

static void put_bad(struct worker *w, struct nlmsghdr *req, int fd, const uint32_t *arg)
{
	enum wrong wrong = arg[2] % (TRUNCATED + 1);
	int ifindex = w->world->ifindex[END_RX];
	unsigned int num = wrong == TWICE ? 2 : wrong == MANY ? 64 : wrong == NO_QUEUES ? 0 : 1;
	unsigned int i;

	if (wrong == OTHER_IFINDEX)
		ifindex = arg[3];
	if (wrong == PEER)
		ifindex = w->world->ifindex[END_TX];
	if (wrong == OTHER_FD && !w->settings->map_once)
		fd = arg[3] % 64;
	if (wrong == LISTENER)
		fd = w->bed->listener[0];
	if (wrong != NO_IFINDEX)
		mnl_attr_put_u32(req, NETDEV_A_DMABUF_IFINDEX, ifindex);
	if (wrong != NO_FD)
		mnl_attr_put_u32(req, NETDEV_A_DMABUF_FD, fd);
	for (i = 0; i < num; i++)
		put_queue(req, wrong, wrong == ANY_QUEUE ? arg[3] : wrong == MANY ? i : arg[4]);
	if (wrong == GARBAGE)
		mnl_attr_put(req, arg[3], arg[3] % 64, w->control[PLACE_GOOD]);
}

/* What no sane client asks for. */
static long op_bind_bad(struct worker *w, const uint32_t *arg)
{
	struct dmabuf buf = take_buffer(w, arg[1]);
	char request[MNL_SOCKET_BUFFER_SIZE];
	struct process *proc = w->proc;
	struct nlmsghdr *req;
	int err;

	pthread_mutex_lock(&proc->binding_lock[arg[0]]);
	err = open_slot(proc, arg[0]);
	if (!err) {
		req = genl_request(request, proc->binding[arg[0]].family, NETDEV_CMD_BIND_RX, 0);
		put_bad(w, req, buf.fd, arg);
		err = genl_talk(&proc->binding[arg[0]].genl, req, NULL, NULL);
	}
	pthread_mutex_unlock(&proc->binding_lock[arg[0]]);
	spend_buffer(w, arg[1], &buf);
	return err;
}

static long op_unbind(struct worker *w, const uint32_t *arg)
{
	bool bound;

	pthread_mutex_lock(&w->proc->binding_lock[arg[0]]);
	bound = w->proc->bound[arg[0]];
	close_slot(w->proc, arg[0]);
	pthread_mutex_unlock(&w->proc->binding_lock[arg[0]]);
	return bound ? 0 : SKIPPED;
}

/* Whoever takes it owns the bindings as well. */
static long op_pass_binding(struct worker *w, const uint32_t *arg)
{
	struct process *proc = w->proc;
	long ret = SKIPPED;

	pthread_mutex_lock(&proc->binding_lock[arg[0]]);
	if (proc->bound[arg[0]])
		ret = worker_pass(w, mnl_socket_get_fd(proc->binding[arg[0]].genl.nl));
	pthread_mutex_unlock(&proc->binding_lock[arg[0]]);
	return ret;
}

static long op_dump(struct worker *w, const uint32_t *arg)
{
	static const uint8_t cmds[] = {
		NETDEV_CMD_DEV_GET, NETDEV_CMD_QUEUE_GET, NETDEV_CMD_PAGE_POOL_GET,
		NETDEV_CMD_PAGE_POOL_STATS_GET, NETDEV_CMD_NAPI_GET, NETDEV_CMD_QSTATS_GET,
	};
	const unsigned int which = arg[0] % sizeof(cmds);
	char buf[MNL_SOCKET_BUFFER_SIZE];

	return genl_talk(&w->netdev.genl,
			 genl_request(buf, w->netdev.family, cmds[which], NLM_F_DUMP), NULL, NULL);
}

static long op_trace(struct worker *w, const uint32_t *arg)
{
	(void)w;
	return bed_trace(arg[0]);
}

static long op_pause(struct worker *w, const uint32_t *arg)
{
	(void)w;
	usleep(arg[0]);
	return 0;
}

const op_func bind_ops[OP_KINDS] = {
	[OP_BUFFER] = op_buffer,
	[OP_BUFFER_CLOSE] = op_buffer_close,
	[OP_BUFFER_USE] = op_buffer_use,
	[OP_BIND] = op_bind,
	[OP_BIND_BAD] = op_bind_bad,
	[OP_UNBIND] = op_unbind,
	[OP_PASS_BINDING] = op_pass_binding,
	[OP_DUMP] = op_dump,
	[OP_TRACE] = op_trace,
	[OP_PAUSE_BINDER] = op_pause,
};
