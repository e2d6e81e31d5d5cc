/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A story: events in, the told tale out. The one path that live traces and saved logs share:
 * event -> conversation -> explain -> render.
 * Does not know where the events come from, and never touches the terminal itself.
 */
#ifndef SOCKTALE_RENDER_STORY_H
#define SOCKTALE_RENDER_STORY_H

#include "event/schema.h"
#include "render/renderer.h"

struct story;

/* What a story did, for the summary at its end. */
struct story_count {
	unsigned long long events;        /* events told */
	unsigned long long notes;         /* sentences told */
	unsigned long long conversations; /* conversations begun */
	unsigned long long lost;          /* events the `lost` events speak of */
	unsigned long long forgotten;     /* sockets forgotten while they lived, to keep memory bounded */
};

/* Start a story shown by `renderer`, a row of renderer_table(). Never fails. Ended by story_finish(). */
struct story *story_create(const struct renderer *renderer, const struct renderer_options *options);

/*
 * Tell the next event. Events come in time order and stay the caller's: what is needed later is copied.
 * Returns 0, or a negative errno when the output failed; -EPIPE says that nobody reads any more.
 */
int story_event(struct story *s, const struct event *e);

/* Write out what the renderer has kept back, and flush the stream: call it whenever no event is waiting. As story_event(). */
int story_flush(struct story *s);

/* What happened so far. */
struct story_count story_count(const struct story *s);

/* End the story and free it. NULL is allowed. Returns as story_event(). */
int story_finish(struct story *s);

#endif
