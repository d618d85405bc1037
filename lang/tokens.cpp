// The structure of lines: statements, indentation, brackets that join lines. Characters become
// tokens in token_text.cpp.
#include "lang/tokens.h"

#include <algorithm>
#include <cstring>

#include "lang/characters.h"
#include "lang/token_shape.h"

namespace hv::lang {

namespace {

// The statements that `else`, `elif`, `except` or `finally` may go on.
bool takes_clauses(TokenKind kind) {
  return kind == TokenKind::if_ || kind == TokenKind::for_ || kind == TokenKind::while_ ||
         kind == TokenKind::try_;
}

}  // namespace

Diagnostic& TokenReader::report(Code code, uint32_t begin, uint32_t end, std::string message) {
  Diagnostic& diagnostic = diagnostics_.report(code, span(begin, end), std::move(message));
  if (diagnostic.severity == Severity::error) {
    ++errors_;
    damage_.insert(std::upper_bound(damage_.begin(), damage_.end(), begin), begin);
  }
  return diagnostic;
}

Span TokenReader::mixed_indentation() const {
  return mixed_line_ == UINT32_MAX ? Span{} : span(mixed_line_, mixed_line_);
}

void TokenReader::note_indentation(uint32_t begin, uint32_t end) {
  if (begin == end || mixed_line_ != UINT32_MAX) return;
  (text_[begin] == '\t' ? tab_line_ : blank_line_) = begin;
  if (tab_line_ != UINT32_MAX && blank_line_ != UINT32_MAX) mixed_line_ = begin;
}

// To the first character of the next line that is not empty and not only a comment.
bool TokenReader::skip_to_line(LineStart& line) {
  const auto size = static_cast<uint32_t>(text_.size());
  while (at_ < size) {
    const uint32_t begin = at_;
    uint32_t column = begin == behind_brace_ ? behind_brace_column_ : 0;
    for (; at_ < size && is_blank(text_[at_]); ++at_) {
      if (text_[at_] == '\t')
        column = (column / 8 + 1) * 8;
      else
        column = text_[at_] == '\f' ? 0 : column + 1;
    }
    if (at_ == size) return false;
    if (text_[at_] == '#') skip_comment(size);
    if (at_ == size) return false;
    if (is_line_end(text_[at_])) {
      ++at_;
      continue;
    }
    if (column == 0 && skip_merge_mark(at_)) continue;
    line = {at_, column};
    if (text_[at_] == '}' && !brace_blocks_.empty()) {
      close_brace_block(line);
      continue;
    }
    note_indentation(begin, at_);
    at_ = begin;
    return true;
  }
  return false;
}

bool TokenReader::continues_statement(uint32_t at, const std::vector<Token>& tokens) const {
  if (tokens.empty() || !takes_clauses(tokens.front().kind)) return false;
  uint32_t end = at;
  while (end < text_.size() && text_[end] >= 'a' && text_[end] <= 'z') ++end;
  const std::string_view word = text_.substr(at, end - at);
  if (end < text_.size() && (text_[end] == '_' || (text_[end] >= '0' && text_[end] <= '9') ||
                             (text_[end] >= 'A' && text_[end] <= 'Z')))
    return false;
  if (word == "elseif" || word == "elsif") {  // unless it is a name of theirs
    const std::size_t next = text_.find_first_not_of(" \t", end);
    return next != text_.npos &&
           (is_name_part(text_[next]) || text_[next] == '(' || text_[next] == '!');
  }
  return word == "else" || word == "elif" || word == "except" || word == "finally";
}

// Closes the blocks that a line in this column does not belong to.
void TokenReader::close_blocks(const LineStart& line, std::vector<Token>& tokens) {
  const std::vector<LineStart> open = blocks_;
  while (!blocks_.empty() && blocks_.back().column > line.column) {
    blocks_.pop_back();
    tokens.push_back({TokenKind::dedent, false, line.at, line.at});
  }
  const bool fits =
      blocks_.empty() ? line.column <= statement_column_ : blocks_.back().column == line.column;
  if (fits) {
    wrong_column_ = UINT32_MAX;
    return;
  }
  wrong_column_ = line.column;
  std::string places = std::to_string(statement_column_ + 1);
  for (const LineStart& block : open) places += ", " + std::to_string(block.column + 1);
  report(Code::bad_indentation, line.at, line.at,
         "this line begins in column " + std::to_string(line.column + 1) +
             " and matches no enclosing block")
      .help = "lines of the enclosing blocks begin in column " + places;
}

// Emits what the line's indentation means; false where the line begins another file-level
// statement.
bool TokenReader::enter_line(const LineStart& line, std::vector<Token>& tokens) {
  if (block_expected_) {
    block_expected_ = false;
    tokens.push_back({TokenKind::indent, false, line.at, line.at});
    if (line.column > line_column_ && blocks_.size() < kMaxBlocks) {
      blocks_.push_back(line);
      wrong_column_ = UINT32_MAX;
      return true;
    }
    tokens.push_back({TokenKind::dedent, false, line.at, line.at});
    if (line.column > line_column_) {
      report(Code::nesting_too_deep, line.at, line.at,
             "blocks are nested more than " + std::to_string(kMaxBlocks) + " deep");
      stopped_ = true;  // what follows cannot be told apart any more
      return false;
    }
    if (!brace_blocks_.empty())
      braces_indent_ = false;
    else if (!colon_inserted_)
      report(Code::missing_block, opener_, opener_ + 1, "an indented block must follow this line")
          .help = "write `pass` in it where nothing is to be done";
  }
  if (blocks_.empty()) {
    if (!tokens.empty() && !continues_statement(line.at, tokens)) return false;
    if (tokens.empty()) statement_column_ = line.column;
    return true;
  }
  if (line.column == blocks_.back().column) {
    wrong_column_ = UINT32_MAX;
    return true;
  }
  if (line.column > blocks_.back().column) {
    if (line.column == wrong_column_) return true;  // said already
    wrong_column_ = line.column;
    const std::string_view ours = indentation(line.at), theirs = indentation(blocks_.back().at);
    const bool mixed = (ours.find('\t') == ours.npos) != (theirs.find('\t') == theirs.npos);
    Diagnostic& diagnostic = report(Code::bad_indentation, line.at, line.at,
                                    "this line is indented, but opens no block");
    diagnostic.help = "its block begins in column " + std::to_string(blocks_.back().column + 1);
    if (mixed) {
      diagnostic.help += ", this line in column " + std::to_string(line.column + 1) +
                         ": a tab goes to the next multiple of eight";
      const auto size = static_cast<uint32_t>(ours.size());
      diagnostic.fix =
          Fix{"indent it as the line before", span(line.at - size, line.at), std::string(theirs)};
    }
    return true;
  }
  close_blocks(line, tokens);
  return !blocks_.empty() || continues_statement(line.at, tokens);
}

bool TokenReader::next_statement(std::vector<Token>& tokens) {
  tokens.clear();
  blocks_.clear();
  block_expected_ = false;
  wrong_column_ = UINT32_MAX;
  if (exhausted() || stopped_) return false;
  for (;;) {
    LineStart line;
    if (!skip_to_line(line)) {
      const auto end = static_cast<uint32_t>(text_.size());
      if (block_expected_) {
        if (!colon_inserted_ && brace_blocks_.empty())
          report(Code::missing_block, opener_, opener_ + 1,
                 "an indented block must follow this line")
              .help = "write `pass` in it where nothing is to be done";
        tokens.push_back({TokenKind::indent, false, end, end});
        tokens.push_back({TokenKind::dedent, false, end, end});
      }
      tokens.insert(tokens.end(), blocks_.size(), {TokenKind::dedent, false, end, end});
      report_braces(false);
      return !tokens.empty();
    }
    if (!enter_line(line, tokens)) return true;
    line_column_ = line.column;
    opener_ = line.at;
    at_ = line.at;
    read_line(tokens);
    if (exhausted()) {
      tokens.insert(tokens.end(), blocks_.size(), {TokenKind::dedent, false, at_, at_});
      if (block_expected_) {
        tokens.push_back({TokenKind::indent, false, at_, at_});
        tokens.push_back({TokenKind::dedent, false, at_, at_});
      }
      return true;
    }
    if (blocks_.empty() && !block_expected_ && !takes_clauses(tokens.front().kind)) return true;
  }
}

// One logical line, its NEWLINE included.
void TokenReader::read_line(std::vector<Token>& tokens) {
  const std::size_t first = tokens.size();
  const auto size = static_cast<uint32_t>(text_.size());
  const std::size_t said = diagnostics_.size();
  brackets_.clear();
  while (!exhausted()) {
    while (at_ < size && is_blank(text_[at_])) ++at_;
    if (at_ == size) {
      break;
    }
    const char c = text_[at_];
    if (is_line_end(c) || c == '#') {
      if (!brackets_.empty() && opens_brace_block(tokens, first)) {
        const uint32_t brace = tokens.back().begin;
        brackets_.clear();
        tokens.pop_back();
        open_brace_block(tokens.back().end, brace);
        tokens.push_back({TokenKind::colon, false, brace, brace + 1});
      }
      if (c == '#') {
        skip_comment(size);
        continue;
      }
      if (brackets_.empty()) break;
      ++at_;
      continue;
    }
    read_token(tokens, size);
    const bool limit = brackets_.size() > kMaxBrackets || tokens.size() > kMaxStatementTokens;
    if (limit && !brackets_.empty() && end_of_open_bracket(brackets_.front().at) < at_) break;
    if (brackets_.size() > kMaxBrackets) {
      report(Code::nesting_too_deep, brackets_.back().at, brackets_.back().at + 1,
             "brackets are nested more than " + std::to_string(kMaxBrackets) + " deep");
      give_up_line(tokens, first);
      return;
    }
    if (tokens.size() > kMaxStatementTokens) {
      report(Code::statement_too_long, tokens[first].begin, tokens[first].end,
             "this statement has more than " + std::to_string(kMaxStatementTokens) + " words")
          .help = "divide it into several";
      give_up_line(tokens, first);
      return;
    }
  }
  if (brackets_.empty())
    end_line(tokens, first);
  else
    recover_from_open_bracket(tokens, first, said);
}

// The line's tokens are of no use: one broken token stands for them, and reading goes on behind
// the line's end.
void TokenReader::give_up_line(std::vector<Token>& tokens, std::size_t first) {
  const uint32_t begin = opener_;
  tokens.resize(first);
  brackets_.clear();
  while (at_ < text_.size() && !is_line_end(text_[at_])) ++at_;
  tokens.push_back({TokenKind::invalid, false, begin, at_});
  tokens.push_back({TokenKind::newline, false, at_, at_});
}

// Where reading goes on when the bracket at `open` is never closed: the line end before a line that
// looks like a statement, or the end of the text.
uint32_t TokenReader::end_of_open_bracket(uint32_t open) const {
  uint32_t at = open;
  while (at < text_.size()) {
    const void* end = std::memchr(text_.data() + at, '\n', text_.size() - at);
    if (end == nullptr) break;
    at = static_cast<uint32_t>(static_cast<const char*>(end) - text_.data());
    if (looks_like_statement(at + 1)) return at;
    ++at;
  }
  return static_cast<uint32_t>(text_.size());
}

// A bracket that is never closed would swallow the rest of the file: go on where a line looks like
// a statement again. What was said of the lines in between is said when they are read anew.
void TokenReader::recover_from_open_bracket(std::vector<Token>& tokens, std::size_t first,
                                            std::size_t said) {
  const Bracket open = brackets_.front();
  const std::size_t line_end = std::min(text_.find_first_of("\r\n", open.at), text_.size());
  at_ = end_of_open_bracket(open.at);
  const auto behind = [&](const Token& token, std::size_t end) { return token.begin >= end; };
  // A header goes on with its block.
  std::size_t count = tokens.size();
  while (count > first && behind(tokens[count - 1], line_end)) --count;
  const bool header =
      is_header(tokens, first) && count > first + 1 && tokens[count - 1].kind == TokenKind::colon;
  if (header)
    at_ = static_cast<uint32_t>(line_end);
  else
    for (count = tokens.size(); count > first && behind(tokens[count - 1], at_);) --count;
  tokens.resize(count);
  forget_reports(said, at_);

  const Token last = tokens.back();
  const uint32_t place = header ? last.begin : last.end;
  std::string closers;
  for (std::size_t i = first; i < tokens.size(); ++i) {
    const TokenKind kind = tokens[i].kind;
    if (kind == TokenKind::left_paren) closers.insert(closers.begin(), ')');
    if (kind == TokenKind::left_bracket) closers.insert(closers.begin(), ']');
    if (kind == TokenKind::left_brace) closers.insert(closers.begin(), '}');
    if (!closers.empty() && (kind == TokenKind::right_paren || kind == TokenKind::right_bracket ||
                             kind == TokenKind::right_brace))
      closers.erase(closers.begin());
  }
  if (!line_damaged(tokens[first])) {
    Diagnostic& diagnostic = report(Code::unclosed_bracket, open.at, open.at + 1,
                                    std::string("`") + open.open + "` is never closed");
    if (!closers.empty())
      diagnostic.fix = Fix{
          "write `" + closers + "` behind `" +
              std::string(text_of(tokens[tokens.size() - (header ? 2 : 1)], text_).substr(0, 40)) +
              "`",
          span(place, place), closers};
  }
  brackets_.clear();
  if (!header) {
    tokens.resize(first);
    tokens.push_back({TokenKind::invalid, false, opener_, open.at + 1});
    end_line(tokens, first);
    return;
  }
  tokens.pop_back();
  for (const char closer : closers)
    tokens.push_back({closer == ')'   ? TokenKind::right_paren
                      : closer == ']' ? TokenKind::right_bracket
                                      : TokenKind::right_brace,
                      false, place, place});
  tokens.push_back(last);
  end_line(tokens, first);
}

// Takes back what was reported since there were `said` diagnostics about the text from `at` on.
void TokenReader::forget_reports(std::size_t said, uint32_t at) {
  std::size_t keep = said;
  while (keep < diagnostics_.size() && diagnostics_.all()[keep].primary.begin < at) ++keep;
  for (std::size_t i = keep; i < diagnostics_.size(); ++i)
    if (diagnostics_.all()[i].severity == Severity::error)
      --errors_;
    else if (diagnostics_.all()[i].code == Code::not_utf8)
      reported_utf8_ = false;
  diagnostics_.truncate(keep);
  damage_.erase(std::lower_bound(damage_.begin(), damage_.end(), at), damage_.end());
}

// `name =`, `def name`, `import name` or a declaration, no deeper than the broken line.
bool TokenReader::looks_like_statement(uint32_t at) const {
  std::string_view rest = text_.substr(at, 200);
  const std::size_t blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (blanks > line_column_) return false;
  rest.remove_prefix(blanks);
  const auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::size_t length = 0;
  while (length < rest.size() && in_name(rest[length])) ++length;
  if (length == 0) return false;
  const std::string_view word = rest.substr(0, length);
  rest.remove_prefix(length);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (rest.empty()) return false;
  if (rest.front() == '=') return rest.size() < 2 || rest[1] != '=';
  if (word != "def" && word != "import" && declaring_word(word) == TokenKind::name) return false;
  return in_name(rest.front()) || rest.front() == '"' || rest.front() == '\'';
}

void TokenReader::end_line(std::vector<Token>& tokens, std::size_t first) {
  if (tokens.size() == first) tokens.push_back({TokenKind::semicolon, false, at_, at_});
  colon_inserted_ = false;
  mend_line(tokens, first);
  require_colon(tokens, first);
  block_expected_ = tokens.back().kind == TokenKind::colon;
  tokens.push_back({TokenKind::newline, false, at_, at_});
}

// A header without its `:` is the mistake itself; the block under it is still a block.
void TokenReader::require_colon(std::vector<Token>& tokens, std::size_t first) {
  if (!is_header(tokens, first) || header_colon(tokens, first) != tokens.size()) return;
  if (const auto brace = brace_on_next_line()) {
    open_brace_block(tokens.back().end, *brace);
    at_ = *brace + 1;
  } else if (line_damaged(tokens[first])) {
    // The line is broken otherwise; what was said is enough.
  } else {
    const uint32_t end = tokens.back().end;
    Diagnostic& diagnostic =
        report(Code::syntax_error, end, end,
               "`" + std::string(text_of(tokens[first], text_)) + "` lacks its `:` at the end");
    diagnostic.primary_label = "expected `:`";
    diagnostic.fix = Fix{"write `:`", span(end, end), ":"};
  }
  colon_inserted_ = true;
  tokens.push_back({TokenKind::colon, false, tokens.back().end, tokens.back().end});
}

// Whether a block must follow the line that begins at `first`.
bool TokenReader::is_header(const std::vector<Token>& tokens, std::size_t first) const {
  if (opens_block(tokens[first].kind)) return true;
  if (tokens[first].kind != TokenKind::name) return false;
  const std::string_view word = text_of(tokens[first], text_);
  const bool broken_name =
      first + 1 < tokens.size() && tokens[first + 1].kind == TokenKind::invalid;
  if (broken_name || begins_declaration(tokens, first, text_))
    return declares_block(declaring_word(word));
  // `lifecycle` alone, and a deeper line below it.
  if (word != "lifecycle" || blocks_.empty() || first + 1 != tokens.size()) return false;
  const std::size_t line = text_.find_first_not_of("\r\n", at_);
  if (line == text_.npos || line == at_) return false;
  const std::size_t next = text_.find_first_not_of(" \t", line);
  return next != text_.npos && next - line > indentation(tokens[first].begin).size();
}

// A `{` that stands alone on the line below.
std::optional<uint32_t> TokenReader::brace_on_next_line() const {
  const std::size_t next = text_.find_first_not_of(" \t\r\n", at_);
  if (next == text_.npos || text_[next] != '{') return std::nullopt;
  const std::size_t behind = text_.find_first_not_of(" \t", next + 1);
  if (behind != text_.npos && !is_line_end(text_[behind])) return std::nullopt;
  return static_cast<uint32_t>(next);
}

// The blanks and tabs before `at` on its line.
std::string_view TokenReader::indentation(uint32_t at) const {
  uint32_t begin = at;
  while (begin > 0 && is_blank(text_[begin - 1])) --begin;
  return text_.substr(begin, at - begin);
}

void TokenReader::rest_as_expression(std::vector<Token>& tokens) {
  tokens.clear();
  const auto size = static_cast<uint32_t>(text_.size());
  brackets_.clear();
  while (!exhausted() && !stopped_ && at_ < size) {
    const char c = text_[at_];
    if (is_blank(c) || is_line_end(c))
      ++at_;
    else if (c == '#')
      skip_comment(size);
    else
      read_token(tokens, size);
    if (brackets_.size() > kMaxBrackets || tokens.size() > kMaxStatementTokens) {
      report(Code::nesting_too_deep, 0, 1, "this expression is too deep or too long");
      tokens.assign(1, {TokenKind::invalid, false, 0, 1});
      return;
    }
  }
  if (!brackets_.empty()) {
    const Bracket open = brackets_.back();
    report(Code::unclosed_bracket, open.at, open.at + 1,
           std::string("`") + open.open + "` is never closed");
  }
}

}  // namespace hv::lang
