/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command/recording.h"
#include "render/story.h"
#include "tests/test.h"
#include "tests/unit/random_event.h"

/* A record as the ring holds it: length, nothing, the event, padding. */
static void put(int fd, uint64_t time_ns, uint32_t pid)
{
	uint32_t header[2];
	char padding[8] = {};
	union event_any e;

	event_init(&e, EVENT_tcp_recv);
	e.head.time_ns = time_ns;
	e.head.pid = pid;
	e.tcp_recv.done_bytes = pid * 10;
	header[0] = e.head.size;
	header[1] = 0;
	CHECK(write(fd, header, sizeof(header)) == sizeof(header));
	CHECK(write(fd, &e, e.head.size) == e.head.size);
	if (e.head.size % 8)
		CHECK(write(fd, padding, 8 - e.head.size % 8) > 0);
}

TEST("a recording is read back in the order of time")
{
	char path[] = "/tmp/recording_test.XXXXXX";
	int fd = mkstemp(path);
	struct recording *r = NULL;
	union event_any e;

	CHECK(fd >= 0);
	CHECK(recording_begin(fd) == 0);
	put(fd, 2000, 2);
	put(fd, 1000, 1);
	put(fd, 3000, 3);
	close(fd);
	CHECK(recording_open(path, &r) == 0);
	for (uint32_t pid = 1; pid <= 3; pid++) {
		CHECK(recording_next(r, &e) == 1);
		CHECK(e.head.id == EVENT_tcp_recv);
		CHECK(e.head.pid == pid);
		CHECK(e.head.time_ns == pid * 1000);
		CHECK(e.tcp_recv.done_bytes == pid * 10);
	}
	CHECK(recording_next(r, &e) == 0);
	recording_close(r);
	unlink(path);
}

TEST("a recording of another build is read by the names it gives")
{
	char path[] = "/tmp/recording_test.XXXXXX";
	int fd = mkstemp(path);
	struct recording *r = NULL;
	union event_any e;
	struct {
		uint32_t length, nothing;
		uint64_t gone, time_ns;
		uint32_t padding;
		uint16_t id, size;
		uint64_t done_bytes;
	} record = { 40 - 8, 0, 7, 1234, 0, 5, 32, 99 };
	static const char beginning[] = "socktale recording 1\n"
					"event 0 head 24\nfield gone 0 8\nfield time_ns 8 8\nfield id 20 2\nfield size 22 2\n"
					"event 5 tcp_recv 32\nfield done_bytes 24 8\nfield unheard_of 30 2\nend\n";

	CHECK(write(fd, beginning, strlen(beginning)) > 0);
	CHECK(write(fd, &record, sizeof(record)) == sizeof(record));
	close(fd);
	CHECK(recording_open(path, &r) == 0);
	CHECK(recording_next(r, &e) == 1);
	CHECK(e.head.id == EVENT_tcp_recv);
	CHECK(e.head.time_ns == 1234);
	CHECK(e.tcp_recv.done_bytes == 99);
	CHECK(recording_next(r, &e) == 0);
	recording_close(r);
	unlink(path);
}

/* ---- damage ---- */

/* A file in memory that can be opened by name. */
struct file {
	int fd;
	char path[32];
};

static struct file file_make(const void *bytes, size_t length)
{
	struct file f = { .fd = memfd_create("recording_test", MFD_CLOEXEC) };

	snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
	CHECK(write(f.fd, bytes, length) == (ssize_t)length);
	return f;
}

/* What is refused is told on a stream; whoever counts it looks there. Sanitizers write to descriptor 2 all the same. */
static FILE *hush(FILE *instead)
{
	FILE *before = stderr;

	stderr = instead;
	return before;
}

/* Two sound records and a third with another length and size; what is told of it is in `said`. Returns the events read. */
static unsigned read_damaged(uint32_t length, uint16_t size, int *ret_last, char *said, size_t room)
{
	struct { uint32_t length, nothing; struct event head; } third = { length, 0, { .id = EVENT_lost, .size = size, .time_ns = 3 } };
	struct file f = file_make("", 0);
	FILE *words = fmemopen(said, room, "w"), *before;
	struct recording *r = NULL;
	unsigned events = 0;
	union event_any e;
	int got;

	CHECK(recording_begin(f.fd) == 0);
	put(f.fd, 1, 1);
	put(f.fd, 2, 2);
	CHECK(write(f.fd, &third, sizeof(third)) == sizeof(third));
	put(f.fd, 4, 4);
	before = hush(words);
	CHECK(recording_open(f.path, &r) == 0);
	while ((got = recording_next(r, &e)) == 1)
		events++;
	CHECK(got != -EINVAL || recording_next(r, &e) == 0);
	recording_close(r);
	fclose(words);
	hush(before);
	close(f.fd);
	*ret_last = got;
	return events;
}

