// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * devmem - device memory of page pools, for crash(8)
 *
 * Where a skb's frag or a socket's token would have a struct page *, device memory has
 * the address of an iov with the lowest bit set. This extension knows the bit, and
 * says what the words are, which bindings there are and who holds them.
 *
 * Nothing is assumed to be readable: each read may fail, and how many did is said.
 * What differs between kernels is told by their types, never by a version, in the
 * order that tools/drgn has.
 */

#include <arpa/inet.h>
#include <crash/defs.h>
#include <ctype.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define TAG		1UL
/* What an xarray has for an index that is only reserved */
#define XA_ZERO_ENTRY	((257UL << 2) | 2)
#define XA_SLOTS	64
/* More than any list has that is one */
#define LIST_LIMIT	(1UL << 22)
#define READ_LIMIT	(1UL << 26)
#define BLOCK_IOVS	16384
/* Of an entry of a page table */
#define PTE_ADDRESS	0xffffffffff000UL

enum {
	TIME_WAIT = 6,
	NEW_SYN_RECV = 12,
};

/* What is looked at. The second part is for some kernels only. */
enum member {
	XARRAY_HEAD, NODE_SHIFT, NODE_SLOTS,
	POOL_OPS, POOL_PRIV,
	BIND_DMABUF, BIND_DEV, BIND_ID, BIND_QUEUES,
	DMABUF_SIZE, DMABUF_FILE, DMABUF_EXPORTER,
	FILE_INODE, FILE_OPS, FILE_DATA, INODE_NUMBER,
	NET_LIST, NET_DEVICES, NET_HASHINFO,
	DEV_NAME, DEV_LIST, DEV_QUEUES, DEV_NUM_QUEUES,
	HASH_TABLE, HASH_MASK,
	TASK_FILES, TASK_TGID, TASK_COMM, TASK_TASKS, TASK_THREAD, TASK_SIGNAL, SIGNAL_THREADS,
	FILES_TABLE, TABLE_SIZE, TABLE_FILES, SOCKET_SOCK,
	SOCK_FAMILY, SOCK_STATE, SOCK_DADDR, SOCK_SADDR, SOCK_DPORT, SOCK_NODE, SOCK_COOKIE,
	SOCK_PROTOCOL, SOCK_TOKENS, INET_SPORT,
	SKB_NEXT, SKB_LEN, SKB_DATA_LEN, SKB_HEAD, SKB_END,
	SHARED_NR_FRAGS, SHARED_PARTS, SHARED_FRAGS, FRAG_WORD, FRAG_LEN, FRAG_OFFSET,
	NUM_COMMON,

	SOCK_DADDR6 = NUM_COMMON, SOCK_SADDR6,
	TIME_BASE, TIME_NSEC, TIME_SHIFT,
	IOV_PP, IOV_REFS, IOV_TOKENS, IOV_SINCE,
	BIND_UNBOUND, BIND_NUM_IOVS, BIND_AREAS, BIND_NUM_AREAS, BIND_USER, BIND_FREE, BIND_HIGH,
	BIND_EXHAUSTED,
	BIND_POOL, BIND_SHIFT,
	AREA_OFFSET, AREA_DMA, AREA_IOVS, AREA_COUNT,
	GENPOOL_CHUNKS, GENPOOL_ORDER, CHUNK_NEXT, CHUNK_OWNER, CHUNK_START, CHUNK_END, CHUNK_BITS,
	NUM_MEMBERS
};

