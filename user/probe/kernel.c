/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"

static const struct bpf_insn trial_code[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Load a program that does nothing and attach it to `name`. Returns its link, 0 for a kprobe, or a negative errno. */
static int trial(struct kernel *k, enum bpf_prog_type type, enum bpf_attach_type attach, const char *kind, const char *name)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	char target[64];
	int prog, link, id;

	if (attach) {
		snprintf(target, sizeof(target), "%s%s", attach == BPF_TRACE_RAW_TP ? "btf_trace_" : "", name);
		id = k->btf ? btf__find_by_name_kind(k->btf, target,
						     attach == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC)
			    : -ENOENT;
		if (id < 0)
			return id;
		options.expected_attach_type = attach;
		options.attach_btf_id = id;
	}
	prog = bpf_prog_load(type, kind, "GPL", trial_code, 2, &options);
	if (prog < 0)
		return prog;
	if (type == BPF_PROG_TYPE_KPROBE) {
		close(prog);
		return 0;
	}
	link = bpf_raw_tracepoint_open(attach ? NULL : name, prog);
	close(prog);
	return link;
}

static int trial_end(int link)
{
	if (link > 0)
		close(link);
	return link > 0 ? 0 : link;
}

/* Whether the reader wants to do without that ($SOCKTALE_WITHOUT): a kind of door, or what later kernels offer. */
static bool without(const char *kind)
{
	const char *list = getenv("SOCKTALE_WITHOUT");

	return list && strstr(list, kind);
}

static int trial_kprobe(struct kernel *k)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	const char *symbol = "tcp_set_state";
	unsigned type;
	int fd, err;
	FILE *f;

	err = trial(k, BPF_PROG_TYPE_KPROBE, 0, "trial_kprobe", NULL);
	if (err)
		return err;
	f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	if (!f)
		return -ENOENT;
	if (fscanf(f, "%u", &type) != 1)
		type = 0;
	fclose(f);
	attr.type = type;
	attr.config1 = (uintptr_t)symbol;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static bool has_enumerator(const struct btf *btf, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t;
	const struct btf_enum *e;

	if (id < 0)
		return false;
	t = btf__type_by_id(btf, id);
	e = btf_enum(t);
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, e[i].name_off), name))
			return true;
	return false;
}

void kernel_init(struct kernel *k)
{
	struct utsname u;
	int tp_btf, raw_tp;

	memset(k, 0, sizeof(*k));
	uname(&u);
	snprintf(k->release, sizeof(k->release), "%s", u.release);
	k->hz = tick_hz();
	k->btf = btf__load_vmlinux_btf();
	if (!k->btf)
		k->btf_error = -errno;
	k->fentry_error = without("fentry") ? -ECANCELED : trial_end(trial(k, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "trial_fentry", "tcp_set_state"));
	k->kprobe_error = without("kprobe") ? -ECANCELED : trial_kprobe(k);
	tp_btf = without("tp_btf") ? -ECANCELED : trial(k, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "trial_tp_btf", "inet_sock_set_state");
	/* Another tracepoint, and before that one is left: else the kernel waits for a grace period of RCU, some 20 ms. */
	raw_tp = without("raw_tp") ? -ECANCELED : trial(k, BPF_PROG_TYPE_RAW_TRACEPOINT, 0, "trial_raw_tp", "tcp_probe");
	k->tp_btf_error = trial_end(tp_btf);
	k->raw_tp_error = trial_end(raw_tp);
	k->fentry = !k->fentry_error;
	k->kprobe = !k->kprobe_error;
	k->tp_btf = !k->tp_btf_error;
	k->raw_tp = !k->raw_tp_error;
	if (!k->btf)
		return;
	k->wide = kernel_parameters(k, "tcp_v4_syn_recv_sock") <= 6 ||
		  (k->fentry && !trial_end(trial(k, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "trial_wide", "tcp_v4_syn_recv_sock")));
	k->task_storage = has_enumerator(k->btf, "bpf_map_type", "BPF_MAP_TYPE_TASK_STORAGE");
	/* bpf_sk_storage_get in tracing programs came in the same release, 5.11 (8e4597c627fb). */
	k->sk_storage = k->task_storage;
	k->loop = has_enumerator(k->btf, "bpf_func_id", "BPF_FUNC_loop");
	k->sock_from_file = has_enumerator(k->btf, "bpf_func_id", "BPF_FUNC_sock_from_file");
	k->cast = !without("cast") && btf__find_by_name_kind(k->btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
}

void kernel_finish(struct kernel *k)
{
	btf__free(k->btf);
	k->btf = NULL;
}

static const struct btf_type *prototype(const struct kernel *k, const char *function)
{
	int id = k->btf ? btf__find_by_name_kind(k->btf, function, BTF_KIND_FUNC) : -1;

	return id < 0 ? NULL : btf__type_by_id(k->btf, btf__type_by_id(k->btf, id)->type);
}

int kernel_parameters(const struct kernel *k, const char *function)
{
	const struct btf_type *t = prototype(k, function);

	return t ? btf_vlen(t) : -1;
}

const char *kernel_parameter_name(const struct kernel *k, const char *function, int position)
{
	const struct btf_type *t = prototype(k, function);

	if (!t || position >= btf_vlen(t))
		return NULL;
	return btf__name_by_offset(k->btf, btf_params(t)[position].name_off);
}

int kernel_tracepoint_parameters(const struct kernel *k, const char *name)
{
	const struct btf_type *t;
	char target[80];
	int id;

	snprintf(target, sizeof(target), "btf_trace_%s", name);
	id = k->btf ? btf__find_by_name_kind(k->btf, target, BTF_KIND_TYPEDEF) : -1;
	if (id < 0)
		return -1;
	t = btf__type_by_id(k->btf, btf__type_by_id(k->btf, id)->type); /* typedef to pointer */
	t = btf__type_by_id(k->btf, t->type);			       /* pointer to prototype */
	return btf_vlen(t) - 1;
}

/* All text symbols, read once: a kernel has some 100 000, and the file is slow. */
bool kernel_has_symbol(const char *name)
{
	static char *symbols;
	static size_t length;
	char line[512], symbol[256], needle[260], kind;
	FILE *f;

	if (!symbols) {
		size_t room = 8 << 20;

		symbols = memory_create(1, room);
		symbols[length++] = '\n';
		f = fopen("/proc/kallsyms", "re");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%*x %c %255s", &kind, symbol) != 2 || (kind != 't' && kind != 'T'))
				continue;
			if (length + strlen(symbol) + 2 > room)
				break;
			length += snprintf(symbols + length, room - length, "%s\n", symbol);
		}
		if (f)
			fclose(f);
	}
	snprintf(needle, sizeof(needle), "\n%s\n", name);
	return strstr(symbols, needle);
}

