/* SPDX-License-Identifier: BSD-2-Clause */
#include "command/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/language.h"
#include "base/text.h"
#include "command/arguments.h"
#include "command/process.h"

enum { KEY_COMM = 0x100, KEY_PORT, KEY_ADDR, KEY_NETNS, KEY_CGROUP, KEY_FAMILY, KEY_PROTO, KEY_PLANE, KEY_IO, KEY_BUDGET, KEY_MAX_RATE };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, N_("Which sockets (all given ones must agree; evaluated in the kernel):"), 1 },
	{ "pid", 'p', "PID", 0, N_("sockets owned by this process"), 1 },
	{ "comm", KEY_COMM, "NAME", 0, N_("sockets owned by a process of this name"), 1 },
	{ "port", KEY_PORT, "N", 0, N_("this port at either end"), 1 },
	{ "addr", KEY_ADDR, "A[/LEN]", 0, N_("this address, or one of this prefix, at either end"), 1 },
	{ "netns", KEY_NETNS, "FILE|PID|INODE", 0, N_("this network namespace"), 1 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, N_("sockets owned by this cgroup (version 2)"), 1 },
	{ "family", KEY_FAMILY, "inet,inet6,unix", 0, N_("these address families"), 1 },
	{ "proto", KEY_PROTO, "tcp,udp,unix", 0, N_("these protocols"), 1 },
	{ NULL, 0, NULL, 0, N_("What is told:"), 2 },
	{ "event", 'e', "EVENT[,EVENT]", 0, N_("only these events (-e help lists them)"), 2 },
	{ "io", KEY_IO, "calls|folded|off", 0, N_("sends and receives: each call, those of TCP added up once a second, or none"), 2 },
	{ "budget", KEY_BUDGET, "PERCENT", 0, N_("leave events out, in a fixed order and saying so, while tracing takes more of one CPU"), 2 },
	{ "max-rate", KEY_MAX_RATE, "N", 0, N_("tell at most so many events a second, and count the others"), 2 },
	{ "plane", KEY_PLANE, "functions|tracepoints", 0, N_("use only this plane where an event has a choice"), 2 },
	{ 0 },
};

/* The inode numbers of namespaces are all higher (include/uapi/linux/nsfs.h: from 0xeffffff0 on). */
#define MOST_PID 0x7fffffff

/* Bits of filter_families and filter_protocols. */
enum { BIT_tcp = 1, BIT_udp = 2, BIT_unix = 4 };

/* Told only when asked for by name: frequent, or of use to lessons only. */
static const enum event_id quiet[] = { EVENT_tcp_recv_block, EVENT_tcp_io, EVENT_app_output };

/* What --io speaks of. */
static const enum event_id io_events[] = { EVENT_tcp_send, EVENT_tcp_recv, EVENT_udp_send,
					   EVENT_udp_recv, EVENT_unix_send, EVENT_unix_recv };

void filter_init(struct filter *f)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < EVENT_COUNT; i++)
		f->probe.wanted[i] = true;
	for (size_t i = 0; i < sizeof(quiet) / sizeof(*quiet); i++)
		f->probe.wanted[quiet[i]] = false;
	f->probe.seed = true;
}

void filter_list_events(void)
{
	for (int id = 0; id < EVENT_COUNT; id++)
		printf("%-20s %s\n", schema_get(id)->name, _(schema_get(id)->meaning));
}

static bool number(const char *text, unsigned long long most, unsigned long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *ret <= most;
}

static void set_events(struct filter *f, char *list, struct argp_state *state)
{
	char *save = NULL, *name;
	bool named = false;

	if (!strcmp(list, "help")) {
		filter_list_events();
		exit(EXIT_CODE_done);
	}
	if (!f->events_given)
		memset(f->probe.wanted, 0, sizeof(f->probe.wanted));
	f->events_given = true;
	for (name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		enum event_id id = schema_find(name);

		if (id == EVENT_COUNT) {
			fail(0, "event '%s': there is no such event", name);
			hint("-e help lists them");
			exit(EXIT_CODE_usage);
		}
		f->probe.wanted[id] = f->probe.required[id] = true;
		named = true;
	}
	if (!named)
		arguments_refuse(N_("event"), list, N_("names nothing"));
	/* Honesty is not a matter of choice. */
	f->probe.wanted[EVENT_lost] = f->probe.wanted[EVENT_shed] = true;
}

static void set_address(struct config *c, char *text)
{
	char *slash = strchr(text, '/');
	unsigned long long bits;
	bool six = strchr(text, ':');

	bits = six ? 128 : 32;
	if (slash) {
		*slash = '\0';
		if (!number(slash + 1, bits, &bits))
			arguments_refuse(N_("prefix length"), slash + 1, six ? N_("is not 0 to 128") : N_("is not 0 to 32"));
	}
	if (inet_pton(six ? AF_INET6 : AF_INET, text, c->filter_address.bytes) != 1)
		arguments_refuse(N_("address"), text, N_("is neither IPv4 nor IPv6"));
	c->filter_address_set = 1;
	c->filter_address_family = six ? AF_INET6 : AF_INET;
	c->filter_address_bits = bits;
}

