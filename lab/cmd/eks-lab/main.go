// eks-lab runs a local EKS cluster for tests and for trying the plugin.
package main

import (
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/cmd"
)

func main() { os.Exit(cmd.Main(os.Args, os.Stdout, os.Stderr)) }
