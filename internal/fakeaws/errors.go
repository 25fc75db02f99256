package fakeaws

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an AWS error, independent of the protocol.
type apiError struct {
	status  int
	code    string
	message string
}

func failf(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// complete sets a missing status and message to those that AWS usually sends with the code.
func (e *apiError) complete(c *call) *apiError {
	if e.status == 0 {
		e.status = http.StatusBadRequest
		switch {
		case strings.HasPrefix(e.code, "Throttl") && c.service != "kms":
			e.status = http.StatusTooManyRequests
		case strings.HasPrefix(e.code, "AccessDenied"):
			e.status = deniedStatus(c.service)
		case strings.HasPrefix(e.code, "Internal"), e.code == "ServerException", e.code == "KMSInternalException":
			e.status = http.StatusInternalServerError
		case strings.HasPrefix(e.code, "ResourceNotFound"):
			e.status = http.StatusNotFound
		}
	}
	if e.message == "" {
		switch {
		case strings.HasPrefix(e.code, "Throttl"):
			e.message = "Rate exceeded"
		case strings.HasPrefix(e.code, "AccessDenied"):
			e.message = deniedMessage(c.caller, c.service+":"+c.operation, c.resource(),
				"with an explicit deny in a service control policy")
		default:
			e.message = http.StatusText(e.status)
		}
	}
	return e
}

// resource returns the ARN for the AccessDenied message of a fault.
func (c *call) resource() string {
	switch {
	case c.service == "eks":
		name := c.cluster
		if name == "" {
			name = "*"
		}
		return (&Cluster{Name: name, Region: c.region, Account: c.account()}).ARN()
	case c.keyID != "":
		return c.keyID
	}
	return "*"
}

func deniedMessage(caller *Principal, action, resource, because string) string {
	who := "anonymous"
	if caller != nil {
		who = caller.ARN
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", who, action, resource, because)
}

// deniedStatus returns the HTTP status of AccessDenied: 400 for the awsJson services, 403
// for the others.
func deniedStatus(service string) int {
	if isTarget(service) {
		return http.StatusBadRequest
	}
	return http.StatusForbidden
}

func isTarget(service string) bool {
	return service == "kms" || service == "organizations" || service == "cloudtrail"
}

func unknownOperation(c *call) *apiError {
	switch {
	case isTarget(c.service):
		return failf(400, "UnknownOperationException", "")
	case c.form != nil:
		return failf(400, "InvalidAction", "Could not find operation %s for version %s", c.operation,
			c.form.Get("Version"))
	}
	return failf(404, "UnknownOperationException", "The requested operation is not supported by this endpoint: %s %s",
		c.http.Method, c.http.URL.Path)
}

// write sends the reply, or the failure, in the service's protocol and returns the HTTP
// status: REST-JSON for EKS, Account Management and Security Hub, awsJson 1.1 for KMS and
// Organizations, query XML for STS and EC2.
func (s *Server) write(w http.ResponseWriter, c *call, reply any, failure *apiError) int {
	id := s.newUUID()
	header := w.Header()
	header.Set("X-Amzn-Requestid", id)
	header.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat)) // clients correct their own clock by it
	status, body := http.StatusOK, []byte(nil)
	if failure != nil {
		status = failure.status
		reply = failure.body(c, id)
	}
	var err error
	switch {
	case c.form != nil:
		header.Set("Content-Type", "text/xml")
		if failure == nil {
			reply = envelope(c, reply, id)
		}
		body, err = xml.Marshal(reply)
	case isTarget(c.service):
		header.Set("Content-Type", "application/x-amz-json-1.1")
		if reply != nil {
			body, err = json.Marshal(reply)
		}
	default:
		header.Set("Content-Type", "application/json")
		if failure != nil {
			header.Set("X-Amzn-Errortype", failure.code)
		}
		body, err = json.Marshal(reply)
	}
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(err.Error())
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // G705: an API reply, not a page; the client may have disconnected
	return status
}

// body returns the error document of the service's protocol.
func (e *apiError) body(c *call, id string) any {
	switch {
	case c.form != nil && c.service == "ec2":
		return ec2Failure{Code: e.code, Message: e.message, RequestID: id}
	case c.form != nil:
		return queryFailure{Xmlns: stsNamespace, Type: "Sender", Code: e.code, Message: e.message, RequestID: id}
	case isTarget(c.service) && e.code == "AccessDeniedException":
		// The authorization layer of KMS capitalizes the member.
		return object{"__type": e.code, "Message": e.message}
	case isTarget(c.service):
		return object{"__type": e.code, "message": e.message}
	}
	reply := object{"message": e.message}
	if c.service == "eks" && c.cluster != "" {
		reply["clusterName"] = c.cluster
	}
	return reply
}

type object = map[string]any

type queryFailure struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Xmlns     string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type ec2Failure struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}
