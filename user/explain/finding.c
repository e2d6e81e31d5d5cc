/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain/finding.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/language.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "conversation/state.h"

enum { GROUPS_MAX = 2048, TALKS_MAX = 262144, WORDS = 8, WAITS = 64 };

enum slot { SLOT_block, SLOT_syn, SLOT_close_wait, SLOTS };

/* Something that goes on, and counts by how long. */
struct pending {
	const struct finding_row *row;
	uint64_t since_ns;
	struct witness witness;
	char *cause;             /* NULL: the row's */
	const char *rule, *reference;
	struct event *event;     /* a copy */
};

/* What findings need to remember of a socket beyond its endpoint. */
struct talk {
	struct witness sent, received; /* the last of each, with bytes */
	struct pending pending[SLOTS];
};

struct group {
	struct finding finding;
	struct map sockets;      /* those counted */
	struct event *event;     /* of the worst case, a copy; NULL: a standing one */
};

/* A process waited for an answer: perhaps the reason why its own answer is late. */
struct wait {
	uint32_t pid;            /* 0: none */
	struct witness sent, received;
	struct text whom;
};

struct findings {
	struct finding_host host;
	struct wait waits[WAITS]; /* a ring: the last ones that were notable */
	unsigned next_wait;
	struct group *groups[GROUPS_MAX];
	size_t group_count;
	struct map by_about;     /* hash of row and about -> group */
	struct map by_talk;      /* socket -> struct talk */
	struct map told;         /* row and conversation -> row, for PER_conversation */
	struct map open;         /* hash of row and ends -> row: goes on at the end */
	struct findings_count count;
	const struct matcher *matcher; /* of the last moment */
	const struct finding **judged;
	uint16_t *signs[EVENT_COUNT]; /* rows of the table of signs whose rules explain that event, ended by COUNT_OF(signs) */
};

