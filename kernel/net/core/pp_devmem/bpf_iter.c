// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_iter targets: devmem_binding runs a program once for each binding,
 * page_pool_iov once for each iov of all bindings. A dump holds a reference on
 * the binding at hand and nothing else, so it may be rescheduled at each step.
 */

#include <linux/bpf.h>
#include <linux/btf_ids.h>
#include <linux/init.h>
#include <linux/seq_file.h>

#include "pp_devmem.h"

/* Context of a devmem_binding program; no binding at the end of the dump */
struct bpf_iter__devmem_binding {
	__bpf_md_ptr(struct bpf_iter_meta *, meta);
	__bpf_md_ptr(struct net_devmem_dmabuf_binding *, binding);
};

/* Context of a page_pool_iov program; no iov at the end of the dump */
struct bpf_iter__page_pool_iov {
	__bpf_md_ptr(struct bpf_iter_meta *, meta);
	__bpf_md_ptr(struct net_devmem_dmabuf_binding *, binding);
	__bpf_md_ptr(struct page_pool_iov *, iov);
};

DEFINE_BPF_ITER_FUNC(devmem_binding, struct bpf_iter_meta *meta,
		     struct net_devmem_dmabuf_binding *binding)
DEFINE_BPF_ITER_FUNC(page_pool_iov, struct bpf_iter_meta *meta,
		     struct net_devmem_dmabuf_binding *binding,
		     struct page_pool_iov *iov)

BTF_ID_LIST(devmem_iter_btf_ids)
BTF_ID(struct, net_devmem_dmabuf_binding)
BTF_ID(struct, page_pool_iov)

/* Where a dump stands. It survives from one read() to the next, and holds no
 * reference between them.
 */
struct devmem_iter {
	struct net_devmem_dmabuf_binding *binding;
	unsigned long id;
	u32 idx;
};

/* The binding with the lowest id from @iter->id on that is not being freed */
static struct net_devmem_dmabuf_binding *iter_get(struct devmem_iter *iter)
{
	struct net_devmem_dmabuf_binding *binding;
	unsigned long id = iter->id;

	rcu_read_lock();
	while ((binding = net_devmem_binding_next(&id)) &&
	       !refcount_inc_not_zero(&binding->ref))
		id++;
	rcu_read_unlock();

	if (id != iter->id)
		iter->idx = 0;
	iter->id = id;
	iter->binding = binding;
	return binding;
}

static void iter_put(struct devmem_iter *iter)
{
	net_devmem_dmabuf_binding_put(iter->binding);
	iter->binding = NULL;
}

static struct net_devmem_dmabuf_binding *
iter_next_binding(struct devmem_iter *iter)
{
	iter_put(iter);
	iter->id++;
	iter->idx = 0;
	return iter_get(iter);
}

static void *binding_seq_start(struct seq_file *seq, loff_t *pos)
{
	struct net_devmem_dmabuf_binding *binding = iter_get(seq->private);

	if (binding && !*pos)
		++*pos;
	return binding;
}

static void *binding_seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return iter_next_binding(seq->private);
}

static int binding_seq_run(struct seq_file *seq, void *v, bool in_stop)
{
	struct bpf_iter__devmem_binding ctx;
	struct bpf_iter_meta meta;
	struct bpf_prog *prog;

	meta.seq = seq;
	prog = bpf_iter_get_info(&meta, in_stop);
	if (!prog)
		return 0;

	ctx.meta = &meta;
	ctx.binding = v;
	return bpf_iter_run_prog(prog, &ctx);
}

static int binding_seq_show(struct seq_file *seq, void *v)
{
	return binding_seq_run(seq, v, false);
}

static void binding_seq_stop(struct seq_file *seq, void *v)
{
	if (v)
		iter_put(seq->private);
	else
		binding_seq_run(seq, NULL, true);
}

static const struct seq_operations binding_seq_ops = {
	.start	= binding_seq_start,
	.next	= binding_seq_next,
	.stop	= binding_seq_stop,
	.show	= binding_seq_show,
};

