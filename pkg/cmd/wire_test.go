package cmd_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/shlex"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// apiServer records the requests to an API server that allows nothing. If it hangs, it answers none of them.
type apiServer struct {
	*httptest.Server
	arn  string
	hang atomic.Bool

	mu       sync.Mutex
	requests []string
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if s.hang.Load() {
		_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice that the client is gone
		<-r.Context().Done()
		return
	}
	http.Error(w, `{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}`, http.StatusForbidden)
}

// take returns the requests since the last call.
func (s *apiServer) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

func (s *apiServer) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// wireTest is two clusters with API servers, and a kubeconfig with the contexts dev (current) and prod. Other clusters
// without a key have prod's API server.
type wireTest struct {
	*pluginTest
	dev, prod *apiServer
	others    []string // ARNs; their names are other-0, other-1, …
	caFile    string
	proxy     string // refuses to connect
}

func newWireTest(t *testing.T) *wireTest {
	t.Helper()
	w := &wireTest{pluginTest: newPluginTest(t, time.Millisecond)}
	for _, pair := range w.env {
		if url, found := strings.CutPrefix(pair, "HTTP_PROXY="); found {
			w.proxy = url
		}
	}
	config := clientcmdapi.NewConfig()
	config.CurrentContext = "dev"
	add := func(name, keyARN string) *apiServer {
		s := &apiServer{}
		s.Server = httptest.NewTLSServer(s)
		t.Cleanup(s.Close)
		s.arn = awstest.AddCluster(t, w.Server, fakeaws.Cluster{
			Name: name, Endpoint: s.URL, CA: base64.StdEncoding.EncodeToString(s.ca()), KeyARN: keyARN,
		})
		config.Clusters[s.arn] = &clientcmdapi.Cluster{Server: s.URL, CertificateAuthorityData: s.ca()}
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: "t"}
		config.Contexts[name] = &clientcmdapi.Context{Cluster: s.arn, AuthInfo: name}
		return s
	}
	w.dev = add("dev", "")
	w.prod = add("prod", "arn:aws:kms:eu-central-1:111122223333:key/11111111-0000-0000-0000-000000000001")
	for i := range 16 {
		arn := awstest.AddCluster(t, w.Server, fakeaws.Cluster{
			Name: fmt.Sprint("other-", i), Endpoint: w.prod.URL, CA: base64.StdEncoding.EncodeToString(w.prod.ca()),
		})
		config.Clusters[arn] = config.Clusters[w.prod.arn]
		w.others = append(w.others, arn)
	}
	dir := t.TempDir()
	w.caFile = filepath.Join(dir, "my ca.crt")
	awstest.Must(t, os.WriteFile(w.caFile, w.prod.ca(), 0o600))
	path := filepath.Join(dir, "kubeconfig")
	awstest.Must(t, clientcmd.WriteToFile(*config, path))
	w.env = append(w.env, "KUBECONFIG="+path)
	return w
}

// only checks that the run reached prod's API server and no other one, and in AWS no other cluster than this one.
func (w *wireTest) only(t *testing.T, cluster, line string) {
	t.Helper()
	if got := w.dev.take(); len(got) > 0 {
		t.Errorf("%s: requests to dev = %q, want none", line, got)
	}
	for _, r := range w.Requests() {
		if r.Cluster != "" && r.Cluster != cluster && r.Operation != "DescribeCluster" {
			t.Errorf("%s: %s of cluster %s, want %s alone", line, r.Operation, r.Cluster, cluster)
		}
	}
	w.ResetRequests()
}

