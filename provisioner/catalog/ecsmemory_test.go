package catalog

import "testing"

// Where an agent was seen to register less than the rule says, a job placed by
// the rule would wait for ever on a host it was launched for.
func TestECSMemoryIsNeverAboveWhatAgentsRegistered(t *testing.T) {
	seen := map[string]int{ // MiB; more of them in the shared data, see shared_test.go
		"t2.small": 1800, "t3.small": 1901, "t3.medium": 3884,
		"c5.large": 3704, "c5.xlarge": 7624, "c5.18xlarge": 140768,
		"m5.large": 7680, "m5.xlarge": 15576, "m5.24xlarge": 378652,
		"g4dn.xlarge": 15731, "inf1.xlarge": 7667,
	}
	for name, registered := range seen {
		x, ok := Default().Lookup(name)
		if !ok {
			t.Errorf("Lookup(%q) found nothing", name)
			continue
		}
		if x.ECSMemoryMiB > registered {
			t.Errorf("%s: rule says %d MiB, an agent registered %d", name, x.ECSMemoryMiB, registered)
		}
	}
}

func TestECSMemoryLeavesLargeTypesMostOfTheirs(t *testing.T) {
	for _, x := range Default().All() {
		if x.MemoryMiB < 16384 {
			continue
		}
		if share := float64(x.ECSMemoryMiB) / float64(x.MemoryMiB); share <= 0.9 {
			t.Errorf("%s leaves %.1f %% of %d MiB to ECS, want above 90 %%", x.Name, 100*share, x.MemoryMiB)
		}
	}
}

func TestECSMemoryOfATinyHostIsNotNegative(t *testing.T) {
	if got := ECSMemory(4, 256); got != 0 {
		t.Errorf("ECSMemory(4, 256) = %d, want 0", got)
	}
}
