package association

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// ParsePlan reads a plan that was saved as YAML or JSON. It refuses unknown and duplicate fields, further documents,
// and a plan without the facts that CheckUnchanged compares.
func ParsePlan(text []byte) (*v1alpha1.AssociationPlan, error) {
	if !isOneDocument(text) {
		return nil, errors.New("parse the plan: the file has more than one document")
	}
	raw, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, fmt.Errorf("parse the plan: %w", err)
	}
	var p v1alpha1.AssociationPlan
	strict, err := json.UnmarshalStrict(raw, &p)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, fmt.Errorf("parse the plan: %w", err)
	}
	if want := v1alpha1.TypeMeta(v1alpha1.KindAssociationPlan); p.TypeMeta != want {
		return nil, fmt.Errorf("not an %s of %s: kind %q, apiVersion %q", want.Kind, want.APIVersion, p.Kind, p.APIVersion)
	}
	if p.Caller == nil {
		p.Caller = &v1alpha1.Caller{}
	}
	for _, field := range [][2]string{
		{"cluster.arn", p.Cluster.ARN}, {"key.arn", p.Key.ARN}, {"caller.account", p.Caller.Account},
		{"decision", p.Decision},
	} {
		if field[1] == "" {
			return nil, fmt.Errorf("parse the plan: %s is missing", field[0])
		}
	}
	if len(p.Checks) == 0 {
		return nil, errors.New("parse the plan: checks is empty")
	}
	return &p, nil
}

// isOneDocument reports whether no second YAML document follows. YAML parsers would ignore it.
func isOneDocument(text []byte) bool {
	content := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, " \t\r\n")
		switch {
		case bytes.HasPrefix(line, []byte("---")), bytes.HasPrefix(line, []byte("...")):
			if content {
				return false
			}
			content = len(line) > len("---")
		case len(line) > 0 && line[0] != '#':
			content = true
		}
	}
	return true
}

// ChangedError reports that a saved plan is no longer true.
type ChangedError struct {
	// Changes name each fact with its saved and its present value.
	Changes []string
}

func (e *ChangedError) Error() string {
	return "nothing was changed: the facts differ from those of the saved plan: " + strings.Join(e.Changes, "; ")
}

// Hint returns the next step.
func (e *ChangedError) Hint() string {
	return "make a new plan with --dry-run -o yaml, with the same flags, and review it"
}

// CheckUnchanged returns a *ChangedError if a fact on which the saved plan rests has changed.
func CheckUnchanged(saved, now *v1alpha1.AssociationPlan) error {
	var changes []string
	compare := func(fact, before, after string) {
		if before != after {
			changes = append(changes, fmt.Sprintf("%s was %s and is now %s", fact, orNone(before), orNone(after)))
		}
	}
	compare("the cluster", saved.Cluster.ARN, now.Cluster.ARN)
	compare("the key", saved.Key.ARN, now.Key.ARN)
	compare("the caller's account", saved.Caller.Account, now.Caller.Account)
	compare("the verdict", string(saved.Verdict), string(now.Verdict))
	compare("the last association", updateState(saved.Update), updateState(now.Update))
	compare("the decision", saved.Decision, now.Decision)
	for _, name := range checkNames(saved, now) {
		compare(fmt.Sprintf("the check %q", name), checkState(saved, name), checkState(now, name))
	}
	if len(changes) > 0 {
		return &ChangedError{changes}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func updateState(u *v1alpha1.Update) string {
	if u == nil {
		return ""
	}
	return u.ID + " (" + u.Status + ")"
}

// checkNames returns the names of the checks of both plans, once each.
func checkNames(plans ...*v1alpha1.AssociationPlan) (names []string) {
	for _, p := range plans {
		for _, c := range p.Checks {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// checkState returns the result and the message of a check. AWS's messages name the caller, whose session may have
// another name each time.
func checkState(p *v1alpha1.AssociationPlan, name string) string {
	var states []string
	for _, c := range p.Checks {
		if c.Name == name {
			message := c.Message
			if name == guardCheckName { // the evidence may differ from run to run
				message = "guard"
			}
			if p.Caller.ARN != "" {
				message = strings.ReplaceAll(message, p.Caller.ARN, "the caller")
			}
			states = append(states, fmt.Sprintf("%s (%s)", c.Result, message))
		}
	}
	return strings.Join(states, ", ")
}
