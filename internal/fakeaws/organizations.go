package fakeaws

import (
	"cmp"
	"encoding/json"
	"slices"
)

var organizationsOperations = map[string]operation{"ListAccounts": {handle: (*Server).listAccounts}}

// listAccounts is allowed only to the organization's management account.
func (s *Server) listAccounts(c *call) (any, *apiError) {
	var in struct {
		MaxResults json.Number
		NextToken  string
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "organizations:ListAccounts", "*", nil); failure != nil {
		return nil, failure
	}
	if len(s.state.Organization) == 0 {
		return nil, failf(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	}
	management := slices.ContainsFunc(s.state.Organization,
		func(a OrganizationAccount) bool { return a.Management && a.ID == c.account() })
	if !management {
		return nil, failf(400, "AccessDeniedException", "You don't have permissions to access this resource.")
	}
	var accounts []object
	for _, a := range s.state.Organization {
		status := cmp.Or(a.Status, "ACTIVE")
		accounts = append(accounts, object{
			"Id": a.ID, "Name": a.Name, "Email": a.Email, "Status": status, "State": status,
			"Arn":          "arn:aws:organizations::" + c.account() + ":account/o-exampleorgid/" + a.ID,
			"JoinedMethod": "CREATED",
		})
	}
	requested, _ := in.MaxResults.Int64()
	return s.tokenPage("Accounts", accounts, in.NextToken, s.state.pageSize(int(requested), 20, 20),
		"InvalidInputException")
}