static const struct finding_row rows[] = {
#define FINDING(id, severity, per, few, field, least, about, title, cause, remedy) \
	{ #id, SEVERITY_##severity, PER_##per, few, least, #field, about, title, cause, remedy },
#include "explain/finding.def"
};

enum {
#define FINDING(id, severity, per, few, field, least, about, title, cause, remedy) ROW_##id,
#include "explain/finding.def"
	ROWS
};

const struct finding_row *finding_rows(size_t *ret_count)
{
	*ret_count = ROWS;
	return rows;
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = { N_("failure"), N_("delay"), N_("risk") };

	return names[s];
}

/* ---- questions: whether a sign counts ---- */

#define AS(name) ((const struct event_##name *)m->event)
#define WHEN(name) static bool sign_##name(const struct moment *m)

/* The wait itself was not told: then it is a finding of its own. */
WHEN(block_unseen)
{
	const struct witness *begun = endpoint_fact(m->self, FACT_block);
	const struct field *f = schema_field(m->event->id, "duration_ns");

	return !begun || !f || begun->time_ns + field_integer(f, m->event) < m->event->time_ns;
}

static int error_of(const struct moment *m)
{
	const struct field *f = schema_field(m->event->id, "error");

	return f ? error_plain(field_integer(f, m->event)) : 0;
}

/* Without a role that was seen, the lower port is the one that was there first. */
static bool serves(const struct moment *m)
{
	if (m->self && m->self->role != ROLE_unknown)
		return m->self->role != ROLE_client;
	return m->event->local_port && m->event->local_port < m->event->remote_port;
}

WHEN(always)
{
	(void)m;
	return true;
}

WHEN(port_given)
{
	return AS(sock_bind)->asked.port != 0;
}

WHEN(not_full)
{
	int error = error_of(m);

	return error != EMFILE && error != ENFILE && error != EAGAIN && error != EINTR;
}

/* A program that does not wait calls connect() again to ask how it went. */
WHEN(not_again)
{
	int error = error_of(m);

	return error != EALREADY && error != EISCONN && error != EINTR && error != EINPROGRESS && error != EAGAIN;
}

WHEN(not_later)
{
	return error_of(m) != EAGAIN && error_of(m) != EINTR;
}

/* A connect() that waits tells the same again, with the address it was given. */
WHEN(connect_going_on)
{
	return endpoint_fact(m->self, FACT_connect) != NULL;
}

WHEN(peer_unseen)
{
	return !m->peer;
}

/* A keepalive that got no answer has its own finding. */
WHEN(unprobed)
{
	return !endpoint_fact(m->self, FACT_probe);
}

/* One that nobody had accepted has its own finding. */
WHEN(peer_held)
{
	return !m->peer || m->peer->role != ROLE_server || endpoint_fact(m->peer, FACT_accept);
}

/* A RST of a socket that is gone is told by the end that gets it, and its reason with it. */
WHEN(known_to_nobody)
{
	return m->self || !m->peer;
}

/* Ended by what ends processes every day: no finding. */
WHEN(not_asked)
{
	enum { HUP = 1, INT = 2, PIPE = 13, TERM = 15 };
	int n = AS(process_exit)->signal;

	return n != HUP && n != INT && n != TERM && n != PIPE;
}

WHEN(is_udp)
{
	return m->event->protocol == IPPROTO_UDP;
}

WHEN(plain_send)
{
	return !AS(tcp_send)->error && AS(tcp_send)->done_bytes;
}

WHEN(nagle)
{
	return AS(tcp_nagle_hold)->reason == HOLD_nagle;
}

WHEN(cork)
{
	return AS(tcp_nagle_hold)->reason == HOLD_cork;
}

/* ---- questions to events no rule explains ---- */

struct look {
	struct findings *f;
	struct talk *talk;       /* before this event; NULL: no socket */
	uint64_t age;            /* to be set where the row measures it */
	struct witness because[4];
	unsigned because_count;
	struct word words[3];    /* further words of the sentences, ended by a name NULL */
	struct text waited;      /* value of one of them */
};

#define LOOKS(name) static bool look_##name(struct look *l, const struct moment *m)

static void look_because(struct look *l, const struct witness *w)
{
	if (w && w->number && l->because_count < sizeof(l->because) / sizeof(*l->because))
		l->because[l->because_count++] = *w;
}

LOOKS(no_port_bind)
{
	(void)l;
	return error_of(m) == EADDRINUSE && !AS(sock_bind)->asked.port &&
	       (AS(sock_bind)->asked.family == AF_INET || AS(sock_bind)->asked.family == AF_INET6);
}

LOOKS(fd_limit)
{
	(void)l;
	return error_of(m) == EMFILE || error_of(m) == ENFILE;
}

static bool opened(const struct moment *m)
{
	return AS(tcp_state)->oldstate == TCP_SYN_SENT && AS(tcp_state)->newstate == TCP_ESTABLISHED;
}

LOOKS(syn_repeated)
{
	look_because(l, endpoint_fact(m->self, FACT_syn));
	look_because(l, endpoint_fact(m->self, FACT_retransmit));
	return opened(m) && m->self && m->self->memory && m->self->memory->syn_repeats;
}

LOOKS(connect_slow)
{
	look_because(l, endpoint_fact(m->self, FACT_syn));
	return opened(m) && !(m->self && m->self->memory && m->self->memory->syn_repeats);
}

/* The last thing the socket did was to read: what it writes now is the answer. Returns the time in between. */
static uint64_t thought_ns(const struct look *l, const struct moment *m)
{
	uint64_t began = m->event->time_ns - AS(tcp_send)->duration_ns;

	if (!l->talk || !AS(tcp_send)->done_bytes || !serves(m) || !l->talk->received.number ||
	    l->talk->sent.number > l->talk->received.number || began < l->talk->received.time_ns)
		return 0;
	return began - l->talk->received.time_ns;
}

/* The longest wait of this process for another, begun and over since the socket was read: if it is most of the time. */
static const struct wait *wait_within(const struct look *l, const struct moment *m, uint64_t age)
{
	const struct wait *best = NULL;
	uint64_t longest = age / 2;

	for (unsigned i = 0; i < WAITS; i++) {
		const struct wait *w = &l->f->waits[i];

		if (w->pid != m->event->pid || !w->pid || w->sent.number < l->talk->received.number ||
		    w->received.time_ns - w->sent.time_ns < longest)
			continue;
		longest = w->received.time_ns - w->sent.time_ns;
		best = w;
	}
	return best;
}

LOOKS(program_late)
{
	l->age = thought_ns(l, m);
	if (!l->age || wait_within(l, m, l->age))
		return false;
	look_because(l, &l->talk->received);
	return true;
}

LOOKS(program_waits)
{
	const struct wait *w;

	l->age = thought_ns(l, m);
	w = l->age ? wait_within(l, m, l->age) : NULL;
	if (!w)
		return false;
	say_duration(&l->waited, w->received.time_ns - w->sent.time_ns);
	l->words[0] = (struct word){ "waited", text_string(&l->waited) };
	l->words[1] = (struct word){ "upstream", text_string(&w->whom) };
	look_because(l, &l->talk->received);
	look_because(l, &w->sent);
	look_because(l, &w->received);
	return true;
}

/* The last thing the socket did was to write: what it reads now is the answer. */
static bool is_answer(const struct talk *t, const struct moment *m)
{
	return t && AS(tcp_recv)->done_bytes && !AS(tcp_recv)->error && !serves(m) && t->sent.number > t->received.number;
}

/* Where the other end is seen, it is known what it did meanwhile, and its own findings say so. */
LOOKS(answer_late)
{
	if (!is_answer(l->talk, m) || endpoint_fact(m->peer, FACT_recv))
		return false;
	look_because(l, &l->talk->sent);
	l->age = m->event->time_ns - l->talk->sent.time_ns;
	return true;
}

LOOKS(read_late)
{
	const struct witness *written = endpoint_fact(m->peer, FACT_send);

	if (!l->talk || !written || !AS(tcp_recv)->done_bytes || AS(tcp_recv)->error ||
	    l->talk->received.number > written->number || written->time_ns > m->event->time_ns)
		return false;
	look_because(l, written);
	l->age = m->event->time_ns - written->time_ns;
	return true;
}

/* ---- what begins and goes on ---- */

#define OPENS(name) static bool opens_##name(const struct moment *m)

static bool blocks(const struct moment *m, enum block reason)
{
	return AS(tcp_send_block)->phase == PHASE_begins && AS(tcp_send_block)->reason == reason;
}

OPENS(send_window)
{
	return blocks(m, BLOCK_peer_window);
}

OPENS(send_cwnd)
{
	return blocks(m, BLOCK_congestion_window);
}

OPENS(send_memory)
{
	return blocks(m, BLOCK_memory);
}

OPENS(send_buffer)
{
	return blocks(m, BLOCK_send_buffer) || blocks(m, BLOCK_unknown);
}

OPENS(unix_send_wait)
{
	return AS(unix_block)->phase == PHASE_begins && AS(unix_block)->reason != UNIX_WAIT_backlog;
}

OPENS(unix_connect_wait)
{
	return AS(unix_block)->phase == PHASE_begins && AS(unix_block)->reason == UNIX_WAIT_backlog;
}

OPENS(syn_unanswered)
{
	return AS(tcp_retransmit)->kind == RETRANSMIT_syn;
}

OPENS(close_wait)
{
	return AS(tcp_state)->newstate == TCP_CLOSE_WAIT;
}

/* Whether the event ends what went on in that slot; *ret_counts: and it is then a case by itself. */
static bool shuts(enum slot slot, const struct moment *m, bool *ret_counts)
{
	*ret_counts = slot != SLOT_syn;
	switch (slot) {
	case SLOT_block:
		return (m->event->id == EVENT_tcp_send_block && AS(tcp_send_block)->phase == PHASE_ends) ||
		       (m->event->id == EVENT_unix_block && AS(unix_block)->phase == PHASE_ends);
	case SLOT_syn:
		return m->event->id == EVENT_tcp_state && AS(tcp_state)->oldstate == TCP_SYN_SENT;
	default:
		return (m->event->id == EVENT_tcp_state && AS(tcp_state)->oldstate == TCP_CLOSE_WAIT) ||
		       (m->event->id == EVENT_sock_close && AS(sock_close)->last);
	}
}

/* ---- the tables of signs ---- */

struct sign {
	int row;
	const char *rule;
	bool (*when)(const struct moment *m);
};

static const struct sign signs[] = {
#define SIGN(finding, rule, when) { ROW_##finding, #rule, sign_##when },
#include "explain/finding.def"
};

struct looking {
	int row;
	enum event_id event;
	bool (*looks)(struct look *l, const struct moment *m);
};

static const struct looking lookings[] = {
#define LOOK(finding, event) { ROW_##finding, EVENT_##event, look_##finding },
#include "explain/finding.def"
};

struct opening {
	int row;
	enum event_id event;
	enum slot slot;
	bool (*opens)(const struct moment *m);
};

static const struct opening openings[] = {
#define OPEN(finding, event, slot) { ROW_##finding, EVENT_##event, SLOT_##slot, opens_##finding },
#include "explain/finding.def"
};

#define COUNT_OF(table) (sizeof(table) / sizeof(*(table)))

static enum event_id event_of_rule(const char *id)
{
	size_t count;
	const struct rule_row *rules = explain_rules(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(rules[i].id, id))
			return schema_find(rules[i].event);
	return EVENT_COUNT;
}

bool finding_needs(const struct finding_row *row, enum event_id id)
{
	int at = row - rows;

	for (size_t i = 0; i < COUNT_OF(signs); i++)
		if (signs[i].row == at && event_of_rule(signs[i].rule) == id)
			return true;
	for (size_t i = 0; i < COUNT_OF(lookings); i++)
		if (lookings[i].row == at && lookings[i].event == id)
			return true;
	for (size_t i = 0; i < COUNT_OF(openings); i++)
		if (openings[i].row == at && openings[i].event == id)
			return true;
	return false;
}

/* ---- words ---- */

/* Replace what `words` name; everything else stays. */
static void fill(struct text *to, const char *sentence, const struct word *words)
{
	while (*sentence) {
		size_t plain = strcspn(sentence, "{"), length;
		const struct word *w = words;

		text_append(to, sentence, plain);
		sentence += plain;
		if (!*sentence)
			return;
		length = strcspn(sentence + 1, "{}");
		while (w && w->name && (strlen(w->name) != length || memcmp(w->name, sentence + 1, length)))
			w++;
		if (w && w->name && sentence[1 + length] == '}') {
			text_put(to, w->value);
			sentence += length + 2;
		} else {
			text_char(to, *sentence++);
		}
	}
}

struct saying {
	struct text values[WORDS];
	struct word words[WORDS + 1];
	unsigned count;
};

static struct text *saying_add(struct saying *s, const char *name)
{
	s->words[s->count].name = name;
	return &s->values[s->count++];
}

static void put_where(struct text *to, const struct moment *m)
{
	struct address local = address_local(m->event), remote = address_remote(m->event);
	char printed[ADDRESS_TEXT_MAX];
	bool server = serves(m);

	if (!server)
		text_put(to, "-> ");
	if (m->self && server)
		say_local(to, m->self);
	else if (m->self)
		say_remote(to, m->self);
	else
		text_put(to, address_print(server ? &local : &remote, printed));
}

static void saying_begin(struct saying *s, const struct moment *m)
{
	const struct event_comm *comm = m->event->pid || !m->self ? &m->event->comm : &m->self->comm;
	struct text *to;

	memset(s, 0, sizeof(*s));
	say_process(saying_add(s, "program"), comm, 0);
	put_where(saying_add(s, "where"), m);
	to = saying_add(s, "reader");
	if (m->event->id == EVENT_tcp_segment && AS(tcp_segment)->direction == DIRECTION_sent)
		say_process(to, comm, 0);
	else if (m->peer && m->peer->pid)
		say_process(to, &m->peer->comm, 0);
	else
		say_peer(to, m);
	if (!schema_field(m->event->id, "asked")) {
		struct address remote = address_remote(m->event);
		char printed[ADDRESS_TEXT_MAX];

		text_put(saying_add(s, "asked"), address_print(&remote, printed));
		if (!schema_field(m->event->id, "to"))
			text_put(saying_add(s, "to"), printed);
	}
	for (unsigned i = 0; i < s->count; i++)
		s->words[i].value = text_string(&s->values[i]);
}

static void saying_end(struct saying *s)
{
	for (unsigned i = 0; i < WORDS; i++)
		text_finish(&s->values[i]); /* empty where the word was another's */
}

static char *say_steal(const char *sentence, const struct moment *m, const struct word *words)
{
	struct text t = TEXT_EMPTY;

	say_sentence(&t, sentence, m, words);
	return text_steal(&t);
}

static void replace(char **old, char *with)
{
	free(*old);
	*old = with;
}

/* ---- groups ---- */

static uint64_t hash_of(const struct finding_row *row, const char *about)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ (uint64_t)(row - rows);

	for (; *about; about++)
		hash = (hash ^ (unsigned char)*about) * 0x100000001b3ull;
	return hash;
}

