package fakeaws

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// epoch returns a timestamp in the form of the JSON protocols: seconds, with milliseconds.
func epoch(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// nonNil returns an empty list for nil, because AWS sends [] instead of null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// page returns the page of items that starts at the token's position, and the token of the
// next page, which is empty at the end. ok is false for an invalid token.
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

// pageSize returns the requested size up to the service's limit, or the service's default if
// none is requested; in both cases at most State.PageSize.
func (w *State) pageSize(requested, usual, limit int) int {
	size := usual
	if requested > 0 {
		size = min(requested, limit)
	}
	if w.PageSize > 0 {
		size = min(size, w.PageSize)
	}
	return size
}
