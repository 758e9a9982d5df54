// Runs one fuzz target over files, without a fuzzer: what the default tests do with the corpus.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace files = std::filesystem;

/// The files themselves, and those in the directories.
std::vector<files::path> inputs_of(const std::vector<std::string>& arguments) {
  std::vector<files::path> inputs;
  for (const files::path path : arguments) {
    if (files::is_directory(path)) {
      for (const auto& entry : files::directory_iterator(path)) inputs.push_back(entry.path());
    } else if (files::exists(path)) {
      inputs.push_back(path);
    }
  }
  std::ranges::sort(inputs);
  return inputs;
}

void replay(const files::path& path) {
  // Told before it is run: the last line names what crashed.
  std::fprintf(stderr, "replaying %s\n", path.c_str());
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  // Of exactly its size, so that a sanitizer sees what is read behind it.
  const auto input = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, input.get());
  LLVMFuzzerTestOneInput(input.get(), bytes.size());
}

}  // namespace

int main(int count, char** arguments) {
  const auto inputs = inputs_of({arguments + 1, arguments + count});
  for (const files::path& path : inputs) replay(path);
  std::fprintf(stderr, "%zu inputs\n", inputs.size());
  return inputs.empty() ? 1 : 0;  // A corpus that is not there proves nothing.
}
