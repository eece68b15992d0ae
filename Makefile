# vz: GNU make.  make [all|check|bench|fuzz|san|install|uninstall|clean]
#   V=1            show the commands
#   AEAD=sodium    leave the optional libcrypto accelerator out
#   LOOP=poll      poll(2) instead of epoll(7)
#   B=DIR          build there instead of build/

VERSION := 0.1.0
B       ?= build
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/vz
AEAD    ?= auto
LOOP    ?= auto

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
           -Wformat=2 -Wpointer-arith -Wwrite-strings
HARDEN  ?= -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
HARDENLD ?= -pie -Wl,-z,relro,-z,now
PKG     := libsodium libbsd-overlay

ALL_CPPFLAGS = -D_GNU_SOURCE -DVZ_VERSION='"$(VERSION)"' -Ilib -I. $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 $(WARN) $(HARDEN) $(CFLAGS)
ALL_LDFLAGS  = $(HARDENLD) -Wl,--as-needed $(LDFLAGS)
PKG_CFLAGS  := $(shell pkg-config --cflags $(PKG))
PKG_LIBS    := $(shell pkg-config --libs $(PKG))
LIBS         = $(PKG_LIBS) $(LDLIBS)
TEST_LIBS    = -lcmocka $(LIBS)

# The accelerator is opened late by its soname, so only its headers are needed.
ifeq ($(AEAD),sodium)
ALL_CPPFLAGS += -DVZ_AEAD_SODIUM_ONLY
endif
ifeq ($(LOOP),poll)
ALL_CPPFLAGS += -DVZ_LOOP_POLL
endif

ifeq ($(V),1)
Q :=
else
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

PROGRAMS := $(notdir $(patsubst %/,%,$(dir $(wildcard cmd/vz-*/main.c))))
BINS     := $(PROGRAMS:%=$(B)/bin/%)
LIB_SRC  := $(sort $(wildcard lib/*/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
COMMON   := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cmd/common/*.c)))
UNITS    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
TOOLS    := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fault/*.c tests/bench/*.c)))
MAN      := $(sort $(wildcard man/*.[157]))

all: $(BINS)

$(B)/libvz.a: $(LIB_OBJ)
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $(LIB_OBJ)

$(B)/%.o: %.c Makefile
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
$(B)/bin/%: $$(patsubst %.c,$(B)/%.o,$$(sort $$(wildcard cmd/$$*/*.c))) $(COMMON) $(B)/libvz.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/%: $(B)/tests/unit/%.o $(B)/libvz.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS)

$(TOOLS): $(B)/%: $(B)/%.o $(B)/libvz.a
	$(call say,LINK,$@) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

units: $(UNITS)
tools: $(TOOLS)

.PHONY: all units tools
.SECONDARY:
-include $(shell [ -d $(B) ] && find $(B) -name '*.d')
