// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the provider. They run without a NIC: the scatterlist, the
 * dma-buf and the net_device are made here.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/etherdevice.h>
#include <linux/fdtable.h>
#include <linux/kthread.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/wait_bit.h>
#include <net/netdev_queues.h>
#include <net/netdev_rx_queue.h>
#include <net/page_pool/memory_provider.h>
#include <net/sock.h>

#include "pp_devmem.h"

#define TEST_BASE	0x40000000ULL
#define TEST_QUEUES	4

struct segment {
	dma_addr_t addr;
	unsigned int len;
};

static struct sg_table *test_sgt(struct kunit *test,
				 const struct segment *segments, unsigned int n)
{
	struct sg_table *sgt;
	struct scatterlist *sg;
	unsigned int i;

	sgt = kunit_kzalloc(test, sizeof(*sgt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	sgt->sgl = kunit_kcalloc(test, n, sizeof(*sgt->sgl), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sgt->sgl);
	sg_init_table(sgt->sgl, n);
	sgt->nents = n;
	sgt->orig_nents = n;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		sg_dma_address(sg) = segments[i].addr;
		sg_dma_len(sg) = segments[i].len;
	}

	return sgt;
}

static void destroy_iovs(void *binding)
{
	net_devmem_iovs_destroy(binding);
}

/* A binding of @pages contiguous pages that no device knows of */
static struct net_devmem_dmabuf_binding *test_binding(struct kunit *test,
						      unsigned int pages)
{
	struct segment segment = { TEST_BASE, pages << PAGE_SHIFT };
	struct net_devmem_dmabuf_binding *binding;

	binding = kunit_kzalloc(test, sizeof(*binding), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, binding);
	binding->sgt = test_sgt(test, &segment, 1);
	refcount_set(&binding->ref, 1);
	KUNIT_ASSERT_EQ(test, net_devmem_iovs_create(binding, NULL), 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_iovs,
							   binding));
	return binding;
}

/* A page pool on @binding, as a driver's queue would have one. The core takes
 * the provider from a bound queue; here it is put in by hand.
 */
static struct page_pool *test_pool(struct kunit *test,
				   struct net_devmem_dmabuf_binding *binding)
{
	struct page_pool_params params = {
		.pool_size	= 64,
		.nid		= NUMA_NO_NODE,
	};
	struct page_pool *pool;

	pool = page_pool_create(&params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);

	pool->dma_map = true;
	pool->mp_priv = binding;
	pool->mp_ops = &dmabuf_devmem_ops;
	KUNIT_ASSERT_EQ(test, pool->mp_ops->init(pool), 0);
	static_branch_inc(&page_pool_mem_providers);
	return pool;
}

static void iov_tag_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 1);
	struct page_pool_iov *iov = binding->iovs;
	struct page *word;

	word = (__force struct page *)page_pool_iov_to_netmem(iov);

	KUNIT_EXPECT_TRUE(test, page_is_page_pool_iov(word));
	KUNIT_EXPECT_FALSE(test, page_is_page_pool_iov(virt_to_page(test)));
	KUNIT_EXPECT_PTR_EQ(test, page_to_page_pool_iov(word), iov);
	KUNIT_EXPECT_EQ(test, (unsigned long)word, (unsigned long)iov | 1);
}

static void iov_areas_test(struct kunit *test)
{
	/* The first two are neighbours for the device, the third is not */
	static const struct segment segments[] = {
		{ TEST_BASE,			2 * PAGE_SIZE },
		{ TEST_BASE + 2 * PAGE_SIZE,	PAGE_SIZE },
		{ TEST_BASE - 4 * PAGE_SIZE,	3 * PAGE_SIZE },
	};
	static const dma_addr_t dma_pages[] = { 0, 1, 2, -4, -3, -2 };
	struct net_devmem_dmabuf_binding *binding;
	u32 i;

	binding = kunit_kzalloc(test, sizeof(*binding), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, binding);
	binding->sgt = test_sgt(test, segments, ARRAY_SIZE(segments));
	KUNIT_ASSERT_EQ(test, net_devmem_iovs_create(binding, NULL), 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy_iovs,
							   binding));

	KUNIT_EXPECT_EQ(test, binding->num_iovs, ARRAY_SIZE(dma_pages));
	KUNIT_EXPECT_EQ(test, binding->num_areas, 2);
	KUNIT_EXPECT_EQ(test, binding->areas[0].num_iovs, 3);
	KUNIT_EXPECT_EQ(test, binding->areas[1].num_iovs, 3);
	for (i = 0; i < binding->num_iovs; i++) {
		struct page_pool_iov *iov = &binding->iovs[i];

		KUNIT_EXPECT_EQ(test, page_pool_iov_idx(iov), i);
		KUNIT_EXPECT_EQ(test, page_pool_iov_virtual_addr(iov),
				(unsigned long)i << PAGE_SHIFT);
		KUNIT_EXPECT_EQ(test, page_pool_iov_dma_addr(iov),
				TEST_BASE + (dma_pages[i] << PAGE_SHIFT));
		KUNIT_EXPECT_PTR_EQ(test, page_pool_iov_binding(iov), binding);
		KUNIT_EXPECT_EQ(test, page_pool_iov_state(iov), PP_IOV_FREE);
	}
}

static void iov_refuse_segment(struct kunit *test, struct segment bad)
{
	struct segment segments[] = { { TEST_BASE, PAGE_SIZE }, bad };
	struct net_devmem_dmabuf_binding binding = {};
	struct netlink_ext_ack extack = {};
	char address[32];

	binding.sgt = test_sgt(test, segments, ARRAY_SIZE(segments));
	KUNIT_EXPECT_EQ(test, net_devmem_iovs_create(&binding, &extack),
			-EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, extack._msg);
	KUNIT_EXPECT_NOT_NULL(test, strstr(extack._msg, "segment 1"));
	snprintf(address, sizeof(address), "%llx", (u64)bad.addr);
	KUNIT_EXPECT_NULL(test, strstr(extack._msg, address));
	KUNIT_EXPECT_NULL(test, binding.iovs);
}

