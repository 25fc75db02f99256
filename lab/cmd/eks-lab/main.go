// eks-lab runs a local EKS cluster for tests and for trying the plugin.
package main

import (
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/cmd"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/components"
)

func main() {
	code, isComponent := components.Main(os.Args, os.Stderr)
	if !isComponent {
		code = cmd.Main(os.Args, os.Stdout, os.Stderr)
	}
	os.Exit(code)
}
