package output

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/parallel"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// indent is the indentation of kubectl's JSON.
const indent = "    "

// member is a field of an object in its JSON form.
type member struct {
	name  string
	value reflect.Value
}

// members returns the fields of a struct that JSON shows, in the order of encoding/json.
func members(v reflect.Value) []member {
	var all []member
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch value := v.Field(i); {
		case !field.IsExported() || name == "-":
		case field.Anonymous && name == "":
			all = append(all, members(value)...)
		case slices.Contains(strings.Split(options, ","), "omitempty") && isEmpty(value):
		default:
			all = append(all, member{name, value})
		}
	}
	return all
}

// isEmpty reports whether omitempty leaves the value out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// isLong reports whether the elements of the value are written one by one.
func isLong(v reflect.Value) bool { return v.Kind() == reflect.Slice && v.Len() > 0 }

// root returns the struct of an object.
func root(obj runtime.Object) (reflect.Value, error) {
	if obj.GetObjectKind().GroupVersionKind().Empty() {
		return reflect.Value{}, errors.New("the object has no kind")
	}
	v := reflect.Indirect(reflect.ValueOf(obj))
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, fmt.Errorf("%T is not a pointer to a struct", obj)
	}
	return v, nil
}

// streamJSON writes an object as kubectl does, one element of its lists after the other: the text of a whole report may
// be larger than the report.
func streamJSON(w io.Writer, obj runtime.Object) error {
	v, err := root(obj)
	if err != nil {
		return err
	}
	out := &pieces{w: bufio.NewWriter(w)}
	before := "{\n"
	for _, m := range members(v) {
		name, err := json.Marshal(m.name)
		out.write(before+indent+string(name)+": ", nil, err)
		before = ",\n"
		if !isLong(m.value) {
			text, err := cleanJSON(m.value.Interface(), indent)
			out.write("", text, err)
			continue
		}
		begin := "[\n"
		for text, err := range elements(m.value, func(e any) ([]byte, error) { return cleanJSON(e, indent+indent) }) {
			if !out.write(begin+indent+indent, text, err) {
				break
			}
			begin = ",\n"
		}
		out.write("\n"+indent+"]", nil, nil)
	}
	out.write("\n}\n", nil, nil)
	return out.end()
}

// streamYAML is streamJSON for YAML.
func streamYAML(w io.Writer, obj runtime.Object) error {
	v, err := root(obj)
	if err != nil {
		return err
	}
	out := &pieces{w: bufio.NewWriter(w)}
	all := members(v)
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	for _, m := range all {
		if !isLong(m.value) {
			text, err := cleanYAML(map[string]any{m.name: m.value.Interface()})
			out.write("", text, err)
			continue
		}
		out.write(m.name+":\n", nil, nil)
		for text, err := range elements(m.value, func(e any) ([]byte, error) { return cleanYAML([]any{e}) }) {
			if !out.write("", text, err) {
				break
			}
		}
	}
	return out.end()
}

// elements returns the texts of the elements of a list, in order.
func elements(list reflect.Value, text func(element any) ([]byte, error)) iter.Seq2[[]byte, error] {
	return parallel.Map(list.Len(), func(i int) ([]byte, error) { return text(list.Index(i).Addr().Interface()) })
}

// cleanJSON returns indented JSON without unsafe characters.
func cleanJSON(v any, prefix string) ([]byte, error) {
	text, err := json.MarshalIndent(v, prefix, indent)
	return sanitize.JSON(text), err
}

// cleanYAML returns YAML without unsafe characters. Its numbers are those of the JSON form, with all their digits.
func cleanYAML(v any) ([]byte, error) {
	tree, err := sanitize.Tree(v, sanitize.MultiLine)
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(tree)
	if bytes.ContainsFunc(text, sanitize.Unsafe) {
		text = bytes.Map(sanitize.MultiLine, bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	}
	return text, err
}

// pieces writes pieces of text. The first error ends it.
type pieces struct {
	w   *bufio.Writer
	err error
}

// write reports whether the text was written.
func (p *pieces) write(before string, text []byte, err error) bool {
	if p.err == nil {
		p.err = err
	}
	if p.err == nil {
		_, p.err = p.w.WriteString(before)
	}
	if p.err == nil {
		_, p.err = p.w.Write(text)
	}
	return p.err == nil
}

func (p *pieces) end() error {
	err := p.w.Flush()
	return cmp.Or(p.err, err)
}
