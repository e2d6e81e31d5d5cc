/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale doctor: what this kernel offers, per event, and a self-test that events really arrive, with the right owner. */
#include <argp.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "command/command.h"
#include "command/patient.h"
#include "event/name.h"
#include "probe/probe.h"
#include "render/column.h"
#include "render/renderer.h"

#define TESTS 80
#define PROGRAMS 192
#define QUIET_MS 120 /* the kernel side's last words: timers and late closes after the patient's end */

/* ---- what must be seen ---- */

enum side { CLIENT, SERVER, NOBODY };

/* One thing the patient does, and the event that must tell it. */
struct expectation {
	enum event_id event;
	enum side side;	      /* whose socket: the owner the event must name; NOBODY: none is asked for */
	const char *field;    /* that must hold `value`; NULL: any event of that name will do */
	int64_t value;
	const char *sentence;
};

/* clang-format off */
static const struct expectation expectations[] = {
	{ EVENT_sock_create,    SERVER, NULL, 0,                        "a program makes a socket" },
	{ EVENT_sock_bind,      SERVER, NULL, 0,                        "it binds the socket" },
	{ EVENT_sock_listen,    SERVER, "asked_backlog", 8,             "it listens, with a backlog" },
	{ EVENT_sock_option,    SERVER, NULL, 0,                        "it sets an option" },
	{ EVENT_tcp_state,      SERVER, "newstate", TCP_LISTEN,         "the listener's state" },
	{ EVENT_tcp_connect,    CLIENT, "error", 0,                     "connect() succeeds" },
	{ EVENT_tcp_state,      CLIENT, "newstate", TCP_SYN_SENT,       "the client asks for a connection" },
	{ EVENT_tcp_segment,    CLIENT, "flags", 0x02,                  "its SYN" },
	{ EVENT_tcp_syn_recv,   SERVER, NULL, 0,                        "the listener's request socket" },
	{ EVENT_tcp_segment,    SERVER, "flags", 0x12,                  "the listener's SYN-ACK" },
	{ EVENT_tcp_state,      CLIENT, "newstate", TCP_ESTABLISHED,    "the client is connected" },
	{ EVENT_tcp_state,      SERVER, "newstate", TCP_ESTABLISHED,    "the server is connected, before accept()" },
	{ EVENT_tcp_accept,     SERVER, "error", 0,                     "accept() hands the connection over" },
	{ EVENT_tcp_send,       CLIENT, "error", 0,                     "bytes are written" },
	{ EVENT_tcp_recv,       SERVER, "error", 0,                     "bytes are read" },
	{ EVENT_tcp_recv_block, SERVER, NULL, 0,                        "a reader waits for data" },
	{ EVENT_tcp_nagle_hold, CLIENT, "reason", HOLD_nagle,           "Nagle's algorithm holds a small write" },
	{ EVENT_tcp_ack_delayed, SERVER, NULL, 0,                       "an acknowledgement is sent late" },
	{ EVENT_tcp_retransmit, CLIENT, NULL, 0,                        "a lost segment is sent again" },
	{ EVENT_tcp_send_block, CLIENT, NULL, 0,                        "a writer waits for room" },
	{ EVENT_tcp_probe,      CLIENT, "kind", PROBE_zero_window,      "a shut window is probed" },
	{ EVENT_sock_shutdown,  SERVER, NULL, 0,                        "one direction is shut down" },
	{ EVENT_tcp_state,      SERVER, "newstate", TCP_FIN_WAIT1,      "the server closes first" },
	{ EVENT_tcp_state,      CLIENT, "newstate", TCP_CLOSE_WAIT,     "the client learns of it" },
	{ EVENT_tcp_state,      CLIENT, "newstate", TCP_LAST_ACK,       "the client closes too" },
	{ EVENT_sock_close,     CLIENT, "cause", CALL_close,            "a descriptor is closed" },
	{ EVENT_tcp_time_wait,  SERVER, "substate", TCP_TIME_WAIT,      "TIME_WAIT begins, on the server's side" },
	{ EVENT_tcp_time_wait_end, SERVER, "ending", TIME_WAIT_END_recycled, "TIME_WAIT ends: the same client comes again" },
	{ EVENT_tcp_connect,    CLIENT, "error", ECONNREFUSED,          "connect() is refused" },
	{ EVENT_sock_error,     CLIENT, "error", ECONNREFUSED,          "the refusal is stored on the socket" },
	{ EVENT_tcp_reset_sent, SERVER, "cause", CALL_close,            "a close with unread bytes sends a RST" },
	{ EVENT_tcp_reset_received, CLIENT, NULL, 0,                    "the RST arrives" },
	{ EVENT_tcp_send,       CLIENT, "error", EPIPE,                 "a write after it fails" },
	{ EVENT_signal,         CLIENT, "number", SIGPIPE,              "SIGPIPE is raised, and ignored" },
	{ EVENT_tcp_listen_drop, SERVER, "reason", LISTEN_DROP_accept_queue, "a full accept queue drops a SYN" },
	{ EVENT_udp_connect,    CLIENT, "error", 0,                     "a UDP socket takes a peer" },
	{ EVENT_udp_send,       CLIENT, "error", 0,                     "a datagram is sent" },
	{ EVENT_udp_recv,       SERVER, "error", 0,                     "a datagram is received" },
	{ EVENT_udp_disconnect, CLIENT, NULL, 0,                        "a UDP socket drops its peer" },
	{ EVENT_udp_send,       CLIENT, "error", ECONNREFUSED,          "UDP learns late that nobody listens" },
	{ EVENT_udp_drop,       NOBODY, "reason", UDP_DROP_no_socket,    "the datagram is dropped: nobody listens" },
	{ EVENT_icmp_sent,      NOBODY, NULL, 0,                        "the ICMP error that said so" },
	{ EVENT_icmp_received,  CLIENT, "error", ECONNREFUSED,          "the ICMP error arrives" },
	{ EVENT_udp_drop,       SERVER, "reason", UDP_DROP_receive_buffer, "a full receive buffer drops datagrams" },
	{ EVENT_unix_connect,   CLIENT, "error", 0,                     "a unix socket is connected" },
	{ EVENT_unix_accept,    SERVER, "error", 0,                     "a unix connection is accepted" },
	{ EVENT_unix_send,      CLIENT, "error", 0,                     "bytes are written to it" },
	{ EVENT_unix_recv,      SERVER, "error", 0,                     "bytes are read from it" },
	{ EVENT_app_output,     CLIENT, NULL, 0,                        "a program prints a line" },
	{ EVENT_process_exit,   SERVER, NULL, 0,                        "a process ends" },
};
/* clang-format on */

