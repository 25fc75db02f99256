package controlplane

import (
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// The first provider writes, and each level knows what the level before has written.
func TestEncryptionConfig(t *testing.T) {
	for _, tt := range []struct {
		key   string
		level Level
		want  []string
	}{
		{"", Current, []string{AWSOwned, identity}},
		{"arn", Old, []string{AWSOwned, identity}},
		{"arn", Readable, []string{AWSOwned, Customer, identity}},
		{"arn", Current, []string{Customer, AWSOwned, identity}},
	} {
		data, err := EncryptionConfig(&state.Config{Run: "/run"}, tt.key, tt.level)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if name, isName := strings.CutPrefix(line, "name: "); isName {
				got = append(got, name)
			} else if strings.HasPrefix(line, "- identity:") {
				got = append(got, identity)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("key %q, level %s: providers = %v, want %v", tt.key, tt.level, got, tt.want)
		}
		if socket := "unix:///run/aws-owned.sock"; !strings.Contains(string(data), socket) {
			t.Errorf("configuration = %s, want the socket %s", data, socket)
		}
	}
}

// All of several servers must be able to read with the new key before one writes with it.
func TestStages(t *testing.T) {
	server := func(level Level) *Server { return &Server{Process: &Process{}, providers: providerNames("arn", level)} }
	for _, tt := range []struct {
		name    string
		key     string
		servers []*Server
		want    []Level
	}{
		{"one server", "arn", []*Server{server(Old)}, []Level{Current}},
		{"an association", "arn", []*Server{server(Old), server(Old)}, []Level{Readable, Current}},
		{"one server catches up", "arn", []*Server{server(Current), server(Old)}, []Level{Current}},
		{"back to the AWS-owned key", "", []*Server{server(Readable), server(Old)}, []Level{Current}},
	} {
		if got := (&Plane{servers: tt.servers}).stages(tt.key); !slices.Equal(got, tt.want) {
			t.Errorf("%s: levels = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The names are those of the Leases that kube-apiserver created on hosts of these names.
func TestLeaseName(t *testing.T) {
	for number, want := range map[int]string{
		1: "apiserver-pwsgi73j6ya7mbgvy7erpjx56m", 2: "apiserver-jjzvdvuetg2bbi3vbnausmwrji",
	} {
		if got := LeaseName(hostName(number, 0)); got != want {
			t.Errorf("Lease of %s = %s, want %s", hostName(number, 0), got, want)
		}
	}
}