/* The inode number of a network namespace, from a file that holds one. */
static unsigned netns_inode(const char *text, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s))
		arguments_refuse(N_("network namespace"), text, strerror(errno));
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		arguments_refuse(N_("network namespace"), text, N_("is a file of another kind"));
	close(fd);
	return s.st_ino;
}

/* Where no process is in it, `ip netns` may have kept it: by a mount, whose root is named after it. */
static bool netns_is_mounted(uint32_t inode)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], name[32];
	bool found = false;

	snprintf(name, sizeof(name), " net:[%u] ", inode);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, name);
	if (f)
		fclose(f);
	return found;
}

/* A number that is nobody's would match nothing for ever. Other processes' are not seen from a pid namespace. */
static void require_netns(uint32_t inode)
{
	int fd = process_netns(inode);
	char name[16];

	if (fd >= 0)
		close(fd);
	else if (!access("/proc/self", F_OK) && kernel_numbers_are_ours() && !netns_is_mounted(inode)) {
		snprintf(name, sizeof(name), "%u", inode);
		arguments_refuse(N_("network namespace"), name, N_("no process is in it, and none is mounted under that number: give its file"));
	}
}

static void set_netns(struct config *c, const char *text)
{
	unsigned long long n;
	char path[64];

	if (!number(text, 0xffffffffULL, &n)) {
		c->filter_netns = netns_inode(text, text);
	} else if (n > MOST_PID) {
		c->filter_netns = n;
	} else {
		snprintf(path, sizeof(path), "/proc/%llu/ns/net", n);
		c->filter_netns = netns_inode(text, path);
	}
	c->filter_netns_set = 1;
}

static void set_cgroup(struct config *c, const char *path)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} h = { .handle = { .handle_bytes = sizeof(uint64_t) } };
	char parent[4096];
	struct statfs fs;
	int mount;

	snprintf(parent, sizeof(parent), "%s", path);
	if (statfs(path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		arguments_refuse(N_("cgroup"), path, N_("is not a directory of the version 2 hierarchy"));
	if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount, 0) || h.handle.handle_bytes != sizeof(uint64_t))
		arguments_refuse(N_("cgroup"), path, N_("is not a directory of the version 2 hierarchy"));
	memcpy(&c->filter_cgroup, h.handle.f_handle, sizeof(c->filter_cgroup));
	c->filter_cgroup_set = 1;
	c->filter_tree = 1;
	for (c->filter_cgroup_level = 0;; c->filter_cgroup_level++) {
		snprintf(parent + strlen(parent), sizeof(parent) - strlen(parent), "/..");
		if (statfs(parent, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
			break;
	}
}

/* A filter of that kind is there already: the first would be forgotten. */
static void once(const char *option, const char *argument, bool given)
{
	if (given)
		arguments_refuse(option, argument, N_("is one too many: only one can be asked for at a time"));
}

/* ---- what is asked for must be possible ---- */

/* The protocols whose sockets pass the filters, as bits of filter_protocols. */
static uint8_t protocols_passing(const struct config *c)
{
	uint8_t bits = c->filter_protocol_set ? c->filter_protocols : BIT_tcp | BIT_udp | BIT_unix;

	if (c->filter_port_set || c->filter_address_set || (c->filter_family_set && !(c->filter_families & BIT_unix)))
		bits &= ~BIT_unix;
	if (c->filter_family_set && !(c->filter_families & ~BIT_unix))
		bits &= BIT_unix;
	return bits;
}

/* The protocols whose sockets tell an event: its name begins with theirs, else all do. */
static uint8_t protocols_telling(enum event_id id)
{
	static const struct {
		const char *begin;
		uint8_t bits;
	} rows[] = { { "tcp_", BIT_tcp }, { "udp_", BIT_udp }, { "icmp_", BIT_tcp | BIT_udp }, { "unix_", BIT_unix } };
	const char *name = schema_get(id)->name;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strncmp(name, rows[i].begin, strlen(rows[i].begin)))
			return rows[i].bits;
	return BIT_tcp | BIT_udp | BIT_unix;
}

static void check_protocols(const struct config *c)
{
	if (c->filter_family_set && c->filter_address_set &&
	    !(c->filter_families & (c->filter_address_family == AF_INET ? 1 : 2)))
		arguments_refuse(N_("filter"), "--family with --addr", N_("no socket of that family has that address"));
	if (protocols_passing(c))
		return;
	if (c->filter_port_set || c->filter_address_set)
		arguments_refuse(N_("filter"), "--port or --addr with unix", N_("unix sockets have neither port nor address"));
	if (c->filter_protocols == BIT_unix)
		arguments_refuse(N_("filter"), "--proto unix with --family", N_("unix sockets have a family of their own"));
	arguments_refuse(N_("filter"), "--proto with --family unix", N_("sockets of tcp and udp are of the families inet and inet6"));
}

