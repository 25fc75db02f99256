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

// The one real cluster. Simulated ones have other names.
const (
	ClusterName = "lab"
	Region      = "us-west-2"
	Account     = "111122223333"
	Version     = "1.37"
	// ClusterARN also names the kubeconfig's cluster, user and context.
	ClusterARN = "arn:aws:eks:" + Region + ":" + Account + ":cluster/" + ClusterName
)

// Config is what `up` decided once and all later commands need.
type Config struct {
	Kind            string        `json:"kind"` // "eks-lab"
	Ports           Ports         `json:"ports"`
	AssociationTime time.Duration `json:"associationTime"`
	// Person is whose credentials `env` prints by default.
	Person string `json:"person"`
	// TokenCommand is aws (the real CLI on PATH) or lab (Dir.Bin goes on PATH).
	TokenCommand string `json:"tokenCommand"`
	// Fsync lets etcd wait for the disk, as a real one does.
	Fsync bool `json:"fsync,omitempty"`
	// CustomerKey is the ARN of a key that waits to be associated.
	CustomerKey string `json:"customerKey,omitempty"`
	// AssociatedKey is the key that the API server encrypts with, "" for the
	// AWS-owned one.
	AssociatedKey string `json:"associatedKey,omitempty"`
	// People can sign in to the cluster.
	People []Person `json:"people"`
	// Service signs the control plane's calls to KMS.
	Service Credentials `json:"service"`
	// Run is the folder of the unix sockets, whose paths must be short.
	Run string `json:"run"`
}

// Ports on 127.0.0.1, chosen at the first `up` and kept.
type Ports struct {
	APIServer         int `json:"apiServer"`
	AWS               int `json:"aws"`
	Webhook           int `json:"webhook"`
	Etcd              int `json:"etcd"`
	EtcdPeer          int `json:"etcdPeer"`
	ControllerManager int `json:"controllerManager"`
}

// APIServerURL is the endpoint that DescribeCluster shows.
func (p Ports) APIServerURL() string { return fmt.Sprintf("https://127.0.0.1:%d", p.APIServer) }

// AWSURL is for AWS_ENDPOINT_URL.
func (p Ports) AWSURL() string { return fmt.Sprintf("http://127.0.0.1:%d", p.AWS) }

// EtcdURL is etcd's client endpoint.
func (p Ports) EtcdURL() string { return fmt.Sprintf("https://127.0.0.1:%d", p.Etcd) }

// Admin is the socket on which the daemon takes orders.
func (c *Config) Admin() string { return filepath.Join(c.Run, "admin.sock") }

// KMSSocket is the socket of the named KMS plugin.
func (c *Config) KMSSocket(provider string) string { return filepath.Join(c.Run, provider+".sock") }

// Find gives the person of that name.
func (c *Config) Find(name string) (Person, error) {
	for _, p := range c.People {
		if p.Name == name {
			return p, nil
		}
	}
	return Person{}, fmt.Errorf("nobody is called %q in this lab; there are %s", name, c.names())
}

// Load reads the folder's Config. A folder without one gives fs.ErrNotExist.
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
		return nil, fmt.Errorf("%s is no lab's: kind %q", dir.ConfigFile(), c.Kind)
	}
	return c, nil
}

// Save writes the Config, all or nothing.
func (c *Config) Save(dir Dir) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(dir.ConfigFile(), append(data, '\n'))
}

// WriteFile replaces the file in one step, readable by its owner alone.
func WriteFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after the rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
