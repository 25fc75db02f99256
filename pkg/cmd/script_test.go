package cmd_test

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
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd"
)

// update rewrites the expected outputs in testdata/*.txtar.
var update = flag.Bool("update", false, "rewrite the expected outputs")

// TestMain lets the test binary run as the plugin, under both of its names.
func TestMain(m *testing.M) {
	plugin := func() {
		ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
		defer cancel()
		os.Exit(cmd.Main(ctx, cmd.Process{
			Args: os.Args, Version: "v0.0.0-test",
			IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		}))
	}
	testscript.Main(m, map[string]func(){"kubectl-eks_encrypt": plugin, "kubectl_complete-eks_encrypt": plugin})
}

// awsURL is the AWS endpoint of the scripts. Only the proxy resolves the name, so that
// the outputs are the same in every run.
const awsURL = "http://aws.test"

// TestScripts checks the plugin end to end, with a kubeconfig and a fake AWS on loopback.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "allow": allow, "policy": policy, "fault": fault, "calls": calls, "disablekey": disableKey,
			"generate": generate, "harmless": harmless, "role": role, "change": change,
			"signer": signer, "keypair": keypair, "tamper": tamper,
			"keypolicy": setKeyPolicy, "healthcheck": checkHealth,
			"changekey": changeKey, "region": region, "inflight": inFlight,
			"hub": hub, "deletecluster": deleteCluster, "notime": noTime,
			"forget": func(ts *testscript.TestScript, _ bool, _ []string) { server(ts).ResetRequests() },
		},
	})
}

// lockedReader makes a random source safe for concurrent use; IDs are the same in every run.
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

func setup(env *testscript.Env) error {
	s, vars, err := startAWS(env.WorkDir, time.Millisecond, env.Defer)
	env.Values[serverKey{}] = s
	for name, value := range vars {
		env.Setenv(name, value)
	}
	action, pathErr := filepath.Abs("../../deploy/github-action")
	env.Setenv("ACTION", action)
	return errors.Join(err, pathErr)
}

// startAWS starts a fake AWS with a fleet and keys, and returns the environment for it.
// Requests to any other address go to the same proxy, which refuses them.
func startAWS(dir string, associationTime time.Duration,
	atEnd func(func())) (*fakeaws.Server, map[string]string, error) {
	s := fakeaws.New(fakeaws.Options{AssociationTime: associationTime,
		Random: &lockedReader{Reader: rand.NewChaCha8([32]byte{})}})
	h := httptest.NewServer(s)
	atEnd(func() { h.Close(); s.Close() })
	truths, err := s.AddFleet(fakeaws.FleetOptions{})
	if err != nil {
		return nil, nil, err
	}
	if err := s.AddPrincipal(principal(fakeaws.Allow("*"))); err != nil {
		return nil, nil, err
	}
	if err := s.Update(fixtures); err != nil {
		return nil, nil, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	return s, map[string]string{
		"AWS_ENDPOINT_URL": awsURL, "HTTP_PROXY": h.URL, "HTTPS_PROXY": h.URL,
		"AWS_ACCESS_KEY_ID": awstest.AccessKeyID, "AWS_SECRET_ACCESS_KEY": awstest.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
		"HOME": dir, "KUBECONFIG": kubeconfig,
	}, writeKubeconfig(s, truths, kubeconfig)
}

// principal returns the user of awstest with exactly this policy, which may be empty.
func principal(policy ...fakeaws.Statement) fakeaws.Principal {
	user := awstest.User()
	user.Policy = policy
	return user
}

// ssoRole is a role of IAM Identity Center, with its path.
const ssoRole = "aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_admin_0123456789abcdef"

// fixtures adds the keys of eu-central-1, and roles.
func fixtures(w *fakeaws.State) {
	add := func(n int, alias string, k fakeaws.Key) {
		k.ID, k.Region, k.Account = fmt.Sprintf("11111111-0000-0000-0000-%012d", n), "eu-central-1", awstest.Account
		w.AddKey(k)
		if alias != "" {
			w.AddAlias(fakeaws.Alias{Name: "alias/" + alias, Region: k.Region, Account: awstest.Account, Target: k.ID})
		}
	}
	add(1, "good", fakeaws.Key{RotationDays: 365})
	add(2, "disabled", fakeaws.Key{State: "Disabled"})
	add(3, "doomed", fakeaws.Key{State: "PendingDeletion", DeletionDate: time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC)})
	add(4, "rsa", fakeaws.Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"})
	add(5, "hmac", fakeaws.Key{Spec: "HMAC_256", Usage: "GENERATE_VERIFY_MAC"})
	add(6, "cluster-api-provider-aws-prod", fakeaws.Key{RotationDays: 90})
	add(7, "", fakeaws.Key{})
	add(8, "rsa-encrypt", fakeaws.Key{Spec: "RSA_4096"})
	add(9, "unimported", fakeaws.Key{Origin: "EXTERNAL", State: "PendingImport"})
	w.AddKey(fakeaws.Key{ID: "mrk-11111111000000000000000000000010", Region: "eu-central-1", Account: awstest.Account,
		MultiRegion: true,
		Primary:     "arn:aws:kms:us-east-1:" + awstest.Account + ":key/mrk-11111111000000000000000000000010"})
	w.AddKey(fakeaws.Key{ID: "22222222-0000-0000-0000-000000000001", Region: "eu-central-1", Account: "444455556666"})
	for _, role := range []string{"role/ci/deployer", "role/" + ssoRole} {
		w.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + awstest.Account + ":" + role, Trust: []string{"*"},
			Policy: []fakeaws.Statement{fakeaws.Allow("*")}})
	}
	w.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + awstest.Account + ":role/narrow", Trust: []string{"*"},
		Policy: []fakeaws.Statement{fakeaws.Allow("*"), fakeaws.Deny("iam:*")}})
	w.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + awstest.Account + ":role/" + ssoRole + "2",
		Trust: []string{"*"}, Policy: []fakeaws.Statement{fakeaws.Allow("*"), fakeaws.Deny("iam:*")}})
	w.AddAlias(fakeaws.Alias{Name: "alias/dangling", Region: "eu-central-1", Account: awstest.Account,
		Target: "ffffffff-0000-0000-0000-000000000001"})
}

