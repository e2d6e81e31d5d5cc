/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the predicates of rule.def are made of, for the files rule_*.c that hold them.
 * Does not know which rules there are but by name, nor who asks them.
 */
#ifndef SOCKTALE_EXPLAIN_PREDICATE_H
#define SOCKTALE_EXPLAIN_PREDICATE_H

#include "conversation/state.h"
#include "explain/rule.h"

/* Waits shorter than this are what a call takes anyway. */
#define NOTABLE_NS 1000000ull

#define AS(name) ((const struct event_##name *)o->m->event)
#define FITS(id) bool rule_##id(struct occasion *o)

#define RULE(id, event, group, reference, sentence) FITS(id);
#include "explain/rule.def"

/* ---- what was seen ---- */

static inline const struct endpoint_memory *own(const struct occasion *o)
{
	static const struct endpoint_memory nothing = { .linger_s = -1 };

	return o->m->self && o->m->self->memory ? o->m->self->memory : &nothing;
}

static inline const struct endpoint_memory *peers(const struct occasion *o)
{
	static const struct endpoint_memory nothing = { .linger_s = -1 };

	return o->m->peer && o->m->peer->memory ? o->m->peer->memory : &nothing;
}

static inline bool seen(const struct occasion *o, enum fact fact)
{
	return endpoint_fact(o->m->self, fact) != NULL;
}

static inline bool peer_seen(const struct occasion *o, enum fact fact)
{
	return endpoint_fact(o->m->peer, fact) != NULL;
}

/* Whether the peer's program can never read again. */
static inline bool peer_closed(const struct occasion *o)
{
	const struct endpoint *p = o->m->peer;

	return p && (peer_seen(o, FACT_close) || p->kind == ENDPOINT_orphan || p->kind == ENDPOINT_ended);
}

/* tcp_need_reset(), net/ipv4/tcp.c */
static inline bool needs_reset(__u8 state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_SYN_RECV;
}

/* ---- what the sentence rests on ---- */

/* Point at an event the sentence rests on; nothing when it was not seen. */
void because(struct occasion *o, const struct witness *w);

static inline void because_own(struct occasion *o, enum fact fact)
{
	because(o, endpoint_fact(o->m->self, fact));
}

static inline void because_peer(struct occasion *o, enum fact fact)
{
	because(o, endpoint_fact(o->m->peer, fact));
}

/* The chain that ends in an error of a call: the peer's close, its RST, the RST's arrival, what was said of it before. */
void because_reset(struct occasion *o);

/* What the peer wrote since `fact`; what it is still writing is told when that call ends. */
void because_sent_since(struct occasion *o, enum fact fact);

/* ---- words of the sentence ---- */

/* The text of a new word of the sentence, to be filled by the caller. */
struct text *word(struct occasion *o, const char *name);

/*
 * Who learns of an error, and by which call: sk_err waits for a write, or for a read that finds its queue empty; after a FIN a read
 * gets 0 bytes instead (SOCK_DONE, tcp_recvmsg_locked, net/ipv4/tcp.c).
 */
void word_told(struct occasion *o, int error, bool after_fin);

/* How long it is from the event to `ends_ns`. */
void word_left(struct occasion *o, uint64_t ends_ns);

#endif
