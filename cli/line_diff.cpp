#include "cli/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hv::cli {
namespace {

using Lines = std::vector<std::string_view>;  // each with its "\n", where it has one

// More differing lines than this are shown as one replacement: the search is quadratic in them.
constexpr int kMostEdits = 2'000;
constexpr std::size_t kContext = 3;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

// Lines [a, a_end) of the old text become lines [b, b_end) of the new one.
struct Change {
  std::size_t a, a_end, b, b_end;
};

// Myers's shortest edit script, as runs of changed lines in order.
std::vector<Change> changes(const Lines& a, const Lines& b) {
  std::size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
    ++tail;
  const auto n = static_cast<int>(a.size() - head - tail);
  const auto m = static_cast<int>(b.size() - head - tail);
  if (n == 0 && m == 0) return {};
  const Change whole{head, a.size() - tail, head, b.size() - tail};
  if (n == 0 || m == 0) return {whole};

  const int most = std::min(n + m, kMostEdits);
  const auto row = [most](int k) { return static_cast<std::size_t>(k + most + 1); };
  std::vector<int> reach(row(most) + 2, 0);  // per diagonal, how far in `a`
  std::vector<std::vector<int>> trace;
  int edits = 0;
  bool found = false;
  for (; edits <= most && !found; ++edits) {
    trace.push_back(reach);
    for (int k = -edits; k <= edits && !found; k += 2) {
      const bool down = k == -edits || (k != edits && reach[row(k - 1)] < reach[row(k + 1)]);
      int x = down ? reach[row(k + 1)] : reach[row(k - 1)] + 1;
      while (x < n && x - k < m && x - k >= 0 &&
             a[head + static_cast<std::size_t>(x)] == b[head + static_cast<std::size_t>(x - k)])
        ++x;
      reach[row(k)] = x;
      found = x >= n && x - k >= m;
    }
  }
  if (!found) return {whole};

  // Back along the trace.
  std::vector<Change> out;
  int x = n, y = m;
  for (int d = edits - 1; d > 0; --d) {
    const std::vector<int>& then = trace[static_cast<std::size_t>(d)];
    const int k = x - y;
    const bool down = k == -d || (k != d && then[row(k - 1)] < then[row(k + 1)]);
    const int from_k = down ? k + 1 : k - 1;
    const int from_x = then[row(from_k)];
    const int from_y = from_x - from_k;
    const std::size_t at_a = head + static_cast<std::size_t>(from_x);
    const std::size_t at_b = head + static_cast<std::size_t>(from_y);
    out.push_back({at_a, at_a + (down ? 0 : 1), at_b, at_b + (down ? 1 : 0)});
    x = from_x;
    y = from_y;
  }
  std::reverse(out.begin(), out.end());
  std::vector<Change> joined;
  for (const Change& change : out) {
    if (!joined.empty() && joined.back().a_end == change.a && joined.back().b_end == change.b) {
      joined.back().a_end = change.a_end;
      joined.back().b_end = change.b_end;
    } else {
      joined.push_back(change);
    }
  }
  return joined;
}

std::string range(std::size_t begin, std::size_t end) {
  const std::size_t length = end - begin;
  const std::size_t first = length == 0 ? begin : begin + 1;
  return std::to_string(first) + (length == 1 ? "" : "," + std::to_string(length));
}

void put(std::string& out, char mark, std::string_view line) {
  out += mark;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, const std::string& name) {
  const Lines a = split(before), b = split(after);
  const std::vector<Change> all = changes(a, b);
  if (all.empty()) return {};
  std::string out = "--- " + name + "\n+++ " + name + "\n";
  for (std::size_t first = 0; first < all.size();) {
    std::size_t last = first;
    while (last + 1 < all.size() && all[last + 1].a - all[last].a_end <= 2 * kContext) ++last;
    const std::size_t lead = std::min(all[first].a, kContext);
    const std::size_t trail = std::min(a.size() - all[last].a_end, kContext);
    out += "@@ -" + range(all[first].a - lead, all[last].a_end + trail) + " +" +
           range(all[first].b - lead, all[last].b_end + trail) + " @@\n";
    std::size_t at = all[first].a - lead;
    for (std::size_t i = first; i <= last; ++i) {
      for (; at < all[i].a; ++at) put(out, ' ', a[at]);
      for (; at < all[i].a_end; ++at) put(out, '-', a[at]);
      for (std::size_t j = all[i].b; j < all[i].b_end; ++j) put(out, '+', b[j]);
    }
    for (const std::size_t end = all[last].a_end + trail; at < end; ++at) put(out, ' ', a[at]);
    first = last + 1;
  }
  return out;
}

}  // namespace hv::cli
