package cmd_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// hub changes Security Hub: "disabled PATTERN…" where it is not enabled, "refuse PATTERN…" the findings that it
// refuses, "empty" deletes all findings, "suppress PART" as a person does. "list FILE" writes one line for each
// finding.
func hub(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		switch args[0] {
		case "disabled":
			w.Hub.Disabled = args[1:]
		case "refuse":
			w.Hub.Refused = args[1:]
		case "empty":
			w.Hub.Findings = nil
		case "suppress":
			for _, f := range w.Hub.Findings {
				if strings.Contains(f.ID, args[1]) {
					f.Workflow = &fakeaws.HubWorkflow{Status: "SUPPRESSED"}
					f.Note = &fakeaws.HubNote{Text: "accepted by the board", UpdatedBy: "jane"}
				}
			}
		case "list":
			var lines []string
			for _, f := range w.Hub.Findings {
				lines = append(lines, fmt.Sprintf("%s/%s %s %s %s %s", f.AwsAccountID, f.Region,
					strings.TrimPrefix(f.ID, "arn:aws:eks:"), f.Compliance.Status, f.RecordState, f.Workflow.Status))
			}
			slices.SortFunc(lines, cmp.Compare[string])
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
		default:
			ts.Fatalf("usage: hub disabled|refuse|empty|suppress|list …")
		}
	}))
}

// deletecluster NAME… deletes clusters.
func deleteCluster(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(server(ts).Update(func(w *fakeaws.State) {
		maps.DeleteFunc(w.Clusters, func(_ string, c *fakeaws.Cluster) bool { return slices.Contains(args, c.Name) })
	}))
}

// notime FILE NEW writes the file with every time replaced, so that it can be compared.
func noTime(ts *testscript.TestScript, _ bool, args []string) {
	text := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(ts.ReadFile(args[0]), "TIME")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
