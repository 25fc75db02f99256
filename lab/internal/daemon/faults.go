package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	l.faulting.Lock()
	defer l.faulting.Unlock()
	for number := range f.Cluster.Servers {
		if number < 1 || number > l.config.Servers {
			return fmt.Errorf("there is no API server %d: the lab has %d", number, l.config.Servers)
		}
	}
	l.aws.SetFaults(f.AWS)
	if err := l.aws.Update(func(w *fakeaws.State) { l.setAWSFaults(w, f.Cluster) }); err != nil {
		return err
	}
	before := l.replaceFaults(f.Cluster)
	if maps.Equal(before.Servers, f.Cluster.Servers) {
		return nil
	}
	return l.setServerFaults(ctx, f.Cluster.Servers)
}

// replaceFaults stores f and returns the previous faults.
func (l *Lab) replaceFaults(f admin.ClusterFaults) (before admin.ClusterFaults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, l.faults = l.faults, f
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

// setServerFaults stops, starts and slows down API servers, and makes those follow the
// association that do not lag any more.
func (l *Lab) setServerFaults(ctx context.Context, faults map[int]admin.ServerFault) error {
	if l.resume != nil {
		l.resume()
		l.resume = nil
	}
	for _, server := range l.plane.Servers() {
		if faults[server.Number].Stopped {
			server.Kill()
		} else if err := server.Revive(ctx); err != nil {
			return err
		}
	}
	l.mu.Lock()
	key := l.config.AssociatedKey
	l.mu.Unlock()
	if err := l.plane.Apply(ctx, key, l.limits()); err != nil {
		return err
	}
	// The slowness outlives the request that started it.
	slow, resume := context.WithCancel(context.WithoutCancel(ctx))
	l.resume = resume
	for _, server := range l.plane.Servers() {
		if share := faults[server.Number].PausedShare; share > 0 {
			go l.plane.Slow(slow, server.Number, share, pausePeriod)
		}
	}
	return nil
}
