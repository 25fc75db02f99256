package fleet

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Waiver accepts one finding, or a pattern of findings, until a date.
type Waiver struct {
	// Cluster is a pattern for cluster ARNs, or for names if it contains no colon.
	Cluster string `json:"cluster"`
	Control string `json:"control"`
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	// Expires is the last day on which the waiver is valid, such as 2027-01-31, in UTC.
	Expires string `json:"expires"`
}

type waiverFile struct {
	Waivers []Waiver `json:"waivers"`
}

const day = "2006-01-02"

// ParseWaivers parses a YAML file of waivers. Unknown and missing fields are errors:
// otherwise a misspelt waiver could silently cover too much or nothing.
func ParseWaivers(data []byte) ([]Waiver, error) {
	var file waiverFile
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, err
	}
	for i := range file.Waivers {
		if err := file.Waivers[i].validate(); err != nil {
			return nil, fmt.Errorf("waiver %d: %w", i+1, err)
		}
	}
	return file.Waivers, nil
}

// validate normalizes the control and returns an error if a field is missing or invalid.
func (w *Waiver) validate() error {
	w.Control = strings.ToUpper(strings.TrimSpace(w.Control))
	for _, field := range []struct{ name, value string }{
		{"cluster", w.Cluster}, {"control", w.Control}, {"reason", w.Reason},
		{"owner", w.Owner}, {"expires", w.Expires},
	} {
		if strings.TrimSpace(field.value) == "" {
			return fmt.Errorf("field %s is missing", field.name)
		}
	}
	if _, err := ParseControls([]string{w.Control}); err != nil {
		return err
	}
	if _, err := path.Match(w.Cluster, ""); err != nil {
		return fmt.Errorf("cluster %q is not a valid pattern: %w", w.Cluster, err)
	}
	if _, err := w.end(); err != nil {
		return fmt.Errorf("expires %q is not a valid date: must look like 2027-01-31", w.Expires)
	}
	return nil
}

// end returns the time from which the waiver is no longer valid.
func (w *Waiver) end() (time.Time, error) {
	text := strings.TrimSpace(w.Expires)
	if len(text) > len(day) && strings.HasPrefix(text[len(day):], "T00:00:00Z") { // YAML parses an unquoted date
		text = text[:len(day)]
	}
	last, err := time.ParseInLocation(day, text, time.UTC)
	if err != nil {
		return time.Time{}, err
	}
	if last.Year() < 2000 {
		return time.Time{}, errors.New("year is before 2000")
	}
	return last.AddDate(0, 0, 1), nil
}

// covers reports whether the waiver applies to this control of this cluster.
func (w *Waiver) covers(clusterARN, name, control string) bool {
	if w.Control != control {
		return false
	}
	if strings.Contains(w.Cluster, ":") {
		return glob(w.Cluster, clusterARN)
	}
	return name != "" && glob(w.Cluster, name)
}

// ControlIDs returns the ids of all controls in order.
func ControlIDs() []string {
	var ids []string
	for _, d := range encryption.Definitions() {
		ids = append(ids, d.ID)
	}
	return ids
}
