package controlplane

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// HostEnv is the environment variable with the host name that an API server uses
// for its identity. All servers of the lab run on the same machine, but each must
// have an identity of its own.
const HostEnv = "EKS_LAB_HOST"

// hostName returns the name of the host of an API server. Like EKS, the lab
// replaces a server by one on another host: the next generation.
func hostName(number, generation int) string {
	return fmt.Sprintf("ip-10-0-%d-%d.%s.compute.internal", generation, number, state.Region)
}

// LeaseName returns the name of the identity Lease in kube-system of the API
// server on this host (k8s.io/apiserver/pkg/server, NewConfig).
func LeaseName(host string) string {
	var data []byte
	for _, part := range []string{host, APIServerName} {
		data = binary.BigEndian.AppendUint16(data, uint16(len(part)))
		data = append(data, part...)
	}
	sum := sha256.Sum256(data)
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
	return "apiserver-" + strings.ToLower(id)
}
