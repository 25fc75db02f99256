package report

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	hub "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
)

func validate(t testing.TB, file, document string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join("testdata", "schemas", file))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("invalid according to %s: %v", file, err)
	}
}

func reports(t *testing.T) map[string]*v1alpha1.AuditReport {
	t.Helper()
	return map[string]*v1alpha1.AuditReport{"fixture": fixture(t), "empty": {},
		"hostile": everywhere(strings.Join(hostile.Values(), " "))}
}

// TestSARIFSchema checks the report against the schema that OASIS publishes.
func TestSARIFSchema(t *testing.T) {
	for _, r := range reports(t) {
		validate(t, "sarif-schema-2.1.0.json", render(t, "sarif", r))
	}
}

// TestOCSFSchema checks the report against a schema that is generated from the attribute tables that OCSF publishes;
// see testdata/schemas/README.md.
func TestOCSFSchema(t *testing.T) {
	for _, r := range reports(t) {
		validate(t, "ocsf-1.5.0-compliance_finding.json", render(t, "ocsf", r))
	}
}

// TestJUnitSchema checks the report against the schema that Jenkins uses: JUnit has no standard.
func TestJUnitSchema(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is missing (Debian: apt-get install libxml2-utils)")
	}
	for name, r := range reports(t) {
		path := filepath.Join(t.TempDir(), "report.xml")
		if err := os.WriteFile(path, []byte(render(t, "junit", r)), 0o600); err != nil {
			t.Fatal(err)
		}
		schema := filepath.Join("testdata", "schemas", "junit-10.xsd")
		cmd := exec.CommandContext(t.Context(), xmllint, "--noout", "--nonet", "--schema", schema, path)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestASFFOnTheWire sends the report through the unmodified AWS client to a server that is as strict as Security Hub,
// because ASFF has no published JSON schema: the client rejects missing fields, its types reject unknown ones, and the
// server checks account, region and lengths. The import of the program must send the same.
func TestASFFOnTheWire(t *testing.T) {
	r := fixture(t)
	r.Unreachable = append(r.Unreachable, v1alpha1.Unreachable{Account: prod, Region: "us-gov-west-1", Reason: "no role"})
	batches, wanted := Batches(r), SecurityHub(r)
	for _, b := range batches {
		var file bytes.Buffer
		if err := b.Write(&file); err != nil {
			t.Fatal(err)
		}
		var findings []types.AwsSecurityFinding
		d := json.NewDecoder(bytes.NewReader(file.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&findings); err != nil {
			t.Fatal(err)
		}
		server, client := newHub(t, b)
		out, err := client.BatchImportFindings(t.Context(), &securityhub.BatchImportFindingsInput{Findings: findings})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range out.FailedFindings {
			t.Errorf("%s/%s: %s: %s", b.Account, b.Region, *f.Id, *f.ErrorMessage)
		}
		for i := range findings {
			checkASFF(t, &findings[i])
		}
		if got, want := hubFindings(t, server), asObjects(t, file.Bytes()); got != want {
			t.Errorf("the client sent\n%s\nwant\n%s", got, want)
		}
		server, client = newHub(t, b)
		calls := awsclient.SecurityHub{GetFindings: client.GetFindings, BatchImportFindings: client.BatchImportFindings,
			BatchUpdateFindings: client.BatchUpdateFindings}
		var own []hub.Finding
		for _, w := range wanted.Of(b.Account, b.Region) {
			own = append(own, w.Finding)
		}
		place := hub.Place{Partition: fakeaws.Partition(b.Region), Account: b.Account, Region: b.Region}
		if n, failed, err := hub.New(calls, place).Import(t.Context(), own); err != nil || n != len(own) {
			t.Errorf("Import = %d, failed %v, error %v, want all %d imported", n, failed, err, len(own))
		}
		if got, want := hubFindings(t, server), asObjects(t, file.Bytes()); got != want {
			t.Errorf("the import sent\n%s\nwant\n%s", got, want)
		}
	}
}

// newHub returns a Security Hub, and a client of the batch's account and region.
func newHub(t *testing.T, b Batch) (*fakeaws.Server, *securityhub.Client) {
	t.Helper()
	server, config := awstest.New(t)
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + b.Account + ":user/u",
		AccessKeyID: "AKIA1", SecretAccessKey: "s", Policy: []fakeaws.Statement{fakeaws.Allow("securityhub:*")}}))
	config.Region, config.Credentials = b.Region, credentials.NewStaticCredentialsProvider("AKIA1", "s", "")
	return server, securityhub.NewFromConfig(config)
}

