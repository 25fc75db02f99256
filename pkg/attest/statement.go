package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// StatementType is the type of an in-toto Statement.
const StatementType = "https://in-toto.io/Statement/v1"

// predicatePrefix is followed by the kind of the report.
const predicatePrefix = "https://github.com/eks-encrypt/kubectl-eks_encrypt/v1alpha1/"

// Statement is an in-toto Statement. Its predicate is a report.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Subject is a cluster that the statement is about.
type Subject struct {
	// Name is the ARN of the cluster.
	Name string `json:"name"`
	// Digest has the SHA-256 of the ARN. A cluster has no digest, and in-toto requires one.
	Digest map[string]string `json:"digest"`
}

func subjectOf(clusterARN string) Subject {
	sum := sha256.Sum256([]byte(clusterARN))
	return Subject{Name: clusterARN, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}
}

// ErrNoSubject means that nothing proves which cluster a report is about.
var ErrNoSubject = errors.New("nothing proves which cluster the report is about")

// encodeStatement returns the payload for a report.
func encodeStatement(report runtime.Object) ([]byte, error) {
	kind := report.GetObjectKind().GroupVersionKind().Kind
	if newReport(kind) == nil {
		return nil, fmt.Errorf("evidence cannot contain a report of kind %q", kind)
	}
	clusters := Clusters(report)
	if len(clusters) == 0 {
		return nil, ErrNoSubject
	}
	predicate, err := marshal(report)
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	s := Statement{Type: StatementType, PredicateType: predicatePrefix + kind, Predicate: predicate}
	for _, arn := range clusters {
		s.Subject = append(s.Subject, subjectOf(arn))
	}
	return marshal(s)
}

// marshal returns JSON that shows <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// parseStatement returns the statement in a payload.
func parseStatement(payload []byte) (Statement, error) {
	var s Statement
	err := unmarshalStrict(payload, &s)
	if err == nil && s.Type != StatementType {
		err = fmt.Errorf("its type is %q, not %q", s.Type, StatementType)
	}
	if err != nil {
		return s, fmt.Errorf("not an in-toto Statement: %w", err)
	}
	return s, nil
}

// report returns the predicate as the kind of report that the predicate type names.
func (s Statement) report() (runtime.Object, error) {
	kind, ours := strings.CutPrefix(s.PredicateType, predicatePrefix)
	report := newReport(kind)
	if !ours || report == nil {
		return nil, fmt.Errorf("the predicate type %q is not known to this version", s.PredicateType)
	}
	if err := unmarshalStrict(s.Predicate, report); err != nil {
		return nil, fmt.Errorf("the predicate is not a valid %s: %w", kind, err)
	}
	if got := report.GetObjectKind().GroupVersionKind(); got != v1alpha1.GroupVersion.WithKind(kind) {
		return nil, fmt.Errorf("the predicate is a %s of %s, not a %s of %s", got.Kind, got.GroupVersion(), kind,
			v1alpha1.GroupVersion)
	}
	return report, nil
}

// checkSubjects returns an error unless the subjects are the clusters of the report.
func (s Statement) checkSubjects(report runtime.Object) error {
	var want []Subject
	for _, arn := range Clusters(report) {
		want = append(want, subjectOf(arn))
	}
	switch {
	case len(want) == 0:
		return ErrNoSubject
	case !reflect.DeepEqual(s.Subject, want):
		return errors.New("the subjects of the statement are not the clusters of its report, with the SHA-256 of their ARNs")
	}
	return nil
}

// newReport returns an empty report of a kind that evidence can contain, or nil.
func newReport(kind string) runtime.Object {
	switch kind {
	case v1alpha1.KindEncryptionReport:
		return &v1alpha1.EncryptionReport{}
	case v1alpha1.KindEncryptionReportList:
		return &v1alpha1.EncryptionReportList{}
	case v1alpha1.KindCoverageReport:
		return &v1alpha1.CoverageReport{}
	case v1alpha1.KindAuditReport:
		return &v1alpha1.AuditReport{}
	}
	return nil
}

// Clusters returns the sorted ARNs of the clusters that a report is proven to be about. If
// kubectl was used, the guard must be Match. An audit of AWS accounts does not use kubectl.
func Clusters(report runtime.Object) []string {
	return clusters(report, func(c v1alpha1.Cluster, fromAWS bool) bool {
		return c.Guard == v1alpha1.GuardMatch || fromAWS && c.Context == "" && c.Guard != v1alpha1.GuardMismatch
	})
}

// Unproven returns the number of the other clusters of a report.
func Unproven(report runtime.Object) int {
	all := clusters(report, func(v1alpha1.Cluster, bool) bool { return true })
	return len(all) - len(Clusters(report))
}

// clusters returns the sorted ARNs of the clusters that are wanted.
func clusters(report runtime.Object, wanted func(c v1alpha1.Cluster, fromAWS bool) bool) []string {
	arns := map[string]bool{}
	add := func(c v1alpha1.Cluster, fromAWS bool) {
		if c.ARN != "" && wanted(c, fromAWS) {
			arns[c.ARN] = true
		}
	}
	switch r := report.(type) {
	case *v1alpha1.EncryptionReport:
		add(r.Cluster, false)
	case *v1alpha1.CoverageReport:
		add(r.Cluster, false)
	case *v1alpha1.EncryptionReportList:
		for i := range r.Items {
			add(r.Items[i].Cluster, false)
		}
	case *v1alpha1.AuditReport:
		for i := range r.Items {
			add(r.Items[i].Cluster, len(r.Scope.Contexts) == 0)
		}
	}
	return slices.Sorted(maps.Keys(arns))
}
