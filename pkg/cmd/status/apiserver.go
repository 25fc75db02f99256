package status

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// askHealth requests from the API server whether its KMS plugin works, beside the calls of AWS. The
// returned function waits for the answer, at most two seconds in total, and adds it to the
// report. The request needs no credentials, so no credential plugin runs for it.
func askHealth(ctx context.Context, b *binding.Binding) func(*v1alpha1.EncryptionReport) {
	answer := make(chan apiserver.Health, 1)
	go func() {
		defer close(answer)
		config, err := b.REST()
		if err != nil {
			return
		}
		anonymous := rest.AnonymousClientConfig(config)
		anonymous.Proxy = config.Proxy
		lane, err := apiserver.Open(anonymous, 0)
		if err != nil {
			return
		}
		defer lane.Close()
		if health, err := apiserver.KMSHealth(ctx, lane); err == nil {
			answer <- health
		}
	}()
	return func(r *v1alpha1.EncryptionReport) {
		if r.Cluster.Guard != v1alpha1.GuardMatch {
			return // the answer may be that of another cluster
		}
		if health := <-answer; health.Known {
			applyHealth(r, health)
		}
	}
}

// applyHealth adds the word of an API server to the report. A key that its KMS plugin
// cannot use is not usable, whatever KMS and EKS say.
func applyHealth(r *v1alpha1.EncryptionReport, health apiserver.Health) {
	r.Evidence = &v1alpha1.Evidence{APIServers: &v1alpha1.APIServers{
		Agreement: v1alpha1.AgreementUnknown, WriteKey: v1alpha1.WriteKeyUnknown, KMSHealthy: &health.OK,
	}}
	if health.OK {
		return
	}
	r.Evidence.APIServers.Reason = health.Reason
	notUsable(r, health.Reason)
}

func notUsable(r *v1alpha1.EncryptionReport, reason string) {
	r.Notes = append(r.Notes, "the API server reports that its KMS plugin does not work: "+reason)
	if r.Key != nil {
		r.Key.Usable, r.Key.Reason = v1alpha1.UsableNo, "the API server cannot use it: "+reason
		r.Controls = encryption.Controls(r)
	}
}

// askServers adds the write key of every API server, from its metrics.
func askServers(ctx context.Context, b *binding.Binding, r *v1alpha1.EncryptionReport) error {
	if r.Cluster.Guard != v1alpha1.GuardMatch {
		return fmt.Errorf("ask the API servers of cluster %q: it is not verified that kube context %q leads there: %s",
			r.Cluster.Name, r.Cluster.Context, r.Cluster.GuardReason)
	}
	config, err := b.REST()
	if err != nil {
		return err
	}
	servers, err := rewriter.InspectServers(ctx, config, r.Encryption.KeyARN)
	if err != nil {
		return err
	}
	addServers(r, servers)
	return nil
}

// addServers adds what all API servers showed to the report. That the KMS plugin of one does not work remains.
func addServers(r *v1alpha1.EncryptionReport, servers *v1alpha1.APIServers) {
	if r.Evidence == nil {
		r.Evidence = &v1alpha1.Evidence{}
	}
	failed := false
	if earlier := r.Evidence.APIServers; earlier != nil && earlier.KMSHealthy != nil && !*earlier.KMSHealthy {
		servers.KMSHealthy, failed = earlier.KMSHealthy, true
		servers.Reason = cmp.Or(servers.Reason, earlier.Reason)
	}
	r.Evidence.APIServers = servers
	live := "an unknown number"
	if servers.Live > 0 {
		live = fmt.Sprint(servers.Live)
	}
	note := fmt.Sprintf("API servers: %s live, %d reached; their write keys: %s; compared to the key of EKS: %s",
		live, servers.Reached, servers.Agreement, servers.WriteKey)
	if servers.Reason != "" {
		note += "; " + servers.Reason
	}
	r.Notes = append(r.Notes, note)
	if servers.KMSHealthy != nil && !*servers.KMSHealthy && !failed {
		notUsable(r, servers.Reason)
	}
}
