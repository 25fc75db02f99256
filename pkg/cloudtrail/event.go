package cloudtrail

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Event is one call of an AWS API. All fields except ID may be empty.
type Event struct {
	ID, Name, Source string
	Time             time.Time
	// Principal is the ARN of the caller, Role that of the role of its session. Service is the AWS service that made
	// the call, as itself or on behalf of the principal.
	Principal, Role, Service string
	// Address is the source address, or the name of a service.
	Address string
	// ErrorCode and ErrorMessage are empty if the call succeeded.
	ErrorCode, ErrorMessage string

	resources []string
}

// Concerns reports whether the event names the resource. An event of a call that was denied names it only in its
// message.
func (e Event) Concerns(resource string) bool {
	return slices.Contains(e.resources, resource) || slices.Contains(strings.Fields(e.ErrorMessage), resource)
}

// record is the part of an event that is read.
type record struct {
	EventID, EventName, EventSource string
	EventTime                       time.Time
	SourceIPAddress                 string
	ErrorCode, ErrorMessage         string
	UserIdentity                    struct {
		ARN, InvokedBy string
		SessionContext struct {
			SessionIssuer struct{ ARN string }
		}
	}
	RequestParameters json.RawMessage // each API has its own
	Resources         []struct{ ARN string }
}

// parse reads the JSON of an event. The values of requestParameters other than keyId are not read.
func parse(text string) (Event, error) {
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Event{}, err
	}
	var parameters struct{ KeyID string }
	_ = json.Unmarshal(r.RequestParameters, &parameters) // absent, or those of an API without a key
	e := Event{
		ID: r.EventID, Name: r.EventName, Source: r.EventSource, Time: r.EventTime, Principal: r.UserIdentity.ARN,
		Role: r.UserIdentity.SessionContext.SessionIssuer.ARN, Service: r.UserIdentity.InvokedBy,
		Address: r.SourceIPAddress, ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage,
		resources: []string{parameters.KeyID},
	}
	e.Principal = cmp.Or(e.Principal, e.Service)
	for _, resource := range r.Resources {
		e.resources = append(e.resources, resource.ARN)
	}
	return e, nil
}