static struct {
	char *type;
	char *name;
	long offset;
	long size;
} members[NUM_MEMBERS] = {
	[XARRAY_HEAD] = { "xarray", "xa_head" },
	[NODE_SHIFT] = { "xa_node", "shift" },
	[NODE_SLOTS] = { "xa_node", "slots" },
	[POOL_OPS] = { "page_pool", "mp_ops" },
	[POOL_PRIV] = { "page_pool", "mp_priv" },
	[BIND_DMABUF] = { "net_devmem_dmabuf_binding", "dmabuf" },
	[BIND_DEV] = { "net_devmem_dmabuf_binding", "dev" },
	[BIND_ID] = { "net_devmem_dmabuf_binding", "id" },
	[BIND_QUEUES] = { "net_devmem_dmabuf_binding", "bound_rxqs" },
	[DMABUF_SIZE] = { "dma_buf", "size" },
	[DMABUF_FILE] = { "dma_buf", "file" },
	[DMABUF_EXPORTER] = { "dma_buf", "exp_name" },
	[FILE_INODE] = { "file", "f_inode" },
	[FILE_OPS] = { "file", "f_op" },
	[FILE_DATA] = { "file", "private_data" },
	[INODE_NUMBER] = { "inode", "i_ino" },
	[NET_LIST] = { "net", "list" },
	[NET_DEVICES] = { "net", "dev_base_head" },
	[NET_HASHINFO] = { "net", "ipv4.tcp_death_row.hashinfo" },
	[DEV_NAME] = { "net_device", "name" },
	[DEV_LIST] = { "net_device", "dev_list" },
	[DEV_QUEUES] = { "net_device", "_rx" },
	[DEV_NUM_QUEUES] = { "net_device", "num_rx_queues" },
	[HASH_TABLE] = { "inet_hashinfo", "ehash" },
	[HASH_MASK] = { "inet_hashinfo", "ehash_mask" },
	[TASK_FILES] = { "task_struct", "files" },
	[TASK_TGID] = { "task_struct", "tgid" },
	[TASK_COMM] = { "task_struct", "comm" },
	[TASK_TASKS] = { "task_struct", "tasks" },
	[TASK_THREAD] = { "task_struct", "thread_node" },
	[TASK_SIGNAL] = { "task_struct", "signal" },
	[SIGNAL_THREADS] = { "signal_struct", "thread_head" },
	[FILES_TABLE] = { "files_struct", "fdt" },
	[TABLE_SIZE] = { "fdtable", "max_fds" },
	[TABLE_FILES] = { "fdtable", "fd" },
	[SOCKET_SOCK] = { "socket", "sk" },
	[SOCK_FAMILY] = { "sock_common", "skc_family" },
	[SOCK_STATE] = { "sock_common", "skc_state" },
	[SOCK_DADDR] = { "sock_common", "skc_daddr" },
	[SOCK_SADDR] = { "sock_common", "skc_rcv_saddr" },
	[SOCK_DPORT] = { "sock_common", "skc_dport" },
	[SOCK_NODE] = { "sock_common", "skc_nulls_node" },
	[SOCK_COOKIE] = { "sock_common", "skc_cookie" },
	[SOCK_PROTOCOL] = { "sock", "sk_protocol" },
	[SOCK_TOKENS] = { "sock", "sk_user_frags" },
	[INET_SPORT] = { "inet_sock", "inet_sport" },
	[SKB_NEXT] = { "sk_buff", "next" },
	[SKB_LEN] = { "sk_buff", "len" },
	[SKB_DATA_LEN] = { "sk_buff", "data_len" },
	[SKB_HEAD] = { "sk_buff", "head" },
	[SKB_END] = { "sk_buff", "end" },
	[SHARED_NR_FRAGS] = { "skb_shared_info", "nr_frags" },
	[SHARED_PARTS] = { "skb_shared_info", "frag_list" },
	[SHARED_FRAGS] = { "skb_shared_info", "frags" },
	[FRAG_WORD] = { "skb_frag", "netmem" },
	[FRAG_LEN] = { "skb_frag", "len" },
	[FRAG_OFFSET] = { "skb_frag", "offset" },

	[SOCK_DADDR6] = { "sock_common", "skc_v6_daddr" },
	[SOCK_SADDR6] = { "sock_common", "skc_v6_rcv_saddr" },
	[TIME_BASE] = { "timekeeper", "tkr_mono.base" },
	[TIME_NSEC] = { "timekeeper", "tkr_mono.xtime_nsec" },
	[TIME_SHIFT] = { "timekeeper", "tkr_mono.shift" },
	[BIND_UNBOUND] = { "net_devmem_dmabuf_binding", "unbound" },
	[BIND_NUM_IOVS] = { "net_devmem_dmabuf_binding", "num_iovs" },
	[BIND_AREAS] = { "net_devmem_dmabuf_binding", "areas" },
	[BIND_NUM_AREAS] = { "net_devmem_dmabuf_binding", "num_areas" },
	[BIND_USER] = { "net_devmem_dmabuf_binding", "num_user" },
	[BIND_FREE] = { "net_devmem_dmabuf_binding", "num_free" },
	[BIND_HIGH] = { "net_devmem_dmabuf_binding", "high_water" },
	[BIND_EXHAUSTED] = { "net_devmem_dmabuf_binding", "exhausted" },
	[BIND_POOL] = { "net_devmem_dmabuf_binding", "chunk_pool" },
	[BIND_SHIFT] = { "net_devmem_dmabuf_binding", "niov_shift" },
	[GENPOOL_CHUNKS] = { "gen_pool", "chunks" },
	[GENPOOL_ORDER] = { "gen_pool", "min_alloc_order" },
	[CHUNK_NEXT] = { "gen_pool_chunk", "next_chunk" },
	[CHUNK_OWNER] = { "gen_pool_chunk", "owner" },
	[CHUNK_START] = { "gen_pool_chunk", "start_addr" },
	[CHUNK_END] = { "gen_pool_chunk", "end_addr" },
	[CHUNK_BITS] = { "gen_pool_chunk", "bits" },
};

/* How bindings and iovs lie in memory, newest first, as in tools/drgn's layout.py */
static const struct layout {
	const char *name;
	/* Told by this member of this type */
	char *type, *member;
	/* Of an iov, and of what has a run of them */
	char *iov, *pp, *refs;
	char *area, *offset, *dma, *iovs, *count;
	bool counts;
} layouts[] = {
	{ "ppdevmem", "page_pool_iov", "niov",
	  "page_pool_iov", "niov.pp", "niov.pp_ref_count",
	  "page_pool_iov_area", "base_virtual", "base_dma_addr", "iovs", "num_iovs", true },
	{ "linux-6.17", "net_iov", "desc",
	  "net_iov", "desc.pp", "desc.pp_ref_count",
	  "dmabuf_genpool_chunk_owner", "area.base_virtual", "base_dma_addr", "area.niovs",
	  "area.num_niovs", false },
	{ "linux-6.15", "dmabuf_genpool_chunk_owner", "area",
	  "net_iov", "pp", "pp_ref_count",
	  "dmabuf_genpool_chunk_owner", "area.base_virtual", "base_dma_addr", "area.niovs",
	  "area.num_niovs", false },
	{ "linux-6.12", "dmabuf_genpool_chunk_owner", "niovs",
	  "net_iov", "pp", "pp_ref_count",
	  "dmabuf_genpool_chunk_owner", "base_virtual", "base_dma_addr", "niovs",
	  "num_niovs", false },
};

static const struct layout *layout;
static size_t iov_size, area_size;

struct run {
	ulong iovs, count, offset, dma;
	/* Number of the first one in the binding */
	ulong first;
	/* A bit for each that is allocated, NULL if the iovs tell */
	ulong *bits;
};

struct binding {
	ulong address, dev, id;
	bool unbound;
	char *data;
	int shift;
	struct run *runs;
	size_t num_runs;
	ulong total, free, user;
};

struct device {
	ulong address, queues, num_queues;
	char name[16];
};

struct task {
	ulong pid;
	int fd;
	char comm[TASK_COMM_LEN + 1];
};

struct token {
	ulong number, word;
	struct binding *binding;
};

struct sock {
	ulong address, cookie;
	char local[INET6_ADDRSTRLEN + 10], remote[INET6_ADDRSTRLEN + 10];
	struct token *tokens;
	size_t num_tokens;
	struct task *tasks;
	size_t num_tasks;
};

/* What was found by this command */
static struct binding *bindings;
static struct device *devices;
static struct sock *socks;
static ulong *held;
static size_t num_bindings, num_devices, num_socks, num_held;
static double now;
static ulong failed, senseless;

/* Arrays that grow */

static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		error(FATAL, "devmem: out of memory\n");
	return array;
}

#define append(array, n) \
	(*((array) = grow((array), (n), sizeof(*(array))), \
	   memset(&(array)[n], 0, sizeof(*(array))), &(array)[(n)++]))

static void *table(size_t n, size_t size)
{
	void *memory = calloc(n ? n : 1, size);

	if (!memory)
		error(FATAL, "devmem: out of memory\n");
	return memory;
}

