package prices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/internal/account/book"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shop is a Pricing API: products as AWS writes them, two on a page.
type shop struct {
	products []string
	err      error // on the second page
	asked    []map[string]string
}

func (s *shop) GetProducts(_ context.Context, in *pricing.GetProductsInput, _ ...func(*pricing.Options)) (*pricing.GetProductsOutput, error) {
	filters := map[string]string{"ServiceCode": aws.ToString(in.ServiceCode)}
	for _, f := range in.Filters {
		filters[*f.Field] = *f.Value
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	if from == 0 {
		s.asked = append(s.asked, filters)
	} else if s.err != nil {
		return nil, s.err
	}
	var match []string
	for _, p := range s.products {
		if strings.Contains(p, `"productFamily":"`+filters["productFamily"]+`"`) {
			match = append(match, p)
		}
	}
	const page = 2
	out := &pricing.GetProductsOutput{PriceList: match[min(from, len(match)):min(from+page, len(match))]}
	if from+page < len(match) {
		out.NextToken = aws.String(strconv.Itoa(from + page))
	}
	return out, nil
}

// shelves are the products of testdata/products.jsonl, one a line, written in the form of
// the examples of GetProducts in the AWS Billing user guide.
func shelves(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/products.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// region is a cloud of a few types with a shop.
func region(t *testing.T) (Clients, *shop, *catalog.Catalog) {
	t.Helper()
	var small []catalog.Type
	for _, name := range []string{"m6i.large", "c7g.xlarge", "c5.metal"} {
		x, _ := catalog.Default().Lookup(name)
		small = append(small, x)
	}
	types, err := catalog.New(small)
	if err != nil {
		t.Fatal(err)
	}
	cloud := fakeaws.New(fakeaws.Options{Catalog: types, Region: "eu-west-1", Now: func() time.Time { return noon }})
	t.Cleanup(cloud.Close)
	s := &shop{products: shelves(t)}
	return Clients{EC2: cloud.EC2(), Pricing: s}, s, types
}

// refreshed is a book of which each part was asked for.
func refreshed(ctx context.Context, c Clients, region string) (book.Book, error) {
	b := book.Book{Region: region, At: map[string]time.Time{}}
	var failed []error
	for _, part := range book.Parts() {
		failed = append(failed, refresh(ctx, c, &b, part, noon))
	}
	return b, errors.Join(failed...)
}

func TestRefreshAsksForTheWholeBook(t *testing.T) {
	clients, shop, types := region(t)
	b, err := refreshed(t.Context(), clients, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}

	want := map[string]float64{"m6i.large": 0.107, "c7g.xlarge": 0.1551, "c5.metal": 4.608}
	if diff := cmp.Diff(want, b.OnDemand); diff != "" {
		t.Errorf("On-Demand prices (-want +got):\n%s", diff)
	}
	if len(shop.asked) != 2 {
		t.Fatalf("%d lists were asked for, want 2: of instances and of bare metal", len(shop.asked))
	}
	filters := map[string]string{
		"ServiceCode": "AmazonEC2", "regionCode": "eu-west-1", "operatingSystem": "Linux", "preInstalledSw": "NA",
		"capacitystatus": "Used", "marketoption": "OnDemand", "tenancy": "Shared", "productFamily": "Compute Instance",
	}
	if diff := cmp.Diff(filters, shop.asked[0]); diff != "" {
		t.Errorf("filters of the first list (-want +got):\n%s", diff)
	}

	var names []string
	for _, x := range b.Types {
		names = append(names, x.Name)
		known, _ := types.Lookup(x.Name)
		if x.VCPUs != known.VCPUs || x.MemoryMiB != known.MemoryMiB || x.Arch != known.Arch || x.BareMetal != known.BareMetal {
			t.Errorf("type %+v, want as it is: %+v", x, known)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"c5.metal", "c7g.xlarge", "m6i.large"}, names); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}

	if len(b.Spot) != 3 || len(b.Spot["m6i.large"]) != 3 {
		t.Errorf("Spot prices of %d types, of m6i.large %v; want 3 types in 3 zones", len(b.Spot), b.Spot["m6i.large"])
	}
	for zone, usd := range b.Spot["m6i.large"] {
		if !strings.HasPrefix(zone, "eu-west-1") || usd <= 0 || usd >= 0.096 {
			t.Errorf("Spot price of m6i.large in %s is %v, want some of the On-Demand price, in a zone of eu-west-1", zone, usd)
		}
	}
	for _, part := range book.Parts() {
		if !b.At[part].Equal(noon) {
			t.Errorf("part %q is of %v, want %v", part, b.At[part], noon)
		}
	}
}

func TestAPartThatIsNotWholeIsLeftOut(t *testing.T) {
	clients, shop, _ := region(t)
	shop.err = errors.New("ThrottlingException: Rate exceeded")
	b, err := refreshed(t.Context(), clients, "eu-west-1")
	if err == nil || !strings.Contains(err.Error(), `"ondemand" of eu-west-1`) || !strings.Contains(err.Error(), "Rate exceeded") {
		t.Errorf("refresh = %v, want an error that names the part and why", err)
	}
	if _, ok := b.At[book.OnDemand]; ok || len(b.OnDemand) > 0 {
		t.Errorf("the first page of a price list that broke off is in the book: %v", b.OnDemand)
	}
	if len(b.Spot) == 0 || len(b.Types) == 0 {
		t.Errorf("the other parts have %d and %d entries, want them there", len(b.Spot), len(b.Types))
	}
}

func TestPricingRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "us-east-1", "us-west-2": "us-east-1", "ca-central-1": "us-east-1", "sa-east-1": "us-east-1",
		"eu-west-1": "eu-central-1", "af-south-1": "eu-central-1", "ap-northeast-3": "ap-south-1",
		"cn-north-1": "", "us-gov-west-1": "",
	} {
		if got := PricingRegion(region); got != want {
			t.Errorf("PricingRegion(%q) = %q, want %q", region, got, want)
		}
	}
}

