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

// serveAWS serves the AWS endpoint.
func (l *Lab) serveAWS(ctx context.Context) error {
	return l.serve(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", l.config.Ports.AWS), l.aws, nil)
}

// serveWebhook serves the API server's token reviews.
func (l *Lab) serveWebhook(ctx context.Context, certs pki.Folder) error {
	config, err := certs.TLS(pki.Webhook)
	if err != nil {
		return err
	}
	handler := &webhook.Handler{Tokens: l.aws, Cluster: state.ClusterName, Groups: l.groups, Log: l.log}
	return l.serve(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", l.config.Ports.Webhook), handler, config)
}

// serveAdmin serves the admin API.
func (l *Lab) serveAdmin(ctx context.Context) error {
	socket := l.config.AdminSocket()
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // left over from a killed lab
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
		_ = server.Close() // the lab is stopping: do not wait for open requests
	}()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("server ended", "address", address, "error", err)
		}
	}()
	return nil
}

// groups returns the Kubernetes groups of the IAM principal. It reports whether
// the principal is one of the lab's users.
func (l *Lab) groups(arn string) ([]string, bool) {
	for _, u := range l.config.Users {
		if u.ARN == arn {
			return u.Groups, true
		}
	}
	return nil, false
}
