// What an error of the engine is to a caller, and to the log.
#include "fs/open_file.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace mappedpages::fs {
namespace {

struct Answered {
  int os_error = 0;
  bool logged = false;
};

Answered answer(const Error& error) {
  Answered answered;
  const Reporter reporter = [&answered](const Error&) { answered.logged = true; };
  answered.os_error = answer_for(error, reporter).value;
  return answered;
}

/// With EINTR or ESTALE the caller, or the kernel, would ask again.
TEST(AnswerFor, WhatTheDiskSaysIsEio) {
  for (const int os_error : {EIO, EINTR, ESTALE, ENXIO, ENOTCONN, EROFS, 0}) {
    const Answered answered = answer(Error(ErrorCode::Io, "cannot flush", os_error));
    EXPECT_EQ(answered.os_error, EIO) << os_error;
    EXPECT_TRUE(answered.logged) << os_error;
  }
}

TEST(AnswerFor, AFullDiskIsToldAndLogged) {
  for (const int os_error : {ENOSPC, EDQUOT, EFBIG}) {
    const Answered answered = answer(Error(ErrorCode::Io, "cannot write", os_error));
    EXPECT_EQ(answered.os_error, os_error == EFBIG ? ENOSPC : os_error);
    EXPECT_TRUE(answered.logged) << os_error;
  }
}

TEST(AnswerFor, WhatCallersDoWrongIsNotLogged) {
  EXPECT_EQ(answer(Error(ErrorCode::Full, "full")).os_error, ENOSPC);
  EXPECT_FALSE(answer(Error(ErrorCode::Full, "full")).logged);
  EXPECT_FALSE(answer(Error(ErrorCode::WriterActive, "another writer")).logged);
  EXPECT_EQ(answer(Error(ErrorCode::Unavailable, "latched")).os_error, EROFS);
  EXPECT_TRUE(answer(Error(ErrorCode::Unavailable, "latched")).logged);
}

}  // namespace
}  // namespace mappedpages::fs
