package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// benchLab is a lab whose secrets are all stale: seeded under the AWS-owned key,
// and then a customer key was associated.
type benchLab struct {
	dir    string
	env    []string
	config *clientcmdapi.Config
}

func startLab(ctx context.Context, secrets, size int) (*benchLab, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &benchLab{dir: dir}
	steps := [][]string{
		// The disk counts, as it does for a real etcd; the start of Python doesn't.
		{"up", "--association-time", "1s", "--fsync", "--token-command", "lab"},
		{"seed", "--secrets", strconv.Itoa(secrets), "--size", strconv.Itoa(size), "--namespaces", "8"},
		{"associate"},
	}
	for _, step := range steps {
		if _, err := l.lab(ctx, step...); err != nil {
			l.stop(ctx)
			return nil, err
		}
	}
	if err := l.environment(ctx); err != nil {
		l.stop(ctx)
		return nil, err
	}
	return l, nil
}

// stop ends the lab, also after an interrupt.
func (l *benchLab) stop(ctx context.Context) {
	_, _ = l.lab(context.WithoutCancel(ctx), "down", "--purge")
}

func (l *benchLab) lab(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, os.Getenv("EKS_LAB_BIN"), append(args, "--dir", l.dir)...)
	cmd.Stderr = nil
	out, err := cmd.Output()
	if failed, ok := err.(*exec.ExitError); ok { //nolint:errorlint // exec returns it unwrapped
		return nil, fmt.Errorf("eks-lab %s: %w: %s", args[0], err, failed.Stderr)
	}
	return out, err
}

func (l *benchLab) environment(ctx context.Context) error {
	raw, err := l.lab(ctx, "env", "-o", "json")
	if err != nil {
		return err
	}
	var env struct {
		Set        map[string]string `json:"set"`
		Unset      []string          `json:"unset"`
		PathPrefix string            `json:"pathPrefix"`
	}
	if err := json.Unmarshal(raw, &env); err != nil {
		return err
	}
	drop := map[string]bool{"PATH": true}
	for _, name := range env.Unset {
		drop[name] = true
	}
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !drop[name] {
			l.env = append(l.env, pair)
		}
	}
	l.env = append(l.env, "PATH="+env.PathPrefix+string(os.PathListSeparator)+filepath.Dir(os.Getenv("EKS_LAB_BIN"))+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, value := range env.Set {
		l.env = append(l.env, name+"="+value)
	}
	l.config, err = clientcmd.LoadFromFile(env.Set["KUBECONFIG"])
	return err
}

// cluster is the kubeconfig's only one.
func (l *benchLab) cluster() *clientcmdapi.Cluster {
	return l.config.Clusters[l.config.Contexts[l.config.CurrentContext].Cluster]
}

// as leads to the API server as one of the lab's people, by a token.
func (l *benchLab) as(ctx context.Context, person, host string) (*rest.Config, error) {
	raw, err := l.lab(ctx, "token", "--person", person)
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
		Host: host, BearerToken: credential.Status.Token, QPS: -1, UserAgent: "bench/" + person,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CertificateAuthorityData, CAFile: c.CertificateAuthority},
	}, nil
}

// through writes a kubeconfig that leads to the server, itself or a proxy before it.
func (l *benchLab) through(server string) (string, error) {
	config := l.config.DeepCopy()
	config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server = server
	file := filepath.Join(l.dir, "kubeconfig-bench")
	return file, clientcmd.WriteToFile(*config, file)
}

// requests is how many requests on secrets the API server has counted.
func (l *benchLab) requests(ctx context.Context) (int, error) {
	config, err := l.as(ctx, "admin", l.cluster().Server)
	if err != nil {
		return 0, err
	}
	raw, err := get(ctx, config, "/metrics")
	if err != nil {
		return 0, err
	}
	total := 0.0
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "apiserver_request_total{") && strings.Contains(line, `resource="secrets"`) {
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return int(total), nil
}
