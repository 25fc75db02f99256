package docs

import (
	"reflect"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	tests := map[string][][]string{
		"kubectl eks-encrypt status # why":             {{"kubectl", "eks-encrypt", "status"}},
		"a -o 'x y' \"z\" > f 2>/dev/null":             {{"a", "-o", "x y", "z"}},
		"a && b | c; d &\ne":                           {{"a"}, {"b"}, {"c"}, {"d"}, {"e"}},
		"a \\\n  --b":                                  {{"a", "--b"}},
		`export PATH="$PWD/bin:$PATH"`:                 {{"export", "PATH=$PWD/bin:$PATH"}},
		`eval "$(eks-lab env --dir x)"`:                {{"eks-lab", "env", "--dir", "x"}, {"eval", "X"}},
		"KEY=$(kubectl eks-encrypt keys -o name) make": {{"kubectl", "eks-encrypt", "keys", "-o", "name"}, {"make"}},
		"if ! a b; then c; fi":                         {{"a", "b"}, {"c"}},
		"a <KEY> <f":                                   {{"a", "<KEY>"}},
		"a $(b $(c)) d":                                {{"c"}, {"b", "X"}, {"a", "X", "d"}},
		"A=1 sudo env B=2 a C=3 \\$x":                  {{"a", "C=3", "$x"}},
		"cat <<EOF > f\na b\nEOF\nc":                   {{"cat"}, {"c"}},
		"not 'closed":                                  {{"not", "'closed"}},
	}
	for script, want := range tests {
		if got := Commands(script); !reflect.DeepEqual(got, want) {
			t.Errorf("Commands(%q) =\n%q, want\n%q", script, got, want)
		}
	}
}

const sample = "# x\n" +
	"```sh\na\nb\n```\n" +
	"<!-- not run: needs GitHub -->\n```sh\nc\n```\n" +
	"<!-- exit: 3 -->\n```console\n$ d \\\n  e\nout\n$ f\n```\n" +
	"1. in a list\n   ```sh\n   g\n   ```\n" +
	"```yaml\na: b\n```\n"

func TestBlocks(t *testing.T) {
	blocks, err := Blocks("x.md", sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{File: "x.md", Line: 2, Steps: []Step{{Line: 3, Script: "a\nb"}}},
		{File: "x.md", Line: 7, NotRun: "needs GitHub", Steps: []Step{{Line: 8, Script: "c"}}},
		{File: "x.md", Line: 11, Exit: 3, Steps: []Step{{Line: 12, Script: "d \\\n  e", Output: []string{"out"}},
			{Line: 15, Script: "f"}}},
		{File: "x.md", Line: 18, Steps: []Step{{Line: 19, Script: "g"}}},
	}
	if !reflect.DeepEqual(blocks, want) {
		t.Errorf("Blocks = %+v\nwant %+v", blocks, want)
	}
	for text, message := range map[string]string{
		"```sh\na\n":                             "not closed",
		"```bash\nkubectl eks-encrypt x\n```":    "must be sh or console",
		"```console\nkubectl eks-encrypt x\n```": "needs a command",
	} {
		if _, err := Blocks("x.md", text); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("Blocks(%q) = %v, want %q", text, err, message)
		}
	}
}
