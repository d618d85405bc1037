// The structure of lines: statements, indentation, brackets that join lines. Characters become
// tokens in token_text.cpp.
#include "lang/tokens.h"

#include <algorithm>
#include <cstring>

namespace hv::lang {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
constexpr bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}

bool opens_block(TokenKind kind) {
  return kind == TokenKind::if_ || kind == TokenKind::elif || kind == TokenKind::else_ ||
         kind == TokenKind::for_ || kind == TokenKind::while_ || kind == TokenKind::try_ ||
         kind == TokenKind::except || kind == TokenKind::finally || kind == TokenKind::def;
}

// The statements that `else`, `elif`, `except` or `finally` may go on.
bool takes_clauses(TokenKind kind) {
  return kind == TokenKind::if_ || kind == TokenKind::for_ || kind == TokenKind::while_ ||
         kind == TokenKind::try_;
}

int depth_change(TokenKind kind) {
  switch (kind) {
    case TokenKind::left_paren:
    case TokenKind::left_bracket:
    case TokenKind::left_brace:
    case TokenKind::fstring_begin:
      return 1;
    case TokenKind::right_paren:
    case TokenKind::right_bracket:
    case TokenKind::right_brace:
    case TokenKind::fstring_end:
      return -1;
    default:  // all the other tokens stand on one level
      return 0;
  }
}

// The `:` that ends the header which begins at `first`: outside brackets, not a lambda's. The size
// of `tokens` where there is none.
std::size_t header_colon(const std::vector<Token>& tokens, std::size_t first) {
  int depth = 0;
  int lambdas = 0;
  for (std::size_t i = first; i < tokens.size() && tokens[i].kind != TokenKind::newline; ++i) {
    depth += depth_change(tokens[i].kind);
    if (depth != 0) continue;
    if (tokens[i].kind == TokenKind::lambda) ++lambdas;
    if (tokens[i].kind == TokenKind::colon && lambdas-- == 0) return i;
  }
  return tokens.size();
}

std::string_view text_of(const Token& token, std::string_view text) {
  return text.substr(token.begin, token.end - token.begin);
}

TokenKind declaring_word(std::string_view word) {
  if (word == "domain") return TokenKind::domain;
  if (word == "vdisk") return TokenKind::vdisk;
  if (word == "pool") return TokenKind::pool;
  if (word == "network") return TokenKind::network;
  if (word == "template") return TokenKind::template_;
  if (word == "schema") return TokenKind::schema;
  if (word == "param") return TokenKind::param;
  if (word == "moved") return TokenKind::moved;
  return TokenKind::name;
}

// Python 2's print, told from a call print(…) and from a variable of that name.
bool begins_print_statement(const std::vector<Token>& tokens, std::size_t index) {
  std::size_t i = index + 1;
  if (i >= tokens.size()) return true;
  switch (tokens[i].kind) {
    case TokenKind::newline:
    case TokenKind::semicolon:
    case TokenKind::shift_right:
    case TokenKind::name:
    case TokenKind::integer:
    case TokenKind::floating:
    case TokenKind::size:
    case TokenKind::duration:
    case TokenKind::string:
    case TokenKind::fstring_begin:
    case TokenKind::none:
    case TokenKind::true_:
    case TokenKind::false_:
    case TokenKind::not_:
    case TokenKind::lambda:
    case TokenKind::backquote:
    case TokenKind::tilde:
    case TokenKind::minus:
    case TokenKind::plus:
    case TokenKind::left_bracket:
    case TokenKind::left_brace:
      return true;
    case TokenKind::left_paren: {
      int depth = 0;
      for (; i < tokens.size(); ++i) {
        depth += depth_change(tokens[i].kind);
        if (depth == 0) break;
      }
      ++i;  // print(…) and nothing more is a call
      return i < tokens.size() && tokens[i].kind != TokenKind::newline &&
             tokens[i].kind != TokenKind::semicolon;
    }
    default:  // an operator, `=`, `.`: a variable
      return false;
  }
}

