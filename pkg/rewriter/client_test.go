package rewriter

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// FuzzDecode: whatever a server answers, there is an error or metadata, no panic.
func FuzzDecode(f *testing.F) {
	list := &metav1.PartialObjectMetadataList{Items: []metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}}}
	raw, _ := list.Marshal()
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kindList}, Raw: raw}
	body, _ := envelope.Marshal()
	f.Add(append(slices.Clone(protobufMagic), body...))
	f.Add([]byte(`{"kind":"Secret"}`))
	f.Add([]byte("k8s\x00\x0a\x7f"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, body []byte) {
		var list metav1.PartialObjectMetadataList
		_ = decode(bytes.NewReader(body), kindList, &list)
	})
}

// A whole Secret is dropped before its values are read.
func TestWholeObjectIsNotRead(t *testing.T) {
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Raw: bytes.Repeat([]byte("value"), 1000)}
	body, _ := envelope.Marshal()
	reader := &countingReader{Reader: bytes.NewReader(append(slices.Clone(protobufMagic), body...))}
	var object metav1.PartialObjectMetadata
	if err := decode(reader, kindObject, &object); !errors.Is(err, errForeignKind) {
		t.Errorf("error = %v", err)
	}
	if reader.n > 128 {
		t.Errorf("%d bytes of it were read", reader.n)
	}
}

func TestCulprits(t *testing.T) {
	named := func(fields ...string) error {
		err := apierrors.NewInternalError(errors.New("x"))
		for _, f := range fields {
			err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Field: f})
		}
		return err
	}
	message := func(s string) error { return apierrors.NewInternalError(errors.New(s)) }
	tests := []struct {
		name       string
		err        error
		namespaced bool
		want       [][2]string
	}{
		{"from the causes", named("/registry/secrets/a/b", "/registry/secrets/c/d"), true, [][2]string{{"a", "b"}, {"c", "d"}}},
		{"from the message", message(`unable to transform key "/registry/secrets/a/b": no matching prefix found`), true, [][2]string{{"a", "b"}}},
		{"cluster-scoped", message(`unable to transform key "/registry/clusterroles/x"`), false, [][2]string{{"", "x"}}},
		{"nobody is named", message("boom"), true, nil},
		{"too short a key", message(`key "/a"`), true, nil},
		{"no status", errors.New(`key "/registry/secrets/a/b"`), true, nil},
	}
	for _, test := range tests {
		if got := culprits(test.err, test.namespaced); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
