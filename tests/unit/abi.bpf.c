/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Never runs: one variable of every event and of every enum, compiled for the kernel side, so that its BTF can witness
 * how the kernel side lays them out. abi_test.c compares.
 */
#include "vmlinux.h"

#include "bpf/event.h"

struct event abi_head;
enum none { NONE };

#define EVENT(name, group, source, meaning) struct event_##name abi_event_##name;
#include "bpf/event.def"

#define KIND(name, form, zero, tag, meaning) enum tag abi_kind_##name;
#include "user/event/kind.def"
