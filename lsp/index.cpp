#include "lsp/index.h"

#include <algorithm>
#include <set>

#include "lang/parse.h"
#include "lsp/scopes.h"

namespace hv::lsp {
namespace {

using namespace hv::lang;

std::string one_line(std::string_view text) {
  std::string out;
  bool blank = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space) {
      blank = !out.empty();
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
  if (out.size() <= 200) return out;
  return out.substr(0, out.find_last_of(' ', 197)) + " …";
}

class Indexer {
 public:
  Indexer(FileIndex& index, const SourceMap& sources, const SyntaxTree& tree, const Schema& schema,
          const Files& files)
      : index_(index),
        sources_(sources),
        tree_(tree),
        schema_(schema),
        files_(files),
        binder_(index.path, files) {}

  void run() {
    if (!tree_.shape.declares)
      for (const AssignedName& name : tree_.shape.assigned)
        if (schema_.find_key(name.name, false) != nullptr ||
            schema_.find_key(name.name, true) != nullptr)
          index_.domain_file = true;
    Scope top;
    binder_.bind_names(tree_.body, top);
    block(tree_.body, top);
    for (auto& [name, key] : top.names) index_.exports[name] = key;
    std::stable_sort(index_.occurrences.begin(), index_.occurrences.end(),
                     [](const Occurrence& a, const Occurrence& b) { return a.begin < b.begin; });
  }

 private:
  // ---- keys

  static std::string attribute_key(Kind kind, std::string_view name) {
    return "a:" + std::string(to_string(kind)) + "." + std::string(name);
  }
  // The name of a resource as an expression gives it; nothing where it is computed otherwise.
  std::optional<std::string> key_of_name(Kind kind, const Expr* name) const {
    if (const auto* plain = try_as<NameExpr>(name)) return resource_key(kind, plain->name);
    if (const auto* text = try_as<StringExpr>(name)) return resource_key(kind, text->value);
    if (name != nullptr && name->kind == ExprKind::fstring) {
      std::string written(sources_.text(name->span));
      std::replace(written.begin(), written.end(), '\'', '"');
      return resource_key(kind, written);
    }
    return std::nullopt;
  }

  const std::string* find(std::string_view name, const Scope& scope) const {
    for (const Scope* at = &scope; at != nullptr; at = at->outer)
      if (auto found = at->names.find(name); found != at->names.end()) return &found->second;
    return nullptr;
  }
  std::string key_of(std::string_view name, const Scope& scope) const {
    const std::string* key = find(name, scope);
    return key != nullptr ? *key : "u:" + std::string(name);
  }
  // The kind that the word means here, where nothing has taken it.
  std::optional<Kind> kind_word(const Expr* expr, const Scope& scope) const {
    const auto* name = try_as<NameExpr>(expr);
    if (name == nullptr || find(name->name, scope) != nullptr) return std::nullopt;
    return kind_from(name->name);
  }

  void add(Span span, std::string key, bool binds = false) {
    if (span.begin < span.end) index_.occurrences.push_back({span.begin, span.end, key, binds});
  }
  void declare(const std::string& key, std::string words) {
    index_.declarations.try_emplace(key, std::move(words));
  }
  void outline(std::string name, OutlineKind kind, Span all, Span name_span, std::string detail) {
    index_.outline.push_back({std::move(name), std::move(detail), kind, all.begin, all.end,
                              name_span.begin, name_span.end, depth_});
  }

  // ---- statements

  void block(Block body, Scope& scope) {
    for (const Stmt* each : body) statement(*each, scope);
  }

