package kms

import "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"

func explain(err error, operation, resource string) error {
	return awsclient.Explain(err, awsclient.Operation{Name: operation, Action: "kms:" + operation, Resource: resource})
}
