// Package cmd is the command line of the lab. The same binary also runs as
// etcd, kube-apiserver, kube-controller-manager and a stand-in for the AWS CLI,
// depending on the name that it is started under.
package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/etcdmain"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig/controller"
	componentcli "k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
)

// Main runs the program that args[0] names, and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	switch filepath.Base(args[0]) {
	case controlplane.EtcdName:
		controlplane.WatchLifeline()
		etcdmain.Main(args)
		return 0
	case controlplane.APIServerName:
		controlplane.WatchLifeline()
		genericapiserver.SetHostnameFuncForTests(os.Getenv(controlplane.HostEnv))
		// The default of one minute would slow down every association.
		controller.EncryptionConfigFileChangePollDuration = time.Second
		return componentcli.Run(kubeapiserver.NewAPIServerCommand())
	case controlplane.ControllerManagerName:
		controlplane.WatchLifeline()
		return componentcli.Run(kubecontrollermanager.NewControllerManagerCommand())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(stdout, stderr)
	if filepath.Base(args[0]) == "aws" {
		root = newAWS(stdout, stderr)
	}
	root.SetArgs(args[1:])
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "error: %v\n", err)
		return 1
	}
	return 0
}
