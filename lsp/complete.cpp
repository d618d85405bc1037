// Completion: from the text before the cursor, since what is being typed seldom parses.
#include <algorithm>
#include <array>
#include <set>

#include "compiler/interp.h"
#include "lsp/answers.h"

namespace hv::lsp {
namespace {

constexpr std::array<std::string_view, 12> kStatementWords{"assert", "def",   "elif",   "else",
                                                           "for",    "if",    "import", "pass",
                                                           "print",  "raise", "return", "while"};
constexpr std::array<std::string_view, 6> kBlockWords{"assert", "elif", "else",
                                                      "for",    "if",   "pass"};
constexpr std::array<std::string_view, 9> kDeclaring{
    "domain", "vdisk", "pool", "network", "template", "param", "schema", "moved", "from"};
constexpr std::array<std::string_view, 11> kOperandWords{
    "False", "None", "True", "and", "else", "for", "if", "in", "is", "lambda", "not"};
constexpr std::array<std::string_view, 18> kTypes{
    "any", "bool", "cidr", "dict", "duration", "float",  "int",  "ip",  "list",
    "mac", "None", "path", "ref",  "regex",    "secret", "size", "str", "tuple"};

bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}
std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && in_name(text[end])) ++end;
  return text.substr(0, end);
}

// The block around a line, told from indentation alone.
struct Block {
  std::optional<Kind> kind;
  bool lifecycle = false;
  bool top = true;
};
Block block_around(std::string_view text, std::size_t line_begin, std::size_t indent) {
  Block block;
  std::size_t limit = indent;
  while (line_begin > 0 && limit > 0) {
    const std::size_t end = line_begin - 1;
    const std::size_t begin = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;
    line_begin = begin;
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t column = line.find_first_not_of(" \t");
    if (column == line.npos || column >= limit || line[column] == '#' ||
        !trimmed(line).ends_with(':'))
      continue;
    limit = column;
    block.top = false;
    const std::string_view word = first_word(trimmed(line));
    if (word == "lifecycle") block.lifecycle = true;
    if (word == "def" || word == "schema") return block;
    if (const std::optional<Kind> kind = kind_from(word)) block.kind = kind;
    if (word == "template") block.kind = Kind::domain;
    if (block.kind) return block;
  }
  return block;
}

class Completer {
 public:
  Completer(Workspace& workspace, const std::string& path, const FileIndex& index, uint32_t at)
      : workspace_(workspace),
        path_(path),
        index_(index),
        around_(workspace.around(path)),
        lines_(workspace.lines(index.text)) {
    const std::string_view text = index.text;
    line_begin_ = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    if (line_begin_ > at) line_begin_ = 0;
    line_ = text.substr(line_begin_, at - line_begin_);
    std::size_t word = line_.size();
    while (word > 0 && in_name(line_[word - 1])) --word;
    before_ = line_.substr(0, word);
    replaces_ = lines_.range(static_cast<uint32_t>(line_begin_ + word), at);
    at_ = at;
    const std::size_t indent = std::min(line_.find_first_not_of(" \t"), line_.size());
    block_ = block_around(text, line_begin_, indent);
  }

  std::vector<Item> run() {
    const std::optional<std::size_t> string = open_string();
    if (string) {
      in_string(*string);
    } else if (before_.find('#') != before_.npos) {
      // a comment
    } else if (trimmed(before_).empty()) {
      statement();
    } else {
      expression();
    }
    return std::move(items_);
  }

 private:
  void add(std::string_view label, ItemKind kind, std::string detail = {}, std::string doc = {},
           std::string insert = {}) {
    if (!labels_.insert(std::string(label)).second) return;
    Item item{std::string(label), kind,      std::move(detail),
              std::move(doc),     replaces_, std::move(insert)};
    if (item.insert.empty()) item.insert = item.label;
    items_.push_back(std::move(item));
  }

