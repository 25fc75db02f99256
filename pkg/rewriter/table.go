package rewriter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	acceptTable = "application/json;as=Table;v=v1;g=meta.k8s.io"
	kindTable   = "Table"
	// nameFormat marks the column of the object's name.
	nameFormat = "name"
	nameTitle  = "Name"
	// headLength is how much of a response is read before its kind is known.
	headLength = 128
)

// decodeTable reads a Table whose rows have no objects, and calls visit, unless it is
// nil, with the name in each row. It reads the kind first. If the kind is not Table, or a row has an
// object, it reads no further: the rest may have values.
func decodeTable(body io.Reader, visit func(name string) error) (list metav1.ListMeta, err error) {
	head := &limitedHead{Reader: body, left: headLength}
	d := jsontext.NewDecoder(head, jsontext.AllowDuplicateNames(true))
	if err := expectTable(d); err != nil {
		return list, err
	}
	head.left = -1
	column := -1
	for d.PeekKind() == '"' {
		field, err := d.ReadToken()
		if err != nil {
			return list, brokenTable(err)
		}
		switch field.String() {
		case "metadata":
			err = decodeValue(d, &list)
		case "columnDefinitions":
			if visit == nil {
				err = d.SkipValue()
			} else {
				column, err = decodeColumns(d)
			}
		case "rows":
			err = decodeRows(d, column, visit)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return list, brokenTable(err)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return list, brokenTable(err)
	}
	return list, nil
}

// brokenTable keeps the errors that mean a broken connection recognizable.
func brokenTable(err error) error {
	if errors.Is(err, errUnexpectedKind) {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read the response: %w", err)
}

// expectTable reads the beginning of a Table: the API server writes the kind first.
func expectTable(d *jsontext.Decoder) error {
	opening, err := d.ReadToken()
	if otherFormat(err) || err == nil && opening.Kind() != '{' {
		return fmt.Errorf("%w: not a JSON object", errUnexpectedKind)
	}
	var kind string
	if err == nil {
		kind, err = readString(d)
	}
	if err == nil && kind != "kind" {
		return fmt.Errorf("%w: the response does not begin with its kind", errUnexpectedKind)
	}
	if err == nil {
		kind, err = readString(d)
	}
	switch {
	case errors.Is(err, errHead):
		return fmt.Errorf("%w: the kind is too long", errUnexpectedKind)
	case err != nil:
		return brokenTable(err)
	case kind != kindTable:
		return fmt.Errorf("%w: wanted %s, got %q", errUnexpectedKind, kindTable, kind)
	}
	return nil
}

// otherFormat reports whether an error shows that a response is not JSON.
func otherFormat(err error) bool {
	var syntax *jsontext.SyntacticError
	return errors.Is(err, errHead) || errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// readString reads a string; it is empty if the next token is none.
func readString(d *jsontext.Decoder) (string, error) {
	token, err := d.ReadToken()
	if err != nil || token.Kind() != '"' {
		return "", err
	}
	return token.String(), nil
}

// decodeValue decodes the next value into v.
func decodeValue(d *jsontext.Decoder, v any) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// decodeColumns returns the column of the object's name. The API server marks it, except for
// some resources, such as storageversionmigrations, where only its title shows it.
func decodeColumns(d *jsontext.Decoder) (name int, err error) {
	var columns []struct{ Name, Format string }
	if err := decodeValue(d, &columns); err != nil {
		return -1, err
	}
	name = -1
	for i := range columns {
		if columns[i].Format == nameFormat {
			return i, nil
		}
		if i == 0 && columns[i].Name == nameTitle {
			name = i
		}
	}
	return name, nil
}

// decodeRows reads the rows one by one.
func decodeRows(d *jsontext.Decoder, column int, visit func(string) error) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		return skipOther(d, "the rows are not an array")
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		err = decodeRow(d, column, visit)
	}
	if err != nil {
		return err
	}
	_, err = d.ReadToken()
	return err
}

func decodeRow(d *jsontext.Decoder, column int, visit func(string) error) error {
	if d.PeekKind() != '{' {
		return skipOther(d, "a row is not an object")
	}
	_, err := d.ReadToken()
	name := ""
	for err == nil && d.PeekKind() == '"' {
		var field string
		if field, err = readString(d); err != nil {
			return err
		}
		switch {
		case field == "cells" && visit != nil:
			name, err = decodeCells(d, column)
		case field == "object" && d.PeekKind() != 'n':
			err = skipOther(d, "a row has an object")
		default:
			err = d.SkipValue()
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	switch {
	case err != nil || visit == nil:
		return err
	case name == "":
		return fmt.Errorf("%w: a row has no name", errUnexpectedKind)
	}
	return visit(name)
}

// decodeCells returns the string in one of the cells. The other columns, such as the
// age, are dropped.
func decodeCells(d *jsontext.Decoder, column int) (text string, err error) {
	if d.PeekKind() != '[' {
		return "", skipOther(d, "the cells of a row are not an array")
	}
	_, err = d.ReadToken()
	for i := 0; err == nil && d.PeekKind() != ']'; i++ {
		if i == column && d.PeekKind() == '"' {
			text, err = readString(d)
		} else {
			err = d.SkipValue()
		}
	}
	if err != nil {
		return "", err
	}
	_, err = d.ReadToken()
	return text, err
}

// skipOther returns that the response has a value of another kind than that of names. It
// is an error of reading if the value cannot be read.
func skipOther(d *jsontext.Decoder, reason string) error {
	if d.PeekKind() == 0 {
		_, err := d.ReadToken()
		return err
	}
	return fmt.Errorf("%w: %s", errUnexpectedKind, reason)
}

var errHead = errors.New("the kind is not at the beginning")

// limitedHead fails after a number of bytes, unless left is negative.
type limitedHead struct {
	io.Reader
	left int
}

func (h *limitedHead) Read(p []byte) (int, error) {
	if h.left == 0 {
		return 0, errHead
	}
	if h.left > 0 && len(p) > h.left {
		p = p[:h.left]
	}
	n, err := h.Reader.Read(p)
	if h.left > 0 {
		h.left -= n
	}
	return n, err
}
