package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"

	"k8s.io/client-go/rest"
)

// podConnection returns the connection of the pod in which the program runs, with the flags of kubectl in flags.
// It is nil outside of a pod, and in a pod without a service account token. kubectl itself uses this connection only if
// no flag is set; with --as or --request-timeout it would try the default address on this host.
func podConnection(inCluster func() (*rest.Config, error), flags *rest.Config) (*rest.Config, error) {
	config, err := inCluster()
	switch {
	case errors.Is(err, rest.ErrNotInCluster), errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // there is no connection
	case err != nil:
		return nil, fmt.Errorf("read the service account of this pod: %w", err)
	}
	config.Timeout, config.Impersonate = flags.Timeout, flags.Impersonate
	if flags.BearerToken != "" && flags.BearerTokenFile == "" {
		config.BearerToken, config.BearerTokenFile = flags.BearerToken, ""
	}
	tls := &config.TLSClientConfig
	tls.ServerName, tls.Insecure = flags.ServerName, flags.Insecure
	switch {
	case flags.Insecure:
		tls.CAFile = ""
	case flags.CAFile != "":
		tls.CAFile = flags.CAFile
	}
	return config, nil
}
