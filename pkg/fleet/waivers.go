package fleet

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Waiver accepts a pattern of findings, or of places that cannot be queried, until a date.
type Waiver struct {
	// Cluster is a pattern for cluster ARNs, or for names if it contains no colon.
	Cluster string `json:"cluster"`
	// Place is a pattern for regions of accounts, such as 111122223333/eu-*, or for accounts.
	// A waiver has either a cluster and a control, or a place.
	Place   string `json:"place"`
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

// ParseWaivers parses a YAML or JSON file of waivers. Unknown and missing fields are errors:
// otherwise a misspelt waiver could silently cover too much or nothing.
func ParseWaivers(data []byte) ([]Waiver, error) {
	var file waiverFile
	switch unknown, err := unmarshal(data, &file); {
	case err != nil:
		return nil, err
	case len(unknown) > 0:
		return nil, fmt.Errorf("unknown field %q", unknown[0])
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
	w.Control, w.Place = strings.ToUpper(strings.TrimSpace(w.Control)), strings.TrimSpace(w.Place)
	fields := [][2]string{{"cluster", w.Cluster}, {"control", w.Control}}
	if w.Place != "" {
		if w.Cluster != "" || w.Control != "" {
			return errors.New("a waiver of a place has neither a cluster nor a control")
		}
		fields = [][2]string{{"place", w.Place}}
	}
	for _, field := range append(fields, [][2]string{
		{"reason", w.Reason}, {"owner", w.Owner}, {"expires", w.Expires},
	}...) {
		if strings.TrimSpace(field[1]) == "" {
			return fmt.Errorf("field %s is missing", field[0])
		}
	}
	if _, err := w.end(); err != nil {
		return fmt.Errorf("expires %q is not a valid date: must look like 2027-01-31", w.Expires)
	}
	if w.Place != "" {
		return checkPlace(w.Place)
	}
	if _, err := ParseControls([]string{w.Control}); err != nil {
		return err
	}
	if _, err := path.Match(w.Cluster, ""); err != nil {
		return fmt.Errorf("cluster %q is not a valid pattern: %w", w.Cluster, err)
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
	return w.Control == control && w.coversCluster(clusterARN, name)
}

// coversCluster reports whether the pattern matches the cluster.
func (w *Waiver) coversCluster(clusterARN, name string) bool {
	if w.Place != "" {
		return false
	}
	if strings.Contains(w.Cluster, ":") {
		return glob(w.Cluster, clusterARN)
	}
	return name != "" && glob(w.Cluster, name)
}

// String names the waiver in messages.
func (w *Waiver) String() string {
	if w.Place != "" {
		return fmt.Sprintf("place %s, owner %s", w.Place, w.Owner)
	}
	return fmt.Sprintf("cluster %s, control %s, owner %s", w.Cluster, w.Control, w.Owner)
}

// CheckWaiverTerms returns an error that names the waivers that are valid for more than days
// days after now. 0 days are unlimited.
func CheckWaiverTerms(waivers []Waiver, days int, now time.Time) error {
	if days == 0 {
		return nil
	}
	latest := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, days+1)
	var errs []string
	for i := range waivers {
		if end, err := waivers[i].end(); err == nil && end.After(latest) {
			errs = append(errs, fmt.Sprintf("waiver %d (%s) lasts until %s", i+1, &waivers[i],
				end.AddDate(0, 0, -1).Format(day)))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("a waiver may last %d days, until %s: %s", days, latest.AddDate(0, 0, -1).Format(day),
		strings.Join(errs, "; "))
}
