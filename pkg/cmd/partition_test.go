package cmd_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	certutil "k8s.io/client-go/util/cert"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// hostRecorder records the hosts of the requests.
type hostRecorder struct {
	http.Handler
	mu   sync.Mutex
	seen map[string]bool
}

func (r *hostRecorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.seen[req.Host] = true
	r.mu.Unlock()
	r.Handler.ServeHTTP(w, req)
}

// startInternet starts a proxy on loopback that leads every TLS connection to handler, with a
// certificate for the domains of the hosts. It returns the environment for the proxy.
func startInternet(t *testing.T, handler http.Handler, hosts ...string) (env []string) {
	t.Helper()
	var domains []string
	for _, host := range hosts {
		_, parent, _ := strings.Cut(host, ".")
		domains = append(domains, "*."+parent)
	}
	certificate, key, err := certutil.GenerateSelfSignedCertKey("loopback", nil, domains)
	awstest.Must(t, err)
	pair, err := tls.X509KeyPair(certificate, key)
	awstest.Must(t, err)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	awstest.Must(t, os.WriteFile(bundle, certificate, 0o600))
	origin := httptest.NewUnstartedServer(handler)
	origin.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	origin.StartTLS()
	t.Cleanup(origin.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT is allowed", http.StatusMethodNotAllowed)
			return
		}
		server, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", origin.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { defer server.Close(); _, _ = io.Copy(server, client) }()
		_, _ = io.Copy(client, server)
	}))
	t.Cleanup(proxy.Close)
	return []string{"HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + proxy.URL, "AWS_CA_BUNDLE=" + bundle}
}

// organization starts a fake AWS with an organization of two accounts that have one cluster
// each, in two regions. The user is in the first account.
func organization(t *testing.T, skew time.Duration, regions [2]string) (s *fakeaws.Server, clusters []string) {
	t.Helper()
	s, _ = awstest.NewWithOptions(t, fakeaws.Options{Now: func() time.Time { return time.Now().Add(skew) }})
	partition, all := fakeaws.Partition(regions[0]), []fakeaws.Statement{fakeaws.Allow("*")}
	awstest.Must(t, s.Update(func(w *fakeaws.State) {
		clear(w.Principals)
		w.AddPrincipal(fakeaws.Principal{ARN: "arn:" + partition + ":iam::" + awstest.Account + ":user/ann",
			AccessKeyID: awstest.AccessKeyID, SecretAccessKey: awstest.SecretAccessKey, Policy: all})
		for i, account := range []string{awstest.Account, awstest.OtherAccount} {
			w.AddPrincipal(fakeaws.Principal{ARN: "arn:" + partition + ":iam::" + account + ":role/auditor",
				Trust: []string{"*"}, Policy: all})
			w.Organization = append(w.Organization, fakeaws.OrganizationAccount{ID: account, Management: i == 0})
			key := w.AddKey(fakeaws.Key{Region: regions[i], Account: account, ID: "11111111-0000-0000-0000-000000000001",
				RotationDays: 365})
			cluster := w.AddCluster(fakeaws.Cluster{Name: "c", Region: regions[i], Account: account, Version: "1.35",
				KeyARN: key.ARN()})
			clusters = append(clusters, cluster.ARN())
		}
		w.Regions = []fakeaws.Region{{Name: regions[0]}}
		if regions[1] != regions[0] {
			w.Regions = append(w.Regions, fakeaws.Region{Name: regions[1]})
		}
	}))
	return s, clusters
}