static enum kind unit_of(const struct finding_row *row, enum event_id id)
{
	const struct field *field = schema_field(id, row->field);

	if (!strcmp(row->field, "age") || (field && (field->kind == KIND_DURATION_NS || field->kind == KIND_DURATION_US)))
		return KIND_DURATION_NS;
	if (!field || field->kind == KIND_BYTES)
		return KIND_BYTES;
	return KIND_COUNT;
}

static struct group *group_get(struct findings *f, const struct finding_row *row, const char *about, enum event_id id)
{
	uint64_t hash = hash_of(row, about);
	struct group *g;

	while ((g = map_get(&f->by_about, hash)) && (g->finding.row != row || strcmp(g->finding.about, about)))
		hash++;
	if (g)
		return g;
	if (f->group_count == GROUPS_MAX) {
		f->count.untold++;
		return NULL;
	}
	g = memory_create(1, sizeof(*g));
	g->finding.row = row;
	g->finding.about = memory_string(about);
	g->finding.measured = strcmp(row->field, "none") != 0;
	g->finding.unit = unit_of(row, id);
	f->groups[f->group_count++] = g;
	map_put(&f->by_about, hash, g);
	return g;
}

static void case_finish(struct finding_case *c)
{
	for (unsigned i = 0; i < c->evidence_count; i++) {
		free(c->evidence[i].who);
		free(c->evidence[i].what);
	}
	free(c->ends);
	*c = (struct finding_case){ 0 };
}

