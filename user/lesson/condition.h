/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a lesson waits for and what must be seen: patterns of events, read from one line.
 * Does not know scenes nor programs: who owns an event is asked of the caller.
 *
 *   [TIMES] EVENT [WHO] [FIELD OP VALUE]... [then[<TIME|>TIME] EVENT ...]...
 *
 * TIMES: `3` at least three, `=3` exactly, `<3` fewer. OP: = != < > <= >=, & (any of these flags), ~ !~ (contains, does not).
 * VALUE: as in a log line; durations with ns, us, ms or s; the name of another field of the event; `even`, `odd`; `same`: as in the
 * event matched before. Values with spaces stand in double quotes. `then` asks for a later event, with a limit on the time between.
 */
#ifndef SOCKTALE_LESSON_CONDITION_H
#define SOCKTALE_LESSON_CONDITION_H

#include "event/schema.h"

struct pattern;

enum times { TIMES_least, TIMES_exactly, TIMES_below };

struct condition {
	char *source; /* the line it was read from */
	struct pattern *patterns;
	size_t count;
	enum times rule;
	unsigned times;
};

/* Whose event it is. */
typedef bool condition_is(const struct event *e, const char *who, void *context);

/* A series of events in time order; `first` is where the looking begins. */
struct history {
	union event_any **events;
	size_t count, room;
};

/* Read a condition. Returns 0, or -EINVAL with half a sentence in *ret_problem (static, or valid until the next call). */
int condition_read(struct condition *c, const char *line, const char **ret_problem);
void condition_finish(struct condition *c);

/* The event the condition begins with, for asking whether this kernel can tell it. `i` counts the patterns. */
enum event_id condition_event(const struct condition *c, size_t i);

/* The name of the program the pattern `i` speaks of, or NULL for anybody's. */
const char *condition_who(const struct condition *c, size_t i);

/*
 * Whether the events from `from` on hold it. `ret_first`, where not NULL, gets the first event that matched (NULL: none), and
 * `ret_found` how many did.
 */
bool condition_holds(const struct condition *c, const struct history *h, size_t from, condition_is *is, void *context,
		     const union event_any **ret_first, unsigned *ret_found);

/*
 * The first series of events that holds it, one for each pattern: `ret` has room for `count` of the condition. Returns how many
 * there are: all, or 0 where nothing holds it.
 */
size_t condition_series(const struct condition *c, const struct history *h, condition_is *is, void *context,
			const union event_any **ret);

/* Whether `e` could be the last event of the condition. */
bool condition_may_end(const struct condition *c, const struct event *e, condition_is *is, void *context);

/* Keep a copy of `e`. */
void history_add(struct history *h, const struct event *e);
void history_finish(struct history *h);

#endif
