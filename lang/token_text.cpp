// Characters into tokens: names, numbers, marks, strings and f-strings, and what people paste.
#include <algorithm>
#include <array>

#include "lang/numbers.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c);
}
constexpr bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}
constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

TokenKind keyword(std::string_view word) {
  struct Entry {
    std::string_view word;
    TokenKind kind;
  };
  static constexpr std::array<Entry, 29> kWords{{
      {"False", TokenKind::false_},   {"None", TokenKind::none},
      {"True", TokenKind::true_},     {"and", TokenKind::and_},
      {"as", TokenKind::as},          {"assert", TokenKind::assert_},
      {"break", TokenKind::break_},   {"continue", TokenKind::continue_},
      {"def", TokenKind::def},        {"del", TokenKind::del},
      {"elif", TokenKind::elif},      {"else", TokenKind::else_},
      {"except", TokenKind::except},  {"finally", TokenKind::finally},
      {"for", TokenKind::for_},       {"from", TokenKind::from},
      {"global", TokenKind::global},  {"if", TokenKind::if_},
      {"import", TokenKind::import},  {"in", TokenKind::in},
      {"is", TokenKind::is},          {"lambda", TokenKind::lambda},
      {"not", TokenKind::not_},       {"or", TokenKind::or_},
      {"pass", TokenKind::pass},      {"raise", TokenKind::raise},
      {"return", TokenKind::return_}, {"try", TokenKind::try_},
      {"while", TokenKind::while_},
  }};
  if (word.size() < 2 || word.size() > 8) return TokenKind::name;
  for (const Entry& entry : kWords)
    if (entry.word.front() == word.front() && entry.word == word) return entry.kind;
  return TokenKind::name;
}

// How many bytes the UTF-8 character at the beginning of `text` has; 0: it is none.
unsigned utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;  // longer than need be
    if (first == 0xed && byte(1) > 0x9f) return 0;  // a surrogate
    return 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

constexpr std::array<std::string_view, 9> kDoubleQuotes{"“", "”", "„",  "‟", "«",
                                                        "»", "″", "〝", "〞"};
constexpr std::array<std::string_view, 6> kSingleQuotes{"‘", "’", "‚", "‛", "′", "‹"};

// The typographic quote at the beginning of `text`: how long it is, and what it should be.
struct TypographicQuote {
  std::size_t length = 0;
  char plain = 0;
};
TypographicQuote typographic_quote(std::string_view text) {
  for (std::string_view quote : kDoubleQuotes)
    if (text.starts_with(quote)) return {quote.size(), '"'};
  for (std::string_view quote : kSingleQuotes)
    if (text.starts_with(quote)) return {quote.size(), '\''};
  return {};
}

// Other characters that look like one of the language's.
struct Lookalike {
  std::string_view text;
  std::string_view plain;
  std::string_view name;
};
constexpr std::array<Lookalike, 11> kLookalikes{{
    {"\xc2\xa0", " ", "a no-break space"},
    {"\xe2\x80\x87", " ", "a figure space"},
    {"\xe2\x80\xaf", " ", "a narrow no-break space"},
    {"\xe3\x80\x80", " ", "an ideographic space"},
    {"\xe2\x80\x8b", "", "a zero-width space"},
    {"\xef\xbb\xbf", "", "a byte-order mark"},
    {"–", "-", "an en dash"},
    {"—", "-", "an em dash"},
    {"−", "-", "a minus sign of typography"},
    {"…", "...", "an ellipsis"},
    {"＝", "=", "a full-width equals sign"},
}};

