// hv.toml and a site's schemas.
#include "base/diagnostics.h"
#include "base/render.h"
#include "base/source.h"
#include "hv/schema/project.h"
#include "hv/schema/schema.h"
#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

std::string check(const Diagnostics& diagnostics, const SourceMap& sources, std::size_t size) {
  for (const Diagnostic& each : diagnostics.all()) {
    if (each.message.empty()) return "a diagnostic without words";
    if (each.primary.valid() && (each.primary.begin > each.primary.end || each.primary.end > size))
      return "a diagnostic outside the text: " + each.message;
    if (each.fix && (each.fix->span.begin > each.fix->span.end || each.fix->span.end > size))
      return "a fix outside the text: " + each.message;
  }
  render_text(diagnostics, sources);
  render_json(diagnostics, sources);
  return "";
}

std::string run_project(std::string_view input) {
  SourceMap sources;
  const FileId file = sources.add("hv.toml", std::string(input));
  Diagnostics diagnostics;
  const Project project = parse_project(file, sources, "/p", diagnostics);
  if (std::string wrong = check(diagnostics, sources, input.size()); !wrong.empty()) return wrong;
  if (diagnostics.has_errors()) return "";
  for (const auto& [key, span] : project.spans)
    if (span.begin > span.end || span.end > input.size()) return "a value outside the text: " + key;
  for (const auto& [name, host] : project.hosts)
    if (host.name != name || name.text.empty()) return "a host without its name";
  if (project.sharing < 0 || project.sharing > 1) return "a sharing level that cannot be";
  return "";
}

std::string run_schema(std::string_view input) {
  SourceMap sources;
  const FileId file = sources.add("site.toml", std::string(input));
  Diagnostics diagnostics;
  const std::unique_ptr<Schema> schema =
      Schema::builtin().narrowed(std::span(&file, 1), sources, diagnostics);
  return check(diagnostics, sources, input.size());
}

}  // namespace

std::vector<Target> project_targets() {
  Target project{"project", "hv.toml", run_project, texts_below("examples", ".toml"), {}, {}};
  project.seeds.push_back(R"([project]
id = "6fa459ea-ee8a-3ca4-894e-db77e160355e"
name = "rack1"
state = ".hv"
host = "xen1"
sharing = 1
unresolved = "warn"
drift = "report"
max_destroy = "10%"
sources = ["fleet.vm", {file = "x", host = "xen1", params = [{vmid = 1}, {vmid = 2}]}]
[hosts.xen1]
driver = "sim"
memory = "64GiB"
cpus = 8
disks = {"/dev/sda" = "100GiB"}
bridges = ["xenbr0"]
files = ["/boot/vmlinuz"]
parallel = 2
uname = ["Linux", "x", "2.6", "#1", "x86_64"]
labels = {rack = "a"}
ip = "10.0.0.1"
netmask = "255.255.255.0"
[hosts.xen1.env]
USER = "alice"
[hosts.xen-2]
driver = "xl"
address = "ssh://root@xen2:2222"
fence = ["ipmitool", "off"]
[[stores]]
id = "wwn-1"
hosts = ["xen1", "xen-2"]
)");
  project.words = {"[project]",  "[hosts.a]",
                   "[[stores]]", "=",
                   "\"",         "[",
                   "]",          "{",
                   "}",          ",",
                   "true",       "1",
                   "1.5",        "-1",
                   "\"sim\"",    "\"xl\"",
                   "driver",     "memory",
                   "host",       "name",
                   "id",         "sources",
                   "sharing",    "1979-05-27",
                   "inf",        "nan",
                   "0x10",       "'''",
                   "\"\"\"",     ".",
                   "\n",         "#",
                   "\"64GiB\"",  "\"10%\"",
                   "\xff",       "params",
                   "address",    "\"ssh://root@[::1]:22\""};
  Target schema{"schema", "a site's narrowing of the schema", run_schema, {}, {}, {}};
  schema.seeds = {
      "[domain.memory]\nmax = \"8GiB\"\nmin = \"64MiB\"\n[domain.owner]\nrequired = true\n",
      "[domain.vcpus]\nmax = 4\n[domain.type]\nvalues = [\"pv\", \"hvm\"]\n",
      "[vdisk.size]\nmax = \"1TiB\"\n[domain.name]\npattern = \"^[a-z]+$\"\n"};
  schema.words = {"[domain.memory]",
                  "[domain.vcpus]",
                  "[pool.extent]",
                  "max",
                  "min",
                  "required",
                  "pattern",
                  "values",
                  "default",
                  "type",
                  "=",
                  "\"8GiB\"",
                  "true",
                  "4",
                  "-1",
                  "\"(\"",
                  "[",
                  "]",
                  "\"^[a-z]*$\"",
                  "1.5",
                  "\n",
                  "help",
                  "."};
  return {std::move(project), std::move(schema)};
}

}  // namespace hv::fuzz