/* Reading */

/* Started with --minimal, crash does not know of vmalloc's memory: the kernel's page table
 * is walked here.
 */
static bool translate(ulong address, ulong *physical)
{
	ulong entry, table = 0;
	int shift = machdep->flags & VM_5LEVEL ? 48 : 39;
	bool top = true;

	if (!symbol_exists("init_top_pgt"))
		return false;
	for (; shift >= 12; shift -= 9, top = false) {
		ulong slot = (address >> shift & 511) * sizeof(entry);

		if (!readmem(top ? symbol_value("init_top_pgt") + slot : table + slot,
			     top ? KVADDR : PHYSADDR, &entry, sizeof(entry), "page table",
			     RETURN_ON_ERROR | QUIET) || !(entry & _PAGE_PRESENT))
			return false;
		table = entry & PTE_ADDRESS;
		if (shift == 12 || (shift <= 30 && entry & _PAGE_PSE)) {
			*physical = (table & -(1UL << shift)) | (address & ((1UL << shift) - 1));
			return true;
		}
	}
	return false;
}

static bool read_mapped(ulong address, char *buffer, size_t size, char *what)
{
	ulong physical;
	size_t n;

	for (; size; address += n, buffer += n, size -= n) {
		n = MIN(size, PAGESIZE() - address % PAGESIZE());
		if (!translate(address, &physical) ||
		    !readmem(physical, PHYSADDR, buffer, n, what, RETURN_ON_ERROR | QUIET))
			return false;
	}
	return true;
}

static bool read_at(ulong address, void *buffer, size_t size, char *what)
{
	if (size <= READ_LIMIT &&
	    (readmem(address, KVADDR, buffer, size, what, RETURN_ON_ERROR | QUIET) ||
	     (pc->flags & MINIMAL_MODE && read_mapped(address, buffer, size, what))))
		return true;
	failed++;
	return false;
}

static ulong value(const char *data, enum member m)
{
	ulong word = 0;

	memcpy(&word, data + members[m].offset, MIN(members[m].size, (long)sizeof(word)));
	return word;
}

/* One member of something */
static ulong read_member(ulong address, enum member m)
{
	char data[sizeof(ulong)] = "";
	ulong word = 0;

	if (read_at(address + members[m].offset, data,
		    MIN(members[m].size, (long)sizeof(data)), members[m].name))
		memcpy(&word, data, sizeof(word));
	return word;
}

/* Addresses of the nodes of a struct list_head */
static ulong *list(ulong head, size_t *n)
{
	ulong *nodes = NULL, node, links[2], last = head;

	*n = 0;
	if (!read_at(head, &node, sizeof(node), "list"))
		return NULL;
	while (node != head) {
		if (!read_at(node, links, sizeof(links), "list"))
			break;
		if (links[1] != last || *n >= LIST_LIMIT) {
			senseless++;
			break;
		}
		append(nodes, *n) = node;
		last = node;
		node = links[0];
	}
	return nodes;
}

typedef void (*entry_fn)(ulong index, ulong entry, void *arg);

static void xarray_entry(ulong entry, ulong index, int above, entry_fn fn, void *arg)
{
	ulong slots[XA_SLOTS], node = entry & ~3UL;
	ulong shift;
	int i;

	if ((entry & 3) != 2 || entry <= 4096) {
		if (entry == XA_ZERO_ENTRY || (entry & 3) != 2)
			fn(index, entry, arg);
		return;
	}
	shift = read_member(node, NODE_SHIFT);
	if (shift >= (ulong)above || shift % 6) {
		senseless++;
		return;
	}
	if (!read_at(node + members[NODE_SLOTS].offset, slots, sizeof(slots), "xarray"))
		return;
	for (i = 0; i < XA_SLOTS; i++) {
		/* At the lowest level such an entry is no node, but of the xarray's own */
		if (!slots[i] || (!shift && (slots[i] & 3) == 2 && slots[i] != XA_ZERO_ENTRY))
			continue;
		xarray_entry(slots[i], index + ((ulong)i << shift), shift, fn, arg);
	}
}

static void xarray(ulong address, entry_fn fn, void *arg)
{
	ulong head = read_member(address, XARRAY_HEAD);

	if (head)
		xarray_entry(head, 0, 64, fn, arg);
}

static void gather(ulong index, ulong entry, void *arg)
{
	struct {
		ulong *entries;
		size_t n;
	} *into = arg;

	if (entry != XA_ZERO_ENTRY)
		append(into->entries, into->n) = entry;
}

static ulong *entries(ulong address, size_t *n)
{
	struct {
		ulong *entries;
		size_t n;
	} into = { NULL, 0 };

	xarray(address, gather, &into);
	*n = into.n;
	return into.entries;
}

/* The layout */

static bool find_member(enum member m, bool needed)
{
	char *type = members[m].type, *name = members[m].name;

	members[m].offset = MEMBER_OFFSET(type, name);
	members[m].size = MEMBER_SIZE(type, name);
	if (members[m].offset < 0)
		members[m].offset = ANON_MEMBER_OFFSET(type, name);
	if (members[m].size <= 0)
		members[m].size = ANON_MEMBER_SIZE(type, name);
	if (members[m].offset >= 0 && members[m].size > 0)
		return true;
	if (needed)
		error(FATAL, "devmem: the kernel's struct %s has no %s: is this its vmlinux?\n",
		      type, name);
	return false;
}

static void set_member(enum member m, char *type, char *name)
{
	members[m].type = type;
	members[m].name = name;
	find_member(m, true);
}

