// What people write who know another language better (`else if`, braces, `memory 512`), mended in
// the tokens of one line, so that it is said once, with the fix, and all around it still makes
// sense.
#include <algorithm>
#include <array>

#include "lang/characters.h"
#include "lang/token_shape.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Words that say "a variable follows", or its type.
constexpr std::array<std::string_view, 13> kVariableWords{"let",  "var",   "set",    "const", "my",
                                                          "auto", "local", "export", "int",   "str",
                                                          "bool", "float", "string"};
constexpr std::array<std::string_view, 4> kFunctionWords{"function", "func", "fn", "sub"};
constexpr std::array<std::string_view, 5> kIncludeWords{"include", "require", "source", "use",
                                                        "load"};
constexpr std::array<std::string_view, 15> kTypes{"bool", "int",   "float", "str",  "size",
                                                  "mac",  "ip",    "cidr",  "any",  "duration",
                                                  "path", "regex", "list",  "dict", "secret"};
// What the parser has words for, or what means something of its own.
constexpr std::array<std::string_view, 10> kOtherWords{
    "print", "exec", "yield", "class", "with", "async", "await", "nonlocal", "param", "moved"};

}  // namespace

bool TokenReader::line_damaged(const Token& first) const {
  return !damage_.empty() && damage_.back() >= first.begin;
}

void TokenReader::slip(Code code, Span place, std::string message, Span mended,
                       std::string replacement) {
  Diagnostic& diagnostic = report(code, place.begin, place.end, std::move(message));
  const std::size_t from = replacement.find_first_not_of(' ');
  const std::size_t to = replacement.find_last_not_of(' ');
  const std::string shown = from == replacement.npos ? "" : replacement.substr(from, to + 1 - from);
  diagnostic.fix =
      Fix{shown.empty() ? "remove it" : "write `" + shown + "`", mended, std::move(replacement)};
}

// One line's tokens, its NEWLINE not yet among them. A line that is damaged otherwise is mended in
// silence.
void TokenReader::mend_line(std::vector<Token>& tokens, std::size_t first) {
  const TokenKind kind = tokens[first].kind;
  if (kind == TokenKind::name) {
    const bool assigns = first + 1 < tokens.size() && tokens[first + 1].kind == TokenKind::assign;
    if (assigns)
      mend_assignment(tokens, first);
    else if (first + 1 < tokens.size())
      mend_named_line(tokens, first);
    if (assigns) return;
  } else if (kind == TokenKind::else_ && first + 1 < tokens.size() &&
             tokens[first + 1].kind == TokenKind::if_) {
    const Span both = span(tokens[first].begin, tokens[first + 1].end);
    if (!line_damaged(tokens[first]))
      slip(Code::not_in_language, both, "`else if` is one word here", both, "elif");
    tokens[first] = {TokenKind::elif, false, both.begin, both.end};
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  } else if (kind == TokenKind::import && first + 1 < tokens.size() &&
             tokens[first + 1].kind == TokenKind::string && !line_damaged(tokens[first])) {
    report(Code::syntax_error, tokens[first].begin, tokens[first].end,
           "an import names what it takes")
        .help = "`from \"x.vm\" import a, b as c`";
  }
  if (opens_block(tokens[first].kind) || kind == TokenKind::assert_) mend_condition(tokens, first);
  if (tokens[first].kind == TokenKind::for_) mend_counting_loop(tokens, first);
  if (is_header(tokens, first)) mend_inline_braces(tokens, first);
}

