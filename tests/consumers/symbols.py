"""The shared library has an soname, and shows its interface and nothing else. usage: symbols.py LIBRARY"""

import re
import subprocess
import sys


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


dynamic = "\n".join(lines_of("readelf", "-d", sys.argv[1]))
soname = re.search(r"SONAME.*\[(libmappedpages\.so\.\d+\.\d+)\]", dynamic)
assert soname, dynamic

shown = [line.split(maxsplit=2)[2] for line in lines_of("nm", "-DC", "--defined-only", sys.argv[1])]
PUBLIC = re.compile(
    r"mappedpages_\w+$"
    r"|mappedpages::(Engine|Batch|ProtectedWriter|Error|PageIndex|v3::PageAllocator)::"
    r"|mappedpages::(name_of|errno_of)\("
    r"|(typeinfo|typeinfo name|vtable) for mappedpages::PageIndex$"
)
others = [name for name in shown if not PUBLIC.match(name) or "::Impl::" in name]
assert not others, "\n".join(others)
assert sum(name.startswith("mappedpages_") for name in shown) > 40, shown
