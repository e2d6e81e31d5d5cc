/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale why: watches for a while, or reads a recording, and says what is wrong, why, and what to do. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/command.h"
#include "command/filter.h"
#include "command/outfile.h"
#include "command/process.h"
#include "command/recording.h"
#include "command/scope.h"
#include "command/standing.h"
#include "render/answer.h"
#include "render/story.h"

enum { KEY_FORMAT = 0x600, KEY_READY, KEY_STRICT, KEY_FROM };

/* TCP's own counters of a network namespace. */
struct traffic {
	unsigned long long segments, repeated;
	bool known;
};

struct why {
	struct filter filter;
	struct scope scope;
	struct standing standing;
	struct answer answer;
	struct text arguments;
	const char *from;
	struct outfile out;
	double seconds;
	unsigned long long most, told, skipped;
	int ready_fd;
	bool strict, seconds_given;
	struct probe *probe;
	struct story *story;
	struct text *unseen;
	struct traffic before, after;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static const struct argp_option options[] = {
	{ "duration", 'd', "SECONDS", 0, N_("watch for so long (10)"), 3 },
	{ "count", 'n', "COUNT", 0, N_("watch no more than so many events"), 3 },
	{ "from", KEY_FROM, "FILE", 0, N_("judge what `socktale trace --format log` or record wrote (- reads the standard input); needs no privilege"), 3 },
	{ "format", KEY_FORMAT, "FORMAT", 0, N_("text (default) or json"), 3 },
	{ "output", 'o', "FILE", 0, N_("write there instead of to standard output"), 3 },
	{ "ready-fd", KEY_READY, "FD", 0, N_("write a byte there when every hook is attached"), 3 },
	{ "strict", KEY_STRICT, NULL, 0, N_("exit with status 5 if anything was lost"), 3 },
	{ 0 },
};

static void check(struct why *w)
{
	const char *argument = text_string(&w->arguments);
	struct filter usual;

	if (*argument && !scope_parse(&w->scope, argument, &w->filter.probe.config)) {
		fail(0, "argument '%s': is no PID, :PORT, ADDRESS:PORT, nor two addresses with ports", argument);
		hint("for example 1234, :443, 10.0.0.1:443, [::1]:80 or 10.0.0.1:40000-10.0.0.2:443");
		exit(EXIT_CODE_usage);
	}
	if (!w->from) {
		if (w->scope.pid)
			process_require(w->scope.pid);
		return;
	}
	filter_init(&usual);
	usual.probe.wanted[EVENT_tcp_recv_block] = true;
	if (w->filter.probe.config.filter_cgroup_set)
		arguments_refuse("--from", w->from, N_("a recording does not say cgroups: leave out --cgroup"));
	if (memcmp(usual.probe.wanted, w->filter.probe.wanted, sizeof(usual.probe.wanted)) || w->filter.probe.plane)
		arguments_refuse("--from", w->from, N_("what is recorded is recorded: leave out --event, --io and --plane"));
	if (w->seconds_given || w->most || w->ready_fd >= 0)
		arguments_refuse("--from", w->from, N_("a recording is read to its end: leave out --duration, --count and --ready-fd"));
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct why *w = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &w->filter;
		break;
	case 'd':
		w->seconds = strtod(argument, &end);
		if (*end || !(w->seconds > 0) || w->seconds > 1e9)
			arguments_refuse(N_("duration"), argument, N_("is not a number of seconds above 0"));
		w->seconds_given = true;
		break;
	case 'n':
		errno = 0;
		w->most = strtoull(argument, &end, 10);
		if (*end || errno || *argument < '0' || *argument > '9' || !w->most)
			arguments_refuse(N_("count"), argument, N_("is not a whole number above 0"));
		break;
	case KEY_FROM:
		w->from = argument;
		w->filter.past = true;
		break;
	case KEY_FORMAT:
		if (strcmp(argument, "text") && strcmp(argument, "json"))
			arguments_refuse(N_("format"), argument, N_("text and json are there"));
		w->answer.json = !strcmp(argument, "json");
		break;
	case 'o':
		w->out.path = argument;
		break;
	case KEY_READY:
		w->ready_fd = arguments_descriptor(argument);
		break;
	case KEY_STRICT:
		w->strict = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, _("one process, port or connection at a time"));
		if (w->arguments.length)
			text_char(&w->arguments, ' ');
		text_put(&w->arguments, argument);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- what the answer asks ---- */

static bool selects(void *context, const struct moment *m)
{
	return scope_selects(&((struct why *)context)->scope, m);
}

static void stands(void *context, struct findings *f)
{
	struct why *w = context;

	standing_tell(&w->standing, &w->scope, f);
}

static bool read_setting(const char *name, struct text *to)
{
	char path[128], line[64];
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	got = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	if (!got)
		return false;
	for (char *c = line; *c && *c != '\n'; c++)
		text_char(to, *c == '\t' ? '-' : *c);
	return true;
}

/* Of the namespace of the process asked about, else our own. */
static struct traffic traffic_read(const struct why *w)
{
	unsigned pid = w->scope.pid ? w->scope.pid : w->filter.probe.config.filter_pid_set ? w->filter.probe.config.filter_pid : 0;
	struct traffic t = { 0 };
	char path[64], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), pid ? "/proc/%u/net/snmp" : "/proc/self/net/snmp", pid);
	f = fopen(path, "re");
	/* RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs */
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %llu %llu", &t.segments, &t.repeated) == 2)
			t.known = true;
	if (f)
		fclose(f);
	return t;
}

