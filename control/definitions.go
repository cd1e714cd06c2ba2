package control

import (
	"context"
	"fmt"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/store"
)

// RegisterJobDefinition makes the next revision of a job definition. A number is
// given once: those of deregistered revisions do not come back.
func (c *Control) RegisterJobDefinition(ctx context.Context, in *awsbatch.RegisterJobDefinitionInput) (*awsbatch.RegisterJobDefinitionOutput, error) {
	detail, err := newDefinition(in)
	if err != nil {
		return nil, err
	}
	name := deref(in.JobDefinitionName)
	var revision int32
	err = untilWritten("job definition "+name, func() error {
		latest, version, err := c.cfg.Records.LatestRevision(ctx, name)
		if err != nil {
			return err
		}
		revision = latest + 1
		detail.Revision = new(revision)
		detail.JobDefinitionArn = new(c.definitionARN(name, revision))
		d := store.Definition{Detail: detail, CreatedAt: c.now()}
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutNewDefinition(d, version)...)
	})
	if err != nil {
		return nil, err
	}
	if revision > 1 && c.cfg.Settle != nil {
		// A job that is submitted by name after the answer must not get the revision before,
		// whichever process takes it. Nothing else that is changed does harm by being seen late.
		c.cfg.Settle(ctx)
	}
	return &awsbatch.RegisterJobDefinitionOutput{
		JobDefinitionArn: detail.JobDefinitionArn, JobDefinitionName: detail.JobDefinitionName, Revision: detail.Revision,
	}, nil
}

func (c *Control) definitionARN(name string, revision int32) string {
	return c.cfg.Account.ARN(KindDefinition, fmt.Sprintf("%s:%d", name, revision))
}

// newDefinition checks a request for a job definition and returns it as it will be
// shown, without its revision.
func newDefinition(in *awsbatch.RegisterJobDefinitionInput) (types.JobDefinition, error) {
	if err := checkDefinition(in); err != nil {
		return types.JobDefinition{}, err
	}
	fargate := onFargate(in.PlatformCapabilities)
	return types.JobDefinition{
		JobDefinitionName:          in.JobDefinitionName,
		Type:                       new(strings.ToLower(string(in.Type))),
		Status:                     new(store.Active),
		ContainerOrchestrationType: types.OrchestrationTypeEcs,
		ContainerProperties:        shownContainer(in.ContainerProperties, fargate),
		EcsProperties:              shownECS(in.EcsProperties, fargate),
		NodeProperties:             shownNodes(in.NodeProperties),
		Parameters:                 nonNil(in.Parameters),
		PlatformCapabilities:       in.PlatformCapabilities,
		PropagateTags:              in.PropagateTags,
		RetryStrategy:              shownRetry(in.RetryStrategy),
		SchedulingPriority:         in.SchedulingPriority,
		Tags:                       nonNil(in.Tags),
		Timeout:                    in.Timeout,
	}, nil
}

// DeregisterJobDefinition makes a revision INACTIVE: no job can be submitted with it,
// jobs that were go on. It can be described for 180 days more.
func (c *Control) DeregisterJobDefinition(ctx context.Context, in *awsbatch.DeregisterJobDefinitionInput) (*awsbatch.DeregisterJobDefinitionOutput, error) {
	err := untilWritten("job definition "+deref(in.JobDefinition), func() error {
		d, err := c.definitionByRef(ctx, deref(in.JobDefinition))
		if err != nil || !d.Active() {
			return err
		}
		d.Detail.Status = new(store.Inactive)
		d.InactiveAt = c.now()
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutDefinition(d))
	})
	if err != nil {
		return nil, err
	}
	return &awsbatch.DeregisterJobDefinitionOutput{}, nil
}