TEST("a damaged recording is told up to the damage, which is named once, with its place")
{
	static const struct { uint32_t length; uint16_t size; const char *what; } damages[] = {
		{ 1U << 31, 160, "still being written" },
		{ 1U << 31 | sizeof(struct event), sizeof(struct event), "still being written" },
		{ 0, sizeof(struct event), "impossible length" },
		{ 8, sizeof(struct event), "impossible length" },
		{ 0x3fffffff, sizeof(struct event), "impossible length" },
		{ 1U << 30 | 0x3fffffff, sizeof(struct event), "impossible length" },
		{ sizeof(struct event), 0, "not of one length" },
		{ sizeof(struct event), sizeof(struct event) - 1, "not of one length" },
		{ sizeof(struct event), sizeof(struct event) + 1, "not of one length" },
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		char said[512] = "", *first;
		int last;

		CHECK(read_damaged(damages[i].length, damages[i].size, &last, said, sizeof(said) - 1) == 2);
		CHECK(last == -EINVAL);
		first = strstr(said, "is damaged at byte ");
		if (!CHECK(first && strstr(said, damages[i].what) && !strstr(first + 1, "is damaged")))
			test_note("%zu: %s", i, said);
	}
}

TEST("a record that was taken back is passed over, also where one cannot seek")
{
	struct { uint32_t length, nothing; struct event head; } record = { 1U << 30 | sizeof(struct event), 0, { .time_ns = 1 } };
	struct recording *r = NULL;
	union event_any e;
	char path[32];
	int ends[2];

	CHECK(pipe(ends) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	CHECK(recording_begin(ends[1]) == 0);
	CHECK(write(ends[1], &record, sizeof(record)) == sizeof(record));
	put(ends[1], 2, 2);
	close(ends[1]);
	CHECK(recording_open(path, &r) == 0);
	CHECK(recording_next(r, &e) == 1 && e.head.pid == 2);
	CHECK(recording_next(r, &e) == 0);
	recording_close(r);
	close(ends[0]);
}

/* A tale as a recording. Returns its bytes, to be freed; *ret_records: where its records begin. */
static char *recording_of(const char *tale, size_t *ret_bytes, size_t *ret_records)
{
	struct file f = file_make("", 0);
	struct recording *r = NULL;
	union event_any e;
	char *bytes;

	CHECK(recording_begin(f.fd) == 0);
	*ret_records = lseek(f.fd, 0, SEEK_CUR);
	CHECK(recording_open(tale, &r) == 0);
	while (recording_next(r, &e) == 1) {
		uint32_t header[2] = { e.head.size, 0 };

		CHECK(write(f.fd, header, sizeof(header)) == sizeof(header));
		CHECK(write(f.fd, &e, (e.head.size + 7) & ~7) > 0);
	}
	recording_close(r);
	*ret_bytes = lseek(f.fd, 0, SEEK_CUR);
	bytes = malloc(*ret_bytes);
	CHECK(pread(f.fd, bytes, *ret_bytes, 0) == (ssize_t)*ret_bytes);
	close(f.fd);
	return bytes;
}

static void damage(char *bytes, size_t length, size_t records)
{
	size_t from = random_below(16) ? records : 0, times = 1 + random_below(12);

	while (times--) {
		size_t at = from + random_below(length - from);
		uint64_t value = random_below(2) ? random_u64() : random_below(2) ? 0 : 1ULL << 31;
		size_t most = length - at < 8 ? length - at : 8;

		memcpy(bytes + at, &value, random_below(most) + 1);
	}
}

static void tell_it(const char *path, const char *format, FILE *out)
{
	struct renderer_options options = { .out = out };
	struct recording *r = NULL;
	union event_any e;
	struct story *s;

	if (recording_open(path, &r))
		return;
	s = story_create(renderer_find(format), &options);
	while (recording_next(r, &e) == 1)
		story_event(s, &e.head);
	story_finish(s);
	recording_close(r);
}

enum { ROUNDS = 12 };

static void damage_tale(const char *tale, FILE *nowhere)
{
	static const char *const formats[] = { "why", "text", "why", "json", "why", "ladder", "why", "log" };
	size_t length, records;
	char *whole = recording_of(tale, &length, &records), *bytes = malloc(length);

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct file f;

		memcpy(bytes, whole, length);
		damage(bytes, length, records);
		f = file_make(bytes, random_below(8) ? length : random_below(length));
		tell_it(f.path, formats[round % 8], nowhere);
		close(f.fd);
	}
	free(bytes);
	free(whole);
}

TEST("whatever is wrong in a recording, telling it does no harm")
{
	FILE *nowhere = fopen("/dev/null", "w"), *before = hush(nowhere);
	glob_t tales;

	CHECK(glob("tests/tales/*.tale", 0, NULL, &tales) == 0);
	for (size_t i = 0; i < tales.gl_pathc; i++)
		damage_tale(tales.gl_pathv[i], nowhere);
	hush(before);
	fclose(nowhere);
	globfree(&tales);
}
