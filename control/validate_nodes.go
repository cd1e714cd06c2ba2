package control

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// Limits of multi-node parallel jobs (user guide, "Multi-node parallel jobs").
const (
	maxNodes      = 1000
	maxNodeRanges = 5
)

// checkNodes checks the body of a multi-node parallel definition.
func checkNodes(p types.NodeProperties) error {
	nodes, main := deref(p.NumNodes), deref(p.MainNode)
	switch {
	case nodes < 1 || nodes > maxNodes:
		return batch.Invalid("Number of nodes must be between 1 and %d.", maxNodes)
	case main < 0 || main >= nodes:
		return refuse("Main node index is out of range, must be less than numNodes.", fmt.Sprintf("choose mainNode from 0 to %d", nodes-1))
	case len(p.NodeRangeProperties) == 0:
		return refuse("nodeRangeProperties is required.", fmt.Sprintf("add a range with targetNodes 0:%d", nodes-1))
	case len(p.NodeRangeProperties) > maxNodeRanges:
		return batch.Invalid("Maximum allowed size of node range properties is %d", maxNodeRanges)
	}
	covered := make([]bool, nodes)
	for _, r := range p.NodeRangeProperties {
		first, last, err := nodeRange(deref(r.TargetNodes), int(nodes))
		if err != nil {
			return err
		}
		for i := first; i <= last; i++ {
			covered[i] = true
		}
		if err := checkNodeRange(r); err != nil {
			return err
		}
	}
	for i, c := range covered {
		if !c {
			return refuse(fmt.Sprintf("Node %d is not in any of nodeRangeProperties.", i), fmt.Sprintf("targetNodes must cover 0 to %d", nodes-1))
		}
	}
	return nil
}

var targetNodesPattern = regexp.MustCompile(`^([0-9]*):([0-9]*)$|^([0-9]+)$`)

// nodeRange reads targetNodes: "0:3", ":3", "2:" or one index, both ends included.
func nodeRange(target string, nodes int) (first, last int, err error) {
	m := targetNodesPattern.FindStringSubmatch(target)
	if m == nil {
		return 0, 0, refuse("targetNodes should contain only digits.", fmt.Sprintf(`%q is not of the form "0:3", ":3" or "2:"`, target))
	}
	from, to := m[1], m[2]
	if !strings.Contains(target, ":") {
		from, to = m[3], m[3]
	}
	first, last = 0, nodes-1
	if from != "" {
		first, err = strconv.Atoi(from)
	}
	if to != "" && err == nil {
		last, err = strconv.Atoi(to)
	}
	if err != nil || first > last || last >= nodes {
		return 0, 0, refuse(fmt.Sprintf("targetNodes %s is out of range, must be within 0:%d.", target, nodes-1), "change targetNodes or numNodes")
	}
	return first, last, nil
}

// checkNodeRange checks the body of one range of nodes.
func checkNodeRange(r types.NodeRangeProperty) error {
	switch {
	case len(r.InstanceTypes) > 0 && r.EcsProperties == nil:
		return refuse("Using instanceTypes with nodeRangeProperty is only allowed for ecsProperties jobs.", "use container.instanceType")
	case len(r.InstanceTypes) > 1:
		return refuse("instanceTypes of a node range can have only 1 element.", "leave one")
	}
	if err := noConsumables(r.ConsumableResourceProperties); err != nil {
		return err
	}
	return checkBody(body{r.Container, r.EcsProperties, r.EksProperties}, false)
}
