// SPDX-License-Identifier: GPL-2.0-or-later
#include "paths.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "devmemcat.h"
#include "faults.h"

/* So many frags that their tokens take more than one node of an xarray. */
#define FRAGS_BYTES 200000
#define CMSGS 256

static char control[BED_CMSG * CMSGS];

/* bind: a refused one leaves nothing, one that is not is whole */

static int bind_prepare(struct bed *bed)
{
	int err;

	/* Memory of its own each time: dma-debug minds many mappings of one page */
	if (bed_memory(bed))
		return -1;
	err = netdev_open(&bed->nd);
	return err ? complain("netlink: %s", strerror(-err)) : 0;
}

/* What the queue is bound to, 0 for nothing; asked through a socket of its own. */
static int bound_to_queue(struct bed *bed, uint32_t *id)
{
	struct netdev_queues q = { .wanted = bed->queue };
	struct netdev nd;
	int err = netdev_open(&nd);

	if (!err) {
		err = netdev_get_queues(&nd, bed->ifindex, &q);
		netdev_close(&nd);
	}
	*id = q.binding;
	return err ? complain("queue-get: %s", strerror(-err)) : 0;
}

static int bind_check(struct bed *bed, int err)
{
	uint32_t id;

	if (bound_to_queue(bed, &id))
		return -1;
	/* Netlink says so when nothing but its answer was lost, after the bind */
	if (err == -ENOBUFS && id)
		return bed_expect_user(0);
	if (id != (err ? 0 : bed->id))
		return complain("queue %u is bound to %u", bed->queue, id);
	return err ? bed_expect_no_binding() : bed_expect_user(0);
}

static int bind_finish(struct bed *bed, int err)
{
	int ret = 0;

	if (!err)
		ret = bed_transfer(bed, 4000);
	bed_unbind(bed);
	return ret || bed_expect_no_binding() || bed_expect_no_dmabuf() ? -1 : 0;
}

/* unbind: it cannot fail. A queue that does not restart is told, and keeps its memory. */

static int unbind_act(struct bed *bed)
{
	netdev_close(&bed->nd);
	return 0;
}

static int unbind_check(struct bed *bed, int err)
{
	const struct fail_binding *b;
	unsigned int num;

	if (!bed_kernel_said(bed, "does not restart on ordinary memory"))
		return bed_expect_no_binding();
	b = faults_walk(&num);
	if (!b || num != 1 || !b->unbound)
		return complain("a queue did not restart, but no unbound binding has its memory");
	return 0;
}

static int unbind_finish(struct bed *bed, int err)
{
	dmabuf_destroy(&bed->buf);
	/* The next bind restarts the queue, and that ends what the last one left */
	if (bed_bind(bed) || bed_transfer(bed, 4000))
		return -1;
	bed_unbind(bed);
	return bed_expect_no_binding() || bed_expect_no_dmabuf() ? -1 : 0;
}

/* What changes a device that is bound: it works on in device memory, changed or not. */

static int unbind_all(struct bed *bed)
{
	bed_unbind(bed);
	return bed_expect_no_binding() || bed_expect_no_dmabuf() ? -1 : 0;
}

static int works(struct bed *bed, int err)
{
	if (!bed_link_is_up(bed))
		return complain("%s is down", bed->ifname);
	return bed_transfer(bed, 4000) || bed_expect_user(0) ? -1 : 0;
}

static int open_prepare(struct bed *bed)
{
	int err = bed_link(bed, false);

	if (err)
		return complain("down: %s", strerror(-err));
	return bed_expect_all_free();
}

static int open_act(struct bed *bed)
{
	return bed_link(bed, true);
}

static int open_check(struct bed *bed, int err)
{
	if (bed_link_is_up(bed) != !err)
		return complain("up said %s, and %s is %s", strerror(-err), bed->ifname,
				err ? "up" : "down");
	return err ? bed_expect_all_free() : bed_expect_user(0);
}

static int open_finish(struct bed *bed, int err)
{
	err = bed_link(bed, true);
	if (err)
		return complain("up without a fault: %s", strerror(-err));
	return works(bed, 0);
}

/* recvmsg: what it does not deliver is there to be read again, what it does has tokens */

static int frags_arrive(struct bed *bed)
{
	return bed_connect(bed) || bed_send(bed, FRAGS_BYTES) ||
	       bed_wait_data(bed, FRAGS_BYTES) ? -1 : 0;
}

static int recvmsg_act(struct bed *bed)
{
	long n = bed_receive(bed, control, sizeof(control));

	return n < 0 ? n : 0;
}

static int tokens_known(struct bed *bed, int err)
{
	return bed_expect_user(bed->num_tokens);
}

/* Give back what is held, read the rest, and close with nothing out. */
static int rest_arrives(struct bed *bed, int err)
{
	long given = bed_give_back(bed);
	int ret;

	if (given != bed->num_tokens)
		return complain("of %u tokens %ld are taken back", bed->num_tokens, given);
	bed->num_tokens = 0;
	ret = bed_expect_user(0) || bed_receive_all(bed) || bed_expect_user(0);
	bed_disconnect(bed);
	return ret ? -1 : 0;
}

