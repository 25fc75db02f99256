package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

func (l *benchLab) command(ctx context.Context, server string, name string, args ...string) (*exec.Cmd, error) {
	file, err := l.through(server)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(append([]string{}, l.env...), "KUBECONFIG="+file)
	return cmd, nil
}

// rewrite is the plugin. Its cluster is named by flag, since the proxy is no
// endpoint that EKS would know.
func rewrite(name string, args ...string) way {
	return way{name: name, run: func(ctx context.Context, l *benchLab, server string) (int64, error) {
		cmd, err := l.command(ctx, server, os.Getenv("PLUGIN_BIN"), append([]string{"rewrite", "--cluster-name", "lab", "--region", "us-west-2", "-o", "json"}, args...)...)
		if err != nil {
			return 0, err
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		memory, err := peak(cmd)
		if err != nil {
			return 0, fmt.Errorf("%w: %s%s", err, stdout.Bytes(), stderr.Bytes())
		}
		var report struct{ Verdict string }
		if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
			return 0, err
		}
		if report.Verdict != "Proven" {
			return 0, fmt.Errorf("rewrite ended %s", report.Verdict)
		}
		return memory, nil
	}}
}

// annotate is AWS's recipe.
func annotate(only int) way {
	return way{name: "get | annotate (AWS's recipe)", only: only, run: func(ctx context.Context, l *benchLab, server string) (int64, error) {
		return kubectlPipe(ctx, l, server, "annotate", "--overwrite", "-f", "-", "kms-encryption-timestamp=now")
	}}
}

// replace is the recipe of the Kubernetes documentation.
func replace(only int) way {
	return way{name: "get | replace (Kubernetes' recipe)", only: only, run: func(ctx context.Context, l *benchLab, server string) (int64, error) {
		return kubectlPipe(ctx, l, server, "replace", "-f", "-")
	}}
}

func kubectlPipe(ctx context.Context, l *benchLab, server string, args ...string) (int64, error) {
	get, err := l.command(ctx, server, "kubectl", "get", "secrets", "--all-namespaces", "-o", "json")
	if err != nil {
		return 0, err
	}
	put, err := l.command(ctx, server, "kubectl", args...)
	if err != nil {
		return 0, err
	}
	return pipe(get, put)
}

// allCurrent asks the oracle whether the way did what it was to do.
func (l *benchLab) allCurrent(ctx context.Context, want int) error {
	raw, err := l.lab(ctx, "scan", "-o", "json")
	if err != nil {
		return err
	}
	var scan struct {
		Counts []struct {
			Resource, Provider string
			Objects            int
		}
	}
	if err := json.Unmarshal(raw, &scan); err != nil {
		return err
	}
	for _, c := range scan.Counts {
		if c.Resource == "secrets" && (c.Provider != "customer" || c.Objects != want) {
			return fmt.Errorf("etcd holds %s secrets under %s, want %d under customer", strconv.Itoa(c.Objects), c.Provider, want)
		}
	}
	return nil
}
