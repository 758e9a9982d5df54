#include "fs/control_texts.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace mappedpages::fs {
namespace {

std::string line(const char* key, const std::string& value) {
  return std::string(key) + "=" + value + "\n";
}
std::string line(const char* key, std::uint64_t value) {
  return line(key, std::to_string(value));
}
std::string line(const char* key, bool value) {
  return line(key, std::string(value ? "yes" : "no"));
}

}  // namespace

std::string to_json(const ControlStats& stats) {
  constexpr int kSchemaVersion = 1;
  constexpr int kIndent = 2;
  const nlohmann::ordered_json object = {{"schema_version", kSchemaVersion},
                                         {"page_size", stats.page_size},
                                         {"total_pages", stats.counts.total.value},
                                         {"free_pages", stats.counts.free.value},
                                         {"capacity_pages", stats.capacity.value},
                                         {"allocated_pages", stats.counts.regular.value},
                                         {"protected_pages", stats.counts.protected_pages.value},
                                         {"generation", stats.counts.generation.value},
                                         {"commits", stats.engine.changes},
                                         {"groups", stats.engine.groups},
                                         {"flushes", stats.engine.flushes},
                                         {"open_stages", stats.open_stages},
                                         {"receipts", stats.receipts}};
  return object.dump(kIndent) + "\n";
}

std::string page_facts(PageNumber page, std::uint64_t offset, bool pinned) {
  return line("number", page.value) + line("offset", offset) + line("pinned", pinned);
}

std::string protected_facts(const ProtectedInfo& info, bool staged) {
  char crc[9];
  std::snprintf(crc, sizeof crc, "%08x", info.crc32);
  return line("generation", info.generation) + line("crc32", std::string(crc)) +
         line("active_slot", std::uint64_t{info.active_slot}) + line("page_a", info.page_a.value) +
         line("page_b", info.page_b.value) + line("staged", staged);
}

}  // namespace mappedpages::fs
