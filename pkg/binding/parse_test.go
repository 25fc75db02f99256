package binding

import (
	"strings"
	"testing"
)

func TestParseClusterARN(t *testing.T) {
	const account = ":111122223333:cluster/"
	tests := []struct {
		in   string
		want ARN // zero: not a cluster ARN
	}{
		{"arn:aws:eks:us-west-2" + account + "lab", ARN{"aws", "us-west-2", "111122223333", "lab"}},
		{"arn:aws-cn:eks:cn-north-1" + account + "a_b-1", ARN{"aws-cn", "cn-north-1", "111122223333", "a_b-1"}},
		{"arn:aws-us-gov:eks:us-gov-west-1" + account + "g", ARN{"aws-us-gov", "us-gov-west-1", "111122223333", "g"}},
		{"arn:aws-iso-b:eks:us-isob-east-1" + account + "i", ARN{"aws-iso-b", "us-isob-east-1", "111122223333", "i"}},
		{"arn:aws-eusc:eks:eusc-de-east-1" + account + "e", ARN{"aws-eusc", "eusc-de-east-1", "111122223333", "e"}},
		{"", ARN{}},
		{"lab", ARN{}},
		{"arn:aws:ecs:us-west-2" + account + "lab", ARN{}},
		{"arn:aws:eks:us-west-2:111122223333:nodegroup/lab", ARN{}},
		{"arn:aws:eks:us-west-2:111122223333:cluster/", ARN{}},
		{"arn:aws:eks:us-west-2" + account + "a/b", ARN{}},
		{"arn:aws:eks:us-west-2" + account + "a.b", ARN{}},
		{"arn:aws:eks:us-west-2" + account + "-a", ARN{}},
		{"arn:aws:eks:us-west-2:1111:cluster/lab", ARN{}},
		{"arn:aws:eks::111122223333:cluster/lab", ARN{}},
		{"arn:evil:eks:us-west-2" + account + "lab", ARN{}},
		{" arn:aws:eks:us-west-2" + account + "lab", ARN{}},
		{"arn:aws:eks:us-west-2" + account + strings.Repeat("a", 101), ARN{}},
	}
	for _, test := range tests {
		got, ok := ParseClusterARN(test.in)
		if got != test.want || ok != (test.want != ARN{}) {
			t.Errorf("ParseClusterARN(%q) = %+v, %t; want %+v", test.in, got, ok, test.want)
		}
	}
}

const hash = "0123456789abcdef0123456789abcdef"

func TestParseEndpoint(t *testing.T) {
	tests := []struct{ server, region string }{ // empty region: not an EKS endpoint
		{"https://" + hash + ".gr7.us-west-2.eks.amazonaws.com", "us-west-2"},
		{"https://" + strings.ToUpper(hash) + ".YL4.EU-Central-1.EKS.amazonaws.com:443/", "eu-central-1"},
		{"https://" + hash + ".gr7.us-west-2.eks.amazonaws.com.", "us-west-2"},
		{hash + ".sk1.us-west-2.eks.amazonaws.com", "us-west-2"},
		{"https://" + hash + ".gr7.us-gov-west-1.eks.amazonaws.com", "us-gov-west-1"},
		{"https://" + hash + ".yl4.cn-north-1.eks.amazonaws.com.cn", "cn-north-1"},
		{"https://" + hash + ".yl4.cn-north-1.amazonwebservices.com.cn", "cn-north-1"},
		{"https://" + hash + ".gr7.eusc-de-east-1.eks.amazonaws.eu", "eusc-de-east-1"},
		{"https://" + hash + ".gr7.us-iso-east-1.eks.c2s.ic.gov", "us-iso-east-1"},
		{"https://" + hash + ".gr7.us-isob-east-1.eks.sc2s.sgov.gov", "us-isob-east-1"},
		{"https://" + hash + ".gr7.eu-isoe-west-1.eks.cloud.adc-e.uk", "eu-isoe-west-1"},
		{"https://" + hash + ".gr7.us-isof-south-1.eks.csp.hci.ic.gov", "us-isof-south-1"},
		{"https://" + hash + ".gr7.eks-cluster.us-west-2.api.aws", "us-west-2"},
		{"https://" + hash + ".gr7.us-west-2.api.aws", "us-west-2"},
		{"https://" + hash + ".gr7.eks-cluster.cn-northwest-1.api.amazonwebservices.com.cn", "cn-northwest-1"},
		// AWS services, not clusters.
		{"https://eks.us-west-2.amazonaws.com", ""},
		{"https://fips.eks.us-west-2.amazonaws.com", ""},
		{"https://eks.us-west-2.api.aws", ""},
		{"https://kms.us-west-2.api.aws", ""},
		{"https://eks.cn-north-1.amazonaws.com.cn", ""},
		{"https://oidc.eks.us-west-2.amazonaws.com", ""},
		// Look-alikes.
		{"https://" + hash + ".gr7.us-west-2.eks.amazonaws.com.evil.example", ""},
		{"https://evil.example/" + hash + ".gr7.us-west-2.eks.amazonaws.com", ""},
		{"https://" + hash + ".gr7.us-west-2.eks.amazonaws.com@evil.example", ""},
		{"https://notaneks.amazonaws.com", ""},
		{"https://" + hash + ".gr7.nowhere.eks.amazonaws.com", ""},
		{"https://..us-west-2.eks.amazonaws.com", ""},
		{"https://localhost:6443", ""},
		{"https://10.0.0.1", ""},
		{"", ""},
		{"%zz", ""},
	}
	for _, test := range tests {
		got, ok := ParseEndpoint(test.server)
		if ok != (test.region != "") || ok && got.Region != test.region {
			t.Errorf("ParseEndpoint(%q) = %+v, %t; want region %q", test.server, got, ok, test.region)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	for region, want := range map[string]string{
		"us-west-2": "aws", "cn-north-1": "aws-cn", "us-gov-east-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc",
		"us-iso-west-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e",
		"us-isof-south-1": "aws-iso-f",
	} {
		if got := PartitionOf(region); got != want {
			t.Errorf("PartitionOf(%s) = %s, want %s", region, got, want)
		}
	}
}

func FuzzParseClusterARN(f *testing.F) {
	f.Add("arn:aws:eks:us-west-2:111122223333:cluster/lab")
	f.Add("arn:aws-cn:eks:cn-north-1:1:cluster/")
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := ParseClusterARN(s)
		if !ok {
			return
		}
		if again := "arn:" + a.Partition + ":eks:" + a.Region + ":" + a.Account + ":cluster/" + a.Name; again != s {
			t.Errorf("ARN of ParseClusterARN(%q) = %q, want the same", s, again)
		}
	})
}

func FuzzParseEndpoint(f *testing.F) {
	f.Add("https://" + hash + ".gr7.us-west-2.eks.amazonaws.com")
	f.Add("https://" + hash + ".gr7.us-west-2.eks.amazonaws.com.evil.example")
	f.Fuzz(func(t *testing.T, s string) {
		e, ok := ParseEndpoint(s)
		if !ok {
			return
		}
		if !validRegion(e.Region) || strings.ContainsAny(e.Host, "/@: \t\n") || e.Host != strings.ToLower(e.Host) {
			t.Errorf("ParseEndpoint(%q) = %+v", s, e)
		}
	})
}
