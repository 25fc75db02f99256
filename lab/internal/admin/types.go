// Package admin is how the commands talk to the lab's daemon: a small HTTP API
// on a unix socket that only its owner can open.
package admin

import (
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// Phases of a lab.
const (
	Starting = "Starting"
	Ready    = "Ready"
	Stopped  = "Stopped"
)

// Status is the state of a lab.
type Status struct {
	Phase string `json:"phase"`
	// Step is what it is busy with, or what holds it up.
	Step       string `json:"step,omitempty"`
	Dir        string `json:"dir"`
	PID        int    `json:"pid,omitempty"`
	Cluster    string `json:"cluster"` // the ARN
	Version    string `json:"version"`
	APIServer  string `json:"apiServer,omitempty"`
	AWS        string `json:"awsEndpoint,omitempty"`
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// KeyARN is the customer key to associate; AssociatedKey the one in use.
	KeyARN        string         `json:"keyArn,omitempty"`
	AssociatedKey string         `json:"associatedKey,omitempty"`
	Components    map[string]int `json:"components,omitempty"` // name → process id, 0 when down
	Faults        []string       `json:"faults,omitempty"`
}

// Switches are the faults of the lab's own cluster and key. The zero value
// means that all is well.
type Switches struct {
	// KeyState is the customer key's: Enabled, Disabled, PendingDeletion, …
	KeyState string `json:"keyState,omitempty"`
	// FailAssociation is the message that the next associations end with.
	FailAssociation string `json:"failAssociation,omitempty"`
	// APIServer is running, stopped or slow.
	APIServer string `json:"apiServer,omitempty"`
	// Frozen is the share of the time that a slow API server stands still.
	Frozen float64 `json:"frozen,omitempty"`
	// Health are issues that DescribeCluster shows, by code.
	Health []string `json:"health,omitempty"`
}

// Faults are all that can be switched.
type Faults struct {
	AWS      []fakeaws.Fault `json:"aws,omitempty"`
	Switches Switches        `json:"switches"`
}

// Timeout of an order to the daemon; stopping or starting the API server is
// the longest.
const Timeout = 3 * time.Minute
