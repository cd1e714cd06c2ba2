"""Makes what the first steps of docs/offline.md need, in a moto or a LocalStack.

    python3 localstack/seed.py http://127.0.0.1:5000

It needs boto3, which both programs bring along. Both have a default VPC with a subnet
in each zone, and the images of ECS in the parameter store. Doing it twice does no harm;
what one of them lacks is said and left out.
"""

import json
import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION = os.environ.get("AWS_REGION", "us-east-1")
BUCKET = "packhorse-incoming"
QUEUE = "packhorse-s3-events"
ROLE = "ecsInstanceRole"
KEY = "packhorse"


def main(endpoint):
    config = Config(retries={"total_max_attempts": 5}, s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=60)

    def client(service):
        return boto3.client(
            service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test", config=config
        )

    for what, make in {
        f"instance profile {ROLE}": instance_profile,
        f"key pair {KEY}": key_pair,
        f"bucket {BUCKET}, whose notifications go to the queue {QUEUE}": bucket,
    }.items():
        try:
            make(client)
            print(f"    {what}")
        except (ClientError, BotoCoreError) as error:
            print(f"    without {what}: {error}")


def unless_there(call, **arguments):
    """Calls, and takes it well when the thing is there already."""
    try:
        return call(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if "Exists" not in code and "Duplicate" not in code and code not in ("LimitExceeded", "BucketAlreadyOwnedByYou"):
            raise
        return None


def instance_profile(client):
    """The role of hosts whose environment names none."""
    iam = client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    unless_there(iam.create_role, RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    unless_there(iam.create_instance_profile, InstanceProfileName=ROLE)
    unless_there(iam.add_role_to_instance_profile, InstanceProfileName=ROLE, RoleName=ROLE)


def key_pair(client):
    """For environments that name one in ec2KeyPair; nothing can be opened with it."""
    unless_there(client("ec2").create_key_pair, KeyName=KEY)


def bucket(client):
    """Objects that appear in it are told to a queue, from which they can be sent on to
    POST /events/s3."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3 = client("s3")
    where = {} if REGION == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    unless_there(s3.create_bucket, Bucket=BUCKET, **where)
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"QueueConfigurations": [{"Id": "packhorse", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )


if __name__ == "__main__":
    main(sys.argv[1])
