/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules as a table: for each row of rule.def a predicate that says whether the row explains a moment.
 * Does not know how notes are kept or shown.
 */
#ifndef SOCKTALE_EXPLAIN_RULE_H
#define SOCKTALE_EXPLAIN_RULE_H

#include "base/text.h"
#include "explain/say.h"

enum { OCCASION_WORDS = 4, DEATHS = 64 };

/* A process that a signal will end: to be joined with its end. */
struct death {
	uint32_t pid;
	uint8_t signal;
	struct witness witness;
};

struct explain {
	struct death deaths[DEATHS]; /* a ring: the last fatal signals */
	unsigned next_death;
};

/* What a predicate sees and fills in. */
struct occasion {
	struct explain *explain;
	const struct moment *m;
	struct note *note;          /* evidence is added to it; the explained event is added by the caller */
	const char *sentence;       /* the rule's; a predicate may set another */
	struct word words[OCCASION_WORDS + 1];
	struct text values[OCCASION_WORDS]; /* of the words */
	unsigned word_count;
};

struct rule {
	const char *id;
	enum event_id event;
	const char *group;
	const char *reference;
	const char *sentence;
	bool (*fits)(struct occasion *o);
};

/* All rules in the order of rule.def, ended by one without an id. */
const struct rule *rule_table(void);

#endif
