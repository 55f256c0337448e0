SWIFT := .ci/swift
# Only modules that a target names as its dependency can be imported by it.
BUILD := $(SWIFT) build --explicit-target-dependency-import-check error

# What `make release` builds and `make install` installs.
PROGRAM := .build/release/supamirror
PREFIX ?= /usr/local
# Where the units look for it, whatever the prefix is.
CONFIGURATION := /etc/supamirror
DESTDIR ?=
# In groups, and not all of a group at once: tests that wait for an answer must not wait for two busy cores.
TEST := SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=16 $(SWIFT) test --explicit-target-dependency-import-check error --skip-build

.DEFAULT_GOAL := help
.PHONY: help setup build test lint units format tsan demo demo-recovery bench bench-full release install uninstall clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/make \1:\2/p' $(MAKEFILE_LIST) | awk -F: '{ printf "%-18s %s\n", $$1, $$2 }'

setup: ## install what is missing on Debian or Ubuntu (Swift itself has to be there)
	@.ci/setup

build: setup ## build everything, without the tests
	@$(BUILD)

test: setup lint units ## lint, check the units, build, run every test
	@$(BUILD) --build-tests
	@$(TEST) --filter '^MirrorTests\.'
	@$(TEST) --skip '^(Mirror|LocalSupabase|EndToEnd)Tests\.'
	@$(TEST) --filter '^LocalSupabaseTests\.'
	@$(TEST) --filter '^EndToEndTests\.'

lint: ## check the formatting and a few rules of the house
	@.ci/lint

units: ## check the units of systemd and what `make install` installs
	@.ci/units

format: ## format all Swift files
	@$(SWIFT) format -i -r Sources Tests Package.swift

tsan: setup ## run every test under the thread sanitizer, one at a time, as it makes them slow
	@$(SWIFT) test --sanitize=thread --no-parallel --scratch-path .build-tsan

demo: setup ## mirror one local project to another, live, while rows change; then compare (needs no account)
	@$(BUILD)
	@"$$($(SWIFT) build --show-bin-path)/supabase-local" demo

demo-recovery: setup ## recover one of three local projects, which lags, from the one that survives; then compare
	@$(BUILD)
	@"$$($(SWIFT) build --show-bin-path)/supabase-local" demo-recovery

bench: setup ## measure the first copy and passes beside others, in about ten minutes (SCENARIOS="lag burst idle", BENCH_ROWS)
	@$(SWIFT) build -c release --scratch-path .build-bench --product supamirror
	@$(SWIFT) build -c release --scratch-path .build-bench --product supamirror-bench
	@"$$($(SWIFT) build -c release --scratch-path .build-bench --show-bin-path)/supamirror-bench" $(BENCH) $(SCENARIOS)

bench-full: BENCH := full
bench-full: bench ## the same with every size and kind of row, and lag, bursts and idling; takes half an hour or more

release: ## build the program optimised and stripped, not needing an installed Swift, as .build/release/supamirror
	@.ci/setup build
	@$(SWIFT) build -c release --static-swift-stdlib --product supamirror
	@strip $(PROGRAM)
	@.ci/size $(PROGRAM)

install: ## install what `make release` built, under PREFIX=/usr/local; DESTDIR= is for packages
	@[ -x $(PROGRAM) ] || { echo "make install: there is no $(PROGRAM); run make release first" >&2; exit 1; }
	@install -D -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/supamirror"
	@for unit in systemd/*; do \
	  file="$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}"; \
	  install -D -m 644 "$$unit" "$$file" && sed -i 's|/usr/|$(PREFIX)/|' "$$file" || exit 1; \
	done
	@install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/doc/supamirror" \
	  README.md CHANGELOG.md LICENSE config/tables.config.json config/tables.config.schema.json
	@install -m 644 .env.sync.example "$(DESTDIR)$(PREFIX)/share/doc/supamirror/env.sync.example"
	@install -D -m 644 -t "$(DESTDIR)$(CONFIGURATION)" config/tables.config.schema.json
	@file="$(DESTDIR)$(CONFIGURATION)/tables.config.json"; \
	  [ -e "$$file" ] || install -m 644 config/tables.config.json "$$file"
	@file="$(DESTDIR)$(CONFIGURATION)/env.sync"; \
	  [ -e "$$file" ] || install -m 600 .env.sync.example "$$file"

uninstall: ## remove what was installed, but for the configuration and the state
	@rm -f "$(DESTDIR)$(PREFIX)/bin/supamirror"
	@for unit in systemd/*; do rm -f "$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}"; done
	@rm -rf "$(DESTDIR)$(PREFIX)/share/doc/supamirror"
	@echo "left as they are: $(DESTDIR)$(CONFIGURATION) and /var/lib/supamirror"

clean: ## remove everything that was built
	@rm -rf .build .build-*
