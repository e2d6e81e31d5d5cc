/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where each TCP socket of a scene stands: its state and since when, whether a writer waits on it, whether a process still holds it,
 * and when its TIME_WAIT is due. Fed by events only. Does not know conversations, nor how anything is shown.
 */
#ifndef SOCKTALE_LESSON_STANDING_H
#define SOCKTALE_LESSON_STANDING_H

#include "event/schema.h"

struct standing {
	uint64_t socket;
	uint32_t pid;
	struct event_comm comm;
	uint8_t state;	   /* the kernel's number */
	uint8_t reason;	   /* enum block + 1 while a writer waits, else 0 */
	bool orphan;	   /* no process holds it any more */
	bool entry;	   /* only an entry keeps its addresses: TIME_WAIT, or FIN_WAIT2 without a socket */
	uint64_t since_ns; /* in this state */
	uint64_t ends_ns;  /* of an entry */
};

/* In the order of their beginning. All zero is empty. */
struct standings {
	struct standing *rows;
	size_t count, room;
};

void standings_event(struct standings *s, const struct event *e);
void standings_finish(struct standings *s);

#endif
