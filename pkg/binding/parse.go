package binding

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// ARN is the ARN of an EKS cluster in its parts.
type ARN struct{ Partition, Region, Account, Name string }

var (
	namePattern      = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]*$`)
	regionPattern    = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$`)
	accountPattern   = regexp.MustCompile(`^[0-9]{12}$`)
	partitionPattern = regexp.MustCompile(`^aws(-[a-z]+)*$`)
	labelPattern     = regexp.MustCompile(`^[0-9a-z-]+$`)
)

func validName(s string) bool   { return len(s) <= 100 && namePattern.MatchString(s) }
func validRegion(s string) bool { return regionPattern.MatchString(s) }

// ValidRegion says whether the text has the form of an AWS region.
func ValidRegion(s string) bool { return validRegion(s) }

// ValidAccount says whether the text has the form of an AWS account id.
func ValidAccount(s string) bool { return accountPattern.MatchString(s) }

// ParseClusterARN reads arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME.
func ParseClusterARN(s string) (ARN, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "eks" {
		return ARN{}, false
	}
	name, isCluster := strings.CutPrefix(parts[5], "cluster/")
	a := ARN{Partition: parts[1], Region: parts[3], Account: parts[4], Name: name}
	ok := isCluster && validName(name) && validRegion(a.Region) &&
		accountPattern.MatchString(a.Account) && partitionPattern.MatchString(a.Partition)
	if !ok {
		return ARN{}, false
	}
	return a, true
}

// Endpoint is the host of a cluster's API server, as EKS names it.
type Endpoint struct{ Host, Region string }

// suffixes of the endpoints that EKS gives to clusters; the region stands right
// before. The dual-stack ones are shared with AWS services.
var (
	clusterSuffixes = []string{
		".eks.amazonaws.com", ".eks.amazonaws.com.cn", ".eks.amazonaws.eu",
		".eks.c2s.ic.gov", ".eks.sc2s.sgov.gov", ".eks.cloud.adc-e.uk", ".eks.csp.hci.ic.gov",
	}
	sharedSuffixes = []string{".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu", ".amazonwebservices.com.cn"}
)

// ParseEndpoint recognises the URL (or host) of an EKS cluster's API server: not
// the one of the EKS service, and no look-alike with the suffix in the middle.
func ParseEndpoint(server string) (Endpoint, bool) {
	host, _ := hostPort(server)
	for _, suffix := range clusterSuffixes {
		if rest, found := strings.CutSuffix(host, suffix); found {
			labels := strings.Split(rest, ".")
			return endpoint(host, labels, len(labels) >= 2)
		}
	}
	for _, suffix := range sharedSuffixes {
		if rest, found := strings.CutSuffix(host, suffix); found {
			labels := strings.Split(rest, ".")
			return endpoint(host, labels, len(labels) >= 3)
		}
	}
	return Endpoint{}, false
}

func endpoint(host string, labels []string, enough bool) (Endpoint, bool) {
	if !enough {
		return Endpoint{}, false
	}
	for _, label := range labels {
		if !labelPattern.MatchString(label) {
			return Endpoint{}, false
		}
	}
	switch labels[0] { // services of AWS
	case "eks", "fips", "eks-auth", "eks-fips", "kms", "sts", "oidc":
		return Endpoint{}, false
	}
	region := labels[len(labels)-1]
	return Endpoint{Host: host, Region: region}, validRegion(region)
}

// hostPort takes the host, lower-case and without a final dot, and the port (443
// unless said) out of a URL or a bare host. Both are empty when there is none.
func hostPort(server string) (host, port string) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", ""
	}
	host = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port = u.Port(); port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return host, port
}

// local says whether the host can only be the near end of a tunnel or a private
// address that names no cluster.
func local(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
}

// PartitionOf follows the prefixes of the SDK's endpoint rules.
func PartitionOf(region string) string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"}, {"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"}, {"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"}, {"eu-isof-", "aws-iso-f"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
