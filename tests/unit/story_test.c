/* SPDX-License-Identifier: BSD-2-Clause */
#include "render/story.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "command/recording.h"
#include "render/json.h"
#include "tests/test.h"

/* A number that looks random and is the same on every machine (xorshift64*). */
static uint64_t seed;

static uint64_t random_number(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dull;
}

/*
 * An event of any kind with any content, on one of few sockets and addresses so that they meet; some records are short,
 * some of no known kind.
 */
static void strange_event(union event_any *e, uint64_t time_ns)
{
	unsigned char *bytes = (unsigned char *)e;
	const struct field *error;

	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < sizeof(*e); i++)
		bytes[i] = random_number() % 4 ? random_number() % 14 : random_number();
	e->head.time_ns = time_ns;
	e->head.id = random_number() % 50 ? random_number() % EVENT_COUNT : random_number();
	e->head.size = schema_get(e->head.id)->size;
	if (random_number() % 20 == 0)
		e->head.size = random_number() % (e->head.size + 1);
	error = schema_field(e->head.id, "error");
	if (error && random_number() % 20 == 0)
		field_set_integer(error, &e->head, INT32_MIN);
	e->head.socket = random_number() % 40;
	e->head.netns = random_number() % 3;
	e->head.family = (const __u8[]){ 0, 1, 2, 2, 2, 10, 77 }[random_number() % 7];
	e->head.protocol = (const __u8[]){ 6, 6, 6, 17, 0 }[random_number() % 5];
	e->head.local_port = random_number() % 3;
	e->head.remote_port = random_number() % 3;
	memset(&e->head.local, random_number() % 2, sizeof(e->head.local));
	memset(&e->head.remote, random_number() % 2, sizeof(e->head.remote));
}

static void tell_strange_events(const char *format, unsigned count)
{
	struct renderer_options options = { .out = fopen("/dev/null", "we"), .width = 80 };
	struct story *s;
	union event_any *e;

	if (!CHECK(options.out != NULL))
		return;
	seed = 88172645463325252ull;
	s = story_create(renderer_find(format), &options);
	for (unsigned i = 0; i < count; i++) {
		/* On the heap and of just the right size, so that a sanitizer sees every byte too many. */
		e = malloc(sizeof(*e));
		strange_event(e, i * 1000ull);
		CHECK(story_event(s, &e->head) == 0);
		free(e);
	}
	CHECK(story_count(s).events == count);
	CHECK(story_finish(s) == 0);
	fclose(options.out);
}

TEST("no event, however strange, breaks the text")
{
	tell_strange_events("text", 20000);
}

TEST("no event, however strange, breaks the ladder")
{
	tell_strange_events("ladder", 20000);
}

TEST("no event, however strange, breaks JSON")
{
	tell_strange_events("json", 20000);
}

TEST("no event, however strange, breaks the answer of why")
{
	tell_strange_events("why", 20000);
}

TEST("no event, however strange, breaks the log")
{
	tell_strange_events("log", 20000);
}

/* Returns how many events the tale has. */
static unsigned tell_as_json(const char *tale, FILE *out)
{
	struct renderer_options options = { .out = out };
	struct story *s = story_create(renderer_find("json"), &options);
	struct recording *r = NULL;
	unsigned count = 0;
	union event_any e;

	CHECK(recording_open(tale, &r) == 0);
	for (; recording_next(r, &e) == 1; count++)
		CHECK(story_event(s, &e.head) == 0);
	recording_close(r);
	CHECK(story_finish(s) == 0);
	return count;
}

TEST("what JSON says of every tale obeys the schema of `socktale events --json-schema`")
{
	char schema_name[] = "/tmp/socktale-schema-XXXXXX", lines_name[] = "/tmp/socktale-lines-XXXXXX";
	FILE *schema = fdopen(mkstemp(schema_name), "w"), *lines = fdopen(mkstemp(lines_name), "w");
	struct text text = TEXT_EMPTY;
	unsigned count = 0;
	glob_t tales;

	rendered_schema(&text);
	fputs(text_string(&text), schema);
	CHECK(glob("tests/tales/*.tale", 0, NULL, &tales) == 0);
	for (size_t i = 0; i < tales.gl_pathc; i++)
		count += tell_as_json(tales.gl_pathv[i], lines);
	fclose(schema);
	fclose(lines);
	text_clear(&text);
	text_printf(&text, "python3 tests/unit/json_check.py %s %s %u", schema_name, lines_name, count);
	fflush(stdout);
	if (system("python3 -c pass 2>/dev/null"))
		test_skip_reason = "python3 is not installed";
	else
		CHECK(!system(text_string(&text)));
	unlink(schema_name);
	unlink(lines_name);
	text_finish(&text);
	globfree(&tales);
}

TEST("an output that is full is an error, told by its errno")
{
	struct renderer_options options = { .out = fopen("/dev/full", "we"), .width = 80 };
	struct story *s;
	union event_any e;
	int err = 0;

	if (!options.out)
		SKIP("there is no /dev/full");
	s = story_create(renderer_find("text"), &options);
	event_init(&e, EVENT_process_exit);
	for (int i = 0; i < 10000 && !err; i++)
		err = story_event(s, &e.head);
	if (!err)
		err = story_flush(s);
	CHECK(err == -ENOSPC);
	story_finish(s);
	fclose(options.out);
}

TEST("the lost events of which the kernel side speaks are added up")
{
	struct renderer_options options = { .out = fopen("/dev/null", "we") };
	struct story *s = story_create(renderer_find("text"), &options);
	union event_any e;

	event_init(&e, EVENT_lost);
	e.lost.count = 5;
	story_event(s, &e.head);
	e.lost.count = 12;
	story_event(s, &e.head);
	CHECK(story_count(s).lost == 17 && story_count(s).events == 2);
	CHECK(story_finish(s) == 0);
	fclose(options.out);
}
