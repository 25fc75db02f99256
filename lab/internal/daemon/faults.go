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

// States of the API server in admin.Switches.
const (
	running = "running"
	stopped = "stopped"
	slow    = "slow"
)

// freezePeriod is how often a slow API server stands still.
const freezePeriod = time.Second

func (l *Lab) faults() admin.Faults {
	l.mu.Lock()
	defer l.mu.Unlock()
	return admin.Faults{AWS: l.aws.Faults(), Switches: l.switches}
}

// setFaults makes the world as f says, and no worse.
func (l *Lab) setFaults(ctx context.Context, f admin.Faults) error {
	s := f.Switches
	s.APIServer = cmp.Or(s.APIServer, running)
	if s.APIServer != running && s.APIServer != stopped && s.APIServer != slow {
		return fmt.Errorf("the API server can be %s, %s or %s, not %q", running, stopped, slow, s.APIServer)
	}
	l.aws.SetFaults(f.AWS)
	if err := l.aws.Update(func(w *fakeaws.World) { l.switchAWS(w, s) }); err != nil {
		return err
	}
	before := l.keepSwitches(s)
	if before.APIServer == s.APIServer && before.Frozen == s.Frozen {
		return nil
	}
	return l.switchAPIServer(ctx, s)
}

func (l *Lab) keepSwitches(s admin.Switches) (before admin.Switches) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before = l.switches
	before.APIServer = cmp.Or(before.APIServer, running)
	l.switches = s
	if l.thaw != nil {
		l.thaw()
		l.thaw = nil
	}
	return before
}

// switchAWS sets the state of the cluster's key and of the cluster in EKS.
func (l *Lab) switchAWS(w *fakeaws.World, s admin.Switches) {
	cluster := w.Clusters[state.ClusterARN]
	keyARN := cmp.Or(cluster.KeyARN, l.config.CustomerKey)
	if key := w.Keys[keyARN]; key != nil {
		key.State = cmp.Or(s.KeyState, "Enabled")
		key.DeletionDate = time.Time{}
		if key.State == "PendingDeletion" {
			key.DeletionDate = time.Now().AddDate(0, 0, 30).UTC().Truncate(time.Second)
		}
	}
	cluster.FailAssociation = nil
	if s.FailAssociation != "" {
		cluster.FailAssociation = &fakeaws.UpdateError{Code: "Unknown", Message: s.FailAssociation, ResourceIDs: []string{keyARN}}
	}
	cluster.Health = nil
	for _, code := range s.Health {
		cluster.Health = append(cluster.Health, fakeaws.HealthIssue{
			Code: code, Message: "Internal failure encountered when trying to validate resources", ResourceIDs: []string{keyARN},
		})
	}
}

// switchesOf reads from a saved world how its faults were switched.
func switchesOf(w *fakeaws.World, c *state.Config) (s admin.Switches) {
	cluster := w.Clusters[state.ClusterARN]
	if key := w.Keys[cmp.Or(cluster.KeyARN, c.CustomerKey)]; key != nil && key.State != "Enabled" {
		s.KeyState = key.State
	}
	if cluster.FailAssociation != nil {
		s.FailAssociation = cluster.FailAssociation.Message
	}
	for _, issue := range cluster.Health {
		s.Health = append(s.Health, issue.Code)
	}
	return s
}

func (l *Lab) switchAPIServer(ctx context.Context, s admin.Switches) error {
	if s.APIServer == stopped {
		l.plane.APIServer.Kill()
		return nil
	}
	if err := l.plane.APIServer.Start(); err != nil {
		return err
	}
	if err := l.plane.WaitReady(ctx); err != nil {
		return err
	}
	if s.APIServer == slow {
		// The slowness outlives the order that began it.
		freezing, thaw := context.WithCancel(context.WithoutCancel(ctx))
		l.mu.Lock()
		l.thaw = thaw
		l.mu.Unlock()
		go l.plane.APIServer.Slow(freezing, s.Frozen, freezePeriod)
	}
	return nil
}
