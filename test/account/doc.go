// Package account lets the real engine and the real backend for EC2 and ECS work in an AWS
// that misbehaves: calls fail, their answers are lost, lists lag, events do not come, Spot takes
// its hosts back and some hosts never join. As in an account there are passes, sweeps and
// listeners in processes of their own, which know nothing but the records; passes are cut off
// at any moment.
//
// Time runs faster than life, so that a boot of a minute takes a fraction of a second:
//
//	go test ./test/account -v -account.seeds 20 -account.first 100
package account