// writeKubeconfig writes a context for each cluster of the fleet, with the name of the
// cluster, and some contexts that lead to other or missing clusters.
func writeKubeconfig(s *fakeaws.Server, truths []fakeaws.Expected, path string) error {
	c := clientcmdapi.NewConfig()
	add := func(context, entry, server string) {
		c.Clusters[entry] = &clientcmdapi.Cluster{Server: server}
		c.Contexts[context] = &clientcmdapi.Context{Cluster: entry, AuthInfo: "none"}
	}
	s.View(func(w *fakeaws.State) {
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
		APIVersion: "client.authentication.k8s.io/v1beta1", Command: "aws",
		InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		Args:            []string{"--region", "eu-central-1", "eks", "get-token", "--cluster-name", "payments-prod"},
	}}
	c.Contexts["tunnel"].AuthInfo = "get-token"
	add("astray", "astray", "https://ffff456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com")
	c.Contexts["astray"].AuthInfo = "get-token"
	add("gone", strings.Replace(arn, "payments-prod", "gone", 1),
		"https://eeee456789abcdef0123456789abcdef.gr7.eu-central-1.eks.amazonaws.com")
	c.CurrentContext = "payments-prod"
	return clientcmd.WriteToFile(*c, path)
}

// exits CODE COMMAND… runs the command and checks its exit code.
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
		ts.Fatalf("exit code = %d, want %d", code, want)
	}
}

func server(ts *testscript.TestScript) *fakeaws.Server {
	return ts.Value(serverKey{}).(*fakeaws.Server)
}

// allow ACTION… allows the caller only these actions; -ACTION denies one.
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

// role ARN [EXTERNALID] adds a role that anyone may assume, with this external ID, and that is allowed everything.
func role(ts *testscript.TestScript, _ bool, args []string) {
	p := fakeaws.Principal{ARN: args[0], Trust: []string{"*"}, Policy: []fakeaws.Statement{fakeaws.Allow("*")}}
	if len(args) > 1 {
		p.ExternalID = args[1]
	}
	ts.Check(server(ts).AddPrincipal(p))
}

// policy FILE [ACTION] gives the caller the IAM policy of the file, without the action.
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
			ts.Fatalf("%s does not allow %s", args[0], args[1])
		}
	}
	ts.Check(server(ts).AddPrincipal(principal(statements...)))
}

// fault STATUS CODE [OPERATION [REGION]] makes calls fail; "fault none" ends it.
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
	if len(args) > 3 {
		f.Region = args[3]
	}
	server(ts).SetFaults([]fakeaws.Fault{f})
}

