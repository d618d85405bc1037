// What a scope binds: the names of a file, a function or a block, known before its statements are
// read, since a name may be used above the place that binds it.
//
// For index.cpp. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "compiler/compile.h"
#include "lang/syntax.h"

namespace hv::lsp {

struct Scope {
  Scope* outer = nullptr;
  unsigned number = 0;  // of the file's scopes; its own is 0
  std::map<std::string, std::string, std::less<>> names;
  std::optional<Kind> block;  // of a resource: its attributes are names
  bool lifecycle = false;
  std::set<std::string, std::less<>> attributes;  // set so far
};

// Keys as lsp/index.h has them.
std::string resource_key(Kind kind, std::string_view name);
// The file that the statement names, written in the one at `from`.
std::string import_path(const lang::VmImportStmt& statement, const std::string& from,
                        const Files& files);

class Binder {
 public:
  Binder(const std::string& path, const Files& files) : path_(path), files_(files) {}

  void bind_name(std::string_view name, Scope& scope) const;
  void bind_target(const lang::Expr* target, Scope& scope) const;
  void bind_names(lang::Block body, Scope& scope) const;

 private:
  void bind_statement(const lang::Stmt& statement, Scope& scope) const;
  void loop_targets(const lang::Expr* target, Scope& scope) const;

  const std::string& path_;
  const Files& files_;
};

}  // namespace hv::lsp
