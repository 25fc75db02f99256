// Package hostile has values that an attacker could put into names, tags and messages. The
// tests of everything that prints reports use it.
package hostile

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Values returns the values.
func Values() []string {
	return []string{
		`=cmd|'/C calc'!A0`, "+1;=HYPERLINK(\"http://evil.example\")", "\t=1+1", "＝1+1",
		`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`,
		`' onmouseover='alert(1)`,
		`</style></script><svg onload=alert(1)>`, `</title><script>alert(1)</script>`, `]]>&lt;`, `<!--`,
		`javascript:alert(1)`,
		`{{`, `{{.Policy}}`, `{{template "totals" .}}`, "`${alert(1)}`", `\x3cscript\x3e`, `url(https://evil.example)`,
		"\x1b[2J\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "\u009b31m", "safe\u202Egnp.exe",
		"zero\u200Bwidth\u2066isolate",
		"| a | b |\n# heading\n", "[click](javascript:alert(1)) `code` @everyone www.evil.example https://evil.example",
		"\xff\xfe\x00 \ufffe \U0001F600", `\`, `\|`, "../../etc/passwd",
	}
}

// Fill sets every string of the object that a pointer leads to, of any type, to s. Pointers
// and lists get one element, numbers and times are 1. Of the Kubernetes metadata it sets only the name.
func Fill(object any, s string) { fill(reflect.ValueOf(object).Elem(), s) }

func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, s)
		fill(value, s)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		switch known := v.Addr().Interface().(type) {
		case *metav1.TypeMeta, *metav1.ListMeta:
		case *metav1.Time:
			*known = metav1.Unix(1, 0)
		case *metav1.ObjectMeta:
			known.Name = s
		default:
			for i := range v.NumField() {
				fill(v.Field(i), s)
			}
		}
	default:
		panic("hostile: cannot fill a value of type " + v.Type().String())
	}
}
