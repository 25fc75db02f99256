package report

import (
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// The parts of SARIF 2.1.0 that writeSARIF uses. These are plain structs because the SARIF libraries depend on a
// JSON-schema validator, which only the tests need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Automation  sarifAutomation   `json:"automationDetails"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		Name             string         `json:"name"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		Properties       map[string]any `json:"properties"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Start         string              `json:"startTimeUtc,omitempty"`
		End           string              `json:"endTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Kind         string             `json:"kind"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]string  `json:"properties,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name          string `json:"name"`
		QualifiedName string `json:"fullyQualifiedName"`
		Kind          string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// writeSARIF writes findings as failures, undecided controls as "open" (evaluated without enough information to decide)
// and waived findings as suppressed failures. It leaves out controls that pass, because code scanning would show them
// as alerts.
func writeSARIF(w io.Writer, v *reportRows) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: toolName, InformationURI: toolURL, Rules: v.sarifRules()}},
		Automation:  sarifAutomation{ID: toolName + "/audit/"},
		Invocations: []sarifInvocation{v.sarifInvocation()},
		Results:     []sarifResult{},
	}
	for _, r := range v.listed(stateFinding, stateUndecided, stateWaived) {
		run.Results = append(run.Results, v.sarifResult(r))
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
		rule := sarifRule{ID: id, Name: pascal(name),
			ShortDescription: sarifText{Text: name}, FullDescription: sarifText{Text: help[0]},
			Help:       sarifText{Text: strings.Join(help, "\n"), Markdown: strings.Join(help, "\n\n")},
			Properties: map[string]any{"tags": tags, "precision": "very-high"}}
		if score := v.score(id); score != "" {
			rule.Properties["security-severity"] = score
		}
		rules = append(rules, rule)
	}
	return rules
}

// score returns the highest severity of a control in the report, as the number that code scanning sorts by.
func (v *reportRows) score(control string) string {
	scores := map[v1alpha1.Severity]string{v1alpha1.SeverityCritical: "9.5", v1alpha1.SeverityHigh: "8.0",
		v1alpha1.SeverityMedium: "5.5", v1alpha1.SeverityLow: "2.0"}
	highest := ""
	for _, r := range v.rows(stateFinding, stateUndecided) {
		if r.Control.ID == control {
			highest = max(highest, scores[r.Severity])
		}
	}
	return highest
}

func (v *reportRows) sarifInvocation() sarifInvocation {
	const layout = "2006-01-02T15:04:05Z"
	i := sarifInvocation{Successful: true}
	if v.StartedAt != nil {
		i.Start = v.StartedAt.UTC().Format(layout)
	}
	if v.FinishedAt != nil {
		i.End = v.FinishedAt.UTC().Format(layout)
	}
	for _, u := range v.Unreachable {
		text := sarifText{Text: "Could not query " + location(u) + ": " + u.Reason}
		i.Notifications = append(i.Notifications, sarifNotification{"error", text})
	}
	for _, note := range v.Notes {
		i.Notifications = append(i.Notifications, sarifNotification{"note", sarifText{Text: note}})
	}
	return i
}

func (v *reportRows) sarifResult(r row) sarifResult {
	c := r.Cluster
	message := r.Control.Name + ": " + cmp.Or(r.Reason, noReason)
	if text := advice(r); text != "" && r.State != stateWaived {
		message += "\n" + text
	}
	result := sarifResult{
		RuleID: r.Control.ID, RuleIndex: slices.Index(v.ControlIDs, r.Control.ID),
		Kind: "fail", Level: level(r.Severity),
		Message: sarifText{Text: c.Name + ": " + message},
		Locations: []sarifLocation{{
			Physical: sarifPhysical{sarifArtifact{URI: artifact(c)}, sarifRegion{StartLine: 1}},
			Logical:  []sarifLogical{{Name: c.Name, QualifiedName: c.ID, Kind: "resource"}},
		}},
		Fingerprints: map[string]string{"clusterAndControl/v1": digest(r.identity()),
			"primaryLocationLineHash": digest(r.identity())[:16] + ":1"},
		Properties: map[string]string{"outcome": string(r.State)},
	}
	switch r.State {
	case stateUndecided:
		result.Kind, result.Level = "open", "none"
	case stateWaived:
		result.Suppressions = []sarifSuppression{{"external", "accepted", waiverText(r.Waiver)}}
	}
	if verdict := c.Item.Encryption.Verdict; verdict != "" {
		result.Properties["verdict"] = string(verdict)
	}
	return result
}

// artifact returns a made-up path for the cluster, because code scanning requires a file for each result.
func artifact(c *cluster) string {
	var parts []string
	for _, s := range []string{"eks", c.Account, c.Region, c.Name} {
		// A part of only dots would lead to a parent directory.
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
