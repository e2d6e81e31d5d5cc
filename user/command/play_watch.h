/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks, while a scene plays, at the call each of its programs is in: what is told later is told as it was then.
 * Does not know how it is shown, nor when.
 */
#ifndef SOCKTALE_COMMAND_PLAY_WATCH_H
#define SOCKTALE_COMMAND_PLAY_WATCH_H

#include "lesson/script.h"
#include "probe/probe.h"

enum { CALL_RUNS = -1, CALL_GONE = -2, CALL_SECRET = -3 };

/* What a program was found doing. */
struct stay {
	bool on_socket;	   /* in a call on a socket: `number` is an enum call; else the system call it sleeps in, or one of CALL_... */
	long number;
	uint64_t since_ns; /* not later than the first look that found it */
};

/* All zero is a watch that has seen nothing. */
struct watch {
	struct stay stays[PROGRAMS];
	bool known[PROGRAMS];
	uint64_t told_ns[PROGRAMS]; /* the last call a program was told to have returned from */
};

/* Take in an event of the scene, as it comes. */
void watch_event(struct watch *w, const struct script *s, const struct event *e);

/* Look at program `i` now. Returns whether it does something else than at the look before; what, is in w->stays[i]. */
bool watch_look(struct watch *w, const struct script *s, const struct probe *probe, size_t i, uint64_t now_ns);

#endif
