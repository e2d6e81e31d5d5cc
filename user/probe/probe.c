/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/language.h"
#include "base/memory.h"
#include "bpf/record.h"
#include "probe/thrift.h"
#include "socktale.skel.h"

#define HOLD_BACK_NS 4000000ULL	     /* events younger than this wait for those another CPU is still writing */
#define BATCH_EVENTS 65536	     /* read at most so many at once */
#define BATCH_BYTES (1 << 20)	     /* write at most so many at once: room in the rings comes back in such pieces */
#define RINGS_BYTES (16 << 20)	     /* of all rings together, but none is smaller than */
#define RING_LEAST_BYTES (1 << 20)
#define BUSY_EVENTS 4096	     /* fewer than that at once: there is time to rest */
#define PAUSE_NS 2000000L	     /* rest so long while events come: a few hundred of them cost one turn */
#define LOOK_MS 10		     /* look at least this often when nothing comes */
#define LOSS_INTERVAL_NS 100000000ULL /* look for losses this often */
#define SWEEP_INTERVAL_NS 30000000000ULL
#define REQUEST_LIFE_NS 200000000000ULL
#define TCP_NEW_SYN_RECV_STATE 12 /* include/net/tcp_states.h */
#define LINKS 128
#define LOG_BYTES 65536 /* the verifier's statistics of one program, and what it adds on some kernels */

struct slot {
	uint64_t time_ns;
	size_t offset;
};

/*
 * A CPU's ring buffer, mapped: positions grow for ever, behind the end the data begins again so that no record is torn
 * (Documentation/bpf/ringbuf.rst). Read here rather than by libbpf, to hand whole stretches to write().
 */
struct ring {
	int fd;
	uint64_t *consumer;	  /* read so far; ours to write */
	const uint64_t *producer; /* reserved so far */
	char *data; /* NULL: not mapped */
	uint64_t mask;
	uint64_t bytes; /* size */
	uint64_t spill; /* so much of the beginning is mapped again behind the end */
	/* while it is read: */
	uint64_t at, next;	  /* where the record at hand begins, and the one behind it */
	uint64_t until;		  /* what was reserved when the reading began */
	const struct event *head; /* the record at hand, or NULL */
	bool valid;		  /* whether it is one */
};

struct probe {
	struct kernel kernel;
	struct doors doors;
	struct socktale_bpf *skeleton;
	struct bpf_link *links[LINKS];
	struct bpf_program *programs[LINKS];
	char (*logs)[LOG_BYTES]; /* one a program, under probe_options.budget */
	size_t link_count;
	struct ring *rings; /* one a CPU that is there */
	int ring_count;	    /* so many are made */
	struct probe_count counts[EVENT_COUNT]; /* delivered here; produced and lost as last told */
	char *bytes;
	size_t byte_count, byte_room;
	struct slot *slots;
	size_t slot_count, slot_room;
	uint64_t losses_seen_ns, swept_ns;
	struct thrift thrift;
	uint64_t skipped[LINKS]; /* runs of each program skipped, as last told */
	bool seeded; /* the visitor of all open files is loaded */
	int cpus, online; /* that may ever be there, that are */
};

/* ---- libbpf's own words: kept, and shown only to those who ask ---- */

static char refused_program[128], refused_reason[256];

static int listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[1024], name[128];
	const char *why;
	size_t length;

	if (getenv("SOCKTALE_DEBUG") && level <= LIBBPF_INFO) {
		va_list again;

		va_copy(again, arguments);
		vfprintf(stderr, format, again);
		va_end(again);
	}
	if (level > LIBBPF_INFO)
		return 0;
	vsnprintf(line, sizeof(line), format, arguments);
	if (sscanf(line, "libbpf: prog '%127[^']'", name) != 1)
		return 0;
	why = strstr(line, "failed");
	if (!why)
		return 0;
	snprintf(refused_program, sizeof(refused_program), "%s", name);
	why = strchr(why, ':');
	if (!why || refused_reason[0])
		return 0;
	snprintf(refused_reason, sizeof(refused_reason), "%s", why + 1 + strspn(why + 1, " "));
	length = strlen(refused_reason);
	if (length && refused_reason[length - 1] == '\n')
		refused_reason[length - 1] = '\0';
	return 0;
}

static int program_info(const struct bpf_program *prog, struct bpf_prog_info *ret)
{
	uint32_t length = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(bpf_program__fd(prog), ret, &length);
}

/* ---- the kernel's part of the configuration ---- */

static const struct {
	int number;
	enum call call;
} call_numbers[] = {
	{ SYS_socket, CALL_socket },	   { SYS_socketpair, CALL_socketpair }, { SYS_bind, CALL_bind },
	{ SYS_listen, CALL_listen },	   { SYS_setsockopt, CALL_setsockopt }, { SYS_connect, CALL_connect },
	{ SYS_getsockopt, CALL_getsockopt },
	{ SYS_accept, CALL_accept },	   { SYS_accept4, CALL_accept },	{ SYS_shutdown, CALL_shutdown },
	{ SYS_close, CALL_close },	   { SYS_read, CALL_read },		{ SYS_readv, CALL_readv },
	{ SYS_recvfrom, CALL_recvfrom },   { SYS_recvmsg, CALL_recvmsg },	{ SYS_recvmmsg, CALL_recvmmsg },
	{ SYS_write, CALL_write },	   { SYS_writev, CALL_writev },		{ SYS_sendto, CALL_sendto },
	{ SYS_sendmsg, CALL_sendmsg },	   { SYS_sendmmsg, CALL_sendmmsg },	{ SYS_sendfile, CALL_sendfile },
	{ SYS_splice, CALL_splice },	   { SYS_dup3, CALL_dup },
#ifdef SYS_dup2
	{ SYS_dup2, CALL_dup },
#endif
#ifdef SYS_close_range
	{ SYS_close_range, CALL_close_range },
#endif
};

