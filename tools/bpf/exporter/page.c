// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page that a scrape gets. What the kernel cannot tell, or what was not looked at
 * yet, is left out.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "families.h"
#include "page.h"

static const char *known_name(const struct page_names *names, __u32 id)
{
	const struct page_name *name;

	vec_for_each(name, names)
		if (name->id == id)
			return name->ifname;
	return "";
}

static struct page_device *find_device(struct page *page, const char *ifname)
{
	struct page_device *device;

	vec_for_each(device, &page->devices)
		if (!strcmp(device->ifname, ifname))
			return device;
	device = vec_add(&page->devices);
	*device = (struct page_device){};
	snprintf(device->ifname, sizeof(device->ifname), "%s", ifname);
	return device;
}

/* Before their names are forgotten */
static void take_gone(struct page *page)
{
	struct probe_gones gone = {};
	struct page_device *device;
	const struct probe_gone *g;
	const char *name;

	probe_take_gone(page->probe, &gone);
	vec_for_each(g, &gone) {
		name = *g->ifname ? g->ifname : known_name(&page->names, g->id);
		device = find_device(page, name);
		device->exhausted += g->exhausted;
		device->gets += g->gets;
	}
	vec_free(&gone);
}

/* Only of the bindings that there are. Areas of io_uring have no id, and are counted only. */
static void learn_names(struct page *page, const struct inventory *inv)
{
	const struct inv_binding *binding;
	struct page_names names = {};
	struct page_name *name;
	const char *ifname;

	vec_for_each(binding, &inv->bindings) {
		if (binding->k.kind == KIND_IO_URING)
			continue;
		ifname = binding->k.ifname;
		if (!*ifname)
			ifname = known_name(&page->names, binding->k.id);
		name = vec_add(&names);
		name->id = binding->k.id;
		snprintf(name->ifname, sizeof(name->ifname), "%s", ifname);
	}
	vec_free(&page->names);
	page->names = names;
}

/* Each device that has a binding has totals */
static void make_devices(struct page *page)
{
	const struct page_name *name;

	vec_for_each(name, &page->names)
		find_device(page, name->ifname);
}

/* Under the walk's lock */
static void make_rows(struct rows *rows, const struct page *page,
		      const struct inventory *inv)
{
	const struct inv_binding *binding;
	struct row *row;
	char id[16];

	vec_for_each(binding, &inv->bindings) {
		if (binding->k.kind == KIND_IO_URING)
			continue;
		row = vec_add(rows);
		memset(row, 0, sizeof(*row));
		row->binding = binding;
		snprintf(id, sizeof(id), "%u", binding->k.id);
		prom_label(&row->labels, "binding", id);
		row->ifname = known_name(&page->names, binding->k.id);
		prom_label(&row->labels, "device", row->ifname);
		if (page->probe->skel)
			probe_counts(page->probe, binding->k.id, &row->counts);
		row->has_walked = walk_find(page->walk, binding->k.id, &row->walked);
	}
}

static void write_all(struct prom *prom, struct page *page,
		      const struct inventory *inv)
{
	struct rows rows = {};

	if (page->probe->skel)
		take_gone(page);
	learn_names(page, inv);
	make_devices(page);
	pthread_mutex_lock(&page->walk->lock);
	make_rows(&rows, page, inv);
	families_of_bindings(prom, page->probe, &rows);
	families_of_devices(prom, page, &rows);
	families_of_host(prom, page->probe, inv);
	families_of_exporter(prom, page->probe, page->walk);
	prom_end(prom);
	pthread_mutex_unlock(&page->walk->lock);
	vec_free(&rows);
}

char *page_write(struct page *page, bool openmetrics, size_t *len)
{
	struct prom prom = { .openmetrics = openmetrics };
	struct inventory *inv;
	char *text = NULL;

	inv = inventory_read(page->probe->listing, INV_QUICK | INV_KINDS);
	if (!inv)
		return NULL;
	prom.out = open_memstream(&text, len);
	if (prom.out) {
		write_all(&prom, page, inv);
		if (fclose(prom.out)) {
			free(text);
			text = NULL;
		}
	}
	if (!text)
		diag("no memory for a page of metrics");
	inventory_free(inv);
	return text;
}
