package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// wrappers only go before another error, or before nothing that a user can do.
var wrappers = []string{
	"decoding …", "listing … once more", "listing …", "listing aliases", "reading the answer", "preparing discovery", "preparing the connection to the API server",
	"kms CreateKey answered without an ARN", "kms DescribeKey of … answered without an ARN", "the answer has no cluster in it", "the answer has no update in it",
	"no credential provider", "no such key", "rendering RBAC", "no snippet for", "unknown kind of subject", "exit code …", "not a ClusterConfig", "key of …",
	"resourceVersion … is no number", "resourceVersion … of …/… is no number", "snippet for …: … is not the ARN of a key",
	"API server address", "watching StorageVersionMigration", "reading the StorageVersionMigration", "creating a StorageVersionMigration", "asking for the present resourceVersion",
	"… is no evidence of a run", "aliases of", "unknown report format …: one of", "too long ago", "a … without a name", "… is no Kubernetes version",
}

// packages are those whose messages people see.
var packages = []string{"cli", "target", "awsclient", "association", "rewrite", "keys", "encryption", "drift", "generate", "audit", "auditformat"}

var verb = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)

// plain is a message without what differs from case to case.
func plain(s string) string {
	s, _, _ = strings.Cut(s, "\nhint:")
	s = verb.ReplaceAllString(strings.ReplaceAll(s, `%q`, "…"), "…")
	s = regexp.MustCompile(`"…"|'…'`).ReplaceAllString(s, "…")
	s = regexp.MustCompile(`(…[ :;,/().]*)+$`).ReplaceAllString(s, "…")
	return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.TrimSuffix(s, "…")), ":"))
}

// worth says whether the text says something of its own.
func worth(s string) bool { return len(regexp.MustCompile(`[a-zA-Z]{2,}`).FindAllString(s, -1)) >= 2 }

// messages finds the texts of errors in the sources.
func messages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pkg := range packages {
		pkgs, err := parser.ParseDir(token.NewFileSet(), filepath.Join("..", pkg), func(i fs.FileInfo) bool { return !strings.HasSuffix(i.Name(), "_test.go") }, 0) //nolint:staticcheck // syntax is all that is asked for
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pkgs {
			for file, f := range p.Files {
				ast.Inspect(f, func(n ast.Node) bool { return collect(n, func(s string) { found[plain(s)] = file }) })
			}
		}
	}
	return found
}

func collect(n ast.Node, add func(string)) bool {
	text := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				add(s)
			}
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			if x, ok := f.X.(*ast.Ident); ok {
				name = x.Name + "." + f.Sel.Name
			}
		case *ast.Ident:
			name = f.Name
		}
		switch {
		case len(n.Args) > 0 && (name == "errors.New" || name == "fmt.Errorf"):
			text(n.Args[0])
		case len(n.Args) > 1 && name == "usage":
			text(n.Args[1])
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "message" || key.Name == "Problem") {
			sprintf(n.Value, text)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "message" && i < len(n.Rhs) {
				sprintf(n.Rhs[i], text)
			}
		}
	case *ast.FuncDecl:
		if n.Name.Name == "Error" && n.Recv != nil {
			ast.Inspect(n, func(inner ast.Node) bool {
				if e, ok := inner.(ast.Expr); ok {
					sprintf(e, text)
				}
				return true
			})
		}
	}
	return true
}

// sprintf takes the format out of fmt.Sprintf, or the text itself.
func sprintf(e ast.Expr, text func(ast.Expr)) {
	if call, ok := e.(*ast.CallExpr); ok {
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(call.Args) > 0 {
			text(call.Args[0])
		}
		return
	}
	if _, ok := e.(*ast.BasicLit); ok {
		text(e)
	}
}

// documented are the messages of docs/troubleshooting.md: first cells of tables.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, line := range strings.Split(string(raw), "\n") {
		cell, _, isRow := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !isRow || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range inlineCode.FindAllStringSubmatch(cell, -1) {
			found[plain(strings.ReplaceAll(m[1], `\|`, "|"))] = true
		}
	}
	return found
}

// Every message has its remedy in docs/troubleshooting.md, and none is made up.
func TestTroubleshooting(t *testing.T) {
	sources, documents := messages(t), documented(t)
	if len(sources) < 80 || len(documents) < 60 {
		t.Errorf("%d messages in the sources, %d in the document", len(sources), len(documents))
	}
	internal := map[string]bool{}
	for _, w := range wrappers {
		internal[plain(w)] = true
	}
	for message, file := range sources {
		if worth(message) && !documents[message] && !internal[message] {
			t.Errorf("%s: docs/troubleshooting.md has no remedy for %q", file, message)
		}
	}
	text := sourceText(t)
	for message := range documents {
		if _, found := sources[message]; !found && !inOrder(text, strings.Split(message, "…")) {
			t.Errorf("docs/troubleshooting.md: no such message in the sources: %q", message)
		}
	}
}

func sourceText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, pkg := range packages {
		files, _ := filepath.Glob(filepath.Join("../../pkg", pkg, "*.go"))
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				b.WriteString(read(t, strings.TrimPrefix(file, "../../")))
			}
		}
	}
	return b.String()
}

// inOrder is for messages that the sources put together from parts.
func inOrder(text string, parts []string) bool {
	for _, part := range parts {
		if part = strings.TrimSpace(part); part != "" && !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