static void find_layout(void)
{
	const struct layout *l;
	int m;

	if (layout)
		return;
	for (l = layouts; !MEMBER_EXISTS(l->type, l->member); l++) {
		if (l == &layouts[ARRAY_SIZE(layouts) - 1])
			error(FATAL, "devmem: the kernel has no device memory for page pools, which Linux 6.12 and later have with CONFIG_NET_DEVMEM\n");
	}
	for (m = 0; m < NUM_COMMON; m++)
		find_member(m, true);
	find_member(SOCK_DADDR6, false);
	find_member(SOCK_SADDR6, false);
	for (m = TIME_BASE; m <= TIME_SHIFT; m++)
		find_member(m, true);
	set_member(IOV_PP, l->iov, l->pp);
	set_member(IOV_REFS, l->iov, l->refs);
	set_member(AREA_OFFSET, l->area, l->offset);
	set_member(AREA_DMA, l->area, l->dma);
	set_member(AREA_IOVS, l->area, l->iovs);
	set_member(AREA_COUNT, l->area, l->count);
	iov_size = STRUCT_SIZE(l->iov);
	area_size = STRUCT_SIZE(l->area);
	if (l->counts) {
		set_member(IOV_TOKENS, l->iov, "user_tokens");
		set_member(IOV_SINCE, l->iov, "user_since_ns");
		for (m = BIND_UNBOUND; m <= BIND_EXHAUSTED; m++)
			find_member(m, true);
	} else {
		find_member(BIND_POOL, true);
		find_member(BIND_SHIFT, false);
		for (m = GENPOOL_CHUNKS; m <= CHUNK_BITS; m++) {
			/* An array without a length has no size */
			find_member(m, m != CHUNK_BITS);
		}
	}
	layout = l;
}

static ulong variable(char *name)
{
	if (!symbol_exists(name))
		error(FATAL, "devmem: the kernel has no %s\n", name);
	return symbol_value(name);
}

/* The monotonic clock at the last tick, in seconds; below zero if it is not known */
static double clock_now(void)
{
	ulong keeper = 0, base, shift;
	char *data;

	/* An array since v6.17, before that a variable; in both a lock comes first */
	if (symbol_exists("timekeeper_data"))
		keeper = symbol_value("timekeeper_data");
	else if (symbol_exists("tk_core"))
		keeper = symbol_value("tk_core");
	if (!keeper)
		return -1;
	if (MEMBER_EXISTS("tk_data", "timekeeper"))
		keeper += MEMBER_OFFSET("tk_data", "timekeeper");
	else
		keeper += (STRUCT_SIZE("seqcount_raw_spinlock_t") + 7) & ~7L;
	data = table(1, STRUCT_SIZE("timekeeper"));
	if (!read_at(keeper, data, STRUCT_SIZE("timekeeper"), "timekeeper")) {
		free(data);
		return -1;
	}
	base = value(data, TIME_BASE);
	shift = value(data, TIME_SHIFT);
	base += shift < 64 ? value(data, TIME_NSEC) >> shift : 0;
	free(data);
	return base / 1e9;
}

/* Devices */

static void find_devices(void)
{
	ulong *nets, *nodes, net;
	size_t i, j, n, num_nets;
	struct device *dev;

	nets = list(variable("net_namespace_list"), &num_nets);
	for (i = 0; i < num_nets; i++) {
		net = nets[i] - members[NET_LIST].offset;
		nodes = list(net + members[NET_DEVICES].offset, &n);
		for (j = 0; j < n; j++) {
			dev = &append(devices, num_devices);
			dev->address = nodes[j] - members[DEV_LIST].offset;
			read_at(dev->address + members[DEV_NAME].offset, dev->name,
				sizeof(dev->name), "net_device name");
			dev->name[sizeof(dev->name) - 1] = '\0';
			dev->queues = read_member(dev->address, DEV_QUEUES);
			dev->num_queues = read_member(dev->address, DEV_NUM_QUEUES);
		}
		free(nodes);
	}
	free(nets);
}

/* A pointer to a device that is gone is not followed */
static const struct device *device_at(ulong address)
{
	size_t i;

	for (i = 0; i < num_devices; i++) {
		if (devices[i].address == address)
			return &devices[i];
	}
	return NULL;
}

/* Bindings and their iovs */

static void add_run(struct binding *b, const char *area, ulong limit, ulong *bits)
{
	struct run *run;

	if (value(area, AREA_COUNT) > limit) {
		/* A number that is garbage must not cost memory */
		senseless++;
		free(bits);
		return;
	}
	run = &append(b->runs, b->num_runs);
	run->iovs = value(area, AREA_IOVS);
	run->count = value(area, AREA_COUNT);
	run->offset = value(area, AREA_OFFSET);
	run->dma = value(area, AREA_DMA);
	run->bits = bits;
}

static void find_areas(struct binding *b)
{
	ulong i, n = value(b->data, BIND_NUM_AREAS), total = value(b->data, BIND_NUM_IOVS);
	char *areas;

	if (n > READ_LIMIT / area_size) {
		senseless++;
		return;
	}
	areas = table(n, area_size);
	if (n && read_at(value(b->data, BIND_AREAS), areas, n * area_size, "areas")) {
		for (i = 0; i < n; i++)
			add_run(b, areas + i * area_size, total, NULL);
	}
	free(areas);
	b->total = total;
	b->free = value(b->data, BIND_FREE);
	b->user = value(b->data, BIND_USER);
}

static void find_chunk(struct binding *b, ulong chunk, ulong order)
{
	ulong start = read_member(chunk, CHUNK_START), end = read_member(chunk, CHUNK_END);
	ulong num_bits = ((end + 1 - start) >> order);
	size_t bytes = (num_bits + 63) / 64 * sizeof(ulong);
	char *area;
	ulong *bits;

	if (end < start || bytes > READ_LIMIT) {
		senseless++;
		return;
	}
	area = table(1, area_size);
	bits = table(1, bytes);
	if (read_at(chunk + members[CHUNK_BITS].offset, bits, bytes, "bitmap") &&
	    read_at(read_member(chunk, CHUNK_OWNER), area, area_size, "chunk's owner"))
		add_run(b, area, 8 * bytes, bits);
	else
		free(bits);
	free(area);
}

