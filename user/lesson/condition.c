/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/condition.h"

#include <ctype.h>
#include <errno.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"

enum op { OP_equal, OP_unequal, OP_below, OP_above, OP_most, OP_least, OP_any, OP_contains, OP_lacks };
enum operand { OPERAND_number, OPERAND_text, OPERAND_field, OPERAND_same, OPERAND_even, OPERAND_odd };

struct test {
	const struct field *field;
	enum op op;
	enum operand operand;
	int64_t number;
	char *text;
	const struct field *other;
};

struct pattern {
	enum event_id id;
	char *who;
	struct test *tests;
	size_t count;
	uint64_t gap_least_ns, gap_most_ns; /* since the event matched before; 0: no limit */
};

static char problem[160];

static int wrong(const char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(const char **ret, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem, sizeof(problem), _(format), arguments);
	va_end(arguments);
	*ret = problem;
	return -EINVAL;
}

/* ---- reading ---- */

/* The next word of the line; double quotes hold spaces together and are taken away. Returns false at the end. */
static bool word_next(const char **at, struct text *ret)
{
	bool quoted = false;

	text_clear(ret);
	while (isspace((unsigned char)**at))
		(*at)++;
	if (!**at)
		return false;
	for (; **at && (quoted || !isspace((unsigned char)**at)); (*at)++) {
		if (**at == '"')
			quoted = !quoted;
		else
			text_char(ret, **at);
	}
	return true;
}

static bool read_duration(const char *value, int64_t *ret)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	char *end;
	double number = strtod(value, &end);

	for (size_t i = 0; end != value && i < sizeof(units) / sizeof(*units); i++) {
		if (!strcmp(end, units[i].unit)) {
			*ret = number * units[i].ns;
			return true;
		}
	}
	return false;
}

static int read_operand(struct test *t, enum event_id id, const char *value, const char **ret)
{
	union event_any scratch;
	int64_t ns;
	bool micro = t->field->kind == KIND_DURATION_US;

	if (!strcmp(value, "same") || !strcmp(value, "even") || !strcmp(value, "odd")) {
		t->operand = *value == 's' ? OPERAND_same : *value == 'e' ? OPERAND_even : OPERAND_odd;
		return 0;
	}
	t->operand = OPERAND_number;
	if (t->op != OP_contains && t->op != OP_lacks && field_is_integer(t->field)) {
		if (read_duration(value, &ns)) {
			t->number = micro ? ns / 1000 : ns;
			return 0;
		}
		event_init(&scratch, id);
		if (!kind_read(t->field, &scratch.head, value, strlen(value))) {
			t->number = field_integer(t->field, &scratch.head);
			return 0;
		}
		t->operand = OPERAND_field;
		t->other = schema_field(id, value);
		return t->other ? 0 : wrong(ret, "'%s' is no value of %s", value, t->field->name);
	}
	t->operand = OPERAND_text;
	t->text = memory_string(value);
	return 0;
}

static int read_test(struct pattern *p, const char *word, size_t name_length, const char **ret)
{
	static const struct {
		const char *sign;
		enum op op;
	} ops[] = { { "!=", OP_unequal }, { "!~", OP_lacks }, { "<=", OP_most }, { ">=", OP_least }, { "=", OP_equal },
		    { "<", OP_below },	  { ">", OP_above },  { "&", OP_any },	 { "~", OP_contains } };
	struct test t = { 0 };
	char name[64];
	size_t i;

	if (name_length >= sizeof(name))
		return wrong(ret, "'%s' is no field", word);
	memcpy(name, word, name_length);
	name[name_length] = '\0';
	t.field = schema_field(p->id, name);
	if (!t.field)
		return wrong(ret, "%s has no field '%s'", schema_get(p->id)->name, name);
	for (i = 0; i < sizeof(ops) / sizeof(*ops) && strncmp(word + name_length, ops[i].sign, strlen(ops[i].sign)); i++)
		;
	if (i == sizeof(ops) / sizeof(*ops))
		return wrong(ret, "'%s': no comparison", word);
	t.op = ops[i].op;
	if (read_operand(&t, p->id, word + name_length + strlen(ops[i].sign), ret))
		return -EINVAL;
	p->tests = memory_resize(p->tests, p->count + 1, sizeof(*p->tests));
	p->tests[p->count++] = t;
	return 0;
}

