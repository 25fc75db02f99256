package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// checkBoolComments finds exported functions that return only a bool and whose comment
// lacks "reports whether".
func checkBoolComments(path, source string) (problems []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() || !returnsBool(f.Type) {
			continue
		}
		comment := strings.Join(strings.Fields(f.Doc.Text()), " ")
		if !strings.Contains(comment, "reports whether") {
			problems = append(problems, fmt.Sprintf("%s: %s returns a bool: write \"%s reports whether …\"",
				files.Position(f.Pos()), f.Name, f.Name))
		}
	}
	return problems
}

func returnsBool(t *ast.FuncType) bool {
	if t.Results == nil || t.Results.NumFields() != 1 {
		return false
	}
	name, ok := t.Results.List[0].Type.(*ast.Ident)
	return ok && name.Name == "bool"
}
