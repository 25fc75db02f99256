// Package output prints reports: the formats of -o, tables and texts for people, colour
// and progress. All text from outside is sanitized before it reaches the terminal.
package output

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Formats returns the values of -o other than the default, a table.
func Formats() []string { return []string{"wide", "json", "yaml", "kyaml", "name", "jsonpath="} }

// Format is the value of -o: "" (table), wide, json, yaml, kyaml, name or
// jsonpath=TEMPLATE (also jsonpath-file=, jsonpath-as-json=).
type Format string

// AddFlag adds the flag -o/--output.
func (f *Format) AddFlag(flags *pflag.FlagSet) {
	flags.StringVarP((*string)(f), "output", "o", string(*f),
		"Output format. One of: ("+strings.Join(Formats(), ", ")+"). The default is a table")
}

// ForPeople reports whether the format is a text or table rather than data.
func (f Format) ForPeople() bool { return f == "" || f.Wide() }

// Wide reports whether the text shows additional details.
func (f Format) Wide() bool { return f == "wide" }

// Validate returns an error if the format is unknown.
func (f Format) Validate() error {
	_, err := f.printer()
	return err
}

// Print writes the object as data, without unsafe characters. JSON has them as escapes;
// the other formats have U+FFFD instead. The caller writes the formats for people.
func (f Format) Print(w io.Writer, obj runtime.Object) error {
	if f != "json" {
		clean, ok := reflect.New(reflect.TypeOf(obj).Elem()).Interface().(runtime.Object)
		if !ok {
			return fmt.Errorf("printing %T: not a pointer to an object", obj)
		}
		if err := sanitize.Copy(obj, clean, sanitize.MultiLine); err != nil {
			return err
		}
		return f.print(w, clean)
	}
	var b bytes.Buffer
	if err := f.print(&b, obj); err != nil {
		return err
	}
	_, err := w.Write(sanitize.JSON(b.Bytes()))
	return err
}

func (f Format) print(w io.Writer, obj runtime.Object) error {
	p, err := f.printer()
	if err != nil {
		return err
	}
	if list, ok := obj.(*v1alpha1.KeyList); ok && f == "name" {
		for _, key := range list.Items {
			if _, err := fmt.Fprintln(w, key.ARN); err != nil {
				return err
			}
		}
		return nil
	}
	if f == "name" && meta.IsListType(obj) {
		items, err := meta.ExtractList(obj)
		if err != nil {
			return fmt.Errorf("printing names: %w", err)
		}
		for _, item := range items {
			if err := p.PrintObj(item, w); err != nil {
				return err
			}
		}
		return nil
	}
	return p.PrintObj(obj, w)
}

// printer returns the kubectl printer for the format, or nil for a format for people.
func (f Format) printer() (printers.ResourcePrinter, error) {
	s := string(f)
	switch {
	case f.ForPeople():
		return nil, nil
	case s == "json" || s == "yaml" || s == "kyaml":
		return genericclioptions.NewJSONYamlPrintFlags().ToPrinter(s)
	case s == "name":
		return &printers.NamePrinter{ShortOutput: true}, nil
	case strings.HasPrefix(s, "jsonpath"):
		p, err := genericclioptions.NewJSONPathPrintFlags("", true).ToPrinter(s)
		if err != nil {
			return nil, fmt.Errorf("output format %q: %w", s, err)
		}
		return printers.ResourcePrinterFunc(func(obj runtime.Object, w io.Writer) error {
			plain, err := withIntegers(obj)
			if err != nil {
				return err
			}
			return p.PrintObj(plain, w)
		}), nil
	}
	return nil, fmt.Errorf("unknown output format %q: must be one of %s", s, strings.Join(Formats(), ", "))
}

// withIntegers converts the object so that integers stay integers: the jsonpath printer
// would print 1,000,000 of a typed object as 1e+06.
func withIntegers(obj runtime.Object) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	plain := &unstructured.Unstructured{}
	return plain, json.Unmarshal(raw, &plain.Object)
}

// Colour colours text. The text alone always has the same meaning.
type Colour struct{ on bool }

// NewColour decides whether to colour text on w. mode is "always", "never" or "auto",
// which follows kubectl: only on a terminal, unless TERM is dumb or NO_COLOR is set.
func NewColour(w io.Writer, mode string) (Colour, error) {
	switch mode {
	case "auto":
		return Colour{on: printers.AllowsColorOutput(w)}, nil
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
