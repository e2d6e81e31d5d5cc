# SPDX-License-Identifier: BSD-2-Clause
# The whole build of socktale. `make help` lists what it can do.

VERSION := 0.1
SAN     ?=
B       := build$(if $(SAN),/san)$(if $(STATIC),/static)
V       ?=
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
MACHINE := $(shell uname -m)
ARCH    := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(MACHINE)))
PREFIX  ?= /usr/local

CFLAGS  ?= -O2 -g
CFLAGS  += -std=gnu11 -Wall -Wextra -Werror -Wmissing-prototypes -Wno-unused-parameter -D_GNU_SOURCE -DVERSION='"$(VERSION)"'
CFLAGS  += $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
CPPFLAGS += -I. -Iuser -I$(B)
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN)) $(if $(STATIC),-static)
LDLIBS  += -lbpf -lelf -lz -lpthread
BPFFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I. -Ivmlinux -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-declarations

BPF     := $(wildcard bpf/*.bpf.c)
USER    := $(wildcard user/*.c user/*/*.c)
UNIT    := $(wildcard tests/unit/*_test.c)
DEMO    := $(wildcard demos/*.c)
OBJ     := $(USER:%.c=$(B)/%.o)
ROOMS   := $(filter-out $(B)/user/main.o,$(OBJ))
TESTS   := $(UNIT:%.c=$(B)/%) $(B)/tests/tale
DEMOS   := $(DEMO:demos/%.c=$(B)/demos/%)
SKEL    := $(B)/socktale.skel.h
MODERN  := $(B)/modern.o
LANGUAGES := $(patsubst po/%.po,%,$(wildcard po/*.po))
LOCALES := $(LANGUAGES:%=$(B)/locale/%/LC_MESSAGES/socktale.mo)

.DELETE_ON_ERROR:
.PRECIOUS: $(B)/%.o $(B)/%.bpf.o
.DEFAULT_GOAL := all

all: $(B)/socktale $(DEMOS) $(LOCALES) ## build the tool and the notes' programs

help: ## list what make can do
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What is missing is installed before anything is compiled; see tests/deps.sh for what and why.
$(B)/.deps: tests/deps.sh
	@mkdir -p $(@D)
	$(Q)tests/deps.sh build
	@touch $@

deps: ## install the packages that building and testing need (Debian, as root)
	$(Q)tests/deps.sh all

$(B)/%.bpf.o: %.bpf.c | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) $(BPFFLAGS) -MMD -MP -c $< -o $@

# One unit of all: the object linker of libbpf 1.1 refuses a kernel function (bpf_rdonly_cast) used by two objects.
# Compiled twice: for any kernel, and for those that offer what HAS() in bpf/sock.bpf.h asks for.
$(B)/modern.raw.o: BPFFLAGS += -DMODERN
$(B)/%.raw.o: $(BPF) | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,BPF,$@)printf '#include "%s"\n' $(BPF) | $(CLANG) $(BPFFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -x c -c - -o $@

$(B)/%.bpf.o: $(B)/%.raw.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $<

# As bytes, with a name before and behind them: the skeleton of the other object fits this one too.
$(MODERN): $(B)/modern.bpf.o
	$(call say,LINK,$@)cd $(@D) && ld -r -b binary -z noexecstack -o $(@F) $(<F)

$(SKEL): $(B)/socktale.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name socktale_bpf > $@

$(B)/%.o: %.c | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(patsubst %.c,$(B)/%.o,$(wildcard user/probe/*.c user/snapshot/*.c)): $(SKEL)

# Where to look for what was installed: compiled again when another PREFIX is given.
$(B)/user/base/place.o: CPPFLAGS += -DPREFIX='"$(PREFIX)"'
$(B)/user/base/place.o: $(B)/.prefix
$(B)/.prefix: always
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@

$(B)/socktale: $(OBJ) $(MODERN)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/demos/%: demos/%.c demos/demo.h | $(B)/.deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -Idemos $< -o $@

# Without gettext's tools everything is said in English. The C library's own messages are in the same file.
$(B)/locale/%/LC_MESSAGES/socktale.mo: po/%.po
	@mkdir -p $(@D)
	$(call say,PO,$<)if command -v msgfmt >/dev/null; then msgfmt -o $@ $< && ln -sf socktale.mo $(@D)/libc.mo; fi

# What a reader is told: sentences in _() and N_(), and those that functions and rows of lists translate themselves.
WORDS := $(sort $(wildcard user/*.c user/*/*.[ch] user/*/*.def bpf/*.def))
WORD_KEYS := _ N_ ngettext:1,2 fail:2 hint tell wrong:2 complain:2 door_fail:2 doors_fail:3 note_printf:2 set_of number \
	HEAD:4 EVENT:4 FIELD:5 NAME:5 COST:3 EXPECT:5 FIGURE:4
WORD_FORMATS := fail:2 hint:1 tell:1 door_fail:2 doors_fail:3 note_printf:2

$(B)/socktale.pot: $(WORDS) Makefile
	@mkdir -p $(@D)
	$(call say,WORDS,$@)xgettext --language=C --from-code=UTF-8 --no-location --no-wrap --package-name=socktale --keyword \
		$(WORD_KEYS:%=--keyword=%) $(WORD_FORMATS:%=--flag=%:c-format) -o - $(WORDS) | sed '/^"POT-Creation-Date/d' >$@

words: $(B)/socktale.pot ## bring the translations (po/) up to what the sources say
	$(Q)for po in po/*.po; do \
		msgmerge --quiet --update --backup=none --no-fuzzy-matching --no-wrap $$po $< && \
		msgattrib --no-obsolete --no-wrap -o $$po $$po && msgfmt --check --statistics -o /dev/null $$po; done

$(B)/tests/%: $(B)/tests/%.o $(ROOMS) $(MODERN)
	$(call say,LINK,$@)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

LESSON  ?= handshake

demo: all ## list the lessons, and play LESSON (handshake) on the running kernel (VM=1: in a virtual machine)
	$(Q)$(B)/socktale play --list
	$(Q)$(if $(VM),tests/vm/run.sh 6.12 -- )$(B)/socktale play $(LESSON)

check: all ## units, tales, ABI, layers, documentation: needs no privilege
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined check-built
	$(Q)tests/run.sh static

check-built: all $(TESTS) $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/*.bpf.c))
	$(Q)BUILD=$(B) tests/run.sh unit

check-live: all ## what must be seen on the running kernel: needs root and BPF, says what it skips
	$(Q)BUILD=$(B) tests/run.sh live

check-vm: all $(B)/tests/vm/budget ## the same in Debian's stock kernels, 5.10 to the newest, under QEMU
	$(Q)BUILD=$(B) tests/run.sh vm

bench: all ## what tracing costs, measured against untraced runs and other tools
	$(Q)BUILD=$(B) tests/bench/run.sh

docs: all ## write the generated pages of docs/
	$(Q)tests/docs.sh write $(B)/socktale

format: ## let clang-format decide white space
	$(Q)clang-format -i $(filter-out %.def,$(BPF) $(wildcard bpf/*.h) $(USER) $(wildcard user/*/*.h) $(DEMO))

