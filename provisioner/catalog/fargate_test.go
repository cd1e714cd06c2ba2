package catalog

import (
	"math"
	"testing"
)

func TestFargateFits(t *testing.T) {
	tests := []struct {
		milliVCPU, memoryMiB int
		want                 bool
	}{
		{250, 512, true}, {250, 1024, true}, {250, 2048, true}, {250, 1536, false}, {250, 256, false}, {250, 3072, false},
		{500, 512, false}, {500, 1024, true}, {500, 4096, true}, {500, 5120, false},
		{1000, 2048, true}, {1000, 8192, true}, {1000, 1024, false}, {1000, 2049, false},
		{2000, 4096, true}, {2000, 16384, true},
		{4000, 8192, true}, {4000, 30720, true}, {4000, 31744, false},
		{8000, 16384, true}, {8000, 20480, true}, {8000, 17408, false}, {8000, 61440, true},
		{16000, 32768, true}, {16000, 40960, true}, {16000, 36864, false}, {16000, 122880, true},
		{3000, 8192, false}, {0, 512, false}, {32000, 65536, false},
	}
	for _, tt := range tests {
		if got := FargateFits(tt.milliVCPU, tt.memoryMiB); got != tt.want {
			t.Errorf("FargateFits(%d, %d) = %v, want %v", tt.milliVCPU, tt.memoryMiB, got, tt.want)
		}
	}
}

func TestFargateRoundUp(t *testing.T) {
	tests := []struct {
		milliVCPU, memoryMiB int
		wantMilli, wantMiB   int
		wantOK               bool
	}{
		{1, 1, 250, 512, true},
		{250, 513, 250, 1024, true},
		{250, 2049, 500, 3072, true}, // more memory needs more vCPUs
		{300, 1, 500, 1024, true},
		{1000, 8193, 2000, 9216, true},
		{4000, 30721, 8000, 32768, true},
		{16000, 100000, 16000, 106496, true},
		{16000, 122881, 0, 0, false},
		{16001, 1, 0, 0, false},
	}
	for _, tt := range tests {
		milli, mib, ok := FargateRoundUp(tt.milliVCPU, tt.memoryMiB)
		if milli != tt.wantMilli || mib != tt.wantMiB || ok != tt.wantOK {
			t.Errorf("FargateRoundUp(%d, %d) = %d, %d, %v, want %d, %d, %v",
				tt.milliVCPU, tt.memoryMiB, milli, mib, ok, tt.wantMilli, tt.wantMiB, tt.wantOK)
		}
	}
}

// Rounding up gives a pair that Fargate offers, holds the need, and is the
// cheapest such pair.
func TestFargateRoundUpIsCheapest(t *testing.T) {
	cheapest := func(milli, mib int) (usd float64) {
		usd = math.Inf(1)
		for _, s := range fargateSizes {
			for offered := 512; offered <= s.maxMiB; offered += 512 {
				if s.milliVCPU >= milli && offered >= mib && FargateFits(s.milliVCPU, offered) {
					price, _ := FargateUSDPerHour(X86, s.milliVCPU, offered)
					usd = min(usd, price)
				}
			}
		}
		return usd
	}
	for _, milli := range []int{1, 250, 251, 500, 900, 1000, 2000, 3000, 4000, 8000, 16000} {
		for mib := 1; mib <= 122880; mib += 997 {
			upMilli, upMiB, ok := FargateRoundUp(milli, mib)
			if !ok || !FargateFits(upMilli, upMiB) || upMilli < milli || upMiB < mib {
				t.Errorf("FargateRoundUp(%d, %d) = %d, %d, %v", milli, mib, upMilli, upMiB, ok)
				continue
			}
			got, _ := FargateUSDPerHour(X86, upMilli, upMiB)
			if want := cheapest(milli, mib); math.Abs(got-want) > 1e-9 {
				t.Errorf("FargateRoundUp(%d, %d) = %d, %d at %.5f USD an hour, want the pair at %.5f", milli, mib, upMilli, upMiB, got, want)
			}
		}
	}
}

func TestFargateUSDPerHour(t *testing.T) {
	tests := map[string]float64{X86: 0.04937, ARM: 0.0395} // 1 vCPU and 2 GB
	for arch, want := range tests {
		if got, err := FargateUSDPerHour(arch, 1000, 2048); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("FargateUSDPerHour(%s, 1000, 2048) = %v, %v, want %v", arch, got, err, want)
		}
	}
	if _, err := FargateUSDPerHour("ARM64", 1000, 2048); err == nil {
		t.Error("FargateUSDPerHour(ARM64) gave no error")
	}
}
