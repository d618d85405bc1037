#include "compiler/compile.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/hash.h"
#include "compiler/compilation.h"
#include "compiler/large_stack.h"

namespace hv {
namespace compiler {

Compilation::Compilation(const CompileRequest& request, SourceMap& sources,
                         Diagnostics& diagnostics)
    : request_(request),
      sources_(sources),
      diagnostics_(diagnostics),
      interp_(*this, *request.schema, *request.project, sources, diagnostics,
              Budget{.steps = request.steps}) {
  if (request.project->has_file)
    graph_.inputs.push_back(InputFile{"hv.toml", sha256_hex(sources.text(request.project->file))});
}

const HostConfig* Compilation::host_facts() {
  std::optional<HostName> host = request_.host;
  if (interp_.file != nullptr && !interp_.file->host.empty()) host = interp_.file->host;
  if (!host) host = request_.project->default_host();
  if (!host) return nullptr;
  auto it = request_.project->hosts.find(*host);
  return it == request_.project->hosts.end() ? nullptr : &it->second;
}

void Compilation::note(Span span, std::string text) {
  // Kept until the command prints it: dearer than the steps that made it.
  Meter::work += 800;
  Meter::spend(8 * text.size());
  diagnostics_.report(Code::printed, span, std::move(text));
}

void Compilation::compile_root(const Root& root) {
  if (Meter::exhausted()) return;  // told, and what is left of the budget is nothing
  current_root_ = &root;
  LoadedFile* file = nullptr;
  if (root.path == "-") {
    file = load_text("-", request_.standard_input.value_or(""));
    root_ = "-";
  } else {
    file = load(root.path, root.span);
    if (file == nullptr) return;
    root_ = (root.outside ? "path:" : "") + file->shown;
  }
  if (std::find(graph_.roots.begin(), graph_.roots.end(), root_) == graph_.roots.end())
    graph_.roots.push_back(root_);
  switch (file->role) {
    case FileRole::domain_file:
      evaluate_domain_file(*file, root);
      break;
    case FileRole::module:
    case FileRole::library:
      if (!evaluate_module(*file, root.span)) interp_.report_pending();
      break;
  }
  // What came after the last statement used the budget up.
  if (Meter::exhausted() && !interp_.stopped() && !interp_.step(Span{file->file, 0, 0}))
    interp_.report_pending();
  current_root_ = nullptr;
}

DesiredGraph Compilation::finish() {
  // -p that nothing takes: a slip of the fingers, in the name of a domain file's key too.
  std::vector<std::string_view> known;
  for (const std::string& name : params_used_) known.push_back(name);
  for (const auto& [path, file] : files_)
    if (file != nullptr && file->role == FileRole::domain_file)
      for (const std::string_view name : request_.schema->names(Kind::domain))
        known.push_back(name);
  bool any_old = false;
  bool all_sound = true;  // what a broken file would have taken is not known
  for (const auto& [path, file] : files_) {
    if (file == nullptr) {
      all_sound = false;
      continue;
    }
    any_old = any_old || file->role == FileRole::domain_file;
    all_sound = all_sound && file->sound;
  }
  for (const auto& [name, values] : request_.params) {
    if (!all_sound || params_used_.contains(name) || name.starts_with("env.")) continue;
    Diagnostic& diagnostic =
        diagnostics_.report(Code::bad_parameter, Span{}, "no file has a parameter `" + name + "`");
    if (auto near = nearest(name, known))
      diagnostic.help = "did you mean `" + std::string(*near) + "`?";
  }
  if (any_old)
    for (const auto& [name, values] : request_.params)
      if (!graph_.params.contains(name)) graph_.params[name] = values.back();
  check_references();
  check_moved();
  check_cycles();
  check_networks();
  std::sort(graph_.inputs.begin(), graph_.inputs.end());
  return std::move(graph_);
}

void Compilation::check_networks() {
  // A vif of a network takes its bridge from there, so that a plan shows what will be.
  DesiredGraph filled;
  bool changed = false;
  for (const Resource& resource : graph_.resources()) {
    Resource copy = resource;
    if (auto* domain = std::get_if<DomainSpec>(&copy)) {
      for (Vif& vif : domain->vifs) {
        if (!vif.network) continue;
        const auto* network = graph_.get<NetworkSpec>(*vif.network);
        if (network == nullptr) continue;
        if (network->host != domain->host) {
          Diagnostic diagnostic;
          diagnostic.code = Code::wrong_type;
          diagnostic.severity = Severity::error;
          diagnostic.message = "`" + to_string(domain->address) + "` on " + domain->host.text +
                               " cannot use `" + to_string(*vif.network) + "` of " +
                               network->host.text;
          if (auto at = declared_.find(domain->address); at != declared_.end())
            diagnostic.primary = at->second;
          diagnostics_.report(std::move(diagnostic));
        }
        vif.settings.try_emplace("bridge", network->bridge);
        if (network->mtu) vif.settings.try_emplace("mtu", std::to_string(*network->mtu));
        if (network->vlan) vif.settings.try_emplace("vlan", std::to_string(*network->vlan));
        changed = true;
      }
    }
    filled.add(std::move(copy));
  }
  if (!changed) return;
  for (const Reference& reference : graph_.references()) filled.add_reference(reference);
  filled.grants = std::move(graph_.grants);
  filled.moved = std::move(graph_.moved);
  filled.inputs = std::move(graph_.inputs);
  filled.roots = std::move(graph_.roots);
  filled.params = std::move(graph_.params);
  graph_ = std::move(filled);
}

std::string Compilation::dump_typed() const {
  std::string out;
  for (const auto& [path, file] : files_) {
    if (file == nullptr) continue;
    out += "# " + file->shown + "\n";
    for (const auto& [name, type] : file->facts.types) out += name + ": " + type + "\n";
  }
  return out;
}

// Evaluation walks trees and calls functions by recursion, up to Budget::depth; that takes more
// stack than a thread has by default, so it gets a thread of its own and the caller waits.
static constexpr std::size_t kStack = std::size_t{512} << 20;  // pages come as they are used

void run_on_large_stack(Callback<void()> work) {
  // Mapped by us: the kernel refuses pthread_create's own mapping, which it counts in full, on a
  // dom0 of less memory than that.
  void* const stack = ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  HV_CHECK(stack != MAP_FAILED, "the system has no room for the stack that compiles");
  const auto guard = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  HV_CHECK(::mprotect(stack, guard, PROT_NONE) == 0, "a guard page is refused");
  pthread_attr_t attributes;
  HV_CHECK(pthread_attr_init(&attributes) == 0, "no thread attributes");
  HV_CHECK(
      pthread_attr_setstack(&attributes, static_cast<char*>(stack) + guard, kStack - guard) == 0,
      "a stack is refused");
  pthread_t thread{};
  const int refused = pthread_create(
      &thread, &attributes,
      [](void* argument) -> void* {
        (*static_cast<Callback<void()>*>(argument))();
        return nullptr;
      },
      &work);
  pthread_attr_destroy(&attributes);
  HV_CHECK(refused == 0, "the system has no room for the thread that compiles");
  pthread_join(thread, nullptr);
  ::munmap(stack, kStack);
}

}  // namespace compiler

DesiredGraph compile(const CompileRequest& request, SourceMap& sources, Diagnostics& diagnostics) {
  DesiredGraph graph;
  compiler::run_on_large_stack([&] {
    compiler::Compilation compilation(request, sources, diagnostics);
    for (const Root& root : request.roots) compilation.compile_root(root);
    graph = compilation.finish();
  });
  return graph;
}

std::string dump_typed(const CompileRequest& request, SourceMap& sources,
                       Diagnostics& diagnostics) {
  std::string text;
  compiler::run_on_large_stack([&] {
    compiler::Compilation compilation(request, sources, diagnostics);
    for (const Root& root : request.roots) compilation.compile_root(root);
    text = compilation.dump_typed();
  });
  return text;
}

}  // namespace hv
