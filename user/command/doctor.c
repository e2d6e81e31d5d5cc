/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale doctor: what this kernel offers, per event, and a self-test that events really arrive, with the right owner. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/bill.h"
#include "command/command.h"
#include "command/process.h"
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
		text_printf(list->to, " (%s%s)", door->kind, runs ? "" : _(", never ran"));
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
	{ 21, "CAP_SYS_ADMIN", N_("contains the next two; kprobes and network namespaces need it") },
	{ 39, "CAP_BPF", N_("loads programs") },
	{ 38, "CAP_PERFMON", N_("attaches them to kernel functions and tracepoints") },
	{ 12, "CAP_NET_ADMIN", N_("the lessons' virtual networks") },
	{ 24, "CAP_SYS_RESOURCE", N_("before Linux 5.11: memory for maps") },
	{ 34, "CAP_SYSLOG", N_("addresses of kernel symbols") },
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
	ret[0] = (struct door_kind){ "fentry", N_("functions, by trampoline"), k->fentry, k->fentry_error };
	ret[1] = (struct door_kind){ "kprobe", N_("functions, by breakpoint"), k->kprobe, k->kprobe_error };
	ret[2] = (struct door_kind){ "tp_btf", N_("tracepoints, typed"), k->tp_btf, k->tp_btf_error };
	ret[3] = (struct door_kind){ "raw_tp", N_("tracepoints, raw"), k->raw_tp, k->raw_tp_error };
}

/* `label` in its column, which is as wide as the widest of them. */
static void put_label(struct text *to, const char *label)
{
	const char *const labels[] = { _("kernel"), _("BTF"), _("rights"), _("doors") };
	unsigned width = 0;

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		if (column_count(labels[i]) > width)
			width = column_count(labels[i]);
	column_fit(to, label, width);
	text_put(to, "  ");
}

static void page_doors(struct page *page, const struct kernel *k, const char *blank)
{
	struct door_kind doors[DOOR_KINDS];
	unsigned width = 0;

	door_kinds(k, doors);
	for (int i = 0; i < DOOR_KINDS; i++)
		if (column_count(_(doors[i].use)) > width)
			width = column_count(_(doors[i].use));
	for (int i = 0; i < DOOR_KINDS; i++) {
		if (i)
			text_put(&page->text, blank);
		else
			put_label(&page->text, _("doors"));
		text_printf(&page->text, "%-6s  ", doors[i].name);
		column_fit(&page->text, _(doors[i].use), width);
		if (doors[i].offered)
			text_printf(&page->text, "  %s\n", _("yes"));
		else
			text_printf(&page->text, _("  no: %s\n"), strerror(-doors[i].error));
	}
}

static void page_kernel(struct page *page, const struct doctor *d)
{
	const struct kernel *k = &d->kernel;
	unsigned long long effective = effective_capabilities();
	struct text line = TEXT_EMPTY, label = TEXT_EMPTY, blank = TEXT_EMPTY;
	struct utsname u;

	uname(&u);
	put_label(&label, "");
	column_repeat(&blank, " ", column_count(text_string(&label)));
	text_clear(&label);
	put_label(&page->text, _("kernel"));
	text_printf(&page->text, "Linux %s, %s\n", k->release, u.machine);
	put_label(&page->text, _("BTF"));
	if (k->btf)
		text_printf(&page->text, "%s\n", _("yes"));
	else
		text_printf(&page->text, _("no: %s\n"), strerror(-k->btf_error));
	put_label(&label, _("rights"));
	for (int i = 0; i < CAPABILITIES; i++) {
		const char *word = effective & (1ULL << capabilities[i].bit) ? _("yes") : _("no");

		if (d->verbose)
			text_printf(&page->text, "%s%-16s  %s: %s\n", text_string(i ? &blank : &label), capabilities[i].name, word,
				    _(capabilities[i].use));
		else
			text_printf(&line, "%s%s %s", i ? ", " : "", capabilities[i].name, word);
	}
	if (!d->verbose)
		fold(page, text_string(&label), text_string(&blank), text_string(&line));
	if (d->missing) {
		text_put(&page->text, text_string(&blank));
		text_printf(&page->text, _("%s is missing: nothing can be traced\n"), d->missing);
	}
	page_doors(page, k, text_string(&blank));
	if (!k->fentry && !k->kprobe && (k->tp_btf || k->raw_tp))
		text_printf(&page->text, "%s%s\n", text_string(&blank), _("no functions here: all events come from tracepoints"));
	text_finish(&line);
	text_finish(&label);
	text_finish(&blank);
}

