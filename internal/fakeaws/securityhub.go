package fakeaws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var securityhubOperations = map[string]operation{
	"BatchImportFindings": {handle: (*Server).batchImportFindings, writes: true},
	"BatchUpdateFindings": {handle: (*Server).batchUpdateFindings, writes: true},
	"GetFindings":         {handle: (*Server).getFindings},
}

// Hub is Security Hub CSPM in all accounts and regions.
type Hub struct {
	Findings []*HubFinding `json:"findings,omitempty"`
	// Disabled are patterns of ACCOUNT/REGION where Security Hub is not enabled.
	Disabled []string `json:"disabled,omitempty"`
	// Refused are patterns of the ids of findings that BatchImportFindings refuses.
	Refused []string `json:"refused,omitempty"`
	// Invalid are patterns of the ids of findings because of which BatchImportFindings refuses the whole call.
	Invalid []string `json:"invalid,omitempty"`
	// NotFound is the number of calls of BatchUpdateFindings that do not find any finding yet, or that fail with the
	// code Unprocessed for each finding.
	NotFound    int    `json:"notFound,omitempty"`
	Unprocessed string `json:"unprocessed,omitempty"`
}

// HubFinding is a finding in the AWS Security Finding Format, as far as this program uses it.
type HubFinding struct {
	SchemaVersion, ProductArn, ProductName, CompanyName string

	ID           string `json:"Id"`
	GeneratorID  string `json:"GeneratorId"`
	AwsAccountID string `json:"AwsAccountId"`

	Region, CreatedAt, UpdatedAt, Title, Description string

	Remediation           *hubRemediation   `json:",omitempty"`
	ProductFields         map[string]string `json:",omitempty"`
	Resources             []hubResource
	Compliance            *hubCompliance `json:",omitempty"`
	RecordState           string
	FindingProviderFields *hubProvider      `json:",omitempty"`
	Workflow              *HubWorkflow      `json:",omitempty"`
	Note                  *HubNote          `json:",omitempty"`
	UserDefinedFields     map[string]string `json:",omitempty"`
}

// HubWorkflow is the state of the investigation.
type HubWorkflow struct{ Status string }

// HubNote is the note of the customer.
type HubNote struct{ Text, UpdatedBy, UpdatedAt string }

type (
	hubRemediation struct {
		Recommendation struct {
			Text string
			URL  string `json:"Url,omitempty"`
		}
	}
	hubCompliance struct {
		Status              string
		RelatedRequirements []string `json:",omitempty"`
	}
	hubProvider struct {
		Severity *struct{ Label string }
		Types    []string
	}
	hubResource struct {
		Type, Partition, Region string
		ID                      string                       `json:"Id"`
		Details                 map[string]map[string]string `json:",omitempty"`
	}
)

func hubARN(c *call) string {
	return "arn:" + Partition(c.region) + ":securityhub:" + c.region + ":" + c.account() + ":hub/default"
}

func productARN(c *call) string {
	return "arn:" + Partition(c.region) + ":securityhub:" + c.region + ":" + c.account() + ":product/" + c.account() +
		"/default"
}

// hubCall authorizes a call. Security Hub refuses an account that has not enabled it.
func (s *Server) hubCall(c *call, action, resource string) *apiError {
	if failure := s.permit(c, "securityhub:"+action, resource, nil); failure != nil {
		return failure
	}
	for _, pattern := range s.state.Hub.Disabled {
		if ok, _ := path.Match(pattern, c.account()+"/"+c.region); ok {
			return failf(401, "InvalidAccessException", "Account %s is not subscribed to AWS Security Hub", c.account())
		}
	}
	return nil
}

func invalidInput(format string, args ...any) *apiError {
	return failf(400, "InvalidInputException", format, args...)
}

// decodeStrictly refuses what the real service refuses: members that it does not have.
func decodeStrictly(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func (s *Server) batchImportFindings(c *call) (any, *apiError) {
	var in struct{ Findings []json.RawMessage }
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.hubCall(c, "BatchImportFindings", productARN(c)); failure != nil {
		return nil, failure
	}
	if n := len(in.Findings); n < 1 || n > 100 {
		return nil, invalidInput("Invalid parameter 'Findings'. data should have 1 to 100 items, has %d", n)
	}
	for _, raw := range in.Findings {
		var f struct{ ID string }
		if err := json.Unmarshal(raw, &f); err != nil || matchesAny(s.state.Hub.Invalid, f.ID) {
			return nil, invalidInput("Invalid parameter 'Findings'. %s", f.ID)
		}
	}
	var failed []object
	for _, raw := range in.Findings {
		f := &HubFinding{}
		err := decodeStrictly(raw, f)
		if err == nil && f.AwsAccountID != c.account() {
			return nil, failf(403, "AccessDeniedException", "%s", deniedMessage(c.caller,
				"securityhub:BatchImportFindings", f.ProductArn, "because the finding is of another account"))
		}
		if err == nil {
			err = s.validateFinding(c, f)
		}
		if err != nil {
			failed = append(failed, object{"Id": f.ID, "ErrorCode": "InvalidInput",
				"ErrorMessage": "Finding does not adhere to Amazon Finding Format. " + err.Error()})
			continue
		}
		s.state.Hub.put(f)
	}
	return object{"FailedCount": len(failed), "SuccessCount": len(in.Findings) - len(failed),
		"FailedFindings": nonNil(failed)}, nil
}

func matchesAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return wildcard(pattern, id) })
}