static int read_times(struct condition *c, const char *word)
{
	char *end;

	c->rule = *word == '=' ? TIMES_exactly : *word == '<' ? TIMES_below : TIMES_least;
	word += c->rule != TIMES_least;
	c->times = strtoul(word, &end, 10);
	return *end || end == word ? -EINVAL : 0;
}

/* `then`, `then<40ms`, `then>40ms` */
static int read_then(struct pattern *p, const char *word, const char **ret)
{
	int64_t ns;

	word += strlen("then");
	if (!*word)
		return 0;
	if ((*word != '<' && *word != '>') || !read_duration(word + 1, &ns))
		return wrong(ret, "'then%s': no limit of time", word);
	if (*word == '<')
		p->gap_most_ns = ns;
	else
		p->gap_least_ns = ns;
	return 0;
}

static struct pattern *pattern_add(struct condition *c)
{
	c->patterns = memory_resize(c->patterns, c->count + 1, sizeof(*c->patterns));
	c->patterns[c->count] = (struct pattern){ .id = EVENT_COUNT };
	return &c->patterns[c->count++];
}

int condition_read(struct condition *c, const char *line, const char **ret_problem)
{
	struct text word = TEXT_EMPTY;
	struct pattern *p;
	const char *at = line;
	int err = 0;

	*c = (struct condition){ .source = memory_string(line), .times = 1 };
	p = pattern_add(c);
	while (!err && word_next(&at, &word)) {
		const char *w = text_string(&word);
		size_t name = strcspn(w, "=!<>&~");

		if (!strncmp(w, "then", 4) && (!w[4] || w[4] == '<' || w[4] == '>')) {
			p = pattern_add(c);
			err = read_then(p, w, ret_problem);
		} else if (p->id == EVENT_COUNT && c->count == 1 && strchr("=<0123456789", *w)) {
			if (read_times(c, w))
				err = wrong(ret_problem, "'%s' is no number of times", w);
		} else if (p->id == EVENT_COUNT) {
			p->id = schema_find(w);
			if (p->id == EVENT_COUNT)
				err = wrong(ret_problem, "there is no event '%s'", w);
		} else if (w[name]) {
			err = read_test(p, w, name, ret_problem);
		} else if (!p->who && !p->count) {
			p->who = memory_string(w);
		} else {
			err = wrong(ret_problem, "'%s' is neither a comparison nor a program", w);
		}
	}
	if (!err && p->id == EVENT_COUNT)
		err = wrong(ret_problem, "no event is named");
	text_finish(&word);
	if (err)
		condition_finish(c);
	return err;
}

void condition_finish(struct condition *c)
{
	for (size_t i = 0; i < c->count; i++) {
		for (size_t k = 0; k < c->patterns[i].count; k++)
			free(c->patterns[i].tests[k].text);
		free(c->patterns[i].tests);
		free(c->patterns[i].who);
	}
	free(c->patterns);
	free(c->source);
	*c = (struct condition){ 0 };
}

enum event_id condition_event(const struct condition *c, size_t i)
{
	return c->patterns[i].id;
}

const char *condition_who(const struct condition *c, size_t i)
{
	return c->patterns[i].who;
}

/* ---- judging ---- */

static bool compare(enum op op, int64_t a, int64_t b)
{
	switch (op) {
	case OP_equal:
		return a == b;
	case OP_unequal:
		return a != b;
	case OP_below:
		return a < b;
	case OP_above:
		return a > b;
	case OP_most:
		return a <= b;
	case OP_least:
		return a >= b;
	case OP_any:
		return a & b;
	default:
		return false;
	}
}

/* The value as text, without the quotes of a log line. */
static void value_text(struct text *to, const struct field *f, const struct event *e)
{
	const struct event_text *t = (const void *)((const char *)e + f->offset);

	if (kind_row(f->kind)->form == FORM_TEXT)
		text_append(to, t->bytes, t->length < sizeof(t->bytes) ? t->length : sizeof(t->bytes));
	else
		kind_write(to, f, e);
}

static bool test_text(const struct test *t, const struct event *e, const char *wanted)
{
	struct text value = TEXT_EMPTY;
	bool equal, contains;

	value_text(&value, t->field, e);
	equal = !strcmp(text_string(&value), wanted);
	contains = strstr(text_string(&value), wanted);
	text_finish(&value);
	switch (t->op) {
	case OP_equal:
		return equal;
	case OP_unequal:
		return !equal;
	case OP_contains:
		return contains;
	case OP_lacks:
		return !contains;
	default:
		return false;
	}
}

