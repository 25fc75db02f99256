package fakeaws

import (
	"cmp"
	"encoding/xml"
	"slices"
)

var (
	ec2Operations     = map[string]operation{"DescribeRegions": {handle: (*Server).describeRegions}}
	accountOperations = map[string]operation{"ListRegions": {handle: (*Server).listRegions}}
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

// describeRegions returns the enabled regions, or all with AllRegions.
func (s *Server) describeRegions(c *call) (any, *apiError) {
	if failure := s.permit(c, "ec2:DescribeRegions", "*", nil); failure != nil {
		return nil, failure
	}
	status := map[string]string{
		"ENABLED_BY_DEFAULT": "opt-in-not-required", "ENABLED": "opted-in", "DISABLED": "not-opted-in",
	}
	out := ec2Regions{RequestID: s.newUUID()}
	for _, r := range s.state.Regions {
		if optIn := r.optIn(); optIn != "DISABLED" || c.form.Get("AllRegions") == "true" {
			out.Regions = append(out.Regions, ec2Region{r.Name, "ec2." + r.Name + ".amazonaws.com",
				cmp.Or(status[optIn], optIn)})
		}
	}
	return out, nil
}

func (r Region) optIn() string { return cmp.Or(r.OptIn, "ENABLED_BY_DEFAULT") }

// listRegions returns pages of 50, as Account Management does.
func (s *Server) listRegions(c *call) (any, *apiError) {
	var in struct {
		MaxResults              int
		NextToken               string
		RegionOptStatusContains []string
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	arn := "arn:" + Partition(c.region) + ":account::" + c.account() + ":account"
	if failure := s.permit(c, "account:ListRegions", arn, nil); failure != nil {
		return nil, failure
	}
	var regions []object
	for _, r := range s.state.Regions {
		if len(in.RegionOptStatusContains) == 0 || slices.Contains(in.RegionOptStatusContains, r.optIn()) {
			regions = append(regions, object{"RegionName": r.Name, "RegionOptStatus": r.optIn()})
		}
	}
	return s.tokenPage("Regions", regions, in.NextToken, s.state.pageSize(in.MaxResults, 50, 50), "ValidationException")
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
