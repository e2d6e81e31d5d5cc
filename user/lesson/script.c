/* SPDX-License-Identifier: BSD-2-Clause */
#include "lesson/script.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "event/name.h"

/* What follows at once from the event that was waited for comes first: the deed, or what is said, would stand in its midst. */
#define SETTLE_NS 3000000

static struct host *host_find(struct script *s, const char *name)
{
	for (size_t i = 0; i < s->host_count; i++) {
		if (!strcmp(s->hosts[i].name, name))
			return &s->hosts[i];
	}
	fail(0, "host '%s': there is none in scene '%s'", name, s->scene->name);
	return NULL;
}

/* The last one started under that name. */
static struct program *program_find(struct script *s, const char *name)
{
	for (size_t i = s->program_count; i-- > 0;) {
		if (!strcmp(s->programs[i].name, name))
			return &s->programs[i];
	}
	return NULL;
}

/* ---- whose event ---- */

static pid_t parent_of(pid_t pid)
{
	char path[32], line[256];
	FILE *file;
	char *at = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(line, sizeof(line), file))
			at = strrchr(line, ')');
		fclose(file);
	}
	return at && strlen(at) > 4 ? strtol(at + 4, NULL, 10) : 0;
}

static struct program *remember_kin(struct script *s, uint32_t pid, unsigned program)
{
	s->kin[s->next_kin++ % KIN] = (struct kin){ pid, program };
	return &s->programs[program];
}

const struct program *script_program(struct script *s, const struct event *e)
{
	pid_t pid = e->pid;

	if (!pid)
		return NULL;
	for (size_t i = 0; i < s->program_count; i++) {
		if (s->programs[i].pid == pid)
			return &s->programs[i];
	}
	for (size_t i = 0; i < KIN; i++) {
		if (s->kin[i].pid == e->pid)
			return &s->programs[s->kin[i].program];
	}
	for (int generation = 0; pid > 1 && generation < 4; generation++, pid = parent_of(pid)) {
		for (size_t i = 0; i < s->program_count; i++) {
			if (s->programs[i].pid == pid)
				return remember_kin(s, e->pid, i);
		}
	}
	/* Gone already: a child of the program of that name, or else of the one started last. */
	for (size_t i = s->program_count; i-- > 0;) {
		if (!memcmp(&s->programs[i].comm, &e->comm, sizeof(e->comm)))
			return remember_kin(s, e->pid, i);
	}
	return s->program_count ? remember_kin(s, e->pid, s->program_count - 1) : NULL;
}

bool script_owns(const struct script *s, const struct event *e)
{
	if (!e->netns)
		return true;
	for (size_t i = 0; i < s->host_count; i++) {
		/* The number of a namespace is given away again as soon as it is gone; what its end tells comes a little later. */
		if (s->hosts[i].inode == e->netns && e->time_ns >= s->hosts[i].born_ns)
			return true;
	}
	return false;
}

bool script_is(const struct event *e, const char *who, void *script)
{
	const struct program *p = script_program(script, e);

	return p && !strcmp(p->name, who);
}

/* `who` is one of the scene's programs, or else the name of a process, such as one in the middle of a pipe. */
static bool hides(struct script *s, const char *who, const struct event *e)
{
	return program_find(s, who) ? script_is(e, who, s) : !strncmp(e->comm.bytes, who, sizeof(e->comm.bytes));
}

bool script_shows(struct script *s, const struct event *e)
{
	for (size_t i = 0; i < s->scene->hidden_count; i++) {
		const struct hiding *h = &s->scene->hidden[i];

		if (h->id == e->id && (!h->who || hides(s, h->who, e)))
			return false;
	}
	return true;
}

bool script_right(struct script *s, const struct event *e)
{
	const struct program *p = script_program(s, e);

	if (!p)
		return false;
	for (size_t i = 0; s->scene->right[i]; i++) {
		if (!strcmp(s->scene->right[i], p->name))
			return true;
	}
	return !strcmp(p->name, "server") || !strcmp(p->name, "receiver");
}

