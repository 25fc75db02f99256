package encryption

import (
	"fmt"
	"regexp"
	"strconv"
)

// Version is the major and minor version of Kubernetes, as EKS counts it.
type Version struct{ Major, Minor int }

// FirstDefault returns the first version in which EKS envelope-encrypts by default.
func FirstDefault() Version { return Version{1, 28} }

// EKS spells versions "1.31". A leading v and a patch or suffix are accepted.
var versionPattern = regexp.MustCompile(`^v?([0-9]{1,4})\.([0-9]{1,4})([.+-][0-9A-Za-z.+-]*)?$`)

// ParseVersion parses a version such as "1.31" and ignores a patch or suffix.
func ParseVersion(s string) (Version, error) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("%q is not a valid Kubernetes version", s)
	}
	major, _ := strconv.Atoi(m[1]) // at most four digits
	minor, _ := strconv.Atoi(m[2])
	if major == 0 {
		return Version{}, fmt.Errorf("%q is not a Kubernetes version that EKS offers", s)
	}
	return Version{major, minor}, nil
}

// Less reports whether v is older than other, comparing numbers: 1.9 is older than 1.28.
func (v Version) Less(other Version) bool {
	if v.Major != other.Major {
		return v.Major < other.Major
	}
	return v.Minor < other.Minor
}

// String returns the version in the spelling of EKS, such as "1.31".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
