#!/usr/bin/env python3
"""Runs the session of the README, line for line, on a fresh file and mountpoint.

usage: readme_test.py DIRECTORY_OF_A_PROGRAM...
Ends with 77 (skipped) where there is no /dev/fuse, unless CI=true.
"""

import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
MOST_LINES = 10
PAGE_SIZE = 4096


def has_fuse():
    try:
        return stat.S_ISCHR(os.stat("/dev/fuse").st_mode)
    except OSError:
        return False


def session():
    """The commands of the first ```sh block behind the heading."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(r"^## A session$.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert match, "README.md has no session"
    lines = match.group(1).splitlines()
    assert len(lines) <= MOST_LINES, f"the session has {len(lines)} lines"
    return match.group(1)


def run_session(directory, environment):
    # -e: each command must succeed. A file instead of a pipe: a daemon that kept it open could not
    # make us wait.
    with open(directory / "output", "w+b") as output:
        ran = subprocess.run(["bash", "-euo", "pipefail", "-c", session()], cwd=directory,
                             env=environment, stdin=subprocess.DEVNULL, stdout=output,
                             stderr=subprocess.STDOUT, timeout=60, check=False)
        output.seek(0)
        said = output.read().decode(errors="replace")
    assert ran.returncode == 0, f"the session ended with {ran.returncode}:\n{said}"
    assert "\nhello" in "\n" + said, f"the session did not show what it wrote:\n{said}"


def check_what_is_left(directory, environment):
    """The session freed its regular page and committed its protected one."""
    ran = subprocess.run(["mappedpages", "ls", "--json", "--crc", "db.bin"], cwd=directory,
                         env=environment, capture_output=True, text=True, timeout=60, check=True)
    listed = json.loads(ran.stdout)
    assert listed["page_size"] == PAGE_SIZE and listed["pages"] == [], ran.stdout
    committed = b"precious\n".ljust(PAGE_SIZE, b"\0")
    assert [page["crc32"] for page in listed["protected"]] == [f"{zlib.crc32(committed):08x}"], \
        ran.stdout


def main(program_directories):
    if not has_fuse():
        print("there is no /dev/fuse: skipped")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([*program_directories, environment["PATH"]])
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        try:
            run_session(directory, environment)
            assert not os.path.ismount(directory / "mnt"), "the session left its mount"
            check_what_is_left(directory, environment)
        finally:
            # Whatever happened: no mount is left, and with its mount the daemon ends.
            subprocess.run(["fusermount3", "-u", "-z", directory / "mnt"], check=False,
                           stderr=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