static void rate_set(struct config *c, unsigned long long most_a_second)
{
	/* Where there are enough of them, in tenths of a second: no burst of a whole second's. */
	bool many = most_a_second >= 1000;

	c->rate_window_ns = most_a_second ? many ? 100000000 : 1000000000 : 0;
	c->rate_events = many ? most_a_second / 10 : most_a_second;
}

static int online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? n : 1;
}

/* Of one of so many rings written at once. A stretch may be one record longer. */
static uint32_t stretch_bytes(int rings)
{
	return BATCH_BYTES / rings;
}

/* Size of one of so many rings: a power of two. */
static uint32_t ring_bytes(int rings)
{
	uint32_t bytes = RINGS_BYTES;

	while (bytes > RING_LEAST_BYTES && (uint64_t)bytes * rings > RINGS_BYTES)
		bytes /= 2;
	return bytes;
}

static void config_complete(struct config *c, const struct kernel *k, const struct doors *d, const struct probe_options *o)
{
	static const char *const functions[] = { "tw_timer_handler", "tcp_delack_timer", "tcp_write_timer", "tcp_keepalive_timer" };
	uint64_t addresses[4];
	const char *name;

	kernel_addresses(functions, 4, addresses);
	c->tw_timer_handler = addresses[0];
	c->tcp_delack_timer = addresses[1];
	c->tcp_write_timer = addresses[2];
	c->tcp_keepalive_timer = addresses[3];
	c->has_task_storage = k->task_storage;
	c->has_sk_storage = k->sk_storage;
	c->has_cast = k->cast;
	c->has_loop = k->loop;
	c->has_sock_from_file = k->sock_from_file;
	c->hz = k->hz;
	c->accept_args = kernel_parameters(k, "inet_csk_accept") == 4 ? 4 : 2;
	c->udp_fail_has_packet = kernel_tracepoint_parameters(k, "udp_fail_queue_rcv_skb") > 2;
	c->udp_recv_args = kernel_parameters(k, "udp_recvmsg");
	c->filter_args = kernel_parameters(k, "sk_filter_trim_cap");
	c->listen_start_args = kernel_parameters(k, "inet_csk_listen_start") == 2 ? 2 : 1;
	for (int i = 0; i < 3; i++) {
		name = kernel_parameter_name(k, "tcp_send_active_reset", i);
		if (name && !strcmp(name, "reason"))
			c->reset_reason_arg = i;
	}
	c->reset_has_reason = d->sources[EVENT_tcp_reset_sent].plane == PLANE_functions
				      ? kernel_parameters(k, "tcp_v4_send_reset") > 2
				      : kernel_tracepoint_parameters(k, "tcp_send_reset") > 2;
	for (int id = 0; id < EVENT_COUNT; id++)
		c->told_by[id] = o->wanted[id] ? d->sources[id].plane : PLANE_none;
	for (size_t i = 0; i < sizeof(call_numbers) / sizeof(*call_numbers); i++)
		if (call_numbers[i].number < CALL_NUMBERS)
			c->calls[call_numbers[i].number] = call_numbers[i].call;
	c->filtered = c->filter_tree || c->filter_pid_set || c->filter_comm_set || c->filter_port_set || c->filter_netns_set ||
		      c->filter_cgroup_set || c->filter_address_set || c->filter_family_set || c->filter_protocol_set;
	rate_set(c, o->most_a_second);
	if (o->budget_percent) {
		c->budgeted = 1;
		thrift_order(c->shed_at);
		if (!c->fold_interval_ns)
			c->fold_interval_ns = 1000000000ULL;
	}
	c->fold_interval_jiffies = c->fold_interval_ns * k->hz / 1000000000ULL;
	c->self_pid = kernel_numbers_are_ours() ? (uint32_t)getpid() : UINT32_MAX; /* nobody: somebody else has our number there */
}

/* ---- open ---- */

/* The object for kernels that offer all that our programs ask for (build/modern.bpf.o), linked in as bytes. */
extern const char _binary_modern_bpf_o_start[], _binary_modern_bpf_o_end[];

static bool kernel_is_modern(const struct kernel *k)
{
	return k->task_storage && k->sk_storage && k->sock_from_file && k->cast;
}

/* Both objects have the same maps, programs and knobs, so that one skeleton is good for both. */
static int skeleton_open(struct probe *p)
{
	struct socktale_bpf *s = memory_create(1, sizeof(*s));
	int err = socktale_bpf__create_skeleton(s);

	if (!err && kernel_is_modern(&p->kernel)) {
		s->skeleton->data = (void *)_binary_modern_bpf_o_start;
		s->skeleton->data_sz = _binary_modern_bpf_o_end - _binary_modern_bpf_o_start;
	}
	if (!err)
		err = bpf_object__open_skeleton(s->skeleton, NULL);
	if (err) {
		socktale_bpf__destroy(s);
		return fail(err, "BPF object: cannot be opened");
	}
	p->skeleton = s;
	return 0;
}

static void doors_read(struct probe *p)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->skeleton->obj)
		doors_add(&p->doors, bpf_program__name(prog), bpf_program__section_name(prog));
}

