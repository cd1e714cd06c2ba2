package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// askBound is how long the endpoint of a deployment may take to tell its queues: a cold
// start and some calls.
const askBound = 15 * time.Second

func (a *App) statusCommand() *cobra.Command {
	var f deploymentFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show a deployment: address, functions, hosts, queues, what failed",
		Long: `Show a deployment in an AWS account: its address, its functions, the hosts and tasks
that live, how many jobs wait, and what could not be handled.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runStatus(cmd.Context(), f, form)
		},
	}
	f.add(cmd)
	output.add(cmd, asText, asJSON)
	return cmd
}

// queueDepth is how many jobs wait and run in a queue.
type queueDepth struct {
	Name  string
	State string
	Jobs  jobCounts
}

func (a *App) runStatus(ctx context.Context, f deploymentFlags, form string) error {
	account, err := a.account(ctx, f)
	if err != nil {
		return err
	}
	s, err := account.Status(ctx, f.name)
	if err != nil {
		return accountError(err)
	}
	queues, prices, err := queuesOf(ctx, account, s)
	if form == asJSON {
		return printJSON(a.Out, struct {
			deploy.Status
			Queues []queueDepth
			Prices []domain.PriceSource
		}{s, orEmpty(queues), orEmpty(prices)})
	}
	fmt.Fprint(a.Out, a.statusText(s, queues, prices))
	if err != nil {
		fmt.Fprintf(a.Err, "The queues are not shown: %s\n", oneLine(plainMessage(err.Error())))
	}
	return nil
}

// queuesOf asks the deployment itself, signed with one of its access keys.
func queuesOf(ctx context.Context, account *deploy.Account, s deploy.Status) ([]queueDepth, []domain.PriceSource, error) {
	if s.Endpoint() == "" {
		return nil, nil, failure("the deployment has no endpoint yet")
	}
	if len(s.Keys) == 0 {
		return nil, nil, failure("there is no access key to ask with; make one with `packhorse keys create%s`", deploymentArgs(s.Name, account.Region))
	}
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	id := s.Keys[0].ID
	secret, err := account.Secret(ctx, s.Name, id)
	if err != nil {
		return nil, nil, err
	}
	as := credentials.NewStaticCredentialsProvider(id, secret, "")
	c := &client{
		target: target{endpoint: strings.TrimSuffix(s.Endpoint(), "/"), region: account.Region}, as: as,
		batch: batch.New(batch.Options{
			Region: account.Region, BaseEndpoint: aws.String(s.Endpoint()), Retryer: newRetryer(), Credentials: as,
		}),
	}
	queues, err := c.queues(ctx)
	if err != nil {
		return nil, nil, err
	}
	counts, err := c.countJobs(ctx, queues)
	if err != nil {
		return nil, nil, err
	}
	// A deployment of an older version does not tell.
	var sources domain.PriceSources
	if c.own(ctx, http.MethodGet, "/packhorse/v1/prices", nil, &sources) != nil {
		sources = domain.PriceSources{}
	}
	var all []queueDepth
	for _, q := range queues {
		name := aws.ToString(q.JobQueueName)
		all = append(all, queueDepth{Name: name, State: string(q.State), Jobs: counts[name]})
	}
	return all, sources.Parts, nil
}

func (a *App) statusText(s deploy.Status, queues []queueDepth, prices []domain.PriceSource) string {
	var b strings.Builder
	state := s.State
	if !s.Running {
		state += ", the scheduler is switched off (--parameter Running=true starts it)"
	}
	var list facts
	list.add("Deployment", a.Out.paint(bold, s.Name))
	list.add("Stack", state)
	list.add("Reason", s.Reason)
	list.add("Changed", s.Changed.In(a.Zone).Format(time.DateTime))
	list.add("Endpoint", s.Endpoint())
	list.add("Instance role", s.Outputs["InstanceProfile"])
	list.add("Functions", functionsText(s))
	list.add("Hosts", a.hostsText(s))
	list.add("Tasks", strconv.Itoa(s.Tasks))
	if s.News > 0 {
		list.add("News waiting", strconv.Itoa(s.News))
	}
	list.add("Dead letters", lettersText(s.Letters))
	list.add("Access keys", strconv.Itoa(len(s.Keys)))
	list.add("Prices", pricesText(prices))
	b.WriteString(list.text(""))
	if len(queues) == 0 {
		return b.String()
	}
	g := &grid{columns: []column{{title: "QUEUE"}, {title: "STATE", state: true}}}
	for _, status := range activeStatuses {
		g.columns = append(g.columns, column{title: string(status), right: true})
	}
	for _, q := range queues {
		cells := []string{q.Name, q.State}
		for _, status := range activeStatuses {
			cells = append(cells, q.Jobs[status].String())
		}
		g.row(cells...)
	}
	return b.String() + "\n" + g.text(a.Out)
}

// pricesText says how old each part of the prices is that a deployment plans with.
func pricesText(prices []domain.PriceSource) string {
	var parts []string
	for _, p := range prices {
		age := (time.Duration(p.AgeSeconds) * time.Second).Round(time.Minute)
		text := fmt.Sprintf("%s of %s, %s old", p.Part, p.Region, ageText(age))
		if p.Source != "aws" {
			text += " (" + p.Source + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// ageText is an age as people say it.
func ageText(age time.Duration) string {
	switch {
	case age < time.Hour:
		return plural(int(age/time.Minute), "minute")
	case age < 48*time.Hour:
		return plural(int(age/time.Hour), "hour")
	}
	return days(age)
}

// functionsText names the functions, and the state of those that are not as they
// should be.
func functionsText(s deploy.Status) string {
	var parts []string
	for _, f := range s.Functions {
		part := f.Name
		if !strings.HasSuffix(f.State, "_COMPLETE") {
			part += " (" + f.State + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ") + ", on " + s.Arch
}

// hostsShown is how many hosts are shown one by one.
const hostsShown = 20

func (a *App) hostsText(s deploy.Status) string {
	if len(s.Hosts) == 0 {
		return "none"
	}
	hosts := slices.SortedFunc(slices.Values(s.Hosts), func(x, y deploy.Instance) int { return x.Launched.Compare(y.Launched) })
	lines := []string{strconv.Itoa(len(hosts))}
	for _, h := range hosts[:min(len(hosts), hostsShown)] {
		market := ""
		if h.Spot {
			market = ", Spot"
		}
		if h.Adopted {
			market = ", not ours"
		}
		lines = append(lines, fmt.Sprintf("%s  %s in %s%s, %s for %s, environment %s",
			h.ID, h.Type, h.Zone, market, h.State, a.Now().Sub(h.Launched).Round(time.Second), h.Environment))
	}
	return strings.Join(lines, "\n")
}

func lettersText(letters []deploy.DeadLetters) string {
	var parts []string
	for _, l := range letters {
		if l.Waiting > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", l.Name, l.Waiting))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
