/* SPDX-License-Identifier: GPL-2.0 */
/* The events that tools can see, and what a filter lets through */
#ifndef DEVMEM_EVENTS_H
#define DEVMEM_EVENTS_H

#include <linux/types.h>

enum devmem_event {
	EV_BIND,
	EV_UNBIND,
	EV_BINDING_FREE,
	EV_QUEUE_BIND,
	EV_QUEUE_UNBIND,
	EV_ALLOC,
	EV_RELEASE,
	EV_EXHAUSTED,
	EV_TOKEN_GET,
	EV_TOKEN_PUT,		/* given back by its holder */
	EV_TOKEN_CLOSE,		/* with its socket */
	EV_POOL_DESTROY,
	EV_DROP,		/* an skb with device memory */
	EV_NUM,
};

#define EV_BIT(event)	(1U << (event))
#define EV_ALL		(EV_BIT(EV_NUM) - 1)

/* Events that a process causes, so that "which process" has an answer */
#define EV_BY_PROCESS	(EV_BIT(EV_BIND) | EV_BIT(EV_UNBIND) |		\
			 EV_BIT(EV_QUEUE_BIND) | EV_BIT(EV_QUEUE_UNBIND) | \
			 EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT))

/* Zero is "any" */
struct event_filter {
	__u32 binding;
	__u32 pid;
	char ifname[16];
};

#endif /* DEVMEM_EVENTS_H */