// calls N OPERATION checks the number of requests so far for an operation or a service.
// "changing" stands for every operation that changes something, "any" for all.
func calls(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for _, r := range server(ts).Requests() {
		if r.Principal == "" {
			continue // not an AWS call but a refused connection to the API server
		}
		switch {
		case args[1] == r.Operation, args[1] == r.Service, args[1] == "any",
			args[1] == "changing" && changes(r.Operation):
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
		"GetKeyRotationStatus", "GetKeyPolicy", "ListResourceTags", "ListGrants", "GetKeyLastUsage",
		"ListKeyRotations", "LookupEvents", "GetRole", "GetCallerIdentity", "ListRegions", "ListAccounts",
		"ListAccountsForParent", "ListChildren", "AssumeRole", "ListCapabilities", "GetPublicKey", "Sign",
		"CreateGrant": // always a dry run here, which another test checks
		return false
	}
	return true
}

// disablekey CLUSTER disables the cluster's key.
func disableKey(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: disablekey CLUSTER")
	}
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		for _, c := range w.Clusters {
			if c.Name == args[0] {
				w.Keys[c.KeyARN].State = "Disabled"
			}
		}
	}))
}

// keypolicy CLUSTER FILE sets the policy of the cluster's key.
func setKeyPolicy(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keypolicy CLUSTER FILE")
	}
	policy := ts.ReadFile(args[1])
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		for _, c := range w.Clusters {
			if c.Name == args[0] {
				w.Keys[c.KeyARN].Policy = policy
			}
		}
	}))
}

// healthcheck CLUSTER makes EKS check the cluster's key, as it does every hour.
func checkHealth(ts *testscript.TestScript, _ bool, args []string) {
	var arns []string
	server(ts).View(func(w *fakeaws.State) {
		for arn, c := range w.Clusters {
			if len(args) == 1 && c.Name == args[0] {
				arns = append(arns, arn)
			}
		}
	})
	if len(arns) == 0 {
		ts.Fatalf("usage: healthcheck CLUSTER")
	}
	for _, arn := range arns {
		ts.Check(server(ts).CheckHealth(arn))
	}
	time.Sleep(2 * time.Millisecond) // so that the next check is newer
}

// change CLUSTER JSON sets fields of the cluster, in all regions.
func change(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: change CLUSTER JSON")
	}
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		for _, c := range w.Clusters {
			if c.Name == args[0] {
				ts.Check(json.Unmarshal([]byte(args[1]), c))
			}
		}
	}))
}

// changekey CLUSTER JSON sets fields of the cluster's key, or of a copy of it that replaces it if they contain an id.
func changeKey(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: changekey CLUSTER JSON")
	}
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		for _, c := range w.Clusters {
			if c.Name != args[0] {
				continue
			}
			k := *w.Keys[c.KeyARN]
			ts.Check(json.Unmarshal([]byte(args[1]), &k))
			c.KeyARN = w.AddKey(k).ARN()
		}
	}))
}

// inflight MAX COMMAND… runs the command with calls that take a while, and checks how many run at the same time.
func inFlight(ts *testscript.TestScript, _ bool, args []string) {
	s := server(ts)
	s.SetFaults([]fakeaws.Fault{{Latency: 5 * time.Millisecond}})
	s.ResetRequests()
	_ = ts.Exec(args[1], args[2:]...) // its exit code does not matter
	s.SetFaults(nil)
	limit, err := strconv.Atoi(args[0])
	ts.Check(err)
	if n := s.MaxInFlight(); n > limit || n == 0 {
		ts.Fatalf("%d calls at the same time, want at most %d and some", n, limit)
	}
}

// region NAME STATUS sets the status of a region in the list of regions.
func region(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: region NAME STATUS")
	}
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		w.Regions = slices.DeleteFunc(w.Regions, func(r fakeaws.Region) bool { return r.Name == args[0] })
		w.Regions = append(w.Regions, fakeaws.Region{Name: args[0], OptIn: args[1]})
	}))
}

// generate KIND adds clusters in two more accounts and four regions. hostile gives them
// hostile names; trouble adds a region that is down and an account that is denied.
func generate(ts *testscript.TestScript, _ bool, args []string) {
	o := fakeaws.GenerateOptions{Clusters: 60, Regions: 4, Accounts: 2, Seed: 3}
	switch args[0] {
	case "hostile":
		o.Hostile = true
	case "plain":
	case "trouble":
		o.RegionsDown, o.AccountsDenied = 1, 1
	default:
		ts.Fatalf("usage: generate plain|hostile|trouble")
	}
	_, err := server(ts).AddGenerated(o)
	ts.Check(err)
}

// harmless FILE… checks that the files have no characters that control a terminal or reorder text.
func harmless(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		text := ts.ReadFile(file)
		if text == "" {
			ts.Fatalf("%s is empty", file)
		}
		for i, r := range text {
			if (unicode.IsControl(r) && !strings.ContainsRune("\n\t\r", r)) || unicode.Is(unicode.Cf, r) {
				ts.Fatalf("%s contains %U: …%q", file, r, text[max(i-80, 0):i+1])
			}
		}
	}
}