static void iov_misaligned_test(struct kunit *test)
{
	iov_refuse_segment(test, (struct segment){ TEST_BASE + 512, PAGE_SIZE });
	iov_refuse_segment(test, (struct segment){ TEST_BASE, PAGE_SIZE + 512 });
	iov_refuse_segment(test, (struct segment){ TEST_BASE, 512 });
}

static void iov_empty_test(struct kunit *test)
{
	struct segment none = { TEST_BASE, 0 };
	struct net_devmem_dmabuf_binding binding = {};
	struct netlink_ext_ack extack = {};

	binding.sgt = test_sgt(test, &none, 1);
	KUNIT_EXPECT_EQ(test, net_devmem_iovs_create(&binding, &extack),
			-EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, extack._msg);
}

/* More than can be numbered: a dma-buf of many segments as long as can be */
static void iov_too_many_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding binding = {};
	struct netlink_ext_ack extack = {};
	struct segment *segments;
	unsigned int i, n;

	n = U32_MAX / (SZ_2G >> PAGE_SHIFT) + 1;
	segments = kunit_kcalloc(test, n, sizeof(*segments), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segments);
	for (i = 0; i < n; i++)
		segments[i] = (struct segment){ TEST_BASE + i * (u64)SZ_2G, SZ_2G };

	binding.sgt = test_sgt(test, segments, n);
	KUNIT_EXPECT_EQ(test, net_devmem_iovs_create(&binding, &extack), -E2BIG);
	KUNIT_ASSERT_NOT_NULL(test, extack._msg);
	KUNIT_EXPECT_NOT_NULL(test, strstr(extack._msg, "too large"));
	KUNIT_EXPECT_NULL(test, binding.iovs);
}

static void iov_lifo_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 4);
	netmem_ref netmems[4];

	/* A page pool takes from the end of its cache */
	KUNIT_ASSERT_EQ(test, net_devmem_iovs_alloc(binding, netmems, 2), 2);
	KUNIT_EXPECT_PTR_EQ(test, netmem_to_page_pool_iov(netmems[1]),
			    &binding->iovs[0]);
	KUNIT_EXPECT_PTR_EQ(test, netmem_to_page_pool_iov(netmems[0]),
			    &binding->iovs[1]);

	net_devmem_iov_free(binding, netmems[1]);
	net_devmem_iov_free(binding, netmems[0]);
	KUNIT_ASSERT_EQ(test, net_devmem_iovs_alloc(binding, netmems, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, netmem_to_page_pool_iov(netmems[0]),
			    &binding->iovs[1]);
	net_devmem_iov_free(binding, netmems[0]);
}

static void iov_batch_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 5);
	netmem_ref netmems[8];
	u32 i;

	KUNIT_EXPECT_EQ(test, net_devmem_iovs_alloc(binding, netmems, 3), 3);
	KUNIT_EXPECT_EQ(test, net_devmem_iovs_alloc(binding, netmems + 3, 5), 2);
	KUNIT_EXPECT_EQ(test, binding->exhausted, 0);
	KUNIT_EXPECT_EQ(test, net_devmem_iovs_alloc(binding, netmems + 5, 1), 0);
	KUNIT_EXPECT_EQ(test, binding->exhausted, 1);
	KUNIT_EXPECT_EQ(test, binding->num_free, 0);

	for (i = 0; i < 5; i++)
		net_devmem_iov_free(binding, netmems[i]);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
}

static void iov_accounting_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 8);
	netmem_ref netmems[8];
	u32 i;

	KUNIT_ASSERT_EQ(test, net_devmem_iovs_alloc(binding, netmems, 6), 6);
	for (i = 0; i < 4; i++)
		net_devmem_iov_free(binding, netmems[i]);
	KUNIT_ASSERT_EQ(test, net_devmem_iovs_alloc(binding, netmems, 1), 1);

	KUNIT_EXPECT_EQ(test, binding->num_free, 5);
	KUNIT_EXPECT_EQ(test, binding->allocs, 7);
	KUNIT_EXPECT_EQ(test, binding->releases, 4);
	KUNIT_EXPECT_EQ(test, binding->high_water, 6);
	KUNIT_EXPECT_EQ(test, binding->allocs - binding->releases,
			binding->num_iovs - binding->num_free);

	for (i = 0; i < 8; i++)
		if (i == 0 || i == 4 || i == 5)
			net_devmem_iov_free(binding, netmems[i]);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
}

/* What a test of tokens has: a socket's table, and frags that were received */
struct token_test {
	struct net_devmem_dmabuf_binding *binding;
	struct page_pool *pool;
	struct sock *sk;
	skb_frag_t frags[3];
};

static struct token_test *token_test_start(struct kunit *test)
{
	struct token_test *tt = kunit_kzalloc(test, sizeof(*tt), GFP_KERNEL);
	netmem_ref netmem;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, tt);
	tt->sk = kunit_kzalloc(test, sizeof(*tt->sk), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tt->sk);
	xa_init_flags(&tt->sk->sk_user_frags, SK_USER_FRAGS_FLAGS);
	tt->binding = test_binding(test, 4);
	tt->pool = test_pool(test, tt->binding);
	for (i = 0; i < ARRAY_SIZE(tt->frags); i++) {
		netmem = page_pool_alloc_netmems(tt->pool, GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmem));
		skb_frag_fill_netmem_desc(&tt->frags[i], netmem, 0, PAGE_SIZE);
	}

	return tt;
}

