package packing_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// family is a kind of workload that somebody might try a packer with. Its jobs are drawn
// from a seed, so they are always the same.
type family struct {
	name  string
	types []packing.Type
	// draw makes one job.
	draw func(r *rand.Rand, i int) batch.Resources
	// distinct is how many different jobs there are; 0: as many as there are jobs.
	distinct int
}

// jobs draws n jobs and joins equal ones.
func (f family) jobs(n int) []packing.Group {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	at := map[batch.Resources]int{}
	var pool []batch.Resources
	var groups []packing.Group
	for i := range n {
		var need batch.Resources
		if f.distinct > 0 && len(pool) == f.distinct {
			need = pool[r.IntN(len(pool))]
		} else {
			need = f.draw(r, i)
			pool = append(pool, need)
		}
		g, ok := at[need]
		if !ok {
			g = len(groups)
			at[need] = g
			groups = append(groups, packing.Group{Need: need})
		}
		groups[g].Count++
	}
	return groups
}

// between draws a whole number from a to b.
func between(r *rand.Rand, a, b int64) int64 { return a + r.Int64N(b-a+1) }

// logBetween draws a number from a to b such that its logarithm is spread evenly: many
// small ones, few large ones.
func logBetween(r *rand.Rand, a, b float64) float64 {
	return math.Exp(math.Log(a) + r.Float64()*(math.Log(b)-math.Log(a)))
}

func need(vcpus, mib float64) batch.Resources {
	return batch.Resources{MilliVCPU: int64(vcpus * 1000), MemoryMiB: int64(mib)}
}

func needGPU(vcpus, mib float64, gpus int64) batch.Resources {
	v := need(vcpus, mib)
	v.GPUs = gpus
	return v
}

// cloudTypes are three families with sizes from 2 to 192 vCPUs at proportional prices, as
// clouds have them, and hosts with GPUs.
func cloudTypes() []packing.Type {
	var types []packing.Type
	for _, f := range []struct {
		name      string
		ratio     float64 // GiB for each vCPU
		usd       float64 // for each vCPU
		most, old int
	}{{"c", 2, 0.03825, 192, 0}, {"m", 4, 0.0432, 192, 0}, {"r", 8, 0.0567, 192, 0}} {
		for _, v := range []float64{2, 4, 8, 16, 32, 48, 64, 96, 128, 192} {
			types = append(types, host(fmt.Sprintf("%s.%g", f.name, v), v, v*f.ratio, v*f.usd))
		}
	}
	gpu := func(name string, n int64, vcpus, gib, usd float64) {
		t := host(name, vcpus, gib, usd)
		t.Has.GPUs = n
		types = append(types, t)
	}
	gpu("g.xlarge", 1, 4, 16, 0.526)
	gpu("g.2xlarge", 1, 8, 32, 0.752)
	gpu("g.4xlarge", 1, 16, 64, 1.204)
	gpu("g.12xlarge", 4, 48, 192, 3.912)
	gpu("g.metal", 8, 96, 384, 7.824)
	gpu("p.16xlarge", 8, 64, 488, 14.4)
	return types
}

// oddTypes cost what has nothing to do with their size.
func oddTypes() []packing.Type {
	return []packing.Type{
		host("a", 4, 16, 0.31), host("b", 8, 24, 0.39), host("c", 16, 96, 1.07), host("d", 36, 72, 1.41),
		host("e", 48, 384, 3.99), host("f", 72, 144, 2.95), host("g", 128, 1952, 13.3), host("h", 2, 16, 0.126),
	}
}

func thousandTypes() []packing.Type {
	r := rand.New(rand.NewPCG(3, 3))
	var types []packing.Type
	for i := range 1000 {
		v := float64(between(r, 1, 128))
		gib := math.Ceil(v * logBetween(r, 1.5, 16))
		types = append(types, host(fmt.Sprintf("t%d", i), v, gib, (v*0.03+gib*0.004)*(0.8+0.5*r.Float64())))
	}
	return types
}

func one(t packing.Type) []packing.Type { return []packing.Type{t} }

