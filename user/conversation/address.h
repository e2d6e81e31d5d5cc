/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Family, address and port: compared, printed and parsed.
 * Knows nothing of sockets; names of unix sockets live in the endpoint.
 */
#ifndef SOCKTALE_CONVERSATION_ADDRESS_H
#define SOCKTALE_CONVERSATION_ADDRESS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"

struct address {
	__u16 family; /* AF_INET, AF_INET6, or 0 where there is none */
	__u16 port;   /* host order */
	struct event_ip ip;
};

enum { ADDRESS_TEXT_MAX = 56 }; /* "[" 45 characters "]:65535" and the NUL */

/* The local and the remote address of an event; family 0 for unix sockets and events without a socket. */
struct address address_local(const struct event *e);
struct address address_remote(const struct event *e);

/*
 * An IPv4-mapped IPv6 address as the IPv4 address it means, anything else unchanged: the two ends of one connection may
 * be sockets of different families.
 */
struct address address_plain(struct address a);

/* Whether both name the same host and port. Compare what address_plain() gave. */
bool address_equal(const struct address *a, const struct address *b);

/* Whether the address is all zero (any host), whatever the port. */
bool address_any(const struct address *a);

/* Whether address and port are both given, so that it can name one end of a connection. */
bool address_complete(const struct address *a);

/* A number that is equal for equal addresses. */
uint64_t address_hash(const struct address *a);

/* `127.0.0.1:80`, `[::1]:80`, `-` when there is none. Returns `text`, which has ADDRESS_TEXT_MAX bytes. */
const char *address_print(const struct address *a, char *text);

/* Read what address_print() writes. Returns false, and leaves `ret_a` alone, when `text` is not such an address. */
bool address_parse(const char *text, struct address *ret_a);

#endif
