# ComLAM needs Go and make, nothing else.
#
#   make          build bin/comlam and run the demo
#   make test     all tests
#   make help     the other targets

CGO_ENABLED := 0
# Your own flags stay. Every target uses the same ones, so that they share one build
# cache.
GOFLAGS := $(shell go env GOFLAGS) -trimpath -buildvcs=false
export CGO_ENABLED GOFLAGS

# Recipes of "make plan-check": all, short, or names with commas between them.
RECIPES ?= all

# Time for each fuzz target of "make fuzz".
N ?= 30s

.PHONY: all build demo test check plan-check fuzz man release-check clean help

all: demo ## build, then run the demo (the default)

build: ## bin/comlam
	go build -o bin/comlam ./cmd/comlam

demo: build ## text and radio, train, adapt, evaluate, report: about two minutes
	bin/comlam demo

test: ## all tests, at most ten minutes on two cores
	go test -timeout 15m ./...

check: ## gofmt, vet, staticcheck, govulncheck
	.ci/check

plan-check: ## plan and run RECIPES=all: is memory within 15 %, time within 30 %? half an hour
	COMLAM_PLAN=$(RECIPES) go test -count 1 -timeout 3h -v -run TestPlanAgainstRun ./cmd/comlam

fuzz: ## every fuzz target for N=30s
	.ci/fuzz -fuzztime $(N)

man: build ## manual pages and shell completions, below bin/share
	bin/comlam man bin/share

release-check: check ## what a release needs: tidy modules, same bytes twice, other systems
	.ci/release

clean: ## remove what was built; runs/ stays
	rm -rf bin .ci/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'
