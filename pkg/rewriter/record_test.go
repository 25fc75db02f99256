package rewriter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// verify reads alone, resting on the record that the cluster has.
func verify(t *testing.T, f *fake, change func(*Options)) *v1alpha1.CoverageReport {
	t.Helper()
	o := options(f, v1alpha1.MethodReadOnly)
	record, err := LoadRecord(t.Context(), o.Config)
	if err != nil {
		t.Fatalf("LoadRecord: %v", err)
	}
	o.Record = record
	if change != nil {
		change(&o)
	}
	writes := f.writes
	result := must(t, o)
	if f.writes != writes || len(f.patches) > 0 {
		t.Errorf("reading wrote: %d writes, patches %v", f.writes-writes, f.patches)
	}
	return result.Report
}

func recordAssociation(t *testing.T, f *fake) {
	t.Helper()
	record := Record{ClusterARN: "arn:c", KeyARN: "arn:key", UpdateID: "u-1", ToolVersion: "v1"}
	if err := RecordAssociation(t.Context(), f.restConfig(), record, time.Now()); err != nil {
		t.Fatalf("RecordAssociation: %v", err)
	}
	clear(f.patches)
}

// What was written past the recorded moment is proven, the rest is not.
func TestReadOnlyRestsOnTheRecord(t *testing.T) {
	f := newFake()
	f.secrets("old", 30, oldKey)
	if r := verify(t, f, nil); r.Verdict != v1alpha1.CoverageNotProven || r.Resources[0].Unproven != 30 {
		t.Errorf("without a record: %s, %+v", r.Verdict, r.Resources[0])
	}
	recordAssociation(t, f)
	f.secrets("new", 12, newKey)
	f.touch("secrets/default/old-00003")
	r := verify(t, f, nil)
	if got, want := countsOf(r.Resources[0]), (counts{Total: 42, Current: 13, Unproven: 29}); got != want || r.Verdict != v1alpha1.CoverageNotProven {
		t.Errorf("%s, %+v, want NotProven, %+v", r.Verdict, got, want)
	}
	if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "rests on a record") {
		t.Errorf("the report does not say that it rests on a record: %s", notes)
	}

	// A rewrite proves the others, and the record says so.
	o := options(f, v1alpha1.MethodRewrite)
	result := must(t, o)
	old, err := LoadRecord(t.Context(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	record := result.Recorded(old, "", "v2")
	if record == nil || record.UpdateID != "u-1" || record.ResourceVersion != old.ResourceVersion || record.ProvenResourceVersion == "" {
		t.Fatalf("Recorded = %+v", record)
	}
	if err := SaveRecord(t.Context(), o.Config, *record); err != nil {
		t.Fatal(err)
	}
	clear(f.patches)
	if r := verify(t, f, nil); r.Verdict != v1alpha1.CoverageProven || r.Resources[0].Current != 42 {
		t.Errorf("after the rewrite: %s, %+v", r.Verdict, r.Resources[0])
	}
}

// A record counts only for the cluster, the key and the ConfigMap that it names.
func TestRecordThatDoesNotCount(t *testing.T) {
	whole := func(f *fake) {
		f.config = map[string]string{"uid": "config-uid", "clusterArn": "arn:c", "keyArn": "arn:key", "resourceVersion": "9000",
			"time": time.Now().UTC().Format(time.RFC3339)}
	}
	tests := []struct {
		name   string
		change func(f *fake, o *Options)
		err    string // of LoadRecord
	}{
		{name: "another key", change: func(f *fake, _ *Options) { f.config["keyArn"] = "arn:other" }},
		{name: "another cluster", change: func(f *fake, _ *Options) { f.config["clusterArn"] = "arn:other" }},
		{name: "the cluster has another key now", change: func(_ *fake, o *Options) { o.KeyARN = "arn:newer" }},
		{name: "a version that is no number", change: func(f *fake, _ *Options) { f.config["resourceVersion"] = "abc" }},
		{name: "proven before the association", change: func(f *fake, _ *Options) {
			f.config["resourceVersion"], f.config["provenResourceVersion"] = "99999", "99998"
		}},
		{name: "a copy", change: func(f *fake, _ *Options) { f.config["uid"] = "another" }, err: "a copy"},
		{name: "not ours", change: func(f *fake, _ *Options) { f.config = map[string]string{"a": "b"} }, err: "not one of ours"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.secrets("a", 5, oldKey)
			whole(f)
			o := options(f, v1alpha1.MethodReadOnly)
			test.change(f, &o)
			record, err := LoadRecord(t.Context(), o.Config)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("LoadRecord: %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			o.Record = record
			if r := must(t, o).Report; r.Verdict == v1alpha1.CoverageProven || r.Resources[0].Current != 0 {
				t.Errorf("%s, %+v", r.Verdict, r.Resources[0])
			}
		})
	}
}

// Of other resources times are compared, with a margin for the clocks.
func TestBoundsOfOtherResources(t *testing.T) {
	association := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	record := &Record{ResourceVersion: "100", ProvenResourceVersion: "200", Time: association}
	configMaps := Resource{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, true}
	now := association.Add(24 * time.Hour)
	tests := []struct {
		name    string
		record  *Record
		written time.Time
		want    bool
	}{
		{"long after", record, association.Add(time.Hour), true},
		{"before", record, association.Add(-time.Hour), false},
		{"within the margin", record, association.Add(clockMargin), false},
		{"in the future", record, now.Add(time.Hour), false},
		{"no time", record, time.Time{}, false},
		{"no record", nil, association.Add(time.Hour), false},
	}
	for _, test := range tests {
		item := &listed{resourceVersion: 1 << 40, written: test.written}
		if got := test.record.bounds(configMaps).prove(item, now); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// A record under the same key is kept: its earlier moment proves more. What can't
// be written is an error that names the ConfigMap.
func TestRecordAssociation(t *testing.T) {
	f := newFake()
	recordAssociation(t, f)
	first := f.config["resourceVersion"]
	f.secrets("a", 5, newKey)
	recordAssociation(t, f)
	if f.config["resourceVersion"] != first {
		t.Errorf("the earlier moment %s was replaced by %s", first, f.config["resourceVersion"])
	}
	f.config = nil
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		answerError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "eks-encrypt", nil))
		return true
	}
	err := RecordAssociation(t.Context(), f.restConfig(), Record{ClusterARN: "arn:c"}, time.Now())
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), recordName) {
		t.Errorf("error = %v", err)
	}
}

// Runs that leave something out give no record of all being proven.
func TestRecorded(t *testing.T) {
	f := newFake()
	f.secrets("a", 5, oldKey)
	for name, change := range map[string]func(*Options){
		"one namespace": func(o *Options) { o.Namespace = "default" },
		"a sample":      func(o *Options) { o.Method, o.SampleSize = v1alpha1.MethodSample, 3 },
		"reading alone": func(o *Options) { o.Method = v1alpha1.MethodReadOnly },
	} {
		o := options(f, v1alpha1.MethodRewrite)
		change(&o)
		if r := must(t, o).Recorded(nil, "", "v1"); r != nil {
			t.Errorf("%s gives %+v", name, r)
		}
	}
	f.mutate = func(o *cell) bool { return o.name == "a-00001" }
	record := must(t, options(f, v1alpha1.MethodRewrite)).Recorded(nil, "u", "v1")
	if record == nil || record.ProvenResourceVersion != "" {
		t.Errorf("a run with one unproven gives %+v, want a moment and nothing proven", record)
	}
}
