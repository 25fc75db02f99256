package output

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

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
	out := &chunks{w: bufio.NewWriter(w), clean: sanitize.JSON}
	before := "{\n"
	for _, m := range members(v) {
		name, err := json.Marshal(m.name)
		out.write(before+indent+string(name)+": ", nil, err)
		before = ",\n"
		if !isLong(m.value) {
			text, err := json.MarshalIndent(m.value.Interface(), indent, indent)
			out.write("", text, err)
			continue
		}
		for i := range m.value.Len() {
			text, err := json.MarshalIndent(m.value.Index(i).Interface(), indent+indent, indent)
			out.write(map[bool]string{true: "[\n", false: ",\n"}[i == 0]+indent+indent, text, err)
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
	out := &chunks{w: bufio.NewWriter(w), clean: func(text []byte) []byte {
		return []byte(strings.Map(sanitize.MultiLine, strings.ReplaceAll(string(text), "\r\n", "\n")))
	}}
	all := members(v)
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	for _, m := range all {
		if !isLong(m.value) {
			text, err := cleanYAML(map[string]any{m.name: m.value.Interface()})
			out.write("", text, err)
			continue
		}
		out.write(m.name+":\n", nil, nil)
		for i := range m.value.Len() {
			text, err := cleanYAML([]any{m.value.Index(i).Interface()})
			out.write("", text, err)
		}
	}
	return out.end()
}

// cleanYAML returns YAML without unsafe characters.
func cleanYAML(v any) ([]byte, error) {
	var clean any
	if err := sanitize.Copy(v, &clean, sanitize.MultiLine); err != nil {
		return nil, err
	}
	return yaml.Marshal(clean)
}

// chunks writes cleaned pieces of text. The first error ends it.
type chunks struct {
	w     *bufio.Writer
	clean func([]byte) []byte
	err   error
}

func (c *chunks) write(before string, text []byte, err error) {
	if c.err != nil {
		return
	}
	if c.err = err; err != nil {
		return
	}
	if _, c.err = c.w.WriteString(before); c.err == nil {
		_, c.err = c.w.Write(c.clean(text))
	}
}

func (c *chunks) end() error { return errors.Join(c.err, c.w.Flush()) }
