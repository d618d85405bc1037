#include "compiler/compiler_test_support.h"

#include <set>

#include "compiler/callback.h"
#include "hv/schema/project.h"

namespace hv::compiler {

Result<std::string> MemoryFiles::read(const std::string& path) const {
  auto it = files_.find(canonical(path));
  if (it == files_.end()) return Error{Code::file_unreadable, "cannot read `" + path + "`", {}};
  return it->second;
}

Files::What MemoryFiles::what(const std::string& path) const {
  if (files_.contains(canonical(path))) return What::file;
  auto below = files_.lower_bound(path + "/");
  return below != files_.end() && below->first.starts_with(path + "/") ? What::folder
                                                                       : What::absent;
}

std::string MemoryFiles::canonical(const std::string& path) const {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i <= path.size();) {
    std::size_t end = path.find('/', i);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(i, end - i);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    i = end + 1;
  }
  std::string real;
  for (const std::string& part : parts) real += "/" + part;
  auto it = files_.find(real);
  if (it != files_.end() && it->second.starts_with("-> ")) return canonical(it->second.substr(3));
  return real;
}

Result<std::vector<std::string>> MemoryFiles::list(const std::string& folder) const {
  std::set<std::string> names;
  for (const auto& [path, text] : files_)
    if (path.starts_with(folder + "/"))
      names.insert(
          path.substr(folder.size() + 1, path.find('/', folder.size() + 1) - folder.size() - 1));
  return std::vector<std::string>(names.begin(), names.end());
}

std::string Compiled::complaints(bool notes) const {
  std::string out;
  for (const Diagnostic& each : diagnostics.all()) {
    if (each.severity == Severity::note && !notes) continue;
    out += std::string(info(each.code).id);
    if (each.primary.valid()) {
      const Place place = sources.begin_of(each.primary);
      out += " " + place.file + ":" + std::to_string(place.line);
    }
    out += ": " + each.message + "\n";
  }
  return out;
}

std::vector<std::string> Compiled::printed() const {
  std::vector<std::string> lines;
  for (const Diagnostic& each : diagnostics.all())
    if (each.code == Code::printed) lines.push_back(each.message);
  return lines;
}

std::string Compiled::first_message() const {
  for (const Diagnostic& each : diagnostics.all())
    if (each.severity == Severity::error) return each.message;
  return "";
}

namespace {

// Everything a command would do up to the compiler, and what it does with the request.
void with_request(const Case& setup, Compiled& done,
                  Callback<void(const CompileRequest& request)> work) {
  const FileId toml = done.sources.add(
      "hv.toml", "[project]\nname = \"test\"\n" +
                     (setup.default_host.empty() ? "" : "host = \"" + setup.default_host + "\"\n") +
                     setup.hosts);
  Project project = parse_project(toml, done.sources, "/p", done.diagnostics);
  std::map<std::string, std::string> files;
  for (const auto& [path, text] : setup.files)
    files[path.starts_with('/') ? path : "/p/" + path] = text;
  const MemoryFiles memory(std::move(files));
  std::unique_ptr<Schema> narrowed;
  if (!setup.site_schema.empty()) {
    const FileId file = done.sources.add("schemas/site.toml", setup.site_schema);
    narrowed = Schema::builtin().narrowed(std::span(&file, 1), done.sources, done.diagnostics);
  }
  CompileRequest request;
  request.roots = path_roots(setup.roots, "/p", memory, done.diagnostics);
  for (Root& root : request.roots) root.params = setup.root_params;
  request.params = setup.params;
  request.host = setup.host;
  request.steps = setup.steps;
  request.standard_input = setup.standard_input;
  request.working_directory = "/p";
  request.project = &project;
  request.schema = narrowed ? narrowed.get() : &Schema::builtin();
  request.files = &memory;
  work(request);
}

}  // namespace

Compiled compile_setup(const Case& setup) {
  Compiled done;
  with_request(setup, done, [&](const CompileRequest& request) {
    done.graph = compile(request, done.sources, done.diagnostics);
  });
  return done;
}

Translated translate_setup(const Case& setup, Language to, Language from) {
  Translated done;
  with_request(setup, done, [&](const CompileRequest& request) {
    done.text = translate(TranslateRequest{request, from, to}, done.sources, done.diagnostics);
  });
  return done;
}

Compiled compile_text(const std::string& text,
                      std::map<std::string, std::vector<std::string>> params) {
  Case setup;
  setup.files["main.vm"] = text;
  setup.params = std::move(params);
  return compile_setup(setup);
}

namespace {

std::string outcome(const Compiled& done) {
  std::string out;
  for (const std::string& line : done.printed()) out += (out.empty() ? "" : "\n") + line;
  for (const Diagnostic& each : done.diagnostics.all())
    if (each.severity == Severity::error)
      out += (out.empty() ? "" : "\n") + std::string("!") + each.message;
  return out;
}

}  // namespace

std::string run_module(const std::string& text, int64_t steps) {
  Case setup;
  setup.files["main.vm"] = "template _module:\n    pass\n" + text;
  setup.steps = steps;
  return outcome(compile_setup(setup));
}

std::string run_domain_file(const std::string& text) {
  return outcome(compile_text("name = 'a'\nmemory = 64\nkernel = '/k'\n" + text));
}

std::string attribute_text(const DomainSpec& domain, const std::string& name) {
  const Value* value = domain.attributes.find(name);
  return value == nullptr ? "unset" : to_human(*value);
}

}  // namespace hv::compiler
