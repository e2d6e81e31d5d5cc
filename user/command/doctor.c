/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale doctor: what this kernel offers, per event, and a self-test that events really arrive, with the right owner. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/text.h"
#include "command/command.h"
#include "command/examination.h"
#include "event/name.h"
#include "render/column.h"
#include "render/renderer.h"

struct doctor {
	struct examination x;
	struct kernel kernel;
	const char *missing; /* capability, or NULL */
	bool json, verbose;
};

struct hook_list {
	struct examination *x;
	struct text *to;
	bool with_runs;
};

static void put_hook(struct hook *h, struct door *door, void *context)
{
	struct hook_list *list = context;
	long long runs = list->with_runs && door ? examination_runs(list->x, door->program) : -1;

	if (list->to->length)
		text_put(list->to, ", ");
	text_put(list->to, h->target);
	if (door)
		text_printf(list->to, " (%s%s)", door->kind, runs ? "" : ", never ran");
}

static void hooks_of(struct examination *x, enum event_id id, bool with_runs, struct text *to)
{
	struct hook_list list = { x, to, with_runs && x->tested && x->counted };

	doors_each_hook(probe_doors(x->probe), id, put_hook, &list);
}

/* ---- for a person ---- */

struct page {
	struct text text;
	unsigned width;
};

static void fold(struct page *page, const char *first, const char *again, const char *string)
{
	unsigned indent = column_count(first) > column_count(again) ? column_count(first) : column_count(again);

	column_fold(&page->text, string, first, again, page->width > indent + 20 ? page->width - indent : 20);
}

static const struct {
	unsigned bit;
	const char *name, *use;
} capabilities[] = {
	{ 21, "CAP_SYS_ADMIN", "contains the next two; kprobes and network namespaces need it" },
	{ 39, "CAP_BPF", "loads programs" },
	{ 38, "CAP_PERFMON", "attaches them to kernel functions and tracepoints" },
	{ 12, "CAP_NET_ADMIN", "the lessons' virtual networks" },
	{ 24, "CAP_SYS_RESOURCE", "before Linux 5.11: memory for maps" },
	{ 34, "CAP_SYSLOG", "addresses of kernel symbols" },
};

enum { CAPABILITIES = sizeof(capabilities) / sizeof(*capabilities) };

static unsigned long long effective_capabilities(void)
{
	unsigned long long bits = 0;
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &bits) == 1)
			break;
	if (f)
		fclose(f);
	return bits;
}

struct door_kind {
	const char *name, *use;
	bool offered;
	int error;
};

enum { DOOR_KINDS = 4 };

static void door_kinds(const struct kernel *k, struct door_kind ret[DOOR_KINDS])
{
	ret[0] = (struct door_kind){ "fentry", "functions, by trampoline", k->fentry, k->fentry_error };
	ret[1] = (struct door_kind){ "kprobe", "functions, by breakpoint", k->kprobe, k->kprobe_error };
	ret[2] = (struct door_kind){ "tp_btf", "tracepoints, typed", k->tp_btf, k->tp_btf_error };
	ret[3] = (struct door_kind){ "raw_tp", "tracepoints, raw", k->raw_tp, k->raw_tp_error };
}

static void page_kernel(struct page *page, const struct doctor *d)
{
	const struct kernel *k = &d->kernel;
	unsigned long long effective = effective_capabilities();
	struct door_kind doors[DOOR_KINDS];
	struct text line = TEXT_EMPTY;
	struct utsname u;

	uname(&u);
	text_printf(&page->text, "kernel  Linux %s, %s\n", k->release, u.machine);
	text_printf(&page->text, "BTF     %s%s\n", k->btf ? "yes" : "no: ", k->btf ? "" : strerror(-k->btf_error));
	for (int i = 0; i < CAPABILITIES; i++)
		text_printf(&line, "%s%s %s", i ? ", " : "", capabilities[i].name,
			    effective & (1ULL << capabilities[i].bit) ? "yes" : "no");
	fold(page, "rights  ", "        ", text_string(&line));
	if (d->missing)
		text_printf(&page->text, "        %s is missing: nothing can be traced\n", d->missing);
	door_kinds(k, doors);
	for (int i = 0; i < DOOR_KINDS; i++)
		text_printf(&page->text, "%s%-6s  %-25s  %s%s\n", i ? "        " : "doors   ", doors[i].name, doors[i].use,
			    doors[i].offered ? "yes" : "no: ", doors[i].offered ? "" : strerror(-doors[i].error));
	if (!k->fentry && !k->kprobe && (k->tp_btf || k->raw_tp))
		text_put(&page->text, "        no functions here: all events come from tracepoints\n");
	text_finish(&line);
}

