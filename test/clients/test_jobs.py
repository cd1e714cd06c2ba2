"""Jobs as workflow managers submit, watch and stop them."""

import unittest

from laptop import Test, batch, define, describe, end, lines, name, reach, run, script, submit


class Describe(Test):
    def test_a_job_is_seen_as_soon_as_it_is_submitted(self):
        job = submit(define("sleep", "60"))
        self.addCleanup(batch.terminate_job, jobId=job, reason="seen")
        seen = describe(job)
        # Nextflow, Cromwell and boto3 scripts go into these without looking.
        self.assertNotIn("exitCode", seen["container"])
        for member in ("attempts", "dependsOn", "parameters", "tags", "retryStrategy"):
            self.assertIn(member, seen)

    def test_every_known_id_comes_back_and_unknown_ones_are_left_out(self):
        # miniwdl-aws asserts the first, Airflow's executor asks for 32 times "a".
        definition = define("true")
        jobs = [submit(definition) for _ in range(3)]
        odd = ["a" * 32, "x" * 5000, "no uuid", "é", jobs[0] + ":0", jobs[0] + "#0"]
        seen = batch.describe_jobs(jobs=odd[:3] + jobs + odd[3:])["jobs"]
        self.assertEqual(jobs, [j["jobId"] for j in seen])
        self.assertEqual([], batch.describe_jobs(jobs=["a" * 32])["jobs"])

    def test_more_than_100_ids_are_refused(self):
        self.refused("Maximum number of jobs supported is  100 .", batch.describe_jobs, jobs=["a"] * 101)

    def test_a_job_that_succeeded(self):
        job = run(script("echo out; echo err >&2"), parameters={"who": "me"})
        self.ended(job, "SUCCEEDED", "Essential container in task exited")
        self.assertEqual(0, job["container"]["exitCode"])
        self.assertEqual({"who": "me"}, job["parameters"])
        self.assertLessEqual(job["createdAt"], job["startedAt"])
        self.assertLessEqual(job["startedAt"], job["stoppedAt"])
        # Luigi reads the first attempt, Redun and Cromwell the last.
        (attempt,) = job["attempts"]
        for member in ("exitCode", "logStreamName", "taskArn", "containerInstanceArn"):
            self.assertEqual(job["container"][member], attempt["container"][member])
        self.assertEqual(job["startedAt"], attempt["startedAt"])
        self.assertEqual(job["stoppedAt"], attempt["stoppedAt"])
        self.assertEqual(["err", "out"], sorted(lines(job)))

    def test_a_job_that_failed(self):
        job = run(script("exit 3"))
        self.ended(job, "FAILED", "Essential container in task exited")
        self.assertEqual(3, job["container"]["exitCode"])
        self.assertEqual(3, job["attempts"][0]["container"]["exitCode"])

    def test_a_job_that_could_not_start_has_no_exit_code(self):
        job = run(define("/no/such/program"))
        self.ended(job, "FAILED", "Task failed to start")
        for container in (job["container"], job["attempts"][0]["container"]):
            self.assertNotIn("exitCode", container)
            self.assertRegex(container["reason"], "^CannotStartContainerError: ")


class Stop(Test):
    def test_stopping_what_has_ended_or_is_unknown_succeeds(self):
        # Snakemake terminates every job that finished, Metaflow and Toil at their exit.
        job = run(define("true"))
        for unknown in (job["jobId"], job["jobArn"], "a" * 32):
            batch.terminate_job(jobId=unknown, reason="done")
            batch.cancel_job(jobId=unknown, reason="done")
        self.assertEqual(job, describe(job["jobId"]))

    def test_a_reason_is_needed(self):
        self.refused("reason", batch.terminate_job, jobId="a" * 32)
        self.refused("reason", batch.cancel_job, jobId="a" * 32, reason="")

    def test_terminate_a_running_job(self):
        job = submit(script("trap 'exit 9' TERM; while :; do sleep 0.1; done"), retryStrategy={"attempts": 3})
        reach(job, "RUNNING")
        batch.cancel_job(jobId=job, reason="too late")
        batch.terminate_job(jobId=job, reason="enough")
        job = end(job)
        self.ended(job, "FAILED", "enough")
        self.assertTrue(job["isTerminated"])
        self.assertFalse(job["isCancelled"])
        self.assertEqual(1, len(job["attempts"]), "a terminated job is not retried")

    def test_cancel_a_job_that_waits_for_another(self):
        first = submit(define("sleep", "60"))
        second = submit(define("true"), dependsOn=[{"jobId": first}])
        batch.cancel_job(jobId=second, reason="not wanted")
        batch.terminate_job(jobId=first, reason="test is over")
        second = end(second)
        self.ended(second, "FAILED", "not wanted")
        self.assertTrue(second["isCancelled"])
        self.assertEqual([], second["attempts"])
        self.assertNotIn("exitCode", second["container"])


