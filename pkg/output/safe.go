package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"k8s.io/apimachinery/pkg/runtime"
)

// escaped makes printed JSON safe on a terminal, and loses nothing: what steers or
// reorders text stands there as its escape.
func escaped(text []byte) []byte {
	if !bytes.ContainsFunc(text, unsafeData) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if !unsafeData(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}

// harmless is the object for formats that know no such escapes everywhere, or refuse
// control characters: they become U+FFFD. As a rule there are none.
func harmless(obj runtime.Object) (runtime.Object, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	changed := false
	value = replaced(value, &changed)
	if !changed {
		return obj, nil
	}
	if data, err = json.Marshal(value); err != nil {
		return nil, err
	}
	clean := obj.DeepCopyObject()
	return clean, json.Unmarshal(data, clean)
}

func replaced(value any, changed *bool) any {
	switch v := value.(type) {
	case string:
		if !strings.ContainsFunc(v, unsafeData) {
			return v
		}
		*changed = true
		return strings.Map(func(r rune) rune {
			if unsafeData(r) {
				return '\uFFFD'
			}
			return r
		}, v)
	case []any:
		for i := range v {
			v[i] = replaced(v[i], changed)
		}
	case map[string]any:
		for key := range v {
			v[key] = replaced(v[key], changed)
		}
	}
	return value
}

// unsafeData leaves the white space that the formats themselves need.
func unsafeData(r rune) bool { return r != '\n' && r != '\t' && unsafeRune(r) }