/* The skbs are freed, and nothing may be left */
static void token_test_end(struct kunit *test, struct token_test *tt)
{
	u32 i;

	KUNIT_EXPECT_TRUE(test, xa_empty(&tt->sk->sk_user_frags));
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->binding->num_user), 0);
	for (i = 0; i < ARRAY_SIZE(tt->frags); i++) {
		netmem_ref netmem = skb_frag_netmem(&tt->frags[i]);
		struct page_pool_iov *iov = netmem_to_page_pool_iov(netmem);

		KUNIT_EXPECT_EQ(test, page_pool_iov_refcount(iov), 1);
		KUNIT_EXPECT_EQ(test, page_pool_iov_state(iov), PP_IOV_POOL);
		page_pool_put_full_netmem(tt->pool, netmem, false);
	}
	page_pool_destroy(tt->pool);
	KUNIT_EXPECT_EQ(test, tt->binding->num_free, tt->binding->num_iovs);
}

static void token_life_test(struct kunit *test)
{
	struct token_test *tt = token_test_start(test);
	struct page_pool_iov *iov;
	struct tcp_xa_pool p = {};
	struct dmabuf_token give[] = { { 2, 1 }, { 2, 7 }, { 1, 1 } };

	iov = netmem_to_page_pool_iov(skb_frag_netmem(&tt->frags[0]));
	KUNIT_EXPECT_EQ(test, 0, net_devmem_tokens_get(tt->sk, &p, tt->frags, 2));
	KUNIT_EXPECT_EQ(test, p.max, 2);
	KUNIT_EXPECT_EQ(test, p.tokens[0], 1);
	KUNIT_EXPECT_EQ(test, p.tokens[1], 2);
	KUNIT_EXPECT_EQ(test, page_pool_iov_state(iov), PP_IOV_USER);
	KUNIT_EXPECT_EQ(test, page_pool_iov_refcount(iov), 2);
	KUNIT_EXPECT_GT(test, iov->user_since_ns, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->binding->num_user), 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_gets), 2);

	/* Peeked at: a second token on the same iov */
	KUNIT_EXPECT_EQ(test, 0, net_devmem_tokens_get(tt->sk, &p, tt->frags, 1));
	KUNIT_EXPECT_EQ(test, p.tokens[0], 3);
	KUNIT_EXPECT_EQ(test, page_pool_iov_user_tokens(iov), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->binding->num_user), 2);

	/* 2; then 3 of 2 to 8; then 1 */
	KUNIT_EXPECT_EQ(test, 3, net_devmem_tokens_dontneed(tt->sk, give,
							    ARRAY_SIZE(give),
							    1024));
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_gets), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_puts), 3);
	token_test_end(test, tt);
}

static void token_limits_test(struct kunit *test)
{
	struct token_test *tt = token_test_start(test);
	struct dmabuf_token all = { 0, U32_MAX };
	struct tcp_xa_pool p = {};

	KUNIT_EXPECT_EQ(test, 0, net_devmem_tokens_get(tt->sk, &p, tt->frags, 3));

	/* Numbers that are no token count as looked at: 0, 1, 2 */
	KUNIT_EXPECT_EQ(test, 2, net_devmem_tokens_dontneed(tt->sk, &all, 1, 3));
	KUNIT_EXPECT_EQ(test, 1, net_devmem_tokens_dontneed(tt->sk, &all, 1, 4));

	/* Who has its last number has them all */
	KUNIT_EXPECT_EQ(test, 0, net_devmem_tokens_get(tt->sk, &p, tt->frags, 1));
	net_devmem_tokens_close(tt->sk);
	token_test_end(test, tt);
}

/* A thread that guesses gives back what another's read is about to tell of */
static void token_race_test(struct kunit *test)
{
	struct token_test *tt = token_test_start(test);
	struct dmabuf_token guess = { 2, 1 };
	struct tcp_xa_pool p = {};

	KUNIT_EXPECT_EQ(test, 0, net_devmem_tokens_get(tt->sk, &p, tt->frags, 3));
	p.idx = 1;
	KUNIT_EXPECT_EQ(test, 1, net_devmem_tokens_dontneed(tt->sk, &guess, 1,
							    1024));
	net_devmem_tokens_undo(tt->sk, &p);
	KUNIT_EXPECT_EQ(test, atomic_read(&tt->binding->num_user), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_puts), 2);
	net_devmem_tokens_close(tt->sk);
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_gets), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&tt->binding->token_closes), 1);
	token_test_end(test, tt);
}

#define TOKEN_AGE_ROUNDS	20000

/* What one thread does to an iov, while another looks at it */
struct token_age {
	struct page_pool_iov *iov;
	u32 round;
	u32 held;
	u32 ageless;
};

/* An iov that is held has an age. The other thread has moved on if the round is
 * another than before.
 */
static int token_age_look(void *data)
{
	struct token_age *age = data;

	while (!kthread_should_stop()) {
		/* Pairs with the release at the end of a round */
		u32 round = smp_load_acquire(&age->round);
		bool held = atomic_read_acquire(&age->iov->user_tokens);
		u64 since = READ_ONCE(age->iov->user_since_ns);

		/* The age was read before the end of the round */
		smp_rmb();
		if (held && READ_ONCE(age->round) == round) {
			WRITE_ONCE(age->held, age->held + 1);
			age->ageless += !since;
		}
		cond_resched();
	}

	return 0;
}

