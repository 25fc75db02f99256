package rewriter

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// recordPath is the path of the record's ConfigMap.
const recordPath = "/api/v1/namespaces/kube-system/configmaps/eks-encrypt"

func (f *fake) serveRecord(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPatch {
		var m corev1.ConfigMap
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			respondError(w, apierrors.NewBadRequest(err.Error()))
			return
		}
		f.config = m.Data
	}
	if f.config == nil {
		respondError(w, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, "eks-encrypt"))
		return
	}
	respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{UID: "config-uid"}, Data: f.config,
	})
}

// verify runs a read-only verification with the record of the cluster.
func verify(t *testing.T, f *fake, change func(*Options)) *v1alpha1.CoverageReport {
	t.Helper()
	o := options(f, v1alpha1.MethodReadOnly)
	record, err := LoadRecord(t.Context(), o.Config)
	if err != nil {
		t.Fatalf("LoadRecord = %v", err)
	}
	o.Record = record
	if change != nil {
		change(&o)
	}
	writes := f.writes
	result := must(t, o)
	if f.writes != writes || len(f.patches) > 0 {
		t.Errorf("storage writes = %d, patches = %v, want none", f.writes-writes, f.patches)
	}
	return result.Report
}

func recordAssociation(t *testing.T, f *fake) {
	t.Helper()
	record := Record{ClusterARN: "arn:c", KeyARN: "arn:key", UpdateID: "u-1", ToolVersion: "v1"}
	if err := RecordAssociation(t.Context(), f.restConfig(), record, time.Now()); err != nil {
		t.Fatalf("RecordAssociation = %v", err)
	}
	clear(f.patches)
}

