/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How devmemtop shows its rows: as text, as JSON, or on a screen */
#ifndef DEVMEM_SCREEN_H
#define DEVMEM_SCREEN_H

#include "rows.h"

void screen_text(const struct top *top, const struct choice *choice, const struct rows *rows);
void screen_json(const struct top *top, const struct choice *choice, const struct rows *rows);
void screen_draw(const struct top *top, const struct choice *choice, const struct rows *rows);

/* Says what is wrong, and returns nonzero, on failure */
int screen_open(void);
void screen_close(void);

/* Waits so long for a key, and does what it says; false if it says nothing */
bool screen_key(struct choice *choice, int milliseconds);

#endif /* DEVMEM_SCREEN_H */