enum { EXPECTATIONS = sizeof(expectations) / sizeof(*expectations) };
_Static_assert(EXPECTATIONS <= TESTS, "more room for expectations is needed");

/* ---- the examination ---- */

struct program {
	char name[64];
	unsigned long long runs;
};

struct examination {
	bool json, verbose, test;
	enum plane plane;
	struct kernel kernel;
	const char *missing; /* capability, or NULL */
	struct probe *probe;

	bool tested;
	struct patient scene; /* a copy, for who is who */
	double seconds;
	unsigned long long seen[EVENT_COUNT];
	unsigned long long all, wrong_owner, no_owner;
	char wrong[160]; /* the first event with a wrong owner */
	char unknown[160]; /* the first event without one */
	unsigned long long met[TESTS];
	struct program programs[PROGRAMS];
	size_t program_count;
	bool counted; /* runs are known */
	struct probe_count counts;
	unsigned failed;
	struct text remedy;
};

static bool is_told(struct examination *x, enum event_id id)
{
	return probe_doors(x->probe)->sources[id].plane != PLANE_none;
}

/* Who really owns the socket an event is about: told by its ports, which the patient knows. -1: cannot be told. */
static int true_side(const struct patient *p, const struct event *e)
{
	const uint16_t theirs[] = { p->listener_port, p->listener6_port, p->narrow_port, p->crowded_port };

	if (e->local_port == p->closed_port)
		return -1; /* nobody's */
	if (e->protocol == IPPROTO_UDP)
		return !e->local_port ? -1 : e->local_port == p->datagram_port ? SERVER : CLIENT;
	for (size_t i = 0; e->protocol == IPPROTO_TCP && i < sizeof(theirs) / sizeof(*theirs); i++) {
		if (theirs[i] && e->local_port == theirs[i])
			return SERVER;
		if (theirs[i] && e->remote_port == theirs[i])
			return CLIENT;
	}
	return -1;
}