// `on` after the declared name.
void mark_on(std::vector<Token>& tokens, std::size_t keyword, std::string_view text) {
  int depth = 0;
  for (std::size_t i = keyword + 1; i < tokens.size(); ++i) {
    const TokenKind kind = tokens[i].kind;
    depth += depth_change(kind);
    if (kind == TokenKind::newline || (depth == 0 && kind == TokenKind::colon)) return;
    if (depth == 0 && i > keyword + 1 && kind == TokenKind::name &&
        tokens[i - 1].kind != TokenKind::dot && text_of(tokens[i], text) == "on") {
      tokens[i].kind = TokenKind::on;
      return;
    }
  }
}

}  // namespace

std::string_view words(TokenKind kind) {
  switch (kind) {
    case TokenKind::end:
      return "the end of the text";
#define HV_TOKEN(enumerator, grammar_name, literal, words) \
  case TokenKind::enumerator:                              \
    return words;
#include "lang/token_kinds.def"
#undef HV_TOKEN
  }
  return "";
}

std::string_view grammar_name(TokenKind kind) {
  switch (kind) {
    case TokenKind::end:
      return "EOF";
#define HV_TOKEN(enumerator, grammar_name, literal, words) \
  case TokenKind::enumerator:                              \
    return #grammar_name;
#include "lang/token_kinds.def"
#undef HV_TOKEN
  }
  return "";
}

bool is_keyword(TokenKind kind) {
  return kind >= TokenKind::and_ && kind <= TokenKind::while_;
}

bool begins_declaration(const std::vector<Token>& tokens, std::size_t index,
                        std::string_view text) {
  if (index + 1 >= tokens.size() || tokens[index].kind != TokenKind::name) return false;
  const TokenKind next = tokens[index + 1].kind;
  return (next == TokenKind::name || next == TokenKind::string ||
          next == TokenKind::fstring_begin) &&
         declaring_word(text_of(tokens[index], text)) != TokenKind::name;
}

void mark_statement_words(std::vector<Token>& tokens, std::string_view text) {
  bool start = true;
  std::size_t inline_colon = SIZE_MAX;  // the `:` after which a statement stands on the same line
  unsigned blocks = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    const TokenKind kind = token.kind;
    if (kind == TokenKind::indent) ++blocks;
    if (kind == TokenKind::dedent) --blocks;
    if (kind == TokenKind::newline || kind == TokenKind::indent || kind == TokenKind::dedent ||
        kind == TokenKind::semicolon || i == inline_colon) {
      start = true;
      continue;
    }
    if (!start) continue;
    start = false;
    if (opens_block(kind)) inline_colon = header_colon(tokens, i);
    if (kind != TokenKind::name) continue;
    const std::string_view word = text_of(token, text);
    if (begins_declaration(tokens, i, text)) {
      token.kind = declaring_word(word);
      if (token.kind != TokenKind::param && token.kind != TokenKind::moved)
        mark_on(tokens, i, text);
    } else if (word == "lifecycle" && blocks > 0 && i + 2 < tokens.size() &&
               tokens[i + 1].kind == TokenKind::colon && tokens[i + 2].kind == TokenKind::newline) {
      token.kind = TokenKind::lifecycle;
    } else if (word == "print" && begins_print_statement(tokens, i)) {
      token.kind = TokenKind::print;
    }
  }
}

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
    uint32_t column = 0;
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
    note_indentation(begin, at_);
    line = {at_, column};
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
  return word == "else" || word == "elif" || word == "except" || word == "finally";
}

