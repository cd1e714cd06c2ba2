"""Environments, queues, definitions and policies, as Terraform and the pipelines keep them."""

import unittest

from laptop import (
    Test, batch, define, describe, end, environment, lines, name, needs, queue, reach, run, script, submit, until,
)


class Definitions(Test):
    def test_newest_first_and_numbers_never_again(self):
        # Metaflow takes the first, Redun and Cromwell the highest revision.
        mine = name("def")
        for _ in range(3):
            define("true", jobDefinitionName=mine)
        batch.deregister_job_definition(jobDefinition=mine + ":3")
        shown = batch.describe_job_definitions(jobDefinitionName=mine, status="ACTIVE")["jobDefinitions"]
        self.assertEqual([2, 1], [d["revision"] for d in shown])
        self.assertTrue(describe(submit(mine))["jobDefinition"].endswith(mine + ":2"))
        self.refused("does not exist or is not in ACTIVE status", submit, definition=mine + ":3")
        define("true", jobDefinitionName=mine)
        shown = batch.describe_job_definitions(jobDefinitions=[mine + ":4"])["jobDefinitions"]
        self.assertEqual("ACTIVE", shown[0]["status"])

    def test_what_was_sent_is_shown_unchanged(self):
        # Redun compares every key that it sent, Nextflow keeps a hash in the parameters.
        sent = {
            "image": "busybox", "command": [], "environment": [], "mountPoints": [], "ulimits": [], "volumes": [],
            "resourceRequirements": needs(), "privileged": False, "readonlyRootFilesystem": False,
            "jobRoleArn": "arn:aws:iam::000000000000:role/job", "user": "root",
        }
        mine = name("def")
        arn = batch.register_job_definition(
            jobDefinitionName=mine, type="container", containerProperties=sent, parameters={"nf-token": "abc"},
            retryStrategy={"attempts": 2}, timeout={"attemptDurationSeconds": 61}, tags={"k": "v"},
        )["jobDefinitionArn"]
        (shown,) = batch.describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
        for key, value in sent.items():
            self.assertEqual(value, shown["containerProperties"][key], key)
        self.assertEqual({"nf-token": "abc"}, shown["parameters"])
        self.assertEqual(61, shown["timeout"]["attemptDurationSeconds"])
        self.assertEqual(2, shown["retryStrategy"]["attempts"])
        self.assertEqual({"k": "v"}, shown["tags"])

    def test_references(self):
        mine = define("true")
        arn = batch.describe_job_definitions(jobDefinitionName=mine)["jobDefinitions"][0]["jobDefinitionArn"]
        queue_arn = batch.describe_job_queues(jobQueues=["default"])["jobQueues"][0]["jobQueueArn"]
        for definition in (mine, mine + ":1", arn, arn[: -len(":1")]):
            for at in ("default", queue_arn):
                self.assertEqual(arn, describe(submit(definition, at))["jobDefinition"])


class Queues(Test):
    def test_what_is_read_before_the_first_submit(self):
        # Metaflow and Snakemake read the type of the environments, Nextflow their cluster.
        (default,) = batch.describe_job_queues(jobQueues=["default"])["jobQueues"]
        self.assertEqual(("ENABLED", "VALID"), (default["state"], default["status"]))
        first = default["computeEnvironmentOrder"][0]["computeEnvironment"]
        (env,) = batch.describe_compute_environments(computeEnvironments=[first])["computeEnvironments"]
        self.assertEqual("EC2", env["computeResources"]["type"])
        self.assertRegex(env["ecsClusterArn"], "^arn:aws:ecs:.*:cluster/local_Batch_")

    def test_usable_at_once_on_every_kind_of_capacity(self):
        serverless = name("def")
        batch.register_job_definition(
            jobDefinitionName=serverless, type="container", platformCapabilities=["FARGATE"],
            containerProperties={
                "image": "busybox", "command": ["true"], "resourceRequirements": needs("0.25", "512"),
                "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
            },
        )
        hosted, unmanaged = define("true"), name("env")
        batch.create_compute_environment(
            computeEnvironmentName=unmanaged, type="UNMANAGED", serviceRole="arn:aws:iam::000000000000:role/service",
        )
        for env, definition in (
            (environment("EC2", instanceTypes=["m5.large"]), hosted), (environment("SPOT"), hosted),
            (environment("FARGATE"), serverless), (unmanaged, hosted),
        ):
            job = run(definition, queue=queue(env))
            self.assertEqual("SUCCEEDED", job["status"], job.get("statusReason"))
        self.refused(
            "Job Queue is attached to Compute Environment that can not run Jobs with capability EC2",
            submit, definition=hosted, queue=queue(environment("FARGATE")),
        )

    def test_environments_in_their_order(self):
        first, second = environment(max_vcpus=2, instanceTypes=["m5.large"]), environment()
        both, definition = queue(first, second), script("echo $AWS_BATCH_CE_NAME")
        self.assertEqual([first], lines(run(definition, queue=both)))
        batch.update_compute_environment(computeEnvironment=first, state="DISABLED")
        self.assertEqual([second], lines(run(definition, queue=both)))

    def test_a_job_that_fits_nowhere_says_so_with_numbers(self):
        # Nextflow looks for these beginnings on RUNNABLE jobs.
        mine = queue(environment(max_vcpus=4, instanceTypes=["m5.large"]))
        for wants, begins, says in (
            (needs("96"), "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - ", "96 vCPU"),
            (needs("1", "999999"), "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ", "999999 MiB"),
        ):
            job = submit(define("true"), mine, containerOverrides={"resourceRequirements": wants})
            reason = until("a reason", lambda: begins in describe(job).get("statusReason", "") and describe(job))["statusReason"]
            self.assertTrue(reason.startswith(begins), reason)
            self.assertIn(says, reason)
            batch.terminate_job(jobId=job, reason="test is over")

    def test_disabled(self):
        mine = queue("local", state="DISABLED")
        self.refused("DISABLED", submit, definition=define("true"), queue=mine)
        batch.update_job_queue(jobQueue=mine, state="ENABLED")
        self.assertEqual("SUCCEEDED", run(define("true"), queue=mine)["status"])

    def test_deleted_as_terraform_does(self):
        env = environment(instanceTypes=["m5.large"])
        mine = queue(env)
        run(define("true"), queue=mine)
        running = submit(define("sleep", "60"), mine)
        reach(running, "RUNNING")

        self.refused("DISABLED", batch.delete_job_queue, jobQueue=mine)
        batch.update_job_queue(jobQueue=mine, state="DISABLED")
        (shown,) = batch.describe_job_queues(jobQueues=[mine])["jobQueues"]
        self.assertEqual(("DISABLED", "VALID"), (shown["state"], shown["status"]))
        batch.delete_job_queue(jobQueue=mine)
        until("the queue is gone", lambda: not batch.describe_job_queues(jobQueues=[mine])["jobQueues"])
        self.ended(end(running), "FAILED", "JobQueue deleted")
        self.refused("does not exist", batch.delete_job_queue, jobQueue=mine)

        batch.update_compute_environment(computeEnvironment=env, state="DISABLED")
        batch.delete_compute_environment(computeEnvironment=env)
        shown = batch.describe_compute_environments
        until("the environment is gone", lambda: not shown(computeEnvironments=[env])["computeEnvironments"])

    def test_an_environment_in_use_stays(self):
        env = environment()
        queue(env)
        batch.update_compute_environment(computeEnvironment=env, state="DISABLED")
        self.refused(
            "Cannot delete, found existing JobQueue relationship",
            batch.delete_compute_environment, computeEnvironment=env,
        )


