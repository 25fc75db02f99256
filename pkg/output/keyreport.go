package output

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// KeyReportText writes the report on one key for people: whether a cluster can use it, the facts, the checks and the
// grants.
func KeyReportText(w io.Writer, r *v1alpha1.KeyReport, c Colour) error {
	e := newTextWriter(w)
	unknown := unknownFacts(r.Unknown)
	headline, paint := "Eligible for the clusters of "+r.Region, c.Good
	switch {
	case unknown["metadata"] != "":
		headline, paint = "Unknown whether the key is eligible for the clusters of "+r.Region, c.Doubtful
	case !r.Key.Eligible:
		headline, paint = "NOT eligible for the clusters of "+r.Region, c.Bad
	}
	e.line(c.Strong(paint(e.wrap(headline, ""))))
	for _, text := range append(slices.Clone(r.Key.Reasons), r.Key.Warnings...) {
		e.line(e.wrap("- "+text, "  ")[2:])
	}
	e.line("")
	e.do(keyFields(r, unknown).Print)
	if len(r.Checks) > 0 {
		e.line("")
		e.checks(c, r.Checks)
	}
	e.line("")
	e.grants(r.Grants, unknown["grants"])
	e.notes(r.Notes)
	return e.err
}

// keyFields returns the facts of the key. A fact that could not be determined has the reason as its value.
func keyFields(r *v1alpha1.KeyReport, unknown map[string]string) *Fields {
	k, f := &r.Key, &Fields{}
	f.Add("Key", k.ARN)
	f.Add("Metadata", unknown["metadata"])
	f.Add("Aliases", cmp.Or(unknown["aliases"], strings.Join(k.Aliases, ", "), "none"))
	f.Add("Description", k.Description)
	if k.CreationDate != nil {
		f.Add("Created", clock.Minute(k.CreationDate.Time))
	}
	f.Add("Account", k.Account)
	f.Add("State", k.State)
	if k.Spec != "" {
		f.Addf("Kind", "%s, %s, managed by %s, origin %s", k.Spec, k.Usage, k.Manager, k.Origin)
	}
	f.Add("Primary", k.Primary)
	f.Add("Replicas", strings.Join(k.Replicas, ", "))
	f.Add("Rotation", encryption.RotationDetails(cmp.Or(unknown["rotation"], keyRotation(k)), k.Rotation, r.Rotations,
		unknown["rotations"]))
	if r.Rotations != nil || k.Rotation != nil {
		f.Add("", encryption.RotationMeaning)
	}
	if k.ValidTo != nil {
		f.Add("Material expires", withReason(clock.Minute(k.ValidTo.Time), encryption.ExpiryText(k.MaterialDaysLeft)))
	}
	f.Add("Tags", cmp.Or(unknown["tags"], tagList(k.Tags), "none"))
	f.Add("Palette", paletteText(k))
	f.Add("Last use", cmp.Or(unknown["lastUse"], useText(r.LastUse)))
	f.Add("Event", cmp.Or(unknown["event"], eventText(r.LastUse)))
	f.Add("Health check", unknown["healthCheck"])
	f.Add("Used by", cmp.Or(unknown["usedBy"], strings.Join(k.UsedBy, ", "),
		"no cluster of this account in the key's region"))
	return f
}

// tagList returns tags as KEY=VALUE, sorted.
func tagList(tags map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, key+"="+tags[key])
	}
	return strings.Join(all, ", ")
}
