#include "lsp/workspace.h"

#include <algorithm>
#include <deque>

namespace hv::lsp {
namespace {

// In a larger project only the open files are compiled while one types.
constexpr std::size_t kMostRoots = 300;
constexpr std::size_t kLargest = std::size_t{16} << 20;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

class Workspace::Overlay final : public Files {
 public:
  Overlay(const std::map<std::string, std::string>& open, const Files& disk)
      : open_(open), disk_(disk) {}

  Result<std::string> read(const std::string& path) const override {
    if (auto found = open_.find(path); found != open_.end()) return found->second;
    return disk_.read(path);
  }
  What what(const std::string& path) const override {
    if (open_.contains(path)) return What::file;
    return disk_.what(path);
  }
  std::string canonical(const std::string& path) const override {
    if (open_.contains(path)) return path;
    return disk_.canonical(path);
  }
  Result<std::vector<std::string>> list(const std::string& folder) const override {
    return disk_.list(folder);
  }

 private:
  const std::map<std::string, std::string>& open_;
  const Files& disk_;
};

Workspace::Workspace(const Files& disk, bool is_dom0, int64_t steps)
    : disk_(disk),
      is_dom0_(is_dom0),
      steps_(steps),
      files_(std::make_unique<Overlay>(open_, disk)) {}

Workspace::~Workspace() = default;

void Workspace::open(const std::string& path, std::string text) {
  open_[path] = std::move(text);
  changed(path);
}

void Workspace::close(const std::string& path) {
  open_.erase(path);
  changed(path);
}

const std::string* Workspace::text(const std::string& path) const {
  auto found = open_.find(path);
  return found == open_.end() ? nullptr : &found->second;
}

void Workspace::changed(const std::string& path) {
  projects_.clear();
  indexes_.erase(path);
}

void Workspace::changed_on_disk() {
  projects_.clear();
  indexes_.clear();
}

std::vector<std::string> Workspace::open_paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, text] : open_) paths.push_back(path);
  return paths;
}

std::string Workspace::root_of(const std::string& path) const {
  std::string root = parent_of(path);
  while (files_->what(root + "/hv.toml") != Files::What::file && root != "/")
    root = parent_of(root);
  if (files_->what((root == "/" ? "" : root) + "/hv.toml") != Files::What::file)
    return parent_of(path);
  return root;
}

void Workspace::load_project(Around& around, const std::string& root, SourceMap& sources,
                             Diagnostics& diagnostics) {
  const std::string path = (root == "/" ? "" : root) + "/hv.toml";
  Result<std::string> text = files_->read(path);
  if (text.ok() && text->size() <= kLargest)
    around.project = parse_project(sources.add(path, *text), sources, root, diagnostics);
  else
    around.project = default_project(root, is_dom0_);
  if (around.project.hosts.empty()) add_default_host(around.project, is_dom0_);
  around.schema = &Schema::builtin();
  const std::string site = root + "/schemas";
  if (!around.project.has_file || files_->what(site) != Files::What::folder) return;
  std::vector<FileId> files;
  if (Result<std::vector<std::string>> names = files_->list(site); names.ok())
    for (const std::string& name : *names)
      if (name.ends_with(".toml"))
        if (Result<std::string> schema = files_->read(site + "/" + name); schema.ok())
          files.push_back(sources.add(site + "/" + name, *schema));
  if (files.empty()) return;
  around.narrowed = around.schema->narrowed(files, sources, diagnostics);
  around.schema = around.narrowed.get();
}

void Workspace::compile_around(Around& around, const std::string& root, const std::string& path) {
  SourceMap& sources = around.sources;
  Diagnostics diagnostics;
  load_project(around, root, sources, diagnostics);
  CompileRequest& request = around.request;
  request.project = &around.project;
  request.schema = around.schema;
  request.files = files_.get();
  request.working_directory = root;
  request.steps = steps_;
  request.roots = project_roots(around.project, *files_, diagnostics);
  if (request.roots.size() > kMostRoots)
    std::erase_if(request.roots,
                  [&](const Root& each) { return !open_.contains(files_->canonical(each.path)); });
  for (Root& each : request.roots) each.path = files_->canonical(each.path);
  if (!around.main.empty()) request.roots = {Root{path, {}, {}, {}, true}};
  around.desired = compile(request, sources, diagnostics);
  sort_findings(around, sources, diagnostics);
  std::set<std::string> members;
  std::deque<std::string> to_visit;
  for (const Root& each : request.roots) to_visit.push_back(each.path);
  while (!to_visit.empty()) {
    const std::string next = to_visit.front();
    to_visit.pop_front();
    if (!members.insert(next).second) continue;
    around.members.push_back(next);
    if (const FileIndex* found = index(next))
      to_visit.insert(to_visit.end(), found->imports.begin(), found->imports.end());
  }
}

