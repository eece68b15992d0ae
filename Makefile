# vz: GNU make.  make [all|check|bench|siege|fault|fuzz|san|install|uninstall|clean]
#   make static    programs without shared libraries, in build/static/bin
#   make musl      the same with another libc, in build/musl/bin, and their tests (scripts/dev/musl)
#   V=1            show the commands
#   PREFIX=DIR     and all else that packagers set: the table in README.md
#   AEAD=sodium    leave the optional accelerators out; AEAD=libcrypto: libipsec-mb only
#   LOOP=poll      poll(2) instead of epoll(7)
#   SANDBOX=off    leave the seccomp filters out, as without libseccomp
#   BSD=shared     link libbsd as a shared library
#   B=DIR          build there instead of build/
#   LIKE=DIR       take the objects that AEAD= and LOOP= have no part in from that finished build
#   FUZZTIME=60    seconds for each fuzzer; FUZZRUNS=N: at most N executions
#   SEEDS=500      of make fault, and KILLS=1000 rounds of kill -9

VERSION := 0.1.0
B       ?= build
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/vz
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
EXAMPLESDIR ?= $(DOCDIR)/examples
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
FUZZTIME ?= 60
SEEDS   ?= 500
KILLS   ?= 1000
AEAD    ?= auto
LOOP    ?= auto
BSD     ?= static
SANDBOX ?= auto

CC      ?= cc
HOSTCC  ?= $(CC)
CFLAGS  ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
LDLIBS  ?=
DESTDIR ?=
V       ?=
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
           -Wformat=2 -Wpointer-arith -Wwrite-strings
HARDEN  ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
HARDENLD ?= -pie -Wl,-z,relro,-z,now
PKG     := libsodium libbsd-overlay

# gcc 12 zeroes structs of a hundred bytes by `rep stos`, which starts slowly; frames and events are such.
FAST    := $(shell echo | $(CC) -mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign \
             -x c -c -o /dev/null - 2>/dev/null && \
             echo -mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign)

ALL_CPPFLAGS = -D_GNU_SOURCE -DVZ_VERSION='"$(VERSION)"' -DVZ_SYSCONFDIR='"$(SYSCONFDIR)"' -Ilib -I. $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARN) $(HARDEN) $(FAST) $(CFLAGS)
ALL_LDFLAGS  = $(HARDENLD) -Wl,--as-needed $(LDFLAGS)
PKG_CFLAGS  := $(shell pkg-config --cflags $(PKG) sqlite3)
SQLITE_LIBS := $(shell pkg-config --libs sqlite3)
PKG_LIBS    := $(shell pkg-config --libs $(PKG))
# libbsd goes into the programs where it can: a tenth of a millisecond less at every start.
ifeq ($(BSD),static)
BSD_A       := $(wildcard $(shell $(CC) -print-file-name=libbsd.a) $(shell $(CC) -print-file-name=libmd.a))
ifeq ($(words $(BSD_A)),2)
PKG_LIBS    := $(shell pkg-config --libs libsodium) $(BSD_A)
endif
endif
LIBS         = $(PKG_LIBS) $(SQLITE_LIBS) $(LDLIBS)
TEST_LIBS    = -lcmocka $(LIBS)

# The accelerators are opened late by their sonames, so only their headers are needed.
ifeq ($(AEAD),sodium)
ALL_CPPFLAGS += -DVZ_AEAD_SODIUM_ONLY
endif
ifeq ($(AEAD),libcrypto)
ALL_CPPFLAGS += -DVZ_AEAD_NO_IPSEC_MB
endif
ifeq ($(LOOP),poll)
ALL_CPPFLAGS += -DVZ_LOOP_POLL
endif

# The filters are made here and loaded as they are: the programs do not link libseccomp.
ifneq ($(SANDBOX),off)
SECCOMP := $(shell pkg-config --exists libseccomp && echo yes)
endif
ifeq ($(SECCOMP),yes)
ALL_CPPFLAGS += -DVZ_SECCOMP -I$(B)/gen
endif