static bool share(const struct why *w, struct text *to)
{
	unsigned long long segments = w->after.segments - w->before.segments, repeated = w->after.repeated - w->before.repeated;

	if (!w->before.known || !w->after.known || !segments)
		return false;
	text_printf(to, "%.2g %%", 100.0 * repeated / (segments + repeated));
	return true;
}

/* Settings of a network namespace are read by who is in it. */
static bool is_ours(uint32_t netns)
{
	struct stat s;

	return !netns || (!stat("/proc/self/ns/net", &s) && s.st_ino == netns);
}

static bool word(void *context, const char *name, const struct event *e, struct text *to)
{
	const struct why *w = context;

	if (!strcmp(name, "holder"))
		return e && e->id == EVENT_sock_bind &&
		       standing_holder(&w->standing, &((const struct event_sock_bind *)e)->asked, e->netns, to);
	if (!strcmp(name, "share"))
		return (w->scope.pid || w->filter.probe.config.filter_pid_set || !e || is_ours(e->netns)) && share(w, to);
	if (e && !is_ours(e->netns))
		return false;
	if (!strcmp(name, "somaxconn"))
		return read_setting("core/somaxconn", to);
	if (!strcmp(name, "rmem_max"))
		return read_setting("core/rmem_max", to);
	return !strcmp(name, "port_range") && read_setting("ipv4/ip_local_port_range", to);
}

/* ---- what could not be seen ---- */

static struct text *unseen_add(struct why *w)
{
	w->unseen = memory_resize(w->unseen, w->answer.unseen_count + 1, sizeof(*w->unseen));
	w->answer.unseen = w->unseen;
	w->unseen[w->answer.unseen_count] = (struct text)TEXT_EMPTY;
	return &w->unseen[w->answer.unseen_count++];
}

/* Findings all of whose events this kernel, or an option, leaves out. */
static void unseen_findings(struct why *w)
{
	const struct doors *doors = probe_doors(w->probe);
	struct text *to = NULL;
	size_t count;
	const struct finding_row *rows = finding_rows(&count);

	for (size_t i = 0; i < count; i++) {
		bool needs = false, has = false;

		for (int id = 0; id < EVENT_COUNT && !has; id++) {
			if (!finding_needs(&rows[i], id))
				continue;
			needs = true;
			has = w->filter.probe.wanted[id] && doors->sources[id].plane;
		}
		if (!needs || has)
			continue;
		if (!to) {
			to = unseen_add(w);
			text_put(to, _("Not looked for, because this kernel or the options leave out the events: "));
		} else {
			text_put(to, "; ");
		}
		text_put(to, _(rows[i].title));
	}
	if (to)
		text_char(to, '.');
}

static void unseen_live(struct why *w)
{
	const struct doors *doors = probe_doors(w->probe);
	bool inferred = false;

	for (int id = 0; id < EVENT_COUNT; id++)
		inferred |= doors->sources[id].plane == PLANE_tracepoints && doors->sources[id].costs[0];
	unseen_findings(w);
	if (inferred)
		text_put(unseen_add(w), _("Some events are told by tracepoints alone: what io_uring or the kernel itself sends and receives is not seen, and some reasons are inferred (`socktale doctor` says which)."));
	if (w->filter.probe.config.filter_pid_set || w->filter.probe.config.filter_comm_set || w->filter.probe.config.filter_cgroup_set)
		text_put(unseen_add(w), _("The filter leaves out the other ends of the connections, so who caused what may be missing; the argument PID keeps them."));
	if (!w->standing.after_ns)
		text_put(unseen_add(w), _("Sockets that were stuck before the watching: they could not be listed."));
	text_put(unseen_add(w), _("What happened before the watching, on other machines, and on the way between them."));
}

static void unseen_past(struct why *w)
{
	text_put(unseen_add(w), _("What the recording leaves out: events and sockets it was told to leave out, and sockets that were stuck before it began."));
}

/* ---- watching ---- */

static int on_event(const struct event *e, void *context)
{
	struct why *w = context;
	int err = story_event(w->story, e);

	if (err)
		return err;
	w->told++;
	return w->most && w->told >= w->most ? -ECANCELED : 0;
}