// TestReadOnlyUsesRecord checks that only objects that were written after the recorded association are proven.
func TestReadOnlyUsesRecord(t *testing.T) {
	f := newFake(t)
	f.secrets("old", 30, oldKey)
	if r := verify(t, f, nil); r.Verdict != v1alpha1.CoverageNotProven || r.Resources[0].Unproven != 30 {
		t.Errorf("report without a record = %s, %+v, want NotProven, 30 unproven", r.Verdict, r.Resources[0])
	}
	recordAssociation(t, f)
	f.secrets("new", 12, newKey)
	f.touch("secrets/default/old-00003")
	if r := verify(t, f, nil); r.Verdict != v1alpha1.CoverageNotProven || r.Resources[0].Unproven != 42 {
		t.Errorf("report by names alone = %s, %+v, want NotProven, 42 unproven", r.Verdict, r.Resources[0])
	}
	r := verify(t, f, func(o *Options) { o.ReadMetadata = true })
	got, want := countsOf(r.Resources[0]), counts{Total: 42, Current: 13, Unproven: 29}
	if got != want || r.Verdict != v1alpha1.CoverageNotProven {
		t.Errorf("report = %s, %+v, want NotProven, %+v", r.Verdict, got, want)
	}
	if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "rests on a record") {
		t.Errorf("notes = %s, want one about the record", notes)
	}

	// A rewrite proves the other objects and records this.
	o := options(f, v1alpha1.MethodRewrite)
	result := must(t, o)
	old, err := LoadRecord(t.Context(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	record := result.NewRecord(old, "", "v2")
	if record == nil || record.UpdateID != "u-1" || record.ResourceVersion != old.ResourceVersion ||
		record.ProvenResourceVersion == "" {
		t.Fatalf("Recorded = %+v, want a proven version and the earlier values", record)
	}
	if err := SaveRecord(t.Context(), o.Config, *record); err != nil {
		t.Fatal(err)
	}
	clear(f.patches)
	if r := verify(t, f, nil); r.Verdict != v1alpha1.CoverageRecorded || r.Resources[0].Current != 42 {
		t.Errorf("report after the rewrite = %s, %+v, want Recorded, 42 current", r.Verdict, r.Resources[0])
	}
}

// TestIgnoredRecords checks that a record is valid only for the cluster, the key and the ConfigMap that it names.
func TestIgnoredRecords(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *fake, o *Options)
		err    string // of LoadRecord
	}{
		{name: "another key", change: func(f *fake, _ *Options) { f.config["keyArn"] = "arn:other" }},
		{name: "another cluster", change: func(f *fake, _ *Options) { f.config["clusterArn"] = "arn:other" }},
		{name: "the cluster has a newer key", change: func(_ *fake, o *Options) { o.KeyARN = "arn:newer" }},
		{name: "version is not a number", change: func(f *fake, _ *Options) { f.config["resourceVersion"] = "abc" }},
		{name: "proven before the association", change: func(f *fake, _ *Options) {
			f.config["resourceVersion"], f.config["provenResourceVersion"] = "99999", "99998"
		}},
		{name: "a copy", change: func(f *fake, _ *Options) { f.config["uid"] = "another" }, err: "a copy"},
		{name: "another ConfigMap", change: func(f *fake, _ *Options) {
			f.config = map[string]string{"a": "b"}
		}, err: "not written by this tool"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			f.secrets("a", 5, oldKey)
			f.config = map[string]string{
				"uid": "config-uid", "clusterArn": "arn:c", "keyArn": "arn:key", "resourceVersion": "9000",
				"agreed": "true",
				"time":   time.Now().UTC().Format(time.RFC3339),
			}
			o := options(f, v1alpha1.MethodReadOnly)
			test.change(f, &o)
			record, err := LoadRecord(t.Context(), o.Config)
			if test.err != "" {
				if !matches(err, test.err) {
					t.Errorf("LoadRecord = %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			o.Record = record
			if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageNotProven || r.Resources[0].Current != 0 {
				t.Errorf("report = %s, %+v, want nothing proven", r.Verdict, r.Resources[0])
			}
		})
	}
}

// TestProofByTimestamps checks that timestamps of other resources are compared with a margin for clock differences.
func TestProofByTimestamps(t *testing.T) {
	association := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	record := &Record{Agreed: true, ResourceVersion: "100", ProvenResourceVersion: "200", Time: association}
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
		item := &metadataItem{resourceVersion: 1 << 40, written: test.written}
		if got := test.record.proof(configMaps).proves(item, now); got != test.want {
			t.Errorf("%s: proves = %v, want %v", test.name, got, test.want)
		}
	}
}

// TestRecordAssociation checks that a record of the same key is kept, because its earlier
// version proves more, and that an error names the ConfigMap.
func TestRecordAssociation(t *testing.T) {
	f := newFake(t)
	recordAssociation(t, f)
	first := f.config["resourceVersion"]
	f.secrets("a", 5, newKey)
	recordAssociation(t, f)
	if f.config["resourceVersion"] != first {
		t.Errorf("resourceVersion %s was replaced by %s, want it kept", first, f.config["resourceVersion"])
	}
	f.config = nil
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "eks-encrypt", nil))
		return true
	}
	err := RecordAssociation(t.Context(), f.restConfig(), Record{ClusterARN: "arn:c"}, time.Now())
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), recordName) {
		t.Errorf("RecordAssociation = %v, want Forbidden with %s", err, recordName)
	}
}

// TestRecorded checks that a run that omits some objects does not record that all are proven.
func TestRecorded(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	for name, change := range map[string]func(*Options){
		"one namespace": func(o *Options) { o.Namespace = "default" },
		"a sample":      func(o *Options) { o.Method, o.SampleSize = v1alpha1.MethodSample, 3 },
		"read-only":     func(o *Options) { o.Method = v1alpha1.MethodReadOnly },
	} {
		o := options(f, v1alpha1.MethodRewrite)
		change(&o)
		if r := must(t, o).NewRecord(nil, "", "v1"); r != nil {
			t.Errorf("%s: Recorded = %+v, want nil", name, r)
		}
	}
	f.mutate = func(o *cell) bool { return o.name == "a-00001" }
	record := must(t, options(f, v1alpha1.MethodRewrite)).NewRecord(nil, "u", "v1")
	if record != nil {
		t.Errorf("NewRecord with one unproven object = %+v, want nil", record)
	}
}

