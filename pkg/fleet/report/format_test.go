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
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t testing.TB, format string, r *v1alpha1.AuditReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden are the reports as files; open testdata/report.html to see one.
func TestGolden(t *testing.T) {
	for format, file := range map[string]string{"csv": "report.csv", "markdown": "report.md", "html": "report.html", "sarif": "report.sarif.json",
		"junit": "report.junit.xml", "ocsf": "report.ocsf.json", "asff": "report.asff.json"} {
		t.Run(format, func(t *testing.T) {
			got, path := render(t, format, fixture()), filepath.Join("testdata", file)
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

// The same report gives the same bytes, and is left as it was.
func TestPure(t *testing.T) {
	r, untouched := fixture(), fixture()
	for _, format := range Names {
		if first, second := render(t, format, r), render(t, format, r); first != second {
			t.Errorf("%s: two runs differ", format)
		}
	}
	if diff := cmp.Diff(untouched, r); diff != "" {
		t.Errorf("the report was changed:\n%s", diff)
	}
}

// No format lets anything through that steers a terminal or reorders text.
func TestNothingUnseen(t *testing.T) {
	for _, format := range Names {
		for i, char := range render(t, format, fixture()) {
			if char != '\n' && (unicode.IsControl(char) || unicode.Is(unicode.Cf, char)) {
				t.Errorf("%s: %U at %d", format, char, i)
			}
		}
	}
}

// Neither an empty report nor one without an outcome, a time or a name is taken
// for good news, or makes a format stumble.
func TestBareReports(t *testing.T) {
	finding := v1alpha1.Finding{Cluster: "somewhere", Control: "ENC-1"}
	for name, r := range map[string]*v1alpha1.AuditReport{
		"empty":     {},
		"undecided": {Undecided: []v1alpha1.Finding{finding}},
		"finding":   {Findings: []v1alpha1.Finding{finding}},
		"no names":  {Items: []v1alpha1.EncryptionReport{{}, {}}, Keys: []v1alpha1.AuditKey{{}}, Unreachable: []v1alpha1.Unreachable{{}}, Waived: []v1alpha1.Waived{{}}},
		"changes":   {Changes: &v1alpha1.AuditChanges{}},
	} {
		for _, format := range Names {
			got := render(t, format, r)
			if format == "html" && strings.Contains(got, ">Holds<") {
				t.Errorf("%s: holds", name)
			}
			structure(t, format, got)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := Write(&bytes.Buffer{}, "pdf", fixture()); err == nil || !strings.Contains(err.Error(), "markdown") {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteError(t *testing.T) {
	for _, format := range Names {
		if err := Write(full{}, format, fixture()); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// A fleet of thousands is no reason to wait: nothing grows with the square.
func BenchmarkFormats(b *testing.B) {
	r := fixture()
	items := r.Items
	for i := range 5000 {
		item := items[i%len(items)]
		item.Cluster.ARN += "-" + strconv.Itoa(i)
		r.Items = append(r.Items, item)
		r.Keys[0].Clusters = append(r.Keys[0].Clusters, item.Cluster.ARN)
	}
	for _, format := range Names {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if err := Write(io.Discard, format, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
