package output

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

func (t *auditText) clusters(items []v1alpha1.EncryptionReport) {
	headers := []string{"CLUSTER", "REGION", "ACCOUNT", "VERSION", "VERDICT", "SCOPE", "KEY", "USABLE"}
	var controls []string
	if t.wide {
		headers = append(headers, "CONTEXT", "GUARD", "MANAGED-BY")
		for i := range items {
			for _, c := range items[i].Controls {
				if !slices.Contains(controls, c.ID) {
					controls = append(controls, c.ID)
				}
			}
		}
		headers = append(append(headers, controls...), "REASON")
	}
	table := NewTable(headers...)
	for i := range items {
		r := &items[i]
		key, usable := shortKey(r, t.wide), ""
		if r.Key != nil {
			usable = string(r.Key.Usable)
		}
		row := []string{cmp.Or(r.Cluster.Name, r.Cluster.Context), r.Cluster.Region, t.account(r.Cluster.Account),
			cmp.Or(r.Cluster.KubernetesVersion, Unknown),
			verdictCell(r), string(r.Encryption.Scope), key, usable}
		if t.wide {
			tool := ""
			if r.Cluster.ManagedBy != nil {
				tool = string(r.Cluster.ManagedBy.Tool)
			}
			row = append(row, r.Cluster.Context, string(r.Cluster.Guard), tool)
			for _, id := range controls {
				row = append(row, resultOf(r, id))
			}
			row = append(row, r.Encryption.Reason)
		}
		table.Row(row...)
	}
	t.table("Clusters", table)
}

func shortKey(r *v1alpha1.EncryptionReport, wide bool) string {
	key := r.Encryption.KeyARN
	switch {
	case wide:
		return key
	case r.Key != nil && len(r.Key.Aliases) > 0:
		return r.Key.Aliases[0]
	}
	return key[strings.LastIndexByte(key, ':')+1:]
}

func resultOf(r *v1alpha1.EncryptionReport, id string) string {
	for _, c := range r.Controls {
		if c.ID == id {
			return string(c.Result)
		}
	}
	return ""
}

func (t *auditText) keys(keys []v1alpha1.AuditKey) {
	table := NewTable("KEY", "STATE", "USABLE", "DAYS-LEFT", "ROTATION", "CLUSTERS", "NAMES")
	for i := range keys {
		k := &keys[i]
		left := ""
		if k.DaysLeft != nil {
			left = strconv.Itoa(*k.DaysLeft)
		}
		names := clusterPlaces(k.Clusters)
		if t.wide {
			names = strings.Join(k.Clusters, ",")
		}
		table.Row(k.ARN, k.State, string(k.Usable), left, encryption.RotationText(k.Rotation), strconv.Itoa(len(k.Clusters)),
			names)
	}
	t.table("Keys, most urgent first", table)
}

// clusterPlaces returns ACCOUNT/REGION/NAME for each cluster, as in an organization many clusters have one name.
func clusterPlaces(ids []string) string {
	places := make([]string, len(ids))
	for i, id := range ids {
		places[i] = id
		if a, err := arn.Parse(id); err == nil {
			places[i] = a.AccountID + "/" + a.Region + "/" + strings.TrimPrefix(a.Resource, "cluster/")
		}
	}
	return strings.Join(places, ",")
}
