// The language server: messages nobody would send, and an editor that types at random whose idea of
// the text is kept apart and compared.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/source.h"
#include "lang/format.h"
#include "lsp/lsp_test_support.h"
#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

using nlohmann::json;

constexpr int64_t kSteps = 20'000;
constexpr const char* kUri = "file:///p/main.vm";

const compiler::MemoryFiles& files() {
  static const compiler::MemoryFiles kFiles = lsp::project_files(
      {{"main.vm", "domain a:\n    memory = 64MiB\n"},
       {"base.vm", "template debian:\n    kernel = \"/boot/vmlinuz\"\nracks = [1, 2]\n"}});
  return kFiles;
}

// ---- messages as they come: every request is answered once, and all that is said is well formed

bool brackets_nest_deep(std::string_view line) {
  return std::count_if(line.begin(), line.end(), [](char c) { return c == '[' || c == '{'; }) > 60;
}

// Every range in what the server says begins before it ends.
bool ranges_are_sound(const json& value) {
  if (value.is_object() && value.contains("start") && value.contains("end")) {
    const auto place = [](const json& at) {
      return std::pair(at.value("line", -1L), at.value("character", -1L));
    };
    if (!value["start"].is_object()) return false;
    const auto begin = place(value["start"]), end = place(value["end"]);
    return begin <= end && begin.first >= 0 && begin.second >= 0 && end.second >= 0;
  }
  if (value.is_structured())
    for (const json& each : value)
      if (!ranges_are_sound(each)) return false;
  return true;
}

std::string sent_well(const lsp::Conversation& said, std::map<std::string, int>& answers) {
  if (!said.trouble.empty()) return said.trouble;
  for (const std::string& body : said.bodies) {
    const json message = json::parse(body, nullptr, false);
    if (!message.is_object() || message.value("jsonrpc", "") != "2.0")
      return "the server sent no message: " + body.substr(0, 200);
    if (message.contains("method")) {
      if (!ranges_are_sound(message["params"])) return "an unsound range: " + body.substr(0, 500);
      continue;
    }
    if (message.contains("result") == message.contains("error"))
      return "an answer is a result or an error: " + body.substr(0, 200);
    if (message.contains("result") && !ranges_are_sound(message["result"]))
      return "an unsound range: " + body.substr(0, 500);
    if (!message["id"].is_null()) ++answers[message["id"].dump()];
  }
  return "";
}

std::string run_messages(std::string_view input) {
  std::string sent;
  std::map<std::string, int> requests;
  bool over = false, unsure = false;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (line.starts_with("raw ")) {  // anything at all; what follows may be lost
      sent += line.substr(4);
      unsure = true;
      continue;
    }
    sent += lsp::framed(std::string(line));
    if (over || brackets_nest_deep(line)) continue;
    const json message = json::parse(line, nullptr, false);
    if (!message.is_object() || !message.contains("method") || !message["method"].is_string())
      continue;
    if (message["method"] == "$/cancelRequest") continue;
    if (!message.contains("id"))
      over = message["method"] == "exit";
    else if (message["id"].is_string() || message["id"].is_number())
      ++requests[message["id"].dump()];
  }
  std::map<std::string, int> answers;
  if (std::string wrong = sent_well(lsp::converse(sent, files(), kSteps), answers); !wrong.empty())
    return wrong;
  if (unsure) return "";
  for (const auto& [id, count] : requests)
    if (answers[id] < count) return "a request without an answer: " + id;
  return "";
}

// ---- an editor that types: the input is a text, a line of dashes, then one command a line