static int by_offset(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool is_allocated(const struct run *run, ulong i)
{
	return run->bits[i / 64] >> (i % 64) & 1;
}

static void find_chunks(struct binding *b)
{
	ulong pool = value(b->data, BIND_POOL), order = read_member(pool, GENPOOL_ORDER), j;
	ulong *chunks;
	size_t i, n;

	if (order >= 64) {
		senseless++;
		return;
	}
	chunks = list(pool + members[GENPOOL_CHUNKS].offset, &n);
	for (i = 0; i < n; i++)
		find_chunk(b, chunks[i] - members[CHUNK_NEXT].offset, order);
	free(chunks);
	if (b->num_runs)
		qsort(b->runs, b->num_runs, sizeof(*b->runs), by_offset);
	for (i = 0; i < b->num_runs; i++) {
		b->total += b->runs[i].count;
		for (j = 0; j < b->runs[i].count; j++)
			b->free += !is_allocated(&b->runs[i], j);
	}
}

static void add_binding(ulong address, bool listed)
{
	size_t i, size = STRUCT_SIZE("net_devmem_dmabuf_binding");
	struct binding *b;
	ulong first = 0;
	char *data;

	for (i = 0; i < num_bindings; i++) {
		if (bindings[i].address == address)
			return;
	}
	data = table(1, size);
	if (!read_at(address, data, size, "binding")) {
		free(data);
		return;
	}
	b = &append(bindings, num_bindings);
	b->address = address;
	b->data = data;
	b->id = value(data, BIND_ID);
	b->dev = value(data, BIND_DEV);
	b->unbound = layout->counts ? value(data, BIND_UNBOUND) : !listed;
	b->shift = members[BIND_SHIFT].size > 0 ? (int)value(data, BIND_SHIFT) : PAGESHIFT();
	if (layout->counts)
		find_areas(b);
	else
		find_chunks(b);
	for (i = 0; i < b->num_runs; i++) {
		b->runs[i].first = first;
		first += b->runs[i].count;
	}
}

static int by_id(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Those that user space has, and those that it let go of and page pools still hold */
static void find_bindings(void)
{
	ulong ours = variable("dmabuf_devmem_ops"), *found;
	size_t i, n;

	found = entries(variable("net_devmem_dmabuf_bindings"), &n);
	for (i = 0; i < n; i++)
		add_binding(found[i], true);
	free(found);
	found = entries(variable("page_pools"), &n);
	for (i = 0; i < n; i++) {
		if (read_member(found[i], POOL_OPS) == ours)
			add_binding(read_member(found[i], POOL_PRIV), false);
	}
	free(found);
	if (num_bindings)
		qsort(bindings, num_bindings, sizeof(*bindings), by_id);
}

/* The run that an address is in */
static const struct run *run_at(ulong address, struct binding **b)
{
	size_t i, j;

	for (i = 0; i < num_bindings; i++) {
		for (j = 0; j < bindings[i].num_runs; j++) {
			const struct run *run = &bindings[i].runs[j];

			if (address >= run->iovs && address - run->iovs < run->count * iov_size) {
				*b = &bindings[i];
				return run;
			}
		}
	}
	return NULL;
}

/* Sockets */

static struct sock *sock_at(ulong address)
{
	size_t i;

	for (i = 0; i < num_socks; i++) {
		if (socks[i].address == address)
			return &socks[i];
	}
	return NULL;
}

static void name_end(char *name, size_t size, const char *sock, enum member v4, enum member v6,
		     ulong port)
{
	char text[INET6_ADDRSTRLEN] = "?";
	const char *address = sock + members[v4].offset;

	if (value(sock, SOCK_FAMILY) == AF_INET) {
		inet_ntop(AF_INET, address, text, sizeof(text));
	} else if (members[v6].size > 0) {
		address = sock + members[v6].offset;
		if (!IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address)) {
			inet_ntop(AF_INET6, address, text, sizeof(text));
			snprintf(name, size, "[%s]:%u", text, ntohs(port));
			return;
		}
		inet_ntop(AF_INET, address + 12, text, sizeof(text));
	}
	snprintf(name, size, "%s:%u", text, ntohs(port));
}

static void add_token(ulong index, ulong entry, void *arg)
{
	struct sock *sk = arg;
	struct token *token;

	if (!(entry & TAG))
		return;
	token = &append(sk->tokens, sk->num_tokens);
	token->number = index;
	token->word = entry;
	run_at(entry & ~TAG, &token->binding);
	append(held, num_held) = entry & ~TAG;
}

/* A TCP socket with tokens, NULL for all others. What is in the TCP hash may be smaller
 * than a socket, so what all have is read first.
 */
static struct sock *add_sock(ulong address)
{
	size_t size = STRUCT_SIZE("sock_common");
	struct sock *sk = sock_at(address);
	char *common;
	ulong state, family;

	if (sk)
		return sk;
	common = table(1, size);
	if (!read_at(address, common, size, "sock_common"))
		goto out;
	family = value(common, SOCK_FAMILY);
	state = value(common, SOCK_STATE);
	if ((family != AF_INET && family != AF_INET6) || state == TIME_WAIT ||
	    state == NEW_SYN_RECV || read_member(address, SOCK_PROTOCOL) != IPPROTO_TCP ||
	    !read_member(address + members[SOCK_TOKENS].offset, XARRAY_HEAD))
		goto out;
	sk = &append(socks, num_socks);
	sk->address = address;
	sk->cookie = value(common, SOCK_COOKIE);
	name_end(sk->local, sizeof(sk->local), common, SOCK_SADDR, SOCK_SADDR6,
		 read_member(address, INET_SPORT));
	name_end(sk->remote, sizeof(sk->remote), common, SOCK_DADDR, SOCK_DADDR6,
		 value(common, SOCK_DPORT));
	xarray(address + members[SOCK_TOKENS].offset, add_token, sk);
out:
	free(common);
	return sk;
}

static void add_file(ulong file, ulong ops, const struct task *task)
{
	struct sock *sk;
	ulong address;

	if (!file || read_member(file, FILE_OPS) != ops)
		return;
	address = read_member(read_member(file, FILE_DATA), SOCKET_SOCK);
	sk = address ? add_sock(address) : NULL;
	if (sk)
		append(sk->tasks, sk->num_tasks) = *task;
}

static void add_files(ulong files, ulong ops, struct task *task)
{
	ulong fdt = read_member(files, FILES_TABLE), n, i, *fds;

	n = fdt ? read_member(fdt, TABLE_SIZE) : 0;
	if (n > READ_LIMIT / sizeof(ulong)) {
		senseless++;
		return;
	}
	fds = table(n, sizeof(ulong));
	if (n && read_at(read_member(fdt, TABLE_FILES), fds, n * sizeof(ulong), "open files")) {
		for (i = 0; i < n; i++) {
			task->fd = i;
			add_file(fds[i], ops, task);
		}
	}
	free(fds);
}

/* A task's files, if its leader has others */
static void add_task(ulong address, ulong leader_files, ulong ops, struct task *task)
{
	ulong files = read_member(address, TASK_FILES);

	if (files && files != leader_files)
		add_files(files, ops, task);
}

/* Sockets that processes have open. Threads nearly always share their files. The tasks are
 * walked here because a crash that is started with --minimal knows none.
 */
static void find_open_sockets(void)
{
	ulong ops = variable("socket_file_ops"), init = variable("init_task"), *leaders, *threads;
	ulong leader, thread;
	size_t i, j, n, num_threads;
	struct task task;

	leaders = list(init + members[TASK_TASKS].offset, &n);
	for (i = 0; i < n; i++) {
		leader = leaders[i] - members[TASK_TASKS].offset;
		memset(&task, 0, sizeof(task));
		task.pid = read_member(leader, TASK_TGID);
		read_at(leader + members[TASK_COMM].offset, task.comm, TASK_COMM_LEN, "comm");
		add_task(leader, 0, ops, &task);
		threads = list(read_member(leader, TASK_SIGNAL) + members[SIGNAL_THREADS].offset,
			       &num_threads);
		for (j = 0; j < num_threads; j++) {
			thread = threads[j] - members[TASK_THREAD].offset;
			if (thread != leader)
				add_task(thread, read_member(leader, TASK_FILES), ops, &task);
		}
		free(threads);
	}
	free(leaders);
}

/* Those that no process has open, but that are not gone */
static void find_hashed_sockets(void)
{
	ulong *nets, *buckets, tables[8], hashinfo, n, j, node, steps;
	size_t i, k, num_nets, num_tables = 0;

	nets = list(variable("net_namespace_list"), &num_nets);
	for (i = 0; i < num_nets; i++) {
		hashinfo = read_member(nets[i] - members[NET_LIST].offset, NET_HASHINFO);
		for (k = 0; k < num_tables && tables[k] != hashinfo; k++)
			;
		if (!hashinfo || k < num_tables || num_tables == ARRAY_SIZE(tables))
			continue;
		tables[num_tables++] = hashinfo;
		n = read_member(hashinfo, HASH_MASK) + 1;
		if (n > READ_LIMIT / sizeof(ulong)) {
			senseless++;
			continue;
		}
		buckets = table(n, sizeof(ulong));
		if (read_at(read_member(hashinfo, HASH_TABLE), buckets, n * sizeof(ulong),
			    "TCP hash")) {
			for (j = 0; j < n; j++) {
				/* An odd word marks a chain's end */
				for (node = buckets[j], steps = 0;
				     node && !(node & 1) && steps < LIST_LIMIT; steps++) {
					add_sock(node - members[SOCK_NODE].offset);
					if (!read_at(node, &node, sizeof(node), "chain"))
						break;
				}
			}
		}
		free(buckets);
	}
	free(nets);
}

static int by_word(const void *a, const void *b)
{
	ulong x = *(const ulong *)a, y = *(const ulong *)b;

	return x < y ? -1 : x > y;
}

static size_t unique(ulong *words, size_t n)
{
	size_t i, m = 0;

	if (n)
		qsort(words, n, sizeof(*words), by_word);
	for (i = 0; i < n; i++) {
		if (!m || words[m - 1] != words[i])
			words[m++] = words[i];
	}
	return m;
}

static void find_users(void)
{
	struct binding *b;
	size_t i;

	if (layout->counts || !num_held)
		return;
	qsort(held, num_held, sizeof(*held), by_word);
	for (i = 0; i < num_held; i++) {
		if ((!i || held[i] != held[i - 1]) && run_at(held[i], &b))
			b->user++;
	}
}

/* How many tokens sockets have on an iov */
static size_t tokens_on(ulong iov)
{
	size_t low = 0, high = num_held, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (held[middle] < iov)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < num_held && held[low + n] == iov)
		n++;
	return n;
}