  void statement(const Stmt& node, Scope& scope) {
    switch (node.kind) {
      case StmtKind::expression:
        expression(as<ExpressionStmt>(node).expr, scope);
        break;
      case StmtKind::assign: {
        const auto& assign = as<AssignStmt>(node);
        expression(assign.value, scope);
        for (const Expr* to : assign.targets) target(to, scope, node.span);
        break;
      }
      case StmtKind::augmented_assign:
        expression(as<AugmentedAssignStmt>(node).value, scope);
        target(as<AugmentedAssignStmt>(node).target, scope, node.span);
        break;
      case StmtKind::annotated_assign:
        type(as<AnnotatedAssignStmt>(node).type, scope);
        expression(as<AnnotatedAssignStmt>(node).value, scope);
        target(as<AnnotatedAssignStmt>(node).target, scope, node.span);
        break;
      case StmtKind::if_:
        for (const IfBranch& branch : as<IfStmt>(node).branches) {
          expression(branch.condition, scope);
          block(branch.body, scope);
        }
        block(as<IfStmt>(node).else_body, scope);
        break;
      case StmtKind::for_: {
        const auto& loop = as<ForStmt>(node);
        expression(loop.iterable, scope);
        const std::optional<Kind> of = std::exchange(scope.block, std::nullopt);
        target(loop.target, scope, {});
        scope.block = of;
        block(loop.body, scope);
        block(loop.else_body, scope);
        break;
      }
      case StmtKind::while_:
        expression(as<WhileStmt>(node).condition, scope);
        block(as<WhileStmt>(node).body, scope);
        block(as<WhileStmt>(node).else_body, scope);
        break;
      case StmtKind::function:
        function(as<FunctionStmt>(node), scope);
        break;
      case StmtKind::return_:
        expression(as<ReturnStmt>(node).value, scope);
        break;
      case StmtKind::global:
        for (const NameExpr* name : as<GlobalStmt>(node).names) read(*name, scope);
        break;
      case StmtKind::try_: {
        const auto& guarded = as<TryStmt>(node);
        block(guarded.body, scope);
        for (const ExceptHandler& handler : guarded.handlers) {
          expression(handler.type, scope);
          if (handler.target != nullptr) target(handler.target, scope, {});
          block(handler.body, scope);
        }
        block(guarded.else_body, scope);
        block(guarded.finally_body, scope);
        break;
      }
      case StmtKind::raise:
        expression(as<RaiseStmt>(node).exception, scope);
        expression(as<RaiseStmt>(node).value, scope);
        break;
      case StmtKind::assert_:
        expression(as<AssertStmt>(node).condition, scope);
        expression(as<AssertStmt>(node).message, scope);
        break;
      case StmtKind::del:
        for (const Expr* each : as<DelStmt>(node).targets) expression(each, scope);
        break;
      case StmtKind::print:
        expression(as<PrintStmt>(node).destination, scope);
        for (const Expr* each : as<PrintStmt>(node).values) expression(each, scope);
        break;
      case StmtKind::vm_import:
        import(as<VmImportStmt>(node), scope);
        break;
      case StmtKind::param:
        param(as<ParamStmt>(node), scope);
        break;
      case StmtKind::moved:
        for (const AddressRef& address : {as<MovedStmt>(node).from, as<MovedStmt>(node).to})
          if (const std::optional<Kind> kind = kind_from(address.kind))
            add(address.name_span, resource_key(*kind, address.name));
        break;
      case StmtKind::declaration:
        declaration(as<DeclarationStmt>(node), scope);
        break;
      case StmtKind::lifecycle: {
        Scope inner;
        inner.outer = &scope;
        inner.block = Kind::domain;
        inner.lifecycle = true;
        binder_.bind_names(as<LifecycleStmt>(node).body, inner);
        block(as<LifecycleStmt>(node).body, inner);
        break;
      }
      case StmtKind::import:
      case StmtKind::from_import:
      case StmtKind::pass:
      case StmtKind::break_:
      case StmtKind::continue_:
        break;
    }
  }

  void function(const FunctionStmt& node, Scope& scope) {
    const std::string key = key_of(node.name, scope);
    add(node.name_span, key, true);
    const uint32_t end = node.body.empty() ? node.span.end : node.body.front()->span.begin;
    std::string words = one_line(sources_.text(Span{node.span.file, node.span.begin, end}));
    words = words.substr(0, words.rfind(':'));
    declare(key, words);
    outline(std::string(node.name), OutlineKind::function, node.span, node.name_span, words);
    Scope inner;
    inner.outer = &scope;
    inner.number = ++scope_count_;
    parameters(node.parameters, inner, scope);
    type(node.returns, scope);
    binder_.bind_names(node.body, inner);
    // `global x` means the file's own.
    for (const Stmt* each : node.body)
      if (const auto* global = try_as<GlobalStmt>(each))
        for (const NameExpr* name : global->names) inner.names.erase(std::string(name->name));
    const unsigned depth = std::exchange(depth_, kNoOutline);
    block(node.body, inner);
    depth_ = depth;
  }

