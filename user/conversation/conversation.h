/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two endpoints that talk to each other, or one whose other end is on another machine or was not seen.
 * Does not know how the other end is found.
 */
#ifndef SOCKTALE_CONVERSATION_CONVERSATION_H
#define SOCKTALE_CONVERSATION_CONVERSATION_H

#include "conversation/endpoint.h"

struct conversation {
	uint32_t number;          /* counts from 1 in the order of beginning */
	uint32_t version;         /* grows whenever an end joins or what names the ends changes */
	uint64_t first_ns;        /* time of the first event */
	uint64_t events;          /* events so far */
	struct endpoint *end[2];  /* the opener (client) first as far as known; end[0] is never NULL */

	/* owned by the matcher */
	struct conversation *recent_next;
	bool recent;              /* ended, and only remembered for a while */
};

/* A conversation of `ep` alone. conversation_destroy() frees it, and not its endpoints. */
struct conversation *conversation_create(struct endpoint *ep, uint32_t number);
void conversation_destroy(struct conversation *c);

/* Make `a` and `b` the two ends of `c`, the opener first. Both must be without a peer. */
void conversation_join(struct conversation *c, struct endpoint *a, struct endpoint *b);

/* The end that opened the connection, or NULL when it was not seen or roles are unknown. Likewise the other. */
struct endpoint *conversation_client(const struct conversation *c);
struct endpoint *conversation_server(const struct conversation *c);

/* Whether nothing is left of any end that was seen. */
bool conversation_ended(const struct conversation *c);

/* Whether no end can speak again, except for the end of a TIME_WAIT. */
bool conversation_cold(const struct conversation *c);

#endif