/* Names in the table of hooks must outlive the object they were read from, which may be opened more than once. */
static void doors_keep(struct probe *p)
{
	for (size_t i = 0; i < p->doors.hook_count; i++)
		for (int j = 0; j < 2; j++)
			if (p->doors.hooks[i].doors[j].program)
				p->doors.hooks[i].doors[j].program = memory_string(p->doors.hooks[i].doors[j].program);
}

static void ring_close(struct ring *r)
{
	long page = sysconf(_SC_PAGESIZE);

	if (r->data) {
		munmap(r->consumer, page);
		munmap((void *)r->producer, page + r->bytes + r->spill);
	}
	close(r->fd);
}

static void rings_close(struct probe *p)
{
	for (int i = 0; i < p->ring_count; i++)
		ring_close(&p->rings[i]);
	free(p->rings);
	p->rings = NULL;
	p->ring_count = 0;
}

static void links_destroy(struct probe *p)
{
	for (size_t i = 0; i < p->link_count; i++)
		bpf_link__destroy(p->links[i]);
	p->link_count = 0;
}

/* Let an iterator program visit everything once. */
static void iterate(const struct bpf_program *program, const struct bpf_iter_attach_opts *options)
{
	struct bpf_link *link = bpf_program__attach_iter(program, options);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char sink[256];

	if (fd < 0)
		tell("iterator '%s': cannot be attached: %s", bpf_program__name(program), strerror(errno));
	while (fd >= 0 && read(fd, sink, sizeof(sink)) > 0)
		;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
}

/* The same over the entries of a map. */
static void iterate_map(const struct bpf_program *program, const struct bpf_map *map)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(map) };
	struct bpf_iter_attach_opts options;

	memset(&options, 0, sizeof(options)); /* libbpf looks at the padding too */
	options.sz = sizeof(options);
	options.link_info = &info;
	options.link_info_len = sizeof(info);
	iterate(program, &options);
}

/* What was added up and not told yet is told now: the hooks are gone, so nothing is added behind our back. */
static void leftovers_tell(struct probe *p)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); /* programs that ran a moment ago have ended */
	iterate_map(p->skeleton->progs.leftover__iter, p->skeleton->maps.records);
	if (kernel_is_modern(&p->kernel))
		iterate_map(p->skeleton->progs.leftover_placed__iter, p->skeleton->maps.places);
}

void probe_detach(struct probe *p)
{
	bool attached = p->link_count;

	links_destroy(p);
	if (attached && bpf_program__fd(p->skeleton->progs.leftover__iter) >= 0)
		leftovers_tell(p);
}

static void probe_unload(struct probe *p)
{
	rings_close(p);
	links_destroy(p);
	socktale_bpf__destroy(p->skeleton);
	p->skeleton = NULL;
}


/* Have the kernel side look at every descriptor of every process. False: it could not. */
static bool visit_files(struct probe *p)
{
	struct bpf_link *link = bpf_program__attach(p->skeleton->progs.seed__iter);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	ssize_t n = -1;
	char sink[256];

	while (fd >= 0 && (n = read(fd, sink, sizeof(sink))) > 0)
		;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return !n;
}

/* Which CPU writes into which ring: an array of maps, filled by a thread of its own while the programs are verified. */
struct ring_table {
	pthread_t filler;
	int fd;
	uint32_t count;
	int *keys, *rings;
	int err;
};

/* Each update of such a map waits for a grace period of RCU, some 10 ms: all at once, where the kernel can (since 5.19). */
static void *ring_table_fill(void *context)
{
	struct ring_table *t = context;
	uint32_t done = t->count;

	if (bpf_map_update_batch(t->fd, t->keys, t->rings, &done, NULL))
		for (uint32_t cpu = 0; cpu < t->count && !t->err; cpu++)
			if (bpf_map_update_elem(t->fd, &t->keys[cpu], &t->rings[cpu], BPF_ANY))
				t->err = -errno;
	return NULL;
}

static int ring_table_begin(struct ring_table *t, const struct probe *p)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = p->rings[0].fd);
	int err;

	t->count = p->cpus;
	t->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "rings", sizeof(int), sizeof(int), t->count, &options);
	if (t->fd < 0)
		return fail(-errno, "table of ring buffers: cannot be made");
	t->keys = memory_create(t->count, sizeof(*t->keys));
	t->rings = memory_create(t->count, sizeof(*t->rings));
	for (uint32_t cpu = 0; cpu < t->count; cpu++) {
		t->keys[cpu] = cpu;
		t->rings[cpu] = p->rings[cpu % p->ring_count].fd; /* CPUs that may come later share */
	}
	err = bpf_map__reuse_fd(p->skeleton->maps.rings, t->fd);
	if (!err)
		err = -pthread_create(&t->filler, NULL, ring_table_fill, t);
	if (err) {
		free(t->keys);
		free(t->rings);
		close(t->fd);
		return fail(err, "table of ring buffers: cannot be filled");
	}
	return 0;
}

static int ring_table_end(struct ring_table *t)
{
	pthread_join(t->filler, NULL);
	free(t->keys);
	free(t->rings);
	close(t->fd); /* libbpf has one of its own */
	return t->err ? fail(t->err, "ring buffer: cannot be given to every CPU") : 0;
}

/* A ring for each CPU: one for all costs each event some 100 ns, as its lock and its positions move from CPU to CPU. */
static int rings_make(struct probe *p)
{
	p->rings = memory_create(p->online, sizeof(*p->rings));
	for (; p->ring_count < p->online; p->ring_count++) {
		struct ring *r = &p->rings[p->ring_count];

		r->bytes = ring_bytes(p->online);
		r->fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, r->bytes, NULL);
		if (r->fd < 0)
			return fail(-errno, "ring buffer: cannot be made");
	}
	return 0;
}

