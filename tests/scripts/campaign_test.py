#!/usr/bin/env python3
"""scripts/campaign: what it counts, remembers and reports.

usage: campaign_test.py DIRECTORY, which has the crash_campaign_switched that was built: a commit
without its first flush, so that there is a violation to report.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/campaign"

# A proof that counts ten states a run, as the programs in tests/ do.
COUNTER = """
import json, sys
seed = int(sys.argv[1])
print(json.dumps({"counts": {"states": 4}}))
print(json.dumps({"seconds": 2, "counts": {"states": 10}, "last_seed": seed + 4, "violations": 0}))
"""
VIOLATED = """
import json, sys
print("seed 3: a page was lost", file=sys.stderr)
print(json.dumps({"seconds": 1, "counts": {"states": 5}, "last_seed": 3, "violations": 1}))
sys.exit(1)
"""


class CampaignTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        loader = importlib.machinery.SourceFileLoader("campaign", str(SCRIPT))
        with mock.patch.object(sys, "dont_write_bytecode", True):
            self.campaign = importlib.util.module_from_spec(
                importlib.util.spec_from_loader("campaign", loader))
            loader.exec_module(self.campaign)
        self.campaign.BUILD = self.directory
        self.campaign.RUN = self.directory / "run"
        self.campaign.VIOLATIONS = self.directory / "run/violations"
        self.campaign.build = lambda: None

    def proof(self, name, program):
        file = self.directory / f"{name}.py"
        file.write_text(program)
        return self.campaign.Proof(name, "R1", "counts", 1, f"{sys.executable} {file} {{seed}}")

    def run_campaign(self, *words):
        """The exit code and the lines."""
        report = self.directory / "report.md"
        out = io.StringIO()
        words = ["campaign", "--report", str(report), *words]
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(out):
            status = self.campaign.main()
        return status, out.getvalue().splitlines()

    def test_goes_on_where_it_stopped(self):
        self.campaign.PROOFS = [self.proof("a", COUNTER), self.proof("b", COUNTER)]
        self.assertEqual(self.run_campaign("--seed", "7")[1][-1], "20 states, 0 violations")
        status, lines = self.run_campaign("--minutes", "0.2")
        self.assertEqual((status, lines[-1]), (0, "40 states, 0 violations"))
        report = (self.directory / "report.md").read_text()
        self.assertIn("| a | R1 | counts | 0:04 | 20 states | 17 | 0 |", report)
        self.assertIn("first seed: 7", report)

    def test_the_report_names_what_was_built_in_each_run(self):
        self.campaign.PROOFS = [self.proof("a", COUNTER)]
        with mock.patch.object(self.campaign, "present_commit", side_effect=["one", "two", "two"]):
            for _ in range(3):
                self.run_campaign()
        self.assertIn("- commit: one, two\n", (self.directory / "report.md").read_text())

    def test_another_seed_begins_anew(self):
        self.campaign.PROOFS = [self.proof("a", COUNTER)]
        self.run_campaign("--seed", "7")
        self.assertEqual(self.run_campaign("--seed", "8")[1][-1], "10 states, 0 violations")
        self.assertEqual(self.run_campaign("--fresh")[1][-1], "10 states, 0 violations")

    def test_a_violation_is_kept_with_its_command(self):
        self.campaign.PROOFS = [self.proof("a", VIOLATED), self.proof("b", COUNTER)]
        status, lines = self.run_campaign()
        self.assertEqual((status, lines[-1]), (1, "15 states, 1 violations"))
        kept = (self.directory / "run/violations/a-3.violation").read_text()
        self.assertIn("a page was lost", kept)
        self.assertIn("a.py 1", kept.splitlines()[0])
        # It is not forgotten by a later run without one.
        self.campaign.PROOFS = [self.proof("b", COUNTER)]
        self.assertEqual(self.run_campaign()[0], 1)

    def test_a_program_that_dies_is_a_violation(self):
        self.campaign.PROOFS = [self.proof("a", "import os; os.abort()")]
        status, lines = self.run_campaign()
        self.assertEqual((status, lines[-1]), (1, "0 states, 1 violations"))

    def test_a_lost_state_is_found_and_shown_again(self):
        program = pathlib.Path(sys.argv[1]) / "crash_campaign_switched"
        (self.directory / "tests").mkdir()
        (self.directory / "tests" / program.name).symlink_to(program)
        self.campaign.PROOFS = [self.campaign.Proof(
            "crash", "R1", "", 1, f"{program} --plan small-files --seed {{seed}} --minutes .05"
            " --lives 1 --violations {run}/violations")]
        status, lines = self.run_campaign()
        self.assertEqual(status, 1, lines)
        self.assertRegex(lines[-1], r"^[1-9]\d* states, 1 violations$")
        kept = self.directory / "run/violations/crash-small-files-1.violation"
        self.assertEqual(kept.read_text().splitlines()[0],
                         "crash_campaign_switched --plan small-files --seed 1 --lives 1")
        status, lines = self.run_campaign("--replay", str(kept))
        self.assertEqual(status, 1)
        self.assertIn(kept.read_text().splitlines()[2], lines)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
