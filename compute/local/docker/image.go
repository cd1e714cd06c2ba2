package docker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
)

// ImageFile is one entry of an image made by ImportImage: a file, a directory
// (Mode has fs.ModeDir) or a symbolic link (Link is set).
type ImageFile struct {
	Path    string      // absolute in the image
	Mode    fs.FileMode // permissions; 0 is 0755
	Link    string      // target of a symbolic link
	Content io.Reader   // of a file
	Size    int64       // of Content in bytes
}

// FileOf puts a file of this machine into an image. The caller closes it after
// ImportImage.
func FileOf(path, inImage string) (ImageFile, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return ImageFile{}, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return ImageFile{}, nil, err
	}
	return ImageFile{Path: inImage, Mode: info.Mode().Perm(), Content: f, Size: info.Size()}, f, nil
}

// ImportImage makes an image of one layer from files, without a registry, and
// names it tag. Changes are instructions as in a Dockerfile: "ENV K=V", "CMD ...".
// An image that has the tag already loses it.
func (r *Runtime) ImportImage(ctx context.Context, tag string, files []ImageFile, changes ...string) error {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(writeTar(writer, files)) }()
	defer reader.Close()
	result, err := r.api.ImageImport(ctx,
		client.ImageImportSource{Source: reader, SourceName: "-"}, tag,
		client.ImageImportOptions{Changes: changes, Message: "made by packhorse"})
	if err != nil {
		return fmt.Errorf("make image %s: %w", tag, err)
	}
	defer result.Close()
	// The engine answers 200 at once and tells of errors later, in the stream.
	for decoder := json.NewDecoder(result); ; {
		var m jsonstream.Message
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("make image %s: %w", tag, err)
		case m.Error != nil:
			return fmt.Errorf("make image %s: %w", tag, m.Error)
		}
	}
}

func writeTar(w io.Writer, files []ImageFile) error {
	out := tar.NewWriter(w)
	for _, f := range files {
		header := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode.Perm()), Format: tar.FormatPAX}
		if header.Mode == 0 {
			header.Mode = 0o755
		}
		if f.Mode&fs.ModeSticky != 0 {
			header.Mode |= 0o1000
		}
		switch {
		case f.Mode.IsDir():
			header.Typeflag = tar.TypeDir
			header.Name += "/"
		case f.Link != "":
			header.Typeflag = tar.TypeSymlink
			header.Linkname = f.Link
		default:
			header.Typeflag = tar.TypeReg
			header.Size = f.Size
		}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		if header.Typeflag == tar.TypeReg && f.Size > 0 {
			if _, err := io.Copy(out, f.Content); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
		}
	}
	return out.Close()
}

// HasImage reports whether the engine has an image, so that nothing need be pulled.
func (r *Runtime) HasImage(ctx context.Context, image string) (bool, error) {
	_, err := r.api.ImageInspect(ctx, image)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
