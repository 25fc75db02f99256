package kms

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

func (w testAWS) eks() *eks.Client { return eks.NewFromConfig(w.config) }

func TestUsedBy(t *testing.T) {
	w := newAWS(t)
	key := w.key(t, fakeaws.Key{})
	var want []string
	for i, c := range []fakeaws.Cluster{{KeyARN: key}, {}, {KeyARN: key}, {ConnectorProvider: "GKE"}} {
		c.Name, c.Region, c.Account = fmt.Sprintf("c%d", i), home, account
		arn, err := w.AddCluster(c)
		must(t, err)
		if c.KeyARN != "" {
			want = append(want, arn)
		}
	}
	got, err := UsedBy(context.Background(), w.eks())
	must(t, err)
	if diff := cmp.Diff(map[string][]string{key: want}, got); diff != "" {
		t.Error(diff)
	}
	w.SetFaults([]fakeaws.Fault{{Operation: "DescribeCluster", Cluster: "c1", Status: 403, Code: "AccessDeniedException"}})
	if got, err := UsedBy(context.Background(), w.eks()); err == nil {
		t.Errorf("a list with a gap passed as whole: %v", got)
	}
}
