// Interp: runs one command's files — hermetic, bounded, with Python's meaning.
//
// A Python exception is a pending Raised and a value tagged `failed` (or Flow::raised), never a C++
// exception. Steps, depth and memory are budgets shared by all files of a compilation. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "compiler/callback.h"
#include "compiler/compile.h"
#include "compiler/types.h"
#include "compiler/value.h"
#include "lang/syntax.h"

namespace hv::compiler {

// Python 2 where a file is a domain file, Python 3 elsewhere.
enum class FileRole : uint8_t { domain_file, module, library };

struct Raised {
  std::string type;  // "ValueError"
  V value;           // the exception's argument
  std::string message;
  Span span;
  Code code = Code::evaluation_failed;
  std::string help;
  std::optional<Fix> fix;
  std::vector<Label> related;
  std::vector<Span> calls;  // where we were called from, innermost first
  bool fatal = false;       // a budget: no `except` catches it
};

enum class Flow : uint8_t { normal, break_, continue_, return_, raised };

// One evaluated file.
struct FileContext {
  std::string path;   // absolute, links resolved; "-" for standard input
  std::string shown;  // as diagnostics show it
  FileRole role = FileRole::module;
  const lang::SyntaxTree* tree = nullptr;
  std::shared_ptr<Scope> scope;
  HostName host;               // of a domain file: facts come from it
  bool true_division = false;  // from __future__ import division
  bool python2() const { return role == FileRole::domain_file; }
};

// The body of one resource (or of its `lifecycle`) while it runs.
struct BlockState {
  enum class What : uint8_t { resource, lifecycle } what = What::resource;
  Kind kind = Kind::domain;
  Address address;
  Span header;
  std::map<std::string, V, std::less<>> attributes;  // by schema name, of the attribute's type
  std::map<std::string, Span, std::less<>> spans;    // of the assigned values
  BlockState* lifecycle = nullptr;                   // of the domain
  std::set<const lang::DeclarationStmt*> templates_run;
};

struct Budget {
  int64_t steps = 50'000'000;    // statements and expressions: about a second of a tight loop
  int64_t memory = 112ll << 20;  // of values; what a hostile file may make of hv is twice that
  int depth = 6000;  // nested expressions, statements and calls: a thousand calls of functions
};

// Called by the interpreter for what only the compilation as a whole can do.
class World {
 public:
  virtual ~World() = default;
  virtual bool import_file(const lang::VmImportStmt& statement, FileContext& into,
                           const std::shared_ptr<Scope>& scope) = 0;
  virtual bool include(const std::string& path, Span span, FileContext& into,
                       const std::shared_ptr<Scope>& scope) = 0;
  virtual bool declare(const lang::DeclarationStmt& statement,
                       const std::shared_ptr<Scope>& scope) = 0;
  virtual bool declare_param(const lang::ParamStmt& statement,
                             const std::shared_ptr<Scope>& scope) = 0;
  virtual bool declare_moved(const lang::MovedStmt& statement) = 0;
  // An attribute of a resource that was evaluated before; raises otherwise.
  virtual V read_resource(const Address& address, std::string_view attribute, Span span) = 0;
  virtual bool assign_attribute(BlockState& block, std::string_view name, const V& value,
                                Span name_span, Span value_span) = 0;
  virtual V call_shareable(Call& call) = 0;
  virtual const HostConfig* host_facts() = 0;
  virtual void note(Span span, std::string text) = 0;
};

class Interp {
 public:
  Interp(World& world, const Schema& schema, const Project& project, SourceMap& sources,
         Diagnostics& diagnostics, Budget budget);
  ~Interp();
  Interp(const Interp&) = delete;
  Interp& operator=(const Interp&) = delete;

