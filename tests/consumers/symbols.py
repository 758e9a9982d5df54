"""The shared library has an soname, shows its interface and nothing else, and our own programs do
without it. usage: symbols.py LIBRARY HEADER PROGRAMS"""

import os
import re
import subprocess
import sys

library, header, programs = sys.argv[1:]


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


dynamic = "\n".join(lines_of("readelf", "-d", library))
soname = re.search(r"SONAME.*\[(libmappedpages\.so\.\d+(?:\.\d+)?)\]", dynamic)
assert soname, dynamic
assert os.path.exists(os.path.join(os.path.dirname(library), soname[1])), soname[1]

shown = [line.split(maxsplit=2)[2] for line in lines_of("nm", "-DC", "--defined-only", library)]
PUBLIC = re.compile(
    r"mappedpages_\w+$"
    r"|mappedpages::(Engine|Batch|ProtectedWriter|Error|PageIndex|v3::PageAllocator)::"
    r"|mappedpages::(name_of|errno_of)\("
    r"|(typeinfo|typeinfo name|vtable) for mappedpages::PageIndex$"
)
others = [name for name in shown if not PUBLIC.match(name) or "::Impl::" in name]
assert not others, "\n".join(others)
for needed in ("Engine::open(", "Batch::commit()", "ProtectedWriter::commit()", "errno_of("):
    assert any(name.startswith("mappedpages::" + needed) for name in shown), needed

with open(header, encoding="utf-8") as text:
    declared = set(re.findall(r"^MAPPEDPAGES_C_API .*?(mappedpages_\w+)\(", text.read(), re.M))
c_functions = {name for name in shown if name.startswith("mappedpages_")}
assert len(declared) > 40 and declared == c_functions, declared ^ c_functions

for program in ("mappedpagesfs", "mappedpages"):
    needs = "\n".join(lines_of("readelf", "-d", os.path.join(programs, program)))
    assert "NEEDED" in needs and "libmappedpages" not in needs, needs
