// Tokens: the source text of one file, cut into tokens, one file-level statement at a time.
//
// The reader handles what no grammar can: indentation, bracket and backslash joining, the words
// that declare only where a declaration begins, and everything about characters. Mistakes are
// reported here, once; a token that could not be made right has kind `invalid`, and the parser
// stays silent about the line it stands on. One reader per file and thread; the text must outlive
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/source.h"

namespace hv::lang {

enum class TokenKind : uint8_t {
  end = 0,  // of the text
#define HV_TOKEN(enumerator, grammar_name, literal, words) enumerator,
#include "lang/token_kinds.def"
#undef HV_TOKEN
};

// "`else`", "a name", "the end of the line": as a message says it.
std::string_view words(TokenKind kind);
// The name in the grammar: "ELSE", "NAME".
std::string_view grammar_name(TokenKind kind);
// In brackets, these words would be operands or operators, never names.
bool is_keyword(TokenKind kind);

struct Token {
  TokenKind kind;
  // Of an fstring_begin, fstring_text: whether the literal is raw.
  bool raw = false;
  uint32_t begin;
  uint32_t end;
};

// How deep brackets and blocks may nest. CPython's own limits are 200 and 100.
inline constexpr unsigned kMaxBrackets = 100;
inline constexpr unsigned kMaxBlocks = 100;
// A file-level statement of more tokens than this is refused, so that memory stays bounded.
inline constexpr std::size_t kMaxStatementTokens = 500'000;
// A name longer than this is refused.
inline constexpr std::size_t kMaxNameLength = 1'000;
// Reading stops after so many errors.
inline constexpr std::size_t kMaxErrors = 20;

class TokenReader {
 public:
  TokenReader(FileId file, std::string_view text, Diagnostics& diagnostics);

  // Fills `tokens` with the tokens of the next file-level statement, its last one the NEWLINE (or
  // DEDENT) that ends it. False at the end of the text, or once kMaxErrors errors were found.
  bool next_statement(std::vector<Token>& tokens);
  // All that is left as one line: line ends mean nothing. For parse_expression.
  void rest_as_expression(std::vector<Token>& tokens);

  // Where the reader found mistakes that leave a line's tokens damaged, in ascending order.
  const std::vector<uint32_t>& damage() const { return damage_; }
  std::size_t error_count() const { return errors_; }
  // Indented lines begin with tabs here and blanks there: the first line that differs, if any.
  Span mixed_indentation() const;

 private:
  struct Bracket {
    char open;
    uint32_t at;
  };
  struct LineStart {
    uint32_t at;      // of the first character that is no blank
    uint32_t column;  // tabs to the next multiple of 8
  };

  // tokens.cpp: the structure of lines
  bool skip_to_line(LineStart& line);
  void note_indentation(uint32_t begin, uint32_t end);
  bool enter_line(const LineStart& line, std::vector<Token>& tokens);
  void close_blocks(const LineStart& line, std::vector<Token>& tokens);
  bool continues_statement(uint32_t at, const std::vector<Token>& tokens) const;
  void read_line(std::vector<Token>& tokens);
  void end_line(std::vector<Token>& tokens, std::size_t first);
  void require_colon(std::vector<Token>& tokens, std::size_t first);
  bool is_header(const std::vector<Token>& tokens, std::size_t first) const;
  std::optional<uint32_t> brace_on_next_line() const;
  std::string_view indentation(uint32_t at) const;
  void give_up_line(std::vector<Token>& tokens, std::size_t first);
  uint32_t end_of_open_bracket(uint32_t open) const;
  void recover_from_open_bracket(std::vector<Token>& tokens, std::size_t first, std::size_t said);
  void forget_reports(std::size_t said, uint32_t at);
  bool looks_like_statement(uint32_t at) const;

  // slips.cpp: what people write who know another language better
  void mend_line(std::vector<Token>& tokens, std::size_t first);
  void mend_named_line(std::vector<Token>& tokens, std::size_t first);
  void mend_assignment(std::vector<Token>& tokens, std::size_t first);
  void mend_parameter(std::vector<Token>& tokens, std::size_t first);
  void mend_move(std::vector<Token>& tokens, std::size_t first);
  void mend_condition(std::vector<Token>& tokens, std::size_t first);
  void mend_counting_loop(std::vector<Token>& tokens, std::size_t first);
  void mend_inline_braces(std::vector<Token>& tokens, std::size_t first);
  void slip(Code code, Span place, std::string message, Span mended, std::string replacement);
  bool line_damaged(const Token& first) const;
  bool opens_brace_block(const std::vector<Token>& tokens, std::size_t first) const;
  void open_brace_block(uint32_t begin, uint32_t brace);
  void close_brace_block(LineStart& line);
  void report_braces(bool whole);
  bool skip_merge_mark(uint32_t begin);

