package rewriter

import (
	"bytes"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// FuzzDecode checks that decode does not panic for any response.
func FuzzDecode(f *testing.F) {
	item := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	list := &metav1.PartialObjectMetadataList{Items: []metav1.PartialObjectMetadata{item}}
	raw, _ := list.Marshal()
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kindList}, Raw: raw}
	body, _ := envelope.Marshal()
	f.Add(append([]byte(protobufMagic), body...))
	f.Add([]byte(`{"kind":"Secret"}`))
	f.Add([]byte("k8s\x00\x0a\x7f"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, body []byte) {
		var list metav1.PartialObjectMetadataList
		_ = decode(bytes.NewReader(body), kindList, &list)
	})
}

// TestDecodeDropsWholeObjects checks that a response with a whole Secret is dropped before its values are read.
func TestDecodeDropsWholeObjects(t *testing.T) {
	secret := runtime.TypeMeta{APIVersion: "v1", Kind: "Secret"}
	envelope := runtime.Unknown{TypeMeta: secret, Raw: bytes.Repeat([]byte("value"), 1000)}
	body, _ := envelope.Marshal()
	reader := &countingReader{Reader: bytes.NewReader(append([]byte(protobufMagic), body...))}
	var object metav1.PartialObjectMetadata
	if err := decode(reader, kindObject, &object); !errors.Is(err, errUnexpectedKind) {
		t.Errorf("decode = %v, want %v", err, errUnexpectedKind)
	}
	if reader.n > 128 {
		t.Errorf("decode read %d bytes, want at most 128", reader.n)
	}
}