static void *iov_seq_start(struct seq_file *seq, loff_t *pos)
{
	struct devmem_iter *iter = seq->private;
	struct net_devmem_dmabuf_binding *binding = iter_get(iter);

	/* The id may be another binding's by now */
	if (binding && iter->idx >= binding->num_iovs)
		binding = iter_next_binding(iter);
	if (!binding)
		return NULL;
	if (!*pos)
		++*pos;
	return &binding->iovs[iter->idx];
}

static void *iov_seq_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct devmem_iter *iter = seq->private;
	struct net_devmem_dmabuf_binding *binding = iter->binding;

	++*pos;
	if (++iter->idx == binding->num_iovs)
		binding = iter_next_binding(iter);

	return binding ? &binding->iovs[iter->idx] : NULL;
}

static int iov_seq_run(struct seq_file *seq, void *v, bool in_stop)
{
	struct devmem_iter *iter = seq->private;
	struct bpf_iter__page_pool_iov ctx;
	struct bpf_iter_meta meta;
	struct bpf_prog *prog;

	meta.seq = seq;
	prog = bpf_iter_get_info(&meta, in_stop);
	if (!prog)
		return 0;

	ctx.meta = &meta;
	ctx.binding = v ? iter->binding : NULL;
	ctx.iov = v;
	return bpf_iter_run_prog(prog, &ctx);
}

static int iov_seq_show(struct seq_file *seq, void *v)
{
	return iov_seq_run(seq, v, false);
}

static void iov_seq_stop(struct seq_file *seq, void *v)
{
	if (v)
		iter_put(seq->private);
	else
		iov_seq_run(seq, NULL, true);
}

static const struct seq_operations iov_seq_ops = {
	.start	= iov_seq_start,
	.next	= iov_seq_next,
	.stop	= iov_seq_stop,
	.show	= iov_seq_show,
};

static const struct bpf_iter_seq_info binding_seq_info = {
	.seq_ops		= &binding_seq_ops,
	.seq_priv_size		= sizeof(struct devmem_iter),
};

static const struct bpf_iter_seq_info iov_seq_info = {
	.seq_ops		= &iov_seq_ops,
	.seq_priv_size		= sizeof(struct devmem_iter),
};

static struct bpf_iter_reg binding_reg_info = {
	.target			= "devmem_binding",
	.feature		= BPF_ITER_RESCHED,
	.ctx_arg_info_size	= 1,
	.ctx_arg_info		= {
		{ offsetof(struct bpf_iter__devmem_binding, binding),
		  PTR_TO_BTF_ID_OR_NULL | PTR_TRUSTED },
	},
	.seq_info		= &binding_seq_info,
};

static struct bpf_iter_reg iov_reg_info = {
	.target			= "page_pool_iov",
	.feature		= BPF_ITER_RESCHED,
	.ctx_arg_info_size	= 2,
	.ctx_arg_info		= {
		{ offsetof(struct bpf_iter__page_pool_iov, binding),
		  PTR_TO_BTF_ID_OR_NULL | PTR_TRUSTED },
		{ offsetof(struct bpf_iter__page_pool_iov, iov),
		  PTR_TO_BTF_ID_OR_NULL | PTR_TRUSTED },
	},
	.seq_info		= &iov_seq_info,
};

static int __init devmem_bpf_iter_init(void)
{
	int err;

	binding_reg_info.ctx_arg_info[0].btf_id = devmem_iter_btf_ids[0];
	iov_reg_info.ctx_arg_info[0].btf_id = devmem_iter_btf_ids[0];
	iov_reg_info.ctx_arg_info[1].btf_id = devmem_iter_btf_ids[1];

	err = bpf_iter_reg_target(&binding_reg_info);
	if (err)
		return err;

	return bpf_iter_reg_target(&iov_reg_info);
}
late_initcall(devmem_bpf_iter_init);
