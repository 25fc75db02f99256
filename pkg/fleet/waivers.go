package fleet

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Waiver is one finding, or a pattern of them, that somebody answers for until a day.
type Waiver struct {
	// Cluster is a pattern of ARNs, or of names where it holds no colon.
	Cluster string `json:"cluster"`
	Control string `json:"control"`
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	// Expires is the last day on which it counts, 2027-01-31, in UTC.
	Expires string `json:"expires"`
}

type waiverFile struct {
	Waivers []Waiver `json:"waivers"`
}

const day = "2006-01-02"

// ParseWaivers reads a file of waivers strictly: a field that is misspelt or
// missing is an error, since a waiver that silently covers too much or nothing is
// worse than none.
func ParseWaivers(data []byte) ([]Waiver, error) {
	var file waiverFile
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, err
	}
	for i := range file.Waivers {
		if err := file.Waivers[i].complete(); err != nil {
			return nil, fmt.Errorf("waiver %d: %w", i+1, err)
		}
	}
	return file.Waivers, nil
}

func (w *Waiver) complete() error {
	w.Control = strings.ToUpper(strings.TrimSpace(w.Control))
	for _, field := range []struct{ name, value string }{
		{"cluster", w.Cluster}, {"control", w.Control}, {"reason", w.Reason}, {"owner", w.Owner}, {"expires", w.Expires},
	} {
		if strings.TrimSpace(field.value) == "" {
			return fmt.Errorf("%s is missing", field.name)
		}
	}
	if !slices.Contains(ControlIDs(), w.Control) {
		return fmt.Errorf("unknown control %q: one of %s", w.Control, strings.Join(ControlIDs(), ", "))
	}
	if _, err := path.Match(w.Cluster, ""); err != nil {
		return fmt.Errorf("cluster %q is no pattern: %w", w.Cluster, err)
	}
	if _, err := w.end(); err != nil {
		return fmt.Errorf("expires %q is no day: 2027-01-31", w.Expires)
	}
	return nil
}

// end is the moment from which the waiver counts no more.
func (w *Waiver) end() (time.Time, error) {
	text := strings.TrimSpace(w.Expires)
	if len(text) > len(day) && strings.HasPrefix(text[len(day):], "T00:00:00Z") { // YAML knows dates of its own
		text = text[:len(day)]
	}
	last, err := time.ParseInLocation(day, text, time.UTC)
	if err != nil {
		return time.Time{}, err
	}
	if last.Year() < 2000 {
		return time.Time{}, errors.New("too long ago")
	}
	return last.AddDate(0, 0, 1), nil
}

// covers says whether the waiver is about this control of this cluster.
func (w *Waiver) covers(clusterARN, name, control string) bool {
	if w.Control != control {
		return false
	}
	if strings.Contains(w.Cluster, ":") {
		return glob(w.Cluster, clusterARN)
	}
	return name != "" && glob(w.Cluster, name)
}

// ControlIDs are the ids of all controls, in their order.
func ControlIDs() []string {
	var ids []string
	for _, d := range encryption.Definitions() {
		ids = append(ids, d.ID)
	}
	return ids
}
