/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Areas of io_uring's zero-copy receive. An interface queue has no list of its own: it is
 * found by the page pools that take their memory from it.
 */
#ifndef DEVMEM_AREAS_BPF_H
#define DEVMEM_AREAS_BPF_H

/* The interface queue of page pool @id; NULL if there is none (any more) */
static __always_inline const struct io_zcrx_ifq *find_ifq(u32 id)
{
	const struct page_pool *pool = find_pool(id, zcrx_ops);

	return pool ? BPF_CORE_READ(pool, mp_priv) : NULL;
}

/* The area that the request is about, if it is there. Its address is only compared. */
static __always_inline const struct io_zcrx_area *find_area(void)
{
	const struct io_zcrx_area *area;
	const struct io_zcrx_ifq *ifq;

	if (!can_zcrx())
		return NULL;
	ifq = find_ifq(req.id);
	area = ifq ? ifq_area(ifq, req.area) : NULL;
	return (u64)area == req.binding ? area : NULL;
}

static __always_inline void fill_area(struct rec_binding *rec, const struct io_zcrx_ifq *ifq,
				      const struct io_zcrx_area *area, u32 nr)
{
	const struct net_device *dev = BPF_CORE_READ(ifq, netdev);

	__builtin_memset(rec, 0, sizeof(*rec));
	forget_counters(rec);
	rec->addr = (u64)area;
	rec->ifq = (u64)ifq;
	rec->kind = KIND_IO_URING;
	rec->pool = req.id;
	rec->area = nr;
	rec->queue = BPF_CORE_READ(ifq, if_rxq);
	rec->iov_shift = ifq_iov_shift(ifq);
	rec->total = BPF_CORE_READ(area, nia.num_niovs);
	rec->free = BPF_CORE_READ(area, free_count);
	if (dev)
		rec->ifindex = BPF_CORE_READ(dev, ifindex);
	fill_device(rec, dev);
}

static long area_step(u32 i, const struct io_zcrx_ifq **ifq)
{
	const struct io_zcrx_area *area;
	struct rec_binding *rec;

	if (reply.next >= ifq_num_areas(*ifq))
		return 1;
	area = ifq_area(*ifq, reply.next);
	rec = area ? next_record(bindings) : NULL;
	if (!rec)
		return 1;
	fill_area(rec, *ifq, area, reply.next++);
	return 0;
}

/* The areas of the interface queue that page pool req.id takes its memory from, from
 * area number req.from on
 */
SEC("syscall")
int read_areas(struct rec_request *ctx)
{
	const struct io_zcrx_ifq *ifq;

	start_request(ctx);
	if (!can_zcrx())
		return ENOENT;
	reply.next = req.from;
	bpf_rcu_read_lock();
	ifq = find_ifq(req.id);
	if (ifq) {
		bpf_loop(REC_BATCH_BINDINGS, area_step, &ifq, 0);
		reply.more = reply.num == REC_BATCH_BINDINGS;
	}
	reply.gone = !ifq || find_ifq(req.id) != ifq;
	bpf_rcu_read_unlock();
	return 0;
}

static __always_inline void read_area(const struct io_zcrx_area *area)
{
	struct rec_run *rec = next_record(runs);

	if (!rec)
		return;
	walk.binding = (u64)area;
	__builtin_memset(rec, 0, sizeof(*rec));
	rec->iovs = (u64)BPF_CORE_READ(area, nia.niovs);
	rec->num = BPF_CORE_READ(area, nia.num_niovs);
	rec->refs = (u64)BPF_CORE_READ(area, user_refs);
}

/* References that user space has on an iov */
static __always_inline u32 area_refs(const struct rec_run *run, u64 nr)
{
	u32 count = 0;

	bpf_probe_read_kernel(&count, sizeof(count),
			      (const void *)(run->refs + nr * sizeof(count)));
	return count;
}

static long ref_step(u32 i, const struct rec_run *run)
{
	u32 count;

	if (reply.next >= run->num)
		return 1;
	count = area_refs(run, reply.next);
	refs.refs += count;
	refs.iovs += !!count;
	reply.next++;
	return 0;
}

/* What user space has of an area, of iovs from number req.from on */
SEC("syscall")
int count_refs(struct rec_request *ctx)
{
	const struct io_zcrx_area *area;
	struct rec_run run = {};

	start_request(ctx);
	reply.next = req.from;
	__builtin_memset(&refs, 0, sizeof(refs));
	bpf_rcu_read_lock();
	area = find_area();
	if (area) {
		run.num = BPF_CORE_READ(area, nia.num_niovs);
		run.refs = (u64)BPF_CORE_READ(area, user_refs);
		bpf_loop(REC_MAX_STEPS, ref_step, &run, 0);
		reply.more = reply.next < run.num;
	}
	reply.gone = !area || !find_area();
	bpf_rcu_read_unlock();
	return 0;
}

#endif /* DEVMEM_AREAS_BPF_H */
