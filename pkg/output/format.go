// Package output prints reports: the formats of -o, tables and texts for people, colour
// and progress. All text from outside is sanitized before it reaches the terminal.
package output

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Format is the value of -o with its template: one of kubectl's formats, wide, or "",
// which is a table or, with --template, a Go template.
type Format struct{ flags *genericclioptions.PrintFlags }

// NewFormat returns the format for a value of -o.
func NewFormat(value string) Format {
	f := Format{genericclioptions.NewPrintFlags("").WithDefaultOutput(value)}
	f.flags.OutputFlagSpecified = func() bool { return f.String() != "" }
	return f
}

// Formats returns the values of -o other than the default, a table. Those that end in
// "=" need a template, columns or the name of a file.
func Formats() []string {
	f := NewFormat("")
	formats := append([]string{"wide"}, f.flags.JSONYamlPrintFlags.AllowedFormats()...)
	formats = append(formats, f.flags.NamePrintFlags.AllowedFormats()...)
	for _, format := range f.templates() {
		formats = append(formats, format+"=")
	}
	return formats
}

// templates returns the formats that need a template, columns or the name of a file.
func (f Format) templates() []string {
	return append(columnFormats(), f.flags.TemplatePrinterFlags.AllowedFormats()...)
}

// AddFlags adds the flags -o/--output, --template and --allow-missing-template-keys.
func (f Format) AddFlags(flags *pflag.FlagSet) {
	flags.StringVarP(f.flags.OutputFormat, "output", "o", *f.flags.OutputFormat,
		"Output format. One of: ("+strings.Join(Formats(), ", ")+"). The default is a table")
	flags.StringVar(f.template(), "template", "",
		"The template, columns or file for -o go-template, jsonpath, custom-columns and so on; without -o, a Go template")
	flags.BoolVar(f.flags.TemplatePrinterFlags.AllowMissingKeys, "allow-missing-template-keys", true,
		"Print nothing or <no value> for a field that a Go template or jsonpath does not find, instead of failing")
}

// String returns the value of -o.
func (f Format) String() string { return *f.flags.OutputFormat }

func (f Format) template() *string { return f.flags.TemplatePrinterFlags.TemplateArgument }

// ForPeople reports whether the format is a text or table rather than data.
func (f Format) ForPeople() bool { return f.Wide() || f.String() == "" && *f.template() == "" }

// Wide reports whether the text shows additional details.
func (f Format) Wide() bool { return f.String() == "wide" }

// Validate returns an error if the format is unknown or its template is not valid. more
// are further formats that are valid but cannot be printed here.
func (f Format) Validate(more ...string) error {
	_, err := f.printer(more...)
	return err
}

// Print writes the object as data, without unsafe characters. JSON has them as escapes;
// the other formats have U+FFFD instead. The caller writes the formats for people.
func (f Format) Print(w io.Writer, obj runtime.Object) error {
	p, err := f.printer()
	if err != nil {
		return err
	}
	switch strings.ToLower(f.String()) {
	case "json":
		return streamJSON(w, obj)
	case "yaml":
		return streamYAML(w, obj)
	}
	var b bytes.Buffer
	if err := printClean(&b, p, obj); err != nil {
		return fmt.Errorf("printing as %s: %w", f.name(), err)
	}
	// A template can make unsafe characters from safe ones, for instance with base64decode.
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	_, err = io.WriteString(w, strings.Map(sanitize.MultiLine, text))
	return err
}

// printClean prints a copy of obj without unsafe characters.
func printClean(w io.Writer, p printers.ResourcePrinter, obj runtime.Object) error {
	jsonPath, isPath := p.(*printers.JSONPathPrinter)
	_, isName := p.(*printers.NamePrinter)
	_, isColumns := p.(*columns)
	if !isPath && !isName && !isColumns {
		clean, ok := reflect.New(reflect.TypeOf(obj).Elem()).Interface().(runtime.Object)
		if !ok {
			return fmt.Errorf("%T is not a pointer to an object", obj)
		}
		if err := sanitize.Copy(obj, clean, sanitize.MultiLine); err != nil {
			return err
		}
		return p.PrintObj(clean, w)
	}
	// In an unstructured object the fields have their JSON names, and integers stay
	// integers: jsonpath would print 1,000,000 of a typed object as 1e+06.
	clean, policy := &unstructured.Unstructured{}, sanitize.Policy(sanitize.MultiLine)
	if isName { // a name is one line
		policy = sanitize.SingleLine
	}
	if err := sanitize.Copy(obj, clean, policy); err != nil {
		return err
	}
	if isPath {
		return jsonPath.Execute(w, clean.Object) // the error of PrintObj contains the object
	}
	if !meta.IsListType(obj) {
		return p.PrintObj(clean, w)
	}
	list, err := clean.ToList()
	if err != nil {
		return err
	}
	if _, ok := obj.(*v1alpha1.KeyList); ok && isName { // a key has an ARN instead of a kind and a name
		for i := range list.Items {
			if _, err := fmt.Fprintln(w, list.Items[i].Object["arn"]); err != nil {
				return err
			}
		}
		return nil
	}
	return p.PrintObj(list, w)
}

// name returns the format without its template.
func (f Format) name() string {
	name, _, _ := strings.Cut(f.String(), "=")
	return cmp.Or(name, "go-template")
}

// printer returns the printer for the format, or nil for a format for people or one of more.
func (f Format) printer(more ...string) (printers.ResourcePrinter, error) {
	template := *f.template()
	if template != "" && f.String() != "" && !slices.Contains(f.templates(), f.String()) {
		return nil, fmt.Errorf("--template is not valid with -o %s: use one of %s, without a value after it",
			f, strings.Join(f.templates(), ", "))
	}
	if f.ForPeople() || slices.Contains(more, f.String()) {
		return nil, nil
	}
	var p printers.ResourcePrinter
	var err error
	if name, value, _ := strings.Cut(f.String(), "="); slices.Contains(columnFormats(), name) {
		p, err = newColumns(name, cmp.Or(template, value))
	} else {
		p, err = f.flags.ToPrinter()
	}
	switch {
	case genericclioptions.IsNoCompatiblePrinterError(err):
		return nil, fmt.Errorf("unknown output format %q: must be one of %s",
			f, strings.Join(append(Formats(), more...), ", "))
	case err != nil:
		return nil, fmt.Errorf("output format %s: %w", f.name(), err)
	}
	return p, nil
}

// Colour colours text. The text alone always has the same meaning.
type Colour struct{ on bool }

// NewColour decides whether to colour text on w. mode is "always", "never" or "auto",
// which follows kubectl: only on a terminal, unless TERM is dumb or NO_COLOR is set.
func NewColour(w io.Writer, mode string) (Colour, error) {
	switch mode {
	case "auto":
		return Colour{on: printers.AllowsColorOutput(sanitize.Raw(w))}, nil
	case "always":
		return Colour{on: true}, nil
	case "never":
		return Colour{}, nil
	}
	return Colour{}, fmt.Errorf("invalid --color %q: must be one of auto, always, never", mode)
}

// Good returns s in green.
func (c Colour) Good(s string) string { return c.paint("32", s) }

// Bad returns s in red.
func (c Colour) Bad(s string) string { return c.paint("31", s) }

// Doubtful returns s in yellow.
func (c Colour) Doubtful(s string) string { return c.paint("33", s) }

// Strong returns s in bold.
func (c Colour) Strong(s string) string { return c.paint("1", s) }

// Faint returns s in grey, where the terminal supports it.
func (c Colour) Faint(s string) string { return c.paint("2", s) }

func (c Colour) paint(code, s string) string {
	if !c.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
