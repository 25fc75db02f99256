package kms

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cloudtrail"
)

// HealthCheckName is the name of the check of the last health check of EKS.
const HealthCheckName = "hourly health check of EKS"

const (
	// healthSession is the name of the session in which EKS checks the key, as users found it in CloudTrail.
	healthSession = "health-check-session"
	// healthWindow is how far the search goes back: EKS checks once an hour.
	healthWindow = 3 * time.Hour
)

// readHealth finds the last health check of EKS and adds its result.
func (e *evidence) readHealth(ctx context.Context) error {
	events, complete, err := e.options.Events.Session(ctx, healthSession, e.options.Now.Add(-healthWindow))
	if err != nil {
		return err
	}
	check := healthCheck(events, e.options.Key.ARN, e.options.ClusterRole)
	if check.Message == "" {
		check.Message = fmt.Sprintf("CloudTrail shows none for this key and role in the last %.0f hours",
			healthWindow.Hours())
		if !complete {
			check.Message = fmt.Sprintf("none is among the %d latest events of its sessions", len(events))
		}
	}
	e.health = []v1alpha1.Check{check}
	return nil
}

// healthCheck returns the result of the newest health check of the key; without one, it has no message.
func healthCheck(events []cloudtrail.Event, keyARN, role string) v1alpha1.Check {
	c := v1alpha1.Check{Name: HealthCheckName, Result: v1alpha1.ResultUnknown}
	var last *cloudtrail.Event
	for i, event := range events {
		if event.Name == "ListGrants" && event.Source == "kms.amazonaws.com" && event.Role == role &&
			event.Concerns(keyARN) && (last == nil || last.Time.Before(event.Time)) {
			last = &events[i]
		}
	}
	if last == nil {
		return c
	}
	call := fmt.Sprintf("on %s, EKS called kms:ListGrants as the cluster's role %s (CloudTrail event %s)",
		clock.Minute(last.Time), role, last.ID)
	switch {
	case last.ErrorCode == "":
		c.Result, c.Message = v1alpha1.ResultPass, call+", and KMS allowed it"
	case strings.HasPrefix(last.ErrorCode, "AccessDenied"):
		c.Result = v1alpha1.ResultWarn
		c.Message = fmt.Sprintf("%s, and KMS denied it, as it will every hour: %s", call, last.ErrorMessage)
		c.Remedy, c.Statements = addStatement, []Statement{RoleStatement(role)}
		if strings.Contains(last.ErrorMessage, "explicit deny") {
			c.Remedy, c.Statements = denialRemedy, nil
		}
	default:
		c.Message = fmt.Sprintf("%s, which failed: %s: %s", call, last.ErrorCode, last.ErrorMessage)
	}
	return c
}