// `NAME = …`.
void TokenReader::mend_assignment(std::vector<Token>& tokens, std::size_t first) {
  if (first + 2 >= tokens.size()) return;
  const Token name = tokens[first], sign = tokens[first + 1], next = tokens[first + 2];
  if (next.kind == TokenKind::greater && next.begin == sign.end) {
    const Span arrow = span(sign.begin, next.end);
    if (!line_damaged(name))
      slip(Code::not_in_language, arrow, "`=>` is not part of the language", arrow, "=");
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(first) + 2);
    return;
  }
  // `c ? a : b`
  int depth = 0;
  std::size_t question = 0, colon = 0;
  for (std::size_t i = first + 2; i < tokens.size(); ++i) {
    depth += depth_change(tokens[i].kind);
    if (depth != 0) continue;
    if (tokens[i].kind == TokenKind::question) question = question == 0 ? i : SIZE_MAX;
    if (tokens[i].kind == TokenKind::colon) colon = i;
  }
  if (question == 0 || line_damaged(name)) return;
  Diagnostic& diagnostic = report(
      Code::not_in_language, tokens[std::min(question, tokens.size() - 1)].begin,
      tokens[std::min(question, tokens.size() - 1)].end, "`? :` is not part of the language");
  diagnostic.help = "`a if c else b`";
  if (question == SIZE_MAX || question == first + 2 || colon <= question + 1 ||
      colon + 1 >= tokens.size())
    return;
  const auto part = [&](std::size_t from, std::size_t to) {
    return std::string(text_.substr(tokens[from].begin, tokens[to].end - tokens[from].begin));
  };
  const std::string choice = part(question + 1, colon - 1) + " if " +
                             part(first + 2, question - 1) + " else " +
                             part(colon + 1, tokens.size() - 1);
  if (choice.size() < 200 && choice.find('\n') == choice.npos)
    diagnostic.fix = Fix{"write `" + choice + "`", span(next.begin, tokens.back().end), choice};
}

