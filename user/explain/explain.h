/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What events mean: moments in, notes out. Each note is a rule's sentence with the names filled in, where to read about it, and
 * the events it rests on.
 * Does not know how anything looks on a screen.
 */
#ifndef SOCKTALE_EXPLAIN_EXPLAIN_H
#define SOCKTALE_EXPLAIN_EXPLAIN_H

#include <stddef.h>

#include "conversation/matcher.h"
#include "event/schema.h"

/* An event and everything known about its socket after it. Valid until the matcher takes the next event. */
struct moment {
	const struct event *event;
	uint32_t number;                  /* counts from 1 in the order of arrival */
	const struct endpoint *self;      /* NULL: an event without a socket */
	const struct endpoint *peer;      /* the other end, NULL when it is elsewhere or was not seen */
	const struct conversation *conversation; /* NULL: an event about no connection. `self` need not be one of its ends: a
						    listener gets a SYN, and a RST may come from no socket */
	const struct matcher *matcher;    /* to look up further sockets */
};

enum { NOTE_EVIDENCE_MAX = 8 };

struct note {
	const char *rule;      /* its id */
	const char *reference; /* RFC section, or function and file of the kernel */
	char *sentence;        /* in the reader's language, safe for a terminal */
	struct witness evidence[NOTE_EVIDENCE_MAX]; /* the causes first, in time order, the explained event itself last */
	unsigned evidence_count;
};

struct note_list {
	struct note *notes;
	size_t count, room;
};

#define NOTE_LIST_EMPTY { NULL, 0, 0 }

/* Forget the notes and keep the memory; free everything. */
void note_list_clear(struct note_list *list);
void note_list_finish(struct note_list *list);

struct explain;

/* What lives longer than one socket (which signal a process died of). Never fails. */
struct explain *explain_create(void);
void explain_destroy(struct explain *x);

/* Append to `list` what the moment means; nothing when there is nothing to say beyond the event itself. */
void explain_moment(struct explain *x, const struct moment *m, struct note_list *list);

/* One row of rule.def, for docs/rules.md. */
struct rule_row {
	const char *id, *event, *group, *reference, *sentence;
};

/* All rules in their order; `ret_count` rows. */
const struct rule_row *explain_rules(size_t *ret_count);

#endif
