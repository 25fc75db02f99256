# Every target with a "##" comment shows up in `make help`, which is the default.
SHELL    := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
ACTIONLINT ?= github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
HELM     ?= helm.sh/helm/v3/cmd/helm@v3.22.0
GOLANGCI ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

PLUGIN   := bin/kubectl-eks_encrypt
LAB      := bin/eks-lab
# make test-unit RACE=-race runs the tests under the race detector (needs a C compiler).
RACE     ?=
# One set of flags for builds, tests and linters, so that they share the build cache.
export GOFLAGS := $(GOFLAGS) -trimpath -buildvcs=false
export CGO_ENABLED ?= 0

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##
.PHONY: build
build: ## Build the plugin: bin/kubectl-eks_encrypt
	@go build -ldflags '-s -w -X main.version=$(VERSION)' -o $(PLUGIN) ./cmd/kubectl-eks_encrypt

# The compiler spends a sixth of its time on garbage collection at the default of 100.
LABGO    := GOGC=400 go

.PHONY: lab
lab: ## Build the local EKS: bin/eks-lab (minutes when cold)
	@test -x $(LAB) || echo "Building the lab (etcd, kube-apiserver, controllers): about 8 minutes on 2 cores the first time, seconds later."
	@cd lab && $(LABGO) build -ldflags '-s -w' -o ../$(LAB) ./cmd/eks-lab

