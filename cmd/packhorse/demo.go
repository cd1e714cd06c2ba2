package main

import (
	"context"
	"io"

	"github.com/packhorse-batch/packhorse/internal/laptop"
)

func firstDemo(context.Context, *laptop.Laptop, io.Writer) error { return nil }
