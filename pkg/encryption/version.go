package encryption

import (
	"fmt"
	"regexp"
	"strconv"
)

// Version is a Kubernetes version, as far as EKS counts it.
type Version struct{ Major, Minor int }

// FirstDefault is the version from which EKS envelope-encrypts by default.
var FirstDefault = Version{1, 28}

// EKS spells versions "1.31". A patch or a suffix after a separator does no harm;
// anything else is no version, and not to be guessed.
var versionPattern = regexp.MustCompile(`^v?([0-9]{1,4})\.([0-9]{1,4})([.+-][0-9A-Za-z.+-]*)?$`)

// ParseVersion reads a version as EKS spells it.
func ParseVersion(s string) (Version, error) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("%q is no Kubernetes version", s)
	}
	major, _ := strconv.Atoi(m[1]) // at most four digits
	minor, _ := strconv.Atoi(m[2])
	if major == 0 {
		return Version{}, fmt.Errorf("%q is no Kubernetes version of EKS", s)
	}
	return Version{major, minor}, nil
}

// Less compares by number: 1.9 is older than 1.28.
func (v Version) Less(other Version) bool {
	if v.Major != other.Major {
		return v.Major < other.Major
	}
	return v.Minor < other.Minor
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