/* Where the kernel refuses functions altogether, that is said once and not for each event. */
static bool has_functions(const struct examination *x)
{
	return probe_kernel(x->probe)->fentry || probe_kernel(x->probe)->kprobe;
}

static void page_event(struct page *page, struct examination *x, enum event_id id)
{
	const struct source *s = &probe_doors(x->probe)->sources[id];
	struct text hooks = TEXT_EMPTY;
	char first[64];

	snprintf(first, sizeof(first), "%-19s %-11s ", schema_get(id)->name, s->plane ? name_of(KIND_PLANE, s->plane) : "-");
	if (x->tested)
		snprintf(first + strlen(first), sizeof(first) - strlen(first), "%6llu  ", x->seen[id]);
	if (id == EVENT_lost)
		text_put(&hooks, "told by socktale itself, from counts of the kernel side");
	else if (s->plane)
		hooks_of(x, id, true, &hooks);
	else if (s->refused[0])
		text_put(&hooks, "not told on this kernel");
	else
		text_printf(&hooks, "not told by socktale " VERSION);
	fold(page, first, x->tested ? "                                        " : "                                ",
	     text_string(&hooks));
	text_clear(&hooks);
	if (s->refused[0] && (s->plane != PLANE_tracepoints || has_functions(x))) {
		text_printf(&hooks, "%s%s", s->plane ? "first choice missing: " : "missing: ", s->refused);
		fold(page, "    ", "      ", text_string(&hooks));
	}
	if (s->cost) {
		text_clear(&hooks);
		text_printf(&hooks, "cost: %s", s->cost);
		fold(page, "    ", "      ", text_string(&hooks));
	}
	text_finish(&hooks);
}

static void page_events(struct page *page, struct examination *x)
{
	text_printf(&page->text, "\n%-19s %-11s %shooks and doors\n", "event", "plane", x->tested ? "  seen  " : "");
	for (int id = 0; id < EVENT_COUNT; id++)
		page_event(page, x, id);
}

static void page_missing(struct page *page, struct examination *x, int i)
{
	static const char *const sides[] = { " of the client", " of the server", "" };
	const struct expectation *w = &expectations[i];
	struct text line = TEXT_EMPTY, hooks = TEXT_EMPTY;

	hooks_of(x, w->event, true, &hooks);
	text_printf(&line, "%s: no %s", w->sentence, schema_get(w->event)->name);
	if (w->field) {
		const struct field *f = schema_field(w->event, w->field);
		union event_any example;

		text_printf(&line, " with %s=", w->field);
		event_init(&example, w->event);
		field_set_integer(f, &example.head, w->value);
		kind_write(&line, f, &example.head);
	}
	text_printf(&line, "%s arrived (of that name: %llu); it hangs on %s", sides[w->side], x->seen[w->event], text_string(&hooks));
	fold(page, "  MISSING  ", "           ", text_string(&line));
	text_finish(&hooks);
	text_finish(&line);
}

static void page_never_ran(struct page *page, struct examination *x)
{
	struct text line = TEXT_EMPTY;
	unsigned count = 0;

	for (size_t i = 0; x->counted && i < x->program_count; i++)
		if (!x->programs[i].runs)
			text_printf(&line, "%s %s", count++ ? "," : "attached, but never ran:", x->programs[i].name);
	if (count)
		fold(page, "  ", "    ", text_string(&line));
	text_finish(&line);
}

static void page_test(struct page *page, struct examination *x, bool verbose)
{
	unsigned told = 0, seen = 0;

	for (int i = 0; i < EXPECTATIONS; i++) {
		told += examination_tells(x, expectations[i].event);
		seen += examination_verdict(x, i) == VERDICT_seen;
	}
	text_printf(&page->text, "\nself-test: two processes in %s, %.1f s, %llu events\n",
		    x->scene.own_netns ? "a network namespace of their own" : "this network namespace", x->seconds, x->all);
	for (int i = 0; i < EXPECTATIONS; i++) {
		enum verdict v = examination_verdict(x, i);

		if (v == VERDICT_missing)
			page_missing(page, x, i);
		else if (verbose)
			text_printf(&page->text, "  %-9s  %s (%s, %llu)\n", v == VERDICT_seen ? "seen" : "not told",
				    expectations[i].sentence, schema_get(expectations[i].event)->name, x->met[i]);
	}
	page_never_ran(page, x);
	if (x->scene.trouble[0])
		text_printf(&page->text, "  the patient could not do all: %s\n", x->scene.trouble);
	if (x->counts.lost[LOSS_ring_full] || x->counts.lost[LOSS_map_full])
		text_printf(&page->text, "  LOST     %llu events, %llu owners\n", x->counts.lost[LOSS_ring_full],
			    x->counts.lost[LOSS_map_full]);
	if (x->wrong_owner)
		text_printf(&page->text, "  WRONG    %llu events name the wrong owner; %s\n", x->wrong_owner, x->wrong);
	if (x->no_owner)
		text_printf(&page->text, "  UNKNOWN  %llu events of the patient's sockets name no owner; %s\n", x->no_owner,
			    x->unknown);
	if (x->remedy.length) {
		struct text line = TEXT_EMPTY;

		text_printf(&line, "--plane tracepoints was tried too, and tells: %s", text_string(&x->remedy));
		fold(page, "  remedy   ", "           ", text_string(&line));
		text_finish(&line);
	}
	text_printf(&page->text, "  %u of %u things that must be seen were seen%s\n", seen, told,
		    x->wrong_owner || x->no_owner ? "" : "; every owner is right");
}

