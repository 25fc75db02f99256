// eks-lab is a local EKS for tests and for trying.
package main

import (
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr)) }