// TestAuditDataStaysOnServer checks that the data of a cluster is read and written only through the connection that
// the guard has checked.
func TestAuditDataStaysOnServer(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	data := []string{"audit", "--verify-data", "--sample", "3", "-o", "json"}
	for _, flags := range [][]string{
		{"--cluster", w.prod.arn, "--user", "prod"},
		{"--context", "prod"},
		{"--kubeconfig", os.DevNull, "--server", w.prod.URL, "--certificate-authority", w.caFile, "--token", "t",
			"--cluster-name", w.prod.arn},
		{"--kubeconfig", os.DevNull, "--server", w.prod.URL, "--certificate-authority", w.caFile, "--token", "t",
			"--cluster-name", "prod", "--region", "eu-central-1"},
	} {
		stdout, stderr, _ := w.run(t, append(data, flags...)...)
		if !strings.Contains(stdout, `"evidence": "Certificate"`) {
			t.Errorf("%v: the guard is not Match by certificate:\n%s%s", flags, stdout, stderr)
		}
		if got := w.prod.take(); len(got) == 0 {
			t.Errorf("%v: no request to prod:\n%s%s", flags, stdout, stderr)
		}
		w.only(t, "prod", strings.Join(flags, " "))
	}
}

// TestRewriteRefusesOtherCluster checks that no flag lets rewrite take the objects of one cluster for those of another:
// not one request reaches either API server.
func TestRewriteRefusesOtherCluster(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	evidence := filepath.Join(t.TempDir(), "evidence.json")
	for _, flags := range [][]string{
		{"--cluster-name", "prod"},
		{"--cluster-name", w.prod.arn},
		{"--cluster-name", "prod", "--trust-endpoint"},
		{"--cluster-name", "prod", "--server", w.prod.URL},
		{"--cluster", w.prod.arn, "--cluster-name", "dev", "--trust-endpoint"},
		{"--context", "prod", "--cluster", w.dev.arn, "--cluster-name", "prod", "--evidence", evidence, "--trust-endpoint"},
		{"--context", "prod", "--cluster-name", strings.Replace(w.prod.arn, "1111", "9999", 1)},
	} {
		for _, command := range []string{"rewrite", "verify"} {
			_, stderr, code := w.run(t, append([]string{command}, flags...)...)
			if want := map[string]int{"rewrite": 1, "verify": 3}[command]; code != want ||
				!strings.Contains(stderr, "does not connect to ") {
				t.Errorf("%s %v: exit code = %d, want %d for a mismatch:\n%s", command, flags, code, want, stderr)
			}
			if dev, prod := w.dev.take(), w.prod.take(); len(dev)+len(prod) > 0 {
				t.Errorf("%s %v: requests to dev = %q, to prod = %q, want none", command, flags, dev, prod)
			}
		}
	}
	if _, err := os.Stat(evidence); err == nil {
		t.Error("an evidence file was written")
	}
}

// TestPrintedCommands runs each command that a runbook prints, as it stands, for a cluster that flags select against
// the current context: they reach that cluster alone and associate nothing.
func TestPrintedCommands(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	for _, flags := range [][]string{
		{"--cluster", w.prod.arn, "--user", "prod"},
		{"--context", "prod"},
		{"--context", "prod", "--as", "o'brien", "--as-group", "a b", "--as-group", "c"},
		{"--kubeconfig", os.DevNull, "--server", w.prod.URL, "--certificate-authority", w.caFile, "--cluster-name", "prod",
			"--region", "eu-central-1", "--token", "t"},
	} {
		document, stderr, code := w.run(t, append([]string{"generate", "runbook"}, flags...)...)
		if code != 0 {
			t.Fatalf("%v: exit code = %d:\n%s", flags, code, stderr)
		}
		w.only(t, "prod", strings.Join(flags, " "))
		commands := 0
		for line := range strings.Lines(document) {
			line, isCommand := strings.CutPrefix(strings.TrimSpace(line), "kubectl eks-encrypt ")
			if !isCommand {
				continue
			}
			commands++
			line, _, _ = strings.Cut(line, " > ")
			line = strings.ReplaceAll(line, "--evidence rewrite.json", "")
			words, err := shlex.Split(line)
			if err != nil {
				t.Fatal(err)
			}
			w.run(t, words...)
			w.only(t, "prod", line)
		}
		if commands < 6 {
			t.Errorf("%v: commands = %d, want those of the runbook", flags, commands)
		}
	}
	if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 0 {
		t.Errorf("calls of AssociateEncryptionConfig = %d, want 0", n)
	}
}

