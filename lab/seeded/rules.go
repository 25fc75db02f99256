package seeded

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// Run is one run of the plugin, and what etcd had.
type Run struct {
	labtest.Coverage
	Code int
	// Before and After are the objects in etcd, with the provider that encrypts them. History
	// are the providers of each secret during the run, one after the other.
	Before, After map[string]string
	History       map[string][]string
	// AllResources is true if the run examines more than Secrets.
	AllResources bool
	// Healthy means that all servers write with the customer key. Reachable means that
	// connections lead to all of them.
	Healthy, Reachable bool
	// GoesBack means that a server goes back to the old key during the run, so that it moves
	// objects back.
	GoesBack bool
	// Unshown means that nothing may show the key: its id is not the ARN, and no object is left
	// that was written before the association.
	Unshown bool
}

const secrets = "secrets"

// neverEncrypted are resources that Kubernetes does not encrypt, or that rewrite leaves
// out because they live for a short time.
func neverEncrypted(resource string) bool {
	return slices.Contains([]string{"ranges", "peerserverleases", "leases", "events"}, resource)
}

// examined reports whether the run examines the object with this key in etcd.
func (r Run) examined(key string) bool {
	resource := scan.Resource(key)
	return resource == secrets || r.AllResources && !neverEncrypted(resource)
}

// key returns the provider of the key that the report is about. Without the customer key,
// that is the provider of most objects.
func (r Run) key(objects map[string]string) string {
	if r.KeyARN != "" {
		return controlplane.Customer
	}
	most := controlplane.AWSOwnedLabel
	for provider, n := range r.keys(objects) {
		if n > r.keys(objects)[most] {
			most = provider
		}
	}
	return most
}

// others counts the examined objects that are not encrypted with the key.
func (r Run) others(objects map[string]string) (n int) {
	key := r.key(objects)
	for provider, objects := range r.keys(objects) {
		if provider != key {
			n += objects
		}
	}
	return n
}

// keys returns the providers of the examined objects.
func (r Run) keys(objects map[string]string) map[string]int {
	providers := map[string]int{}
	for key, provider := range objects {
		if r.examined(key) {
			providers[provider]++
		}
	}
	return providers
}

var bound = regexp.MustCompile(`at most (\d+) of (\d+) are stale`)

// Contradictions compares the report with etcd. It returns what is not true.
func (r Run) Contradictions() (found []string) {
	add := func(format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: ", r.Verdict)+fmt.Sprintf(format, args...))
	}
	after, before := r.keys(r.After), r.keys(r.Before)
	switch r.Verdict {
	case "Proven", "Recorded":
		if r.others(r.After) > 0 {
			add("etcd has %v", after)
		}
	case "Stale":
		if r.others(r.Before) == 0 {
			add("etcd had %v", before)
		}
	case "Contradicted":
		if r.Healthy {
			add("all servers write with the key")
		}
	}
	if m := bound.FindStringSubmatch(r.Statement); m != nil {
		if most, _ := strconv.Atoi(m[1]); r.others(r.After) > most {
			add("at most %d are stale, but etcd has %v", most, after)
		}
	}
	for _, resource := range r.Resources {
		if resource.Resource != secrets || resource.Group != "" || r.KeyARN == "" {
			continue
		}
		if resource.Stale > r.others(r.Before) {
			add("%d were stale, but etcd had %v", resource.Stale, before)
		}
		byMetrics := r.Method == "Metrics" && r.Servers.WriteKey == "MatchesARN"
		if (byMetrics || r.Method == "ReadOnly") && resource.Current > after[controlplane.Customer] {
			add("%d are current, but etcd has %v", resource.Current, after)
		}
	}
	if !r.GoesBack {
		for _, moved := range r.movedBack() {
			add("moved back to the old key: %s", moved)
		}
	}
	return append(found, r.unexpected()...)
}

// movedBack returns the secrets that had the customer key and have an older one now. One
// object may have got the key from this run itself: the one that is written through all
// servers to compare them, if the last of them lags.
func (r Run) movedBack() (moved []string) {
	compared := 0
	for key, providers := range r.History {
		last := providers[len(providers)-1]
		if r.After[key] == "" || last == controlplane.Customer || !slices.Contains(providers, controlplane.Customer) {
			continue
		}
		if providers[0] != controlplane.Customer {
			if compared++; compared == 1 {
				continue
			}
		}
		moved = append(moved, fmt.Sprint(key, " ", providers))
	}
	slices.Sort(moved)
	return moved
}

// unexpected returns what a healthy run must not end with, and exit codes that do not
// match the verdict.
func (r Run) unexpected() (found []string) {
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if proven := r.Verdict == "Proven"; proven != (r.Code == 0) && r.Method != "Migrator" {
		add("exit code %d with verdict %s", r.Code, r.Verdict)
	}
	if !r.Healthy || !r.Reachable { // it may refuse to write if one server was not reached
		return found
	}
	if !r.Unshown && r.Verdict != "Proven" {
		add("a healthy run ends %s: %s", r.Verdict, r.Statement)
	}
	if n := r.others(r.After); n > 0 {
		add("after a healthy run etcd has %v", r.keys(r.After))
	}
	return found
}