struct Mark {
  std::string_view text;
  TokenKind kind;
};
// The longest first.
constexpr std::array<Mark, 47> kMarks{{
    {"**=", TokenKind::augmented},   {"//=", TokenKind::augmented},
    {"<<=", TokenKind::augmented},   {">>=", TokenKind::augmented},
    {"+=", TokenKind::augmented},    {"-=", TokenKind::augmented},
    {"*=", TokenKind::augmented},    {"/=", TokenKind::augmented},
    {"%=", TokenKind::augmented},    {"&=", TokenKind::augmented},
    {"|=", TokenKind::augmented},    {"^=", TokenKind::augmented},
    {"**", TokenKind::star_star},    {"//", TokenKind::slash_slash},
    {"<<", TokenKind::shift_left},   {">>", TokenKind::shift_right},
    {"<=", TokenKind::less_equal},   {">=", TokenKind::greater_equal},
    {"==", TokenKind::equal},        {"!=", TokenKind::not_equal},
    {"<>", TokenKind::less_greater}, {"->", TokenKind::arrow},
    {"..", TokenKind::dot_dot},      {"(", TokenKind::left_paren},
    {")", TokenKind::right_paren},   {"[", TokenKind::left_bracket},
    {"]", TokenKind::right_bracket}, {"{", TokenKind::left_brace},
    {"}", TokenKind::right_brace},   {",", TokenKind::comma},
    {":", TokenKind::colon},         {";", TokenKind::semicolon},
    {".", TokenKind::dot},           {"?", TokenKind::question},
    {"`", TokenKind::backquote},     {"=", TokenKind::assign},
    {"+", TokenKind::plus},          {"-", TokenKind::minus},
    {"*", TokenKind::star},          {"/", TokenKind::slash},
    {"%", TokenKind::percent},       {"~", TokenKind::tilde},
    {"&", TokenKind::ampersand},     {"|", TokenKind::bar},
    {"^", TokenKind::caret},         {"<", TokenKind::less},
    {">", TokenKind::greater},
}};

struct Foreign {
  std::string_view text;
  TokenKind kind;  // what it stands for, so that the rest of the line can be read
  std::string_view instead;
};
constexpr std::array<Foreign, 4> kForeign{{
    {"&&", TokenKind::and_, "and"},
    {"||", TokenKind::or_, "or"},
    {"...", TokenKind::invalid, ""},
    {":=", TokenKind::invalid, ""},
}};

struct Prefix {
  bool valid = false;
  bool raw = false;
  bool formatted = false;
};
Prefix string_prefix(std::string_view word) {
  Prefix prefix;
  if (word.size() > 2) return prefix;
  bool u = false, b = false;
  for (char c : word) {
    bool& flag = (c == 'r' || c == 'R')   ? prefix.raw
                 : (c == 'f' || c == 'F') ? prefix.formatted
                 : (c == 'u' || c == 'U') ? u
                                          : b;
    if (&flag == &b && c != 'b' && c != 'B') return prefix;
    if (flag) return prefix;
    flag = true;
  }
  prefix.valid = word.size() == 1 || (prefix.raw && (b || u || prefix.formatted));
  return prefix;
}

