/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow */
#ifndef DEVMEM_VEC_H
#define DEVMEM_VEC_H

#include <err.h>
#include <stdlib.h>

/* struct @name, a vector of @type; all zero is an empty one */
#define DEFINE_VEC(name, type)	\
	struct name {		\
		type *at;	\
		size_t num;	\
		size_t room;	\
	}

static inline void *vec_grow(void *at, size_t *room, size_t size)
{
	*room = *room ? *room * 2 : 16;
	at = reallocarray(at, *room, size);
	if (!at)
		err(1, "no memory for %zu records", *room);
	return at;
}

/* A new last element, not initialised */
#define vec_add(v)							\
({									\
	if ((v)->num == (v)->room)					\
		(v)->at = vec_grow((v)->at, &(v)->room,			\
				   sizeof(*(v)->at));			\
	&(v)->at[(v)->num++];						\
})

#define vec_for_each(p, v) \
	for ((p) = (v)->at; (p) < (v)->at + (v)->num; (p)++)

#define vec_sort(v, cmp) \
	do { \
		if ((v)->num) \
			qsort((v)->at, (v)->num, sizeof(*(v)->at), cmp); \
	} while (0)

/* The element of a sorted vector that equals @key, or NULL */
#define vec_find(v, key, cmp) \
	((v)->num ? bsearch(key, (v)->at, (v)->num, sizeof(*(v)->at), cmp) : NULL)

#define vec_free(v) \
	do { \
		free((v)->at); \
		(v)->at = NULL; \
		(v)->num = (v)->room = 0; \
	} while (0)

#endif /* DEVMEM_VEC_H */
