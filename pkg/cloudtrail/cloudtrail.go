// Package cloudtrail looks up events in the event history of CloudTrail, which keeps the management events of 90 days,
// those of KMS included. It reads nothing else and changes nothing.
package cloudtrail

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"golang.org/x/time/rate"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// LookupEvents is the operation of the SDK's client.
type LookupEvents func(context.Context, *cloudtrail.LookupEventsInput, ...func(*cloudtrail.Options)) (
	*cloudtrail.LookupEventsOutput, error)

// Client looks up events in one account and region.
type Client struct {
	lookupEvents LookupEvents
	// pace is the quota of LookupEvents, which all clients of an account and region share.
	pace *rate.Limiter
}

// perSecond is the quota of LookupEvents for an account and region.
const perSecond = 2

// New returns a Client that calls the operation.
func New(lookupEvents LookupEvents) *Client {
	return &Client{lookupEvents: lookupEvents, pace: rate.NewLimiter(perSecond, 1)}
}

// Event returns the event with this id. found is false if the event history does not contain it: events appear there
// some minutes late and stay for 90 days.
func (c *Client) Event(ctx context.Context, id string) (event Event, found bool, err error) {
	events, _, err := c.lookup(ctx, &cloudtrail.LookupEventsInput{
		LookupAttributes: attribute(types.LookupAttributeKeyEventId, id), MaxResults: aws.Int32(1),
	})
	if err != nil || len(events) == 0 {
		return Event{}, false, err
	}
	if events[0].ID != id {
		return Event{}, false, fmt.Errorf("LookupEvents of event %s: the response has another event, %s", id, events[0].ID)
	}
	return events[0], true, nil
}

// maxPages bounds the calls of Session. A page has at most 50 events.
const maxPages = 4

// Session returns the events of the sessions with this name since a time, the newest first. complete is false if there
// are older ones that were not read.
func (c *Client) Session(ctx context.Context, name string, since time.Time) (events []Event, complete bool, err error) {
	in := &cloudtrail.LookupEventsInput{
		LookupAttributes: attribute(types.LookupAttributeKeyUsername, name), StartTime: &since, MaxResults: aws.Int32(50),
	}
	for range maxPages {
		page, next, err := c.lookup(ctx, in)
		if err != nil {
			return nil, false, err
		}
		events = append(events, page...)
		if next == "" {
			return events, true, nil
		}
		in.NextToken = &next
	}
	return events, false, nil
}

func attribute(key types.LookupAttributeKey, value string) []types.LookupAttribute {
	return []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
}

// lookup returns one page and the token of the next one.
func (c *Client) lookup(ctx context.Context, in *cloudtrail.LookupEventsInput) ([]Event, string, error) {
	if err := c.pace.Wait(ctx); err != nil {
		return nil, "", err
	}
	out, err := c.lookupEvents(ctx, in)
	if err != nil {
		return nil, "", awsclient.Explain(err, awsclient.Operation{
			Name: "LookupEvents", Action: "cloudtrail:LookupEvents", Resource: "*",
		})
	}
	events := make([]Event, 0, len(out.Events))
	for _, e := range out.Events {
		event, err := parse(aws.ToString(e.CloudTrailEvent))
		if err != nil {
			return nil, "", fmt.Errorf("LookupEvents: parse event %s: %w", aws.ToString(e.EventId), err)
		}
		events = append(events, event)
	}
	return events, aws.ToString(out.NextToken), nil
}
