"""A Python program that calls the library by ctypes. usage: consumer.py LIBRARY"""

import concurrent.futures
import ctypes
import errno
import os
import sys
import tempfile
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p

library = ctypes.CDLL(sys.argv[1])
library.mappedpages_last_error.restype = c_char_p
library.mappedpages_create.argtypes = [c_char_p, c_uint64, c_uint64]
library.mappedpages_open.argtypes = [c_char_p, c_uint, c_uint, POINTER(c_void_p)]
library.mappedpages_close.argtypes = [c_void_p]
for name in ("alloc", "alloc_protected"):
    getattr(library, "mappedpages_" + name).argtypes = [c_void_p, c_uint64, POINTER(c_uint64)]
for name in ("free", "free_protected"):
    getattr(library, "mappedpages_" + name).argtypes = [c_void_p, POINTER(c_uint64), c_uint64]
library.mappedpages_read.argtypes = [c_void_p, c_uint64, c_uint64, c_void_p, c_size_t]
library.mappedpages_write.argtypes = [c_void_p, c_uint64, c_uint64, c_char_p, c_size_t]
library.mappedpages_flush.argtypes = [c_void_p, c_uint64]
library.mappedpages_read_protected.argtypes = [c_void_p, c_uint64, c_void_p, POINTER(c_uint64)]
library.mappedpages_write_protected.argtypes = [c_void_p, c_uint64, c_char_p]
PROBLEM = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_int, c_char_p, c_char_p)
library.mappedpages_check.argtypes = [c_char_p, PROBLEM, c_void_p, POINTER(c_int)]


def call(name, *arguments):
    """The result, an OSError where it is negative."""
    result = getattr(library, "mappedpages_" + name)(*arguments)
    if result < 0:
        raise OSError(-result, library.mappedpages_last_error().decode())
    return result


def expect(code, name, *arguments):
    try:
        call(name, *arguments)
    except OSError as error:
        assert error.errno == code, error
        assert error.strerror, "no words"
    else:
        raise AssertionError(name + " succeeded")


def check(path):
    """Whether the file is sound, and the codes of the problems."""
    problems = []

    @PROBLEM
    def each(_user, code, _severity, _where, _detail):
        problems.append(code.decode())

    sound = c_int()
    call("check", os.fsencode(path), each, None, byref(sound))
    return sound.value == 1, problems


def open_file(path):
    file = c_void_p()
    call("open", os.fsencode(path), 0, 0, byref(file))
    return file


with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "db with spaces.bin")
    call("create", os.fsencode(path), 4096, 4)
    file = open_file(path)
    page, number, huge = c_uint64(), c_uint64(), c_uint64(2**64 - 1)
    call("alloc", file, 1, byref(page))
    call("alloc_protected", file, 1, byref(number))
    call("write", file, page, 10, b"hello", 5)
    call("flush", file, page)
    call("write_protected", file, number, b"p" * 4096)
    expect(errno.EAGAIN, "open", os.fsencode(path), 0, 0, byref(c_void_p()))
    expect(errno.EINVAL, "free", file, byref(huge), 1)
    expect(errno.EBUSY, "free", file, byref(c_uint64(0)), 1)
    expect(errno.EINVAL, "read", file, huge, 0, ctypes.create_string_buffer(1), 1)
    expect(errno.EINVAL, "write", file, page, 4096, b"!", 1)
    expect(errno.EINVAL, "alloc", file, 1, None)
    expect(errno.ENOENT, "free_protected", file, byref(huge), 1)
    expect(errno.EEXIST, "create", os.fsencode(path), 4096, 4)
    expect(errno.ENOSPC, "alloc", file, huge, byref(page))
    expect(errno.EBUSY, "free", file, byref(c_uint64(1)), 1)
    words = library.mappedpages_last_error()
    with concurrent.futures.ThreadPoolExecutor() as other:
        other.submit(expect, errno.ENOENT, "free_protected", file, byref(huge), 1).result()
    assert library.mappedpages_last_error() == words, "another thread's words"
    call("close", file)

    file = open_file(path)
    bytes_ = ctypes.create_string_buffer(4096)
    generation = c_uint64()
    call("read", file, page, 0, bytes_, 4096)
    assert bytes_.raw[:16] == b"\0" * 10 + b"hello\0", bytes_.raw[:16]
    call("read_protected", file, number, bytes_, byref(generation))
    assert bytes_.raw == b"p" * 4096 and generation.value == 1
    call("free", file, byref(page), 1)
    expect(errno.ENOENT, "free", file, byref(page), 1)
    expect(errno.ENOENT, "read", file, page, 0, bytes_, 1)
    call("free_protected", file, byref(number), 1)
    expect(errno.ENOENT, "free_protected", file, byref(number), 1)
    call("close", file)

    assert check(path) == (True, [])
    with open(path, "r+b") as raw:
        for metadata in (1, 2):
            raw.seek(metadata * 4096 + 20)
            raw.write(b"U")
    expect(errno.EIO, "open", os.fsencode(path), 0, 0, byref(c_void_p()))
    sound, problems = check(path)
    assert not sound and problems, problems
    with open(path, "r+b") as raw:
        raw.write(b"?")
    expect(errno.EINVAL, "open", os.fsencode(path), 0, 0, byref(c_void_p()))
print("ok")