/* ---- for a program ---- */

static void json_string(struct text *to, const char *key, const char *value)
{
	text_printf(to, "\"%s\":", key);
	if (value && *value)
		text_json(to, value, strlen(value));
	else
		text_put(to, "null");
}

static void json_kernel(struct text *to, const struct doctor *d)
{
	unsigned long long effective = effective_capabilities();
	struct door_kind doors[DOOR_KINDS];
	struct utsname u;

	uname(&u);
	text_put(to, "{\"kernel\":{");
	json_string(to, "release", d->kernel.release);
	text_char(to, ',');
	json_string(to, "machine", u.machine);
	text_printf(to, ",\"btf\":%s},\"capabilities\":{", d->kernel.btf ? "true" : "false");
	for (int i = 0; i < CAPABILITIES; i++)
		text_printf(to, "%s\"%s\":%s", i ? "," : "", capabilities[i].name,
			    effective & (1ULL << capabilities[i].bit) ? "true" : "false");
	text_put(to, "},");
	json_string(to, "missing_capability", d->missing);
	text_put(to, ",\"doors\":{");
	door_kinds(&d->kernel, doors);
	for (int i = 0; i < DOOR_KINDS; i++) {
		text_printf(to, "%s\"%s\":{\"offered\":%s,", i ? "," : "", doors[i].name, doors[i].offered ? "true" : "false");
		json_string(to, "reason", doors[i].offered ? NULL : strerror(-doors[i].error));
		text_char(to, '}');
	}
	text_char(to, '}');
}

struct json_hooks {
	struct examination *x;
	struct text *to;
	unsigned count;
};

static void json_hook(struct hook *h, struct door *door, void *context)
{
	struct json_hooks *list = context;
	long long runs = door && list->x->counted ? examination_runs(list->x, door->program) : -1;

	text_put(list->to, list->count++ ? ",{" : "{");
	json_string(list->to, "target", h->target);
	text_char(list->to, ',');
	json_string(list->to, "door", door ? door->kind : NULL);
	text_put(list->to, ",\"runs\":");
	if (runs < 0)
		text_put(list->to, "null}");
	else
		text_printf(list->to, "%lld}", runs);
}

static void json_events(struct text *to, struct examination *x)
{
	text_put(to, ",\"events\":[");
	for (int id = 0; id < EVENT_COUNT; id++) {
		const struct source *s = &probe_doors(x->probe)->sources[id];
		struct json_hooks list = { x, to, 0 };

		text_put(to, id ? ",{" : "{");
		json_string(to, "event", schema_get(id)->name);
		text_char(to, ',');
		json_string(to, "plane", s->plane ? name_of(KIND_PLANE, s->plane) : NULL);
		text_put(to, ",\"hooks\":[");
		doors_each_hook(probe_doors(x->probe), id, json_hook, &list);
		text_put(to, "],");
		json_string(to, "missing", s->refused);
		text_char(to, ',');
		json_string(to, "cost", s->cost);
		text_put(to, ",\"seen\":");
		if (x->tested)
			text_printf(to, "%llu}", x->seen[id]);
		else
			text_put(to, "null}");
	}
	text_char(to, ']');
}

