#include "base/diagnostics.h"

#include <algorithm>
#include <cctype>

namespace hv {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Optimal string alignment distance, given up at `limit` + 1.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

Diagnostic& Diagnostics::report(Code code, Span primary, std::string message) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.severity = info(code).severity;
  diagnostic.message = std::move(message);
  diagnostic.primary = primary;
  return report(std::move(diagnostic));
}

Diagnostic& Diagnostics::report(Error error, std::string file) {
  Diagnostic& diagnostic = report(error.code, Span{}, std::move(error.message));
  diagnostic.help = std::move(error.help);
  diagnostic.file = std::move(file);
  return diagnostic;
}

Diagnostic& Diagnostics::report(Diagnostic diagnostic) {
  all_.push_back(std::move(diagnostic));
  return all_.back();
}

std::size_t Diagnostics::error_count() const {
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(), [](const Diagnostic& d) { return d.severity == Severity::error; }));
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  const std::size_t limit = word.size() <= 5 ? 1 : 2;
  std::size_t best = limit + 1;
  std::optional<std::string_view> found;
  const std::string lowered = lower(word);
  for (const std::string_view candidate : candidates) {
    if (candidate == word) continue;
    const std::string folded = lower(candidate);
    const std::size_t far = folded == lowered ? 1 : distance(lowered, folded, limit);
    if (far < best) {
      best = far;
      found = candidate;
    }
  }
  return found;
}

}  // namespace hv
