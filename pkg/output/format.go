// Package output turns reports into what people and programs read: the -o
// formats, tables, colour, and text that is safe to show on a terminal.
package output

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Formats that -o takes besides the table, which is the default.
var Formats = []string{"wide", "json", "yaml", "kyaml", "name", "jsonpath="}

// Format is the value of -o: "" (table), wide, json, yaml, kyaml, name or
// jsonpath=TEMPLATE (also jsonpath-file=, jsonpath-as-json=).
type Format string

// AddFlag binds the format to -o/--output.
func (f *Format) AddFlag(flags *pflag.FlagSet) {
	flags.StringVarP((*string)(f), "output", "o", string(*f),
		"Output format. One of: ("+strings.Join(Formats, ", ")+"). The default is a table for people")
}

// ForPeople says whether the report is to be shown as text rather than data.
func (f Format) ForPeople() bool { return f == "" || f.Wide() }

// Wide says whether the text for people is to tell more.
func (f Format) Wide() bool { return f == "wide" }

// Validate refuses a format that no printer knows, before any work is done.
func (f Format) Validate() error {
	_, err := f.printer()
	return err
}

// Print writes the object as data. The text for people is the caller's to write.
func (f Format) Print(w io.Writer, obj runtime.Object) error {
	if f != "json" {
		clean, err := harmless(obj)
		if err != nil {
			return err
		}
		return f.print(w, clean)
	}
	var b bytes.Buffer
	if err := f.print(&b, obj); err != nil {
		return err
	}
	_, err := w.Write(escaped(b.Bytes()))
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

// printer composes the printers of kubectl one by one: NewPrintFlags would pull
// in text/template and with it a third more binary.
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
	return nil, fmt.Errorf("unknown output format %q: one of %s", s, strings.Join(Formats, ", "))
}

// withIntegers keeps whole numbers whole: of a typed object, kubectl's printer
// makes floats, and 1,000,000 comes out as 1e+06.
func withIntegers(obj runtime.Object) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	plain := &unstructured.Unstructured{}
	return plain, json.Unmarshal(raw, &plain.Object)
}
