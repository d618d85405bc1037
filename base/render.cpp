#include "base/render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hv {
namespace {

constexpr uint32_t kWidest = 200;  // columns of a source line shown; longer ones are cut

struct Paint {
  bool on;
  std::string operator()(const char* code, std::string_view text) const {
    if (!on) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
  }
};

const char* color_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "1;31";
    case Severity::warning:
      return "1;33";
    case Severity::note:
      return "1;36";
  }
  return "0";
}

// A source line made safe and bounded for a terminal, with the columns to underline in it.
struct Shown {
  std::string text;
  std::size_t caret = 0;  // columns before the carets
  std::size_t length = 1;
};

Shown shown_line(const SourceMap& sources, Span span) {
  const Place begin = sources.begin_of(span);
  std::string_view line = sources.line(span.file, begin.line);
  const uint32_t line_begin = sources.line_begin(span.file, begin.line);
  uint32_t from = std::min<uint32_t>(span.begin - line_begin, static_cast<uint32_t>(line.size()));
  uint32_t to =
      std::clamp<uint32_t>(span.end - line_begin, from, static_cast<uint32_t>(line.size()));
  Shown shown;
  // Cut a long line around the span; never inside a UTF-8 sequence.
  uint32_t first = 0, last = static_cast<uint32_t>(line.size());
  const auto inside_sequence = [&](uint32_t at) {
    return at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80;
  };
  if (line.size() > kWidest) {
    first = from > 60 ? from - 60 : 0;
    while (first > 0 && inside_sequence(first)) --first;
    last = std::min<uint32_t>(static_cast<uint32_t>(line.size()), first + kWidest);
    while (last < line.size() && inside_sequence(last)) ++last;
    to = std::min(to, last);
  }
  if (first > 0) shown.text += "…";
  std::size_t column = first > 0 ? 1 : 0;
  std::size_t caret_end = 0;
  bool at_begin = false;
  for (uint32_t at = first; at < last; ++at) {
    if (at == from) {
      shown.caret = column;
      at_begin = true;
    }
    if (at == to) caret_end = column;
    const auto octet = static_cast<unsigned char>(line[at]);
    if (octet == '\t') {
      do shown.text += ' ';
      while (++column % 8 != 0);
    } else if (octet < 0x20 || octet == 0x7f) {
      shown.text += "·";
      ++column;
    } else {
      shown.text += line[at];
      if ((octet & 0xc0) != 0x80) ++column;
    }
  }
  if (!at_begin) shown.caret = column;
  if (caret_end == 0) caret_end = column;
  if (last < line.size()) shown.text += "…";
  shown.length = caret_end > shown.caret ? caret_end - shown.caret : 1;
  return shown;
}

std::string indent_after_first(const std::string& text, std::size_t columns) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result.append(columns, ' ');
  }
  return result;
}

std::size_t digits(uint32_t number) {
  return std::to_string(number).size();
}

void render_snippet(std::string& out, const SourceMap& sources, Span span, std::string_view label,
                    std::size_t gutter, const Paint& paint, const char* color) {
  const Shown shown = shown_line(sources, span);
  const std::string number = std::to_string(sources.begin_of(span).line);
  const std::string blank(gutter, ' ');
  out += paint("1;34", std::string(gutter - number.size(), ' ') + number + " |");
  if (!shown.text.empty()) out += " " + shown.text;
  out += "\n";
  std::string marks(shown.length, '^');
  if (!label.empty()) marks += " " + std::string(label);
  out += paint("1;34", blank + " |") + " " + std::string(shown.caret, ' ') + paint(color, marks) +
         "\n";
}

nlohmann::json json_of(const Diagnostic& diagnostic, const SourceMap& sources) {
  const CodeInfo& code = info(diagnostic.code);
  nlohmann::json entry = {{"code", code.id},
                          {"severity", to_string(diagnostic.severity)},
                          {"message", diagnostic.message},
                          {"file", nullptr},
                          {"line", nullptr},
                          {"column", nullptr},
                          {"end_line", nullptr},
                          {"end_column", nullptr},
                          {"help", nullptr}};
  if (diagnostic.primary.valid()) {
    const Place begin = sources.begin_of(diagnostic.primary);
    const Place end = sources.end_of(diagnostic.primary);
    entry["file"] = begin.file;
    entry["line"] = begin.line;
    entry["column"] = begin.column;
    entry["end_line"] = end.line;
    entry["end_column"] = end.column;
  } else if (!diagnostic.file.empty()) {
    entry["file"] = diagnostic.file;
  }
  if (!diagnostic.help.empty()) entry["help"] = diagnostic.help;
  nlohmann::json related = nlohmann::json::array();
  for (const Label& label : diagnostic.related) {
    if (!label.span.valid()) continue;
    const Place at = sources.begin_of(label.span);
    related.push_back(
        {{"file", at.file}, {"line", at.line}, {"column", at.column}, {"message", label.text}});
  }
  if (!related.empty()) entry["related"] = std::move(related);
  if (!diagnostic.notes.empty()) entry["notes"] = diagnostic.notes;
  return entry;
}

}  // namespace

std::string render_text(const Diagnostic& diagnostic, const SourceMap& sources,
                        RenderOptions options) {
  const Paint paint{options.color};
  const char* color = color_of(diagnostic.severity);
  const CodeInfo& code = info(diagnostic.code);
  std::string out =
      paint(color, std::string(to_string(diagnostic.severity)) + "[" + std::string(code.id) + "]") +
      paint("1", ": " + diagnostic.message) + "\n";

  std::size_t gutter = 1;
  if (diagnostic.primary.valid()) gutter = digits(sources.begin_of(diagnostic.primary).line);
  for (const Label& label : diagnostic.related)
    if (label.span.valid()) gutter = std::max(gutter, digits(sources.begin_of(label.span).line));
  const std::string blank(gutter, ' ');

  if (diagnostic.primary.valid()) {
    out += blank + paint("1;34", "--> ") + to_string(sources.begin_of(diagnostic.primary)) + "\n";
    out += paint("1;34", blank + " |") + "\n";
    render_snippet(out, sources, diagnostic.primary, diagnostic.primary_label, gutter, paint,
                   color);
    for (const Label& label : diagnostic.related) {
      if (!label.span.valid()) continue;
      out += blank + paint("1;34", "::: ") + to_string(sources.begin_of(label.span)) + "\n";
      render_snippet(out, sources, label.span, label.text, gutter, paint, "1;34");
    }
    if (!diagnostic.notes.empty() || !diagnostic.help.empty())
      out += paint("1;34", blank + " |") + "\n";
  } else if (!diagnostic.file.empty()) {
    out += blank + paint("1;34", "--> ") + diagnostic.file + "\n";
  }
  for (const std::string& note : diagnostic.notes)
    out += blank + paint("1;34", " = ") + indent_after_first(note, gutter + 3) + "\n";
  if (!diagnostic.help.empty())
    out += blank + paint("1;34", " = ") +
           "help: " + indent_after_first(diagnostic.help, gutter + 9) + "\n";
  return out;
}

std::string render_text(const Diagnostics& diagnostics, const SourceMap& sources,
                        RenderOptions options) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (!out.empty()) out += "\n";
    out += render_text(diagnostic, sources, options);
  }
  return out;
}

std::string render_json(const Diagnostics& diagnostics, const SourceMap& sources) {
  nlohmann::json list = nlohmann::json::array();
  for (const Diagnostic& diagnostic : diagnostics.all())
    list.push_back(json_of(diagnostic, sources));
  const nlohmann::json document = {{"format", "hv.diagnostics/1"}, {"diagnostics", list}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace hv
