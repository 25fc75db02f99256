package rewriter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	d := json.NewDecoder(head)
	if err := expect(d, json.Delim('{')); err != nil {
		return list, err
	}
	column := -1
	for first := true; d.More(); first = false {
		field, err := d.Token()
		if err != nil {
			return list, brokenTable(err)
		}
		if first {
			if err := expectKind(d, field); err != nil {
				return list, err
			}
			head.left = -1
			continue
		}
		switch {
		case field == "metadata":
			err = d.Decode(&list)
		case field == "columnDefinitions" && visit != nil:
			column, err = decodeColumns(d)
		case field == "rows":
			err = decodeRows(d, column, visit)
		default:
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return list, brokenTable(err)
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return list, err
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

func expect(d *json.Decoder, want json.Token) error {
	got, err := d.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset <= 1, errors.Is(err, errHead):
		return fmt.Errorf("%w: not a JSON object", errUnexpectedKind)
	case err != nil:
		return brokenTable(err)
	case got != want:
		return fmt.Errorf("%w: not a JSON object", errUnexpectedKind)
	}
	return nil
}

// expectKind reads the kind, which the API server writes first.
func expectKind(d *json.Decoder, field json.Token) error {
	if field != "kind" {
		return fmt.Errorf("%w: the response does not begin with its kind", errUnexpectedKind)
	}
	kind, err := d.Token()
	switch {
	case errors.Is(err, errHead):
		return fmt.Errorf("%w: the kind is too long", errUnexpectedKind)
	case err != nil:
		return brokenTable(err)
	case kind != kindTable:
		return fmt.Errorf("%w: wanted %s, got %v", errUnexpectedKind, kindTable, kind)
	}
	return nil
}

// decodeColumns returns the column of the object's name. The API server marks it, except for
// some resources, such as storageversionmigrations, where only its title shows it.
func decodeColumns(d *json.Decoder) (name int, err error) {
	var columns []struct{ Name, Format string }
	if err := d.Decode(&columns); err != nil {
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

// decodeRows reads the rows one by one. The cells of the other columns, such as the
// age, are dropped.
func decodeRows(d *json.Decoder, column int, visit func(string) error) error {
	opening, err := d.Token()
	if err != nil || opening == nil {
		return err
	}
	var cells []json.RawMessage
	for d.More() {
		if err := expect(d, json.Delim('{')); err != nil {
			return err
		}
		cells = cells[:0]
		for d.More() {
			field, err := d.Token()
			if err != nil {
				return err
			}
			switch {
			case field == "cells" && visit != nil:
				err = d.Decode(&cells)
			case field == "object":
				var object json.Token
				if object, err = d.Token(); err == nil && object != nil {
					err = fmt.Errorf("%w: a row has an object", errUnexpectedKind)
				}
			default:
				err = d.Decode(new(json.RawMessage))
			}
			if err != nil {
				return err
			}
		}
		if err := expect(d, json.Delim('}')); err != nil {
			return err
		}
		if visit == nil {
			continue
		}
		name := ""
		if column < 0 || column >= len(cells) || json.Unmarshal(cells[column], &name) != nil || name == "" {
			return fmt.Errorf("%w: a row has no name", errUnexpectedKind)
		}
		if err := visit(name); err != nil {
			return err
		}
	}
	return expect(d, json.Delim(']'))
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