// history is an EC2 that answers with what it is given, on pages of one.
type history struct {
	EC2
	prices []types.SpotPrice
}

func (h history) DescribeSpotPriceHistory(_ context.Context, in *ec2.DescribeSpotPriceHistoryInput, _ ...func(*ec2.Options)) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &ec2.DescribeSpotPriceHistoryOutput{SpotPriceHistory: h.prices[from : from+1]}
	if from+1 < len(h.prices) {
		out.NextToken = aws.String(strconv.Itoa(from + 1))
	}
	return out, nil
}

func TestTheLatestSpotPriceOfAZoneCounts(t *testing.T) {
	price := func(zone, usd string, ago time.Duration) types.SpotPrice {
		return types.SpotPrice{InstanceType: "m6i.large", AvailabilityZone: &zone, SpotPrice: &usd, Timestamp: aws.Time(noon.Add(-ago))}
	}
	h := history{prices: []types.SpotPrice{
		price("eu-west-1a", "0.050000", time.Hour), price("eu-west-1a", "0.041200", time.Minute), price("eu-west-1a", "0.060000", 2*time.Hour),
		price("eu-west-1b", "0.038700", time.Minute),
	}}
	got, err := spot(t.Context(), h, noon)
	want := map[string]map[string]float64{"m6i.large": {"eu-west-1a": 0.0412, "eu-west-1b": 0.0387}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("spot = %v (-want +got):\n%s", err, diff)
	}
}

// endless is an EC2 whose lists have no end.
type endless struct{ EC2 }

func (endless) DescribeInstanceTypes(context.Context, *ec2.DescribeInstanceTypesInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceTypesOutput, error) {
	return &ec2.DescribeInstanceTypesOutput{NextToken: aws.String("on and on")}, nil
}

