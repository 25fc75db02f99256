package fakeaws

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Controls are the policies of the organization that apply to one account. They only deny.
type Controls struct {
	// Service is its service control policies, which limit the principals of the account.
	Service []Statement `json:"service,omitempty"`
	// Resource is its resource control policies, which limit the access to the resources of the account.
	Resource []Statement `json:"resource,omitempty"`
}

// controlled returns why a policy of the organization denies the call, or "". Such policies limit neither the
// principals nor the resources of the management account. Service control policies do not limit the principals of
// services. A resource control policy cannot deny kms:RetireGrant (KMS developer guide).
func (w *State) controlled(a access) string {
	const reason = "with an explicit deny in a %s control policy"
	by, owner := a.caller.Account(), parseARN(a.resource).AccountID
	switch {
	case by != "" && !w.manages(by) && a.judge(w.Controls[by].Service, nil) == denied:
		return fmt.Sprintf(reason, "service")
	case owner != "" && !w.manages(owner) && a.action != "kms:RetireGrant" &&
		a.judge(w.Controls[owner].Resource, nil) == denied:
		return fmt.Sprintf(reason, "resource")
	}
	return ""
}

// manages reports whether the account is the management account of the organization.
func (w *State) manages(account string) bool {
	return slices.ContainsFunc(w.Organization, func(a OrganizationAccount) bool { return a.Management && a.ID == account })
}

// Authorize returns an error unless the policies of the principal, of the key (if the resource is one) and of the
// organization allow an action. It also evaluates actions that the server does not serve. The condition keys of a
// request are in context; several values of one key are separated by commas.
func (s *Server) Authorize(principal, action, resource string, context map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{caller: s.state.Principals[principal]}
	if c.caller == nil {
		return fmt.Errorf("principal %s does not exist", principal)
	}
	c.service, _, _ = strings.Cut(action, ":")
	var failure *apiError
	if key := s.state.Keys[resource]; key != nil {
		failure = s.permitKey(c, key, action, context)
	} else {
		failure = s.permit(c, action, resource, context)
	}
	if failure != nil {
		return errors.New(failure.message)
	}
	return nil
}
