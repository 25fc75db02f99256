package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const (
	recordObject = "eks-encrypt" // name of the ConfigMap
	recordName   = metav1.NamespaceSystem + "/" + recordObject
	fieldManager = "eks-encrypt"
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
	// ResourceVersionBefore is that of a list of the Secrets before the association; empty
	// if it was not noted. An object that was not written since is encrypted with an older
	// key.
	ResourceVersionBefore string
	// WriteKeyBefore is the hash that the metrics of the API servers named before the
	// association; empty if it was not noted. A server that names it still lags behind.
	WriteKeyBefore string
	// ResourceVersion is that of a list of the Secrets after the association.
	ResourceVersion string
	// Agreed is true if all API servers wrote with the key at the time of ResourceVersion.
	// Otherwise an object with a larger one may have an older key.
	Agreed bool
	// ProvenResourceVersion is that of a list after which every Secret of the cluster
	// had been proven to be encrypted with the key; empty if there was none.
	ProvenResourceVersion string
	// WriteKey is the hash that the metrics of the API servers named in a run that showed
	// that it is this key; empty if there was none.
	WriteKey string
	// Time is the time of ResourceVersion by the clock of an API server.
	Time time.Time
	// ToolVersion is the version of the plugin that wrote the record.
	ToolVersion string
}

