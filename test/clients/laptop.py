"""What the tests share: clients of the server under test, and short ways to ask it."""

import time
import unittest
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# No retries: a test must see the first answer. No checks of parameters before they are
# sent: what is refused must be refused by the server.
CONFIG = Config(retries={"max_attempts": 0}, parameter_validation=False, read_timeout=60)

batch = boto3.client("batch", config=CONFIG)
logs = boto3.client("logs", config=CONFIG)

GROUP = "/aws/batch/job"
ENDED = ("SUCCEEDED", "FAILED")
PATIENCE = 120  # seconds that something may take on a busy machine
PAUSE = 0.05  # seconds between two looks


def name(prefix):
    """A name that no other test has."""
    return prefix + "-" + uuid.uuid4().hex[:8]


def needs(vcpus="1", memory="16"):
    return [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory}]


def define(*command, container=None, **request):
    """Registers a definition of a command and returns its name."""
    properties = {"image": "busybox", "command": list(command), "resourceRequirements": needs()}
    properties.update(container or {})
    request.setdefault("jobDefinitionName", name("def"))
    request.setdefault("type", "container")
    return batch.register_job_definition(containerProperties=properties, **request)["jobDefinitionName"]


def script(text, **request):
    """Registers a definition of a shell script and returns its name."""
    return define("sh", "-c", text, **request)


def submit(definition, queue="default", **request):
    request.setdefault("jobName", "job")
    return batch.submit_job(jobQueue=queue, jobDefinition=definition, **request)["jobId"]


def describe(job):
    """The one job of an id."""
    jobs = batch.describe_jobs(jobs=[job])["jobs"]
    if len(jobs) != 1:
        raise AssertionError("DescribeJobs(%s) has %d jobs, want 1" % (job, len(jobs)))
    return jobs[0]


def until(what, seen):
    """Waits until seen() is true, and returns that."""
    end = time.monotonic() + PATIENCE
    while True:
        found = seen()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("after %d seconds still not: %s" % (PATIENCE, what))
        time.sleep(PAUSE)


def reach(job, *statuses):
    """Waits until a job is in one of some statuses, and returns it."""

    def look():
        seen = describe(job)
        if seen["status"] in statuses:
            return seen
        if seen["status"] in ENDED:
            raise AssertionError("job %s is %s (%s), want %s" % (job, seen["status"], seen.get("statusReason"), statuses))
        return None

    return until("job %s is %s" % (job, statuses), look)


def end(job):
    """Waits until a job has ended, and returns it."""
    return reach(job, *ENDED)


def run(definition, **request):
    """Submits a job and waits for its end."""
    return end(submit(definition, **request))


def lines(job, group=GROUP):
    """The log of a job, read as Redun does: until a page is empty."""
    stream, found, token = job["container"]["logStreamName"], [], {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        if not page["events"]:
            return found
        found += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}


def environment(kind="EC2", max_vcpus=8, **resources):
    """Makes a managed compute environment as it is written for AWS, and returns its name."""
    settings = {"type": kind, "maxvCpus": max_vcpus, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    if not kind.startswith("FARGATE"):
        settings.update(minvCpus=0, instanceTypes=["optimal"], instanceRole="ecsInstanceRole")
    if kind == "SPOT":
        settings.update(allocationStrategy="SPOT_CAPACITY_OPTIMIZED")
    settings.update(resources)
    made = name("env")
    batch.create_compute_environment(computeEnvironmentName=made, type="MANAGED", computeResources=settings)
    return made


def queue(*environments, **request):
    """Makes a queue over environments, in their order, and returns its name."""
    made = name("queue")
    request.setdefault("priority", 1)
    order = [{"order": i, "computeEnvironment": e} for i, e in enumerate(environments)]
    batch.create_job_queue(jobQueueName=made, computeEnvironmentOrder=order, **request)
    return made


class Test(unittest.TestCase):
    """A test case that knows how AWS Batch refuses."""

    maxDiff = None

    def refused(self, message, call, code="ClientException", **request):
        """A call is refused with a message that contains some words; returns it whole."""
        with self.assertRaises(ClientError) as caught:
            call(**request)
        answer = caught.exception.response
        self.assertEqual(code, answer["Error"]["Code"])
        self.assertEqual(400, answer["ResponseMetadata"]["HTTPStatusCode"])
        self.assertIn(message, answer["Error"]["Message"])
        return answer["Error"]["Message"]

    def ended(self, job, status, reason):
        """A job ended so."""
        self.assertEqual((status, reason), (job["status"], job.get("statusReason")))
        self.assertGreater(job["stoppedAt"], 0)
