#include "hv/schema/project.h"

#include <algorithm>
#include <filesystem>

#include "hv/schema/host_reader.h"
#include "hv/schema/table_reader.h"
#include "hv/schema/toml.h"

namespace hv {

std::string_view to_string(DriverKind kind) {
  switch (kind) {
    case DriverKind::sim:
      return "sim";
    case DriverKind::xl:
      return "xl";
    case DriverKind::libvirt:
      return "libvirt";
  }
  HV_CHECK(false, "a driver without a word");
}

namespace {

// A run of digits as a count; nothing where it is none or leaves the range of use.
std::optional<int64_t> parse_count(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int64_t count = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  return count;
}

}  // namespace

std::optional<DestroyBudget> parse_budget(std::string_view text) {
  bool percent = !text.empty() && text.back() == '%';
  if (percent) text.remove_suffix(1);
  std::optional<int64_t> amount = parse_count(text);
  if (!amount || (percent && *amount > 100)) return std::nullopt;
  return DestroyBudget{*amount, percent};
}

std::string to_string(const DestroyBudget& budget) {
  return std::to_string(budget.amount) + (budget.percent ? "%" : "");
}

std::optional<HostName> Project::default_host() const {
  if (host) return host;
  if (hosts.size() == 1) return hosts.begin()->first;
  return std::nullopt;
}

Span Project::span_of(const std::string& key) const {
  auto found = spans.find(key);
  return found == spans.end() ? Span{} : found->second;
}

namespace {

constexpr ReaderCodes kCodes = {Code::project_unknown_key, Code::project_wrong_type,
                                Code::project_bad_value};

// A host that hv.toml names somewhere; looked up when all hosts are known.
struct HostMention {
  HostName host;
  Span span;
};

class ProjectReader {
 public:
  ProjectReader(Project& project, Diagnostics& diagnostics)
      : project_(project), diagnostics_(diagnostics) {}

  void read(const TomlValue& table) {
    remember_spans(table, "");
    TableReader reader(table, "hv.toml", kCodes, diagnostics_);
    const TomlValue* settings = reader.table("project");
    const TomlValue* hosts = reader.table("hosts");
    const TomlValue* stores = reader.table("stores");
    reader.finish();
    if (settings != nullptr) read_settings(*settings);
    if (hosts != nullptr) {
      for (const TomlEntry& entry : hosts->entries) read_host(entry);
    }
    if (stores != nullptr) {
      for (const TomlEntry& entry : stores->entries) read_store(entry);
    }
    check_mentions();
  }

 private:
  void remember_spans(const TomlValue& table, const std::string& prefix) {
    for (const TomlEntry& entry : table.entries) {
      project_.spans[prefix + entry.key] = entry.value.span;
      if (entry.value.type == TomlType::table) {
        remember_spans(entry.value, prefix + entry.key + ".");
      }
    }
  }

  void read_settings(const TomlValue& table) {
    TableReader reader(table, "[project]", kCodes, diagnostics_);
    if (std::optional<std::string> id = reader.string("id")) {
      project_.id = parse_uuid(*id);
      if (!project_.id || project_.id->is_nil()) {
        project_.id.reset();
        diagnostics_
            .report(Code::project_bad_uuid, reader.span_of("id"), "`" + *id + "` is no UUID")
            .help = "`hv init` writes a random one; never change it afterwards";
      }
    }
    if (std::optional<std::string> name = reader.string("name")) {
      if (std::optional<std::string> reason = reason_name_is_bad(*name)) {
        bad_name(reader.span_of("name"), *name, *reason);
      } else {
        project_.name = *name;
      }
    }
    if (const TomlEntry* sources = reader.of_type("sources", TomlType::array, "an array")) {
      for (const TomlValue& item : sources->value.items) read_source(item);
    }
    if (std::optional<std::string> state = reader.string("state")) {
      if (state->empty()) {
        diagnostics_.report(Code::project_bad_value, reader.span_of("state"),
                            "`state` names no folder");
      } else {
        project_.state = *state;
      }
    }
    if (std::optional<std::string> host = reader.string("host")) {
      project_.host = HostName{*host};
      mentions_.push_back({*project_.host, reader.span_of("host")});
    }
    read_policy(reader);
    reader.finish();
  }

