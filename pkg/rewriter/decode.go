package rewriter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Kinds that an answer may have. Anything else is dropped unread.
const (
	kindList   = "PartialObjectMetadataList"
	kindObject = "PartialObjectMetadata"
	kindStatus = "Status"
)

// protobufMagic opens every protobuf answer of an API server
// (k8s.io/apimachinery/pkg/runtime/serializer/protobuf).
var protobufMagic = []byte("k8s\x00")

// errForeignKind says that the server answered with something that was not
// asked for; it might hold values, so it is not read any further.
var errForeignKind = errors.New("the API server did not answer with metadata alone")

// message is what the generated types of k8s.io/apimachinery can do.
type message interface{ Unmarshal([]byte) error }

// decode reads one answer of the given kind. It looks at the first bytes, which
// name the kind, before it reads the rest.
func decode(body io.Reader, kind string, into message) error {
	head := make([]byte, 128)
	n, err := io.ReadFull(body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	head = head[:n]
	got, err := kindOf(head)
	if err != nil {
		return err
	}
	if got != kind {
		return fmt.Errorf("%w: wanted %s, got %s", errForeignKind, kind, got)
	}
	buf := bytes.NewBuffer(head)
	if n == cap(head) {
		if _, err := buf.ReadFrom(body); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(buf.Bytes()[len(protobufMagic):]); err != nil {
		return fmt.Errorf("decoding %s: %w", kind, err)
	}
	if err := into.Unmarshal(envelope.Raw); err != nil {
		return fmt.Errorf("decoding %s: %w", kind, err)
	}
	return nil
}

// kindOf reads the kind off the head of a protobuf answer: the magic bytes, then
// the envelope, whose first field is the type (0x0a, a length below 128).
func kindOf(head []byte) (string, error) {
	rest, ok := bytes.CutPrefix(head, protobufMagic)
	if !ok || len(rest) < 2 || rest[0] != 0x0a || int(rest[1]) > len(rest)-2 {
		return "", fmt.Errorf("%w: it is no protobuf envelope", errForeignKind)
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(rest[:2+int(rest[1])]); err != nil {
		return "", fmt.Errorf("%w: %w", errForeignKind, err)
	}
	return envelope.Kind, nil
}

// decodeStatus reads an error answer, protobuf or JSON; nil when it is none that
// Kubernetes wrote.
func decodeStatus(resp *http.Response) *metav1.Status {
	body := io.LimitReader(resp.Body, 1<<20)
	var status metav1.Status
	var err error
	if strings.HasPrefix(resp.Header.Get("Content-Type"), jsonType) {
		err = json.NewDecoder(body).Decode(&status)
	} else {
		err = decode(body, kindStatus, &status)
	}
	if err != nil || status.Status != metav1.StatusFailure {
		return nil
	}
	return &status
}
