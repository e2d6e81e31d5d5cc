/* SPDX-License-Identifier: BSD-2-Clause */
/* How findings are added up, ordered and ended. What each says is for the tales. */
#include "explain/finding.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/text.h"
#include "conversation/state.h"
#include "tests/test.h"

static struct matcher *matcher;
static struct explain *explain;
static struct findings *findings;
static uint32_t number;

static void say(void *context, const struct witness *w, const struct matcher *m, struct text *who, struct text *what)
{
	(void)context;
	(void)m;
	text_printf(who, "w%u", w->number);
	text_put(what, schema_get(w->id)->name);
}

static void begin(void)
{
	struct finding_host host = { .say = say };

	matcher = matcher_create(NULL);
	explain = explain_create();
	findings = findings_create(&host);
	number = 0;
}

static void end(void)
{
	findings_destroy(findings);
	explain_destroy(explain);
	matcher_destroy(matcher);
}

static void tell(const struct event *e)
{
	struct moment m = { .event = e, .number = ++number, .matcher = matcher };
	struct note_list notes = NOTE_LIST_EMPTY;

	m.self = matcher_event(matcher, e, number);
	if (m.self) {
		m.peer = m.self->peer;
		m.conversation = m.self->conversation;
	}
	explain_moment(explain, &m, &notes);
	findings_moment(findings, &m, &notes);
	note_list_finish(&notes);
}

/* A head of an event of `socket`, local port `port`, at `ms`. */
static void head(union event_any *e, enum event_id id, uint64_t socket, uint16_t port, uint64_t ms)
{
	event_init(e, id);
	e->head.time_ns = ms * 1000000;
	e->head.socket = socket;
	e->head.pid = e->head.tid = 100;
	e->head.family = AF_INET;
	e->head.protocol = IPPROTO_TCP;
	e->head.attribution = ATTRIBUTION_exact;
	e->head.local.bytes[0] = e->head.remote.bytes[0] = 10;
	e->head.local_port = port;
	e->head.remote_port = 80;
	memcpy(e->head.comm.bytes, "web", 4);
}

static void block(uint64_t socket, enum phase phase, uint64_t ms)
{
	union event_any e;

	head(&e, EVENT_tcp_send_block, socket, 40000 + socket, ms);
	e.tcp_send_block.phase = phase;
	e.tcp_send_block.reason = BLOCK_peer_window;
	tell(&e.head);
}

static void accept_fails(int error, uint64_t ms)
{
	union event_any e;

	head(&e, EVENT_tcp_accept, 1, 80, ms);
	e.tcp_accept.error = -error;
	tell(&e.head);
}

static const struct finding *find(const struct finding *const *found, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(found[i]->row->id, id))
			return found[i];
	return NULL;
}

TEST("signs that agree in who and where are one finding, with sum, worst and sockets")
{
	const struct finding *const *found;
	const struct finding *x;
	size_t count;

	begin();
	for (uint64_t i = 0; i < 3; i++) {
		block(10 + i, PHASE_begins, 1000 * i);
		block(10 + i, PHASE_ends, 1000 * i + 100 * (i + 1));
	}
	findings_close(findings, 0);
	found = findings_judge(findings, &count);
	x = find(found, count, "send_window");
	CHECK(count == 1 && x);
	CHECK(x->count == 3 && x->sockets == 3 && !x->going_on);
	CHECK(x->total == 600000000 && x->worst == 300000000);
	CHECK(x->case_count == 2 && x->cases[0].measure == 100000000 && x->cases[1].measure == 300000000);
	CHECK(x->cases[1].evidence_count == 2);
	CHECK_STRING(x->cases[1].evidence[0].who, "w5");
	CHECK_STRING(x->about, "web -> 10.0.0.0:80");
	CHECK(strstr(x->cause, "must wait"));
	end();
}

