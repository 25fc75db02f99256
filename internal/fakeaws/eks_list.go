package fakeaws

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// listClusters returns connected clusters only with include=all.
func (s *Server) listClusters(c *call) (any, *apiError) {
	all := (&Cluster{Name: "*", Region: c.region, Account: c.account()}).ARN()
	if failure := s.permit(c, "eks:ListClusters", all, nil); failure != nil {
		return nil, failure
	}
	query := c.http.URL.Query()
	connected := slices.Contains(query["include"], "all")
	var names []string
	for _, cluster := range sortedWhere(s.state.Clusters, func(cluster *Cluster) bool {
		return cluster.Region == c.region && cluster.Account == c.account() &&
			(connected || cluster.ConnectorProvider == "")
	}) {
		names = append(names, cluster.Name)
	}
	return eksPage(s, c, "clusters", names)
}

// sortedWhere returns the values to keep in the order of their keys. It does not sort the others, which may be
// thousands.
func sortedWhere[T any](all map[string]T, keep func(T) bool) []T {
	var arns []string
	for arn, value := range all {
		if keep(value) {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	kept := make([]T, 0, len(arns))
	for _, arn := range arns {
		kept = append(kept, all[arn])
	}
	return kept
}

func (s *Server) listUpdates(c *call) (any, *apiError) {
	cluster, failure := s.cluster(c, "ListUpdates", nil)
	if failure != nil {
		return nil, failure
	}
	var ids []string
	for _, u := range cluster.Updates {
		ids = append(ids, u.ID)
	}
	return eksPage(s, c, "updateIds", ids)
}

func (s *Server) listCapabilities(c *call) (any, *apiError) {
	cluster, failure := s.cluster(c, "ListCapabilities", nil)
	if failure != nil {
		return nil, failure
	}
	var items []object
	for _, capability := range cluster.Capabilities {
		items = append(items, object{
			"capabilityName": capability.Name, "type": capability.Type, "status": cmp.Or(capability.Status, "ACTIVE"),
			"arn": strings.Replace(cluster.ARN(), ":cluster/", ":capability/", 1) + "/" +
				strings.ToLower(capability.Type) + "/" + capability.Name + "/" + uuidOf(cluster.ARN()+capability.Name),
			"createdAt": epoch(cluster.CreatedAt), "modifiedAt": epoch(cluster.CreatedAt),
		})
	}
	return eksPage(s, c, "capabilities", items)
}

// eksPage returns one page of a list. EKS accepts maxResults from 1 to 100.
func eksPage[T any](s *Server, c *call, member string, items []T) (any, *apiError) {
	query, requested := c.http.URL.Query(), 0
	if raw := query.Get("maxResults"); raw != "" {
		var err error
		if requested, err = strconv.Atoi(raw); err != nil || requested < 1 || requested > 100 {
			return nil, failf(400, "InvalidParameterException", "maxResults needs to be between 1 and 100")
		}
	}
	part, next, ok := page(items, query.Get("nextToken"), s.state.pageSize(requested, 100, 100))
	if !ok {
		return nil, failf(400, "InvalidParameterException", "Invalid token")
	}
	reply := object{member: part}
	if next != "" {
		reply["nextToken"] = next
	}
	return reply, nil
}

func (s *Server) describeUpdate(c *call) (any, *apiError) {
	cluster, failure := s.cluster(c, "DescribeUpdate", nil)
	if failure != nil {
		return nil, failure
	}
	for _, u := range cluster.Updates {
		if u.ID == c.path["updateId"] {
			return object{"update": u.describe()}, nil
		}
	}
	return nil, failf(404, "ResourceNotFoundException", "No update found for ID: %s", c.path["updateId"])
}

func (u *Update) describe() object {
	return object{
		"id": u.ID, "type": u.Type, "status": u.Status, "createdAt": epoch(u.CreatedAt),
		"params": nonNil(u.Params), "errors": nonNil(u.Errors),
	}
}
