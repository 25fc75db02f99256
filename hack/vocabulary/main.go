// Command vocabulary checks the language of Go files and documents: it reports the
// phrases that CONTRIBUTING.md lists as hard to understand, and exported functions that
// return a bool without "reports whether" in their comment. It exits with 1 if it finds
// any.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

func main() {
	var problems []string
	for _, root := range os.Args[1:] {
		found, err := checkTree(os.DirFS("."), root)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(2)
		}
		problems = append(problems, found...)
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	if len(problems) > 0 {
		fmt.Printf("%d problems; CONTRIBUTING.md lists what to write instead\n", len(problems))
		os.Exit(1)
	}
}

// checkTree checks every Go file and document below root, which may be a file.
func checkTree(files fs.FS, root string) (problems []string, err error) {
	err = fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".go" && ext != ".md" {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		problems = append(problems, check(name, string(text))...)
		return nil
	})
	return problems, err
}

// skipped reports whether a directory holds no text of this project.
func skipped(name string) bool {
	switch name {
	case ".git", "bin", "dist", "node_modules", "vocabulary":
		return true
	}
	return false
}

// check returns the problems of one file.
func check(path, text string) (problems []string) {
	document := strings.HasSuffix(path, ".md")
	if document {
		text = withoutQuotations(text)
	}
	for i, line := range strings.Split(text, "\n") {
		for _, h := range habits() {
			if found := h.find(line); found != "" {
				problems = append(problems, fmt.Sprintf("%s:%d: %q: write %s", path, i+1, found, h.instead))
			}
		}
	}
	if !document && !strings.HasSuffix(path, "_test.go") {
		problems = append(problems, checkBoolComments(path, text)...)
	}
	return problems
}
