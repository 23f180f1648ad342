# What a developer types. Each command installs what it needs and says so; when nothing is missing
# it starts at once.

# Tools of the project's own come first: wasm-opt stands in .tools.
export PATH := $(CURDIR)/.tools/node_modules/.bin:$(HOME)/.cargo/bin:$(PATH)

.PHONY: help run build test audit size bench bench-check setup clean

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

setup: ## Install what is missing, and nothing else
	@scripts/setup build browser

clean: ## Remove what was built; tools stay
	@rm -rf target end2end/test-results end2end/playwright-report
