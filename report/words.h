// Colours, padding and the common words of the text reports.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hv/model/plan.h"
#include "report/report.h"

namespace hv {

struct Paint {
  bool on = false;
  std::string operator()(const char* code, std::string_view text) const;
  std::string red(std::string_view t) const { return (*this)("31", t); }
  std::string green(std::string_view t) const { return (*this)("32", t); }
  std::string yellow(std::string_view t) const { return (*this)("33", t); }
  std::string bold(std::string_view t) const { return (*this)("1", t); }
  std::string dim(std::string_view t) const { return (*this)("2", t); }
};

// Columns on a terminal: code points, near enough for names.
std::size_t columns(std::string_view text);
std::string padded(std::string text, std::size_t width);
std::string plural(std::size_t n, const char* one, const char* many);

// "phy:vg0/logs0 (w)"
std::string describe(const Vbd& vbd);

}  // namespace hv
