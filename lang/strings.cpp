#include "lang/strings.h"

#include <algorithm>

namespace hv::lang {

namespace {

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One literal's body on its way into a StringValue.
class Unescaper {
 public:
  Unescaper(const LiteralText& literal, bool formatted, FileId file, StringValue& value,
            Diagnostics& diagnostics)
      : literal_(literal),
        body_(literal.body),
        formatted_(formatted),
        file_(file),
        out_(value),
        diagnostics_(diagnostics) {}

  void run() {
    while (at_ < body_.size()) {
      const char c = body_[at_];
      if (c == '\\' && !literal_.raw) {
        escape();
      } else if (c == '\r') {  // a line end in a triple-quoted string is one "\n"
        const std::size_t length = at_ + 1 < body_.size() && body_[at_ + 1] == '\n' ? 2 : 1;
        put("\n", "\n", length);
      } else if (formatted_ && (c == '{' || c == '}') && at_ + 1 < body_.size() &&
                 body_[at_ + 1] == c) {
        put(body_.substr(at_, 1), body_.substr(at_, 1), 2);
      } else {
        verbatim(1);
      }
    }
    flush();
  }

 private:
  void verbatim(std::size_t length) {
    if (run_length_ == 0) run_begin_ = at_;
    run_length_ += length;
    at_ += length;
  }

  void flush() {
    if (run_length_ == 0) return;
    const std::string_view text = body_.substr(run_begin_, run_length_);
    piece(text, text, run_begin_, run_length_);
    run_length_ = 0;
  }

  // `source` bytes at the cursor mean `value` (and `python2_value`).
  void put(std::string_view value, std::string_view python2_value, std::size_t source) {
    flush();
    piece(value, python2_value, at_, source);
    at_ += source;
  }

  void piece(std::string_view value, std::string_view python2_value, std::size_t at,
             std::size_t length) {
    const auto begin = static_cast<uint32_t>(out_.value.size());
    const auto source = literal_.body_begin + static_cast<uint32_t>(at);
    out_.value += value;
    out_.python2_value += python2_value;
    out_.pieces.push_back({begin, static_cast<uint32_t>(out_.value.size()), source,
                           source + static_cast<uint32_t>(length)});
  }

  void wrong(std::size_t length, std::string message, std::string help) {
    const uint32_t begin = literal_.body_begin + static_cast<uint32_t>(at_);
    diagnostics_
        .report(Code::bad_escape, {file_, begin, begin + static_cast<uint32_t>(length)},
                std::move(message))
        .help = std::move(help);
    verbatim(length);
  }

  // A character by its number: a byte for Python 2's str and for b"…".
  void put_code(uint32_t code, std::size_t source, bool python2_keeps) {
    std::string value;
    const std::string byte(1, static_cast<char>(code));
    if (literal_.bytes && code < 0x100)
      value = byte;
    else
      append_utf8(value, code);
    if (python2_keeps && !literal_.unicode)
      put(value, body_.substr(at_, source), source);
    else
      put(value, literal_.unicode || code >= 0x100 ? std::string_view(value) : byte, source);
  }

  void hex_escape(std::size_t digits, bool python2_keeps) {
    uint32_t code = 0;
    std::size_t i = at_ + 2;
    for (; i < at_ + 2 + digits && i < body_.size() && hex_value(body_[i]) >= 0; ++i)
      code = code * 16 + static_cast<uint32_t>(hex_value(body_[i]));
    const std::string shown(body_.substr(at_, 2));
    if (i != at_ + 2 + digits) {
      wrong(i - at_, "`" + shown + "` needs " + std::to_string(digits) + " hexadecimal digits",
            "write `\\\\` where a backslash is meant");
      return;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      wrong(digits + 2, "`" + std::string(body_.substr(at_, digits + 2)) + "` is no character",
            "characters are U+0000 to U+D7FF and U+E000 to U+10FFFF");
      return;
    }
    put_code(code, digits + 2, python2_keeps);
  }

  void octal_escape() {
    uint32_t code = 0;
    std::size_t length = 1;
    while (length < 4 && at_ + length < body_.size() && body_[at_ + length] >= '0' &&
           body_[at_ + length] <= '7')
      code = code * 8 + static_cast<uint32_t>(body_[at_ + length++] - '0');
    if (literal_.bytes) code &= 0xff;
    // Python 2's str takes the low eight bits, Python 3 the character.
    std::string value;
    if (literal_.bytes)
      value = static_cast<char>(code);
    else
      append_utf8(value, code);
    const std::string low(1, static_cast<char>(code & 0xff));
    put(value, literal_.unicode ? std::string_view(value) : low, length);
  }

