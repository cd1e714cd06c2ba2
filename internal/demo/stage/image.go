package stage

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/internal/demo"
)

// imageName is the repository of the demo's images; the tag is the program's hash.
const imageName = "packhorse-demo"

// architectures are GOARCH by what an engine calls its machine (uname -m).
var architectures = map[string]string{
	"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x",
}

// image makes an image that has nothing but the program, unless it is there.
func image(ctx context.Context, e Engine, executable string) (tag string, made bool, err error) {
	arch := architectures[e.Info().Arch]
	if arch == "" {
		arch = runtime.GOARCH
	}
	program, err := linuxProgram(executable, runtime.GOOS, runtime.GOARCH, arch)
	if err != nil {
		return "", false, err
	}
	if err := checkStatic(program); err != nil {
		return "", false, err
	}
	hash, err := hashOf(program)
	if err != nil {
		return "", false, err
	}
	tag = imageName + ":" + hash
	if there, err := e.HasImage(ctx, tag); err != nil || there {
		return tag, false, err
	}
	file, f, err := docker.FileOf(program, demo.ProgramInImage)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	file.Mode = 0o755
	return tag, true, e.ImportImage(ctx, tag, []docker.ImageFile{file})
}

// linuxProgram is the program that containers can run: this one on Linux, else one that
// lies beside it under a name that says what it is for.
func linuxProgram(executable, goos, goarch, arch string) (string, error) {
	if goos == "linux" && goarch == arch {
		return executable, nil
	}
	beside := filepath.Join(filepath.Dir(executable), "packhorse-linux-"+arch)
	if _, err := os.Stat(beside); err != nil {
		return "", fmt.Errorf("the Docker Engine runs linux/%s and this program is for %s/%s, so it cannot be the demo's image; "+
			"build one with `CGO_ENABLED=0 GOOS=linux GOARCH=%s go build -o %s ./cmd/packhorse`, or serve with --runtime process",
			arch, goos, goarch, arch, beside)
	}
	return beside, nil
}

// checkStatic refuses a program that needs a loader and libraries, which the image does
// not have: one with an interpreter segment.
func checkStatic(program string) error {
	f, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("%s cannot be the demo's image: %w", program, err)
	}
	defer f.Close()
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically and cannot run in an image of its own; build it with CGO_ENABLED=0", program)
		}
	}
	return nil
}

// hashBytes is how much of a program's hash its image is named after.
const hashBytes = 6

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)[:hashBytes]), nil
}
