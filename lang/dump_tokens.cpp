#include <vector>

#include "base/diagnostics.h"
#include "lang/dump.h"
#include "lang/tokens.h"

namespace hv::lang {

std::string dump_tokens(FileId file, const SourceMap& sources) {
  Diagnostics unheard;
  const std::string_view text = sources.text(file);
  TokenReader reader(file, text, unheard);
  std::vector<Token> tokens;
  std::string out;
  while (reader.next_statement(tokens)) {
    mark_statement_words(tokens, text);
    for (const Token& token : tokens) {
      const Place place = sources.place(file, token.begin);
      out += std::to_string(place.line) + ":" + std::to_string(place.column) + " " +
             std::string(grammar_name(token.kind));
      const bool shown = token.kind != TokenKind::newline && token.kind != TokenKind::indent &&
                         token.kind != TokenKind::dedent && token.end > token.begin;
      if (shown) {
        const std::string_view source = text.substr(token.begin, token.end - token.begin);
        out += " ";
        for (char c : source) out += c == '\n' ? std::string("\\n") : std::string(1, c);
      }
      out += "\n";
    }
  }
  return out;
}

}  // namespace hv::lang
