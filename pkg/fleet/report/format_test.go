package report

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
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

// TestParts compares the lists that are written in parts with the text of the whole list.
func TestParts(t *testing.T) {
	r := large(t, 300)
	r.Unreachable = []v1alpha1.Unreachable{{Account: prod, Region: "eu-west-1"}, {Context: "no place"}}
	r.Items[7].Cluster.Account = ""
	v := newReportRows(clean(r))
	var ocsf []ocsfFinding
	for i := range v.parts() {
		ocsf = append(ocsf, v.ocsfPart(i)...)
	}
	var asff []securityhub.Finding
	for _, wanted := range v.wantedOf(v.Clusters, v.Unreachable) {
		asff = append(asff, wanted.Finding)
	}
	for format, findings := range map[string]any{"ocsf": ocsf, "asff": asff} {
		var want strings.Builder
		if err := writeJSON(&want, findings); err != nil {
			t.Fatal(err)
		}
		if got := render(t, format, r); got != want.String() {
			t.Errorf("%s in parts has %d bytes, and other bytes than the %d of the whole list", format, len(got), want.Len())
		}
	}
	if got, all := Omitted("asff", r), len(ocsf)-len(asff); got != all || got < 2 {
		t.Errorf("Omitted = %d, want %d", got, all)
	}
}

// TestPartsFail checks that the error of an element and that of the writer end a list, which is correct until then.
func TestPartsFail(t *testing.T) {
	values := func(broken float64) func(int) []float64 {
		return func(i int) []float64 {
			switch i {
			case 500:
				return []float64{broken}
			case 501:
				return nil
			}
			return []float64{1, 2}
		}
	}
	var whole strings.Builder
	if err := writeJSONArray(&whole, 1000, values(0)); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, whole.Len() / 2, whole.Len() - 1} {
		w := &fullWriter{size: size}
		if err := writeJSONArray(w, 1000, values(0)); !errors.Is(err, errFull) {
			t.Errorf("a writer of %d bytes: %v", size, err)
		}
		if w.String() != whole.String()[:size] {
			t.Errorf("a writer of %d bytes has %d others", size, w.Len())
		}
	}
	if err := writeJSONArray(io.Discard, 1000, values(math.NaN())); err == nil {
		t.Error("a list with a value that JSON does not have was written")
	}
	var none strings.Builder
	if err := writeJSONArray(&none, 3, func(int) []int { return nil }); err != nil || none.String() != "[]\n" {
		t.Errorf("a list without elements = %q, %v", none.String(), err)
	}
}

var errFull = errors.New("the writer is full")

// fullWriter keeps up to size bytes.
type fullWriter struct {
	strings.Builder
	size int
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if n := w.size - w.Len(); n < len(p) {
		w.Builder.Write(p[:n])
		return n, errFull
	}
	return w.Builder.Write(p)
}
