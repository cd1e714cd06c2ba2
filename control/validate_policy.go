package control

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// Bounds of a fair-share policy (API reference, FairsharePolicy, ShareAttributes).
const (
	maxShares             = 500
	maxShareDecaySeconds  = 7 * 24 * 60 * 60
	maxComputeReservation = 99
	minWeightFactor       = 0.0001
	maxWeightFactor       = 999.9999
)

// sharePattern is what a policy may name: an identifier, or a prefix of some.
var sharePattern = regexp.MustCompile(`^([a-zA-Z0-9_-]{1,255}\*?|\*)$`)

// checkPolicies checks the two bodies that a scheduling policy may have.
func checkPolicies(fair *types.FairsharePolicy, quota *types.QuotaSharePolicy) error {
	switch {
	case fair != nil && quota != nil:
		return refuse("A scheduling policy can have either fairsharePolicy or quotaSharePolicy, but not both.", "leave quotaSharePolicy out")
	case quota != nil:
		return unsupported("quotaSharePolicy (SageMaker)", "use fairsharePolicy")
	case fair == nil:
		return nil
	}
	if s := deref(fair.ShareDecaySeconds); s < 0 || s > maxShareDecaySeconds {
		return batch.Invalid("shareDecaySeconds must be between 0 and %d, got %d.", maxShareDecaySeconds, s)
	}
	if r := deref(fair.ComputeReservation); r < 0 || r > maxComputeReservation {
		return batch.Invalid("computeReservation must be between 0 and %d, got %d.", maxComputeReservation, r)
	}
	return checkShares(fair.ShareDistribution)
}

func checkShares(shares []types.ShareAttributes) error {
	if len(shares) > maxShares {
		return refuse("ShareDistribution size cannot be greater than 500.", "name groups of shares by a prefix, such as team-a*")
	}
	seen := map[string]bool{}
	for _, s := range shares {
		id := deref(s.ShareIdentifier)
		switch {
		case !sharePattern.MatchString(id):
			return refuse("ShareIdentifier name should match a valid pattern.",
				fmt.Sprintf("change %q to letters, digits, hyphens and underscores, with a * at the end to mean a prefix", id))
		case seen[id]:
			return refuse("Cannot have two or more identical shareIdentifiers.", id+" is there twice; leave one out")
		case s.WeightFactor != nil && (*s.WeightFactor < minWeightFactor || *s.WeightFactor > maxWeightFactor):
			return refuse("Weight factor should be between 0.0001 and 999.9999.", fmt.Sprintf("change weightFactor %v of %s", *s.WeightFactor, id))
		}
		seen[id] = true
	}
	for _, s := range shares {
		prefix, isPrefix := strings.CutSuffix(deref(s.ShareIdentifier), "*")
		if !isPrefix {
			continue
		}
		for _, other := range shares {
			id := deref(other.ShareIdentifier)
			if id != prefix+"*" && strings.HasPrefix(id, prefix) {
				return refuse(fmt.Sprintf("Share identifier %s matches another share identifier %s*.", id, prefix), "leave one of them out")
			}
		}
	}
	return nil
}
