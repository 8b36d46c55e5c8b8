// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devmemcat.h"

struct symbol {
	__u64 addr;
	char name[56];
};

static struct symbol *symbols;
static unsigned int num;

static int by_addr(const void *a, const void *b)
{
	const struct symbol *one = a, *two = b;

	return one->addr < two->addr ? -1 : one->addr > two->addr;
}

static void add(unsigned int *room, __u64 addr, const char *name)
{
	if (num == *room) {
		*room = *room ? 2 * *room : 1 << 16;
		symbols = reallocarray(symbols, *room, sizeof(*symbols));
		if (!symbols)
			abort();
	}
	symbols[num].addr = addr;
	snprintf(symbols[num].name, sizeof(symbols[num].name), "%.55s", name);
	num++;
}

int symbols_load(void)
{
	unsigned long long addr;
	unsigned int room = 0;
	char line[512], name[256], type;
	FILE *f = fopen("/proc/kallsyms", "r");

	if (!f)
		return complain("/proc/kallsyms: %s", strerror(errno));
	free(symbols);
	symbols = NULL;
	num = 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %255s", &addr, &type, name) == 3 && addr &&
		    strchr("tTwW", type))
			add(&room, addr, name);
	fclose(f);
	if (!num)
		return complain("/proc/kallsyms shows no addresses: needs CAP_SYSLOG");
	qsort(symbols, num, sizeof(*symbols), by_addr);
	return 0;
}

static __u64 end_of(unsigned int i)
{
	__u64 start = symbols[i].addr;

	/* Several names may stand for one address */
	while (i < num && symbols[i].addr == start)
		i++;
	return i < num ? symbols[i].addr : ~0ULL;
}

unsigned int symbols_find(const char *name, struct fail_range *ranges, unsigned int max)
{
	unsigned int i, found = 0;

	for (i = 0; i < num && found < max; i++)
		if (!strcmp(symbols[i].name, name))
			ranges[found++] = (struct fail_range){ symbols[i].addr, end_of(i) };
	return found;
}

const char *symbols_name(__u64 addr)
{
	unsigned int low = 0, high = num;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (symbols[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? symbols[low - 1].name : NULL;
}