  void read_policy(TableReader& reader) {
    if (std::optional<int64_t> level = reader.integer("sharing")) {
      if (*level < 0 || *level > 1) {
        Diagnostic& diagnostic = diagnostics_.report(
            Code::project_sharing_level, reader.span_of("sharing"),
            *level == 2 ? "a project cannot permit sharing level 2"
                        : "there is no sharing level " + std::to_string(*level));
        diagnostic.primary_label = *level == 2 ? "level 2 is never a default" : "0 or 1";
        diagnostic.help =
            "level 2 is said where it is meant: `w!` on both disks, `sharing = 2` in both domains, "
            "or `shareable` on the storage";
      } else {
        project_.sharing = static_cast<int>(*level);
      }
    }
    if (std::optional<std::size_t> word = reader.one_of("unresolved", {"error", "warn"})) {
      project_.unresolved = *word == 0 ? UnresolvedPolicy::error : UnresolvedPolicy::warn;
    }
    if (std::optional<std::size_t> word = reader.one_of("drift", {"heal", "report"})) {
      project_.drift = *word == 0 ? DriftPolicy::heal : DriftPolicy::report;
    }
    const TomlEntry* budget = reader.any("max_destroy");
    if (budget != nullptr) read_budget(budget->value);
  }

  void read_budget(const TomlValue& value) {
    std::optional<DestroyBudget> budget;
    if (value.type == TomlType::string) budget = parse_budget(value.text);
    if (value.type == TomlType::integer) budget = parse_budget(std::to_string(value.integer));
    if (!budget) {
      diagnostics_.report(Code::project_bad_budget, value.span, "`max_destroy` cannot be read")
          .help = "write a number of machines such as 3, or a percentage such as \"10%\"";
      return;
    }
    project_.max_destroy = *budget;
    project_.max_destroy_set = true;
  }

  void read_source(const TomlValue& item) {
    SourceEntry source;
    source.span = item.span;
    if (item.type == TomlType::string) {
      source.path = item.text;
    } else if (item.type == TomlType::table) {
      TableReader reader(item, "a source", kCodes, diagnostics_);
      std::optional<std::string> file = reader.string("file");
      if (!reader.span_of("file").valid()) {
        diagnostics_.report(Code::project_missing_key, item.span, "a source without `file`");
      }
      source.path = file.value_or("");
      if (std::optional<std::string> host = reader.string("host")) {
        source.host = HostName{*host};
        mentions_.push_back({*source.host, reader.span_of("host")});
      }
      if (const TomlEntry* params = reader.of_type("params", TomlType::array, "an array")) {
        for (const TomlValue& run : params->value.items) read_params(run, source);
      }
      reader.finish();
      if (!file) return;
      source.span = reader.span_of("file");
    } else {
      diagnostics_
          .report(Code::project_wrong_type, item.span, "a source is a path, or a table with `file`")
          .primary_label = "this is " + std::string(to_string(item.type));
      return;
    }
    if (source.path.empty()) {
      diagnostics_.report(Code::project_bad_value, source.span, "an empty path names no source");
      return;
    }
    project_.sources.push_back(std::move(source));
  }

  void read_params(const TomlValue& run, SourceEntry& source) {
    if (run.type != TomlType::table) {
      diagnostics_.report(Code::project_wrong_type, run.span,
                          "`params` takes tables of names and values");
      return;
    }
    std::map<std::string, std::string>& params = source.params.emplace_back();
    for (const TomlEntry& param : run.entries) {
      std::optional<std::string> text = param_text(param.value);
      if (!text) {
        diagnostics_
            .report(Code::project_wrong_type, param.value.span,
                    "`" + param.key + "` takes a string, a number, true or false")
            .primary_label = "this is " + std::string(to_string(param.value.type));
        continue;
      }
      params[param.key] = *text;
    }
  }

  // As somebody would write it after `-p name=`.
  static std::optional<std::string> param_text(const TomlValue& value) {
    switch (value.type) {
      case TomlType::string:
        return value.text;
      case TomlType::integer:
        return std::to_string(value.integer);
      case TomlType::boolean:
        return value.flag ? "True" : "False";
      case TomlType::number:
      case TomlType::date:
      case TomlType::array:
      case TomlType::table:
        return std::nullopt;
    }
    HV_CHECK(false, "a TOML type that is no parameter");
  }

