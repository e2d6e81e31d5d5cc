/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong, and what to do: moments and their notes in, findings out, by the rows of finding.def. Each adds up what agrees in
 * who and where, with cause, remedy and the events it rests on.
 * Does not know how anything looks, nor what exists besides the events: both are the host's.
 */
#ifndef SOCKTALE_EXPLAIN_FINDING_H
#define SOCKTALE_EXPLAIN_FINDING_H

#include "explain/say.h"

enum severity { SEVERITY_failure, SEVERITY_delay, SEVERITY_risk, SEVERITIES };
enum per { PER_event, PER_conversation };

struct finding_row {
	const char *id;
	enum severity severity;
	enum per per;
	uint64_t few, least;
	const char *field, *about, *title, *cause, *remedy;
};

/* One event a finding rests on, in words safe for a terminal. */
struct finding_evidence {
	struct witness witness; /* number 0: not an event, but how something stands at `time_ns` */
	char *who, *what;
};

/* One case of a finding: the chain of events that ends in it. */
struct finding_case {
	uint64_t measure, time_ns;
	uint64_t socket; /* 0: none */
	char *ends;      /* `10.0.0.1:40000 -> 10.0.0.2:80`, "" when not known */
	struct finding_evidence evidence[NOTE_EVIDENCE_MAX + 1];
	unsigned evidence_count;
};

enum { FINDING_CASES = 2 };

struct finding {
	const struct finding_row *row;
	const char *rule, *reference; /* of the worst case; NULL: none */
	char *about, *title, *cause, *remedy;
	uint64_t count, sockets;
	uint64_t going_on;            /* of the count: not over at the end of the watching */
	uint64_t total, worst;        /* of the measure */
	bool measured;
	enum kind unit;               /* of the measure: KIND_DURATION_NS, KIND_BYTES or KIND_COUNT */
	uint64_t first_ns, last_ns;
	struct finding_case cases[FINDING_CASES]; /* the first and the worst */
	unsigned case_count;
};

struct finding_host {
	void *context;
	/* Say an event that was told before: who it is of and what happened. */
	void (*say)(void *context, const struct witness *w, const struct matcher *matcher, struct text *who, struct text *what);
	/* Append the value of a name of the running system; false: there is none of that name. NULL allowed. */
	bool (*word)(void *context, const char *name, const struct event *e, struct text *to);
};

struct findings;

struct findings_count {
	uint64_t events, sockets, lost;
	uint64_t skipped; /* hooks that the kernel did not run, as `gap` events say */
	uint64_t first_ns, last_ns;
	uint64_t untold; /* signs that found no room: there were too many different findings */
};

struct findings *findings_create(const struct finding_host *host);
void findings_destroy(struct findings *f);

/* Take in the next moment, and what explain_moment() said of it. */
void findings_moment(struct findings *f, const struct moment *m, const struct note_list *notes);

/* No event will come any more: what goes on counts up to `end_ns` (0: the time of the last event). To be called once. */
void findings_close(struct findings *f, uint64_t end_ns);

/*
 * Something stands in a certain way at `time_ns`, seen by other means than events: a case of finding `id`, with the words its
 * sentences need (ended by a name NULL) and what was seen, in words safe for a terminal. Nothing where events told of it already.
 */
struct finding_stand {
	const char *id, *who, *what, *ends;
	uint64_t measure, count, time_ns;
	const struct word *words;
};
void findings_stand(struct findings *f, const struct finding_stand *s);

/* After findings_close(): the findings, finished, the most serious first. They belong to `f`. To be called once. */
const struct finding *const *findings_judge(struct findings *f, size_t *ret_count);

struct findings_count findings_count(const struct findings *f);

/* All rows of finding.def; and whether an event of that id can bring the row about (false for all: seen by other means). */
const struct finding_row *finding_rows(size_t *ret_count);
bool finding_needs(const struct finding_row *row, enum event_id id);

/* failure, delay, risk */
const char *severity_name(enum severity s);

#endif
