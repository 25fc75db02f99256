package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/webhook"
)

// serveAWS answers AWS calls.
func (l *Lab) serveAWS(ctx context.Context) error {
	return l.serve(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", l.config.Ports.AWS), l.aws, nil)
}

// serveWebhook reviews tokens for the API server.
func (l *Lab) serveWebhook(ctx context.Context, certs pki.Folder) error {
	config, err := certs.TLS(pki.Webhook)
	if err != nil {
		return err
	}
	handler := &webhook.Handler{Tokens: l.aws, Cluster: state.ClusterName, Groups: l.groups, Log: l.log}
	return l.serve(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", l.config.Ports.Webhook), handler, config)
}

// serveAdmin takes orders.
func (l *Lab) serveAdmin(ctx context.Context) error {
	socket := l.config.Admin()
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // left by a killed lab
		return err
	}
	return l.serve(ctx, "unix", socket, l.adminHandler(), nil)
}

func (l *Lab) serve(ctx context.Context, network, address string, h http.Handler, config *tls.Config) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err != nil {
		return err
	}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // nobody is left to finish for
	}()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("server ended", "address", address, "error", err)
		}
	}()
	return nil
}

// groups are those of the IAM principal, if it is one of the lab's people.
func (l *Lab) groups(arn string) ([]string, bool) {
	for _, p := range l.config.People {
		if p.ARN == arn {
			return p.Groups, true
		}
	}
	return nil, false
}
