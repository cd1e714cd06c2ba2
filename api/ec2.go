package api

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

const ec2Namespace = "http://ec2.amazonaws.com/doc/" + ec2Version + "/"

// Bounds of EC2 on a page, also what it has when the caller names no size.
const (
	maxInstances     = 1000
	maxInstanceTypes = 100
)

func ec2Error(code, format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// filters are the conditions of a call, all of which have to hold.
type filters []filter

// filter holds for what has one of the values in its field; * and ? stand for any
// characters and any one.
type filter struct {
	name   string
	values []string
}

// filtersOf reads Filter.N.Name and Filter.N.Value.M. Names that are in neither
// known nor, with a trailing colon, the beginning of a known kind ("tag:") are
// refused as EC2 does.
func (f form) filtersOf(known ...string) (filters, error) {
	const most = 50
	var all filters
	for i := 1; i <= most; i++ {
		prefix := "Filter." + strconv.Itoa(i)
		name := f.Get(prefix + ".Name")
		if name == "" {
			break
		}
		kind := name
		if k, _, ok := strings.Cut(name, ":"); ok {
			kind = k + ":"
		}
		if !slices.Contains(known, kind) {
			return nil, ec2Error("InvalidParameterValue", "The filter '%s' is invalid: Packhorse has %s", clip(name), strings.Join(known, ", "))
		}
		all = append(all, filter{name, f.list(prefix + ".Value")})
	}
	return all, nil
}

// hold reports whether all filters hold; field gives the values of a field.
func (all filters) hold(field func(name string) []string) bool {
	return !slices.ContainsFunc(all, func(f filter) bool {
		has := field(f.name)
		return !slices.ContainsFunc(f.values, func(pattern string) bool {
			return slices.ContainsFunc(has, func(value string) bool { return glob(pattern, value) })
		})
	})
}

// glob reports whether value matches pattern, in which * stands for any characters
// and ? for any one.
func glob(pattern, value string) bool {
	p, v, star, from := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0: // let the last star take one more
			from++
			p, v = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// pageSize reads MaxResults.
func (f form) pageSize(most int) (int, error) {
	text := f.Get("MaxResults")
	if text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, ec2Error("InvalidParameterValue", "Value ( %s ) for parameter maxResults is invalid. Expecting a value between 1 and %d.", clip(text), most)
	}
	return n, nil
}

// described is what EC2 shows of a thing that it describes.
type described interface {
	id() string                 // empty while there is none, which leaves it out
	field(name string) []string // the values that filters look at
}

// matching returns the page that f asks for of those things that the filters let pass, by
// id and each once, and the token of the page behind it.
func matching[T any, D described](things []T, show func(T) D, where filters, f form, size int) (page []D, next string, err error) {
	byID := make(map[string]D, len(things))
	var ids []string
	for _, thing := range things {
		if one := show(thing); one.id() != "" && where.hold(one.field) {
			if _, twice := byID[one.id()]; !twice {
				ids = append(ids, one.id())
			}
			byID[one.id()] = one
		}
	}
	ids, next, err = pageAfter(ids, f.Get("NextToken"), size)
	for _, id := range ids {
		page = append(page, byID[id])
	}
	return page, next, err
}

type ec2State struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type ec2Reason struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

type ec2Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type ec2Instance struct {
	InstanceID       string     `xml:"instanceId"`
	State            ec2State   `xml:"instanceState"`
	PrivateDNSName   string     `xml:"privateDnsName"`
	Reason           string     `xml:"reason"`
	InstanceType     string     `xml:"instanceType"`
	LaunchTime       string     `xml:"launchTime,omitempty"`
	Zone             string     `xml:"placement>availabilityZone"`
	Tenancy          string     `xml:"placement>tenancy"`
	Monitoring       string     `xml:"monitoring>state"`
	PrivateIPAddress string     `xml:"privateIpAddress,omitempty"`
	StateReason      *ec2Reason `xml:"stateReason"`
	Architecture     string     `xml:"architecture"`
	RootDeviceType   string     `xml:"rootDeviceType"`
	Lifecycle        string     `xml:"instanceLifecycle,omitempty"`
	Tags             []ec2Tag   `xml:"tagSet>item"`
	Virtualization   string     `xml:"virtualizationType"`
	Hypervisor       string     `xml:"hypervisor"`
}

type ec2Reservation struct {
	ReservationID string        `xml:"reservationId"`
	OwnerID       string        `xml:"ownerId"`
	Instances     []ec2Instance `xml:"instancesSet>item"`
}

type describeInstancesResponse struct {
	XMLName      xml.Name         `xml:"DescribeInstancesResponse"`
	Namespace    string           `xml:"xmlns,attr"`
	RequestID    string           `xml:"requestId"`
	Reservations []ec2Reservation `xml:"reservationSet>item"`
	NextToken    string           `xml:"nextToken,omitempty"`
}

// environmentTag is the tag that names the compute environment of an instance.
const environmentTag = "packhorse:compute-environment"

// describeInstances answers for the hosts that are asked for by id, or for all.
func (h query) describeInstances(c *call, f form) error {
	fleet, err := h.fleet()
	if err != nil {
		return err
	}
	all, err := f.filtersOf("instance-id", "instance-type", "instance-state-name", "instance-lifecycle", "availability-zone",
		"private-ip-address", "architecture", "tag:", "tag-key")
	if err != nil {
		return err
	}
	size, err := f.pageSize(maxInstances)
	if err != nil {
		return err
	}
	hosts, err := instancesOf(c, fleet, f.list("InstanceId"))
	if err != nil {
		return err
	}
	page, next, err := matching(hosts, ec2InstanceOf, all, f, size)
	if err != nil {
		return err
	}
	out := describeInstancesResponse{Namespace: ec2Namespace, RequestID: c.id, NextToken: next}
	for _, one := range page {
		out.Reservations = append(out.Reservations, ec2Reservation{"r-" + strings.TrimPrefix(one.InstanceID, "i-"), h.Account.ID, []ec2Instance{one}})
	}
	c.xml(http.StatusOK, out)
	return nil
}

// instancesOf returns the hosts with these ids, all of which must be known, or all
// hosts when there are no ids.
func instancesOf(c *call, fleet Fleet, ids []string) ([]HostView, error) {
	if len(ids) == 0 {
		return fleet.Hosts(c.r.Context())
	}
	var hosts []HostView
	var unknown []string
	for _, id := range ids {
		if !strings.HasPrefix(id, "i-") {
			return nil, ec2Error("InvalidInstanceID.Malformed", "Invalid id: %q (expecting \"i-...\")", clip(id))
		}
		v, ok, err := fleet.Instance(c.r.Context(), id)
		if err != nil {
			return nil, err
		}
		if !ok {
			unknown = append(unknown, clip(id))
			continue
		}
		hosts = append(hosts, v)
	}
	switch len(unknown) {
	case 0:
		return hosts, nil
	case 1:
		return nil, ec2Error("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", unknown[0])
	}
	return nil, ec2Error("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(unknown, ", "))
}

func ec2InstanceOf(v HostView) ec2Instance {
	one := ec2Instance{
		InstanceID: v.Instance, State: ec2StateOf(v.State), Reason: v.Reason, InstanceType: v.Type, Zone: v.Zone, Tenancy: "default",
		Monitoring: "disabled", PrivateIPAddress: v.PrivateIP, Architecture: catalog.X86, RootDeviceType: "ebs",
		Tags:           []ec2Tag{{environmentTag, v.Environment}},
		Virtualization: "hvm", Hypervisor: "xen",
	}
	if v.Arch == catalog.ARM {
		one.Architecture = catalog.ARM
	}
	if v.PrivateIP != "" {
		one.PrivateDNSName = "ip-" + strings.ReplaceAll(v.PrivateIP, ".", "-") + ".ec2.internal"
	}
	if !v.LaunchedAt.IsZero() {
		one.LaunchTime = v.LaunchedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if v.Market == compute.Spot {
		one.Lifecycle = "spot"
	}
	if v.Reason != "" {
		one.StateReason = &ec2Reason{Code: "Client.UserInitiatedShutdown", Message: v.Reason}
	}
	return one
}

func ec2StateOf(s compute.HostState) ec2State {
	switch s {
	case compute.HostReady, compute.HostDraining:
		return ec2State{16, "running"}
	case compute.HostGone:
		return ec2State{48, "terminated"}
	}
	return ec2State{0, "pending"}
}

func (one ec2Instance) id() string { return one.InstanceID }

func (one ec2Instance) field(name string) []string {
	switch name {
	case "instance-id":
		return []string{one.InstanceID}
	case "instance-type":
		return []string{one.InstanceType}
	case "instance-state-name":
		return []string{one.State.Name}
	case "instance-lifecycle":
		return []string{one.Lifecycle}
	case "availability-zone":
		return []string{one.Zone}
	case "private-ip-address":
		return []string{one.PrivateIPAddress}
	case "architecture":
		return []string{one.Architecture}
	}
	var values []string
	for _, tag := range one.Tags {
		if name == "tag-key" {
			values = append(values, tag.Key)
		} else if name == "tag:"+tag.Key {
			values = append(values, tag.Value)
		}
	}
	return values
}

type ec2GPU struct {
	Name         string `xml:"name"`
	Manufacturer string `xml:"manufacturer"`
	Count        int    `xml:"count"`
	MemoryMiB    int    `xml:"memoryInfo>sizeInMiB"`
}

type ec2GPUs struct {
	GPUs     []ec2GPU `xml:"gpus>item"`
	TotalMiB int      `xml:"totalGpuMemoryInMiB"`
}

type ec2InstanceType struct {
	Name              string   `xml:"instanceType"`
	CurrentGeneration bool     `xml:"currentGeneration"`
	UsageClasses      []string `xml:"supportedUsageClasses>item"`
	BareMetal         bool     `xml:"bareMetal"`
	Architectures     []string `xml:"processorInfo>supportedArchitectures>item"`
	VCPUs             int      `xml:"vCpuInfo>defaultVCpus"`
	MemoryMiB         int      `xml:"memoryInfo>sizeInMiB"`
	InstanceStorage   bool     `xml:"instanceStorageSupported"`
	StorageGB         *int     `xml:"instanceStorageInfo>totalSizeInGB"`
	GPUs              *ec2GPUs `xml:"gpuInfo"`
	Burstable         bool     `xml:"burstablePerformanceSupported"`
}

type describeInstanceTypesResponse struct {
	XMLName   xml.Name          `xml:"DescribeInstanceTypesResponse"`
	Namespace string            `xml:"xmlns,attr"`
	RequestID string            `xml:"requestId"`
	Types     []ec2InstanceType `xml:"instanceTypeSet>item"`
	NextToken string            `xml:"nextToken,omitempty"`
}

// describeInstanceTypes answers from the catalog.
func (h query) describeInstanceTypes(c *call, f form) error {
	if h.Types == nil {
		return ec2Error("InvalidAction", "The action DescribeInstanceTypes is not valid for this web service: this server has no table of instance types")
	}
	all, err := f.filtersOf("instance-type", "current-generation", "bare-metal", "processor-info.supported-architecture",
		"supported-usage-class", "vcpu-info.default-vcpus", "memory-info.size-in-mib", "instance-storage-supported", "burstable-performance-supported")
	if err != nil {
		return err
	}
	size, err := f.pageSize(maxInstanceTypes)
	if err != nil {
		return err
	}
	types, err := h.typesOf(f.list("InstanceType"))
	if err != nil {
		return err
	}
	page, next, err := matching(types, ec2TypeOf, all, f, size)
	if err != nil {
		return err
	}
	c.xml(http.StatusOK, describeInstanceTypesResponse{Namespace: ec2Namespace, RequestID: c.id, Types: page, NextToken: next})
	return nil
}

func (h query) typesOf(names []string) ([]catalog.Type, error) {
	if len(names) == 0 {
		return h.Types.All(), nil
	}
	var types []catalog.Type
	var unknown []string
	for _, name := range names {
		if t, ok := h.Types.Lookup(name); ok {
			types = append(types, t)
		} else {
			unknown = append(unknown, clip(name))
		}
	}
	if len(unknown) > 0 {
		return nil, ec2Error("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
	}
	return types, nil
}

func ec2TypeOf(t catalog.Type) ec2InstanceType {
	one := ec2InstanceType{
		Name: t.Name, CurrentGeneration: t.CurrentGeneration, UsageClasses: []string{"on-demand", "spot"}, BareMetal: t.BareMetal,
		Architectures: []string{t.Arch}, VCPUs: t.VCPUs, MemoryMiB: t.MemoryMiB, Burstable: t.Burstable,
	}
	if t.LocalStorageGB > 0 {
		one.InstanceStorage, one.StorageGB = true, &t.LocalStorageGB
	}
	if t.GPUs > 0 {
		maker, model, _ := strings.Cut(t.GPUModel, " ")
		one.GPUs = &ec2GPUs{[]ec2GPU{{model, maker, t.GPUs, t.GPUMemoryMiB / t.GPUs}}, t.GPUMemoryMiB}
	}
	return one
}

func (one ec2InstanceType) id() string { return one.Name }

func (one ec2InstanceType) field(name string) []string {
	switch name {
	case "instance-type":
		return []string{one.Name}
	case "current-generation":
		return []string{strconv.FormatBool(one.CurrentGeneration)}
	case "bare-metal":
		return []string{strconv.FormatBool(one.BareMetal)}
	case "processor-info.supported-architecture":
		return one.Architectures
	case "supported-usage-class":
		return one.UsageClasses
	case "vcpu-info.default-vcpus":
		return []string{strconv.Itoa(one.VCPUs)}
	case "memory-info.size-in-mib":
		return []string{strconv.Itoa(one.MemoryMiB)}
	case "instance-storage-supported":
		return []string{strconv.FormatBool(one.InstanceStorage)}
	case "burstable-performance-supported":
		return []string{strconv.FormatBool(one.Burstable)}
	}
	return nil
}
