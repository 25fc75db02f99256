package fakeaws

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// epoch is a timestamp as the JSON protocols send it: seconds, with thousandths.
func epoch(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// nonNil makes an empty list of none, since AWS sends [] rather than null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// page cuts one page out of the items after the token's place. The token of
// the next page is empty at the end. ok is false for a token not made here.
func page[T any](items []T, token string, size int) (part []T, next string, ok bool) {
	start := 0
	if token != "" {
		raw, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return nil, "", false
		}
		if start, err = strconv.Atoi(string(raw)); err != nil || start < 0 || start > len(items) {
			return nil, "", false
		}
	}
	end := min(start+size, len(items))
	if end < len(items) {
		next = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return nonNil(items[start:end]), next, true
}

// pageSize is the caller's wish, the service's usual size without one, never
// above the service's most nor above World.PageSize.
func (w *World) pageSize(wish, usual, most int) int {
	size := usual
	if wish > 0 {
		size = min(wish, most)
	}
	if w.PageSize > 0 {
		size = min(size, w.PageSize)
	}
	return size
}
