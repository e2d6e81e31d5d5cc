/* SPDX-License-Identifier: BSD-2-Clause */
/* socktale play: a lesson's hosts and programs, the tale the kernel tells of them, and what that proves. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/place.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/command.h"
#include "command/play_screen.h"
#include "command/play_tale.h"
#include "command/process.h"
#include "command/witness.h"
#include "lesson/script.h"
#include "probe/probe.h"
#include "render/column.h"

enum { KEY_STEP = 0x300, KEY_SLOW, KEY_FULL, KEY_LIST, KEY_PLANE, KEY_CLAIMS, KEY_FORMAT, KEY_PATIENCE };

enum outcome { OUTCOME_ok, OUTCOME_not_ok, OUTCOME_unseeable };

/* What became of one must-see. */
struct result {
	const struct evidence *evidence;
	enum outcome outcome;
	unsigned found;
	char *witness; /* the first event as a log line with the time since the scene began, or NULL */
	const char *missing; /* OUTCOME_unseeable: the event this kernel does not tell, or the program this machine lacks */
	bool program_missing;
};

struct play {
	const char *wanted; /* lesson asked for, or NULL */
	const char *format;
	bool step, slow, full, list, claims;
	double patience;
	enum plane plane;
	enum language language;
	char lessons[PATH_MAX], programs[PATH_MAX];

