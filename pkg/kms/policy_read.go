package kms

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// readPolicy is a key policy as KMS returns it. Elements that IAM does not define are errors.
type readPolicy struct {
	Version, ID any
	Statement   list[readStatement]
}

type readStatement struct {
	Sid, Effect             string
	Principal, NotPrincipal audience
	Action, NotAction       list[any]
	Resource, NotResource   list[any]
	// Condition maps operators to keys to values.
	Condition map[string]map[string]list[any]
}

// list decodes a JSON value or a list of values.
type list[T any] []T

// UnmarshalJSON accepts one value and a list of values.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		return decodeStrictly(raw, (*[]T)(l))
	}
	one := make([]T, 1)
	*l = one
	return decodeStrictly(raw, &one[0])
}

func decodeStrictly(raw []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// texts returns the values as text: policies may contain strings, numbers and booleans.
func texts(values list[any]) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// audience maps kinds of principals (AWS, Service, …) to names. "*" is every principal.
type audience map[string]list[string]

// UnmarshalJSON accepts "*" and the object form.
func (a *audience) UnmarshalJSON(raw []byte) error {
	if string(bytes.TrimSpace(raw)) == `"*"` {
		*a = audience{"AWS": {"*"}}
		return nil
	}
	return json.Unmarshal(raw, (*map[string]list[string])(a))
}

func parsePolicy(text string) (readPolicy, error) {
	var p readPolicy
	if err := decodeStrictly([]byte(text), &p); err != nil {
		return readPolicy{}, fmt.Errorf("parse the key policy: %w", err)
	}
	return p, nil
}

// name identifies the statement in a message.
func (s readStatement) name() string {
	if s.Sid == "" {
		return "without Sid"
	}
	return fmt.Sprintf("%q", s.Sid)
}