/* One try to load and attach what is chosen. -EAGAIN: a program was refused and is marked; choose anew. */
static int probe_try(struct probe *p, const struct probe_options *o)
{
	struct ring_table table = {};
	struct bpf_program *prog;
	int err, table_err;

	err = p->skeleton ? 0 : skeleton_open(p);
	if (err)
		return err;
	err = doors_choose(&p->doors, o->wanted);
	if (err)
		return err;
	for (size_t i = 0; i < p->doors.hook_count; i++) {
		struct hook *h = &p->doors.hooks[i];
		struct door *door = h->needed ? hook_door(&p->doors, h) : NULL;

		if (!door)
			continue;
		prog = bpf_object__find_program_by_name(p->skeleton->obj, door->program);
		bpf_program__set_autoload(prog, true);
		if (o->budget) {
			/* The verifier's own statistics: a line or two (BPF_LOG_STATS). */
			if (!p->logs)
				p->logs = memory_create(LINKS, LOG_BYTES);
			bpf_program__set_log_buf(prog, p->logs[p->link_count], LOG_BYTES);
			bpf_program__set_log_level(prog, 4);
		}
		p->programs[p->link_count++] = prog;
	}
	if (o->seed)
		bpf_program__set_autoload(p->skeleton->progs.seed__iter, true);
	if (o->config.folded || o->budget_percent) {
		bpf_program__set_autoload(p->skeleton->progs.leftover__iter, true);
		bpf_program__set_autoload(p->skeleton->progs.leftover_placed__iter, kernel_is_modern(&p->kernel));
	}
	bpf_program__set_autoload(p->skeleton->progs.under_way__iter, p->kernel.task_storage && p->kernel.cast);
	p->skeleton->rodata->config = o->config;
	config_complete((struct config *)&p->skeleton->rodata->config, &p->kernel, &p->doors, o);
	((struct config *)&p->skeleton->rodata->config)->wake_bytes = ring_bytes(p->online) / 4;
	bpf_map__set_autocreate(p->skeleton->maps.threads, p->kernel.task_storage);
	bpf_map__set_autocreate(p->skeleton->maps.threads_by_tid, !p->kernel.task_storage);
	bpf_map__set_autocreate(p->skeleton->maps.lineages, p->kernel.sk_storage);
	bpf_map__set_autocreate(p->skeleton->maps.places, kernel_is_modern(&p->kernel));

	err = rings_make(p);
	if (!err)
		err = ring_table_begin(&table, p);
	if (err)
		return err;
	refused_program[0] = refused_reason[0] = '\0';
	err = socktale_bpf__load(p->skeleton);
	table_err = ring_table_end(&table);
	if (err) {
		if (refused_program[0] && doors_fail(&p->doors, refused_program, "refused at load: %s",
						     refused_reason[0] ? refused_reason : strerror(-err)))
			return -EAGAIN;
		if (!strcmp(refused_program, "seed__iter"))
			return -EDOM;
		return err;
	}
	if (table_err)
		return table_err;
	if (o->seed) {
		visit_files(p);
		p->seeded = true;
	}
	/* All are tried, so that all that are refused are known when the object is loaded anew. */
	for (size_t i = 0; i < p->link_count; i++) {
		p->links[i] = bpf_program__attach(p->programs[i]);
		if (p->links[i])
			continue;
		doors_fail(&p->doors, bpf_program__name(p->programs[i]), "loaded, but refused to attach: %s", strerror(errno));
		err = -EAGAIN;
	}
	if (err)
		return err;
	if (bpf_program__fd(p->skeleton->progs.under_way__iter) >= 0)
		iterate(p->skeleton->progs.under_way__iter, NULL);
	return 0;
}

/* Why nothing at all can be seen, in a sentence. */
static int explain_refusal(const struct probe *p, int err)
{
	const char *capability = kernel_missing_capability();

	if (capability) {
		fail(-EPERM, "BPF: tracing is not permitted to this process: %s is missing", capability);
		hint("run it as root, or give the binary the capabilities CAP_BPF and CAP_PERFMON");
		return -EPERM;
	}
	if (p->kernel.btf_error) {
		fail(0, "kernel '%s': has no BTF type information, without which no program can be fitted to it",
		     p->kernel.release);
		hint("a kernel built with CONFIG_DEBUG_INFO_BTF=y has it; Debian's have since 5.10");
		return -ENOTSUP;
	}
	if (p->kernel.tp_btf_error == -EPERM || p->kernel.raw_tp_error == -EPERM) {
		fail(-EPERM, "kernel '%s': refuses BPF programs on tracepoints", p->kernel.release);
		return -EPERM;
	}
	if (!p->kernel.tp_btf && !p->kernel.raw_tp) {
		fail(0, "kernel '%s': offers neither functions nor tracepoints to BPF (%s)", p->kernel.release,
		     strerror(-p->kernel.raw_tp_error));
		return -ENOTSUP;
	}
	if (p->doors.forced == PLANE_functions && !p->kernel.fentry && !p->kernel.kprobe) {
		fail(0, "kernel '%s': offers no functions to BPF (fentry: %s, kprobe: %s)", p->kernel.release,
		     strerror(-p->kernel.fentry_error), strerror(-p->kernel.kprobe_error));
		hint("without --plane functions, tracepoints tell what they can");
		return -ENOTSUP;
	}
	return fail(err, "BPF programs: cannot be loaded%s%s", refused_reason[0] ? ": " : "", refused_reason);
}