// hubFindings returns the findings of a Security Hub as JSON, without what it adds.
func hubFindings(t *testing.T, s *fakeaws.Server) string {
	t.Helper()
	var text []byte
	s.View(func(w *fakeaws.State) {
		var all []fakeaws.HubFinding
		for _, f := range w.Hub.Findings {
			f := *f
			f.Workflow = nil
			all = append(all, f)
		}
		var err error
		if text, err = json.Marshal(all); err != nil {
			t.Fatal(err)
		}
	})
	return asObjects(t, text)
}

// asObjects returns a list of findings with sorted members.
func asObjects(t *testing.T, text []byte) string {
	t.Helper()
	var objects []map[string]any
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, objects); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func checkASFF(t *testing.T, f *types.AwsSecurityFinding) {
	t.Helper()
	within := func(name, s string, low, high int) {
		if n := utf8.RuneCountInString(s); n < low || n > high || strings.TrimSpace(s) == "" {
			t.Errorf("%s: %s has %d characters, want %d to %d", *f.Id, name, n, low, high)
		}
	}
	matches := func(name, s, pattern string) {
		if !regexp.MustCompile(pattern).MatchString(s) {
			t.Errorf("%s: %s = %q, want a match of %s", *f.Id, name, s, pattern)
		}
	}
	if len(f.Resources) < 1 || len(f.Resources) > 32 || len(f.FindingProviderFields.Types) < 1 ||
		len(f.Compliance.RelatedRequirements) > 32 || len(f.ProductFields) > 50 {
		t.Errorf("%s: a list is too long or too short", *f.Id)
	}
	within("Id", *f.Id, 1, 512)
	within("GeneratorId", *f.GeneratorId, 1, 512)
	within("Title", *f.Title, 1, 256)
	within("Description", *f.Description, 1, 1024)
	within("ProductArn", *f.ProductArn, 12, 2048)
	within("ProductName", *f.ProductName, 1, 128)
	within("CompanyName", *f.CompanyName, 1, 128)
	within("Region", *f.Region, 1, 16)
	// BatchImportFindings cannot change these once a finding exists, so it must never set them.
	if f.Workflow != nil || f.Note != nil || f.UserDefinedFields != nil || f.VerificationState != "" {
		t.Errorf("%s has a field that belongs to the customer, want none", *f.Id)
	}
	for _, r := range f.Resources {
		within("Resource.Id", *r.Id, 1, 512)
		within("Resource.Type", *r.Type, 1, 256)
		matches("Partition", string(r.Partition), `^aws(-cn|-us-gov)?$`)
	}
	for key, value := range f.ProductFields {
		within("key of ProductFields", key, 1, 128)
		within(key, value, 1, 2048)
	}
	if f.Remediation != nil {
		within("Recommendation.Text", *f.Remediation.Recommendation.Text, 1, 512)
	}
	matches("SchemaVersion", *f.SchemaVersion, `^2018-10-08$`)
	matches("AwsAccountId", *f.AwsAccountId, `^\d{12}$`)
	matches("ProductArn", *f.ProductArn, `^arn:aws(-cn|-us-gov|-eusc)?:securityhub:`+*f.Region+`:`+*f.AwsAccountId+
		`:product/`+*f.AwsAccountId+`/default$`)
	matches("Types", f.FindingProviderFields.Types[0], `^(Software and Configuration Checks|TTPs|Effects|`+
		`Unusual Behaviors|`+
		`Sensitive Data Identifications)/[^/]+(/[^/]+)?$`)
	matches("Severity", string(f.FindingProviderFields.Severity.Label), `^(INFORMATIONAL|LOW|MEDIUM|HIGH|CRITICAL)$`)
	matches("Compliance", string(f.Compliance.Status), `^(PASSED|FAILED|WARNING|NOT_AVAILABLE)$`)
	matches("RecordState", string(f.RecordState), `^ACTIVE$`)
	for _, s := range []*string{f.CreatedAt, f.UpdatedAt} {
		if _, err := time.Parse(time.RFC3339, *s); err != nil {
			t.Error(err)
		}
	}
}

