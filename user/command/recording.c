/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"
#include "base/memory.h"
#include "base/text.h"
#include "event/line.h"

static const char magic[] = "socktale recording 1\n";

/* Records are sorted by time over a stretch of so many, or so long: further apart no CPU hands over two events. */
#define WINDOW 32768
#define HOLD_BACK_NS 20000000ULL
#define LARGEST 65536

/* In the length of a record: still being written; taken back by the kernel side. */
#define BUSY (1U << 31)
#define DISCARDED (1U << 30)

/* One field of an event as it lies in the file and here. */
struct move {
	uint16_t from, to, bytes;
};

/* How to read the events of one number. */
struct layout {
	enum event_id id; /* here; EVENT_COUNT: unknown to this build */
	bool same;	  /* lies here as there */
	struct move *moves;
	size_t count;
	uint32_t bytes; /* there */
};

struct waiting {
	uint64_t time_ns, order;
	uint16_t id, size;
	void *bytes;
};

enum { REFUSED_MOST = 3 };

struct recording {
	bool binary, ended;
	struct layout *layouts;
	size_t layout_count;
	unsigned time_at, id_at, size_at, head_bytes; /* where the head of an event holds what is needed to place it */
	struct waiting *window; /* what waits for those that belong before it; sorted from `first` on */
	size_t first, until, count; /* those before `until` can have no younger one before them */
	uint64_t newest_ns, order;
	const char *damage; /* what is wrong with the record at `at_bytes`, where reading ended; told behind those before it */
	uint64_t at_bytes;  /* of the file: so much was read */

	char *path;
	FILE *file;
	char *line;
	size_t room;
	size_t number; /* of the line */
	bool passing;  /* inside a section of a tale that holds no events */
	bool understood;  /* a line of a log was right */
	unsigned refused; /* those that were not, before it */
};

/* ---- the beginning of a recording ---- */

int recording_begin(int fd)
{
	struct text t = TEXT_EMPTY;
	const struct field *head;
	const char *at;
	size_t left, count;
	int err = 0;

	text_printf(&t, "%sevent 0 head %zu\n", magic, sizeof(struct event));
	head = schema_head(&count);
	for (size_t i = 0; i < count; i++)
		text_printf(&t, "field %s %u %u\n", head[i].name, head[i].offset, head[i].size);
	for (int id = 0; id < EVENT_COUNT; id++) {
		const struct schema *s = schema_get(id);

		text_printf(&t, "event %d %s %u\n", id, s->name, s->size);
		for (size_t i = 0; i < s->field_count; i++)
			text_printf(&t, "field %s %u %u\n", s->fields[i].name, s->fields[i].offset, s->fields[i].size);
	}
	text_printf(&t, "end\n");
	at = text_string(&t);
	left = strlen(at);
	while (left && !err) {
		ssize_t n = write(fd, at, left);

		if (n < 0 && errno != EINTR)
			err = -errno;
		if (n > 0) {
			at += n;
			left -= n;
		}
	}
	text_finish(&t);
	return err;
}

static int wrong(const struct recording *r, const char *what)
{
	fail(0, "recording '%s': %s", r->path, _(what));
	return -EINVAL;
}

static struct layout *layout_make(struct recording *r, unsigned number)
{
	if (number >= r->layout_count) {
		r->layouts = memory_resize(r->layouts, number + 1, sizeof(*r->layouts));
		memset(r->layouts + r->layout_count, 0, (number + 1 - r->layout_count) * sizeof(*r->layouts));
		for (size_t i = r->layout_count; i <= number; i++)
			r->layouts[i].id = EVENT_COUNT;
		r->layout_count = number + 1;
	}
	return &r->layouts[number];
}

static void layout_move(struct layout *l, const struct field *f, unsigned offset, unsigned bytes)
{
	if (!f || f->size != bytes || f->offset != offset)
		l->same = false;
	if (!f || offset + bytes > l->bytes)
		return;
	l->moves = memory_resize(l->moves, l->count + 1, sizeof(*l->moves));
	/* The host is little-endian and so is the file: of an integer that has grown, the low bytes are the old ones. */
	l->moves[l->count++] = (struct move){ offset, f->offset, bytes < f->size ? bytes : f->size };
}

static ssize_t line_take(struct recording *r)
{
	ssize_t length = getline(&r->line, &r->room, r->file);

	if (length > 0)
		r->at_bytes += length;
	return length;
}