int probe_open(const struct probe_options *options, struct probe **ret)
{
	struct probe *p = memory_create(1, sizeof(*p));
	struct probe_options o = *options;
	int err;

	libbpf_set_print(listen_to_libbpf);
	p->cpus = libbpf_num_possible_cpus();
	p->online = online_cpus();
	kernel_init(&p->kernel);
	p->doors.kernel = &p->kernel;
	p->doors.forced = o.plane;
	if (p->kernel.btf_error || kernel_missing_capability()) {
		err = explain_refusal(p, p->kernel.btf_error ? p->kernel.btf_error : -EPERM);
		goto out;
	}
	err = skeleton_open(p);
	if (err)
		goto out;
	doors_read(p);
	doors_keep(p);
	for (;;) {
		err = probe_try(p, &o);
		if (err == -EDOM && o.seed) {
			o.seed = false;
			err = -EAGAIN;
		}
		if (err != -EAGAIN)
			break;
		probe_unload(p);
	}
	if (err) {
		err = explain_refusal(p, err);
		goto out;
	}
	for (int id = 0; id < EVENT_COUNT; id++) {
		if (!o.required[id] || p->doors.sources[id].plane)
			continue;
		err = fail(-ENOTSUP, "event '%s': this kernel cannot tell it (%s)", schema_get(id)->name,
			   p->doors.sources[id].refused[0] ? p->doors.sources[id].refused : _("no source"));
		hint("socktale doctor shows what this kernel gives, per event");
		goto out;
	}
	if (o.budget_percent) {
		err = thrift_begin(&p->thrift, o.budget_percent, now_ns());
		if (err)
			goto out;
	}
	*ret = p;
	return 0;
out:
	probe_close(p);
	return err;
}

void probe_settle(struct probe *p)
{
	kernel_finish(&p->kernel);
	malloc_trim(0);
}

void probe_close(struct probe *p)
{
	if (!p)
		return;
	thrift_end(&p->thrift);
	probe_unload(p);
	kernel_finish(&p->kernel);
	for (size_t i = 0; i < p->doors.hook_count; i++)
		for (int j = 0; j < 2; j++)
			free((char *)p->doors.hooks[i].doors[j].program);
	free(p->bytes);
	free(p->slots);
	free(p->logs);
	free(p);
}

/* ---- reading ---- */

/* Have the record that begins at r->at at hand, unless it is not there or still being written. */
static void ring_look(struct ring *r)
{
	const uint32_t *header = (const uint32_t *)(r->data + (r->at & r->mask));
	const struct event *e = (const struct event *)((const char *)header + BPF_RINGBUF_HDR_SZ);
	uint32_t length;

	r->head = NULL;
	if (r->at >= r->until)
		return;
	length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
	if (length & BPF_RINGBUF_BUSY_BIT)
		return;
	r->head = e;
	r->valid = !(length & BPF_RINGBUF_DISCARD_BIT);
	length &= ~BPF_RINGBUF_DISCARD_BIT;
	r->next = r->at + ((length + BPF_RINGBUF_HDR_SZ + 7) & ~7U);
	r->valid = r->valid && length >= sizeof(*e) && e->id < EVENT_COUNT && e->size <= length;
}

static void gather(struct probe *p, const struct event *e)
{
	size_t size = e->size, whole = schema_get(e->id)->size;

	/* An event may come without its last field when that is empty (a path): it is put back here. */
	if (whole < size)
		whole = size;
	if (p->byte_count + whole + 8 > p->byte_room) {
		p->byte_room = p->byte_room ? p->byte_room * 2 : 1 << 16;
		p->bytes = memory_resize(p->bytes, p->byte_room, 1);
	}
	if (p->slot_count == p->slot_room) {
		p->slot_room = p->slot_room ? p->slot_room * 2 : 1 << 10;
		p->slots = memory_resize(p->slots, p->slot_room, sizeof(*p->slots));
	}
	p->slots[p->slot_count++] = (struct slot){ e->time_ns, p->byte_count };
	memcpy(p->bytes + p->byte_count, e, size);
	memset(p->bytes + p->byte_count + size, 0, whole - size);
	((struct event *)(p->bytes + p->byte_count))->size = whole;
	p->byte_count += (whole + 7) & ~(size_t)7;
	p->counts[e->id].delivered++;
}

/* Begin to read a ring: nothing is given back to the kernel before ring_leave(). */
static void ring_enter(struct ring *r)
{
	r->at = *r->consumer;
	r->until = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	ring_look(r);
}

static void ring_next(struct ring *r)
{
	r->at = r->next;
	ring_look(r);
}

static void ring_leave(struct ring *r)
{
	__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
}

/* When the record at hand happened; no record: never. */
static uint64_t ring_time(const struct ring *r)
{
	return !r->head ? UINT64_MAX : r->valid ? r->head->time_ns : 0;
}

/* The ring whose record at hand is the oldest, or NULL; *ret_until: how long it stays so. */
static struct ring *ring_oldest(struct probe *p, uint64_t *ret_until)
{
	struct ring *oldest = NULL;
	uint64_t least = UINT64_MAX;

	*ret_until = UINT64_MAX;
	for (int i = 0; i < p->ring_count; i++) {
		uint64_t time = ring_time(&p->rings[i]);

		if (time < least) {
			*ret_until = least;
			least = time;
			oldest = &p->rings[i];
		} else if (time < *ret_until) {
			*ret_until = time;
		}
	}
	return oldest;
}

/*
 * Take what is in the rings, the oldest first. Returns how many events, at most BATCH_EVENTS together with those kept back
 * before.
 */