  World& world;
  const Schema& schema;
  const Project& project;
  SourceMap& sources;
  Diagnostics& diagnostics;
  FileContext* file = nullptr;  // the one whose code runs
  std::optional<Raised> pending;
  V returned;
  Span returned_from;  // the value's, of the last `return`
  Budget budget;
  // Values given by -p for xm_vars.var.
  std::map<std::string, std::string> variables;
  std::vector<std::pair<std::string, std::string>> missing_variables;  // name, use

  // ---- raising
  V raise(Span span, std::string type, std::string message, std::string help = {});
  V raise(Span span, Code code, std::string message, std::string help = {});
  V raise_fatal(Span span, std::string message, std::string help);
  Flow raised_flow() const { return Flow::raised; }
  // Turns the pending exception into a diagnostic.
  void report_pending();

  // ---- evaluating (evaluate.cpp, calls.cpp)
  V evaluate(const lang::Expr* expr, const std::shared_ptr<Scope>& scope);
  // Whether it holds; nothing after raising, as where it is a secret.
  std::optional<bool> condition(const lang::Expr* expr, const std::shared_ptr<Scope>& scope);
  bool evaluate_all(lang::List<const lang::Expr*> items, const std::shared_ptr<Scope>& scope,
                    std::vector<V>& out);
  V lookup(const lang::NameExpr& name, const std::shared_ptr<Scope>& scope);
  V call(const V& callee, Span span, std::vector<V> positional,
         std::vector<std::pair<std::string, V>> keywords);
  V attribute(const V& object, std::string_view name, Span span);
  V subscript(const V& object, const V& index, Span span);
  bool assign_element(const V& object, const V& index, const V& value, Span span);
  bool assign(const lang::Expr* target, const V& value, Span value_span,
              const std::shared_ptr<Scope>& scope);
  bool bind(std::string_view name, const V& value, Span name_span, Span value_span,
            const std::shared_ptr<Scope>& scope);
  // Every element in order; false after raising.
  bool iterate(const V& iterable, Span span, Callback<bool(const V&)> each);
  std::optional<std::vector<V>> elements(const V& iterable, Span span);

  // ---- operators (operators.cpp)
  V binary(lang::BinaryOp op, const V& left, const V& right, Span span, Span op_span);
  V compare(lang::CompareOp op, const V& left, const V& right, Span span);
  // Python's ordering: -1, 0, 1; nothing after raising.
  std::optional<int> order(const V& left, const V& right, Span span);

  // ---- statements (execute.cpp)
  Flow execute(lang::Block block, const std::shared_ptr<Scope>& scope);
  Flow execute(const lang::Stmt* statement, const std::shared_ptr<Scope>& scope);

  // ---- formatting (format.cpp)
  V percent(const V& format, const V& arguments, Span span);
  V format_value(const V& value, std::string_view spec, Span span);
  bool too_wide(int width, int precision, Span span);
  // str() for f-strings and str(): refuses references.
  std::optional<std::string> text_of(const V& value, Span span);

  // ---- budgets
  bool step(Span span) {
    if (++Meter::work <= Meter::limit && Meter::in_use <= Meter::memory) [[likely]]
      return true;
    return stop(span);
  }
  bool charge(int64_t bytes, Span span);    // before something big is made
  bool room_for(int64_t bytes, Span span);  // the same while it grows: costs no steps

  struct Depth {
    explicit Depth(Interp& i) : interp(i) { ++interp.depth_; }
    ~Depth() { --interp.depth_; }
    Interp& interp;
  };
  int depth() const { return depth_; }
  bool stopped() const { return stopped_; }  // out of budget, and told
  bool python2() const { return file != nullptr && file->python2(); }