static int netns_asked(const struct why *w)
{
	const struct config *c = &w->filter.probe.config;
	uint32_t pid = w->scope.pid ? w->scope.pid : c->filter_pid_set ? c->filter_pid : 0;
	char path[64];

	if (c->filter_netns_set)
		return process_netns(c->filter_netns);
	if (!pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int follow(struct why *w)
{
	uint64_t began = now_ns(), end = began + (uint64_t)(w->seconds * 1e9);
	int err = 0;

	if (isatty(STDERR_FILENO))
		tell("watching %s for %g s; Ctrl-C answers at once", text_string(&w->scope.what), w->seconds);
	while (!stopped && !err && now_ns() < end) {
		err = probe_poll(w->probe, 10, on_event, w);
		if (err == -EINTR)
			err = 0;
	}
	w->answer.end_ns = now_ns();
	w->answer.watched_ns = w->answer.end_ns - began;
	if (err && err != -ECANCELED)
		return err;
	probe_detach(w->probe);
	return err ? 0 : probe_drain(w->probe, on_event, w);
}

static int watch(struct why *w)
{
	int err = probe_open(&w->filter.probe, &w->probe);

	if (err)
		return err;
	probe_settle(w->probe);
	err = outfile_begin(&w->out);
	if (err)
		return err;
	process_numbers_tell();
	w->standing.netns = netns_asked(w);
	standing_begin(&w->standing);
	w->before = traffic_read(w);
	w->answer.live = true;
	w->answer.wall_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - now_ns());
	if (w->ready_fd >= 0 && write(w->ready_fd, "\n", 1) != 1)
		fail(-errno, "descriptor %d: cannot be written", w->ready_fd);
	err = follow(w);
	if (err == -ECANCELED)
		err = 0;
	w->after = traffic_read(w);
	standing_end(&w->standing);
	w->answer.lost = probe_count(w->probe, EVENT_COUNT).lost[LOSS_ring_full];
	w->skipped = probe_recursion_misses(w->probe);
	unseen_live(w);
	return err;
}

static int judge_recording(struct why *w)
{
	struct recording *r = NULL;
	union event_any e;
	size_t wrong = 0;
	int got, err = recording_open(w->from, &r);

	if (!err && recording_is_file(r, w->out.stream))
		arguments_refuse(N_("output"), w->out.path, N_("is the recording that is read"));
	if (!err)
		err = outfile_begin(&w->out);
	while (!err && (got = recording_next(r, &e)) != 0) {
		if (got > 0)
			err = story_event(w->story, &e.head);
		else if (got == -EINVAL && ++wrong < 20)
			continue;
		else
			err = got;
	}
	recording_close(r);
	unseen_past(w);
	return err ? err : wrong ? -EINVAL : 0;
}

static void finish(struct why *w)
{
	probe_close(w->probe);
	standing_finish(&w->standing);
	scope_finish(&w->scope);
	if (w->standing.netns >= 0)
		close(w->standing.netns);
	for (size_t i = 0; i < w->answer.unseen_count; i++)
		text_finish(&w->unseen[i]);
	free(w->unseen);
	text_finish(&w->arguments);
}

int command_why(int argc, char **argv)
{
	static const struct argp_child children[] = { { &filter_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		options, parse, N_("[PID | :PORT | ADDRESS:PORT | ADDRESS:PORT-ADDRESS:PORT]"),
		N_("Watch for a while and say what is wrong: findings, the most serious first, each with evidence, cause and remedy."
		   "\vA PID stands for the process and its children, with the other ends of their connections. Without an argument and "
		   "filter, the whole host is watched."),
		children, NULL, NULL
	};
	struct why w = { .seconds = 10, .ready_fd = -1, .standing.netns = -1 };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	struct renderer_options appearance;
	unsigned long long lost;
	int err = 0, told;

	filter_init(&w.filter);
	w.filter.probe.wanted[EVENT_tcp_recv_block] = true;
	arguments_parse(&argp, argc, argv, 0, &w);
	check(&w);
	err = outfile_open(&w.out, w.out.path);
	if (err) {
		text_finish(&w.arguments);
		return exit_code_of(err);
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	w.scope.config = &w.filter.probe.config;
	w.scope.past = w.from != NULL;
	scope_describe(&w.scope);
	w.answer.what = text_string(&w.scope.what);
	w.answer.context = &w;
	w.answer.selects = selects;
	w.answer.stands = stands;
	w.answer.word = w.from ? NULL : word;
	appearance = renderer_options_for(w.out.stream);
	appearance.answer = &w.answer;
	w.story = story_create(renderer_find("why"), &appearance);
	err = w.from ? judge_recording(&w) : watch(&w);
	lost = w.answer.lost > story_count(w.story).lost ? w.answer.lost : story_count(w.story).lost;
	w.answer.silent = err && !(w.from && err == -EINVAL);
	told = story_finish(w.story);
	if (told && told != -EPIPE && !err)
		err = fail(told, "output '%s': cannot be written", outfile_name(&w.out));
	told = outfile_close(&w.out, err);
	if (!err)
		err = told;
	finish(&w);
	if (err)
		return exit_code_of(err);
	return w.strict && (lost || w.skipped) ? EXIT_CODE_lost : EXIT_CODE_done;
}
