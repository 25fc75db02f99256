// Command kubectl-eks_encrypt is the kubectl plugin "kubectl eks-encrypt".
package main

import (
	"context"
	"os"
	"os/signal"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	_ "github.com/eks-encrypt/kubectl-eks_encrypt/internal/startup" // before the packages of Kubernetes
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd"
)

// version is set by the release build.
var version string

const interrupted = 130

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endSignals()...)
	go func() {
		<-signals // the first one ends the work in good order
		cancel()
		<-signals // the second one ends it at once
		os.Exit(interrupted)
	}()
	os.Exit(cmd.Main(ctx, cmd.Process{
		Args: os.Args, Version: version,
		IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
	}))
}
