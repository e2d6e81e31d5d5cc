/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>

#include "base/language.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/command.h"
#include "render/json.h"
#include "event/name.h"
#include "event/schema.h"

enum output { OUTPUT_table, OUTPUT_json_schema, OUTPUT_markdown };

struct request {
	enum output output;
	unsigned int wanted; /* how many events were named */
	bool is_wanted[EVENT_COUNT];
};

static bool wants(const struct request *request, enum event_id id)
{
	return !request->wanted || request->is_wanted[id];
}

/* ---- for a person at a terminal ---- */

static void table_fields(struct text *to, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_printf(to, "    %-16s %-13s %s\n", fields[i].name, kind_row(fields[i].kind)->name, _(fields[i].meaning));
}

static void table(struct text *to, const struct request *request)
{
	const struct field *head;
	const char *group = "";
	size_t count;

	head = schema_head(&count);
	if (!request->wanted) {
		text_printf(to, "%s\n", _("every event carries"));
		table_fields(to, head, count);
	}
	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *schema = schema_get(id);

		if (!wants(request, id))
			continue;
		if (strcmp(group, schema->group))
			text_printf(to, "%s[%s]\n", to->length ? "\n" : "", schema->group);
		group = schema->group;
		text_printf(to, "\n  %s: %s", schema->name, _(schema->meaning));
		text_printf(to, strcmp(schema->source, "-") ? " (%s)\n" : "\n", schema->source);
		table_fields(to, schema->fields, schema->field_count);
	}
}

/* ---- for docs/events.md ---- */

/* A cell of a table: '|' would end it. */
static void put_cell(struct text *to, const char *string)
{
	for (; *string; string++) {
		if (*string == '|')
			text_char(to, '\\');
		text_char(to, *string);
	}
}

static void markdown_fields(struct text *to, const struct field *fields, size_t count)
{
	text_put(to, "\n| field | kind | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		const char *kind = kind_row(fields[i].kind)->name;

		text_printf(to, "| `%s` | [%s](#kind-", fields[i].name, kind);
		for (; *kind; kind++)
			text_char(to, *kind >= 'A' && *kind <= 'Z' ? *kind - 'A' + 'a' : *kind);
		text_put(to, ") | ");
		put_cell(to, fields[i].meaning);
		text_put(to, " |\n");
	}
}

/* The events of a group stand together in the list; a group may begin again further down. */
static void markdown_events(struct text *to)
{
	const char *group = "";

	for (unsigned int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *schema = schema_get(id);

		if (strcmp(group, schema->group))
			text_printf(to, "\n## %s\n", schema->group);
		group = schema->group;
		text_printf(to, "\n### %s\n\n%s.", schema->name, schema->meaning);
		text_printf(to, strcmp(schema->source, "-") ? " First told by `%s`.\n" : "\n", schema->source);
		markdown_fields(to, schema->fields, schema->field_count);
	}
}

static void markdown_names(struct text *to, enum kind kind)
{
	const struct name_row *row;
	size_t count;

	row = name_rows(kind, &count);
	if (!count || kind == KIND_EVENT_ID)
		return;
	if (kind == KIND_ERRNO) {
		text_put(to, "\nThe names of errno(3), and those the kernel keeps to itself (ERESTARTSYS and the like).\n");
		return;
	}
	text_put(to, "\n| value | name | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		if (kind_row(kind)->form == FORM_FLAGS)
			text_printf(to, "| 0x%llx | `%s` | ", (unsigned long long)row[i].value, row[i].name);
		else
			text_printf(to, "| %lld | `%s` | ", (long long)row[i].value, row[i].name);
		if (strcmp(row[i].name, row[i].word))
			text_printf(to, "%s: ", row[i].word);
		put_cell(to, row[i].meaning);
		text_put(to, " |\n");
	}
}

static void markdown(struct text *to)
{
	const struct field *head;
	size_t count;

	head = schema_head(&count);
	text_put(to, "# Events\n\n"
		     "Written by `socktale events --markdown` from `bpf/event.def`, `user/event/kind.def` and\n"
		     "`user/event/name.def`; `make docs` writes it anew.\n\n"
		     "As a log line an event is `SECONDS.NANOS comm/pid EVENT KEY=VALUE ...`, as JSON one object\n"
		     "(`socktale events --json-schema`).\n\n## Every event\n");
	markdown_fields(to, head, count);
	markdown_events(to);
	text_put(to, "\n## Kinds of value\n");
	for (enum kind kind = 0; kind < KINDS; kind++) {
		text_printf(to, "\n### kind %s\n\n%s.\n", kind_row(kind)->name, kind_row(kind)->meaning);
		markdown_names(to, kind);
	}
}

/* ---- the command ---- */

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct request *request = state->input;
	enum event_id id;

	switch (key) {
	case 'j':
		request->output = OUTPUT_json_schema;
		return 0;
	case 'm':
		request->output = OUTPUT_markdown;
		return 0;
	case ARGP_KEY_ARG:
		id = schema_find(argument);
		if (id == EVENT_COUNT) {
			fail(0, "event '%s': there is none of that name", argument);
			hint("socktale events lists them");
			exit(EXIT_CODE_usage);
		}
		request->wanted += !request->is_wanted[id];
		request->is_wanted[id] = true;
		return 0;
	case ARGP_KEY_END:
		if (request->wanted && request->output != OUTPUT_table)
			argp_error(state, _("--json-schema and --markdown always tell all events"));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_events(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json-schema", 'j', NULL, 0, N_("the JSON schema (draft 2020-12) of --format json"), 0 },
		{ "markdown", 'm', NULL, 0, N_("the page docs/events.md"), 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = N_("[EVENT...]"),
		.doc = N_("List every event and field, with kind, meaning and unit."),
	};
	struct request request = { 0 };
	struct text page = TEXT_EMPTY;
	int err = 0;

	arguments_parse(&argp, argc, argv, 0, &request);
	switch (request.output) {
	case OUTPUT_table:
		table(&page, &request);
		break;
	case OUTPUT_json_schema:
		rendered_schema(&page);
		break;
	case OUTPUT_markdown:
		markdown(&page);
		break;
	}
	signal(SIGPIPE, SIG_IGN);
	if (fwrite(page.bytes, 1, page.length, stdout) != page.length || fflush(stdout))
		err = errno == EPIPE ? 0 : fail(-errno, "standard output: cannot write");
	text_finish(&page);
	return exit_code_of(err);
}