/* As that, but the tokens are left to close(). */
static int close_returns(struct bed *bed, int err)
{
	bed_disconnect(bed);
	return bed_expect_user(0);
}

/*
 * A buffer for control messages of which only the first @mapped bytes can be written
 * to: what was delivered before has tokens, what faults has none.
 */
static int read_into(struct bed *bed, char *end, size_t mapped)
{
	long n;

	if (frags_arrive(bed))
		return -1;
	n = bed_receive(bed, end - mapped, sizeof(control));
	if (n < 0 && n != -EFAULT)
		return complain("EFAULT was expected, not %s", strerror(-n));
	if ((n < 0 && bed->num_tokens) || (n >= 0 && !bed->num_tokens) ||
	    bed->num_tokens > mapped / BED_CMSG)
		return complain("%u tokens for %ld bytes", bed->num_tokens, n);
	return tokens_known(bed, 0) || rest_arrives(bed, 0) ? -1 : 0;
}

static int cmsg_sweep(struct bed *bed)
{
	static const unsigned int whole[] = { 0, 1, 2, 16, 17, 18, 40 };
	const size_t room = sizeof(control), page = 4096;
	size_t size = (room + page - 1) / page * page;
	unsigned int i;
	char *map;

	map = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map, size, PROT_READ | PROT_WRITE))
		return complain("no memory: %s", strerror(errno));
	for (i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		size_t mapped = whole[i] * BED_CMSG;

		if (read_into(bed, map + size, mapped) ||
		    read_into(bed, map + size, mapped + sizeof(struct cmsghdr) / 2) ||
		    read_into(bed, map + size, mapped + BED_CMSG - 1))
			return complain("with room for %u messages and a part of one", whole[i]);
	}
	munmap(map, 2 * size);
	return 0;
}

/* SO_DEVMEM_DONTNEED: the tokens are given back, or still held */

static int tokens_held(struct bed *bed)
{
	long n;

	if (frags_arrive(bed))
		return -1;
	n = bed_receive(bed, control, sizeof(control));
	if (n < 0)
		return complain("a read without a fault: %s", strerror(-n));
	return bed_expect_user(bed->num_tokens);
}

static int dontneed_act(struct bed *bed)
{
	long n = bed_give_back(bed);

	if (n < 0)
		return n;
	memmove(bed->tokens, bed->tokens + n, (bed->num_tokens - n) * sizeof(*bed->tokens));
	bed->num_tokens -= n;
	return 0;
}

/* Receiving: what gets no skb is lost on the way, and sent again. */

static int receive_act(struct bed *bed)
{
	return bed_send(bed, FRAGS_BYTES) || bed_receive_all(bed) ? -EIO : 0;
}

static int receive_check(struct bed *bed, int err)
{
	return err ? complain("not all arrived") : bed_expect_user(0);
}

const struct path paths[] = {
	{
		.name = "bind",
		.prepare = bind_prepare,
		.act = bed_try_bind,
		.check = bind_check,
		.finish = bind_finish,
	}, {
		.name = "unbind",
		.prepare = bed_bind,
		.act = unbind_act,
		.check = unbind_check,
		.finish = unbind_finish,
	}, {
		/* What the device does; the network's part of "up" is not ours */
		.name = "open",
		.within = "dms_open",
		.setup = bed_bind,
		.prepare = open_prepare,
		.act = open_act,
		.check = open_check,
		.finish = open_finish,
		.teardown = unbind_all,
	}, {
		.name = "rings",
		.setup = bed_bind,
		.act = bed_toggle_rings,
		.check = works,
		.teardown = unbind_all,
	}, {
		.name = "channels",
		.setup = bed_bind,
		.act = bed_toggle_channels,
		.check = works,
		.teardown = unbind_all,
	}, {
		.name = "mtu",
		.setup = bed_bind,
		.act = bed_toggle_mtu,
		.check = works,
		.teardown = unbind_all,
	}, {
		.name = "recvmsg",
		.setup = bed_bind,
		.prepare = frags_arrive,
		.act = recvmsg_act,
		.check = tokens_known,
		.finish = rest_arrives,
		.teardown = unbind_all,
	}, {
		.name = "recvmsg-close",
		.setup = bed_bind,
		.prepare = frags_arrive,
		.act = recvmsg_act,
		.check = tokens_known,
		.finish = close_returns,
		.teardown = unbind_all,
	}, {
		.name = "cmsg",
		.setup = bed_bind,
		.sweep = cmsg_sweep,
		.teardown = unbind_all,
	}, {
		.name = "dontneed",
		.setup = bed_bind,
		.prepare = tokens_held,
		.act = dontneed_act,
		.check = tokens_known,
		.finish = rest_arrives,
		.teardown = unbind_all,
	}, {
		.name = "receive",
		.within = "dms_poll",
		.anybody = true,
		.most = 40,
		.setup = bed_bind,
		.prepare = bed_connect,
		.act = receive_act,
		.check = receive_check,
		.finish = close_returns,
		.teardown = unbind_all,
	},
	{ }
};