lint: ## cppcheck and shellcheck over the sources
	$(Q)cppcheck --quiet --enable=warning,portability --inline-suppr --error-exitcode=1 -I. -Iuser user demos
	$(Q)shellcheck -S warning $(wildcard tests/*.sh tests/*/*.sh)

# Below PREFIX; DESTDIR goes before it for packages. The tool finds its files from where its binary lies, else below PREFIX.
BIN      := $(DESTDIR)$(PREFIX)/bin
LIB      := $(DESTDIR)$(PREFIX)/lib/socktale
SHARE    := $(DESTDIR)$(PREFIX)/share/socktale
MAN      := $(DESTDIR)$(PREFIX)/share/man/man1
COMPLETE := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

install: all ## install tool, lessons, programs, translations and manual below PREFIX (/usr/local; DESTDIR before it)
	$(Q)install -d $(BIN) $(LIB)/demos $(SHARE)/lessons $(MAN) $(COMPLETE)
	$(Q)install -m 755 $(B)/socktale $(BIN)
	$(Q)install -m 755 $(DEMOS) $(LIB)/demos
	$(Q)install -m 644 demos/lessons/*.lesson demos/lessons/claims $(SHARE)/lessons
	$(Q)for language in $(LANGUAGES); do \
		folder=locale/$$language/LC_MESSAGES; [ -e $(B)/$$folder/socktale.mo ] || continue; \
		install -d $(SHARE)/$$folder && install -m 644 $(B)/$$folder/socktale.mo $(SHARE)/$$folder && \
			ln -sf socktale.mo $(SHARE)/$$folder/libc.mo; done
	$(Q)install -m 644 docs/*.1 $(MAN)
	$(Q)install -m 644 user/completion.bash $(COMPLETE)/socktale
	$(call say,INSTALL,$(BIN)/socktale)true

uninstall: ## remove what install put there
	$(Q)rm -f $(BIN)/socktale $(patsubst docs/%,$(MAN)/%,$(wildcard docs/*.1)) $(COMPLETE)/socktale
	$(Q)rm -rf $(LIB) $(SHARE)

clean: ## remove everything that was built
	rm -rf build

.PHONY: all always words help deps demo check check-built check-live check-vm bench docs format lint install uninstall clean

-include $(OBJ:.o=.d) $(B)/socktale.raw.d $(B)/modern.raw.d $(TESTS:=.d) $(B)/tests/vm/budget.d $(patsubst %.c,$(B)/%.d,$(wildcard tests/unit/*.bpf.c))
