// The protocol: JSON in, JSON out. All of lsp/ that knows JSON.
#include "lsp/server.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "lsp/answers.h"
#include "lsp/channel.h"
#include "lsp/protocol.h"
#include "lsp/workspace.h"

namespace hv::lsp {
namespace {

using nlohmann::json;

constexpr std::size_t kMostWaiting = 256;

json to_json(Position position) {
  return {{"line", position.line}, {"character", position.character}};
}
json to_json(Range range) {
  return {{"start", to_json(range.start)}, {"end", to_json(range.end)}};
}
Position position_from(const json& from) {
  const auto number = [&](const char* name) -> uint32_t {
    const json& value = from.at(name);
    if (value.is_number_float())
      return static_cast<uint32_t>(std::max(0.0, std::min(value.get<double>(), 0x1p31 - 1)));
    return static_cast<uint32_t>(std::clamp<int64_t>(value.get<int64_t>(), 0, INT32_MAX));
  };
  return {number("line"), number("character")};
}
Range range_from(const json& from) {
  return {position_from(from.at("start")), position_from(from.at("end"))};
}

bool overlaps(Range a, Range b) {
  return a.start <= b.end && b.start <= a.end;
}

// How deep brackets nest. What handles JSON copies and writes it by recursion.
constexpr unsigned kDeepest = 64;
bool too_deep(std::string_view text) {
  unsigned depth = 0;
  bool string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (string) {
      if (c == '\\') ++i;
      if (c == '"') string = false;
    } else if (c == '"') {
      string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

// The disk, but for what is no file: a project that names a pipe must not make the server wait.
class EditorFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) const override {
    std::error_code failed;
    if (std::filesystem::exists(path, failed) && !std::filesystem::is_regular_file(path, failed))
      return Error{Code::file_unreadable, "`" + path + "` is not a regular file", {}};
    return disk_files().read(path);
  }
  What what(const std::string& path) const override { return disk_files().what(path); }
  std::string canonical(const std::string& path) const override {
    return disk_files().canonical(path);
  }
  Result<std::vector<std::string>> list(const std::string& folder) const override {
    return disk_files().list(folder);
  }
};

class Server {
 public:
  explicit Server(const ServerOptions& options)
      : channel_(options.input, options.output),
        files_(options.files != nullptr ? *options.files : editor_files_),
        workspace_(files_, options.is_dom0, options.steps) {
    requests_ = {
        {"textDocument/hover", &Server::answer_hover},
        {"textDocument/definition", &Server::answer_definition},
        {"textDocument/references", &Server::answer_references},
        {"textDocument/documentHighlight", &Server::answer_highlight},
        {"textDocument/documentSymbol", &Server::answer_symbols},
        {"textDocument/completion", &Server::answer_completion},
        {"textDocument/formatting", &Server::answer_formatting},
        {"textDocument/codeAction", &Server::answer_code_actions},
    };
    notices_ = {
        {"initialized", &Server::on_initialized},
        {"textDocument/didOpen", &Server::on_open},
        {"textDocument/didChange", &Server::on_change},
        {"textDocument/didClose", &Server::on_close},
        {"textDocument/didSave", &Server::on_disk},
        {"workspace/didChangeWatchedFiles", &Server::on_disk},
    };
  }

  int run() {
    while (!exit_) {
      if (waiting_.empty()) {
        take_all();
        if (waiting_.empty()) {
          if (dirty_) {
            publish();
            continue;
          }
          if (!channel_.wait()) break;
          continue;
        }
      }
      take_all();
      const json message = std::move(waiting_.front());
      waiting_.pop_front();
      handle(message);
      if (broken_) break;
    }
    return shut_down_ && exit_ ? 0 : 1;
  }

 private:
  struct Document {
    std::string uri;
    json version;
  };

