// Compilation: one command's walk through its files, from roots to the desired graph.
//
// It is the interpreter's World: what evaluation declares, imports and reads ends here. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "compiler/convert.h"
#include "compiler/infer.h"
#include "compiler/interp.h"
#include "compiler/write.h"
#include "lang/parse.h"
#include "lang/sxp.h"

namespace hv::compiler {

struct LoadedFile {
  std::string path;   // absolute, links resolved; "-"
  std::string shown;  // relative to the project where it lies below it
  FileId file;
  std::unique_ptr<lang::SyntaxTree> tree;
  FileRole role = FileRole::module;
  bool sound = true;  // parsed and checked without an error
  enum class State : uint8_t { loaded, evaluating, evaluated } state = State::loaded;
  FileContext context;
  FileFacts facts;
};

class Compilation final : public World {
 public:
  Compilation(const CompileRequest& request, SourceMap& sources, Diagnostics& diagnostics);

  void compile_root(const Root& root);
  void compile_sxp(const Root& root);
  DesiredGraph finish();
  std::string dump_typed() const;
  // The keys of the domain files and S-expressions that were compiled, each as it stood at the end.
  const std::vector<LegacyDomain>& legacy() const { return legacy_; }

  // World
  bool import_file(const lang::VmImportStmt& statement, FileContext& into,
                   const std::shared_ptr<Scope>& scope) override;
  bool include(const std::string& path, Span span, FileContext& into,
               const std::shared_ptr<Scope>& scope) override;
  bool declare(const lang::DeclarationStmt& statement,
               const std::shared_ptr<Scope>& scope) override;
  bool declare_param(const lang::ParamStmt& statement,
                     const std::shared_ptr<Scope>& scope) override;
  bool declare_moved(const lang::MovedStmt& statement) override;
  V read_resource(const Address& address, std::string_view attribute, Span span) override;
  bool assign_attribute(BlockState& block, std::string_view name, const V& value, Span name_span,
                        Span value_span) override;
  V call_shareable(Call& call) override;
  const HostConfig* host_facts() override;
  void note(Span span, std::string text) override;

 private:
  // loading.cpp
  enum class Reader : uint8_t { module, execfile };  // the latter takes what Python took
  LoadedFile* load(const std::string& path, Span from, Reader reader = Reader::module);
  LoadedFile* load_text(const std::string& path, std::string text, Reader reader = Reader::module);
  // Loads what the file imports, as far as it can be found.
  ImportedFacts imported_facts(const LoadedFile& file);
  FileRole classify(const lang::SyntaxTree& tree) const;
  bool is_of_2004(const lang::SyntaxTree& tree) const;
  std::optional<std::string> resolve_import(const std::string& written, Span span,
                                            const FileContext& from, bool absolute);
  // Of an import: the file's canonical path, where it is one that may be imported.
  std::string import_path(const std::string& written, const FileContext& from) const;
  bool may_import(const std::string& real, const FileContext& from) const;
  bool evaluate_module(LoadedFile& file, Span from);
  bool root_folder_outside(const FileContext& from) const;
  std::string shown_path(const std::string& path) const;

  // domain_file.cpp
  void evaluate_domain_file(LoadedFile& file, const Root& root);
  struct Key {
    const Attribute* attribute = nullptr;
    V value;
    std::string_view written;  // the name as the file has it
    std::string_view spelling;
    Span span;
  };
  void domain_from_keys(LoadedFile& file, std::map<std::string, Key, std::less<>>& keys,
                        const Root& root);
  void keep_keys(const std::map<std::string, Key, std::less<>>& keys, const Address& address,
                 bool of_2004);
  void domain_from_sxp(LoadedFile& file, const lang::Sxp& form, const Root& root);
  void initial_vcpus(std::map<std::string, Key, std::less<>>& keys);
  std::string name_from_stem(const LoadedFile& file);
  void warn_misspelt(const LoadedFile& file, bool generation_2004);

  // blocks.cpp
  std::optional<std::string> declared_name(const lang::DeclarationStmt& statement,
                                           const std::shared_ptr<Scope>& scope);
  bool run_templates(lang::List<lang::TemplateUse> uses, BlockState& block,
                     const std::shared_ptr<Scope>& scope,
                     std::vector<const lang::DeclarationStmt*>& path);
  std::optional<HostName> placement_host(const V& value, Span span);
  std::optional<HostName> project_host() const;  // of what says none
  std::optional<HostName> default_host(Span span, const Address& address);

  // resources.cpp
  bool build_domain(BlockState& block, const HostName& host, const std::string& root, bool legacy);
  bool build_vdisk(BlockState& block, const std::optional<Address>& pool, const std::string& root);
  bool build_pool(BlockState& block, const HostName& host, const std::string& root);
  bool build_network(BlockState& block, const HostName& host, const std::string& root);
  bool add(Resource resource, Span span);
  void refer(const Address& from, const Address& to, Span span);
  void build_lifecycle(BlockState& block, Lifecycle& lifecycle);
  void check_references();
  void check_cycles();
  void check_moved();
  void check_networks();

  const CompileRequest& request_;
  SourceMap& sources_;
  Diagnostics& diagnostics_;
  Interp interp_;
  DesiredGraph graph_;
  std::map<std::string, std::unique_ptr<LoadedFile>> files_;  // by path; null: it cannot be read
  std::vector<LoadedFile*> evaluating_;
  std::vector<Span> import_places_;
  std::string root_;  // the root being compiled, as `DomainSpec::root`
  const Root* current_root_ = nullptr;
  std::map<Address, Span> declared_;                                     // headers
  std::map<Address, std::map<std::string, V, std::less<>>> attributes_;  // of evaluated resources
  struct Use {
    Address from;
    Address to;
    Span span;
  };
  std::vector<Use> uses_;
  std::vector<Use> grant_uses_;  // of shareable(…): must be declared, and are no dependency
  int open_blocks_ = 0;          // resources whose block runs now
  std::vector<Span> moved_spans_;
  std::map<Uuid, std::pair<Address, Span>> uuids_;
  std::set<std::string> params_used_;
  struct SeenParam {
    TypeRef type;
    V fallback;  // `failed`: none
    Span span;
  };
  std::map<std::string, SeenParam> params_seen_;
  std::set<std::string> inputs_seen_;
  std::vector<LegacyDomain> legacy_;
};

// What xc_dom_create bound before it ran a file of 2004.
std::map<std::string_view, V> predefined_2004(const std::string& file);

// Everything that can be known to be wrong without running: unknown names and attributes, old
// spellings in new files, values, arguments and literals that do not fit.
struct CheckRequest {
  FileRole role = FileRole::module;
  bool strict = true;  // no old file reads it, so what merely could go wrong there is an error here
  const Schema* schema = nullptr;
  const Project* project = nullptr;
  const std::set<std::string>* given = nullptr;  // names that -p binds
  const ImportedFacts* imported = nullptr;
};
FileFacts check_file(const lang::SyntaxTree& tree, const CheckRequest& request,
                     const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv::compiler
