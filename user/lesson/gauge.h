/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How full something is that a lesson shows as a bar: a send or receive buffer, what is on its way, an accept queue, a pool of ports,
 * the time left to a TIME_WAIT. Fed by events only. Does not know how a bar is drawn.
 */
#ifndef SOCKTALE_LESSON_GAUGE_H
#define SOCKTALE_LESSON_GAUGE_H

#include "lesson/condition.h"

enum gauge_kind {
	GAUGE_send,	 /* bytes in the send queue, of the send buffer */
	GAUGE_receive,	 /* bytes nobody has read, of the most there were */
	GAUGE_underway,	 /* bytes written by one and not read by the other yet, of the most there were */
	GAUGE_accept,	 /* connections waiting for accept(), of the room for them */
	GAUGE_requests,	 /* handshakes under way at a listener, of the room for them */
	GAUGE_ports,	 /* ports of a range that are in use or kept by a TIME_WAIT */
	GAUGE_time_wait, /* nanoseconds left to the latest TIME_WAIT, of its length */
	GAUGE_KINDS
};

/* What a lesson asks for, once in a scene. */
struct bar {
	enum gauge_kind kind;
	char *who, *to;	      /* whose; GAUGE_underway: who reads */
	uint16_t first, last; /* GAUGE_ports */
};

struct gauge {
	const struct bar *bar;
	bool known;	       /* something was seen of it */
	uint64_t value, limit; /* how full, and what full is; GAUGE_time_wait: see gauge_left() */
	uint64_t waiting;      /* GAUGE_ports: of `value`, kept by a TIME_WAIT */
	uint64_t written, read; /* GAUGE_underway: bytes so far */
	uint64_t ends_ns;      /* GAUGE_time_wait */
	uint64_t socket;       /* GAUGE_time_wait: whose entry */
	uint8_t *ports;	       /* GAUGE_ports: one for each of the range; GAUGE_requests: how many of each remote port */
};

/* The kind called `word` in a lesson, or GAUGE_KINDS. */
enum gauge_kind gauge_kind_find(const char *word);

/* `g` is memory of the caller; `bar` must outlive it. */
void gauge_begin(struct gauge *g, const struct bar *bar);
void gauge_finish(struct gauge *g);

/* Take in what an event says of it. `is` tells whose event it is. */
void gauge_event(struct gauge *g, const struct event *e, condition_is *is, void *context);

/* GAUGE_time_wait: nanoseconds left, 0 when it is over. */
uint64_t gauge_left(const struct gauge *g, uint64_t now_ns);

#endif
