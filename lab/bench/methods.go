package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
)

// command returns a command that connects to the given server.
func (l *benchLab) command(ctx context.Context, server string, name string, args ...string) (*exec.Cmd, error) {
	file, err := l.kubeconfig(server)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(append([]string{}, l.env...), "KUBECONFIG="+file)
	return cmd, nil
}

// rewrite runs the plugin. Flags name the cluster, because the plugin cannot find
// it by the proxy's endpoint.
func rewrite(name string, objects int, args ...string) method {
	args = append([]string{"rewrite", "--cluster-name", "lab", "--region", "us-west-2", "-o", "json"}, args...)
	run := func(ctx context.Context, l *benchLab, server, namespace string) (int64, error) {
		cmd, err := l.command(ctx, server, os.Getenv("PLUGIN_BIN"), append(slices.Clone(args), "-n", namespace)...)
		if err != nil {
			return 0, err
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		memory, err := peakMemory(cmd)
		if err != nil {
			return 0, fmt.Errorf("%w: %s%s", err, stdout.Bytes(), stderr.Bytes())
		}
		var report struct{ Verdict string }
		if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
			return 0, err
		}
		if report.Verdict != "Proven" {
			return 0, fmt.Errorf("verdict of rewrite = %s, want Proven", report.Verdict)
		}
		return memory, nil
	}
	return method{name: name, objects: objects, run: run}
}

// annotate is the method that AWS documents.
func annotate(objects int) method {
	return method{name: "get | annotate", objects: objects,
		run: kubectlPipe("annotate", "--overwrite", "-f", "-", "kms-encryption-timestamp=now")}
}

// replace is the method that Kubernetes documents.
func replace(objects int) method {
	return method{name: methodReplace, objects: objects, run: kubectlPipe("replace", "-f", "-")}
}

// kubectlPipe returns a function that pipes kubectl get secrets into kubectl args.
func kubectlPipe(args ...string) func(context.Context, *benchLab, string, string) (int64, error) {
	return func(ctx context.Context, l *benchLab, server, namespace string) (int64, error) {
		get, err := l.command(ctx, server, "kubectl", "get", "secrets", "-n", namespace, "-o", "json")
		if err != nil {
			return 0, err
		}
		write, err := l.command(ctx, server, "kubectl", args...)
		if err != nil {
			return 0, err
		}
		return pipe(get, write)
	}
}

// checkCurrent returns an error unless etcd holds exactly this number of secrets,
// all encrypted with the customer key.
func (l *benchLab) checkCurrent(ctx context.Context, want int) error {
	raw, err := l.lab(ctx, "scan", "-o", "json")
	if err != nil {
		return err
	}
	var report scan.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		return err
	}
	if got := report.ByProvider("secrets"); len(got) != 1 || got["customer"] != want {
		return fmt.Errorf("secrets in etcd by provider = %v, want %d with provider customer", got, want)
	}
	return nil
}
