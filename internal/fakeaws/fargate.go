package fakeaws

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// The capacity providers that every account has.
const (
	providerFargate     = "FARGATE"
	providerFargateSpot = "FARGATE_SPOT"
)

// validFargate holds a task definition to what Fargate asks for.
func validFargate(in *ecs.RegisterTaskDefinitionInput) error {
	if in.NetworkMode != types.NetworkModeAwsvpc {
		return refuse("ClientException", "Fargate only supports network mode 'awsvpc'.")
	}
	if in.Cpu == nil || in.Memory == nil {
		return refuse("ClientException", "Fargate requires task definition to have 'cpu' and 'memory' at the task level.")
	}
	if !fargateFits(*in.Cpu, *in.Memory) {
		return refuse("ClientException", "No Fargate configuration exists for given values: %s CPU, %s memory. See the Amazon ECS documentation for the valid values.", *in.Cpu, *in.Memory)
	}
	for _, d := range in.ContainerDefinitions {
		if len(d.ResourceRequirements) > 0 {
			return refuse("ClientException", "Fargate does not support resource requirements of type GPU.")
		}
		if value(d.Privileged) {
			return refuse("ClientException", "Fargate does not support privileged containers.")
		}
		if d.LogConfiguration != nil && value(in.ExecutionRoleArn) == "" {
			return refuse("ClientException", "Fargate requires task definition to have execution role ARN to support log driver %s.", d.LogConfiguration.LogDriver)
		}
	}
	for _, v := range in.Volumes {
		if v.Host != nil && value(v.Host.SourcePath) != "" {
			return refuse("ClientException", "host.sourcePath should not be set for volumes in Fargate.")
		}
	}
	return nil
}

// fargateFits tells whether Fargate has a size, given as task definitions give it.
func fargateFits(cpu, memory string) bool {
	units, mib := taskCPU(cpu), taskMemory(memory)
	return units%(unitsPerVCPU/4) == 0 && catalog.FargateFits(units*1000/unitsPerVCPU, mib)
}

// taskCPU reads the CPU of a task in units: "1024", or "1 vCPU". What is neither is 0.
func taskCPU(text string) int { return quantity(text, "vcpu", unitsPerVCPU) }

// taskMemory reads the memory of a task in MiB: "2048", or "2 GB".
func taskMemory(text string) int { return quantity(text, "gb", 1024) }

func quantity(text, unit string, factor float64) int {
	number, found := strings.CutSuffix(strings.ToLower(strings.TrimSpace(text)), unit)
	if !found {
		factor = 1
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0
	}
	return int(x * factor)
}
