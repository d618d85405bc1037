#include <string>

#include "hv/schema/bounds.h"
#include "hv/schema/schema.h"

namespace hv {

namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 14;  // of the second column

// Appends words to `out`, which ends in a line of `column` characters, and ends the line.
void append_wrapped(std::string& out, std::string_view words, std::size_t column,
                    std::size_t indent) {
  bool first = true;
  while (!words.empty()) {
    std::size_t end = words.find(' ');
    std::string_view word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    if (!first && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      out += " ";
      ++column;
    }
    out += word;
    column += word.size();
    first = false;
  }
  out += "\n";
}

void row(std::string& out, std::string_view title, const std::string& text) {
  if (text.empty()) return;
  std::string head = "  " + std::string(title);
  head.resize(kIndent, ' ');
  out += head;
  append_wrapped(out, text, kIndent, kIndent);
}

std::string with_commas(std::string_view words) {
  std::string out;
  for (char c : words) {
    if (c == ' ') out += ',';
    out += c;
  }
  return out;
}

std::string code_list(std::span<const std::string_view> words) {
  std::string out;
  for (std::string_view word : words) {
    out += (out.empty() ? "`" : ", `") + std::string(word) + "`";
  }
  return out;
}

std::string type_text(const Attribute& attribute) {
  if (attribute.type == AttributeType::choice) return "one of " + code_list(attribute.choices);
  std::string text(describe(attribute.type));
  if (attribute.reference_kind)
    text += " to a " + std::string(to_string(*attribute.reference_kind));
  if (attribute.unit.empty()) return text;
  if (attribute.type == AttributeType::size || attribute.type == AttributeType::duration) {
    return text + "; a bare number counts " + std::string(attribute.unit);
  }
  return text + " (" + std::string(attribute.unit) + ")";
}

std::string range_text(const Attribute& attribute) {
  auto shown = [&](int64_t bound) { return bound_text(attribute.type, bound); };
  if (attribute.minimum && attribute.maximum) {
    return "from " + shown(*attribute.minimum) + " to " + shown(*attribute.maximum);
  }
  if (attribute.minimum) return "at least " + shown(*attribute.minimum);
  if (attribute.maximum) return "at most " + shown(*attribute.maximum);
  return {};
}

std::string default_text(const Attribute& attribute) {
  if (attribute.required) return "none: it must be set";
  std::string fixed(attribute.default_text);
  if (attribute.follows.empty()) return fixed.empty() ? "none" : fixed;
  std::string followed = "that of `" + std::string(attribute.follows) + "`";
  return fixed.empty() ? followed : followed + " where it is set, else " + fixed;
}

std::string how_text(How how) {
  switch (how) {
    case How::live:
      return "is made live, while the machine runs";
    case How::restart:
      return "needs a restart";
    case How::replace:
      return "needs a new machine in place of the old one";
    case How::bookkeeping:
      return "is only noted; nothing running is touched";
  }
  HV_CHECK(false, "a way to change without words");
}

}  // namespace

std::string describe(const Attribute& attribute) {
  std::string out = std::string(attribute.name) + "\n\n";
  append_wrapped(out, attribute.doc, 0, 0);
  out += "\n";
  row(out, "type", type_text(attribute));
  row(out, "range", range_text(attribute));
  row(out, "default", default_text(attribute));
  row(out, "a change", how_text(attribute.how));
  if (!attribute.only_for.empty()) row(out, "only for", with_commas(attribute.only_for));
  row(out, "also called", code_list(attribute.aliases));
  row(out, "known to", with_commas(attribute.generations));
  if (attribute.block_only) row(out, "written", "in blocks; no key of domain files");
  row(out, "observed",
      attribute.observed ? "yes: a look at the host tells its value"
                         : "no: only what was set is known");
  row(out, "documented", std::string(attribute.source));
  return out;
}

}  // namespace hv
