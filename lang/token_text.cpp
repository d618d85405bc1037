// Characters into tokens: names, numbers, marks, and what people paste. Strings are read in
// token_strings.cpp.
#include <algorithm>
#include <array>

#include "lang/characters.h"
#include "lang/numbers.h"
#include "lang/token_shape.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

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

// The marks of one character, by it; `end` for all others.
constexpr std::array<TokenKind, 128> single_marks() {
  std::array<TokenKind, 128> kinds{};
  for (const Mark& mark : kMarks)
    if (mark.text.size() == 1) kinds[static_cast<unsigned char>(mark.text.front())] = mark.kind;
  return kinds;
}
constexpr std::array<TokenKind, 128> kSingle = single_marks();

struct Foreign {
  std::string_view text;
  TokenKind kind;  // what it stands for, so that the rest of the line can be read
  std::string_view instead;
};
constexpr std::array<Foreign, 7> kForeign{{
    {"===", TokenKind::equal, "=="},
    {"!==", TokenKind::not_equal, "!="},
    {"&&", TokenKind::and_, "and"},
    {"||", TokenKind::or_, "or"},
    {"...", TokenKind::invalid, ""},
    {":=", TokenKind::invalid, ""},
    {"!", TokenKind::not_, "not"},
}};

// Whether a statement begins behind the last of these tokens.
bool at_statement(const std::vector<Token>& tokens, std::size_t count) {
  if (count == 0) return true;
  const TokenKind kind = tokens[count - 1].kind;
  return kind == TokenKind::newline || kind == TokenKind::indent || kind == TokenKind::dedent ||
         kind == TokenKind::semicolon;
}

