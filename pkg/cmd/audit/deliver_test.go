package audit

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// TestDeliver checks that a report is not lost if a comparison, a file or the evidence fails after the audit, and that
// nothing is imported then.
func TestDeliver(t *testing.T) {
	finished := metav1.NewTime(time.Date(2026, 11, 24, 10, 3, 41, 0, time.UTC))
	future := metav1.NewTime(finished.Add(time.Hour))
	for name, test := range map[string]struct {
		outcome v1alpha1.AuditOutcome
		fail    func(t *testing.T, o *options)
		want    string
		code    int
		absent  string
	}{
		"nothing": {v1alpha1.OutcomeFinding, func(*testing.T, *options) {}, "0 findings", 1, ""},
		"comparison": {v1alpha1.OutcomeFinding, func(t *testing.T, o *options) {
			o.earlier = &fleet.History{}
			if err := o.earlier.Add("last.json", &v1alpha1.AuditReport{FinishedAt: &future}); err != nil {
				t.Fatal(err)
			}
		}, "last.json is not an earlier report", 2, ""},
		"one file, with findings": {v1alpha1.OutcomeFinding, directory("b.html"), "write b.html", 1, "b.html"},
		"one file, incomplete":    {v1alpha1.OutcomeCannotTell, directory("b.html"), "write b.html", 2, "b.html"},
		"one file":                {v1alpha1.OutcomeHolds, directory("b.html"), "write b.html", 2, "b.html"},
		"one file, with an import": {v1alpha1.OutcomeHolds, func(t *testing.T, o *options) {
			directory("a.json")(t, o)
			o.importTo = importSecurityHub
		}, "nothing was imported into Security Hub", 2, "a.json"},
		"evidence": {v1alpha1.OutcomeHolds, directory("e.json"), "no evidence was written", 2, "e.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			streams, _, out, errOut := genericiooptions.NewTestIOStreams()
			o := &options{factory: cmdutil.NewFactory(streams, "v1")}
			o.factory.Format = output.NewFormat("json")
			o.evidence.File = "e.json"
			files, err := parseFiles([]string{"a.json", "b.html"})
			if err != nil {
				t.Fatal(err)
			}
			test.fail(t, o)
			r := &v1alpha1.AuditReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), FinishedAt: &finished}
			r.Summary.Outcome = test.outcome
			r.Items = []v1alpha1.EncryptionReport{{Cluster: v1alpha1.Cluster{
				ARN: "arn:aws:eks:eu-central-1:222233334444:cluster/shop", Name: "shop"}}}

			err = o.deliver(t.Context(), t.Context(), files, r, false)
			var text bytes.Buffer
			code := cmdutil.ReportError(t.Context(), &text, NewCmd(o.factory), err)
			if !strings.Contains(text.String(), test.want) || code != test.code {
				t.Errorf("error = %s with code %d, want %q with code %d", &text, code, test.want, test.code)
			}
			if !strings.Contains(out.String(), "cluster/shop") {
				t.Errorf("the report was not printed: %s", out)
			}
			for _, name := range []string{"a.json", "b.html", "e.json"} {
				content, err := os.ReadFile(name)
				if written := err == nil && len(content) > 0; written != (name != test.absent) {
					t.Errorf("%s was written: %v, want %v; %s", name, written, !written, errOut)
				}
			}
		})
	}
}

// directory creates a directory where a file will be written.
func directory(name string) func(*testing.T, *options) {
	return func(t *testing.T, _ *options) {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
