/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One scene being played: its hosts, its programs, and the step it is at. Events go in; steps whose time has come are done.
 * Does not know where events come from nor how anything is shown: that is asked of a struct script_view.
 */
#ifndef SOCKTALE_LESSON_SCRIPT_H
#define SOCKTALE_LESSON_SCRIPT_H

#include "lesson/host.h"
#include "lesson/lesson.h"
#include "lesson/stage.h"

enum { PROGRAMS = 32, HOSTS = 8, KIN = 256 };

struct program {
	char *name;
	pid_t pid;
	int terminal;
	struct event_comm comm;
	bool ended; /* its process_exit was seen */
};

/* A process known to be a child of a program. */
struct kin {
	uint32_t pid;
	unsigned program;
};

/*
 * Called when something is done that is worth showing. Nobody is waited for: whoever reads more slowly than the scene plays keeps what
 * is told here for later. What is given outlives the script; `time_ns` is a moment before anything the deed brought about.
 */
struct script_view {
	void (*say)(const char *sentence, void *context);
	void (*act)(const struct step *step, const struct program *program, uint64_t time_ns, void *context); /* program NULL: none */
	void (*vain)(const struct step *step, void *context); /* it was waited for in vain: the scene ends here */
	void *context;
	enum language language;
	const char *programs; /* directory of the demo programs */
	double patience;      /* waits may take so many times longer */
	bool full;	      /* a minute takes a minute: steps marked `full` are done */
};

struct script {
	const struct scene *scene;
	struct stage *stage;
	struct script_view view;
	struct host hosts[HOSTS];
	size_t host_count;
	struct program programs[PROGRAMS];
	size_t program_count;
	struct kin kin[KIN];
	unsigned next_kin;
	struct history history;
	size_t step;		/* the next one */
	size_t since;		/* waits look at the events from here on: those after the last deed */
	uint64_t step_began_ns;
	uint64_t settled_ns;	/* what was waited for is there: go on then; 0: it is not */
	bool failed;		/* a step could not be done, or was waited for in vain */
};

/* Begin. `s` is memory of the caller; ended by script_finish(), which ends the programs too. Returns 0 or a negative errno. */
int script_begin(struct script *s, const struct scene *scene, struct stage *stage, const struct script_view *view);
void script_finish(struct script *s);

/* An event was seen: keep it, as the last of `history`. What waited for it is done a little later, by script_tick(). */
void script_event(struct script *s, const struct event *e);

/* Time has passed: throw away what the terminals say (the events tell it), end pauses and waits, also those in vain. */
void script_tick(struct script *s, uint64_t now_ns);

/* Whether all steps are done, or one failed. */
bool script_done(const struct script *s);

/* Whether the event is of the program called `who`. A condition_is; the context is the script. */
bool script_is(const struct event *e, const char *who, void *script);

/* Whether the event belongs to the scene: its network namespace is that of one of the hosts, or it has none. */
bool script_owns(const struct script *s, const struct event *e);

/* Whether the scene shows the event. */
bool script_shows(struct script *s, const struct event *e);

/* Whether the program that owns the event has the right lane: it serves, though nothing it did yet says so. */
bool script_right(struct script *s, const struct event *e);

/* The program that owns the event, or NULL. */
const struct program *script_program(struct script *s, const struct event *e);

#endif
