/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The renderer `why`: nothing while events come, then the findings, the most serious first, and what was watched.
 * Does not know how the watching was done: who knows fills in a struct answer before the story ends.
 */
#ifndef SOCKTALE_RENDER_ANSWER_H
#define SOCKTALE_RENDER_ANSWER_H

#include "explain/finding.h"

/* What the answer says beyond what the events do. All zero: a recording, of which nothing else is known. */
struct answer {
	bool json;          /* one JSON object instead of a page */
	bool silent;        /* the watching failed: say nothing */
	bool live;          /* the running system was watched: times are those of the clock on the wall */
	int64_t wall_ns;    /* to be added to an event's time for nanoseconds since 1970 */
	const char *what;   /* what was watched, safe for a terminal; NULL: everything */
	uint64_t end_ns;    /* when the watching ended, on the clock of the events; 0: with the last event */
	uint64_t watched_ns; /* how long; 0: from the first event to the last */
	unsigned long long lost;  /* events that could not be handed over; `lost` events count besides */
	struct text *unseen;      /* what could not have been seen: a line each, or NULL */
	size_t unseen_count;
	void *context;
	/* Whether the moment is of what was asked about. NULL: all are. */
	bool (*selects)(void *context, const struct moment *m);
	/* Add what stands (findings_stand()), after the last event. NULL allowed. */
	void (*stands)(void *context, struct findings *f);
	/* As of struct finding_host. */
	bool (*word)(void *context, const char *name, const struct event *e, struct text *to);
};

#endif
