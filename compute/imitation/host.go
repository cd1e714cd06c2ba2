// Package imitation is what an imitated EC2 host looks like from outside. The
// simulator and the laptop both make hosts that do not exist; ids, addresses and
// zones are derived from the id of the request, so that a repeated launch, a
// restart or a second run of a simulation shows the same host.
package imitation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// Instance returns the EC2 instance id of the host that request id asked for:
// "i-" and 17 hex digits, of which EC2's first is always 0.
func Instance(id string) string {
	sum := digest("instance", id)
	return "i-0" + hex.EncodeToString(sum[:8])
}

// PrivateIP returns the host's address, in the network that a default VPC has
// (172.31.0.0/16). Two of many hosts may share one: nothing is routed to it.
func PrivateIP(id string) string {
	sum := digest("address", id)
	return netip.AddrFrom4([4]byte{172, 31, sum[0], sum[1]}).String()
}

// zones is how many availability zones an imitated region has.
const zones = 3

// Zone returns the host's availability zone: the region and one of a, b, c.
func Zone(region, id string) string {
	sum := digest("zone", id)
	return region + string(rune('a'+int(sum[0])%zones))
}

// LostReason is what AWS Batch says of a task whose host went away. Retry rules
// match its beginning ("Host EC2*").
func LostReason(instance string) string {
	return "Host EC2 (instance " + instance + ") terminated."
}

// Lifetime draws how long a Spot host lives when it is reclaimed perHour times an
// hour in the mean, which must be above 0. The same seed and id draw the same.
func Lifetime(seed uint64, id string, perHour float64) time.Duration {
	sum := digest("interruption", id)
	r := rand.New(rand.NewPCG(seed, binary.BigEndian.Uint64(sum[:])))
	return time.Duration(r.ExpFloat64() / perHour * float64(time.Hour))
}

// Need is what a task takes of its host: the sum over its containers, as ECS
// reserves it.
func Need(task compute.Task) batch.Resources {
	var need batch.Resources
	for i := range task.Containers {
		need = need.Add(task.Containers[i].Need)
	}
	return need
}

func digest(purpose, id string) [sha256.Size]byte {
	return sha256.Sum256([]byte(purpose + " " + id))
}
