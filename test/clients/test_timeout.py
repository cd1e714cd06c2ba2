"""The end of an attempt's time. It takes a minute, the least timeout there is."""

import unittest

from laptop import Test, define, end, submit


class Timeout(Test):
    def test_less_than_a_minute_is_refused(self):
        self.refused(
            "AttemptDurationSeconds in Timeout must be at least 60 seconds.",
            submit, definition=define("true"), timeout={"attemptDurationSeconds": 59},
        )

    def test_the_end_of_the_time(self):
        job = submit(define("sleep", "300"), timeout={"attemptDurationSeconds": 60}, retryStrategy={"attempts": 2})
        job = end(job)
        self.ended(job, "FAILED", "Job attempt duration exceeded timeout")
        # Redun compares the reason of the last attempt.
        self.assertEqual("Job attempt duration exceeded timeout", job["attempts"][-1]["statusReason"])
        self.assertEqual(1, len(job["attempts"]), "a job out of time is not retried")


if __name__ == "__main__":
    unittest.main()