/* Whoever sees that an iov is held does not see since when the last time */
static void token_age_test(struct kunit *test)
{
	struct token_test *tt = token_test_start(test);
	struct dmabuf_token token = { 1, 1 };
	struct tcp_xa_pool p = {};
	struct task_struct *looks;
	struct token_age *age;
	u32 returned = 0;

	age = kunit_kzalloc(test, sizeof(*age), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, age);
	age->iov = netmem_to_page_pool_iov(skb_frag_netmem(&tt->frags[0]));
	looks = kthread_run(token_age_look, age, "token_age_look");
	KUNIT_ASSERT_FALSE(test, IS_ERR(looks));

	while (returned == age->round &&
	       (age->round < TOKEN_AGE_ROUNDS || !READ_ONCE(age->held))) {
		/* Says nothing while nobody holds the iov */
		WRITE_ONCE(age->iov->user_since_ns, 0);
		net_devmem_tokens_get(tt->sk, &p, tt->frags, 1);
		cond_resched();
		returned += net_devmem_tokens_dontneed(tt->sk, &token, 1, 1024);
		/* The iov is held no more: pairs with the acquire */
		smp_store_release(&age->round, age->round + 1);
	}
	kthread_stop(looks);
	KUNIT_EXPECT_EQ(test, returned, age->round);
	KUNIT_EXPECT_EQ(test, age->ageless, 0);
	token_test_end(test, tt);
}

static void token_wanted_test(struct kunit *test)
{
	struct token_test *tt = token_test_start(test);
	struct msghdr msg = { .msg_controllen = 4096 };
	const skb_frag_t *frags = tt->frags;

	KUNIT_EXPECT_EQ(test, 1, net_devmem_tokens_wanted(&msg, frags, 3, 10, 10));
	KUNIT_EXPECT_EQ(test, 2, net_devmem_tokens_wanted(&msg, frags, 3, 10, 11));
	KUNIT_EXPECT_EQ(test, 3, net_devmem_tokens_wanted(&msg, frags, 3, 10,
							  INT_MAX));
	msg.msg_controllen = 2 * CMSG_SPACE(sizeof(struct dmabuf_cmsg));
	KUNIT_EXPECT_EQ(test, 2, net_devmem_tokens_wanted(&msg, frags, 3, 10,
							  INT_MAX));
	msg.msg_controllen = 0;
	KUNIT_EXPECT_EQ(test, 1, net_devmem_tokens_wanted(&msg, frags, 3, 10,
							  INT_MAX));
	token_test_end(test, tt);
}

static void iov_refcount_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 4);
	struct page_pool *pool = test_pool(test, binding);
	netmem_ref netmem = page_pool_alloc_netmems(pool, GFP_KERNEL);
	struct page_pool_iov *iov;

	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmem));
	iov = netmem_to_page_pool_iov(netmem);
	KUNIT_EXPECT_EQ(test, page_pool_iov_refcount(iov), 1);
	page_pool_iov_get_many(iov, 41);
	KUNIT_EXPECT_EQ(test, page_pool_iov_refcount(iov), 42);
	page_pool_iov_put_many(iov, 40);
	KUNIT_EXPECT_EQ(test, page_pool_iov_refcount(iov), 2);
	KUNIT_EXPECT_TRUE(test, __ptr_ring_empty(&pool->ring));

	page_pool_iov_put_many(iov, 2);
	KUNIT_EXPECT_FALSE(test, __ptr_ring_empty(&pool->ring));

	page_pool_destroy(pool);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
}

static void provider_refill_test(struct kunit *test)
{
	const u32 pages = 16 * PP_ALLOC_CACHE_REFILL;
	struct net_devmem_dmabuf_binding *binding;
	netmem_ref *netmems;
	struct page_pool *pool;
	u32 i;

	binding = test_binding(test, pages);
	pool = test_pool(test, binding);
	netmems = kunit_kcalloc(test, pages, sizeof(*netmems), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, netmems);

	netmems[0] = page_pool_alloc_netmems(pool, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmems[0]));
	KUNIT_EXPECT_PTR_EQ(test, netmem_to_page_pool_iov(netmems[0]),
			    binding->iovs);
	KUNIT_EXPECT_EQ(test, pool->alloc.count, PP_ALLOC_CACHE_REFILL - 1);
	KUNIT_EXPECT_EQ(test, binding->num_free, pages - PP_ALLOC_CACHE_REFILL);
	KUNIT_EXPECT_EQ(test, pool->pages_state_hold_cnt, PP_ALLOC_CACHE_REFILL);

	for (i = 1; i < pages; i++) {
		netmems[i] = page_pool_alloc_netmems(pool, GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmems[i]));
	}
	KUNIT_EXPECT_EQ(test, binding->exhausted, 0);
	KUNIT_EXPECT_TRUE(test, !page_pool_alloc_netmems(pool, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, binding->exhausted, 1);

	for (i = 0; i < pages; i++)
		page_pool_put_full_netmem(pool, netmems[i], false);
	page_pool_destroy(pool);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
	KUNIT_EXPECT_EQ(test, binding->releases, binding->num_iovs);
}

/* One pool's cache must leave something for another's */
static void provider_small_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 65);
	struct page_pool *one = test_pool(test, binding);
	struct page_pool *other = test_pool(test, binding);
	netmem_ref netmems[33];
	u32 i;

	netmems[0] = page_pool_alloc_netmems(one, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmems[0]));
	for (i = 1; i < ARRAY_SIZE(netmems); i++) {
		netmems[i] = page_pool_alloc_netmems(other, GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmems[i]));
	}

	page_pool_put_full_netmem(one, netmems[0], false);
	for (i = 1; i < ARRAY_SIZE(netmems); i++)
		page_pool_put_full_netmem(other, netmems[i], false);
	page_pool_destroy(one);
	page_pool_destroy(other);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
}

/* A queue that could not be restarted at the unbind is not to run dry */
static void provider_unbound_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 4);
	struct page_pool *pool = test_pool(test, binding);
	netmem_ref netmem;

	binding->unbound = true;
	netmem = page_pool_alloc_netmems(pool, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmem));
	page_pool_put_full_netmem(pool, netmem, false);
	page_pool_destroy(pool);
	KUNIT_EXPECT_EQ(test, binding->num_free, binding->num_iovs);
}

