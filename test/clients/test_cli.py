"""The AWS CLI, unmodified."""

import json
import subprocess
import unittest

from laptop import Test, name, until


def aws(*arguments):
    """Runs the CLI; returns exit code, standard output and standard error."""
    done = subprocess.run(("aws",) + arguments, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


class CLI(Test):
    def ask(self, *arguments):
        code, out, err = aws(*arguments)
        self.assertEqual((0, ""), (code, err), arguments)
        return out

    def test_the_first_five_minutes(self):
        mine = name("cli")
        definition = self.ask(
            "batch", "register-job-definition", "--job-definition-name", mine, "--type", "container", "--query", "jobDefinitionArn", "--output", "text",
            "--container-properties", json.dumps({"image": "busybox", "vcpus": 1, "memory": 16, "command": ["echo", "hello", "Ref::who"]}),
        )
        job = self.ask(
            "batch", "submit-job", "--job-name", "first", "--job-queue", "default", "--job-definition", definition,
            "--parameters", "who=world", "--tags", "k=v", "--query", "jobId", "--output", "text",
        )
        state = ("batch", "describe-jobs", "--jobs", job, "--output", "text", "--query")
        until("the job has ended", lambda: self.ask(*state, "jobs[0].status") in ("SUCCEEDED", "FAILED"))
        status, code, stream = self.ask(*state, "jobs[0].[status,container.exitCode,container.logStreamName]").split()
        self.assertEqual(("SUCCEEDED", "0"), (status, code))
        self.assertEqual("hello world", self.ask(
            "logs", "get-log-events", "--log-group-name", "/aws/batch/job", "--log-stream-name", stream,
            "--query", "events[].message", "--output", "text",
        ))
        self.assertIn(job, self.ask("batch", "list-jobs", "--job-queue", "default", "--job-status", "SUCCEEDED"))
        self.ask("batch", "terminate-job", "--job-id", job, "--reason", "over")
        self.ask("batch", "deregister-job-definition", "--job-definition", definition)

    def test_an_error(self):
        code, _, err = aws("batch", "submit-job", "--job-name", "a b", "--job-queue", "default", "--job-definition", "none")
        self.assertNotEqual(0, code)
        self.assertIn("An error occurred (ClientException) when calling the SubmitJob operation", err)
        self.assertIn("Job name should match valid pattern", err)

    def test_the_account(self):
        self.assertEqual("000000000000", self.ask("sts", "get-caller-identity", "--query", "Account", "--output", "text"))


if __name__ == "__main__":
    unittest.main()