std::string hex_byte(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

TokenReader::TokenReader(FileId file, std::string_view text, Diagnostics& diagnostics)
    : file_(file), text_(text), diagnostics_(diagnostics) {
  const bool utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  const std::size_t zero = text.find('\0');
  if (utf16 || zero != std::string_view::npos) {
    const auto at = static_cast<uint32_t>(utf16 ? 0 : zero);
    report(Code::zero_byte, at, at + 1,
           utf16 ? "this file is UTF-16" : "this file holds a byte 0: it is not text")
        .help = utf16 ? "save it as UTF-8" : "a `.vm` file is UTF-8 text";
    stopped_ = true;
    return;
  }
  if (text.starts_with("\xef\xbb\xbf")) at_ = 3;
}

// Bytes of another encoding in a comment or a string are kept; it is said once a file.
void TokenReader::check_utf8(uint32_t begin, uint32_t end) {
  if (reported_utf8_) return;
  for (uint32_t i = begin; i < end;) {
    if (is_ascii(text_[i])) {
      ++i;
      continue;
    }
    const unsigned length = utf8_length(text_.substr(i, end - i));
    if (length == 0) {
      reported_utf8_ = true;
      report(Code::not_utf8, i, i + 1,
             "the byte " + hex_byte(static_cast<unsigned char>(text_[i])) + " is not UTF-8")
          .help = "the byte is kept as it is; save the file as UTF-8 to be read right everywhere";
      return;
    }
    i += length;
  }
}

void TokenReader::skip_comment(uint32_t limit) {
  const uint32_t begin = at_;
  while (at_ < limit && !is_line_end(text_[at_])) ++at_;
  check_utf8(begin, at_);
}

void TokenReader::read_token(std::vector<Token>& tokens, uint32_t limit) {
  const char c = text_[at_];
  if (is_name_start(c))
    read_name(tokens, limit);
  else if (is_digit(c) || (c == '.' && at_ + 1 < limit && is_digit(text_[at_ + 1])))
    read_number(tokens, limit);
  else if (c == '"' || c == '\'')
    read_string(at_, at_, tokens, limit);
  else if (c == '\\')
    read_backslash(tokens, limit);
  else
    read_mark(tokens, limit);
}

void TokenReader::read_name(std::vector<Token>& tokens, uint32_t limit) {
  const uint32_t begin = at_;
  uint32_t end = at_ + 1;
  while (end < limit && is_name_part(text_[end])) ++end;
  const std::string_view word = text_.substr(begin, end - begin);
  if (end < limit && (text_[end] == '"' || text_[end] == '\'') && string_prefix(word).valid) {
    read_string(begin, end, tokens, limit);
    return;
  }
  at_ = end;
  TokenKind kind = keyword(word);
  if (!tokens.empty()) {
    Token& last = tokens.back();
    // `not in` and `is not` are one operator each; `not` before `in` can be nothing else.
    if (kind == TokenKind::in && last.kind == TokenKind::not_) {
      last = {TokenKind::not_in, false, last.begin, end};
      return;
    }
    if (kind == TokenKind::not_ && last.kind == TokenKind::is) {
      last = {TokenKind::is_not, false, last.begin, end};
      return;
    }
    if (kind == TokenKind::name &&
        (last.kind == TokenKind::integer || last.kind == TokenKind::floating) &&
        text_.substr(last.end, begin - last.end).find_first_not_of(" \t") == text_.npos &&
        (size_unit(word) || duration_unit(word) || meant_unit(word))) {
      const std::string joined = std::string(text_.substr(last.begin, last.end - last.begin)) +
                                 std::string(meant_unit(word).value_or(word));
      Diagnostic& diagnostic = report(Code::unit_apart, last.begin, end,
                                      "a unit stands right behind its number, without a blank");
      diagnostic.fix = Fix{"write `" + joined + "`", diagnostic.primary, joined};
      return;
    }
  }
  if (word.size() > kMaxNameLength) {
    report(Code::name_too_long, begin, begin + 20,
           "this name has " + std::to_string(word.size()) + " characters")
        .help = "a name has at most " + std::to_string(kMaxNameLength);
    kind = TokenKind::invalid;
  }
  tokens.push_back({kind, false, begin, end});
}

void TokenReader::read_number(std::vector<Token>& tokens, uint32_t limit) {
  const uint32_t begin = at_;
  const std::string_view token =
      text_.substr(begin, number_length(text_.substr(begin, limit - begin)));
  at_ = begin + static_cast<uint32_t>(token.size());
  Number number;
  if (token.size() > kMaxNameLength)
    number.mistake = NumberMistake{Code::malformed_number,
                                   "this number has " + std::to_string(token.size()) + " digits",
                                   "a number has at most " + std::to_string(kMaxNameLength),
                                   {}};
  else
    number = lang::read_number(token);
  if (number.mistake) {
    const NumberMistake& mistake = *number.mistake;
    Diagnostic& diagnostic = report(mistake.code, begin, at_, mistake.message);
    diagnostic.help = mistake.help;
    if (!mistake.replacement.empty())
      diagnostic.fix =
          Fix{"write `" + mistake.replacement + "`", diagnostic.primary, mistake.replacement};
  }
  tokens.push_back({number.kind, false, begin, at_});
}

void TokenReader::read_mark(std::vector<Token>& tokens, uint32_t limit) {
  const std::string_view rest = text_.substr(at_, std::min<uint32_t>(limit - at_, 3));
  for (const Foreign& foreign : kForeign) {
    if (foreign.text.front() != rest.front() || !rest.starts_with(foreign.text)) continue;
    const uint32_t begin = at_;
    at_ += static_cast<uint32_t>(foreign.text.size());
    Diagnostic& diagnostic =
        report(Code::not_in_language, begin, at_,
               "`" + std::string(foreign.text) + "` is not part of the language");
    if (!foreign.instead.empty())
      diagnostic.fix = Fix{"write `" + std::string(foreign.instead) + "`", span(begin, at_),
                           std::string(foreign.instead)};
    tokens.push_back({foreign.kind, false, begin, at_});
    return;
  }
  for (const Mark& mark : kMarks) {
    if (mark.text.front() != rest.front() || !rest.starts_with(mark.text)) continue;
    switch (mark.kind) {
      case TokenKind::left_paren:
      case TokenKind::left_bracket:
      case TokenKind::left_brace:
        brackets_.push_back({text_[at_], at_});
        break;
      case TokenKind::right_paren:
      case TokenKind::right_bracket:
      case TokenKind::right_brace:
        close_bracket(mark.kind, tokens);
        return;
      default:  // the other marks stand for themselves
        break;
    }
    const uint32_t begin = at_;
    at_ += static_cast<uint32_t>(mark.text.size());
    tokens.push_back({mark.kind, false, begin, at_});
    return;
  }
  read_strange(tokens, limit);
}

// A closing bracket of the wrong kind closes the open one all the same: the rest of the line then
// makes sense more often than not.
void TokenReader::close_bracket(TokenKind kind, std::vector<Token>& tokens) {
  const uint32_t begin = at_++;
  const std::string found(1, text_[begin]);
  if (brackets_.empty()) {
    report(Code::unmatched_bracket, begin, at_, "`" + found + "` closes nothing");
    tokens.push_back({TokenKind::invalid, false, begin, at_});
    return;
  }
  const Bracket open = brackets_.back();
  brackets_.pop_back();
  const char expected = open.open == '(' ? ')' : open.open == '[' ? ']' : '}';
  if (text_[begin] != expected) {
    Diagnostic& diagnostic =
        report(Code::unmatched_bracket, begin, at_,
               "`" + found + "` closes `" + open.open + "`, which needs `" + expected + "`");
    diagnostic.related.push_back({span(open.at, open.at + 1), "opened here"});
    kind = open.open == '('   ? TokenKind::right_paren
           : open.open == '[' ? TokenKind::right_bracket
                              : TokenKind::right_brace;
  }
  tokens.push_back({kind, false, begin, at_});
}

void TokenReader::read_backslash(std::vector<Token>& tokens, uint32_t limit) {
  const uint32_t begin = at_++;
  uint32_t end = at_;
  while (end < limit && (text_[end] == ' ' || text_[end] == '\t')) ++end;
  if (end < limit && is_line_end(text_[end])) {
    if (end != at_) {
      Diagnostic& diagnostic = report(Code::bad_continuation, at_, end,
                                      "blanks after `\\` keep it from joining the lines");
      diagnostic.fix = Fix{"remove them", span(at_, end), ""};
    }
    at_ = end + (text_[end] == '\r' && end + 1 < limit && text_[end + 1] == '\n' ? 2 : 1);
    return;
  }
  if (end == limit) {  // at the end of the text it joins nothing
    at_ = end;
    return;
  }
  report(Code::bad_continuation, begin, begin + 1, "`\\` joins lines only at the end of one");
  tokens.push_back({TokenKind::invalid, false, begin, at_});
}

// A character that begins no token.
void TokenReader::read_strange(std::vector<Token>& tokens, uint32_t limit) {
  const uint32_t begin = at_;
  const std::string_view rest = text_.substr(begin, limit - begin);
  if (const TypographicQuote quote = typographic_quote(rest); quote.length != 0) {
    // To the quote that ends it, on this line.
    std::size_t length = quote.length;
    std::string plain(1, quote.plain);
    while (length < rest.size() && !is_line_end(rest[length])) {
      const TypographicQuote end = typographic_quote(rest.substr(length));
      if (end.length != 0 || rest[length] == quote.plain) {
        length += std::max<std::size_t>(end.length, 1);
        plain += quote.plain;
        break;
      }
      plain += rest[length++];
    }
    at_ += static_cast<uint32_t>(length);
    Diagnostic& diagnostic =
        report(Code::typographic_quote, begin, at_, "typographic quotes do not quote a string");
    if (plain.size() > 1 && plain.back() == quote.plain && plain.size() < 200)
      diagnostic.fix = Fix{"write `" + plain + "`", diagnostic.primary, plain};
    else
      diagnostic.help = "a string stands in `\"` or `'`";
    tokens.push_back({TokenKind::invalid, false, begin, at_});
    return;
  }
  for (const Lookalike& lookalike : kLookalikes) {
    if (!rest.starts_with(lookalike.text)) continue;
    at_ += static_cast<uint32_t>(lookalike.text.size());
    Diagnostic& diagnostic =
        report(Code::unexpected_character, begin, at_,
               "this is " + std::string(lookalike.name) + ", which means nothing here");
    diagnostic.fix = Fix{lookalike.plain.empty()  ? "remove it"
                         : lookalike.plain == " " ? "write a plain blank"
                                                  : "write `" + std::string(lookalike.plain) + "`",
                         diagnostic.primary, std::string(lookalike.plain)};
    tokens.push_back({TokenKind::invalid, false, begin, at_});
    return;
  }
  // One message for a run of them.
  const bool ascii = is_ascii(rest.front());
  const unsigned first = ascii ? 1 : std::max(1u, utf8_length(rest));
  const bool foreign = !ascii && utf8_length(rest) == 0;
  std::size_t length = first;
  if (!ascii)
    while (length < rest.size() && (!is_ascii(rest[length]) || is_name_part(rest[length])))
      ++length;
  else
    while (length < rest.size() && rest[length] == rest.front()) ++length;
  at_ += static_cast<uint32_t>(length);
  const auto byte = static_cast<unsigned char>(rest.front());
  std::string found = foreign || byte < 0x20 || byte == 0x7f
                          ? "the byte " + hex_byte(byte)
                          : "`" + std::string(rest.substr(0, first)) + "`";
  Diagnostic& diagnostic = report(Code::unexpected_character, begin, begin + first,
                                  found + " begins nothing that the language knows");
  if (!ascii && !foreign)
    diagnostic.help = "names are of the letters a to z, digits and `_`; a text stands in quotes";
  if (rest.front() == '!') diagnostic.help = "write `not`";
  if (rest.front() == '@') diagnostic.help = "decorators are not part of the language";
  if (rest.front() == '$') diagnostic.help = "a variable is read by its bare name";
  tokens.push_back({TokenKind::invalid, false, begin, at_});
}

// ---- strings --------------------------------------------------------------------------------

void TokenReader::read_string(uint32_t prefix_begin, uint32_t quote, std::vector<Token>& tokens,
                              uint32_t limit) {
  const Prefix prefix = string_prefix(text_.substr(prefix_begin, quote - prefix_begin));
  const char mark = text_[quote];
  const bool triple = quote + 2 < limit && text_[quote + 1] == mark && text_[quote + 2] == mark;
  const uint32_t quotes = triple ? 3 : 1;
  const uint32_t body = quote + quotes;
  uint32_t i = body;
  bool foreign = false;
  for (; i < limit; ++i) {
    const char c = text_[i];
    if (c == '\\') {
      ++i;
      if (i + 1 < limit && text_[i] == '\r' && text_[i + 1] == '\n') ++i;
      continue;
    }
    if (c == mark &&
        (!triple || (i + 2 < limit + 0 && text_[i + 1] == mark && text_[i + 2] == mark)))
      break;
    if (!triple && is_line_end(c)) break;
    foreign = foreign || !is_ascii(c);
  }
  i = std::min(i, limit);
  if (foreign) check_utf8(body, i);
  const bool ended = i < limit && text_[i] == mark;
  Token token{TokenKind::string, prefix.raw, prefix_begin, ended ? i + quotes : i};
  at_ = token.end;
  if (!ended) {
    Diagnostic& diagnostic =
        report(Code::unterminated_string, prefix_begin, body,
               triple ? "this string is never closed" : "this string is not closed on its line");
    diagnostic.help = triple ? "it ends with three quotes as it began"
                             : "a string over several lines stands in three quotes";
    token.kind = TokenKind::invalid;
    tokens.push_back(token);
    return;
  }
  if (prefix.formatted)
    read_fstring(token, body, i, tokens);
  else
    tokens.push_back(token);
}

void TokenReader::read_fstring(Token whole, uint32_t body, uint32_t body_end,
                               std::vector<Token>& tokens) {
  tokens.push_back({TokenKind::fstring_begin, whole.raw, whole.begin, body});
  read_fstring_pieces(body, body_end, 0, whole.raw, tokens);
  tokens.push_back({TokenKind::fstring_end, whole.raw, body_end, whole.end});
  at_ = whole.end;
}

// Text and fields up to `end`, or to the `}` that ends the format specification they stand in.
uint32_t TokenReader::read_fstring_pieces(uint32_t at, uint32_t end, unsigned depth, bool raw,
                                          std::vector<Token>& tokens) {
  uint32_t text_begin = at;
  const auto flush = [&](uint32_t to) {
    if (to > text_begin) tokens.push_back({TokenKind::fstring_text, raw, text_begin, to});
  };
  while (at < end) {
    const char c = text_[at];
    if (c == '\\' && !raw) {  // \N{…} and other escapes are text
      at += 2;
      if (at < end && text_[at - 1] == 'N' && text_[at] == '{')
        while (at < end && text_[at] != '}') ++at;
      continue;
    }
    const bool twice = at + 1 < end && text_[at + 1] == c;
    if (c == '{' && (depth > 0 || !twice)) {
      flush(at);
      at = read_field(at, end, depth, raw, tokens);
      text_begin = at;
      continue;
    }
    if (c == '}' && depth > 0) break;
    if (c == '}' && !twice) {
      Diagnostic& diagnostic =
          report(Code::bad_fstring, at, at + 1, "a single `}` in an f-string closes nothing");
      diagnostic.fix = Fix{"write `}}`", diagnostic.primary, "}}"};
    }
    at += (c == '{' || c == '}') && twice ? 2 : 1;
  }
  at = std::min(at, end);
  flush(at);
  return at;
}

// `{expression}`, `{expression!r:format}`; returns where the text goes on.
uint32_t TokenReader::read_field(uint32_t at, uint32_t end, unsigned depth, bool raw,
                                 std::vector<Token>& tokens) {
  const uint32_t open = at;
  const auto give_up = [&](std::string message, uint32_t where) {
    report(Code::bad_fstring, where, std::min(where + 1, end), std::move(message));
    tokens.push_back({TokenKind::invalid, false, open, end});
    return end;
  };
  if (depth >= 2) return give_up("fields in an f-string are nested too deep", open);
  tokens.push_back({TokenKind::field_begin, raw, open, open + 1});
  const std::size_t outer_brackets = brackets_.size();
  const std::size_t first = tokens.size();
  at_ = open + 1;
  for (;;) {
    while (at_ < end && (text_[at_] == ' ' || text_[at_] == '\t' || is_line_end(text_[at_]))) ++at_;
    if (at_ >= end) {
      brackets_.resize(std::min(brackets_.size(), outer_brackets));
      return give_up("`{` in an f-string is never closed", open);
    }
    const char c = text_[at_];
    const bool outside = brackets_.size() == outer_brackets;
    if (c == '\\' || c == '#') {
      brackets_.resize(std::min(brackets_.size(), outer_brackets));
      return give_up(std::string("a field of an f-string cannot hold `") + c + "`", at_);
    }
    if (outside && (c == '}' || c == ':')) break;
    if (outside && c == '!' && !(at_ + 1 < end && text_[at_ + 1] == '=')) break;
    if (outside && c == '=' && at_ + 1 < end) {
      const std::size_t next = text_.find_first_not_of(" \t", at_ + 1);
      if (next < end && (text_[next] == '}' || text_[next] == ':' ||
                         (text_[next] == '!' && text_[next + 1] != '='))) {
        tokens.push_back({TokenKind::field_debug, raw, open + 1, static_cast<uint32_t>(next)});
        at_ = static_cast<uint32_t>(next);
        break;
      }
    }
    read_token(tokens, end);
    if (brackets_.size() > kMaxBrackets) return give_up("brackets are nested too deep", open);
  }
  if (tokens.size() == first) return give_up("a field of an f-string is empty", open);
  if (const std::size_t slash = text_.substr(0, at_).find('\\', open); slash != text_.npos)
    return give_up("a field of an f-string cannot hold `\\`", static_cast<uint32_t>(slash));
  if (text_[at_] == '!') {
    const uint32_t begin = at_++;
    if (at_ >= end || (text_[at_] != 'r' && text_[at_] != 's' && text_[at_] != 'a'))
      return give_up("`!` in an f-string is followed by `r`, `s` or `a`", begin);
    tokens.push_back({TokenKind::field_conversion, raw, begin, ++at_});
    if (at_ >= end || (text_[at_] != '}' && text_[at_] != ':'))
      return give_up("`}` or `:` must follow the conversion", begin);
  }
  uint32_t i = at_;
  if (text_[i] == ':') {
    tokens.push_back({TokenKind::field_format, raw, i, i + 1});
    i = read_fstring_pieces(i + 1, end, depth + 1, raw, tokens);
    if (i >= end) return give_up("`{` in an f-string is never closed", open);
  }
  tokens.push_back({TokenKind::field_end, raw, i, i + 1});
  return i + 1;
}

}  // namespace hv::lang
