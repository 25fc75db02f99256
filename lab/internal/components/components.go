// Package components runs the parts of the control plane. The lab's binary is also etcd,
// kube-apiserver and kube-controller-manager, depending on the name that it is started
// under.
package components

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

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controllers"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
)

// Main runs the component that args[0] names, and returns the exit code. It reports
// whether there is such a component.
func Main(args []string, stderr io.Writer) (code int, isComponent bool) {
	name := filepath.Base(args[0])
	switch name {
	case controlplane.EtcdName, controlplane.APIServerName, controlplane.ControllerManagerName:
		controlplane.WatchLifeline()
	}
	switch name {
	case controlplane.EtcdName:
		etcdmain.Main(args)
	case controlplane.APIServerName:
		genericapiserver.SetHostnameFuncForTests(os.Getenv(controlplane.HostEnv))
		// The default of one minute would slow down every association.
		controller.EncryptionConfigFileChangePollDuration = time.Second
		code = componentcli.Run(kubeapiserver.NewAPIServerCommand())
	case controlplane.ControllerManagerName:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if err := controllers.Main(ctx, args); err != nil {
			fmt.Fprintf(stderr, "error: %v\n", err)
			code = 1
		}
	default:
		return 0, false
	}
	return code, true
}
