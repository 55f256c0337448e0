SWIFT := .ci/swift
# Only modules that a target names as its dependency can be imported by it.
BUILD := $(SWIFT) build --explicit-target-dependency-import-check error

.DEFAULT_GOAL := help
.PHONY: help setup build test lint format tsan demo release clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/make \1:\2/p' $(MAKEFILE_LIST) | awk -F: '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## install what is missing on Debian or Ubuntu (Swift itself has to be there)
	@.ci/setup

build: setup ## build everything, without the tests
	@$(BUILD)

test: setup lint ## lint, build, run every test
	@$(BUILD) --build-tests
	@$(SWIFT) test --explicit-target-dependency-import-check error --skip-build

lint: ## check the formatting and a few rules of the house
	@.ci/lint

format: ## format all Swift files
	@$(SWIFT) format -i -r Sources Tests Package.swift

tsan: setup ## run every test under the thread sanitizer, one at a time, as it makes them slow
	@$(SWIFT) test --sanitize=thread --no-parallel --scratch-path .build-tsan

demo: setup ## copy one local project to another, change it, copy again, compare (needs no account)
	@$(BUILD)
	@"$$($(SWIFT) build --show-bin-path)/supabase-local" demo

release: ## build the program optimised, not needing an installed Swift: .build/release/supamirror
	@.ci/setup build
	@$(SWIFT) build -c release --static-swift-stdlib --product supamirror

clean: ## remove everything that was built
	@rm -rf .build .build-*