func TestAListWithoutEndIsGivenUp(t *testing.T) {
	if _, err := instanceTypes(t.Context(), endless{}); err == nil || !strings.Contains(err.Error(), strconv.Itoa(maxPages)) {
		t.Errorf("instanceTypes of a list without end = %v, want an error that says after how many pages", err)
	}
}

func TestWhatATypeHas(t *testing.T) {
	whole := func(change func(*types.InstanceTypeInfo)) types.InstanceTypeInfo {
		i := types.InstanceTypeInfo{
			InstanceType: "x9.large", VCpuInfo: &types.VCpuInfo{DefaultVCpus: aws.Int32(8)}, MemoryInfo: &types.MemoryInfo{SizeInMiB: aws.Int64(16384)},
			ProcessorInfo: &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{"i386", "x86_64"}},
		}
		change(&i)
		return i
	}
	plain := catalog.Type{Name: "x9.large", VCPUs: 8, MemoryMiB: 16384, Arch: catalog.X86}
	gpu, gaudi, mac := plain, plain, catalog.Type{}
	gpu.GPUs, gpu.GPUModel, gpu.GPUMemoryMiB, gpu.NetworkGbps, gpu.LocalStorageGB = 2, "NVIDIA L4", 45776, 12.5, 225
	gaudi.OtherAccelerators = "8x Gaudi HL-205, 16x Trainium"
	device := func(maker, name string, count int32) *types.GpuInfo {
		return &types.GpuInfo{TotalGpuMemoryInMiB: aws.Int32(45776), Gpus: []types.GpuDeviceInfo{{Manufacturer: &maker, Name: &name, Count: &count}}}
	}
	tests := map[string]struct {
		info types.InstanceTypeInfo
		want catalog.Type
	}{
		"processors and memory": {whole(func(*types.InstanceTypeInfo) {}), plain},
		"GPUs, network and storage": {whole(func(i *types.InstanceTypeInfo) {
			i.GpuInfo = device("NVIDIA", "L4", 2)
			i.NetworkInfo = &types.NetworkInfo{NetworkCards: []types.NetworkCardInfo{{PeakBandwidthInGbps: aws.Float64(10)}, {PeakBandwidthInGbps: aws.Float64(2.5)}}}
			i.InstanceStorageInfo = &types.InstanceStorageInfo{TotalSizeInGB: aws.Int64(225)}
		}), gpu},
		"accelerators that are no GPUs": {whole(func(i *types.InstanceTypeInfo) {
			i.GpuInfo = device("Habana", "Gaudi HL-205", 8)
			i.NeuronInfo = &types.NeuronInfo{NeuronDevices: []types.NeuronDeviceInfo{{Name: aws.String("Trainium"), Count: aws.Int32(16)}}}
		}), gaudi},
		"a Mac is none": {whole(func(i *types.InstanceTypeInfo) {
			i.ProcessorInfo.SupportedArchitectures = []types.ArchitectureType{"arm64_mac"}
		}), mac},
		"without memory it is none": {whole(func(i *types.InstanceTypeInfo) { i.MemoryInfo = nil }), mac},
	}
	for name, tt := range tests {
		got, ok := typeOf(&tt.info)
		if !ok {
			got = catalog.Type{}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// keeper is a Keeper with a clock that the test moves.
type keeper struct {
	Keeper
	now time.Time
	log strings.Builder
}

func newKeeper(t *testing.T) (*keeper, *shop) {
	clients, shop, _ := region(t)
	k := &keeper{now: noon}
	k.Keeper = Keeper{
		Clients: clients, Records: store.New(mem.Open(), store.Options{}), Region: "eu-west-1",
		Now: func() time.Time { return k.now }, Log: slog.New(slog.NewTextHandler(&k.log, nil)),
	}
	k.make(t, batchtypes.CRTypeSpot)
	return k, shop
}

// make writes an environment named like its type.
func (k *keeper) make(t *testing.T, kind batchtypes.CRType) {
	t.Helper()
	op := k.Records.PutEnvironment(store.Environment{Detail: batchtypes.ComputeEnvironmentDetail{
		ComputeEnvironmentName: aws.String(string(kind)), ComputeResources: &batchtypes.ComputeResource{Type: kind},
	}})
	if err := k.Records.Write(t.Context(), op); err != nil {
		t.Fatal(err)
	}
}

func TestSpotPricesAreAskedForOnceSomebodyBuysSpot(t *testing.T) {
	k, _ := newKeeper(t)
	k.Records = store.New(mem.Open(), store.Options{})
	k.make(t, batchtypes.CRTypeEc2)
	k.Keep(t.Context())
	if got := k.at(t, book.Spot); got.Equal(noon) {
		t.Error("Spot prices were asked for where nobody buys Spot")
	}
	if got := k.at(t, book.OnDemand); !got.Equal(noon) {
		t.Errorf("On-Demand prices are of %v, want %v", got, noon)
	}
	k.make(t, batchtypes.CRTypeSpot)
	k.now = noon.Add(againAfter)
	k.Keep(t.Context())
	if got := k.at(t, book.Spot); !got.Equal(k.now) {
		t.Errorf("%v after an environment of Spot was made Spot prices are of %v, want %v", againAfter, got, k.now)
	}
}

func (k *keeper) at(t *testing.T, part string) time.Time {
	t.Helper()
	p, err := k.Records.Prices(t.Context(), part)
	if err != nil && !store.IsNotFound(err) {
		t.Fatal(err)
	}
	return p.At.UTC()
}

func TestEachPartIsRefreshedInItsOwnTime(t *testing.T) {
	k, shop := newKeeper(t)
	k.Keep(t.Context())
	k.now = noon.Add(29 * time.Minute)
	k.Keep(t.Context())
	if got := k.at(t, book.Spot); !got.Equal(noon) {
		t.Errorf("29 minutes later Spot prices are of %v, want %v", got, noon)
	}
	k.now = noon.Add(30 * time.Minute)
	k.Keep(t.Context())
	if got := k.at(t, book.Spot); !got.Equal(k.now) {
		t.Errorf("30 minutes later Spot prices are of %v, want %v", got, k.now)
	}
	if got := k.at(t, book.OnDemand); !got.Equal(noon) || len(shop.asked) != 2 {
		t.Errorf("30 minutes later On-Demand prices are of %v, after %d lists; want %v and 2", got, len(shop.asked), noon)
	}
	k.now = noon.Add(24 * time.Hour)
	k.Keep(t.Context())
	for _, part := range book.Parts() {
		if got := k.at(t, part); !got.Equal(k.now) {
			t.Errorf("a day later the part %q is of %v, want %v", part, got, k.now)
		}
	}
}

// A function that starts anew remembers nothing but the records.
func TestWhereThereIsNoPriceListNobodyIsAsked(t *testing.T) {
	k, shop := newKeeper(t)
	k.Region = "us-gov-west-1"
	k.Keep(t.Context())
	if got := k.at(t, book.Spot); len(shop.asked) > 0 || !got.Equal(noon) {
		t.Errorf("in GovCloud %d lists were asked for, and Spot prices are of %v; want none, and %v", len(shop.asked), got, noon)
	}
}

func TestANewKeeperGoesByTheRecords(t *testing.T) {
	k, shop := newKeeper(t)
	k.Keep(t.Context())
	k.next, k.now = nil, noon.Add(time.Hour)
	k.Keep(t.Context())
	if len(shop.asked) != 2 {
		t.Errorf("a new keeper asked for price lists of an hour ago again: %d lists, want 2", len(shop.asked))
	}
	if got := k.at(t, book.Spot); !got.Equal(k.now) {
		t.Errorf("a new keeper left Spot prices of %v, want %v", got, k.now)
	}
}

func TestWhatFailsIsTriedAgainLaterAndKeepsWhatIsThere(t *testing.T) {
	k, shop := newKeeper(t)
	k.Keep(t.Context())
	k.now, shop.err = noon.Add(24*time.Hour), errors.New("throttled")
	k.Keep(t.Context())
	if got := k.at(t, book.OnDemand); !got.Equal(noon) {
		t.Errorf("after a failure On-Demand prices are of %v, want those of %v", got, noon)
	}
	if got := k.at(t, book.Types); !got.Equal(k.now) {
		t.Errorf("a failure of another part left types of %v, want %v", got, k.now)
	}
	if !strings.Contains(k.log.String(), "throttled") {
		t.Errorf("the log does not say why: %s", k.log.String())
	}
	asked := len(shop.asked)
	k.now = k.now.Add(time.Minute)
	k.Keep(t.Context())
	if len(shop.asked) != asked {
		t.Errorf("a minute after a failure AWS was asked again")
	}
	k.now, shop.err = k.now.Add(againAfter), nil
	k.Keep(t.Context())
	if got := k.at(t, book.OnDemand); !got.Equal(k.now) {
		t.Errorf("later On-Demand prices are of %v, want %v", got, k.now)
	}
}

func TestAListThatLostMostOfItselfIsNotBelieved(t *testing.T) {
	k, shop := newKeeper(t)
	for i := range 10 {
		shop.products = append(shop.products, strings.ReplaceAll(shop.products[0], "m6i.large", fmt.Sprintf("m%d.large", 90+i)))
	}
	k.Keep(t.Context())
	k.now, shop.products = noon.Add(24*time.Hour), shop.products[:2]
	k.Keep(t.Context())
	if got := k.at(t, book.OnDemand); !got.Equal(noon) {
		t.Errorf("On-Demand prices are of %v, want those of %v: the new list has 1 or 2 of 13", got, noon)
	}
	if !strings.Contains(k.log.String(), "13 before") {
		t.Errorf("the log does not say why: %s", k.log.String())
	}
}

func TestTheRecordsOfTheWholeCatalogAreSmall(t *testing.T) {
	cloud := fakeaws.New(fakeaws.Options{Zones: "abcdef"})
	defer cloud.Close()
	b, err := refreshed(t.Context(), Clients{EC2: cloud.EC2(), Pricing: &shop{products: shelves(t)}}, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	b.OnDemand = map[string]float64{}
	for _, x := range catalog.Default().All() {
		b.OnDemand[x.Name] = x.OnDemandUSDPerHour
	}
	records := store.New(mem.Open(), store.Options{})
	for _, part := range book.Parts() {
		p, err := b.Write(part)
		if err != nil {
			t.Fatal(err)
		}
		op, err := records.PutPrices(p)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d entries, %d bytes of text, %d stored", part, b.Len(part), len(p.Text), len(op.Item.Data))
		if len(op.Item.Data) > store.MaxItemBytes/2 {
			t.Errorf("part %q has %d bytes in a record, want at most half of what one holds", part, len(op.Item.Data))
		}
	}
}

// Whoever calls has more to do, or is ended when its time is over.
func TestKeepEndsBeforeItsCallerMust(t *testing.T) {
	k, _ := newKeeper(t)
	ctx, cancel := context.WithTimeout(t.Context(), margin)
	defer cancel()
	k.Keep(ctx)
	if ctx.Err() != nil {
		t.Error("Keep took its caller's last seconds")
	}
	if got := k.at(t, book.Spot); got.Equal(noon) {
		t.Errorf("with no time to spare Spot prices were refreshed, want them left for later")
	}
	if !strings.Contains(k.log.String(), "deadline exceeded") {
		t.Errorf("the log does not say why: %s", k.log.String())
	}
}
