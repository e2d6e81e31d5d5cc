/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has happened in a scene and is not told yet: so that a scene plays at its own speed, whatever time its reader takes.
 * Does not know how anything is shown, nor when its time has come.
 */
#ifndef SOCKTALE_COMMAND_PLAY_TALE_H
#define SOCKTALE_COMMAND_PLAY_TALE_H

#include "command/play_watch.h"

enum telling_kind {
	TELLING_event,
	TELLING_say,
	TELLING_act,  /* a deed */
	TELLING_stay, /* a program does something else */
	TELLING_vain  /* a step that was waited for in vain */
};

/* What it points at stays the giver's, until it is told. */
struct telling {
	enum telling_kind kind;
	uint64_t time_ns;
	const struct event *event;
	const char *sentence;
	const struct step *step;
	size_t program; /* TELLING_stay, TELLING_act: of the script's; SIZE_MAX: none */
	struct stay stay;
};

/* All zero is empty. */
struct tale {
	struct telling *tellings;
	size_t next, count, room;
	bool in_time_order; /* else in the order given */
};

void tale_add(struct tale *t, const struct telling *telling);

/* Take out the next one if it happened until `until_ns`; NULL: there is none. Valid until the next tale_add(). */
const struct telling *tale_next(struct tale *t, uint64_t until_ns);

bool tale_is_told(const struct tale *t);

/* Forget everything; the order stays as it was. */
void tale_finish(struct tale *t);

#endif