  // token_text.cpp: characters into tokens
  void refuse_other_files();
  void read_token(std::vector<Token>& tokens, uint32_t limit);
  void read_name(std::vector<Token>& tokens, uint32_t limit);
  void read_number(std::vector<Token>& tokens, uint32_t limit);
  void read_mark(std::vector<Token>& tokens, uint32_t limit);
  void read_single_mark(TokenKind kind, std::vector<Token>& tokens);
  void close_bracket(TokenKind kind, std::vector<Token>& tokens);
  bool read_foreign_slash(std::vector<Token>& tokens, uint32_t limit);
  void read_strange(std::vector<Token>& tokens, uint32_t limit);
  void read_backslash(std::vector<Token>& tokens, uint32_t limit);
  void skip_comment(uint32_t limit);

  // token_strings.cpp
  void read_string(uint32_t prefix_begin, uint32_t quote, std::vector<Token>& tokens,
                   uint32_t limit);
  void refuse_open_string(const Token& string, uint32_t body, bool triple,
                          const std::vector<Token>& tokens);
  void read_fstring(Token whole, uint32_t body, uint32_t body_end, std::vector<Token>& tokens);
  uint32_t read_fstring_pieces(uint32_t at, uint32_t end, unsigned depth, bool raw,
                               std::vector<Token>& tokens);
  uint32_t read_field(uint32_t at, uint32_t end, unsigned depth, bool raw,
                      std::vector<Token>& tokens);

  Span span(uint32_t begin, uint32_t end) const { return {file_, begin, end}; }
  Diagnostic& report(Code code, uint32_t begin, uint32_t end, std::string message);
  void check_utf8(uint32_t begin, uint32_t end);
  bool exhausted() const { return errors_ >= kMaxErrors; }

  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  uint32_t at_ = 0;
  std::size_t errors_ = 0;
  std::vector<uint32_t> damage_;

  std::vector<Bracket> brackets_;
  std::vector<LineStart> blocks_;  // the open blocks' first lines
  uint32_t statement_column_ = 0;
  uint32_t line_column_ = 0;
  uint32_t opener_ = 0;  // where the line began that ended in `:`
  bool block_expected_ = false;
  bool colon_inserted_ = false;         // the header's `:` was missing, and it was said
  uint32_t wrong_column_ = UINT32_MAX;  // lines in this column stand wrong; said already
  bool reported_utf8_ = false;
  bool said_comment_ = false;  // that `//` begins none
  bool in_conflict_ = false;   // between the marks of a merge
  bool stopped_ = false;

  // Blocks in braces: where they opened, and what would make Python's blocks of them.
  struct Edit {
    uint32_t begin, end;
    std::string_view text;
  };
  std::vector<uint32_t> brace_blocks_;
  std::vector<Edit> brace_edits_;
  bool braces_indent_ = true;           // so far every such block is indented
  uint32_t behind_brace_ = UINT32_MAX;  // a clause begins here, behind a `}` …
  uint32_t behind_brace_column_ = 0;    // … in this column

  uint32_t tab_line_ = UINT32_MAX;    // an indented line that begins with a tab
  uint32_t blank_line_ = UINT32_MAX;  // … with a blank
  uint32_t mixed_line_ = UINT32_MAX;
};

// Whether `word` may stand before a quote: r, f, u, b and their pairs.
bool is_string_prefix(std::string_view word);
// Gives the words that declare (`domain`, `print`, `lifecycle`, `on`, …) their kinds where they
// do; they are names everywhere else.
void mark_statement_words(std::vector<Token>& tokens, std::string_view text);
// Whether the name at `index`, which begins a statement, begins one of our declarations.
bool begins_declaration(const std::vector<Token>& tokens, std::size_t index, std::string_view text);

}  // namespace hv::lang