/* Where the kernel refuses functions altogether, that is said once and not for each event. */
static bool has_functions(const struct examination *x)
{
	return probe_kernel(x->probe)->fentry || probe_kernel(x->probe)->kprobe;
}

enum { EVENT_COLUMNS = 19, PLANE_COLUMNS = 11, SEEN_COLUMNS = 6 };

/* The part of a row before its hooks. */
static void put_row(struct text *to, const char *event, const char *plane, const char *seen)
{
	column_fit(to, event, EVENT_COLUMNS);
	text_char(to, ' ');
	column_fit(to, plane, PLANE_COLUMNS);
	text_char(to, ' ');
	if (!seen)
		return;
	column_repeat(to, " ", column_count(seen) < SEEN_COLUMNS ? SEEN_COLUMNS - column_count(seen) : 0);
	text_printf(to, "%s  ", seen);
}

static void page_event(struct page *page, struct examination *x, enum event_id id)
{
	const struct source *s = &probe_doors(x->probe)->sources[id];
	struct text hooks = TEXT_EMPTY, first = TEXT_EMPTY, again = TEXT_EMPTY;
	char seen[24];

	snprintf(seen, sizeof(seen), "%llu", x->seen[id]);
	put_row(&first, schema_get(id)->name, s->plane ? name_of(KIND_PLANE, s->plane) : "-", x->tested ? seen : NULL);
	column_repeat(&again, " ", column_count(text_string(&first)));
	if (id == EVENT_lost || id == EVENT_shed)
		text_put(&hooks, _("told by socktale itself, from counts of the kernel side"));
	else if (s->plane)
		hooks_of(x, id, true, &hooks);
	else if (s->refused[0])
		text_put(&hooks, _("not told on this kernel"));
	else
		text_printf(&hooks, _("not told by socktale %s"), VERSION);
	fold(page, text_string(&first), text_string(&again), text_string(&hooks));
	text_clear(&hooks);
	if (s->refused[0] && (s->plane != PLANE_tracepoints || has_functions(x))) {
		text_printf(&hooks, s->plane ? _("first choice missing: %s") : _("missing: %s"), s->refused);
		fold(page, "    ", "      ", text_string(&hooks));
	}
	for (int i = 0; i < DOOR_COSTS && s->costs[i]; i++) {
		text_clear(&hooks);
		text_printf(&hooks, _("cost: %s"), _(s->costs[i]));
		fold(page, "    ", "      ", text_string(&hooks));
	}
	text_finish(&hooks);
	text_finish(&first);
	text_finish(&again);
}

static void page_events(struct page *page, struct examination *x)
{
	text_char(&page->text, '\n');
	put_row(&page->text, _("event"), _("plane"), x->tested ? _("seen") : NULL);
	text_printf(&page->text, "%s\n", _("hooks and doors"));
	for (int id = 0; id < EVENT_COUNT; id++)
		page_event(page, x, id);
}

/* One thing the self-test found, below a word that says of what sort. */
static void put_finding(struct page *page, const char *word, const char *what)
{
	struct text first = TEXT_EMPTY, again = TEXT_EMPTY;

	text_put(&first, "  ");
	column_fit(&first, word, column_count(word) > 9 ? column_count(word) : 9);
	text_char(&first, ' ');
	column_repeat(&again, " ", column_count(text_string(&first)));
	fold(page, text_string(&first), text_string(&again), what);
	text_finish(&first);
	text_finish(&again);
}

