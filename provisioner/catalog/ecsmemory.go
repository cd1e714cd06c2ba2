package catalog

// What a host loses between the memory EC2 advertises and the memory ECS offers
// to tasks, by the rule
//
//	lost MiB = 212 + 30 per GiB advertised + 30 per vCPU
//
// of which 32 MiB is the reserve of the ECS agent (ECS_RESERVED_MEMORY), and the
// rest goes to the hypervisor, the firmware and the kernel's own tables.
//
// AWS publishes no such figure ("this number is different than the installed
// memory amount", ECS Developer Guide, memory-management). The rule was fitted to
// 26 values that agents registered on hosts of 26 types, noted in two public
// Terraform files from 2018 to 2023, as the closest line that is above none of
// them. It meets m5.large (7680) and c5.large (3704) exactly and stays within
// 0.1 % of the advertised memory for all c5 and m5, within 1 % for g4dn and inf1.
// On T types it is too careful by 3 to 9 %. Types over 384 GiB, Graviton and AMD
// were not observed: there the rule is an extrapolation.
const (
	lostBaseMiB    = 212
	lostPerGiBMiB  = 30
	lostPerVCPUMiB = 30
)

// ECSMemory returns the MiB that the ECS agent will at least register on a host
// with that many vCPUs and that much advertised memory; never below 0.
func ECSMemory(vcpus, memoryMiB int) int {
	perGiB := (memoryMiB*lostPerGiBMiB + 1023) / 1024 // rounded up, so as not to promise too much
	return max(0, memoryMiB-lostBaseMiB-perGiB-vcpus*lostPerVCPUMiB)
}
