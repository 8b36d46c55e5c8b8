// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics of each device: what its bindings counted, with those that are gone */

#include <string.h>

#include "families.h"
#include "page.h"

struct total {
	struct prom_family family;
	enum devmem_event event;	/* without which it cannot be told */
	__u64 (*of_gone)(const struct page_device *device);
	__u64 (*of_row)(const struct probe *probe, const struct row *row);
};

static __u64 gone_exhausted(const struct page_device *device)
{
	return device->exhausted;
}

static __u64 gone_gets(const struct page_device *device)
{
	return device->gets;
}

static const struct total totals[] = {
	{ { "devmem_device_exhausted", PROM_COUNTER, NULL,
	    "Times that a page pool found no free iov, of all bindings that the device had" },
	  EV_EXHAUSTED, gone_exhausted, row_exhausted },
	{ { "devmem_device_tokens_handed_out", PROM_COUNTER, NULL,
	    "Tokens handed to readers, of all bindings that the device had" },
	  EV_TOKEN_GET, gone_gets, row_gets },
};

static void write_device(struct prom *prom, const struct total *total, const struct page *page,
			 const struct page_device *device, const struct rows *rows)
{
	struct prom_labels labels = {};
	__u64 sum = total->of_gone(device);
	const struct row *row;

	vec_for_each(row, rows)
		if (!strcmp(row->ifname, device->ifname))
			sum += total->of_row(page->probe, row);
	prom_label(&labels, "device", device->ifname);
	prom_number(prom, &labels, sum);
}

void families_of_devices(struct prom *prom, const struct page *page,
			 const struct rows *rows)
{
	const struct page_device *device;
	const struct total *total;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(totals); i++) {
		total = &totals[i];
		if (!page->probe->skel ||
		    (!probe_kernel_counts(page->probe) && !probe_sees(page->probe, total->event)))
			continue;
		prom_begin(prom, &total->family);
		vec_for_each(device, &page->devices)
			write_device(prom, total, page, device, rows);
	}
}