class Retry(Test):
    def test_every_attempt_is_shown(self):
        job = run(script("exit $AWS_BATCH_JOB_ATTEMPT"), retryStrategy={"attempts": 3})
        self.assertEqual([1, 2, 3], [a["container"]["exitCode"] for a in job["attempts"]])
        self.assertEqual(3, job["container"]["exitCode"])
        self.assertEqual(3, len({a["container"]["logStreamName"] for a in job["attempts"]}))

    def test_conditions(self):
        only_hosts = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
        tests = {
            "an exit code that ends": (1, [{"onExitCode": "7", "action": "EXIT"}]),
            "the beginning of one": (1, [{"onExitCode": "7*", "action": "exit"}]),
            "another exit code": (2, [{"onExitCode": "8", "action": "EXIT"}]),
            "all conditions must hold": (2, [{"onExitCode": "7", "onStatusReason": "Host*", "action": "EXIT"}]),
            "the first entry decides": (2, [{"onExitCode": "7", "action": "RETRY"}, {"onExitCode": "7", "action": "EXIT"}]),
            "Nextflow's, for lost hosts": (1, only_hosts),
        }
        definition = script("exit 7")
        jobs = {
            case: submit(definition, retryStrategy={"attempts": 2, "evaluateOnExit": conditions})
            for case, (_, conditions) in tests.items()
        }
        for case, (attempts, conditions) in tests.items():
            with self.subTest(case):
                job = end(jobs[case])
                self.assertEqual(attempts, len(job["attempts"]))
                self.assertEqual(conditions, job["retryStrategy"]["evaluateOnExit"], "what was sent is echoed")


class Overrides(Test):
    def test_parameters(self):
        definition = define("echo", "Ref::a", "Ref::b", parameters={"a": "1", "b": "2"})
        job = run(definition, parameters={"b": "two"})
        self.assertEqual(["1 two"], lines(job))
        self.assertEqual(["echo", "1", "two"], job["container"]["command"])
        self.assertEqual({"a": "1", "b": "two"}, job["parameters"])
        self.refused(
            "Unable to substitute value. No parameter found for reference c",
            submit, definition=definition, containerOverrides={"command": ["Ref::c"]},
        )

    def test_environment_and_command(self):
        variables = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
        job = run(
            script("false", container={"environment": variables}),
            containerOverrides={
                "command": ["sh", "-c", "echo $A $B $C"],
                "environment": [{"name": "B", "value": "b"}, {"name": "C", "value": "c"}],
                "resourceRequirements": [{"type": "MEMORY", "value": "32"}],
            },
        )
        self.assertEqual(["1 b c"], lines(job))
        needs = {r["type"]: r["value"] for r in job["container"]["resourceRequirements"]}
        self.assertEqual({"VCPU": "1", "MEMORY": "32"}, needs, "requirements are overridden one by one")

    def test_the_keys_of_old(self):
        old = name("old")
        batch.register_job_definition(
            jobDefinitionName=old, type="container",
            containerProperties={"image": "busybox", "vcpus": 1, "memory": 16, "command": ["true"]},
        )
        job = run(old, containerOverrides={"memory": 32})
        self.assertEqual((1, 32), (job["container"]["vcpus"], job["container"]["memory"]))
        self.refused(
            "This value was submitted in a deprecated key",
            submit, definition=define("true"), containerOverrides={"vcpus": 2},
        )

    def test_variables_of_the_contract(self):
        job = run(define("env"), arrayProperties={"size": 2})
        child = describe(job["jobId"] + ":1")
        seen = dict(line.split("=", 1) for line in lines(child))
        self.assertEqual(child["jobId"], seen["AWS_BATCH_JOB_ID"])
        self.assertEqual("1", seen["AWS_BATCH_JOB_ARRAY_INDEX"])
        self.assertEqual("1", seen["AWS_BATCH_JOB_ATTEMPT"])
        self.assertEqual(("default", "local"), (seen["AWS_BATCH_JQ_NAME"], seen["AWS_BATCH_CE_NAME"]))


if __name__ == "__main__":
    unittest.main()
