package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cli"
)

// update rewrites the expected outputs in testdata/*.txtar.
var update = flag.Bool("update", false, "rewrite the expected outputs")

// TestMain makes the test binary serve as the plugin, too.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kubectl-eks_encrypt": func() {
			os.Exit(cli.Main(context.Background(), cli.Process{
				Args: os.Args, Version: "v0.0.0-test",
				IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
			}))
		},
	})
}

// awsURL is where the scripts find AWS: a name that only the proxy knows, so that
// the outputs are the same in every run.
const awsURL = "http://aws.test"

// TestScripts drives the plugin end to end: a kubeconfig, AWS on the wire.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "allow": allow, "policy": policy, "fault": fault, "calls": calls,
		},
	})
}

// lockedReader makes the same ids in every run.
type lockedReader struct {
	io.Reader
	mu sync.Mutex
}

func (r *lockedReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Reader.Read(p)
}

type serverKey struct{}

const account = "111122223333"

func setup(env *testscript.Env) error {
	s := fakeaws.New(fakeaws.Options{AssociationTime: time.Millisecond, Random: &lockedReader{Reader: rand.NewChaCha8([32]byte{})}})
	h := httptest.NewServer(s)
	env.Defer(func() { h.Close(); s.Close() })
	truths, err := s.AddFleet(fakeaws.FleetOptions{})
	if err != nil {
		return err
	}
	if err := s.AddPrincipal(principal(fakeaws.Allow("*"))); err != nil {
		return err
	}
	if err := s.Update(fixtures); err != nil {
		return err
	}
	env.Values[serverKey{}] = s
	env.Setenv("AWS_ENDPOINT_URL", awsURL)
	env.Setenv("HTTP_PROXY", h.URL)
	env.Setenv("AWS_ACCESS_KEY_ID", "AKIAANN")
	env.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("AWS_MAX_ATTEMPTS", "1")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, "kubeconfig"))
	return writeKubeconfig(s, truths, filepath.Join(env.WorkDir, "kubeconfig"))
}

func principal(policy ...fakeaws.Statement) fakeaws.Principal {
	return fakeaws.Principal{ARN: "arn:aws:iam::" + account + ":user/ann", AccessKeyID: "AKIAANN", SecretAccessKey: "secret", Policy: policy}
}

// fixtures are the keys to choose from in eu-central-1.
func fixtures(w *fakeaws.World) {
	add := func(n int, alias string, k fakeaws.Key) {
		k.ID, k.Region, k.Account = fmt.Sprintf("11111111-0000-0000-0000-%012d", n), "eu-central-1", account
		w.AddKey(k)
		if alias != "" {
			w.AddAlias(fakeaws.Alias{Name: "alias/" + alias, Region: k.Region, Account: account, Target: k.ID})
		}
	}
	add(1, "good", fakeaws.Key{RotationDays: 365})
	add(2, "disabled", fakeaws.Key{State: "Disabled"})
	add(3, "doomed", fakeaws.Key{State: "PendingDeletion", DeletionDate: time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC)})
	add(4, "rsa", fakeaws.Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"})
	add(5, "hmac", fakeaws.Key{Spec: "HMAC_256", Usage: "GENERATE_VERIFY_MAC"})
	add(6, "cluster-api-provider-aws-prod", fakeaws.Key{RotationDays: 90})
	add(7, "", fakeaws.Key{})
}

