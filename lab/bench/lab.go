package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kubeconfig"
)

// benchLab is a lab whose secrets are stale at first: they are stored without
// encryption before a customer key is associated.
type benchLab struct {
	dir    string
	env    []string
	config *clientcmdapi.Config
}

// startLab starts a lab without secrets and without a customer key.
func startLab(ctx context.Context, servers int) (*benchLab, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &benchLab{dir: dir}
	// Measure with disk writes like a real etcd, and without the start of the AWS CLI.
	if _, err := l.lab(ctx, "up", "--association-time", "1s", "--fsync", "--token-command", "lab",
		"--api-servers", strconv.Itoa(servers), "--balance", "random", "--hot-reload"); err != nil {
		l.stop(ctx)
		return nil, err
	}
	return l, nil
}

// seed creates secrets in each of some namespaces, which are named prefix-0, prefix-1, …
// It writes them into etcd without encryption, which is much faster than over the API server.
func (l *benchLab) seed(ctx context.Context, prefix string, namespaces, secrets, size int) error {
	n := strconv.Itoa(namespaces)
	if _, err := l.lab(ctx, "seed", "--prefix", prefix, "--namespaces", n); err != nil {
		return err
	}
	_, err := l.lab(ctx, "seed", "--plain", "--prefix", prefix, "--namespaces", n,
		"--secrets", strconv.Itoa(namespaces*secrets), "--size", strconv.Itoa(size))
	return err
}

// stop removes the lab, also after an interrupt.
func (l *benchLab) stop(ctx context.Context) {
	_, _ = l.lab(context.WithoutCancel(ctx), "down", "--purge")
}

// lab runs eks-lab on the lab's folder and returns its standard output.
func (l *benchLab) lab(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, os.Getenv("EKS_LAB_BIN"), append(args, "--dir", l.dir)...)
	out, err := cmd.Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		return nil, fmt.Errorf("eks-lab %s: %w: %s", args[0], err, failed.Stderr)
	}
	return out, err
}

// setEnvironment reads the environment and the kubeconfig of the lab's default user.
func (l *benchLab) setEnvironment(ctx context.Context) error {
	raw, err := l.lab(ctx, "env", "-o", "json")
	if err != nil {
		return err
	}
	var env kubeconfig.Environment
	if err := json.Unmarshal(raw, &env); err != nil {
		return err
	}
	l.env = env.Apply(os.Environ(), filepath.Dir(os.Getenv("EKS_LAB_BIN")))
	l.config, err = clientcmd.LoadFromFile(env.Set["KUBECONFIG"])
	return err
}

// cluster returns the kubeconfig's current cluster.
func (l *benchLab) cluster() *clientcmdapi.Cluster {
	return l.config.Clusters[l.config.Contexts[l.config.CurrentContext].Cluster]
}

// as returns a client configuration for host with a token of the lab's user.
func (l *benchLab) as(ctx context.Context, user, host string) (*rest.Config, error) {
	raw, err := l.lab(ctx, "token", "--person", user)
	if err != nil {
		return nil, err
	}
	var credential struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err := json.Unmarshal(raw, &credential); err != nil {
		return nil, err
	}
	c := l.cluster()
	return &rest.Config{
		Host: host, BearerToken: credential.Status.Token, QPS: -1, UserAgent: "bench/" + user,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CertificateAuthorityData, CAFile: c.CertificateAuthority},
	}, nil
}

// kubeconfig writes a kubeconfig for the given server and returns its path.
func (l *benchLab) kubeconfig(server string) (string, error) {
	config := l.config.DeepCopy()
	config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server = server
	file := filepath.Join(l.dir, "kubeconfig-bench")
	return file, clientcmd.WriteToFile(*config, file)
}

// servers returns the addresses of the API servers themselves.
func (l *benchLab) servers(ctx context.Context) ([]string, error) {
	raw, err := l.lab(ctx, "servers", "-o", "json")
	if err != nil {
		return nil, err
	}
	var all []struct{ URL string }
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	var addresses []string
	for _, s := range all {
		addresses = append(addresses, s.URL)
	}
	return addresses, nil
}

// requests returns the number of requests for secrets since the API servers started.
func (l *benchLab) requests(ctx context.Context) (int, error) {
	addresses, err := l.servers(ctx)
	if err != nil {
		return 0, err
	}
	config, err := l.as(ctx, "admin", "")
	if err != nil {
		return 0, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, address := range addresses {
		raw, err := get(ctx, client, address+"/metrics")
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(raw)) {
			if strings.HasPrefix(line, "apiserver_request_total{") && strings.Contains(line, `resource="secrets"`) {
				n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
				if err != nil {
					return 0, err
				}
				total += n
			}
		}
	}
	return int(total), nil
}