/* ---- steps ---- */

static int do_host(struct script *s, const struct step *step)
{
	if (s->host_count == HOSTS)
		return fail(-E2BIG, "host '%s': there are too many", step->words[0]);
	return host_create(&s->hosts[s->host_count], step->words[0]) ? -EIO : (s->host_count++, 0);
}

static int do_link(struct script *s, const struct step *step)
{
	struct host *a = host_find(s, step->words[0]), *b = host_find(s, step->words[2]);

	return a && b ? host_link(a, step->words[1], b, step->words[3]) : -ENOENT;
}

/* run NAME HOST [as=UID] PROGRAM [ARGUMENT...] */
static int do_run(struct script *s, const struct step *step)
{
	struct host *host = host_find(s, step->words[1]);
	struct program *p = &s->programs[s->program_count];
	char *argv[sizeof(step->words) / sizeof(*step->words)];
	struct text path = TEXT_EMPTY;
	unsigned first = 2;
	uid_t uid = 0;

	if (!host)
		return -ENOENT;
	if (s->program_count == PROGRAMS)
		return fail(-E2BIG, "program '%s': there are too many", step->words[0]);
	if (!strncmp(step->words[first], "as=", 3))
		uid = strtoul(step->words[first++] + 3, NULL, 10);
	memcpy(argv, step->words + first, sizeof(step->words) - first * sizeof(*argv));
	argv[step->word_count - first] = NULL;
	text_printf(&path, "%s/%s", s->view.programs, argv[0]);
	if (!access(text_string(&path), X_OK))
		argv[0] = path.bytes;
	*p = (struct program){ .name = memory_string(step->words[0]), .terminal = -1 };
	p->pid = stage_start(s->stage, argv, host->netns, uid, &p->terminal);
	memcpy(p->comm.bytes, step->words[first], strnlen(step->words[first], sizeof(p->comm.bytes) - 1));
	text_finish(&path);
	if (p->pid < 0) {
		free(p->name);
		return p->pid;
	}
	s->program_count++;
	return 0;
}

static int put_terminal(const struct program *p, const char *bytes, size_t length)
{
	return write(p->terminal, bytes, length) == (ssize_t)length ? 0 : -errno;
}

static int do_type(struct script *s, const struct step *step, struct program *p)
{
	struct text line = TEXT_EMPTY;
	int err;

	text_printf(&line, "%s\n", step->text);
	err = put_terminal(p, line.bytes, line.length);
	text_finish(&line);
	return err;
}

static int do_signal(const struct step *step, struct program *p)
{
	struct text name = TEXT_EMPTY;
	int64_t number;
	int err;

	text_printf(&name, "SIG%s", step->words[1]);
	err = name_value(KIND_SIGNAL, text_string(&name), &number);
	text_finish(&name);
	if (err)
		return fail(err, "signal '%s': is not known", step->words[1]);
	return kill(p->pid, number) ? -errno : 0;
}

static int step_do(struct script *s, const struct step *step, struct program **ret)
{
	struct host *host;

	*ret = NULL;
	switch (step->kind) {
	case STEP_host:
		return do_host(s, step);
	case STEP_link:
		return do_link(s, step);
	case STEP_sysctl:
		host = host_find(s, step->words[0]);
		return host ? host_sysctl(host, step->words[1], step->text) : -ENOENT;
	case STEP_shell:
		host = host_find(s, step->words[0]);
		return host ? host_shell(host, step->text) : -ENOENT;
	case STEP_run:
		*ret = &s->programs[s->program_count];
		return do_run(s, step);
	default:
		break;
	}
	*ret = program_find(s, step->words[0]);
	if (!*ret)
		return fail(-ENOENT, "program '%s': there is none in scene '%s'", step->words[0], s->scene->name);
	switch (step->kind) {
	case STEP_type:
		return do_type(s, step, *ret);
	case STEP_eof:
		return put_terminal(*ret, "\004", 1);
	default:
		return do_signal(step, *ret);
	}
}

