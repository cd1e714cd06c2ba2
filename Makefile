# Packhorse's workshop. `make` or `make help` lists what there is; the scripts are in
# build/, and continuous integration runs .ci/run.

.DEFAULT_GOAL := help
SHELL := bash

# The version in the binary is the commit, or the tag on it, which Go stamps by itself
# (runtime/debug.ReadBuildInfo) where this is a git checkout.
VCS := $(if $(shell git rev-parse --verify -q HEAD 2>/dev/null),auto,false)

FUZZTIME ?= 20s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/packhorse, one static binary
	CGO_ENABLED=0 go build -trimpath -buildvcs=$(VCS) -ldflags='-s -w' -o bin/packhorse ./cmd/packhorse

.PHONY: functions
functions: ## build and zip the Lambda functions into dist/functions; FUNCTIONS='api pass' for some
	@build/functions.sh $(FUNCTIONS)

.PHONY: deploy
deploy: build functions ## deploy into the AWS account of the credentials; DEPLOY='--region eu-central-1'
	bin/packhorse deploy $(DEPLOY)

.PHONY: run
run: build ## build, then serve AWS Batch on this machine with a demo (Ctrl-C ends it)
	bin/packhorse serve --demo

.PHONY: test
test: ## run all tests; installs what they need (a Docker Engine only as root, for their time)
	@build/test.sh

.PHONY: quick
quick: ## run the tests that take no engine and little time
	go test -short ./...

.PHONY: race
race: ## run the tests of what is concurrent under the race detector
	@build/test.sh race

.PHONY: check
check: ## look for mistakes without running: format, vet, lint, import directions, known holes
	@build/check.sh

.PHONY: lint
lint: ## only the linter; LINT='./store/... --fix' for a part, or to let it repair
	@build/check.sh lint $(LINT)

.PHONY: fmt
fmt: ## format all Go files
	gofmt -w .

.PHONY: bench
bench: build ## measure this machine; BENCH='submit docker' for a part
	go run ./bench $(BENCH)

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (20s)
	@build/fuzz.sh $(FUZZTIME)

.PHONY: localstack
localstack: build ## start what stands in for AWS here: DynamoDB Local, moto, LocalStack (docs/offline.md)
	@localstack/up.sh

.PHONY: localstack-down
localstack-down: ## stop it again
	@localstack/down.sh

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin dist
	find . -name '*.test' -o -name '*.prof' | xargs -r rm -f
