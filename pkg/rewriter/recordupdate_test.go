package rewriter

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// provenRecord is the record of an earlier run.
func provenRecord() Record {
	return Record{
		ClusterARN: "arn:c", KeyARN: "arn:key", UpdateID: "u", ResourceVersionBefore: "1", ResourceVersion: "2",
		Agreed: true, ProvenResourceVersion: "50", WriteKeyBefore: "sha256:w", WriteKey: "sha256:x",
		Time: time.Unix(1, 0).UTC(), ToolVersion: "v1",
	}
}

// TestUpdateRecord has a run that could not write one object, so that it keeps what an earlier run has
// proven. Others change the record during the run.
func TestUpdateRecord(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Record) // nil: the record is deleted
		// What is saved: the proven version, or "" if the run saves nothing.
		want string
	}{
		"unchanged":           {func(*Record) {}, "50"},
		"proven again":        {func(r *Record) { r.ProvenResourceVersion, r.ToolVersion = "70", "v2" }, "70"},
		"taken back":          {func(r *Record) { *r = *r.takenBack("arn:c", "arn:key", "v2") }, ""},
		"taken back, and new": {func(r *Record) { r.ResourceVersion, r.ProvenResourceVersion = "60", "60" }, ""},
		"not proven any more": {func(r *Record) { r.ProvenResourceVersion = "" }, ""},
		"another write key":   {func(r *Record) { r.WriteKey = "sha256:y" }, ""},
		"another association": {func(r *Record) { r.ResourceVersionBefore, r.WriteKeyBefore = "60", "sha256:x" }, ""},
		"another key":         {func(r *Record) { r.KeyARN = "arn:newer" }, ""},
		"deleted":             {nil, ""},
	} {
		f := newFake(t)
		f.secrets("a", 5, newKey)
		f.intercept = deny("/secrets/a-00003", apierrors.NewBadRequest("a policy forbids it"))
		o := options(f, v1alpha1.MethodRewrite)
		loaded := provenRecord()
		o.Sleep, o.Record = noSleep, &loaded
		result := must(t, o)
		before := f.save(t, test.change)
		err := result.UpdateRecord(t.Context(), o.Config, &loaded, "", "v3")
		saved, loadErr := LoadRecord(t.Context(), o.Config)
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		switch {
		case test.want == "" && (!matches(err, "verify --probe") || !sameRecord(saved, before)):
			t.Errorf("%s: UpdateRecord = %v, saved %+v; want it unchanged: %+v", name, err, saved, before)
		case test.want != "" && (err != nil || saved == nil || saved.ProvenResourceVersion != test.want ||
			saved.ToolVersion != "v3" || !saved.Agreed):
			t.Errorf("%s: UpdateRecord = %v, saved %+v; want %s proven", name, err, saved, test.want)
		}
	}
}

// save stores the changed record of an earlier run, and returns it.
func (f *fake) save(t *testing.T, change func(*Record)) *Record {
	t.Helper()
	f.config = nil
	if change == nil {
		return nil
	}
	record := provenRecord()
	change(&record)
	if err := SaveRecord(t.Context(), f.restConfig(), record); err != nil {
		t.Fatal(err)
	}
	return &record
}

func sameRecord(a, b *Record) bool { return a == b || a != nil && b != nil && *a == *b }

// TestUpdateRecordTakesBack has a run that refutes what others have recorded since it began.
func TestUpdateRecordTakesBack(t *testing.T) {
	for name, test := range map[string]struct {
		loaded   bool
		key      string
		denied   bool // the record cannot be read at the end
		takeBack bool
	}{
		"the same record":   {loaded: true, takeBack: true},
		"a new record":      {takeBack: true},
		"of another key":    {loaded: true, key: "arn:newer"},
		"cannot be read":    {loaded: true, denied: true, takeBack: true},
		"can never be read": {denied: true},
	} {
		f := newFake(t)
		f.addServer().lags = true
		f.balance = func(n int) int { return n % 2 }
		f.secrets("a", 20, oldKey)
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep = noSleep
		if test.loaded {
			loaded := provenRecord()
			o.Record = &loaded
		}
		result, err := Run(t.Context(), o)
		if !matches(err, "disagree") {
			t.Fatalf("%s: Run = %v, want that the servers disagree", name, err)
		}
		f.save(t, func(r *Record) {
			if test.key != "" {
				r.KeyARN = test.key
			}
		})
		if test.denied {
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet && r.URL.Path == recordPath {
					respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "eks-encrypt", nil))
					return true
				}
				return false
			}
		}
		err = result.UpdateRecord(t.Context(), o.Config, o.Record, "", "v3")
		f.intercept = nil
		saved, loadErr := LoadRecord(t.Context(), o.Config)
		if loadErr != nil || (err != nil) != (test.denied && !test.loaded) || saved.Agreed == test.takeBack ||
			(saved.ProvenResourceVersion == "") != test.takeBack {
			t.Errorf("%s: UpdateRecord = %v, saved %+v, %v; want taken back: %t", name, err, saved, loadErr, test.takeBack)
		}
	}
}

