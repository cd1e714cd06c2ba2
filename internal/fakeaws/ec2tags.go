package fakeaws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// CreateTags tags instances and launch templates: all, or none if one is not there.
func (e *EC2) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	return call(ctx, e.c, "ec2.CreateTags", in, func(in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
		if err := validTags(in.Tags); err != nil {
			return nil, err
		}
		err := e.c.changeTags(in.Resources, func(tags []types.Tag) []types.Tag { return retag(tags, in.Tags) })
		return &ec2.CreateTagsOutput{}, err
	})
}

// DeleteTags removes tags by key, or by key and value where a value is given. Without
// tags all go that are not AWS's own.
func (e *EC2) DeleteTags(ctx context.Context, in *ec2.DeleteTagsInput, _ ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error) {
	return call(ctx, e.c, "ec2.DeleteTags", in, func(in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
		err := e.c.changeTags(in.Resources, func(tags []types.Tag) []types.Tag {
			return slices.DeleteFunc(slices.Clone(tags), func(t types.Tag) bool {
				if len(in.Tags) == 0 {
					return !strings.HasPrefix(value(t.Key), "aws:")
				}
				return slices.ContainsFunc(in.Tags, func(other types.Tag) bool {
					return value(other.Key) == value(t.Key) && (other.Value == nil || *other.Value == value(t.Value))
				})
			})
		})
		return &ec2.DeleteTagsOutput{}, err
	})
}

// changeTags changes the tags of instances and launch templates. With mu held.
func (c *Cloud) changeTags(resources []string, change func([]types.Tag) []types.Tag) error {
	var set []func()
	for _, id := range resources {
		if strings.HasPrefix(id, "lt-") {
			t, err := c.template(&id, nil)
			if err != nil {
				return err
			}
			set = append(set, func() { t.is.Tags = change(t.is.Tags) })
			continue
		}
		if _, err := byID(c.visible(), []string{id}); err != nil {
			return err
		}
		i := c.instance(id)
		set = append(set, func() {
			i.tags = change(i.tags)
			c.retold(i)
		})
	}
	for _, do := range set {
		do()
	}
	return nil
}

// retag sets tags, the later ones of a key winning.
func retag(tags, more []types.Tag) []types.Tag {
	tags = slices.Clone(tags)
	for _, t := range more {
		i := slices.IndexFunc(tags, func(other types.Tag) bool { return value(other.Key) == value(t.Key) })
		if i < 0 {
			tags = append(tags, t)
		} else {
			tags[i] = t
		}
	}
	return tags
}

// validTags holds tags to EC2's rules ("Tag your Amazon EC2 resources").
func validTags(tags []types.Tag) error {
	const most, longestKey, longestValue = 50, 128, 256
	if len(tags) > most {
		return refuse("TagLimitExceeded", "The maximum number of tags for a resource is %d", most)
	}
	for _, t := range tags {
		switch key := value(t.Key); {
		case key == "" || len(key) > longestKey:
			return refuse("InvalidParameterValue", "Tag key %q must have 1 to %d characters", key, longestKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return refuse("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case len(value(t.Value)) > longestValue:
			return refuse("InvalidParameterValue", "The value of tag %q must have at most %d characters", key, longestValue)
		}
	}
	return nil
}
