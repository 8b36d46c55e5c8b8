/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel has, by its own BTF */
#ifndef DEVMEM_CHECK_SHAPE_H
#define DEVMEM_CHECK_SHAPE_H

#include <stdbool.h>
#include <bpf/btf.h>

#include "ksyms.h"

static inline bool has_struct(const char *name)
{
	return btf__find_by_name_kind(ksyms_btf(), name, BTF_KIND_STRUCT) > 0;
}

/* A function that was inlined everywhere is not there */
static inline bool has_function(const char *name)
{
	return btf__find_by_name_kind(ksyms_btf(), name, BTF_KIND_FUNC) > 0;
}

#endif /* DEVMEM_CHECK_SHAPE_H */