/* The first case stays; the second is the worst, where it is worse. */
static struct finding_case *case_for(struct finding *x, uint64_t measure)
{
	if (x->case_count && (!x->measured || measure <= x->worst))
		return NULL;
	if (x->case_count < FINDING_CASES)
		return &x->cases[x->case_count++];
	case_finish(&x->cases[FINDING_CASES - 1]);
	return &x->cases[FINDING_CASES - 1];
}

static void case_add(struct findings *f, struct finding_case *c, const struct witness *w)
{
	struct finding_evidence *e = &c->evidence[c->evidence_count];
	struct text who = TEXT_EMPTY, what = TEXT_EMPTY;

	if (c->evidence_count > NOTE_EVIDENCE_MAX)
		return;
	for (unsigned i = 0; i < c->evidence_count; i++)
		if (c->evidence[i].witness.number == w->number)
			return;
	f->host.say(f->host.context, w, f->matcher, &who, &what);
	*e = (struct finding_evidence){ .witness = *w, .who = text_steal(&who), .what = text_steal(&what) };
	c->evidence_count++;
}

static void put_ends(struct text *to, const struct moment *m)
{
	char printed[ADDRESS_TEXT_MAX];

	if (m->self && m->self->family == AF_UNIX) {
		if (!m->self->local_path && !m->self->remote_path && !m->self->peer)
			return;
		say_local(to, m->self);
		text_put(to, " -> ");
		say_remote(to, m->self);
	} else if (m->event->local_port || m->event->remote_port) {
		struct address a = address_local(m->event);

		text_put(to, address_print(&a, printed));
		a = address_remote(m->event);
		if (a.port)
			text_printf(to, " -> %s", address_print(&a, printed));
	}
}

