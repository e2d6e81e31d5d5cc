/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale trace: live events of the host, of a filter, or of one command and its children. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/language.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/bill.h"
#include "command/command.h"
#include "command/filter.h"
#include "command/outfile.h"
#include "command/process.h"
#include "command/recording.h"
#include "render/renderer.h"
#include "render/story.h"

enum { KEY_COST = 0x1f0, KEY_FORMAT = 0x200, KEY_READY, KEY_STRICT };

struct trace {
	struct filter filter;
	const char *format;
	const struct renderer *renderer; /* NULL: --format record */
	struct outfile out;
	char **command;
	double seconds;
	unsigned long long most;
	int ready_fd;
	bool strict;

	bool cost;
	int cost_fd;
	uint64_t cost_told_ns;
	int record_fd; /* --format record: events are copied there unseen; else -1 */
	struct probe *probe;
	struct story *story;
	unsigned long long told;
	pid_t child;
	int gate; /* through which the command is released, -1: none */
	int child_status;
	bool child_ended;
	bool ended_early; /* by a signal, the duration or the count: the command goes on without us */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

static const struct argp_option options[] = {
	{ "duration", 'd', "SECONDS", 0, N_("end after so long"), 3 },
	{ "count", 'n', "COUNT", 0, N_("end after so many events"), 3 },
	{ "format", KEY_FORMAT, "FORMAT", 0, N_("text (default), json, log, ladder; record: as the kernel gives it, for `socktale tell`"), 3 },
	{ "output", 'o', "FILE", 0, N_("write there instead of to standard output"), 3 },
	{ "ready-fd", KEY_READY, "FD", 0, N_("write a byte there when every hook is attached"), 3 },
	{ "cost", KEY_COST, NULL, 0, N_("measure each hook; say every ten seconds and at the end what it costs"), 3 },
	{ "strict", KEY_STRICT, NULL, 0, N_("exit with status 5 if anything was lost"), 3 },
	{ 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct trace *t = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &t->filter;
		break;
	case 'd':
		t->seconds = strtod(argument, &end);
		if (*end || !(t->seconds > 0) || t->seconds > 1e9) {
			fail(0, "duration '%s': is not a number of seconds above 0", argument);
			exit(EXIT_CODE_usage);
		}
		break;
	case 'n':
		errno = 0;
		t->most = strtoull(argument, &end, 10);
		if (*end || errno || *argument < '0' || *argument > '9' || !t->most) {
			fail(0, "count '%s': is not a whole number above 0", argument);
			exit(EXIT_CODE_usage);
		}
		break;
	case KEY_FORMAT:
		t->format = argument;
		break;
	case 'o':
		t->out.path = argument;
		break;
	case KEY_READY:
		t->ready_fd = arguments_descriptor(argument);
		break;
	case KEY_COST:
		t->cost = true;
		break;
	case KEY_STRICT:
		t->strict = true;
		break;
	case ARGP_KEY_NO_ARGS:
		if (state->quoted)
			argp_error(state, _("which COMMAND? Nothing stands behind \"--\""));
		break;
	case ARGP_KEY_ARGS:
		t->command = state->argv + state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void check_format(struct trace *t)
{
	t->renderer = renderer_find(t->format);
	if (!strcmp(t->format, "record")) {
		if (t->out.path && strcmp(t->out.path, "-") && !t->most)
			return;
		if (t->most) {
			fail(0, "count '%llu': cannot end a recording, which is copied in whole stretches", t->most);
			hint("use --format log, or --duration");
		} else {
			fail(0, "format 'record': goes into a file, named by -o");
		}
	} else if (!strcmp(t->format, "why")) {
		fail(0, "format 'why': is no tale of events but an answer");
		hint("socktale why gives it");
	} else if (t->renderer) {
		return;
	} else {
		fail(0, "format '%s': there is no such format", t->format);
		hint("text, json, log, ladder and record are there");
	}
	exit(EXIT_CODE_usage);
}

/* Some events are told of a tree of processes alone: named without one, and with no other, they would never come. */
static void check_tree(const struct filter *f)
{
	enum event_id named = EVENT_COUNT;

	if (f->probe.config.filter_tree)
		return;
	for (int id = 0; id < EVENT_COUNT; id++) {
		if (f->probe.required[id] && id != EVENT_app_output && id != EVENT_process_exit)
			return;
		if (f->probe.required[id])
			named = id;
	}
	if (named != EVENT_COUNT)
		arguments_refuse(N_("event"), schema_get(named)->name, N_("is told only of a command or a --cgroup: give one"));
}

static void check(struct trace *t)
{
	check_format(t);
	if (!t->command) {
		check_tree(&t->filter);
		return;
	}
	if (t->filter.probe.config.filter_cgroup_set) {
		fail(0, "filter '--cgroup' with a command: both name a set of processes; give one of them");
		exit(EXIT_CODE_usage);
	}
	if (process_numbers_serve(N_("command"), t->command[0]))
		exit(EXIT_CODE_lacking);
}

/* ---- the traced command ---- */

/*
 * Make the command's process, held before its first instruction: it execs when a byte comes through the gate, after every hook
 * is attached. Returns 0 or a negative errno.
 */
static int command_hold(struct trace *t)
{
	char **command = t->command;
	sigset_t none;
	int gate[2];
	pid_t pid;
	char byte;

	if (pipe2(gate, O_CLOEXEC))
		return fail(-errno, "command '%s': no pipe to hold it", command[0]);
	pid = fork();
	if (pid < 0)
		return fail(-errno, "command '%s': cannot be started", command[0]);
	if (!pid) {
		close(gate[1]);
		signal(SIGPIPE, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (read(gate[0], &byte, 1) != 1)
			_exit(0); /* the tracer gave up */
		language_leave();
		execvp(command[0], command);
		fail(-errno, "command '%s': cannot be started", command[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(gate[0]);
	t->gate = gate[1];
	t->child = pid;
	t->filter.probe.config.command_pid = pid;
	t->filter.probe.config.filter_tree = 1;
	return 0;
}

/* Not when the trace was ended before it had begun: the command would run unseen. */
static bool command_release(struct trace *t)
{
	if (stopped) {
		fail(0, "command '%s': was not started, as a signal came before every hook was attached", t->command[0]);
		return false;
	}
	if (write(t->gate, "\n", 1) != 1)
		fail(-errno, "command '%s': cannot be released", t->command[0]);
	return true;
}

static void command_look(struct trace *t)
{
	int status;

	if (t->child > 0 && !t->child_ended && waitpid(t->child, &status, WNOHANG) == t->child) {
		t->child_ended = true;
		t->child_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

/* ---- the reading ---- */

/* A reader that left is no failure. */
static int output_failed(const struct trace *t, int err)
{
	return err && err != -EPIPE ? fail(err, "output '%s': cannot be written", outfile_name(&t->out)) : err;
}

static int on_event(const struct event *e, void *context)
{
	struct trace *t = context;
	int err = output_failed(t, story_event(t->story, e));

	if (err)
		return err;
	t->told++;
	return t->most && t->told >= t->most ? -ECANCELED : 0;
}

/* Copy what is there into the recording; `timeout_ms` 0: at the end, all of it. */
static int record(struct trace *t, int timeout_ms)
{
	long n;

	do {
		n = probe_copy(t->probe, timeout_ms, t->record_fd);
		if (n == -EPIPE || n == -EINTR)
			return n;
		if (n < 0)
			return fail(n, "output '%s': cannot be written", outfile_name(&t->out));
		t->told += n;
	} while (n && !timeout_ms);
	return t->most && t->told >= t->most ? -ECANCELED : 0;
}

static int look(struct trace *t)
{
	return t->record_fd >= 0 ? record(t, 10) : probe_poll(t->probe, 10, on_event, t);
}

/* ---- what it costs ---- */

static void cost_tell(struct trace *t, uint64_t began)
{
	bill_tell(t->probe, (now_ns() - began) / 1e9);
	t->cost_told_ns = now_ns();
}

static int follow(struct trace *t)
{
	uint64_t began = now_ns();
	uint64_t end = t->seconds > 0 ? now_ns() + (uint64_t)(t->seconds * 1e9) : UINT64_MAX;
	unsigned long long seen = 0;
	int err = 0;

	while (!stopped && !err && !t->child_ended && now_ns() < end) {
		command_look(t);
		err = look(t);
		if (err == -EINTR)
			err = 0;
		if (!err && t->story && t->told != seen)
			err = output_failed(t, story_flush(t->story));
		seen = t->told;
		if (t->cost && now_ns() - t->cost_told_ns > 10000000000ULL)
			cost_tell(t, began);
	}
	t->ended_early = stopped || (!t->child_ended && (err == -ECANCELED || now_ns() >= end));
	if (t->cost) {
		cost_tell(t, began);
		bill_keep(t->probe, (now_ns() - began) / 1e9);
	}
	/* The tracer's own end: what is in the ring by now was produced before it. */
	if (!err || err == -ECANCELED) {
		probe_detach(t->probe);
		if (err != -ECANCELED)
			err = t->record_fd >= 0 ? record(t, 0) : probe_drain(t->probe, on_event, t);
	}
	return err == -ECANCELED || err == -EPIPE ? 0 : err;
}

/* The end summary: always, on stderr. Returns how many were lost. */
static unsigned long long summary(struct trace *t)
{
	struct probe_count all = probe_count(t->probe, EVENT_COUNT);
	unsigned long long misses = probe_recursion_misses(t->probe), lost = all.lost[LOSS_ring_full];
	unsigned long long shed = all.lost[LOSS_shed], held = all.lost[LOSS_held_back], missing = lost + shed + held;
	unsigned long long gaps = probe_count(t->probe, EVENT_gap).produced;
	struct text line = TEXT_EMPTY;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	text_printf(&line, _("%llu events produced, %llu delivered, %llu lost"), all.produced,
		    all.produced - missing > all.delivered ? all.delivered : all.produced - missing, lost);
	if (shed)
		text_printf(&line, _(", %llu left out (--budget)"), shed);
	if (held)
		text_printf(&line, _(", %llu held back (--max-rate)"), held);
	if (all.produced > all.delivered + missing)
		text_printf(&line, _(", %llu left unread"), all.produced - all.delivered - missing);
	if (all.lost[LOSS_map_full])
		text_printf(&line, _("; %llu sockets could not be remembered (map full)"), all.lost[LOSS_map_full]);
	if (gaps)
		text_printf(&line, _("; %llu gaps told (sockets from before the trace, descriptors not looked at)"), gaps);
	if (misses)
		text_printf(&line, _("; %llu hooks skipped while another ran"), misses);
	text_printf(&line, _("; %llu told; %ld kB of memory"), t->told, usage.ru_maxrss);
	tell("%s", text_string(&line));
	for (int id = 0; lost && id < EVENT_COUNT; id++) {
		struct probe_count c = probe_count(t->probe, id);

		if (c.lost[LOSS_ring_full])
			tell("lost: %llu of %llu %s", c.lost[LOSS_ring_full], c.produced, schema_get(id)->name);
	}
	text_finish(&line);
	return missing + all.lost[LOSS_map_full] + misses;
}

/* Hooks attached, the output empty and ready. Returns 0 or a negative errno, told. */
static int begin(struct trace *t)
{
	struct renderer_options appearance;
	int err = probe_open(&t->filter.probe, &t->probe);

	if (err)
		return err;
	probe_settle(t->probe);
	if (t->cost) {
		t->cost_fd = kernel_measure_runs();
		if (t->cost_fd < 0)
			return t->cost_fd;
		t->cost_told_ns = now_ns();
	}
	err = outfile_begin(&t->out);
	if (err)
		return err;
	process_numbers_tell();
	if (t->renderer) {
		appearance = renderer_options_for(t->out.stream);
		t->story = story_create(t->renderer, &appearance);
		return 0;
	}
	t->record_fd = fileno(t->out.stream);
	err = recording_begin(t->record_fd);
	return err ? fail(err, "output '%s': cannot be written", outfile_name(&t->out)) : 0;
}

/* Give back what begin() took; `err` is what happened before. Returns it, or what goes wrong now. */
static int finish(struct trace *t, int err)
{
	int ended;

	if (t->story) {
		ended = story_finish(t->story);
		if (!err && ended != -EPIPE)
			err = output_failed(t, ended);
	}
	probe_close(t->probe);
	ended = outfile_close(&t->out, err);
	if (t->gate >= 0)
		close(t->gate);
	return err ? err : ended;
}

/* How the command ended: waited for where only the reader has left, not known where the trace ended before it. */
static int command_status(struct trace *t)
{
	int status;

	if (t->ended_early)
		return EXIT_CODE_done;
	if (!t->child_ended) {
		waitpid(t->child, &status, 0);
		t->child_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return t->child_status;
}

/* What no source of this kernel tells is said at once, not only by doctor: an event that does not come is no news otherwise. */
static void untold_tell(const struct trace *t)
{
	const struct source *sources = probe_doors(t->probe)->sources;
	struct text names = TEXT_EMPTY;

	for (int id = 0; id < EVENT_COUNT; id++)
		if (t->filter.probe.wanted[id] && !sources[id].plane && sources[id].refused[0])
			text_printf(&names, "%s%s", names.length ? ", " : "", schema_get(id)->name);
	if (names.length)
		tell("not told on this kernel: %s (socktale doctor says why)", text_string(&names));
	text_finish(&names);
}

int command_trace(int argc, char **argv)
{
	static const struct argp_child children[] = { { &filter_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		options, parse, N_("[-- COMMAND [ARG...]]"),
		N_("Tell what happens to sockets, live: of the whole host, of a filter, or of one command and its children."),
		children, NULL, NULL
	};
	struct trace t = { .format = "text", .ready_fd = -1, .record_fd = -1, .gate = -1 };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned long long lost = 0;
	int err, status = EXIT_CODE_done;
	bool started = false;

	filter_init(&t.filter);
	arguments_parse(&argp, argc, argv, ARGP_IN_ORDER, &t);
	check(&t);
	err = outfile_open(&t.out, t.out.path);
	if (err)
		return exit_code_of(err);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (t.command)
		err = command_hold(&t);
	if (!err)
		err = begin(&t);
	if (!err) {
		untold_tell(&t);
		if (t.ready_fd >= 0 && write(t.ready_fd, "\n", 1) != 1)
			fail(-errno, "descriptor %d: cannot be written", t.ready_fd);
		started = t.command && command_release(&t);
		err = follow(&t);
		fflush(t.out.stream);
		lost = summary(&t);
	}
	err = finish(&t, err);
	if (err)
		return exit_code_of(err);
	if (t.command)
		status = started ? command_status(&t) : 128 + stopped;
	return t.strict && lost ? EXIT_CODE_lost : status;
}