// The text as the editor has it: units of UTF-16, by lines.
class Sheet {
 public:
  explicit Sheet(const std::string& utf8) {
    for (std::size_t i = 0; i < utf8.size();) {
      const auto byte = static_cast<unsigned char>(utf8[i]);
      const int length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      char32_t point = length == 1 ? byte : byte & (0xff >> (length + 1));
      for (int k = 1; k < length; ++k)
        point =
            point << 6 | (static_cast<unsigned char>(utf8[i + static_cast<std::size_t>(k)]) & 0x3f);
      i += static_cast<std::size_t>(length);
      if (point < 0x10000) {
        units_ += static_cast<char16_t>(point);
      } else {
        units_ += static_cast<char16_t>(0xd800 + ((point - 0x10000) >> 10));
        units_ += static_cast<char16_t>(0xdc00 + ((point - 0x10000) & 0x3ff));
      }
    }
  }

  std::string utf8() const {
    std::string out;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      char32_t point = units_[i];
      if (point >= 0xd800 && point < 0xdc00)
        point = 0x10000 + ((point - 0xd800) << 10) + (units_[++i] - 0xdc00u);
      if (point < 0x80) {
        out += static_cast<char>(point);
        continue;
      }
      const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      out +=
          static_cast<char>((0xff00 >> (more + 1) & 0xff) | static_cast<int>(point >> (6 * more)));
      for (int k = more - 1; k >= 0; --k)
        out += static_cast<char>(0x80 | (point >> (6 * k) & 0x3f));
    }
    return out;
  }

  // Where a place is; one that is not there is the nearest before it.
  std::size_t offset(const json& place) const {
    const auto line = place["line"].get<std::size_t>(),
               column = place["character"].get<std::size_t>();
    std::size_t at = 0;
    for (std::size_t i = 0; i < line; ++i) {
      while (at < units_.size() && units_[at] != '\n' && units_[at] != '\r') ++at;
      if (at == units_.size()) return at;
      at += units_[at] == '\r' && at + 1 < units_.size() && units_[at + 1] == '\n' ? 2 : 1;
    }
    for (std::size_t i = 0;
         i < column && at < units_.size() && units_[at] != '\n' && units_[at] != '\r'; ++i)
      ++at;
    const bool split = at > 0 && at < units_.size() && units_[at] >= 0xdc00 &&
                       units_[at] < 0xe000 && units_[at - 1] >= 0xd800 && units_[at - 1] < 0xdc00;
    return split ? at - 1 : at;
  }
  void replace(const json& range, const std::string& text) {
    const std::size_t begin = offset(range["start"]);
    const std::size_t end = std::max(begin, offset(range["end"]));
    units_.replace(begin, end - begin, Sheet(text).units_);
  }
  // Whether both ends of a range are places of the text.
  bool has(const json& range) const { return has_place(range["start"]) && has_place(range["end"]); }

 private:
  bool has_place(const json& place) const {
    const std::size_t at = offset(place);
    if (place["character"] == 0) return true;
    json next = place;
    next["character"] = place["character"].get<std::size_t>() - 1;
    const std::size_t before = offset(next);
    return before != at;  // behind the end of a line both are that end
  }

  std::u16string units_;
};

bool is_utf8(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::ignore) ==
         json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

json place_from(std::string_view& words) {
  const auto number = [&] {
    while (words.starts_with(' ')) words.remove_prefix(1);
    unsigned value = 0;
    for (; !words.empty() && words[0] >= '0' && words[0] <= '9' && value < 100'000;
         words.remove_prefix(1))
      value = value * 10 + static_cast<unsigned>(words[0] - '0');
    return value;
  };
  const unsigned line = number();
  return {{"line", line}, {"character", number()}};
}

// What a command's text stands for: `\n`, `\r` and `\\` are escapes.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[++i] : '\0';
    out += next == '\0' ? text[i] : next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return out;
}

struct Question {
  std::string method;
  json place;
  Sheet sheet;  // the text when it was asked
};

std::string formatted(const std::string& text) {
  SourceMap sources;
  Diagnostics ignored;
  const std::optional<std::string> out = lang::format(sources.add("", text), sources, ignored);
  return out && lang::same_program(text, *out) ? *out : text;
}

