package report

import (
	"cmp"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// SARIF are the choices for a SARIF report.
type SARIF struct {
	// Suppressed adds the waived findings, as suppressed results. GitHub ignores suppressions and opens an alert for
	// each of them, so they are left out by default.
	Suppressed bool
	// Category identifies this audit among those of one repository. GitHub uses the category of its upload action only
	// if the file names none.
	Category string
}

// The rules for what the audit could not check. They are not the rules of the controls, because a control whose result
// is unknown has not failed.
const (
	ruleUndecided   = "control-undecided"
	ruleUnreachable = "location-unreachable"
)

// maxTags is the number of tags of a rule that GitHub shows. It warns if there are more.
const maxTags = 10

// write writes findings as failures of their controls. Undecided controls and locations that could not be queried
// are failures of rules of their own, and make the execution unsuccessful: code scanning closes the alerts that a file
// does not contain, so a file that is not complete must not be uploaded. Controls that pass are left out, because code
// scanning would show them as alerts.
func (o SARIF) write(w io.Writer, v *reportRows) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: toolName, Version: v.toolVersion(), InformationURI: toolURL,
			Rules: v.sarifRules()}},
		Invocations: []sarifInvocation{v.sarifInvocation()},
		Results:     []sarifResult{},
		Properties:  v.originWithout(""),
	}
	if o.Category != "" {
		run.Automation = &sarifAutomation{ID: strings.TrimSuffix(o.Category, "/") + "/"}
	}
	states := []rowState{stateFinding, stateUndecided}
	if o.Suppressed {
		states = append(states, stateWaived)
	}
	index := map[string]int{}
	for i, rule := range run.Tool.Driver.Rules {
		index[rule.ID] = i
	}
	for _, r := range v.listed(states...) {
		run.Results = append(run.Results, sarifRow(r))
	}
	for _, u := range v.notWaived() {
		run.Results = append(run.Results, sarifUnreachable(u))
	}
	for i := range run.Results {
		run.Results[i].RuleIndex = index[run.Results[i].RuleID]
	}
	return writeJSON(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func (v *reportRows) sarifRules() []sarifRule {
	rules := []sarifRule{}
	for _, id := range v.ControlIDs {
		definition := encryption.Definition(id)
		name := cmp.Or(definition.Name, id)
		help, tags := []string{name + "."}, []string{"security", "encryption", "eks"}
		for _, s := range definition.Standards {
			help = append(help, "Evidence for "+s.ID+", which requires "+string(s.Want)+": "+s.Title+".")
			tags = append(tags, s.ID)
		}
		rule := newSARIFRule(id, name, tags, help...)
		if score := v.score(id); score != "" {
			rule.Properties["security-severity"] = score
		}
		rules = append(rules, rule)
	}
	tags := []string{"eks", "audit"}
	if len(v.rows(stateUndecided)) > 0 {
		rules = append(rules, newSARIFRule(ruleUndecided, "The result of a control is unknown", tags,
			"The audit could not decide a control of a cluster.", "The control may hold or fail."))
	}
	if len(v.notWaived()) > 0 {
		rules = append(rules, newSARIFRule(ruleUnreachable, "A location could not be queried", tags,
			"The audit could not list the clusters of a region, account or kube context.",
			"There may be clusters with findings."))
	}
	return rules
}

func newSARIFRule(id, name string, tags []string, help ...string) sarifRule {
	return sarifRule{ID: id, Name: pascal(name),
		ShortDescription: sarifText{Text: name}, FullDescription: sarifText{Text: help[0]},
		Help:       sarifText{Text: strings.Join(help, "\n"), Markdown: strings.Join(help, "\n\n")},
		Properties: map[string]any{"tags": tags[:min(len(tags), maxTags)], "precision": "very-high"}}
}

// score returns the highest severity of a control's findings, as the number that code scanning sorts by.
func (v *reportRows) score(control string) string {
	scores := map[v1alpha1.Severity]string{v1alpha1.SeverityCritical: "9.5", v1alpha1.SeverityHigh: "8.0",
		v1alpha1.SeverityMedium: "5.5", v1alpha1.SeverityLow: "2.0"}
	highest := ""
	for _, r := range v.rows(stateFinding) {
		if r.Control.ID == control {
			highest = max(highest, scores[r.Severity])
		}
	}
	return highest
}

func (v *reportRows) sarifInvocation() sarifInvocation {
	const layout = "2006-01-02T15:04:05Z"
	i := sarifInvocation{Successful: len(v.notWaived()) == 0 && len(v.rows(stateUndecided)) == 0,
		Account: v.callerARN()}
	if v.StartedAt != nil {
		i.Start = v.StartedAt.UTC().Format(layout)
	}
	if v.FinishedAt != nil {
		i.End = v.FinishedAt.UTC().Format(layout)
	}
	for _, u := range v.Unreachable {
		i.Notifications = append(i.Notifications, sarifNotification{"error", sarifText{Text: notQueried(u)}})
	}
	for _, note := range v.Notes {
		i.Notifications = append(i.Notifications, sarifNotification{"note", sarifText{Text: note}})
	}
	return i
}

func sarifRow(r row) sarifResult {
	c := r.Cluster
	result := newSARIFResult(r.Control.ID, r.identity(), c.ID, c.Name, c.Account, c.Region, c.Name)
	result.Level = level(r.Severity)
	message := r.Control.Name + ": " + cmp.Or(r.Reason, noReason)
	switch r.State {
	case stateUndecided:
		result.RuleID, result.Level = ruleUndecided, "warning"
		message = r.Control.ID + " " + r.Control.Name + " is unknown: " + cmp.Or(r.Reason, noReason)
	case stateWaived:
		result.Suppressions = []sarifSuppression{{"external", "accepted", waiverText(r.Waiver)}}
	}
	if text := advice(r); text != "" && r.State != stateWaived {
		message += "\n" + text
	}
	result.Message.Text = c.Name + ": " + message
	result.Properties = map[string]string{"outcome": string(r.State)}
	if verdict := c.Item.Encryption.Verdict; verdict != "" {
		result.Properties["verdict"] = string(verdict)
	}
	return result
}

func sarifUnreachable(u v1alpha1.Unreachable) sarifResult {
	place := location(u)
	result := newSARIFResult(ruleUnreachable, "unreachable/"+place, place, place, u.Account, u.Region, u.Context)
	result.Level, result.Message.Text = "warning", notQueried(u)
	result.Properties = map[string]string{"outcome": "Unreachable"}
	return result
}

// newSARIFResult returns a result at a made-up path, because code scanning requires a file and a complete region for
// each result. The identity is the same in every audit.
func newSARIFResult(rule, identity, id, name string, path ...string) sarifResult {
	return sarifResult{RuleID: rule, Kind: "fail",
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{URI: artifact(path...)}, sarifRegion{1, 1, 1, 1}},
			Logical:  []sarifLogical{{Name: name, QualifiedName: id, Kind: "resource"}},
		}},
		Fingerprints: map[string]string{"clusterAndControl/v1": digest(identity),
			"primaryLocationLineHash": digest(identity)[:16] + ":1"}}
}

// artifact returns a relative path below "eks". A part of only dots would lead to a parent directory.
func artifact(path ...string) string {
	parts := []string{"eks"}
	for _, s := range path {
		if s = strings.Trim(s, "."); s != "" {
			parts = append(parts, url.PathEscape(s))
		}
	}
	return strings.Join(parts, "/")
}

func level(s v1alpha1.Severity) string {
	switch s {
	case v1alpha1.SeverityCritical, v1alpha1.SeverityHigh:
		return "error"
	case v1alpha1.SeverityLow:
		return "note"
	}
	return "warning"
}

// pascal turns "The key rotates" into TheKeyRotates.
func pascal(s string) string {
	separator := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	var b strings.Builder
	for _, word := range strings.FieldsFunc(s, separator) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