/* One of the events named must be possible; the others are told of whatever passes. */
static void check_events(const struct filter *f)
{
	struct text names = TEXT_EMPTY;

	for (int id = 0; id < EVENT_COUNT; id++) {
		if (!f->probe.required[id])
			continue;
		if (protocols_telling(id) & protocols_passing(&f->probe.config)) {
			text_finish(&names);
			return;
		}
		text_printf(&names, "%s%s", names.length ? "," : "", schema_get(id)->name);
	}
	fail(0, "event '%s': no socket that passes the filters tells it", text_string(&names));
	hint("leave out what excludes its protocol, by which its name begins: --proto, --family, --port or --addr");
	exit(EXIT_CODE_usage);
}

static void leave_io_out(struct filter *f)
{
	for (size_t i = 0; f->io_off && i < sizeof(io_events) / sizeof(*io_events); i++) {
		if (f->probe.required[io_events[i]])
			arguments_refuse(N_("event"), schema_get(io_events[i])->name, N_("is left out by --io off: give one of both"));
		f->probe.wanted[io_events[i]] = false;
	}
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	static const char *const families[3] = { "inet", "inet6", "unix" }, *const protocols[3] = { "tcp", "udp", "unix" };
	struct filter *f = state->input;
	struct config *c = &f->probe.config;
	unsigned long long n;

	switch (key) {
	case 'p':
		once("--pid", argument, c->filter_pid_set);
		if (!number(argument, MOST_PID, &n) || !n)
			arguments_refuse(N_("process"), argument, N_("is not a process id"));
		c->filter_pid = n;
		c->filter_pid_set = 1;
		break;
	case KEY_COMM:
		once("--comm", argument, c->filter_comm_set);
		if (!*argument || strlen(argument) > 15)
			arguments_refuse(N_("process name"), argument, N_("the kernel keeps 1 to 15 bytes of a name"));
		memcpy(c->filter_comm.bytes, argument, strlen(argument));
		c->filter_comm_set = 1;
		break;
	case KEY_PORT:
		once("--port", argument, c->filter_port_set);
		if (!number(argument, 65535, &n) || !n)
			arguments_refuse(N_("port"), argument, N_("is not 1 to 65535"));
		c->filter_port = n;
		c->filter_port_set = 1;
		break;
	case KEY_ADDR:
		once("--addr", argument, c->filter_address_set);
		set_address(c, argument);
		break;
	case KEY_NETNS:
		once("--netns", argument, c->filter_netns_set);
		set_netns(c, argument);
		break;
	case KEY_CGROUP:
		once("--cgroup", argument, c->filter_cgroup_set);
		set_cgroup(c, argument);
		break;
	case KEY_FAMILY:
		c->filter_families = arguments_set("family", argument, families);
		c->filter_family_set = 1;
		break;
	case KEY_PROTO:
		c->filter_protocols = arguments_set("protocol", argument, protocols);
		c->filter_protocol_set = 1;
		break;
	case 'e':
		set_events(f, argument, state);
		break;
	case KEY_IO:
		f->io_off = false;
		if (!strcmp(argument, "folded")) {
			c->folded = 1;
			c->fold_interval_ns = 1000000000ULL;
		} else if (!strcmp(argument, "off")) {
			f->io_off = true;
		} else if (strcmp(argument, "calls")) {
			arguments_refuse("--io", argument, N_("is not calls, folded or off"));
		}
		break;
	case KEY_BUDGET:
		if (!number(argument, 100, &n) || !n)
			arguments_refuse("--budget", argument, N_("is not 1 to 100 percent of a CPU"));
		f->probe.budget_percent = n;
		break;
	case KEY_MAX_RATE:
		if (!number(argument, 1000000000, &n) || !n)
			arguments_refuse("--max-rate", argument, N_("is not a number of events a second above 0"));
		f->probe.most_a_second = n;
		break;
	case KEY_PLANE:
		if (!strcmp(argument, "functions"))
			f->probe.plane = PLANE_functions;
		else if (!strcmp(argument, "tracepoints"))
			f->probe.plane = PLANE_tracepoints;
		else
			arguments_refuse("--plane", argument, N_("is not functions or tracepoints"));
		break;
	case ARGP_KEY_END:
		if (c->filter_pid_set && !f->past)
			process_require(c->filter_pid);
		check_protocols(c);
		if (f->events_given)
			check_events(f);
		if (c->filter_netns_set && !f->past)
			require_netns(c->filter_netns);
		leave_io_out(f);
		if (c->folded || (f->probe.budget_percent &&
				  (f->probe.wanted[EVENT_tcp_send] || f->probe.wanted[EVENT_tcp_recv])))
			f->probe.wanted[EVENT_tcp_io] = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp filter_argp = { options, parse, NULL, NULL, NULL, NULL, NULL };
