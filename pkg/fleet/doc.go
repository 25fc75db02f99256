// Package fleet asks about many clusters and decides what that means: it finds the
// clusters of regions and accounts, asks about them side by side within AWS's
// quotas, and holds the answers against controls, approved keys and waivers.
//
// What could not be asked stays in the report, as Unknown and with the reason.
// aws.go makes all calls; everything from controls.go on is pure.
package fleet
