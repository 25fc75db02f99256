// Package rewriter proves where existing API objects stand, and brings the stale
// ones under the cluster's current write key.
//
// Its one primitive is the no-op write: a merge patch that names an object's own
// uid and resourceVersion and changes nothing, answered as PartialObjectMetadata.
// The API server skips the storage write only when the stored bytes are already
// what it would write, under its current write key (GuaranteedUpdate in
// k8s.io/apiserver/pkg/storage/etcd3/store.go). So the same resourceVersion in
// the answer proves the object current; a new one means that it was stale and
// now is rewritten. No value is ever read.
//
// The package knows neither cobra nor AWS. Requests to the API server stand in
// client.go alone.
package rewriter
