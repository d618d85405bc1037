#include "cli/session.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/render.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "hv/drivers/sim/sim_socket.h"
#include "hv/drivers/xl/xl.h"

namespace hv::cli {
namespace {

std::string current_folder() {
  char* path = ::getcwd(nullptr, 0);
  std::string folder = path == nullptr ? "/" : path;
  std::free(path);
  return folder;
}

std::string parent_of(const std::string& folder) {
  const std::size_t slash = folder.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : folder.substr(0, slash);
}

}  // namespace

std::string who() {
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  const char* user = std::getenv("USER");
  return std::string(user == nullptr ? "uid " + std::to_string(::getuid()) : user) + "@" + host;
}

bool is_dom0() {
  // The capabilities of a dom0 begin with "control_d".
  std::ifstream capabilities("/proc/xen/capabilities");
  std::string word;
  return capabilities && capabilities >> word && word.find("control_d") != std::string::npos;
}

Session::Session(const Options& o) : options(o), clock(system_clock()), random(system_random()) {}

Session::~Session() = default;

Style Session::style(int fd) const {
  return Style{use_color(options, fd)};
}

void Session::fail(const Error& error, const std::string& file) {
  diagnostics.report(error, file);
  show_diagnostics();
}

void Session::show_diagnostics() {
  if (keeps_diagnostics) return;
  const RenderOptions render{use_color(options, STDERR_FILENO)};
  for (; shown_ < diagnostics.size(); ++shown_) {
    const Diagnostic& diagnostic = diagnostics.all()[shown_];
    if (options.quiet && diagnostic.severity != Severity::error) continue;
    print_error(render_text(diagnostic, sources, render) + "\n");
  }
}

bool Session::load_project() {
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    fail(Error{Code::file_unreadable, "there is no folder `" + options.directory + "`", {}});
    return false;
  }
  working_directory = disk_files().canonical(current_folder());
  // An hv.toml that is no file, or a link to nowhere, is an error: passing it over would be working
  // on another project.
  std::string root = working_directory;
  struct stat about {};
  while (::lstat((root + "/hv.toml").c_str(), &about) != 0 && root != "/") root = parent_of(root);
  const std::string path = root == "/" ? "/hv.toml" : root + "/hv.toml";
  if (::lstat(path.c_str(), &about) == 0) {
    Result<std::string> text = disk_files().read(path);
    const std::string shown = root == working_directory ? "hv.toml" : path;
    if (!text.ok()) {
      fail(text.error(), shown);
      return false;
    }
    const FileId file = sources.add(shown, *text);
    project = parse_project(file, sources, root, diagnostics);
  } else {
    project = default_project(working_directory, is_dom0());
  }
  if (project.hosts.empty()) add_default_host(project, is_dom0());
  schema = &Schema::builtin();
  const std::string site = project.root + "/schemas";
  if (project.has_file && disk_files().what(site) == Files::What::folder) {
    std::vector<FileId> files;
    Result<std::vector<std::string>> names = disk_files().list(site);
    if (names.ok())
      for (const std::string& name : *names) {
        if (!name.ends_with(".toml")) continue;
        Result<std::string> text = disk_files().read(site + "/" + name);
        if (text.ok())
          files.push_back(sources.add("schemas/" + name, *text));
        else
          diagnostics.report(text.error(), site + "/" + name);
      }
    if (!files.empty()) {
      site_schema_ = schema->narrowed(files, sources, diagnostics);
      schema = site_schema_.get();
    }
  }
  state_folder =
      project.state.starts_with('/') ? project.state : project.root + "/" + project.state;
  std::vector<std::string> asked = options.powered_off;
  if (options.host) asked.push_back(*options.host);
  for (const std::string& host : asked) {
    if (project.hosts.contains(HostName{host})) continue;
    Diagnostic& diagnostic = diagnostics.report(Code::unknown_host, Span{},
                                                "there is no host `" + host + "` in this project");
    std::string names;
    for (const auto& [name, config] : project.hosts)
      names += (names.empty() ? "`" : ", `") + name.text + "`";
    diagnostic.help = "it has " + names;
  }
  show_diagnostics();
  return !diagnostics.has_errors();
}

