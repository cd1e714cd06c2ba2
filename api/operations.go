package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// operation is one of the 45 of AWS Batch.
type operation struct {
	name string
	// serve decodes, calls and returns the output; nil for an operation that is not
	// supported yet, and then instead says what to do.
	serve   func(context.Context, Service, *call) (any, error)
	instead string
}

// What to do instead of the operations that are not served.
const (
	insteadOfTokens    = "Leave consumable resources out; a queue's own order and maxvCpus bound what runs at once"
	insteadOfSageMaker = "It belongs to SageMaker training jobs; run the training as a container job with SubmitJob"
	insteadOfSnapshot  = "Use ListJobs with jobStatus RUNNABLE; each job's statusReason in DescribeJobs says why it waits"
)

// posts are the operations by the last part of their path, POST /v1/<part>. The
// three on tags have another form: see tagOperations.
//
// To serve one more: docs/adding-an-operation.md.
var posts = map[string]operation{
	"submitjob":    {name: "SubmitJob", serve: serve(Service.SubmitJob)},
	"describejobs": {name: "DescribeJobs", serve: serve(Service.DescribeJobs)},
	"listjobs":     {name: "ListJobs", serve: serve(Service.ListJobs)},
	"canceljob":    {name: "CancelJob", serve: serve(Service.CancelJob)},
	"terminatejob": {name: "TerminateJob", serve: serve(Service.TerminateJob)},

	"registerjobdefinition":   {name: "RegisterJobDefinition", serve: serve(Service.RegisterJobDefinition)},
	"deregisterjobdefinition": {name: "DeregisterJobDefinition", serve: serve(Service.DeregisterJobDefinition)},
	"describejobdefinitions":  {name: "DescribeJobDefinitions", serve: serve(Service.DescribeJobDefinitions)},

	"createjobqueue":      {name: "CreateJobQueue", serve: serve(Service.CreateJobQueue)},
	"describejobqueues":   {name: "DescribeJobQueues", serve: serve(Service.DescribeJobQueues)},
	"updatejobqueue":      {name: "UpdateJobQueue", serve: serve(Service.UpdateJobQueue)},
	"deletejobqueue":      {name: "DeleteJobQueue", serve: serve(Service.DeleteJobQueue)},
	"getjobqueuesnapshot": {name: "GetJobQueueSnapshot", instead: insteadOfSnapshot},

	"createcomputeenvironment":    {name: "CreateComputeEnvironment", serve: serve(Service.CreateComputeEnvironment)},
	"describecomputeenvironments": {name: "DescribeComputeEnvironments", serve: serve(Service.DescribeComputeEnvironments)},
	"updatecomputeenvironment":    {name: "UpdateComputeEnvironment", serve: serve(Service.UpdateComputeEnvironment)},
	"deletecomputeenvironment":    {name: "DeleteComputeEnvironment", serve: serve(Service.DeleteComputeEnvironment)},

	"createschedulingpolicy":     {name: "CreateSchedulingPolicy", serve: serve(Service.CreateSchedulingPolicy)},
	"describeschedulingpolicies": {name: "DescribeSchedulingPolicies", serve: serve(Service.DescribeSchedulingPolicies)},
	"listschedulingpolicies":     {name: "ListSchedulingPolicies", serve: serve(Service.ListSchedulingPolicies)},
	"updateschedulingpolicy":     {name: "UpdateSchedulingPolicy", serve: serve(Service.UpdateSchedulingPolicy)},
	"deleteschedulingpolicy":     {name: "DeleteSchedulingPolicy", serve: serve(Service.DeleteSchedulingPolicy)},

	"createconsumableresource":     {name: "CreateConsumableResource", instead: insteadOfTokens},
	"deleteconsumableresource":     {name: "DeleteConsumableResource", instead: insteadOfTokens},
	"describeconsumableresource":   {name: "DescribeConsumableResource", instead: insteadOfTokens},
	"listconsumableresources":      {name: "ListConsumableResources", instead: insteadOfTokens},
	"listjobsbyconsumableresource": {name: "ListJobsByConsumableResource", instead: insteadOfTokens},
	"updateconsumableresource":     {name: "UpdateConsumableResource", instead: insteadOfTokens},

	"createquotashare":            {name: "CreateQuotaShare", instead: insteadOfSageMaker},
	"deletequotashare":            {name: "DeleteQuotaShare", instead: insteadOfSageMaker},
	"describequotashare":          {name: "DescribeQuotaShare", instead: insteadOfSageMaker},
	"listquotashares":             {name: "ListQuotaShares", instead: insteadOfSageMaker},
	"updatequotashare":            {name: "UpdateQuotaShare", instead: insteadOfSageMaker},
	"createserviceenvironment":    {name: "CreateServiceEnvironment", instead: insteadOfSageMaker},
	"deleteserviceenvironment":    {name: "DeleteServiceEnvironment", instead: insteadOfSageMaker},
	"describeserviceenvironments": {name: "DescribeServiceEnvironments", instead: insteadOfSageMaker},
	"updateserviceenvironment":    {name: "UpdateServiceEnvironment", instead: insteadOfSageMaker},
	"describeservicejob":          {name: "DescribeServiceJob", instead: insteadOfSageMaker},
	"listservicejobs":             {name: "ListServiceJobs", instead: insteadOfSageMaker},
	"submitservicejob":            {name: "SubmitServiceJob", instead: insteadOfSageMaker},
	"terminateservicejob":         {name: "TerminateServiceJob", instead: insteadOfSageMaker},
	"updateservicejob":            {name: "UpdateServiceJob", instead: insteadOfSageMaker},
}