static uint64_t measure_of(const struct finding_row *row, const struct event *e, uint64_t age)
{
	const struct field *field = schema_field(e->id, row->field);

	if (!strcmp(row->field, "age"))
		return age;
	if (!field)
		return 0;
	return field->kind == KIND_DURATION_US ? (uint64_t)field_integer(field, e) * 1000 : (uint64_t)field_integer(field, e);
}

/* What speaks for one case. */
struct hit {
	const struct finding_row *row;
	const struct note *note;       /* NULL: none */
	const char *cause, *rule, *reference;
	uint64_t age;
	struct witness because[4];
	unsigned because_count;
	const struct word *words;      /* further ones, ended by a name NULL; NULL: none */
	bool goes_on;
};

static struct event *event_copy(const struct event *e)
{
	struct event *copy = memory_create(1, sizeof(union event_any));

	memcpy(copy, e, e->size);
	return copy;
}

static void case_write(struct findings *f, struct finding_case *c, const struct hit *h, const struct moment *m, uint64_t measure)
{
	struct witness self = witness_of(m->event, m->number);
	struct text ends = TEXT_EMPTY;

	c->measure = measure;
	c->time_ns = m->event->time_ns;
	c->socket = m->event->socket;
	put_ends(&ends, m);
	c->ends = text_steal(&ends);
	for (unsigned i = 0; i < h->because_count; i++)
		case_add(f, c, &h->because[i]);
	for (unsigned i = 0; h->note && i < h->note->evidence_count; i++)
		case_add(f, c, &h->note->evidence[i]);
	case_add(f, c, &self);
}

static void sentences(struct group *g, const struct hit *h, const struct moment *m, const struct word *words)
{
	struct finding *x = &g->finding;
	const char *cause = h->row->cause ? _(h->row->cause) : h->cause ? h->cause : h->note ? h->note->sentence : "";

	x->rule = h->note ? h->note->rule : h->rule;
	x->reference = h->note ? h->note->reference : h->reference;
	replace(&x->title, say_steal(_(h->row->title), m, words));
	replace(&x->cause, h->row->cause ? say_steal(cause, m, words) : memory_string(cause));
	replace(&x->remedy, say_steal(_(h->row->remedy), m, words));
	free(g->event);
	g->event = event_copy(m->event);
}

static bool told_already(struct findings *f, const struct finding_row *row, const struct moment *m)
{
	uint64_t who = m->conversation ? m->conversation->number : m->event->socket;

	if (row->per != PER_conversation || !who)
		return false;
	return map_put(&f->told, who << 8 | (uint64_t)(row - rows), (void *)row) != NULL;
}

static void finding_when(struct finding *x, uint64_t time_ns)
{
	if (!x->first_ns || time_ns < x->first_ns)
		x->first_ns = time_ns;
	if (time_ns > x->last_ns)
		x->last_ns = time_ns;
}

static void remember_open(struct findings *f, const struct finding_row *row, const struct moment *m)
{
	struct text ends = TEXT_EMPTY;

	put_ends(&ends, m);
	map_put(&f->open, hash_of(row, text_string(&ends)), (void *)row);
	text_finish(&ends);
}

static void hit(struct findings *f, const struct hit *h, const struct moment *m)
{
	uint64_t measure = measure_of(h->row, m->event, h->age);
	struct text about = TEXT_EMPTY;
	struct finding_case *c;
	struct saying saying;
	struct group *g;

	if (measure < h->row->least || told_already(f, h->row, m))
		return;
	saying_begin(&saying, m);
	for (const struct word *more = h->words; more && more->name && saying.count < WORDS; more++)
		saying.words[saying.count++] = *more;
	say_sentence(&about, h->row->about, m, saying.words);
	g = group_get(f, h->row, text_string(&about), m->event->id);
	if (g) {
		struct finding *x = &g->finding;

		c = case_for(x, measure);
		if (c)
			case_write(f, c, h, m, measure);
		if (!x->count || (x->measured && measure > x->worst))
			sentences(g, h, m, saying.words);
		if (m->event->socket && !map_put(&g->sockets, m->event->socket, g))
			x->sockets++;
		x->count++;
		if (h->goes_on)
			remember_open(f, h->row, m);
		x->going_on += h->goes_on;
		finding_when(x, m->event->time_ns);
		x->total += measure;
		if (measure > x->worst)
			x->worst = measure;
	}
	saying_end(&saying);
	text_finish(&about);
}

