package iac

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/jsonpath"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// kind is a type of custom resource that describes EKS clusters. The fields after resource are
// JSONPaths, of which the first that has a value counts.
type kind struct {
	tool            v1alpha1.Tool
	group, resource string
	versions        []string // the first that is served counts
	name, key       []string
	// region, account and arn state which of the clusters with this name it is.
	region, account, arn []string
}

func kinds() []kind {
	externalName := []string{`{.metadata.annotations.crossplane\.io/external-name}`, "{.metadata.name}"}
	upjet := kind{
		tool: v1alpha1.ToolUpjet, resource: "clusters", name: externalName,
		key: []string{
			"{.spec.forProvider.encryptionConfig.provider.keyArn}",
			"{.spec.forProvider.encryptionConfig[0].provider[0].keyArn}",
		},
		region: []string{"{.spec.forProvider.region}"}, arn: []string{"{.status.atProvider.arn}"},
	}
	namespaced, clusterWide := upjet, upjet
	namespaced.group, namespaced.versions = "eks.aws.m.upbound.io", []string{"v1beta1"}
	clusterWide.group, clusterWide.versions = "eks.aws.upbound.io", []string{"v1beta2", "v1beta1"}
	return []kind{
		{
			tool: v1alpha1.ToolCAPA, group: "controlplane.cluster.x-k8s.io", resource: "awsmanagedcontrolplanes",
			versions: []string{"v1beta2", "v1beta1"},
			name:     []string{"{.spec.eksClusterName}"}, key: []string{"{.spec.encryptionConfig.provider}"},
			region: []string{"{.spec.region}"},
		},
		{
			tool: v1alpha1.ToolACK, group: "eks.services.k8s.aws", resource: "clusters", versions: []string{"v1alpha1"},
			name: []string{"{.spec.name}"}, key: []string{"{.spec.encryptionConfig[0].provider.keyARN}"},
			region: []string{
				`{.metadata.annotations.services\.k8s\.aws/region}`, "{.status.ackResourceMetadata.region}",
			},
			account: []string{"{.status.ackResourceMetadata.ownerAccountID}"},
			arn:     []string{"{.status.ackResourceMetadata.arn}"},
		},
		{
			tool: v1alpha1.ToolCrossplane, group: "eks.aws.crossplane.io", resource: "clusters",
			versions: []string{"v1beta1"}, name: externalName,
			key:    []string{"{.spec.forProvider.encryptionConfig[0].provider.keyArn}"},
			region: []string{"{.spec.forProvider.region}"}, arn: []string{"{.status.atProvider.arn}"},
		},
		namespaced, clusterWide,
	}
}

// FindOwners returns the objects that manage the EKS cluster with this ARN, at most one of each
// tool, as far as they are in the Kubernetes cluster that client reads. None proves nothing: the
// object may be in another cluster, or the caller may lack the permission to read it.
func FindOwners(ctx context.Context, client dynamic.Interface, clusterARN string) []Owner {
	cluster, err := arn.Parse(clusterARN)
	if err != nil {
		return nil
	}
	var owners []Owner
	for _, k := range kinds() {
		var best *Owner
		most := -1
		for _, object := range k.list(ctx, client) {
			stated, matches := k.match(&object, cluster)
			key := lookup(&object, k.key)
			// Of objects that match equally, one without the key counts: its tool would do harm.
			if !matches || stated < most || stated == most && key != "" {
				continue
			}
			most = stated
			best = &Owner{Tool: k.tool, Namespace: object.GetNamespace(), Name: object.GetName(), KeyARN: key}
		}
		known := slices.ContainsFunc(owners, func(o Owner) bool { return o.Tool == k.tool })
		if best != nil && !known {
			owners = append(owners, *best)
		}
	}
	return owners
}

// list returns all objects of the kind, or none if it is not installed or forbidden.
func (k kind) list(ctx context.Context, client dynamic.Interface) []unstructured.Unstructured {
	for _, version := range k.versions {
		resource := schema.GroupVersionResource{Group: k.group, Version: version, Resource: k.resource}
		var all []unstructured.Unstructured
		options := metav1.ListOptions{Limit: 500}
		for {
			page, err := client.Resource(resource).List(ctx, options)
			if err != nil {
				break
			}
			all = append(all, page.Items...)
			if options.Continue = page.GetContinue(); options.Continue == "" {
				return all
			}
		}
	}
	return nil
}

// match reports whether the object may describe the cluster: its name, and every further fact
// that it states, must be the cluster's. stated is the number of these facts.
func (k kind) match(object *unstructured.Unstructured, cluster arn.ARN) (stated int, matches bool) {
	if lookup(object, k.name) != strings.TrimPrefix(cluster.Resource, "cluster/") {
		return 0, false
	}
	for _, fact := range []struct {
		paths []string
		want  string
	}{
		{k.region, cluster.Region}, {k.account, cluster.AccountID}, {k.arn, cluster.String()},
	} {
		switch lookup(object, fact.paths) {
		case "":
		case fact.want:
			stated++
		default:
			return 0, false
		}
	}
	return stated, true
}

// lookup returns the text at the first JSONPath of the object that has one, or "".
func lookup(object *unstructured.Unstructured, paths []string) string {
	text := ""
	for _, path := range paths {
		p := jsonpath.New("").AllowMissingKeys(true)
		var b strings.Builder
		if p.Parse(path) == nil && p.Execute(&b, object.Object) == nil {
			text = cmp.Or(text, b.String())
		}
	}
	return text
}