void Workspace::sort_findings(Around& around, const SourceMap& sources,
                              const Diagnostics& diagnostics) {
  std::map<uint32_t, TextLines> lines;
  const auto range = [&](Span span) {
    auto found = lines.try_emplace(span.file.value, sources.text(span.file), encoding_).first;
    return found->second.range(span.begin, std::max(span.begin, span.end));
  };
  for (const Diagnostic& each : diagnostics.all()) {
    Finding finding;
    std::string path;
    if (each.primary.valid()) {
      path = absolute(around, sources.path(each.primary.file));
      finding.range = range(each.primary);
    } else {
      path = absolute(around, each.file.empty() ? "hv.toml" : each.file);
      if (files_->what(path) != Files::What::file)
        path = around.main.empty() ? absolute(around, "hv.toml") : around.main;
    }
    finding.severity = each.severity;
    finding.code = info(each.code).id;
    finding.message = each.message;
    if (!each.primary_label.empty()) finding.message += "\n" + each.primary_label;
    for (const std::string& note : each.notes) finding.message += "\n" + note;
    if (!each.help.empty()) finding.message += "\nhelp: " + each.help;
    for (const Label& label : each.related)
      if (label.span.valid())
        finding.related.push_back(
            {absolute(around, sources.path(label.span.file)), range(label.span), label.text});
    if (each.fix && each.fix->span.valid())
      finding.mend = Mend{each.fix->title, absolute(around, sources.path(each.fix->span.file)),
                          range(each.fix->span), each.fix->replacement};
    around.findings[path].push_back(std::move(finding));
  }
  // A file that is evaluated several times says the same several times.
  for (auto& [path, findings] : around.findings) sort_and_thin(findings);
}

void sort_and_thin(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.sort_key() < b.sort_key(); });
  const auto same = [](const Finding& a, const Finding& b) { return a.sort_key() == b.sort_key(); };
  findings.erase(std::unique(findings.begin(), findings.end(), same), findings.end());
}

Workspace::Around& Workspace::around(const std::string& path) {
  const std::string root = root_of(path);
  std::unique_ptr<Around>& shared = projects_[root];
  if (!shared) {
    shared = std::make_unique<Around>();
    compile_around(*shared, root, path);
  }
  const auto& members = shared->members;
  const bool part =
      std::find(members.begin(), members.end(), path) != members.end() || path.ends_with(".toml");
  if (part) return *shared;
  // A file that is no source is compiled by itself, within the project.
  std::unique_ptr<Around>& alone = projects_[root + "\n" + path];
  if (!alone) {
    alone = std::make_unique<Around>();
    alone->main = path;
    compile_around(*alone, root, path);
  }
  return *alone;
}

std::string Workspace::type_of(const std::string& path, const std::string& name) {
  Around& all = around(path);
  if (!all.typed) {
    all.typed = true;
    Diagnostics ignored;
    const std::string dump = dump_typed(all.request, all.sources, ignored);
    std::string file;
    for (std::size_t at = 0; at < dump.size();) {
      const std::size_t end = std::min(dump.find('\n', at), dump.size());
      const std::string line = dump.substr(at, end - at);
      at = end + 1;
      if (line.starts_with("# ")) {
        file = absolute(all, line.substr(2));
      } else if (const std::size_t colon = line.find(": "); colon != line.npos) {
        all.types[file + ":" + line.substr(0, colon)] = line.substr(colon + 2);
      }
    }
  }
  auto found = all.types.find(path + ":" + name);
  return found == all.types.end() || found->second == "any" ? std::string() : found->second;
}

const FileIndex* Workspace::index(const std::string& path) {
  if (path.ends_with(".toml")) return nullptr;
  if (auto known = indexes_.find(path); known != indexes_.end()) return &known->second;
  Result<std::string> text = files_->read(path);
  if (!text.ok() || text->size() > kLargest) return nullptr;
  return &indexes_.emplace(path, index_file(path, std::move(*text), Schema::builtin(), *files_))
              .first->second;
}

std::string Workspace::resolve(const std::string& key) {
  std::string at = key;
  for (int step = 0; step < 20 && at.starts_with("i:"); ++step) {
    const std::size_t colon = at.rfind(':');
    const FileIndex* from = index(at.substr(2, colon - 2));
    if (from == nullptr) return at;
    auto found = from->exports.find(at.substr(colon + 1));
    if (found == from->exports.end()) return at;
    at = found->second;
  }
  return at;
}

std::string Workspace::absolute(const Around& around, std::string_view shown) {
  if (shown.starts_with('/')) return std::string(shown);
  const std::string& root = around.project.root;
  return (root == "/" ? "" : root) + "/" + std::string(shown);
}

std::vector<std::string> Workspace::project_files(const std::string& path) {
  std::vector<std::string> paths{path};
  for (const std::string& each : around(path).members)
    if (each != path) paths.push_back(each);
  return paths;
}

}  // namespace hv::lsp
