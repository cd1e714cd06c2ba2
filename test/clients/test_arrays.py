"""Arrays and dependencies: Redun, Nextflow and Metaflow make the ids of children themselves."""

import unittest

from laptop import Test, batch, define, describe, end, queue, reach, run, script, submit

STATUSES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


def children(array, status):
    """All children of an array in a status, page after page."""
    pages = batch.get_paginator("list_jobs").paginate(arrayJobId=array, jobStatus=status)
    return [child for page in pages for child in page["jobSummaryList"]]


class Array(Test):
    def test_children_can_be_described_at_once(self):
        array = submit(define("true"), arrayProperties={"size": 10000})
        last = ["%s:%d" % (array, i) for i in range(9901, 10001)]
        seen = batch.describe_jobs(jobs=last)["jobs"]
        self.assertEqual(last[:-1], [j["jobId"] for j in seen], "and the one beyond the end is unknown")
        self.assertEqual(9999, seen[-1]["arrayProperties"]["index"])
        summary = describe(array)["arrayProperties"]["statusSummary"]
        self.assertEqual(set(STATUSES), set(summary))
        self.assertEqual(10000, sum(summary.values()))

        batch.terminate_job(jobId=array, reason="enough")
        self.ended(end(array), "FAILED", "enough")
        listed = children(array, "SUCCEEDED") + children(array, "FAILED")
        self.assertEqual(10000, len({child["jobId"] for child in listed}))
        self.assertTrue(all(child["stoppedAt"] for child in listed))
        never = describe(array + ":9999")
        self.ended(never, "FAILED", "enough")
        self.assertTrue(never["isTerminated"])

    def test_a_child_that_fails_fails_the_array_but_stops_no_other(self):
        array = run(script('[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 1 ]'), arrayProperties={"size": 3})
        self.ended(array, "FAILED", "Array Child Job failed")
        self.assertIn("container", array)
        self.assertNotIn("exitCode", array["container"])
        self.assertEqual([], array["attempts"])
        summary = array["arrayProperties"]["statusSummary"]
        self.assertEqual((2, 1), (summary["SUCCEEDED"], summary["FAILED"]))
        self.assertEqual(1, describe(array["jobId"] + ":1")["container"]["exitCode"])
        self.assertEqual([array["jobId"] + ":1"], [c["jobId"] for c in children(array["jobId"], "FAILED")])

    def test_a_parent_is_pending_while_its_children_run(self):
        array = submit(define("sleep", "60"), arrayProperties={"size": 2})
        reach(array + ":0", "RUNNING")
        self.assertEqual("PENDING", describe(array)["status"])
        batch.terminate_job(jobId=array + ":0", reason="this one")
        self.ended(end(array + ":0"), "FAILED", "this one")
        batch.terminate_job(jobId=array, reason="all")
        self.ended(end(array), "FAILED", "all")

    def test_sizes(self):
        for size in (0, 1, 1000001):
            self.refused("arrayProperties.size", submit, definition=define("true"), arrayProperties={"size": size})