TEST("what goes on at the end counts up to it")
{
	const struct finding *const *found;
	const struct finding *x;
	size_t count;

	begin();
	block(7, PHASE_begins, 1000);
	findings_close(findings, 3500000000ull);
	found = findings_judge(findings, &count);
	x = find(found, count, "send_window");
	CHECK(x && x->count == 1 && x->going_on == 1 && x->worst == 2500000000ull);
	end();
}

TEST("a wait too short to matter is none")
{
	size_t count;

	begin();
	block(7, PHASE_begins, 1000);
	block(7, PHASE_ends, 1000);
	findings_close(findings, 0);
	findings_judge(findings, &count);
	CHECK(count == 0);
	end();
}

TEST("an error that only says \"later\" is no finding, one that says \"no descriptor\" is its own")
{
	const struct finding *const *found;
	size_t count;

	begin();
	accept_fails(EAGAIN, 1);
	accept_fails(EMFILE, 2);
	accept_fails(EMFILE, 3);
	accept_fails(EINVAL, 4);
	findings_close(findings, 0);
	found = findings_judge(findings, &count);
	CHECK(count == 2);
	CHECK(find(found, count, "fd_limit") && find(found, count, "fd_limit")->count == 2);
	CHECK(find(found, count, "call_failed") && find(found, count, "call_failed")->count == 1);
	end();
}

TEST("failures come before delays, delays before risks, and the longer delay first")
{
	const struct finding *const *found;
	union event_any e;
	size_t count;

	begin();
	block(7, PHASE_begins, 0);
	block(7, PHASE_ends, 100);
	head(&e, EVENT_tcp_accept, 9, 80, 150);
	e.tcp_accept.queued_ns = 300000000;
	tell(&e.head);
	head(&e, EVENT_tcp_state, 8, 81, 200);
	e.tcp_state.oldstate = TCP_ESTABLISHED;
	e.tcp_state.newstate = TCP_CLOSE_WAIT;
	tell(&e.head);
	accept_fails(EMFILE, 300);
	findings_close(findings, 5000000000ull);
	found = findings_judge(findings, &count);
	CHECK(count == 4);
	CHECK_STRING(found[0]->row->id, "fd_limit");
	CHECK_STRING(found[1]->row->id, "accept_wait");
	CHECK_STRING(found[2]->row->id, "send_window");
	CHECK_STRING(found[3]->row->id, "close_wait");
	end();
}

TEST("what stands and what events told of is counted once")
{
	const struct word words[] = { { "program", "web" }, { "where", "x" }, { "local", "l" }, { "remote", "r" }, { NULL, NULL } };
	struct finding_stand s = { .id = "close_wait", .who = "web[100]", .what = "stands", .measure = 5000000000ull, .count = 1,
				   .time_ns = 6000000000ull, .words = words };
	const struct finding *const *found;
	const struct finding *x;
	union event_any e;
	size_t count;

	begin();
	head(&e, EVENT_tcp_state, 8, 81, 200);
	e.tcp_state.oldstate = TCP_ESTABLISHED;
	e.tcp_state.newstate = TCP_CLOSE_WAIT;
	tell(&e.head);
	findings_close(findings, 6000000000ull);
	s.ends = "10.0.0.0:81 -> 10.0.0.0:80";
	findings_stand(findings, &s); /* the same socket */
	s.ends = "10.0.0.0:82 -> 10.0.0.0:80";
	findings_stand(findings, &s); /* another */
	found = findings_judge(findings, &count);
	x = find(found, count, "close_wait");
	CHECK(count == 1 && x && x->count == 2 && x->going_on == 2);
	CHECK(x->total == 5800000000ull + 5000000000ull);
	end();
}

TEST("each row has what a reader needs, and each says it in its own words")
{
	size_t count;
	const struct finding_row *rows = finding_rows(&count);

	CHECK(count > 50);
	for (size_t i = 0; i < count; i++) {
		CHECK(*rows[i].title && *rows[i].remedy && *rows[i].about && rows[i].few > 0);
		CHECK(i == 0 || rows[i].severity >= rows[i - 1].severity);
		CHECK(strlen(rows[i].title) <= 62); /* fits a line with number and severity */
	}
}
