#include "tools/json_output.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace mappedpages::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;

std::string text_of(const Json& object) {
  constexpr int kIndent = 2;
  return object.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const FileInfo& info) {
  return text_of({{"schema_version", kSchemaVersion},
                  {"file", info.file},
                  {"format", info.facts.format},
                  {"page_size", info.page_size},
                  {"total_pages", info.counts.total.value},
                  {"free_pages", info.counts.free.value},
                  {"capacity_pages", info.capacity.value},
                  {"allocated_pages", info.counts.regular.value},
                  {"protected_pages", info.counts.protected_pages.value},
                  {"generation", info.counts.generation.value},
                  {"recovery", info.recovery},
                  {"mppg0",
                   {{"active_metadata", info.facts.active_metadata},
                    {"directory_blocks", info.facts.directory_blocks},
                    {"last_writer", info.facts.last_writer}}}});
}

std::string to_json(const PageList& list) {
  Json pages = Json::array();
  for (const ListedPage& page : list.pages) {
    Json& listed = pages.emplace_back(Json::object());
    listed["id"] = page.number.value;
    if (list.with_crc) listed["crc32"] = crc_text(page.crc32);
  }
  Json protected_pages = Json::array();
  for (const ListedProtected& page : list.protected_pages) {
    Json& listed = protected_pages.emplace_back(Json::object());
    listed["id"] = page.number.value;
    if (list.with_crc) listed["crc32"] = page.crc32 ? Json(crc_text(*page.crc32)) : Json(nullptr);
    listed["generation"] = page.info.generation;
    listed["active_slot"] = page.info.active_slot;
  }
  Json object;
  object["schema_version"] = kSchemaVersion;
  object["page_size"] = list.page_size;
  object["pages"] = std::move(pages);
  object["protected"] = std::move(protected_pages);
  return text_of(object);
}

std::string to_json(const CheckReport& report) {
  Json problems = Json::array();
  for (const Problem& problem : report.problems) {
    Json& listed = problems.emplace_back(Json::object());
    listed["code"] = problem.code;
    listed["severity"] = name_of(problem.severity);
    listed["where"] = problem.where;
    listed["detail"] = problem.detail;
    listed["repairable"] = problem.repairable;
  }
  Json object;
  object["schema_version"] = kSchemaVersion;
  object["ok"] = report.ok;
  object["problems"] = std::move(problems);
  return text_of(object);
}

std::string crc_text(std::uint32_t crc) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", crc);
  return text;
}

}  // namespace mappedpages::tools