// DescribeJobDefinitions returns the definitions that are named, or a page of the
// revisions of a name, or of all, newest first; of one status or of both.
func (c *Control) DescribeJobDefinitions(ctx context.Context, in *awsbatch.DescribeJobDefinitionsInput) (*awsbatch.DescribeJobDefinitionsOutput, error) {
	var found []store.Definition
	var next *string
	var err error
	if len(in.JobDefinitions) > 0 {
		found, err = c.definitionsListed(ctx, in)
	} else {
		found, next, err = c.definitionsPage(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	out := &awsbatch.DescribeJobDefinitionsOutput{JobDefinitions: make([]types.JobDefinition, 0, len(found)), NextToken: next}
	for _, d := range found {
		d.Detail.JobDefinitionArn = new(c.definitionARN(d.Name(), d.Revision()))
		out.JobDefinitions = append(out.JobDefinitions, d.Detail)
	}
	return out, nil
}

// definitionsListed returns the definitions of a list of references. One without a
// revision means all revisions of the name; the answer as a whole stays within 100.
func (c *Control) definitionsListed(ctx context.Context, in *awsbatch.DescribeJobDefinitionsInput) ([]store.Definition, error) {
	switch {
	case in.MaxResults != nil:
		return nil, bothSet("JobDefinitions", "MaxResults")
	case in.JobDefinitionName != nil:
		return nil, bothSet("JobDefinitions", "JobDefinitionName")
	case in.Status != nil:
		return nil, bothSet("JobDefinitions", "Status")
	}
	if err := checkNameCount("JobDefinitions", len(in.JobDefinitions)); err != nil {
		return nil, err
	}
	var found []store.Definition
	seen := map[definitionRef]bool{}
	for _, ref := range in.JobDefinitions {
		r, err := readDefinitionRef(ref)
		if err != nil || seen[r] {
			continue // names what can not exist, or what was looked up before
		}
		seen[r] = true
		if r.Revision == 0 {
			page, err := c.cfg.Records.DefinitionsNamed(ctx, r.Name, maxDescribed, "")
			if err != nil {
				return nil, err
			}
			for _, d := range page.Definitions {
				one := definitionRef{Name: r.Name, Revision: d.Revision()}
				if !seen[one] {
					seen[one] = true
					found = append(found, d)
				}
			}
			continue
		}
		one, err := c.cfg.Records.Definition(ctx, r.Name, r.Revision)
		if store.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found[:min(len(found), maxDescribed)], nil
}

// definitionsPage returns a page of the definitions that match a name and a status.
func (c *Control) definitionsPage(ctx context.Context, in *awsbatch.DescribeJobDefinitionsInput) ([]store.Definition, *string, error) {
	size, err := pageSize(in.MaxResults, maxDescribed)
	if err != nil {
		return nil, nil, err
	}
	q := definitionQuery{Status: strings.ToUpper(deref(in.Status))}
	if in.JobDefinitionName != nil {
		if q.definitionRef, err = readDefinitionRef(*in.JobDefinitionName); err != nil {
			return nil, nil, err
		}
	}
	list := fmt.Sprintf("JobDefinitions/%s/%d/%s", q.Name, q.Revision, q.Status)
	after, err := readToken(list, in.NextToken)
	if err != nil {
		return nil, nil, err
	}
	var found []store.Definition
	for {
		page, err := c.nextDefinitions(ctx, q, size-len(found), after)
		if err != nil {
			return nil, nil, tokenError(err)
		}
		found = append(found, page.Definitions...)
		// A page may hold none that match though some follow: clients take the first
		// of what they get.
		if after = page.Next; after == "" || len(found) >= size {
			return found, token(list, after), nil
		}
	}
}

// definitionQuery says which definitions to list; an empty part matches all.
type definitionQuery struct {
	definitionRef
	Status string
}

func (q definitionQuery) matches(d store.Definition) bool {
	state := store.Active
	if !d.Active() {
		state = store.Inactive
	}
	return (q.Revision == 0 || d.Revision() == q.Revision) && (q.Status == "" || q.Status == state)
}

// nextDefinitions reads on in a listing. Without a status the active ones of all names
// come before the others; the position says which of the two lists it is in.
func (c *Control) nextDefinitions(ctx context.Context, q definitionQuery, limit int, after string) (store.DefinitionPage, error) {
	if q.Name != "" {
		page, err := c.cfg.Records.DefinitionsNamed(ctx, q.Name, limit, after)
		matching := page.Definitions[:0]
		for _, d := range page.Definitions {
			if q.matches(d) {
				matching = append(matching, d)
			}
		}
		page.Definitions = matching
		return page, err
	}
	if q.Status != "" {
		return c.cfg.Records.Definitions(ctx, q.Status, limit, after)
	}
	state, within, _ := strings.Cut(after, "/")
	if state != store.Inactive {
		state = store.Active
	}
	page, err := c.cfg.Records.Definitions(ctx, state, limit, within)
	switch {
	case page.Next != "":
		page.Next = state + "/" + page.Next
	case state == store.Active:
		page.Next = store.Inactive + "/"
	}
	return page, err
}

// onFargate reports whether a definition is for Fargate; without a capability it is
// for EC2.
func onFargate(capabilities []types.PlatformCapability) bool {
	return len(capabilities) == 1 && strings.EqualFold(string(capabilities[0]), string(types.PlatformCapabilityFargate))
}