/* ---- moments ---- */

static struct talk *talk_of(struct findings *f, const struct event *e)
{
	struct talk *t;

	if (!e->socket)
		return NULL;
	t = map_get(&f->by_talk, e->socket);
	if (t || f->by_talk.count >= TALKS_MAX)
		return t;
	t = memory_create(1, sizeof(*t));
	map_put(&f->by_talk, e->socket, t);
	f->count.sockets++;
	return t;
}

static void wait_take(struct findings *f, const struct talk *t, const struct moment *m)
{
	enum { NOTABLE_NS = 50000000 };
	struct wait *w = &f->waits[f->next_wait % WAITS];

	if (m->event->id != EVENT_tcp_recv || !is_answer(t, m) || m->event->time_ns - t->sent.time_ns < NOTABLE_NS)
		return;
	w->pid = m->event->pid;
	w->sent = t->sent;
	w->received = witness_of(m->event, m->number);
	text_clear(&w->whom);
	say_peer(&w->whom, m);
	if (m->peer && m->peer->pid) {
		text_put(&w->whom, " ");
		say_remote(&w->whom, m->self);
	}
	f->next_wait++;
}

static void talk_take(struct talk *t, const struct moment *m)
{
	if (!t)
		return;
	if (m->event->id == EVENT_tcp_send && AS(tcp_send)->done_bytes)
		t->sent = witness_of(m->event, m->number);
	if (m->event->id == EVENT_tcp_recv && AS(tcp_recv)->done_bytes && !AS(tcp_recv)->error)
		t->received = witness_of(m->event, m->number);
}

static void pending_finish(struct pending *p)
{
	free(p->cause);
	free(p->event);
	*p = (struct pending){ 0 };
}

static void pending_begin(struct talk *t, const struct opening *o, const struct moment *m, const struct note_list *notes)
{
	struct pending *p = &t->pending[o->slot];

	if (p->row)
		return;
	p->row = &rows[o->row];
	p->since_ns = m->event->time_ns;
	p->witness = witness_of(m->event, m->number);
	p->event = event_copy(m->event);
	if (!notes->count)
		return;
	p->cause = memory_string(notes->notes[0].sentence);
	p->rule = notes->notes[0].rule;
	p->reference = notes->notes[0].reference;
	if (notes->notes[0].evidence_count > 1 && o->slot == SLOT_syn)
		p->since_ns = notes->notes[0].evidence[0].time_ns; /* the first SYN */
}

static void pending_hit(struct findings *f, const struct pending *p, const struct moment *m, const struct note_list *notes,
			uint64_t end_ns)
{
	struct hit h = { .row = p->row, .cause = p->cause, .rule = p->rule, .reference = p->reference, .goes_on = !notes };

	h.age = end_ns > p->since_ns ? end_ns - p->since_ns : 0;
	h.because[h.because_count++] = p->witness;
	for (size_t i = 0; notes && i < notes->count; i++)
		for (unsigned k = 0; k < notes->notes[i].evidence_count && h.because_count < COUNT_OF(h.because); k++)
			if (notes->notes[i].evidence[k].number > p->witness.number)
				h.because[h.because_count++] = notes->notes[i].evidence[k];
	hit(f, &h, m);
}

/* One that still writes has only been told that the other side is done: it has not forgotten the socket. */
static bool is_half_close(const struct talk *t, int slot)
{
	return slot == SLOT_close_wait && t->sent.number > t->pending[slot].witness.number;
}

static void follow(struct findings *f, struct talk *t, const struct moment *m, const struct note_list *notes)
{
	bool counts;

	if (!t)
		return;
	for (int slot = 0; slot < SLOTS; slot++) {
		struct pending *p = &t->pending[slot];

		if (!p->row || !shuts(slot, m, &counts))
			continue;
		if (counts && !is_half_close(t, slot))
			pending_hit(f, p, m, notes, m->event->time_ns);
		pending_finish(p);
	}
	for (size_t i = 0; i < COUNT_OF(openings); i++)
		if (openings[i].event == m->event->id && openings[i].opens(m))
			pending_begin(t, &openings[i], m, notes);
}