/* What the last command found */
static void forget(void)
{
	size_t i, j;

	for (i = 0; i < num_bindings; i++) {
		for (j = 0; j < bindings[i].num_runs; j++)
			free(bindings[i].runs[j].bits);
		free(bindings[i].runs);
		free(bindings[i].data);
	}
	for (i = 0; i < num_socks; i++) {
		free(socks[i].tokens);
		free(socks[i].tasks);
	}
	free(bindings);
	free(devices);
	free(socks);
	free(held);
	bindings = NULL;
	devices = NULL;
	socks = NULL;
	held = NULL;
	num_bindings = 0;
	num_devices = 0;
	num_socks = 0;
	num_held = 0;
	failed = 0;
	senseless = 0;
}

static void look(void)
{
	forget();
	find_layout();
	now = clock_now();
	find_devices();
	find_bindings();
	find_open_sockets();
	find_hashed_sockets();
	find_users();
}

/* Printing */

static void print_bytes(char *text, size_t size, ulong bytes)
{
	int unit = 0;

	for (; bytes >= 1024 && !(bytes % 1024) && unit < 4; unit++)
		bytes /= 1024;
	snprintf(text, size, "%lu%c", bytes, "BKMGT"[unit]);
}

/* A name is whatever its process chose */
static void print_name(const char *name)
{
	for (; *name; name++)
		fprintf(fp, "%c", isprint((unsigned char)*name) ? *name : '?');
}

static void print_tasks(const struct sock *sk)
{
	size_t i;

	if (!sk->num_tasks)
		fprintf(fp, "no process has it open");
	for (i = 0; i < sk->num_tasks; i++) {
		fprintf(fp, "%s", i ? ", " : "");
		print_name(sk->tasks[i].comm);
		fprintf(fp, "[%lu] fd %d", sk->tasks[i].pid, sk->tasks[i].fd);
	}
}

static void print_age(double age)
{
	if (age < 0)
		fprintf(fp, "an unknown time");
	else
		fprintf(fp, "%.1f s", age);
}

static double age_since(ulong ns)
{
	return now < 0 ? -1 : MAX(0, now - ns / 1e9);
}

/* For how long the oldest of the iovs has had a token; below zero if that is not known */
static double oldest(const ulong *iovs, size_t n)
{
	double age = -1;
	char *iov;
	size_t i;

	if (!layout->counts)
		return age;
	iov = table(1, iov_size);
	for (i = 0; i < n; i++) {
		if (read_at(iovs[i], iov, iov_size, "iov") && value(iov, IOV_TOKENS))
			age = MAX(age, age_since(value(iov, IOV_SINCE)));
	}
	free(iov);
	return age;
}

