// Package admin is the API between the commands and the lab's daemon: HTTP on a
// unix socket that only its owner can open.
package admin

import (
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
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
	// Balancer describes the balancer in front of the API servers, if there is one.
	Balancer string `json:"balancer,omitempty"`
}

// Values of ServerFault.Lag.
const (
	// LagOld: the server does not follow an association at all.
	LagOld = "old"
	// LagReadable: the server reads with the associated key, but does not write with it.
	LagReadable = "readable"
)

// ServerFault is the fault of one API server. The zero value means no fault.
type ServerFault struct {
	Stopped bool `json:"stopped,omitempty"`
	// PausedShare is the share of the time (0 to 1) that the server is paused.
	PausedShare float64 `json:"pausedShare,omitempty"`
	// Lag is LagOld or LagReadable if the server keeps the old write key.
	Lag string `json:"lag,omitempty"`
}

// Server is the state of one API server.
type Server struct {
	controlplane.Info
	Fault ServerFault `json:"fault"`
}

// ClusterFaults are the faults of the lab's own cluster and key. The zero value
// means no fault.
type ClusterFaults struct {
	// KeyState is the state of the customer key: Enabled, Disabled, PendingDeletion, …
	KeyState string `json:"keyState,omitempty"`
	// FailAssociation, if not empty, makes associations fail with this message.
	FailAssociation string `json:"failAssociation,omitempty"`
	// Servers are the faults of the API servers, by number.
	Servers map[int]ServerFault `json:"servers,omitempty"`
	// Health lists the codes of the issues that DescribeCluster returns.
	Health []string `json:"health,omitempty"`
}

// Faults are all faults of a lab.
type Faults struct {
	AWS     []fakeaws.Fault `json:"aws,omitempty"`
	Cluster ClusterFaults   `json:"switches"`
}
