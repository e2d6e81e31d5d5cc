/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel tells, and what each program costs its verifier, as one JSON object: events with plane and doors,
 * programs with verified instructions and bytes of stack. Usage: budget [functions|tracepoints]
 * tests/vm/table.py makes docs/kernels.md of one such object per kernel.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "event/schema.h"
#include "probe/probe.h"

static const char *separator;

static void print_door(struct hook *h, struct door *door, void *context)
{
	printf("%s[\"%s\",\"%s\"]", separator, h->target, door ? door->kind : "");
	separator = ",";
}

static void print_program(const char *name, unsigned long long runs, unsigned long long ns, unsigned instructions,
			  void *context)
{
	printf("%s\"%s\":[%u,%u]", separator, name, instructions, probe_stack_bytes(context, name));
	separator = ",";
}

int main(int argc, char **argv)
{
	static const char *const planes[] = { "-", "functions", "tracepoints" };
	struct probe_options o = { .budget = true };
	struct probe *p;
	int err;

	for (int id = 0; id < EVENT_COUNT; id++)
		o.wanted[id] = true;
	if (argc > 1)
		o.plane = strcmp(argv[1], "functions") ? PLANE_tracepoints : PLANE_functions;
	err = probe_open(&o, &p);
	if (err)
		return exit_code_of(err);
	printf("{\"release\":\"%s\",\"events\":{", probe_kernel(p)->release);
	for (int id = 0; id < EVENT_COUNT; id++) {
		printf("%s\"%s\":{\"plane\":\"%s\",\"doors\":[", id ? "," : "", schema_get(id)->name,
		       planes[probe_doors(p)->sources[id].plane]);
		separator = "";
		doors_each_hook(probe_doors(p), id, print_door, NULL);
		printf("]}");
	}
	printf("},\"programs\":{");
	separator = "";
	probe_each_program(p, print_program, p);
	printf("}}\n");
	fflush(stdout);
	/* Detaching trampolines takes seconds on some kernels, and this process ends anyway. */
	_Exit(EXIT_CODE_done);
}
