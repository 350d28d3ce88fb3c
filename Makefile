# SPDX-License-Identifier: MIT
# Bulkhead: every entry point. `make help` lists them. Everything is built under $(O).
#
# Each box has a module.mk that lists its sources and hangs its product on the phony targets
# below (`hv: $(O)/hv/hv.elf`). Those that are not there are simply left out.

O ?= build
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PHONY_TARGETS := help all setup third-party sandbox boot hv guest-pv mgmt net agent cli image \
    test test-unit test-host test-guests test-amd test-vtx demo run bench sloc format format-check \
    clean distclean
.PHONY: $(PHONY_TARGETS)

include tools/mk/flags.mk
include tools/mk/unit.mk

-include tools/third-party/module.mk
-include tools/image/module.mk
-include tools/image/boot-image.mk
-include boot/module.mk
-include hv/module.mk
-include guest-pv/module.mk
-include guest-pv/agent/module.mk
-include mgmt/module.mk
-include net/module.mk
-include tools/module.mk
-include tests/module.mk
-include $(sort $(wildcard tests/unit/*/module.mk))

help: ## list the entry points
	@echo 'Bulkhead. As root on Debian 12: make demo'
	@echo
	@awk -F '## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  %-13s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'O=DIR builds elsewhere, V=1 shows commands, ACCEL=kvm uses KVM where the host has it.'

all: third-party sandbox boot hv guest-pv mgmt net agent cli image ## build everything

setup: ## install the packages that are needed (tools/setup)
	@tools/setup

third-party: ## fetch and build the third-party parts

sandbox: ## sandbox kernel, modules and base image

boot: ## UEFI loader

hv: ## hypervisor

guest-pv: ## runtime and drivers of mgmt and net, test guests

mgmt: ## management domain

net: ## network domain

agent: ## in-guest agent

cli: ## the bulkhead command line

image: ## bulkhead.efi and bulkhead.img

# On a fresh machine the compiler is not there when make reads this file, so what needs the
# packages runs in a second make.
$(O)/setup.stamp: tools/setup
	@mkdir -p $(@D)
	@tools/setup
	@touch $@

test: $(O)/setup.stamp ## every test: unit, AMD-V in QEMU, VT-x in Bochs
	@tests/run-all

test-unit: ## host unit tests with ASan and UBSan
	@tools/mk/run-unit $(UNIT_TESTS)

test-host: ## mgmt's HTTP, TLS and API code on host sockets; fuzzers for a short time

test-guests: ## small guests on the bare hypervisor (QEMU and Bochs)

test-amd: ## end-to-end tests in QEMU (AMD-V)

test-vtx: ## end-to-end tests in Bochs (VT-x)

demo: $(O)/setup.stamp ## build, boot and take the tour
	@$(MAKE) --no-print-directory $(if $(filter 0,$(V)),-s) image cli
	@tools/demo

run: $(O)/setup.stamp ## boot the appliance under QEMU and leave it running
	@$(MAKE) --no-print-directory $(if $(filter 0,$(V)),-s) image cli
	@tools/run

bench: ## measure: one figure a line

sloc: ## source lines, box by box
	@tools/sloc

FORMAT_FILES = $(shell git ls-files '*.c' '*.h')

format: ## reformat all C files
	@clang-format -i $(FORMAT_FILES)

format-check: ## fail if a C file is not formatted
	@$(if $(FORMAT_FILES),clang-format --dry-run -Werror $(FORMAT_FILES))

clean: ## remove what was built, keep third-party and sandbox files
	@for d in boot hv guest-pv mgmt net tools tests; do rm -rf $(O)/$$d; done
	@rm -f $(O)/bulkhead.efi $(O)/bulkhead.img

distclean: ## remove the whole build folder
	@rm -rf $(O)