std::string check_answer(const Question& asked, const json& result) {
  const auto wrong = [&](const char* what) {
    return std::string(what) + ": " + asked.method + " at " + asked.place.dump() + " says " +
           result.dump().substr(0, 500);
  };
  if (asked.method == "textDocument/formatting") {
    Sheet edited = asked.sheet;
    if (result.is_array())
      for (const json& edit : result) {
        if (!asked.sheet.has(edit["range"])) return wrong("an edit outside the text");
        edited.replace(edit["range"], edit["newText"]);
      }
    if (edited.utf8() != formatted(asked.sheet.utf8())) return wrong("not what hv fmt writes");
  } else if (asked.method == "textDocument/completion") {
    for (const json& item : result["items"]) {
      const json& range = item["textEdit"]["range"];
      if (!asked.sheet.has(range)) return wrong("an edit outside the text");
      if (asked.sheet.offset(range["end"]) != asked.sheet.offset(asked.place))
        return wrong("an edit elsewhere");
    }
  } else if (asked.method == "textDocument/hover") {
    if (!result.is_null() &&
        (!asked.sheet.has(result["range"]) ||
         asked.sheet.offset(result["range"]["start"]) > asked.sheet.offset(asked.place) ||
         asked.sheet.offset(result["range"]["end"]) < asked.sheet.offset(asked.place)))
      return wrong("a hover elsewhere");
  } else if (asked.method == "textDocument/codeAction") {
    for (const json& action : result)
      for (const auto& [uri, edits] : action["edit"]["changes"].items())
        for (const json& edit : edits)
          if (uri == kUri && !asked.sheet.has(edit["range"]))
            return wrong("a fix outside the text");
  } else if (asked.method == "textDocument/documentHighlight") {
    bool here = result.empty();
    for (const json& each : result) {
      if (!asked.sheet.has(each["range"])) return wrong("a place outside the text");
      here = here || asked.sheet.offset(each["range"]["start"]) <= asked.sheet.offset(asked.place);
    }
    if (!here) return wrong("places without the one asked for");
  } else {
    for (const json& each : result)
      if (each.value("uri", "") == kUri && !asked.sheet.has(each["range"]))
        return wrong("a place outside the text");
  }
  return "";
}

class Typist {
 public:
  explicit Typist(const std::string& text) : sheet_(text) {
    send("initialize", {{"capabilities", json::object()}}, 0);
    open(text);
  }

  void carry_out(std::string_view line) {
    static const std::map<char, std::string> kQuestions = {
        {'h', "hover"},      {'d', "definition"},        {'r', "references"}, {'k', "completion"},
        {'f', "formatting"}, {'l', "documentHighlight"}, {'a', "codeAction"}};
    if (line.empty()) return;
    const char word = line[0];
    line.remove_prefix(1);
    if (word == 'c') {
      const json start = place_from(line), end = place_from(line);
      if (line.starts_with(' ')) line.remove_prefix(1);
      const json range = {{"start", start}, {"end", end}};
      const std::string text = unescaped(line);
      sheet_.replace(range, text);
      const json change = {{"range", range}, {"text", text}};
      send("textDocument/didChange", {{"textDocument", {{"uri", kUri}, {"version", ++version_}}},
                                      {"contentChanges", json::array({change})}});
    } else if (auto found = kQuestions.find(word); found != kQuestions.end()) {
      const json place = place_from(line);
      const std::string method = "textDocument/" + found->second;
      asked_.push_back({method, place, sheet_});
      send(method,
           {{"textDocument", {{"uri", kUri}}},
            {"position", place},
            {"range", {{"start", place}, {"end", place}}},
            {"context", {{"includeDeclaration", true}}}},
           static_cast<int>(asked_.size()));
    }
  }