// Closes the blocks that a line in this column does not belong to.
void TokenReader::close_blocks(const LineStart& line, std::vector<Token>& tokens) {
  std::vector<uint32_t> candidates = blocks_;
  while (!blocks_.empty() && blocks_.back() > line.column) {
    blocks_.pop_back();
    tokens.push_back({TokenKind::dedent, false, line.at, line.at});
  }
  const bool fits =
      blocks_.empty() ? line.column <= statement_column_ : blocks_.back() == line.column;
  if (fits) {
    wrong_column_ = UINT32_MAX;
    return;
  }
  wrong_column_ = line.column;
  candidates.insert(candidates.begin(), statement_column_);
  std::string places;
  for (uint32_t column : candidates)
    places += (places.empty() ? "" : ", ") + std::to_string(column + 1);
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
      blocks_.push_back(line.column);
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
    if (!colon_inserted_)
      report(Code::missing_block, opener_, opener_ + 1, "an indented block must follow this line")
          .help = "write `pass` in it where nothing is to be done";
  }
  if (blocks_.empty()) {
    if (!tokens.empty() && !continues_statement(line.at, tokens)) return false;
    if (tokens.empty()) statement_column_ = line.column;
    return true;
  }
  if (line.column == blocks_.back()) {
    wrong_column_ = UINT32_MAX;
    return true;
  }
  if (line.column > blocks_.back()) {
    if (line.column == wrong_column_) return true;  // said already
    wrong_column_ = line.column;
    report(Code::bad_indentation, line.at, line.at, "this line is indented, but opens no block")
        .help = "its block begins in column " + std::to_string(blocks_.back() + 1);
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
        if (!colon_inserted_)
          report(Code::missing_block, opener_, opener_ + 1,
                 "an indented block must follow this line")
              .help = "write `pass` in it where nothing is to be done";
        tokens.push_back({TokenKind::indent, false, end, end});
        tokens.push_back({TokenKind::dedent, false, end, end});
      }
      tokens.insert(tokens.end(), blocks_.size(), {TokenKind::dedent, false, end, end});
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
  brackets_.clear();
  while (!exhausted()) {
    while (at_ < size && is_blank(text_[at_])) ++at_;
    if (at_ == size) {
      if (!brackets_.empty()) {
        recover_from_open_bracket(tokens, first);
        return;
      }
      break;
    }
    const char c = text_[at_];
    if (is_line_end(c)) {
      if (brackets_.empty()) break;
      ++at_;
      continue;
    }
    if (c == '#') {
      skip_comment(size);
      continue;
    }
    read_token(tokens, size);
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
  end_line(tokens, first);
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

// A bracket that is never closed would swallow the rest of the file: go on where a line looks like
// a statement again.
void TokenReader::recover_from_open_bracket(std::vector<Token>& tokens, std::size_t first) {
  const Bracket open = brackets_.back();
  report(Code::unclosed_bracket, open.at, open.at + 1,
         std::string("`") + open.open + "` is never closed");
  at_ = open.at;
  while (at_ < text_.size()) {
    const void* end = std::memchr(text_.data() + at_, '\n', text_.size() - at_);
    if (end == nullptr) {
      at_ = static_cast<uint32_t>(text_.size());
      break;
    }
    at_ = static_cast<uint32_t>(static_cast<const char*>(end) - text_.data()) + 1;
    if (looks_like_statement(at_)) {
      --at_;  // the line end before it
      break;
    }
  }
  tokens.resize(first);
  tokens.push_back({TokenKind::invalid, false, opener_, open.at + 1});
  brackets_.clear();
  end_line(tokens, first);
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
  require_colon(tokens, first);
  block_expected_ = tokens.back().kind == TokenKind::colon;
  tokens.push_back({TokenKind::newline, false, at_, at_});
}

// A header without its `:` is the mistake itself; the block under it is still a block.
void TokenReader::require_colon(std::vector<Token>& tokens, std::size_t first) {
  const TokenKind kind = tokens[first].kind;
  const bool header = opens_block(kind) || (begins_declaration(tokens, first, text_) && [&] {
                        const TokenKind word = declaring_word(text_of(tokens[first], text_));
                        return word != TokenKind::param && word != TokenKind::moved;
                      }());
  if (!header || header_colon(tokens, first) != tokens.size()) return;
  if (!damage_.empty() && damage_.back() >= tokens[first].begin) {
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