/* The end of a program is waited for, and it is over already: on a busy machine it may have come before the last deed was done. */
static bool ended_already(struct script *s, const struct step *step)
{
	const char *who = condition_who(&step->condition, 0);
	struct program *p = who && step->condition.count == 1 && condition_event(&step->condition, 0) == EVENT_process_exit
				    ? program_find(s, who)
				    : NULL;

	return p && p->ended;
}

static bool wait_holds(struct script *s, const struct step *step)
{
	if (ended_already(s, step))
		return true;
	return condition_holds(&step->condition, &s->history, s->since, script_is, s, NULL, NULL);
}

/* Do what can be done without waiting. */
static void advance(struct script *s)
{
	while (!script_done(s)) {
		const struct step *step = &s->scene->steps[s->step];
		struct program *program;
		uint64_t before_ns = now_ns();

		if (step->full && !s->view.full) {
			s->step++;
			continue;
		}
		if (step->kind == STEP_pause)
			return;
		if (step->kind == STEP_wait) {
			if (!wait_holds(s, step))
				return;
		} else if (step->kind == STEP_say) {
			s->view.say(saying_in(&step->saying, s->view.language), s->view.context);
		} else {
			/* What it brings about comes after this moment. */
			s->since = s->history.count;
			if (step_do(s, step, &program)) {
				s->failed = true;
				return;
			}
			s->view.act(step, program, before_ns, s->view.context);
		}
		s->step++;
		s->step_began_ns = now_ns();
	}
}

int script_begin(struct script *s, const struct scene *scene, struct stage *stage, const struct script_view *view)
{
	*s = (struct script){ .scene = scene, .stage = stage, .view = *view };
	s->step_began_ns = now_ns();
	if (stage_fresh_directory(stage))
		return -EIO;
	advance(s);
	return 0;
}

void script_event(struct script *s, const struct event *e)
{
	history_add(&s->history, e);
	if (e->id == EVENT_process_exit) {
		for (size_t i = 0; i < s->program_count; i++)
			s->programs[i].ended |= s->programs[i].pid == (pid_t)e->pid;
	}
	/* Only the event that ends what is waited for can make it hold: do not look through all of them each time. */
	if (!script_done(s) && s->scene->steps[s->step].kind == STEP_wait &&
	    !s->settled_ns && condition_may_end(&s->scene->steps[s->step].condition, e, script_is, s) &&
	    wait_holds(s, &s->scene->steps[s->step]))
		s->settled_ns = now_ns() + SETTLE_NS;
}

static void terminals_read(struct script *s)
{
	char bytes[4096];

	for (size_t i = 0; i < s->program_count; i++) {
		while (read(s->programs[i].terminal, bytes, sizeof(bytes)) > 0)
			;
	}
}

void script_tick(struct script *s, uint64_t now)
{
	const struct step *step;
	uint64_t waited;

	terminals_read(s);
	if (script_done(s))
		return;
	if (s->settled_ns) {
		if (now < s->settled_ns)
			return;
		s->settled_ns = 0;
		s->step++;
		s->step_began_ns = now;
		advance(s);
		return;
	}
	step = &s->scene->steps[s->step];
	waited = now > s->step_began_ns ? now - s->step_began_ns : 0;
	if ((step->kind != STEP_wait && step->kind != STEP_pause) ||
	    waited < step->seconds * 1e9 * (step->kind == STEP_wait ? s->view.patience : 1))
		return;
	if (step->kind == STEP_wait) {
		s->failed = true;
		s->view.vain(step, s->view.context);
		return;
	}
	s->step++;
	s->step_began_ns = now;
	advance(s);
}

bool script_done(const struct script *s)
{
	return s->failed || s->step == s->scene->step_count;
}

void script_finish(struct script *s)
{
	stage_clear(s->stage);
	for (size_t i = 0; i < s->program_count; i++) {
		close(s->programs[i].terminal);
		free(s->programs[i].name);
	}
	for (size_t i = 0; i < s->host_count; i++)
		host_finish(&s->hosts[i]);
	history_finish(&s->history);
	*s = (struct script){ 0 };
}
