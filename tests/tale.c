/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tales: a log goes in, the told story comes out, and must be what the tale says. Needs no privilege.
 *
 *   tale [--write] [FILE...]     without FILE: all of tests/tales; --write makes the tales say what is told now (then read the diff)
 *
 * A tale is a comment, a section `--- events` that holds a log, and sections named by a renderer that hold what it must print, with
 * 100 columns, in ASCII, without colours. Beyond that each tale must be in order of time, survive being written as a log and read
 * back, be valid for the JSON renderer, and rest every note on events that were told before. All of tests/tales together must tell
 * every rule and find every finding at least once: a sentence nobody has read is not finished.
 */
#include <errno.h>
#include <glob.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "event/line.h"
#include "render/answer.h"
#include "render/story.h"

struct section {
	const char *name; /* a renderer's, "events", or "" for what stands before the first */
	struct text body;
	struct section *next;
};

struct tale {
	const char *path;
	struct section *sections;
	union event_any *events;
	size_t count;
};

static unsigned complaints; /* of the tale in hand */

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("#   ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	complaints++;
}

/* ---- reading ---- */

static struct section *section_add(struct section ***tail, const char *name)
{
	struct section *s = calloc(1, sizeof(*s));

	if (!s || !(s->name = strdup(name)))
		abort();
	**tail = s;
	*tail = &s->next;
	return s;
}

static bool tale_read(struct tale *t)
{
	FILE *file = fopen(t->path, "re");
	struct section **tail = &t->sections, *s;
	char *line = NULL;
	size_t room = 0;

	if (!file) {
		complain("%s: %s", t->path, strerror(errno));
		return false;
	}
	s = section_add(&tail, "");
	while (getline(&line, &room, file) >= 0) {
		if (strncmp(line, "--- ", 4) == 0) {
			line[strcspn(line, "\n")] = '\0';
			s = section_add(&tail, line + 4);
		} else {
			text_put(&s->body, line);
		}
	}
	free(line);
	fclose(file);
	return true;
}