static size_t rings_gather(struct probe *p)
{
	size_t count = 0;
	uint64_t until;
	struct ring *r;

	for (int i = 0; i < p->ring_count; i++)
		ring_enter(&p->rings[i]);
	while (p->slot_count < BATCH_EVENTS && (r = ring_oldest(p, &until))) {
		do {
			if (r->valid) {
				gather(p, r->head);
				count++;
			}
			ring_next(r);
			if (!(count & 1023))
				ring_leave(r);
		} while (p->slot_count < BATCH_EVENTS && r->head && ring_time(r) <= until);
		ring_leave(r);
	}
	return count;
}

static int slot_compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->offset < y->offset ? -1 : 1;
}

/* Hand over what is older than `until`, in order, and keep the rest. */
static int hand_over(struct probe *p, uint64_t until, probe_callback *callback, void *context)
{
	size_t done = 0, kept = 0;
	int err = 0;

	if (p->slot_count)
		qsort(p->slots, p->slot_count, sizeof(*p->slots), slot_compare);
	while (done < p->slot_count && p->slots[done].time_ns <= until && !err)
		err = callback((const struct event *)(p->bytes + p->slots[done++].offset), context);
	if (done == p->slot_count) {
		p->slot_count = p->byte_count = 0;
		return err;
	}
	/* The rest moves to the front: few events, as they are all younger than a few milliseconds. */
	if (done) {
		char *bytes = memory_create(1, p->byte_room);
		size_t used = 0;

		for (size_t i = done; i < p->slot_count; i++) {
			const struct event *e = (const struct event *)(p->bytes + p->slots[i].offset);

			memcpy(bytes + used, e, e->size);
			p->slots[kept++] = (struct slot){ e->time_ns, used };
			used += (e->size + 7) & ~7;
		}
		free(p->bytes);
		p->bytes = bytes;
		p->byte_count = used;
		p->slot_count = kept;
	}
	return err;
}

/* Sum the kernel side's books for one event. */
static struct probe_count tally_sum(const struct probe *p, uint32_t id)
{
	struct tally tallies[p->cpus > 0 ? p->cpus : 1];
	struct probe_count c = p->counts[id];

	c.produced = 0;
	memset(c.lost, 0, sizeof(c.lost));
	if (!p->skeleton || bpf_map_lookup_elem(bpf_map__fd(p->skeleton->maps.tallies), &id, tallies))
		return c;
	for (int cpu = 0; cpu < p->cpus; cpu++) {
		c.produced += tallies[cpu].produced;
		for (int cause = 0; cause < LOSSES; cause++)
			c.lost[cause] += tallies[cpu].lost[cause];
	}
	return c;
}

/*
 * Tell which hooks the kernel skipped since the last look, because they were already running on the same processor: an
 * interrupt's softirq, or since 7.0, where tracepoints can be preempted, another task. bpf_preempt_disable() in the program
 * would not help: what waits then runs in bpf_preempt_enable(), where the kernel still counts the program as running.
 */
static int skips_tell(struct probe *p, probe_callback *callback, void *context)
{
	struct bpf_prog_info info;
	int err = 0;

	for (size_t i = 0; i < p->link_count && !err; i++) {
		const char *name = bpf_program__name(p->programs[i]);
		union event_any any;

		if (program_info(p->programs[i], &info) || info.recursion_misses <= p->skipped[i])
			continue;
		event_init(&any, EVENT_gap);
		any.head.time_ns = now_ns();
		any.gap.what = GAP_skipped;
		any.gap.count = info.recursion_misses - p->skipped[i];
		any.gap.hook.length = strstr(name, "__") - name; /* hook.bpf.h: HOOK__door */
		memcpy(any.gap.hook.bytes, name, any.gap.hook.length);
		p->skipped[i] = info.recursion_misses;
		err = callback(&any.head, context);
	}
	return err;
}

/* Tell in the stream what was lost since the last look. */
static int losses_tell(struct probe *p, probe_callback *callback, void *context)
{
	uint64_t now = now_ns();
	int err = 0;

	p->losses_seen_ns = now;
	for (uint32_t id = 0; id < EVENT_COUNT && !err; id++) {
		struct probe_count c = tally_sum(p, id);

		for (int cause = 0; cause < LOSSES && !err; cause++) {
			union event_any any;

			if (c.lost[cause] <= p->counts[id].lost[cause])
				continue;
			event_init(&any, EVENT_lost);
			any.head.time_ns = now;
			any.lost.which = id;
			any.lost.count = c.lost[cause] - p->counts[id].lost[cause];
			any.lost.cause = cause;
			p->counts[id].lost[cause] = c.lost[cause];
			err = callback(&any.head, context);
		}
	}
	return err ? err : skips_tell(p, callback, context);
}

/*
 * Some ends are no event: a request that expires, on the tracepoint plane a datagram or unix socket whose last holder
 * was killed in an older kernel, or replaced it by dup2() or exec. Requests live for seconds (tcp_synack_retries: 63 s
 * by default); what is older goes. So does a socket without states that two visits to all open files did not meet.
 */
static void sweep(struct probe *p, uint64_t now)
{
	int records = bpf_map__fd(p->skeleton->maps.records), tuples = bpf_map__fd(p->skeleton->maps.tuples);
	uint64_t key, next, *previous = NULL;
	struct record r;
	bool more, visited = false;
	struct tuple t;

	if (p->seeded) {
		p->skeleton->bss->sweep_round++;
		visited = visit_files(p);
	}

	for (more = !bpf_map_get_next_key(records, NULL, &next); more;) {
		key = next;
		previous = &key;
		more = !bpf_map_get_next_key(records, previous, &next);
		if (bpf_map_lookup_elem(records, &key, &r))
			continue;
		if (visited && r.protocol != IPPROTO_TCP && p->skeleton->bss->sweep_round - r.round >= 2)
			bpf_map_delete_elem(records, &key);
		if (r.state != TCP_NEW_SYN_RECV_STATE || now - r.since_ns < REQUEST_LIFE_NS)
			continue;
		bpf_map_delete_elem(records, &key);
		memset(&t, 0, sizeof(t));
		t.netns = r.netns;
		t.local_port = r.ends.local_port;
		t.remote_port = r.ends.remote_port;
		t.local = r.ends.local;
		t.remote = r.ends.remote;
		bpf_map_delete_elem(tuples, &t);
	}
}