static void owner_check(struct examination *x, const struct event *e)
{
	int side = true_side(&x->scene, e);
	uint32_t owner = side == SERVER ? x->scene.server : x->scene.client;

	if (side < 0 || e->id == EVENT_lost || e->id == EVENT_icmp_sent) /* the kernel itself answers */
		return;
	if (!e->pid) {
		x->no_owner++;
		if (!x->unknown[0])
			snprintf(x->unknown, sizeof(x->unknown), "%s of %s's socket", schema_get(e->id)->name,
				 side == SERVER ? "the server" : "the client");
	} else if (e->pid != owner) {
		x->wrong_owner++;
		if (!x->wrong[0])
			snprintf(x->wrong, sizeof(x->wrong), "%s of %s's socket names process %u instead of %u", schema_get(e->id)->name,
				 side == SERVER ? "the server" : "the client", e->pid, owner);
	}
}

static bool fits(const struct examination *x, const struct expectation *w, const struct event *e)
{
	uint32_t owner = w->side == SERVER ? x->scene.server : x->scene.client;
	const struct field *f = w->field ? schema_field(w->event, w->field) : NULL;

	if (e->id != w->event || (w->side != NOBODY && e->pid != owner))
		return false;
	return !w->field || (f && field_integer(f, e) == w->value);
}

static int on_event(const struct event *e, void *context)
{
	struct examination *x = context;

	if (e->id >= EVENT_COUNT)
		return 0;
	x->all++;
	x->seen[e->id]++;
	owner_check(x, e);
	for (int i = 0; i < EXPECTATIONS; i++)
		x->met[i] += fits(x, &expectations[i], e);
	return 0;
}

