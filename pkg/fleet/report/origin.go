package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// OriginFact is one fact of the origin of a report. Key is its name in the formats for programs.
type OriginFact struct{ Key, Name, Value string }

// Origin returns what makes a report evidence: which program made it, as whom, when, from which earlier reports, of
// what, by which rules, and through which endpoints. Long lists are counted, with a digest, because some formats repeat
// these facts with each result; the JSON report has the lists.
func Origin(r *v1alpha1.AuditReport) []OriginFact {
	var facts []OriginFact
	add := func(key, name, value string) {
		if value != "" {
			facts = append(facts, OriginFact{key, name, value})
		}
	}
	if r.Tool != nil {
		add("program", "Program", strings.TrimSpace(toolName+" "+r.Tool.Version))
	}
	if c := r.Caller; c != nil {
		add("caller", "Caller", c.ARN)
		add("caller_account", "Account of the caller", c.Account)
		add("credentials", "Credentials", withReason(c.Source, c.Wrapper))
	}
	if r.StartedAt != nil {
		add("started", "Started", r.StartedAt.UTC().Format(time.RFC3339))
	}
	if r.FinishedAt != nil {
		add("finished", "Finished", r.FinishedAt.UTC().Format(time.RFC3339))
	}
	if r.JudgedAt != nil {
		add("judged", "Judged", r.JudgedAt.UTC().Format(time.RFC3339))
	}
	var sources []string
	for _, s := range r.Sources {
		sources = append(sources, sourceText(s))
	}
	add("made_from", "Made from", few(sources))
	add("scope", "Scope", scopeText(r))
	add("controls", "Enforced controls", strings.Join(r.Scope.Controls, ", "))
	return append(facts, ruleFacts(r)...)
}

// ruleFacts returns the rules and the endpoints.
func ruleFacts(r *v1alpha1.AuditReport) []OriginFact {
	var facts []OriginFact
	add := func(key, name, value string) {
		if value != "" {
			facts = append(facts, OriginFact{key, name, value})
		}
	}
	if rules := r.Rules; rules != nil {
		add("approved_keys", "Approved keys", few(rules.ApprovedKeys))
		if n := len(rules.Waivers); n > 0 {
			add("waivers", "Waivers", strconv.Itoa(n))
		}
		if rules.MaxWaiverDays > 0 {
			add("max_waiver_days", "Longest waiver", strconv.Itoa(rules.MaxWaiverDays)+" days")
		}
		var files []string
		for _, f := range rules.Files {
			files = append(files, fmt.Sprintf("%s %s (sha256 %s)", f.Purpose, f.Path, f.SHA256))
		}
		add("rule_files", "Files of rules", strings.Join(files, "; "))
	}
	var endpoints []string
	for _, e := range r.EndpointOverrides {
		endpoints = append(endpoints, withReason(e.Service+" "+e.URL, e.Source))
	}
	add("endpoints", "Endpoints instead of AWS", strings.Join(endpoints, "; "))
	return facts
}

func scopeText(r *v1alpha1.AuditReport) string {
	s := r.Scope
	var parts []string
	add := func(name string, values ...string) {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) > 0 {
			parts = append(parts, name+" "+few(values))
		}
	}
	add("contexts", s.Contexts...)
	add("regions", s.Regions...)
	add("accounts", s.Accounts...)
	if s.Organization {
		parts = append(parts, "the accounts of the organization")
	}
	add("organizational units", s.OrganizationalUnits...)
	add("without regions", s.ExcludedRegions...)
	add("without accounts", s.ExcludedAccounts...)
	add("role", s.RoleName)
	add("filters", s.Filters...)
	add("shard", s.Shard)
	if r.Standard != nil {
		add("standard", r.Standard.Title)
	}
	return strings.Join(parts, "; ")
}

// maxListed is the number of values that are listed rather than counted.
const maxListed = 5

func few(values []string) string {
	if len(values) <= maxListed {
		return strings.Join(values, ", ")
	}
	sum := sha256.Sum256([]byte(strings.Join(values, "\n")))
	return fmt.Sprintf("%d (sha256 %s of the list)", len(values), hex.EncodeToString(sum[:]))
}

// originWithout returns the facts as a map, except those with these keys. Each key gets the prefix.
func (v *reportRows) originWithout(prefix string, keys ...string) map[string]string {
	facts := map[string]string{}
	for _, f := range v.origin {
		if !slices.Contains(keys, f.Key) {
			facts[prefix+f.Key] = f.Value
		}
	}
	return facts
}
