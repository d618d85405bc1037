// Statements: one function a kind, and what control does after each.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

using lang::StmtKind;

Flow Interp::execute(lang::Block block, const std::shared_ptr<Scope>& scope) {
  for (const lang::Stmt* statement : block) {
    const Flow flow = execute(statement, scope);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Flow Interp::execute(const lang::Stmt* statement, const std::shared_ptr<Scope>& scope) {
  if (!step(statement->span)) return Flow::raised;
  if (depth_ > budget.depth) {
    raise_fatal(statement->span, "calls and statements are nested too deeply",
                "look for a function that calls itself without end");
    return Flow::raised;
  }
  Depth guard(*this);
  return execute_inner(statement, scope);
}

Flow Interp::execute_inner(const lang::Stmt* statement, const std::shared_ptr<Scope>& scope) {
  switch (statement->kind) {
    case StmtKind::expression:
      return evaluate(lang::as<lang::ExpressionStmt>(*statement).expr, scope).is_failed()
                 ? Flow::raised
                 : Flow::normal;
    case StmtKind::assign: {
      const auto& node = lang::as<lang::AssignStmt>(*statement);
      V value = evaluate(node.value, scope);
      if (value.is_failed()) return Flow::raised;
      for (const lang::Expr* target : node.targets)
        if (!assign(target, value, node.value->span, scope)) return Flow::raised;
      return Flow::normal;
    }
    case StmtKind::augmented_assign:
      return execute_augmented(lang::as<lang::AugmentedAssignStmt>(*statement), scope);
    case StmtKind::annotated_assign:
      return execute_annotated(lang::as<lang::AnnotatedAssignStmt>(*statement), scope);
    case StmtKind::if_: {
      const auto& node = lang::as<lang::IfStmt>(*statement);
      for (const lang::IfBranch& branch : node.branches) {
        const auto holds = condition(branch.condition, scope);
        if (!holds) return Flow::raised;
        if (*holds) return execute(branch.body, scope);
      }
      return execute(node.else_body, scope);
    }
    case StmtKind::for_:
      return execute_for(lang::as<lang::ForStmt>(*statement), scope);
    case StmtKind::while_:
      return execute_while(lang::as<lang::WhileStmt>(*statement), scope);
    case StmtKind::function: {
      const auto& node = lang::as<lang::FunctionStmt>(*statement);
      V function = make_function(std::string(node.name), node.parameters, &node, nullptr,
                                 node.name_span, scope);
      if (function.is_failed()) return Flow::raised;
      scope->variables[node.name] = function;
      return Flow::normal;
    }
    case StmtKind::return_: {
      const auto& node = lang::as<lang::ReturnStmt>(*statement);
      V value;
      if (node.value != nullptr) {
        value = evaluate(node.value, scope);
        if (value.is_failed()) return Flow::raised;
      }
      returned = std::move(value);
      returned_from = node.value != nullptr ? node.value->span : node.span;
      return Flow::return_;
    }
    case StmtKind::pass:
      return Flow::normal;
    case StmtKind::break_:
      return Flow::break_;
    case StmtKind::continue_:
      return Flow::continue_;
    case StmtKind::global:
      return Flow::normal;
    case StmtKind::try_:
      return execute_try(lang::as<lang::TryStmt>(*statement), scope);
    case StmtKind::raise:
      return execute_raise(lang::as<lang::RaiseStmt>(*statement), scope);
    case StmtKind::assert_:
      return execute_assert(lang::as<lang::AssertStmt>(*statement), scope);
    case StmtKind::del:
      return execute_del(lang::as<lang::DelStmt>(*statement), scope);
    case StmtKind::print:
      return execute_print(lang::as<lang::PrintStmt>(*statement), scope);
    case StmtKind::import:
      return execute_import(lang::as<lang::ImportStmt>(*statement), scope);
    case StmtKind::from_import:
      return execute_from_import(lang::as<lang::FromImportStmt>(*statement), scope);
    case StmtKind::vm_import:
      return world.import_file(lang::as<lang::VmImportStmt>(*statement), *file, scope)
                 ? Flow::normal
                 : Flow::raised;
    case StmtKind::param:
      return world.declare_param(lang::as<lang::ParamStmt>(*statement), scope) ? Flow::normal
                                                                               : Flow::raised;
    case StmtKind::moved:
      return world.declare_moved(lang::as<lang::MovedStmt>(*statement)) ? Flow::normal
                                                                        : Flow::raised;
    case StmtKind::declaration:
      return world.declare(lang::as<lang::DeclarationStmt>(*statement), scope) ? Flow::normal
                                                                               : Flow::raised;
    case StmtKind::lifecycle: {
      if (scope->block == nullptr || scope->block->lifecycle == nullptr) {
        raise(statement->span, Code::misplaced_statement,
              "`lifecycle` belongs into a domain or a template");
        return Flow::raised;
      }
      auto inner = std::make_shared<Scope>();
      inner->what = Scope::What::block;
      inner->parent = scope;
      inner->block = scope->block->lifecycle;
      const Flow flow = execute(lang::as<lang::LifecycleStmt>(*statement).body, inner);
      inner->block = nullptr;  // a closure may outlive the block
      return flow;
    }
  }
  return Flow::normal;
}

namespace {

// Loop variables are helpers even where assignments set attributes.
bool bind_loop_target(Interp& interp, const lang::Expr* target, const V& value,
                      const std::shared_ptr<Scope>& scope) {
  if (scope->block != nullptr) {
    if (const auto* name = lang::try_as<lang::NameExpr>(target)) {
      scope->variables[name->name] = value;
      return true;
    }
    BlockState* block = std::exchange(scope->block, nullptr);
    const bool ok = interp.assign(target, value, target->span, scope);
    scope->block = block;
    return ok;
  }
  return interp.assign(target, value, target->span, scope);
}

}  // namespace

Flow Interp::execute_for(const lang::ForStmt& node, const std::shared_ptr<Scope>& scope) {
  V iterable = evaluate(node.iterable, scope);
  if (iterable.is_failed()) return Flow::raised;
  Flow flow = Flow::normal;
  const bool finished = iterate(iterable, node.iterable->span, [&](const V& each) {
    if (!bind_loop_target(*this, node.target, each, scope)) {
      flow = Flow::raised;
      return false;
    }
    flow = execute(node.body, scope);
    if (flow == Flow::continue_) flow = Flow::normal;
    return flow == Flow::normal;
  });
  if (flow == Flow::break_) return Flow::normal;
  if (flow != Flow::normal) return flow;
  if (!finished) return Flow::raised;
  return execute(node.else_body, scope);
}

Flow Interp::execute_while(const lang::WhileStmt& node, const std::shared_ptr<Scope>& scope) {
  while (true) {
    if (!step(node.span)) return Flow::raised;
    const auto holds = condition(node.condition, scope);
    if (!holds) return Flow::raised;
    if (!*holds) return execute(node.else_body, scope);
    const Flow flow = execute(node.body, scope);
    if (flow == Flow::break_) return Flow::normal;
    if (flow != Flow::normal && flow != Flow::continue_) return flow;
  }
}

Flow Interp::execute_try(const lang::TryStmt& node, const std::shared_ptr<Scope>& scope) {
  Flow flow = execute(node.body, scope);
  if (flow == Flow::raised && pending && !pending->fatal) {
    for (const lang::ExceptHandler& handler : node.handlers) {
      Raised raised = std::move(*pending);
      pending.reset();
      bool matches = handler.type == nullptr;
      if (!matches) {
        V wanted = evaluate(handler.type, scope);
        if (wanted.is_failed()) return Flow::raised;
        const auto test = [&](const V& type) {
          return type.is(Tag::exception_type) &&
                 exception_matches(raised.type, type.as<ExceptionTypeObject>().name);
        };
        if (wanted.is(Tag::tuple)) {
          for (const V& each : wanted.as<SequenceObject>().items) matches = matches || test(each);
        } else {
          matches = test(wanted);
        }
      }
      if (!matches) {
        pending = std::move(raised);
        continue;
      }
      if (handler.target != nullptr) {
        ExceptionObject* exception = nullptr;
        V value = make(Tag::exception, exception);
        exception->type = raised.type;
        exception->value = raised.value;
        if (!assign(handler.target, value, handler.span, scope)) return Flow::raised;
      }
      handling_.push_back(std::move(raised));
      flow = execute(handler.body, scope);
      handling_.pop_back();
      break;
    }
  } else if (flow == Flow::normal) {
    flow = execute(node.else_body, scope);
  }
  if (!node.finally_body.empty() && !(pending && pending->fatal)) {
    std::optional<Raised> kept = std::exchange(pending, std::nullopt);
    V kept_value = returned;
    const Flow last = execute(node.finally_body, scope);
    if (last != Flow::normal) return last;
    pending = std::move(kept);
    returned = std::move(kept_value);
  }
  return flow;
}

Flow Interp::execute_raise(const lang::RaiseStmt& node, const std::shared_ptr<Scope>& scope) {
  if (node.exception == nullptr) {
    if (handling_.empty())
      raise(node.span, "RuntimeError", "there is no exception to raise again");
    else
      pending = handling_.back();
    return Flow::raised;
  }
  V exception = evaluate(node.exception, scope);
  if (exception.is_failed()) return Flow::raised;
  V argument;
  if (node.value != nullptr) {
    argument = evaluate(node.value, scope);
    if (argument.is_failed()) return Flow::raised;
  }
  std::string type;
  if (exception.is(Tag::exception_type)) {
    type = exception.as<ExceptionTypeObject>().name;
  } else if (exception.is(Tag::exception)) {
    type = exception.as<ExceptionObject>().type;
    argument = exception.as<ExceptionObject>().value;
  } else if (exception.is(Tag::string)) {  // Python 2.4's string exceptions
    type = "Exception";
    argument = exception;
  } else {
    raise(node.span, "TypeError", with_article(type_name(exception)) + " cannot be raised",
          "raise an exception such as `ValueError(\"…\")`");
    return Flow::raised;
  }
  raise(node.span, type,
        argument.is(Tag::none) ? ""
        : is_secret(argument)  ? "(secret)"
                               : str(argument));
  pending->value = argument;
  return Flow::raised;
}

Flow Interp::execute_assert(const lang::AssertStmt& node, const std::shared_ptr<Scope>& scope) {
  if (node.condition->kind == lang::ExprKind::tuple &&
      !lang::as<lang::SequenceExpr>(*node.condition).items.empty()) {
    Diagnostic& warning = diagnostics.report(Code::assertion_always_true, node.condition->span,
                                             "this assertion is always true: it tests a tuple");
    warning.help = "leave the brackets out: `assert condition, \"message\"`";
    return Flow::normal;
  }
  const auto holds = condition(node.condition, scope);
  if (!holds) return Flow::raised;
  if (*holds) return Flow::normal;
  std::string message = "assertion failed";
  if (node.message != nullptr) {
    V text = evaluate(node.message, scope);
    if (text.is_failed()) return Flow::raised;
    message = is_secret(text) ? "(secret)" : str(text);
  }
  raise(node.condition->span, "AssertionError", message);
  pending->code = Code::assertion_failed;
  // In a module a failed assertion at the top is reported and evaluation goes on, so that all of
  // them are seen at once.
  if (!python2() && scope->what == Scope::What::file) {
    report_pending();
    return Flow::normal;
  }
  return Flow::raised;
}

Flow Interp::execute_augmented(const lang::AugmentedAssignStmt& node,
                               const std::shared_ptr<Scope>& scope) {
  const auto* name = lang::try_as<lang::NameExpr>(node.target);
  const auto* element = lang::try_as<lang::SubscriptExpr>(node.target);
  V before, object, index;  // the last two of an element: evaluated once
  bool unset = false;
  const auto store = [&](const V& value) {
    const bool done = !object.is(Tag::none)
                          ? assign_element(object, index, value, node.target->span)
                          : assign(node.target, value, node.value->span, scope);
    return done ? Flow::normal : Flow::raised;
  };
  if (name != nullptr && scope->block != nullptr && !name->name.starts_with('_')) {
    // On a list attribute that is not set yet `+=` starts from [].
    const BlockState& block = *scope->block;
    const Attribute* known =
        block.what == BlockState::What::resource ? schema.find(block.kind, name->name) : nullptr;
    const std::string_view key = known != nullptr ? known->name : name->name;
    auto found = block.attributes.find(key);
    if (found != block.attributes.end()) {
      before = found->second;
    } else if (known != nullptr &&
               (known->type == AttributeType::vbd_list || known->type == AttributeType::vif_list ||
                known->type == AttributeType::string_list ||
                known->type == AttributeType::reference_list)) {
      before = make_list({});
    } else {
      unset = true;
    }
  } else if (name != nullptr && python2() && scope->what == Scope::What::file &&
             !scope->variables.contains(name->name)) {
    unset = true;  // xl: `+=` on an unbound name acts as `=`
  } else if (element != nullptr && element->index->kind != lang::ExprKind::slice) {
    object = evaluate(element->object, scope);
    if (object.is_failed()) return Flow::raised;
    index = evaluate(element->index, scope);
    if (index.is_failed()) return Flow::raised;
    before = subscript(object, index, node.target->span);
    if (before.is_failed()) return Flow::raised;
  } else {
    before = evaluate(node.target, scope);
    if (before.is_failed()) return Flow::raised;
  }
  V value = evaluate(node.value, scope);
  if (value.is_failed()) return Flow::raised;
  if (unset) {
    if (!python2()) {
      raise(node.target->span, Code::unknown_name,
            "`" + std::string(name->name) + "` has no value to add to yet");
      return Flow::raised;
    }
    return store(value);
  }
  // A list grows in place for all who hold it, as in Python, but for attributes: they are values.
  if (node.op == lang::BinaryOp::add && before.is(Tag::list) && scope->block == nullptr &&
      !is_frozen(before)) {
    auto more = elements(value, node.value->span);
    if (!more) return Flow::raised;
    auto& items = before.as<SequenceObject>().items;
    if (!charge(static_cast<int64_t>((items.size() + more->size()) * sizeof(V)), node.span))
      return Flow::raised;
    for (V& each : *more) items.push_back(std::move(each));
    before.as<SequenceObject>().recount();
    return store(before);
  }
  V result = binary(node.op, before, value, node.span, node.op_span);
  if (result.is_failed()) return Flow::raised;
  return store(result);
}

Flow Interp::execute_del(const lang::DelStmt& node, const std::shared_ptr<Scope>& scope) {
  for (const lang::Expr* target : node.targets) {
    if (const auto* name = lang::try_as<lang::NameExpr>(target)) {
      if (scope->variables.erase(name->name) == 0) {
        raise(target->span, Code::unknown_name, "`" + std::string(name->name) + "` is not defined");
        pending->type = "NameError";
        return Flow::raised;
      }
      continue;
    }
    const auto* element = lang::try_as<lang::SubscriptExpr>(target);
    if (element == nullptr) {
      raise(target->span, "SyntaxError", "this cannot be deleted");
      return Flow::raised;
    }
    V object = evaluate(element->object, scope);
    if (object.is_failed()) return Flow::raised;
    V index = evaluate(element->index, scope);
    if (index.is_failed()) return Flow::raised;
    if (is_frozen(object)) {
      raise(target->span, "TypeError", "a value of another file cannot be changed");
      return Flow::raised;
    }
    if (object.is(Tag::dict)) {
      auto key = hash_key(index);
      if (key && object.as<DictObject>().erase(*key)) continue;
      raise(target->span, "KeyError", repr(index));
      return Flow::raised;
    }
    if (object.is(Tag::list) && index.is_integral()) {
      auto& items = object.as<SequenceObject>().items;
      int64_t at = index.integer() + (index.integer() < 0 ? static_cast<int64_t>(items.size()) : 0);
      if (at >= 0 && at < static_cast<int64_t>(items.size())) {
        items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
        continue;
      }
    }
    raise(target->span, "IndexError", "there is no such element");
    return Flow::raised;
  }
  return Flow::normal;
}

Flow Interp::execute_print(const lang::PrintStmt& node, const std::shared_ptr<Scope>& scope) {
  std::string line;
  for (const lang::Expr* value : node.values) {
    V v = evaluate(value, scope);
    if (v.is_failed()) return Flow::raised;
    if (!line.empty()) line += ' ';
    line += is_secret(v) ? "(secret)" : str(v);
  }
  world.note(node.span, line);
  return Flow::normal;
}

V ScopeSchemas::find_schema(std::string_view name) const {
  for (const Scope* at = scope_; at != nullptr; at = at->parent.get()) {
    auto it = at->variables.find(name);
    if (it != at->variables.end() && it->second.is(Tag::schema)) return it->second;
  }
  return V::failed();
}

Flow Interp::execute_annotated(const lang::AnnotatedAssignStmt& node,
                               const std::shared_ptr<Scope>& scope) {
  if (node.value == nullptr) return Flow::normal;
  V value = evaluate(node.value, scope);
  if (value.is_failed()) return Flow::raised;
  ScopeSchemas names(scope.get());
  Diagnostics unused;  // the static pass has told about a wrong type already
  TypeRef type = type_of(node.type, names, sources, unused);
  if (auto why = mismatch(value, *type)) {
    raise(node.value->span, Code::wrong_type, *why);
    return Flow::raised;
  }
  return assign(node.target, value, node.value->span, scope) ? Flow::normal : Flow::raised;
}

Flow Interp::execute_import(const lang::ImportStmt& node, const std::shared_ptr<Scope>& scope) {
  for (const lang::ImportName& name : node.names) {
    if (!python2() || !is_known_module(name.name)) {
      raise(name.name_span, Code::not_hermetic,
            "the module `" + std::string(name.name) + "` is not part of the language",
            python2() ? "evaluation reaches no file, clock, network or process; a `param` brings "
                        "in what must come from outside"
                      : "write `from \"" + std::string(name.name) +
                            ".vm\" import …` for a file "
                            "of your own");
      pending->type = "ImportError";
      return Flow::raised;
    }
    if (!name.alias.empty()) {
      scope->variables[name.alias] = make_module(name.name);
      continue;
    }
    const std::string_view first = name.name.substr(0, name.name.find('.'));
    scope->variables[first] = make_module(first);
  }
  return Flow::normal;
}

Flow Interp::execute_from_import(const lang::FromImportStmt& node,
                                 const std::shared_ptr<Scope>& scope) {
  if (node.module == "__future__") {
    for (const lang::ImportName& name : node.names)
      if (name.name == "division" && file != nullptr) file->true_division = true;
    return Flow::normal;
  }
  if (!python2() || !is_known_module(node.module)) {
    raise(node.module_span, Code::not_hermetic,
          "the module `" + std::string(node.module) + "` is not part of the language",
          "write `from \"" + std::string(node.module) + ".vm\" import …` for a file of your own");
    pending->type = "ImportError";
    return Flow::raised;
  }
  const V module = make_module(node.module);
  if (node.names.empty()) return Flow::normal;  // `import *`: the names are found as builtins
  for (const lang::ImportName& name : node.names) {
    V value = module_attribute(*this, module.as<ModuleObject>(), name.name, name.name_span);
    if (value.is_failed()) {
      if (!pending) {
        raise(name.name_span, Code::not_hermetic,
              "`" + std::string(node.module) + "." + std::string(name.name) +
                  "` is not part of the language");
        pending->type = "ImportError";
      }
      return Flow::raised;
    }
    scope->variables[name.alias.empty() ? name.name : name.alias] = value;
  }
  return Flow::normal;
}

}  // namespace hv::compiler
