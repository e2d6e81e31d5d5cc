/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the doctor finds out: the probe opened with a patient in view, and which of the things the patient did were told.
 * Does not print anything.
 */
#ifndef SOCKTALE_COMMAND_EXAMINATION_H
#define SOCKTALE_COMMAND_EXAMINATION_H

#include "base/text.h"
#include "command/patient.h"
#include "probe/probe.h"

#define PROGRAMS 192 /* room for the attached programs */

enum side { CLIENT, SERVER, NOBODY };

/* A row of expectation.def. */
struct expectation {
	enum event_id event;
	enum side side;
	const char *field;
	int64_t value;
	const char *sentence;
};

enum {
#define EXPECT(event, side, field, value, sentence) +1
	EXPECTATIONS = 0
#include "command/expectation.def"
};

extern const struct expectation expectations[EXPECTATIONS];

enum verdict { VERDICT_seen, VERDICT_missing, VERDICT_not_told };

struct program {
	char name[64];
	unsigned long long runs;
};

struct examination {
	bool test;		/* asked for: with the self-test */
	enum plane plane;	/* asked for: this plane only */

	struct probe *probe;
	bool tested;		/* what follows is known */
	struct patient scene;	/* a copy, for who is who */
	double seconds;
	unsigned long long seen[EVENT_COUNT];
	unsigned long long all, wrong_owner, no_owner;
	char wrong[160];	/* the first event with a wrong owner */
	char unknown[160];	/* the first event without one */
	unsigned long long met[EXPECTATIONS];
	struct program programs[PROGRAMS];
	size_t program_count;
	bool counted;		/* runs are known */
	struct probe_count counts;
	unsigned failed;	/* expectations not met, and faults of other kinds */
	struct text remedy;	/* events that only tracepoints told, by name */
};

/*
 * Open the probe with a patient in view and, if asked for, let the patient live and look at what was told.
 * Returns 0 or a negative errno after telling why. Ended by examination_finish().
 */
int examination_make(struct examination *x);
void examination_finish(struct examination *x);

/* After a test: count what failed, and where functions fail try tracepoints instead. */
void examination_judge(struct examination *x);

/* Whether any source tells that event here. */
bool examination_tells(struct examination *x, enum event_id id);

/* What became of row `i` of expectation.def. */
enum verdict examination_verdict(struct examination *x, int i);

/* How often a program ran during the test, or -1 when it is not attached. */
long long examination_runs(const struct examination *x, const char *program);

#endif
