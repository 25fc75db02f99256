package sanitize

import (
	"os/exec"
	"testing"
)

func TestShellWord(t *testing.T) {
	for _, test := range []struct{ goos, value, want string }{
		{"linux", "prod", "prod"},
		{"linux", "", "''"},
		{"linux", "a b", "'a b'"},
		{"darwin", "it's $HOME", `'it'"'"'s $HOME'`},
		{"linux", "a\nb", ""},
		{"linux", "a\x1b[2Jb", ""},
		{"linux", "a\u202Eb", ""},
		{"linux", "a\tb", ""},
		{"linux", "a\x9b2Jb", ""},
		{"windows", "prod", "prod"},
		{"windows", "a b", `"a b"`},
		{"windows", "", `""`},
		{"windows", "arn:aws:kms:eu-west-1:1:key/2", "arn:aws:kms:eu-west-1:1:key/2"},
		{"windows", "a@b.eksctl.io", `"a@b.eksctl.io"`},
		{"windows", "$(calc)", ""},
		{"windows", "%PATH%", ""},
		{"windows", `a"b`, ""},
		{"windows", `C:\x y\`, ""},
		{"windows", "a\nb", ""},
	} {
		got, err := ShellWord(test.goos, test.value)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("ShellWord(%s, %q) = %q, %v, want %q", test.goos, test.value, got, err, test.want)
		}
	}
}

func TestWord(t *testing.T) {
	for value, want := range map[string]string{"prod": "prod", "a\x1b[2Jb": "'a\uFFFD[2Jb'", "a\nb": "'a b'"} {
		if got := Word(value); got != want {
			t.Errorf("Word(%q) = %q, want %q", value, got, want)
		}
	}
}

// FuzzShellWord checks with a shell that a word means the value.
func FuzzShellWord(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("no sh")
	}
	for _, seed := range []string{"a b", "it's", "-n", "$HOME`id`", "a;b", `\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		word, err := ShellWord("linux", value)
		if err != nil {
			return
		}
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+word).Output()
		if err != nil || string(out) != value {
			t.Errorf("sh reads %s as %q, %v, want %q", word, out, err, value)
		}
	})
}