# Another AEAD=, LOOP= or SYSCONFDIR= in the same folder builds everything again.
OPTIONS := AEAD=$(AEAD) LOOP=$(LOOP) SECCOMP=$(SECCOMP) SYSCONFDIR=$(SYSCONFDIR)
ifneq ($(OPTIONS),$(file <$(B)/options))
$(shell mkdir -p $(B) && echo '$(OPTIONS)' >$(B)/options)
endif

ifeq ($(V),1)
Q :=
else
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

PROGRAMS := $(notdir $(patsubst %/,%,$(dir $(wildcard cmd/vz-*/main.c))))
BINS     := $(PROGRAMS:%=$(B)/bin/%)
COMPLETIONS := $(PROGRAMS:%=$(B)/completions/bash/%) $(B)/completions/zsh/_vz $(PROGRAMS:%=$(B)/completions/fish/%.fish)
LIB_SRC  := $(sort $(wildcard lib/*/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
COMMON   := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cmd/common/*.c)))
SERVE    := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cmd/serve/*.c)))
UNITS    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
PRELOAD  := $(B)/tests/fault/faultio.so $(B)/tests/fault/clock.so $(B)/tests/fault/powercut.so
TOOLS    := $(patsubst %.c,$(B)/%,$(sort $(filter-out $(PRELOAD:$(B)/%.so=%.c),$(wildcard tests/fault/*.c tests/bench/*.c tests/interop/*.c))))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BENCHES  := $(shell find tests/bench -type f -perm -u+x ! -name '*.*' | sort)
MAN      := $(sort $(wildcard man/*.[157]))
SCRIPTS  := $(sort $(wildcard scripts/vz-*))
PAGES    := $(SCRIPTS:scripts/%=$(B)/man/%.1)
DOCS     := README.md CHANGELOG.md SECURITY.md LICENSE
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

all: $(BINS) $(COMPLETIONS) $(PAGES)

$(B)/libvz.a: $(LIB_OBJ)
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $(LIB_OBJ)

# A script's manual is the comment at its head.
$(PAGES): $(B)/man/%.1: scripts/% scripts/dev/header-page
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) scripts/dev/header-page $< >$@.tmp && mv $@.tmp $@

# Only the programs that others connect to take anything of it.
$(B)/libserve.a: $(SERVE)
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $(SERVE)

ifeq ($(SECCOMP),yes)
$(B)/gen/filters: scripts/dev/filters.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(HOSTCC) -std=gnu11 -O1 -o $@ $< $(shell pkg-config --cflags --libs libseccomp)

$(B)/gen/guard/filters.inc: $(B)/gen/filters
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) $< >$@.tmp && mv $@.tmp $@

$(B)/lib/guard/seccomp.o: $(B)/gen/guard/filters.inc
endif

# What is made of the programs' tables of options, once they are found to keep their own rules.
TABLES   := $(sort $(wildcard cmd/*/table.c cmd/*/rows.c))
$(B)/gen/completions: scripts/dev/completions.c $(TABLES) $(wildcard cmd/*/table.h cmd/*/options.h)
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) -std=gnu11 -O1 -Ilib -I. $(PKG_CFLAGS) -o $@.tmp $< $(TABLES) && \
	    $@.tmp check && mv $@.tmp $@

$(B)/completions/bash/%: $(B)/gen/completions completions/vz.bash
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) { $< bash $(@F) && cat completions/vz.bash; } >$@.tmp && mv $@.tmp $@

$(B)/completions/fish/%.fish: $(B)/gen/completions completions/vz.fish
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) { $< fish $(@F:.fish=) && cat completions/vz.fish; } >$@.tmp && mv $@.tmp $@

$(B)/completions/zsh/_vz: $(B)/gen/completions completions/vz.zsh
	$(Q)mkdir -p $(@D)
	$(call say,GEN,$@) { $< zsh && cat completions/vz.zsh; } >$@.tmp && mv $@.tmp $@

$(B)/%.o: %.c Makefile $(B)/options
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(B)/bin/%: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(sort $$(wildcard cmd/$$*/*.c))))) $(COMMON) $(B)/libserve.a $(B)/libvz.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/%: $(B)/tests/unit/%.o $(B)/libvz.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS)