  std::string check() {
    const lsp::Conversation said = lsp::converse(input_, files(), kSteps);
    std::map<std::string, int> answers;
    if (std::string wrong = sent_well(said, answers); !wrong.empty()) return wrong;
    for (std::size_t i = 1; i <= asked_.size(); ++i)
      if (answers[std::to_string(i)] != 1) return "a request without its one answer";
    for (const std::string& body : said.bodies) {
      const json message = json::parse(body);
      if (message.contains("error")) return "an error for a sound request: " + body.substr(0, 300);
      if (!message.contains("id") || message["id"] == 0) continue;
      const Question& asked = asked_[message["id"].get<std::size_t>() - 1];
      if (std::string wrong = check_answer(asked, message["result"]); !wrong.empty()) return wrong;
    }
    // What was typed piece by piece is what was opened whole.
    Typist fresh(sheet_.utf8());
    const json last = diagnostics(said);
    const json anew = diagnostics(lsp::converse(fresh.input_, files(), kSteps));
    if (last != anew)
      return "other diagnostics than of the text itself: " + last.dump().substr(0, 400) +
             " against " + anew.dump().substr(0, 400);
    for (const json& each : last)
      if (!sheet_.has(each["range"])) return "a diagnostic outside the text: " + each.dump();
    return "";
  }

 private:
  void send(const std::string& method, json params, std::optional<int> id = {}) {
    json message = {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
    if (id) message["id"] = *id;
    input_ += lsp::framed(message.dump());
  }
  void open(const std::string& text) {
    send("textDocument/didOpen",
         {{"textDocument", {{"uri", kUri}, {"languageId", "hv"}, {"version", 1}, {"text", text}}}});
  }
  static json diagnostics(const lsp::Conversation& said) {
    json last = json::array();
    for (const std::string& body : said.bodies) {
      const json message = json::parse(body);
      if (message.value("method", "") == "textDocument/publishDiagnostics" &&
          message["params"]["uri"] == kUri)
        last = message["params"]["diagnostics"];
    }
    return last;
  }

  Sheet sheet_;
  std::string input_;
  std::vector<Question> asked_;
  int version_ = 1;
};

constexpr std::string_view kDashes = "\n----\n";

std::string run_typing(std::string_view input) {
  if (!is_utf8(input)) return "";
  const std::size_t dashes = std::min(input.rfind(kDashes), input.size());
  Typist typist{std::string(input.substr(0, dashes))};
  input.remove_prefix(std::min(input.size(), dashes + kDashes.size()));
  for (int count = 0; !input.empty() && count < 40; ++count) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    typist.carry_out(line);
  }
  return typist.check();
}

// The text is edited as texts are; the commands are made anew.
std::string edit_typing(const Target& target, std::string_view seed, Random& random) {
  std::string out(seed.substr(0, seed.rfind(kDashes)));
  if (random.below(2) == 0) out = edit_text(target, out, random);
  const auto lines = static_cast<uint64_t>(std::count(out.begin(), out.end(), '\n')) + 2;
  const auto place = [&](uint64_t line) {
    return " " + std::to_string(line) + " " + std::to_string(random.below(40));
  };
  out += kDashes;
  for (uint64_t i = 0, count = 1 + random.below(12); i < count; ++i) {
    const uint64_t line = random.below(lines);
    if (random.below(2) == 0) {
      out += std::string(1, "hdrkfla"[random.below(7)]) + place(line) + "\n";
      continue;
    }
    out += "c" + place(line) + place(line + (random.below(4) == 0 ? random.below(3) : 0)) + " ";
    for (uint64_t k = random.below(4); k > 0; --k) {
      for (const char c : target.words[random.below(target.words.size())])
        out += c == '\n' ? std::string("\\n") : c == '\r' ? std::string("\\r") : std::string(1, c);
      if (random.below(2) == 0) out += ' ';
    }
    out += "\n";
  }
  return out;
}

// ---- seeds