/* What the file says about its own records. */
static int layouts_read(struct recording *r)
{
	struct layout head = {}, *l = NULL;
	unsigned number, offset, bytes;
	size_t known = 0, fields = 0;
	char name[64];

	schema_head(&known);
	r->time_at = r->id_at = r->size_at = LARGEST;
	while (line_take(r) > 0) {
		if (!strcmp(r->line, "end\n")) {
			free(head.moves);
			if (r->time_at + 8 > r->head_bytes || r->id_at + 2 > r->head_bytes || r->size_at + 2 > r->head_bytes)
				return wrong(r, "does not say when its events happened");
			return 0;
		}
		if (sscanf(r->line, "event %u %63s %u", &number, name, &bytes) == 3 && number < 4096 && bytes <= LARGEST) {
			if (!strcmp(name, "head")) {
				l = &head;
				l->id = EVENT_COUNT;
				l->same = bytes == sizeof(struct event);
				r->head_bytes = bytes;
			} else {
				l = layout_make(r, number);
				free(l->moves); /* of an event told twice */
				l->id = schema_find(name);
				l->same = head.same && fields == known && (int)number == (int)l->id && l->id < EVENT_COUNT &&
					  bytes == schema_get(l->id)->size;
				l->moves = memory_resize(NULL, head.count + 1, sizeof(*l->moves));
				if (head.count)
					memcpy(l->moves, head.moves, head.count * sizeof(*l->moves));
				l->count = head.count;
			}
			l->bytes = bytes;
		} else if (l && sscanf(r->line, "field %63s %u %u", name, &offset, &bytes) == 3 && offset < LARGEST &&
			   bytes <= LARGEST) {
			const struct field *f = schema_field(l->id, name);

			if (l == &head) {
				fields++;
				if (!strcmp(name, "time_ns") && bytes == sizeof(uint64_t))
					r->time_at = offset;
				else if (!strcmp(name, "id") && bytes == sizeof(uint16_t))
					r->id_at = offset;
				else if (!strcmp(name, "size") && bytes == sizeof(uint16_t))
					r->size_at = offset;
				f = schema_field(EVENT_lost, name);
				layout_move(l, f && f->offset < sizeof(struct event) ? f : NULL, offset, bytes);
			} else if (l->id < EVENT_COUNT) {
				layout_move(l, f, offset, bytes);
			}
		} else {
			break;
		}
	}
	free(head.moves);
	return wrong(r, "its beginning cannot be read");
}

/* Log or recording? A recording begins with its name. */
static int recording_look(struct recording *r)
{
	int c;

	errno = 0;
	c = getc(r->file);

	if (c == EOF)
		return ferror(r->file) ? fail(errno ? -errno : -EIO, "recording '%s': cannot read", r->path) : 0;
	ungetc(c, r->file);
	if (c != *magic)
		return 0;
	if (line_take(r) < 0 || strcmp(r->line, magic))
		return wrong(r, "is neither a log nor a recording of this version");
	r->binary = true;
	r->window = memory_create(WINDOW, sizeof(*r->window));
	return layouts_read(r);
}

/* ---- its records ---- */

