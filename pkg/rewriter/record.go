package rewriter

import (
	"cmp"
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
	recordName = "kube-system/eks-encrypt"
	recordPath = "/api/v1/namespaces/kube-system/configmaps/eks-encrypt"
)

// Record is what associate and rewrite store in ConfigMap kube-system/eks-encrypt.
// With it, a later verify can determine which objects were written after the
// association, without writing to them. Any client that may write this ConfigMap can
// forge the record, so reports that rely on it mention it. The record names the uid of
// its own ConfigMap. A copy or a restored backup has another uid and is ignored.
type Record struct {
	// ClusterARN is the cluster of the record.
	ClusterARN string
	// KeyARN is the key of the record; empty for the AWS-owned key.
	KeyARN string
	// UpdateID is the EKS update that associated the key; empty if unknown.
	UpdateID string
	// ResourceVersion is that of a list of the Secrets after the association.
	ResourceVersion string
	// ProvenResourceVersion is that of a list after which every Secret of the cluster
	// had been proven to be encrypted with the key; empty if there was none.
	ProvenResourceVersion string
	// Time is the time of ResourceVersion.
	Time time.Time
	// ToolVersion is the version of the plugin that wrote the record.
	ToolVersion string
}

// LoadRecord returns the cluster's record, or nil if there is none. It requires get on
// the ConfigMap.
func LoadRecord(ctx context.Context, config *rest.Config) (*Record, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	record, err := c.record(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the record in ConfigMap %s: %w", recordName, err)
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

// SaveRecord creates or replaces the cluster's record by server-side apply. It
// requires create and patch on the ConfigMap.
func SaveRecord(ctx context.Context, config *rest.Config, record Record) error {
	c, err := newClient(config)
	if err != nil {
		return err
	}
	// The uid of a new ConfigMap is known only after it was created.
	uid := ""
	for range 3 {
		saved, err := c.apply(ctx, record.configMap(uid))
		switch {
		case err != nil:
			return fmt.Errorf("write the record to ConfigMap %s: %w", recordName, err)
		case saved.Metadata.UID == uid:
			return nil
		}
		uid = saved.Metadata.UID
	}
	return fmt.Errorf("write the record to ConfigMap %s: another client keeps deleting it", recordName)
}

func (c *client) apply(ctx context.Context, m configMap) (saved configMap, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return saved, err
	}
	raw, err := c.json(ctx, kube.Request{
		Method: http.MethodPatch, Path: recordPath, ContentType: applyPatch, Body: body,
		Query: url.Values{"fieldManager": {"eks-encrypt"}, "force": {"true"}},
	})
	if err != nil {
		return saved, err
	}
	return saved, json.Unmarshal(raw, &saved)
}

// RecordAssociation saves the record with the current ResourceVersion and Time. Call
// it only after EKS reported the update as Successful. An existing record of the same
// key is kept, because its earlier ResourceVersion proves more. RecordAssociation
// requires list on secrets, and get, create and patch on the ConfigMap.
func RecordAssociation(ctx context.Context, config *rest.Config, record Record, now time.Time) error {
	old, err := LoadRecord(ctx, config)
	if err == nil && old.matches(record.ClusterARN, record.KeyARN) {
		return nil
	}
	c, err := newClient(config)
	if err != nil {
		return err
	}
	s := scope{resource: Secrets()}
	p, err := c.list(ctx, s, "", 1)
	if err != nil {
		return fmt.Errorf("read the current resourceVersion: %w", explain(err, "list", s))
	}
	record.ResourceVersion, record.ProvenResourceVersion, record.Time = p.resourceVersion, "", now
	return SaveRecord(ctx, config, record)
}

// matches reports whether the record is for this cluster and key.
func (record *Record) matches(clusterARN, keyARN string) bool {
	return record != nil && record.ClusterARN == clusterARN && record.KeyARN == keyARN
}

// configMap has the fields of a ConfigMap that a record needs.
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
		return nil, errors.New("not written by this tool: it lacks a time or a resourceVersion")
	case m.Data["uid"] == "" || m.Data["uid"] != m.Metadata.UID:
		return nil, errors.New("a copy or restored from a backup: it names another uid than its own")
	}
	return &Record{
		ClusterARN: m.Data["clusterArn"], KeyARN: m.Data["keyArn"], UpdateID: m.Data["updateId"],
		ResourceVersion: m.Data["resourceVersion"], ProvenResourceVersion: m.Data["provenResourceVersion"],
		Time: at, ToolVersion: m.Data["toolVersion"],
	}, nil
}

// NewRecord returns the record to save after a run, given the previous one. It returns
// nil if the run does not establish a record, for instance because it was limited to a
// namespace. An earlier ResourceVersion of the same key proves more and is kept.
func (r *Result) NewRecord(old *Record, updateID, toolVersion string) *Record {
	report := r.Report
	versions := r.Versions[Secrets().String()]
	before, after := versions[0], versions[1]
	if !r.Whole || before == "" || report.StartedAt == nil ||
		report.Method != v1alpha1.MethodRewrite && report.Method != v1alpha1.MethodProbe {
		return nil
	}
	record := Record{
		ClusterARN: report.Cluster.ARN, KeyARN: report.KeyARN, UpdateID: updateID,
		ResourceVersion: before, Time: report.StartedAt.Time, ToolVersion: toolVersion,
	}
	if old.matches(record.ClusterARN, record.KeyARN) {
		record.ResourceVersion, record.Time = old.ResourceVersion, old.Time
		record.ProvenResourceVersion = old.ProvenResourceVersion
		record.UpdateID = cmp.Or(record.UpdateID, old.UpdateID)
	}
	for _, c := range report.Resources {
		if c.Group == "" && c.Resource == Secrets().Resource && c.Unproven == 0 && c.Failed == 0 &&
			report.Verdict == v1alpha1.CoverageProven {
			record.ProvenResourceVersion = after
		}
	}
	return &record
}
