package labtest

import (
	"context"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/etcdclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

const secretsPrefix = "/registry/secrets/"

// Snapshot is every object in etcd at one revision.
type Snapshot struct {
	Revision int64
	Provider map[string]string // by key in etcd
}

// Snapshot reads every object in etcd.
func (l *Lab) Snapshot(t *testing.T) Snapshot {
	t.Helper()
	etcd := l.Etcd(t)
	defer func() { _ = etcd.Close() }() // all requests are done
	s := Snapshot{Provider: map[string]string{}}
	var err error
	s.Revision, err = scan.Each(t.Context(), etcd, func(key, provider, _ string) { s.Provider[key] = provider })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// History returns the providers that encrypted each secret, one after the other, from the
// first snapshot to the last one.
func (l *Lab) History(t *testing.T, first, last Snapshot) map[string][]string {
	t.Helper()
	etcd := l.Etcd(t)
	defer func() { _ = etcd.Close() }() // all requests are done
	history := map[string][]string{}
	for key, provider := range first.Provider {
		if strings.HasPrefix(key, secretsPrefix) {
			history[key] = []string{provider}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// Each revision has an event, if all keys are watched.
	events := etcd.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(first.Revision+1))
	for reached := first.Revision; reached < last.Revision; {
		response := <-events
		if err := response.Err(); err != nil || ctx.Err() != nil {
			t.Fatalf("read the history of etcd: %v, %v", err, ctx.Err())
		}
		for _, event := range response.Events {
			reached = event.Kv.ModRevision
			key := string(event.Kv.Key)
			if event.Type == clientv3.EventTypePut && strings.HasPrefix(key, secretsPrefix) && reached <= last.Revision {
				provider, _ := scan.Envelope(event.Kv.Value)
				history[key] = append(history[key], provider)
			}
		}
	}
	return history
}

// DeleteSecrets deletes all secrets from etcd, and the record of the plugin.
func (l *Lab) DeleteSecrets(t *testing.T) {
	t.Helper()
	etcd := l.Etcd(t)
	defer func() { _ = etcd.Close() }() // all requests are done
	for _, prefix := range []string{secretsPrefix, "/registry/configmaps/kube-system/eks-encrypt"} {
		if _, err := etcd.Delete(t.Context(), prefix, clientv3.WithPrefix()); err != nil {
			t.Fatal(err)
		}
	}
}

// Etcd returns a client of the lab's etcd. The caller closes it.
func (l *Lab) Etcd(t *testing.T) *clientv3.Client {
	t.Helper()
	config, err := state.Load(state.Dir(l.Dir))
	if err != nil {
		t.Fatal(err)
	}
	etcd, err := etcdclient.New(state.Dir(l.Dir), config)
	if err != nil {
		t.Fatal(err)
	}
	return etcd
}