# What they take of vz-send,
$(B)/tests/test_renew $(B)/tests/test_via: $(patsubst %,$(B)/cmd/vz-send/%.o,link patience peer redial renew via via_words words) $(COMMON)
# and of vz-listen,
$(B)/tests/test_stay: $(B)/cmd/vz-listen/stay.o
# and of what they share,
$(B)/tests/test_progress: $(B)/cmd/common/progress_line.o
# and the tables of options themselves.
$(B)/tests/test_table: $(patsubst %,$(B)/cmd/common/%.o,table help)

$(TOOLS): $(B)/%: $(B)/%.o $(B)/libvz.a
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The programs with an hour as long as half a second, for what takes hours.
HOURLY   := $(B)/tests/fault/hourly/vz-send $(B)/tests/fault/hourly/vz-listen
$(B)/tests/fault/hourly/self.o: cmd/common/self.c Makefile $(B)/options
	$(Q)mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(ALL_CPPFLAGS) -DVZ_RENEW_MS=500 -DVZ_OLD_MS=1000 $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(HOURLY): $(B)/tests/fault/hourly/%: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(sort $$(wildcard cmd/$$*/*.c))))) \
    $(B)/tests/fault/hourly/self.o $(filter-out %/self.o,$(COMMON)) $(B)/libserve.a $(B)/libvz.a
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# A relay whose store is not synced as it ought to be, for the tests of power cuts to find out.
WEAK     := $(B)/tests/fault/weak/vz-relay
$(WEAK): $(patsubst %.c,$(B)/%.o,$(wildcard cmd/vz-relay/*.c) tests/fault/weak/open.c) $(COMMON) $(B)/libserve.a $(B)/libvz.a
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--wrap=vz_store_sqlite_open -o $@ $^ $(LIBS)

# A build that differs from another one by AEAD= or LOOP= only has most objects in common with it.
ifdef LIKE
VARIED   := $(shell grep -rlE 'VZ_AEAD_SODIUM_ONLY|VZ_AEAD_NO_IPSEC_MB|VZ_LOOP_POLL' lib cmd tests --include='*.[ch]')
ifneq ($(filter %.h,$(VARIED)),)
$(error LIKE= wants these macros in no header: $(filter %.h,$(VARIED)))
endif
ALIKE    := $(patsubst %.c,$(B)/%.o,$(filter-out $(VARIED),$(LIB_SRC) $(wildcard cmd/*/*.c tests/unit/*.c) \
    $(patsubst $(B)/%,%.c,$(TOOLS))))
$(ALIKE): $(B)/%: $(LIKE)/%
	$(Q)mkdir -p $(@D) && cp $< $@
endif

# Instead of libc's calls, whose checked forms it would get in the way of.
$(PRELOAD): $(B)/%.so: %.c Makefile $(B)/options
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CPPFLAGS) -std=c11 $(WARN) $(CFLAGS) -U_FORTIFY_SOURCE -fPIC -fno-builtin \
	    -MMD -MP -shared -o $@ $< -ldl

$(FUZZERS): $(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libvz.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ \
	    $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# What they take of the programs.
$(B)/fuzz/fuzz_items: $(B)/cmd/vz-send/cut.o
$(B)/fuzz/fuzz_json: $(B)/cmd/vz-listen/item_json.o
# All that parses the command line of a program.
OPTIONS_OF = $(patsubst %,$(B)/cmd/common/%.o,options table rows help) $(patsubst %,$(B)/cmd/$(1)/%.o,options table)
SERVED   := $(B)/cmd/serve/options.o $(B)/cmd/serve/rows.o
$(B)/fuzz/fuzz_keygen_options: $(call OPTIONS_OF,vz-keygen)
$(B)/fuzz/fuzz_send_options: $(call OPTIONS_OF,vz-send)
$(B)/fuzz/fuzz_relay_options: $(call OPTIONS_OF,vz-relay) $(SERVED)
$(B)/fuzz/fuzz_listen_options: $(call OPTIONS_OF,vz-listen) $(SERVED)

# Programs that need nothing but a kernel, to be copied to where no package is. Ciphers are
# libsodium's own: what is opened late could not be. libz is what SQLite's archive may want.
STATIC_LIBS = $(shell pkg-config --libs --static libsodium libbsd-overlay sqlite3)
static: all
	+$(Q)$(MAKE) B=$(B)/static LIKE=$(B) AEAD=sodium HARDENLD=-static PKG_LIBS= SQLITE_LIBS='$(STATIC_LIBS)' all

musl:
	+$(Q)scripts/dev/musl $(B)/musl

units: $(UNITS)
helpers: $(TOOLS)
tools: helpers $(PRELOAD) $(HOURLY) $(WEAK)
fuzzers: $(FUZZERS)

# The tests of this one build; scripts/check proves all of the tree.
check: all units tools
	$(Q)scripts/dev/tests $(B) unit cli interop

# The full figures of what the check has short versions of.
fault: all units tools
	$(Q)VZ_TEST_SEEDS=$(SEEDS)0 $(B)/tests/test_resume
	$(Q)VZ_TEST_SEEDS=$(SEEDS)0 $(B)/tests/test_restart
	$(Q)VZ_TEST_SEEDS=$(SEEDS)0 $(B)/tests/test_resume_many
	$(Q)tests/fault/breaks $(B)
	$(Q)SEEDS=200 tests/fault/seeds $(B)
	$(Q)VZ_BUILD='$(abspath $(B))' VZ_TEST_SEEDS=200 bats --tap tests/cli/resume.bats
	$(Q)FAULT_SEEDS=$(SEEDS) scripts/dev/tests $(B) tests/cli/faults.bats tests/cli/mangled.bats \
	    tests/cli/slow.bats tests/cli/crash.bats
	$(Q)MATCHES=10000 scripts/dev/tests $(B) tests/cli/relay.bats
	$(Q)ROUNDS=$(KILLS) tests/fault/kill-rounds $(B)
	$(Q)SIGN=1 ROUNDS=200 tests/fault/kill-rounds $(B)
	$(Q)ROUNDS=500 tests/fault/store-rounds $(B)
	$(Q)CUTS=200 tests/fault/store-cuts $(B)
	$(Q)! WEAK=1 CUTS=60 tests/fault/store-cuts $(B)
	$(Q)ROUNDS=500 tests/fault/relay-rounds $(B)
	$(Q)ROUNDS=150 tests/fault/mail-rounds $(B)
	$(Q)CUTS=200 tests/fault/relay-cuts $(B)
	$(Q)! WEAK=1 CUTS=60 tests/fault/relay-cuts $(B)

bench: all tools
	$(Q)for b in $(BENCHES); do VZ_BUILD='$(abspath $(B))' "$$b" || exit; done

# 10,000 connections that lead nowhere, and a sender that gets through.
siege: all tools
	$(Q)VZ_BUILD='$(abspath $(B))' tests/fault/siege

san:
	$(Q)$(MAKE) B=$(B)/san CFLAGS='-O1 -g $(SAN)' HARDEN=-fPIE check

FUZZ     = $(MAKE) CC=clang HARDEN=-fPIE fuzzers
FUZZCOV := -fsanitize-coverage-ignorelist=tests/fuzz/unseen

fuzz-build:
	+$(Q)$(FUZZ) B=$(B)/fuzz CFLAGS='-O1 -g -fsanitize=fuzzer-no-link $(FUZZCOV) $(SAN)'

fuzz: fuzz-build
	+$(Q)$(FUZZ) B=$(B)/fuzz/lines CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping'
	$(Q)scripts/dev/fuzz all $(B)/fuzz/fuzz $(FUZZTIME) $(B)/fuzz/lines/fuzz

# What scripts/check does of it.
fuzz-short: fuzz-build
	$(Q)scripts/dev/fuzz replay $(B)/fuzz/fuzz
	$(Q)scripts/dev/fuzz early $(B)/fuzz/fuzz 5

# Source and place of what a service manager reads (vz(7), AS A SERVICE), and of the examples. A
# folder whose variable is empty is left out.
placed    = $(if $($2),$(foreach f,$1,$f:$($2)/$(or $3,$(notdir $(f:.in=)))))
SYSTEM   := $(call placed,$(sort $(wildcard system/*.service.in system/*.socket)),UNITDIR) \
            $(call placed,system/vz.sysusers.in,SYSUSERSDIR,vz.conf) \
            $(call placed,system/vz.tmpfiles.in,TMPFILESDIR,vz.conf) \
            $(call placed,$(sort $(wildcard system/examples/*.in)),EXAMPLESDIR)
FILL      = sed -e '/^@service@$$/{r system/service' -e 'd;}' -e '/^@hardening@$$/{r system/hardening' -e 'd;}' \
            -e 's|@BINDIR@|$(BINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g; s|@LOCALSTATEDIR@|$(LOCALSTATEDIR)|g'

install-system:
	for f in $(SYSTEM); do from=$${f%%:*} to='$(DESTDIR)'$${f#*:}; install -d "$${to%/*}" && \
	    $(FILL) "$$from" >"$$to" && chmod 644 "$$to" || exit; done

uninstall-system:
	for f in $(SYSTEM); do rm -f '$(DESTDIR)'"$${f#*:}"; done
	$(if $(EXAMPLESDIR),-rmdir '$(DESTDIR)$(EXAMPLESDIR)')

SECTIONS := $(sort $(patsubst .%,%,$(suffix $(MAN))))
install: all install-system
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DOCDIR)' $(SECTIONS:%='$(DESTDIR)$(MANDIR)/man%')
	install -m 755 $(BINS) $(SCRIPTS) '$(DESTDIR)$(BINDIR)'
	$(foreach s,$(SECTIONS),install -m 644 $(filter %.$(s),$(MAN) $(PAGES)) '$(DESTDIR)$(MANDIR)/man$(s)' &&) :
	install -m 644 $(DOCS) '$(DESTDIR)$(DOCDIR)'
	install -d '$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(FISHDIR)'
	install -m 644 $(PROGRAMS:%=$(B)/completions/bash/%) '$(DESTDIR)$(BASHDIR)'
	install -m 644 $(B)/completions/zsh/_vz '$(DESTDIR)$(ZSHDIR)'
	install -m 644 $(PROGRAMS:%=$(B)/completions/fish/%.fish) '$(DESTDIR)$(FISHDIR)'

uninstall: uninstall-system
	rm -f $(PROGRAMS:%='$(DESTDIR)$(BINDIR)/%') $(SCRIPTS:scripts/%='$(DESTDIR)$(BINDIR)/%') $(DOCS:%='$(DESTDIR)$(DOCDIR)/%')
	rm -f $(foreach m,$(notdir $(MAN) $(PAGES)),'$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(m)')
	rm -f $(PROGRAMS:%='$(DESTDIR)$(BASHDIR)/%') '$(DESTDIR)$(ZSHDIR)/_vz' $(PROGRAMS:%='$(DESTDIR)$(FISHDIR)/%.fish')
	-rmdir '$(DESTDIR)$(DOCDIR)'

clean:
	rm -rf $(B)

.PHONY: all static musl units helpers tools fuzzers check bench siege fault san fuzz fuzz-build fuzz-short install install-system uninstall uninstall-system clean
.SECONDARY:
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
