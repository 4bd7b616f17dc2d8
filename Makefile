# PortVigil's tasks. `make help` lists them; .ci/run is what a change has to pass.

.DEFAULT_GOAL := help

# The version is stamped from git. A tree without tags is named by its commit;
# a tree that is no clone at all (a tarball, perhaps unpacked inside somebody
# else's repository) is "devel" unless VERSION is given.
VERSION ?= $(shell test -e .git && git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)

# -buildvcs=false: the version is stamped above, and git refuses to answer in a
# clone that belongs to another user.
BUILD := go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'

FUZZTIME ?= 5s
KILLS    ?= 200
ROUNDS   ?= 5
RUNS     ?= 50
ONLY     ?=
OPEN_PORTS ?= 5000000
HISTORIES ?= 10000
PACKAGES ?= ./...
ARCHES   := amd64 arm64

# Go and staticcheck keep their caches under HOME. Where there is none that can
# be written (cron, a bare CI job, nobody), a folder of our own stands in: one a
# user, 0700, and refused when somebody else made it first.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
HOME := $(shell d="$${TMPDIR:-/tmp}/portvigil-home-$$(id -u)"; mkdir -p -m 700 "$$d" && test -O "$$d" && echo "$$d")
ifeq ($(HOME),)
$(error no writable HOME, and none can be made in the temporary folder: set HOME)
endif
export HOME
endif

# Static everywhere: no C compiler is needed, and the binary runs on any
# distribution. The race detector is the one exception (see race).
export CGO_ENABLED := 0

.PHONY: build test race lint lint-format lint-vet lint-static lint-modules \
	lint-rooms lint-cross lint-generated fuzz lab bench-scan bench-recall bench-udp bench-missed bench-raw bench-connect bench-kill bench-full \
	bench-fleet bench-deliver bench-growth bench-histories screenshots bench-pages check-client generate \
	release clean help

build: ## Build bin/portvigil: static, for this machine
	$(BUILD) -o bin/portvigil ./cmd/portvigil

test: ## Run every test, or those of PACKAGES; as root also installs what the lab needs
	@go run ./lab/install
	@go run ./lab/runtests $(PACKAGES)

race: ## Run every test under the race detector (needs gcc)
	@go run ./lab/runtests -race $(PACKAGES)

lab: ## Run only the tests on network namespaces and real daemons (needs root)
	@go run ./lab/install
	@go run ./lab/runtests -lab -no-skips $(PACKAGES)

fuzz: ## Run each fuzz target for FUZZTIME (default 5s)
	@go run ./lab/fuzzall -time $(FUZZTIME) $(PACKAGES)

bench-connect: ## Measure the connect scan beside nmap on 65,535 ports, ROUNDS (default 5) times (needs root)
	@go run ./lab/install -bench
	go test -count=1 -vet=off -timeout 60m -v -run '^TestConnectingBesideNmap$$' ./lab -args -side-rounds $(ROUNDS)

bench-scan: ## Measure the SYN scan beside nmap and masscan on every path, or ONLY one, ROUNDS (default 5) times (needs root, takes hours)
	@go run ./lab/install -bench
	go test -count=1 -vet=off -timeout 24h -v -run '^TestScannersSideBySide$$' ./lab -args -side-rounds $(ROUNDS) -side-only '$(ONLY)'

bench-recall: ## Look RUNS (default 50) times along every path, or ONLY one, by both methods, and count what was missed (needs root, takes hours)
	@go run ./lab/install
	go test -count=1 -vet=off -timeout 72h -v -run '^TestLooksSeeWhatIsThere$$' ./lab -args -path-looks $(RUNS) -path-ports 65535 -path-only '$(ONLY)'

bench-udp: ## Find real daemons among 1,000 UDP ports, beside nmap, which takes a quarter of an hour (needs root)
	@go run ./lab/install -bench
	go test -count=1 -vet=off -timeout 60m -run '^$$' -bench '^BenchmarkDatagrams$$' -benchtime 1x ./lab

bench-missed: ## Count the open ports that made-up looks called complete have missed, among OPEN_PORTS (default 5,000,000)
	go test -count=1 -vet=off -timeout 60m -v -run '^TestWhatACompleteLookMisses$$' ./scan -args -open-ports $(OPEN_PORTS)

bench-raw: ## Measure how many packets leave in a second from one core, beside masscan and zmap, ROUNDS (default 5) times (needs root and those)
	go test -count=1 -vet=off -timeout 20m -run '^$$' -bench TheWayOutBesideOthers -benchtime $(ROUNDS)x ./scan
	go test -count=1 -vet=off -run '^$$' -bench AProbeLeaves ./scan

