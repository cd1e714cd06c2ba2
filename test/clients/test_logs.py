"""Logs, and the identifiers that lead from a job to its host."""

import unittest

import boto3

from laptop import CONFIG, GROUP, Test, batch, define, describe, lines, logs, name, reach, run, script, submit, until

ecs = boto3.client("ecs", config=CONFIG)
ec2 = boto3.client("ec2", config=CONFIG)
sts = boto3.client("sts", config=CONFIG)

COUNT = 12_000  # lines; a page holds 10,000


class Logs(Test):
    def test_a_long_log_from_both_ends(self):
        job = run(script("seq 1 %d" % COUNT))
        stream = job["container"]["logStreamName"]
        want = [str(n) for n in range(1, COUNT + 1)]
        self.assertEqual(want, lines(job))

        read, token = [], {}
        while True:  # as most readers do: until the token stays the same
            page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, **token)
            if page["nextBackwardToken"] == token.get("nextToken"):
                break
            read = [event["message"] for event in page["events"]] + read
            token = {"nextToken": page["nextBackwardToken"]}
        self.assertEqual(want, read)

        last = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, limit=2)
        self.assertEqual(want[-2:], [event["message"] for event in last["events"]])
        after = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=last["nextForwardToken"])
        self.assertEqual(([], last["nextForwardToken"]), (after["events"], after["nextForwardToken"]))

        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, logStreamNames=[stream], filterPattern='"1199"')
        found = [event["message"] for page in pages for event in page["events"]]
        self.assertEqual([n for n in want if "1199" in n], found)

    def test_a_log_as_it_grows(self):
        job = submit(script("for i in 1 2 3; do echo $i; sleep 1; done"))
        stream = reach(job, "RUNNING", "SUCCEEDED")["container"]["logStreamName"]
        seen, token = [], {}

        def look():
            page = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token)
            token["nextToken"] = page["nextForwardToken"]
            seen.extend((event["message"], describe(job)["status"]) for event in page["events"])
            return len(seen) == 3

        until("three lines", look)
        self.assertEqual(["1", "2", "3"], [message for message, _ in seen])
        self.assertEqual("RUNNING", seen[0][1], "the first line is there before the job has ended")

    def test_what_does_not_exist(self):
        missing = "ResourceNotFoundException"
        self.refused("log stream", logs.get_log_events, code=missing, logGroupName=GROUP, logStreamName="none")
        self.refused("log group", logs.get_log_events, code=missing, logGroupName="none", logStreamName="none")
        self.refused(
            "512 characters", logs.get_log_events, code="InvalidParameterException",
            logGroupName=GROUP, logStreamName="s" * 600,
        )

    def test_group_and_prefix_of_ones_own(self):
        group = "/qa/" + name("group")
        to = {"logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-stream-prefix": "mine"}}
        job = run(define("echo", "here", container={"logConfiguration": to}))
        self.assertRegex(job["container"]["logStreamName"], "^mine/default/[0-9a-f]{32}$")
        self.assertEqual(["here"], lines(job, group))
        self.assertEqual([group], [g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]])
        (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
        self.assertEqual(job["container"]["logStreamName"], stream["logStreamName"])


class Chain(Test):
    def test_from_a_job_to_its_host(self):
        # Nextflow with fetchInstanceType.
        container = run(define("true"))["container"]
        (env,) = batch.describe_compute_environments(computeEnvironments=["local"])["computeEnvironments"]
        cluster = env["ecsClusterArn"]
        (task,) = ecs.describe_tasks(cluster=cluster, tasks=[container["taskArn"]])["tasks"]
        self.assertEqual(container["containerInstanceArn"], task["containerInstanceArn"])
        (host,) = ecs.describe_container_instances(
            cluster=cluster, containerInstances=[task["containerInstanceArn"]],
        )["containerInstances"]
        (reservation,) = ec2.describe_instances(InstanceIds=[host["ec2InstanceId"]])["Reservations"]
        kind = reservation["Instances"][0]["InstanceType"]
        (shown,) = ec2.describe_instance_types(InstanceTypes=[kind])["InstanceTypes"]
        self.assertGreaterEqual(shown["VCpuInfo"]["DefaultVCpus"], 1)

    def test_who_am_i(self):
        self.assertEqual("000000000000", sts.get_caller_identity()["Account"])


if __name__ == "__main__":
    unittest.main()