// TestAuditInPartitions audits an organization with the real host names of each partition,
// also with FIPS endpoints, and with a clock that differs by an hour. Each call is logged.
func TestAuditInPartitions(t *testing.T) {
	t.Parallel()
	bin, err := exec.LookPath("kubectl-eks_encrypt")
	awstest.Must(t, err)
	const fips = "AWS_USE_FIPS_ENDPOINT=true"
	tests := []struct {
		name    string
		skew    time.Duration
		regions [2]string
		env     string
		hosts   []string
	}{
		{"aws", 0, [2]string{"eu-central-1", "us-west-2"}, "", []string{
			"organizations.us-east-1.amazonaws.com", "account.us-east-1.amazonaws.com",
			"eks.eu-central-1.amazonaws.com", "eks.us-west-2.amazonaws.com", "kms.us-west-2.amazonaws.com",
			"sts.eu-central-1.amazonaws.com"}},
		{"aws with FIPS", time.Hour, [2]string{"us-east-1", "us-west-2"}, fips, []string{
			"organizations-fips.us-east-1.amazonaws.com", "account-fips.us-east-1.amazonaws.com",
			"fips.eks.us-east-1.amazonaws.com", "fips.eks.us-west-2.amazonaws.com", "kms-fips.us-west-2.amazonaws.com",
			"sts-fips.us-east-1.amazonaws.com"}},
		{"aws-us-gov", time.Hour, [2]string{"us-gov-east-1", "us-gov-west-1"}, "", []string{
			"organizations.us-gov-west-1.amazonaws.com", "account.us-gov-west-1.amazonaws.com",
			"eks.us-gov-east-1.amazonaws.com", "kms.us-gov-east-1.amazonaws.com", "sts.us-gov-east-1.amazonaws.com"}},
		{"aws-us-gov with FIPS", -time.Hour, [2]string{"us-gov-east-1", "us-gov-west-1"}, fips, []string{
			"organizations.us-gov-west-1.amazonaws.com", "account-fips.us-gov-west-1.amazonaws.com",
			"eks.us-gov-east-1.amazonaws.com", "kms-fips.us-gov-east-1.amazonaws.com",
			"sts.us-gov-east-1.amazonaws.com"}},
		{"aws-cn", -time.Hour, [2]string{"cn-north-1", "cn-northwest-1"}, "", []string{
			"organizations.cn-northwest-1.amazonaws.com.cn", "account.cn-northwest-1.amazonaws.com.cn",
			"eks.cn-north-1.amazonaws.com.cn", "kms.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"}},
		{"aws-eusc", time.Hour, [2]string{"eusc-de-east-1", "eusc-de-east-1"}, "", []string{
			"organizations.eusc-de-east-1.amazonaws.eu", "account.eusc-de-east-1.amazonaws.eu",
			"eks.eusc-de-east-1.amazonaws.eu", "kms.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"}},
	}
	runs := make([]partitionRun, len(tests))
	var all sync.WaitGroup // a run with a wrong clock spends most of its time waiting to retry
	for i, test := range tests {
		run := &runs[i]
		run.server, run.clusters = organization(t, test.skew, test.regions)
		run.hosts = &hostRecorder{Handler: run.server, seen: map[string]bool{}}
		dir := t.TempDir()
		w := &pluginTest{bin: bin, env: append(startInternet(t, run.hosts, test.hosts...), test.env,
			"HOME="+dir, "KUBECONFIG="+filepath.Join(dir, "none"), "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID="+awstest.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+awstest.SecretAccessKey)}
		all.Go(func() {
			run.stdout, run.stderr, run.code = w.run(t, "audit", "--all-clusters", "--organization", "--role-name",
				"auditor", "--regions", "all", "--region", test.regions[0], "-o", "json", "-v=6")
		})
	}
	all.Wait()
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) { runs[i].check(t, test.hosts, test.skew != 0) })
	}
}

// partitionRun is one run of audit and what reached its fake AWS.
type partitionRun struct {
	server         *fakeaws.Server
	hosts          *hostRecorder
	clusters       []string
	stdout, stderr string
	code           int
}

func (run *partitionRun) check(t *testing.T, hosts []string, skewed bool) {
	t.Helper()
	var report v1alpha1.AuditReport
	if err := json.Unmarshal([]byte(run.stdout), &report); err != nil || run.code != 0 {
		t.Fatalf("exit code = %d, %v\n%s\n%s", run.code, err, run.stdout, run.stderr)
	}
	var found []string
	for i := range report.Items {
		found = append(found, report.Items[i].Cluster.ARN)
	}
	if !slices.Equal(found, run.clusters) || len(report.Unreachable) > 0 {
		t.Errorf("clusters = %q, unreachable = %+v; want %q", found, report.Unreachable, run.clusters)
	}
	for _, host := range hosts {
		if !run.hosts.seen[host] {
			t.Errorf("no request to %s, only to %v", host, run.hosts.seen)
		}
	}
	checkLog(t, run.stderr, run.server.Requests(), skewed)
}

var logLine = regexp.MustCompile(`"AWS (\S+) (\w+)" host="\S+" region="\S+" status="(\d+) `)

// checkLog checks that the log has one line for each request, and that requests were refused
// because of the clock only if it differs.
func checkLog(t *testing.T, log string, requests []fakeaws.Request, skewed bool) {
	t.Helper()
	logged, sent := map[string]int{}, map[string]int{}
	for _, line := range logLine.FindAllStringSubmatch(log, -1) {
		logged[strings.ToLower(line[1])+" "+line[2]]++
	}
	refused := 0
	for _, r := range requests {
		sent[r.Service+" "+r.Operation]++
		if r.Status != http.StatusOK {
			refused++
		}
	}
	for _, call := range []string{"sts GetCallerIdentity", "sts AssumeRole", "organizations ListAccounts",
		"account ListRegions", "eks ListClusters", "eks DescribeCluster", "kms DescribeKey"} {
		if sent[call] == 0 {
			t.Errorf("no request for %s", call)
		}
	}
	for call, n := range sent {
		if logged[call] != n {
			t.Errorf("%s: %d lines in the log, want %d", call, logged[call], n)
		}
	}
	if (refused > 0) != skewed {
		t.Errorf("%d of %d requests were refused; different clocks: %t", refused, len(requests), skewed)
	}
	if strings.Contains(log, "AWS4-HMAC") {
		t.Errorf("the log contains a signature:\n%s", log)
	}
}