bool Session::ask_for_sources(CompileRequest& request) {
  request.project = &project;
  request.schema = schema;
  request.files = &disk_files();
  request.params = options.params;
  request.working_directory = working_directory;
  if (options.host) request.host = HostName{*options.host};
  // Secrets come from files, never from the command line's history.
  for (auto& [name, values] : request.params)
    for (std::string& value : values)
      if (value.starts_with('@')) {
        Result<std::string> text = disk_files().read(value.substr(1));
        if (!text.ok()) {
          fail(text.error(), value.substr(1));
          return false;
        }
        while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
        value = *text;
      }
  if (options.paths.empty()) {
    if (project.sources.empty()) {
      Diagnostic& diagnostic =
          diagnostics.report(Code::empty_project, Span{},
                             project.has_file ? "hv.toml names no sources"
                                              : "there is no hv.toml and no PATH is given");
      diagnostic.help = project.has_file
                            ? "write `sources = [\"fleet.vm\"]` in its [project]"
                            : "name a file (`hv plan web.cfg`), or start a project: `hv init`";
      show_diagnostics();
      return false;
    }
    request.roots = project_roots(project, disk_files(), diagnostics);
  } else {
    request.roots = path_roots(options.paths, working_directory, disk_files(), diagnostics);
    std::set<std::string> sources_of_project;
    Diagnostics unused;  // a source that is missing is told by the project's own plan
    for (const Root& root : project_roots(project, disk_files(), unused))
      sources_of_project.insert(disk_files().canonical(root.path));
    for (Root& root : request.roots)
      root.outside = !sources_of_project.contains(disk_files().canonical(root.path));
  }
  for (const Root& root : request.roots)
    if (root.path == "-" && !request.standard_input) {
      Result<std::string> text = read_standard_input(kLargestInput);
      if (!text.ok()) {
        fail(text.error(), "<stdin>");
        return false;
      }
      request.standard_input = std::move(*text);
    }
  return true;
}

bool Session::compile_sources() {
  CompileRequest request;
  if (!ask_for_sources(request)) return false;
  desired = compile(request, sources, diagnostics);
  return !diagnostics.has_errors();
}

std::string Session::types_of_sources() {
  CompileRequest request;
  return ask_for_sources(request) ? dump_typed(request, sources, diagnostics) : "";
}

bool Session::lock() {
  Result<std::unique_ptr<StateLock>> taken = lock_state(state_folder, options.lock_timeout, clock);
  if (!taken.ok()) {
    fail(taken.error());
    return false;
  }
  state_lock = std::move(*taken);
  return true;
}

bool Session::read_state(const StoreReader& from) {
  head = from.head();
  Result<Applied> all = from.applied();
  if (!all.ok()) {
    fail(all.error());
    return false;
  }
  applied = std::move(*all);
  Result<std::vector<JournalEntry>> open = from.open_intents();
  if (!open.ok()) {
    fail(open.error());
    return false;
  }
  open_intents = std::move(*open);
  Result<std::vector<OperatorWord>> words = from.words();
  if (!words.ok()) {
    fail(words.error());
    return false;
  }
  fenced = fenced_hosts(*words);
  return true;
}

bool Session::open_store() {
  if (!store) {
    Result<std::unique_ptr<Store>> opened =
        hv::open_store(state_folder, *state_lock, random, clock);
    if (!opened.ok()) {
      fail(opened.error());
      return false;
    }
    store = std::move(*opened);
  }
  return read_state(*store);
}

bool Session::open_reader() {
  Result<std::unique_ptr<StoreReader>> opened = open_store_reader(state_folder);
  if (!opened.ok()) {
    fail(opened.error());
    return false;
  }
  reader = std::move(*opened);
  return reader == nullptr || read_state(*reader);
}

void Session::note_open_intents() {
  if (open_intents.empty() || options.quiet) return;
  const std::string count = std::to_string(open_intents.size()) +
                            (open_intents.size() == 1 ? " operation" : " operations");
  if (const std::optional<LockHolder> holder = lock_holder(state_folder))
    print_error("note: " + count + " in flight: `" + holder->command + "` (process " +
                std::to_string(holder->pid) + ") is at work\n");
  else
    print_error("note: " + count +
                " of an interrupted apply not settled yet: held, until `hv apply` settles them\n");
}

XlConfig xl_config(const HostConfig& config, const std::string& root) {
  // Relative to hv.toml; OpenSSH itself reads a leading ~.
  const auto from_root = [&](const std::string& path) {
    return path.empty() || path[0] == '/' || path[0] == '~' ? path : root + "/" + path;
  };
  XlConfig xl;
  xl.host = config.name;
  xl.address = config.address;
  xl.identity = from_root(config.identity);
  xl.known_hosts = from_root(config.known_hosts);
  return xl;
}

SimConfig sim_config(const HostConfig& config) {
  SimConfig sim;
  sim.host = config.name;
  if (config.memory) sim.memory = *config.memory;
  if (config.cpus) sim.cpus = *config.cpus;
  sim.disks = config.disks;
  sim.bridges = config.bridges;
  sim.files = config.files;
  sim.mounted = config.mounted;
  return sim;
}

