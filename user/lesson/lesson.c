/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/lesson.h"

#include <ctype.h>
#include <errno.h>

#include "base/error.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- lines ---- */

struct reader {
	const char *path;
	FILE *file;
	unsigned line;
	char *buffer;
	size_t room;
	struct text joined;
};

static int complain(const struct reader *r, const char *what)
{
	fail(0, "lesson '%s': line %u: %s", r->path, r->line, _(what));
	return -EINVAL;
}

/* The next line that says something, without the space around it; a backslash at its end joins the next one. NULL at the end. */
static char *line_next(struct reader *r)
{
	text_clear(&r->joined);
	for (;;) {
		ssize_t length = getline(&r->buffer, &r->room, r->file);
		char *at = r->buffer;
		bool more;

		if (length < 0)
			return r->joined.length ? r->joined.bytes : NULL;
		r->line++;
		while (length && isspace((unsigned char)at[length - 1]))
			at[--length] = '\0';
		while (isspace((unsigned char)*at))
			at++;
		if (!r->joined.length && (!*at || *at == '#'))
			continue;
		length = strlen(at);
		more = length && at[length - 1] == '\\';
		if (more)
			at[length - 1] = '\0';
		text_put(&r->joined, at);
		if (!more)
			return r->joined.bytes;
	}
}

/* Cut the first word off; returns it and leaves *at at the rest. Double quotes around a word hold its spaces together. */
static char *word_cut(char **at)
{
	bool quoted = **at == '"' && strchr(*at + 1, '"');
	char *word = *at += quoted;

	*at += quoted ? strcspn(*at, "\"") : strcspn(*at, " \t");
	if (**at)
		*(*at)++ = '\0';
	while (isspace((unsigned char)**at))
		(*at)++;
	return word;
}

/* ---- sayings ---- */

static const char *const language_names[LANGUAGES] = { "en", "zh" };

const char *saying_in(const struct saying *s, enum language language)
{
	return s->in[language] ? s->in[language] : s->in[LANGUAGE_en] ? s->in[LANGUAGE_en] : "";
}

static void saying_finish(struct saying *s)
{
	for (int i = 0; i < LANGUAGES; i++)
		free(s->in[i]);
}

static void saying_set(struct saying *s, enum language language, const char *text)
{
	free(s->in[language]);
	s->in[language] = memory_string(text);
}

/* ---- steps ---- */

static struct step *step_add(struct scene *s, enum step_kind kind, unsigned line)
{
	s->steps = memory_resize(s->steps, s->step_count + 1, sizeof(*s->steps));
	s->steps[s->step_count] = (struct step){ .kind = kind, .line = line };
	return &s->steps[s->step_count++];
}

static int step_words(struct step *s, char *rest, unsigned least)
{
	while (*rest && s->word_count < sizeof(s->words) / sizeof(*s->words) - 1)
		s->words[s->word_count++] = memory_string(word_cut(&rest));
	return *rest || s->word_count < least ? -EINVAL : 0;
}

static int read_wait(struct reader *r, struct step *s, char *rest)
{
	const char *problem;
	char *end;

	s->seconds = strtod(rest, &end);
	if (end != rest && *end == 's' && isspace((unsigned char)end[1]))
		rest = end + 2;
	else
		s->seconds = 10;
	return condition_read(&s->condition, rest, &problem) ? complain(r, problem) : 0;
}

