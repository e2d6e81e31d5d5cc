/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/explain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "explain/rule.h"

struct explain *explain_create(void)
{
	return memory_create(1, sizeof(struct explain));
}

void explain_destroy(struct explain *x)
{
	free(x);
}

void note_list_clear(struct note_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->notes[i].sentence);
	list->count = 0;
}

void note_list_finish(struct note_list *list)
{
	note_list_clear(list);
	free(list->notes);
	*list = (struct note_list)NOTE_LIST_EMPTY;
}

static struct note *note_list_add(struct note_list *list)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 4;
		list->notes = memory_resize(list->notes, list->room, sizeof(*list->notes));
	}
	list->notes[list->count] = (struct note){ 0 };
	return &list->notes[list->count++];
}

static int by_number(const void *a, const void *b)
{
	const struct witness *first = a, *second = b;

	return (first->number > second->number) - (first->number < second->number);
}

/* "the peer 10.0.0.2:80", where it comes first. Names of programs stay as they are. */
static void capital(struct text *sentence)
{
	const char *const words[] = { _("the peer"), _("an unknown process") };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (sentence->length && !strncmp(sentence->bytes, words[i], strlen(words[i])))
			sentence->bytes[0] = toupper((unsigned char)sentence->bytes[0]);
	}
}

static void note_finish(struct note *note, struct occasion *o, const struct rule *rule)
{
	struct text sentence = TEXT_EMPTY;

	for (unsigned i = 0; i < o->word_count; i++)
		o->words[i].value = text_string(&o->values[i]);
	say_sentence(&sentence, _(o->sentence), o->m, o->words);
	capital(&sentence);
	note->rule = rule->id;
	note->sentence = text_steal(&sentence);
	qsort(note->evidence, note->evidence_count, sizeof(*note->evidence), by_number);
	note->evidence[note->evidence_count++] = witness_of(o->m->event, o->m->number);
}

static bool rule_try(struct explain *x, const struct rule *rule, const struct moment *m, struct note_list *list)
{
	struct note note = { .reference = rule->reference };
	struct occasion o = { .explain = x, .m = m, .note = &note, .sentence = rule->sentence };
	bool fits = rule->fits(&o);

	if (fits) {
		note_finish(&note, &o, rule);
		*note_list_add(list) = note;
	}
	for (unsigned i = 0; i < o.word_count; i++)
		text_finish(&o.values[i]);
	return fits;
}

/* The rules of each event are found by their first row, built once: rows of one event stand together or not, both work. */
static const struct rule *const *rules_of(enum event_id id)
{
	static const struct rule **begin[EVENT_COUNT];
	static const struct rule *none;
	static bool built;

	if (!built) {
		for (unsigned event = 0; event < EVENT_COUNT; event++) {
			size_t count = 0;

			for (const struct rule *r = rule_table(); r->id; r++)
				count += r->event == event;
			begin[event] = memory_create(count + 1, sizeof(**begin));
			count = 0;
			for (const struct rule *r = rule_table(); r->id; r++)
				if (r->event == event)
					begin[event][count++] = r;
		}
		built = true;
	}
	return id < EVENT_COUNT ? begin[id] : &none;
}

void explain_moment(struct explain *x, const struct moment *m, struct note_list *list)
{
	const char *told = NULL;

	if (m->event->size < schema_get(m->event->id)->size)
		return; /* a short record: its fields cannot be relied on */
	for (const struct rule *const *r = rules_of(m->event->id); *r; r++) {
		if (told && strcmp(told, (*r)->group) == 0)
			continue;
		if (rule_try(x, *r, m, list))
			told = (*r)->group;
	}
}

const struct rule_row *explain_rules(size_t *ret_count)
{
	static const struct rule_row rows[] = {
#define RULE(id, event, group, reference, sentence) { #id, #event, #group, reference, sentence },
#include "explain/rule.def"
	};

	*ret_count = sizeof(rows) / sizeof(*rows);
	return rows;
}
