package fakeaws

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// refuse makes an error of AWS. Where the SDK has a type of its own for the code, it
// is of that type, as from a real client.
func refuse(code, format string, args ...any) error {
	message := aws.String(fmt.Sprintf(format, args...))
	switch code {
	case "ClientException":
		return &ecstypes.ClientException{Message: message}
	case "InvalidParameterException":
		return &ecstypes.InvalidParameterException{Message: message}
	case "ClusterNotFoundException":
		return &ecstypes.ClusterNotFoundException{Message: message}
	case "ClusterContainsContainerInstancesException":
		return &ecstypes.ClusterContainsContainerInstancesException{Message: message}
	case "ClusterContainsTasksException":
		return &ecstypes.ClusterContainsTasksException{Message: message}
	case "ConflictException":
		return &ecstypes.ConflictException{Message: message}
	case "ResourceNotFoundException": // of logs; ECS has one for other operations
		return &logstypes.ResourceNotFoundException{Message: message}
	case "ResourceAlreadyExistsException":
		return &logstypes.ResourceAlreadyExistsException{Message: message}
	case "ParameterNotFound":
		return &ssmtypes.ParameterNotFound{Message: message}
	case "ParameterAlreadyExists":
		return &ssmtypes.ParameterAlreadyExists{Message: message}
	}
	return &smithy.GenericAPIError{Code: code, Message: *message, Fault: smithy.FaultClient}
}

func serviceOf(operation string) (service, name string) {
	service, name, _ = strings.Cut(operation, ".")
	return service, name
}

// serverFault is what a service answers when it is in trouble.
func serverFault(operation, why string) error {
	service, _ := serviceOf(operation)
	switch service {
	case "ecs":
		return &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later. (" + why + ")")}
	case "ssm":
		return &ssmtypes.InternalServerError{Message: aws.String("an error occurred on the server side (" + why + ")")}
	case "logs":
		return &logstypes.ServiceUnavailableException{Message: aws.String("the service cannot complete the request (" + why + ")")}
	}
	return &smithy.GenericAPIError{Code: "InternalError", Message: "An internal error has occurred (" + why + ")", Fault: smithy.FaultServer}
}

// throttling is what a service answers to one call too many.
func throttling(operation string) error {
	if service, _ := serviceOf(operation); service == "ec2" {
		return &smithy.GenericAPIError{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Fault: smithy.FaultServer}
	}
	return &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded", Fault: smithy.FaultClient}
}

var serviceIDs = map[string]string{"ec2": "EC2", "ecs": "ECS", "ssm": "SSM", "logs": "CloudWatch Logs"}

// operationError wraps an error as the SDK's clients do.
func operationError(operation string, err error) error {
	service, name := serviceOf(operation)
	return &smithy.OperationError{ServiceID: serviceIDs[service], OperationName: name, Err: err}
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return http.StatusInternalServerError
	}
	switch {
	case api.ErrorCode() == "RequestLimitExceeded":
		return http.StatusServiceUnavailable
	case api.ErrorFault() == smithy.FaultServer:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
