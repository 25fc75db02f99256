package fakeaws

import (
	"cmp"
	"encoding/json"
	"slices"
)

var organizationsOperations = map[string]operation{
	"ListAccounts":          {handle: (*Server).listAccounts},
	"ListAccountsForParent": {handle: (*Server).listAccountsForParent},
	"ListChildren":          {handle: (*Server).listChildren},
}

// organizationsInput is the input of the listing calls.
type organizationsInput struct {
	MaxResults                     json.Number
	NextToken, ParentID, ChildType string
}

// organizationCall decodes and authorizes a call, which is allowed only to the organization's management account.
func (s *Server) organizationCall(c *call, action string) (in organizationsInput, failure *apiError) {
	if failure := c.decode(&in); failure != nil {
		return in, failure
	}
	if failure := s.permit(c, "organizations:"+action, "*", nil); failure != nil {
		return in, failure
	}
	if len(s.state.Organization) == 0 {
		return in, failf(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	}
	management := slices.ContainsFunc(s.state.Organization,
		func(a OrganizationAccount) bool { return a.Management && a.ID == c.account() })
	if !management {
		return in, failf(400, "AccessDeniedException", "You don't have permissions to access this resource.")
	}
	return in, nil
}

func (s *Server) listAccounts(c *call) (any, *apiError) {
	in, failure := s.organizationCall(c, "ListAccounts")
	if failure != nil {
		return nil, failure
	}
	return s.accountsPage(c, in, func(OrganizationAccount) bool { return true })
}

// listAccountsForParent returns the accounts that are directly in the unit or root.
func (s *Server) listAccountsForParent(c *call) (any, *apiError) {
	in, failure := s.organizationCall(c, "ListAccountsForParent")
	if failure == nil {
		failure = s.findParent(in.ParentID)
	}
	if failure != nil {
		return nil, failure
	}
	return s.accountsPage(c, in, func(a OrganizationAccount) bool { return a.Parent == in.ParentID })
}

// listChildren returns the units or accounts that are directly in the unit or root.
func (s *Server) listChildren(c *call) (any, *apiError) {
	in, failure := s.organizationCall(c, "ListChildren")
	if failure == nil {
		failure = s.findParent(in.ParentID)
	}
	if failure != nil {
		return nil, failure
	}
	var children []object
	for _, u := range s.state.Units {
		if in.ChildType == "ORGANIZATIONAL_UNIT" && u.Parent == in.ParentID {
			children = append(children, object{"Id": u.ID, "Type": in.ChildType})
		}
	}
	for _, a := range s.state.Organization {
		if in.ChildType == "ACCOUNT" && a.Parent == in.ParentID {
			children = append(children, object{"Id": a.ID, "Type": in.ChildType})
		}
	}
	return s.organizationPage("Children", children, in)
}

// findParent returns an error unless the unit or root exists.
func (s *Server) findParent(id string) *apiError {
	unit := func(u OrganizationalUnit) bool { return u.ID == id || u.Parent == id }
	account := func(a OrganizationAccount) bool { return a.Parent == id }
	if slices.ContainsFunc(s.state.Units, unit) || slices.ContainsFunc(s.state.Organization, account) {
		return nil
	}
	return failf(400, "ParentNotFoundException", "You specified parent that doesn't exist.")
}

func (s *Server) accountsPage(
	c *call, in organizationsInput, selected func(OrganizationAccount) bool,
) (any, *apiError) {
	var accounts []object
	for _, a := range s.state.Organization {
		if !selected(a) {
			continue
		}
		status := cmp.Or(a.Status, "ACTIVE")
		accounts = append(accounts, object{
			"Id": a.ID, "Name": a.Name, "Email": a.Email, "Status": status, "State": status,
			"Arn":          "arn:aws:organizations::" + c.account() + ":account/o-exampleorgid/" + a.ID,
			"JoinedMethod": "CREATED",
		})
	}
	return s.organizationPage("Accounts", accounts, in)
}

func (s *Server) organizationPage(member string, items []object, in organizationsInput) (any, *apiError) {
	requested, _ := in.MaxResults.Int64()
	return s.tokenPage(member, items, in.NextToken, s.state.pageSize(int(requested), 20, 20), "InvalidInputException")
}
