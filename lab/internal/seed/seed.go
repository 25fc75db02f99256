// Package seed quickly creates many objects in the lab's cluster.
package seed

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options select what to create. The names depend only on the options, so a second
// run with the same options finds all objects existing.
type Options struct {
	Secrets, ConfigMaps int
	// Size is the number of bytes of data in each object.
	Size int
	// Namespaces is the number of namespaces, named PREFIX-0, PREFIX-1, …; the
	// objects are spread evenly over them.
	Namespaces int
	// Prefix is the first part of the names of the namespaces; "seed" if empty.
	Prefix string
}

// Result counts the objects that were created and those that already existed.
type Result struct {
	Created int `json:"created"`
	Existed int `json:"existed"`
}

// API creates the objects through the API server, with concurrent requests.
func API(ctx context.Context, config *rest.Config, o Options) (Result, error) {
	config = rest.CopyConfig(config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Result{}, err
	}
	for _, name := range o.namespaces() {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return Result{}, fmt.Errorf("create namespace %s: %w", name, err)
		}
	}
	secrets, err := create(ctx, o.Secrets, func(ctx context.Context, i int) error {
		secret := o.secret(i)
		_, err := client.CoreV1().Secrets(secret.Namespace).Create(ctx, secret, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return secrets, fmt.Errorf("create secrets: %w", err)
	}
	configMaps, err := create(ctx, o.ConfigMaps, func(ctx context.Context, i int) error {
		configMap := o.configMap(i)
		_, err := client.CoreV1().ConfigMaps(configMap.Namespace).Create(ctx, configMap, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		err = fmt.Errorf("create config maps: %w", err)
	}
	return Result{secrets.Created + configMaps.Created, secrets.Existed + configMaps.Existed}, err
}

// create calls f for 0 … n-1 with a fixed number of workers.
func create(ctx context.Context, n int, f func(context.Context, int) error) (Result, error) {
	workers := 16 * runtime.GOMAXPROCS(0)
	results := make([]Result, workers)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(func() error {
			for i := w; i < n; i += workers {
				switch err := f(ctx, i); {
				case err == nil:
					results[w].Created++
				case apierrors.IsAlreadyExists(err):
					results[w].Existed++
				default:
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	var sum Result
	for _, r := range results {
		sum.Created += r.Created
		sum.Existed += r.Existed
	}
	return sum, err
}

func (o Options) namespaces() []string {
	var names []string
	for i := range max(o.Namespaces, 1) {
		names = append(names, o.namespace(i))
	}
	return names
}

func (o Options) namespace(i int) string {
	return fmt.Sprintf("%s-%d", cmp.Or(o.Prefix, "seed"), i%max(o.Namespaces, 1))
}

func (o Options) secret(i int) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("secret-%06d", i), Namespace: o.namespace(i)},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{"value": value(uint64(i), o.Size)},
	}
}

func (o Options) configMap(i int) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("config-%06d", i), Namespace: o.namespace(i)},
		BinaryData: map[string][]byte{"value": value(uint64(i), o.Size)},
	}
}

// value returns size bytes that do not compress. The same seed gives the same bytes.
func value(seed uint64, size int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(data) // never fails
	return data
}
