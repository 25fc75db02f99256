// Package kubeconfig provides what clients need to connect to the lab: the
// kubeconfig, the AWS config files and the environment variables.
package kubeconfig

import (
	"encoding/base64"
	"os"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

type object = map[string]any

// Write writes a kubeconfig for the lab's cluster with the same content as
// `aws eks update-kubeconfig` (awscli/customizations/eks/update_kubeconfig.py):
// the cluster, the user and the context are named after the cluster's ARN. All
// users share it, because their credentials come from the environment.
func Write(path, server, caFile string) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	const name = state.ClusterARN
	data, err := yaml.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "preferences": object{}, "current-context": name,
		"clusters": []object{{"name": name, "cluster": object{
			"certificate-authority-data": base64.StdEncoding.EncodeToString(ca), "server": server,
		}}},
		"contexts": []object{{"name": name, "context": object{"cluster": name, "user": name}}},
		"users": []object{{"name": name, "user": object{"exec": object{
			"apiVersion": "client.authentication.k8s.io/v1beta1",
			"args": []string{
				"--region", state.Region, "eks", "get-token", "--cluster-name", state.ClusterName, "--output", "json",
			},
			"command": "aws",
		}}}},
	})
	if err != nil {
		return err
	}
	return state.WriteFile(path, data)
}