/* An iov that somebody still refers to is not handed out again */
static void provider_lost_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 2);
	struct page_pool *pool = test_pool(test, binding);
	netmem_ref netmem = page_pool_alloc_netmems(pool, GFP_KERNEL);
	struct page_pool_iov *iov;

	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmem));
	iov = netmem_to_page_pool_iov(netmem);
	page_pool_iov_get_many(iov, 1);
	page_pool_put_unrefed_netmem(pool, netmem, -1, false);
	page_pool_destroy(pool);

	KUNIT_EXPECT_EQ(test, binding->lost, 1);
	KUNIT_EXPECT_EQ(test, binding->num_free, 1);
	KUNIT_EXPECT_EQ(test, binding->releases, 0);
	KUNIT_EXPECT_EQ(test, 1, net_devmem_iovs_alloc(binding, &netmem, 1));
	KUNIT_EXPECT_PTR_NE(test, netmem_to_page_pool_iov(netmem), iov);
	net_devmem_iov_free(binding, netmem);
}

static void provider_init_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_binding(test, 1);
	struct page_pool *pool;

	pool = kunit_kzalloc(test, sizeof(*pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	pool->dma_map = true;
	KUNIT_EXPECT_EQ(test, dmabuf_devmem_ops.init(pool), -EINVAL);

	pool->mp_priv = binding;
	pool->dma_map = false;
	KUNIT_EXPECT_EQ(test, dmabuf_devmem_ops.init(pool), -EOPNOTSUPP);

	pool->dma_map = true;
	pool->p.order = 1;
	KUNIT_EXPECT_EQ(test, dmabuf_devmem_ops.init(pool), -E2BIG);
	KUNIT_EXPECT_EQ(test, refcount_read(&binding->ref), 1);

	/* Mapped already, so there is nothing to map or sync */
	pool->p.order = 0;
	pool->dma_sync = true;
	pool->dma_sync_for_cpu = true;
	KUNIT_EXPECT_EQ(test, dmabuf_devmem_ops.init(pool), 0);
	KUNIT_EXPECT_FALSE(test, pool->dma_sync);
	KUNIT_EXPECT_FALSE(test, pool->dma_sync_for_cpu);
	KUNIT_EXPECT_EQ(test, refcount_read(&binding->ref), 2);
	dmabuf_devmem_ops.destroy(pool);
	KUNIT_EXPECT_EQ(test, refcount_read(&binding->ref), 1);
}

static struct kunit_case iov_cases[] = {
	KUNIT_CASE(iov_tag_test),
	KUNIT_CASE(iov_areas_test),
	KUNIT_CASE(iov_misaligned_test),
	KUNIT_CASE(iov_empty_test),
	KUNIT_CASE(iov_too_many_test),
	KUNIT_CASE(iov_lifo_test),
	KUNIT_CASE(iov_batch_test),
	KUNIT_CASE(iov_accounting_test),
	KUNIT_CASE(iov_refcount_test),
	KUNIT_CASE(token_life_test),
	KUNIT_CASE(token_limits_test),
	KUNIT_CASE(token_race_test),
	KUNIT_CASE(token_age_test),
	KUNIT_CASE(token_wanted_test),
	KUNIT_CASE(provider_refill_test),
	KUNIT_CASE(provider_small_test),
	KUNIT_CASE(provider_unbound_test),
	KUNIT_CASE(provider_lost_test),
	KUNIT_CASE(provider_init_test),
	{}
};

static struct kunit_suite iov_suite = {
	.name		= "devmem_iov",
	.test_cases	= iov_cases,
};

/* What a test of bindings has: a device with a driver that does what the test
 * tells it, and a dma-buf that tells when it is let go.
 */
struct binding_test {
	struct net_device *dev;
	struct sg_table *sgt;
	struct completion dmabuf_released;
	int attached;
	int mapped;
	int attach_error;
	int map_error;
	int queue_error;
	int fd;
	bool header_split;
	bool unreadable;
};

static struct binding_test *netdev_test(const struct net_device *dev)
{
	return *(struct binding_test **)netdev_priv(dev);
}

static void test_get_ringparam(struct net_device *dev,
			       struct ethtool_ringparam *ring,
			       struct kernel_ethtool_ringparam *kernel_ring,
			       struct netlink_ext_ack *extack)
{
	kernel_ring->tcp_data_split = netdev_test(dev)->header_split ?
				      ETHTOOL_TCP_DATA_SPLIT_ENABLED :
				      ETHTOOL_TCP_DATA_SPLIT_DISABLED;
}

static const struct ethtool_ops test_ethtool_ops = {
	.get_ringparam = test_get_ringparam,
};

/* A queue is its page pool. Without @unreadable the driver ignores what the
 * queue is bound to.
 */
static int test_queue_mem_alloc(struct net_device *dev, void *mem, int idx)
{
	const struct binding_test *bt = netdev_test(dev);
	struct page_pool_params params = {
		.flags		= PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size	= 16,
		.nid		= NUMA_NO_NODE,
		.dev		= dev->dev.parent,
		.dma_dir	= DMA_FROM_DEVICE,
		.max_len	= PAGE_SIZE,
		.netdev		= dev,
		.queue_idx	= idx,
	};
	struct page_pool **pool = mem;

	if (bt->queue_error)
		return bt->queue_error;
	if (bt->unreadable)
		params.flags |= PP_FLAG_ALLOW_UNREADABLE_NETMEM;

	*pool = page_pool_create(&params);
	return PTR_ERR_OR_ZERO(*pool);
}

static void test_queue_mem_free(struct net_device *dev, void *mem)
{
	page_pool_destroy(*(struct page_pool **)mem);
}

static int test_queue_op(struct net_device *dev, void *mem, int idx)
{
	return 0;
}

/* Those of a driver that knows nothing of rings */
static const struct ethtool_ops test_no_ringparam_ops = {};

static const struct netdev_queue_mgmt_ops test_queue_ops = {
	.ndo_queue_mem_size	= sizeof(struct page_pool *),
	.ndo_queue_mem_alloc	= test_queue_mem_alloc,
	.ndo_queue_mem_free	= test_queue_mem_free,
	.ndo_queue_start	= test_queue_op,
	.ndo_queue_stop		= test_queue_op,
};

static const struct net_device_ops test_netdev_ops = {};

static int test_attach_dma_buf(struct dma_buf *dmabuf,
			       struct dma_buf_attachment *attachment)
{
	struct binding_test *bt = dmabuf->priv;

	if (bt->attach_error)
		return bt->attach_error;

	bt->attached++;
	return 0;
}

static void test_detach_dma_buf(struct dma_buf *dmabuf,
				struct dma_buf_attachment *attachment)
{
	struct binding_test *bt = dmabuf->priv;

	bt->attached--;
}

static struct sg_table *test_map_dma_buf(struct dma_buf_attachment *attachment,
					 enum dma_data_direction direction)
{
	struct binding_test *bt = attachment->dmabuf->priv;

	if (bt->map_error)
		return ERR_PTR(bt->map_error);

	bt->mapped++;
	return bt->sgt;
}

static void test_unmap_dma_buf(struct dma_buf_attachment *attachment,
			       struct sg_table *sgt,
			       enum dma_data_direction direction)
{
	struct binding_test *bt = attachment->dmabuf->priv;

	bt->mapped--;
	wake_up_var(&bt->mapped);
}

static void test_release_dma_buf(struct dma_buf *dmabuf)
{
	struct binding_test *bt = dmabuf->priv;

	complete(&bt->dmabuf_released);
}

static const struct dma_buf_ops test_dma_buf_ops = {
	.attach		= test_attach_dma_buf,
	.detach		= test_detach_dma_buf,
	.map_dma_buf	= test_map_dma_buf,
	.unmap_dma_buf	= test_unmap_dma_buf,
	.release	= test_release_dma_buf,
};

static void test_export(struct kunit *test, struct binding_test *bt,
			size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.ops = &test_dma_buf_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = bt;
	dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dmabuf);

	bt->fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (bt->fd < 0)
		dma_buf_put(dmabuf);
	KUNIT_ASSERT_GE(test, bt->fd, 0);
}

