package cmdutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// podAPIServer is the API server of the pod: every service account may read its issuer.
type podAPIServer struct {
	*httptest.Server
	issuer string
}

func newPodAPIServer(t *testing.T) *podAPIServer {
	t.Helper()
	s := &podAPIServer{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" || r.Header.Get("Authorization") != "Bearer pod" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `{"issuer":"`+s.issuer+`"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *podAPIServer) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// otherCA returns a certificate authority that issued no certificate here.
func otherCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	awstest.Must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	awstest.Must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}

// podFactory returns a Factory that runs in a pod, without a kubeconfig.
func podFactory(t *testing.T, s *podAPIServer, endpointURL string) *Factory {
	t.Helper()
	awstest.ClearEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", awstest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", awstest.SecretAccessKey)
	t.Setenv("AWS_ENDPOINT_URL", endpointURL)
	t.Setenv("AWS_REGION", "us-east-1") // of the pod; the cluster is in another one
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	f := NewFactory(genericiooptions.NewTestIOStreamsDiscard(), "v1")
	f.inCluster = func() (*rest.Config, error) {
		return &rest.Config{Host: s.URL, BearerToken: "pod", TLSClientConfig: rest.TLSClientConfig{CAData: s.ca()}}, nil
	}
	return f
}

// A pod is bound to the cluster that its API server's issuer or a flag names, if the certificate agrees.
func TestInspectInPod(t *testing.T) {
	aws, config := awstest.New(t)
	s, stranger := newPodAPIServer(t), newPodAPIServer(t)
	ca := base64.StdEncoding.EncodeToString(s.ca())
	lab := awstest.AddCluster(t, aws, fakeaws.Cluster{Name: "lab", Endpoint: s.URL, CA: ca})
	awstest.AddCluster(t, aws, fakeaws.Cluster{Name: "other", Endpoint: stranger.URL,
		CA: "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="})
	awstest.AddCluster(t, aws, fakeaws.Cluster{Name: "foreign", Endpoint: "https://foreign.example.com",
		CA: base64.StdEncoding.EncodeToString(otherCA(t))})
	described, err := awseks.NewFromConfig(config).DescribeCluster(t.Context(),
		&awseks.DescribeClusterInput{Name: new("lab")})
	awstest.Must(t, err)
	issuer := *described.Cluster.Identity.Oidc.Issuer
	for _, test := range []struct {
		name, issuer, cluster, region string
		verdict                       v1alpha1.Verdict
		guard                         v1alpha1.Guard
		reason                        string // of the error
	}{
		{"by the issuer", issuer, "", "", v1alpha1.VerdictAWSOwnedKey, v1alpha1.GuardMatch, ""},
		{"by flags", "", "lab", awstest.Region, v1alpha1.VerdictAWSOwnedKey, v1alpha1.GuardMatch, ""},
		{"by the ARN", "", lab, "", v1alpha1.VerdictAWSOwnedKey, v1alpha1.GuardMatch, ""},
		{"another cluster by flag", issuer, "foreign", awstest.Region, v1alpha1.VerdictUnknown, v1alpha1.GuardMismatch,
			"whose certificate is not that of"},
		{"an issuer of another cluster", strings.TrimRight(issuer, "0123456789ABCDEF") + "0", "", "",
			v1alpha1.VerdictUnknown, v1alpha1.GuardUnverified, "none of the 3 clusters"},
		{"no issuer", "", "", "", v1alpha1.VerdictUnknown, v1alpha1.GuardUnverified, "nothing names the cluster of this pod"},
		{"another region by flag", issuer, "", "us-east-1", v1alpha1.VerdictUnknown, v1alpha1.GuardUnverified,
			"none of the 0 clusters"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := podFactory(t, s, *config.BaseEndpoint)
			s.issuer, f.AWS.ClusterName, f.AWS.Region = test.issuer, test.cluster, test.region
			got, err := f.Inspect(t.Context(), "", InspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r := got.Report
			if r.Encryption.Verdict != test.verdict || r.Cluster.Guard != test.guard {
				t.Errorf("verdict = %s (%s), guard = %s (%s), want %s and %s", r.Encryption.Verdict, r.Encryption.Reason,
					r.Cluster.Guard, r.Cluster.GuardReason, test.verdict, test.guard)
			}
			if test.reason == "" && (got.Err != nil || r.Cluster.ARN != lab || r.Cluster.Context != "") {
				t.Errorf("error = %v, cluster = %s in context %q, want %s", got.Err, r.Cluster.ARN, r.Cluster.Context, lab)
			}
			if test.reason != "" && (got.Err == nil || !strings.Contains(got.Err.Error(), test.reason) ||
				hint.Of(got.Err) == "") {
				t.Errorf("error = %v with hint %q, want %q", got.Err, hint.Of(got.Err), test.reason)
			}
			if command := f.Command(got.Binding, "status"); test.reason == "" &&
				command != "kubectl eks-encrypt status --cluster-name "+lab {
				t.Errorf("command = %q, want the ARN and no context", command)
			}
		})
	}
}

// The pod's connection has the flags that kubectl would have applied to a kubeconfig.
func TestPodConnection(t *testing.T) {
	pod := rest.Config{Host: "https://10.100.0.1:443", BearerToken: "pod", BearerTokenFile: "/token",
		TLSClientConfig: rest.TLSClientConfig{CAFile: "/ca.crt"}}
	inCluster := func() (*rest.Config, error) { return rest.CopyConfig(&pod), nil }
	got, err := podConnection(inCluster, rest.CopyConfig(&pod)) // as kubectl returns it without a flag
	if err != nil || got.BearerTokenFile != "/token" || got.CAFile != "/ca.crt" || got.Insecure {
		t.Errorf("connection = %v, %v, want that of the pod", got, err)
	}
	got, err = podConnection(inCluster, &rest.Config{Host: "http://localhost:8080", BearerToken: "flag",
		Impersonate: rest.ImpersonationConfig{UserName: "ann"}, Timeout: 1,
		TLSClientConfig: rest.TLSClientConfig{ServerName: "n", Insecure: true}})
	if err != nil || got.Host != pod.Host || got.BearerToken != "flag" || got.BearerTokenFile != "" ||
		got.Impersonate.UserName != "ann" || got.Timeout != 1 || got.ServerName != "n" || !got.Insecure || got.CAFile != "" {
		t.Errorf("connection = %+v, %v, want the address of the pod and the flags", got, err)
	}
	for _, test := range []struct {
		err    error
		failed bool
	}{{rest.ErrNotInCluster, false}, {&fs.PathError{Err: fs.ErrNotExist}, false}, {errors.New("denied"), true}} {
		got, err := podConnection(func() (*rest.Config, error) { return nil, test.err }, &rest.Config{})
		if got != nil || (err != nil) != test.failed {
			t.Errorf("%v: connection = %v, %v", test.err, got, err)
		}
	}
}

// A kubeconfig comes before the pod, as with kubectl.
func TestKubeconfigInPod(t *testing.T) {
	f := podFactory(t, newPodAPIServer(t), "http://127.0.0.1:1")
	*f.Kube.APIServer = "https://api.example.com"
	if b, _ := f.Bind(""); b.InPod || b.Server != "https://api.example.com" {
		t.Errorf("binding to %s, in a pod: %t; want the server of the flag", b.Server, b.InPod)
	}
}
