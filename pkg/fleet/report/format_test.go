package report

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t testing.TB, format string, r *v1alpha1.AuditReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for format, file := range map[string]string{"csv": "report.csv", "markdown": "report.md", "html": "report.html",
		"sarif": "report.sarif.json", "junit": "report.junit.xml", "ocsf": "report.ocsf.json",
		"asff": "report.asff.json", OpenMetrics: "report.prom"} {
		t.Run(format, func(t *testing.T) {
			got, path := render(t, format, fixture(t)), filepath.Join("testdata", file)
			structure(t, format, got)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs; go test ./pkg/fleet/report -update rewrites it\n%s", path, diff)
			}
		})
	}
}

func TestWriteIsPure(t *testing.T) {
	r := fixture(t)
	for _, format := range Formats() {
		if first, second := render(t, format, r), render(t, format, r); first != second {
			t.Errorf("%s: the second run differs from the first", format)
		}
	}
	if diff := cmp.Diff(fixture(t), r); diff != "" {
		t.Errorf("Write changed the report:\n%s", diff)
	}
}

// TestBareReports checks that a report without an outcome, times or names is valid in every format and does not look
// like a success.
func TestBareReports(t *testing.T) {
	finding := v1alpha1.Finding{Cluster: "somewhere", Control: "ENC-1"}
	for name, r := range map[string]*v1alpha1.AuditReport{
		"empty":     {},
		"undecided": {Undecided: []v1alpha1.Finding{finding}},
		"finding":   {Findings: []v1alpha1.Finding{finding}},
		"no names": {Items: []v1alpha1.EncryptionReport{{}, {}}, Keys: []v1alpha1.AuditKey{{}},
			Unreachable: []v1alpha1.Unreachable{{}}, Waived: []v1alpha1.Waived{{}}},
		"changes": {Changes: &v1alpha1.AuditChanges{}},
	} {
		for _, format := range Formats() {
			got := render(t, format, r)
			if format == "html" && strings.Contains(got, ">Passed<") {
				t.Errorf("%s: the page shows Passed", name)
			}
			structure(t, format, got)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	err := Write(&bytes.Buffer{}, "pdf", fixture(t), Options{})
	if err == nil || !strings.Contains(err.Error(), "markdown") {
		t.Errorf("Write = %v, want an error that lists the formats", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteError(t *testing.T) {
	for _, format := range Formats() {
		err := Write(fullDisk{}, format, fixture(t), Options{})
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: Write = %v, want no space left", format, err)
		}
	}
}

// BenchmarkFormats measures the time, which must grow in proportion to the number of clusters.
func BenchmarkFormats(b *testing.B) {
	r := fixture(b)
	items := r.Items
	for i := range 5000 {
		item := items[i%len(items)]
		item.Cluster.ARN += "-" + strconv.Itoa(i)
		r.Items = append(r.Items, item)
		r.Keys[0].Clusters = append(r.Keys[0].Clusters, item.Cluster.ARN)
	}
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if err := Write(io.Discard, format, r, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