/* Lets go of the fd, and expects that nobody else holds the dma-buf */
static void test_close(struct kunit *test, struct binding_test *bt)
{
	close_fd(bt->fd);
	flush_delayed_fput();
	KUNIT_EXPECT_NE(test, 0,
			wait_for_completion_timeout(&bt->dmabuf_released,
						    30 * HZ));
	KUNIT_EXPECT_EQ(test, bt->mapped, 0);
	KUNIT_EXPECT_EQ(test, bt->attached, 0);
}

static int binding_test_init(struct kunit *test)
{
	static const struct segment segment = { TEST_BASE, 16 * PAGE_SIZE };
	struct binding_test *bt;
	struct device *parent;

	bt = kunit_kzalloc(test, sizeof(*bt), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bt);
	test->priv = bt;
	bt->header_split = true;
	bt->unreadable = true;
	bt->sgt = test_sgt(test, &segment, 1);
	init_completion(&bt->dmabuf_released);

	parent = kunit_device_register(test, "pp_devmem_test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent);
	bt->dev = alloc_etherdev_mq(sizeof(bt), TEST_QUEUES);
	KUNIT_ASSERT_NOT_NULL(test, bt->dev);
	*(struct binding_test **)netdev_priv(bt->dev) = bt;
	SET_NETDEV_DEV(bt->dev, parent);
	bt->dev->netdev_ops = &test_netdev_ops;
	bt->dev->ethtool_ops = &test_ethtool_ops;
	bt->dev->queue_mgmt_ops = &test_queue_ops;
	bt->dev->features = NETIF_F_RXCSUM;

	test_export(test, bt, 16 * PAGE_SIZE);
	return 0;
}

static void binding_test_exit(struct kunit *test)
{
	struct binding_test *bt = test->priv;

	test_close(test, bt);
	free_netdev(bt->dev);
}

static struct net_devmem_dmabuf_binding *test_bind(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding;
	struct binding_test *bt = test->priv;

	rtnl_lock();
	binding = net_devmem_bind_dmabuf(bt->dev, bt->fd, NULL);
	rtnl_unlock();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, binding);
	return binding;
}

static void test_unbind(struct net_devmem_dmabuf_binding *binding)
{
	rtnl_lock();
	net_devmem_unbind_dmabuf(binding);
	rtnl_unlock();
}

static void test_refused(struct kunit *test, int fd, int err, const char *why)
{
	struct net_devmem_dmabuf_binding *binding;
	struct binding_test *bt = test->priv;
	struct netlink_ext_ack extack = {};

	rtnl_lock();
	binding = net_devmem_bind_dmabuf(bt->dev, fd, &extack);
	rtnl_unlock();
	KUNIT_ASSERT_TRUE(test, IS_ERR(binding));
	KUNIT_EXPECT_EQ(test, PTR_ERR(binding), err);
	KUNIT_ASSERT_NOT_NULL(test, extack._msg);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(extack._msg, why), "'%s' says nothing of '%s'",
				  extack._msg, why);
	KUNIT_EXPECT_EQ(test, bt->mapped, 0);
	KUNIT_EXPECT_EQ(test, bt->attached, 0);
}

static void binding_life_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct binding_test *bt = test->priv;

	KUNIT_EXPECT_EQ(test, bt->mapped, 1);
	KUNIT_EXPECT_EQ(test, binding->num_iovs, 16);
	KUNIT_EXPECT_GT(test, binding->id, 0);
	test_unbind(binding);
}