static int waiting_compare(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* What cannot be so in a record of `length` bytes, or NULL. */
static const char *record_judge(const struct recording *r, uint32_t length)
{
	if (length & BUSY)
		return N_("the record there was still being written");
	length &= ~DISCARDED;
	return length < r->head_bytes || length > LARGEST ? N_("the record there has an impossible length") : NULL;
}

/* `from` is where the record begins. Returns 0: nothing behind it can be found. */
static int record_damaged(struct recording *r, uint64_t from, const char *what)
{
	r->damage = what;
	r->at_bytes = from;
	r->ended = true;
	return 0;
}

static void record_place(const struct recording *r, struct waiting *w)
{
	memcpy(&w->time_ns, (char *)w->bytes + r->time_at, sizeof(w->time_ns));
	memcpy(&w->id, (char *)w->bytes + r->id_at, sizeof(w->id));
	memcpy(&w->size, (char *)w->bytes + r->size_at, sizeof(w->size));
}

/* The next record into the window. 1, 0 at the end, or a negative errno. */
static int record_read(struct recording *r)
{
	struct { uint32_t length, nothing; } header;
	struct waiting *w = &r->window[r->count];
	uint64_t from;
	size_t room, n;

	do {
		from = r->at_bytes;
		n = fread(&header, 1, sizeof(header), r->file);
		if (n != sizeof(header))
			goto end;
		if (record_judge(r, header.length))
			return record_damaged(r, from, record_judge(r, header.length));
		room = ((header.length & ~DISCARDED) + 7) & ~(size_t)7;
		w->bytes = memory_create(1, room);
		n = fread(w->bytes, 1, room, r->file);
		r->at_bytes += sizeof(header) + n;
		if (n == room && !(header.length & DISCARDED))
			break;
		free(w->bytes);
	} while (n == room);
	if (n != room)
		goto end;
	record_place(r, w);
	if (w->size < r->head_bytes || w->size > header.length) {
		free(w->bytes);
		return record_damaged(r, from, N_("the event there and its record are not of one length"));
	}
	w->order = r->order++;
	if (w->time_ns > r->newest_ns)
		r->newest_ns = w->time_ns;
	r->count++;
	return 1;
end:
	if (ferror(r->file))
		return fail(-errno, "recording '%s': cannot read", r->path);
	if (n)
		tell("recording '%s': ends in the middle of a record", r->path);
	r->ended = true;
	return 0;
}

/* Behind the last record: what ended the reading, said once. */
static int records_end(struct recording *r)
{
	const char *damage = r->damage;

	if (!damage)
		return 0;
	r->damage = NULL;
	fail(0, "recording '%s': is damaged at byte %llu: %s", r->path, (unsigned long long)r->at_bytes, _(damage));
	return -EINVAL;
}

static void record_take(struct recording *r, const struct waiting *w, union event_any *ret)
{
	const struct layout *l = w->id < r->layout_count ? &r->layouts[w->id] : NULL;

	if (l && l->same) {
		event_take(ret, w->bytes, w->size);
		return;
	}
	if (!l || l->id == EVENT_COUNT) { /* told as unknown, at its time */
		struct event unknown = { .time_ns = w->time_ns, .id = EVENT_COUNT, .size = sizeof(unknown), .fd = -1 };

		event_take(ret, &unknown, sizeof(unknown));
		return;
	}
	event_init(ret, l->id);
	for (size_t i = 0; i < l->count; i++)
		if (l->moves[i].from + l->moves[i].bytes <= w->size)
			memcpy((char *)ret + l->moves[i].to, (const char *)w->bytes + l->moves[i].from, l->moves[i].bytes);
	ret->head.id = l->id;
	ret->head.size = schema_get(l->id)->size;
}

static int record_next(struct recording *r, union event_any *ret)
{
	int got;

	if (r->first == r->until) {
		memmove(r->window, r->window + r->first, (r->count - r->first) * sizeof(*r->window));
		r->count -= r->first;
		r->first = 0;
		while (!r->ended && r->count < WINDOW) {
			got = record_read(r);
			if (got < 0)
				return got;
		}
		qsort(r->window, r->count, sizeof(*r->window), waiting_compare);
		r->until = r->ended ? r->count : r->count / 2;
		while (r->until < r->count && r->window[r->until].time_ns + HOLD_BACK_NS < r->newest_ns)
			r->until++;
	}
	if (r->first == r->until)
		return records_end(r);
	record_take(r, &r->window[r->first], ret);
	free(r->window[r->first++].bytes);
	return 1;
}

int recording_open(const char *path, struct recording **ret_recording)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "re");
	struct recording *r;
	int err;

	if (!file)
		return fail(-errno, "recording '%s': cannot open", path);
	r = memory_create(1, sizeof(*r));
	r->path = memory_string(standard ? _("standard input") : path);
	r->file = file;
	err = recording_look(r);
	if (err) {
		recording_close(r);
		return err;
	}
	*ret_recording = r;
	return 0;
}

bool recording_is_file(const struct recording *r, FILE *stream)
{
	struct stat a, b;

	return !fstat(fileno(r->file), &a) && !fstat(fileno(stream), &b) && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Whether the line holds no event. */
static bool passed_over(struct recording *r, const char *line)
{
	static const char section[] = "--- ";

	if (strncmp(line, section, strlen(section)) == 0) {
		r->passing = strcmp(line + strlen(section), "events") != 0;
		return true;
	}
	line += strspn(line, " \t");
	return r->passing || *line == '\0' || *line == '#';
}

int recording_next(struct recording *r, union event_any *ret)
{
	struct line_problem problem;
	ssize_t length;

	if (r->binary)
		return record_next(r, ret);
	errno = 0;
	while ((length = getline(&r->line, &r->room, r->file)) >= 0) {
		r->number++;
		if (memchr(r->line, '\0', length)) {
			wrong(r, "is neither a log nor a recording of this version");
			return -EPROTO;
		}
		if (length && r->line[length - 1] == '\n')
			r->line[--length] = '\0';
		if (passed_over(r, r->line))
			continue;
		if (line_read(ret, r->line, length, &problem) == 0) {
			r->understood = true;
			return 1;
		}
		/* A line may be damaged; where none is right so far, it is another kind of file. */
		if (!r->understood && ++r->refused == REFUSED_MOST) {
			wrong(r, "is neither a log nor a recording of this version");
			return -EPROTO;
		}
		fail(0, "%s:%zu:%zu: %s", r->path, r->number, problem.column + 1, _(problem.what));
		return -EINVAL;
	}
	if (ferror(r->file))
		return fail(-errno, "recording '%s': cannot read", r->path);
	return 0;
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	if (r->file != stdin)
		fclose(r->file);
	for (size_t i = r->first; i < r->count; i++)
		free(r->window[i].bytes);
	for (size_t i = 0; i < r->layout_count; i++)
		free(r->layouts[i].moves);
	free(r->layouts);
	free(r->window);
	free(r->line);
	free(r->path);
	free(r);
}
