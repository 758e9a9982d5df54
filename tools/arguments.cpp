#include "tools/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "tools/failure.hpp"

namespace mappedpages::tools {

class Arguments::Parser {
 public:
  explicit Parser(const std::string& program) : app("", program) {
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.add_flag("-V,--version", version, "Print the version and exit");
    app.add_flag("-q,--quiet", quiet, "No warnings, notices or progress; errors and results stay");
  }

  CLI::App app;
  bool version = false;
  bool quiet = false;
};

Arguments::Arguments(std::string program, std::vector<std::string> words, int usage_exit)
    : program_(std::move(program)),
      words_(std::move(words)),
      usage_exit_(usage_exit),
      parser_(std::make_unique<Parser>(program_)) {}

Arguments::~Arguments() = default;

void Arguments::describe(const std::string& summary, const std::string& examples) {
  parser_->app.description(summary);
  parser_->app.footer(examples);
}

void Arguments::flag(const std::string& names, bool& value, const std::string& help) {
  parser_->app.add_flag(names, value, help);
}

void Arguments::option(const std::string& names, std::string& value, const std::string& placeholder,
                       const std::string& help) {
  parser_->app.add_option(names, value, help)->type_name(placeholder);
}

void Arguments::required(const std::string& name, std::string& value, const std::string& help) {
  parser_->app.add_option(name, value, help)
      ->required()
      ->type_name("FILE")
      ->check(
          [](const std::string& given) { return given.empty() ? "it is empty" : std::string(); });
}

void Arguments::ignored_flag(const std::string& name) {
  parser_->app.add_flag(name)->group("");
}

std::optional<int> Arguments::parse(Terminal& terminal) {
  const auto is_version = [](const std::string& word) {
    return word == "-V" || word == "--version";
  };
  // Alone it needs no file.
  if (words_.size() == 1 && is_version(words_.front())) parser_->version = true;
  try {
    if (!parser_->version) {
      std::vector<std::string> reversed(words_.rbegin(), words_.rend());
      parser_->app.parse(reversed);
    }
  } catch (const CLI::CallForHelp&) {
    return static_cast<int>(print_result(terminal, parser_->app.help()));
  } catch (const CLI::ParseError& mistake) {
    return usage_error(terminal, mistake.what());
  }
  if (parser_->version) return static_cast<int>(print_result(terminal, version_text()));
  terminal.set_quiet(parser_->quiet);
  return std::nullopt;
}

int Arguments::usage_error(Terminal& terminal, const std::string& what) const {
  terminal.error(what + "; `" + program_ + " --help` shows how it is called");
  return usage_exit_;
}

std::string Arguments::version_text() {
  return "mappedpages " MAPPEDPAGES_VERSION "\n";
}

}  // namespace mappedpages::tools
