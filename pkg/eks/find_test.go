package eks_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// TestFind checks that the cluster is found on any page, and the error if it is not.
func TestFind(t *testing.T) {
	server, config := awstest.New(t)
	for i := range 150 {
		awstest.AddCluster(t, server, fakeaws.Cluster{Name: fmt.Sprintf("c%03d", i)})
	}
	endpoint := func(name string) string {
		return "https://" + strings.ToUpper(name) + ".gr7.eu-central-1.eks.amazonaws.com"
	}
	first := awstest.AddCluster(t, server, fakeaws.Cluster{Name: "a", Endpoint: endpoint("aaaa")})
	last := awstest.AddCluster(t, server, fakeaws.Cluster{Name: "z", Endpoint: endpoint("ffff")})
	client := eks.New(awseks.NewFromConfig(config))
	var done atomic.Int64
	progress := func(n, total int) {
		if n > total {
			t.Errorf("progress = %d of %d", n, total)
		}
		done.Add(1)
	}
	for host, want := range map[string]string{
		"aaaa.gr7.eu-central-1.eks.amazonaws.com": first, "ffff.gr7.eu-central-1.eks.amazonaws.com": last,
	} {
		found, err := client.Find(t.Context(), eks.ByEndpoint(host), progress)
		if err != nil || found.ARN != want {
			t.Errorf("Find(%s) = %s, %v, want %s", host, found.ARN, err, want)
		}
	}
	if done.Load() == 0 {
		t.Error("no progress was reported")
	}
	missing := eks.ByEndpoint("eeee.gr7.eu-central-1.eks.amazonaws.com")
	_, err := client.Find(t.Context(), missing, progress)
	if err == nil || !strings.Contains(err.Error(), "none of the 152 clusters") {
		t.Errorf("error = %v, want the number of clusters", err)
	}
	awstest.Must(t, server.AddPrincipal(awstest.User(fakeaws.Allow("eks:ListClusters"))))
	_, err = client.Find(t.Context(), missing, progress)
	if err == nil || !strings.Contains(err.Error(), "could not be described") {
		t.Errorf("error = %v, want it to say that clusters could not be described", err)
	}
	awstest.Must(t, server.AddPrincipal(awstest.User(fakeaws.Allow("eks:DescribeCluster"))))
	_, err = client.Find(t.Context(), missing, progress)
	if awsclient.KindOf(err) != awsclient.KindAccessDenied {
		t.Errorf("error = %v, want AccessDenied", err)
	}
}
