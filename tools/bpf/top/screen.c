// SPDX-License-Identifier: GPL-2.0-or-later
/* Shows rows */

#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>

#include "diag.h"
#include "json.h"
#include "screen.h"
#include "stream.h"

#define HEADER_LINES	3

/* Large values lose their fraction, so that columns stay narrow */
static const char *cell_text(char buf[CELL_LEN], const struct cell *cell)
{
	if (*cell->text)
		return cell->text;
	if (cell->unknown)
		return "-";

	snprintf(buf, CELL_LEN, cell->value != (__u64)cell->value && cell->value < 1e5 ?
		 "%.1f" : "%.0f", cell->value);
	return buf;
}

static void format_header(char *line, size_t len, const struct choice *choice)
{
	const struct column *col = views[choice->view].columns;
	size_t used = 0;
	int i;

	for (i = 0; i < MAX_COLUMNS && col[i].name && used < len; i++)
		used += snprintf(line + used, len - used, "%*s ", col[i].width,
				 col[i].name);
}

static void format_row(char *line, size_t len, const struct choice *choice,
		       const struct row *row)
{
	const struct column *col = views[choice->view].columns;
	char text[CELL_LEN];
	size_t used = 0;
	int i;

	for (i = 0; i < row->num && used < len; i++)
		used += snprintf(line + used, len - used, "%*s ", col[i].width,
				 cell_text(text, &row->cells[i]));
}

void screen_text(const struct top *top, const struct choice *choice, const struct rows *rows)
{
	const struct row *row;
	char line[512], time[32];

	printf("%s by %s, every %lu s\n", stream_time(time, top->now_ns),
	       views[choice->view].name, choice->interval);
	format_header(line, sizeof(line), choice);
	puts(line);
	vec_for_each(row, rows) {
		format_row(line, sizeof(line), choice, row);
		puts(line);
	}
	putchar('\n');
}

static void cell_json(const char *name, const struct cell *cell)
{
	if (cell->unknown)
		json_null(name);
	else if (*cell->text)
		json_string(name, cell->text);
	else
		json_real(name, cell->value);
}

void screen_json(const struct top *top, const struct choice *choice, const struct rows *rows)
{
	const struct column *col = views[choice->view].columns;
	const struct row *row;
	int i;

	json_begin_object(NULL);
	json_real("time", top->now_ns / 1000 / 1e6);
	json_string("view", views[choice->view].name);
	json_begin_array("rows");
	vec_for_each(row, rows) {
		json_begin_object(NULL);
		for (i = 0; i < row->num; i++)
			cell_json(col[i].json, &row->cells[i]);
		json_end_object();
	}
	json_end_array();
	json_end_document();
}

void screen_draw(const struct top *top, const struct choice *choice, const struct rows *rows)
{
	char line[512], time[32];
	int y = HEADER_LINES;
	const struct row *row;

	erase();
	mvprintw(0, 0, "devmemtop %s  by %s, sorted by %s", stream_time(time, top->now_ns),
		 views[choice->view].name, views[choice->view].columns[choice->sort].name);
	format_header(line, sizeof(line), choice);
	attron(A_REVERSE);
	mvaddnstr(HEADER_LINES - 1, 0, line, COLS);
	attroff(A_REVERSE);
	vec_for_each(row, rows) {
		if (y >= LINES)
			break;
		format_row(line, sizeof(line), choice, row);
		if (row->exhausted)
			attron(A_BOLD | COLOR_PAIR(1));
		mvaddnstr(y++, 0, line, COLS);
		attroff(A_BOLD | COLOR_PAIR(1));
	}
	refresh();
}

static void set_view(struct choice *choice, enum view view)
{
	choice->view = view;
	choice->sort = views[view].sort;
}

static void move_sort(struct choice *choice, int step)
{
	int next = choice->sort + step;

	if (next >= 0 && next < MAX_COLUMNS && views[choice->view].columns[next].name)
		choice->sort = next;
}

bool screen_key(struct choice *choice, int milliseconds)
{
	timeout(milliseconds);
	switch (getch()) {
	case 'q':
		stream_stop = true;
		return true;
	case 'b':
		set_view(choice, VIEW_BINDING);
		return true;
	case 's':
		set_view(choice, VIEW_SOCKET);
		return true;
	case 'p':
		set_view(choice, VIEW_PROCESS);
		return true;
	case '<':
	case KEY_LEFT:
		move_sort(choice, -1);
		return true;
	case '>':
	case KEY_RIGHT:
		move_sort(choice, 1);
		return true;
	case KEY_RESIZE:
		return true;
	default:
		return false;
	}
}

int screen_open(void)
{
	if (!newterm(NULL, stdout, stdin)) {
		diag("terminal '%s' is not known: set TERM, or use -B",
		     getenv("TERM") ?: "");
		return -EINVAL;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	start_color();
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	return 0;
}

void screen_close(void)
{
	endwin();
}