static void binding_queues_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct net_devmem_dmabuf_binding *other = test_bind(test);
	struct binding_test *bt = test->priv;
	struct netlink_ext_ack extack = {};
	struct netdev_rx_queue *rxq;

	rxq = __netif_get_rx_queue(bt->dev, 1);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 1, binding,
							&extack));
	KUNIT_EXPECT_PTR_EQ(test, rxq->mp_params.mp_priv, (void *)binding);

	KUNIT_EXPECT_EQ(test, -EEXIST,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 1, other,
							&extack));
	KUNIT_EXPECT_NOT_NULL(test, extack._msg);
	extack._msg = NULL;
	KUNIT_EXPECT_EQ(test, -ERANGE,
			net_devmem_bind_dmabuf_to_queue(bt->dev, TEST_QUEUES,
							other, &extack));
	KUNIT_EXPECT_NOT_NULL(test, extack._msg);
	rtnl_unlock();

	test_unbind(other);
	KUNIT_EXPECT_PTR_EQ(test, rxq->mp_params.mp_priv, (void *)binding);
	test_unbind(binding);
	KUNIT_EXPECT_NULL(test, rxq->mp_params.mp_priv);
	KUNIT_EXPECT_NULL(test, rxq->mp_params.mp_ops);
}

static void binding_restart_fails_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct binding_test *bt = test->priv;
	struct netlink_ext_ack extack = {};
	struct netdev_rx_queue *rxq;

	rxq = __netif_get_rx_queue(bt->dev, 0);
	bt->queue_error = -ENOBUFS;
	rtnl_lock();
	set_bit(__LINK_STATE_START, &bt->dev->state);
	KUNIT_EXPECT_EQ(test, -ENOBUFS,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 0, binding,
							&extack));
	clear_bit(__LINK_STATE_START, &bt->dev->state);
	rtnl_unlock();

	KUNIT_EXPECT_NOT_NULL(test, extack._msg);
	KUNIT_EXPECT_NULL(test, rxq->mp_params.mp_priv);
	KUNIT_EXPECT_TRUE(test, xa_empty(&binding->bound_rxqs));
	test_unbind(binding);
}

/* What the driver of a device that is down will not do is found out at the bind */
static void binding_down_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct binding_test *bt = test->priv;
	struct netlink_ext_ack extack = {};
	struct netdev_rx_queue *rxq;

	rxq = __netif_get_rx_queue(bt->dev, 0);
	rtnl_lock();
	bt->queue_error = -ENOBUFS;
	KUNIT_EXPECT_EQ(test, -ENOBUFS,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 0, binding,
							&extack));
	KUNIT_EXPECT_NOT_NULL(test, extack._msg);
	bt->queue_error = 0;

	bt->unreadable = false;
	KUNIT_EXPECT_EQ(test, -ENODATA,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 0, binding,
							NULL));
	rtnl_unlock();

	KUNIT_EXPECT_NULL(test, rxq->mp_params.mp_priv);
	KUNIT_EXPECT_TRUE(test, xa_empty(&binding->bound_rxqs));
	test_unbind(binding);
}

static void binding_size_test(struct kunit *test)
{
	struct binding_test *bt = test->priv;

	sg_dma_len(bt->sgt->sgl) = 17 * PAGE_SIZE;
	test_refused(test, bt->fd, -EINVAL, "is mapped as");
}

static void binding_refused_test(struct kunit *test)
{
	struct binding_test *bt = test->priv;
	struct device *parent = bt->dev->dev.parent;

	test_refused(test, INT_MAX, -EBADF, "not an open dma-buf");

	bt->header_split = false;
	test_refused(test, bt->fd, -EINVAL, "tcp-data-split");
	bt->header_split = true;

	bt->dev->ethtool_ops = &test_no_ringparam_ops;
	test_refused(test, bt->fd, -EINVAL, "tcp-data-split");
	bt->dev->ethtool_ops = &test_ethtool_ops;

	bt->attach_error = -EBUSY;
	test_refused(test, bt->fd, -EBUSY, "exporter refuses");
	bt->attach_error = 0;

	bt->map_error = -EIO;
	test_refused(test, bt->fd, -EIO, "cannot be mapped");
	bt->map_error = 0;

	bt->dev->queue_mgmt_ops = NULL;
	test_refused(test, bt->fd, -EOPNOTSUPP, "cannot restart");
	bt->dev->queue_mgmt_ops = &test_queue_ops;

	SET_NETDEV_DEV(bt->dev, NULL);
	test_refused(test, bt->fd, -EOPNOTSUPP, "no parent");
	SET_NETDEV_DEV(bt->dev, parent);

	sg_dma_len(bt->sgt->sgl) = PAGE_SIZE / 2;
	test_refused(test, bt->fd, -EINVAL, "segment 0");
}

static void binding_small_dmabuf_test(struct kunit *test)
{
	struct binding_test *bt = test->priv;

	test_close(test, bt);
	reinit_completion(&bt->dmabuf_released);
	test_export(test, bt, PAGE_SIZE / 2);
	test_refused(test, bt->fd, -EINVAL, "not made of whole pages");
}

static void binding_device_gone_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct binding_test *bt = test->priv;
	struct netdev_rx_queue *rxq;

	rxq = __netif_get_rx_queue(bt->dev, 2);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0,
			net_devmem_bind_dmabuf_to_queue(bt->dev, 2, binding,
							NULL));
	dev_dmabuf_uninstall(bt->dev);
	rtnl_unlock();

	/* The driver may go, whoever still holds the binding */
	KUNIT_EXPECT_EQ(test, bt->mapped, 0);
	KUNIT_EXPECT_NULL(test, binding->dev);
	KUNIT_EXPECT_NULL(test, rxq->mp_params.mp_priv);
	KUNIT_EXPECT_TRUE(test, xa_empty(&binding->bound_rxqs));
	test_unbind(binding);
}