 private:
  friend struct Depth;
  bool stop(Span span);  // the budget is used up; false
  V predefined(std::string_view name);
  V evaluate_inner(const lang::Expr* expr, const std::shared_ptr<Scope>& scope);
  V comprehension(const lang::ComprehensionExpr& expr, const std::shared_ptr<Scope>& scope);
  struct Gathering;
  bool gather(Gathering& into, std::size_t clause);
  bool check_type(const V& value, const lang::Type* type, const Scope& scope, Span span,
                  const std::string& what);
  V fstring(const lang::FStringExpr& expr, const std::shared_ptr<Scope>& scope);
  std::optional<std::string> fstring_parts(lang::List<lang::FStringPart> parts,
                                           const std::shared_ptr<Scope>& scope, bool& secret);
  V call_expr(const lang::CallExpr& expr, const std::shared_ptr<Scope>& scope);
  V make_record(const V& schema_value, Span span, const std::vector<V>& positional,
                std::vector<std::pair<std::string, V>>& keywords);
  V call_function(const V& callee, Span span, std::vector<V> positional,
                  std::vector<std::pair<std::string, V>> keywords);
  bool bind_parameters(const FunctionObject& function, Span span, std::vector<V>& positional,
                       std::vector<std::pair<std::string, V>>& keywords,
                       const std::shared_ptr<Scope>& scope);
  V make_function(std::string name, std::span<const lang::Parameter> parameters,
                  const lang::FunctionStmt* statement, const lang::LambdaExpr* lambda, Span span,
                  const std::shared_ptr<Scope>& scope);
  V slice_of(const V& object, const lang::SliceExpr& slice, Span span,
             const std::shared_ptr<Scope>& scope);
  Flow execute_inner(const lang::Stmt* statement, const std::shared_ptr<Scope>& scope);
  Flow execute_for(const lang::ForStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_while(const lang::WhileStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_try(const lang::TryStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_raise(const lang::RaiseStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_assert(const lang::AssertStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_augmented(const lang::AugmentedAssignStmt& statement,
                         const std::shared_ptr<Scope>& scope);
  Flow execute_del(const lang::DelStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_print(const lang::PrintStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_import(const lang::ImportStmt& statement, const std::shared_ptr<Scope>& scope);
  Flow execute_from_import(const lang::FromImportStmt& statement,
                           const std::shared_ptr<Scope>& scope);
  Flow execute_annotated(const lang::AnnotatedAssignStmt& statement,
                         const std::shared_ptr<Scope>& scope);

  int depth_ = 0;
  bool stopped_ = false;
  std::map<std::string_view, V> builtins_[2];  // made on first use; Python 3's, Python 2's
  std::map<const void*, std::pair<std::vector<std::string_view>, std::vector<std::string_view>>>
      locals_;                    // of functions: names assigned, names declared global
  std::vector<Raised> handling_;  // for a bare `raise`
};

// The schemas that a scope sees.
class ScopeSchemas final : public SchemaNames {
 public:
  explicit ScopeSchemas(const Scope* scope) : scope_(scope) {}
  V find_schema(std::string_view name) const override;

 private:
  const Scope* scope_;
};

// Names bound anywhere in a body (not in nested functions), and those declared global.
void collect_locals(lang::Block body, std::vector<std::string_view>& assigned,
                    std::vector<std::string_view>& globals);
void collect_targets(const lang::Expr* target, std::vector<std::string_view>& names);

// Builtin functions and predefined modules, by name; `failed` for none.
V find_builtin(std::string_view name, bool python2);
std::vector<std::string_view> builtin_names();
V make_module(std::string_view name);
bool is_known_module(std::string_view name);
// An attribute of a modelled module; `failed` (nothing raised) where it has none.
V module_attribute(Interp& interp, const ModuleObject& module, std::string_view name, Span span);
// A method of str, list, dict, …; `failed` (nothing raised) where there is none.
V find_method(const V& self, std::string_view name);

// Does an exception of type `type` match `except wanted`? ("IndexError" is a "LookupError".)
bool exception_matches(std::string_view type, std::string_view wanted);
bool is_exception_name(std::string_view name);
std::vector<std::string_view> exception_names();

// vbd(…) and vif(…)
V builtin_vbd(Call& call);
V builtin_vif(Call& call);

}  // namespace hv::compiler
