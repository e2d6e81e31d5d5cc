/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the endpoint of each event and the other end of each endpoint, and owns all conversations.
 * TCP and connected UDP: the mirrored address pair; unix: the id of the peer that the events name.
 * Does not know what anything means.
 */
#ifndef SOCKTALE_CONVERSATION_MATCHER_H
#define SOCKTALE_CONVERSATION_MATCHER_H

#include "conversation/conversation.h"

struct matcher;

/* How much is remembered. */
struct matcher_limits {
	uint32_t endpoints; /* at most so many sockets; beyond it those unused for longest are forgotten */
	uint32_t recent;    /* ended conversations that are still known, for events that come late */
};

struct matcher_count {
	uint64_t endpoints;     /* sockets seen */
	uint64_t conversations; /* conversations begun */
	uint64_t joined;        /* of those, with both ends seen */
	uint64_t forgotten;     /* sockets forgotten although they lived */
	uint64_t now;           /* sockets remembered now */
};

/* `limits` NULL: 262144 sockets, 256 ended conversations. */
struct matcher *matcher_create(const struct matcher_limits *limits);
void matcher_destroy(struct matcher *m);

/*
 * The endpoint of `e`, made if it is new and brought up to date, joined to its other end if that is known. Events come in time
 * order; `number` counts them from 1. NULL for an event without a socket. What it returns lives at least until the next call.
 */
struct endpoint *matcher_event(struct matcher *m, const struct event *e, uint32_t number);

/*
 * The endpoint whose address pair mirrors that of `e`, or NULL: whom a listener's segment, or a RST of no socket, is about.
 */
struct endpoint *matcher_mirror(const struct matcher *m, const struct event *e);

/* The other end of the one datagram that `e` tells of, sent or received by a socket that may have many peers; NULL: not seen. */
struct endpoint *matcher_correspondent(const struct matcher *m, const struct endpoint *self, const struct event *e);

/* The endpoint of a socket, or NULL when it was not seen or is forgotten. */
struct endpoint *matcher_find(const struct matcher *m, uint64_t socket);

/*
 * A socket other than `self` that keeps a bind() to `a` in that namespace from succeeding, or NULL: same port, and the same address
 * or one of both any. One in TIME_WAIT is returned only if no other is found.
 */
struct endpoint *matcher_holder(const struct matcher *m, const struct address *a, uint32_t netns, uint64_t self);

/* What the matcher has seen, and has had to forget, since matcher_create(). */
struct matcher_count matcher_count(const struct matcher *m);

#endif
