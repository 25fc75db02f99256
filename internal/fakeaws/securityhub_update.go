package fakeaws

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

type findingID struct {
	ID         string `json:"Id"`
	ProductArn string
}

// batchUpdateFindings changes what is the customer's. It replaces the user-defined fields as a whole.
func (s *Server) batchUpdateFindings(c *call) (any, *apiError) {
	var in struct {
		FindingIdentifiers []findingID
		Note               *struct{ Text, UpdatedBy string }
		Workflow           *HubWorkflow
		UserDefinedFields  map[string]string
	}
	if err := decodeStrictly(c.body, &in); err != nil {
		return nil, invalidInput("%v", err)
	}
	if failure := s.hubCall(c, "BatchUpdateFindings", hubARN(c)); failure != nil {
		return nil, failure
	}
	statuses := []string{"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"}
	switch n := len(in.FindingIdentifiers); {
	case n < 1 || n > 100:
		return nil, invalidInput("FindingIdentifiers must have 1 to 100 items, has %d", n)
	case in.Workflow != nil && !slices.Contains(statuses, in.Workflow.Status):
		return nil, invalidInput("Invalid workflow status %q", in.Workflow.Status)
	case in.Note != nil && (!upTo(in.Note.Text, 512) || !upTo(in.Note.UpdatedBy, 512)):
		return nil, invalidInput("Note.Text and Note.UpdatedBy must have 1 to 512 characters")
	case len(in.UserDefinedFields) > 50:
		return nil, invalidInput("UserDefinedFields must have at most 50 items")
	}
	for key, value := range in.UserDefinedFields {
		if !upTo(key, 128) || !upTo(value, 1024) {
			return nil, invalidInput("UserDefinedFields: %q is too long or empty", key)
		}
	}
	hidden := s.state.Hub.NotFound > 0
	if hidden {
		s.state.Hub.NotFound--
	}
	var done, missing []object
	for _, id := range in.FindingIdentifiers {
		identifier := object{"Id": id.ID, "ProductArn": id.ProductArn}
		f := s.state.Hub.find(c, id)
		if f == nil || hidden {
			missing = append(missing, object{"FindingIdentifier": identifier, "ErrorMessage": "Finding Not Found",
				"ErrorCode": defaultTo(s.state.Hub.Unprocessed, "FindingNotFound")})
			continue
		}
		done = append(done, identifier)
		if in.Workflow != nil {
			f.Workflow = &HubWorkflow{in.Workflow.Status}
		}
		if in.Note != nil {
			f.Note = &HubNote{in.Note.Text, in.Note.UpdatedBy, s.opts.Now().UTC().Format(time.RFC3339)}
		}
		if in.UserDefinedFields != nil {
			f.UserDefinedFields = in.UserDefinedFields
		}
	}
	return object{"ProcessedFindings": nonNil(done), "UnprocessedFindings": nonNil(missing)}, nil
}

// upTo reports whether the text is neither blank nor longer than limit characters.
func upTo(s string, limit int) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= limit
}

func (h *Hub) find(c *call, id findingID) *HubFinding {
	for _, f := range h.Findings {
		if f.ID == id.ID && f.ProductArn == id.ProductArn && f.AwsAccountID == c.account() && f.Region == c.region {
			return f
		}
	}
	return nil
}

// getFindings returns a page of the findings of the account and region that match all filters, and of each filter at
// least one value.
func (s *Server) getFindings(c *call) (any, *apiError) {
	var in struct {
		Filters    map[string][]struct{ Value, Comparison string }
		MaxResults *int
		NextToken  string
	}
	if err := decodeStrictly(c.body, &in); err != nil {
		return nil, invalidInput("%v", err)
	}
	if failure := s.hubCall(c, "GetFindings", hubARN(c)); failure != nil {
		return nil, failure
	}
	size := 10
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > 100 {
			return nil, invalidInput("MaxResults must be 1 to 100, is %d", size)
		}
	}
	if len(in.Filters) > 10 {
		return nil, invalidInput("at most 10 filters are allowed")
	}
	var found []*HubFinding
	for _, f := range s.state.Hub.Findings {
		matches := f.AwsAccountID == c.account() && f.Region == c.region
		for name, values := range in.Filters {
			value, known := f.attribute(name)
			if !known || len(values) == 0 || len(values) > 20 {
				return nil, invalidInput("the filter %s is not valid", name)
			}
			one := false
			for _, v := range values {
				switch v.Comparison {
				case "EQUALS":
					one = one || value == v.Value
				case "PREFIX":
					one = one || strings.HasPrefix(value, v.Value)
				default:
					return nil, invalidInput("the comparison %q is not supported here", v.Comparison)
				}
			}
			matches = matches && one
		}
		if matches {
			found = append(found, f)
		}
	}
	part, next, ok := page(found, in.NextToken, s.state.pageSize(size, size, 100))
	if !ok {
		return nil, invalidInput("NextToken is not valid")
	}
	reply := object{"Findings": part}
	if next != "" {
		reply["NextToken"] = next
	}
	return reply, nil
}

// attribute returns the value of a filter.
func (f *HubFinding) attribute(name string) (value string, known bool) {
	switch name {
	case "ProductArn":
		return f.ProductArn, true
	case "AwsAccountId":
		return f.AwsAccountID, true
	case "Region":
		return f.Region, true
	case "GeneratorId":
		return f.GeneratorID, true
	case "RecordState":
		return f.RecordState, true
	case "WorkflowStatus":
		return f.Workflow.Status, true
	}
	return "", false
}
