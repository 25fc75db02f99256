package binding

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const serviceAddress = "https://10.100.0.1:443"

// TestResolveInPod checks that a pod without a kubeconfig binds to what the flags name, or to nothing yet.
func TestResolveInPod(t *testing.T) {
	pod := Options{Connection: &rest.Config{Host: serviceAddress}, InPod: true}
	for _, test := range []struct {
		name, cluster, region string
		want                  Target
	}{
		{"no flag", "", "", Target{}},
		{"the region alone", "", "us-west-2", Target{Region: "us-west-2", Partition: "aws"}},
		{"the name alone", "lab", "", Target{Name: "lab"}},
		{"name and region", "lab", "us-west-2", Target{Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{"the ARN", labARN, "", Target{ARN: labARN, Name: "lab", Region: "us-west-2", Partition: "aws"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := pod
			o.ClusterName, o.Region = test.cluster, test.region
			got, err := Resolve(*clientcmdapi.NewConfig(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got.ARN != test.want.ARN || got.Name != test.want.Name || got.Region != test.want.Region ||
				got.Partition != test.want.Partition || got.Context != "" || got.Server != serviceAddress {
				t.Errorf("Resolve = %+v, want %+v", got, test.want)
			}
			if unnamed := test.cluster == ""; got.IssuerOnly() != unnamed || got.EndpointOnly() {
				t.Errorf("IssuerOnly = %t, EndpointOnly = %t, want %t and false", got.IssuerOnly(), got.EndpointOnly(), unnamed)
			}
		})
	}
	o := pod
	o.InPod = false // the same address by --server
	if _, err := Resolve(*clientcmdapi.NewConfig(), o); !errors.As(err, new(*UnnamedError)) {
		t.Errorf("error = %v, want an UnnamedError", err)
	}
}

// TestGuardInPod checks that the address of the Service alone proves nothing, and the cluster's CA does.
func TestGuardInPod(t *testing.T) {
	ca, other := newAuthority(t, "kubernetes"), newAuthority(t, "other")
	const certificate = v1alpha1.EvidenceCertificate
	inPod := func(target *Target, _ *Described) { target.InPod = true }
	for _, names := range [][]string{{labHost, apiServerName}, {apiServerName}} {
		lab := newAPIServer(t, ca, names...)
		wantGuard(t, guardOf(t, ca, lab.connection("", ca), inPod), v1alpha1.GuardMatch, certificate, "own CA")
		stranger := newAPIServer(t, other, names...)
		wantGuard(t, guardOf(t, ca, stranger.connection("", other), inPod), v1alpha1.GuardMismatch, certificate, `"CN=other"`)
	}
	kubelet := newAPIServer(t, ca, "ip-10-0-0-1")
	wantGuard(t, guardOf(t, ca, kubelet.connection("", ca), inPod), v1alpha1.GuardMismatch, certificate, "")
	unreachable := &rest.Config{Host: "https://127.0.0.1:1"}
	wantGuard(t, guardOf(t, ca, unreachable, inPod), v1alpha1.GuardUnverified, v1alpha1.EvidenceNone, "private address")
}

// TestIssuer checks what identifies the cluster of a pod if no flag names it.
func TestIssuer(t *testing.T) {
	ca, other := newAuthority(t, "kubernetes"), newAuthority(t, "other")
	lab := newAPIServer(t, ca, apiServerName)
	issuerOf := func(c *rest.Config, region string) (*Binding, string, error) {
		b := New(Target{InPod: true, Server: c.Host, Insecure: c.Insecure, Region: region}, c, nil)
		issuer, err := b.Issuer(t.Context())
		return b, issuer, err
	}
	lab.issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/A"
	b, issuer, err := issuerOf(lab.connection("", ca), "")
	if err != nil || issuer != lab.issuer || b.Region != "eu-central-1" || b.Partition != "aws" {
		t.Errorf("Issuer = %q, %v; region %q, want %s and its region", issuer, err, b.Region, lab.issuer)
	}
	if b, _, _ := issuerOf(lab.connection("", ca), "us-west-2"); b.Region != "us-west-2" {
		t.Errorf("region = %q, want that of the flag", b.Region)
	}
	for name, c := range map[string]*rest.Config{
		"another CA":     lab.connection("", other),
		"not verified":   {Host: lab.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
		"not reachable":  {Host: "https://127.0.0.1:1"},
		"no issuer":      newAPIServer(t, ca, apiServerName).connection("", ca),
		"not TLS at all": {Host: "http://127.0.0.1:1"},
	} {
		_, issuer, err := issuerOf(c, "")
		if issuer != "" || !errors.As(err, new(*UnnamedError)) || !strings.Contains(err.Error(), "cluster of this pod") {
			t.Errorf("%s: Issuer = %q, %v, want an UnnamedError", name, issuer, err)
		}
		if !strings.Contains(hint.Of(err), "--cluster-name") {
			t.Errorf("%s: hint = %q, want the flags", name, hint.Of(err))
		}
	}
	for issuer, want := range map[string]string{
		"https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A": "cn-north-1",
		"https://oidc-eks.us-east-1.api.aws/id/A":           "us-east-1",
		"https://container.googleapis.com/v1/us-east-1":     "",
		"https://oidc.example.com/us-east-1":                "",
		"https://us-east-1.example.com":                     "",
		"kubernetes":                                        "", "://": "",
	} {
		if got := issuerRegion(issuer); got != want {
			t.Errorf("issuerRegion(%q) = %q, want %q", issuer, got, want)
		}
	}
}
