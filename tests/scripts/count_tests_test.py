#!/usr/bin/env python3
"""scripts/count-tests: its line and its exit code."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

COUNT_TESTS = pathlib.Path(__file__).resolve().parents[2] / "scripts/count-tests"

# As ctest writes them.
PASSED = '<testcase name="a" status="run"/>'
FAILED = '<testcase name="b" status="fail"><failure message=""/></testcase>'
SKIPPED = '<testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
DISABLED = '<testcase name="d" status="disabled"/>'
NOT_BUILT = '<testcase name="e" status="fail"><failure message="Unable to find executable"/></testcase>'


class CountTests(unittest.TestCase):
    def count(self, *suites):
        """The exit code and the only line, for one file a suite."""
        with tempfile.TemporaryDirectory() as directory:
            files = []
            for number, suite in enumerate(suites):
                file = pathlib.Path(directory, f"{number}.xml")
                file.write_text(suite, encoding="utf-8")
                files.append(file)
            ran = subprocess.run([sys.executable, COUNT_TESTS, *files],
                                 capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout

    def test_all_passed(self):
        suite = f"<testsuite>{PASSED * 3}</testsuite>"
        self.assertEqual(self.count(suite), (0, "3 passed, 0 failed\n"))

    def test_a_failure_fails(self):
        suite = f"<testsuite>{PASSED}{FAILED}{NOT_BUILT}</testsuite>"
        self.assertEqual(self.count(suite), (1, "1 passed, 2 failed\n"))

    def test_what_is_skipped_is_said(self):
        suite = f"<testsuite>{PASSED}{SKIPPED}{DISABLED}</testsuite>"
        self.assertEqual(self.count(suite), (0, "1 passed, 0 failed, 2 skipped\n"))

    def test_files_are_summed(self):
        self.assertEqual(self.count(f"<testsuite>{PASSED}</testsuite>",
                                    f"<testsuite>{PASSED}{FAILED}</testsuite>"),
                         (1, "2 passed, 1 failed\n"))

    def test_no_test_at_all_is_not_a_success(self):
        self.assertEqual(self.count("<testsuite/>"), (1, "0 passed, 0 failed\n"))
        self.assertEqual(self.count(f"<testsuite>{SKIPPED}</testsuite>"),
                         (1, "0 passed, 0 failed, 1 skipped\n"))

    def test_a_file_that_was_cut_short_is_a_failure(self):
        self.assertEqual(self.count(f"<testsuite>{PASSED}"), (1, "0 passed, 1 failed\n"))


if __name__ == "__main__":
    unittest.main()
