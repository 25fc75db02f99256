// Package kubeconfig writes what a person needs to reach the lab: the
// kubeconfig, the AWS config files and the environment.
package kubeconfig

import (
	"encoding/base64"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

type object = map[string]any

// Options say which server to talk to, and as whom.
type Options struct {
	Server string
	// CA is the PEM of the authority.
	CA []byte
	// Profile, if set, goes into the exec block's environment, as the AWS CLI
	// does it when called with a profile.
	Profile string
}

// Render gives the file that `aws eks update-kubeconfig` writes for the lab's
// cluster (awscli/customizations/eks/update_kubeconfig.py): cluster, user and
// context bear the cluster's ARN as name.
func Render(o Options) ([]byte, error) {
	exec := object{
		"apiVersion": "client.authentication.k8s.io/v1beta1",
		"args":       []string{"--region", state.Region, "eks", "get-token", "--cluster-name", state.ClusterName, "--output", "json"},
		"command":    "aws",
	}
	if o.Profile != "" {
		exec["env"] = []object{{"name": "AWS_PROFILE", "value": o.Profile}}
	}
	return yaml.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "preferences": object{}, "current-context": state.ClusterARN,
		"clusters": []object{{"name": state.ClusterARN, "cluster": object{
			"certificate-authority-data": base64.StdEncoding.EncodeToString(o.CA), "server": o.Server,
		}}},
		"contexts": []object{{"name": state.ClusterARN, "context": object{"cluster": state.ClusterARN, "user": state.ClusterARN}}},
		"users":    []object{{"name": state.ClusterARN, "user": object{"exec": exec}}},
	})
}

// Write puts the file at path; one kubeconfig serves all people, since their
// credentials come from the environment.
func Write(path, caFile string, o Options) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	o.CA = ca
	data, err := Render(o)
	if err != nil {
		return err
	}
	return state.WriteFile(path, data)
}
