#include "lang/syntax_errors.h"

#include <algorithm>
#include <array>

#include "lang/token_shape.h"

namespace hv::lang {

namespace {

// Python's statements that the language leaves out, by the word they begin with.
bool is_foreign_word(std::string_view word) {
  static constexpr std::array<std::string_view, 7> kWords{"class", "with", "yield",   "async",
                                                          "await", "exec", "nonlocal"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

// "`)`", "a value", "`in` or `:`"; empty where the list would help nobody.
std::string expectation(const KindSet& expected) {
  const auto has = [&](TokenKind kind) { return expected[static_cast<std::size_t>(kind)]; };
  const bool value = has(TokenKind::integer) && has(TokenKind::left_paren);
  std::vector<std::string> names;
  if (value) names.emplace_back("a value");
  for (std::size_t i = 1; i <= static_cast<std::size_t>(TokenKind::less_greater); ++i) {
    const auto kind = static_cast<TokenKind>(i);
    if (!has(kind)) continue;
    const bool of_value = value && (begins_value(kind) || kind == TokenKind::minus ||
                                    kind == TokenKind::plus || kind == TokenKind::not_ ||
                                    kind == TokenKind::tilde || kind == TokenKind::backquote ||
                                    kind == TokenKind::star || kind == TokenKind::star_star);
    if (of_value) continue;
    const std::string word(words(kind));
    if (std::find(names.begin(), names.end(), word) == names.end()) names.push_back(word);
  }
  if (names.size() > 4) return value ? "a value" : "";
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

}  // namespace

Token SyntaxErrors::token(std::size_t index) const {
  if (index < tokens_.size()) return tokens_[index];
  const uint32_t end = tokens_.empty() ? 0 : tokens_.back().end;
  return {TokenKind::end, false, end, end};
}

Span SyntaxErrors::span(std::size_t index) const {
  const Token& at = token(index);
  return {file_, at.begin, std::max(at.begin, at.end)};
}
std::string_view SyntaxErrors::source(std::size_t index) const {
  const Token& at = token(index);
  return text_of(at, text_);
}
std::size_t SyntaxErrors::line_start(std::size_t index) const {
  while (index > 0 && token(index - 1).kind != TokenKind::newline &&
         token(index - 1).kind != TokenKind::indent && token(index - 1).kind != TokenKind::dedent)
    --index;
  return index;
}

// The token source has found fault with this line, and said so.
bool SyntaxErrors::damaged(std::size_t index) const {
  const std::size_t first = line_start(index);
  std::size_t last = std::max(first, index);
  while (token(last).kind != TokenKind::newline && token(last).kind != TokenKind::end) ++last;
  const auto& damage = reader_.damage();
  const auto at = std::lower_bound(damage.begin(), damage.end(), token(first).begin);
  return at != damage.end() && *at <= token(last).end;
}

std::string SyntaxErrors::found(std::size_t index) const {
  const TokenKind kind = token(index).kind;
  switch (kind) {
    case TokenKind::end:
      return token(index).begin < text_.size() ? "the next statement" : std::string(words(kind));
    case TokenKind::newline:
    case TokenKind::indent:
    case TokenKind::dedent:
    case TokenKind::fstring_begin:
    case TokenKind::fstring_text:
    case TokenKind::fstring_end:
      return std::string(words(kind));
    default: {
      const std::string_view text = source(index);
      if (text.empty()) return std::string(words(kind));
      if (text.size() > 30 || text.find('\n') != text.npos || text.find('`') != text.npos)
        return std::string(words(kind));
      return "`" + std::string(text) + "`";
    }
  }
}

Diagnostic& SyntaxErrors::report(Code code, std::size_t index, std::string message) {
  return diagnostics_.report(code, span(index), std::move(message));
}

// A broken line with a sound block under it: the block can be read without it.
bool SyntaxErrors::heads_block(std::size_t index) const {
  const std::size_t first = line_start(index);
  const TokenKind kind = token(first).kind;
  if (index == first ||
      (!opens_block(kind) && !declares_block(kind) && kind != TokenKind::lifecycle))
    return false;
  std::size_t end = index;
  while (token(end).kind != TokenKind::newline && token(end).kind != TokenKind::end) ++end;
  return token(end + 1).kind == TokenKind::indent;
}

// A declaration without a name, or with one that needs quotes.
bool SyntaxErrors::say_name(std::size_t first, std::size_t index) {
  const TokenKind found_kind = token(index).kind;
  if (index == first + 1) {
    if (found_kind != TokenKind::colon && found_kind != TokenKind::left_paren &&
        found_kind != TokenKind::in && found_kind != TokenKind::on)
      return false;
    report(Code::syntax_error, index, "`" + std::string(source(first)) + "` has no name").help =
        "for example `" + std::string(source(first)) + " web:`";
    return true;
  }
  if (index != first + 2 || token(first + 1).kind != TokenKind::name) return false;
  std::size_t end = index;
  for (;; ++end) {
    const TokenKind kind = token(end).kind;
    if (kind == TokenKind::colon || kind == TokenKind::in || kind == TokenKind::on ||
        kind == TokenKind::left_paren)
      break;
    if (kind != TokenKind::name && kind != TokenKind::minus && kind != TokenKind::dot &&
        kind != TokenKind::integer)
      return false;
  }
  if (end == index) return false;
  const Span whole{file_, token(first + 1).begin, token(end - 1).end};
  const std::string name(text_.substr(whole.begin, whole.end - whole.begin));
  if (name.size() > 60 || name.find('\n') != name.npos) return false;
  const std::string quoted = "\"" + name + "\"";
  Diagnostic& diagnostic =
      diagnostics_.report(Code::syntax_error, whole, "the name `" + name + "` needs quotes");
  diagnostic.fix = Fix{"write `" + quoted + "`", whole, quoted};
  return true;
}

void SyntaxErrors::say(std::size_t index, const KindSet& expected) {
  if (damaged(index)) return;
  const std::size_t first = line_start(index);
  const TokenKind kind = token(index).kind;
  const TokenKind before = index > first ? token(index - 1).kind : TokenKind::newline;
  for (std::size_t i : {first, index > first ? index - 1 : first})
    if (token(i).kind == TokenKind::name && is_foreign_word(source(i))) {
      report(Code::not_in_language, i,
             "`" + std::string(source(i)) + "` is not part of the language");
      return;
    }
  if (index == first && is_clause(kind)) {
    Diagnostic& diagnostic =
        report(Code::stray_clause, index, found(index) + " belongs to no statement");
    diagnostic.help = "it stands in the column of the `if`, `for`, `while` or `try` it goes on";
    return;
  }
  if (declares_block(token(first).kind) && say_name(first, index)) return;
  if (kind == TokenKind::semicolon && opens_block(token(first).kind) &&
      (before == TokenKind::colon || before == TokenKind::semicolon)) {
    report(Code::syntax_error, index, "no statement stands before this `;`").help =
        "write `pass` where nothing is to be done";
    return;
  }
  const std::string wanted = expectation(expected);
  if (before == TokenKind::assign && !begins_value(kind)) {
    const bool path =
        kind == TokenKind::slash || kind == TokenKind::dot || kind == TokenKind::dot_dot;
    Diagnostic& diagnostic = report(Code::syntax_error, index,
                                    kind == TokenKind::newline || kind == TokenKind::semicolon
                                        ? "a value is missing after `=`"
                                        : "found " + found(index) + " where a value should begin");
    if (path) diagnostic.help = "a path is a text and stands in quotes";
    return;
  }
  if (kind == TokenKind::assign) {
    Diagnostic& diagnostic = report(Code::syntax_error, index, "`=` cannot stand here: it assigns");
    diagnostic.help = "`==` compares";
    return;
  }
  if (ends_value(before) && begins_value(kind)) {
    const bool enclosed = wanted.find(')') != wanted.npos || wanted.find(']') != wanted.npos ||
                          wanted.find('}') != wanted.npos;
    Diagnostic& diagnostic =
        report(Code::syntax_error, index,
               found(index) + " follows " + found(index - 1) + " without anything between them");
    diagnostic.help = enclosed ? "a `,` may be missing"
                               : "a statement ends at the end of its line or at `;`; a text "
                                 "stands in quotes";
    if (enclosed && wanted.find(',') != wanted.npos) {
      const uint32_t gap = token(index - 1).end;
      diagnostic.fix = Fix{"write `,` between them", {file_, gap, gap}, ","};
    }
    return;
  }
  Diagnostic& diagnostic =
      report(Code::syntax_error, index,
             wanted.empty() ? found(index) + " does not fit here"
                            : "expected " + wanted + ", found " + found(index));
  if (!wanted.empty()) diagnostic.primary_label = "expected " + wanted;
}

}  // namespace hv::lang