func configMaps(config *rest.Config) (corev1client.ConfigMapInterface, error) {
	c, err := corev1client.NewForConfig(withTimeout(config))
	if err != nil {
		return nil, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	return c.ConfigMaps(metav1.NamespaceSystem), nil
}

// LoadRecord returns the cluster's record, or nil if there is none. It requires get on
// the ConfigMap.
func LoadRecord(ctx context.Context, config *rest.Config) (*Record, error) {
	c, err := configMaps(config)
	if err != nil {
		return nil, err
	}
	m, err := c.Get(ctx, recordObject, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	var record *Record
	if err == nil {
		record, err = parseRecord(m)
	}
	if err != nil {
		return nil, fmt.Errorf("read the record in ConfigMap %s: %w", recordName, err)
	}
	return record, nil
}

// SaveRecord creates or replaces the cluster's record by server-side apply. It requires create and patch on the
// ConfigMap. With get, it replaces a record by one write.
func SaveRecord(ctx context.Context, config *rest.Config, record Record) error {
	c, err := configMaps(config)
	if err != nil {
		return err
	}
	var uid types.UID
	switch m, err := c.Get(ctx, recordObject, metav1.GetOptions{}); {
	case err == nil:
		uid = m.UID // so that one write is enough, and no record is without its uid in between
	case !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err):
		return fmt.Errorf("read ConfigMap %s: %w", recordName, err)
	}
	for range 3 { // otherwise the uid is known only after the first write
		saved, err := c.Apply(ctx, record.configMap(uid), metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
		switch {
		case err != nil:
			return fmt.Errorf("write the record to ConfigMap %s: %w", recordName, err)
		case saved.UID == uid:
			return nil
		}
		uid = saved.UID
	}
	return fmt.Errorf("write the record to ConfigMap %s: another client keeps deleting it", recordName)
}

// Before adds to the record of an association that is about to begin which objects were written
// before it, and the key that the API servers still write with, if their metrics name it.
func (record Record) Before(ctx context.Context, config *rest.Config, now time.Time) (Record, error) {
	record.WriteKeyBefore = currentWriteKey(ctx, config)
	var err error
	record.ResourceVersionBefore, record.Time, err = CurrentVersion(ctx, config, now)
	return record, err
}

// currentWriteKey returns the hash of the key that all API servers write with, or "" if their
// metrics do not name one.
func currentWriteKey(ctx context.Context, config *rest.Config) string {
	ctx, cancel := context.WithTimeout(ctx, agreeTimeout)
	defer cancel()
	o := Options{Config: config}
	o.complete()
	s, err := findServers(ctx, &o, nil)
	if err != nil {
		return ""
	}
	defer s.close()
	return s.writeHash()
}

// RecordBefore saves the record that Before returned, of an association that has begun since.
// Nothing is proven by it yet.
func RecordBefore(ctx context.Context, config *rest.Config, record Record) error {
	record.ResourceVersion, record.ProvenResourceVersion = "", ""
	return SaveRecord(ctx, config, record)
}

// RecordAssociation saves the record with the current ResourceVersion and Time. Call
// it only after EKS reported the update as Successful. An existing record of the same
// key is kept, because its earlier ResourceVersion proves more. RecordAssociation
// requires list on secrets, and get, create and patch on the ConfigMap.
func RecordAssociation(ctx context.Context, config *rest.Config, record Record, now time.Time) error {
	old, err := LoadRecord(ctx, config)
	if err != nil && !errors.As(err, new(foreignRecord)) {
		return err // it may hold what was noted before the association
	}
	if old.matches(record.ClusterARN, record.KeyARN) {
		if old.ResourceVersion != "" {
			return nil
		}
		record.ResourceVersionBefore, record.WriteKeyBefore = old.ResourceVersionBefore, old.WriteKeyBefore
	}
	record.Agreed = serversWriteWith(ctx, config, record.KeyARN)
	version, at, err := CurrentVersion(ctx, config, now)
	if err != nil {
		return err
	}
	record.ResourceVersion, record.ProvenResourceVersion, record.Time = version, "", at
	return SaveRecord(ctx, config, record)
}

// agreeTimeout bounds how long the API servers may take to name their write keys for the record.
const agreeTimeout = 25 * time.Second

// serversWriteWith reports whether the metrics of all live API servers name the key.
func serversWriteWith(ctx context.Context, config *rest.Config, keyARN string) bool {
	ctx, cancel := context.WithTimeout(ctx, agreeTimeout)
	defer cancel()
	servers, err := InspectServers(ctx, config, keyARN)
	return err == nil && servers.Agreement == v1alpha1.Agree && servers.WriteKey == v1alpha1.WriteKeyMatchesARN
}

// CurrentVersion returns the resourceVersion of the Secrets now, and the clock of the
// API server, or now if it does not tell.
func CurrentVersion(ctx context.Context, config *rest.Config, now time.Time) (version string, at time.Time, err error) {
	c, err := newClient(config, 1)
	if err != nil {
		return "", at, err
	}
	defer c.close()
	s := scope{resource: Secrets()}
	p, err := c.list(ctx, s, "", 1)
	if err != nil {
		return "", at, fmt.Errorf("read the current resourceVersion: %w", explain(err, "list", s))
	}
	if at = p.date; at.IsZero() {
		at = now
	}
	return strconv.FormatUint(p.resourceVersion, 10), at, nil
}

// matches reports whether the record is for this cluster and key.
func (record *Record) matches(clusterARN, keyARN string) bool {
	return record != nil && record.ClusterARN == clusterARN && record.KeyARN == keyARN
}

func (record *Record) configMap(uid types.UID) *applycorev1.ConfigMapApplyConfiguration {
	return applycorev1.ConfigMap(recordObject, metav1.NamespaceSystem).WithData(map[string]string{
		"uid": string(uid), "clusterArn": record.ClusterARN, "keyArn": record.KeyARN, "updateId": record.UpdateID,
		"agreed":                strconv.FormatBool(record.Agreed),
		"resourceVersionBefore": record.ResourceVersionBefore, "resourceVersion": record.ResourceVersion,
		"provenResourceVersion": record.ProvenResourceVersion,
		"writeKeyBefore":        record.WriteKeyBefore,
		"writeKey":              record.WriteKey,
		"time":                  record.Time.UTC().Format(time.RFC3339), "toolVersion": record.ToolVersion,
	})
}

// foreignRecord is the reason why a ConfigMap is not the cluster's record.
type foreignRecord string

func (reason foreignRecord) Error() string { return string(reason) }

func parseRecord(m *corev1.ConfigMap) (*Record, error) {
	at, err := time.Parse(time.RFC3339, m.Data["time"])
	switch {
	case err != nil || m.Data["resourceVersion"] == "" && m.Data["resourceVersionBefore"] == "":
		return nil, foreignRecord("not written by this tool: it lacks a time or a resourceVersion")
	case m.Data["uid"] == "" || m.Data["uid"] != string(m.UID):
		return nil, foreignRecord("a copy or restored from a backup: it names another uid than its own")
	}
	return &Record{
		ClusterARN: m.Data["clusterArn"], KeyARN: m.Data["keyArn"], UpdateID: m.Data["updateId"],
		ResourceVersionBefore: m.Data["resourceVersionBefore"],
		ResourceVersion:       m.Data["resourceVersion"], ProvenResourceVersion: m.Data["provenResourceVersion"],
		Agreed: m.Data["agreed"] == "true", WriteKeyBefore: m.Data["writeKeyBefore"], WriteKey: m.Data["writeKey"],
		Time: at, ToolVersion: m.Data["toolVersion"],
	}, nil
}

// NewRecord returns the record to save after a run, given the previous one. It returns
// nil if the run does not establish a record, for instance because it was limited to a
// namespace, or because the API servers did not agree at its end. An earlier
// ResourceVersion of the same key proves more and is kept. A run that refutes the previous
// record takes back what that proves.
func (r *Result) NewRecord(old *Record, updateID, toolVersion string) *Record {
	report := r.Report
	if r.refutes() {
		return old.takenBack(report.Cluster.ARN, report.KeyARN, toolVersion)
	}
	versions := r.Versions[Secrets().String()]
	after := versions[1]
	unproven := slices.ContainsFunc(report.Resources, func(c v1alpha1.ResourceCoverage) bool { return c.Unproven > 0 })
	if !r.Whole || !r.Agreed || unproven || after == "" ||
		report.Method != v1alpha1.MethodRewrite && report.Method != v1alpha1.MethodProbe {
		return nil
	}
	record := Record{
		ClusterARN: report.Cluster.ARN, KeyARN: report.KeyARN, UpdateID: updateID,
		ResourceVersion: after, Agreed: true, Time: r.ServerTime, ToolVersion: toolVersion,
	}
	if old.matches(record.ClusterARN, record.KeyARN) {
		if old.Agreed {
			record.ResourceVersion, record.Time = old.ResourceVersion, old.Time
		}
		record.ResourceVersionBefore, record.WriteKeyBefore = old.ResourceVersionBefore, old.WriteKeyBefore
		record.WriteKey = old.WriteKey
		record.ProvenResourceVersion = old.ProvenResourceVersion
		record.UpdateID = cmp.Or(record.UpdateID, old.UpdateID)
	}
	if report.Control == v1alpha1.ControlPassed || report.Servers.WriteKey == v1alpha1.WriteKeyMatchesARN {
		record.WriteKey = r.WriteKey
	}
	for _, c := range report.Resources {
		if c.Group == "" && c.Resource == Secrets().Resource && c.Unproven == 0 && c.Failed == 0 &&
			report.Verdict == v1alpha1.CoverageProven {
			record.ProvenResourceVersion = after
		}
	}
	return &record
}

// refutes reports whether a run showed that objects may have an older key although they were
// proven, or written, earlier.
func (r *Result) refutes() bool {
	a := r.Report.Agreement
	return r.Contradicted || r.Report.Verdict == v1alpha1.CoverageStale ||
		a != nil && (a.Before == v1alpha1.Disagree || a.After == v1alpha1.Disagree)
}

// takenBack returns the record without what it proves, or nil if it proves nothing.
func (record *Record) takenBack(clusterARN, keyARN, toolVersion string) *Record {
	if !record.matches(clusterARN, keyARN) || !record.Agreed && record.ProvenResourceVersion == "" {
		return nil
	}
	less := *record
	less.Agreed, less.ProvenResourceVersion, less.ToolVersion = false, "", toolVersion
	return &less
}
