package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// BenchmarkFleet audits a thousand clusters in 20 regions and 5 accounts, with 50 ms
// latency for each call. "of-ideal" is the time divided by calls ÷ concurrency × latency;
// only an idle machine comes close to 1. "of-plain" is the time divided by the time that
// as many workers need for as many calls of DescribeCluster on the same machine.
//
//	go test ./pkg/fleet -run '^$' -bench Fleet -benchtime 3x
func BenchmarkFleet(b *testing.B) {
	const latency = 50 * time.Millisecond
	f := newFleet(b, fakeaws.GenerateOptions{Clusters: 1000, Regions: 20, Accounts: 5, Seed: 1})
	f.SetFaults([]fakeaws.Fault{{Latency: latency}})
	var calls int
	var took, plain time.Duration
	for b.Loop() {
		f.ResetRequests()
		begin := time.Now()
		f.gather(b, f.options())
		took += time.Since(begin)
		calls = len(f.Requests())
		begin = time.Now()
		f.plain(b, calls)
		plain += time.Since(begin)
	}
	took, plain = took/time.Duration(b.N), plain/time.Duration(b.N)
	ideal := time.Duration(calls) * latency / DefaultMaxConcurrency
	b.ReportMetric(float64(calls), "calls")
	b.ReportMetric(ideal.Seconds(), "ideal-s")
	b.ReportMetric(took.Seconds(), "took-s")
	b.ReportMetric(float64(took)/float64(ideal), "of-ideal")
	b.ReportMetric(float64(took)/float64(plain), "of-plain")
}

// plain makes the same number of DescribeCluster calls with one role.
func (f fleet) plain(b *testing.B, calls int) {
	truth := f.Generated.Expected[0]
	client := f.clients.Assume("arn:aws:iam::"+truth.Account+":role/"+f.RoleName, "", truth.Region).EKS()
	var all errgroup.Group
	all.SetLimit(DefaultMaxConcurrency)
	for range calls {
		all.Go(func() error {
			_, err := client.DescribeCluster(context.Background(), &eks.DescribeClusterInput{Name: &truth.Name})
			return err
		})
	}
	awstest.Must(b, all.Wait())
}
