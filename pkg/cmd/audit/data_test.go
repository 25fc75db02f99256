package audit

import (
	"context"
	"errors"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// TestCoverageOf checks that an error hides no finding, and that a run with an error proves nothing else.
func TestCoverageOf(t *testing.T) {
	for _, test := range []struct {
		verdict v1alpha1.CoverageVerdict
		err     error
		notes   int // of the report; -1: there is none
	}{
		{v1alpha1.CoverageProven, nil, 1},
		{v1alpha1.CoverageNotProven, nil, 1},
		{v1alpha1.CoverageProven, errors.New("an error"), -1},
		{v1alpha1.CoverageStale, errors.New("timeout"), 2},
		{v1alpha1.CoverageContradicted, errors.New("the API servers do not write with the current key"), 2},
		{v1alpha1.CoverageIncomplete, context.Canceled, -1},
		{v1alpha1.CoverageNotProven, errors.New("the API servers disagree"), -1},
	} {
		result := &rewriter.Result{Report: &v1alpha1.CoverageReport{Verdict: test.verdict}}
		report, err := coverageOf(result, test.err, []string{"a note"}, v1alpha1.Provenance{})
		switch {
		case test.notes < 0 && (report != nil || !errors.Is(err, test.err)),
			test.notes >= 0 && (err != nil || report == nil || len(report.Notes) != test.notes):
			t.Errorf("%s with %v: coverageOf = %+v, %v", test.verdict, test.err, report, err)
		}
	}
	report, err := coverageOf(nil, context.Canceled, nil, v1alpha1.Provenance{})
	if report != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("without a result: coverageOf = %+v, %v", report, err)
	}
}
