package cmd

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// configured returns the control plane of a lab after `up` with these arguments.
func configured(t *testing.T, plane state.ControlPlane, args ...string) (state.ControlPlane, error) {
	t.Helper()
	var o upOptions
	f := pflag.NewFlagSet("up", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	o.bindPlane(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := o.configurePlane(&plane, plane.Servers == 0, f.Changed)
	return plane, err
}

// By default there is one API server, which reloads. Several are replaced, unless the
// flag says otherwise. A later up keeps what no flag changes.
func TestControlPlaneFlags(t *testing.T) {
	for _, tt := range []struct {
		args      string
		servers   int
		hotReload bool
		balanced  bool
	}{
		{"", 1, true, false},
		{"--api-servers=2", 2, false, true},
		{"--api-servers=2 --hot-reload", 2, true, true},
		{"--hot-reload=false", 1, false, true},
	} {
		plane, err := configured(t, state.ControlPlane{}, strings.Fields(tt.args)...)
		if err != nil || plane.Servers != tt.servers || plane.HotReload != tt.hotReload || plane.Balanced() != tt.balanced ||
			plane.EtcdQuota != 8<<30 || plane.Version != state.Version {
			t.Errorf("%q: control plane = %+v, %v", tt.args, plane, err)
		}
		again, err := configured(t, plane, "--etcd-quota=64MiB")
		if plane.EtcdQuota = 64 << 20; err != nil || again != plane {
			t.Errorf("%q, later up: control plane = %+v, %v; want %+v", tt.args, again, err, plane)
		}
	}
}

func TestControlPlaneMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"--api-servers=0":                         "--api-servers must be 1 to 9",
		"--api-servers=10":                        "--api-servers must be 1 to 9",
		"--balance=best":                          "--balance: unknown way",
		"--goaway-chance=0.5":                     "--goaway-chance must be 0 to 0.02",
		"--goaway-chance=-1":                      "--goaway-chance must be 0 to 0.02",
		"--etcd-quota=1MiB":                       "--etcd-quota must be a size",
		"--etcd-quota=much":                       "--etcd-quota must be a size",
		"--compaction-interval=1ms":               "--compaction-interval must be at least 1s",
		"--kubernetes-version=1.2":                "make lab-version VERSION=1.2",
		"--kubernetes-version=../../../../bin/sh": "make lab-version",
	} {
		if _, err := configured(t, state.ControlPlane{}, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want one that contains %q", args, err, want)
		}
	}
}