static struct section *section_find(const struct tale *t, const char *name)
{
	struct section *s = t->sections;

	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

/* Read the lines of a log. `where` names it in complaints. */
static void events_read(const char *log, const char *where, union event_any **ret_events, size_t *ret_count)
{
	struct line_problem problem;
	size_t number = 0;

	while (*log) {
		size_t length = strcspn(log, "\n");
		size_t blank = strspn(log, " \t");

		number++;
		if (blank < length && log[blank] != '#') {
			*ret_events = reallocarray(*ret_events, *ret_count + 1, sizeof(**ret_events));
			if (!*ret_events)
				abort();
			if (line_read(&(*ret_events)[*ret_count], log, length, &problem) == 0)
				++*ret_count;
			else
				complain("%s, line %zu, column %zu: %s", where, number, problem.column + 1, problem.what);
		}
		log += length + (log[length] == '\n');
	}
}

static void tale_free(struct tale *t)
{
	while (t->sections) {
		struct section *s = t->sections;

		t->sections = s->next;
		text_finish(&s->body);
		free((char *)s->name);
		free(s);
	}
	free(t->events);
}

/* ---- telling ---- */

static char *tell_with(struct renderer_options options, const struct renderer *renderer, const union event_any *events,
		       size_t count)
{
	struct story *story;
	char *told = NULL;
	size_t size = 0;

	options.out = open_memstream(&told, &size);
	if (!options.out)
		abort();
	story = story_create(renderer, &options);
	for (size_t i = 0; i < count; i++)
		if (story_event(story, &events[i].head) != 0)
			complain("event %zu cannot be told", i + 1);
	if (story_finish(story) != 0)
		complain("the story cannot be finished");
	fclose(options.out);
	return told;
}

static char *tell_as(const struct renderer *renderer, const union event_any *events, size_t count)
{
	return tell_with((struct renderer_options){ .ascii = true, .width = 100 }, renderer, events, count);
}

static char *tell_why(const struct answer *answer, const union event_any *events, size_t count)
{
	return tell_with((struct renderer_options){ .ascii = true, .width = 100, .answer = answer }, renderer_find("why"), events,
			 count);
}

static void show_difference(const char *told, const char *expected)
{
	for (unsigned line = 1; *told || *expected; line++) {
		size_t mine = strcspn(told, "\n"), theirs = strcspn(expected, "\n");

		if (mine != theirs || memcmp(told, expected, mine) != 0) {
			complain("line %u differs", line);
			printf("#   told:     %.*s\n#   expected: %.*s\n", (int)mine, told, (int)theirs, expected);
			return;
		}
		told += mine + (told[mine] == '\n');
		expected += theirs + (expected[theirs] == '\n');
	}
}

/* ---- what holds for every tale ---- */

static void check_order(const struct tale *t)
{
	for (size_t i = 1; i < t->count; i++)
		if (t->events[i].head.time_ns < t->events[i - 1].head.time_ns)
			complain("event %zu is earlier than the one before", i + 1);
}

static void check_log(const struct tale *t)
{
	char *log = tell_as(renderer_find("log"), t->events, t->count);
	union event_any *again = NULL;
	size_t count = 0;

	events_read(log, "log of the tale", &again, &count);
	if (count != t->count)
		complain("%zu events, of which %zu come back from the log", t->count, count);
	for (size_t i = 0; i < count && i < t->count; i++)
		if (memcmp(&again[i], &t->events[i], t->events[i].head.size) != 0)
			complain("event %zu changes when it is written and read back", i + 1);
	free(again);
	free(log);
}

static void check_note(const struct tale *t, size_t told, const struct note *n)
{
	for (unsigned i = 0; i < n->evidence_count; i++) {
		const struct witness *w = &n->evidence[i];

		if (w->number == 0 || w->number > told || t->events[w->number - 1].head.id != w->id ||
		    t->events[w->number - 1].head.time_ns != w->time_ns)
			complain("event %zu: rule %s rests on an event that was not told", told, n->rule);
	}
	if (n->evidence_count == 0 || n->evidence[n->evidence_count - 1].number != told)
		complain("event %zu: rule %s does not rest on the event it explains", told, n->rule);
	if (strchr(n->sentence, '{'))
		complain("event %zu: rule %s leaves a name open: %s", told, n->rule, n->sentence);
}

enum { RULES_MAX = 1024 };
static bool rule_told[RULES_MAX]; /* by any tale, in the order of explain_rules() */

static void remember_rule(const char *id)
{
	size_t count;
	const struct rule_row *rules = explain_rules(&count);

	for (size_t i = 0; i < count && i < RULES_MAX; i++)
		if (strcmp(rules[i].id, id) == 0)
			rule_told[i] = true;
}

static void check_rules(void)
{
	size_t count;
	const struct rule_row *rules = explain_rules(&count);

	if (count > RULES_MAX)
		complain("%zu rules are more than this test knows of", count);
	for (size_t i = 0; i < count && i < RULES_MAX; i++)
		if (!rule_told[i])
			complain("rule %s is told by no tale", rules[i].id);
}

static bool finding_told[RULES_MAX]; /* by any tale, in the order of finding_rows() */

/* What `why` finds in the tale, by the ids in its JSON; each finding must have a cause, a remedy and an event to point at. */
static void check_findings(const struct tale *t)
{
	struct answer answer = { .json = true };
	char *json = tell_why(&answer, t->events, t->count);
	struct text key = TEXT_EMPTY;
	size_t count;
	const struct finding_row *rows = finding_rows(&count);

	for (size_t i = 0; i < count && i < RULES_MAX; i++) {
		text_clear(&key);
		text_printf(&key, "\"finding\":\"%s\"", rows[i].id);
		finding_told[i] |= strstr(json, text_string(&key)) != NULL;
	}
	if (strstr(json, "\"cause\":\"\"") || strstr(json, "\"remedy\":\"\"") || strstr(json, "\"evidence\":[]"))
		complain("a finding is without cause, remedy or evidence: %s", json);
	if (strchr(json, '{') && strstr(json, "{program}"))
		complain("a finding leaves a name open: %s", json);
	text_finish(&key);
	free(json);
}

/* Findings that need no event are made from the sockets that exist: live tests see those. */
static bool needs_events(const struct finding_row *row)
{
	for (int id = 0; id < EVENT_COUNT; id++)
		if (finding_needs(row, id))
			return true;
	return false;
}

static void check_all_findings(void)
{
	size_t count;
	const struct finding_row *rows = finding_rows(&count);

	for (size_t i = 0; i < count && i < RULES_MAX; i++)
		if (!finding_told[i] && needs_events(&rows[i]))
			complain("finding %s is found in no tale", rows[i].id);
}

/* A renderer that looks at the notes instead of printing them. */
static const struct tale *looked_at;

static void *look_begin(const struct renderer_options *options)
{
	return options->out;
}

static int look_event(void *state, const struct moment *m, const struct note_list *notes)
{
	(void)state;
	for (size_t i = 0; i < notes->count; i++) {
		check_note(looked_at, m->number, &notes->notes[i]);
		remember_rule(notes->notes[i].rule);
	}
	return 0;
}

static int look_end(void *state)
{
	(void)state;
	return 0;
}

static void check_notes(const struct tale *t)
{
	static const struct renderer look = {
		.name = "look", .begin = look_begin, .event = look_event, .end = look_end
	};

	looked_at = t;
	free(tell_as(&look, t->events, t->count));
}

static void check_json(const struct tale *t)
{
	char *json = tell_as(renderer_find("json"), t->events, t->count);
	size_t lines = 0;

	for (const char *at = json; *at; lines++) {
		size_t length = strcspn(at, "\n");

		if (length < 2 || at[0] != '{' || at[length - 1] != '}' || at[length] != '\n')
			complain("line %zu of the JSON is no object", lines + 1);
		at += length + (at[length] == '\n');
	}
	if (lines != t->count)
		complain("%zu events become %zu lines of JSON", t->count, lines);
	free(json);
}

/* ---- the sections ---- */

static void check_section(struct tale *t, struct section *s, bool writing)
{
	const struct renderer *renderer = renderer_find(s->name);
	char *told;

	if (!*s->name || strcmp(s->name, "events") == 0)
		return;
	if (!renderer) {
		complain("there is no renderer '%s'", s->name);
		return;
	}
	told = tell_as(renderer, t->events, t->count);
	if (writing) {
		text_clear(&s->body);
		text_put(&s->body, told);
	} else {
		show_difference(told, text_string(&s->body));
	}
	free(told);
}

static void tale_write(const struct tale *t)
{
	FILE *file = fopen(t->path, "we");

	if (!file) {
		complain("%s: %s", t->path, strerror(errno));
		return;
	}
	for (const struct section *s = t->sections; s; s = s->next) {
		if (*s->name)
			fprintf(file, "--- %s\n", s->name);
		fputs(text_string(&s->body), file);
	}
	if (fclose(file) != 0)
		complain("%s: %s", t->path, strerror(errno));
}

static void tale_check(struct tale *t, bool writing)
{
	struct section *events;
	bool shown = false;

	if (!tale_read(t))
		return;
	events = section_find(t, "events");
	if (!events) {
		complain("no section `events`");
		return;
	}
	events_read(text_string(&events->body), "section `events`", &t->events, &t->count);
	if (t->count == 0)
		complain("no event");
	if (complaints)
		return;
	check_order(t);
	check_log(t);
	check_notes(t);
	check_json(t);
	check_findings(t);
	for (struct section *s = t->sections; s; s = s->next) {
		check_section(t, s, writing);
		shown |= renderer_find(s->name) != NULL;
	}
	if (!shown)
		complain("nothing is told: no section names a renderer");
	if (writing)
		tale_write(t);
}

/* The first line of a tale says what it is about. */
static const char *title(const struct tale *t)
{
	static char line[120];
	const char *body = t->sections ? text_string(&t->sections->body) : "";
	size_t length;

	body += strspn(body, "# ");
	length = strcspn(body, "\n#");
	while (length && body[length - 1] == ' ')
		length--;
	snprintf(line, sizeof(line), "%.*s", (int)length, body);
	return line;
}

int main(int argc, char **argv)
{
	bool writing = argc > 1 && strcmp(argv[1], "--write") == 0;
	char **paths = argv + 1 + writing;
	size_t count = argc - 1 - writing;
	unsigned failed = 0;
	bool all = count == 0;
	glob_t found = { 0 };

	setlocale(LC_ALL, "C");
	if (all) {
		if (glob("tests/tales/*.tale", 0, NULL, &found) != 0) {
			printf("1..1\nnot ok 1 - there are tales in tests/tales\n");
			return 1;
		}
		paths = found.gl_pathv;
		count = found.gl_pathc;
	}
	printf("1..%zu\n", count + 2 * all);
	for (size_t i = 0; i < count; i++) {
		struct tale t = { .path = paths[i] };
		const char *name = strrchr(paths[i], '/');

		complaints = 0;
		tale_check(&t, writing);
		failed += complaints != 0;
		printf("%s %zu - %s: %s\n", complaints ? "not ok" : "ok", i + 1, name ? name + 1 : paths[i], title(&t));
		tale_free(&t);
	}
	if (all) {
		complaints = 0;
		check_rules();
		failed += complaints != 0;
		printf("%s %zu - every rule is told by a tale\n", complaints ? "not ok" : "ok", count + 1);
		complaints = 0;
		check_all_findings();
		failed += complaints != 0;
		printf("%s %zu - every finding is found in a tale\n", complaints ? "not ok" : "ok", count + 2);
	}
	globfree(&found);
	return failed ? 1 : 0;
}