// A line that begins with a name, and no `=` follows it.
void TokenReader::mend_named_line(std::vector<Token>& tokens, std::size_t first) {
  const Token name = tokens[first], next = tokens[first + 1];
  const std::string_view word = text_of(name, text_);
  const bool quiet = line_damaged(name);
  const auto at = [&](std::size_t i) {
    return first + i < tokens.size() ? tokens[first + i].kind : TokenKind::newline;
  };
  const auto outside = [&](TokenKind kind) {
    int depth = 0;
    for (std::size_t i = first; i < tokens.size(); ++i) {
      depth += depth_change(tokens[i].kind);
      if (depth == 0 && tokens[i].kind == kind) return true;
    }
    return false;
  };
  const auto replace_word = [&](std::string_view instead, TokenKind kind) {
    if (!quiet)
      slip(Code::not_in_language, span(name.begin, name.end),
           "`" + std::string(word) + "` is not part of the language", span(name.begin, name.end),
           std::string(instead));
    tokens[first].kind = kind;
  };
  if (declaring_word(word) == TokenKind::param) return mend_parameter(tokens, first);
  if (declaring_word(word) == TokenKind::moved) return mend_move(tokens, first);
  if (declaring_word(word) != TokenKind::name || is_one_of(word, kOtherWords)) return;
  if ((word == "elseif" || word == "elsif") && tokens.back().kind == TokenKind::colon &&
      next.kind != TokenKind::colon)
    return replace_word("elif", TokenKind::elif);
  if (is_one_of(word, kFunctionWords) && next.kind == TokenKind::name &&
      at(2) == TokenKind::left_paren)
    return replace_word("def", TokenKind::def);
  if (word == "foreach" && next.kind == TokenKind::name && outside(TokenKind::in))
    return replace_word("for", TokenKind::for_);
  if (is_one_of(word, kVariableWords) && next.kind == TokenKind::name &&
      (at(2) == TokenKind::assign || at(2) == TokenKind::colon)) {
    if (!quiet)
      slip(Code::not_in_language, span(name.begin, name.end),
           "`" + std::string(word) + "` does not declare a variable: an assignment does",
           span(name.begin, next.begin), "");
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(first));
    return;
  }
  if (is_one_of(word, kIncludeWords) && next.kind == TokenKind::string &&
      at(2) == TokenKind::newline) {
    if (!quiet)
      report(Code::not_in_language, name.begin, name.end,
             "`" + std::string(word) + "` is not part of the language")
          .help = "`from " + std::string(text_of(next, text_).substr(0, 100)) +
                  " import a, b` takes names of another file";
    return;
  }
  if (quiet) return;
  const bool ends_in_colon = tokens.back().kind == TokenKind::colon;
  // `memory 512`
  if (is_literal(next.kind) && !ends_in_colon && !outside(TokenKind::assign) &&
      next.begin > name.end) {
    slip(Code::syntax_error, span(next.begin, next.end),
         "`=` is missing between `" + std::string(word.substr(0, 40)) + "` and its value",
         span(name.end, next.begin), " = ");
    tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                  {TokenKind::assign, false, name.end, name.end});
    return;
  }
  // `memory: 512`, which declares the type 512 of `memory`; the fields of a schema do, and
  // `memory: 512?` can only be a type.
  const bool schema = declaring_word(text_of(tokens.front(), text_)) == TokenKind::schema;
  std::size_t open = 0;
  while (at(2 + open) == TokenKind::left_paren) ++open;
  bool value = is_literal(at(2 + open)) || (open == 0 && at(2) == TokenKind::left_bracket);
  for (std::size_t i = 0; i < open; ++i)
    value = value && at(3 + open + i) == TokenKind::right_paren;
  if (value && is_literal(at(2 + open)) && at(3 + 2 * open) == TokenKind::question) value = false;
  if (next.kind == TokenKind::colon && !schema && !outside(TokenKind::assign) &&
      !outside(TokenKind::bar) && value) {
    slip(Code::syntax_error, span(next.begin, next.end), "`:` gives no value, it declares a type",
         span(next.begin, next.end), word.size() == next.begin - name.begin ? " =" : "=");
    tokens[first + 1].kind = TokenKind::assign;
    return;
  }
  // `i++`
  if (((next.kind == TokenKind::plus && at(2) == TokenKind::plus) ||
       (next.kind == TokenKind::minus && at(2) == TokenKind::minus)) &&
      at(3) == TokenKind::newline) {
    const Span both = span(next.begin, tokens[first + 2].end);
    const bool up = next.kind == TokenKind::plus;
    slip(Code::not_in_language, both,
         std::string(up ? "`++`" : "`--`") + " is not part of the language",
         span(name.end, both.end), up ? " += 1" : " -= 1");
    tokens.resize(first);
    tokens.push_back({TokenKind::pass, false, name.begin, both.end});
  }
}

// `param n int = 5`, `param int n = 5`.
void TokenReader::mend_parameter(std::vector<Token>& tokens, std::size_t first) {
  if (first + 2 >= tokens.size() || tokens[first + 1].kind != TokenKind::name ||
      tokens[first + 2].kind != TokenKind::name || line_damaged(tokens[first]))
    return;
  const Token one = tokens[first + 1], two = tokens[first + 2];
  const std::string a(text_of(one, text_)), b(text_of(two, text_));
  const bool swapped = is_one_of(a, kTypes) && !is_one_of(b, kTypes);
  if (!swapped && !is_one_of(b, kTypes)) return;
  const std::string message = "the type of a parameter stands behind its name and `:`";
  if (swapped) {
    slip(Code::syntax_error, span(one.begin, one.end), message, span(one.begin, two.end),
         b + ": " + a);
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    return;
  }
  slip(Code::syntax_error, span(two.begin, two.end), message, span(one.end, two.begin), ": ");
  tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(first) + 2,
                {TokenKind::colon, false, one.end, one.end});
}

