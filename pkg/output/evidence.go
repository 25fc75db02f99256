package output

import (
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// EvidenceText writes the report on an evidence file for people: the result, the checks, and
// what the evidence shows.
func EvidenceText(w io.Writer, r *v1alpha1.EvidenceReport, c Colour) error {
	e := newTextWriter(w)
	words, paint := "NOT verified: a check failed", c.Bad
	switch r.Result {
	case v1alpha1.EvidenceVerified:
		words, paint = "Verified", c.Good
	case v1alpha1.EvidenceUnsigned:
		words, paint = "NOT SIGNED: anyone can have written this", c.Doubtful
	case v1alpha1.EvidenceNotChecked:
		words, paint = "The signature was NOT CHECKED: anyone can have written this", c.Doubtful
	}
	e.line(c.Strong(paint(words)))
	e.line("")
	e.checks(c, r.Checks)
	e.line("")
	e.do(evidenceFields(r).Print)
	return e.err
}

// shownClusters is the maximum number of clusters in the text.
const shownClusters = 20

func evidenceFields(r *v1alpha1.EvidenceReport) *Fields {
	f := &Fields{}
	f.Add("File", r.File)
	f.Add("SHA-256", r.SHA256)
	if s := r.Signature; s != nil {
		f.Add("Key", s.Key)
		f.Add("Key id in file", s.KeyID)
		f.Add("Algorithm", s.Algorithm)
	}
	content := r.Content
	if content == nil {
		return f
	}
	f.Add("Report", content.Kind)
	for i, arn := range content.Clusters {
		if i == shownClusters {
			f.Addf("Cluster", "and %d more", len(content.Clusters)-i)
			break
		}
		f.Add("Cluster", arn)
	}
	f.Add("Cluster key", content.KeyARN)
	f.Add("Verdict", content.Verdict)
	f.Add("Statement", content.Statement)
	f.Add("Started", instant(content.StartedAt))
	f.Add("Finished", instant(content.FinishedAt))
	if c := content.Caller; c != nil {
		f.Add("Caller", c.ARN)
	}
	if t := content.Tool; t != nil {
		f.Add("Tool", t.Version)
	}
	f.Add("API servers", serverWords(content))
	f.Add("Control", string(content.Control))
	return f
}

// serverWords describes the API servers that the evidence holds for.
func serverWords(c *v1alpha1.EvidenceContent) string {
	var words []string
	if s := c.Servers; s != nil {
		words = append(words, fmt.Sprintf("%d live, %d reached, write key %s", s.Live, s.Reached, s.WriteKey))
	}
	if a := c.Agreement; a != nil {
		words = append(words, fmt.Sprintf("agreement before: %s, after: %s", a.Before, a.After))
	}
	return strings.Join(words, "; ")
}

func instant(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
