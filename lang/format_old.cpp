// The style of old files: each physical line is copied, and only its beginning and its end change.
#include <algorithm>

#include "lang/format_styles.h"

namespace hv::lang {

namespace {

constexpr int kUnmoved = 0;

// One line of the text as an editor shows it.
struct PhysicalLine {
  uint32_t begin, end;           // without its line end
  bool in_string_begin = false;  // its first character belongs to a string: it stays
  bool in_string_end = false;    // … its last
  bool statement = false;        // a statement begins here
  unsigned depth = 0;            // of that statement
  int shift = kUnmoved;          // columns that it moves, where none begins
};

class OldStyle {
 public:
  OldStyle(std::string_view text, const Lines& lines) : text_(text), lines_(lines) {}

  std::string run() {
    cut();
    if (comment_ended_by_return()) return std::string(text_);
    mark_statements();
    std::string out;
    for (const PhysicalLine& line : physical_) write(line, out);
    while (out.ends_with("\n\n") || out == "\n") out.pop_back();
    return out;
  }

 private:
  void cut() {
    uint32_t begin = text_.starts_with("\xef\xbb\xbf") ? 3 : 0;
    const auto size = static_cast<uint32_t>(text_.size());
    while (begin < size) {
      uint32_t end = begin;
      while (end < size && text_[end] != '\n' && text_[end] != '\r') ++end;
      physical_.push_back({.begin = begin, .end = end});
      begin = end + (end + 1 < size && text_[end] == '\r' && text_[end + 1] == '\n' ? 2 : 1);
    }
  }

  // xl reads on to the "\n": with another line end a setting would come out of its comment.
  bool comment_ended_by_return() const {
    const auto ends = [&](std::string_view comment) {
      if (comment.empty()) return false;
      const std::size_t end = text_.find_first_of("\r\n", comment.data() - text_.data());
      return end < text_.size() - 1 && text_[end] == '\r' && text_[end + 1] != '\n';
    };
    const auto any = [&](const std::vector<Aside>& asides) {
      return std::any_of(asides.begin(), asides.end(),
                         [&](const Aside& aside) { return ends(aside.text); });
    };
    for (const LogicalLine& line : lines_.lines) {
      if (ends(line.comment) || any(line.above)) return true;
      for (const Atom& atom : line.atoms)
        if (ends(atom.after) || any(atom.before)) return true;
    }
    return any(lines_.at_end);
  }

  std::size_t line_at(uint32_t offset) const {
    const auto after =
        std::upper_bound(physical_.begin(), physical_.end(), offset,
                         [](uint32_t at, const PhysicalLine& line) { return at < line.begin; });
    return static_cast<std::size_t>(after - physical_.begin()) - 1;
  }

  void mark_statements() {
    std::vector<int> columns{0};  // of the open blocks, the file's level first
    std::vector<int> shifts{0};
    for (const LogicalLine& line : lines_.lines) {
      const std::size_t first = line_at(line.begin);
      const auto column = static_cast<int>(line.column);
      const int shift = static_cast<int>(line.depth * 4) - column;
      // Comments go with the deepest block that they stand in, as long as the next line is in it.
      for (const Aside& aside : line.above) {
        std::size_t level = columns.size() - 1;
        while (level > line.depth && columns[level] > static_cast<int>(aside.column)) --level;
        physical_[line_at(aside.begin)].shift = level > line.depth ? shifts[level] : shift;
      }
      columns.resize(line.depth + 1, column);
      shifts.resize(line.depth + 1, shift);
      columns.back() = line.depth == 0 ? 0 : column;
      shifts.back() = shift;
      if (physical_[first].in_string_begin) continue;
      physical_[first].statement = true;
      physical_[first].depth = line.depth;
      const std::size_t last = line_at(line.end - 1);
      for (std::size_t i = first + 1; i <= last; ++i) physical_[i].shift = shift;
      for (const Atom& atom : line.atoms) {
        const std::size_t begin = line_at(atom.begin), end = line_at(atom.end - 1);
        if (atom.kind != TokenKind::string || begin == end) continue;
        for (std::size_t i = begin; i <= end; ++i) {
          if (i != begin) physical_[i].in_string_begin = true;
          if (i != end) physical_[i].in_string_end = true;
        }
      }
    }
    for (const Aside& aside : lines_.at_end) {
      std::size_t level = columns.size() - 1;
      while (level > 0 && columns[level] > static_cast<int>(aside.column)) --level;
      physical_[line_at(aside.begin)].shift = level > 0 ? shifts[level] : kUnmoved;
    }
  }

  void write(const PhysicalLine& line, std::string& out) const {
    std::string_view content = text_.substr(line.begin, line.end - line.begin);
    if (!line.in_string_end) {
      const std::size_t last = content.find_last_not_of(" \t\f");
      // Where the string began on an earlier line, the blanks behind it are outside too.
      content = last == content.npos ? std::string_view() : content.substr(0, last + 1);
    }
    const std::size_t text_begin = content.find_first_not_of(" \t\f");
    if (line.in_string_begin || (!line.statement && line.shift == 0) ||
        text_begin == content.npos) {
      out += content;
    } else {
      const auto column =
          static_cast<int>(column_of(text_, line.begin + static_cast<uint32_t>(text_begin)));
      const int moved =
          line.statement ? static_cast<int>(line.depth) * 4 : std::max(0, column + line.shift);
      out.append(static_cast<std::size_t>(moved), ' ');
      out += content.substr(text_begin);
    }
    out += '\n';
  }

  std::string_view text_;
  const Lines& lines_;
  std::vector<PhysicalLine> physical_;
};

}  // namespace

std::string format_old(std::string_view text, const Lines& lines) {
  return OldStyle(text, lines).run();
}

}  // namespace hv::lang
