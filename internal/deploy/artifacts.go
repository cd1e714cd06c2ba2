package deploy

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/dustin/go-humanize"
)

// objects is the part of S3 that deployments need.
type objects interface {
	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
	CreateBucket(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	PutPublicAccessBlock(context.Context, *s3.PutPublicAccessBlockInput, ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error)
	DeleteBucket(context.Context, *s3.DeleteBucketInput, ...func(*s3.Options)) (*s3.DeleteBucketOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

// bucket holds the zipped functions of all deployments of an account and region. Its
// name can be guessed, so another account may have taken it; each call says whose it
// must be, and nothing is ever put into a stranger's.
type bucket struct {
	objects       objects
	name, account string
	region        string
}

// maxObjectPages bounds the listing of a deployment's objects, 1000 each.
const maxObjectPages = 20

func (a *Account) bucket(ctx context.Context) (bucket, error) {
	id, err := a.id(ctx)
	if err != nil {
		return bucket{}, err
	}
	return bucket{a.Objects, fmt.Sprintf("packhorse-artifacts-%s-%s", id, a.Region), id, a.Region}, nil
}

func (b bucket) exists(ctx context.Context) (bool, error) {
	_, err := b.objects.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(b.name), ExpectedBucketOwner: aws.String(b.account)})
	switch {
	case err == nil:
		return true, nil
	case isCode(err, "NotFound", "NoSuchBucket"):
		return false, nil
	case isCode(err, "Forbidden", "AccessDenied"):
		return false, &Error{
			Message: fmt.Sprintf("the bucket %s belongs to another account, or the caller may not look at it", b.name),
			Next:    "deploy in another region, or see docs/permissions.md for the permissions of whoever deploys", Err: err,
		}
	}
	return false, explain(err, "look for the bucket "+b.name)
}

// ensure makes the bucket unless it is there. Objects in it are encrypted by S3, as
// everywhere; nothing in it can be made public.
func (b bucket) ensure(ctx context.Context) (made bool, err error) {
	if ok, err := b.exists(ctx); ok || err != nil {
		return false, err
	}
	in := &s3.CreateBucketInput{Bucket: aws.String(b.name)}
	if b.region != "us-east-1" { // the one region that must not be named
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	if _, err := b.objects.CreateBucket(ctx, in); err != nil && !isCode(err, "BucketAlreadyOwnedByYou") {
		return false, explain(err, "make the bucket "+b.name)
	}
	_, err = b.objects.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: aws.String(b.name), ExpectedBucketOwner: aws.String(b.account),
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
			IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		},
	})
	return true, explain(err, "close the bucket "+b.name+" to the public")
}

// upload puts a zip under key unless it is there.
func (b bucket) upload(ctx context.Context, z zipped, key string, progress Progress) error {
	_, err := b.objects.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(b.name), Key: aws.String(key), ExpectedBucketOwner: aws.String(b.account)})
	if err == nil {
		return nil
	}
	if !isCode(err, "NotFound", "NoSuchKey") {
		return explain(err, "look for "+key+" in the bucket "+b.name)
	}
	_, err = b.objects.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.name), Key: aws.String(key), ExpectedBucketOwner: aws.String(b.account),
		Body: bytes.NewReader(z.content), ContentType: aws.String("application/zip"),
	})
	if err != nil {
		return explain(err, "upload the function "+z.Name+" to the bucket "+b.name)
	}
	progress.say("uploaded %s (%s)", z.Name, humanize.Bytes(uint64(len(z.content))))
	return nil
}

// keys lists what a deployment has in the bucket.
func (b bucket) keys(ctx context.Context, deployment string) ([]string, error) {
	if ok, err := b.exists(ctx); !ok || err != nil {
		return nil, err
	}
	var keys []string
	var token *string
	for range maxObjectPages {
		out, err := b.objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: aws.String(b.name), Prefix: aws.String(deployment + "/"), ContinuationToken: token, ExpectedBucketOwner: aws.String(b.account),
		})
		if err != nil {
			return nil, explain(err, "list the bucket "+b.name)
		}
		for _, o := range out.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
		if token = out.NextContinuationToken; token == nil {
			break
		}
	}
	return keys, nil
}

// remove deletes objects, 1000 at a time, which is what one call takes.
func (b bucket) remove(ctx context.Context, keys []string) error {
	for some := range slices.Chunk(keys, 1000) {
		var ids []types.ObjectIdentifier
		for _, k := range some {
			ids = append(ids, types.ObjectIdentifier{Key: aws.String(k)})
		}
		out, err := b.objects.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: aws.String(b.name), ExpectedBucketOwner: aws.String(b.account), Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return explain(err, "empty the bucket "+b.name)
		}
		if len(out.Errors) > 0 {
			e := out.Errors[0]
			return &Error{Message: fmt.Sprintf("cannot delete %s from the bucket %s: %s", aws.ToString(e.Key), b.name, aws.ToString(e.Message))}
		}
	}
	return nil
}

// removeIfEmpty deletes the bucket when no deployment has anything in it any more.
func (b bucket) removeIfEmpty(ctx context.Context) (gone bool, err error) {
	if ok, err := b.exists(ctx); !ok || err != nil {
		return false, err
	}
	_, err = b.objects.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(b.name), ExpectedBucketOwner: aws.String(b.account)})
	switch {
	case isCode(err, "BucketNotEmpty"): // another deployment's
		return false, nil
	case isCode(err, "NoSuchBucket"):
		return false, nil
	}
	return err == nil, explain(err, "delete the bucket "+b.name)
}
