// Diagnostics: what is wrong with the user's input, collected while work goes on.
//
// Message: lower case, no full stop, code in backticks, says what was found. Labels point at other
// places that matter. `help` is the hint, last. base/render.h turns them into text and JSON.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/codes.h"
#include "base/result.h"
#include "base/source.h"

namespace hv {

struct Label {
  Span span;
  std::string text;
};

// Replacing `span` by `replacement` mends the mistake. An empty span inserts.
struct Fix {
  std::string title;  // "write `memory`"
  Span span;
  std::string replacement;
};

struct Diagnostic {
  Code code{};
  Severity severity{};
  std::string message;
  Span primary;               // invalid: the mistake has no place in a text
  std::string primary_label;  // beside the carets, may be empty
  std::vector<Label> related;
  std::vector<std::string> notes;  // "= overlap: …", each "TITLE: text" or text
  std::string help;
  std::optional<Fix> fix;
  std::string file;  // where there is no text to point into (a folder, a database): its path
};

class Diagnostics {
 public:
  // The usual severity of `code` is used. The reference stays valid until the next report.
  Diagnostic& report(Code code, Span primary, std::string message);
  Diagnostic& report(Error error, std::string file = {});
  Diagnostic& report(Diagnostic diagnostic);

  std::span<const Diagnostic> all() const { return all_; }
  bool has_errors() const { return error_count() != 0; }
  std::size_t error_count() const;
  std::size_t size() const { return all_.size(); }
  // Drops what was reported after size() was `size` (a second try with a stricter parser).
  void truncate(std::size_t size) { all_.resize(size); }

 private:
  std::vector<Diagnostic> all_;
};

// The candidate nearest to `word`, if near enough to be a slip of the fingers (edit distance with
// transpositions: 1 up to five letters, else 2; case differences count as one edit in all).
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace hv
