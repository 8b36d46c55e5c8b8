/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where TCP and sockets tell the provider about tokens. Nothing without
 * CONFIG_PP_DEVMEM.
 */
#ifndef _NET_CORE_PP_DEVMEM_TOKEN_H
#define _NET_CORE_PP_DEVMEM_TOKEN_H

#include <net/netmem.h>

struct sock;

/**
 * enum devmem_put_reason - why a token came back
 * @DEVMEM_PUT_DONTNEED: its holder gave it back (SO_DEVMEM_DONTNEED)
 * @DEVMEM_PUT_CLOSE: its socket was closed with the token still out
 */
enum devmem_put_reason {
	DEVMEM_PUT_DONTNEED,
	DEVMEM_PUT_CLOSE,
};

#ifdef CONFIG_PP_DEVMEM
void net_devmem_token_get(const struct sock *sk, netmem_ref netmem, u32 token);
void net_devmem_token_put(const struct sock *sk, netmem_ref netmem, u32 token,
			  enum devmem_put_reason reason);
#else
static inline void net_devmem_token_get(const struct sock *sk,
					netmem_ref netmem, u32 token)
{
}

static inline void net_devmem_token_put(const struct sock *sk,
					netmem_ref netmem, u32 token,
					enum devmem_put_reason reason)
{
}
#endif

#endif /* _NET_CORE_PP_DEVMEM_TOKEN_H */