static int read_step(struct reader *r, struct scene *scene, enum step_kind kind, char *rest)
{
	struct step *s = step_add(scene, kind, r->line);
	char *end;

	switch (kind) {
	case STEP_host:
		return step_words(s, rest, 1) ? complain(r, "host NAME") : 0;
	case STEP_link:
		return step_words(s, rest, 4) ? complain(r, "link HOST ADDRESS/LEN HOST ADDRESS/LEN") : 0;
	case STEP_sysctl:
		s->words[s->word_count++] = memory_string(word_cut(&rest));
		s->words[s->word_count++] = memory_string(word_cut(&rest));
		s->text = memory_string(rest);
		return *rest ? 0 : complain(r, "sysctl HOST NAME VALUE");
	case STEP_shell:
		s->quiet = *rest == '-' && rest[1] == ' ';
		rest += s->quiet ? 2 : 0;
		s->words[s->word_count++] = memory_string(word_cut(&rest));
		s->text = memory_string(rest);
		return *rest ? 0 : complain(r, "shell HOST COMMAND");
	case STEP_run:
		return step_words(s, rest, 3) ? complain(r, "run NAME HOST PROGRAM [ARGUMENT...]") : 0;
	case STEP_type:
		s->words[s->word_count++] = memory_string(word_cut(&rest));
		s->text = memory_string(rest);
		return 0;
	case STEP_eof:
		return step_words(s, rest, 1) ? complain(r, "eof NAME") : 0;
	case STEP_signal:
		return step_words(s, rest, 2) ? complain(r, "signal NAME SIGNAL") : 0;
	case STEP_wait:
		return read_wait(r, s, rest);
	case STEP_pause:
		s->seconds = strtod(rest, &end);
		return end == rest || *end ? complain(r, "pause SECONDS") : 0;
	case STEP_say:
		saying_set(&s->saying, LANGUAGE_en, rest);
		return 0;
	}
	return -EINVAL;
}

static void step_finish(struct step *s)
{
	for (unsigned i = 0; i < s->word_count; i++)
		free(s->words[i]);
	free(s->text);
	saying_finish(&s->saying);
	condition_finish(&s->condition);
}

/* ---- evidence ---- */

static int read_evidence(struct reader *r, struct scene *s, unsigned claim, bool never, char *rest)
{
	struct evidence e = { .line = r->line, .never = never, .claim = claim };
	const char *problem;

	if (!strncmp(rest, "functions: ", 11)) {
		e.needs_functions = true;
		rest += 11;
	}
	if (condition_read(&e.condition, rest, &problem))
		return complain(r, problem);
	s->evidence = memory_resize(s->evidence, s->evidence_count + 1, sizeof(*s->evidence));
	s->evidence[s->evidence_count++] = e;
	return 0;
}

/* hide EVENT... or PROGRAM:EVENT */
static int read_hidden(struct reader *r, struct scene *s, char *rest)
{
	while (*rest) {
		char *name = word_cut(&rest), *colon = strchr(name, ':');
		enum event_id id = schema_find(colon ? colon + 1 : name);

		if (id == EVENT_COUNT)
			return complain(r, "hide [PROGRAM:]EVENT...");
		if (colon)
			*colon = '\0';
		s->hidden = memory_resize(s->hidden, s->hidden_count + 1, sizeof(*s->hidden));
		s->hidden[s->hidden_count++] = (struct hiding){ .id = id, .who = colon ? memory_string(name) : NULL };
	}
	return 0;
}

static bool read_port(uint16_t *ret, const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	*ret = number;
	return *word && !*end && number > 0 && number < 65536;
}

/* bar send|receive|accept|requests|time-wait NAME, bar underway NAME NAME, bar ports NAME FIRST LAST */
static int read_bar(struct reader *r, struct scene *s, char *rest)
{
	struct bar b = { .kind = gauge_kind_find(word_cut(&rest)) };
	const char *who = word_cut(&rest), *to = "";
	bool good = b.kind < GAUGE_KINDS && *who;

	if (b.kind == GAUGE_underway)
		good &= *(to = word_cut(&rest)) != '\0';
	if (good && b.kind == GAUGE_ports)
		good = read_port(&b.first, word_cut(&rest)) && read_port(&b.last, word_cut(&rest)) && b.first <= b.last;
	if (!good || *rest)
		return complain(r, "bar send|receive|accept|requests|time-wait NAME, bar underway NAME READER, or bar ports NAME FIRST LAST");
	b.who = memory_string(who);
	b.to = memory_string(to);
	s->bars = memory_resize(s->bars, s->bar_count + 1, sizeof(*s->bars));
	s->bars[s->bar_count++] = b;
	return 0;
}

/* needs PROGRAM..., right PROGRAM...: at most `room` - 1 of them. */
static int read_names(struct reader *r, char **names, size_t room, char *rest)
{
	size_t count = 0;

	while (count < room && names[count])
		count++;
	for (; *rest; count++) {
		if (count == room - 1)
			return complain(r, "too many names");
		names[count] = memory_string(word_cut(&rest));
	}
	return 0;
}

