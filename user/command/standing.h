/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands still: two looks at all sockets, at the beginning and at the end of a watching, and the findings that follow from
 * what is the same in both. What was stuck before gives no event.
 * Does not know what happened between the looks.
 */
#ifndef SOCKTALE_COMMAND_STANDING_H
#define SOCKTALE_COMMAND_STANDING_H

#include "command/scope.h"
#include "explain/finding.h"
#include "snapshot/snapshot.h"

struct standing {
	struct snapshot before, after;
	uint64_t before_ns, after_ns; /* CLOCK_MONOTONIC; 0: that look failed */
	int netns;                    /* descriptor of the namespace to look at, -1: our own */
};

/* The first and the second look. Each returns 0 or a negative errno, told. */
int standing_begin(struct standing *s);
int standing_end(struct standing *s);
void standing_finish(struct standing *s);

/* Add what stands and is in scope. */
void standing_tell(const struct standing *s, struct scope *scope, struct findings *f);

/* Append who has that local address and port, as far as the looks saw it. Returns false when nobody has. */
bool standing_holder(const struct standing *s, const struct event_address *asked, uint32_t netns, struct text *to);

#endif
