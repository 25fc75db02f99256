package fakeaws

import (
	"cmp"
	"time"
)

// getKeyRotationStatus returns the rotation of a key. It is off for a key that is pending
// deletion.
func (s *Server) getKeyRotationStatus(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "GetKeyRotationStatus", nil)
	if failure != nil {
		return nil, failure
	}
	if key.Spec != "SYMMETRIC_DEFAULT" {
		return nil, failf(400, "UnsupportedOperationException", "")
	}
	reply := object{"KeyId": key.ARN(), "KeyRotationEnabled": false}
	if key.RotationDays > 0 && key.State != "PendingDeletion" {
		reply["KeyRotationEnabled"], reply["RotationPeriodInDays"] = true, key.RotationDays
		reply["NextRotationDate"] = epoch(key.CreatedAt.AddDate(0, 0, key.RotationDays))
	}
	return reply, nil
}

// listKeyRotations lists the completed rotations of a symmetric key with material of KMS or imported material.
func (s *Server) listKeyRotations(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "ListKeyRotations", nil)
	if failure != nil {
		return nil, failure
	}
	if key.Spec != "SYMMETRIC_DEFAULT" || key.Origin != "AWS_KMS" && key.Origin != "EXTERNAL" {
		return nil, failf(400, "UnsupportedOperationException", "")
	}
	var list []object
	for _, r := range key.Rotations {
		list = append(list, object{"KeyId": key.ARN(), "RotationDate": epoch(r.Date), "RotationType": r.Type})
	}
	return s.kmsPage("Rotations", list, in, 100, 1000)
}

func (s *Server) enableKeyRotation(c *call) (any, *apiError) {
	var in struct {
		KeyID                string
		RotationPeriodInDays *int
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "EnableKeyRotation", nil)
	if failure != nil {
		return nil, failure
	}
	if failure := key.usable(); failure != nil {
		return nil, failure
	}
	days := 0
	if in.RotationPeriodInDays != nil {
		if days = *in.RotationPeriodInDays; days < 90 || days > 2560 {
			return nil, failf(400, "ValidationException",
				"1 validation error detected: Value '%d' at 'rotationPeriodInDays' failed to satisfy constraint: "+
					"Member must have value between 90 and 2560", days)
		}
	}
	if key.Spec != "SYMMETRIC_DEFAULT" {
		return nil, failf(400, "UnsupportedOperationException", "")
	}
	if key.Origin != "AWS_KMS" {
		return nil, failf(400, "UnsupportedOperationException", "%s origin is %s which is not valid for this operation.",
			key.ARN(), key.Origin)
	}
	key.RotationDays = cmp.Or(days, key.RotationDays, 365)
	return nil, nil
}

// getKeyLastUsage returns the last successful cryptographic operation.
func (s *Server) getKeyLastUsage(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "GetKeyLastUsage", nil)
	if failure != nil {
		return nil, failure
	}
	reply := object{
		"KeyId": key.ID, "KeyCreationDate": epoch(key.CreatedAt), "TrackingStartDate": epoch(trackingStart(key)),
		"KeyLastUsage": object{},
	}
	if !key.LastUse.IsZero() {
		usage := object{"Operation": key.LastUseOp, "Timestamp": epoch(key.LastUse)}
		if key.LastUseEvent != "" {
			usage["CloudTrailEventId"] = key.LastUseEvent
		}
		reply["KeyLastUsage"] = usage
	}
	return reply, nil
}

// trackingStart is when KMS began to track the usage of a key: at its creation, or for older
// keys when KMS introduced it.
func trackingStart(k *Key) time.Time {
	introduced := time.Date(2026, 4, 23, 0, 0, 0, 0, time.UTC)
	if k.CreatedAt.After(introduced) {
		return k.CreatedAt
	}
	return introduced
}
