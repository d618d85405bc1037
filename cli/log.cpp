// Debian has spdlog and fmt as shared libraries only; both are compiled into this one file.
#define FMT_HEADER_ONLY
#include "cli/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace hv::cli {
namespace {

bool json = false;
int level = 0;

void write(spdlog::level::level_enum at, std::string_view text) {
  if (json) {
    // The message is quoted here, so that any text gives one valid line.
    spdlog::log(
        at, "{}",
        nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    spdlog::log(at, "{}", text);
  }
}

}  // namespace

void set_up_logs(const Options& options) {
  level = options.verbose;
  json = options.log_format == "json";
  if (level == 0) return;
  auto logger = spdlog::stderr_logger_st("hv");
  logger->set_level(level > 1 ? spdlog::level::debug : spdlog::level::info);
  logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})"
                           : "%H:%M:%S.%e %l: %v");
  spdlog::set_default_logger(std::move(logger));
}

void log_info(std::string_view text) {
  if (level >= 1) write(spdlog::level::info, text);
}

void log_debug(std::string_view text) {
  if (level >= 2) write(spdlog::level::debug, text);
}

}  // namespace hv::cli