.PHONY: lab-version
lab-version: ## Build the API server of another Kubernetes: make lab-version VERSION=1.31
	@test -d "lab/versions/$(VERSION)" || { echo "VERSION must be one of" lab/versions/*/ "(lab/versions/add.sh adds one)"; exit 2; }
	@cd lab/versions/$(VERSION) && $(LABGO) build -o ../../../bin/kube-apiserver-$(VERSION) \
	  -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$$(go list -m -f '{{.Version}}' k8s.io/kubernetes)" .

VERSION_TESTS := TestRewrite|TestMixtures|TestAllResources|TestInterruptedRewrite|TestServers|TestLaggingServer|TestByMetrics|TestNoValue|TestMutatingAdmission|TestEtcdQuota
.PHONY: test-versions
test-versions: build lab ## Run the tests of rewrite and verify on each API server that was built
	@for server in bin/kube-apiserver-*; do \
	  test -x "$$server" || { echo "no version is built: run make lab-version VERSION=1.31"; exit 2; }; \
	  echo "== Kubernetes $${server##*-}"; \
	  (cd lab && EKS_LAB_VERSION=$${server##*-} EKS_LAB_BIN=$(CURDIR)/$(LAB) PLUGIN_BIN=$(CURDIR)/$(PLUGIN) \
	    go test -vet=off -parallel 2 -count=1 -timeout 30m ./e2e -run '$(VERSION_TESTS)'); \
	done

bin/helm: Makefile
	@GOBIN=$(CURDIR)/bin go install -ldflags '-s -w' $(HELM)

CHART := deploy/helm/eks-encrypt
.PHONY: chart
chart: bin/helm ## Check the Helm chart: lint it, and render it
	@bin/helm lint --strict $(CHART)
	@bin/helm template eks-encrypt $(CHART) --namespace security >/dev/null

.PHONY: demo
demo: build lab ## Show status before and after an association, on a local EKS
	@bash lab/demo.sh

.PHONY: test
test: test-unit test-lab ## Run every test

.PHONY: check
check: lint test-unit size ## Run every check that does not need the lab (minutes)

.PHONY: docs
docs: ## Generate docs/reference.md from the help of the commands
	@go test ./pkg/cmd -run TestReference -update

.PHONY: licences
licences: ## Generate THIRD_PARTY.md: the modules of the program and their licences
	@go test ./hack/release -run TestThirdParty -update

.PHONY: vuln
vuln: ## Look for known vulnerabilities in the code that is used (queries vuln.go.dev)
	@bash hack/vuln.sh $(GOVULNCHECK)

.PHONY: test-unit
test-unit: ## Run the tests that do not need the lab
	CGO_ENABLED=$(if $(RACE),1,$(CGO_ENABLED)) go test $(RACE) -timeout 30m ./...

.PHONY: test-lab
test-lab: build lab chart ## Run the tests that need the lab (a real API server and etcd)
	cd lab && EKS_LAB_BIN=$(CURDIR)/$(LAB) PLUGIN_BIN=$(CURDIR)/$(PLUGIN) HELM_BIN=$(CURDIR)/bin/helm \
	  go test -vet=off -count=1 -parallel 2 -timeout 30m ./... # make lint vets

SEED  ?= 1
SEEDS ?= 100
.PHONY: test-seeds
test-seeds: build lab ## Run rewrite and verify with faults that seeds draw: SEED=1 SEEDS=100 (an hour)
	cd lab && EKS_LAB_BIN=$(CURDIR)/$(LAB) PLUGIN_BIN=$(CURDIR)/$(PLUGIN) SEED=$(SEED) SEEDS=$(SEEDS) \
	  go test -vet=off -parallel 2 -count=1 -timeout 5h -v ./seeded

FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## Fuzz every parser, 30 s each (FUZZTIME=…)
	@grep -rlE '^func Fuzz' --include='*_test.go' pkg internal | while read -r file; do \
	  for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
	    echo "fuzzing $$name in $$(dirname "$$file")"; \
	    go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done; done

.PHONY: check-html
check-html: ## Test the HTML report in headless Chromium; screenshots go to bin/html-check
	@bash hack/html-check/run.sh

.PHONY: lint
lint: ## Check the format, the code and the language
	@test -z "$$(gofmt -l cmd pkg internal hack lab)" || { gofmt -l cmd pkg internal hack lab; echo "run: make fmt"; exit 1; }
	go run $(GOLANGCI) run ./...
	cd lab && go run $(GOLANGCI) run --config ../.golangci.yml ./...
	go run $(ACTIONLINT) .github/workflows/*.yaml deploy/github-action/example.yaml
	go run ./hack/vocabulary cmd pkg internal hack lab docs README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md

.PHONY: fmt
fmt: ## Format the code
	gofmt -w cmd pkg internal hack lab

SIZE_LIMIT := 64000000
.PHONY: size
size: build ## Check the size of the binary, and its start-up time against kubectl's
	@bash hack/size.sh $(PLUGIN) $(SIZE_LIMIT)

# make bench BENCH="-all -out ../docs/benchmarks.md" measures everything and updates the document.
BENCH ?=
.PHONY: bench
bench: build lab ## Compare rewrite with kubectl's ways and with its aims (50 minutes on 2 idle cores)
	@cd lab && EKS_LAB_BIN=$(CURDIR)/$(LAB) PLUGIN_BIN=$(CURDIR)/$(PLUGIN) go run ./bench $(BENCH)

GORELEASER ?= github.com/goreleaser/goreleaser/v2@v2.15.4
# GoReleaser wants a remote, also where it publishes nothing.
REMOTE     := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/eks-encrypt/kubectl-eks_encrypt
RELEASE    ?= $(shell git describe --tags --exact-match 2>/dev/null || echo v0.1.0)

.PHONY: dist
dist: ## Build the archives, checksums, bill of materials and krew manifest into dist/
	@GORELEASER_CURRENT_TAG=$(RELEASE) $(REMOTE) go run $(GORELEASER) release --clean --skip=publish,announce,validate
	@cat dist/checksums.txt

.PHONY: publish
publish: ## Build the release of the tag again and publish it (for the release workflow)
	@GORELEASER_CURRENT_TAG=$(RELEASE) go run $(GORELEASER) release --clean

.PHONY: krew
krew: ## Copy the krew manifest of dist/ to plugins/krew.yaml, and its version to the Helm chart
	@cp dist/krew/eks-encrypt.yaml plugins/krew.yaml
	@sed -i -e 's/^version: .*/version: $(RELEASE:v%=%)/' -e 's/^appVersion: .*/appVersion: $(RELEASE)/' $(CHART)/Chart.yaml

.PHONY: verify-krew
verify-krew: ## Compare plugins/krew.yaml with the krew manifest of dist/
	@diff -u plugins/krew.yaml dist/krew/eks-encrypt.yaml || \
	  { echo "plugins/krew.yaml is not the manifest of dist/: run make dist krew RELEASE=$(RELEASE), commit it, and tag that commit" >&2; exit 1; }

.PHONY: reproducible
reproducible: ## Build dist/ from two clones and compare
	@RELEASE=$(RELEASE) bash hack/reproducible.sh

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist
