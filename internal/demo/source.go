package demo

import (
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
)

// BuiltIn names, in place of a folder, the source files that this program carries:
// those of this package. They are there for machines without any Go source tree.
const BuiltIn = "built-in"

//go:embed *.go
var builtIn embed.FS

// Source opens a source tree: a folder, or BuiltIn.
func Source(name string) (fs.FS, error) {
	if name == BuiltIn {
		return builtIn, nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the source tree %s cannot be read: %w", name, err)
	case !info.IsDir():
		return nil, fmt.Errorf("the source tree %s is not a folder", name)
	}
	return os.DirFS(name), nil
}

// goFiles returns the paths of the Go files in one of a number of shards, in order.
// Symbolic links are not followed: their targets may be outside the tree.
func goFiles(source fs.FS, shard, shards int) ([]string, error) {
	var files []string
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && path.Ext(name) == ".go" && shardOf(name, shards) == shard {
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// shardOf is the shard of a file. It follows from the path alone, so that all tasks
// agree without speaking to each other, and a file added to the tree moves no other.
func shardOf(name string, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % uint32(shards))
}
