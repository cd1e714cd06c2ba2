"""Whatever is sent, the answer is a message that names the fault, and the server goes on."""

import json
import os
import unittest
import urllib.error
import urllib.request
import uuid

from laptop import Test, batch, define, describe, environment, name, needs, queue, run, submit

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
SIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/batch/aws4_request, SignedHeaders=host, Signature=00"

# What may stand where it should not.
BAD = (
    None, "", " ", "a b", "é" * 10, "a\x00b", "x" * 3000, "../..", "arn:", ":", "x:0", "arn:aws:batch:us-east-1:000000000000:job/x",
    0, -1, 2**31, 10**30, 1.5, True, [], [None], [[]], [{}], ["", ""], ["x"] * 101, {}, {"a": None}, {"a": 1},
)


def post(operation, body, headers=None):
    """Sends bytes or a value as a request, and returns status and answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(ENDPOINT + "/v1/" + operation, data, {"Authorization": SIGNED, **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as answer:
        return answer.code, json.load(answer)


def places(value, path=()):
    """All paths into a value."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    if isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def replaced(value, path, by):
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


class Anything(Test):
    def test_nothing_breaks_the_server(self):
        mine, definition = queue(environment(max_vcpus=1)), define("true")
        policy = batch.create_scheduling_policy(name=name("policy"))["arn"]
        job = submit(definition, mine)
        requests = {
            "registerjobdefinition": {
                "jobDefinitionName": name("def"), "type": "container", "parameters": {"p": "1"}, "tags": {"k": "v"},
                "platformCapabilities": ["EC2"], "timeout": {"attemptDurationSeconds": 60}, "schedulingPriority": 1,
                "retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onReason": "*", "onExitCode": "1", "action": "RETRY"}]},
                "containerProperties": {
                    "image": "busybox", "command": ["echo", "Ref::p"], "environment": [{"name": "A", "value": "b"}],
                    "resourceRequirements": needs(), "volumes": [{"name": "v", "host": {"sourcePath": "/tmp"}}],
                    "mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": True}],
                    "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
                    "linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1}], "sharedMemorySize": 64},
                    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}},
                },
            },
            "submitjob": {
                "jobName": "job", "jobQueue": mine, "jobDefinition": definition, "arrayProperties": {"size": 2},
                "dependsOn": [{"jobId": job, "type": "SEQUENTIAL"}], "parameters": {"p": "1"}, "tags": {"k": "v"},
                "containerOverrides": {"command": ["true"], "environment": [{"name": "A", "value": "b"}], "resourceRequirements": needs()},
                "retryStrategy": {"attempts": 1}, "timeout": {"attemptDurationSeconds": 60},
            },
            "describejobs": {"jobs": [job]},
            "listjobs": {"jobQueue": mine, "maxResults": 10, "filters": [{"name": "JOB_NAME", "values": ["a*"]}]},
            "terminatejob": {"jobId": "a" * 32, "reason": "x"},
            "createcomputeenvironment": {
                "computeEnvironmentName": name("env"), "type": "MANAGED", "state": "ENABLED", "tags": {"k": "v"},
                "computeResources": {
                    "type": "SPOT", "minvCpus": 0, "maxvCpus": 4, "instanceTypes": ["m5.large"], "subnets": ["s"],
                    "securityGroupIds": ["g"], "instanceRole": "r", "allocationStrategy": "SPOT_CAPACITY_OPTIMIZED",
                    "bidPercentage": 50, "launchTemplate": {"launchTemplateName": "x", "version": "1"},
                },
            },
            "createjobqueue": {
                "jobQueueName": name("queue"), "priority": 1, "schedulingPolicyArn": policy, "state": "ENABLED",
                "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "local"}],
            },
            "createschedulingpolicy": {
                "name": name("policy"),
                "fairsharePolicy": {"shareDecaySeconds": 60, "shareDistribution": [{"shareIdentifier": "a*", "weightFactor": 1.5}]},
            },
            "deregisterjobdefinition": {"jobDefinition": "none:1"},
        }
        for operation, good in requests.items():
            for path in places(good):
                for bad in BAD:
                    status, answer = post(operation, replaced(good, path, bad))
                    where = "%s with %.60r at %s: %s %s" % (operation, bad, ".".join(map(str, path)), status, answer)
                    self.assertLess(status, 500, where)
                    if status >= 400:
                        self.assertTrue(answer["message"], where)
        self.assertEqual("SUCCEEDED", run(define("true"))["status"])

    def test_what_is_no_request(self):
        for case, operation, body, status, says in (
            ("no JSON", "describejobs", b"{", 400, "Unable to parse request body"),
            ("more behind it", "describejobs", b'{"jobs":["a"]}x', 400, "Unable to parse request body"),
            ("a list", "describejobs", b"[]", 400, "must be an object"),
            ("a wrong type", "describejobs", b'{"jobs":"a"}', 400, "jobs must be a list"),
            ("not UTF-8", "describejobs", b'{"jobs":["\xff"]}', 400, "UTF-8"),
            ("too deep", "describejobs", b"[" * 100_000, 400, "Unable to parse request body"),
            ("too much", "submitjob", b'{"jobName":"' + b"x" * 2_000_000 + b'"}', 413, "KiB"),
            ("an operation that there is not", "makecoffee", b"{}", 404, "/v1/makecoffee"),
        ):
            with self.subTest(case):
                got, answer = post(operation, body)
                self.assertEqual(status, got, answer)
                self.assertIn(says, answer["message"])

    def test_what_is_not_supported_says_so(self):
        self.refused("not supported yet", batch.list_consumable_resources)
        self.refused("not supported yet", batch.get_job_queue_snapshot, jobQueue="default")

    def test_a_submit_that_an_sdk_retries_makes_one_job(self):
        call = {"amz-sdk-invocation-id": str(uuid.uuid4())}
        request = {"jobName": "once", "jobQueue": "default", "jobDefinition": define("true")}
        ids = {post("submitjob", request, call)[1]["jobId"] for _ in range(3)}
        self.assertEqual(1, len(ids))
        describe(ids.pop())


if __name__ == "__main__":
    unittest.main()
