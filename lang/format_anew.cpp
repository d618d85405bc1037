// The style of the language's own files: statements one a line, laid out anew, with the empty
// lines and the comments between them.
#include <algorithm>

#include "lang/format_layout.h"
#include "lang/format_styles.h"

namespace hv::lang {

namespace {

constexpr unsigned kIndent = 4;
// `=`s line up only where names differ in length by no more.
constexpr std::size_t kAlignSpread = 8;
constexpr std::size_t kCommentSpread = 40;

struct OutLine {
  std::string text;
  std::string comment;
  std::size_t align_at = 0;
  bool verbatim = false;  // the inside of a string: nothing is put behind it
};

bool continues(TokenKind kind) {
  return kind == TokenKind::elif || kind == TokenKind::else_ || kind == TokenKind::except ||
         kind == TokenKind::finally;
}

// What a block is of, as far as the layout cares.
struct Body {
  uint32_t column = 0;                  // of its lines in the source
  bool of_resource = false;             // settings: their `=`s line up
  TokenKind last = TokenKind::newline;  // first token of the last statement in it
};

class NewStyle {
 public:
  NewStyle(std::string_view text, const Lines& lines) : text_(text), lines_(lines) {}

  std::string run() {
    bodies_.push_back({});
    for (const LogicalLine& line : lines_.lines) add(line);
    add_asides(lines_.at_end, 0, 0, false);
    align_assignments();
    align_comments();
    std::string out;
    for (const OutLine& line : out_) {
      out += line.text;
      if (!line.comment.empty()) {
        if (!line.text.empty()) out += "  ";
        out += line.comment;
      }
      out += '\n';
    }
    return out;
  }

 private:
  void add(const LogicalLine& line) {
    const TokenKind first = line.atoms.front().kind;
    enter_body(line);
    const Body& body = bodies_[line.depth];
    const bool apart = body.last != TokenKind::newline && !continues(first) &&
                       (stands_apart(first) || stands_apart(body.last));
    add_asides(line.above, line.depth, line.blanks, apart);
    bodies_.resize(line.depth + 1);
    if (!continues(first)) bodies_.back().last = first;
    after_header_ = false;
    if (line.awkward || !add_statements(line)) copy(line);
  }

  static bool stands_apart(TokenKind kind) {
    return begins_resource(kind) || kind == TokenKind::def;
  }

  void enter_body(const LogicalLine& line) {
    if (bodies_.size() > line.depth) return;
    Body inner;
    inner.column = line.column;
    inner.of_resource = of_resource_;
    bodies_.push_back(inner);
  }

  // Comments, and the empty lines that stay: one in a block, two between the statements of a file.
  void add_asides(const std::vector<Aside>& asides, unsigned depth, unsigned blanks, bool apart) {
    const unsigned most = depth == 0 ? 2 : 1;
    const bool any_blank =
        blanks > 0 || std::any_of(asides.begin(), asides.end(),
                                  [](const Aside& aside) { return aside.blanks > 0; });
    bool owed = apart && !any_blank;
    bool first = after_header_ || out_.empty();
    std::size_t level = bodies_.size() - 1;
    for (const Aside& aside : asides) {
      while (level > depth && bodies_[level].column > aside.column) --level;
      if (level < depth) level = depth;
      unsigned empty = first ? 0 : std::min(aside.blanks, most);
      if (owed && level == depth) {
        empty = std::max(empty, 1u);
        owed = false;
      }
      out_.insert(out_.end(), empty, {});
      out_.push_back({std::string(level * kIndent, ' ') + std::string(aside.text), {}, 0, true});
      first = false;
    }
    out_.insert(out_.end(), std::max(first ? 0 : std::min(blanks, most), owed ? 1u : 0u), {});
  }

  // False where the line does not divide into statements.
  bool add_statements(const LogicalLine& line) {
    std::vector<Atom> atoms = line.atoms;
    std::span<Atom> rest = atoms;
    std::vector<std::pair<std::span<Atom>, unsigned>> statements;
    const std::size_t colon = header_end(rest);
    unsigned depth = line.depth;
    const bool header = colon < rest.size();
    if (header) {
      statements.push_back({rest.first(colon + 1), depth++});
      rest = rest.subspan(colon + 1);
    }
    const bool inline_body = header && !rest.empty();
    while (!rest.empty()) {
      const auto end = std::find_if(rest.begin(), rest.end(), [](const Atom& atom) {
        return atom.kind == TokenKind::semicolon;
      });
      const auto length = static_cast<std::size_t>(end - rest.begin());
      if (length > 0) statements.push_back({rest.first(length), depth});
      rest = rest.subspan(std::min(length + 1, rest.size()));
    }
    if (statements.empty() || (inline_body && statements.size() == 1)) return false;
    for (auto& [statement, level] : statements) {
      statement.front().space_before = statement.front().backslash_before = false;
      for (LaidLine& laid : lay_out(statement, level))
        out_.push_back({std::move(laid.text), std::move(laid.comment),
                        bodies_[line.depth].of_resource ? laid.align_at : 0, false});
    }
    if (!line.comment.empty()) out_.back().comment = line.comment;
    if (header && !inline_body) {
      const TokenKind first = line.atoms.front().kind;
      after_header_ = true;
      of_resource_ = first != TokenKind::def && first != TokenKind::schema &&
                     (bodies_[line.depth].of_resource || begins_resource(first) ||
                      first == TokenKind::lifecycle);
    }
    return true;
  }

  // A line that cannot be laid out: as it is, from its block's column on.
  void copy(const LogicalLine& line) {
    std::string text = std::string(line.depth * kIndent, ' ') +
                       plain_line_ends(text_.substr(line.begin, line.end - line.begin));
    out_.push_back({std::move(text), std::string(line.comment), 0, true});
    after_header_ = header_end(line.atoms) + 1 == line.atoms.size();
  }

  void align_assignments() {
    for (std::size_t i = 0; i < out_.size();) {
      std::size_t end = i;
      std::size_t least = SIZE_MAX, most = 0;
      const auto indent = [&](std::size_t at) { return out_[at].text.find_first_not_of(' '); };
      for (; end < out_.size() && out_[end].align_at != 0 && indent(end) == indent(i); ++end) {
        const std::size_t at = out_[end].align_at;
        if (end > i && std::max(most, at) - std::min(least, at) > kAlignSpread) break;
        least = std::min(least, at);
        most = std::max(most, at);
      }
      for (std::size_t line = i; line < end; ++line)
        out_[line].text.insert(out_[line].align_at, most - out_[line].align_at, ' ');
      i = std::max(end, i + 1);
    }
  }

  void align_comments() {
    for (std::size_t i = 0; i < out_.size();) {
      std::size_t end = i;
      std::size_t least = SIZE_MAX, most = 0;
      for (; end < out_.size() && !out_[end].comment.empty() && !out_[end].verbatim; ++end) {
        const std::size_t columns = width(out_[end].text);
        if (end > i && std::max(most, columns) - std::min(least, columns) > kCommentSpread) break;
        least = std::min(least, columns);
        most = std::max(most, columns);
      }
      for (std::size_t line = i; line < end; ++line)
        out_[line].text.append(most - width(out_[line].text), ' ');
      i = std::max(end, i + 1);
    }
  }

  std::string_view text_;
  const Lines& lines_;
  std::vector<OutLine> out_;
  std::vector<Body> bodies_;
  bool after_header_ = false;
  bool of_resource_ = false;
};

}  // namespace

std::string format_anew(std::string_view text, const Lines& lines) {
  return NewStyle(text, lines).run();
}

}  // namespace hv::lang