func families() []family {
	m16, m96 := host("m.16", 16, 64, 0.7), host("m.96", 96, 384, 4.2)
	cloud := cloudTypes()
	return []family{
		{name: "large", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64(between(r, 30, 180))
			return need(v, v*1024*(1+6*r.Float64()))
		}},
		{name: "large, whole GiB per vCPU", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64(between(r, 30, 180))
			return need(v, v*1024*float64(between(r, 1, 7)))
		}},
		{name: "large, one type", types: one(host("m.192", 192, 768, 8.3)), draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64(between(r, 30, 180))
			return need(v, v*1024*(1+3*r.Float64()))
		}},
		{name: "just above half", types: one(m16), draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(8.1+0.5*r.Float64(), 1000+30000*r.Float64())
		}},
		{name: "just above a third", types: one(m96), draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(33+3*r.Float64(), 1000+120000*r.Float64())
		}},
		{name: "around a third", types: one(m96), draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(27+12*r.Float64(), 1024*(90+60*r.Float64()))
		}},
		{name: "around half and quarter", types: one(m96), draw: func(r *rand.Rand, i int) batch.Resources {
			if i%3 == 0 {
				return need(44+8*r.Float64(), 1024*(150+60*r.Float64()))
			}
			return need(20+8*r.Float64(), 1024*(80+30*r.Float64()))
		}},
		{name: "triplets", types: one(m96), draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(24+24*r.Float64(), 1024*(96+96*r.Float64()))
		}},
		{name: "correlated", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := logBetween(r, 0.25, 64)
			return need(v, v*4096*(0.95+0.1*r.Float64()))
		}},
		{name: "anti-correlated", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := between(r, 1, 47)
			return need(float64(v), float64(48-v)*8192+float64(between(r, 0, 3000)))
		}},
		{name: "anti-correlated, one type", types: one(m96), draw: func(r *rand.Rand, _ int) batch.Resources {
			v := between(r, 1, 47)
			return need(float64(v), float64(48-v)*4096+float64(between(r, 0, 3000)))
		}},
		{name: "uniform small", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 8)), float64(between(r, 512, 32768)))
		}},
		{name: "uniform small, one type", types: one(m16), draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 8)), float64(between(r, 512, 32768)))
		}},
		{name: "heavy tail", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := min(190, 0.5*math.Pow(r.Float64(), -0.9))
			return need(v, min(1.4e6, 500*math.Pow(r.Float64(), -1.1)))
		}},
		{name: "GPUs with odd CPU needs", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return needGPU(float64(between(r, 1, 30)), float64(between(r, 1000, 60000)), between(r, 0, 4))
		}},
		{name: "GPUs 1, 2, 3, 5", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return needGPU(float64(between(r, 1, 8)), float64(between(r, 1, 8))*4096, []int64{1, 2, 3, 5}[r.IntN(4)])
		}},
		{name: "odd prices", types: oddTypes(), draw: func(r *rand.Rand, _ int) batch.Resources {
			v := logBetween(r, 0.5, 40)
			return need(v, v*1024*logBetween(r, 1, 12))
		}},
		{name: "odd prices, 30 kinds", types: oddTypes(), distinct: 30, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := logBetween(r, 0.5, 40)
			return need(v, v*1024*logBetween(r, 1, 12))
		}},
		{name: "1,000 types", types: thousandTypes(), draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64(between(r, 1, 32))
			return need(v, v*float64(between(r, 1, 8))*1024)
		}},
		{name: "1,000 types, distinct", types: thousandTypes(), draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64(between(r, 1, 32))
			return need(v, v*1024*logBetween(r, 1, 12))
		}},
		{name: "300 kinds, 2 types", types: []packing.Type{m16, m96}, distinct: 300, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 40)), float64(between(r, 1000, 120000)))
		}},
		{name: "usual: powers of two", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := math.Pow(2, float64(between(r, 0, 5)))
			return need(v, v*1024*math.Pow(2, float64(between(r, 0, 3))))
		}},
		{name: "usual: tenths of GiB", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := float64([]int{1, 1, 1, 2, 2, 4, 8, 16}[r.IntN(8)])
			return need(v, math.Ceil(10*logBetween(r, 0.5, 60))*102.4)
		}},
		{name: "usual vCPUs, any ratio", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := math.Pow(2, float64(between(r, 0, 4)))
			return need(v, v*1024*(1+7*r.Float64()))
		}},
		{name: "usual vCPUs, any ratio of logarithms", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			v := math.Pow(2, float64(between(r, 0, 4)))
			return need(v, v*1024*logBetween(r, 0.5, 16))
		}},
		{name: "whole vCPUs, lognormal memory", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 16)), min(700_000, 1024*math.Exp(2+r.NormFloat64())))
		}},
		{name: "many vCPUs, lognormal memory", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 64)), min(700_000, 1024*math.Exp(3+1.2*r.NormFloat64())))
		}},
		{name: "uniform both", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(float64(between(r, 1, 32)), float64(between(r, 1024, 131072)))
		}},
		{name: "uniform both, parts of a vCPU", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(0.25*float64(between(r, 1, 64)), float64(between(r, 256, 65536)))
		}},
		{name: "exponential both", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			return need(max(1, math.Ceil(min(96, 4*r.ExpFloat64()))), max(128, min(700_000, 16000*r.ExpFloat64())))
		}},
		{name: "GPUs beside others", types: cloud, draw: func(r *rand.Rand, _ int) batch.Resources {
			if r.Float64() < 0.4 {
				g := []int64{1, 1, 1, 2, 4}[r.IntN(5)]
				return needGPU(float64(g)*float64(between(r, 2, 8)), float64(g)*1024*(4+12*r.Float64()), g)
			}
			v := math.Pow(2, float64(between(r, 0, 4)))
			return need(v, v*1024*(1+7*r.Float64()))
		}},
	}
}