static void scene_finish(struct scene *s)
{
	for (size_t i = 0; s->needs[i]; i++)
		free(s->needs[i]);
	for (size_t i = 0; s->right[i]; i++)
		free(s->right[i]);
	for (size_t i = 0; i < s->step_count; i++)
		step_finish(&s->steps[i]);
	for (size_t i = 0; i < s->evidence_count; i++) {
		saying_finish(&s->evidence[i].saying);
		condition_finish(&s->evidence[i].condition);
	}
	for (size_t i = 0; i < s->hidden_count; i++)
		free(s->hidden[i].who);
	free(s->steps);
	free(s->evidence);
	for (size_t i = 0; i < s->bar_count; i++) {
		free(s->bars[i].who);
		free(s->bars[i].to);
	}
	free(s->hidden);
	free(s->bars);
	free(s->name);
	saying_finish(&s->title);
}

/* ---- the file ---- */

static const struct {
	const char *word;
	enum step_kind kind;
} step_words_table[] = {
	{ "host", STEP_host }, { "link", STEP_link },	{ "sysctl", STEP_sysctl }, { "shell", STEP_shell },
	{ "run", STEP_run },   { "type", STEP_type },	{ "eof", STEP_eof },	   { "signal", STEP_signal },
	{ "wait", STEP_wait }, { "pause", STEP_pause }, { "say", STEP_say },
};

enum { STEP_WORDS = sizeof(step_words_table) / sizeof(*step_words_table) };

/* What is being read: the scene, the claim that evidence speaks for, and what a translation belongs to. */
struct place {
	struct lesson *lesson;
	struct scene *scene;
	unsigned claim;
	struct saying *last;
};

static int read_line(struct reader *r, struct place *p, char *word, char *rest)
{
	struct lesson *l = p->lesson;
	struct saying *of_lesson = !strcmp(word, "title")   ? &l->title
				   : !strcmp(word, "aim")   ? &l->aim
				   : !strcmp(word, "end")   ? &l->end
				   : !strcmp(word, "read")  ? &l->read_on
							    : NULL;
	bool full = p->scene && !strcmp(word, "full");
	char *end;

	if (full)
		word = word_cut(&rest);
	for (int i = 0; i < LANGUAGES; i++) {
		if (!strcmp(word, language_names[i])) {
			if (!p->last)
				return complain(r, "a translation of nothing");
			saying_set(p->last, i, rest);
			return 0;
		}
	}
	if (of_lesson) {
		saying_set(of_lesson, LANGUAGE_en, rest);
		p->last = of_lesson;
		return 0;
	}
	if (!strcmp(word, "scene")) {
		l->scenes = memory_resize(l->scenes, l->scene_count + 1, sizeof(*l->scenes));
		p->scene = &l->scenes[l->scene_count++];
		*p->scene = (struct scene){ .line = r->line, .name = memory_string(word_cut(&rest)) };
		saying_set(&p->scene->title, LANGUAGE_en, rest);
		p->last = &p->scene->title;
		p->claim = 0;
		return 0;
	}
	if (!p->scene)
		return complain(r, "expected title, aim, end, read or scene");
	if (!strcmp(word, "hide"))
		return read_hidden(r, p->scene, rest);
	if (!strcmp(word, "needs"))
		return read_names(r, p->scene->needs, sizeof(p->scene->needs) / sizeof(*p->scene->needs), rest);
	if (!strcmp(word, "right"))
		return read_names(r, p->scene->right, sizeof(p->scene->right) / sizeof(*p->scene->right), rest);
	if (!strcmp(word, "bar"))
		return read_bar(r, p->scene, rest);
	if (!strcmp(word, "claim")) {
		p->claim = *rest == 'C' ? strtoul(rest + 1, &end, 10) : 0;
		return p->claim && !*end ? 0 : complain(r, "claim CNUMBER");
	}
	if (!strcmp(word, "see") || !strcmp(word, "never")) {
		int err = read_evidence(r, p->scene, p->claim, *word == 'n', rest);

		p->last = err ? NULL : &p->scene->evidence[p->scene->evidence_count - 1].saying;
		if (!err)
			p->scene->evidence[p->scene->evidence_count - 1].full = full;
		return err;
	}
	for (int i = 0; i < STEP_WORDS; i++) {
		if (!strcmp(word, step_words_table[i].word)) {
			int err = read_step(r, p->scene, step_words_table[i].kind, rest);

			p->last = &p->scene->steps[p->scene->step_count - 1].saying;
			p->scene->steps[p->scene->step_count - 1].full = full;
			return err;
		}
	}
	return complain(r, "begins with no word of this format");
}