static void on_program(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions, void *context)
{
	struct examination *x = context;
	struct program *p = &x->programs[x->program_count];

	if (x->program_count == PROGRAMS || !strcmp(name, "seed__iter"))
		return;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->runs = runs;
	x->program_count++;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void pause_ms(int ms)
{
	struct timespec t = { 0, ms * 1000000L };

	nanosleep(&t, NULL);
}

/* Events are kept until the patient's end: only then is it known which port was whose. */
struct keeper {
	union event_any *events;
	size_t count, room;
};

static int keep(const struct event *e, void *context)
{
	struct keeper *k = context;

	if (k->count == k->room) {
		k->room = k->room ? 2 * k->room : 256;
		k->events = memory_resize(k->events, k->room, sizeof(*k->events));
	}
	event_take(&k->events[k->count++], e, e->size);
	return 0;
}

static int probe_start(struct examination *x, pid_t tree, struct probe **ret)
{
	struct probe_options o = { .plane = x->plane };

	for (int id = 0; id < EVENT_COUNT; id++)
		o.wanted[id] = id != EVENT_tcp_io;
	o.config.command_pid = tree;
	o.config.filter_tree = 1;
	return probe_open(&o, ret);
}

/* Open the probe with the patient in view, let it live, and look at what was told. */
static int examine(struct examination *x)
{
	struct keeper kept = { 0 };
	struct patient *p = NULL;
	int gate = -1, statistics, err;

	err = patient_create(&p, &gate);
	if (err)
		return err;
	statistics = kernel_count_runs();
	err = probe_start(x, p->client, &x->probe);
	if (err || !x->test)
		goto out;
	x->counted = statistics >= 0;
	x->seconds = now_s();
	err = patient_live(p, gate);
	x->seconds = now_s() - x->seconds;
	if (err)
		goto out;
	pause_ms(QUIET_MS);
	probe_each_program(x->probe, on_program, x);
	probe_detach(x->probe);
	err = probe_drain(x->probe, keep, &kept);
	if (err)
		goto out;
	x->scene = *p;
	x->tested = true;
	x->counts = probe_count(x->probe, EVENT_COUNT);
	for (size_t i = 0; i < kept.count; i++)
		on_event(&kept.events[i].head, x);
out:
	free(kept.events);
	if (statistics >= 0)
		close(statistics);
	close(gate);
	patient_destroy(p);
	return err;
}

/* ---- judgement ---- */

enum verdict { VERDICT_seen, VERDICT_missing, VERDICT_not_told };

static enum verdict verdict_on(struct examination *x, int i)
{
	const struct expectation *w = &expectations[i];

	if (!is_told(x, w->event))
		return VERDICT_not_told;
	return x->met[i] ? VERDICT_seen : VERDICT_missing;
}

static long long runs_of(const struct examination *x, const char *program)
{
	for (size_t i = 0; i < x->program_count; i++)
		if (!strcmp(x->programs[i].name, program))
			return x->programs[i].runs;
	return -1;
}

struct hook_list {
	struct examination *x;
	struct text *to;
	bool with_runs;
};

static void put_hook(struct hook *h, struct door *door, void *context)
{
	struct hook_list *list = context;
	long long runs = list->with_runs && door ? runs_of(list->x, door->program) : -1;

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

/* Whether the same things are seen on tracepoints alone: tried, not guessed. */
static void second_opinion(struct examination *x)
{
	struct examination *again;
	unsigned functions = 0, cured = 0;

	for (int i = 0; i < EXPECTATIONS; i++)
		functions += verdict_on(x, i) == VERDICT_missing &&
			     probe_doors(x->probe)->sources[expectations[i].event].plane == PLANE_functions;
	if (!functions || x->plane)
		return;
	again = memory_create(1, sizeof(*again));
	again->plane = PLANE_tracepoints;
	again->test = true;
	if (!examine(again)) {
		for (int i = 0; i < EXPECTATIONS; i++)
			if (verdict_on(x, i) == VERDICT_missing && verdict_on(again, i) == VERDICT_seen) {
				text_printf(&x->remedy, "%s%s", cured ? ", " : "", schema_get(expectations[i].event)->name);
				cured++;
			}
	}
	probe_close(again->probe);
	free(again);
}

static void judge(struct examination *x)
{
	for (int i = 0; i < EXPECTATIONS; i++)
		x->failed += verdict_on(x, i) == VERDICT_missing;
	if (x->wrong_owner || x->no_owner)
		x->failed++;
	if (x->counts.lost[LOSS_ring_full] || x->counts.lost[LOSS_map_full])
		x->failed++;
	second_opinion(x);
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

static void page_kernel(struct page *page, const struct examination *x)
{
	const struct kernel *k = &x->kernel;
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
	if (x->missing)
		text_printf(&page->text, "        %s is missing: nothing can be traced\n", x->missing);
	door_kinds(k, doors);
	for (int i = 0; i < DOOR_KINDS; i++)
		text_printf(&page->text, "%s%-6s  %-25s  %s%s\n", i ? "        " : "doors   ", doors[i].name, doors[i].use,
			    doors[i].offered ? "yes" : "no: ", doors[i].offered ? "" : strerror(-doors[i].error));
	if (!x->kernel.fentry && !x->kernel.kprobe && (x->kernel.tp_btf || x->kernel.raw_tp))
		text_put(&page->text, "        no functions here: all events come from tracepoints\n");
	text_finish(&line);
}

/* Where the kernel refuses functions altogether, that is said once and not for each event. */
static bool has_functions(const struct examination *x)
{
	return x->kernel.fentry || x->kernel.kprobe;
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

static void page_test(struct page *page, struct examination *x)
{
	unsigned told = 0, seen = 0;

	for (int i = 0; i < EXPECTATIONS; i++) {
		told += is_told(x, expectations[i].event);
		seen += verdict_on(x, i) == VERDICT_seen;
	}
	text_printf(&page->text, "\nself-test: two processes in %s, %.1f s, %llu events\n",
		    x->scene.own_netns ? "a network namespace of their own" : "this network namespace", x->seconds, x->all);
	for (int i = 0; i < EXPECTATIONS; i++) {
		enum verdict v = verdict_on(x, i);

		if (v == VERDICT_missing)
			page_missing(page, x, i);
		else if (x->verbose)
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

static void json_kernel(struct text *to, const struct examination *x)
{
	unsigned long long effective = effective_capabilities();
	struct door_kind doors[DOOR_KINDS];
	struct utsname u;

	uname(&u);
	text_put(to, "{\"kernel\":{");
	json_string(to, "release", x->kernel.release);
	text_char(to, ',');
	json_string(to, "machine", u.machine);
	text_printf(to, ",\"btf\":%s},\"capabilities\":{", x->kernel.btf ? "true" : "false");
	for (int i = 0; i < CAPABILITIES; i++)
		text_printf(to, "%s\"%s\":%s", i ? "," : "", capabilities[i].name,
			    effective & (1ULL << capabilities[i].bit) ? "true" : "false");
	text_put(to, "},");
	json_string(to, "missing_capability", x->missing);
	text_put(to, ",\"doors\":{");
	door_kinds(&x->kernel, doors);
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
	long long runs = door && list->x->counted ? runs_of(list->x, door->program) : -1;

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
		text_printf(to, ",\"verdict\":\"%s\",\"seen\":%llu}", words[verdict_on(x, i)], x->met[i]);
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
	struct examination *x = state->input;

	switch (key) {
	case KEY_JSON:
		x->json = true;
		return 0;
	case KEY_NO_TEST:
		x->test = false;
		return 0;
	case 'v':
		x->verbose = true;
		return 0;
	case KEY_PLANE:
		if (!strcmp(argument, "functions"))
			x->plane = PLANE_functions;
		else if (!strcmp(argument, "tracepoints"))
			x->plane = PLANE_tracepoints;
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
	struct examination *x = memory_create(1, sizeof(*x));
	struct page page = { TEXT_EMPTY, renderer_options_for(stdout).width };
	int err, written;

	x->test = true;
	argp_err_exit_status = EXIT_CODE_usage;
	argp_parse(&argp, argc, argv, 0, NULL, x);
	kernel_init(&x->kernel);
	x->missing = kernel_missing_capability();
	if (x->json)
		json_kernel(&page.text, x);
	else
		page_kernel(&page, x);
	err = x->json ? 0 : page_print(&page);
	if (!err)
		err = examine(x);
	if (!err && x->tested)
		judge(x);
	if (x->json) {
		if (x->probe)
			json_events(&page.text, x);
		if (x->tested)
			json_test(&page.text, x);
		text_put(&page.text, "}\n");
	} else if (x->probe) {
		page_events(&page, x);
		if (x->tested)
			page_test(&page, x);
	}
	written = page_print(&page);
	if (!err)
		err = written;
	if (!err && x->failed)
		err = -EIO; /* told in the page */
	probe_close(x->probe);
	kernel_finish(&x->kernel);
	text_finish(&page.text);
	text_finish(&x->remedy);
	free(x);
	return exit_code_of(err);
}