void findings_moment(struct findings *f, const struct moment *m, const struct note_list *notes)
{
	struct talk *t = talk_of(f, m->event);

	f->matcher = m->matcher;
	if (!f->count.events++)
		f->count.first_ns = m->event->time_ns;
	f->count.last_ns = m->event->time_ns;
	if (m->event->size < schema_get(m->event->id)->size)
		return;
	if (m->event->id == EVENT_lost)
		f->count.lost += AS(lost)->count;
	if (m->event->id == EVENT_gap && AS(gap)->what == GAP_skipped)
		f->count.skipped += AS(gap)->count;
	for (size_t n = 0; n < notes->count; n++) {
		struct hit h = { .note = &notes->notes[n] };

		for (const uint16_t *i = f->signs[m->event->id]; *i < COUNT_OF(signs); i++) {
			if (strcmp(signs[*i].rule, h.note->rule) || !signs[*i].when(m))
				continue;
			h.row = &rows[signs[*i].row];
			hit(f, &h, m);
		}
	}
	for (size_t i = 0; i < COUNT_OF(lookings); i++) {
		struct look l = { .f = f, .talk = t };
		struct hit h = { .row = &rows[lookings[i].row] };

		if (lookings[i].event != m->event->id || !lookings[i].looks(&l, m))
			continue;
		h.age = l.age;
		memcpy(h.because, l.because, sizeof(h.because));
		h.because_count = l.because_count;
		h.words = l.words;
		hit(f, &h, m);
		text_finish(&l.waited);
	}
	follow(f, t, m, notes);
	wait_take(f, t, m);
	talk_take(t, m);
}

void findings_stand(struct findings *f, const struct finding_stand *s)
{
	const struct finding_row *row = rows;
	struct text about = TEXT_EMPTY, text = TEXT_EMPTY;
	struct finding_case *c;
	struct finding *x;
	struct group *g;

	while (strcmp(row->id, s->id))
		row++;
	if (s->ends && map_get(&f->open, hash_of(row, s->ends)))
		return;
	fill(&about, row->about, s->words);
	g = group_get(f, row, text_string(&about), EVENT_COUNT);
	text_finish(&about);
	if (!g)
		return;
	x = &g->finding;
	c = case_for(x, s->measure);
	if (c) {
		c->measure = s->measure;
		c->time_ns = s->time_ns;
		c->ends = memory_string(s->ends ? s->ends : "");
		c->evidence[c->evidence_count++] = (struct finding_evidence){
			.witness = { .time_ns = s->time_ns }, .who = memory_string(s->who), .what = memory_string(s->what)
		};
	}
	if (!x->title || s->measure > x->worst) {
		replace(&x->title, memory_string(_(row->title)));
		fill(&text, row->cause ? _(row->cause) : "", s->words);
		replace(&x->cause, text_steal(&text));
		fill(&text, _(row->remedy), s->words);
		replace(&x->remedy, text_steal(&text));
	}
	finding_when(x, s->time_ns);
	x->count += s->count;
	x->sockets += s->count;
	x->going_on += s->count;
	x->total += s->measure;
	if (s->measure > x->worst)
		x->worst = s->measure;
}

/* ---- the end ---- */

/* What the last events left open. A socket the matcher forgot, or whose other end took the answer with it, is passed over. */
static void judge_talk(struct findings *f, uint64_t socket, struct talk *t, uint64_t end_ns)
{
	struct moment m = { .matcher = f->matcher, .self = f->matcher ? matcher_find(f->matcher, socket) : NULL };
	const struct witness *block = endpoint_fact(m.self, FACT_read_block), *theirs;

	if (!m.self || endpoint_over(m.self) || m.self->closed)
		return;
	m.peer = m.self->peer;
	m.conversation = m.self->conversation;
	theirs = endpoint_fact(m.peer, FACT_recv);
	for (int slot = 0; slot < SLOTS; slot++) {
		struct pending *p = &t->pending[slot];

		if (!p->row || is_half_close(t, slot))
			continue;
		m.event = p->event;
		m.number = p->witness.number;
		pending_hit(f, p, &m, NULL, end_ns);
	}
	/* Not each program wants an answer: one that reads, or got one before, does. */
	if (t->sent.number > t->received.number && (t->received.number || (block && block->number > t->sent.number))) {
		struct event_tcp_recv *e = memory_create(1, sizeof(union event_any));
		struct hit h = { .row = &rows[ROW_answer_late], .goes_on = true };

		event_init((union event_any *)e, EVENT_tcp_send);
		e->head.time_ns = t->sent.time_ns;
		e->head.socket = socket;
		e->head.family = m.self->family;
		e->head.protocol = m.self->protocol;
		e->head.pid = m.self->pid;
		e->head.comm = m.self->comm;
		e->head.local = m.self->local.ip;
		e->head.local_port = m.self->local.port;
		e->head.remote = m.self->remote.ip;
		e->head.remote_port = m.self->remote.port;
		m.event = &e->head;
		m.number = t->sent.number;
		h.age = end_ns > t->sent.time_ns ? end_ns - t->sent.time_ns : 0;
		if (theirs && theirs->number > t->sent.number)
			h.because[h.because_count++] = *theirs;
		if (!serves(&m) && m.self->state == TCP_ESTABLISHED)
			hit(f, &h, &m);
		free(e);
	}
}

