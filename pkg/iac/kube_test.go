package iac

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestFindOwners(t *testing.T) {
	list := func(items ...string) string {
		return `{"kind":"List","apiVersion":"v1","items":[` + strings.Join(items, ",") + `]}`
	}
	const capi, other = "/apis/controlplane.cluster.x-k8s.io/v1beta2/awsmanagedcontrolplanes", "us-east-1"
	ack := func(name, region, account string) string {
		return `{"metadata":{"namespace":"` + region + `","name":"` + name + `"},"spec":{"name":"` + name + `",
			"encryptionConfig":[{"provider":{"keyARN":"` + key + `"}}]},
			"status":{"ackResourceMetadata":{"region":"` + region + `","ownerAccountID":"` + account + `"}}}`
	}
	upjet := func(name, region, config string) string {
		return `{"metadata":{"name":"o-` + name + `","annotations":{"crossplane.io/external-name":"` + name + `"}},
			"spec":{"forProvider":{"region":"` + region + `","encryptionConfig":` + config + `}}}`
	}
	responses := map[string]string{
		capi: list(
			`{"metadata":{"namespace":"ns","name":"other"},"spec":{"eksClusterName":"shop"}}`,
			`{"metadata":{"namespace":"ns","name":"keyless"},"spec":{"eksClusterName":"keyless"}}`,
			`{"metadata":{"namespace":"ns","name":"elsewhere"},"spec":{"eksClusterName":"pay","region":"us-east-1"}}`,
			`{"metadata":{"namespace":"ns","name":"cp"},"spec":{"eksClusterName":"pay","region":"us-west-2",
				"encryptionConfig":{"provider":"`+key+`"}}}`,
			`{"metadata":{"namespace":"a","name":"twin"},"spec":{"eksClusterName":"twin",
				"encryptionConfig":{"provider":"`+key+`"}}}`,
			`{"metadata":{"namespace":"b","name":"twin"},"spec":{"eksClusterName":"twin"}}`,
			`{"metadata":{"namespace":"c","name":"twin"},"spec":{"eksClusterName":"twin",
				"encryptionConfig":{"provider":"`+key+`"}}}`),
		"/apis/eks.services.k8s.aws/v1alpha1/clusters": list(
			`{"metadata":{"namespace":"ns","name":"plain"},"spec":{"name":"ack-plain","encryptionConfig":[]}}`,
			ack("ack-one", other, "111122223333"), ack("ack-one", "us-west-2", "444455556666"),
			ack("ack-one", "us-west-2", "111122223333"), ack("ack-other", other, "111122223333")),
		"/apis/eks.aws.crossplane.io/v1beta1/clusters": list(
			`{"metadata":{"name":"cross","annotations":{"crossplane.io/external-name":"cross-one"}},
			"spec":{"forProvider":{"encryptionConfig":[{"provider":{"keyArn":"`+key+`"}}]}}}`,
			`{"metadata":{"name":"unnamed"},"spec":{"forProvider":{"region":"us-west-2"}},
			"status":{"atProvider":{"arn":"arn:aws:eks:us-west-2:111122223333:cluster/unnamed"}}}`,
			`{"metadata":{"name":"foreign"},"spec":{"forProvider":{"region":"us-west-2"}},
			"status":{"atProvider":{"arn":"arn:aws:eks:us-west-2:444455556666:cluster/foreign"}}}`),
		"/apis/eks.aws.m.upbound.io/v1beta1/clusters": list(
			upjet("upjet-m", "us-west-2", `{"provider":{"keyArn":"`+key+`"}}`)),
		"/apis/eks.aws.upbound.io/v1beta1/clusters": list(
			upjet("upjet-old", "us-west-2", `[{"provider":[{"keyArn":"`+key+`"}]}]`),
			upjet("pay", "us-west-2", `[]`)),
	}
	page := list(`{"metadata":{"namespace":"ns","name":"last"},"spec":{"eksClusterName":"on-page-two"}}`)
	responses[capi] = strings.Replace(responses[capi], `"apiVersion":"v1",`,
		`"apiVersion":"v1","metadata":{"continue":"two"},`, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, found := responses[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		if r.URL.Query().Get("continue") == "two" {
			text = page
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	const where = "arn:aws:eks:us-west-2:111122223333:cluster/"
	for _, test := range []struct {
		cluster string
		want    []Owner
	}{
		{"pay", []Owner{{v1alpha1.ToolCAPA, "ns", "cp", key}, {v1alpha1.ToolUpjet, "", "o-pay", ""}}},
		{"keyless", []Owner{{v1alpha1.ToolCAPA, "ns", "keyless", ""}}},
		{"twin", []Owner{{v1alpha1.ToolCAPA, "b", "twin", ""}}},
		{"on-page-two", []Owner{{v1alpha1.ToolCAPA, "ns", "last", ""}}},
		{"ack-one", []Owner{{v1alpha1.ToolACK, "us-west-2", "ack-one", key}}},
		{"ack-other", nil},
		{"ack-plain", []Owner{{v1alpha1.ToolACK, "ns", "plain", ""}}},
		{"cross-one", []Owner{{v1alpha1.ToolCrossplane, "", "cross", key}}},
		{"unnamed", []Owner{{v1alpha1.ToolCrossplane, "", "unnamed", ""}}},
		{"foreign", nil},
		{"upjet-m", []Owner{{v1alpha1.ToolUpjet, "", "o-upjet-m", key}}},
		{"upjet-old", []Owner{{v1alpha1.ToolUpjet, "", "o-upjet-old", key}}},
		{"unmanaged", nil},
	} {
		if got := FindOwners(t.Context(), client, where+test.cluster); !cmp.Equal(got, test.want) {
			t.Errorf("FindOwners(%s) = %+v, want %+v", test.cluster, got, test.want)
		}
	}
	if got := FindOwners(t.Context(), client, "pay"); got != nil {
		t.Errorf("FindOwners without an ARN = %+v, want none", got)
	}
	// The cluster does not serve the first kind, and the list of the second one is not valid.
	delete(responses, capi)
	responses["/apis/eks.services.k8s.aws/v1alpha1/clusters"] = `{"kind":"List","apiVersion":"v1","items":"nonsense"}`
	if o := FindOwners(t.Context(), client, where+"cross-one"); len(o) != 1 || o[0].Tool != v1alpha1.ToolCrossplane {
		t.Errorf("FindOwners(cross-one) = %+v, want the Crossplane object", o)
	}
	if o := FindOwners(t.Context(), client, where+"ack-one"); o != nil {
		t.Errorf("FindOwners(ack-one) = %+v, want none", o)
	}
}
