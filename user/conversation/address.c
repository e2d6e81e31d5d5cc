/* SPDX-License-Identifier: BSD-2-Clause */
#include "conversation/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const unsigned char mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static struct address make(__u8 family, const struct event_ip *ip, __u16 port)
{
	struct address a = { 0 };

	if (family != AF_INET && family != AF_INET6)
		return a;
	a.family = family;
	a.port = port;
	memcpy(a.ip.bytes, ip->bytes, family == AF_INET ? 4 : 16);
	return a;
}

struct address address_local(const struct event *e)
{
	return make(e->family, &e->local, e->local_port);
}

struct address address_remote(const struct event *e)
{
	return make(e->family, &e->remote, e->remote_port);
}

struct address address_plain(struct address a)
{
	struct address v4 = { .family = AF_INET, .port = a.port };

	if (a.family != AF_INET6 || memcmp(a.ip.bytes, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return a;
	memcpy(v4.ip.bytes, a.ip.bytes + sizeof(mapped_prefix), 4);
	return v4;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes)) == 0;
}

bool address_any(const struct address *a)
{
	static const struct event_ip any;

	return memcmp(a->ip.bytes, any.bytes, sizeof(any.bytes)) == 0;
}

bool address_complete(const struct address *a)
{
	return a->family && a->port && !address_any(a);
}

/* FNV-1a, 64 bits. */
uint64_t address_hash(const struct address *a)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < sizeof(a->ip.bytes); i++)
		hash = (hash ^ a->ip.bytes[i]) * 0x100000001b3ull;
	hash = (hash ^ (a->port & 0xff)) * 0x100000001b3ull;
	hash = (hash ^ (a->port >> 8)) * 0x100000001b3ull;
	return (hash ^ a->family) * 0x100000001b3ull;
}

const char *address_print(const struct address *a, char *text)
{
	char ip[INET6_ADDRSTRLEN];

	if (!a->family || !inet_ntop(a->family, a->ip.bytes, ip, sizeof(ip))) {
		text[0] = '-';
		text[1] = '\0';
		return text;
	}
	snprintf(text, ADDRESS_TEXT_MAX, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return text;
}

static bool parse_port(const char *text, __u16 *ret_port)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno || *end || port > 65535)
		return false;
	*ret_port = port;
	return true;
}

bool address_parse(const char *text, struct address *ret_a)
{
	struct address a = { 0 };
	const char *colon = strrchr(text, ':');
	char ip[INET6_ADDRSTRLEN + 2];
	size_t length;

	if (!colon || !parse_port(colon + 1, &a.port))
		return false;
	length = colon - text;
	if (length == 0 || length >= sizeof(ip))
		return false;
	memcpy(ip, text, length);
	ip[length] = '\0';
	if (ip[0] == '[' && ip[length - 1] == ']') {
		ip[length - 1] = '\0';
		a.family = AF_INET6;
	} else {
		a.family = AF_INET;
	}
	if (inet_pton(a.family, a.family == AF_INET6 ? ip + 1 : ip, a.ip.bytes) != 1)
		return false;
	*ret_a = a;
	return true;
}
