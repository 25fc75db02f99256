package labtest

import (
	"encoding/json"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
)

// Scan counts the objects in etcd.
func (l *Lab) Scan(t *testing.T) scan.Report {
	t.Helper()
	var r scan.Report
	if err := json.Unmarshal([]byte(l.Lab(t, "scan", "-o", "json").Must(t)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Coverage is the part of a CoverageReport that tests check.
type Coverage struct {
	Method, KeyARN, Verdict, Statement string
	Servers                            struct {
		Live, Reached        int
		By, WriteKey, Reason string
	}
	Agreement struct {
		Before, After string
		Connections   int
	}
	Resources []Resource
	Notes     []string
}

// Resource is the part about one resource.
type Resource struct {
	Group, Resource                                   string
	Total, Current, Rewritten, Gone, Unproven, Failed int
	Stale                                             int
	Failures                                          []struct{ Namespace, Name, Reason, Message string }
}

// Coverage runs verify or rewrite and returns its report.
func (l *Lab) Coverage(t *testing.T, args ...string) (Coverage, Output) {
	t.Helper()
	out := l.Plugin(t, append(args, "-o", "json")...)
	var c Coverage
	if err := json.Unmarshal([]byte(out.Stdout), &c); err != nil {
		t.Fatalf("%v: exit code %d, no report: %v\n%s%s", args, out.Code, err, out.Stdout, out.Stderr)
	}
	for _, r := range c.Resources {
		if sum := r.Current + r.Rewritten + r.Gone + r.Unproven + r.Failed; sum != r.Total {
			t.Errorf("%v: %s: sum of the counts = %d, want the total %d", args, r.Resource, sum, r.Total)
		}
	}
	return c, out
}
