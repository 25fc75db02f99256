package fakeaws

import "strings"

var iamOperations = map[string]operation{"GetRole": {handle: (*Server).getRole}}

type foundRole struct {
	Role struct {
		Path, RoleName, Arn string
	}
}

// getRole returns a role of the caller's account by its name, which is unique in spite of its path.
func (s *Server) getRole(c *call) (any, *apiError) {
	name := c.form.Get("RoleName")
	missing := "arn:" + Partition(c.region) + ":iam::" + c.account() + ":role/" + name
	for _, p := range s.state.Principals {
		resource := parseARN(p.ARN).Resource
		path, isRole := strings.CutPrefix(resource, "role")
		at := strings.LastIndexByte(path, '/') + 1
		if !isRole || p.Account() != c.account() || path[at:] != name {
			continue
		}
		if failure := s.permit(c, "iam:GetRole", p.ARN, nil); failure != nil {
			return nil, failure
		}
		var out foundRole
		out.Role.Path, out.Role.RoleName, out.Role.Arn = path[:at], name, p.ARN
		return out, nil
	}
	if failure := s.permit(c, "iam:GetRole", missing, nil); failure != nil {
		return nil, failure
	}
	return nil, failf(404, "NoSuchEntity", "The role with name %s cannot be found.", name)
}
