package store_test

import (
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

func TestNamesThatNoKeyCanHoldNameNothing(t *testing.T) {
	records := store.New(mem.Open(), store.Options{TaskLookup: true})
	t.Cleanup(func() { _ = records.Table().Close() })
	ctx := t.Context()
	if err := records.Write(ctx, records.PutJob(batch.Job{ID: "j1", Queue: "q", Status: batch.Runnable})); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", 5000), "a zero byte": "a\x00b", "not UTF-8": "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			for what, read := range map[string]func() error{
				"Job":         func() error { _, err := records.Job(ctx, text); return err },
				"a child":     func() error { _, err := records.Job(ctx, text+":0"); return err },
				"Spec":        func() error { _, err := records.Spec(ctx, text); return err },
				"JobOfTask":   func() error { _, err := records.JobOfTask(ctx, text); return err },
				"Queue":       func() error { _, err := records.Queue(ctx, text); return err },
				"ViewQueue":   func() error { _, err := records.ViewQueue(ctx, text); return err },
				"Environment": func() error { _, err := records.Environment(ctx, text); return err },
				"Policy":      func() error { _, err := records.Policy(ctx, text); return err },
				"Trigger":     func() error { _, err := records.Trigger(ctx, text); return err },
				"DeadLetter":  func() error { _, err := records.DeadLetter(ctx, text); return err },
				"Host":        func() error { _, err := records.Host(ctx, "env", text); return err },
				"a host of":   func() error { _, err := records.Host(ctx, text, "h-1"); return err },
				"Definition":  func() error { _, err := records.Definition(ctx, text, 1); return err },
				"ViewLatest":  func() error { _, err := records.ViewLatest(ctx, text); return err },
			} {
				if err := read(); !store.IsNotFound(err) {
					t.Errorf("%s(%.10q) = %v, want ErrNotFound", what, text, err)
				}
			}
			found, err := records.Jobs(ctx, []string{text, "j1", text + "2"})
			if err != nil || len(found) != 1 || found["j1"].Queue != "q" {
				t.Errorf("Jobs beside j1 = %v, %v; want j1 alone", found, err)
			}
			if children, err := records.Children(ctx, text, 0, 1); err != nil || len(children) != 0 {
				t.Errorf("Children = %v, %v; want none", children, err)
			}
			if page, err := records.DefinitionsNamed(ctx, text, 1, ""); err != nil || len(page.Definitions) != 0 {
				t.Errorf("DefinitionsNamed = %v, %v; want none", page, err)
			}
		})
	}
}