struct holding {
	const struct sock *sk;
	size_t tokens;
};

static int most_first(const void *a, const void *b)
{
	const struct holding *x = a, *y = b;

	if (x->tokens != y->tokens)
		return x->tokens > y->tokens ? -1 : 1;
	return x->sk->cookie < y->sk->cookie ? -1 : x->sk->cookie > y->sk->cookie;
}

static void print_holder(const struct sock *sk, const struct binding *b)
{
	ulong *iovs = NULL;
	size_t i, n = 0, tokens;
	char bytes[32];

	for (i = 0; i < sk->num_tokens; i++) {
		if (sk->tokens[i].binding == b)
			append(iovs, n) = sk->tokens[i].word & ~TAG;
	}
	tokens = n;
	n = unique(iovs, n);
	print_bytes(bytes, sizeof(bytes), n << b->shift);
	fprintf(fp, "    %s <- %s: %zu tokens, %zu iovs, %s, the oldest for ", sk->local,
		sk->remote, tokens, n, bytes);
	print_age(oldest(iovs, n));
	fprintf(fp, "; ");
	print_tasks(sk);
	fprintf(fp, "\n");
	free(iovs);
}

static void print_holders(const struct binding *b)
{
	struct holding *holdings = NULL;
	size_t i, j, n = 0, tokens;

	for (i = 0; i < num_socks; i++) {
		for (j = 0, tokens = 0; j < socks[i].num_tokens; j++)
			tokens += socks[i].tokens[j].binding == b;
		if (tokens)
			append(holdings, n) = (struct holding){ &socks[i], tokens };
	}
	if (n)
		qsort(holdings, n, sizeof(*holdings), most_first);
	for (i = 0; i < n; i++)
		print_holder(holdings[i].sk, b);
	free(holdings);
}

static void print_queues(char *text, size_t size, const struct binding *b,
			 const struct device *dev)
{
	long step = STRUCT_SIZE("netdev_rx_queue");
	size_t i, n, m = 0, length = 0;
	ulong *queues;

	snprintf(text, size, "-");
	if (b->unbound || !dev || step <= 0)
		return;
	queues = entries(b->address + members[BIND_QUEUES].offset, &n);
	for (i = 0; i < n; i++) {
		/* What is no queue of the device has no number there */
		if (queues[i] >= dev->queues && (queues[i] - dev->queues) / step < dev->num_queues)
			queues[m++] = (queues[i] - dev->queues) / step;
	}
	m = unique(queues, m);
	for (i = 0; i < m && length < size; i++)
		length += snprintf(text + length, size - length, "%s%lu", i ? "," : "", queues[i]);
	free(queues);
}

static void print_counter(const struct binding *b, enum member m, int width)
{
	if (layout->counts)
		fprintf(fp, "  %*lu", width, value(b->data, m));
	else
		fprintf(fp, "  %*s", width, "-");
}

static void print_binding(const struct binding *b)
{
	const struct device *dev = device_at(b->dev);
	ulong dmabuf = value(b->data, BIND_DMABUF), inode;
	char exporter[64] = "", source[96], size[32], queues[128];

	inode = read_member(read_member(read_member(dmabuf, DMABUF_FILE), FILE_INODE),
			    INODE_NUMBER);
	read_at(read_member(dmabuf, DMABUF_EXPORTER), exporter, sizeof(exporter) - 1, "exporter");
	snprintf(source, sizeof(source), "%s:%lu", exporter, inode);
	print_bytes(size, sizeof(size), read_member(dmabuf, DMABUF_SIZE));
	print_queues(queues, sizeof(queues), b, dev);
	fprintf(fp, "%4lu  %-15s  %-6s  %-14s  %6s  %7lu  %7lu  %7lu  %7lu", b->id,
		dev ? dev->name : "-", queues, source, size, b->total, b->free,
		b->total > b->free + b->user ? b->total - b->free - b->user : 0, b->user);
	print_counter(b, BIND_HIGH, 7);
	print_counter(b, BIND_EXHAUSTED, 9);
	fprintf(fp, "  %s\n", b->unbound ? "unbound" : "bound");
	print_holders(b);
}

static void print_bindings(void)
{
	size_t i;

	fprintf(fp, "%4s  %-15s  %-6s  %-14s  %6s  %7s  %7s  %7s  %7s  %7s  %9s  %s\n", "ID",
		"IFNAME", "QUEUES", "DMABUF", "SIZE", "IOVS", "FREE", "POOL", "USER", "HIGH",
		"EXHAUSTED", "STATE");
	for (i = 0; i < num_bindings; i++)
		print_binding(&bindings[i]);
}

static const char *state_of(const struct run *run, ulong i, const char *iov)
{
	if (layout->counts)
		return value(iov, IOV_TOKENS) ? "user" : value(iov, IOV_PP) ? "pool" : "free";
	if (tokens_on(run->iovs + i * iov_size))
		return "user";
	return is_allocated(run, i) ? "pool" : "free";
}

static void print_iov(const struct binding *b, const struct run *run, ulong i, const char *iov)
{
	const char *state = state_of(run, i, iov);

	fprintf(fp, "iov %lu of binding %lu: %s, offset 0x%lx, dma 0x%lx, refs %lu, tokens %lu\n",
		run->first + i, b->id, state, run->offset + (i << b->shift),
		run->dma + (i << b->shift), STREQ(state, "free") ? 0 : value(iov, IOV_REFS),
		layout->counts ? value(iov, IOV_TOKENS) : tokens_on(run->iovs + i * iov_size));
}

