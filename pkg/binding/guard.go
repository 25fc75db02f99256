package binding

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Described is the cluster as DescribeCluster returns it.
type Described struct {
	ARN, Endpoint, Issuer string
	// CA is certificateAuthority.data: certificates in PEM form, in base64.
	CA string
}

func match(evidence v1alpha1.GuardEvidence, format string, args ...any) v1alpha1.GuardResult {
	return v1alpha1.GuardResult{Result: v1alpha1.GuardMatch, Evidence: evidence, Reason: fmt.Sprintf(format, args...)}
}

func mismatch(evidence v1alpha1.GuardEvidence, format string, args ...any) v1alpha1.GuardResult {
	return v1alpha1.GuardResult{
		Result: v1alpha1.GuardMismatch, Evidence: evidence, Reason: fmt.Sprintf(format, args...),
	}
}

func unverified(format string, args ...any) v1alpha1.GuardResult {
	return v1alpha1.GuardResult{
		Result: v1alpha1.GuardUnverified, Evidence: v1alpha1.EvidenceNone, Reason: fmt.Sprintf(format, args...),
	}
}

// byClaims returns the mismatch if a flag or the kubeconfig names another cluster than the one that EKS describes.
func (t Target) byClaims(d Described) (v1alpha1.GuardResult, bool) {
	described, valid := ParseClusterARN(d.ARN)
	if !valid {
		return unverified("EKS describes the cluster %q, which is not the ARN of a cluster", d.ARN), true
	}
	for _, c := range t.Claims {
		wrong := ""
		switch {
		case c.Name != "" && c.Name != described.Name:
			wrong = "cluster " + c.Name
		case c.Account != "" && c.Account != described.Account:
			wrong = "account " + c.Account
		case c.Region != "" && c.Region != described.Region:
			wrong = "region " + c.Region
		default:
			continue
		}
		return mismatch(v1alpha1.EvidenceNone, "%s names %s, but EKS describes %s", c.From, wrong, d.ARN), true
	}
	return v1alpha1.GuardResult{}, false
}

// serverName returns the name that kubectl requires in the certificate of the server.
func (t Target) serverName() string {
	if t.TLSServerName != "" {
		return strings.ToLower(t.TLSServerName)
	}
	host, _ := hostPort(t.Server)
	return host
}

// verifiesTLS reports whether kubectl uses TLS and verifies the certificate of the server.
func (t Target) verifiesTLS() bool { return !t.Insecure && !strings.HasPrefix(t.Server, "http://") }

// byCertificate compares the certificates that the server presented with the CA that EKS describes. It reports whether
// this decides; if not, the string is the reason.
func (t Target) byCertificate(d Described, p Presented) (v1alpha1.GuardResult, string, bool) {
	host, _ := hostPort(d.Endpoint)
	roots, err := parseCA(d.CA)
	switch {
	case len(p.Chain) == 0:
		return v1alpha1.GuardResult{}, "the certificate could not be checked: " + p.reason(), false
	case err != nil:
		return v1alpha1.GuardResult{}, err.Error(), false
	}
	names := []string{host}
	if t.InPod { // the address of the Service kubernetes may lead to a certificate without the endpoint's host name
		names = append(names, apiServerName)
	}
	why, kind := verifyChain(p.Chain, roots, names...)
	switch {
	case kind == chainExpired:
		return v1alpha1.GuardResult{}, why, false
	case kind == chainVerified && t.Insecure:
		return unverified("the API server presents the cluster's certificate, but kubectl does not verify it " +
			"(insecure-skip-tls-verify)"), "", true
	case kind == chainVerified:
		reason := "the API server presents a certificate of the cluster's own CA"
		if dialed, _ := hostPort(t.Server); dialed != host {
			reason = fmt.Sprintf("%s presents the certificate of %s, of the cluster's own CA", sanitize.URLs(t.Server), host)
		}
		return match(v1alpha1.EvidenceCertificate, "%s", reason), "", true
	case t.terminatesTLS(p):
		return v1alpha1.GuardResult{}, fmt.Sprintf("%s is a proxy with a certificate of its own", t.serverName()), false
	}
	return mismatch(v1alpha1.EvidenceCertificate, "kubectl connects to %s, whose certificate is not that of %s: %s",
		sanitize.URLs(t.Server), d.ARN, why), "", true
}

// terminatesTLS reports whether a proxy with a certificate of its own presented the chain. An API server has a
// certificate for kubernetes.default.svc, and an address or an EKS endpoint is not the name of a proxy.
func (t Target) terminatesTLS(p Presented) bool {
	if t.Insecure {
		return p.Chain[0].VerifyHostname(apiServerName) != nil && t.notEndpoint(t.serverName())
	}
	name := t.serverName()
	return p.Trusted && t.notEndpoint(name) && !local(name) && !isIP(name) &&
		p.Chain[0].VerifyHostname(apiServerName) != nil
}

func (t Target) notEndpoint(name string) bool {
	_, isEndpoint := ParseEndpoint(name)
	return !isEndpoint
}

// byIssuer compares the OIDC issuers. Only an issuer of EKS shows that the server is another EKS cluster: a proxy may
// answer with its own.
func byIssuer(d Described, issuer string) (v1alpha1.GuardResult, bool) {
	switch {
	case issuer != "" && issuer == d.Issuer:
		return match(v1alpha1.EvidenceIssuer, "the API server has the OIDC issuer of the cluster, %s", issuer), true
	case d.Issuer != "" && strings.HasPrefix(issuer, "https://oidc.eks"):
		return mismatch(v1alpha1.EvidenceIssuer, "the API server has the OIDC issuer %s, but the cluster's is %s",
			issuer, d.Issuer), true
	}
	return v1alpha1.GuardResult{}, false
}

// byEndpoint compares host names: it is the weakest evidence. why is the reason why there is no stronger one.
func (t Target) byEndpoint(d Described, why string) v1alpha1.GuardResult {
	name := t.serverName()
	_, port := hostPort(t.Server)
	wantHost, wantPort := hostPort(d.Endpoint)
	_, isEKS := ParseEndpoint(name)
	switch {
	case isEKS && name != wantHost:
		return mismatch(v1alpha1.EvidenceEndpoint, "kubectl connects to %s, another EKS cluster: the endpoint of %s is %s",
			name, d.ARN, wantHost)
	case strings.HasPrefix(t.Server, "http://"):
		return unverified("kubectl connects to %s without TLS", sanitize.URLs(t.Server))
	case t.Insecure:
		return unverified("kubectl does not verify the certificate of %s (insecure-skip-tls-verify)", sanitize.URLs(t.Server))
	case name == wantHost && (!local(name) || port == wantPort):
		return match(v1alpha1.EvidenceEndpoint, "kubectl requires a certificate of the cluster's endpoint; %s", why)
	}
	place := "a proxy or another cluster"
	if local(name) {
		place = "a tunnel or a private address"
	}
	return unverified("kubectl connects to %s, %s, but the cluster's endpoint is %s; %s", sanitize.URLs(t.Server), place,
		hostOf(d.Endpoint), why)
}

// hostOf returns the host of an endpoint, followed by the port unless it is 443.
func hostOf(endpoint string) string {
	host, port := hostPort(endpoint)
	if port != "443" {
		host += ":" + port
	}
	return host
}
