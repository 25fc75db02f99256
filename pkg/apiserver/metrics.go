package apiserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	maxPage = 128 << 20 // bytes of a metrics page
	maxLine = 64 << 10

	fromStorage = "from_storage"
	toStorage   = "to_storage"
)

// Key is a key that an API server uses: the name of its provider in the encryption
// configuration, and the sha256 of the key's id.
type Key struct{ Provider, Hash string }

// Metrics is what the metrics page of one API server says about storage and
// encryption.
type Metrics struct {
	// Server is the sha256 of the name of the server's Lease.
	Server string
	// Started is the start of the process, in Unix seconds.
	Started float64
	// Reads and Writes count the objects that were read from and written to the storage
	// under each key.
	Reads, Writes map[Key]float64
	// LastWrite is when each key last wrote, in Unix seconds.
	LastWrite map[Key]float64
	// Plain counts the reads of each resource without a KMS provider, for example in
	// plain text, by prefix. It has the name of the resource where the server gives it.
	Plain map[string]float64
	// StorageBytes is the size of the largest database; 0 if unknown.
	StorageBytes float64
	// Sizes are the estimated sizes of all objects of each resource, in bytes, and Objects
	// their numbers.
	Sizes, Objects map[string]float64
}

// SameProcess reports whether two pages are certainly those of one process of one server.
func (m *Metrics) SameProcess(other *Metrics) bool {
	return m != nil && other != nil && m.Server != "" && m.Server == other.Server &&
		m.Started != 0 && m.Started == other.Started
}

// ParseMetrics reads a page in the text format of Prometheus. It keeps only the series
// that Metrics has, and reads at most 128 MiB. A page that breaks off is an error.
func ParseMetrics(page io.Reader) (*Metrics, error) {
	m := &Metrics{
		Reads: map[Key]float64{}, Writes: map[Key]float64{}, LastWrite: map[Key]float64{},
		Plain: map[string]float64{}, Sizes: map[string]float64{}, Objects: map[string]float64{},
	}
	limited := &io.LimitedReader{R: page, N: maxPage}
	lines := bufio.NewReaderSize(limited, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && limited.N > 0:
			return m, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("read the metrics page: it breaks off or is too large")
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errors.New("read the metrics page: a line is too long")
		case err != nil:
			return nil, fmt.Errorf("read the metrics page: %w", err)
		}
		m.add(string(line))
	}
}

// add adds one line, if it is one of the series.
func (m *Metrics) add(line string) {
	name := line
	if i := strings.IndexAny(line, "{ "); i >= 0 {
		name = line[:i]
	}
	switch name {
	case "process_start_time_seconds", "apiserver_storage_size_bytes", "apiserver_resource_size_estimate_bytes",
		"apiserver_resource_objects", "apiserver_storage_objects",
		"apiserver_storage_transformation_operations_total", "apiserver_envelope_encryption_key_id_hash_total",
		"apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds",
		"apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds":
	default:
		return
	}
	labels, value, ok := parseSample(line[len(name):])
	if !ok {
		return
	}
	if id := labels["apiserver_id_hash"]; id != "" {
		m.Server = id
	}
	key, kind := Key{labels["provider_name"], labels["key_id_hash"]}, labels["transformation_type"]
	resource := labels["resource"]
	if group := labels["group"]; group != "" {
		resource += "." + group
	}
	switch {
	case name == "process_start_time_seconds":
		m.Started = value
	case name == "apiserver_storage_size_bytes":
		m.StorageBytes = max(m.StorageBytes, value)
	case name == "apiserver_resource_size_estimate_bytes":
		m.Sizes[resource] += value
	case name == "apiserver_resource_objects", name == "apiserver_storage_objects": // the latter before 1.34
		m.Objects[resource] = max(m.Objects[resource], value)
	case name == "apiserver_envelope_encryption_key_id_hash_total" && kind == fromStorage:
		m.Reads[key] += value
	case name == "apiserver_envelope_encryption_key_id_hash_total" && kind == toStorage:
		m.Writes[key] += value
	case name == "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds" && kind == toStorage:
		m.LastWrite[key] = max(m.LastWrite[key], value)
	case name == "apiserver_storage_transformation_operations_total" && kind == fromStorage &&
		!strings.HasPrefix(labels["transformer_prefix"], "k8s:enc:kms:v2:"):
		m.Plain[labels["resource"]] += value
	}
}

// parseSample parses what follows the name of a series: labels in braces, and a value.
func parseSample(s string) (labels map[string]string, value float64, ok bool) {
	labels = map[string]string{}
	if rest, braces := strings.CutPrefix(s, "{"); braces {
		s = rest
		for !strings.HasPrefix(s, "}") {
			name, rest, found := strings.Cut(s, "=")
			if !found || !strings.HasPrefix(rest, `"`) {
				return nil, 0, false
			}
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, 0, false
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, 0, false
			}
			labels[strings.TrimSpace(name)] = text
			s = strings.TrimPrefix(strings.TrimSpace(rest[len(quoted):]), ",")
			s = strings.TrimSpace(s)
		}
		s = s[1:]
	}
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return nil, 0, false
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	return labels, value, err == nil
}