static bool test_same(const struct test *t, const struct event *e, const struct event *before)
{
	const struct field *f = before ? schema_field(before->id, t->field->name) : NULL;
	struct text value = TEXT_EMPTY;
	bool holds;

	if (!f)
		return false;
	if (field_is_integer(f))
		return compare(t->op, field_integer(t->field, e), field_integer(f, before));
	value_text(&value, f, before);
	holds = test_text(t, e, text_string(&value));
	text_finish(&value);
	return holds;
}

static bool test_holds(const struct test *t, const struct event *e, const struct event *before)
{
	int64_t value;

	if (t->operand == OPERAND_text)
		return test_text(t, e, t->text);
	if (t->operand == OPERAND_same)
		return test_same(t, e, before);
	value = field_integer(t->field, e);
	switch (t->operand) {
	case OPERAND_even:
	case OPERAND_odd:
		return ((value & 1) == (t->operand == OPERAND_odd)) == (t->op == OP_equal);
	case OPERAND_field:
		return compare(t->op, value, field_integer(t->other, e));
	default:
		return compare(t->op, value, t->number);
	}
}

static bool pattern_holds(const struct pattern *p, const struct event *e, const struct event *before, condition_is *is, void *context)
{
	uint64_t gap = before ? e->time_ns - before->time_ns : 0;

	if (e->id != p->id)
		return false;
	if (before && ((p->gap_least_ns && gap < p->gap_least_ns) || (p->gap_most_ns && gap > p->gap_most_ns)))
		return false;
	for (size_t i = 0; i < p->count; i++) {
		if (!test_holds(&p->tests[i], e, before))
			return false;
	}
	return !p->who || is(e, p->who, context);
}

/* Whether patterns from `i` on are found, in order, in the events from `from` on. */
/* `ret`, where not NULL, gets the events of the patterns from `i` on. */
static bool rest_holds(const struct condition *c, size_t i, const struct history *h, size_t from, const struct event *before,
		       condition_is *is, void *context, const union event_any **ret)
{
	if (i == c->count)
		return true;
	for (size_t at = from; at < h->count; at++) {
		const struct event *e = &h->events[at]->head;

		if (c->patterns[i].gap_most_ns && before && e->time_ns > before->time_ns + c->patterns[i].gap_most_ns)
			return false;
		if (!pattern_holds(&c->patterns[i], e, before, is, context) ||
		    !rest_holds(c, i + 1, h, at + 1, e, is, context, ret))
			continue;
		if (ret)
			ret[i] = h->events[at];
		return true;
	}
	return false;
}

bool condition_holds(const struct condition *c, const struct history *h, size_t from, condition_is *is, void *context,
		     const union event_any **ret_first, unsigned *ret_found)
{
	unsigned found = 0;

	if (ret_first)
		*ret_first = NULL;
	for (size_t at = from; at < h->count; at++) {
		const struct event *e = &h->events[at]->head;

		if (!pattern_holds(&c->patterns[0], e, NULL, is, context) || !rest_holds(c, 1, h, at + 1, e, is, context, NULL))
			continue;
		if (!found++ && ret_first)
			*ret_first = h->events[at];
		if (c->rule == TIMES_least && found >= c->times && !ret_found)
			break;
	}
	if (ret_found)
		*ret_found = found;
	return c->rule == TIMES_least ? found >= c->times : c->rule == TIMES_exactly ? found == c->times : found < c->times;
}

size_t condition_series(const struct condition *c, const struct history *h, condition_is *is, void *context,
			const union event_any **ret)
{
	return rest_holds(c, 0, h, 0, NULL, is, context, ret) ? c->count : 0;
}

bool condition_may_end(const struct condition *c, const struct event *e, condition_is *is, void *context)
{
	/* What is compared with the event before is not looked at here: a single pattern has none. */
	return c->count > 1 ? e->id == c->patterns[c->count - 1].id : pattern_holds(&c->patterns[0], e, NULL, is, context);
}

void history_add(struct history *h, const struct event *e)
{
	const struct schema *s = schema_get(e->id);
	size_t size = s->size < e->size ? s->size : e->size;

	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 256;
		h->events = memory_resize(h->events, h->room, sizeof(*h->events));
	}
	h->events[h->count] = memory_create(1, s->size > sizeof(struct event) ? s->size : sizeof(struct event));
	memcpy(h->events[h->count++], e, size);
}

void history_finish(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->events[i]);
	free(h->events);
	*h = (struct history){ 0 };
}
