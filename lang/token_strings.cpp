// Strings and f-strings into tokens.
#include <algorithm>

#include "lang/characters.h"
#include "lang/token_shape.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

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

}  // namespace

bool is_string_prefix(std::string_view word) {
  return string_prefix(word).valid;
}

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
    refuse_open_string(token, body, triple, tokens);
    tokens.push_back({TokenKind::invalid, prefix.raw, prefix_begin, at_});
    return;
  }
  if (prefix.formatted)
    read_fstring(token, body, i, tokens);
  else
    tokens.push_back(token);
}

// Sets where reading goes on: behind what the string most likely was.
void TokenReader::refuse_open_string(const Token& string, uint32_t body, bool triple,
                                     const std::vector<Token>& tokens) {
  const char mark = text_[body - 1];
  if (triple) {
    report(Code::unterminated_string, string.begin, body, "this string is never closed").help =
        "it ends with three quotes as it began";
    return;
  }
  for (uint32_t i = body; i < string.end; ++i) {
    if (is_ascii(text_[i])) continue;
    const TypographicQuote quote = typographic_quote(text_.substr(i, string.end - i));
    if (quote.length == 0 || quote.plain != mark) continue;
    at_ = i + static_cast<uint32_t>(quote.length);
    report(Code::typographic_quote, i, at_, "a typographic quote does not close this string").fix =
        Fix{std::string("write `") + mark + "`", span(i, at_), std::string(1, mark)};
    return;
  }
  Diagnostic& diagnostic = report(Code::unterminated_string, string.begin, body,
                                  "this string is not closed on its line");
  diagnostic.help = "a string over several lines stands in three quotes";
  // `'it's'`: the mistake stands before.
  if (!tokens.empty() && ends_value(tokens.back().kind) && tokens.back().end == string.begin)
    return;
  // The brackets, commas and colons at the line's end belong to the line.
  uint32_t end = string.end;
  const auto trim = [&] {
    while (end > body && is_blank(text_[end - 1])) --end;
  };
  trim();
  const std::string_view closing = brackets_.empty() ? ":;" : ",])}:;";
  uint32_t kept = end;
  while (end > body && closing.find(text_[end - 1]) != closing.npos) {
    kept = --end;
    trim();
  }
  end = kept;
  if (text_[end - 1] == '\\') return;
  at_ = end;
  diagnostic.fix =
      Fix{std::string("close it with `") + mark + "`", span(end, end), std::string(1, mark)};
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
    if (depth == 0 && tokens.size() > kMaxStatementTokens) return end;  // the line says so
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
