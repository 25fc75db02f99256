package daemon

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// pausePeriod is the length of one pause of a slow API server plus the time
// until the next one.
const pausePeriod = time.Second

func (l *Lab) allFaults() admin.Faults {
	l.mu.Lock()
	defer l.mu.Unlock()
	return admin.Faults{AWS: l.aws.Faults(), Cluster: l.faults}
}

// setFaults replaces all current faults with f.
func (l *Lab) setFaults(ctx context.Context, f admin.Faults) error {
	c := f.Cluster
	c.APIServer = cmp.Or(c.APIServer, admin.APIServerRunning)
	switch c.APIServer {
	case admin.APIServerRunning, admin.APIServerStopped, admin.APIServerSlow:
	default:
		return fmt.Errorf("unknown state %q of the API server", c.APIServer)
	}
	l.aws.SetFaults(f.AWS)
	if err := l.aws.Update(func(w *fakeaws.State) { l.setAWSFaults(w, c) }); err != nil {
		return err
	}
	before := l.replaceFaults(c)
	if before.APIServer == c.APIServer && before.PausedShare == c.PausedShare {
		return nil
	}
	return l.setAPIServerFault(ctx, c)
}

// replaceFaults stores f, ends the slowness of the API server and returns the
// previous faults.
func (l *Lab) replaceFaults(f admin.ClusterFaults) (before admin.ClusterFaults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.faults
	before.APIServer = cmp.Or(before.APIServer, admin.APIServerRunning)
	l.faults = f
	if l.resume != nil {
		l.resume()
		l.resume = nil
	}
	return before
}

// setAWSFaults sets the state of the cluster's key in KMS and of the cluster in EKS.
func (l *Lab) setAWSFaults(w *fakeaws.State, f admin.ClusterFaults) {
	cluster := w.Clusters[state.ClusterARN]
	keyARN := cmp.Or(cluster.KeyARN, l.config.CustomerKey)
	if key := w.Keys[keyARN]; key != nil {
		key.State = cmp.Or(f.KeyState, "Enabled")
		key.DeletionDate = time.Time{}
		if key.State == "PendingDeletion" {
			key.DeletionDate = time.Now().AddDate(0, 0, 30).UTC().Truncate(time.Second)
		}
	}
	cluster.FailAssociation = nil
	if f.FailAssociation != "" {
		cluster.FailAssociation = &fakeaws.UpdateError{
			Code: "Unknown", Message: f.FailAssociation, ResourceIDs: []string{keyARN},
		}
	}
	cluster.Health = nil
	for _, code := range f.Health {
		cluster.Health = append(cluster.Health, fakeaws.HealthIssue{
			Code: code, Message: "Internal failure encountered when trying to validate resources",
			ResourceIDs: []string{keyARN},
		})
	}
}

// savedFaults returns the faults that the saved state of the AWS endpoints contains.
func savedFaults(w *fakeaws.State, c *state.Config) (f admin.ClusterFaults) {
	cluster := w.Clusters[state.ClusterARN]
	if key := w.Keys[cmp.Or(cluster.KeyARN, c.CustomerKey)]; key != nil && key.State != "Enabled" {
		f.KeyState = key.State
	}
	if cluster.FailAssociation != nil {
		f.FailAssociation = cluster.FailAssociation.Message
	}
	for _, issue := range cluster.Health {
		f.Health = append(f.Health, issue.Code)
	}
	return f
}

// setAPIServerFault stops, starts or slows down the API server.
func (l *Lab) setAPIServerFault(ctx context.Context, f admin.ClusterFaults) error {
	if f.APIServer == admin.APIServerStopped {
		l.plane.APIServer.Kill()
		return nil
	}
	if err := l.plane.APIServer.Start(); err != nil {
		return err
	}
	if err := l.plane.WaitReady(ctx); err != nil {
		return err
	}
	if f.APIServer == admin.APIServerSlow {
		// The slowness outlives the request that started it.
		slow, resume := context.WithCancel(context.WithoutCancel(ctx))
		l.mu.Lock()
		l.resume = resume
		l.mu.Unlock()
		go l.plane.APIServer.Slow(slow, f.PausedShare, pausePeriod)
	}
	return nil
}
