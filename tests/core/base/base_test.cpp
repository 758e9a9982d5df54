// The small things that everything else stands on.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/bitmap.hpp"
#include "base/checksum.hpp"
#include "base/little_endian.hpp"
#include "mappedpages/error.hpp"

namespace mappedpages {
namespace {

TEST(LittleEndian, StoresTheLowestByteFirst) {
  std::array<std::byte, 10> bytes{};
  store_le(std::span(bytes), 1, std::uint64_t{0x0102030405060708});
  EXPECT_EQ(bytes[0], std::byte{0});
  EXPECT_EQ(bytes[1], std::byte{8});
  EXPECT_EQ(bytes[8], std::byte{1});
  EXPECT_EQ(bytes[9], std::byte{0});
}

TEST(LittleEndian, LoadsWhatItStored) {
  std::array<std::byte, 8> bytes{};
  store_le(std::span(bytes), 2, std::uint32_t{0xFFFFFFFE});
  EXPECT_EQ(load_le<std::uint32_t>(bytes, 2), 0xFFFFFFFEU);
  EXPECT_EQ(load_le<std::uint8_t>(bytes, 2), 0xFEU);
  EXPECT_EQ(load_le<std::uint64_t>(bytes, 0), 0x0000FFFFFFFE0000U);
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Checksum, IsTheCrc32OfZlib) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926U);  // The check value of CRC-32/ISO-HDLC.
  EXPECT_EQ(crc32({}), 0U);
  EXPECT_EQ(crc32(std::vector<std::byte>(4096)), 0xC71C0011U);
}

TEST(Checksum, ContinuesFromASeed) {
  EXPECT_EQ(crc32(bytes_of("6789"), crc32(bytes_of("12345"))), 0xCBF43926U);
}

TEST(Checksum, TellsWhichFourBytesMakeIt) {
  for (const std::uint32_t wanted : {0U, 1U, 0xCBF43926U, 0xFFFFFFFFU}) {
    const std::uint32_t seed = crc32(bytes_of("12345"));
    std::vector<std::byte> four(4);
    store_le(std::span(four), 0, bytes_that_make_crc32(wanted, seed));
    EXPECT_EQ(crc32(four, seed), wanted);
  }
}

TEST(Bitmap, IsFalseBeyondItsEnd) {
  Bitmap bits(65);
  bits.set(64);
  EXPECT_TRUE(bits.test(64));
  EXPECT_FALSE(bits.test(65));
  EXPECT_FALSE(bits.test(1000000));
  EXPECT_EQ(bits.count(), 1U);
}

TEST(Bitmap, KeepsItsBitsWhenItGrows) {
  Bitmap bits(4);
  bits.set(3);
  bits.resize(200);
  EXPECT_TRUE(bits.test(3));
  EXPECT_FALSE(bits.test(199));
  bits.clear(3);
  EXPECT_EQ(bits.count(), 0U);
}

TEST(Errors, EveryCodeHasANameAndAnErrno) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::Unavailable); ++i) {
    const Error error(static_cast<ErrorCode>(i), "why");
    EXPECT_FALSE(name_of(error.code()).empty());
    EXPECT_NE(errno_of(error), 0);
  }
}

TEST(Errors, IoAnswersWithItsOwnErrno) {
  EXPECT_EQ(errno_of(Error(ErrorCode::Io, "x", ENOSPC)), ENOSPC);
  EXPECT_EQ(errno_of(Error(ErrorCode::Io, "x")), EIO);
}

TEST(Errors, SayWhatFailedAndWhy) {
  const Error error = Error(ErrorCode::Io, "cannot open f", ENOENT).with_context("outer");
  EXPECT_EQ(error.message(), "outer: cannot open f: No such file or directory");
  EXPECT_EQ(error.code(), ErrorCode::Io);
}

}  // namespace
}  // namespace mappedpages