// `moved domain.a => domain.b`, and whatever else stands for the arrow.
void TokenReader::mend_move(std::vector<Token>& tokens, std::size_t first) {
  const auto at = [&](std::size_t i) {
    return first + i < tokens.size() ? tokens[first + i].kind : TokenKind::newline;
  };
  std::size_t i = 1;
  if (at(1) != TokenKind::name || line_damaged(tokens[first])) return;
  if (at(2) == TokenKind::dot && at(3) == TokenKind::name)
    i = 4;
  else if (at(2) == TokenKind::left_bracket && at(4) == TokenKind::right_bracket)
    i = 5;
  else
    return;
  if (at(i) == TokenKind::arrow || at(i) == TokenKind::newline) return;
  std::size_t signs = 0;  // tokens that stand for the arrow
  if (at(i) == TokenKind::assign || at(i) == TokenKind::comma || at(i) == TokenKind::colon)
    signs = at(i + 1) == TokenKind::greater ? 2 : 1;
  else if (at(i) == TokenKind::name && at(i + 1) == TokenKind::name)
    signs = 1;
  if (at(i + signs) != TokenKind::name) return;
  const Token before = tokens[first + i - 1], behind = tokens[first + i + signs];
  const Token found = tokens[first + i];
  slip(Code::syntax_error, span(found.begin, found.end),
       "a move is written with `->` between the addresses", span(before.end, behind.begin), " -> ");
  const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first + i);
  tokens.erase(begin, begin + static_cast<std::ptrdiff_t>(signs));
  tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(first + i),
                {TokenKind::arrow, false, before.end, before.end});
}

// `if a = b:`, `if a then`, `while a do`.
void TokenReader::mend_condition(std::vector<Token>& tokens, std::size_t first) {
  const TokenKind kind = tokens[first].kind;
  const bool colon = tokens.back().kind == TokenKind::colon;
  const std::size_t last = tokens.size() - (colon ? 2 : 1);
  if (tokens.size() - first >= (colon ? 4u : 3u) && kind != TokenKind::def &&
      kind != TokenKind::assert_ && tokens[last].kind == TokenKind::name &&
      ends_value(tokens[last - 1].kind)) {
    const std::string_view word = text_of(tokens[last], text_);
    if (word == "then" || word == "do") {
      const Token found = tokens[last];
      if (!line_damaged(tokens[first]))
        slip(Code::not_in_language, span(found.begin, found.end),
             "`" + std::string(word) + "` is not part of the language",
             span(tokens[last - 1].end, colon ? tokens.back().end : found.end), ":");
      tokens.resize(last);
      tokens.push_back({TokenKind::colon, false, found.begin, found.end});
    }
  }
  if (kind != TokenKind::if_ && kind != TokenKind::elif && kind != TokenKind::while_ &&
      kind != TokenKind::assert_)
    return;
  const std::size_t end = kind == TokenKind::assert_ ? tokens.size() : header_colon(tokens, first);
  std::vector<bool> calls;  // of the open brackets: whether `=` names an argument there
  for (std::size_t i = first + 1; i < end; ++i) {
    const int change = depth_change(tokens[i].kind);
    if (change > 0) calls.push_back(ends_value(tokens[i - 1].kind));
    if (change < 0 && !calls.empty()) calls.pop_back();
    if (tokens[i].kind == TokenKind::lambda) return;
    if (tokens[i].kind != TokenKind::assign || (!calls.empty() && calls.back())) continue;
    if (!line_damaged(tokens[first]))
      slip(Code::syntax_error, span(tokens[i].begin, tokens[i].end), "`=` assigns, `==` compares",
           span(tokens[i].begin, tokens[i].end), "==");
    tokens[i].kind = TokenKind::equal;
  }
}

