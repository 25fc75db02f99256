package report

import (
	"cmp"
	"io"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// The parts of OCSF 1.5.0, class Compliance Finding (2003) with the profile "cloud", that writeOCSF uses.
type (
	ocsfFinding struct {
		ActivityID   int              `json:"activity_id"`
		ActivityName string           `json:"activity_name"`
		CategoryUID  int              `json:"category_uid"`
		CategoryName string           `json:"category_name"`
		ClassUID     int              `json:"class_uid"`
		ClassName    string           `json:"class_name"`
		TypeUID      int              `json:"type_uid"`
		TypeName     string           `json:"type_name"`
		Time         int64            `json:"time"`
		SeverityID   int              `json:"severity_id"`
		Severity     string           `json:"severity"`
		StatusID     int              `json:"status_id"`
		Status       string           `json:"status"`
		Message      string           `json:"message"`
		Comment      string           `json:"comment,omitempty"`
		Metadata     ocsfMetadata     `json:"metadata"`
		Info         ocsfInfo         `json:"finding_info"`
		Compliance   ocsfCompliance   `json:"compliance"`
		Remediation  *ocsfRemediation `json:"remediation,omitempty"`
		Resources    []ocsfResource   `json:"resources"`
		Cloud        ocsfCloud        `json:"cloud"`
		// Unmapped holds the values for which OCSF has no attribute.
		Unmapped map[string]string `json:"unmapped,omitempty"`
	}
	ocsfMetadata struct {
		Version   string      `json:"version"`
		Product   ocsfProduct `json:"product"`
		Profiles  []string    `json:"profiles"`
		EventCode string      `json:"event_code,omitempty"`
	}
	ocsfProduct struct {
		Name    string `json:"name"`
		Vendor  string `json:"vendor_name"`
		Version string `json:"version,omitempty"`
		URL     string `json:"url_string"`
	}
	ocsfInfo struct {
		UID     string   `json:"uid"`
		Title   string   `json:"title"`
		Desc    string   `json:"desc"`
		Created int64    `json:"created_time"`
		Types   []string `json:"types"`
	}
	ocsfCompliance struct {
		Control   string   `json:"control"`
		Standards []string `json:"standards"`
		StatusID  int      `json:"status_id"`
		Status    string   `json:"status"`
		Details   []string `json:"status_details,omitempty"`
	}
	ocsfRemediation struct {
		Desc string `json:"desc"`
	}
	ocsfResource struct {
		UID       string `json:"uid"`
		Name      string `json:"name"`
		Type      string `json:"type"`
		Region    string `json:"region,omitempty"`
		Partition string `json:"cloud_partition,omitempty"`
		Version   string `json:"version,omitempty"`
	}
	ocsfCloud struct {
		Provider string       `json:"provider"`
		Region   string       `json:"region,omitempty"`
		Account  *ocsfAccount `json:"account,omitempty"`
	}
	ocsfAccount struct {
		UID    string `json:"uid"`
		Name   string `json:"name,omitempty"`
		Type   string `json:"type"`
		TypeID int    `json:"type_id"`
	}
)

// writeOCSF writes a JSON array with one finding for each control of each cluster, including passed ones, and one for
// each location that could not be queried.
func writeOCSF(w io.Writer, v *reportRows) error {
	return writeJSONArray(w, v.parts(), v.ocsfPart)
}

func (v *reportRows) ocsfPart(i int) []ocsfFinding {
	c, place := v.part(i)
	if place != nil {
		return []ocsfFinding{v.ocsfUnreachable(*place)}
	}
	findings := make([]ocsfFinding, len(c.Rows))
	for i, r := range c.Rows {
		findings[i] = v.ocsfOf(r)
	}
	return findings
}

func (v *reportRows) ocsf(uid, title, message, account, region string) ocsfFinding {
	at := v.At().UnixMilli()
	f := ocsfFinding{
		CategoryUID: 2, CategoryName: "Findings", ClassUID: 2003, ClassName: "Compliance Finding",
		Time: at, SeverityID: 1, Severity: "Informational", StatusID: 1, Status: "New", Message: message,
		Metadata: ocsfMetadata{Version: "1.5.0", Profiles: []string{"cloud"},
			Product: ocsfProduct{Name: toolName, Vendor: "eks-encrypt", Version: v.toolVersion(), URL: toolURL}},
		Info: ocsfInfo{UID: uid, Title: title, Desc: message, Created: at,
			Types: []string{"Encryption of an Amazon EKS cluster"}},
		Cloud:    ocsfCloud{Provider: "AWS", Region: region},
		Unmapped: v.originWithout("audit_"),
	}
	f.setActivity(1, "Create")
	if account != "" {
		f.Cloud.Account = &ocsfAccount{UID: account, Name: v.Scope.AccountNames[account], Type: "AWS Account",
			TypeID: 10}
	}
	return f
}

func (v *reportRows) ocsfOf(r row) ocsfFinding {
	c := r.Cluster
	f := v.ocsf(r.identity(), r.Control.ID+" "+r.Control.Name, r.Reason, c.Account, c.Region)
	f.Metadata.EventCode = r.Control.ID
	if r.State == stateFinding || r.State == stateUndecided || r.State == stateWaived && r.Severity != "" {
		f.SeverityID, f.Severity = ocsfSeverity(r.Severity)
	}
	f.setActivity(v.ocsfActivity(r))
	id, status := ocsfStatus(r.State)
	f.Compliance = ocsfCompliance{Control: r.Control.ID, Standards: append([]string{}, r.Control.Standards...),
		StatusID: id, Status: status, Details: details(r.Reason)}
	if r.State == stateWaived {
		f.StatusID, f.Status, f.Comment = 3, "Suppressed", "Waived: "+waiverText(r.Waiver)
	} else if r.Waiver != nil {
		f.Comment = expiredText(r.Waiver)
	}
	if r.Remedy != "" {
		f.Remediation = &ocsfRemediation{Desc: r.Remedy}
	}
	f.Resources = []ocsfResource{{UID: c.ID, Name: c.Name, Type: "AwsEksCluster", Region: c.Region,
		Partition: c.Partition, Version: c.Item.Cluster.KubernetesVersion}}
	f.Unmapped["outcome"] = string(r.State)
	encryption := c.Item.Encryption
	for key, value := range map[string]string{"verdict": string(encryption.Verdict),
		"scope": string(encryption.Scope), "key_arn": encryption.KeyARN} {
		if value != "" {
			f.Unmapped[key] = value
		}
	}
	return f
}

func (v *reportRows) ocsfUnreachable(u v1alpha1.Unreachable) ocsfFinding {
	place := location(u)
	f := v.ocsf("unreachable/"+place, "The clusters of "+place+" could not be queried", u.Reason,
		u.Account, u.Region)
	f.SeverityID, f.Severity = 0, "Unknown"
	f.Compliance = ocsfCompliance{Control: "reachability", Standards: []string{}, StatusID: 2,
		Status: "Warning", Details: details(u.Reason)}
	f.Resources = []ocsfResource{{UID: cmp.Or(u.Account, u.Context, place), Name: place, Type: "Other",
		Region: u.Region}}
	f.Unmapped["outcome"] = "Unreachable"
	if u.Waiver != nil {
		f.StatusID, f.Status, f.Comment = 3, "Suppressed", "Waived: "+waiverText(u.Waiver)
	}
	return f
}

// ocsfActivity returns the activity of a finding. Create is the first audit, or the first of a cluster. Close is a
// control that no longer fails since the earlier audit; Update is everything else.
func (v *reportRows) ocsfActivity(r row) (int, string) {
	switch {
	case v.Changes == nil || slices.Contains(v.Changes.New, r.Cluster.ID):
		return 1, "Create"
	case slices.ContainsFunc(v.Changes.Fixed, func(c v1alpha1.Change) bool {
		return c.Cluster == r.Cluster.ID && c.What == r.Control.ID
	}):
		return 3, "Close"
	}
	return 2, "Update"
}

func (f *ocsfFinding) setActivity(id int, name string) {
	f.ActivityID, f.ActivityName = id, name
	f.TypeUID, f.TypeName = f.ClassUID*100+id, f.ClassName+": "+name
	if name == "Close" {
		f.StatusID, f.Status = 4, "Resolved"
	}
}

func details(reason string) []string {
	if reason == "" {
		return nil
	}
	return []string{reason}
}

// ocsfStatus returns the status and its name. In OCSF, Warning means that information is missing, and 99 (Other) allows
// a name of our own.
func ocsfStatus(s rowState) (int, string) {
	switch s {
	case statePass:
		return 1, "Pass"
	case stateFinding, stateWaived, stateInfo:
		return 3, "Fail"
	case stateNotApplicable:
		return 99, "NotApplicable"
	}
	return 2, "Warning"
}

func ocsfSeverity(s v1alpha1.Severity) (int, string) {
	switch s {
	case v1alpha1.SeverityCritical:
		return 5, "Critical"
	case v1alpha1.SeverityHigh:
		return 4, "High"
	case v1alpha1.SeverityMedium:
		return 3, "Medium"
	case v1alpha1.SeverityLow:
		return 2, "Low"
	}
	return 0, "Unknown"
}