enum { NAME_BYTES = 48, ADDRESSES = 16 };

static struct bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
	return (struct bpf_insn){ .code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value };
}

/*
 * A program that puts `name` on its stack, asks for its address, and leaves it in slot `slot` of its context (since 5.16,
 * d6aef08a872b). Returns how many instructions that are.
 */
static size_t lookup_write(struct bpf_insn *at, const char *name, size_t slot)
{
	char bytes[NAME_BYTES] = {};
	size_t n = 0;
	int32_t word;

	snprintf(bytes, sizeof(bytes), "%s", name);
	for (int i = 0; i < NAME_BYTES; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		at[n++] = instruction(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, i - NAME_BYTES - 8, word);
	}
	at[n++] = instruction(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0);
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_10, 0, 0);
	at[n++] = instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, -NAME_BYTES - 8);
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, strlen(bytes) + 1);
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0);
	at[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_4, BPF_REG_10, 0, 0);
	at[n++] = instruction(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, -8);
	at[n++] = instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_kallsyms_lookup_name);
	at[n++] = instruction(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_10, -8, 0);
	at[n++] = instruction(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_6, BPF_REG_1, slot * sizeof(uint64_t), 0);
	return n;
}

static bool addresses_asked(const char *const *names, size_t count, uint64_t *ret_addresses)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_SLEEPABLE);
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ret_addresses, .ctx_size_in = count * sizeof(*ret_addresses));
	struct bpf_insn code[ADDRESSES * (NAME_BYTES / 4 + 16) + 3];
	size_t n = 0;
	int fd, err;

	code[n++] = instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	for (size_t i = 0; i < count; i++)
		n += lookup_write(code + n, names[i], i);
	code[n++] = trial_code[0];
	code[n++] = trial_code[1];
	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "addresses", "GPL", code, n, &options);
	if (fd < 0)
		return false;
	err = bpf_prog_test_run_opts(fd, &run);
	close(fd);
	return !err;
}

/* Asked of the kernel by a program where it answers; else the file is read, which takes some 50 ms. */
void kernel_addresses(const char *const *names, size_t count, uint64_t *ret_addresses)
{
	char line[512], symbol[256];
	unsigned long long address;
	FILE *f;

	memset(ret_addresses, 0, count * sizeof(*ret_addresses));
	if (count <= ADDRESSES && addresses_asked(names, count, ret_addresses))
		return;
	f = fopen("/proc/kallsyms", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %*c %255s", &address, symbol) != 2)
			continue;
		for (size_t i = 0; i < count; i++)
			if (!strcmp(names[i], symbol) && !ret_addresses[i])
				ret_addresses[i] = address;
	}
	if (f)
		fclose(f);
}

/*
 * Our programs name bpf_rdonly_cast (Linux 6.2). Where the kernel has none, libbpf looks for it in the BTF of modules (since
 * 5.11), and these can be listed with CAP_SYS_ADMIN only.
 */
static bool modules_are_searched(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool searched = btf && btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) < 0 &&
			has_enumerator(btf, "bpf_map_type", "BPF_MAP_TYPE_TASK_STORAGE");

	btf__free(btf);
	return searched;
}

const char *kernel_missing_capability(void)
{
	static const struct {
		unsigned number;
		const char *name;
	} wanted[] = { { 39, "CAP_BPF" }, { 38, "CAP_PERFMON" } };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return NULL;
	if (data[0].effective & (1U << 21)) /* CAP_SYS_ADMIN contains both */
		return NULL;
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!(data[wanted[i].number / 32].effective & (1U << (wanted[i].number % 32))))
			return wanted[i].name;
	return modules_are_searched() ? "CAP_SYS_ADMIN" : NULL;
}

bool kernel_numbers_are_ours(void)
{
	char name[64] = "";

	/* PROC_PID_INIT_INO, include/linux/proc_ns.h. Without /proc nobody can say. */
	return readlink("/proc/self/ns/pid", name, sizeof(name) - 1) < 0 || !strcmp(name, "pid:[4026531836]");
}

int kernel_count_runs(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}

int kernel_measure_runs(void)
{
	int fd = kernel_count_runs();

	if (fd != -EPERM)
		return fd < 0 ? fail(fd, "BPF statistics: cannot be switched on") : fd;
	fail(0, "BPF statistics: are not permitted to this process: CAP_SYS_ADMIN is missing");
	hint("run it as root, or without --budget and --cost");
	return fd;
}

bool kernel_has_types(void)
{
	struct btf *btf = btf__load_vmlinux_btf();

	btf__free(btf);
	return btf;
}
