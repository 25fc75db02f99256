package fakeaws

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

var cloudtrailOperations = map[string]operation{"LookupEvents": {handle: (*Server).lookupEvents}}

// Event is one event of CloudTrail. Region, Account and ID must be set.
type Event struct {
	ID      string    `json:"id"`
	Region  string    `json:"region"`
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Source  string    `json:"source"`
	Time    time.Time `json:"time"`
	// Principal is the ARN of the caller, Role that of the role of a session, InvokedBy the service that called.
	Principal string `json:"principal,omitempty"`
	Role      string `json:"role,omitempty"`
	InvokedBy string `json:"invokedBy,omitempty"`
	Address   string `json:"address,omitempty"`
	// KeyARN is the key of the call; it is not in the event of a denied call.
	KeyARN       string `json:"keyArn,omitempty"`
	ErrorCode    string `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
	// Record, if set, is the whole event, verbatim.
	Record string `json:"record,omitempty"`
}

// record returns the event in the format of CloudTrail.
func (e Event) record() string {
	if e.Record != "" {
		return e.Record
	}
	identity := object{"type": "IAMUser", "arn": e.Principal, "accountId": e.Account}
	if e.Role != "" {
		identity["type"] = "AssumedRole"
		identity["sessionContext"] = object{"sessionIssuer": object{"type": "Role", "arn": e.Role}}
	}
	if e.InvokedBy != "" {
		identity["invokedBy"] = e.InvokedBy
	}
	r := object{
		"eventVersion": "1.11", "userIdentity": identity, "eventTime": e.Time.UTC().Format(time.RFC3339),
		"eventSource": e.Source, "eventName": e.Name, "awsRegion": e.Region, "sourceIPAddress": e.Address,
		"requestParameters": nil, "responseElements": nil, "eventID": e.ID, "eventType": "AwsApiCall",
		"managementEvent": true, "recipientAccountId": e.Account,
	}
	if e.ErrorCode != "" {
		r["errorCode"], r["errorMessage"] = e.ErrorCode, e.ErrorMessage
	} else if e.KeyARN != "" {
		r["requestParameters"] = object{"keyId": e.KeyARN}
		r["resources"] = []object{{"accountId": e.Account, "type": "AWS::KMS::Key", "ARN": e.KeyARN}}
	}
	text, _ := json.Marshal(r)
	return string(text)
}

// userName returns the name by which LookupEvents finds the event: that of the session, of the user or of the service.
func (e Event) userName() string {
	name := cmp.Or(e.Principal, e.InvokedBy)
	return name[strings.LastIndexByte(name, '/')+1:]
}

// AddEvent adds an event.
func (w *State) AddEvent(e Event) { w.Events = append(w.Events, e) }

// lookupEvents returns the events of the account and region that match the attribute, the newest first.
func (s *Server) lookupEvents(c *call) (any, *apiError) {
	var in struct {
		LookupAttributes   []struct{ AttributeKey, AttributeValue string }
		StartTime, EndTime *float64
		MaxResults         int
		NextToken          string
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "cloudtrail:LookupEvents", "*", nil); failure != nil {
		return nil, failure
	}
	if len(in.LookupAttributes) > 1 {
		return nil, failf(400, "InvalidLookupAttributesException", "Only one lookup attribute is allowed")
	}
	var found []Event
	for _, e := range s.state.Events {
		at := float64(e.Time.UnixMilli()) / 1000
		if e.Region != c.region || e.Account != c.account() || in.StartTime != nil && at < *in.StartTime ||
			in.EndTime != nil && at > *in.EndTime {
			continue
		}
		for _, a := range in.LookupAttributes {
			switch a.AttributeKey {
			case "EventId":
				if e.ID != a.AttributeValue {
					continue
				}
			case "Username":
				if e.userName() != a.AttributeValue {
					continue
				}
			default:
				return nil, failf(400, "InvalidLookupAttributesException", "unsupported: %s", a.AttributeKey)
			}
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b Event) int { return b.Time.Compare(a.Time) })
	part, next, ok := page(found, in.NextToken, s.state.pageSize(in.MaxResults, 50, 50))
	if !ok {
		return nil, failf(400, "InvalidNextTokenException", "")
	}
	var events []object
	for _, e := range part {
		events = append(events, object{
			"EventId": e.ID, "EventName": e.Name, "EventSource": e.Source, "EventTime": epoch(e.Time),
			"Username": e.userName(), "CloudTrailEvent": e.record(),
		})
	}
	reply := object{"Events": nonNil(events)}
	if next != "" {
		reply["NextToken"] = next
	}
	return reply, nil
}
