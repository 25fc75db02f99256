package fleet

import (
	_ "embed" // for scanners.yaml
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

//go:embed scanners.yaml
var scannersYAML []byte

// scannerTable is the content of scanners.yaml.
type scannerTable struct {
	// States are the states of a cluster that the scanners distinguish.
	States []struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"states"`
	Scanners []scanner `json:"scanners"`
}

// scanner is one check of one scanner, with its result for each state.
type scanner struct {
	Tool    string                   `json:"tool"`
	Check   string                   `json:"check"`
	Source  string                   `json:"source"`
	Date    string                   `json:"date"`
	Results map[string]scannerResult `json:"results"`
}

type scannerResult struct {
	Result  string `json:"result"`
	Correct bool   `json:"correct"`
	Why     string `json:"why"`
}

// scannerResults groups the clusters by the states that other scanners distinguish, and
// returns the result of each scanner for each group.
func scannerResults(items []v1alpha1.EncryptionReport) []v1alpha1.OtherTools {
	var table scannerTable
	if err := yaml.UnmarshalStrict(scannersYAML, &table); err != nil {
		panic(fmt.Sprintf("parsing the embedded scanners.yaml: %v", err)) // a test parses the same bytes
	}
	clusters := map[string][]string{}
	for i := range items {
		s := scannerState(&items[i])
		clusters[s] = append(clusters[s], identity(&items[i]))
	}
	var out []v1alpha1.OtherTools
	for _, s := range table.States {
		if len(clusters[s.ID]) == 0 {
			continue
		}
		slices.Sort(clusters[s.ID])
		o := v1alpha1.OtherTools{State: s.Text, Clusters: clusters[s.ID]}
		for _, sc := range table.Scanners {
			r := sc.Results[s.ID]
			o.Says = append(o.Says, v1alpha1.OtherTool{
				Tool: sc.Tool, Check: sc.Check, Says: r.Result, Agrees: r.Correct, Why: r.Why,
			})
		}
		out = append(out, o)
	}
	return out
}

// scannerState returns the id of the state in scanners.yaml, or "" if the scanners do not
// apply or the verdict is unknown.
func scannerState(r *v1alpha1.EncryptionReport) string {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictNotEncrypted:
		return "noKey"
	case v1alpha1.VerdictAWSOwnedKey:
		return "awsOwnedKey"
	case v1alpha1.VerdictCustomerManagedKey:
		if r.Key != nil && r.Key.Usable == v1alpha1.UsableNo {
			return "unusableCustomerKey"
		}
		return "customerKey"
	}
	return ""
}
