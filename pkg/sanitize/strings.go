package sanitize

import (
	"reflect"
	"strings"
	"time"
)

// Strings returns v with the policy applied to every string, including the keys of maps, and without the passwords of
// URLs, like Copy. Parts without a change are shared with v, so that a large object without unsafe text is not copied.
// Times are rounded down to seconds, as in JSON.
func Strings[T any](v T, policy Policy) T {
	if clean, changed := cleanValue(reflect.ValueOf(&v).Elem(), policy); changed {
		return clean.Interface().(T)
	}
	return v
}

// cleanValue returns the cleaned value, and whether it differs from v.
func cleanValue(v reflect.Value, policy Policy) (clean reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.String:
		text := URLs(strings.Map(policy, v.String()))
		if text == v.String() {
			return v, false
		}
		clean = reflect.New(v.Type()).Elem()
		clean.SetString(text)
		return clean, true
	case reflect.Pointer, reflect.Interface:
		return cleanElement(v, policy)
	case reflect.Struct:
		return cleanStruct(v, policy)
	case reflect.Slice, reflect.Array:
		return cleanList(v, policy)
	case reflect.Map:
		return cleanMap(v, policy)
	}
	return v, false
}

func cleanElement(v reflect.Value, policy Policy) (reflect.Value, bool) {
	if v.IsNil() {
		return v, false
	}
	element, changed := cleanValue(v.Elem(), policy)
	if !changed {
		return v, false
	}
	if v.Kind() == reflect.Interface {
		return element, true
	}
	clean := reflect.New(v.Type().Elem())
	clean.Elem().Set(element)
	return clean, true
}

func cleanStruct(v reflect.Value, policy Policy) (clean reflect.Value, changed bool) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		t := v.Interface().(time.Time)
		return reflect.ValueOf(t.Truncate(time.Second)), t.Nanosecond() != 0
	}
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		field, differs := cleanValue(v.Field(i), policy)
		if !differs {
			continue
		}
		if !changed {
			clean, changed = reflect.New(v.Type()).Elem(), true
			clean.Set(v)
		}
		clean.Field(i).Set(field)
	}
	if !changed {
		return v, false
	}
	return clean, true
}

func cleanList(v reflect.Value, policy Policy) (clean reflect.Value, changed bool) {
	for i := range v.Len() {
		element, differs := cleanValue(v.Index(i), policy)
		if !differs {
			continue
		}
		if !changed {
			changed = true
			if v.Kind() == reflect.Array {
				clean = reflect.New(v.Type()).Elem()
			} else {
				clean = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			}
			reflect.Copy(clean, v)
		}
		clean.Index(i).Set(element)
	}
	if !changed {
		return v, false
	}
	return clean, true
}

func cleanMap(v reflect.Value, policy Policy) (reflect.Value, bool) {
	changed := false
	clean := reflect.MakeMap(v.Type())
	for entries := v.MapRange(); entries.Next(); {
		key, keyDiffers := cleanValue(entries.Key(), policy)
		value, valueDiffers := cleanValue(entries.Value(), policy)
		clean.SetMapIndex(key, value)
		changed = changed || keyDiffers || valueDiffers
	}
	if !changed {
		return v, false
	}
	return clean, true
}
