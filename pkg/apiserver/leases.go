package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	leasesPath   = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
	leaseLabel   = "apiserver.kubernetes.io/identity=kube-apiserver"
	leaseTimeout = 15 * time.Second

	// An API server renews its Lease every 10 seconds.
	renewInterval = 10 * time.Second
	// RenewedLately is how long after its last renewal a Lease counts as that of a living
	// server.
	RenewedLately = 3 * renewInterval
)

// Roster is the Leases of the API servers at one moment. A server that has ended leaves
// its Lease behind for an hour.
type Roster struct {
	// Now is the clock of the server that answered.
	Now time.Time
	// Renewed and Created have the time of the last renewal and of the creation by the name of the Lease.
	Renewed, Created map[string]time.Time
}

// rosterError is a response other than a list.
type rosterError struct{ code int }

func (e *rosterError) Error() string {
	return fmt.Sprintf("list the Leases of the API servers in kube-system: %d %s", e.code, http.StatusText(e.code))
}

// Refused reports whether the API server refused to list the Leases, so that another
// attempt does not help.
func Refused(err error) bool {
	var e *rosterError
	return errors.As(err, &e) && e.code < http.StatusInternalServerError && e.code != http.StatusTooManyRequests
}

// ReadRoster lists the Leases. It requires list on leases in kube-system.
func ReadRoster(ctx context.Context, l *Lane) (*Roster, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	resp, err := l.Do(ctx, Request{
		Method: http.MethodGet, Path: leasesPath, Query: url.Values{"labelSelector": {leaseLabel}},
		Accept: runtime.ContentTypeJSON,
	})
	if err != nil {
		return nil, fmt.Errorf("list the Leases of the API servers: %w", err)
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, &rosterError{resp.StatusCode}
	}
	var list coordinationv1.LeaseList
	if err := json.NewDecoder(io.LimitReader(resp.Body, 8<<20)).Decode(&list); err != nil {
		return nil, fmt.Errorf("decode the Leases of the API servers: %w", err)
	}
	r := &Roster{Now: Date(resp), Renewed: map[string]time.Time{}, Created: map[string]time.Time{}}
	for i := range list.Items {
		renewed := time.Time{}
		if t := list.Items[i].Spec.RenewTime; t != nil {
			renewed = t.Time
		}
		r.Renewed[list.Items[i].Name] = renewed
		r.Created[list.Items[i].Name] = list.Items[i].CreationTimestamp.Time
	}
	if len(r.Renewed) == 0 || r.Now.IsZero() {
		return nil, fmt.Errorf("list the Leases of the API servers: there are none")
	}
	return r, nil
}

// Live returns the names of the Leases that were renewed lately. A Lease also counts if
// it was renewed since an earlier roster, because the clocks of the servers may differ.
func (r *Roster) Live(earlier *Roster) []string {
	var names []string
	for name, renewed := range r.Renewed {
		before, known := time.Time{}, false
		if earlier != nil {
			before, known = earlier.Renewed[name]
		}
		if r.Now.Sub(renewed) < RenewedLately || known && renewed.After(before) {
			names = append(names, name)
		}
	}
	return names
}

// Late returns a roster of the Leases that were not renewed lately: their servers have ended, or their
// clocks are slow.
func (r *Roster) Late() *Roster {
	late := &Roster{Now: r.Now, Renewed: map[string]time.Time{}}
	for name, renewed := range r.Renewed {
		if r.Now.Sub(renewed) >= RenewedLately {
			late.Renewed[name] = renewed
		}
	}
	return late
}

// New returns how many servers live, and how many of these had no Lease in an earlier roster.
func (r *Roster) New(earlier *Roster) (fresh, live int) {
	for _, name := range r.Live(nil) {
		live++
		if _, known := earlier.Renewed[name]; !known {
			fresh++
		}
	}
	return fresh, live
}

// Doubtful reports whether some Leases were not renewed lately: their servers may have
// ended, or their clocks may be slow.
func (r *Roster) Doubtful() bool { return len(r.Late().Renewed) > 0 }

// Settle is how long after a roster another one shows which doubtful Leases are live.
const Settle = renewInterval + 2*time.Second
