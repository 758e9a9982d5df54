#!/usr/bin/env python3
"""The documents name tests as proofs: each of them exists."""

import fnmatch
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["core/DESIGN.md", "core/FORMAT.md", "fs/SEMANTICS.md"]

# `Suite.Test`, `Suite.*`, `Suite*`, `Instance/Suite.Test`.
NAMED = re.compile(r"`(?:\w+/)?([A-Z]\w*(?:\.\w*\*?|\*))`")
# Of the table of weaknesses, whose tests have one suite.
WEAKNESS = re.compile(r"^\| .* \| .* \| (`\w+`(?:, `\w+`)*) \|$", re.M)


def all_tests():
    """Suite.Test of every test in the sources, and of those that CMake files make."""
    tests = set()
    for source in (ROOT / "tests").rglob("*.cpp"):
        for suite, test in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", source.read_text(),
                                      re.M):
            tests.add(f"{suite}.{test}")
    for listing in (ROOT / "tests").rglob("CMakeLists.txt"):
        tests.update(re.findall(r"\b([A-Z]\w+\.[A-Z]\w+)\b", listing.read_text()))
    # Those that a function or a loop makes, named after a case.
    cases = (ROOT / "tests/core/compile_fail/CMakeLists.txt").read_text()
    tests.update(f"CompileFail.{case}" for case in re.findall(r"^add_case\(\d+ (\w+)", cases, re.M))
    tests.update(f"Fuzz.{target.stem.removeprefix('fuzz_').capitalize()}"
                 for target in (ROOT / "tests/fuzz").glob("fuzz_*.cpp"))
    return tests


class DocumentsTest(unittest.TestCase):
    def test_each_test_that_is_named_exists(self):
        tests = all_tests()
        self.assertGreater(len(tests), 300)
        missing = []
        for document in DOCUMENTS:
            names = NAMED.findall((ROOT / document).read_text())
            for name in names:
                if name.endswith((".hpp", ".md", ".cpp")):
                    continue
                if not any(fnmatch.fnmatchcase(test, name) for test in tests):
                    missing.append(f"{document}: {name}")
        self.assertEqual(missing, [])

    def test_each_weakness_has_its_tests(self):
        tests = all_tests()
        text = (ROOT / "core/DESIGN.md").read_text()
        rows = WEAKNESS.findall(text[text.index("## Weaknesses of the crate"):])
        self.assertGreaterEqual(len(rows), 19)
        for row in rows:
            for name in re.findall(r"`(\w+)`", row):
                self.assertIn(f"WeaknessOfTheCrate.{name}", tests)


if __name__ == "__main__":
    unittest.main()