// `for (i = 0; i < 3; i++)`.
void TokenReader::mend_counting_loop(std::vector<Token>& tokens, std::size_t first) {
  if (first + 2 >= tokens.size() || tokens[first + 1].kind != TokenKind::left_paren) return;
  std::size_t close = first + 1, semicolons = 0;
  for (int depth = 0; close < tokens.size(); ++close) {
    depth += depth_change(tokens[close].kind);
    if (depth == 0) break;
    if (depth == 1 && tokens[close].kind == TokenKind::semicolon) ++semicolons;
  }
  if (semicolons == 0 || close == tokens.size()) return;
  const Token open = tokens[first + 1], end = tokens[close];
  std::size_t i = first + 2;
  // `int i`
  if (tokens[i].kind == TokenKind::name && tokens[i + 1].kind == TokenKind::name) ++i;
  const Token name = tokens[i];
  if (!line_damaged(tokens[first])) {
    Diagnostic& diagnostic = report(Code::not_in_language, open.begin, end.end,
                                    "a loop with `;` is not part of the language");
    diagnostic.help = "for example `for i in range(3):`";
    const bool plain =
        close - i == 11 && tokens[i + 1].kind == TokenKind::assign &&
        tokens[i + 3].kind == TokenKind::semicolon &&
        (tokens[i + 5].kind == TokenKind::less || tokens[i + 5].kind == TokenKind::less_equal) &&
        tokens[i + 7].kind == TokenKind::semicolon &&
        ((tokens[i + 9].kind == TokenKind::plus && tokens[i + 10].kind == TokenKind::plus) ||
         (text_of(tokens[i + 9], text_) == "+=" && text_of(tokens[i + 10], text_) == "1"));
    if (plain) {
      const std::string from(text_of(tokens[i + 2], text_));
      std::string to(text_of(tokens[i + 6], text_));
      if (tokens[i + 5].kind == TokenKind::less_equal) to += " + 1";
      const std::string loop = std::string(text_of(name, text_)) + " in range(" +
                               (from == "0" ? "" : from + ", ") + to + ")";
      diagnostic.fix = Fix{"write `" + loop + "`", span(open.begin, end.end), loop};
    }
  }
  // An empty loop over the name, so that the block under it can be read.
  const std::vector<Token> loop{{TokenKind::name, false, name.begin, name.end},
                                {TokenKind::in, false, name.end, name.end},
                                {TokenKind::left_bracket, false, name.end, name.end},
                                {TokenKind::right_bracket, false, name.end, name.end}};
  const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first) + 1;
  const auto behind = tokens.begin() + static_cast<std::ptrdiff_t>(close) + 1;
  const auto at = tokens.erase(begin, behind);
  tokens.insert(at, loop.begin(), loop.end());
}

// ---- blocks in braces ---------------------------------------------------------------------------

// `if x { y = 1; }` on one line.
void TokenReader::mend_inline_braces(std::vector<Token>& tokens, std::size_t first) {
  if (tokens.back().kind != TokenKind::right_brace || header_colon(tokens, first) != tokens.size())
    return;
  int depth = 0;
  std::size_t open = tokens.size();
  for (std::size_t i = tokens.size(); i-- > first;) {
    depth -= depth_change(tokens[i].kind);
    if (depth == 0) {
      open = i;
      break;
    }
  }
  if (open >= tokens.size() || open == first || open + 2 >= tokens.size()) return;
  const TokenKind before = tokens[open - 1].kind;
  if (tokens[open].kind != TokenKind::left_brace || (!ends_value(before) && !opens_block(before)))
    return;
  const uint32_t brace = tokens[open].begin;
  open_brace_block(tokens[open - 1].end, brace);
  brace_blocks_.pop_back();
  const std::size_t last = tokens.size() - 1;
  brace_edits_.push_back({tokens[last - 1].end, tokens[last].end, ""});
  tokens.pop_back();
  tokens[open].kind = TokenKind::colon;
  if (brace_blocks_.empty()) report_braces(true);
}

// Whether the `{` that ends the line opens a block as in C: no dict can stand behind a value.
bool TokenReader::opens_brace_block(const std::vector<Token>& tokens, std::size_t first) const {
  if (brackets_.size() != 1 || tokens.size() < first + 2 ||
      tokens.back().kind != TokenKind::left_brace || tokens.back().begin != brackets_.back().at)
    return false;
  const TokenKind before = tokens[tokens.size() - 2].kind;
  // (the `else` of `a if b else {` stands in the midst of its line)
  return ends_value(before) || (before == TokenKind::else_ && tokens.size() == first + 2) ||
         before == TokenKind::try_ || before == TokenKind::finally || before == TokenKind::except;
}

