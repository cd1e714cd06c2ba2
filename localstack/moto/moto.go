// Package moto has the program with which moto is started: moto_server, corrected where
// the calls of Packhorse meet its mistakes. The script says which they are.
package moto

import _ "embed"

// Server is the program, for `python3 -c`, with the arguments of moto_server. The Python
// must be the one that moto is installed for.
//
//go:embed server.py
var Server string