  void escape() {
    if (at_ + 1 >= body_.size()) {
      verbatim(1);
      return;
    }
    const char c = body_[at_ + 1];
    switch (c) {
      case '\r':
        put("", "", at_ + 2 < body_.size() && body_[at_ + 2] == '\n' ? 3 : 2);
        return;
      case '\n':
        put("", "", 2);
        return;
      case '\\':
      case '\'':
      case '"':
        put(body_.substr(at_ + 1, 1), body_.substr(at_ + 1, 1), 2);
        return;
      case 'a':
        put("\a", "\a", 2);
        return;
      case 'b':
        put("\b", "\b", 2);
        return;
      case 'f':
        put("\f", "\f", 2);
        return;
      case 'n':
        put("\n", "\n", 2);
        return;
      case 'r':
        put("\r", "\r", 2);
        return;
      case 't':
        put("\t", "\t", 2);
        return;
      case 'v':
        put("\v", "\v", 2);
        return;
      case 'x':
        hex_escape(2, false);
        return;
      case 'u':
      case 'U':
        if (literal_.bytes)
          verbatim(2);
        else
          hex_escape(c == 'u' ? 4 : 8, true);
        return;
      case 'N':
        if (!literal_.bytes && at_ + 2 < body_.size() && body_[at_ + 2] == '{') {
          const std::size_t end = body_.find('}', at_);
          wrong((end == body_.npos ? body_.size() : end + 1) - at_,
                "characters by their name are not part of the language",
                "write the character itself, or `\\u` and its number");
          return;
        }
        verbatim(2);
        return;
      default:
        if (c >= '0' && c <= '7')
          octal_escape();
        else
          verbatim(1);  // an unknown escape stays as it is
        return;
    }
  }

  const LiteralText& literal_;
  std::string_view body_;
  bool formatted_;
  FileId file_;
  StringValue& out_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  std::size_t run_begin_ = 0;
  std::size_t run_length_ = 0;
};

}  // namespace

LiteralText split_literal(std::string_view text, uint32_t begin) {
  LiteralText literal;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '"' && text[i] != '\''; ++i) {
    const char c = static_cast<char>(text[i] | 0x20);
    literal.raw = literal.raw || c == 'r';
    literal.bytes = literal.bytes || c == 'b';
    literal.unicode = literal.unicode || c == 'u';
  }
  const std::size_t quotes =
      text.size() >= i + 6 && text[i + 1] == text[i] && text[i + 2] == text[i] ? 3 : 1;
  HV_CHECK(text.size() >= i + 2 * quotes, "a string literal without its quotes");
  literal.body = text.substr(i + quotes, text.size() - i - 2 * quotes);
  literal.body_begin = begin + static_cast<uint32_t>(i + quotes);
  return literal;
}

void append_literal(const LiteralText& literal, bool formatted, FileId file, StringValue& value,
                    Diagnostics& diagnostics) {
  Unescaper(literal, formatted, file, value, diagnostics).run();
}

Span span_in(const StringExpr& string, std::size_t offset, std::size_t length) {
  const auto at = [&](std::size_t where, bool end) -> uint32_t {
    for (const StringPiece& piece : string.pieces) {
      const bool inside = end ? where > piece.value_begin && where <= piece.value_end
                              : where >= piece.value_begin && where < piece.value_end;
      if (!inside) continue;
      const bool verbatim =
          piece.value_end - piece.value_begin == piece.source_end - piece.source_begin;
      if (verbatim) return piece.source_begin + static_cast<uint32_t>(where) - piece.value_begin;
      return end ? piece.source_end : piece.source_begin;
    }
    if (string.pieces.empty()) return string.span.begin;
    return end || where > 0 ? string.pieces.back().source_end : string.pieces.front().source_begin;
  };
  const uint32_t begin = at(offset, false);
  if (length == 0) return {string.span.file, begin, begin};
  return {string.span.file, begin, std::max(begin, at(offset + length, true))};
}

std::string string_literal(std::string_view value) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace hv::lang