  void parameters(lang::List<Parameter> list, Scope& inner, Scope& outer) {
    for (const Parameter& parameter : list) {
      type(parameter.type, outer);
      expression(parameter.default_value, outer);
      if (!parameter.name.empty()) {
        binder_.bind_name(parameter.name, inner);
        add(parameter.name_span, inner.names[std::string(parameter.name)], true);
        declare(inner.names[std::string(parameter.name)],
                "parameter " + one_line(sources_.text(parameter.span)));
      }
      if (parameter.pattern != nullptr) {
        binder_.bind_target(parameter.pattern, inner);
        target(parameter.pattern, inner, {});
      }
    }
  }

  void import(const VmImportStmt& node, Scope& scope) {
    const std::string path = import_path(node, index_.path, files_);
    index_.imports.push_back(path);
    add(node.path->span, "p:" + path);
    for (const ImportName& name : node.names) {
      const std::string key = key_of(name.alias.empty() ? name.name : name.alias, scope);
      add(name.name_span, key);
      if (!name.alias.empty()) add(name.alias_span, key);
    }
  }

  void param(const ParamStmt& node, Scope& scope) {
    const std::string key = key_of(node.name, scope);
    type(node.type, scope);
    expression(node.default_value, scope);
    add(node.name_span, key, true);
    const std::string words = one_line(sources_.text(node.span));
    declare(key, words);
    outline(std::string(node.name), OutlineKind::parameter, node.span, node.name_span, words);
  }

  void declaration(const DeclarationStmt& node, Scope& scope) {
    const std::string word(to_string(node.declared));
    const std::optional<Kind> kind = kind_from(word);
    std::optional<std::string> key;
    if (kind)
      key = key_of_name(*kind, node.name);
    else if (const auto* name = try_as<NameExpr>(node.name))
      if (const std::string* found = find(name->name, scope)) key = *found;
    std::string words = one_line(sources_.text(node.header));
    if (words.ends_with(':')) words.pop_back();
    if (node.name != nullptr && node.name->kind == ExprKind::fstring) expression(node.name, scope);
    if (key) {
      add(node.name->span, *key, true);
      declare(*key, words);
    }
    for (const TemplateUse& use : node.templates)
      if (const std::string* found = find(use.name, scope)) add(use.span, *found);
    expression(node.placement, scope);
    const bool shown = depth_ != kNoOutline;
    if (shown)
      outline(word + " " + std::string(node.name ? sources_.text(node.name->span) : ""),
              kind                                          ? OutlineKind::resource
              : node.declared == DeclarationKind::template_ ? OutlineKind::template_
                                                            : OutlineKind::schema,
              node.span, node.name ? node.name->span : node.keyword, words);
    Scope inner;
    inner.outer = &scope;
    inner.number = ++scope_count_;
    if (node.declared != DeclarationKind::schema) inner.block = kind.value_or(Kind::domain);
    binder_.bind_names(node.body, inner);
    if (shown) ++depth_;
    block(node.body, inner);
    if (shown) --depth_;
  }

  void target(const Expr* expr, Scope& scope, Span statement) {
    const auto* name = try_as<NameExpr>(expr);
    if (name == nullptr) {
      if (expr->kind == ExprKind::list || expr->kind == ExprKind::tuple)
        for (const Expr* item : as<SequenceExpr>(*expr).items) target(item, scope, statement);
      else
        expression(expr, scope);
      return;
    }
    if (scope.block && !name->name.starts_with('_')) {
      const std::string full = (scope.lifecycle ? "lifecycle." : "") + std::string(name->name);
      const Attribute* known = schema_.find(*scope.block, full);
      add(name->span, attribute_key(*scope.block, known ? known->name : full), true);
      scope.attributes.insert(std::string(name->name));
      if (depth_ != kNoOutline && depth_ > 0 && statement.valid() && !scope.lifecycle)
        outline(std::string(name->name), OutlineKind::key, statement, name->span,
                one_line(sources_.text(statement)));
      return;
    }
    const std::string* key = find(name->name, scope);
    if (key == nullptr) return;
    add(name->span, *key, true);
    if (!statement.valid()) return;
    const bool first = !index_.declarations.contains(*key);
    declare(*key, one_line(sources_.text(statement)));
    if (first && depth_ == 0 && scope.outer == nullptr)
      outline(std::string(name->name),
              index_.domain_file && is_key(name->name) ? OutlineKind::key : OutlineKind::variable,
              statement, name->span, one_line(sources_.text(statement)));
  }

