//go:build !unix

package local

import "errors"

func openProcess(RuntimeOptions) (Runtime, error) {
	return nil, errors.New("plain processes run on Linux and macOS only: start Docker, or run the server in WSL")
}