// TestBatches checks that each batch belongs to one account and region, has at most 100 findings, and that together
// they hold every finding once.
func TestBatches(t *testing.T) {
	r := fixture(t)
	for i := range 120 {
		item := r.Items[i%3]
		item.Cluster.ARN += "-" + strconv.Itoa(i)
		r.Items = append(r.Items, item)
	}
	r.Unreachable = append(r.Unreachable, v1alpha1.Unreachable{Account: prod, Region: "us-gov-west-1", Reason: "no role"})
	batches := Batches(r)
	seen, all := map[string]bool{}, 0
	for _, b := range batches {
		var out bytes.Buffer
		if err := b.Write(&out); err != nil {
			t.Fatal(err)
		}
		var findings []types.AwsSecurityFinding
		if err := json.Unmarshal(out.Bytes(), &findings); err != nil {
			t.Fatal(err)
		}
		if len(findings) == 0 || len(findings) > 100 {
			t.Errorf("a batch of %s %s has %d findings, want 1 to 100", b.Account, b.Region, len(findings))
		}
		for i, f := range findings {
			checkASFF(t, &findings[i])
			if *f.AwsAccountId != b.Account || *f.Region != b.Region || seen[*f.Id] {
				t.Errorf("finding %s of %s %s is in the batch of %s %s, or twice", *f.Id, *f.AwsAccountId, *f.Region,
					b.Account, b.Region)
			}
			seen[*f.Id] = true
		}
		all += len(findings)
	}
	var findings []types.AwsSecurityFinding
	if err := json.Unmarshal([]byte(render(t, "asff", r)), &findings); err != nil {
		t.Fatal(err)
	}
	if all != len(findings) || len(batches) < 6 {
		t.Errorf("%d batches with %d findings, want %d findings in at least 6", len(batches), all, len(findings))
	}
	if arn := "arn:aws-us-gov:securityhub:us-gov-west-1:" + prod + ":product/" + prod + "/default"; !slices.ContainsFunc(
		findings, func(f types.AwsSecurityFinding) bool { return *f.ProductArn == arn }) {
		t.Errorf("no finding has the product %s", arn)
	}
}

// TestASFFLimits checks that values that are too long for Security Hub are cut with an ellipsis, and that results
// without an account are counted.
func TestASFFLimits(t *testing.T) {
	r := fixture(t)
	long := strings.Repeat("ü", 3000)
	r.Items[0].Cluster.ARN += long
	r.Items[0].Cluster.Name = long
	r.Items[0].Controls[0].Name, r.Items[0].Controls[0].Reason = long, long
	r.Findings[0].Remedy, r.Waived[0].Reason = long, long
	var findings []types.AwsSecurityFinding
	if err := json.Unmarshal([]byte(render(t, "asff", r)), &findings); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for i := range findings {
		checkASFF(t, &findings[i])
		if ids[*findings[i].Id] {
			t.Errorf("ID %s occurs twice, want unique IDs", *findings[i].Id)
		}
		ids[*findings[i].Id] = true
	}
	if got := Omitted("asff", r); got != 2 { // the context kind-dev, and the location without an account
		t.Errorf("Omitted = %d, want 2", got)
	}
	if got := Omitted("sarif", r); got != 0 {
		t.Errorf("Omitted for SARIF = %d, want 0", got)
	}
}