bench-kill: ## Kill the server KILLS times (default 200) amid its work, and look what was lost (needs root)
	@go run ./lab/install
	go test -count=1 -vet=off -timeout 60m -v -run '^TestNothingIsLostByKills$$' ./lab -args -kills $(KILLS)

bench-fleet: ## Watch 500 hosts from nothing, then live through two of their days: looks, SYN, memory, database (needs root)
	@go run ./lab/install
	go test -count=1 -vet=off -timeout 20m -v -run '^TestAFleet$$' ./lab -args -fleet-hosts 500 -fleet-time 210s
	go test -count=1 -vet=off -timeout 20m -v -run 'DayOfAFleet$$' ./cmd/portvigil -args -day-hosts 500

bench-histories: ## Hold the engine against a model of its rules in HISTORIES (default 10000) made-up histories
	GOGC=400 go test -count=1 -vet=off -timeout 120m -v -run '^TestTheEngineDoesWhatTheRulesSayInAnyHistory$$' ./watch -args -histories $(HISTORIES)

bench-full: ## Fill the disk at 200 moments while many write, and look what was lost (needs root)
	go test -count=1 -vet=off -timeout 30m -v -run '^TestAFullDiskAtAnyMomentLosesNothing$$' ./store -args -fulls 200

bench-growth: ## Measure what a host adds to both databases a day when nothing changes
	go test -count=1 -vet=off -timeout 30m -v -run '^TestGrowthOfSQLite$$|^TestPostgreSQL$$/^grows' ./store -args -growth-days 30

bench-deliver: ## Measure alerts a second, and from commit to receiver at 50 a second (needs root)
	@go run ./lab/install
	go test -count=1 -vet=off -timeout 10m -v -parallel 1 -run '^TestEveryAlertIsDelivered$$' ./lab -args -pace 20s -burst 90

screenshots: ## Take pictures of every page into build/screenshots/, wide and narrow, light and dark (needs root)
	@go run ./lab/install
	@rm -rf build/screenshots
	go test -count=1 -vet=off -timeout 10m -run '^TestEveryPageCanBeUsed$$' ./lab -args -pictures $(CURDIR)/build/screenshots
	@echo "$$(ls build/screenshots | wc -l) pictures in build/screenshots/"

bench-pages: ## Measure what the pages ask, with 500 hosts of 20 doors and 5,000 alerts
	go test -count=1 -vet=off -timeout 60m -v -run '^TestPagesAnswerInTime$$' ./cmd/portvigil -args -page-hosts 500

check-client: build ## Hold a client that is generated from docs/openapi.json against a real server (needs node and npm)
	cd lab/client && npm ci && npm run generate && npm run compile && PORTVIGIL=$(CURDIR)/bin/portvigil npm run check

lint: lint-format lint-vet lint-static lint-modules lint-rooms lint-cross lint-generated ## Run every check that is no test
	@echo "lint: clean"

lint-format:
	@echo "lint: gofmt"
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not gofmt's layout:" $$files >&2; exit 1; }

lint-vet:
	@echo "lint: go vet"
	@go vet ./...

lint-static:
	@echo "lint: staticcheck"
	@go tool staticcheck ./...

lint-modules:
	@echo "lint: go mod tidy -diff"
	@go mod tidy -diff

lint-rooms:
	@echo "lint: rooms"
	@go test -count=1 -run '^TestRooms' .

# What a release builds, compiled and thrown away. A folder as output makes go
# write one file there instead of into the tree.
lint-cross:
	@echo "lint: linux/arm64, darwin/arm64"
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && \
	GOOS=linux GOARCH=arm64 $(BUILD) -o "$$out/" ./cmd/portvigil && \
	GOOS=darwin GOARCH=arm64 $(BUILD) -o "$$out/" ./cmd/portvigil

# Generated files have to be committed as their sources make them now. Compared
# is the tree before and after, so that uncommitted work is no difference.
lint-generated:
	@echo "lint: generated files"
	@test -e .git || exit 0; \
	tree() { git status --porcelain; git diff; }; \
	before=$$(tree) && $(MAKE) --no-print-directory generate && after=$$(tree) && \
	test "$$before" = "$$after" || { echo "make generate changed the tree:" >&2; git status --short >&2; exit 1; }

generate: ## Renew what is made from other files
	@go generate ./...

release: ## Build dist/: static binaries for every system, with checksums
	@rm -rf dist && mkdir -p dist
	@set -e; for arch in $(ARCHES); do for os in linux darwin; do \
		echo "portvigil-$(VERSION)-$$os-$$arch"; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o "dist/portvigil-$(VERSION)-$$os-$$arch" ./cmd/portvigil; \
	done; done
	@cd dist && sha256sum portvigil-* > SHA256SUMS

clean: ## Remove bin/, build/ and dist/
	rm -rf bin build dist

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
