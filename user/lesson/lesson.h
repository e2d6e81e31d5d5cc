/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lesson as data: read from demos/lessons/NN-name.lesson, whose format is described in demos/lessons/README.md.
 * Does not run anything.
 */
#ifndef SOCKTALE_LESSON_LESSON_H
#define SOCKTALE_LESSON_LESSON_H

#include "lesson/condition.h"
#include "lesson/gauge.h"

enum language { LANGUAGE_en, LANGUAGE_zh, LANGUAGES };

/* The same said in every language; NULL where it is not written. */
struct saying {
	char *in[LANGUAGES];
};

enum step_kind {
	STEP_host,
	STEP_link,
	STEP_sysctl,
	STEP_shell,
	STEP_run,
	STEP_type,
	STEP_eof,
	STEP_signal,
	STEP_wait,
	STEP_pause,
	STEP_say
};

struct step {
	enum step_kind kind;
	unsigned line;
	char *words[32]; /* the operands; NULL behind the last */
	unsigned word_count;
	char *text;		/* STEP_shell: the command; STEP_type: the line */
	struct saying saying;	/* STEP_say */
	struct condition condition; /* STEP_wait */
	double seconds;		/* STEP_wait: the most; STEP_pause */
	bool quiet;		/* not shown */
	bool full;		/* only done where a minute may take a minute */
};

/* What must, or must not, be seen. */
struct evidence {
	unsigned line;
	bool never;
	bool full;	    /* what it looks for comes only where a minute may take a minute */
	unsigned claim;	    /* number of the claim it speaks for, 0: only the lesson itself */
	bool needs_functions; /* what it looks for is not told by tracepoints */
	struct saying saying; /* what it shows */
	struct condition condition;
};

/* Events that are not shown, but still judged: all of that kind, or one program's. */
struct hiding {
	enum event_id id;
	char *who; /* NULL: everybody's */
};

struct scene {
	char *name;
	unsigned line;
	struct saying title;
	struct step *steps;
	size_t step_count;
	struct evidence *evidence;
	size_t evidence_count;
	char *needs[4]; /* programs of the system it uses; NULL behind the last */
	char *right[8];  /* programs whose lane is the right one, besides those called server and receiver; NULL behind the last */
	struct hiding *hidden;
	size_t hidden_count;
	struct bar *bars;
	size_t bar_count;
};

struct lesson {
	char *path, *name; /* the name without its number */
	unsigned number;
	struct saying title, aim, end, read_on;
	struct scene *scenes;
	size_t scene_count;
};

/* Read a lesson. Returns 0 or a negative errno, after telling which line is wrong. */
int lesson_read(struct lesson *ret, const char *path);
void lesson_finish(struct lesson *l);

/* The saying in `language`, else in English, else "". */
const char *saying_in(const struct saying *s, enum language language);

enum verdict { VERDICT_true, VERDICT_imprecise, VERDICT_outdated, VERDICT_wrong, VERDICT_platform, VERDICTS };

/* One claim of the notes: a row of demos/lessons/claims. */
struct claim {
	unsigned number;
	enum verdict verdict;
	unsigned lesson; /* the number of the one that shows it first */
	struct saying saying;
};

struct claims {
	struct claim *rows;
	size_t count;
};

/* Read the table of claims. As lesson_read(). */
int claims_read(struct claims *ret, const char *path);
void claims_finish(struct claims *c);
const struct claim *claims_find(const struct claims *c, unsigned number);

#endif