  bool is_key(std::string_view name) const {
    return schema_.find_key(name, false) != nullptr || schema_.find_key(name, true) != nullptr;
  }

  // ---- expressions

  void read(const NameExpr& name, const Scope& scope) {
    for (const Scope* at = &scope; at != nullptr; at = at->outer) {
      if (at->block && !at->lifecycle &&
          (at->attributes.contains(name.name) ||
           (find(name.name, *at) == nullptr && schema_.find(*at->block, name.name) != nullptr))) {
        const Attribute* known = schema_.find(*at->block, name.name);
        add(name.span, attribute_key(*at->block, known ? known->name : name.name));
        return;
      }
      if (auto found = at->names.find(name.name); found != at->names.end()) {
        add(name.span, found->second);
        return;
      }
    }
    add(name.span, "u:" + std::string(name.name));
  }

  // The kind of the resource that an expression refers to, where it can be seen.
  std::optional<Kind> kind_of(const Expr* expr, const Scope& scope) const {
    if (const auto* name = try_as<NameExpr>(expr)) {
      const std::string* key = find(name->name, scope);
      if (key == nullptr || !key->starts_with("r:")) return std::nullopt;
      return kind_from(std::string_view(*key).substr(2, key->find('.') - 2));
    }
    if (const auto* dotted = try_as<AttributeExpr>(expr)) return kind_word(dotted->object, scope);
    if (const auto* element = try_as<SubscriptExpr>(expr)) return kind_word(element->object, scope);
    return std::nullopt;
  }

  void expressions(lang::List<const Expr*> list, Scope& scope) {
    for (const Expr* each : list) expression(each, scope);
  }

  void fstring(lang::List<FStringPart> parts, Scope& scope) {
    for (const FStringPart& part : parts) {
      expression(part.expr, scope);
      fstring(part.format, scope);
    }
  }

  void attribute(const AttributeExpr& node, Scope& scope) {
    if (const std::optional<Kind> kind = kind_word(node.object, scope)) {
      add(node.name_span, resource_key(*kind, node.name));
      return;
    }
    expression(node.object, scope);
    if (const std::optional<Kind> kind = kind_of(node.object, scope))
      add(node.name_span, attribute_key(*kind, node.name));
  }

