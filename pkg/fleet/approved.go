package fleet

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

var keyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)

// ParseKeyARN accepts the ARN of a KMS key. An alias can be moved to another key
// tomorrow, so it approves nothing.
func ParseKeyARN(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case keyARNPattern.MatchString(s):
		return s, nil
	case strings.HasPrefix(s, "alias/") || strings.Contains(s, ":alias/"):
		return "", fmt.Errorf("%q is an alias, which may lead to another key tomorrow: give the key's ARN (aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn)", s)
	}
	return "", fmt.Errorf("%q is no ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID", s)
}

// ReadKeyARNs reads one ARN a line; # begins a comment.
func ReadKeyARNs(r io.Reader) ([]string, error) {
	var arns []string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := ParseKeyARN(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		arns = append(arns, key)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.Sort(arns)
	return slices.Compact(arns), nil
}