// A block in braces whose `{` replaces what follows `begin`.
void TokenReader::open_brace_block(uint32_t begin, uint32_t brace) {
  if (brace_edits_.empty()) braces_indent_ = true;
  brace_blocks_.push_back(brace);
  brace_edits_.push_back({begin, brace + 1, ":"});
}

// The line that begins with a `}` at line.at: alone it means nothing, a clause may follow it.
void TokenReader::close_brace_block(LineStart& line) {
  const auto size = static_cast<uint32_t>(text_.size());
  uint32_t end = line.at + 1;
  while (end < size && (is_blank(text_[end]) || text_[end] == ';')) ++end;
  const bool alone = end == size || is_line_end(text_[end]) || text_[end] == '#';
  uint32_t begin = line.at;
  if (alone && end < size && text_[end] != '#') {  // the whole line goes
    begin -= static_cast<uint32_t>(indentation(line.at).size());
    end += text_[end] == '\r' && end + 1 < size && text_[end + 1] == '\n' ? 2 : 1;
  }
  brace_edits_.push_back({begin, end, ""});
  if (brace_edits_.size() > 200) braces_indent_ = false;  // too much for a fix
  at_ = end;
  if (!alone) {
    behind_brace_ = end;
    behind_brace_column_ = line.column;
  }
  brace_blocks_.pop_back();
  std::size_t word = end;
  while (word < text_.size() && is_name_part(text_[word])) ++word;
  static constexpr std::array<std::string_view, 6> kClauses{"else",   "elif",   "elsif",
                                                            "elseif", "except", "finally"};
  const bool goes_on = !alone && is_one_of(text_.substr(end, word - end), kClauses);
  if (brace_blocks_.empty() && !goes_on) report_braces(true);
}

// Says it of the outermost block, once; `whole` where its `}` was found.
void TokenReader::report_braces(bool whole) {
  if (brace_edits_.empty()) return;
  const Edit open = brace_edits_.front();
  Diagnostic& diagnostic = report(Code::not_in_language, open.end - 1, open.end,
                                  "a block is told by `:` and its indentation, not by braces");
  if (whole && braces_indent_) {
    std::string mended;
    uint32_t at = open.begin;
    for (const Edit& edit : brace_edits_) {
      mended += text_.substr(at, edit.begin - at);
      mended += edit.text;
      at = edit.end;
    }
    if (mended.size() < 10'000)
      diagnostic.fix =
          Fix{"write `:` and leave the braces out", span(open.begin, at), std::move(mended)};
  }
  brace_edits_.clear();
  brace_blocks_.clear();
}

// ---- marks of a merge ---------------------------------------------------------------------------

// `<<<<<<< HEAD`: said once; the other marks are passed over in silence.
bool TokenReader::skip_merge_mark(uint32_t begin) {
  if (text_[begin] != '<' && !in_conflict_) return false;
  const std::string_view rest = text_.substr(begin, 9);
  const auto is = [&](char c) {
    return rest.size() >= 7 && rest.substr(0, 7) == std::string(7, c) &&
           (rest.size() == 7 || is_blank(rest[7]) || is_line_end(rest[7]));
  };
  if (!is('<') && !(in_conflict_ && (is('=') || is('>') || is('|')))) return false;
  if (is('<'))
    report(Code::syntax_error, begin, begin + 7, "a merge left its marks here").help =
        "keep one of the two sides, and remove the lines that begin with `<<<<<<<`, `=======` and "
        "`>>>>>>>`";
  in_conflict_ = !is('>');
  while (at_ < text_.size() && !is_line_end(text_[at_])) ++at_;
  return true;
}

}  // namespace hv::lang
