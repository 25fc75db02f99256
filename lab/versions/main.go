// The API server of the Kubernetes version that the go.mod next to this file names, as a
// component of the lab. Each version is a module of its own with a link to this file.
package main

import (
	"io"
	"os"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig/controller"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// main does the same as the lab's own binary under the name kube-apiserver
// (lab/internal/components), which cannot be imported here.
func main() {
	if os.Getenv("EKS_LAB_LIFELINE") != "" {
		pipe := os.NewFile(3, "lifeline")
		go func() {
			_, _ = io.Copy(io.Discard, pipe) // returns when the lab's daemon has died
			os.Exit(1)
		}()
	}
	genericapiserver.SetHostnameFuncForTests(os.Getenv("EKS_LAB_HOST"))
	controller.EncryptionConfigFileChangePollDuration = time.Second
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
