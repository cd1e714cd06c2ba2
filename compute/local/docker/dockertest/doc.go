// Package dockertest starts a Docker Engine of a test's own, which the test may stop
// and kill without harm to the machine's. Linux and root only.
package dockertest
