package binding

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// config returns a kubeconfig with one context, "current".
func config(entry, server string, exec *clientcmdapi.ExecConfig) clientcmdapi.Config {
	c := clientcmdapi.NewConfig()
	c.Clusters[entry] = &clientcmdapi.Cluster{Server: server}
	c.AuthInfos["user"] = &clientcmdapi.AuthInfo{Exec: exec}
	c.Contexts["current"] = &clientcmdapi.Context{Cluster: entry, AuthInfo: "user"}
	c.CurrentContext = "current"
	return *c
}

const (
	labARN      = "arn:aws:eks:us-west-2:111122223333:cluster/lab"
	labEndpoint = "https://" + hash + ".gr7.us-west-2.eks.amazonaws.com"
)

func TestResolve(t *testing.T) {
	awsExec := func(name, region string) *clientcmdapi.ExecConfig {
		return exec("aws --region " + region + " eks get-token --cluster-name " + name)
	}
	tests := []struct {
		name   string
		config clientcmdapi.Config
		o      Options
		want   Target // ARN, Name, Region, Partition are compared
		err    string // part of the error; empty for none
		notEKS bool
	}{
		{name: "as update-kubeconfig writes it", config: config(labARN, labEndpoint, awsExec("lab", "us-west-2")),
			want: Target{ARN: labARN, Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "the ARN alone, through a tunnel", config: config(labARN, "https://localhost:8443", nil),
			want: Target{ARN: labARN, Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "renamed entry, exec arguments", config: config("prod", labEndpoint, awsExec("lab", "us-west-2")),
			want: Target{Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "eksctl, with an @ in the user", config: config("lab.eu-west-1.eksctl.io",
			"https://"+hash+".gr7.eu-west-1.eks.amazonaws.com", exec("aws-iam-authenticator token -i lab")),
			want: Target{Name: "lab", Region: "eu-west-1", Partition: "aws"}},
		{name: "China", config: config("arn:aws-cn:eks:cn-north-1:111122223333:cluster/lab",
			"https://"+hash+".yl4.cn-north-1.eks.amazonaws.com.cn", nil),
			want: Target{ARN: "arn:aws-cn:eks:cn-north-1:111122223333:cluster/lab", Name: "lab", Region: "cn-north-1",
				Partition: "aws-cn"}},
		{name: "the flag overrides the name, and the ARN is dropped", config: config(labARN, labEndpoint, nil),
			o:    Options{ClusterName: "other"},
			want: Target{Name: "other", Region: "us-west-2", Partition: "aws"}},
		{name: "flags without a kubeconfig", config: *clientcmdapi.NewConfig(),
			o:    Options{ClusterName: "lab", Region: "eu-west-1"},
			want: Target{Name: "lab", Region: "eu-west-1", Partition: "aws"}},
		{name: "two names", config: config(labARN, labEndpoint, awsExec("other", "us-west-2")),
			err: "contradicts itself"},
		{name: "an ARN by flag without a kubeconfig", config: *clientcmdapi.NewConfig(), o: Options{ClusterName: labARN},
			want: Target{ARN: labARN, Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "an ARN by flag overrides the kubeconfig", config: config("prod.eu-west-1.eksctl.io", labEndpoint, nil),
			o:    Options{ClusterName: labARN},
			want: Target{ARN: labARN, Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "an ARN that contradicts --region", config: *clientcmdapi.NewConfig(),
			o: Options{ClusterName: labARN, Region: "eu-west-1"}, err: "contradicts"},
		{name: "an endpoint without a name", config: config("prod", labEndpoint, nil),
			want: Target{Region: "us-west-2", Partition: "aws"}},
		{name: "another cluster entry by flag", config: config(labARN, labEndpoint, nil), o: Options{ClusterEntry: "x"},
			err: `--cluster names cluster entry "x"`},
		{name: "a server by flag without a kubeconfig", config: *clientcmdapi.NewConfig(),
			o:    Options{ClusterName: "lab", Region: "us-west-2", Connection: &rest.Config{Host: labEndpoint}},
			want: Target{Name: "lab", Region: "us-west-2", Partition: "aws"}},
		{name: "a server by flag replaces that of the context", config: config("prod", "https://10.0.0.1", nil),
			o: Options{Connection: &rest.Config{Host: labEndpoint}}, want: Target{Region: "us-west-2", Partition: "aws"}},
		{name: "no context", config: *clientcmdapi.NewConfig(), err: "no kubeconfig with a context"},
		{name: "unknown context", config: config(labARN, labEndpoint, nil), o: Options{Context: "x"},
			err: `context "x" does not exist`},
		{name: "a flag that is not a name", config: config(labARN, labEndpoint, nil), o: Options{ClusterName: "a/b"},
			err: "not a valid EKS cluster name"},
		{name: "a flag that is not a region", config: config(labARN, labEndpoint, nil), o: Options{Region: "west"},
			err: "not a valid AWS region"},
		{name: "kind", config: config("kind-x", "https://127.0.0.1:40001", nil), err: "looks like kind", notEKS: true},
		{name: "GKE", config: config("gke_p_z_c", "https://10.0.0.1", exec("gke-gcloud-auth-plugin")),
			err: "looks like GKE", notEKS: true},
		{name: "kops with the authenticator", config: config("k.example.com", "https://api.k.example.com",
			exec("aws-iam-authenticator token -i k.example.com")), err: "aws-iam-authenticator", notEKS: true},
		{name: "AKS", config: config("a", "https://a-1.hcp.westeurope.azmk8s.io:443", nil), err: "AKS", notEKS: true},
		{name: "docker-desktop", config: config("docker-desktop", "https://127.0.0.1:6443", nil),
			err: "docker-desktop", notEKS: true},
		{name: "k3d", config: config("k3d-a", "https://0.0.0.0:6443", nil), err: "k3d", notEKS: true},
		{name: "DigitalOcean", config: config("do-fra1-x", "https://1.k8s.ondigitalocean.com", nil),
			err: "DigitalOcean", notEKS: true},
		{name: "OKE", config: config("c", "https://c.eu-frankfurt-1.clusters.oci.oraclecloud.com:6443", nil),
			err: "Oracle", notEKS: true},
		{name: "a context name that only sounds like EKS", config: config("prod", "https://api.example.com", nil),
			err: "does not name its cluster"},
		{name: "Rancher", config: config("prod", "https://rancher.example.com/k8s/clusters/c-m-1234", nil),
			err: "behind a proxy"},
		{name: "Teleport", config: config("prod", "https://teleport.example.com:443", exec("tsh kube credentials")),
			err: "behind a proxy"},
		{name: "GitLab", config: config("gitlab", "https://kas.gitlab.com/k8s-proxy", nil), err: "behind a proxy"},
		{name: "Palette", config: config("prod", "https://cluster-61a5.proxy.spectrocloud.com:443", nil),
			err: "behind a proxy"},
		{name: "a tunnel", config: config("prod", "https://localhost:8443", nil), err: "behind a proxy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Resolve(test.config, test.o)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error = %v, want %q", err, test.err)
				}
				if hint.Of(err) == "" {
					t.Errorf("hint of error %v is empty", err)
				}
				if is := errors.As(err, new(*NotEKSError)); is != test.notEKS {
					t.Errorf("is a NotEKSError = %t, want %t", is, test.notEKS)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ARN != test.want.ARN || got.Name != test.want.Name || got.Region != test.want.Region ||
				got.Partition != test.want.Partition {
				t.Errorf("Resolve = %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestResolveCredentials checks that the plugin acts as the same principal as kubectl.
func TestResolveCredentials(t *testing.T) {
	e := exec("aws --profile q --region us-west-2 eks get-token --cluster-name lab --role arn:r", "AWS_PROFILE=p")
	got, err := Resolve(config(labARN, labEndpoint, e), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Credentials
	if c.Profile != "q" || c.Env["AWS_PROFILE"] != "p" || c.ExecRoleARN != "arn:r" || c.RoleARN != "" {
		t.Errorf("credentials = %+v", c)
	}
	got, err = Resolve(config(labARN, labEndpoint, e), Options{Profile: "mine", RoleARN: "arn:mine",
		EndpointURL: "http://e"})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Credentials; c.Profile != "mine" || c.RoleARN != "arn:mine" || c.EndpointURL != "http://e" {
		t.Errorf("credentials = %+v, want those of the flags", c)
	}
}