  void expression(const Expr* expr, Scope& scope) {
    if (expr == nullptr) return;
    switch (expr->kind) {
      case ExprKind::name:
        read(as<NameExpr>(*expr), scope);
        break;
      case ExprKind::fstring:
        fstring(as<FStringExpr>(*expr).parts, scope);
        break;
      case ExprKind::list:
      case ExprKind::tuple:
      case ExprKind::set:
        expressions(as<SequenceExpr>(*expr).items, scope);
        break;
      case ExprKind::dict:
        for (const DictItem& item : as<DictExpr>(*expr).items) {
          expression(item.key, scope);
          expression(item.value, scope);
        }
        break;
      case ExprKind::comprehension:
        comprehension(as<ComprehensionExpr>(*expr), scope);
        break;
      case ExprKind::lambda: {
        Scope inner;
        inner.outer = &scope;
        inner.number = ++scope_count_;
        parameters(as<LambdaExpr>(*expr).parameters, inner, scope);
        expression(as<LambdaExpr>(*expr).body, inner);
        break;
      }
      case ExprKind::call:
        expression(as<CallExpr>(*expr).callee, scope);
        for (const Argument& argument : as<CallExpr>(*expr).arguments)
          expression(argument.value, scope);
        break;
      case ExprKind::subscript: {
        const auto& node = as<SubscriptExpr>(*expr);
        if (const std::optional<Kind> kind = kind_word(node.object, scope)) {
          if (node.index->kind == ExprKind::fstring) expression(node.index, scope);
          if (node.index->kind == ExprKind::string || node.index->kind == ExprKind::fstring) {
            add(node.index->span, *key_of_name(*kind, node.index));
            break;
          }
        } else {
          expression(node.object, scope);
        }
        expression(node.index, scope);
        break;
      }
      case ExprKind::slice:
        expression(as<SliceExpr>(*expr).lower, scope);
        expression(as<SliceExpr>(*expr).upper, scope);
        expression(as<SliceExpr>(*expr).step, scope);
        break;
      case ExprKind::attribute:
        attribute(as<AttributeExpr>(*expr), scope);
        break;
      case ExprKind::unary:
        expression(as<UnaryExpr>(*expr).operand, scope);
        break;
      case ExprKind::binary:
        expression(as<BinaryExpr>(*expr).left, scope);
        expression(as<BinaryExpr>(*expr).right, scope);
        break;
      case ExprKind::comparison:
        expression(as<ComparisonExpr>(*expr).first, scope);
        for (const ComparisonPart& part : as<ComparisonExpr>(*expr).rest)
          expression(part.operand, scope);
        break;
      case ExprKind::logical:
        expressions(as<LogicalExpr>(*expr).operands, scope);
        break;
      case ExprKind::conditional:
        expression(as<ConditionalExpr>(*expr).condition, scope);
        expression(as<ConditionalExpr>(*expr).value, scope);
        expression(as<ConditionalExpr>(*expr).otherwise, scope);
        break;
      case ExprKind::repr:
        expression(as<ReprExpr>(*expr).operand, scope);
        break;
      case ExprKind::star:
        expression(as<StarExpr>(*expr).operand, scope);
        break;
      case ExprKind::constant:
      case ExprKind::integer:
      case ExprKind::floating:
      case ExprKind::size:
      case ExprKind::duration:
      case ExprKind::string:
        break;
    }
  }

  void comprehension(const ComprehensionExpr& node, Scope& scope) {
    Scope inner;
    inner.outer = &scope;
    inner.number = ++scope_count_;
    for (const ComprehensionFor& clause : node.fors) {
      expression(clause.iterable, inner);
      binder_.bind_target(clause.target, inner);
      target(clause.target, inner, {});
      expressions(clause.conditions, inner);
    }
    expression(node.key, inner);
    expression(node.value, inner);
  }

  void type(const Type* node, const Scope& scope) {
    if (node == nullptr) return;
    switch (node->kind) {
      case TypeKind::named: {
        const auto& named = as<NamedType>(*node);
        if (const std::string* key = find(named.name, scope)) add(named.name_span, *key);
        break;
      }
      case TypeKind::generic:
        for (const Type* argument : as<GenericType>(*node).arguments) type(argument, scope);
        break;
      case TypeKind::union_:
        for (const Type* member : as<UnionType>(*node).members) type(member, scope);
        break;
      case TypeKind::optional:
        type(as<OptionalType>(*node).inner, scope);
        break;
      case TypeKind::literal:
        break;
    }
  }

  static constexpr unsigned kNoOutline = UINT32_MAX;

  FileIndex& index_;
  const SourceMap& sources_;
  const SyntaxTree& tree_;
  const Schema& schema_;
  const Files& files_;
  const Binder binder_;
  unsigned scope_count_ = 0;
  unsigned depth_ = 0;
};

}  // namespace

const Occurrence* FileIndex::at(uint32_t offset) const {
  const Occurrence* best = nullptr;
  for (const Occurrence& each : occurrences) {
    if (each.begin > offset) break;
    if (offset <= each.end && (best == nullptr || each.end - each.begin <= best->end - best->begin))
      best = &each;
  }
  return best;
}

FileIndex index_file(std::string path, std::string text, const Schema& schema, const Files& files) {
  FileIndex index;
  index.path = std::move(path);
  index.text = std::move(text);
  SourceMap sources;
  Diagnostics ignored;
  const FileId file = sources.add(index.path, index.text);
  const lang::SyntaxTree tree = lang::parse(file, sources, ignored);
  Indexer(index, sources, tree, schema, files).run();
  return index;
}

}  // namespace hv::lsp
