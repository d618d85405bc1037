// What a statement that does not fit the grammar has wrong, in people's words.
//
// Private to lang/: the parser knows where it stopped and what it expected there, this knows how to
// say it, and with which fix. It looks at the statement that `tokens` hold at the time.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "lang/tokens.h"

namespace hv::lang {

// Kinds of tokens, up to the last that a text can hold.
using KindSet = std::bitset<static_cast<std::size_t>(TokenKind::less_greater) + 1>;

class SyntaxErrors {
 public:
  SyntaxErrors(FileId file, std::string_view text, const std::vector<Token>& tokens,
               const TokenReader& reader, Diagnostics& diagnostics)
      : file_(file), text_(text), tokens_(tokens), reader_(reader), diagnostics_(diagnostics) {}

  // Reports the token at `index`, unless something was said of its line before.
  void say(std::size_t index, const KindSet& expected);
  // Whether `index` stands in a line that begins a block and the block is there: it can be read
  // without the line.
  bool heads_block(std::size_t index) const;
  // The first token of the line that token `index` stands on.
  std::size_t line_start(std::size_t index) const;

 private:
  Token token(std::size_t index) const;
  Span span(std::size_t index) const;
  std::string_view source(std::size_t index) const;
  bool damaged(std::size_t index) const;
  std::string found(std::size_t index) const;
  bool say_name(std::size_t first, std::size_t index);
  Diagnostic& report(Code code, std::size_t index, std::string message);

  FileId file_;
  std::string_view text_;
  const std::vector<Token>& tokens_;
  const TokenReader& reader_;
  Diagnostics& diagnostics_;
};

}  // namespace hv::lang
