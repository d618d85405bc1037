// What the compiler's tests share: files in memory, a project of two hosts, one call to compile.
//
// Tests only. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "compiler/translate.h"

namespace hv::compiler {

// Files in a map, by absolute path; a link is an entry whose text is "-> TARGET".
class MemoryFiles final : public Files {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  Result<std::string> read(const std::string& path) const override;
  What what(const std::string& path) const override;
  std::string canonical(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& folder) const override;

 private:
  std::map<std::string, std::string> files_;
};

struct Case {
  std::map<std::string, std::string> files;  // paths below /p
  std::vector<std::string> roots = {"main.vm"};
  std::map<std::string, std::vector<std::string>> params;
  std::map<std::string, std::string> root_params;
  std::string hosts =
      "[hosts.xen1]\ndriver = \"sim\"\n"
      "uname = [\"Linux\", \"xenhost\", \"2.6.18-xen\", \"#1 SMP\", \"x86_64\"]\n"
      "ip = \"10.0.0.1\"\nnetmask = \"255.255.255.0\"\ngateway = \"10.0.0.254\"\n"
      "[hosts.xen1.env]\nVCPUS = \"2\"\nBRIDGE = \"xenbr0\"\nUSER = \"alice\"\n"
      "[hosts.xen-2]\ndriver = \"sim\"\n";
  std::string default_host = "xen1";
  std::string site_schema;  // of a `schemas/` folder; empty: none
  std::optional<HostName> host;
  std::optional<std::string> standard_input;
  int64_t steps = CompileRequest{}.steps;
};

struct Compiled {
  SourceMap sources;
  Diagnostics diagnostics;
  DesiredGraph graph;

  // "HV0203 main.vm:3: message", one a line, of errors and warnings; notes too if asked for.
  std::string complaints(bool notes = false) const;
  // What the program printed, one line a `print`.
  std::vector<std::string> printed() const;
  std::string first_message() const;
  bool ok() const { return !diagnostics.has_errors(); }
  const DomainSpec* domain(const std::string& name) const {
    return graph.get<DomainSpec>(Address{Kind::domain, name});
  }
};

struct Translated : Compiled {
  std::optional<std::string> text;  // and no graph
};

// Everything a command would do: hv.toml is read, the roots compiled.
Compiled compile_setup(const Case& setup);
Translated translate_setup(const Case& setup, Language to, Language from = Language::vm);
// One file main.vm, domain file, module or library by what it says.
Compiled compile_text(const std::string& text,
                      std::map<std::string, std::vector<std::string>> params = {});
// The printed lines of a module that evaluates `text`; its complaints where it fails.
std::string run_module(const std::string& text, int64_t steps = CompileRequest{}.steps);
// The same in a domain file, with Python 2's meaning.
std::string run_domain_file(const std::string& text);

// An attribute of the domain as text: "512MiB", "2", "[a, b]", "unset".
std::string attribute_text(const DomainSpec& domain, const std::string& name);

}  // namespace hv::compiler