/* A word is followed only into a binding, so it may be any number */
static void print_word(ulong word)
{
	struct binding *b = NULL;
	const struct run *run = run_at(word & ~TAG, &b);
	ulong distance;
	char *iov;

	if (!run) {
		if (!word)
			fprintf(fp, "null\n");
		else if (word == XA_ZERO_ENTRY)
			fprintf(fp, "reserved (a token that its reader is about to get)\n");
		else if (word & TAG)
			fprintf(fp, "gone (no binding has an iov there: its binding is gone, or it is garbage)\n");
		else
			fprintf(fp, "not tagged: a page, or garbage\n");
		return;
	}
	distance = (word & ~TAG) - run->iovs;
	if (distance % iov_size) {
		fprintf(fp, "garbage (points %lu bytes into iov %lu of binding %lu)\n",
			distance % iov_size, run->first + distance / iov_size, b->id);
		return;
	}
	iov = table(1, iov_size);
	if (read_at(word & ~TAG, iov, iov_size, "iov"))
		print_iov(b, run, distance / iov_size, iov);
	else
		fprintf(fp, "iov %lu of binding %lu, which cannot be read\n",
			run->first + distance / iov_size, b->id);
	free(iov);
}

static void print_run(const struct binding *b, const struct run *run)
{
	ulong first, i, n;
	char *iovs;

	for (first = 0; first < run->count; first += n) {
		n = MIN(run->count - first, BLOCK_IOVS);
		iovs = table(n, iov_size);
		if (read_at(run->iovs + first * iov_size, iovs, n * iov_size, "iovs")) {
			for (i = 0; i < n; i++) {
				fprintf(fp, "%#018lx  ",
					(run->iovs + (first + i) * iov_size) | TAG);
				print_iov(b, run, first + i, iovs + i * iov_size);
			}
		}
		free(iovs);
	}
}

static void print_iovs(ulong id)
{
	size_t i, j;

	for (i = 0; i < num_bindings; i++) {
		if (bindings[i].id != id)
			continue;
		for (j = 0; j < bindings[i].num_runs; j++)
			print_run(&bindings[i], &bindings[i].runs[j]);
		return;
	}
	error(INFO, "devmem: there is no binding %lu\n", id);
}

static void print_skb(ulong address, int depth)
{
	size_t skb_size = STRUCT_SIZE("sk_buff"), shared_size = STRUCT_SIZE("skb_shared_info");
	size_t frag_size = STRUCT_SIZE("skb_frag"), i, n;
	char *skb = table(1, skb_size), *shared = table(1, shared_size), *frag;
	ulong part, parts = 0;

	if (!read_at(address, skb, skb_size, "skb") ||
	    value(skb, SKB_DATA_LEN) > value(skb, SKB_LEN) ||
	    !read_at(value(skb, SKB_HEAD) + value(skb, SKB_END), shared, shared_size, "frags") ||
	    value(shared, SHARED_NR_FRAGS) * frag_size >
	    shared_size - members[SHARED_FRAGS].offset) {
		error(INFO, "devmem: there is no skb at %#lx\n", address);
		goto out;
	}
	fprintf(fp, "%*sskb %#lx: %lu bytes, %lu of them in frags\n", depth, "", address,
		value(skb, SKB_LEN), value(skb, SKB_DATA_LEN));
	n = value(shared, SHARED_NR_FRAGS);
	for (i = 0; i < n; i++) {
		frag = shared + members[SHARED_FRAGS].offset + i * frag_size;
		fprintf(fp, "%*s  frag %zu: %#018lx +%lu %lu bytes: ", depth, "", i,
			value(frag, FRAG_WORD), value(frag, FRAG_OFFSET), value(frag, FRAG_LEN));
		print_word(value(frag, FRAG_WORD));
	}
	if (depth)
		goto out;
	for (part = value(shared, SHARED_PARTS); part && parts < LIST_LIMIT; parts++) {
		print_skb(part, 2);
		part = read_member(part, SKB_NEXT);
	}
out:
	free(skb);
	free(shared);
}

static void print_sock(ulong address)
{
	const struct sock *sk = sock_at(address);
	size_t i;

	if (!sk) {
		error(INFO, "devmem: no TCP socket with tokens at %#lx\n", address);
		return;
	}
	fprintf(fp, "%s <- %s: ", sk->local, sk->remote);
	print_tasks(sk);
	fprintf(fp, "\n");
	for (i = 0; i < sk->num_tokens; i++) {
		fprintf(fp, "token %lu  %#018lx  ", sk->tokens[i].number, sk->tokens[i].word);
		print_word(sk->tokens[i].word);
	}
}

/* The command */

static char *help_devmem[] = {
	"devmem",
	"device memory of page pools",
	"[-f word]... [-s skb] [-i binding] [-t sock]",
	"  A page pool on device memory has no pages but iovs, whose address stands where a",
	"  struct page pointer would, with the lowest bit set. Without an argument this lists",
	"  the bindings of such memory, how full they are, and the sockets and processes that",
	"  hold it.\n",
	"    -f word     what a word from a frag, a ring or a table of tokens is",
	"    -s skb      a skb and its frags, decoded",
	"    -i binding  each iov of a binding",
	"    -t sock     the tokens of a TCP socket",
	"\nEXAMPLES",
	"    %s> devmem -f ff11000006d10fc1",
	"    iov 63 of binding 9: user, offset 0x3f000, dma 0x68ae000, refs 1, tokens 1",
	NULL
};

static void cmd_devmem(void)
{
	bool looked = false;
	int c;

	while ((c = getopt(argcnt, args, "f:s:i:t:")) != EOF) {
		if (c == '?') {
			argerrs++;
			break;
		}
		if (!looked)
			look();
		looked = true;
		switch (c) {
		case 'f':
			print_word(htol(optarg, FAULT_ON_ERROR, NULL));
			break;
		case 's':
			print_skb(htol(optarg, FAULT_ON_ERROR, NULL), 0);
			break;
		case 'i':
			print_iovs(stol(optarg, FAULT_ON_ERROR, NULL));
			break;
		case 't':
			print_sock(htol(optarg, FAULT_ON_ERROR, NULL));
			break;
		}
	}
	if (argerrs || args[optind])
		cmd_usage(pc->curcmd, SYNOPSIS);
	if (!looked) {
		look();
		print_bindings();
	}
	if (failed || senseless)
		error(INFO,
		      "devmem: %lu reads failed and %lu structures made no sense: what is listed may be incomplete\n",
		      failed, senseless);
}

static struct command_table_entry command_table[] = {
	{ "devmem", cmd_devmem, help_devmem, MINIMAL },
	{ NULL }
};

/* crash loads it */
static void __attribute__((constructor)) load(void)
{
	register_extension(command_table);
}

/* crash unloads it */
static void __attribute__((destructor)) unload(void)
{
	forget();
}
