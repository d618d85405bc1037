#include "lsp/answers.h"

#include <algorithm>

#include "lang/format.h"

namespace hv::lsp {
namespace {

std::string fenced(const std::string& text, const char* language) {
  return std::string("```") + language + "\n" + text + (text.ends_with('\n') ? "" : "\n") + "```\n";
}

struct AttributeName {
  Kind kind;
  std::string name;
};
std::optional<AttributeName> attribute_of(const std::string& key) {
  if (!key.starts_with("a:")) return std::nullopt;
  const std::size_t dot = key.find('.');
  const std::optional<Kind> kind = kind_from(std::string_view(key).substr(2, dot - 2));
  if (!kind) return std::nullopt;
  return AttributeName{*kind, key.substr(dot + 1)};
}

// The name at the end of "v:PATH:SCOPE:NAME".
std::string name_of(const std::string& key) {
  return key.substr(key.rfind(':') + 1);
}
bool at_top(const std::string& key) {
  const std::size_t last = key.rfind(':');
  return last >= 2 && key.compare(last - 2, 2, ":0") == 0;
}
std::string path_of(const std::string& key) {
  const std::size_t last = key.rfind(':');
  const std::size_t scope = key.rfind(':', last - 1);
  return key.substr(2, scope - 2);
}

const Attribute* key_attribute(const Schema& schema, const std::string& name) {
  const Attribute* found = schema.find_key(name, false);
  return found != nullptr ? found : schema.find_key(name, true);
}

std::string describe_attribute(Kind kind, const Attribute& attribute) {
  return fenced(std::string(to_string(kind)) + "." + describe(attribute), "text");
}

std::optional<std::string> words_of(Workspace& workspace, const std::string& key,
                                    const std::string& path) {
  for (const std::string& each : workspace.project_files(path))
    if (const FileIndex* index = workspace.index(each))
      if (auto found = index->declarations.find(key); found != index->declarations.end())
        return found->second;
  return std::nullopt;
}

}  // namespace

std::optional<Hover> hover(Workspace& workspace, const std::string& path, Position at) {
  const FileIndex* index = workspace.index(path);
  if (index == nullptr) return std::nullopt;
  const TextLines lines = workspace.lines(index->text);
  const Occurrence* here = index->at(lines.offset(at));
  if (here == nullptr) return std::nullopt;
  Hover answer;
  answer.range = lines.range(here->begin, here->end);
  const std::string key = workspace.resolve(here->key);
  Workspace::Around& around = workspace.around(path);
  if (const std::optional<AttributeName> name = attribute_of(key)) {
    const Attribute* attribute = around.schema->find(name->kind, name->name);
    if (attribute == nullptr) return std::nullopt;
    answer.markdown = describe_attribute(name->kind, *attribute);
    return answer;
  }
  if (key.starts_with("v:") || key.starts_with("r:")) {
    const std::string name = name_of(key);
    if (const FileIndex* there = key.starts_with("v:") ? workspace.index(path_of(key)) : nullptr)
      if (there->domain_file && at_top(key))
        if (const Attribute* attribute = key_attribute(*around.schema, name)) {
          answer.markdown = describe_attribute(Kind::domain, *attribute);
          return answer;
        }
    const std::optional<std::string> words = words_of(workspace, key, path);
    if (words) answer.markdown = fenced(*words, "python");
    if (key.starts_with("v:") && at_top(key)) {
      const std::string type = workspace.type_of(path_of(key), name);
      if (!type.empty()) answer.markdown += "type `" + type + "`\n";
    } else if (key.starts_with("r:")) {
      answer.markdown += "`" + key.substr(2) + "`\n";
    }
    if (answer.markdown.empty()) return std::nullopt;
    return answer;
  }
  if (key.starts_with("p:")) {
    answer.markdown = "`" + key.substr(2) + "`\n";
    return answer;
  }
  if (key.starts_with("u:")) {
    const std::string name = key.substr(2);
    if (auto host = around.project.hosts.find(HostName{name}); host != around.project.hosts.end()) {
      answer.markdown = "host `" + name + "` of hv.toml, driver `" +
                        std::string(to_string(host->second.driver)) + "`\n";
      return answer;
    }
  }
  return std::nullopt;
}

std::vector<Location> definition(Workspace& workspace, const std::string& path, Position at) {
  std::vector<Location> found;
  const FileIndex* index = workspace.index(path);
  if (index == nullptr) return found;
  const Occurrence* here = index->at(workspace.lines(index->text).offset(at));
  if (here == nullptr) return found;
  const std::string key = workspace.resolve(here->key);
  if (key.starts_with("p:")) {
    if (workspace.files().what(key.substr(2)) == Files::What::file)
      found.push_back({key.substr(2), {}});
    return found;
  }
  if (key.starts_with("u:")) {
    const Workspace::Around& around = workspace.around(path);
    const Project& project = around.project;
    auto host = project.hosts.find(HostName{key.substr(2)});
    if (host == project.hosts.end() || !host->second.span.valid()) return found;
    const std::string toml = Workspace::absolute(around, "hv.toml");
    if (Result<std::string> text = workspace.files().read(toml); text.ok())
      found.push_back(
          {toml, workspace.lines(*text).range(host->second.span.begin, host->second.span.end)});
    return found;
  }
  // An attribute is set in many blocks: the one of this file, before the place.
  const bool attribute = key.starts_with("a:");
  const std::vector<std::string> files =
      attribute ? std::vector<std::string>{path} : workspace.project_files(path);
  for (const std::string& file : files) {
    const FileIndex* there = workspace.index(file);
    if (there == nullptr) continue;
    const TextLines lines = workspace.lines(there->text);
    for (const Occurrence& each : there->occurrences) {
      if (!each.binds || workspace.resolve(each.key) != key) continue;
      if (attribute && each.begin > here->begin) break;
      if (attribute) found.clear();
      found.push_back({file, lines.range(each.begin, each.end)});
      if (!attribute) return found;
    }
  }
  if (!found.empty() || !key.starts_with("r:")) return found;
  // Declared with a computed name: where the program declared it as it ran.
  Workspace::Around& around = workspace.around(path);
  const std::size_t dot = key.find('.');
  const std::optional<Kind> kind = kind_from(std::string_view(key).substr(2, dot - 2));
  if (!kind) return found;
  const Resource* resource = around.desired.find(Address{*kind, key.substr(dot + 1)});
  if (resource == nullptr) return found;
  const Place place = std::visit([](const auto& spec) { return spec.place; }, *resource);
  if (!place.valid()) return found;
  const std::string file = Workspace::absolute(around, place.file);
  const FileIndex* there = workspace.index(file);
  if (there == nullptr) return found;
  const uint32_t offset =
      TextLines(there->text, Encoding::utf32).offset({place.line - 1, place.column - 1});
  found.push_back({file, workspace.lines(there->text).range(offset, offset)});
  return found;
}

std::vector<Location> references(Workspace& workspace, const std::string& path, Position at,
                                 bool with_declarations) {
  std::vector<Location> found;
  const FileIndex* index = workspace.index(path);
  if (index == nullptr) return found;
  const Occurrence* here = index->at(workspace.lines(index->text).offset(at));
  if (here == nullptr) return found;
  const std::string key = workspace.resolve(here->key);
  if (key.starts_with("p:")) return found;
  for (const std::string& file : workspace.project_files(path)) {
    const FileIndex* there = workspace.index(file);
    if (there == nullptr) continue;
    const TextLines lines = workspace.lines(there->text);
    for (const Occurrence& each : there->occurrences)
      if ((with_declarations || !each.binds) && workspace.resolve(each.key) == key)
        found.push_back({file, lines.range(each.begin, each.end)});
  }
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::optional<std::vector<TextEdit>> format_edits(const Workspace& workspace,
                                                  const std::string& text) {
  SourceMap sources;
  Diagnostics ignored;
  const FileId file = sources.add("", text);
  const std::optional<std::string> formatted = lang::format(file, sources, ignored);
  if (!formatted) return std::nullopt;
  if (*formatted == text) return std::vector<TextEdit>{};
  if (!lang::same_program(text, *formatted)) return std::nullopt;
  // One edit from the first line that differs to the last, so that the cursor stays.
  std::size_t head = 0;
  while (head < text.size() && head < formatted->size() && text[head] == (*formatted)[head]) ++head;
  head = head == 0 ? 0 : text.rfind('\n', head - 1) + 1;
  std::size_t tail = 0;
  while (tail < text.size() - head && tail < formatted->size() - head &&
         text[text.size() - 1 - tail] == (*formatted)[formatted->size() - 1 - tail])
    ++tail;
  // Between characters, and not between "\r" and "\n".
  while (tail > 0 && text[text.size() - tail - 1] != '\n') --tail;
  const TextLines lines = workspace.lines(text);
  return std::vector<TextEdit>{
      {lines.range(static_cast<uint32_t>(head), static_cast<uint32_t>(text.size() - tail)),
       formatted->substr(head, formatted->size() - tail - head)}};
}

}  // namespace hv::lsp
