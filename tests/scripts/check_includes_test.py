#!/usr/bin/env python3
"""scripts/check-includes: finds each direction that is wrong, and nothing in this tree."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What is wrong, in which file, and a word of the complaint.
WRONG = [
    ("core/base/a.hpp", '#include "format/superblock.hpp"', "base must not include format"),
    ("core/format/a.cpp", '#include "io/posix_file.hpp"', "format must not include io"),
    ("core/io/a.cpp", '#include "format/geometry.hpp"', "io must not include format"),
    ("core/mppg0/a.cpp", '#include "pager/commit_queue.hpp"', "mppg0 must not include pager"),
    ("core/pager/a.cpp", '#include "format/geometry.hpp"', "pager must not include format"),
    ("core/pager/a.cpp", '#include "fs/inode.hpp"', "pager must not include fs"),
    ("core/base/a.cpp", "#  include <fuse3/fuse_lowlevel.h>", "must not know libfuse"),
    ("core/pager/a.cpp", "#include <spdlog/spdlog.h>", "must not know spdlog"),
    ("core/mppg0/a.cpp", "#include <nlohmann/json.hpp>", "must not know nlohmann/json"),
    ("core/include/mappedpages/a.hpp", '#include "base/try.hpp"', "api must not include base"),
    ("core/include/mappedpages/a.hpp", "#include <unistd.h>", "a public header"),
    ("core/include/mappedpages/a.hpp", "#include <sys/types.h>", "a public header"),
    ("fs/namespace.cpp", "#include <fuse3/fuse.h>", "must not know libfuse"),
    ("fs/fuse_types.hpp", "#include <fuse3/fuse.h>", "must not know libfuse"),
    ("fs/namespace.cpp", '#include "mppg0/store.hpp"', "fs must not include mppg0"),
    ("fs/namespace.cpp", '#include "tools/reader.hpp"', "fs must not include tools"),
    ("fs/log.hpp", "#include <spdlog/spdlog.h>", "must not know spdlog"),
    ("fs/a.cpp", '#include "elsewhere/a.hpp"', "not a path"),
    ("tools/a.cpp", '#include "fs/errno.hpp"', "tools must not include fs"),
    ("tools/a.cpp", '#include "format/superblock.hpp"', "tools must not include format"),
    ("tools/a.hpp", "#include <nlohmann/json.hpp>", "must not know nlohmann/json"),
    ("core/cache/a.cpp", '#include "base/try.hpp"', "there is no part cache"),
]

RIGHT = {
    "core/include/mappedpages/a.hpp":
        '#include <vector>\n#include <tl/expected.hpp>\n#include "mappedpages/ids.hpp"\n',
    "core/base/a.cpp": '#include <libdeflate.h>\n#include "mappedpages/error.hpp"\n',
    "core/format/a.cpp": '#include <cstdint>\n#include "base/try.hpp"\n',
    "core/io/a.cpp": '#include <unistd.h>\n#include "base/try.hpp"\n',
    "core/mppg0/a.cpp": '#include "format/geometry.hpp"\n#include "io/storage_file.hpp"\n',
    "core/pager/a.cpp": '#include "mppg0/store.hpp"\n#include "io/posix_error.hpp"\n',
    "fs/fuse_a.cpp": '#include <fuse3/fuse.h>\n#include "fs/inode.hpp"\n',
    "fs/fuse_b.cpp": '#include <fuse3/fuse.h>\n#include "mappedpages/engine.hpp"\n',
    "fs/log.cpp": "#include <spdlog/spdlog.h>\n",
    "tools/dump.cpp": '#include "format/superblock.hpp"\n#include "reader.hpp"\n',
    "tools/a.cpp": "#include <CLI/CLI.hpp>\n#include <nlohmann/json.hpp>\n",
}


class CheckIncludes(unittest.TestCase):
    def check(self, files):
        """What the script says to a tree of these files."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return self.run_on(root)

    def run_on(self, root):
        return subprocess.run([sys.executable, ROOT / "scripts/check-includes", root],
                              capture_output=True, text=True, check=False)

    def test_accepts_what_is_right(self):
        ran = self.check(RIGHT)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))

    def test_names_file_and_line_of_what_is_wrong(self):
        for path, line, words in WRONG:
            with self.subTest(path=path, line=line):
                ran = self.check({**RIGHT, path: f"#pragma once\n\n{line}\n"})
                self.assertEqual(ran.returncode, 1)
                self.assertIn(words, ran.stdout)
                place = f"{path}:1:" if "no part" in words else f"{path}:3:"
                self.assertTrue(ran.stdout.startswith(place), ran.stdout)

    def test_two_sources_may_know_libfuse_and_a_third_may_not(self):
        ran = self.check({**RIGHT, "fs/fuse_c.cpp": "#include <fuse3/fuse.h>\n"})
        self.assertEqual(ran.returncode, 1)
        self.assertIn("fs/fuse_c.cpp:1:", ran.stdout)

    def test_a_tree_without_sources_is_an_error_and_not_a_success(self):
        self.assertEqual(self.check({"README.md": ""}).returncode, 2)

    def test_this_tree_is_right(self):
        ran = self.run_on(ROOT)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
