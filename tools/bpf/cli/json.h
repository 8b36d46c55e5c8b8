/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on standard output, written as it comes: however long a document is, nothing
 * of it is kept in memory. What is begun must be ended; the name of a member comes
 * first, and is NULL in an array.
 *
 * Strings become what out_name() makes of them: a process or an interface may be
 * called what is no UTF-8.
 */
#ifndef DEVMEM_JSON_H
#define DEVMEM_JSON_H

#include <linux/types.h>
#include <stdbool.h>

void json_begin_object(const char *name);
void json_end_object(void);
void json_begin_array(const char *name);
void json_end_array(void);

/* Ends the outermost object, and the line */
void json_end_document(void);

void json_null(const char *name);
void json_bool(const char *name, bool value);

/* The number, null for REC_UNKNOWN */
void json_num(const char *name, __u64 value);

void json_int(const char *name, __s64 value);
void json_real(const char *name, double value);

/* Seconds, to the millisecond; null for REC_UNKNOWN nanoseconds */
void json_seconds(const char *name, __u64 ns);

void json_string(const char *name, const char *text);

/* The string, null for an empty one or none */
void json_text(const char *name, const char *text);

/* As a string, because JSON's numbers end at 53 bits */
void json_hex(const char *name, __u64 value);

/* A socket's address, as out_addr() writes it */
void json_addr(const char *name, __u16 family, const __u8 *addr, __u16 port);

#endif /* DEVMEM_JSON_H */
