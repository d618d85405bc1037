// Loading files: reading, parsing, classifying, importing — each file once a command.
#include <algorithm>

#include "base/hash.h"
#include "compiler/compilation.h"
#include "compiler/walk.h"

namespace hv::compiler {
namespace {

constexpr std::size_t kLargest = 64u << 20;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || (path.size() > folder.size() && path.starts_with(folder) &&
                            (folder.ends_with('/') || path[folder.size()] == '/'));
}

// A file that it includes may bind any name.
bool calls_execfile(const lang::SyntaxTree& tree) {
  return names_read(tree).contains("execfile");
}

}  // namespace

std::string Compilation::shown_path(const std::string& path) const {
  for (const std::string& base : {request_.project->root, request_.working_directory}) {
    if (!base.empty() && base != "/" && path.size() > base.size() && is_below(path, base))
      return path.substr(base.size() + 1);
  }
  return path;
}

LoadedFile* Compilation::load(const std::string& path, Span from, Reader reader) {
  const std::string real = request_.files->canonical(path);
  auto known = files_.find(real);
  if (known != files_.end()) return known->second.get();
  const auto fail = [&](Code code, std::string message, std::string help) -> LoadedFile* {
    Diagnostic& diagnostic = diagnostics_.report(code, from, std::move(message));
    diagnostic.help = std::move(help);
    if (!from.valid()) diagnostic.file = shown_path(path);
    files_[real] = nullptr;  // told once
    return nullptr;
  };
  Result<std::string> text = request_.files->read(real);
  if (!text.ok()) return fail(text.error().code, text.error().message, text.error().help);
  if (text->size() > kLargest)
    return fail(Code::file_too_large,
                "`" + shown_path(path) + "` has more than the " + to_human(bytes(kLargest)) +
                    " of the largest configuration",
                "is this a disk image?");
  return load_text(real, std::move(*text), reader);
}

ImportedFacts Compilation::imported_facts(const LoadedFile& file) {
  ImportedFacts facts;
  for (const lang::VmImportStmt* import : file.tree->shape.imports) {
    const std::string written(import->path->value);
    const std::string real = import_path(written, file.context);
    // What is wrong with an import is told where it runs.
    if (written.starts_with('/') || request_.files->what(real) != Files::What::file ||
        !may_import(real, file.context))
      continue;
    const LoadedFile* imported = load(real, import->path->span);
    if (imported != nullptr && imported->role != FileRole::domain_file)
      facts[import] = &imported->facts;
  }
  return facts;
}

LoadedFile* Compilation::load_text(const std::string& path, std::string text, Reader reader) {
  auto loaded = std::make_unique<LoadedFile>();
  loaded->path = path;
  loaded->shown = path == "-" ? "<stdin>" : shown_path(path);
  if (path != "-" && inputs_seen_.insert(loaded->shown).second)
    graph_.inputs.push_back(InputFile{loaded->shown, sha256_hex(text)});
  loaded->file = sources_.add(loaded->shown, std::move(text));
  Diagnostics found;
  loaded->tree = std::make_unique<lang::SyntaxTree>(lang::parse(loaded->file, sources_, found));
  loaded->sound = !found.has_errors();
  for (const Diagnostic& diagnostic : found.all()) diagnostics_.report(diagnostic);
  loaded->role = classify(*loaded->tree);
  loaded->context.path = path;
  loaded->context.shown = loaded->shown;
  loaded->context.role = loaded->role;
  loaded->context.tree = loaded->tree.get();
  loaded->context.scope = std::make_shared<Scope>();
  std::set<std::string> given;
  for (const auto& [name, values] : request_.params) given.insert(name);
  if (is_of_2004(*loaded->tree))
    for (const auto& [name, value] : predefined_2004(loaded->shown)) given.emplace(name);
  if (current_root_ != nullptr)
    for (const auto& [name, value] : current_root_->params) given.insert(name);
  LoadedFile* const file = loaded.get();
  file->facts.open = true;  // until it is checked: a file of a circle
  files_[path] = std::move(loaded);
  const ImportedFacts imported = imported_facts(*file);
  CheckRequest check{file->role,
                     file->role != FileRole::domain_file && reader == Reader::module,
                     &*request_.schema,
                     &*request_.project,
                     &given,
                     &imported};
  Diagnostics checked;
  file->facts = check_file(*file->tree, check, sources_, checked);
  file->facts.open = file->tree->broken || calls_execfile(*file->tree);
  file->sound = file->sound && !checked.has_errors();
  for (const Diagnostic& diagnostic : checked.all()) diagnostics_.report(diagnostic);
  return file;
}

bool Compilation::is_of_2004(const lang::SyntaxTree& tree) const {
  return !tree.shape.declares &&
         std::any_of(tree.shape.assigned.begin(), tree.shape.assigned.end(),
                     [&](const auto& each) { return request_.schema->is_key_2004(each.name); });
}

FileRole Compilation::classify(const lang::SyntaxTree& tree) const {
  if (tree.shape.declares) return FileRole::module;
  const bool generation_2004 = is_of_2004(tree);
  for (const lang::AssignedName& assigned : tree.shape.assigned)
    if (request_.schema->find_key(assigned.name, generation_2004) != nullptr)
      return FileRole::domain_file;
  return FileRole::library;
}

