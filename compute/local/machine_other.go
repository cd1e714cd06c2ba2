//go:build !linux && !darwin

package local

import (
	"errors"

	"github.com/packhorse-batch/packhorse/batch"
)

func memoryMiB() (int64, error) {
	return 0, errors.New("not known on this operating system; run the server on Linux or macOS, or in WSL")
}

func cgroupLimits() batch.Resources { return batch.Resources{} }
