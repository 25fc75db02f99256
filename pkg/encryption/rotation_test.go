package encryption

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestRotationDetails(t *testing.T) {
	at := func(day int) *metav1.Time { return &metav1.Time{Time: time.Date(2026, 12, day, 1, 0, 0, 0, time.UTC)} }
	on := &v1alpha1.Rotation{Enabled: true, PeriodDays: 90, NextDate: at(9)}
	for _, test := range []struct {
		rotation  *v1alpha1.Rotation
		rotations *v1alpha1.Rotations
		unknown   string
		want      string
	}{
		{on, &v1alpha1.Rotations{OnDemand: 3, OnDemandLimit: 25, Last: at(1)}, "",
			"every 90 days, next on 2026-12-09; on demand: 3 of 25 used; last rotated on 2026-12-01"},
		{on, nil, "unknown, needs kms:ListKeyRotations on arn",
			"every 90 days, next on 2026-12-09; on demand: unknown, needs kms:ListKeyRotations on arn"},
		{&v1alpha1.Rotation{OnDemandStarted: at(2)}, &v1alpha1.Rotations{OnDemandLimit: 25}, "",
			"off; on demand: 0 of 25 used; a rotation on demand began on 2026-12-02 and has not ended"},
		{nil, nil, "", "unknown"},
		{&v1alpha1.Rotation{Enabled: true}, nil, "", "on"},
	} {
		got := RotationDetails(RotationText(test.rotation), test.rotation, test.rotations, test.unknown)
		if got != test.want {
			t.Errorf("RotationDetails = %q, want %q", got, test.want)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, test := range []struct {
		in   time.Duration
		days int
		note string // a part, or "" for none
		text string
	}{
		{400 * day, 400, "", "400 days left"}, {30 * day, 30, "", "30 days left"},
		{30*day - time.Second, 29, "expires in 29 days", "29 days left"},
		{time.Hour, 0, "expires in 0 days", "0 days left"}, {0, 0, "expires in 0 days", "0 days left"},
		{-time.Second, -1, "has expired", "expired"}, {-3 * day, -4, "has expired", "expired"},
	} {
		left := DaysLeft(&metav1.Time{Time: now.Add(test.in)}, now)
		notes := strings.Join(ExpiryNotes(left), "")
		if *left != test.days || (notes == "") != (test.note == "") || !strings.Contains(notes, test.note) ||
			ExpiryText(left) != test.text {
			t.Errorf("in %s: %d days, %q, %q", test.in, *left, notes, ExpiryText(left))
		}
	}
	if DaysLeft(nil, now) != nil || ExpiryNotes(nil) != nil || ExpiryText(nil) != "" {
		t.Error("material that does not expire has days left, want none")
	}
}
