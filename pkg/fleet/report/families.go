package report

import (
	"fmt"
	"io"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// label is a label of a sample.
type label struct{ Name, Value string }

// family is a gauge with its samples. A second sample with the same labels would make the whole text invalid.
type family struct {
	proto *dto.MetricFamily
	seen  map[string]*dto.Gauge
}

// families are gauges in the order of the output.
type families []*family

// newFamily returns a gauge. Its unit is part of its name, as OpenMetrics requires.
func newFamily(name, help string) *family {
	f := &family{proto: &dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum()},
		seen: map[string]*dto.Gauge{}}
	if unit := "seconds"; strings.HasSuffix(name, "_"+unit) {
		f.proto.Unit = &unit
	}
	return f
}

// add adds a sample to the family of that name. Empty labels are left out, which means the same. Of two samples with
// the same labels the lower one stays: the earlier date.
func (all families) add(name string, value float64, labels ...label) {
	for _, f := range all {
		if f.proto.GetName() != name {
			continue
		}
		gauge := &dto.Gauge{Value: &value}
		sample := &dto.Metric{Gauge: gauge}
		for _, l := range labels {
			if l.Value != "" {
				sample.Label = append(sample.Label, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
			}
		}
		id := fmt.Sprintf("%q", labels)
		if other := f.seen[id]; other != nil {
			*other.Value = min(*other.Value, value)
			return
		}
		f.seen[id] = gauge
		f.proto.Metric = append(f.proto.Metric, sample)
	}
}

// write writes the families that have samples. The text is also valid in the older format of Prometheus, where the
// lines UNIT and EOF are comments: gauges are the same in both.
func (all families) write(w io.Writer) error {
	for _, f := range all {
		if len(f.proto.GetMetric()) == 0 {
			continue
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(w, f.proto); err != nil {
			return err
		}
	}
	_, err := expfmt.FinalizeOpenMetrics(w)
	return err
}
