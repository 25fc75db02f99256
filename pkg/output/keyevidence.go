package output

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// unknownFacts returns what to print in place of each fact that could not be determined.
func unknownFacts(facts []v1alpha1.UnknownFact) map[string]string {
	unknown := map[string]string{}
	for _, u := range facts {
		unknown[u.Fact] = "unknown, " + u.Reason
	}
	return unknown
}

// addEvidence adds the facts that KMS and CloudTrail show about the key of a cluster.
func addEvidence(f *Fields, k *v1alpha1.Key, found *v1alpha1.KeyEvidence) {
	unknown := unknownFacts(found.Unknown)
	f.Add("  Rotation", encryption.RotationDetails(encryption.RotationText(k.Rotation), k.Rotation, found.Rotations,
		unknown["rotations"]))
	f.Add("", encryption.RotationMeaning)
	f.Add("  Last use", cmp.Or(unknown["lastUse"], useText(found.LastUse)))
	f.Add("  Event", cmp.Or(unknown["event"], eventText(found.LastUse)))
	f.Add("  Health check", unknown["healthCheck"])
}

// keyEvidence writes the checks and the grants of the key of a cluster.
func (t *textWriter) keyEvidence(c Colour, found *v1alpha1.KeyEvidence) {
	t.checks(c, found.Checks)
	t.line("")
	t.grants(found.Grants, unknownFacts(found.Unknown)["grants"])
}

// grants writes the grants of a key. reason is why they are unknown or incomplete; "" if all were read.
func (t *textWriter) grants(grants []v1alpha1.KeyGrant, reason string) {
	if len(grants) > 0 {
		table := NewTable("GRANTEE", "OPERATIONS", "SOURCE", "CONTEXT", "CREATED", "NAME")
		for _, g := range grants {
			created := ""
			if g.CreationDate != nil {
				created = g.CreationDate.UTC().Format(time.DateOnly)
			}
			table.Row(g.Grantee, strings.Join(g.Operations, ","), g.SourceARN, grantContext(g), created, g.Name)
		}
		t.do(table.Print)
	}
	switch {
	case len(grants) == 0:
		t.line(t.wrap("Grants: "+cmp.Or(reason, "none"), ""))
	case reason != "":
		t.line(t.wrap("More grants: "+reason, ""))
	}
}

// grantContext returns the encryption context to which a grant is limited.
func grantContext(g v1alpha1.KeyGrant) string {
	var parts []string
	if len(g.ContextEquals) > 0 {
		parts = append(parts, "equals "+tagList(g.ContextEquals))
	}
	if len(g.ContextSubset) > 0 {
		parts = append(parts, "contains "+tagList(g.ContextSubset))
	}
	return strings.Join(parts, "; ")
}

func useText(u *v1alpha1.KeyUse) string {
	switch {
	case u == nil:
		return ""
	case u.Time != nil:
		return withReason(fmt.Sprintf("%s on %s", u.Operation, clock.Minute(u.Time.Time)),
			"the health checks of a cluster use its key too")
	case u.TrackedSince != nil:
		return "none since " + clock.Minute(u.TrackedSince.Time)
	}
	return "none"
}

// eventText returns the event behind the last use, as far as it is known.
func eventText(u *v1alpha1.KeyUse) string {
	switch {
	case u == nil || u.CloudTrailEventID == "":
		return ""
	case u.Event == nil:
		return u.CloudTrailEventID
	}
	e := u.Event
	text := fmt.Sprintf("%s by %s", e.Name, cmp.Or(e.Principal, "an unknown principal"))
	if e.Service != "" && e.Service != e.Principal {
		text += " through " + e.Service
	}
	if e.Address != "" && e.Address != e.Service {
		text += " from " + e.Address
	}
	return text + ", event " + e.ID
}