std::string sim_socket(const HostConfig& config, const std::string& root) {
  if (config.address.empty()) return "";
  const std::string path = config.address.substr(std::string_view("unix:").size());
  return path.starts_with('/') ? path : root + "/" + path;
}

bool Session::open_drivers(bool changing) {
  std::vector<SimDriver*> simulated;  // they reach each other
  for (const auto& [name, config] : project.hosts) {
    if (config.driver == DriverKind::libvirt) {
      fail(Error{Code::driver_missing,
                 "this hv has no driver `" + std::string(to_string(config.driver)) +
                     "` for the host `" + name.text + "`",
                 "`driver = \"sim\"` simulates it"});
      return false;
    }
    if (config.driver == DriverKind::xl) {
      XlConfig xl = xl_config(config, project.root);
      xl.project = project_uuid(project, head);
      owned_drivers_.push_back(make_xl_driver(xl, *schema, clock));
      drivers[name] = owned_drivers_.back().get();
      continue;
    }
    if (const std::string socket = sim_socket(config, project.root); !socket.empty()) {
      owned_drivers_.push_back(make_sim_client(name, socket, clock));
      drivers[name] = owned_drivers_.back().get();
      continue;
    }
    Result<std::unique_ptr<HostStore>> host_store =
        open_host_store(state_folder + "/sim/" + name.text, !changing);
    if (!host_store.ok()) {
      fail(host_store.error());
      return false;
    }
    host_stores_.push_back(std::move(*host_store));
    Result<std::unique_ptr<SimDriver>> driver =
        make_sim_driver(sim_config(config), *host_stores_.back(), *schema, clock);
    if (!driver.ok()) {
      fail(driver.error());
      return false;
    }
    for (SimDriver* other : simulated) {
      other->know(**driver);
      (*driver)->know(*other);
    }
    simulated.push_back(driver->get());
    drivers[name] = driver->get();
    owned_drivers_.push_back(std::move(*driver));
  }
  return true;
}

bool Session::observe() {
  if (!options.refresh) {
    const StoreReader* from = store ? static_cast<const StoreReader*>(store.get()) : reader.get();
    if (from != nullptr) {
      Result<std::optional<Observation>> last = from->last_observation();
      if (!last.ok()) {
        fail(last.error());
        return false;
      }
      if (*last) {
        observation = std::move(**last);
        return true;
      }
    }
  }
  observation = observe_all(drivers, clock);
  // Their disks are not known, and so not held.
  for (const auto& [name, host] : observation.hosts)
    for (const LatentAccess& latent : host.latent)
      if (latent.vbd.device.empty() && latent.what == kPendingUpdate)
        print_error(
            "warning: on " + name.text + " `xl config-update` has left `" + latent.name +
            "` another configuration, which it gets when it next reboots itself; `hv restart` "
            "drops that\n");
      else if (latent.vbd.device.empty() && latent.uuid.is_nil())
        print_error("warning: on " + name.text + " the " + latent.what + " `" + latent.name +
                    "` cannot be read: which disks its machine would get is not known\n");
  return true;
}

Scope Session::scope_from_options(bool destroy_all) const {
  Scope scope;
  scope.whole_project = options.paths.empty();
  scope.prune = options.prune;
  scope.destroy_all = destroy_all;
  scope.take_over = options.take_over;
  for (const std::string& host : options.powered_off) scope.powered_off.insert(HostName{host});
  for (const auto& [host, word] : fenced) scope.powered_off.insert(host);
  // These were read on the command line already (cli/main.cpp).
  for (const std::string& text : options.targets) scope.targets.push_back(*parse_address(text));
  for (const std::string& text : options.replace) scope.replace.push_back(*parse_address(text));
  if (options.max_destroy) scope.max_destroy = parse_budget(*options.max_destroy);
  return scope;
}

std::map<HostName, int> Session::parallel() const {
  std::map<HostName, int> parallel;
  for (const auto& [name, config] : project.hosts) parallel[name] = config.parallel;
  return parallel;
}

PlanRequest Session::plan_request(const Scope& scope) {
  PlanRequest request;
  request.desired = &desired;
  request.applied = &applied;
  request.observation = &observation;
  request.project = &project;
  request.schema = schema;
  for (const auto& [name, driver] : drivers) request.capabilities[name] = driver->capabilities();
  request.check = [this](const Operation& operation) {
    const auto driver = drivers.find(operation.host);
    return driver == drivers.end() ? Status() : driver->second->check(operation);
  };
  request.open_intents = open_intents;
  request.head = head;
  request.scope = scope;
  request.version = kVersion;
  request.storage = storage;
  request.id = PlanId{to_string(uuid_v4(random)).substr(0, 8)};
  return request;
}

}  // namespace hv::cli