	struct probe *probe;
	struct stage stage;
	struct screen *screen;
	struct script script;
	struct board *board;
	uint32_t gone[PROGRAMS + KIN]; /* the processes of the last scene: what their end still brings belongs to no scene */
	struct watch watch;  /* of the scene's programs, as it plays */
	uint64_t looked_ns;  /* when it last looked at them */
	struct tale tale;    /* what has happened and is not told */
	uint64_t late_ns;    /* the tale is behind what happens by so much */
	uint64_t reads_ns;   /* somebody reads since then: the tale stands still; 0: nobody does */
	uint64_t read_ns;    /* --slow: when what was said should be read */
	uint64_t scene_began_ns, scene_ended_ns; /* 0: not yet */
	struct result *results;
	size_t result_count;
	bool failed; /* a scene did not come to its end */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

/* ---- arguments ---- */

static const struct argp_option options[] = {
	{ "step", KEY_STEP, NULL, 0, N_("wait for a key after each thing said"), 0 },
	{ "slow", KEY_SLOW, NULL, 0, N_("give time to read"), 0 },
	{ "full", KEY_FULL, NULL, 0, N_("let the minute of TIME_WAIT pass where a lesson is about it (else: a countdown, and fresh hosts)"), 0 },
	{ "list", KEY_LIST, NULL, 0, N_("list the lessons"), 0 },
	{ "claims", KEY_CLAIMS, NULL, 0, N_("play all lessons (or the one named) in silence, and print what became of each claim of the notes"), 0 },
	{ "plane", KEY_PLANE, "functions|tracepoints", 0, N_("use only this plane of observation where an event has a choice"), 0 },
	{ "patience", KEY_PATIENCE, "FACTOR", 0, N_("wait so many times longer for what should happen (1; more on slow machines)"), 0 },
	{ "format", KEY_FORMAT, "lanes|text", 0, N_("how to show it (lanes on a terminal, else text)"), 0 },
	{ 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct play *p = state->input;
	char *end;

	switch (key) {
	case KEY_STEP:
		p->step = true;
		break;
	case KEY_SLOW:
		p->slow = true;
		break;
	case KEY_FULL:
		p->full = true;
		break;
	case KEY_LIST:
		p->list = true;
		break;
	case KEY_CLAIMS:
		p->claims = true;
		break;
	case KEY_PATIENCE:
		p->patience = strtod(argument, &end);
		if (*end || !(p->patience >= 1) || p->patience > 1000)
			argp_error(state, _("patience '%s': is not a number from 1 on"), argument);
		break;
	case KEY_FORMAT:
		p->format = argument;
		if (strcmp(argument, "lanes") && strcmp(argument, "text"))
			argp_error(state, _("format '%s': lanes and text are there"), argument);
		break;
	case KEY_PLANE:
		p->plane = !strcmp(argument, "functions")     ? PLANE_functions
			   : !strcmp(argument, "tracepoints") ? PLANE_tracepoints
							      : PLANE_none;
		if (p->plane == PLANE_none)
			argp_error(state, _("plane '%s': functions and tracepoints are there"), argument);
		break;
	case ARGP_KEY_ARG:
		if (p->wanted)
			argp_error(state, _("lesson '%s': one at a time"), argument);
		p->wanted = argument;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Lessons and programs lie beside the tool, in the tree it was built in, or where it was installed. */
static void find_directory(char *ret, size_t room, const char *variable, const char *const places[])
{
	const char *given = getenv(variable);

	if (given && *given)
		snprintf(ret, room, "%s", given);
	else
		place_find(ret, room, places, ".");
}

static void find_directories(struct play *p)
{
	static const char *const lessons[] = { "../demos/lessons", "../../demos/lessons", "../share/socktale/lessons",
					       "/share/socktale/lessons", NULL };
	static const char *const programs[] = { "demos", "../demos", "../build/demos", "../lib/socktale/demos",
						"/lib/socktale/demos", NULL };

	find_directory(p->lessons, sizeof(p->lessons), "SOCKTALE_LESSONS", lessons);
	find_directory(p->programs, sizeof(p->programs), "SOCKTALE_DEMOS", programs);
}

/* ---- which lessons there are ---- */

static int is_lesson(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".lesson");
}

/* Whether this file may be the lesson asked for; all are read where none was. */
static bool lesson_wanted(const struct play *p, const char *file)
{
	const char *name = file + strspn(file, "0123456789");
	char *end;
	unsigned long number;

	if (!p->wanted)
		return true;
	number = strtoul(p->wanted, &end, 10);
	if (!*end)
		return strtoul(file, NULL, 10) == number;
	name += *name == '-';
	return !strncmp(name, p->wanted, strlen(p->wanted)) && !strcmp(name + strlen(p->wanted), ".lesson");
}

static int lessons_read(const struct play *p, struct lesson **ret, size_t *ret_count)
{
	struct dirent **entries;
	int count = scandir(p->lessons, &entries, is_lesson, alphasort), err = 0;
	char path[PATH_MAX + NAME_MAX + 2];

	if (count < 0 && !*p->lessons) {
		fail(0, "lessons: there are none beside the tool nor where it was to be installed");
		hint("`make install` puts them there; SOCKTALE_LESSONS and SOCKTALE_DEMOS name other folders");
		return -EIO;
	}
	if (count < 0)
		return fail(-errno, "lessons '%s': cannot be read", p->lessons);
	*ret = memory_create(count + 1, sizeof(**ret));
	*ret_count = 0;
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", p->lessons, entries[i]->d_name);
		if (!err && lesson_wanted(p, entries[i]->d_name)) {
			err = lesson_read(&(*ret)[*ret_count], path);
			*ret_count += !err;
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

static void lessons_finish(struct lesson *lessons, size_t count)
{
	for (size_t i = 0; i < count; i++)
		lesson_finish(&lessons[i]);
	free(lessons);
}

static struct lesson *lesson_find(const struct play *p, struct lesson *lessons, size_t count)
{
	char *end;
	unsigned long number = strtoul(p->wanted, &end, 10);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(lessons[i].name, p->wanted) || (!*end && lessons[i].number == number))
			return &lessons[i];
	}
	fail(0, "lesson '%s': there is none of that name", p->wanted);
	hint("socktale play --list lists them");
	return NULL;
}

static unsigned claims_of(const struct lesson *l)
{
	bool seen[256] = { false };
	unsigned count = 0;

	for (size_t i = 0; i < l->scene_count; i++) {
		for (size_t k = 0; k < l->scenes[i].evidence_count; k++) {
			unsigned claim = l->scenes[i].evidence[k].claim;

			if (claim && claim < 256 && !seen[claim]) {
				seen[claim] = true;
				count++;
			}
		}
	}
	return count;
}

static int list_lessons(const struct play *p, const struct lesson *lessons, size_t count)
{
	int widest = 0;

	for (size_t i = 0; i < count; i++)
		if ((int)strlen(lessons[i].name) > widest)
			widest = strlen(lessons[i].name);
	for (size_t i = 0; i < count; i++)
		printf(_("%2u  %-*s  %s (%u scenes, %u claims)\n"), lessons[i].number, widest, lessons[i].name,
		       saying_in(&lessons[i].title, p->language), (unsigned)lessons[i].scene_count, claims_of(&lessons[i]));
	return fflush(stdout) && errno != EPIPE ? fail(-errno, "standard output: cannot write") : 0;
}

/* ---- the stage and the probe ---- */

static int open_probe(struct play *p)
{
	struct probe_options o = { .plane = p->plane };

	for (int i = 0; i < EVENT_COUNT; i++)
		o.wanted[i] = i != EVENT_tcp_io;
	o.config.command_pid = p->stage.pid;
	o.config.filter_tree = 1;
	return probe_open(&o, &p->probe);
}

static void remember_gone(struct play *p)
{
	memset(p->gone, 0, sizeof(p->gone));
	for (size_t i = 0; i < p->script.program_count; i++)
		p->gone[i] = p->script.programs[i].pid;
	for (size_t i = 0; i < KIN; i++)
		p->gone[PROGRAMS + i] = p->script.kin[i].pid;
}

static bool is_gone(const struct play *p, uint32_t pid)
{
	for (size_t i = 0; pid && i < sizeof(p->gone) / sizeof(*p->gone); i++) {
		if (p->gone[i] == pid)
			return true;
	}
	return false;
}

/* ---- what happens: at its own speed ---- */

static int on_event(const struct event *e, void *context)
{
	struct play *p = context;
	const struct history *all = &p->script.history;

	if (!p->scene_began_ns || p->scene_ended_ns || e->pid == (uint32_t)p->stage.pid || is_gone(p, e->pid) ||
	    !script_owns(&p->script, e))
		return 0;
	script_program(&p->script, e); /* whose child it is can be seen only now */
	script_event(&p->script, e);
	watch_event(&p->watch, &p->script, e);
	tale_add(&p->tale, &(struct telling){ TELLING_event, e->time_ns, .event = &all->events[all->count - 1]->head });
	return 0;
}

static void look_at_programs(struct play *p, uint64_t now)
{
	for (size_t i = 0; i < p->script.program_count; i++) {
		if (!p->script.programs[i].ended && watch_look(&p->watch, &p->script, p->probe, i, now))
			tale_add(&p->tale, &(struct telling){ TELLING_stay, now, .program = i, .stay = p->watch.stays[i] });
	}
	p->looked_ns = now;
}

static void on_say(const char *sentence, void *context)
{
	struct play *p = context;

	look_at_programs(p, now_ns());
	tale_add(&p->tale, &(struct telling){ TELLING_say, p->looked_ns, .sentence = sentence });
}

static void on_act(const struct step *step, const struct program *program, uint64_t time_ns, void *context)
{
	struct play *p = context;
	size_t i = program ? (size_t)(program - p->script.programs) : SIZE_MAX;

	tale_add(&p->tale, &(struct telling){ TELLING_act, time_ns, .step = step, .program = i });
}

static void on_vain(const struct step *step, void *context)
{
	struct play *p = context;

	tale_add(&p->tale, &(struct telling){ TELLING_vain, now_ns(), .step = step });
}

enum { LOOK_NS = 50000000, AFTERMATH_NS = 200000000 };

/* Let it go on; `*done_ns` is when the last step was done, 0: not yet. What that brought about takes a little longer. */
static void perform(struct play *p, uint64_t *done_ns)
{
	uint64_t now = now_ns();

	script_tick(&p->script, now);
	if (now - p->looked_ns >= LOOK_NS)
		look_at_programs(p, now);
	if (!*done_ns && script_done(&p->script))
		*done_ns = now;
	if (*done_ns && now >= *done_ns + AFTERMATH_NS) {
		p->scene_ended_ns = now;
		/* Who reads may take any time: nothing shall go on meanwhile. */
		stage_clear(&p->stage);
	}
}

/* ---- what is told: at the reader's ---- */

/* For what comes out of the ring a little later than it happened: the tale is told in the order of time. */
enum { BEHIND_NS = 30000000 };

static bool waits_for_reader(const struct play *p)
{
	return p->step || p->slow;
}

static void await_key(struct play *p)
{
	screen_ask(p->screen);
	while (!stopped && !screen_answered(p->screen))
		usleep(20000);
}

enum { SENTENCE_MS = 8000, SCENE_MS = 15000 };

static uint64_t reading_ns(struct play *p, unsigned most_ms)
{
	unsigned ms = screen_unread_ms(p->screen);

	return (ms < most_ms ? ms : most_ms) * 1000000ULL;
}

static bool has_read(struct play *p)
{
	return p->step ? screen_answered(p->screen) : now_ns() >= p->read_ns;
}

/* The scene's time stands still from here on, for the one who reads. */
static void begin_reading(struct play *p)
{
	p->reads_ns = now_ns();
	if (p->step) {
		screen_ask(p->screen);
	} else {
		p->read_ns = p->reads_ns + reading_ns(p, SENTENCE_MS);
		screen_rests(p->screen, true);
	}
}

static void end_reading(struct play *p)
{
	p->late_ns += now_ns() - p->reads_ns;
	p->reads_ns = 0;
	screen_rests(p->screen, false);
}

static int tell_next(struct play *p, const struct telling *t)
{
	switch (t->kind) {
	case TELLING_event:
		board_event(p->board, t->event);
		return screen_event(p->screen, t->event);
	case TELLING_say:
		screen_say(p->screen, t->sentence);
		if (waits_for_reader(p))
			begin_reading(p);
		return 0;
	case TELLING_act:
		if (t->step->kind == STEP_run)
			board_begun(p->board, t->program);
		screen_act(p->screen, t->step, NULL);
		return 0;
	case TELLING_stay:
		board_stay(p->board, t->program, &t->stay);
		return 0;
	case TELLING_vain:
		fail(0, "lesson line %u: waited %.0f s in vain for: %s", t->step->line, t->step->seconds * p->patience,
		     t->step->condition.source);
		return 0;
	}
	return 0;
}

/* Tell what the time has come for. Where nobody is waited for, that is everything. */
static int tell_due(struct play *p)
{
	bool late = waits_for_reader(p);
	const struct telling *t;
	uint64_t now;
	int err = 0;

	if (p->reads_ns && has_read(p))
		end_reading(p);
	now = now_ns() - p->late_ns;
	if (p->scene_ended_ns && now > p->scene_ended_ns)
		now = p->scene_ended_ns;
	while (!err && !p->reads_ns && (t = tale_next(&p->tale, late ? now : UINT64_MAX))) {
		screen_at(p->screen, late ? t->time_ns : now, late);
		err = tell_next(p, t);
	}
	if (!p->reads_ns)
		screen_at(p->screen, now, late);
	return err;
}

/* Play until the script is done and all is told. */
static int follow(struct play *p)
{
	uint64_t done_ns = 0;
	int err = 0;

	while (!stopped && !err && !(p->scene_ended_ns && !p->reads_ns && tale_is_told(&p->tale))) {
		err = probe_poll(p->probe, 10, on_event, p);
		if (err == -EINTR)
			err = 0;
		if (!err && !p->scene_ended_ns)
			perform(p, &done_ns);
		if (!err)
			err = tell_due(p);
		if (!err)
			err = screen_flush(p->screen);
		screen_wait(p->screen);
	}
	return err;
}

/* A scene is over, and told. */
static void scene_read(struct play *p)
{
	if (stopped)
		return;
	screen_at(p->screen, p->scene_ended_ns, waits_for_reader(p));
	if (p->step) {
		await_key(p);
	} else if (p->slow) {
		screen_rests(p->screen, true);
		screen_rest(p->screen, reading_ns(p, SCENE_MS) / 1000000);
		screen_rests(p->screen, false);
	}
}

/* ---- judging ---- */

static const char *unseeable(struct play *p, const struct evidence *e)
{
	const struct doors *doors = probe_doors(p->probe);

	for (size_t i = 0; i < e->condition.count; i++) {
		enum event_id id = condition_event(&e->condition, i);

		if (doors->sources[id].plane == PLANE_none ||
		    (e->needs_functions && doors->sources[id].plane != PLANE_functions))
			return schema_get(id)->name;
	}
	return NULL;
}

/* client[123] tcp_state oldstate=TCP_CLOSE newstate=TCP_SYN_SENT ... */
static void write_witness(struct text *to, const struct event *e)
{
	const struct schema *s = schema_get(e->id);

	text_escape(to, e->comm.bytes, strnlen(e->comm.bytes, sizeof(e->comm.bytes)));
	text_printf(to, "[%u] %s", e->pid, s->name);
	for (size_t i = 0; i < s->field_count; i++) {
		if (field_is_zero(&s->fields[i], e) && kind_row(s->fields[i].kind)->form != FORM_NAMED)
			continue;
		text_printf(to, " %s=", s->fields[i].name);
		kind_write(to, &s->fields[i], e);
	}
}

static void result_add(struct play *p, const struct result *r)
{
	p->results = memory_resize(p->results, p->result_count + 1, sizeof(*p->results));
	p->results[p->result_count++] = *r;
}

static const char *outcome_word(enum outcome o)
{
	return o == OUTCOME_ok ? "ok" : o == OUTCOME_not_ok ? "not ok" : "skip";
}

static void judge(struct play *p, const struct evidence *e)
{
	const union event_any *first;
	struct result r = { .evidence = e };
	struct text line = TEXT_EMPTY;
	bool holds = condition_holds(&e->condition, &p->script.history, 0, script_is, &p->script, &first, &r.found);

	if (e->never)
		holds = !r.found;
	r.missing = unseeable(p, e);
	r.outcome = r.missing ? OUTCOME_unseeable : holds && !p->script.failed ? OUTCOME_ok : OUTCOME_not_ok;
	if (first) {
		screen_time(&line, p->screen, first->head.time_ns);
		text_char(&line, ' ');
		write_witness(&line, &first->head);
		r.witness = text_steal(&line);
	}
	text_finish(&line);
	witness_keep(e, outcome_word(r.outcome), &p->script, p->screen);
	result_add(p, &r);
}

static void results_clear(struct play *p)
{
	for (size_t i = 0; i < p->result_count; i++)
		free(p->results[i].witness);
	p->result_count = 0;
}

/* ---- playing ---- */

static bool have_program(const char *name)
{
	char *path = memory_string(getenv("PATH") ? getenv("PATH") : "/usr/sbin:/usr/bin:/sbin:/bin"), *save = NULL;
	struct text file = TEXT_EMPTY;
	bool found = strchr(name, '/') && !access(name, X_OK);

	for (char *at = strtok_r(path, ":", &save); at && !found; at = strtok_r(NULL, ":", &save)) {
		text_clear(&file);
		text_printf(&file, "%s/%s", at, name);
		found = !access(text_string(&file), X_OK);
	}
	text_finish(&file);
	free(path);
	return found;
}

/* What the scene needs and this machine does not have, or NULL. */
static const char *scene_lacks(const struct scene *scene)
{
	for (size_t i = 0; scene->needs[i]; i++) {
		if (!have_program(scene->needs[i]))
			return scene->needs[i];
	}
	return NULL;
}

static void skip_scene(struct play *p, const struct scene *scene, const char *lacking)
{
	struct text line = TEXT_EMPTY;

	text_printf(&line, _("This scene is left out: the program %s is not installed."), lacking);
	screen_line(p->screen, text_string(&line));
	text_finish(&line);
	for (size_t i = 0; i < scene->evidence_count; i++)
		result_add(p, &(struct result){ .evidence = &scene->evidence[i], .outcome = OUTCOME_unseeable, .missing = lacking,
						.program_missing = true });
}

/* The rest of a TIME_WAIT the scene is about: the hosts are thrown away instead. */
static void tell_skipped(struct play *p)
{
	struct text line = TEXT_EMPTY;

	board_at(p->board, p->scene_ended_ns);
	board_put_skipped(p->board, &line);
	if (line.length)
		screen_line(p->screen, text_string(&line));
	text_finish(&line);
}

static int play_scene(struct play *p, const struct scene *scene)
{
	struct script_view view = { on_say, on_act, on_vain, p, p->language, p->programs, p->patience, p->full };
	const char *lacking = scene_lacks(scene);
	int err;

	screen_scene(p->screen, saying_in(&scene->title, p->language));
	if (lacking) {
		skip_scene(p, scene, lacking);
		return 0;
	}
	p->scene_began_ns = now_ns();
	p->scene_ended_ns = 0;
	p->watch = (struct watch){ 0 };
	p->reads_ns = 0;
	p->late_ns = waits_for_reader(p) ? BEHIND_NS : 0;
	p->tale.in_time_order = waits_for_reader(p);
	screen_at(p->screen, p->scene_began_ns, false);
	p->board = board_create(scene, &p->script, screen_is_ascii(p->screen));
	screen_board(p->screen, p->board, &p->script);
	err = script_begin(&p->script, scene, &p->stage, &view);
	if (!err)
		err = follow(p);
	if (!err)
		scene_read(p);
	if (!err && stopped)
		err = -EINTR;
	screen_board(p->screen, NULL, NULL);
	if (!err)
		tell_skipped(p);
	for (size_t i = 0; !err && i < scene->evidence_count; i++) {
		if (p->full || !scene->evidence[i].full)
			judge(p, &scene->evidence[i]);
	}
	p->failed |= p->script.failed;
	board_destroy(p->board);
	p->board = NULL;
	tale_finish(&p->tale);
	remember_gone(p);
	script_finish(&p->script);
	/* What the end of the programs still brings belongs to no scene. */
	p->scene_began_ns = 0;
	for (uint64_t end = now_ns() + 60000000; !err && now_ns() < end;)
		probe_poll(p->probe, 20, on_event, p);
	return err;
}

static int play_lesson(struct play *p, const struct lesson *l)
{
	int err = stage_open(&p->stage);

	if (err)
		return err;
	screen_lesson(p->screen, l->number, saying_in(&l->title, p->language), saying_in(&l->aim, p->language));
	err = open_probe(p);
	if (!err && p->step)
		await_key(p);
	for (size_t i = 0; !err && i < l->scene_count; i++)
		err = play_scene(p, &l->scenes[i]);
	return err;
}

static void close_lesson(struct play *p)
{
	probe_close(p->probe);
	p->probe = NULL;
	stage_close(&p->stage);
}

/* ---- what you just saw ---- */

/* What became of a claim, as its weakest must-see; *ret is that one (NULL: there is none), or the first with a witness. */
static enum outcome claim_outcome(const struct play *p, unsigned number, const struct result **ret)
{
	enum outcome worst = OUTCOME_ok;

	*ret = NULL;
	for (size_t i = 0; i < p->result_count; i++) {
		const struct result *r = &p->results[i];

		if (r->evidence->claim != number)
			continue;
		if (!*ret || (r->outcome == OUTCOME_not_ok && worst != OUTCOME_not_ok) ||
		    (r->outcome == OUTCOME_unseeable && worst == OUTCOME_ok) || (!(*ret)->witness && r->witness && worst == OUTCOME_ok)) {
			*ret = r;
			worst = r->outcome != OUTCOME_ok ? r->outcome : worst;
		}
	}
	return worst;
}

/* The notes' table says what a claim is; whether that was shown here, only the evidence does. */
static const char *verdict_word(const struct play *p, const struct claim *c)
{
	const struct result *weakest;

	switch (claim_outcome(p, c->number, &weakest)) {
	case OUTCOME_not_ok:
		return _("not shown");
	case OUTCOME_unseeable:
		return _("not to be seen here");
	default:
		break;
	}
	switch (c->verdict) {
	case VERDICT_true:
		return _("proven");
	case VERDICT_wrong:
		return _("refuted");
	case VERDICT_platform:
		return _("platform-dependent");
	default:
		return _("corrected");
	}
}

static void tell_result(struct play *p, const struct result *r)
{
	const char *said = saying_in(&r->evidence->saying, p->language), *source = r->evidence->condition.source;
	struct text line = TEXT_EMPTY, below = TEXT_EMPTY;
	bool never = r->evidence->never;

	text_printf(&line, "%s - ", _(outcome_word(r->outcome)));
	if (*said)
		text_put(&line, said);
	else
		text_printf(&line, never ? _("never: %s") : _("see: %s"), source);
	if (r->program_missing)
		text_printf(&below, _("%s is not installed"), r->missing);
	else if (r->outcome == OUTCOME_unseeable)
		text_printf(&below, _("%s: not told on this plane of this kernel; the function plane tells it"), r->missing);
	else if (never && r->found)
		text_printf(&below, _("seen all the same: %s"), r->witness);
	else if (r->witness)
		text_put(&below, r->witness);
	else if (*said)
		text_printf(&below, never ? _("never seen: %s") : _("looked for: %s"), source);
	else if (r->outcome == OUTCOME_not_ok)
		text_put(&below, never ? _("the scene did not come to its end") : _("it was not seen"));
	screen_result(p->screen, text_string(&line), text_string(&below), r->outcome == OUTCOME_not_ok);
	text_finish(&line);
	text_finish(&below);
}

static bool speaks_first(const struct play *p, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (p->results[k].evidence->claim == p->results[i].evidence->claim)
			return false;
	}
	return true;
}

static void tell_claim(struct play *p, const struct claims *claims, unsigned number)
{
	const struct claim *c = number ? claims_find(claims, number) : NULL;
	struct text line = TEXT_EMPTY;

	if (c) {
		text_printf(&line, _("C%u %s: "), number, verdict_word(p, c));
		text_put(&line, saying_in(&c->saying, p->language));
	} else {
		text_put(&line, _("And besides:"));
	}
	screen_claim(p->screen, text_string(&line));
	text_finish(&line);
	for (size_t i = 0; i < p->result_count; i++) {
		if (p->results[i].evidence->claim == number)
			tell_result(p, &p->results[i]);
	}
}

/* Returns how many must-sees do not hold. */
static unsigned tell_end(struct play *p, const struct lesson *l, const struct claims *claims)
{
	unsigned ok = 0, not_ok = 0, skipped = 0;
	struct probe_count all = probe_count(p->probe, EVENT_COUNT);
	struct text line = TEXT_EMPTY;

	screen_title(p->screen, _("What you just saw"));
	screen_say(p->screen, saying_in(&l->end, p->language));
	for (size_t i = 0; i < p->result_count; i++) {
		ok += p->results[i].outcome == OUTCOME_ok;
		not_ok += p->results[i].outcome == OUTCOME_not_ok;
		skipped += p->results[i].outcome == OUTCOME_unseeable;
		if (speaks_first(p, i))
			tell_claim(p, claims, p->results[i].evidence->claim);
	}
	if (l->read_on.in[LANGUAGE_en])
		screen_say(p->screen, saying_in(&l->read_on, p->language));
	text_printf(&line, _("%u must-sees: %u ok, %u not ok, %u not to be seen here; %llu events, %llu lost"), ok + not_ok + skipped,
		    ok, not_ok, skipped, all.delivered, all.lost[LOSS_ring_full]);
	screen_line(p->screen, text_string(&line));
	text_finish(&line);
	return not_ok;
}

static int play_one(struct play *p, const struct lesson *l, const struct claims *claims)
{
	unsigned not_ok = 0;
	int err;

	err = play_lesson(p, l);
	if (!err)
		not_ok = tell_end(p, l, claims);
	if (!err && (not_ok || p->failed))
		err = -EIO;
	return err;
}

/* ---- the table of claims ---- */

struct tally_of_claims {
	unsigned shown, failed, unseeable, missing;
};

static void claim_row(const struct play *p, const struct claim *c, const struct lesson *shown_in, struct tally_of_claims *t)
{
	static const char *const verdicts[VERDICTS] = { N_("true"), N_("imprecise"), N_("outdated"), N_("wrong"),
						       N_("platform-dependent") };
	struct text verdict = TEXT_EMPTY;
	const struct result *r;
	enum outcome o = claim_outcome(p, c->number, &r);
	const char *status = !r ? "missing" : outcome_word(o);

	column_fit(&verdict, _(verdicts[c->verdict]), 18);
	printf("%-7s C%-4u %s %-16s ", status, c->number, text_string(&verdict), shown_in ? shown_in->name : "-");
	text_finish(&verdict);
	if (!r)
		printf("%s\n", _("no lesson shows it yet"));
	else if (r->program_missing)
		printf(_("%s is not installed\n"), r->missing);
	else if (o == OUTCOME_unseeable)
		printf(_("%s is told by the function plane only\n"), r->missing);
	else if (r->witness && !r->evidence->never)
		printf("%s\n", r->witness);
	else
		printf(_("%s: %s\n"), r->evidence->never ? _("never seen") : _("looked for"), r->evidence->condition.source);
	t->missing += !r;
	t->shown += r && o == OUTCOME_ok;
	t->failed += r && o == OUTCOME_not_ok;
	t->unseeable += r && o == OUTCOME_unseeable;
}

static bool lesson_speaks_of(const struct lesson *l, unsigned number)
{
	for (size_t i = 0; i < l->scene_count; i++) {
		for (size_t k = 0; k < l->scenes[i].evidence_count; k++) {
			if (l->scenes[i].evidence[k].claim == number)
				return true;
		}
	}
	return false;
}

static int table_of_claims(struct play *p, const struct lesson *lessons, size_t count, const struct claims *claims)
{
	struct tally_of_claims t = { 0 };
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		tell(_("plays lesson %u, %s"), lessons[i].number, lessons[i].name);
		err = play_lesson(p, &lessons[i]);
		close_lesson(p);
	}
	if (err)
		return err;
	for (size_t i = 0; i < claims->count; i++) {
		const struct lesson *shown_in = NULL;

		for (size_t k = 0; k < count && !shown_in; k++) {
			if (lesson_speaks_of(&lessons[k], claims->rows[i].number))
				shown_in = &lessons[k];
		}
		/* Asked for one lesson: only its claims. */
		if (shown_in || !p->wanted)
			claim_row(p, &claims->rows[i], shown_in, &t);
	}
	printf(_("%u claims: %u with evidence, %u without what must be seen, %u not to be seen on this plane, %u in no lesson\n"),
	       t.shown + t.failed + t.unseeable + t.missing, t.shown, t.failed, t.unseeable, t.missing);
	return t.failed || t.missing ? -EIO : 0;
}

/* ---- the command ---- */

static int run(struct play *p)
{
	struct lesson *lessons = NULL, *one = NULL;
	struct claims claims = { 0 };
	char path[PATH_MAX + 16];
	size_t count = 0;
	int err = lessons_read(p, &lessons, &count);

	snprintf(path, sizeof(path), "%s/claims", p->lessons);
	if (!err)
		err = claims_read(&claims, path);
	if (!err && p->wanted) {
		one = lesson_find(p, lessons, count);
		err = one ? 0 : -ENOENT;
	}
	if (!err && (one || p->claims))
		err = process_numbers_serve(N_("lesson"), one ? one->name : "all");
	if (err)
		goto out;
	p->screen = screen_create(stdout, p->claims ? "none" : p->format, p->language == LANGUAGE_zh);
	if (p->claims)
		err = table_of_claims(p, one ? one : lessons, one ? 1 : count, &claims);
	else if (one)
		err = play_one(p, one, &claims);
	else
		err = list_lessons(p, lessons, count);
	close_lesson(p);
out:
	results_clear(p);
	free(p->results);
	screen_destroy(p->screen);
	claims_finish(&claims);
	lessons_finish(lessons, count);
	return err;
}

int command_play(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, N_("[LESSON]"),
		N_("Play a lesson: its hosts and programs, and the tale the kernel tells of them. LESSON is a name or number of --list."),
		NULL, NULL, NULL
	};
	struct play p = { .patience = 1 };
	struct sigaction action = { .sa_handler = on_signal };
	int err;

	arguments_parse(&argp, argc, argv, 0, &p);
	p.language = strncmp(language_name(), "zh", 2) ? LANGUAGE_en : LANGUAGE_zh;
	if (!p.format)
		p.format = isatty(STDOUT_FILENO) ? "lanes" : "text";
	if (p.list)
		p.wanted = NULL, p.claims = false;
	find_directories(&p);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = run(&p);
	if (err == -EINTR)
		return 128 + stopped;
	if (err == -ENOENT)
		return EXIT_CODE_usage;
	return err == -EPIPE ? EXIT_CODE_done : exit_code_of(err);
}