  // Where the string begins that the cursor stands in.
  std::optional<std::size_t> open_string() const {
    char quote = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < line_.size(); ++i) {
      const char c = line_[i];
      if (quote != 0) {
        if (c == '\\')
          ++i;
        else if (c == quote)
          quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
        begin = i;
      } else if (c == '#') {
        return std::nullopt;
      }
    }
    if (quote == 0) return std::nullopt;
    return begin;
  }

  // The attribute that the line assigns.
  const Attribute* assigned() const {
    const std::string_view line = trimmed(line_);
    const std::string name(first_word(line));
    std::string_view rest = trimmed(line.substr(name.size()));
    if (rest.starts_with('+')) rest.remove_prefix(1);
    if (name.empty() || !rest.starts_with('=') || rest.starts_with("==")) return nullptr;
    return attribute(name);
  }
  const Attribute* attribute(const std::string& name) const {
    if (block_.kind || block_.lifecycle)
      return around_.schema->find(block_.kind.value_or(Kind::domain),
                                  (block_.lifecycle ? "lifecycle." : "") + name);
    if (!block_.top || !old_file()) return nullptr;
    const Attribute* found = around_.schema->find_key(name, false);
    return found != nullptr ? found : around_.schema->find_key(name, true);
  }
  bool old_file() const {
    return index_.domain_file ||
           std::none_of(index_.outline.begin(), index_.outline.end(), [](const OutlineEntry& each) {
             return each.kind == OutlineKind::resource || each.kind == OutlineKind::template_;
           });
  }

  void choices(const Attribute& attribute, bool quoted) {
    for (const std::string_view choice : attribute.choices) {
      const std::string text(choice);
      add(text, ItemKind::value, std::string(attribute.name), {},
          quoted ? text : "\"" + text + "\"");
    }
  }

  void in_string(std::size_t begin) {
    // All of the string so far is replaced: choices have dashes in them.
    const auto from = static_cast<uint32_t>(line_begin_ + begin + 1);
    replaces_ = lines_.range(from, at_);
    const std::string_view before = trimmed(line_.substr(0, begin));
    if (before == "from") {
      files();
      return;
    }
    for (const Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network}) {
      const std::string open = std::string(to_string(kind)) + "[";
      if (before.ends_with(open)) {
        resources(kind);
        return;
      }
    }
    const Attribute* known = assigned();
    if (known != nullptr && before.ends_with('=')) choices(*known, true);
  }

  void files() {
    const std::string folder = path_.substr(0, std::max<std::size_t>(path_.rfind('/'), 1));
    Result<std::vector<std::string>> names = workspace_.files().list(folder);
    if (!names.ok()) return;
    for (const std::string& name : *names)
      if (name.ends_with(".vm") && folder + "/" + name != path_) add(name, ItemKind::value);
  }

  void resources(Kind kind) {
    const std::string prefix = "r:" + std::string(to_string(kind)) + ".";
    for (const std::string& file : workspace_.project_files(path_))
      if (const FileIndex* there = workspace_.index(file))
        for (const auto& [key, words] : there->declarations)
          if (key.starts_with(prefix) && !key.substr(prefix.size()).starts_with("f\""))
            add(key.substr(prefix.size()), ItemKind::resource, words);
    // With names that were computed, as of the last run.
    for (const Resource& each : around_.desired.resources())
      if (address_of(each).kind == kind) add(address_of(each).name, ItemKind::resource);
  }

  void attributes(Kind kind, bool lifecycle) {
    for (const Attribute& each : around_.schema->attributes(kind)) {
      const bool of_lifecycle = each.name.starts_with("lifecycle.");
      if (of_lifecycle != lifecycle) continue;
      const std::string name(lifecycle ? each.name.substr(10) : each.name);
      add(name, ItemKind::attribute, std::string(hv::describe(each.type)), hv::describe(each),
          name + " = ");
    }
  }

  void names() {
    for (const auto& [name, key] : index_.exports) {
      const auto words = index_.declarations.find(workspace_.resolve(key));
      const std::string detail = words == index_.declarations.end() ? "" : words->second;
      const bool function = detail.starts_with("def ");
      add(name,
          key.starts_with("r:") ? ItemKind::resource
          : function            ? ItemKind::function
                                : ItemKind::variable,
          detail);
    }
  }

  void statement() {
    if (block_.kind || block_.lifecycle) {
      attributes(block_.kind.value_or(Kind::domain), block_.lifecycle);
      for (const std::string_view word : kBlockWords) add(word, ItemKind::keyword);
      if (block_.kind == Kind::domain && !block_.lifecycle)
        add("lifecycle", ItemKind::keyword, "protect, on_restart_needed, …", {}, "lifecycle:");
      return;
    }
    for (const std::string_view word : kStatementWords) add(word, ItemKind::keyword);
    if (block_.top)
      for (const std::string_view word : kDeclaring) add(word, ItemKind::keyword);
    if (block_.top && old_file())
      for (const Attribute& each : around_.schema->attributes(Kind::domain))
        if (each.legacy_key)
          add(each.name, ItemKind::attribute, std::string(hv::describe(each.type)),
              hv::describe(each), std::string(each.name) + " = ");
    names();
  }

  bool type_position() const {
    const std::string_view line = trimmed(before_);
    const std::string_view word = first_word(line);
    if (line.find('=') != line.npos) return false;
    if (word == "param" || word == "def") {
      const std::size_t last = line.find_last_of(":,(>");
      return last != line.npos && (line[last] == ':' || line[last] == '>');
    }
    return false;
  }

  void expression() {
    const std::string_view line = trimmed(before_);
    if (line.ends_with('.')) {
      const std::string_view object = line.substr(0, line.size() - 1);
      std::size_t begin = object.size();
      while (begin > 0 && in_name(object[begin - 1])) --begin;
      if (const std::optional<Kind> kind = kind_from(object.substr(begin));
          kind && !index_.exports.contains(std::string(object.substr(begin)))) {
        resources(*kind);
        return;
      }
      member(object.substr(begin));
      return;
    }
    const std::string_view word = first_word(line);
    const bool header = kind_from(word).has_value() || word == "template";
    if (header && line.ends_with(" on")) {
      hosts();
      return;
    }
    if (word == "vdisk" && line.ends_with(" in")) {
      resources(Kind::pool);
      return;
    }
    if (header && line.find('(') != line.npos && line.find(')') == line.npos &&
        (line.ends_with('(') || line.ends_with(','))) {
      for (const OutlineEntry& each : index_.outline)
        if (each.kind == OutlineKind::template_)
          add(each.name.substr(each.name.find(' ') + 1), ItemKind::variable, each.detail);
      names();
      return;
    }
    if (word == "moved") {
      for (const Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network})
        add(to_string(kind), ItemKind::keyword);
      return;
    }
    if (type_position()) {
      for (const std::string_view type : kTypes) add(type, ItemKind::type);
      return;
    }
    value(line);
  }

  // Behind `name.`: the attributes of the resource that it names.
  void member(std::string_view name) {
    auto bound = index_.exports.find(std::string(name));
    std::string key = bound == index_.exports.end() ? "" : workspace_.resolve(bound->second);
    if (key.empty()) {  // kind.name.
      for (const Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network})
        if (before_.find(std::string(to_string(kind)) + "." + std::string(name)) != before_.npos)
          key = "r:" + std::string(to_string(kind)) + ".";
    }
    if (!key.starts_with("r:")) return;
    if (const std::optional<Kind> kind = kind_from(key.substr(2, key.find('.') - 2)))
      for (const Attribute& each : around_.schema->attributes(*kind))
        if (!each.name.starts_with("lifecycle."))
          add(each.name, ItemKind::attribute, std::string(hv::describe(each.type)),
              hv::describe(each));
  }

  void hosts() {
    for (const auto& [name, host] : around_.project.hosts)
      add(name.text, ItemKind::host, std::string(to_string(host.driver)));
  }

  void value(std::string_view line) {
    const Attribute* known = assigned();
    if (known != nullptr && line.ends_with('=')) {
      choices(*known, false);
      if (known->type == AttributeType::boolean)
        for (const std::string_view word : {"True", "False"})
          add(word, ItemKind::value, std::string(known->name));
      if (known->reference_kind) resources(*known->reference_kind);
      if (known->name == "host") hosts();
      if (known->type == AttributeType::choice) return;
    }
    names();
    if (block_.kind || block_.lifecycle)
      for (const Attribute& each : around_.schema->attributes(block_.kind.value_or(Kind::domain)))
        if (!each.name.starts_with("lifecycle."))
          add(each.name, ItemKind::attribute, std::string(hv::describe(each.type)));
    for (const std::string_view word : kOperandWords) add(word, ItemKind::keyword);
    for (const std::string_view name : compiler::builtin_names()) add(name, ItemKind::function);
    for (const Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network})
      add(to_string(kind), ItemKind::keyword);
    hosts();
  }

  Workspace& workspace_;
  const std::string& path_;
  const FileIndex& index_;
  Workspace::Around& around_;
  TextLines lines_;
  std::size_t line_begin_ = 0;
  uint32_t at_ = 0;
  std::string_view line_;    // up to the cursor
  std::string_view before_;  // … without the word at it
  Range replaces_;
  Block block_;
  std::vector<Item> items_;
  std::set<std::string> labels_;
};

}  // namespace

std::vector<Item> complete(Workspace& workspace, const std::string& path, Position at) {
  const FileIndex* index = workspace.index(path);
  if (index == nullptr) return {};
  return Completer(workspace, path, *index, workspace.lines(index->text).offset(at)).run();
}

}  // namespace hv::lsp
