package amazon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// This file is the only one that knows the error codes of AWS.

// codeOf returns the AWS error code of an error; empty for one that AWS did not answer.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func messageOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}

// is reports whether an error has one of the given codes.
func is(err error, codes ...string) bool {
	if err == nil {
		return false
	}
	got := codeOf(err)
	for _, code := range codes {
		if got == code {
			return true
		}
	}
	return false
}

// says reports whether an error has a code and a part of its text.
func says(err error, code, part string) bool {
	return is(err, code) && strings.Contains(strings.ToLower(messageOf(err)), strings.ToLower(part))
}

// What is not there, by service.
func noInstance(err error) bool {
	return is(err, "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "InvalidInstanceId.NotFound")
}

func noTemplate(err error) bool {
	return is(err, "InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.NotFound",
		"InvalidLaunchTemplateId.NotFoundException", "InvalidLaunchTemplateId.VersionNotFound", "InvalidLaunchTemplateId.Malformed")
}

func templateExists(err error) bool {
	return is(err, "InvalidLaunchTemplateName.AlreadyExistsException")
}

func noCluster(err error) bool { return is(err, "ClusterNotFoundException") }

func noParameter(err error) bool { return is(err, "ParameterNotFound", "ParameterVersionNotFound") }

// noTask also answers for a task that ECS no longer shows.
func noTask(err error) bool {
	return says(err, "InvalidParameterException", "task was not found") || noCluster(err)
}

// noContainerInstance: it has been deregistered.
func noContainerInstance(err error) bool {
	return noCluster(err) || says(err, "InvalidParameterException", "container instance") || says(err, "ClientException", "container instance")
}

// noHosts: nothing has joined the cluster, so no placement was tried.
func noHosts(err error) bool {
	return says(err, "InvalidParameterException", "no container instances were found")
}

// clusterIsOlder: a cluster of that name is there, made with other settings.
func clusterIsOlder(err error) bool {
	return says(err, "InvalidParameterException", "idempotent") || says(err, "ClientException", "idempotent")
}

// clusterIsBusy: something still belongs to it.
func clusterIsBusy(err error) bool {
	return is(err, "ClusterContainsContainerInstancesException", "ClusterContainsTasksException",
		"ClusterContainsServicesException", "UpdateInProgressException")
}

// definitionGone: a task definition that is recorded was deregistered meanwhile.
func definitionGone(err error) bool {
	return says(err, "ClientException", "taskdefinition is inactive") || says(err, "ClientException", "unable to describe task definition") ||
		says(err, "ClientException", "taskdefinition not found") || says(err, "InvalidParameterException", "taskdefinition is inactive")
}

// otherParameters: a client token was used before, for something else. ECS names the
// tasks that it stands for.
func otherParameters(err error) (tasks []string, ok bool) {
	var conflict *ecstypes.ConflictException
	if errors.As(err, &conflict) {
		return conflict.ResourceIds, true
	}
	return nil, is(err, "IdempotentParameterMismatch", "ConflictException")
}

// trouble translates what went wrong in a call that should have worked: throttling,
// faults of the service and of the network are compute.ErrUnavailable, what the account
// or its permissions refuse says what to do.
func trouble(what string, err error) error {
	code := codeOf(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", what, err)
	case isDenied(code):
		return fmt.Errorf("%s: %w (allow it in the policy of the role that Packhorse runs with)", what, err)
	case code == "AuthFailure.ServiceLinkedRoleCreationNotPermitted":
		return fmt.Errorf("%s: %w (make the role once: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com)", what, err)
	case isTransient(code):
		return fmt.Errorf("%w: %s: %w", compute.ErrUnavailable, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func isDenied(code string) bool {
	switch code {
	case "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthFailure", "OptInRequired",
		"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "ExpiredToken", "SignatureDoesNotMatch":
		return true
	}
	return false
}

// isTransient reports whether waiting helps. An error without a code never reached
// AWS.
func isTransient(code string) bool {
	switch code {
	case "", "ThrottlingException", "Throttling", "RequestLimitExceeded", "RequestThrottled", "TooManyRequestsException",
		"EC2ThrottledException", "BandwidthLimitExceeded", "SlowDown", "ServerException", "InternalError",
		"InternalFailure", "InternalServerError", "InternalServerException", "InternalServiceError", "ServiceUnavailable",
		"ServiceUnavailableException", "Unavailable", "RequestTimeout", "RequestTimeoutException",
		"PriorRequestNotComplete", "LimitExceededException", "ConflictException", "IdempotentParameterMismatch":
		return true
	}
	return false
}

// wrongTask translates the refusal of a task: what is wrong with the task itself is a
// *batch.Error, which ends the attempt; anything else may go well later.
func wrongTask(what string, err error) error {
	message := messageOf(err)
	if isFull(message) {
		return fmt.Errorf("%w: %s: %s", compute.ErrUnavailable, what, message)
	}
	switch codeOf(err) {
	case "ClientException", "InvalidParameterException", "ValidationException", "SerializationException",
		"PlatformUnknownException", "PlatformTaskDefinitionIncompatibilityException", "UnsupportedFeatureException", "BlockedException":
		return &batch.Error{Code: batch.CodeInvalid, Message: fmt.Sprintf("%s: %s", what, message),
			Next: "correct the job definition, register it again and submit the job anew", Err: err}
	}
	return trouble(what, err)
}

// isFull reports whether ECS says that Fargate, or the account's share of it, is full
// now: neither the task's fault nor that of its definition.
func isFull(message string) bool {
	message = strings.ToLower(message)
	for _, part := range []string{"capacity is unavailable", "reached the limit on the number of", "concurrently", "rate exceeded"} {
		if strings.Contains(message, part) {
			return true
		}
	}
	return false
}

// placement translates why ECS did not place a task ("API failure reasons", ECS
// developer guide). With a constraint that one host satisfies, ECS gives a reason for
// each container instance of the cluster: those of the others are that they are others.
func placement(failures []ecstypes.Failure) error {
	var words []string
	for _, f := range failures {
		reason := deref(f.Reason)
		if strings.Contains(strings.ToLower(reason), "memberof") {
			continue
		}
		if detail := deref(f.Detail); detail != "" {
			reason += " (" + detail + ")"
		}
		words = append(words, reason)
	}
	if len(words) == 0 {
		return errNotJoined
	}
	all := strings.Join(words, "; ")
	switch {
	case isFull(all), strings.HasPrefix(all, "CAPACITY"), strings.Contains(all, "EMPTY CAPACITY PROVIDER"), strings.HasPrefix(all, "RATE"):
		return fmt.Errorf("%w: %s", compute.ErrUnavailable, all)
	case strings.HasPrefix(all, "ATTRIBUTE"):
		return &batch.Error{Code: batch.CodeInvalid,
			Message: fmt.Sprintf("The host lacks an attribute that the task requires: %s.", all),
			Next:    "use an image of ECS with an agent that is new enough, or remove what needs it from the job definition"}
	}
	// RESOURCE:CPU, RESOURCE:MEMORY, RESOURCE:GPU, RESOURCE:ENI, RESOURCE:PORTS, AGENT,
	// LOCATION, INACTIVE: the host cannot take the task now.
	return fmt.Errorf("%w: %s", compute.ErrNoRoom, all)
}

// errNotJoined: no container instance of the cluster is the host.
var errNotJoined = errors.New("the host is no container instance of the cluster")

// Scopes of what EC2 could not supply.
type scope int

const (
	noShortage scope = iota // the request itself is wrong, or we may not
	inZone                  // this type in this zone
	anywhere                // this type in every zone
	inSubnet                // every type in this subnet
)

// How long what EC2 could not supply is not asked for again.
const (
	capacityFor    = 3 * time.Minute  // capacity comes and goes
	priceFor       = 5 * time.Minute  // Spot prices change a few times an hour at most
	limitFor       = 10 * time.Minute // a quota is free again when hosts end, or is raised by hand
	addressesFor   = 5 * time.Minute  // addresses come back with hosts that end
	unsupportedFor = 24 * time.Hour   // a zone gets a new type perhaps once a year
)

// shortageOf tells what an error of CreateFleet for one override means ("Error codes",
// EC2 API reference).
func shortageOf(code, message string) (scope, time.Duration) {
	switch code {
	case "InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacity", "InsufficientReservedInstanceCapacity",
		"InsufficientCapacityOnHost", "UnfulfillableCapacity":
		return inZone, capacityFor
	case "SpotMaxPriceTooLow":
		return inZone, priceFor
	case "MaxSpotInstanceCountExceeded", "VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotFleetRequestCountExceeded":
		return anywhere, limitFor
	case "InsufficientFreeAddressesInSubnet", "InsufficientAddressCapacity", "NetworkInterfaceLimitExceeded":
		return inSubnet, addressesFor
	case "Unsupported", "UnsupportedOperation", "InvalidFleetConfiguration":
		// "Your requested instance type (x) is not supported in your requested
		// Availability Zone (y)"; other texts are about the request.
		if strings.Contains(message, "not supported") {
			return inZone, unsupportedFor
		}
	case "InvalidInstanceType", "InstanceTypeNotSupported":
		return anywhere, unsupportedFor
	}
	return noShortage, 0
}
