package deploy

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/infra"
)

// The architectures of functions, as Lambda names them.
const (
	ARM64 = "arm64"
	X8664 = "x86_64"
)

// MaxZip bounds a zipped function. Lambda takes 250 MB unzipped; this is our own bound,
// since what a function links delays its cold start.
const MaxZip = 20 << 20

// zipped is a function, ready to be uploaded.
type zipped struct {
	infra.Function
	content []byte
}

// key is where the zip is kept: under the deployment's prefix, named by its content, so
// that new code is a new key and the same code is uploaded once.
func (z zipped) key(deployment, arch string) string {
	sum := sha256.Sum256(z.content)
	return fmt.Sprintf("%s/%s-%s-%s.zip", deployment, z.Name, arch, hex.EncodeToString(sum[:8]))
}

// readFunctions reads the zips of all functions from a folder, as build/functions.sh
// leaves them: NAME-ARCH.zip.
func readFunctions(folder Folder, arch string) ([]zipped, error) {
	if !slices.Contains([]string{ARM64, X8664}, arch) {
		return nil, &Error{Message: fmt.Sprintf("there is no architecture %q of functions", arch), Next: "give --arch arm64 or --arch x86_64"}
	}
	var all []zipped
	var missing []string
	for _, f := range infra.Functions() {
		name := f.Name + "-" + arch + ".zip"
		content, err := fs.ReadFile(folder, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
			continue
		case err != nil:
			return nil, &Error{Message: fmt.Sprintf("cannot read %s in %s: %v", name, folder.Name, err), Err: err}
		}
		if err := checkZip(content); err != nil {
			return nil, &Error{Message: fmt.Sprintf("%s in %s is no function: %v", name, folder.Name, err), Next: "build it anew with `make functions`", Err: err}
		}
		all = append(all, zipped{f, content})
	}
	if len(missing) > 0 {
		return nil, &Error{
			Message: fmt.Sprintf("there is no %s in %s", strings.Join(missing, ", "), folder.Name),
			Next:    "build the functions with `make functions`, or name their folder with --functions",
		}
	}
	return all, nil
}

// checkZip sees that a zip is one that Lambda can start.
func checkZip(content []byte) error {
	if len(content) > MaxZip {
		return fmt.Errorf("it has %d MB, more than %d", len(content)>>20, MaxZip>>20)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, f := range archive.File {
		if f.Name == "bootstrap" {
			if f.Mode()&0o111 == 0 {
				return errors.New("its bootstrap is not executable")
			}
			return nil
		}
	}
	return errors.New("it has no bootstrap, which provided.al2023 starts")
}