// validateFinding checks what the documentation requires.
func (s *Server) validateFinding(c *call, f *HubFinding) error {
	if matchesAny(s.state.Hub.Refused, f.ID) {
		return fmt.Errorf("refused %s", f.ID)
	}
	for _, text := range []struct {
		name, value string
		limit       int
	}{
		{"SchemaVersion", f.SchemaVersion, 10}, {"Id", f.ID, 512}, {"ProductArn", f.ProductArn, 2048},
		{"GeneratorId", f.GeneratorID, 512}, {"AwsAccountId", f.AwsAccountID, 12}, {"CreatedAt", f.CreatedAt, 64},
		{"UpdatedAt", f.UpdatedAt, 64}, {"Title", f.Title, 256}, {"Description", f.Description, 1024},
	} {
		switch n := utf8.RuneCountInString(text.value); {
		case strings.TrimSpace(text.value) == "":
			return fmt.Errorf("data should have required property '%s'", text.name)
		case n > text.limit:
			return fmt.Errorf("data.%s should NOT be longer than %d characters", text.name, text.limit)
		}
	}
	switch {
	case f.ProductArn != productARN(c):
		return fmt.Errorf("data.ProductArn %s is not %s", f.ProductArn, productARN(c))
	case f.Region != "" && f.Region != c.region:
		return fmt.Errorf("data.Region %s is not %s", f.Region, c.region)
	case len(f.Resources) < 1 || len(f.Resources) > 32:
		return fmt.Errorf("data.Resources should have 1 to 32 items")
	case f.FindingProviderFields == nil || f.FindingProviderFields.Severity == nil ||
		len(f.FindingProviderFields.Types) == 0:
		return fmt.Errorf("data should have required property 'FindingProviderFields'")
	case len(f.ProductFields) > 50:
		return fmt.Errorf("data.ProductFields should NOT have more than 50 properties")
	}
	for name, at := range map[string]string{"CreatedAt": f.CreatedAt, "UpdatedAt": f.UpdatedAt} {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("data.%s should match format \"date-time\"", name)
		}
	}
	for _, r := range f.Resources {
		if r.Type == "" || r.ID == "" || utf8.RuneCountInString(r.ID) > 512 {
			return fmt.Errorf("data.Resources[0] should have required properties 'Type' and 'Id'")
		}
	}
	return nil
}

// put creates or updates a finding. An update that is not newer is ignored. An update keeps what is the customer's,
// except that a finding that comes back is NEW again, unless it is suppressed.
func (h *Hub) put(f *HubFinding) {
	f.RecordState = defaultTo(f.RecordState, "ACTIVE")
	at := slices.IndexFunc(h.Findings, func(old *HubFinding) bool {
		return old.ID == f.ID && old.ProductArn == f.ProductArn
	})
	if at < 0 {
		if f.Workflow == nil {
			f.Workflow = &HubWorkflow{"NEW"}
		}
		h.Findings = append(h.Findings, f)
		return
	}
	old := h.Findings[at]
	before, _ := time.Parse(time.RFC3339, old.UpdatedAt)
	now, _ := time.Parse(time.RFC3339, f.UpdatedAt)
	if !now.After(before) {
		return
	}
	f.Workflow, f.Note, f.UserDefinedFields = old.Workflow, old.Note, old.UserDefinedFields
	back := old.RecordState == "ARCHIVED" && f.RecordState == "ACTIVE" ||
		old.complianceStatus() == "PASSED" && f.complianceStatus() != "PASSED"
	if back && f.Workflow.Status != "SUPPRESSED" {
		f.Workflow = &HubWorkflow{"NEW"}
	}
	h.Findings[at] = f
}

func (f *HubFinding) complianceStatus() string {
	if f.Compliance == nil {
		return ""
	}
	return f.Compliance.Status
}

func defaultTo(s, value string) string {
	if s == "" {
		return value
	}
	return s
}