static void resolve(struct findings *f, const struct group *g, char **sentence)
{
	static const char *const names[] = { "count", "sockets", "total", "worst", "somaxconn", "rmem_max", "port_range", "share", "holder" };
	const struct finding *x = &g->finding;
	struct text values[COUNT_OF(names)];
	struct word words[COUNT_OF(names) + 1];
	struct text done = TEXT_EMPTY;

	memset(values, 0, sizeof(values));
	memset(words, 0, sizeof(words));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		words[i].name = names[i];
		if (i == 0)
			text_u64(&values[i], x->count);
		else if (i == 1)
			text_u64(&values[i], x->sockets);
		else if (i <= 3 && x->unit == KIND_BYTES)
			say_bytes(&values[i], i == 2 ? x->total : x->worst);
		else if (i <= 3)
			say_duration(&values[i], i == 2 ? x->total : x->worst);
		else if (strstr(*sentence, names[i]) &&
			 (!f->host.word || !f->host.word(f->host.context, names[i], g->event, &values[i])))
			text_put(&values[i], _("not known"));
		words[i].value = text_string(&values[i]);
	}
	fill(&done, *sentence, words);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		text_finish(&values[i]);
	replace(sentence, text_steal(&done));
}

static bool is_symptom(const struct finding *x)
{
	return x->row == &rows[ROW_program_waits];
}

/* What stood still did so all the time; of what is not measured in time it is not known. */
static uint64_t cost_ns(const struct finding *x)
{
	if (!x->measured)
		return 0;
	if (x->unit != KIND_DURATION_NS)
		return x->going_on ? UINT64_MAX : 0;
	return x->total;
}

static int most_serious_first(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a, *y = *(const struct finding *const *)b;

	if (x->row->severity != y->row->severity)
		return (int)x->row->severity - (int)y->row->severity;
	/* A symptom comes after what may be its cause. */
	if (x->row->severity == SEVERITY_delay && is_symptom(x) != is_symptom(y))
		return is_symptom(x) ? 1 : -1;
	/* What cost time is ordered by how much of it. */
	if (x->row->severity == SEVERITY_delay && cost_ns(x) != cost_ns(y))
		return cost_ns(x) > cost_ns(y) ? -1 : 1;
	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->about, y->about);
}

void findings_close(struct findings *f, uint64_t end_ns)
{
	uint64_t socket;
	size_t position = 0;
	void *talk;

	while (map_next(&f->by_talk, &position, &socket, &talk))
		judge_talk(f, socket, talk, end_ns ? end_ns : f->count.last_ns);
}

const struct finding *const *findings_judge(struct findings *f, size_t *ret_count)
{
	size_t count = 0;

	f->judged = memory_create(f->group_count + 1, sizeof(struct finding *));
	for (size_t i = 0; i < f->group_count; i++) {
		struct finding *x = &f->groups[i]->finding;

		if (x->count < x->row->few)
			continue;
		resolve(f, f->groups[i], &x->cause);
		resolve(f, f->groups[i], &x->remedy);
		f->judged[count++] = x;
	}
	qsort(f->judged, count, sizeof(struct finding *), most_serious_first);
	*ret_count = count;
	return (const struct finding *const *)f->judged;
}

struct findings_count findings_count(const struct findings *f)
{
	return f->count;
}

struct findings *findings_create(const struct finding_host *host)
{
	struct findings *f = memory_create(1, sizeof(*f));

	f->host = *host;
	for (int id = 0; id < EVENT_COUNT; id++) {
		size_t count = 0;

		f->signs[id] = memory_create(COUNT_OF(signs) + 1, sizeof(**f->signs));
		for (size_t i = 0; i < COUNT_OF(signs); i++)
			if (event_of_rule(signs[i].rule) == (enum event_id)id)
				f->signs[id][count++] = i;
		f->signs[id][count] = COUNT_OF(signs);
	}
	return f;
}

void findings_destroy(struct findings *f)
{
	size_t position = 0;
	void *talk;

	if (!f)
		return;
	while (map_next(&f->by_talk, &position, NULL, &talk)) {
		for (int slot = 0; slot < SLOTS; slot++)
			pending_finish(&((struct talk *)talk)->pending[slot]);
		free(talk);
	}
	for (size_t i = 0; i < f->group_count; i++) {
		struct group *g = f->groups[i];

		for (unsigned k = 0; k < g->finding.case_count; k++)
			case_finish(&g->finding.cases[k]);
		free(g->finding.about);
		free(g->finding.title);
		free(g->finding.cause);
		free(g->finding.remedy);
		free(g->event);
		map_finish(&g->sockets);
		free(g);
	}
	for (unsigned i = 0; i < WAITS; i++)
		text_finish(&f->waits[i].whom);
	map_finish(&f->by_about);
	map_finish(&f->by_talk);
	map_finish(&f->told);
	map_finish(&f->open);
	for (int id = 0; id < EVENT_COUNT; id++)
		free(f->signs[id]);
	free(f->judged);
	free(f);
}
