package kms

import "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"

func explainEKS(err error, operation, resource string) error {
	return awsclient.Explain(err, awsclient.Operation{Name: operation, Action: "eks:" + operation, Resource: resource})
}
