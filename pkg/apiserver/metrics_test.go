package apiserver

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// samplePage is a metrics page. Its labels are written in short, to keep the lines short.
var samplePage = strings.NewReplacer( //nolint:gochecknoglobals // a fixture
	"KEY{", "apiserver_envelope_encryption_key_id_hash_", "SERVER", `apiserver_id_hash="sha256:s"`,
	"OLD", `key_id_hash="sha256:old",provider_name="aok"`, "NEW", `key_id_hash="sha256:new",provider_name="cmk"`,
	"TO", `transformation_type="to_storage"`, "FROM", `transformation_type="from_storage"`,
	"TRANSFORMED{", `apiserver_storage_transformation_operations_total{resource="secrets",status="OK",`,
).Replace(`# HELP apiserver_envelope_encryption_key_id_hash_total a counter
KEY{last_timestamp_seconds{SERVER,OLD,TO} 1e+09
KEY{last_timestamp_seconds{SERVER,NEW,TO} 1.00000005e+09
KEY{last_timestamp_seconds{SERVER,OLD,FROM} 2e+09
KEY{total{SERVER,OLD,FROM} 12
KEY{total{SERVER,NEW,TO} 3
apiserver_resource_size_estimate_bytes{group="",resource="secrets"} 468480
apiserver_resource_size_estimate_bytes{group="apps",resource="deployments"} -1
apiserver_resource_objects{group="apps",resource="deployments"} 5
apiserver_storage_objects{resource="deployments.apps"} 5
apiserver_storage_objects{resource="secrets"} 300
apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 1.048576e+06
apiserver_storage_size_bytes{storage_cluster_id="etcd-1"} 4096
TRANSFORMED{FROM,transformer_prefix="identity"} 4
TRANSFORMED{FROM,transformer_prefix="k8s:enc:kms:v2:aok:"} 12
some_other_metric{label="a \"quoted\" {brace}, and = sign"} 7
process_start_time_seconds 5.5
`)

func TestParseMetrics(t *testing.T) {
	m, err := ParseMetrics(strings.NewReader(samplePage))
	if err != nil {
		t.Fatal(err)
	}
	oldKey, newKey := Key{"aok", "sha256:old"}, Key{"cmk", "sha256:new"}
	if m.Server != "sha256:s" || m.Started != 5.5 || m.StorageBytes != 1<<20 || m.Reads[oldKey] != 12 ||
		m.Writes[newKey] != 3 || m.Plain["secrets"] != 4 || m.Sizes["secrets"] != 468480 ||
		m.Sizes["deployments.apps"] != -1 || m.Objects["deployments.apps"] != 5 || m.Objects["secrets"] != 300 {
		t.Errorf("ParseMetrics = %+v", m)
	}
	if m.LastWrite[newKey] <= m.LastWrite[oldKey] {
		t.Errorf("last writes = %v, want the new key to be later", m.LastWrite)
	}
}

// A page of 50 MB is read, and of its series only those that matter are kept.
func TestParseMetricsLargePage(t *testing.T) {
	const line = `apiserver_request_duration_seconds_bucket{verb="GET",resource="widgets",le="0.05"} 123` + "\n"
	many := func() io.Reader { return strings.NewReader(strings.Repeat(line, 25<<20/len(line))) }
	var before, after runtime.MemStats
	page := io.MultiReader(many(), strings.NewReader(samplePage), many())
	runtime.ReadMemStats(&before)
	m, err := ParseMetrics(page)
	runtime.ReadMemStats(&after)
	if err != nil || m.Reads[Key{"aok", "sha256:old"}] != 12 || m.Started != 5.5 {
		t.Errorf("ParseMetrics = %+v, %v", m, err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 200<<20 {
		t.Errorf("%d bytes were allocated, want at most 200 MiB", allocated)
	}
}

// Reads through providers other than KMS v2 are counted apart.
func TestParseMetricsForeignProviders(t *testing.T) {
	page := ""
	for i, prefix := range []string{"k8s:enc:aescbc:v1:key1:", "k8s:enc:kms:v1:old:", "identity", "k8s:enc:kms:v2:new:"} {
		page += fmt.Sprintf("apiserver_storage_transformation_operations_total{resource=\"secrets\",status=\"OK\","+
			"transformation_type=\"from_storage\",transformer_prefix=%q} %d\n", prefix, 1<<i)
	}
	if m, err := ParseMetrics(strings.NewReader(page)); err != nil || m.Plain["secrets"] != 7 || len(m.Reads) != 0 {
		t.Errorf("ParseMetrics = %+v, %v, want 7 reads without KMS v2", m, err)
	}
}

// A page that breaks off must not look like one without some series.
func TestParseMetricsBroken(t *testing.T) {
	for name, page := range map[string]io.Reader{
		"no end of line":    strings.NewReader(strings.TrimSuffix(samplePage, "\n")),
		"broken connection": io.MultiReader(strings.NewReader(samplePage), iotest.ErrReader(io.ErrUnexpectedEOF)),
		"a very long line":  strings.NewReader(strings.Repeat("x", 1<<20)),
		"an endless page":   endless{},
	} {
		if m, err := ParseMetrics(page); err == nil {
			t.Errorf("%s: ParseMetrics = %+v, want an error", name, m)
		}
	}
	m, err := ParseMetrics(strings.NewReader(""))
	if err != nil || m.Server != "" || m.Started != 0 {
		t.Errorf("ParseMetrics of an empty page = %+v, %v, want nothing", m, err)
	}
}

// endless is a page without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	p[len(p)-1] = '\n'
	return len(p), nil
}

func FuzzParseMetrics(f *testing.F) {
	f.Add(samplePage)
	f.Add(`apiserver_storage_size_bytes{a="\`)
	f.Fuzz(func(_ *testing.T, page string) {
		_, _ = ParseMetrics(strings.NewReader(page))
	})
}
