package fakeaws

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"slices"
)

var (
	ec2Operations           = map[string]operation{"DescribeRegions": {handle: (*Server).describeRegions}}
	accountOperations       = map[string]operation{"ListRegions": {handle: (*Server).listRegions}}
	organizationsOperations = map[string]operation{"ListAccounts": {handle: (*Server).listAccounts}}
)

type ec2Regions struct {
	XMLName   xml.Name    `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeRegionsResponse"`
	RequestID string      `xml:"requestId"`
	Regions   []ec2Region `xml:"regionInfo>item"`
}

type ec2Region struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

// describeRegions shows the regions that are on; AllRegions shows all.
func (s *Server) describeRegions(c *call) (any, *apiError) {
	if failure := s.permit(c, "ec2:DescribeRegions", "*", nil); failure != nil {
		return nil, failure
	}
	words := map[string]string{"ENABLED_BY_DEFAULT": "opt-in-not-required", "ENABLED": "opted-in", "DISABLED": "not-opted-in"}
	out := ec2Regions{RequestID: s.newUUID()}
	for _, r := range s.world.Regions {
		if optIn := r.optIn(); optIn != "DISABLED" || c.form.Get("AllRegions") == "true" {
			out.Regions = append(out.Regions, ec2Region{r.Name, "ec2." + r.Name + ".amazonaws.com", cmp.Or(words[optIn], optIn)})
		}
	}
	return out, nil
}

func (r Region) optIn() string { return cmp.Or(r.OptIn, "ENABLED_BY_DEFAULT") }

// listRegions is Account Management's, which pages by 50.
func (s *Server) listRegions(c *call) (any, *apiError) {
	var in struct {
		MaxResults              int
		NextToken               string
		RegionOptStatusContains []string
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "account:ListRegions", "arn:"+Partition(c.region)+":account::"+c.account()+":account", nil); failure != nil {
		return nil, failure
	}
	var regions []object
	for _, r := range s.world.Regions {
		if len(in.RegionOptStatusContains) == 0 || slices.Contains(in.RegionOptStatusContains, r.optIn()) {
			regions = append(regions, object{"RegionName": r.Name, "RegionOptStatus": r.optIn()})
		}
	}
	return s.tokenPage("Regions", regions, in.NextToken, s.world.pageSize(in.MaxResults, 50, 50), "ValidationException")
}

// listAccounts is open to the organization's management account only.
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
	if len(s.world.Organization) == 0 {
		return nil, failf(400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
	}
	management := slices.ContainsFunc(s.world.Organization, func(a OrganizationAccount) bool { return a.Management && a.ID == c.account() })
	if !management {
		return nil, failf(400, "AccessDeniedException", "You don't have permissions to access this resource.")
	}
	var accounts []object
	for _, a := range s.world.Organization {
		status := cmp.Or(a.Status, "ACTIVE")
		accounts = append(accounts, object{
			"Id": a.ID, "Name": a.Name, "Email": a.Email, "Status": status, "State": status,
			"Arn": "arn:aws:organizations::" + c.account() + ":account/o-exampleorgid/" + a.ID, "JoinedMethod": "CREATED",
		})
	}
	wish, _ := in.MaxResults.Int64()
	return s.tokenPage("Accounts", accounts, in.NextToken, s.world.pageSize(int(wish), 20, 20), "InvalidInputException")
}

func (s *Server) tokenPage(member string, items []object, token string, size int, invalid string) (any, *apiError) {
	part, next, ok := page(items, token, size)
	if !ok {
		return nil, failf(400, invalid, "Invalid next token")
	}
	reply := object{member: part}
	if next != "" {
		reply["NextToken"] = next
	}
	return reply, nil
}
