package fleet

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// ReadAccounts reads accounts, one on each line: the id, and optionally role=NAME and
// external-id=ID for this account. # at the start of a word starts a comment.
func ReadAccounts(r io.Reader) (ids []string, roles map[string]Role, err error) {
	roles = map[string]Role{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		id, role, err := parseAccount(lines.Text())
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		if id == "" {
			continue
		}
		if other, seen := roles[id]; seen && other != role {
			return nil, nil, fmt.Errorf("line %d: account %s has another role in an earlier line", n, id)
		}
		ids, roles[id] = append(ids, id), role
	}
	return ids, roles, lines.Err()
}

// parseAccount parses one line. The id is empty if the line has no account.
func parseAccount(line string) (id string, role Role, err error) {
	for _, word := range strings.Fields(strings.TrimPrefix(line, "\ufeff")) {
		if strings.HasPrefix(word, "#") {
			break
		}
		key, value, _ := strings.Cut(word, "=")
		switch {
		case id == "" && binding.ValidAccount(word):
			id = word
		case id == "":
			return "", role, fmt.Errorf("%q is not a valid AWS account id (twelve digits)", word)
		case key == "role" && role.Name == "" && rolePattern.MatchString(value):
			role.Name = value
		case key == "external-id" && role.ExternalID == "" && externalIDPattern.MatchString(value):
			role.ExternalID = value
		default:
			return "", role, fmt.Errorf("%q is not role=NAME or external-id=ID with a valid value, given once", word)
		}
	}
	return id, role, nil
}