/* NN-name.lesson */
static void name_lesson(struct lesson *l, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *dot;
	char *end;

	l->path = memory_string(path);
	l->number = strtoul(base, &end, 10);
	if (*end == '-')
		end++;
	dot = strrchr(end, '.');
	l->name = memory_string(end);
	if (dot)
		l->name[dot - end] = '\0';
}

int lesson_read(struct lesson *ret, const char *path)
{
	struct reader r = { .path = path, .file = fopen(path, "re") };
	struct lesson l = { 0 };
	struct place p = { .lesson = &l };
	char *line;
	int err = 0;

	if (!r.file)
		return fail(-errno, "lesson '%s': cannot be read", path);
	name_lesson(&l, path);
	while (!err && (line = line_next(&r))) {
		char *word = word_cut(&line);

		err = read_line(&r, &p, word, line);
	}
	if (!err && !l.scene_count)
		err = fail(-EINVAL, "lesson '%s': has no scene", path);
	fclose(r.file);
	free(r.buffer);
	text_finish(&r.joined);
	if (err)
		lesson_finish(&l);
	else
		*ret = l;
	return err;
}

void lesson_finish(struct lesson *l)
{
	for (size_t i = 0; i < l->scene_count; i++)
		scene_finish(&l->scenes[i]);
	free(l->scenes);
	saying_finish(&l->title);
	saying_finish(&l->aim);
	saying_finish(&l->end);
	saying_finish(&l->read_on);
	free(l->path);
	free(l->name);
	*l = (struct lesson){ 0 };
}

/* ---- the claims ---- */

/* C12 imprecise 1 TEXT */
static int read_claim(struct reader *r, struct claims *c, char *word, char *rest)
{
	static const char *const verdicts[VERDICTS] = { "true", "imprecise", "outdated", "wrong", "platform-dependent" };
	struct claim row = { 0 };
	char *end, *verdict = word_cut(&rest), *lesson = word_cut(&rest);

	row.number = *word == 'C' ? strtoul(word + 1, &end, 10) : 0;
	if (!row.number || *end)
		return complain(r, "does not begin with the number of a claim");
	while (row.verdict < VERDICTS && strcmp(verdict, verdicts[row.verdict]) != 0)
		row.verdict++;
	row.lesson = strtoul(lesson, &end, 10);
	if (row.verdict == VERDICTS || *end || !row.lesson || !*rest)
		return complain(r, "CNUMBER VERDICT LESSON TEXT");
	saying_set(&row.saying, LANGUAGE_en, rest);
	c->rows = memory_resize(c->rows, c->count + 1, sizeof(*c->rows));
	c->rows[c->count++] = row;
	return 0;
}

int claims_read(struct claims *ret, const char *path)
{
	struct reader r = { .path = path, .file = fopen(path, "re") };
	struct claims c = { 0 };
	char *line;
	int err = 0;

	if (!r.file)
		return fail(-errno, "claims '%s': cannot be read", path);
	while (!err && (line = line_next(&r))) {
		char *word = word_cut(&line);

		if (!strcmp(word, "zh") && c.count)
			saying_set(&c.rows[c.count - 1].saying, LANGUAGE_zh, line);
		else
			err = read_claim(&r, &c, word, line);
	}
	fclose(r.file);
	free(r.buffer);
	text_finish(&r.joined);
	if (err)
		claims_finish(&c);
	else
		*ret = c;
	return err;
}

void claims_finish(struct claims *c)
{
	for (size_t i = 0; i < c->count; i++)
		saying_finish(&c->rows[i].saying);
	free(c->rows);
	*c = (struct claims){ 0 };
}

const struct claim *claims_find(const struct claims *c, unsigned number)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->rows[i].number == number)
			return &c->rows[i];
	}
	return NULL;
}