// TestUpdateForeignRecord checks that a run replaces a ConfigMap that is not the cluster's record, but
// saves nothing if the record cannot be read.
func TestUpdateForeignRecord(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	result := must(t, o)
	f.config = map[string]string{"a": "b"}
	f.intercept = deny(strings.TrimPrefix(recordPath, "/api/v1"), apierrors.NewUnauthorized("expired"))
	if err := result.UpdateRecord(t.Context(), o.Config, nil, "u", "v3"); err == nil || f.config["a"] != "b" {
		t.Errorf("UpdateRecord = %v, saved %v; want an error, and nothing saved", err, f.config)
	}
	f.intercept = nil
	if err := result.UpdateRecord(t.Context(), o.Config, nil, "u", "v3"); err != nil {
		t.Fatal(err)
	}
	if saved, err := LoadRecord(t.Context(), o.Config); err != nil || saved.ProvenResourceVersion == "" {
		t.Errorf("LoadRecord = %+v, %v; want a proven record", saved, err)
	}
}

// TestRecordSurvivesFaults has an API server that fails once while the record is read or written. What the record
// had before must remain.
func TestRecordSurvivesFaults(t *testing.T) {
	association := Record{ClusterARN: "arn:c", KeyARN: "arn:key"}
	before := association
	before.ResourceVersionBefore, before.WriteKeyBefore, before.Time = "7", "sha256:old", time.Unix(1000, 0).UTC()
	for name, test := range map[string]struct {
		method string
		nth    int // request that fails
		stored Record
		save   func(context.Context, *fake) error
	}{
		"the association is recorded, but the record cannot be read": {
			http.MethodGet, 1, before, func(ctx context.Context, f *fake) error {
				return RecordAssociation(ctx, f.restConfig(), association, time.Now())
			},
		},
		"a proven record cannot be read": {
			http.MethodGet, 1, provenRecord(), func(ctx context.Context, f *fake) error {
				return RecordAssociation(ctx, f.restConfig(), association, time.Now())
			},
		},
		"the uid cannot be read": {
			http.MethodGet, 1, provenRecord(), func(ctx context.Context, f *fake) error {
				return SaveRecord(ctx, f.restConfig(), before)
			},
		},
		"the first write fails": {
			http.MethodPatch, 1, provenRecord(), func(ctx context.Context, f *fake) error {
				return SaveRecord(ctx, f.restConfig(), before)
			},
		},
	} {
		f := newFake(t)
		if err := SaveRecord(t.Context(), f.restConfig(), test.stored); err != nil {
			t.Fatal(err)
		}
		n := 0
		f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != test.method || r.URL.Path != recordPath {
				return false
			}
			if n++; n != test.nth {
				return false
			}
			respondError(w, apierrors.NewServiceUnavailable("the API server is being replaced"))
			return true
		}
		saved := test.save(t.Context(), f)
		f.intercept = nil
		if got, err := LoadRecord(t.Context(), f.restConfig()); saved == nil || err != nil || *got != test.stored {
			t.Errorf("%s: save = %v; record = %+v, %v, want %+v", name, saved, got, err, test.stored)
		}
	}
}

// TestSaveRecordWritesOnce checks that an existing record is replaced by one write: after the first of two, it would
// look like a copy.
func TestSaveRecordWritesOnce(t *testing.T) {
	f := newFake(t)
	writes := 0
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && r.URL.Path == recordPath {
			writes++
		}
		return false
	}
	for i, want := range []int{2, 3} {
		if err := SaveRecord(t.Context(), f.restConfig(), provenRecord()); err != nil || writes != want {
			t.Errorf("record %d: SaveRecord = %v, %d writes so far, want %d", i, err, writes, want)
		}
	}
}
