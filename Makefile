# What a developer types. Each command installs what it needs and says so; when nothing is missing
# it starts at once.

# Tools of the project's own come first: wasm-opt stands in .tools.
export PATH := $(CURDIR)/.tools/node_modules/.bin:$(HOME)/.cargo/bin:$(PATH)

.PHONY: help run build test audit size bench bench-check bench-page pictures soak setup clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## Build the release and serve http://localhost:3000
	@./target/release/swarmdeck serve

build: ## Build the release: the page first, then the server that carries it
	@scripts/setup build
	@scripts/build

test: ## Check everything: format, lints, unit, integration and browser tests
	@scripts/setup build browser
	@scripts/test

audit: ## Check licences, bans and sources of all dependencies
	@scripts/setup audit
	@scripts/audit

size: ## Show what the browser downloads; fails when it is over the limit
	@scripts/size

bench: ## Measure the server beside its peers: QUICK=1 in two minutes, RUNS=5, ONLY=replay,storm
	@scripts/bench run

bench-check: ## Compare costs with benches/baseline.json and say what moved; WRITE=1 writes it anew
	@scripts/bench check

bench-page: ## Measure the page under load: 1,000 agents at 2,000 events a second
	@scripts/setup build browser
	@scripts/build
	@scripts/bench-page

pictures: build ## Take the pictures of every page anew that the browser tests compare with
	@scripts/setup build browser
	@cd end2end && npx playwright test visual --update-snapshots=all

soak: ## Kill the server at random for SECONDS=300 while clients come and go; each ends with the whole log
	@scripts/setup build
	@SOAK_SECONDS=$${SECONDS:-300} cargo test --features ssr --test integration soak -- --nocapture

setup: ## Install what is missing, and nothing else
	@scripts/setup build browser

clean: ## Remove what was built; tools stay
	@rm -rf target end2end/test-results end2end/playwright-report