static void page_missing(struct page *page, struct examination *x, int i)
{
	static const char *const lacking[] = {
		N_("%s: no %s of the client arrived (of that name: %llu); it hangs on %s"),
		N_("%s: no %s of the server arrived (of that name: %llu); it hangs on %s"),
		N_("%s: no %s arrived (of that name: %llu); it hangs on %s"),
	};
	const struct expectation *w = &expectations[i];
	struct text line = TEXT_EMPTY, hooks = TEXT_EMPTY, event = TEXT_EMPTY;

	hooks_of(x, w->event, true, &hooks);
	text_put(&event, schema_get(w->event)->name);
	if (w->field) {
		const struct field *f = schema_field(w->event, w->field);
		union event_any example;

		text_printf(&event, " %s=", w->field);
		event_init(&example, w->event);
		field_set_integer(f, &example.head, w->value);
		kind_write(&event, f, &example.head);
	}
	text_printf(&line, _(lacking[w->side]), _(w->sentence), text_string(&event), x->seen[w->event], text_string(&hooks));
	put_finding(page, _("MISSING"), text_string(&line));
	text_finish(&hooks);
	text_finish(&event);
	text_finish(&line);
}

static void page_never_ran(struct page *page, struct examination *x)
{
	struct text line = TEXT_EMPTY;
	unsigned count = 0;

	for (size_t i = 0; x->counted && i < x->program_count; i++)
		if (!x->programs[i].runs)
			text_printf(&line, "%s %s", count++ ? "," : _("attached, but never ran:"), x->programs[i].name);
	if (count)
		fold(page, "  ", "    ", text_string(&line));
	text_finish(&line);
}

