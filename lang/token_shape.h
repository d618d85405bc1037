// What can be told of a file's tokens without the grammar: the words for their kinds, which of them
// begin or end a value, where a header's `:` is, and which names declare.
//
// Private to lang/. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "lang/tokens.h"

namespace hv::lang {

inline std::string_view text_of(const Token& token, std::string_view text) {
  return text.substr(token.begin, token.end - token.begin);
}

// `if`, `for`, `def`, … and their clauses; not the words that declare.
bool opens_block(TokenKind kind);
// `else`, `elif`, `except`, `finally`.
bool is_clause(TokenKind kind);
// Brackets and f-strings: 1 opens one, -1 closes one.
int depth_change(TokenKind kind);
// The `:` that ends the header which begins at `first`: outside brackets, not a lambda's. The size
// of `tokens` where there is none.
std::size_t header_colon(const std::vector<Token>& tokens, std::size_t first);
// Whether a value can end with this token, or begin with it.
bool ends_value(TokenKind kind);
bool begins_value(TokenKind kind);
bool begins_statement(TokenKind kind);
// A literal other than a display: a number, a string, `None`, `True`, `False`.
bool is_literal(TokenKind kind);
// The kind `word` has where it declares; `name` for all other words.
TokenKind declaring_word(std::string_view word);
// `domain`, `vdisk`, `pool`, `network`, `template`, `schema`: what declares with a block.
bool declares_block(TokenKind kind);

}  // namespace hv::lang
