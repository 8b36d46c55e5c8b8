# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every target does its own set-up and rebuilds only what changed. What is
# built is in build/ and in the cache ($PPDEVMEM_CACHE).

.DEFAULT_GOAL := help

# What is compiled for user space, each with a Makefile of its own that puts
# its programs into build/bin.
PROGRAMS := $(patsubst %/Makefile,%,$(wildcard tools/*/Makefile tests/*/Makefile))
RUN := env -u MAKEFLAGS -u MAKELEVEL scripts/sysroot run --
FLAVORS ?= ppdevmem
PREFIX ?= /usr/local

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 22

demo: tools ## Stream through device memory between two namespaces and look at it
	scripts/demo

test: tools ## Run the tests that need no other kernel than the demo (tests/run --help for less)
	tests/run

test-all: tools ## Run what is slow as well, on all kernels, as CI does
	tests/run --all

soak: tools ## Run the tests that take so long that 'make test-all' leaves them out
	tests/run --soak

coverage: tools ## Print which lines of the provider and of devmemsim the tests reach
	tests/coverage/run

bench: tools ## Measure, and write docs/benchmarks.md and build/bench/*.json
	tests/bench/run

bench-alloc: tools ## Print the allocator's cost beside mainline's, in instructions per iov
	tests/bench/run alloc

bench-drgn: tools ## Print what listing a million iovs of a dump costs, beside plain drgn
	tests/bench/run listing

bench-tools: tools ## Print what each tool costs its traffic, beside bpftrace
	tests/bench/run tools

kernel: ## Build the kernel flavors named in FLAVORS (default ppdevmem)
	scripts/kernel $(FLAVORS)

tools: ## Build the tools, devmemcat and the benchmarks into build/bin (V=1 shows how)
	@for dir in $(PROGRAMS); do \
		echo "  MAKE    $$dir"; \
		$(RUN) make --no-print-directory $(if $(V),,-s) -j2 -C $$dir || exit 1; \
	done

lint: ## Check style and types of everything in the repository
	scripts/lint

install: tools ## Install the tools on this host, below DESTDIR and PREFIX (default /usr/local)
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install

deb: tools ## Build Debian packages for Debian 13 and 12 into build/deb
	packaging/deb

uninstall: ## Remove what 'make install' installed there
	DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install --remove

clean: ## Remove what was built in this clone
	rm -rf build

clean-cache: ## Remove the sysroot, the kernels and all downloads
	scripts/clean-cache

.PHONY: help demo test test-all soak coverage bench bench-alloc bench-drgn bench-tools kernel tools lint deb install uninstall clean clean-cache
