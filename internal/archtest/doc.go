// Package archtest holds the tests that look at the repository as a whole: who
// imports whom, what a binary links, and a few habits of its files.
//
// Arrows point inward. The domain knows nobody; what decides knows the domain; what
// keeps records and runs tasks knows its own contract; control and engine write;
// doors parse, call and answer; binaries wire:
//
//	batch
//	  <- scheduler, provisioner, compute, store, logs
//	    <- lifecycle, control, engine
//	      <- api, simulator
//	        <- functions, cmd
//
// The table in layers_test.go says it package by package, with the reason. A new
// package is added there, with what it may import; a test fails until it is. The
// linter (depguard in .golangci.yml) says most of the same about single files, as they
// are written; what a binary links through others, only these tests see.
package archtest
