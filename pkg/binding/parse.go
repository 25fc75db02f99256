package binding

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// ARN holds the parts of an EKS cluster's ARN.
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

// ValidRegion reports whether s has the form of an AWS region.
func ValidRegion(s string) bool { return validRegion(s) }

// ValidAccount reports whether s has the form of an AWS account ID.
func ValidAccount(s string) bool { return accountPattern.MatchString(s) }

// ParseClusterARN parses arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME. It reports whether
// s has that form and each part is valid.
func ParseClusterARN(s string) (ARN, bool) {
	parsed, err := awsarn.Parse(s)
	name, isCluster := strings.CutPrefix(parsed.Resource, "cluster/")
	if err != nil || parsed.Service != "eks" || !isCluster || !validName(name) || !validRegion(parsed.Region) ||
		!accountPattern.MatchString(parsed.AccountID) || !partitionPattern.MatchString(parsed.Partition) {
		return ARN{}, false
	}
	return ARN{Partition: parsed.Partition, Region: parsed.Region, Account: parsed.AccountID, Name: name}, true
}

// Endpoint is the host of an EKS cluster's API server.
type Endpoint struct{ Host, Region string }

// Suffixes of the endpoints that EKS assigns to clusters. The label before the suffix is
// the region. AWS services use sharedSuffixes for their dual-stack endpoints.
var (
	clusterSuffixes = []string{
		".eks.amazonaws.com", ".eks.amazonaws.com.cn", ".eks.amazonaws.eu",
		".eks.c2s.ic.gov", ".eks.sc2s.sgov.gov", ".eks.cloud.adc-e.uk", ".eks.csp.hci.ic.gov",
	}
	sharedSuffixes = []string{
		".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu", ".amazonwebservices.com.cn",
	}
)

// ParseEndpoint parses the URL or host of an EKS cluster's API server. It reports whether
// server is one. Endpoints of the EKS service itself, and hosts that only contain such a
// suffix, are not.
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
	switch labels[0] { // AWS services
	case "eks", "fips", "eks-auth", "eks-fips", "kms", "sts", "oidc":
		return Endpoint{}, false
	}
	region := labels[len(labels)-1]
	return Endpoint{Host: host, Region: region}, validRegion(region)
}

// hostPort returns the host and port of a URL or bare host. The host is in lower case and
// has no final dot. The default port is 443, or 80 for http. Both are empty if server
// cannot be parsed.
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

// local reports whether the host is the local end of a tunnel or a private address, which
// does not identify a cluster.
func local(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast())
}

// PartitionOf returns the AWS partition of a region. The prefixes are those of the SDK's
// endpoint rules.
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