// writeKubeconfig has a context for each cluster of the fleet, named by the
// cluster, and some that lead astray.
func writeKubeconfig(s *fakeaws.Server, truths []fakeaws.Truth, path string) error {
	c := clientcmdapi.NewConfig()
	add := func(context, entry, server string) {
		c.Clusters[entry] = &clientcmdapi.Cluster{Server: server}
		c.Contexts[context] = &clientcmdapi.Context{Cluster: entry, AuthInfo: "none"}
	}
	s.View(func(w *fakeaws.World) {
		for _, truth := range truths {
			add(truth.Name, truth.ARN, w.Clusters[truth.ARN].Endpoint)
		}
	})
	arn := truths[3].ARN // payments-prod
	add("kind-dev", "kind-dev", "https://127.0.0.1:6443")
	add("tunnel", arn+"-t", "https://localhost:8443")
	c.Clusters["tunnel"] = c.Clusters[arn+"-t"]
	delete(c.Clusters, arn+"-t")
	c.Contexts["tunnel"].Cluster = "tunnel"
	c.AuthInfos["get-token"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1beta1", Command: "aws", InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		Args: []string{"--region", "eu-central-1", "eks", "get-token", "--cluster-name", "payments-prod"},
	}}
	c.Contexts["tunnel"].AuthInfo = "get-token"
	add("astray", "astray", "https://ffff456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com")
	c.Contexts["astray"].AuthInfo = "get-token"
	add("gone", strings.Replace(arn, "payments-prod", "gone", 1), "https://eeee456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com")
	c.CurrentContext = "payments-prod"
	return clientcmd.WriteToFile(*c, path)
}

// exits CODE COMMAND… runs the command and wants its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want, _ := strconv.Atoi(args[0]); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func server(ts *testscript.TestScript) *fakeaws.Server {
	return ts.Value(serverKey{}).(*fakeaws.Server)
}

// allow ACTION… allows the caller these and nothing else; -ACTION denies one.
func allow(ts *testscript.TestScript, _ bool, args []string) {
	var policy []fakeaws.Statement
	for _, action := range args {
		if denied, found := strings.CutPrefix(action, "-"); found {
			policy = append(policy, fakeaws.Deny(denied))
		} else {
			policy = append(policy, fakeaws.Allow(action))
		}
	}
	ts.Check(server(ts).AddPrincipal(principal(policy...)))
}

// policy FILE [ACTION] allows the caller what the IAM policy in the file allows,
// less the action.
func policy(ts *testscript.TestScript, _ bool, args []string) {
	var document struct{ Statement []fakeaws.Statement }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &document))
	statements := document.Statement
	if len(args) > 1 {
		removed := false
		for i := range statements {
			kept := slices.DeleteFunc(statements[i].Action, func(a string) bool { return a == args[1] })
			removed = removed || len(kept) < len(statements[i].Action)
			statements[i].Action = kept
		}
		statements = slices.DeleteFunc(statements, func(s fakeaws.Statement) bool { return len(s.Action) == 0 })
		if !removed {
			ts.Fatalf("%s does not allow %s in the first place", args[0], args[1])
		}
	}
	ts.Check(server(ts).AddPrincipal(principal(statements...)))
}

// fault STATUS CODE [OPERATION] makes calls fail; "fault none" ends it.
func fault(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "none" {
		server(ts).SetFaults(nil)
		return
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	f := fakeaws.Fault{Status: status, Code: args[1]}
	if len(args) > 2 {
		f.Operation = args[2]
	}
	server(ts).SetFaults([]fakeaws.Fault{f})
}

// calls N OPERATION wants that many requests of the operation so far; "calls
// changing 0" wants none that changes anything.
func calls(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for _, r := range server(ts).Requests() {
		switch {
		case args[1] == r.Operation, args[1] == "changing" && changes(r.Operation):
			n++
		}
	}
	if want, _ := strconv.Atoi(args[0]); n != want {
		ts.Fatalf("%d calls of %s, want %d", n, args[1], want)
	}
}

func changes(operation string) bool {
	switch operation {
	case "DescribeCluster", "ListClusters", "ListUpdates", "DescribeUpdate", "DescribeKey", "ListKeys", "ListAliases",
		"GetKeyRotationStatus", "GetKeyPolicy", "GetCallerIdentity",
		"CreateGrant": // always a dry run here; the dry run's own test holds it to that
		return false
	}
	return true
}