static void binding_pool_outlives_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct page_pool *pool = test_pool(test, binding);
	struct binding_test *bt = test->priv;
	netmem_ref netmem;

	netmem = page_pool_alloc_netmems(pool, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, netmem_is_net_iov(netmem));
	test_unbind(binding);
	KUNIT_EXPECT_EQ(test, bt->mapped, 1);
	KUNIT_EXPECT_TRUE(test, binding->unbound);

	page_pool_put_full_netmem(pool, netmem, false);
	page_pool_destroy(pool);
}

/* Unmapping sleeps, so it must not happen where the last put does */
static void binding_put_in_softirq_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct binding_test *bt = test->priv;

	net_devmem_dmabuf_binding_get(binding);
	test_unbind(binding);
	KUNIT_EXPECT_EQ(test, bt->mapped, 1);

	local_bh_disable();
	net_devmem_dmabuf_binding_put(binding);
	KUNIT_EXPECT_EQ(test, bt->mapped, 1);
	local_bh_enable();
}

static void binding_lookup_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding = test_bind(test);
	struct net_devmem_dmabuf_binding *found;
	unsigned long start = (unsigned long)binding->iovs;
	unsigned long id = binding->id;

	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, net_devmem_iov_lookup(start), binding->iovs);
	KUNIT_EXPECT_PTR_EQ(test, &binding->iovs[15],
			    net_devmem_iov_lookup(start + 15 * sizeof(struct page_pool_iov)));
	KUNIT_EXPECT_NULL(test,
			  net_devmem_iov_lookup(start + 16 * sizeof(struct page_pool_iov)));
	KUNIT_EXPECT_NULL(test, net_devmem_iov_lookup(start + 1));
	KUNIT_EXPECT_NULL(test, net_devmem_iov_lookup(start - 1));
	KUNIT_EXPECT_NULL(test, net_devmem_iov_lookup(0));
	KUNIT_EXPECT_NULL(test, net_devmem_iov_lookup(ULONG_MAX));
	found = net_devmem_binding_next(&id);
	KUNIT_EXPECT_PTR_EQ(test, found, binding);
	rcu_read_unlock();

	test_unbind(binding);
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, net_devmem_iov_lookup(start));
	rcu_read_unlock();
}

#ifdef CONFIG_FAILSLAB
/* failslab spares allocations that may sleep unless told otherwise */
static bool sleeping_allocations_fail(void)
{
	void *p;

	current->fail_nth = 1;
	p = kmalloc(sizeof(long), GFP_KERNEL);
	current->fail_nth = 0;
	kfree(p);

	return !p;
}

/* The memory is unmapped from a work item, some time after the last put */
static void test_wait_unmapped(struct kunit *test)
{
	struct binding_test *bt = test->priv;

	KUNIT_EXPECT_NE(test, 0,
			wait_var_event_timeout(&bt->mapped,
					       !READ_ONCE(bt->mapped),
					       30 * HZ));
}

/* Fails each allocation of a bind in turn, until none is left to fail */
static void binding_no_memory_test(struct kunit *test)
{
	struct net_devmem_dmabuf_binding *binding;
	struct binding_test *bt = test->priv;
	unsigned int nth;
	bool injected;

	if (!sleeping_allocations_fail())
		kunit_skip(test, "failslab/ignore-gfp-wait is on, turn it off and run again");

	for (nth = 1; ; nth++) {
		rtnl_lock();
		current->fail_nth = nth;
		binding = net_devmem_bind_dmabuf(bt->dev, bt->fd, NULL);
		injected = !current->fail_nth;
		current->fail_nth = 0;
		rtnl_unlock();

		if (IS_ERR(binding)) {
			KUNIT_EXPECT_EQ(test, PTR_ERR(binding), -ENOMEM);
			KUNIT_EXPECT_EQ(test, bt->mapped, 0);
		} else {
			test_unbind(binding);
			test_wait_unmapped(test);
		}
		if (!injected)
			break;
	}

	KUNIT_EXPECT_FALSE(test, IS_ERR(binding));
	KUNIT_EXPECT_GT(test, nth, 4);
}
#else
static void binding_no_memory_test(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB");
}
#endif

static struct kunit_case binding_cases[] = {
	KUNIT_CASE(binding_life_test),
	KUNIT_CASE(binding_queues_test),
	KUNIT_CASE(binding_restart_fails_test),
	KUNIT_CASE(binding_down_test),
	KUNIT_CASE(binding_size_test),
	KUNIT_CASE(binding_refused_test),
	KUNIT_CASE(binding_small_dmabuf_test),
	KUNIT_CASE(binding_device_gone_test),
	KUNIT_CASE(binding_pool_outlives_test),
	KUNIT_CASE(binding_put_in_softirq_test),
	KUNIT_CASE(binding_lookup_test),
	KUNIT_CASE(binding_no_memory_test),
	{}
};

/* KUnit never runs a case again that it once skipped */
static int binding_suite_init(struct kunit_suite *suite)
{
	struct kunit_case *test_case;

	kunit_suite_for_each_test_case(suite, test_case)
		test_case->status = KUNIT_SUCCESS;

	return 0;
}

static struct kunit_suite binding_suite = {
	.name		= "devmem_binding",
	.suite_init	= binding_suite_init,
	.init		= binding_test_init,
	.exit		= binding_test_exit,
	.test_cases	= binding_cases,
};

kunit_test_suites(&iov_suite, &binding_suite);

MODULE_DESCRIPTION("KUnit tests of the device memory provider");
MODULE_LICENSE("GPL");
