package amazon

import "strings"

// kind is what of an instance type decides which image it boots.
type kind struct {
	arm    bool // Graviton
	nvidia bool // with GPUs that need NVIDIA's driver
}

func (k kind) String() string {
	name := "x86_64"
	if k.arm {
		name = "arm64"
	}
	if k.nvidia {
		name += "-nvidia"
	}
	return name
}

// kindOf reads the kind of an instance type off its name ("Naming conventions", EC2
// instance types): the letters before the generation are the series, those behind it
// its options, of which g is Graviton. It spares a DescribeInstanceTypes call; a test
// compares it with what that call said of every type.
func kindOf(instanceType string) kind {
	family, _, _ := strings.Cut(instanceType, ".")
	at := strings.IndexAny(family, "0123456789")
	if at < 0 {
		return kind{}
	}
	series, options := family[:at], strings.TrimLeft(family[at:], "0123456789")
	options, _, _ = strings.Cut(options, "-") // u7in-16tb, p6-b200
	k := kind{arm: family == "a1" || strings.Contains(options, "g")}
	switch series {
	case "p", "gr":
		k.nvidia = true
	case "g":
		k.nvidia = !strings.Contains(options, "a") // g4ad has GPUs of AMD
	}
	if strings.HasPrefix(family, "p6e-gb") { // Grace CPUs, said in the name of the GPU
		k.arm = true
	}
	return k
}
