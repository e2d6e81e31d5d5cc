/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One body, many doors: stamps the programs through which a hook's body can be entered. Knows nothing of sockets.
 *
 *   HOOK(function, args...)                 fentry, else kprobe
 *   HOOK_RETURN(function, slot, type)       fexit, else kretprobe: the returned value alone, named `ret`
 *   HOOK_TRACEPOINT(name, args...)          tp_btf, else raw_tp
 *   HOOK_TRACEPOINT_AS(name, target, args...)   the same for a second program on one tracepoint
 *
 * Programs are called HOOK__door and start switched off ('?'); user/probe/door.c reads door and target from the section
 * and switches on the first door that loads and attaches. In a body, `trusted` says whether pointers came through a
 * typed door (fentry, tp_btf), so that helpers which need a real socket accept them.
 */
#ifndef SOCKTALE_HOOK_BPF_H
#define SOCKTALE_HOOK_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define HOOK_STAMP(name, door, target, context, body, arguments...)                                     \
	SEC("?" door "/" target)                                                                            \
	int name(context)                                                                                   \
	{                                                                                                   \
		_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wint-conversion\"")     \
		return body(arguments);                                                                     \
		_Pragma("GCC diagnostic pop")                                                               \
	}

#define HOOK(function, args...)                                                                              \
	static __always_inline int function##_body(const bool trusted, void *ctx, ##args);                   \
	HOOK_STAMP(function##__fentry, "fentry", #function, unsigned long long *ctx, function##_body, true,  \
		   ___bpf_ctx_cast(args))                                                                    \
	HOOK_STAMP(function##__kprobe, "kprobe", #function, struct pt_regs *ctx, function##_body, false,     \
		   ___bpf_kprobe_args(args))                                                                 \
	static __always_inline int function##_body(const bool trusted, void *ctx, ##args)

#define HOOK_TRACEPOINT_AS(name, target, args...)                                                            \
	static __always_inline int name##_body(const bool trusted, void *ctx, ##args);                       \
	HOOK_STAMP(name##__tp_btf, "tp_btf", target, unsigned long long *ctx, name##_body, true,             \
		   ___bpf_ctx_cast(args))                                                                    \
	HOOK_STAMP(name##__raw_tp, "raw_tp", target, unsigned long long *ctx, name##_body, false,            \
		   ___bpf_ctx_cast(args))                                                                    \
	static __always_inline int name##_body(const bool trusted, void *ctx, ##args)

#define HOOK_TRACEPOINT(name, args...) HOOK_TRACEPOINT_AS(name, #name, ##args)

/*
 * The returned value sits behind the arguments of an fexit program. `slot` is a constant of the load (how many
 * arguments this kernel's function has), which the verifier follows; the loads are spelled out because a computed
 * offset into the context is refused.
 */
#define CONTEXT_SLOT(value, ctx, n) asm volatile("%0 = *(u64 *)(%1 + " #n " * 8)" : "=r"(value) : "r"(ctx))

static __always_inline __u64 context_return(void *ctx, __u32 slot)
{
	__u64 value = 0;

	if (slot == 1)
		CONTEXT_SLOT(value, ctx, 1);
	else if (slot == 2)
		CONTEXT_SLOT(value, ctx, 2);
	else if (slot == 3)
		CONTEXT_SLOT(value, ctx, 3);
	else if (slot == 4)
		CONTEXT_SLOT(value, ctx, 4);
	else if (slot == 5)
		CONTEXT_SLOT(value, ctx, 5);
	else if (slot == 6)
		CONTEXT_SLOT(value, ctx, 6);
	return value;
}

/* Argument `slot` of a function that has it only on some kernels: a constant of the load too. */
static __always_inline __u64 context_argument(const bool trusted, void *ctx, __u32 slot)
{
	if (trusted)
		return context_return(ctx, slot);
	return slot == 1 ? PT_REGS_PARM2((struct pt_regs *)ctx) : PT_REGS_PARM3((struct pt_regs *)ctx);
}

#define HOOK_RETURN(function, slot, type)                                                                    \
	static __always_inline int function##_return_body(const bool trusted, void *ctx, type ret);          \
	HOOK_STAMP(function##_return__fexit, "fexit", #function, unsigned long long *ctx,                    \
		   function##_return_body, true, ctx, (type)context_return(ctx, slot))                       \
	HOOK_STAMP(function##_return__kretprobe, "kretprobe", #function, struct pt_regs *ctx,                \
		   function##_return_body, false, ctx, (type)PT_REGS_RC(ctx))                                \
	static __always_inline int function##_return_body(const bool trusted, void *ctx, type ret)

#endif