// tagOperations are those on /v1/tags/<ARN>, by method.
var tagOperations = map[string]operation{
	http.MethodGet: {name: "ListTagsForResource", serve: serveTags(Service.ListTagsForResource,
		func(in *awsbatch.ListTagsForResourceInput, arn string, _ url.Values) { in.ResourceArn = &arn })},
	http.MethodPost: {name: "TagResource", serve: serveTags(Service.TagResource,
		func(in *awsbatch.TagResourceInput, arn string, _ url.Values) { in.ResourceArn = &arn })},
	http.MethodDelete: {name: "UntagResource", serve: serveTags(Service.UntagResource,
		func(in *awsbatch.UntagResourceInput, arn string, query url.Values) {
			in.ResourceArn, in.TagKeys = &arn, query["tagKeys"]
		})},
}

// serve makes the server of an operation from the method of Service that does it.
func serve[I, O any](do func(Service, context.Context, *I) (*O, error)) func(context.Context, Service, *call) (any, error) {
	return func(ctx context.Context, service Service, c *call) (any, error) {
		in := new(I)
		if err := wire.Unmarshal(c.body, in); err != nil {
			return nil, err
		}
		out, err := do(service, ctx, in)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(O)
		}
		return out, nil
	}
}

// serveTags is serve for the operations that have members outside the body: fill
// sets them from the ARN in the path and from the query.
func serveTags[I, O any](do func(Service, context.Context, *I) (*O, error), fill func(in *I, arn string, query url.Values)) func(context.Context, Service, *call) (any, error) {
	return func(ctx context.Context, service Service, c *call) (any, error) {
		arn, err := url.PathUnescape(strings.TrimPrefix(c.path, tagsPath))
		if err != nil {
			return nil, &failure{status: http.StatusBadRequest, code: codeSerialization,
				message: "the ARN in the path is not percent-encoded as it should be: " + err.Error()}
		}
		return serve(func(s Service, ctx context.Context, in *I) (*O, error) {
			fill(in, arn, c.r.URL.Query())
			return do(s, ctx, in)
		})(ctx, service, c)
	}
}

const (
	versionPath = "/v1/"
	tagsPath    = versionPath + "tags/"
)

// find returns the operation that a request names, or says what is wrong with it.
// path is percent-encoded, as it came: an ARN has slashes of its own.
func find(method, path string) (operation, error) {
	if strings.HasPrefix(path, tagsPath) && len(path) > len(tagsPath) {
		op, ok := tagOperations[method]
		if !ok {
			return op, &failure{status: http.StatusMethodNotAllowed, code: codeMethod, allow: "DELETE, GET, POST",
				message: "/v1/tags/<ARN> takes GET (ListTagsForResource), POST (TagResource) and DELETE (UntagResource), not " + method}
		}
		return op, nil
	}
	part, ok := strings.CutPrefix(path, versionPath)
	op, known := posts[part]
	if !ok || !known {
		return op, &failure{status: http.StatusNotFound, code: codeUnknown,
			message: "no operation of AWS Batch has the path " + clip(path) + "; each is POST /v1/ and its name in lower case, such as /v1/submitjob, and those on tags are under /v1/tags/"}
	}
	if method != http.MethodPost {
		return op, &failure{status: http.StatusMethodNotAllowed, code: codeMethod, allow: "POST",
			message: op.name + " takes POST, not " + method}
	}
	return op, nil
}