std::string session_of(const std::string& text) {
  const auto line = [](const char* method, json params, int id) {
    json message = {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
    if (id != 0) message["id"] = id;
    return message.dump() + "\n";
  };
  const json document = {{"uri", kUri}};
  const json place = {{"line", 3}, {"character", 6}};
  const json range = {{"start", place}, {"end", {{"line", 4}, {"character", 0}}}};
  const json at = {{"textDocument", document}, {"position", place}};
  const json change = {{"range", range}, {"text", "memory = 1"}};
  std::string out =
      line("initialize",
           {{"rootUri", "file:///p"},
            {"capabilities", {{"general", {{"positionEncodings", {"utf-8", "utf-16"}}}}}}},
           1) +
      line("initialized", json::object(), 0) +
      line(
          "textDocument/didOpen",
          {{"textDocument", {{"uri", kUri}, {"languageId", "hv"}, {"version", 1}, {"text", text}}}},
          0);
  int id = 2;
  for (const char* method : {"hover", "definition", "references", "documentHighlight", "completion",
                             "documentSymbol", "formatting"})
    out += line((std::string("textDocument/") + method).c_str(), at, id++);
  out += line("textDocument/codeAction",
              {{"textDocument", document},
               {"range", range},
               {"context", {{"diagnostics", json::array()}, {"only", {"quickfix"}}}}},
              id++);
  out += line("textDocument/didChange",
              {{"textDocument", {{"uri", kUri}, {"version", 2}}},
               {"contentChanges", json::array({change, {{"text", "domain a:\n    memry = 1\n"}}})}},
              0);
  out += line("workspace/didChangeWatchedFiles", {{"changes", json::array()}}, 0);
  out += line("textDocument/didClose", {{"textDocument", document}}, 0);
  out += line("shutdown", nullptr, id++) + line("exit", nullptr, 0);
  return out;
}

}  // namespace

std::vector<Target> lsp_targets() {
  Target messages{"lsp", "messages to the language server, one a line", run_messages, {}, {}, {}};
  Target typing{"typing", "an editor at the language server", run_typing, {}, {}, edit_typing};
  for (Target& target : language_targets())
    if (target.name == "vm") {
      typing.words = target.words;
      for (const std::string& text : target.seeds) {
        if (text.size() > 4000 || !is_utf8(text)) continue;
        messages.seeds.push_back(session_of(text));
        typing.seeds.push_back(text + std::string(kDashes));
      }
    }
  // A comment that no line end follows was looked for before the text's beginning.
  typing.seeds.push_back("# a comment that ends the file" + std::string(kDashes) + "f 0 0\n");
  for (const char* word : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9d\x84\x9e", "\r", "\r\n", "memry",
                           "vdisk", "rescue", "from \"base.vm\" import debian", "(debian)"})
    typing.words.emplace_back(word);
  for (const char* word : {"{",
                           "}",
                           "[",
                           "]",
                           ":",
                           ",",
                           "null",
                           "true",
                           "-1",
                           "1e999",
                           "4294967296",
                           "\"id\"",
                           "\"method\"",
                           "\"params\"",
                           "\"textDocument\"",
                           "\"uri\"",
                           "\"position\"",
                           "\"line\"",
                           "\"character\"",
                           "\"range\"",
                           "\"text\"",
                           "\"contentChanges\"",
                           "\"$/cancelRequest\"",
                           "\"initialize\"",
                           "\"shutdown\"",
                           "\"exit\"",
                           "\"textDocument/hover\"",
                           "\"file:///p/hv.toml\"",
                           "\"untitled:x\"",
                           "\"file:///p/base.vm\"",
                           "\"\\ud83d\"",
                           "\"\\u0000\"",
                           "\n",
                           "raw Content-Length: 5\n",
                           "raw Content-Length: 99999999999\n",
                           "raw \n",
                           "raw x: y"})
    messages.words.emplace_back(word);
  return {std::move(messages), std::move(typing)};
}

}  // namespace hv::fuzz