std::string hex_byte(unsigned char byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

TokenReader::TokenReader(FileId file, std::string_view text, Diagnostics& diagnostics)
    : file_(file), text_(text), diagnostics_(diagnostics) {
  if (text.starts_with("\xef\xbb\xbf")) at_ = 3;
  refuse_other_files();
}

// What is evidently another kind of file gets one message, not one for each of its lines.
void TokenReader::refuse_other_files() {
  const auto refuse = [&](Code code, std::size_t at, std::string message, std::string help) {
    const auto place = static_cast<uint32_t>(at);
    report(code, place, place + 1, std::move(message)).help = std::move(help);
    stopped_ = true;
  };
  if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff"))
    return refuse(Code::zero_byte, 0, "this file is UTF-16", "save it as UTF-8");
  if (const std::string_view words = no_text(text_); !words.empty())
    return refuse(Code::zero_byte, 0, "this file is " + std::string(words),
                  "a `.vm` file is UTF-8 text");
  if (const std::size_t zero = text_.find('\0'); zero != text_.npos)
    return refuse(Code::zero_byte, zero, "this file holds a byte 0: it is not text",
                  "a `.vm` file is UTF-8 text");
  const std::size_t first = text_.find_first_not_of(" \t\r\n", at_);
  if (first == text_.npos) return;
  const std::string_view rest = text_.substr(first);
  if (rest.starts_with("<") && rest.size() > 1 &&
      (is_name_start(rest[1]) || rest[1] == '?' || rest[1] == '!'))
    return refuse(Code::syntax_error, first, "this file is XML",
                  "hv reads the files of xm and xl and its own, not those of libvirt");
  for (const std::string_view word : {"(vm", "(domain"})
    if (rest.starts_with(word) && rest.find_first_not_of(" \t\r\n", word.size()) != rest.npos &&
        rest[rest.find_first_not_of(" \t\r\n", word.size())] == '(')
      return refuse(Code::syntax_error, first, "this file is SXP, as `xm list -l` prints it",
                    "`hv convert` makes a `.vm` file of it");
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
  if (end < limit && (text_[end] == '"' || text_[end] == '\'') && is_string_prefix(word)) {
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
  if ((rest.front() == '/' || rest.front() == '.') && read_foreign_slash(tokens, limit)) return;
  // Most marks are one character with nothing behind it that could belong to it.
  const bool may_be_longer =
      rest.size() > 1 && std::string_view("=*/<>.&|").find(rest[1]) != rest.npos;
  if (!may_be_longer) {
    const TokenKind kind = kSingle[static_cast<unsigned char>(rest.front()) & 0x7f];
    if (kind != TokenKind::end && is_ascii(rest.front())) return read_single_mark(kind, tokens);
  }
  for (const Foreign& foreign : kForeign) {
    if (foreign.text.front() != rest.front() || !rest.starts_with(foreign.text)) continue;
    if (foreign.text == "!" && rest.starts_with("!=")) continue;
    const uint32_t begin = at_;
    at_ += static_cast<uint32_t>(foreign.text.size());
    TokenKind kind = foreign.kind;
    std::string instead(foreign.instead);
    if (foreign.text == ":=" && !tokens.empty() && tokens.back().kind == TokenKind::name &&
        at_statement(tokens, tokens.size() - 1)) {
      kind = TokenKind::assign;
      instead = "=";
    }
    Diagnostic& diagnostic =
        report(Code::not_in_language, begin, at_,
               "`" + std::string(foreign.text) + "` is not part of the language");
    if (!instead.empty()) {
      const bool word = is_name_start(instead.front());
      const bool apart_before = word && begin > 0 && is_name_part(text_[begin - 1]);
      const bool apart_behind = word && at_ < limit && !is_blank(text_[at_]);
      diagnostic.fix = Fix{"write `" + instead + "`", span(begin, at_),
                           (apart_before ? " " : "") + instead + (apart_behind ? " " : "")};
    }
    tokens.push_back({kind, false, begin, at_});
    return;
  }
  for (const Mark& mark : kMarks) {
    if (mark.text.front() != rest.front() || !rest.starts_with(mark.text)) continue;
    if (mark.text.size() == 1) return read_single_mark(mark.kind, tokens);
    const uint32_t begin = at_;
    at_ += static_cast<uint32_t>(mark.text.size());
    tokens.push_back({mark.kind, false, begin, at_});
    return;
  }
  read_strange(tokens, limit);
}

void TokenReader::read_single_mark(TokenKind kind, std::vector<Token>& tokens) {
  switch (kind) {
    case TokenKind::left_paren:
    case TokenKind::left_bracket:
    case TokenKind::left_brace:
      brackets_.push_back({text_[at_], at_});
      break;
    case TokenKind::right_paren:
    case TokenKind::right_bracket:
    case TokenKind::right_brace:
      close_bracket(kind, tokens);
      return;
    default:  // the other marks stand for themselves
      break;
  }
  tokens.push_back({kind, false, at_, at_ + 1});
  ++at_;
}

// `//` and `/*`, which begin comments elsewhere, where no operator can stand; and a path without
// its quotes.
bool TokenReader::read_foreign_slash(std::vector<Token>& tokens, uint32_t limit) {
  const std::string_view rest = text_.substr(at_, limit - at_);
  const bool after_value = !tokens.empty() && ends_value(tokens.back().kind);
  const uint32_t begin = at_;
  if (rest.starts_with("/*") || (!after_value && rest.starts_with("//"))) {
    const std::size_t close = rest[1] == '*' ? rest.find("*/") : rest.npos;
    std::size_t length = close == rest.npos ? rest.find_first_of("\r\n") : close + 2;
    length = std::min(length, rest.size());
    at_ += static_cast<uint32_t>(length);
    if (said_comment_) return true;
    said_comment_ = true;
    Diagnostic& diagnostic =
        report(Code::not_in_language, begin, begin + 2,
               "`" + std::string(rest.substr(0, 2)) + "` does not begin a comment");
    diagnostic.help = "a comment is what stands behind `#` on its line";
    const std::size_t behind = rest.find_first_not_of(" \t", length);
    const bool last = behind == rest.npos || is_line_end(rest[behind]);
    const std::string_view body = rest.substr(2, length - 2 - (close == rest.npos ? 0 : 2));
    if (last && body.size() < 2000) {
      std::string comment = "#";
      for (const char c : body) {
        comment += c;
        if (c == '\n') comment += '#';
      }
      diagnostic.fix = Fix{"write `#`", span(begin, at_), std::move(comment)};
    }
    return true;
  }
  if (tokens.empty()) return false;
  const TokenKind before = tokens.back().kind;
  if (before != TokenKind::assign && before != TokenKind::comma &&
      before != TokenKind::left_bracket && before != TokenKind::left_paren)
    return false;
  std::string_view path = rest.substr(0, kMaxNameLength);
  path = path.substr(0, path.find_first_of(" \t\r\n,;()[]{}'\"#\\"));
  const std::size_t slash = path.find('/');
  const std::size_t name = path.find_first_not_of("./");
  if (slash == path.npos || name == path.npos || name < slash || !is_name_part(path[name]))
    return false;
  at_ += static_cast<uint32_t>(path.size());
  const std::string quoted = "\"" + std::string(path) + "\"";
  report(Code::syntax_error, begin, at_, "a path is a text and stands in quotes").fix =
      Fix{"write `" + quoted + "`", span(begin, at_), quoted};
  tokens.push_back({TokenKind::invalid, false, begin, at_});
  return true;
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
  if (rest.front() == '@') diagnostic.help = "decorators are not part of the language";
  if (rest.front() == '$') {
    diagnostic.help = "a variable is read by its bare name";
    const bool braces = rest.starts_with("${");
    std::size_t end = braces ? 2 : 1;
    const std::size_t name = end;
    while (end < rest.size() && end < kMaxNameLength && is_name_part(rest[end])) ++end;
    const bool closed = !braces || (end < rest.size() && rest[end] == '}');
    if (end > name && is_name_start(rest[name]) && closed) {
      const std::string bare(rest.substr(name, end - name));
      at_ = begin + static_cast<uint32_t>(end) + (braces ? 1 : 0);
      diagnostic.fix = Fix{"write `" + bare + "`", span(begin, at_), bare};
    }
  }
  tokens.push_back({TokenKind::invalid, false, begin, at_});
}

}  // namespace hv::lang
