package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The one real cluster. The simulated clusters have other names.
const (
	ClusterName = "lab"
	Region      = "us-west-2"
	Account     = "111122223333"
	// Version is the version of Kubernetes in the lab's own binary.
	Version = "1.37"
	// ClusterARN is also the name of the kubeconfig's cluster, user and context.
	ClusterARN = "arn:aws:eks:" + Region + ":" + Account + ":cluster/" + ClusterName
)

// Config holds the settings of a lab, which `up` chooses and all later commands read.
type Config struct {
	Kind            string        `json:"kind"` // "eks-lab"
	Ports           Ports         `json:"ports"`
	AssociationTime time.Duration `json:"associationTime"`
	// DefaultUser is the user whose credentials `env` prints by default.
	DefaultUser string `json:"person"`
	// TokenCommand is aws (the real CLI on PATH) or lab (Dir.Bin goes on PATH).
	TokenCommand string `json:"tokenCommand"`
	// Fsync makes etcd flush each write to disk, as in production.
	Fsync bool `json:"fsync,omitempty"`
	ControlPlane
	// CustomerKey is the ARN of the key that is ready to be associated.
	CustomerKey string `json:"customerKey,omitempty"`
	// AssociatedKey is the ARN of the key that the API server encrypts with,
	// empty for the AWS-owned key.
	AssociatedKey string `json:"associatedKey,omitempty"`
	// Users can sign in to the cluster.
	Users []User `json:"people"`
	// Service signs the control plane's calls to KMS.
	Service Credentials `json:"service"`
	// Run is the folder of the unix sockets, whose paths must be short.
	Run string `json:"run"`
}

// ControlPlane selects how the API servers run.
type ControlPlane struct {
	// Servers is the number of API servers.
	Servers int `json:"servers"`
	// Balance is the way to choose a server for a connection (balancer.NewPolicy).
	Balance string `json:"balance,omitempty"`
	// HotReload makes a server load a new encryption configuration while it runs.
	// Otherwise the server is replaced.
	HotReload bool `json:"hotReload"`
	// GoawayChance is the share of the HTTP/2 requests whose connection is closed, so that
	// the client connects again.
	GoawayChance float64 `json:"goawayChance,omitempty"`
	// OpaqueKeyID gives the API servers an id of the key that is not its ARN.
	OpaqueKeyID bool `json:"opaqueKeyId,omitempty"`
	// CompactionInterval is the time between two compactions of etcd's history.
	CompactionInterval time.Duration `json:"compactionInterval"`
	// Version is the version of Kubernetes of the API servers.
	Version string `json:"version"`
	// EtcdQuota is the size of etcd's database in bytes at which it refuses writes.
	EtcdQuota int64 `json:"etcdQuota"`
}

// Balanced reports whether a balancer is in front of the API servers. A single
// server that is never replaced needs none.
func (c ControlPlane) Balanced() bool { return c.Servers > 1 || !c.HotReload }

// Ports are the TCP ports on 127.0.0.1, chosen at the first `up` and kept.
type Ports struct {
	// APIServer is the port of the balancer, or of the API server if there is none.
	APIServer int `json:"apiServer"`
	// Inside is the port of the balancer for the control plane's own clients.
	Inside   int `json:"inside"`
	AWS      int `json:"aws"`
	Webhook  int `json:"webhook"`
	Etcd     int `json:"etcd"`
	EtcdPeer int `json:"etcdPeer"`
}

// APIServerURL is the endpoint that DescribeCluster returns.
func (p Ports) APIServerURL() string { return fmt.Sprintf("https://127.0.0.1:%d", p.APIServer) }

// InsideURL is the endpoint for the control plane's own clients.
func (c *Config) InsideURL() string {
	if c.Balanced() {
		return fmt.Sprintf("https://127.0.0.1:%d", c.Ports.Inside)
	}
	return c.Ports.APIServerURL()
}

// AWSURL is the value for AWS_ENDPOINT_URL.
func (p Ports) AWSURL() string { return fmt.Sprintf("http://127.0.0.1:%d", p.AWS) }

// EtcdURL is etcd's client endpoint.
func (p Ports) EtcdURL() string { return fmt.Sprintf("https://127.0.0.1:%d", p.Etcd) }

// AdminSocket is the unix socket of the daemon's admin API.
func (c *Config) AdminSocket() string { return filepath.Join(c.Run, "admin.sock") }

// KMSSocket is the unix socket of the named KMS plugin.
func (c *Config) KMSSocket(name string) string { return filepath.Join(c.Run, name+".sock") }

// Load reads the folder's Config. The error wraps fs.ErrNotExist if there is none.
func Load(dir Dir) (*Config, error) {
	data, err := os.ReadFile(dir.ConfigFile())
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no lab in %s (start one with: eks-lab up --dir %s): %w", dir, dir, fs.ErrNotExist)
		}
		return nil, err
	}
	c := &Config{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir.ConfigFile(), err)
	}
	if c.Kind != "eks-lab" {
		return nil, fmt.Errorf("%s is not the file of a lab: kind %q", dir.ConfigFile(), c.Kind)
	}
	return c, nil
}

// Save writes the Config in one step.
func (c *Config) Save(dir Dir) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(dir.ConfigFile(), append(data, '\n'))
}

// WriteFile replaces the file in one step. Only its owner can read it.
func WriteFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails after the rename, as it should
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
