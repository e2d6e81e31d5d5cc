/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chooses, per event, the best plane, and per hook the best door that this kernel really loads and attaches.
 * Reads hooks from the programs themselves and sources from source.def; does not load anything itself.
 */
#ifndef SOCKTALE_PROBE_DOOR_H
#define SOCKTALE_PROBE_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "event/schema.h"
#include "probe/kernel.h"

#define DOOR_HOOKS 96
#define DOOR_REASON 256
#define DOOR_COSTS 4 /* a NULL ends fewer */

/* One way into a hook: one program. */
struct door {
	const char *program; /* name of the BPF program, "" when there is no such door */
	const char *kind;    /* "fentry", "kprobe", "fexit", "kretprobe", "tp_btf", "raw_tp" */
	bool failed;
	bool examined;
	char reason[DOOR_REASON]; /* why it failed */
};

struct hook {
	char name[64];
	char target[64]; /* kernel function or tracepoint */
	struct door doors[2];
	bool needed;
};

/* How an event is told. */
struct source {
	enum plane plane;	  /* PLANE_none: this kernel cannot tell it */
	const char *label;	  /* row group of source.def that was chosen */
	const char *costs[DOOR_COSTS]; /* what the reader loses on tracepoints alone; the rest NULL */
	char refused[DOOR_REASON]; /* why the plane before it was not taken, or "" */
};

struct doors {
	const struct kernel *kernel;
	struct hook hooks[DOOR_HOOKS];
	size_t hook_count;
	struct source sources[EVENT_COUNT];
	enum plane forced; /* PLANE_none: both */
};

/* Make room for the program called `program` with section `section`. Strings are kept, not copied. */
void doors_add(struct doors *d, const char *program, const char *section);

/* The hook of that name, or NULL. */
struct hook *doors_hook(struct doors *d, const char *name);

/* The door a hook would use now, or NULL when all have failed. */
struct door *hook_door(struct doors *d, struct hook *h);

/* The program of that name has failed: remember why, so that the next choice avoids it. Returns whether it was known. */
bool doors_fail(struct doors *d, const char *program, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Choose sources for all events and mark the hooks that are needed for those in `wanted`.
 * Returns 0, or -ENOTSUP when a hook that everything needs cannot be had.
 */
int doors_choose(struct doors *d, const bool wanted[EVENT_COUNT]);

/* Call `visit` for each hook of the chosen source of an event. */
void doors_each_hook(struct doors *d, enum event_id id, void (*visit)(struct hook *h, struct door *door, void *context),
		     void *context);

#endif
