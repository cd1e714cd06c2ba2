package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// What a job costs in DynamoDB is decided by how its records lie, which anybody may
// change without thinking of it. The figures that depend on how many jobs share a host
// or a batch of news are for the benchmark.
func TestUnitsOfAJobByItself(t *testing.T) {
	if testing.Short() {
		t.Skip("jobs run for seconds")
	}
	const jobs = 30
	m, err := startMetered(t.Context(), peers.DynamoDBLocal(t), "units-"+uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	run := func(n, ended int, in func(i int) *awsbatch.SubmitJobInput) map[string]float64 {
		t.Helper()
		m.meter.reset()
		if err := m.submit(t.Context(), n, in); err != nil {
			t.Fatal(err)
		}
		if err := m.wait(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		_, _, by, _, err := m.meter.spent()
		if err != nil {
			t.Fatal(err)
		}
		return by
	}
	check := func(what string, by map[string]float64, want map[string]float64) {
		t.Helper()
		for kind, most := range want {
			if each := by[kind] / jobs; each > most {
				t.Errorf("%s costs %.2f units of %s, want at most %g", what, each, kind, most)
			}
		}
	}
	by := run(jobs, jobs, usual)
	check("a plain job", by, map[string]float64{"job state": 4, "job spec": 0, "once": 0, "index list": 5, "index ready": 2})

	by = run(1, 2*jobs, func(i int) *awsbatch.SubmitJobInput {
		in := usual(i)
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(jobs)}
		return in
	})
	// The array itself is listed, may start, and ends, once for all of its children.
	const array = 5.0 / jobs
	check("an array child", by, map[string]float64{"job child": 5, "index list": 2 + array, "index ready": array})
}