  void read_host(const TomlEntry& entry) {
    if (std::optional<std::string> reason = reason_name_is_bad(entry.key)) {
      return bad_name(entry.key_span, entry.key, *reason);
    }
    if (std::optional<HostConfig> host = read_host_config(entry, kCodes, diagnostics_)) {
      project_.hosts.emplace(HostName{entry.key}, std::move(*host));
    }
  }

  void read_store(const TomlEntry& entry) {
    if (entry.value.type != TomlType::table) {
      diagnostics_.report(Code::project_wrong_type, entry.value.span,
                          "a store takes a table with `hosts` and `local`");
      return;
    }
    if (entry.key.empty()) return bad_name(entry.key_span, entry.key, "it is empty");
    TableReader reader(entry.value, "[stores." + entry.key + "]", kCodes, diagnostics_);
    StoreStatement store;
    store.store = StoreId{entry.key};
    store.span = entry.key_span;
    const TomlEntry* hosts = reader.of_type("hosts", TomlType::array, "an array of hosts");
    if (hosts != nullptr && reader.strings("hosts")) {
      for (const TomlValue& item : hosts->value.items) {
        HostName host{item.text};
        mentions_.push_back({host, item.span});
        if (std::find(store.hosts.begin(), store.hosts.end(), host) == store.hosts.end()) {
          store.hosts.push_back(host);
        }
      }
    }
    store.local = reader.boolean("local").value_or(false);
    reader.finish();
    // Whose disk it is, nobody could tell from that.
    if (store.hosts.empty() && hosts == nullptr) {
      diagnostics_
          .report(Code::project_missing_key, entry.key_span,
                  "store `" + entry.key + "` without `hosts`")
          .help = "name the hosts that can open it";
    }
    project_.stores.emplace(store.store, std::move(store));
  }

  void check_mentions() {
    std::vector<std::string_view> names;
    for (const auto& [name, host] : project_.hosts) names.push_back(name.text);
    for (const HostMention& mention : mentions_) {
      if (project_.hosts.count(mention.host) != 0) continue;
      // Without [hosts] there is still this machine.
      if (project_.hosts.empty() && mention.host.text == "local") continue;
      Diagnostic& diagnostic =
          diagnostics_.report(Code::project_unknown_host, mention.span,
                              "no [hosts." + mention.host.text + "] in hv.toml");
      if (std::optional<std::string_view> near = nearest(mention.host.text, names)) {
        diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
        diagnostic.fix = Fix{"write `" + std::string(*near) + "`", mention.span,
                             "\"" + std::string(*near) + "\""};
      } else {
        diagnostic.help = names.empty() ? "it declares no hosts, so there is only `local`"
                                        : "its hosts are " + listed(names);
      }
    }
  }

  void bad_name(Span span, const std::string& name, const std::string& reason) {
    diagnostics_.report(Code::project_bad_name, span, "`" + name + "` cannot be a name")
        .primary_label = reason;
  }

  Project& project_;
  Diagnostics& diagnostics_;
  std::vector<HostMention> mentions_;
};

std::string folder_name(const std::string& root) {
  std::filesystem::path path = std::filesystem::path(root).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::string name = path.filename().string();
  return reason_name_is_bad(name) ? "project" : name;
}

}  // namespace

Project parse_project(FileId file, const SourceMap& sources, std::string root,
                      Diagnostics& diagnostics) {
  Project project;
  project.has_file = true;
  project.name = folder_name(root);
  project.root = std::move(root);
  project.file = file;
  std::optional<TomlValue> table = parse_toml(file, sources, Code::project_syntax, diagnostics);
  if (table) ProjectReader(project, diagnostics).read(*table);
  return project;
}

void add_default_host(Project& project, bool is_dom0) {
  HostConfig host;
  host.name = HostName{"local"};
  host.driver = is_dom0 ? DriverKind::xl : DriverKind::sim;
  project.hosts.emplace(host.name, host);
}

Project default_project(std::string root, bool is_dom0) {
  Project project;
  project.name = folder_name(root);
  project.root = std::move(root);
  add_default_host(project, is_dom0);
  return project;
}

}  // namespace hv
