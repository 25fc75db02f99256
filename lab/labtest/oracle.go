package labtest

import (
	"encoding/json"
	"testing"
)

// Scan is what etcd holds.
type Scan struct {
	Revision int64 `json:"revision"`
	Counts   []struct {
		Resource string `json:"resource"`
		Provider string `json:"provider"`
		KeyID    string `json:"keyId"`
		Objects  int    `json:"objects"`
	} `json:"counts"`
}

// Scan asks the oracle.
func (l *Lab) Scan(t *testing.T) Scan {
	t.Helper()
	var s Scan
	if err := json.Unmarshal([]byte(l.Lab(t, "scan", "-o", "json").Must(t)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// By counts the objects of a resource by provider: aws-owned, customer, identity.
func (s Scan) By(resource string) map[string]int {
	by := map[string]int{}
	for _, c := range s.Counts {
		if c.Resource == resource {
			by[c.Provider] += c.Objects
		}
	}
	return by
}

// Coverage is the part of a CoverageReport that tests look at.
type Coverage struct {
	Method, Verdict, Statement string
	Resources                  []struct {
		Group, Resource                                   string
		Total, Current, Rewritten, Gone, Unproven, Failed int
		Failures                                          []struct{ Namespace, Name, Reason, Message string }
	}
	Notes []string
}

// Coverage runs verify or rewrite, and reads its report.
func (l *Lab) Coverage(t *testing.T, args ...string) (Coverage, Output) {
	t.Helper()
	out := l.Plugin(t, append(args, "-o", "json")...)
	var c Coverage
	if err := json.Unmarshal([]byte(out.Stdout), &c); err != nil {
		t.Fatalf("%v: exit code %d, no report: %v\n%s%s", args, out.Code, err, out.Stdout, out.Stderr)
	}
	for _, r := range c.Resources {
		if sum := r.Current + r.Rewritten + r.Gone + r.Unproven + r.Failed; sum != r.Total {
			t.Errorf("%v: %s: total %d, but the parts sum up to %d", args, r.Resource, r.Total, sum)
		}
	}
	return c, out
}
