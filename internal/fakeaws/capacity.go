package fakeaws

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// The markets, as EC2 spells them in fleets.
const (
	spotMarket     = "spot"
	onDemandMarket = "on-demand"
	fargateType    = "FARGATE" // in place of an instance type
)

// kind is a kind of capacity.
type kind struct{ typ, zone, market string }

func (s Shortage) matches(k kind) bool {
	return (s.Type == "" || glob(s.Type, k.typ)) && (s.Zone == "" || s.Zone == k.zone) && (s.Market == "" || s.Market == k.market)
}

// short reports whether there is no more of a kind, given what is planned already.
// With mu held.
func (c *Cloud) short(k kind, planned []kind) bool {
	for _, s := range c.faults.Shortages {
		if !s.matches(k) || !s.Until.IsZero() && !c.now().Before(s.Until) {
			continue
		}
		alive := 0
		for _, other := range append(c.aliveKinds(), planned...) {
			if s.matches(other) {
				alive++
			}
		}
		if alive >= s.Left {
			return true
		}
	}
	return c.chance(c.faults.ShortageChance, "shortage", fmt.Sprint(k, c.made["faults"]))
}

func (c *Cloud) aliveKinds() []kind {
	var all []kind
	for _, i := range c.instances {
		if i.alive() {
			all = append(all, i.kind())
		}
	}
	return all
}

// overQuota reports whether one more of a type would have more vCPUs than the account
// may have. With mu held.
func (c *Cloud) overQuota(t catalog.Type, market string, planned []kind) bool {
	if c.faults.VCPULimit == 0 {
		return false
	}
	sum := t.VCPUs
	for _, k := range append(c.aliveKinds(), planned...) {
		if other, ok := c.o.Catalog.Lookup(k.typ); ok && k.market == market {
			sum += other.VCPUs
		}
	}
	return sum > c.faults.VCPULimit
}

// unavailable says why one more of a kind cannot be had; nil if it can.
func (c *Cloud) unavailable(t catalog.Type, k kind, planned []kind) *types.CreateFleetError {
	if c.overQuota(t, k.market, planned) {
		return fleetError("VcpuLimitExceeded",
			"You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
			c.faults.VCPULimit)
	}
	if c.short(k, planned) {
		if k.market == spotMarket {
			return fleetError("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request.")
		}
		return fleetError("InsufficientInstanceCapacity",
			"We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). Our system will be working on provisioning additional capacity.", k.typ, k.zone)
	}
	return nil
}

func fleetError(code, format string, args ...any) *types.CreateFleetError {
	message := fmt.Sprintf(format, args...)
	return &types.CreateFleetError{ErrorCode: &code, ErrorMessage: &message}
}
