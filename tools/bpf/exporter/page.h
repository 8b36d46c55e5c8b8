/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page that a scrape gets: which metrics there are, and their values */
#ifndef DEVMEM_PAGE_H
#define DEVMEM_PAGE_H

#include "probe.h"
#include "walk.h"

/* Device names of bindings that were seen, because a binding outlives its device */
struct page_name {
	__u32 id;
	char ifname[IFNAME_LEN];
};

DEFINE_VEC(page_names, struct page_name);

/* What a device's bindings had counted that are gone */
struct page_device {
	char ifname[IFNAME_LEN];
	__u64 exhausted;
	__u64 gets;
};

DEFINE_VEC(page_devices, struct page_device);

struct page {
	struct probe *probe;
	struct walk *walk;
	struct page_names names;
	struct page_devices devices;
};

/* The page in one of the formats, to be freed, and its length in @len. NULL on
 * failure, of which it has told. Not to be called by two threads at once.
 */
char *page_write(struct page *page, bool openmetrics, size_t *len);

#endif /* DEVMEM_PAGE_H */
