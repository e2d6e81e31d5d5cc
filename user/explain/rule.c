/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/predicate.h"

#include "base/language.h"
#include "event/name.h"

void because(struct occasion *o, const struct witness *w)
{
	struct note *n = o->note;

	if (!w || !w->number || w->number == o->m->number || n->evidence_count >= NOTE_EVIDENCE_MAX - 1)
		return;
	for (unsigned i = 0; i < n->evidence_count; i++)
		if (n->evidence[i].number == w->number)
			return;
	n->evidence[n->evidence_count++] = *w;
}

struct text *word(struct occasion *o, const char *name)
{
	o->words[o->word_count].name = name;
	return &o->values[o->word_count++];
}

void because_reset(struct occasion *o)
{
	const struct witness *close = endpoint_fact(o->m->peer, FACT_close);
	const struct witness *reset = endpoint_fact(o->m->self, FACT_reset_received);

	/* A close that made the RST may be told after it; one that came later has no part in it. */
	if (close && (!reset || close->number < reset->number || peers(o)->reset_cause != CALL_none))
		because(o, close);
	because_peer(o, FACT_reset_sent);
	because_own(o, FACT_reset_received);
	because_own(o, FACT_error);
}

void because_sent_since(struct occasion *o, enum fact fact)
{
	const struct witness *sent = endpoint_fact(o->m->peer, FACT_send), *since = endpoint_fact(o->m->self, fact);

	if (sent && since && sent->number > since->number)
		because(o, sent);
}

void word_told(struct occasion *o, int error, bool after_fin)
{
	const struct endpoint *self = o->m->self;
	const char *sentence = N_("{owner} is told by {errno}: by the call it waits in, else by its next write, or by its next read once nothing is queued.");
	struct word words[2] = { { .name = "errno", .value = name_word(KIND_ERRNO, error) }, { 0 } };

	if (self && (self->closed || self->kind == ENDPOINT_orphan || endpoint_over(self)))
		sentence = N_("No process holds the socket any more: nobody is told.");
	else if (self && self->kind == ENDPOINT_child)
		sentence = N_("No process holds the connection yet: accept() hands it out all the same, and the calls that follow tell.");
	else if (after_fin)
		sentence = N_("The next write of {owner} gets {errno}; a read still gets what is queued, then 0 bytes.");
	say_sentence(word(o, "told"), _(sentence), o->m, words);
}

void word_left(struct occasion *o, uint64_t ends_ns)
{
	uint64_t now = o->m->event->time_ns;

	say_duration(word(o, "left"), ends_ns > now ? ends_ns - now : 0);
}

/* ---- the table ---- */

const struct rule *rule_table(void)
{
	static const struct rule table[] = {
#define RULE(id, event, group, reference, sentence) { #id, EVENT_##event, #group, reference, sentence, rule_##id },
#include "explain/rule.def"
		{ 0 }
	};

	return table;
}
