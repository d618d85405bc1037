// What an assignment binds: names, elements, attributes of a block, several at once.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

bool Interp::bind(std::string_view name, const V& value, Span name_span, Span value_span,
                  const std::shared_ptr<Scope>& scope) {
  if (scope->block != nullptr && !name.starts_with('_'))
    return world.assign_attribute(*scope->block, name, value, name_span, value_span);
  Scope* target = scope.get();
  if (scope->globals != nullptr &&
      std::find(scope->globals->begin(), scope->globals->end(), name) != scope->globals->end()) {
    while (target->parent != nullptr && target->what != Scope::What::file)
      target = target->parent.get();
  }
  target->variables[name] = value;
  return true;
}

bool Interp::assign_element(const V& object, const V& index, const V& value, Span span) {
  if (is_frozen(object)) {
    raise(span, "TypeError", with_article(type_name(object)) + " of another file cannot be changed",
          "copy it: `list(x)`, `dict(x)`");
    return false;
  }
  if (object.is(Tag::dict)) {
    auto key = hash_key(index);
    if (!key) {
      raise(span, "TypeError", with_article(type_name(index)) + " cannot be a key");
      return false;
    }
    object.as<DictObject>().put(*key, index, value);
    return true;
  }
  if (object.is(Tag::list) && index.is_integral()) {
    auto& items = object.as<SequenceObject>().items;
    int64_t at = index.integer();
    if (at < 0) at += static_cast<int64_t>(items.size());
    if (at < 0 || at >= static_cast<int64_t>(items.size())) {
      raise(span, "IndexError", "the list has no element " + repr(index));
      return false;
    }
    items[static_cast<std::size_t>(at)] = value;
    return true;
  }
  raise(span, "TypeError",
        "elements of " + with_article(type_name(object)) + " cannot be assigned");
  return false;
}

bool Interp::assign(const lang::Expr* target, const V& value, Span value_span,
                    const std::shared_ptr<Scope>& scope) {
  switch (target->kind) {
    case lang::ExprKind::name: {
      // A loop's variable inside a block is a helper, whatever its name.
      const auto& name = lang::as<lang::NameExpr>(*target);
      return bind(name.name, value, name.span, value_span, scope);
    }
    case lang::ExprKind::list:
    case lang::ExprKind::tuple: {
      const auto& targets = lang::as<lang::SequenceExpr>(*target).items;
      auto values = elements(value, value_span);
      if (!values) return false;
      std::size_t star = targets.size();
      for (std::size_t i = 0; i < targets.size(); ++i)
        if (targets[i]->kind == lang::ExprKind::star) star = i;
      const bool starred = star != targets.size();
      if (starred ? values->size() + 1 < targets.size() : values->size() != targets.size()) {
        raise(target->span, "ValueError",
              std::to_string(values->size()) + " values for " + std::to_string(targets.size()) +
                  " names");
        return false;
      }
      const std::size_t extra = starred ? values->size() + 1 - targets.size() : 0;
      std::size_t at = 0;
      for (std::size_t i = 0; i < targets.size(); ++i) {
        if (i == star) {
          std::vector<V> rest(values->begin() + static_cast<std::ptrdiff_t>(at),
                              values->begin() + static_cast<std::ptrdiff_t>(at + extra));
          at += extra;
          if (!assign(lang::as<lang::StarExpr>(*targets[i]).operand, make_list(std::move(rest)),
                      value_span, scope))
            return false;
          continue;
        }
        if (!assign(targets[i], (*values)[at++], value_span, scope)) return false;
      }
      return true;
    }
    case lang::ExprKind::subscript: {
      const auto& node = lang::as<lang::SubscriptExpr>(*target);
      V object = evaluate(node.object, scope);
      if (object.is_failed()) return false;
      if (node.index->kind == lang::ExprKind::slice) {
        raise(target->span, "TypeError", "assigning to a slice is not part of the language");
        return false;
      }
      V index = evaluate(node.index, scope);
      return !index.is_failed() && assign_element(object, index, value, target->span);
    }
    case lang::ExprKind::attribute: {
      const auto& node = lang::as<lang::AttributeExpr>(*target);
      // xl's private keys with dots, at the top level of a domain file only.
      if (python2() && scope->what == Scope::What::file) return true;
      V object = evaluate(node.object, scope);
      if (object.is_failed()) return false;
      if (object.is(Tag::reference))
        raise(target->span, "TypeError", "a resource is set only in its own block",
              "move the assignment into the block of `" +
                  to_string(object.as<ReferenceObject>().address) + "`");
      else
        raise(target->span, "TypeError",
              "attributes of " + with_article(type_name(object)) + " cannot be assigned");
      return false;
    }
    default:
      break;
  }
  raise(target->span, "SyntaxError", "this cannot be assigned to");
  return false;
}

}  // namespace hv::compiler
