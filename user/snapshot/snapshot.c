/* SPDX-License-Identifier: BSD-2-Clause */
#include "snapshot/snapshot.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "bpf/config.h"
#include "socktale.skel.h"

/* What an iterator wrote. */
struct heap {
	char *bytes;
	size_t length, room;
};

static int listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return getenv("SOCKTALE_DEBUG") && level <= LIBBPF_INFO ? vfprintf(stderr, format, arguments) : 0;
}

static int heap_read(struct heap *h, int fd)
{
	ssize_t n;

	do {
		if (h->room - h->length < 65536) {
			h->room = h->room ? 2 * h->room : 1 << 20;
			h->bytes = memory_resize(h->bytes, h->room, 1);
		}
		n = read(fd, h->bytes + h->length, h->room - h->length);
		if (n > 0)
			h->length += n;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	return n < 0 ? -errno : 0;
}

/* Run one iterator to its end. */
static int walk(struct heap *h, struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach(prog);
	int fd, err;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	err = fd < 0 ? -errno : heap_read(h, fd);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

static int by_sk(const void *a, const void *b)
{
	const struct snapshot_socket *x = a, *y = b;

	if (x->sk != y->sk)
		return x->sk < y->sk ? -1 : 1;
	/* Of two looks at one socket the later one comes first, and is kept. */
	return x->time_ns == y->time_ns ? 0 : x->time_ns > y->time_ns ? -1 : 1;
}

static int by_holder(const void *a, const void *b)
{
	const struct snapshot_owner *x = a, *y = b;

	if (x->sk != y->sk)
		return x->sk < y->sk ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void *record_add(void *array, size_t *count, size_t size, const void *record)
{
	if (!(*count & (*count - 1))) /* room is a power of two */
		array = memory_resize(array, *count ? 2 * *count : 1, size);
	memcpy((char *)array + (*count)++ * size, record, size);
	return array;
}

static void sort_out(struct snapshot *s, const struct heap *h)
{
	size_t at = 0, kept = 0;

	while (at + sizeof(struct snapshot_owner) <= h->length) {
		__u32 record = *(__u32 *)(h->bytes + at);

		if (record == SNAPSHOT_owner) {
			s->owners = record_add(s->owners, &s->owner_count, sizeof(*s->owners), h->bytes + at);
			at += sizeof(*s->owners);
		} else if (record == SNAPSHOT_socket && at + sizeof(*s->sockets) <= h->length) {
			s->sockets = record_add(s->sockets, &s->count, sizeof(*s->sockets), h->bytes + at);
			at += sizeof(*s->sockets);
		} else {
			break;
		}
	}
	if (s->count)
		qsort(s->sockets, s->count, sizeof(*s->sockets), by_sk);
	for (size_t i = 0; i < s->count; i++)
		if (!kept || s->sockets[kept - 1].sk != s->sockets[i].sk)
			s->sockets[kept++] = s->sockets[i];
	s->count = kept;
	kept = 0;
	if (s->owner_count)
		qsort(s->owners, s->owner_count, sizeof(*s->owners), by_holder);
	for (size_t i = 0; i < s->owner_count; i++)
		if (!kept || by_holder(&s->owners[kept - 1], &s->owners[i]))
			s->owners[kept++] = s->owners[i];
	s->owner_count = kept;
}

/* Load what of the four can be had: unix sockets have no iterator before Linux 5.15. */
static struct socktale_bpf *load(bool with_unix)
{
	struct socktale_bpf *skeleton = socktale_bpf__open();
	struct bpf_map *map;

	if (!skeleton)
		return NULL;
	bpf_object__for_each_map(map, skeleton->obj)
		if (!bpf_map__is_internal(map) && map != skeleton->maps.snapshot_scratch)
			bpf_map__set_autocreate(map, false);
	bpf_program__set_autoload(skeleton->progs.files__snapshot, true);
	bpf_program__set_autoload(skeleton->progs.tcp__snapshot, true);
	bpf_program__set_autoload(skeleton->progs.udp__snapshot, true);
	bpf_program__set_autoload(skeleton->progs.unix__snapshot, with_unix);
	if (!socktale_bpf__load(skeleton))
		return skeleton;
	socktale_bpf__destroy(skeleton);
	return NULL;
}

static int walk_all(struct heap *h, struct socktale_bpf *skeleton, bool with_unix)
{
	int err = walk(h, skeleton->progs.files__snapshot);

	if (!err)
		err = walk(h, skeleton->progs.tcp__snapshot);
	if (!err)
		err = walk(h, skeleton->progs.udp__snapshot);
	if (!err && with_unix)
		err = walk(h, skeleton->progs.unix__snapshot);
	return err;
}

int snapshot_take(int netns, struct snapshot *ret)
{
	struct snapshot s = { .whole_unix = true };
	struct socktale_bpf *skeleton;
	struct heap heap = { 0 };
	int home = -1, err = 0;

	libbpf_set_print(listen_to_libbpf);
	skeleton = load(true);
	if (!skeleton) {
		s.whole_unix = false;
		skeleton = load(false);
	}
	if (!skeleton)
		return fail(-errno, "BPF iterators: cannot be loaded");
	/* The tables walked are those of the namespace we are in when the walk begins. */
	if (netns >= 0) {
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (home < 0 || setns(netns, CLONE_NEWNET)) {
			err = fail(-errno, "network namespace: cannot be entered");
			goto out;
		}
	}
	err = walk_all(&heap, skeleton, s.whole_unix);
	if (err)
		fail(err, "BPF iterators: cannot be read");
	if (home >= 0 && setns(home, CLONE_NEWNET) && !err)
		err = fail(-errno, "network namespace: no way back");
	if (!err) {
		sort_out(&s, &heap);
		s.hz = tick_hz();
		*ret = s;
	}
out:
	if (home >= 0)
		close(home);
	free(heap.bytes);
	socktale_bpf__destroy(skeleton);
	return err;
}

void snapshot_finish(struct snapshot *s)
{
	free(s->sockets);
	free(s->owners);
	memset(s, 0, sizeof(*s));
}

const struct snapshot_owner *snapshot_owners(const struct snapshot *s, __u64 sk, size_t *ret_count)
{
	size_t low = 0, high = s->owner_count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->owners[middle].sk < sk)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < s->owner_count && s->owners[end].sk == sk; end++)
		;
	*ret_count = end - low;
	return end > low ? &s->owners[low] : NULL;
}

const struct snapshot_socket *snapshot_find(const struct snapshot *s, __u64 sk)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->sockets[middle].sk < sk)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->count && s->sockets[low].sk == sk ? &s->sockets[low] : NULL;
}