static int ring_open(const struct probe *p, struct ring *r)
{
	long page = sysconf(_SC_PAGESIZE);
	void *consumer, *producer;
	uint64_t spill;

	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (consumer == MAP_FAILED)
		return fail(-errno, "ring buffer: cannot be mapped");
	/* The whole could be mapped twice; it would count twice as memory of ours. */
	spill = (2 * stretch_bytes(p->ring_count) + page - 1) & -page;
	producer = mmap(NULL, page + r->bytes + spill, PROT_READ, MAP_SHARED, r->fd, page);
	if (producer == MAP_FAILED) {
		munmap(consumer, page);
		return fail(-errno, "ring buffer: cannot be mapped");
	}
	r->spill = spill;
	r->mask = r->bytes - 1;
	r->consumer = consumer;
	r->producer = producer;
	r->data = (char *)producer + page;
	return 0;
}

static int rings_open(struct probe *p)
{
	int err = 0;

	if (p->rings[p->ring_count - 1].data)
		return 0;
	for (int i = 0; i < p->ring_count && !err; i++)
		if (!p->rings[i].data)
			err = ring_open(p, &p->rings[i]);
	p->losses_seen_ns = p->swept_ns = now_ns();
	return err;
}

/*
 * Wait until there is something to read. Nobody wakes us for single events (a wake-up costs the one who gives it some
 * 5 us): look again after a while, sooner where much comes. Whoever fills a quarter of a ring does wake us.
 */
static int rings_wait(struct probe *p, int timeout_ms)
{
	struct pollfd rings[p->ring_count];

	for (int i = 0; i < p->ring_count; i++)
		rings[i] = (struct pollfd){ .fd = p->rings[i].fd, .events = POLLIN };
	if (timeout_ms && poll(rings, p->ring_count, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS) < 0)
		return -errno;
	return 0;
}

static void rest(void)
{
	struct timespec pause = { 0, PAUSE_NS };

	nanosleep(&pause, NULL);
}

/* How long our programs have run so far, as far as the kernel has measured it. */
static uint64_t programs_ns(const struct probe *p)
{
	struct bpf_prog_info info;
	uint64_t sum = 0;

	for (size_t i = 0; i < p->link_count; i++)
		if (!program_info(p->programs[i], &info))
			sum += info.run_time_ns;
	return sum;
}

/* Whether to tell less, or more again; said in the stream before it is done, and the counts of what went so far before it. */
static int budget_look(struct probe *p, uint64_t now, probe_callback *callback, void *context)
{
	union event_any any;
	int err;

	if (!thrift_due(&p->thrift, now) || !thrift_look(&p->thrift, now, programs_ns(p)))
		return 0;
	err = losses_tell(p, callback, context);
	if (err)
		return err;
	event_init(&any, EVENT_shed);
	any.head.time_ns = now;
	any.shed.left_out = p->thrift.level;
	any.shed.cost_percent = p->thrift.cost_percent;
	any.shed.budget_percent = p->thrift.budget_percent;
	p->skeleton->bss->shed_level = p->thrift.level;
	return callback(&any.head, context);
}

/* What is looked at now and then: losses, what went without an event, the budget. */
static int upkeep(struct probe *p, uint64_t now, probe_callback *callback, void *context)
{
	int err = budget_look(p, now, callback, context);

	if (err)
		return err;
	if (now - p->swept_ns > SWEEP_INTERVAL_NS) {
		sweep(p, now);
		p->swept_ns = now;
	}
	return now - p->losses_seen_ns > LOSS_INTERVAL_NS ? losses_tell(p, callback, context) : 0;
}

int probe_poll(struct probe *p, int timeout_ms, probe_callback *callback, void *context)
{
	int err = rings_open(p);
	uint64_t before;
	size_t n;

	if (err)
		return err;
	before = now_ns();
	n = rings_gather(p);
	if (!n && timeout_ms) {
		if (p->slot_count)
			rest();
		else if ((err = rings_wait(p, timeout_ms)))
			return err;
		before = now_ns();
		n = rings_gather(p);
	}
	err = hand_over(p, p->slot_count >= BATCH_EVENTS ? before : before - HOLD_BACK_NS, callback, context);
	if (!err)
		err = upkeep(p, before, callback, context);
	if (!err && timeout_ms && n && n < BUSY_EVENTS)
		rest();
	return err;
}

int probe_drain(struct probe *p, probe_callback *callback, void *context)
{
	int err = rings_open(p);
	size_t n;

	while (!err) {
		n = rings_gather(p);
		err = hand_over(p, UINT64_MAX, callback, context);
		if (!n)
			break;
	}
	return err ? err : losses_tell(p, callback, context);
}

/* ---- copying without looking ---- */

static int all_written(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			length -= n;
		}
	}
	return 0;
}

