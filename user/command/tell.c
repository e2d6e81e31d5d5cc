/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale tell: a saved trace told again, by the rules and renderers of today. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/language.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/command.h"
#include "command/outfile.h"
#include "command/recording.h"
#include "render/story.h"

struct tell {
	const char *file;
	struct outfile out;
	const struct renderer *renderer;
};

enum { KEY_format = 0x100, KEY_rules };

static int find_renderer(const char *name, struct tell *t, struct argp_state *state)
{
	struct text known = TEXT_EMPTY;

	t->renderer = renderer_find(name);
	if (t->renderer)
		return 0;
	for (const struct renderer *r = renderer_table(); r->name; r++)
		text_printf(&known, " %s", r->name);
	argp_error(state, _("format '%s': not known; there are:%s"), name, text_string(&known));
	text_finish(&known);
	return EINVAL;
}

/* docs/rules.md */
static void print_rules(void)
{
	size_t count;
	const struct rule_row *rules = explain_rules(&count);

	printf("# Every explanation socktale knows\n\n"
	       "Generated from `user/explain/rule.def` by `socktale tell --rules`. Of the rules of one event and group, the first\n"
	       "that fits is told. Names in braces are filled in; `state_move` stands for the rows of `tcp_move.def`.\n");
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(rules[i].event, rules[i - 1].event) != 0)
			printf("\n## %s\n\n| rule | group | says | rests on |\n|---|---|---|---|\n", rules[i].event);
		printf("| `%s` | %s | %s | %s |\n", rules[i].id, rules[i].group, rules[i].sentence, rules[i].reference);
	}
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct tell *t = state->input;

	switch (key) {
	case KEY_format:
		return find_renderer(argument, t, state);
	case 'o':
		t->out.path = argument;
		return 0;
	case KEY_rules:
		print_rules();
		exit(EXIT_CODE_done);
	case ARGP_KEY_ARG:
		if (t->file)
			argp_error(state, _("one FILE at a time"));
		t->file = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, _("which FILE? (\"-\" reads the standard input)"));
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int tell_all(struct recording *r, struct story *s)
{
	union event_any e;
	size_t wrong = 0;
	int got, err = 0;

	while (!err && (got = recording_next(r, &e)) != 0) {
		if (got > 0)
			err = story_event(s, &e.head);
		else if (got == -EINVAL && ++wrong < 20)
			continue; /* a line that was wrong is told; the others may be right */
		else
			return -EINVAL; /* told by the reader */
	}
	return err ? err : wrong ? -EINVAL : 0;
}

static int tell_to(struct recording *r, const struct tell *t)
{
	struct renderer_options options = renderer_options_for(t->out.stream);
	struct story *s = story_create(t->renderer, &options);
	int told = tell_all(r, s);
	struct story_count count = story_count(s);
	int finished = story_finish(s);

	if (told == -EPIPE || finished == -EPIPE)
		return 0; /* the reader has seen enough */
	if (told != -EINVAL && (told || finished))
		return fail(told ? told : finished, "output '%s': cannot be written", outfile_name(&t->out));
	if (!count.events && !told)
		tell("recording '%s': holds no event", t->file);
	if (count.lost)
		tell("%llu events were lost when this was recorded", count.lost);
	if (count.forgotten)
		tell("%llu sockets were forgotten to keep memory bounded", count.forgotten);
	return told ? told : finished;
}

int command_tell(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "format", KEY_format, "NAME", 0, N_("how to tell it: text, ladder, json, log or why"), 0 },
		{ "output", 'o', "FILE", 0, N_("write to FILE instead of the standard output"), 0 },
		{ "rules", KEY_rules, NULL, 0, N_("print all explanations there are, as Markdown, and end"), 0 },
		{ 0 },
	};
	static const struct argp argp = {
		options, parse, N_("FILE"),
		N_("Tell a trace again that `socktale trace --format log -o FILE` saved. Needs no privilege."),
		NULL, NULL, NULL,
	};
	struct tell t = { .renderer = renderer_find("text") };
	struct recording *r = NULL;
	int err, closed;

	signal(SIGPIPE, SIG_IGN); /* a reader that leaves is seen as EPIPE */
	arguments_parse(&argp, argc, argv, 0, &t);
	err = recording_open(t.file, &r);
	if (err)
		return exit_code_of(err);
	err = outfile_open(&t.out, t.out.path);
	if (!err && recording_is_file(r, t.out.stream))
		arguments_refuse(N_("output"), t.out.path, N_("is the recording that is read"));
	if (!err)
		err = outfile_begin(&t.out);
	if (!err)
		err = tell_to(r, &t);
	closed = outfile_close(&t.out, err);
	recording_close(r);
	return exit_code_of(err ? err : closed);
}