std::optional<std::string> Compilation::resolve_import(const std::string& written, Span span,
                                                       const FileContext& from, bool absolute) {
  if (written.starts_with('/') && !absolute) {
    interp_.raise(span, Code::import_outside, "an import is relative to the file that imports",
                  "write the path from this file's folder");
    return std::nullopt;
  }
  const std::string real = import_path(written, from);
  if (request_.files->what(real) != Files::What::file) {
    interp_.raise(span, Code::file_unreadable, "there is no file `" + written + "` to import",
                  "the path is relative to " + from.shown);
    return std::nullopt;
  }
  if (!may_import(real, from)) {
    interp_.raise(span, Code::import_outside, "`" + written + "` lies outside the project",
                  "copy it into " +
                      (root_folder_outside(from) ? folder_of(from.path) : request_.project->root));
    return std::nullopt;
  }
  return real;
}

std::string Compilation::import_path(const std::string& written, const FileContext& from) const {
  if (written.starts_with('/')) return request_.files->canonical(written);
  return request_.files->canonical(
      (from.path == "-" ? request_.working_directory : folder_of(from.path)) + "/" + written);
}

// A PATH given from outside may import from its own folder.
bool Compilation::may_import(const std::string& real, const FileContext& from) const {
  return is_below(real,
                  request_.files->canonical(root_folder_outside(from) ? folder_of(from.path)
                                                                      : request_.project->root));
}

bool Compilation::root_folder_outside(const FileContext& from) const {
  if (from.path == "-") return false;
  return !is_below(from.path, request_.files->canonical(request_.project->root));
}

bool Compilation::evaluate_module(LoadedFile& file, Span from) {
  if (file.state == LoadedFile::State::evaluated) return true;
  if (file.state == LoadedFile::State::evaluating) {
    std::string path;
    std::vector<Label> places;
    bool inside = false;
    for (std::size_t i = 0; i < evaluating_.size(); ++i) {
      inside = inside || evaluating_[i] == &file;
      if (!inside) continue;
      path += evaluating_[i]->shown + " → ";
      if (i + 1 < evaluating_.size())
        places.push_back({import_places_[i + 1], evaluating_[i]->shown + " imports " +
                                                     evaluating_[i + 1]->shown + " here"});
    }
    interp_.raise(from, Code::import_cycle,
                  "files import each other in a circle: " + path + file.shown,
                  "move what both need into a file of its own");
    interp_.pending->related = std::move(places);
    return false;
  }
  if (!file.sound) {
    file.state = LoadedFile::State::evaluated;
    return true;
  }
  file.state = LoadedFile::State::evaluating;
  evaluating_.push_back(&file);
  import_places_.push_back(from);
  FileContext* outer = std::exchange(interp_.file, &file.context);
  const Flow flow = interp_.execute(file.tree->body, file.context.scope);
  interp_.file = outer;
  evaluating_.pop_back();
  import_places_.pop_back();
  file.state = LoadedFile::State::evaluated;
  for (const auto& [name, value] : file.context.scope->variables) freeze(value);
  if (flow == Flow::raised) {
    // The cycle is told once, with its whole path, where it closes.
    interp_.report_pending();
    file.sound = false;
  }
  return true;
}

bool Compilation::import_file(const lang::VmImportStmt& statement, FileContext& into,
                              const std::shared_ptr<Scope>& scope) {
  const std::string written(statement.path->value);
  auto path = resolve_import(written, statement.path->span, into, false);
  if (!path) return false;
  LoadedFile* file = load(*path, statement.path->span);
  if (file == nullptr) return true;  // reported
  if (file->role == FileRole::domain_file) {
    interp_.raise(statement.path->span, Code::import_outside,
                  "`" + written + "` is a domain file; it is a domain, not a library",
                  "make it a source of the project of its own");
    return false;
  }
  if (!evaluate_module(*file, statement.path->span)) return false;
  for (const lang::ImportName& name : statement.names) {
    auto found = file->context.scope->variables.find(name.name);
    if (found == file->context.scope->variables.end()) {
      if (!file->sound) continue;  // its own mistakes were told
      interp_.raise(name.name_span, Code::import_unknown_name,
                    "`" + written + "` has no `" + std::string(name.name) + "`");
      std::vector<std::string_view> names;
      for (const auto& [each, value] : file->context.scope->variables) names.push_back(each);
      std::sort(names.begin(), names.end());
      if (auto near = nearest(name.name, names)) {
        interp_.pending->help = "did you mean `" + std::string(*near) + "`?";
        interp_.pending->fix =
            Fix{"write `" + std::string(*near) + "`", name.name_span, std::string(*near)};
      }
      return false;
    }
    scope->variables[name.alias.empty() ? name.name : name.alias] = found->second;
  }
  return true;
}

bool Compilation::include(const std::string& written, Span span, FileContext& into,
                          const std::shared_ptr<Scope>& scope) {
  auto path = resolve_import(written, span, into, true);
  if (!path) return false;
  for (const LoadedFile* open : evaluating_)
    if (open->path == *path) {
      interp_.raise(
          span, Code::import_cycle,
          "files include each other in a circle: " + open->shown + " → … → " + shown_path(*path));
      return false;
    }
  LoadedFile* file = load(*path, span, Reader::execfile);
  if (file == nullptr || !file->sound) return true;
  evaluating_.push_back(file);
  import_places_.push_back(span);
  const Flow flow = interp_.execute(file->tree->body, scope);
  evaluating_.pop_back();
  import_places_.pop_back();
  return flow != Flow::raised;
}

}  // namespace hv::compiler
