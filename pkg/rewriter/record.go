package rewriter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

const (
	recordName  = "kube-system/eks-encrypt"
	recordPath  = "/api/v1/namespaces/kube-system/configmaps/eks-encrypt"
	recordOwner = "eks-encrypt"
)

// Record is what associate and rewrite leave in ConfigMap kube-system/eks-encrypt,
// so that a later verify can tell by reading alone what was written past the
// association. Whoever may write that ConfigMap can forge it; reports that rest
// on it say so. It counts only on the cluster it was written on: it names the uid
// of its own ConfigMap, which a copy or a restored backup does not have.
type Record struct {
	// ClusterARN is the cluster it holds for.
	ClusterARN string
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

// LoadRecord returns the cluster's record, nil when there is none. It needs get on
// that ConfigMap.
func LoadRecord(ctx context.Context, config *rest.Config) (*Record, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	record, err := c.record(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the record in ConfigMap %s: %w", recordName, err)
	}
	return record, nil
}

func (c *client) record(ctx context.Context) (*Record, error) {
	raw, err := c.json(ctx, kube.Request{Method: http.MethodGet, Path: recordPath})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	var m configMap
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	return m.record()
}

// SaveRecord creates or replaces the cluster's record (server-side apply; it needs
// create and patch on that ConfigMap).
func SaveRecord(ctx context.Context, config *rest.Config, record Record) error {
	c, err := newClient(config)
	if err != nil {
		return err
	}
	// The uid of a new ConfigMap is known only once it is there.
	uid := ""
	for range 3 {
		saved, err := c.apply(ctx, record.configMap(uid))
		switch {
		case err != nil:
			return fmt.Errorf("writing the record to ConfigMap %s: %w", recordName, err)
		case saved.Metadata.UID == uid:
			return nil
		}
		uid = saved.Metadata.UID
	}
	return fmt.Errorf("writing the record to ConfigMap %s: it was deleted again and again", recordName)
}

func (c *client) apply(ctx context.Context, m configMap) (saved configMap, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return saved, err
	}
	raw, err := c.json(ctx, kube.Request{
		Method: http.MethodPatch, Path: recordPath, Query: url.Values{"fieldManager": {recordOwner}, "force": {"true"}}, ContentType: applyPatch, Body: body,
	})
	if err != nil {
		return saved, err
	}
	return saved, json.Unmarshal(raw, &saved)
}

// RecordAssociation notes the present moment as one past the association: it fills
// in ResourceVersion and Time. Call it only once EKS has called the update
// Successful. A record under the same key is kept, for its earlier moment proves
// more. It needs list on secrets, and get, create and patch on the ConfigMap.
func RecordAssociation(ctx context.Context, config *rest.Config, record Record, now time.Time) error {
	old, err := LoadRecord(ctx, config)
	if err == nil && old.holds(record.ClusterARN, record.KeyARN) {
		return nil
	}
	c, err := newClient(config)
	if err != nil {
		return err
	}
	p, err := c.list(ctx, scope{resource: Secrets}, "", 1)
	if err != nil {
		return fmt.Errorf("asking for the present resourceVersion: %w", explain(err, "list", scope{resource: Secrets}))
	}
	record.ResourceVersion, record.ProvenResourceVersion, record.Time = p.resourceVersion, "", now
	return SaveRecord(ctx, config, record)
}

// holds tells whether the record is of this cluster and key.
func (record *Record) holds(clusterARN, keyARN string) bool {
	return record != nil && record.ClusterARN == clusterARN && record.KeyARN == keyARN
}

// configMap is the part of a ConfigMap that a record needs.
type configMap struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		UID       string `json:"uid,omitempty"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
}

func (record *Record) configMap(uid string) configMap {
	m := configMap{APIVersion: "v1", Kind: "ConfigMap", Data: map[string]string{
		"uid": uid, "clusterArn": record.ClusterARN, "keyArn": record.KeyARN, "updateId": record.UpdateID,
		"resourceVersion": record.ResourceVersion, "provenResourceVersion": record.ProvenResourceVersion,
		"time": record.Time.UTC().Format(time.RFC3339), "toolVersion": record.ToolVersion,
	}}
	m.Metadata.Namespace, m.Metadata.Name, _ = strings.Cut(recordName, "/")
	return m
}

func (m *configMap) record() (*Record, error) {
	at, err := time.Parse(time.RFC3339, m.Data["time"])
	switch {
	case err != nil || m.Data["resourceVersion"] == "":
		return nil, errors.New("it is not one of ours: it lacks a time or a resourceVersion")
	case m.Data["uid"] == "" || m.Data["uid"] != m.Metadata.UID:
		return nil, errors.New("it is a copy or was restored from a backup, so it does not count: it names another uid than its own")
	}
	return &Record{
		ClusterARN: m.Data["clusterArn"], KeyARN: m.Data["keyArn"], UpdateID: m.Data["updateId"],
		ResourceVersion: m.Data["resourceVersion"], ProvenResourceVersion: m.Data["provenResourceVersion"],
		Time: at, ToolVersion: m.Data["toolVersion"],
	}, nil
}

// Recorded is the record to save after a run, given the one of before; nil when
// the run gives none, as one over a single namespace does. An earlier moment under the same
// key proves more than a later one and is kept.
func (r *Result) Recorded(old *Record, updateID, toolVersion string) *Record {
	report := r.Report
	versions, ok := r.Versions[Secrets.String()]
	if !ok || !r.Whole || versions.Before == "" || report.StartedAt == nil ||
		report.Method != v1alpha1.MethodRewrite && report.Method != v1alpha1.MethodProbe {
		return nil
	}
	record := Record{ClusterARN: report.Cluster.ARN, KeyARN: report.KeyARN, UpdateID: updateID, ResourceVersion: versions.Before, Time: report.StartedAt.Time, ToolVersion: toolVersion}
	if old.holds(record.ClusterARN, record.KeyARN) {
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
