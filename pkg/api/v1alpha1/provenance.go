package v1alpha1

// Provenance states which program made a report, as which principal, through which
// endpoints, and whether kubectl is connected to the cluster that EKS describes. Every
// kind of report has it.
type Provenance struct {
	Tool   *ToolVersion `json:"tool,omitempty"`
	Caller *Caller      `json:"caller,omitempty"`
	// EndpointOverrides are the endpoints that replace those of AWS.
	EndpointOverrides []EndpointOverride `json:"endpointOverrides,omitempty"`
	// Guard is absent if the report does not concern a single cluster.
	Guard *GuardResult `json:"guard,omitempty"`
}

// ToolVersion is the version of the program that made the report.
type ToolVersion struct {
	Version string `json:"version"`
}

// Caller is the principal that called AWS.
type Caller struct {
	ARN     string `json:"arn,omitempty"`
	Account string `json:"account,omitempty"`
	// Source is where its credentials come from, such as a profile or the environment.
	Source string `json:"source,omitempty"`
	// Wrapper is the program through which kubectl gets its credentials, such as aws-vault.
	// They may belong to another principal.
	Wrapper string `json:"wrapper,omitempty"`
}

// EndpointOverride is an endpoint that replaces the one of AWS. Its URL has no password.
type EndpointOverride struct {
	Service string `json:"service"`
	URL     string `json:"url"`
	// Source is the flag, variable or profile that sets the URL.
	Source string `json:"source,omitempty"`
}

// GuardResult states whether kubectl is connected to the cluster that EKS describes, and
// which evidence shows it.
type GuardResult struct {
	Result   Guard         `json:"result"`
	Evidence GuardEvidence `json:"evidence"`
	Reason   string        `json:"reason,omitempty"`
}

// GuardEvidence names what a GuardResult rests on.
type GuardEvidence string

// The kinds of evidence, the strongest first. Certificate: the certificate of the API
// server, verified with the CA that EKS reports. Issuer: the OIDC issuer of the API
// server. Endpoint: the host name that TLS verification requires. None: anything else.
const (
	EvidenceCertificate GuardEvidence = "Certificate"
	EvidenceIssuer      GuardEvidence = "Issuer"
	EvidenceEndpoint    GuardEvidence = "Endpoint"
	EvidenceNone        GuardEvidence = "None"
)