// TestResumeCommand associates a key, each time with another flag that selects cluster, connection or principal against
// the current context. The printed command, run as it stands, waits for that cluster's update and begins no other one.
func TestResumeCommand(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	printed := regexp.MustCompile(`Wait with: kubectl eks-encrypt (.*)\n`)
	for i, flags := range [][]string{
		nil,
		{"--server", w.prod.URL},
		{"--tls-server-name", "example.com"},
		{"--certificate-authority", w.caFile},
		{"--insecure-skip-tls-verify", "--trust-endpoint"},
		{"--token", "t"},
		{"--as", "o'brien"},
		{"--as-group", "a b", "--as-group", "$(c)", "--as", "x"},
		{"--as-uid", "1", "--as", "x"},
		{"--as-user-extra", "a=b", "--as", "x"},
		{"--request-timeout", "30s", "--cache-dir", "a b", "--disable-compression"},
		{"--endpoint-url", awsURL},
		{"--cluster-name", w.others[12]},
		{"--cluster-name", "other-13", "--region", "eu-central-1"},
		{"-n", "default", "-v", "1"},
		{"--proxy-url", w.proxy},
	} {
		name := fmt.Sprint("other-", i)
		selection := append([]string{"--cluster", w.others[i], "--user", "prod"}, flags...)
		key := "arn:aws:kms:eu-central-1:111122223333:key/11111111-0000-0000-0000-000000000001"
		_, stderr, code := w.run(t, append([]string{"associate", key, "--no-wait", "--yes", "--no-record"}, selection...)...)
		line := printed.FindStringSubmatch(stderr)
		if code != 0 || line == nil {
			t.Errorf("%v: exit code = %d:\n%s", flags, code, stderr)
			continue
		}
		w.only(t, name, "associate "+strings.Join(flags, " "))
		command, _, _ := strings.Cut(line[1], " (also pass")
		words, err := shlex.Split(command)
		if err != nil || !strings.HasPrefix(command, "associate --resume ") || strings.Contains(command, "--yes") ||
			!strings.Contains(command, "--no-record") {
			t.Fatalf("%v: command = %q, want associate --resume, with --no-record and without --yes: %v", flags, command, err)
		}
		_, stderr, code = w.run(t, words...)
		if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); code != 0 || n != 0 {
			t.Errorf("%s: exit code = %d, associations = %d:\n%s", command, code, n, stderr)
		}
		for _, r := range w.Requests() {
			if r.Cluster != "" && r.Cluster != name {
				t.Errorf("%s: %s of cluster %s, want %s alone", command, r.Operation, r.Cluster, name)
			}
		}
		w.only(t, name, command)
	}
}

// TestNoRecordOfRewrite checks that --no-record of associate also holds for the rewrite that it offers.
func TestNoRecordOfRewrite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags []string
		read  bool
	}{{nil, true}, {[]string{"--no-record"}, false}} {
		w := newWireTest(t)
		c := w.console(t, nil, append([]string{"associate", goodKey, "--context", "dev"}, test.flags...)...)
		c.expect("Type the cluster's name to continue: ")
		c.send("dev" + enter)
		c.expect("Rewrite all Secrets now? [y/N] ")
		w.dev.take()
		c.send("y" + enter)
		c.expect("Write all the same? [y/N] ") // after the record was read
		c.send("n" + enter)
		c.ends(2)
		read := false
		for _, request := range w.dev.take() {
			read = read || strings.HasSuffix(request, "/configmaps/eks-encrypt")
		}
		if read != test.read {
			t.Errorf("%v: the record was read: %t, want %t", test.flags, read, test.read)
		}
	}
}