static void put_finding_printf(struct page *page, const char *word, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put_finding_printf(struct page *page, const char *word, const char *format, ...)
{
	struct text line = TEXT_EMPTY;
	va_list arguments;

	va_start(arguments, format);
	text_vprintf(&line, format, arguments);
	va_end(arguments);
	put_finding(page, word, text_string(&line));
	text_finish(&line);
}

static void page_test(struct page *page, struct examination *x, bool verbose)
{
	unsigned told = 0, seen = 0;

	for (int i = 0; i < EXPECTATIONS; i++) {
		told += examination_tells(x, expectations[i].event);
		seen += examination_verdict(x, i) == VERDICT_seen;
	}
	text_char(&page->text, '\n');
	text_printf(&page->text,
		    x->scene.own_netns ? _("self-test: two processes in a network namespace of their own, %.1f s, %llu events\n")
				       : _("self-test: two processes in this network namespace, %.1f s, %llu events\n"),
		    x->seconds, x->all);
	for (int i = 0; i < EXPECTATIONS; i++) {
		enum verdict v = examination_verdict(x, i);

		if (v == VERDICT_missing)
			page_missing(page, x, i);
		else if (verbose)
			put_finding_printf(page, v == VERDICT_seen ? _("seen") : _("not told"), "%s (%s, %llu)",
					   _(expectations[i].sentence), schema_get(expectations[i].event)->name, x->met[i]);
	}
	page_never_ran(page, x);
	if (x->scene.trouble[0])
		text_printf(&page->text, _("  the patient could not do all: %s\n"), x->scene.trouble);
	if (x->counts.lost[LOSS_ring_full] || x->counts.lost[LOSS_map_full])
		put_finding_printf(page, _("LOST"), _("%llu events, %llu owners"), x->counts.lost[LOSS_ring_full],
				   x->counts.lost[LOSS_map_full]);
	if (x->wrong_owner)
		put_finding_printf(page, _("WRONG"), _("%llu events name the wrong owner; %s"), x->wrong_owner, x->wrong);
	if (x->no_owner)
		put_finding_printf(page, _("UNKNOWN"), _("%llu events of the patient's sockets name no owner; %s"), x->no_owner,
				   x->unknown);
	if (x->remedy.length)
		put_finding_printf(page, _("remedy"), _("--plane tracepoints was tried too, and tells: %s"), text_string(&x->remedy));
	text_printf(&page->text,
		    x->wrong_owner || x->no_owner ? _("  %u of %u things that must be seen were seen\n")
						  : _("  %u of %u things that must be seen were seen; every owner is right\n"),
		    seen, told);
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
		text_put(to, "\"costs\":[");
		for (int i = 0; i < DOOR_COSTS && s->costs[i]; i++) {
			text_put(to, i ? "," : "");
			text_json(to, s->costs[i], strlen(s->costs[i]));
		}
		text_put(to, "],\"seen\":");
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

/* ---- what the hooks cost, as last measured ---- */

/* A line of it at `at`: NAME HITS NANOSECONDS. Returns the next one, or NULL. */
static const char *bill_line(const char *at, char name[128], unsigned long long *ret_hits, unsigned long long *ret_ns)
{
	int used = 0;

	if (sscanf(at, "%127s %llu %llu\n%n", name, ret_hits, ret_ns, &used) != 3 || !*ret_hits)
		return NULL;
	return at + used;
}

static void page_bill(struct page *page)
{
	struct text bill = TEXT_EMPTY;
	char release[128], date[64], name[128];
	unsigned long long hits, ns;
	const char *at;
	double seconds;
	int used = 0;

	if (bill_last(&bill) && sscanf(text_string(&bill), "%127s %63s %lf\n%n", release, date, &seconds, &used) == 3) {
		text_printf(&page->text, _("\ncost of the hooks, last measured (trace --cost):\n  %s, %.1f s, Linux %s\n"), date, seconds, release);
		for (at = text_string(&bill) + used; (at = bill_line(at, name, &hits, &ns));)
			text_printf(&page->text, _("  %-32s %10llu hits %8.0f ns each\n"), name, hits, (double)ns / hits);
	} else {
		text_put(&page->text, _("\ncost of the hooks: not measured yet (trace --cost)\n"));
	}
	text_finish(&bill);
}

static void json_bill(struct text *to)
{
	struct text bill = TEXT_EMPTY;
	char release[128], date[64], name[128];
	unsigned long long hits, ns;
	const char *at, *between = "";
	double seconds;
	int used = 0;

	if (bill_last(&bill) && sscanf(text_string(&bill), "%127s %63s %lf\n%n", release, date, &seconds, &used) == 3) {
		text_put(to, ",\"last_cost\":{");
		json_string(to, "kernel", release);
		text_char(to, ',');
		json_string(to, "date", date);
		text_printf(to, ",\"seconds\":%.1f,\"hooks\":[", seconds);
		for (at = text_string(&bill) + used; (at = bill_line(at, name, &hits, &ns)); between = ",") {
			text_printf(to, "%s{", between);
			json_string(to, "program", name);
			text_printf(to, ",\"hits\":%llu,\"ns\":%llu}", hits, ns);
		}
		text_put(to, "]}");
	}
	text_finish(&bill);
}

/* ---- the command ---- */

enum { KEY_JSON = 0x400, KEY_NO_TEST, KEY_PLANE };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, N_("one JSON object instead of a page"), 0 },
	{ "no-test", KEY_NO_TEST, NULL, 0, N_("leave the self-test out"), 0 },
	{ "plane", KEY_PLANE, "functions|tracepoints", 0, N_("examine this plane only, where an event has a choice"), 0 },
	{ "verbose", 'v', NULL, 0, N_("say what each capability is for, and of each thing the self-test does whether it was seen"), 0 },
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
			argp_error(state, _("--plane is functions or tracepoints, not '%s'"), argument);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, _("argument '%s': only options are taken"), argument);
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
		N_("Say what this kernel offers: per event the plane, the hooks and doors that tell it, what is missing, why, and what that "
		   "costs; then test that events really arrive, by connections between two processes of its own in a hidden network "
		   "namespace.\vExit status: 0 all that is told works; 1 something that should be told was not; 3 not permitted; 4 this "
		   "kernel has nothing to offer."),
		NULL, NULL, NULL
	};
	struct doctor *d = memory_create(1, sizeof(*d));
	struct page page = { TEXT_EMPTY, renderer_options_for(stdout).width };
	struct examination *x = &d->x;
	int err, written, refused = 0;

	x->test = true;
	arguments_parse(&argp, argc, argv, 0, d);
	if (x->test && !kernel_numbers_are_ours()) {
		x->test = false;
		refused = -ENOTSUP;
	}
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
		json_bill(&page.text);
		text_put(&page.text, "}\n");
	} else if (x->probe) {
		page_events(&page, x);
		page_bill(&page);
		if (x->tested)
			page_test(&page, x, d->verbose);
	}
	written = page_print(&page);
	if (!err)
		err = written;
	if (!err && x->failed)
		err = -EIO; /* told in the page */
	if (!err && refused)
		err = process_numbers_serve(N_("test"), "doctor");
	examination_finish(x);
	kernel_finish(&d->kernel);
	text_finish(&page.text);
	free(d);
	return exit_code_of(err);
}