  // Everything that has come, cancellations carried out at once.
  void take_all() {
    while (waiting_.size() < kMostWaiting) {
      std::optional<Channel::Incoming> incoming = channel_.next();
      if (!incoming) return;
      json message = incoming->malformed || too_deep(incoming->body)
                         ? json(json::value_t::discarded)
                         : json::parse(incoming->body, nullptr, false);
      if (message.is_discarded()) {
        fail(nullptr, Failure::parse_error,
             "the message is not JSON with a Content-Length, or too large");
        continue;
      }
      if (message.is_object() && message.value("method", json()) == "$/cancelRequest") {
        const json params = message.value("params", json());
        if (params.is_object() && params.contains("id")) cancel(params["id"]);
        continue;
      }
      waiting_.push_back(std::move(message));
    }
  }

  // Only what still waits can be cancelled.
  void cancel(const json& id) {
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at)
      if (at->is_object() && at->contains("method") && at->contains("id") && (*at)["id"] == id) {
        waiting_.erase(at);
        fail(id, Failure::cancelled, "cancelled");
        return;
      }
  }

  void send(const json& message) {
    if (!channel_.send(message.dump(-1, ' ', false, json::error_handler_t::replace)))
      broken_ = true;
  }
  void reply(const json& id, json result) {
    send({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
  }
  void fail(const json& id, Failure code, const std::string& message) {
    send({{"jsonrpc", "2.0"},
          {"id", id},
          {"error", {{"code", static_cast<int>(code)}, {"message", message}}}});
  }
  void notify(const char* method, json params) {
    send({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
  }

  void handle(const json& message) {
    if (!message.is_object()) {
      fail(nullptr, Failure::invalid_request, "a message is one JSON object");
      return;
    }
    const bool request = message.contains("id");
    json id = request ? message["id"] : json();
    if (!id.is_string() && !id.is_number() && !id.is_null()) {
      fail(nullptr, Failure::invalid_request, "an id is a number or a string");
      return;
    }
    if (!message.contains("method") || !message["method"].is_string()) {
      // Without a method it is an answer to what was asked of the client, which needs none.
      if (!message.contains("result") && !message.contains("error"))
        fail(id, Failure::invalid_request, "a message has a method");
      return;
    }
    const auto method = message["method"].get<std::string>();
    const json params = message.value("params", json::object());
    try {
      if (request)
        answer(id, method, params);
      else
        notice(method, params);
    } catch (const json::exception& error) {
      if (request) fail(id, Failure::invalid_params, method + ": " + error.what());
    }
  }

  void answer(const json& id, const std::string& method, const json& params) {
    if (method == "initialize") {
      initialize(id, params);
    } else if (!initialized_) {
      fail(id, Failure::not_initialized, "the first request is `initialize`");
    } else if (shut_down_) {
      fail(id, Failure::invalid_request, "after `shutdown` there is only `exit`");
    } else if (method == "shutdown") {
      shut_down_ = true;
      reply(id, nullptr);
    } else if (auto found = requests_.find(method); found != requests_.end()) {
      reply(id, (this->*found->second)(params));
    } else {
      fail(id, Failure::method_not_found, "there is no `" + method + "`");
    }
  }

  void notice(const std::string& method, const json& params) {
    if (method == "exit") {
      exit_ = true;
      return;
    }
    if (!initialized_ || shut_down_) return;
    if (auto found = notices_.find(method); found != notices_.end()) (this->*found->second)(params);
  }

  void initialize(const json& id, const json& params) {
    if (initialized_) {
      fail(id, Failure::invalid_request, "`initialize` came twice");
      return;
    }
    initialized_ = true;
    if (params.is_object() && params.contains("rootUri") && params["rootUri"].is_string())
      root_ = path_of_uri(params["rootUri"].get<std::string>()).value_or("");
    negotiate(params);
    const json sync = {{"openClose", true}, {"change", 2}, {"save", true}};
    reply(id, {{"capabilities",
                {{"positionEncoding", to_string(encoding_)},
                 {"textDocumentSync", sync},
                 {"hoverProvider", true},
                 {"definitionProvider", true},
                 {"referencesProvider", true},
                 {"documentHighlightProvider", true},
                 {"documentSymbolProvider", true},
                 {"documentFormattingProvider", true},
                 {"completionProvider", {{"triggerCharacters", {".", "\"", "'", "["}}}},
                 {"codeActionProvider", {{"codeActionKinds", {"quickfix"}}}}}},
               {"serverInfo", {{"name", "hv"}}}});
  }

  // The first encoding of the client's list; and whether it can tell of files that change.
  void negotiate(const json& params) {
    const auto member = [](const json& of, const char* name) {
      return of.is_object() && of.contains(name) ? of[name] : json();
    };
    const json capabilities = member(params, "capabilities");
    const json encodings = member(member(capabilities, "general"), "positionEncodings");
    for (const json& each : encodings.is_array() ? encodings : json::array())
      if (each.is_string())
        if (const auto known = encoding_from(each.get<std::string>())) {
          encoding_ = *known;
          break;
        }
    workspace_.count_in(encoding_);
    const json watching = member(member(capabilities, "workspace"), "didChangeWatchedFiles");
    can_watch_ = member(watching, "dynamicRegistration") == true;
  }

  // The client is asked to tell what changes on disk: imports and hv.toml count too.
  void on_initialized(const json&) {
    if (!can_watch_) return;
    json watchers = json::array();
    for (const char* pattern : {"**/*.vm", "**/*.cfg", "**/*.toml"})
      watchers.push_back({{"globPattern", pattern}});
    const json options = {{"watchers", std::move(watchers)}};
    const json registration = {{"id", "files"},
                               {"method", "workspace/didChangeWatchedFiles"},
                               {"registerOptions", options}};
    send({{"jsonrpc", "2.0"},
          {"id", "hv-watch"},
          {"method", "client/registerCapability"},
          {"params", {{"registrations", json::array({registration})}}}});
  }

  // ---- documents

  std::string path_of(const std::string& uri) const {
    // The name that it had when it was opened: a new file's changes once it is saved.
    if (auto open = paths_.find(uri); open != paths_.end()) return open->second;
    if (const std::optional<std::string> path = path_of_uri(uri)) {
      if (files_.what(*path) != Files::What::absent) return files_.canonical(*path);
      const std::size_t slash = path->rfind('/');
      const std::string folder = files_.canonical(path->substr(0, std::max<std::size_t>(slash, 1)));
      return (folder == "/" ? "" : folder) + path->substr(slash);
    }
    // Not on disk yet: it stands in the folder that the editor opened.
    std::string name;
    for (const char c : uri) name += c == '/' || c == ':' ? '_' : c;
    return (root_.empty() ? "/" : root_ + "/") + name;
  }
  std::string path_from(const json& params) const {
    return path_of(params.at("textDocument").at("uri").get<std::string>());
  }
  std::string uri_of(const std::string& path) const {
    auto found = documents_.find(path);
    return found == documents_.end() ? uri_of_path(path) : found->second.uri;
  }

  void on_open(const json& params) {
    const json& document = params.at("textDocument");
    const std::string path = path_from(params);
    std::string text = document.at("text").get<std::string>();
    const auto uri = document.at("uri").get<std::string>();
    documents_[path] = {uri, document.value("version", json())};
    paths_[uri] = path;
    workspace_.open(path, std::move(text));
    dirty_ = true;
  }

  void on_change(const json& params) {
    const std::string path = path_from(params);
    const std::string* before = workspace_.text(path);
    if (before == nullptr) return;
    // All of them or, where one makes no sense, none.
    std::string text = *before;
    for (const json& change : params.at("contentChanges")) {
      const auto replacement = change.at("text").get<std::string>();
      if (!change.contains("range")) {
        text = replacement;
        continue;
      }
      const Range range = range_from(change.at("range"));
      const TextLines lines = workspace_.lines(text);
      const uint32_t begin = lines.offset(range.start);
      const uint32_t end = std::max(begin, lines.offset(range.end));
      text.replace(begin, end - begin, replacement);
    }
    documents_[path].version = params.at("textDocument").value("version", json());
    workspace_.open(path, std::move(text));
    dirty_ = true;
  }

  void on_close(const json& params) {
    const std::string path = path_from(params);
    workspace_.close(path);
    documents_.erase(path);
    std::erase_if(paths_, [&](const auto& each) { return each.second == path; });
    dirty_ = true;
  }

  void on_disk(const json&) {
    workspace_.changed_on_disk();
    dirty_ = true;
  }

  void publish() {
    dirty_ = false;
    Findings all;
    for (const std::string& path : workspace_.open_paths()) {
      all.try_emplace(path);
      for (const auto& [file, findings] : workspace_.around(path).findings) {
        std::vector<Finding>& there = all[file];
        there.insert(there.end(), findings.begin(), findings.end());
      }
    }
    for (auto& [path, findings] : all) sort_and_thin(findings);
    for (const auto& [path, sent] : sent_) all.try_emplace(path);
    for (const auto& [path, findings] : all) {
      json diagnostics = json::array();
      for (const Finding& finding : findings) diagnostics.push_back(diagnostic(finding));
      json params = {{"uri", uri_of(path)}, {"diagnostics", std::move(diagnostics)}};
      if (auto open = documents_.find(path);
          open != documents_.end() && open->second.version.is_number())
        params["version"] = open->second.version;
      json& last = sent_[path];
      if (last == params) continue;
      last = params;
      notify("textDocument/publishDiagnostics", std::move(params));
    }
    std::erase_if(sent_, [&](const auto& each) {
      return each.second["diagnostics"].empty() && !documents_.contains(each.first);
    });
  }

  json diagnostic(const Finding& finding) const {
    json out = {{"range", to_json(finding.range)},
                {"severity", protocol_number(finding.severity)},
                {"code", finding.code},
                {"source", "hv"},
                {"message", finding.message}};
    for (const Elsewhere& other : finding.related)
      out["relatedInformation"].push_back(
          {{"location", {{"uri", uri_of(other.path)}, {"range", to_json(other.range)}}},
           {"message", other.text}});
    return out;
  }

  // ---- requests

  json location(const Location& place) const {
    return {{"uri", uri_of(place.path)}, {"range", to_json(place.range)}};
  }
  json locations(const std::vector<Location>& places) const {
    json out = json::array();
    for (const Location& place : places) out.push_back(location(place));
    return out;
  }

  json answer_hover(const json& params) {
    const std::optional<Hover> found =
        hover(workspace_, path_from(params), position_from(params.at("position")));
    if (!found) return nullptr;
    return {{"contents", {{"kind", "markdown"}, {"value", found->markdown}}},
            {"range", to_json(found->range)}};
  }

  json answer_definition(const json& params) {
    return locations(
        definition(workspace_, path_from(params), position_from(params.at("position"))));
  }

  json answer_references(const json& params) {
    const json context = params.value("context", json::object());
    return locations(references(workspace_, path_from(params), position_from(params.at("position")),
                                context.value("includeDeclaration", true)));
  }

  json answer_highlight(const json& params) {
    const std::string path = path_from(params);
    json out = json::array();
    for (const Location& place :
         references(workspace_, path, position_from(params.at("position")), true))
      if (place.path == path) out.push_back({{"range", to_json(place.range)}});
    return out;
  }

  json answer_symbols(const json& params) {
    const FileIndex* index = workspace_.index(path_from(params));
    if (index == nullptr) return json::array();
    std::size_t at = 0;
    const TextLines lines = workspace_.lines(index->text);
    return symbols(*index, lines, at, 0);
  }
  static json symbols(const FileIndex& index, const TextLines& lines, std::size_t& at,
                      unsigned depth) {
    json out = json::array();
    while (at < index.outline.size() && index.outline[at].depth >= depth) {
      const OutlineEntry& entry = index.outline[at++];
      json symbol = {{"name", entry.name},
                     {"detail", entry.detail},
                     {"kind", protocol_number(entry.kind)},
                     {"range", to_json(lines.range(entry.begin, entry.end))},
                     {"selectionRange", to_json(lines.range(entry.name_begin, entry.name_end))}};
      json inner = symbols(index, lines, at, entry.depth + 1);
      if (!inner.empty()) symbol["children"] = std::move(inner);
      out.push_back(std::move(symbol));
    }
    return out;
  }

  json answer_completion(const json& params) {
    json items = json::array();
    for (const Item& item :
         complete(workspace_, path_from(params), position_from(params.at("position")))) {
      json out = {{"label", item.label},
                  {"kind", protocol_number(item.kind)},
                  {"textEdit", {{"range", to_json(item.replaces)}, {"newText", item.insert}}}};
      if (!item.detail.empty()) out["detail"] = item.detail;
      if (!item.documentation.empty())
        out["documentation"] = {{"kind", "markdown"},
                                {"value", "```text\n" + item.documentation + "\n```"}};
      items.push_back(std::move(out));
    }
    return {{"isIncomplete", false}, {"items", std::move(items)}};
  }

  json answer_formatting(const json& params) {
    const std::string path = path_from(params);
    const std::string* text = workspace_.text(path);
    if (text == nullptr || path.ends_with(".toml")) return nullptr;
    const std::optional<std::vector<TextEdit>> edits = format_edits(workspace_, *text);
    if (!edits) return nullptr;
    json out = json::array();
    for (const TextEdit& edit : *edits)
      out.push_back({{"range", to_json(edit.range)}, {"newText", edit.text}});
    return out;
  }

  static bool wants_fixes(const json& params) {
    const json context = params.value("context", json::object());
    const json only = context.value("only", json());
    if (!only.is_array()) return true;
    return std::any_of(only.begin(), only.end(),
                       [](const json& kind) { return kind == "quickfix" || kind == ""; });
  }

  json answer_code_actions(const json& params) {
    const std::string path = path_from(params);
    const Range range = range_from(params.at("range"));
    json actions = json::array();
    if (!workspace_.is_open(path) || !wants_fixes(params)) return actions;
    auto found = workspace_.around(path).findings.find(path);
    if (found == workspace_.around(path).findings.end()) return actions;
    for (const Finding& finding : found->second) {
      if (!finding.mend || !overlaps(finding.range, range)) continue;
      const Mend& mend = *finding.mend;
      json changes;
      changes[uri_of(mend.path)] =
          json::array({{{"range", to_json(mend.range)}, {"newText", mend.replacement}}});
      actions.push_back({{"title", mend.title},
                         {"kind", "quickfix"},
                         {"isPreferred", true},
                         {"diagnostics", json::array({diagnostic(finding)})},
                         {"edit", {{"changes", std::move(changes)}}}});
    }
    return actions;
  }

  Channel channel_;
  EditorFiles editor_files_;
  const Files& files_;
  Workspace workspace_;
  std::map<std::string, json (Server::*)(const json&)> requests_;
  std::map<std::string, void (Server::*)(const json&)> notices_;
  std::deque<json> waiting_;
  std::map<std::string, Document> documents_;  // open, by path
  std::map<std::string, std::string> paths_;   // of those, by URI
  std::map<std::string, json> sent_;           // by path: the last diagnostics
  std::string root_;
  Encoding encoding_ = Encoding::utf16;
  bool can_watch_ = false;
  bool initialized_ = false, shut_down_ = false, exit_ = false;
  bool dirty_ = false;   // a text has changed since diagnostics were sent
  bool broken_ = false;  // nobody reads
};

}  // namespace

int serve(const ServerOptions& options) {
  return Server(options).run();
}

}  // namespace hv::lsp
