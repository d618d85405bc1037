#include "lang/format_lines.h"

#include "base/check.h"

namespace hv::lang {

namespace {

bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

std::string_view without_trailing_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\f");
  return last == text.npos ? std::string_view() : text.substr(0, last + 1);
}

// What stands between two tokens.
struct Gap {
  std::string_view same_line;  // a comment before the first line end
  std::vector<Aside> comments;
  unsigned blanks = 0;  // empty lines behind the last of them
  bool space = false;
  bool newline = false;
  bool backslash = false;
};

// `at_line_begin`: no token stands on the line where the gap begins.
Gap read_gap(std::string_view text, uint32_t begin, uint32_t end, bool at_line_begin) {
  Gap gap;
  gap.space = begin != end;
  bool fresh = at_line_begin;  // nothing on this line yet
  for (uint32_t i = begin; i < end;) {
    const char c = text[i];
    if (c == '#') {
      uint32_t stop = i;
      while (stop < end && !is_line_end(text[stop])) ++stop;
      const std::string_view comment = without_trailing_blanks(text.substr(i, stop - i));
      if (!fresh && !gap.newline && gap.same_line.empty() && gap.comments.empty()) {
        gap.same_line = comment;
      } else {
        gap.comments.push_back({comment, column_of(text, i), gap.blanks, i});
        gap.blanks = 0;
      }
      fresh = false;
      i = stop;
    } else if (is_line_end(c)) {
      if (fresh) ++gap.blanks;
      fresh = true;
      gap.newline = true;
      i += c == '\r' && i + 1 < end && text[i + 1] == '\n' ? 2 : 1;
    } else if (c == '\\') {
      gap.backslash = true;
      ++i;
      while (i < end && (text[i] == ' ' || text[i] == '\t')) ++i;
      if (i < end && is_line_end(text[i]))
        i += text[i] == '\r' && i + 1 < end && text[i + 1] == '\n' ? 2 : 1;
      fresh = false;
    } else {
      ++i;
    }
  }
  return gap;
}

// An operator of two words, as one blank between them; nothing where more stands there.
std::string two_words(std::string_view text) {
  std::string out;
  bool pending = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '#') return {};
    if (c == ' ' || c == '\t' || c == '\f' || c == '\\' || is_line_end(c)) {
      pending = true;
    } else {
      if (pending) out += ' ';
      pending = false;
      out += c;
    }
  }
  return out;
}

class LineReader {
 public:
  LineReader(FileId file, std::string_view text) : text_(text), reader_(file, text, ignored_) {
    if (text.starts_with("\xef\xbb\xbf")) last_end_ = 3;
  }

  Lines read() {
    std::vector<Token> tokens;
    while (reader_.next_statement(tokens)) {
      mark_statement_words(tokens, text_);
      for (std::size_t i = 0; i < tokens.size();) i = take(tokens, i);
    }
    HV_CHECK(!open_, "a statement without the end of its line");
    lines_.at_end = read_gap(text_, last_end_, static_cast<uint32_t>(text_.size()), true).comments;
    return std::move(lines_);
  }

 private:
  std::size_t take(const std::vector<Token>& tokens, std::size_t i) {
    const Token& token = tokens[i];
    switch (token.kind) {
      case TokenKind::indent:
        ++depth_;
        return i + 1;
      case TokenKind::dedent:
        --depth_;
        return i + 1;
      case TokenKind::newline:
        end_line(token.begin);
        return i + 1;
      default:  // all the others are written
        break;
    }
    if (token.begin == token.end) return i + 1;  // stands for an empty statement
    std::size_t last = i;
    if (token.kind == TokenKind::fstring_begin)
      for (unsigned nested = 0;; ++last) {
        HV_CHECK(last < tokens.size(), "an f-string without its end");
        if (tokens[last].kind == TokenKind::fstring_begin) ++nested;
        if (tokens[last].kind == TokenKind::fstring_end && --nested == 0) break;
      }
    add_atom(token, tokens[last].end);
    return last + 1;
  }

  void begin_line(uint32_t at) {
    open_ = true;
    LogicalLine& line = lines_.lines.emplace_back();
    line.depth = depth_;
    line.begin = at;
    line.column = column_of(text_, at);
    Gap gap = read_gap(text_, last_end_, at, true);
    line.above = std::move(gap.comments);
    line.blanks = gap.blanks;
  }

  void add_atom(const Token& token, uint32_t end) {
    const bool first = !open_;
    if (first) begin_line(token.begin);
    LogicalLine& line = lines_.lines.back();
    Atom atom;
    atom.kind = token.kind;
    atom.formatted = token.kind == TokenKind::fstring_begin;
    if (atom.formatted) atom.kind = TokenKind::string;
    atom.begin = token.begin;
    atom.end = end;
    const std::string_view source = text_.substr(token.begin, end - token.begin);
    if (token.kind == TokenKind::not_in || token.kind == TokenKind::is_not) {
      atom.text = two_words(source);
      line.awkward = line.awkward || atom.text.empty();
    } else {
      atom.text = plain_line_ends(source);
    }
    if (!first) {
      Gap gap = read_gap(text_, last_end_, token.begin, false);
      line.atoms.back().after = gap.same_line;
      atom.before = std::move(gap.comments);
      atom.blanks_before = atom.before.empty() ? gap.blanks : atom.before.front().blanks;
      atom.space_before = gap.space;
      atom.newline_before = gap.newline;
      atom.backslash_before = gap.backslash;
    }
    line.atoms.push_back(std::move(atom));
    last_end_ = end;
  }

  void end_line(uint32_t at) {
    if (open_) {
      LogicalLine& line = lines_.lines.back();
      line.end = last_end_;
      Gap gap = read_gap(text_, last_end_, at, false);
      line.comment = gap.same_line;
      if (line.comment.empty() && !gap.comments.empty()) line.comment = gap.comments.front().text;
      // The line end itself belongs to this line, not to the empty ones below.
      last_end_ = at;
      if (last_end_ < text_.size() && text_[last_end_] == '\r') ++last_end_;
      if (last_end_ < text_.size() && text_[last_end_] == '\n' &&
          (last_end_ == at || text_[last_end_ - 1] == '\r'))
        ++last_end_;
    }
    open_ = false;
  }

  std::string_view text_;
  Diagnostics ignored_;
  TokenReader reader_;
  Lines lines_;
  uint32_t last_end_ = 0;
  unsigned depth_ = 0;
  bool open_ = false;
};

}  // namespace

std::string plain_line_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

uint32_t column_of(std::string_view text, uint32_t at) {
  uint32_t begin = at;
  while (begin > 0 && !is_line_end(text[begin - 1])) --begin;
  if (begin == 0 && text.starts_with("\xef\xbb\xbf")) begin = 3;
  uint32_t column = 0;
  for (uint32_t i = begin; i < at; ++i) {
    if (text[i] == '\t')
      column = (column / 8 + 1) * 8;
    else
      column = text[i] == '\f' ? 0 : column + 1;
  }
  return column;
}

Lines logical_lines(FileId file, std::string_view text) {
  return LineReader(file, text).read();
}

}  // namespace hv::lang
