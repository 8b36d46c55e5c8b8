// SPDX-License-Identifier: GPL-2.0
/*
 * What BPF programs may call: decoding a word, and walking over bindings and
 * their iovs. Nothing here takes a lock or a reference, so that it can be used
 * wherever a program can be attached.
 */

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/init.h>

#include "pp_devmem.h"

/**
 * struct bpf_iter_devmem_binding - state of a walk over all bindings
 * @opaque: for the kernel only
 */
struct bpf_iter_devmem_binding {
	__u64 opaque[1];
} __aligned(8);

struct bpf_iter_devmem_binding_kern {
	unsigned long next_id;
} __aligned(8);

/**
 * struct bpf_iter_page_pool_iov - state of a walk over a binding's iovs
 * @opaque: for the kernel only
 */
struct bpf_iter_page_pool_iov {
	__u64 opaque[2];
} __aligned(8);

struct bpf_iter_page_pool_iov_kern {
	struct page_pool_iov *next;
	struct page_pool_iov *end;
} __aligned(8);

__bpf_kfunc_start_defs();

/**
 * bpf_page_pool_iov_from_frag() - the iov that a word in a frag stands for
 * @frag: any number; usually skb_shinfo(skb)->frags[i].netmem or a value out of
 *	a socket's sk_user_frags
 *
 * The word is looked up among the live bindings and never followed, so there is
 * no number that does harm.
 *
 * Context: Any. What is returned stays an iov until the end of the RCU read-side
 *	critical section, for a program that does not sleep until its end; it
 *	may change state meanwhile. Reading it later is harmless and says nothing.
 * Return: the iov, or NULL for a page and everything else that is not the
 *	tagged address of an iov.
 */
__bpf_kfunc struct page_pool_iov *bpf_page_pool_iov_from_frag(u64 frag)
{
	struct page_pool_iov *iov;

	if (!(frag & PP_DEVMEM))
		return NULL;

	rcu_read_lock();
	iov = net_devmem_iov_lookup(frag & ~(u64)PP_DEVMEM);
	rcu_read_unlock();

	return iov;
}

/**
 * bpf_iter_devmem_binding_new() - start a walk over all bindings
 * @it: the walk
 *
 * Use it by bpf_for_each(devmem_binding, binding). Bindings that come or go
 * meanwhile may or may not be seen; the others are, once each.
 *
 * Context: Any, in an RCU read-side critical section (a program that does not
 *	sleep is in one).
 * Return: 0.
 */
__bpf_kfunc int bpf_iter_devmem_binding_new(struct bpf_iter_devmem_binding *it)
{
	struct bpf_iter_devmem_binding_kern *kit = (void *)it;

	BUILD_BUG_ON(sizeof(*kit) > sizeof(*it));
	BUILD_BUG_ON(__alignof__(*kit) != __alignof__(*it));

	kit->next_id = 0;
	return 0;
}

/**
 * bpf_iter_devmem_binding_next() - the next binding of a walk
 * @it: the walk
 *
 * Return: the binding, readable until the end of the RCU read-side critical
 *	section; NULL after the last.
 */
__bpf_kfunc struct net_devmem_dmabuf_binding *
bpf_iter_devmem_binding_next(struct bpf_iter_devmem_binding *it)
{
	struct bpf_iter_devmem_binding_kern *kit = (void *)it;
	struct net_devmem_dmabuf_binding *binding;

	binding = net_devmem_binding_next(&kit->next_id);
	kit->next_id++;

	return binding;
}

/**
 * bpf_iter_devmem_binding_destroy() - end a walk over bindings
 * @it: the walk
 */
__bpf_kfunc void
bpf_iter_devmem_binding_destroy(struct bpf_iter_devmem_binding *it)
{
}

/**
 * bpf_iter_page_pool_iov_new() - start a walk over a binding's iovs
 * @it: the walk
 * @binding: out of a walk over bindings, or a tracepoint's argument
 *
 * Use it by bpf_for_each(page_pool_iov, iov, binding). Iovs come in the order
 * of their offset in the dma-buf, in whatever state they are.
 *
 * Context: Any, in an RCU read-side critical section, see
 *	bpf_iter_devmem_binding_new().
 * Return: 0.
 */
__bpf_kfunc int
bpf_iter_page_pool_iov_new(struct bpf_iter_page_pool_iov *it,
			   struct net_devmem_dmabuf_binding *binding)
{
	struct bpf_iter_page_pool_iov_kern *kit = (void *)it;

	BUILD_BUG_ON(sizeof(*kit) > sizeof(*it));
	BUILD_BUG_ON(__alignof__(*kit) != __alignof__(*it));

	kit->next = binding->iovs;
	kit->end = binding->iovs + binding->num_iovs;
	return 0;
}

/**
 * bpf_iter_page_pool_iov_next() - the next iov of a walk
 * @it: the walk
 *
 * Return: the iov, readable until the end of the RCU read-side critical
 *	section; NULL after the last.
 */
__bpf_kfunc struct page_pool_iov *
bpf_iter_page_pool_iov_next(struct bpf_iter_page_pool_iov *it)
{
	struct bpf_iter_page_pool_iov_kern *kit = (void *)it;

	return kit->next < kit->end ? kit->next++ : NULL;
}

/**
 * bpf_iter_page_pool_iov_destroy() - end a walk over iovs
 * @it: the walk
 */
__bpf_kfunc void
bpf_iter_page_pool_iov_destroy(struct bpf_iter_page_pool_iov *it)
{
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(devmem_kfunc_ids)
BTF_ID_FLAGS(func, bpf_page_pool_iov_from_frag, KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_iter_devmem_binding_new, KF_ITER_NEW | KF_RCU_PROTECTED)
BTF_ID_FLAGS(func, bpf_iter_devmem_binding_next, KF_ITER_NEXT | KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_iter_devmem_binding_destroy, KF_ITER_DESTROY)
BTF_ID_FLAGS(func, bpf_iter_page_pool_iov_new,
	     KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED)
BTF_ID_FLAGS(func, bpf_iter_page_pool_iov_next, KF_ITER_NEXT | KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_iter_page_pool_iov_destroy, KF_ITER_DESTROY)
BTF_KFUNCS_END(devmem_kfunc_ids)

static const struct btf_kfunc_id_set devmem_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &devmem_kfunc_ids,
};

static int __init devmem_bpf_init(void)
{
	static const enum bpf_prog_type prog_types[] __initconst = {
		BPF_PROG_TYPE_TRACING,
		BPF_PROG_TYPE_KPROBE,
		BPF_PROG_TYPE_SYSCALL,
	};
	unsigned int i;
	int err;

	/* Enumerations stay in BTF only if something refers to them */
	BTF_TYPE_EMIT_ENUM(PP_DEVMEM);
	BTF_TYPE_EMIT(enum page_pool_iov_kind);
	BTF_TYPE_EMIT(enum page_pool_iov_state);
	BTF_TYPE_EMIT(enum devmem_put_reason);

	for (i = 0; i < ARRAY_SIZE(prog_types); i++) {
		err = register_btf_kfunc_id_set(prog_types[i],
						&devmem_kfunc_set);
		if (err)
			return err;
	}

	return 0;
}
late_initcall(devmem_bpf_init);