class Shares(Test):
    def test_fair_share(self):
        arn = batch.create_scheduling_policy(
            name=name("policy"),
            fairsharePolicy={"shareDecaySeconds": 600, "shareDistribution": [{"shareIdentifier": "b", "weightFactor": 0.25}]},
        )["arn"]
        shared = queue(environment(max_vcpus=2, instanceTypes=["m5.large"]), schedulingPolicyArn=arn)
        definition = define("true", schedulingPriority=1)
        self.refused("shareIdentifier must be specified.", submit, definition=definition, queue=shared)
        self.refused(
            "Either schedulingPriority in job definition or schedulingPriorityOverride should be specified.",
            submit, definition=define("true"), queue=shared, shareIdentifier="a",
        )
        self.refused("can onlybe submitted", submit, definition=definition, shareIdentifier="a")

        both = {"resourceRequirements": needs("2")}  # one at a time
        gate = submit(define("sleep", "3"), shared, shareIdentifier="z", schedulingPriorityOverride=1, containerOverrides=both)
        reach(gate, "RUNNING")
        # Jobs of equal length: what a share used is the number of its jobs that ran.
        same = define("sleep", "0.5", schedulingPriority=1, container=both)
        jobs = [(share, submit(same, shared, shareIdentifier=share)) for share in "aaaaabbbbb"]
        urgent = submit(same, shared, shareIdentifier="a", schedulingPriorityOverride=9)
        order = sorted((end(job)["startedAt"], share) for share, job in jobs)
        self.assertGreaterEqual([share for _, share in order[:6]].count("b"), 4, "a quarter of the weight is four times the share: %s" % order)
        first_of_a = min(started for started, share in order if share == "a")
        self.assertLessEqual(end(urgent)["startedAt"], first_of_a, "priority counts within a share")
        self.refused("Cannot delete", batch.delete_scheduling_policy, arn=arn)

    def test_priority_of_queues(self):
        env = environment(max_vcpus=2, instanceTypes=["m5.large"])
        high, low = queue(env, priority=10), queue(env, priority=1)
        definition = define("true", container={"resourceRequirements": needs("2")})
        gate = submit(define("sleep", "3", container={"resourceRequirements": needs("2")}), high)
        reach(gate, "RUNNING")
        later = [submit(definition, low) for _ in range(3)]
        sooner = [submit(definition, high) for _ in range(3)]
        self.assertLessEqual(max(end(j)["startedAt"] for j in sooner), min(end(j)["startedAt"] for j in later))


class Tags(Test):
    def test_every_kind(self):
        job = describe(submit(define("true"), tags={"a": "1"}))
        definition = batch.describe_job_definitions(jobDefinitions=[job["jobDefinition"]])["jobDefinitions"][0]
        policy = batch.create_scheduling_policy(name=name("policy"))["arn"]
        env = batch.describe_compute_environments(computeEnvironments=[environment()])["computeEnvironments"][0]
        for arn in (job["jobArn"], definition["jobDefinitionArn"], policy, env["computeEnvironmentArn"]):
            batch.tag_resource(resourceArn=arn, tags={"b": "2", "c/d e": "ü"})
            batch.untag_resource(resourceArn=arn, tagKeys=["a", "b"])
            self.assertEqual({"c/d e": "ü"}, batch.list_tags_for_resource(resourceArn=arn)["tags"])
        self.assertEqual({"c/d e": "ü"}, describe(job["jobId"])["tags"])


if __name__ == "__main__":
    unittest.main()
