package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// The ids of the controls.
const (
	controlEnvelope = "ENC-1"
	controlCMK      = "ENC-2"
	controlUsable   = "ENC-3"
	controlRotation = "ENC-4"
	controlData     = "ENC-5"
	controlApproved = "ENC-6"
)

// Rules are the conditions that Assess evaluates.
type Rules struct {
	// Controls are the ids of the controls that affect the outcome.
	Controls []string
	// Approved are the ARNs of approved keys. If empty, ENC-6 does not apply.
	Approved []string
	Waivers  []Waiver
	// MaxWaiverDays is the greatest term of a waiver; 0 is unlimited. The caller has checked it.
	MaxWaiverDays int
	// Standard is the name of the published standard to judge; empty judges all of them.
	// A control that gives evidence for it decides only where it does.
	Standard string
	// Files are the files of the rules, for the report.
	Files []v1alpha1.RuleFile
	// Now is the time for the expiry of waivers and the days until a key is deleted.
	Now time.Time
}

// ParseControls parses ids of controls, ignoring case, and returns them sorted.
func ParseControls(ids []string) ([]string, error) {
	var parsed []string
	for _, id := range ids {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !slices.Contains(ControlIDs(), id) {
			return nil, fmt.Errorf("unknown control %q: must be one of %s", id, strings.Join(ControlIDs(), ", "))
		}
		parsed = append(parsed, id)
	}
	slices.Sort(parsed)
	return slices.Compact(parsed), nil
}

// DefaultControls returns the controls that affect the outcome if the user names none:
// those of the requirement and ENC-3, plus ENC-5 if the data is checked and ENC-6 if
// there are approved keys.
func DefaultControls(require encryption.Requirement, approved, data bool) []string {
	ids := []string{controlEnvelope}
	if require == encryption.RequireCMK {
		ids = append(ids, controlCMK)
	}
	ids = append(ids, controlUsable)
	if data {
		ids = append(ids, controlData)
	}
	if approved {
		ids = append(ids, controlApproved)
	}
	return ids
}

// StandardControls returns the controls that give evidence for a published standard. As in
// DefaultControls, ENC-5 and ENC-6 decide only if the data is checked and if there are
// approved keys; then they decide whatever the standard is.
func StandardControls(standard string, approved, data bool) []string {
	var ids []string
	for _, d := range encryption.Definitions() {
		decides := len(d.Of(standard)) > 0
		switch d.ID {
		case controlData:
			decides = data
		case controlApproved:
			decides = approved
		}
		if decides {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// WithApproved returns the controls and ENC-6.
func WithApproved(controls []string) []string {
	return distinct(append(slices.Clone(controls), controlApproved))
}

// ControlIDs returns the ids of all controls in order.
func ControlIDs() []string {
	var ids []string
	for _, d := range encryption.Definitions() {
		ids = append(ids, d.ID)
	}
	return ids
}
