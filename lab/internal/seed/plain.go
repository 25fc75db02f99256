package seed

import (
	"bytes"
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes/scheme"
)

// Plain writes the objects unencrypted and directly into etcd, like a cluster
// without envelope encryption. The namespaces must exist.
func Plain(ctx context.Context, etcd clientv3.KV, o Options) (Result, error) {
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	encoder := scheme.Codecs.EncoderForVersion(serializer, corev1.SchemeGroupVersion)
	put := func(ctx context.Context, resource string, meta *metav1.ObjectMeta, object runtime.Object) error {
		meta.UID = uuid.NewUUID()
		meta.CreationTimestamp = metav1.NewTime(time.Now().Truncate(time.Second))
		var value bytes.Buffer
		if err := encoder.Encode(object, &value); err != nil {
			return err
		}
		key := fmt.Sprintf("/registry/%s/%s/%s", resource, meta.Namespace, meta.Name)
		absent := clientv3.Compare(clientv3.ModRevision(key), "=", 0)
		done, err := etcd.Txn(ctx).If(absent).Then(clientv3.OpPut(key, value.String())).Commit()
		if err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
		if !done.Succeeded {
			return apierrors.NewAlreadyExists(schema.GroupResource{Resource: resource}, meta.Name)
		}
		return nil
	}
	secrets, err := create(ctx, o.Secrets, func(ctx context.Context, i int) error {
		secret := o.secret(i)
		return put(ctx, "secrets", &secret.ObjectMeta, secret)
	})
	if err != nil {
		return secrets, err
	}
	configMaps, err := create(ctx, o.ConfigMaps, func(ctx context.Context, i int) error {
		configMap := o.configMap(i)
		return put(ctx, "configmaps", &configMap.ObjectMeta, configMap)
	})
	return Result{secrets.Created + configMaps.Created, secrets.Existed + configMaps.Existed}, err
}
