/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/play_tale.h"

#include <stdlib.h>

#include "base/memory.h"

void tale_add(struct tale *t, const struct telling *telling)
{
	size_t at;

	if (t->next == t->count)
		t->next = t->count = 0;
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 256;
		t->tellings = memory_resize(t->tellings, t->room, sizeof(*t->tellings));
	}
	for (at = t->count++; t->in_time_order && at > t->next && t->tellings[at - 1].time_ns > telling->time_ns; at--)
		t->tellings[at] = t->tellings[at - 1];
	t->tellings[at] = *telling;
}

const struct telling *tale_next(struct tale *t, uint64_t until_ns)
{
	if (tale_is_told(t) || t->tellings[t->next].time_ns > until_ns)
		return NULL;
	return &t->tellings[t->next++];
}

bool tale_is_told(const struct tale *t)
{
	return t->next == t->count;
}

void tale_finish(struct tale *t)
{
	free(t->tellings);
	*t = (struct tale){ .in_time_order = t->in_time_order };
}