// TestRecordBefore checks that the version from before an association is kept with the
// record, and that it proves nothing by itself.
func TestRecordBefore(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	config := f.restConfig()
	record, err := Record{ClusterARN: "arn:c", KeyARN: "arn:key"}.Before(t.Context(), config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := RecordBefore(t.Context(), config, record); err != nil {
		t.Fatal(err)
	}
	f.secrets("b", 5, newKey)
	r := verify(t, f, func(o *Options) { o.ReadMetadata = true })
	if r.Resources[0].Current != 0 {
		t.Errorf("report = %+v, want nothing proven", r.Resources[0])
	}
	recordAssociation(t, f)
	after, err := LoadRecord(t.Context(), config)
	if err != nil || after.ResourceVersionBefore != record.ResourceVersionBefore || after.ResourceVersion == "" ||
		after.WriteKeyBefore != record.WriteKeyBefore || after.WriteKeyBefore == "" {
		t.Errorf("record = %+v, %v, want both versions and the key from before", after, err)
	}
}

// TestRecordWithLaggingServer checks that the version of an association proves nothing if
// an API server still wrote with the old key then.
func TestRecordWithLaggingServer(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	f.addServer().lags = true
	f.balance = func(n int) int { return n % 2 }
	recordAssociation(t, f)
	f.secrets("b", 5, oldKey) // written by the server that lags
	r := verify(t, f, func(o *Options) { o.ReadMetadata = true })
	if r.Resources[0].Current != 0 {
		t.Errorf("report = %+v, want nothing proven", r.Resources[0])
	}
}

// TestRecordIsComplete checks that a record is the same after it was saved.
func TestRecordIsComplete(t *testing.T) {
	f := newFake(t)
	record := Record{
		ClusterARN: "arn:c", KeyARN: "arn:key", UpdateID: "u", ResourceVersionBefore: "1", ResourceVersion: "2", Agreed: true,
		ProvenResourceVersion: "3", WriteKeyBefore: "sha256:w", WriteKey: "sha256:x", Time: time.Unix(1, 0).UTC(),
		ToolVersion: "v1",
	}
	if err := SaveRecord(t.Context(), f.restConfig(), record); err != nil {
		t.Fatal(err)
	}
	got, err := LoadRecord(t.Context(), f.restConfig())
	if err != nil || *got != record {
		t.Errorf("LoadRecord = %+v, %v, want %+v", got, err, record)
	}
}

// TestRecordTakenBack checks that a run which shows that the API servers do not write with the key takes
// back what the record proves, and that other runs do not.
func TestRecordTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(f *fake, o *Options)
		refuted bool
	}{
		"one server lags": {func(f *fake, _ *Options) { f.servers[1].lags = true }, true},
		"both lag":        {func(f *fake, _ *Options) { f.servers[0].lags, f.servers[1].lags = true, true }, true},
		"one namespace":   {func(_ *fake, o *Options) { o.Namespace = "default" }, false},
	} {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.secrets("a", 20, oldKey)
		o := options(f, v1alpha1.MethodProbe)
		o.Sleep = noSleep
		o.Record = &Record{
			ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10),
			ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
		}
		test.change(f, &o)
		result, err := Run(t.Context(), o)
		if result == nil {
			t.Fatalf("%s: Run = %v", name, err)
		}
		saved := result.NewRecord(o.Record, "", "v2")
		switch {
		case !test.refuted && saved != nil:
			t.Errorf("%s: NewRecord = %+v, want nil", name, saved)
		case test.refuted && (saved == nil || saved.Agreed || saved.ProvenResourceVersion != "" ||
			saved.ResourceVersionBefore != o.Record.ResourceVersionBefore):
			t.Errorf("%s: NewRecord = %+v, want one that proves nothing: %v", name, saved, err)
		}
	}
}
