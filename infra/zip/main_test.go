package main

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

func TestTheSameBinaryGivesTheSameZip(t *testing.T) {
	one, err := pack([]byte("a program"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := pack([]byte("a program"))
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("packed twice: %d and %d bytes, %v, want the same", len(one), len(two), err)
	}
}

func TestLambdaFindsAnExecutableBootstrap(t *testing.T) {
	packed, err := pack([]byte("a program"))
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(archive.File) != 1 {
		t.Fatalf("the zip has %d files, %v, want one", len(archive.File), err)
	}
	file := archive.File[0]
	if file.Name != "bootstrap" || file.Mode().Perm() != 0o755 {
		t.Errorf("the zip has %s with mode %v, want bootstrap with -rwxr-xr-x", file.Name, file.Mode())
	}
	content, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(content); string(text) != "a program" || err != nil {
		t.Errorf("bootstrap holds %q, %v", text, err)
	}
}
