// Package admin is the API between the commands and the lab's daemon: HTTP on a
// unix socket that only its owner can open.
package admin

import (
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
	// Step is the current step of the start, or the reason why it failed.
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
}

// States of the API server.
const (
	APIServerRunning = "running"
	APIServerStopped = "stopped"
	APIServerSlow    = "slow"
)

// ClusterFaults are the faults of the lab's own cluster and key. The zero value
// means no fault.
type ClusterFaults struct {
	// KeyState is the state of the customer key: Enabled, Disabled, PendingDeletion, …
	KeyState string `json:"keyState,omitempty"`
	// FailAssociation, if not empty, makes associations fail with this message.
	FailAssociation string `json:"failAssociation,omitempty"`
	// APIServer is running, stopped or slow; empty means running.
	APIServer string `json:"apiServer,omitempty"`
	// PausedShare is the share of the time (0 to 1) that a slow API server is paused.
	PausedShare float64 `json:"frozen,omitempty"`
	// Health lists the codes of the issues that DescribeCluster returns.
	Health []string `json:"health,omitempty"`
}

// Faults are all faults of a lab.
type Faults struct {
	AWS     []fakeaws.Fault `json:"aws,omitempty"`
	Cluster ClusterFaults   `json:"switches"`
}