/* When the last of the first `most` bytes of a ring happened; no more than that is in it: never. */
static uint64_t ring_reach(struct ring *r, uint64_t most)
{
	uint64_t begin = *r->consumer, time = UINT64_MAX;

	if (__atomic_load_n(r->producer, __ATOMIC_ACQUIRE) - begin <= most)
		return UINT64_MAX;
	for (ring_enter(r); r->head && r->at - begin < most; ring_next(r))
		if (r->valid)
			time = r->head->time_ns;
	return time;
}

/*
 * Write the next stretch of whole records up to that time, `most` bytes or one record more, just as they lie in the ring.
 * Returns its events or a negative errno.
 */
static long ring_copy(struct probe *p, struct ring *r, uint64_t most, uint64_t until, int fd)
{
	uint64_t begin = *r->consumer;
	long count = 0;
	int err;

	for (ring_enter(r); r->at - begin < most && r->head && ring_time(r) <= until; ring_next(r))
		if (r->valid) {
			p->counts[r->head->id].delivered++;
			count++;
		}
	err = r->at == begin ? 0 : all_written(fd, r->data + (begin & r->mask), r->at - begin);
	if (err)
		return err;
	ring_leave(r);
	return count;
}

/* The same of all rings. None gets far ahead of the others: who reads the file sorts no more than a window. */
static long rings_copy(struct probe *p, int fd)
{
	uint64_t most = stretch_bytes(p->ring_count), until = UINT64_MAX, time;
	long count = 0, n;

	for (int i = 0; i < p->ring_count; i++) {
		time = ring_reach(&p->rings[i], most);
		if (time < until)
			until = time;
	}
	for (int i = 0; i < p->ring_count; i++) {
		n = ring_copy(p, &p->rings[i], most, until, fd);
		if (n < 0)
			return n;
		count += n;
	}
	return count;
}

struct copying {
	int fd;
};

static int copy_event(const struct event *e, void *context)
{
	const struct copying *c = context;
	uint32_t header[2] = { e->size, 0 };
	char bytes[sizeof(header) + sizeof(union event_any) + 8] = {};

	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + sizeof(header), e, e->size);
	return all_written(c->fd, bytes, (sizeof(header) + e->size + 7) & ~(size_t)7);
}

long probe_copy(struct probe *p, int timeout_ms, int fd)
{
	struct copying c = { fd };
	int err = rings_open(p);
	long n, sum = 0;

	if (err)
		return err;
	while ((n = rings_copy(p, fd)) > 0) {
		sum += n;
		if (sum >= BATCH_EVENTS)
			break;
	}
	if (n < 0)
		return n;
	err = timeout_ms ? upkeep(p, now_ns(), copy_event, &c) : losses_tell(p, copy_event, &c);
	if (err)
		return err;
	if (timeout_ms && sum < BATCH_EVENTS) {
		if (sum)
			rest();
		else
			err = rings_wait(p, timeout_ms);
	}
	return err ? err : sum;
}

/* ---- counts ---- */

struct probe_count probe_count(const struct probe *p, enum event_id id)
{
	struct probe_count sum = {};

	if (id < EVENT_COUNT)
		return tally_sum(p, id);
	for (int i = 0; i < EVENT_COUNT; i++) {
		struct probe_count c = tally_sum(p, i);

		sum.produced += c.produced;
		sum.delivered += c.delivered;
		for (int cause = 0; cause < LOSSES; cause++)
			sum.lost[cause] += c.lost[cause];
	}
	return sum;
}

static bool is_loaded(const struct bpf_program *prog)
{
	return bpf_program__fd(prog) >= 0;
}

unsigned long long probe_recursion_misses(const struct probe *p)
{
	unsigned long long misses = 0;
	struct bpf_prog_info info;
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->skeleton->obj)
		if (is_loaded(prog) && !program_info(prog, &info))
			misses += info.recursion_misses;
	return misses;
}

bool probe_doing(const struct probe *p, pid_t pid, struct doing *ret)
{
	bool by_task = p->kernel.task_storage; /* seen from here, its key is a descriptor of the process */
	const struct bpf_map *map = by_task ? p->skeleton->maps.threads : p->skeleton->maps.threads_by_tid;
	int key = by_task ? (int)syscall(SYS_pidfd_open, pid, 0) : pid;
	char *entry = memory_create(1, bpf_map__value_size(map));
	bool found = key >= 0 && !bpf_map_lookup_elem(bpf_map__fd(map), &key, entry);
	struct doing doing;

	memcpy(&doing, entry, sizeof(doing));
	found = found && doing.call != CALL_none;
	if (found)
		*ret = doing;
	free(entry);
	if (by_task && key >= 0)
		close(key);
	return found;
}

unsigned probe_stack_bytes(const struct probe *p, const char *program)
{
	for (size_t i = 0; p->logs && i < p->link_count; i++) {
		unsigned sum = 0, bytes;
		const char *at;
		int used;

		if (strcmp(bpf_program__name(p->programs[i]), program))
			continue;
		at = strstr(p->logs[i], "stack depth ");
		for (at = at ? at + strlen("stack depth ") : ""; sscanf(at, "%u%n", &bytes, &used) == 1;
		     at += used + (at[used] == '+'))
			sum += bytes;
		return sum;
	}
	return 0;
}

struct doors *probe_doors(struct probe *p)
{
	return &p->doors;
}

const struct kernel *probe_kernel(const struct probe *p)
{
	return &p->kernel;
}

void probe_each_program(const struct probe *p,
			void (*visit)(const char *, unsigned long long, unsigned long long, unsigned, void *), void *context)
{
	struct bpf_prog_info info;
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->skeleton->obj)
		if (is_loaded(prog) && !program_info(prog, &info))
			visit(bpf_program__name(prog), info.run_cnt, info.run_time_ns, info.verified_insns, context);
}
