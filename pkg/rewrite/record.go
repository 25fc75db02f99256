package rewrite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const (
	recordName  = "kube-system/eks-encrypt"
	recordPath  = "/api/v1/namespaces/kube-system/configmaps/eks-encrypt"
	recordOwner = "eks-encrypt"
)

// Record is what associate and rewrite leave in ConfigMap kube-system/eks-encrypt,
// so that a later verify can tell by reading alone what was written past the
// association. Whoever may write that ConfigMap can forge it; reports that rest
// on it say so.
type Record struct {
	// KeyARN is the key it holds for; empty for the AWS-owned key.
	KeyARN string
	// UpdateID is the EKS update that associated the key, where it is known.
	UpdateID string
	// ResourceVersion is one of the Secrets at a moment past the association.
	ResourceVersion string
	// ProvenResourceVersion is that of a list after which every Secret of the
	// cluster had been proven to be under the key; empty if there was none.
	ProvenResourceVersion string
	// Time is the moment of ResourceVersion.
	Time time.Time
	// ToolVersion is the version of the plugin that wrote the record.
	ToolVersion string
}

// ReadRecord returns the cluster's record, nil when there is none.
func ReadRecord(ctx context.Context, config *rest.Config) (*Record, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	raw, err := c.json(ctx, http.MethodGet, recordPath, nil, "", nil)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the record in ConfigMap %s: %w", recordName, err)
	}
	return parseRecord(raw)
}

// configMap is the part of a ConfigMap that a record needs.
type configMap struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Data       map[string]string `json:"data"`
}

func parseRecord(raw []byte) (*Record, error) {
	var m struct {
		Data map[string]string `json:"data"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("reading the record in ConfigMap %s: %w", recordName, err)
	}
	at, err := time.Parse(time.RFC3339, m.Data["time"])
	if err != nil || m.Data["resourceVersion"] == "" {
		return nil, fmt.Errorf("the record in ConfigMap %s is not one of ours: it lacks a time or a resourceVersion", recordName)
	}
	return &Record{
		KeyARN: m.Data["keyArn"], UpdateID: m.Data["updateId"],
		ResourceVersion: m.Data["resourceVersion"], ProvenResourceVersion: m.Data["provenResourceVersion"],
		Time: at, ToolVersion: m.Data["toolVersion"],
	}, nil
}

// WriteRecord creates or replaces the cluster's record (server-side apply; needs
// create and patch on that ConfigMap).
func WriteRecord(ctx context.Context, config *rest.Config, record Record) error {
	c, err := newClient(config)
	if err != nil {
		return err
	}
	body, err := json.Marshal(configMap{
		APIVersion: "v1", Kind: "ConfigMap",
		Metadata: map[string]string{"name": "eks-encrypt", "namespace": "kube-system"},
		Data: map[string]string{
			"keyArn": record.KeyARN, "updateId": record.UpdateID,
			"resourceVersion": record.ResourceVersion, "provenResourceVersion": record.ProvenResourceVersion,
			"time": record.Time.UTC().Format(time.RFC3339), "toolVersion": record.ToolVersion,
		},
	})
	if err != nil {
		return err
	}
	_, err = c.json(ctx, http.MethodPatch, recordPath, url.Values{"fieldManager": {recordOwner}, "force": {"true"}}, applyPatch, body)
	if err != nil {
		return fmt.Errorf("writing the record to ConfigMap %s: %w", recordName, err)
	}
	return nil
}

// RecordAssociation notes the present moment as one past the association. Call it
// only once EKS has called the update Successful.
func RecordAssociation(ctx context.Context, config *rest.Config, keyARN, updateID, toolVersion string, now time.Time) error {
	c, err := newClient(config)
	if err != nil {
		return err
	}
	p, err := c.list(ctx, scope{resource: Secrets}, "", 1)
	if err != nil {
		return fmt.Errorf("asking for the present resourceVersion: %w", explain(err, "list", scope{resource: Secrets}))
	}
	old, err := ReadRecord(ctx, config)
	if err == nil && old != nil && old.KeyARN == keyARN {
		return nil // the earlier moment proves more
	}
	return WriteRecord(ctx, config, Record{KeyARN: keyARN, UpdateID: updateID, ResourceVersion: p.resourceVersion, Time: now, ToolVersion: toolVersion})
}

// Recorded is the record to write after a run over the whole cluster, given the
// one of before; nil when the run gives none. An earlier moment under the same
// key proves more than a later one and is kept.
func (r *Result) Recorded(old *Record, updateID, toolVersion string) *Record {
	report := r.Report
	versions, ok := r.Versions[Secrets.String()]
	if !ok || versions.Before == "" || report.StartedAt == nil ||
		report.Method != v1alpha1.MethodRewrite && report.Method != v1alpha1.MethodProbe {
		return nil
	}
	record := Record{KeyARN: report.KeyARN, UpdateID: updateID, ResourceVersion: versions.Before, Time: report.StartedAt.Time, ToolVersion: toolVersion}
	if old != nil && old.KeyARN == record.KeyARN {
		record.ResourceVersion, record.Time, record.ProvenResourceVersion = old.ResourceVersion, old.Time, old.ProvenResourceVersion
		if record.UpdateID == "" {
			record.UpdateID = old.UpdateID
		}
	}
	for _, c := range report.Resources {
		if c.Group == "" && c.Resource == Secrets.Resource && c.Unproven == 0 && c.Failed == 0 && report.Verdict == v1alpha1.CoverageProven {
			record.ProvenResourceVersion = versions.After
		}
	}
	return &record
}
