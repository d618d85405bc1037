#include "lang/token_shape.h"

namespace hv::lang {

namespace {

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

// Whether the line at `index` is a header, with a block under it, that could be nothing else.
bool heads_block(const std::vector<Token>& tokens, std::size_t index) {
  if (index + 1 >= tokens.size()) return false;
  const TokenKind next = tokens[index + 1].kind;
  if (next == TokenKind::assign || next == TokenKind::augmented || next == TokenKind::dot)
    return false;
  std::size_t end = index + 1;
  while (end < tokens.size() && tokens[end].kind != TokenKind::newline) ++end;
  return end + 2 < tokens.size() && tokens[end - 1].kind == TokenKind::colon &&
         tokens[end + 1].kind == TokenKind::indent && tokens[end + 2].kind != TokenKind::dedent;
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

bool opens_block(TokenKind kind) {
  return kind == TokenKind::if_ || kind == TokenKind::elif || kind == TokenKind::else_ ||
         kind == TokenKind::for_ || kind == TokenKind::while_ || kind == TokenKind::try_ ||
         kind == TokenKind::except || kind == TokenKind::finally || kind == TokenKind::def;
}

bool is_clause(TokenKind kind) {
  return kind == TokenKind::elif || kind == TokenKind::else_ || kind == TokenKind::except ||
         kind == TokenKind::finally;
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

bool ends_value(TokenKind kind) {
  switch (kind) {
    case TokenKind::name:
    case TokenKind::integer:
    case TokenKind::floating:
    case TokenKind::size:
    case TokenKind::duration:
    case TokenKind::string:
    case TokenKind::fstring_end:
    case TokenKind::none:
    case TokenKind::true_:
    case TokenKind::false_:
    case TokenKind::right_paren:
    case TokenKind::right_bracket:
    case TokenKind::right_brace:
      return true;
    default:
      return false;
  }
}
bool begins_value(TokenKind kind) {
  return kind == TokenKind::fstring_begin || kind == TokenKind::left_paren ||
         kind == TokenKind::left_bracket || kind == TokenKind::left_brace ||
         kind == TokenKind::lambda ||
         (ends_value(kind) && kind != TokenKind::right_paren && kind != TokenKind::right_bracket &&
          kind != TokenKind::right_brace && kind != TokenKind::fstring_end);
}

bool begins_statement(TokenKind kind) {
  switch (kind) {
    case TokenKind::newline:
    case TokenKind::name:
    case TokenKind::integer:
    case TokenKind::floating:
    case TokenKind::size:
    case TokenKind::duration:
    case TokenKind::string:
    case TokenKind::fstring_begin:
    case TokenKind::assert_:
    case TokenKind::break_:
    case TokenKind::continue_:
    case TokenKind::def:
    case TokenKind::del:
    case TokenKind::false_:
    case TokenKind::for_:
    case TokenKind::from:
    case TokenKind::global:
    case TokenKind::if_:
    case TokenKind::import:
    case TokenKind::lambda:
    case TokenKind::none:
    case TokenKind::not_:
    case TokenKind::pass:
    case TokenKind::raise:
    case TokenKind::return_:
    case TokenKind::true_:
    case TokenKind::try_:
    case TokenKind::while_:
    case TokenKind::domain:
    case TokenKind::vdisk:
    case TokenKind::pool:
    case TokenKind::network:
    case TokenKind::template_:
    case TokenKind::schema:
    case TokenKind::param:
    case TokenKind::moved:
    case TokenKind::lifecycle:
    case TokenKind::print:
    case TokenKind::left_paren:
    case TokenKind::left_bracket:
    case TokenKind::left_brace:
    case TokenKind::semicolon:
    case TokenKind::backquote:
    case TokenKind::plus:
    case TokenKind::minus:
    case TokenKind::star:
    case TokenKind::tilde:
    case TokenKind::plain_line:
      return true;
    default:  // operators, closing brackets, clauses: nothing begins with them
      return false;
  }
}

bool is_literal(TokenKind kind) {
  return kind == TokenKind::none || kind == TokenKind::true_ || kind == TokenKind::false_ ||
         (kind >= TokenKind::integer && kind <= TokenKind::fstring_begin);
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

bool declares_block(TokenKind kind) {
  return kind >= TokenKind::domain && kind <= TokenKind::schema;
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
    } else if (declares_block(declaring_word(word)) && heads_block(tokens, i)) {
      token.kind = declaring_word(word);  // the name is missing or broken; the parser says so
    } else if (word == "lifecycle" && blocks > 0 && i + 2 < tokens.size() &&
               ((tokens[i + 1].kind == TokenKind::colon &&
                 tokens[i + 2].kind == TokenKind::newline) ||
                heads_block(tokens, i))) {
      token.kind = TokenKind::lifecycle;
    } else if (word == "print" && begins_print_statement(tokens, i)) {
      token.kind = TokenKind::print;
    }
  }
}

}  // namespace hv::lang
