package amazon

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/batch"
)

type parameters interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// The image types of AWS Batch (API reference, Ec2Configuration).
const (
	imageAL2023       = "ECS_AL2023"
	imageAL2023NVIDIA = "ECS_AL2023_NVIDIA"
	imageAL2          = "ECS_AL2"
	imageAL2NVIDIA    = "ECS_AL2_NVIDIA"
)

// imageParameters are the public parameters with the id of the newest image of ECS
// ("Retrieving Amazon ECS-optimized Linux AMI metadata", ECS developer guide). There is
// none with NVIDIA's driver for Graviton.
var imageParameters = map[string]map[kind]string{
	imageAL2023:       {{}: "amazon-linux-2023", {arm: true}: "amazon-linux-2023/arm64"},
	imageAL2023NVIDIA: {{nvidia: true}: "amazon-linux-2023/gpu"},
	imageAL2:          {{}: "amazon-linux-2", {arm: true}: "amazon-linux-2/arm64"},
	imageAL2NVIDIA:    {{nvidia: true}: "amazon-linux-2/gpu"},
}

// imageChoice is where the image of a kind of instances comes from: an id, or an image
// type of ECS.
type imageChoice struct{ id, imageType string }

// chooseImage follows the order of AWS Batch: imageIdOverride, then imageId, then the
// launch template's, then the newest image of ECS of the type that ec2Configuration
// names, or of AL2023.
func chooseImage(settings *types.ComputeResource, fromTemplate string, k kind) imageChoice {
	var named *types.Ec2Configuration
	for i, c := range settings.Ec2Configuration {
		if strings.HasSuffix(deref(c.ImageType), "_NVIDIA") == k.nvidia {
			named = &settings.Ec2Configuration[i]
			break
		}
	}
	switch {
	case named != nil && deref(named.ImageIdOverride) != "":
		return imageChoice{id: *named.ImageIdOverride}
	case deref(settings.ImageId) != "":
		return imageChoice{id: *settings.ImageId}
	case named != nil && deref(named.ImageType) != "":
		return imageChoice{imageType: *named.ImageType}
	case fromTemplate != "":
		return imageChoice{id: fromTemplate}
	case k.nvidia:
		return imageChoice{imageType: imageAL2023NVIDIA}
	}
	return imageChoice{imageType: imageAL2023}
}

// image returns the id of the image that a kind of instances boots.
func (b *Backend) image(ctx context.Context, choice imageChoice, k kind) (string, error) {
	if choice.id != "" {
		return choice.id, nil
	}
	folder, ok := imageParameters[choice.imageType][k]
	if !ok {
		return "", &batch.Error{Code: batch.CodeInvalid,
			Message: fmt.Sprintf("ec2Configuration: there is no image of type %s for %s instances.", choice.imageType, k),
			Next:    "name one in ec2Configuration.imageIdOverride"}
	}
	name := "/aws/service/ecs/optimized-ami/" + folder + "/recommended/image_id"
	out, err := b.o.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if noParameter(err) {
		return "", &batch.Error{Code: batch.CodeInvalid,
			Message: fmt.Sprintf("ec2Configuration: %s has no image of type %s (parameter %s).", b.o.Region, choice.imageType, name),
			Next:    "name one in ec2Configuration.imageIdOverride", Err: err}
	}
	if err != nil {
		return "", trouble("reading "+name, err)
	}
	if out.Parameter == nil || deref(out.Parameter.Value) == "" {
		return "", fmt.Errorf("reading %s: the parameter is empty (name an image in ec2Configuration.imageIdOverride)", name)
	}
	return *out.Parameter.Value, nil
}