class Dependencies(Test):
    def test_a_chain_runs_in_order(self):
        first = submit(define("true"))
        second = submit(define("true"), dependsOn=[{"jobId": first}])
        third = submit(define("true"), dependsOn=[{"jobId": first}, {"jobId": second, "type": "SEQUENTIAL"}])
        third, second, first = end(third), describe(second), describe(first)
        self.assertEqual("SUCCEEDED", third["status"])
        self.assertLessEqual(first["stoppedAt"], second["startedAt"])
        self.assertLessEqual(second["stoppedAt"], third["startedAt"])

    def test_a_failure_goes_down_the_chain(self):
        first = submit(define("false"))
        second = submit(define("true"), dependsOn=[{"jobId": first}])
        third = submit(define("true"), dependsOn=[{"jobId": second}])
        for waits, on in ((second, first), (third, second)):
            job = end(waits)
            self.ended(job, "FAILED", "Dependent Job failed: " + on)
            self.assertEqual([], job["attempts"])
        late = end(submit(define("true"), dependsOn=[{"jobId": first}]))
        self.ended(late, "FAILED", "Dependent Job failed: " + first)

    def test_more_than_20(self):
        definition = define("true")
        many = [submit(definition) for _ in range(40)]
        job = run(definition, dependsOn=[{"jobId": j} for j in many])
        self.assertEqual("SUCCEEDED", job["status"])

    def test_what_cannot_be_waited_for(self):
        self.refused("does not exist", submit, definition=define("true"), dependsOn=[{"jobId": "a" * 32}])
        self.refused("SEQUENTIAL", submit, definition=define("true"), dependsOn=[{"type": "SEQUENTIAL"}])

    def test_sequential_children(self):
        order = [{"type": "SEQUENTIAL"}]
        array = run(script('[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 2 ]'), arrayProperties={"size": 5}, dependsOn=order)
        self.ended(array, "FAILED", "Array Child Job failed")
        jobs = batch.describe_jobs(jobs=["%s:%d" % (array["jobId"], i) for i in range(5)])["jobs"]
        self.assertEqual(["SUCCEEDED"] * 2 + ["FAILED"] * 3, [j["status"] for j in jobs])
        self.assertLessEqual(jobs[0]["stoppedAt"], jobs[1]["startedAt"])
        for later in jobs[3:]:
            self.ended(later, "FAILED", "Dependent Job failed: " + jobs[2]["jobId"])

    def test_children_that_follow_those_of_another_array(self):
        first = submit(script('[ "$AWS_BATCH_JOB_ARRAY_INDEX" != 0 ]'), arrayProperties={"size": 3})
        each = [{"jobId": first, "type": "N_TO_N"}]
        second = run(define("true"), arrayProperties={"size": 3}, dependsOn=each)
        self.ended(second, "FAILED", "Array Child Job failed")
        self.ended(describe(second["jobId"] + ":0"), "FAILED", "Dependent Job failed: " + first + ":0")
        for i in (1, 2):
            child = describe("%s:%d" % (second["jobId"], i))
            self.assertEqual("SUCCEEDED", child["status"])
            self.assertLessEqual(describe("%s:%d" % (first, i))["stoppedAt"], child["startedAt"])
        self.refused("same size", submit, definition=define("true"), arrayProperties={"size": 4}, dependsOn=each)


class Lists(Test):
    def test_pages_filters_and_order(self):
        mine, definition = queue("local"), define("true")
        jobs = [submit(definition, mine, jobName="step-%d" % (i % 2)) for i in range(7)]
        for job in jobs:
            end(job)

        def listed(**request):
            pages = batch.get_paginator("list_jobs").paginate(jobQueue=mine, PaginationConfig={"PageSize": 3}, **request)
            return [job["jobId"] for page in pages for job in page["jobSummaryList"]]

        newest = jobs[::-1]
        self.assertEqual(newest, listed(jobStatus="SUCCEEDED"))
        self.assertEqual([], listed(), "without a status only RUNNING jobs are listed")
        for case, want, filters in (
            ("a name, in other case", newest[1::2], ("JOB_NAME", "STEP-1")),
            ("the beginning of a name", newest, ("JOB_NAME", "step*")),
            ("a definition", newest, ("JOB_DEFINITION", definition)),
            ("a revision", newest, ("JOB_DEFINITION", describe(jobs[0])["jobDefinition"])),
            ("a later time", [], ("AFTER_CREATED_AT", str(describe(jobs[-1])["createdAt"]))),
            ("an earlier time", [], ("BEFORE_CREATED_AT", str(describe(jobs[0])["createdAt"]))),
        ):
            with self.subTest(case):
                self.assertEqual(want, listed(filters=[{"name": filters[0], "values": [filters[1]]}]))
        self.refused("maxResults", batch.list_jobs, jobQueue=mine, maxResults=1001)
        self.refused("does not exist", batch.list_jobs, jobQueue="none")


if __name__ == "__main__":
    unittest.main()