static void json_test(struct text *to, struct examination *x)
{
	static const char *const words[] = { "seen", "missing", "not told" };

	text_printf(to, ",\"test\":{\"own_netns\":%s,\"seconds\":%.3f,\"events\":%llu,\"expectations\":[",
		    x->scene.own_netns ? "true" : "false", x->seconds, x->all);
	for (int i = 0; i < EXPECTATIONS; i++) {
		text_put(to, i ? ",{" : "{");
		json_string(to, "what", expectations[i].sentence);
		text_char(to, ',');
		json_string(to, "event", schema_get(expectations[i].event)->name);
		text_char(to, ',');
		json_string(to, "side", expectations[i].side == SERVER ? "server" : expectations[i].side == CLIENT ? "client" : NULL);
		text_printf(to, ",\"verdict\":\"%s\",\"seen\":%llu}", words[examination_verdict(x, i)], x->met[i]);
	}
	text_put(to, "],\"never_ran\":");
	if (x->counted) {
		unsigned count = 0;

		text_char(to, '[');
		for (size_t i = 0; i < x->program_count; i++) {
			if (x->programs[i].runs)
				continue;
			text_put(to, count++ ? "," : "");
			text_json(to, x->programs[i].name, strlen(x->programs[i].name));
		}
		text_char(to, ']');
	} else {
		text_put(to, "null");
	}
	text_printf(to, ",\"wrong_owner\":%llu,\"no_owner\":%llu,\"lost\":%llu,", x->wrong_owner, x->no_owner,
		    x->counts.lost[LOSS_ring_full] + x->counts.lost[LOSS_map_full]);
	json_string(to, "first_wrong", x->wrong);
	text_char(to, ',');
	json_string(to, "first_unknown", x->unknown);
	text_char(to, ',');
	json_string(to, "trouble", x->scene.trouble);
	text_char(to, ',');
	json_string(to, "tracepoints_tell", text_string(&x->remedy));
	text_printf(to, ",\"ok\":%s}", x->failed ? "false" : "true");
}

/* ---- the command ---- */

enum { KEY_JSON = 0x400, KEY_NO_TEST, KEY_PLANE };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "one JSON object instead of a page", 0 },
	{ "no-test", KEY_NO_TEST, NULL, 0, "leave the self-test out", 0 },
	{ "plane", KEY_PLANE, "functions|tracepoints", 0, "examine this plane only, where an event has a choice", 0 },
	{ "verbose", 'v', NULL, 0, "say of each thing the self-test does whether it was seen", 0 },
	{ 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct doctor *d = state->input;

	switch (key) {
	case KEY_JSON:
		d->json = true;
		return 0;
	case KEY_NO_TEST:
		d->x.test = false;
		return 0;
	case 'v':
		d->verbose = true;
		return 0;
	case KEY_PLANE:
		if (!strcmp(argument, "functions"))
			d->x.plane = PLANE_functions;
		else if (!strcmp(argument, "tracepoints"))
			d->x.plane = PLANE_tracepoints;
		else
			argp_error(state, "--plane is functions or tracepoints, not '%s'", argument);
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int page_print(struct page *page)
{
	int err = 0;

	signal(SIGPIPE, SIG_IGN);
	if (fwrite(page->text.bytes, 1, page->text.length, stdout) != page->text.length || fflush(stdout))
		err = errno == EPIPE ? 0 : fail(-errno, "standard output: cannot write");
	text_clear(&page->text);
	return err;
}

int command_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, NULL,
		"Say what this kernel offers: per event the plane, the hooks and doors that tell it, what is missing, why, and what that "
		"costs; then test that events really arrive, by connections between two processes of its own in a hidden network "
		"namespace.\vExit status: 0 all that is told works; 1 something that should be told was not; 3 not permitted; 4 this "
		"kernel has nothing to offer.",
		NULL, NULL, NULL
	};
	struct doctor *d = memory_create(1, sizeof(*d));
	struct page page = { TEXT_EMPTY, renderer_options_for(stdout).width };
	struct examination *x = &d->x;
	int err, written;

	x->test = true;
	argp_err_exit_status = EXIT_CODE_usage;
	argp_parse(&argp, argc, argv, 0, NULL, d);
	kernel_init(&d->kernel);
	d->missing = kernel_missing_capability();
	if (d->json)
		json_kernel(&page.text, d);
	else
		page_kernel(&page, d);
	err = d->json ? 0 : page_print(&page);
	if (!err)
		err = examination_make(x);
	if (!err && x->tested)
		examination_judge(x);
	if (d->json) {
		if (x->probe)
			json_events(&page.text, x);
		if (x->tested)
			json_test(&page.text, x);
		text_put(&page.text, "}\n");
	} else if (x->probe) {
		page_events(&page, x);
		if (x->tested)
			page_test(&page, x, d->verbose);
	}
	written = page_print(&page);
	if (!err)
		err = written;
	if (!err && x->failed)
		err = -EIO; /* told in the page */
	examination_finish(x);
	kernel_finish(&d->kernel);
	text_finish(&page.text);
	free(d);
	return exit_code_of(err);
}
