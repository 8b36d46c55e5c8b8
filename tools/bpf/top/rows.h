/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What devmemtop shows: views, their columns and rows */
#ifndef DEVMEM_ROWS_H
#define DEVMEM_ROWS_H

#include "args.h"
#include "collect.h"

#define MAX_COLUMNS	12
#define CELL_LEN	64

enum view {
	VIEW_BINDING,
	VIEW_SOCKET,
	VIEW_PROCESS,
	NUM_VIEWS,
};

struct column {
	const char *name;
	int width;		/* negative: flush left, as in printf */
	const char *json;
};

struct view_info {
	const char *name;
	struct column columns[MAX_COLUMNS];
	int sort;		/* column, unless the user wants another */
	unsigned int what;	/* a sum of TOP_* */
};

extern const struct view_info views[NUM_VIEWS];

/* What the user chose */
struct choice {
	enum view view;
	int sort;
	unsigned long interval;
	struct args args;
};

/* A cell is a number, unless it has text */
struct cell {
	double value;
	bool unknown;
	char text[CELL_LEN];
};

struct row {
	struct cell cells[MAX_COLUMNS];
	int num;
	bool exhausted;
};

DEFINE_VEC(rows, struct row);

/* The column of that name, or -1 */
int rows_find_column(enum view view, const char *name);

/* The rows of the last interval, sorted; to be freed by vec_free() */
void rows_make(struct rows *rows, const struct top *top, const struct choice *choice);

#endif /* DEVMEM_ROWS_H */
