// Expressions: one function a kind of node, Python's order of evaluation.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

using lang::ExprKind;

Interp::Interp(World& w, const Schema& s, const Project& p, SourceMap& map, Diagnostics& d,
               Budget b)
    : world(w), schema(s), project(p), sources(map), diagnostics(d), budget(b) {
  Meter::work = 0;
  Meter::limit = budget.steps;
  Meter::memory = Meter::in_use + budget.memory;
}

Interp::~Interp() {
  // Functions live in scopes that they keep alive, lists may hold themselves: cut all of it.
  for (auto& table : builtins_) table.clear();
  Collectable::empty_all();
  Meter::work = 0;
  Meter::limit = INT64_MAX - 1;
  Meter::memory = INT64_MAX;
}

V Interp::raise(Span span, std::string type, std::string message, std::string help) {
  Raised raised;
  raised.type = std::move(type);
  raised.value = V::string(message);
  raised.message = std::move(message);
  raised.span = span;
  raised.help = std::move(help);
  pending = std::move(raised);
  return V::failed();
}

V Interp::raise(Span span, Code code, std::string message, std::string help) {
  raise(span, "RuntimeError", std::move(message), std::move(help));
  pending->code = code;
  return V::failed();
}

V Interp::raise_fatal(Span span, std::string message, std::string help) {
  raise(span, Code::budget_exceeded, std::move(message), std::move(help));
  pending->fatal = true;
  return V::failed();
}

void Interp::report_pending() {
  if (!pending) return;
  Raised raised = std::move(*pending);
  pending.reset();
  std::string message = raised.message;
  if (raised.code == Code::evaluation_failed && raised.type != "RuntimeError") {
    if (message.empty())
      message = raised.type;
    else if (is_exception_name(raised.type) && raised.type == "Exception")
      message = "the file stopped with an exception: " + message;
    else
      message = raised.type + ": " + message;
  }
  Diagnostic& diagnostic = diagnostics.report(raised.code, raised.span, message);
  diagnostic.help = raised.help;
  diagnostic.fix = raised.fix;
  diagnostic.related = std::move(raised.related);
  std::size_t shown = 0;
  for (const Span& from : raised.calls) {
    if (++shown > 3) break;
    diagnostic.related.push_back({from, "called from here"});
  }
}

bool Interp::stop(Span span) {
  stopped_ = true;
  if (Meter::work > Meter::limit)
    raise_fatal(span, "the program does not end within its budget of steps",
                "a configuration must end; look for a loop that never does");
  else
    raise_fatal(
        span, "the program needs more memory than its budget of " + to_human(bytes(budget.memory)),
        "a configuration is small; look for a value that grows without bound");
  Meter::exhaust();  // whatever else was to run, in other files too, stops as well
  return false;
}

bool Interp::room_for(int64_t amount, Span span) {
  return (amount >= 0 && amount <= budget.memory && Meter::in_use + amount <= Meter::memory) ||
         stop(span);
}

bool Interp::charge(int64_t amount, Span span) {
  if (!room_for(amount, span)) return false;
  Meter::spend(static_cast<std::size_t>(amount));
  return step(span);
}

V Interp::evaluate(const lang::Expr* expr, const std::shared_ptr<Scope>& scope) {
  if (!step(expr->span)) return V::failed();
  if (depth_ > budget.depth)
    return raise_fatal(expr->span, "calls and expressions are nested too deeply",
                       "look for a function that calls itself without end");
  Depth guard(*this);
  V value = evaluate_inner(expr, scope);
  // A walk of values gave up: what it answered means nothing.
  if (Meter::exhausted() && !pending) stop(expr->span);
  if (pending) return V::failed();
  HV_CHECK(!value.is_failed() || pending.has_value(), "an expression failed without a reason");
  return value;
}

std::optional<bool> Interp::condition(const lang::Expr* expr, const std::shared_ptr<Scope>& scope) {
  const V value = evaluate(expr, scope);
  if (value.is_failed()) return std::nullopt;
  if (is_secret(value)) {
    raise(expr->span, "TypeError", "a decision must not depend on a secret");
    return std::nullopt;
  }
  return truthy(value);
}

// What a name means that no scope binds; `failed` (nothing raised) where it means nothing.
V Interp::predefined(std::string_view name) {
  auto& table = builtins_[python2() ? 1 : 0];
  if (auto known = table.find(name); known != table.end()) return known->second;
  V value = find_builtin(name, python2());
  if (value.is_failed() && !python2()) {
    if (auto kind = hv::kind_from(name)) {
      KindObject* object = nullptr;
      value = make(Tag::kind, object);
      object->kind = *kind;
    } else if (project.hosts.contains(HostName{std::string(name)})) {
      value = V::string(std::string(name));
    }
  }
  if (value.is_failed() && python2() && is_known_module(name)) value = make_module(name);
  if (!value.is_failed()) table.emplace(name, value);
  return value;
}

bool Interp::evaluate_all(lang::List<const lang::Expr*> items, const std::shared_ptr<Scope>& scope,
                          std::vector<V>& out) {
  out.reserve(out.size() + items.size());
  for (const lang::Expr* item : items) {
    if (const auto* star = lang::try_as<lang::StarExpr>(item)) {
      V all = evaluate(star->operand, scope);
      if (all.is_failed()) return false;
      auto spread = elements(all, item->span);
      if (!spread) return false;
      for (V& each : *spread) out.push_back(std::move(each));
      continue;
    }
    V value = evaluate(item, scope);
    if (value.is_failed()) return false;
    out.push_back(std::move(value));
  }
  return true;
}

V Interp::lookup(const lang::NameExpr& name, const std::shared_ptr<Scope>& scope) {
  for (const Scope* at = scope.get(); at != nullptr; at = at->parent.get()) {
    if (at->globals != nullptr &&
        std::find(at->globals->begin(), at->globals->end(), name.name) != at->globals->end()) {
      while (at->parent != nullptr && at->what != Scope::What::file) at = at->parent.get();
    }
    auto found = at->variables.find(name.name);
    if (found != at->variables.end()) {
      if (!found->second.is(Tag::ambiguous)) return found->second;
      return raise(name.span, Code::unknown_name,
                   "two resources are called `" + std::string(name.name) + "`",
                   "say which: `vdisk." + std::string(name.name) + "` or `domain." +
                       std::string(name.name) + "`");
    }
    if (at->block != nullptr) {
      auto attribute = at->block->attributes.find(name.name);
      if (attribute != at->block->attributes.end()) return attribute->second;
      if (at->block->what == BlockState::What::resource) {
        const Attribute* known = schema.find(at->block->kind, name.name);
        if (known != nullptr && known->name != name.name) {
          attribute = at->block->attributes.find(known->name);
          if (attribute != at->block->attributes.end()) return attribute->second;
        }
      }
    }
    if (at->locals != nullptr &&
        std::find(at->locals->begin(), at->locals->end(), name.name) != at->locals->end())
      return raise(name.span, "UnboundLocalError",
                   "`" + std::string(name.name) + "` is read before the function assigns it");
  }
  V meaning = predefined(name.name);
  if (!meaning.is_failed()) return meaning;
  raise(name.span, Code::unknown_name, "`" + std::string(name.name) + "` is not defined");
  pending->type = "NameError";
  if (const BlockState* block = scope->block) {
    const Attribute* known =
        block->what == BlockState::What::resource ? schema.find(block->kind, name.name) : nullptr;
    if (known != nullptr)
      pending->help = "`" + std::string(name.name) + "` is set later or not at all; set it first";
  }
  return V::failed();
}

V Interp::evaluate_inner(const lang::Expr* expr, const std::shared_ptr<Scope>& scope) {
  switch (expr->kind) {
    case ExprKind::name:
      return lookup(lang::as<lang::NameExpr>(*expr), scope);
    case ExprKind::constant:
      switch (lang::as<lang::ConstantExpr>(*expr).value) {
        case lang::Constant::none:
          return V();
        case lang::Constant::true_:
          return V::boolean(true);
        case lang::Constant::false_:
          return V::boolean(false);
      }
      return V();
    case ExprKind::integer: {
      const auto& number = lang::as<lang::IntegerExpr>(*expr);
      if (!number.value || *number.value > static_cast<uint64_t>(INT64_MAX))
        return raise(expr->span, "OverflowError",
                     "`" + std::string(number.spelling) + "` is more than 64 bits hold");
      return V::integer(static_cast<int64_t>(*number.value));
    }
    case ExprKind::floating:
      return V::floating(lang::as<lang::FloatExpr>(*expr).value);
    case ExprKind::size:
      return V::size(lang::as<lang::SizeExpr>(*expr).value.count);
    case ExprKind::duration:
      return V::duration(lang::as<lang::DurationExpr>(*expr).value.count);
    case ExprKind::string: {
      const auto& literal = lang::as<lang::StringExpr>(*expr);
      V v = V::string(std::string(python2() ? literal.python2_value : literal.value));
      v.as<StringObject>().literal = &literal;
      return v;
    }
    case ExprKind::fstring:
      return fstring(lang::as<lang::FStringExpr>(*expr), scope);
    case ExprKind::list: {
      std::vector<V> items;
      if (!evaluate_all(lang::as<lang::SequenceExpr>(*expr).items, scope, items))
        return V::failed();
      return make_list(std::move(items));
    }
    case ExprKind::tuple: {
      std::vector<V> items;
      if (!evaluate_all(lang::as<lang::SequenceExpr>(*expr).items, scope, items))
        return V::failed();
      return make_tuple(std::move(items));
    }
    case ExprKind::set: {
      std::vector<V> items;
      if (!evaluate_all(lang::as<lang::SequenceExpr>(*expr).items, scope, items))
        return V::failed();
      DictObject* set = nullptr;
      V v = make(Tag::set, set);
      for (V& item : items) {
        auto key = hash_key(item);
        if (!key)
          return raise(expr->span, "TypeError",
                       with_article(type_name(item)) + " cannot be in a set");
        set->put(*key, std::move(item), V());
      }
      return v;
    }
    case ExprKind::dict: {
      DictObject* dict = nullptr;
      V v = make(Tag::dict, dict);
      for (const lang::DictItem& item : lang::as<lang::DictExpr>(*expr).items) {
        V value = item.key == nullptr ? V() : evaluate(item.key, scope);
        if (value.is_failed()) return value;
        V key = std::move(value);
        value = evaluate(item.value, scope);
        if (value.is_failed()) return value;
        if (item.key == nullptr) {
          if (!value.is(Tag::dict))
            return raise(item.value->span, "TypeError",
                         "`**` takes a dict, not " + with_article(type_name(value)));
          for (const auto& [k, each] : value.as<DictObject>().items)
            if (!k.is_failed()) dict->put(*hash_key(k), k, each);
          continue;
        }
        auto hashed = hash_key(key);
        if (!hashed)
          return raise(item.key->span, "TypeError",
                       with_article(type_name(key)) + " cannot be a key");
        dict->put(*hashed, std::move(key), std::move(value));
      }
      return v;
    }
    case ExprKind::comprehension:
      return comprehension(lang::as<lang::ComprehensionExpr>(*expr), scope);
    case ExprKind::lambda: {
      const auto& lambda = lang::as<lang::LambdaExpr>(*expr);
      return make_function("<lambda>", lambda.parameters, nullptr, &lambda, expr->span, scope);
    }
    case ExprKind::call:
      return call_expr(lang::as<lang::CallExpr>(*expr), scope);
    case ExprKind::subscript: {
      const auto& node = lang::as<lang::SubscriptExpr>(*expr);
      V object = evaluate(node.object, scope);
      if (object.is_failed()) return object;
      if (const auto* slice = lang::try_as<lang::SliceExpr>(node.index))
        return slice_of(object, *slice, expr->span, scope);
      V index = evaluate(node.index, scope);
      if (index.is_failed()) return index;
      return subscript(object, index, expr->span);
    }
    case ExprKind::slice:
      return raise(expr->span, "SyntaxError", "a slice stands alone");
    case ExprKind::attribute: {
      const auto& node = lang::as<lang::AttributeExpr>(*expr);
      V object = evaluate(node.object, scope);
      if (object.is_failed()) return object;
      V value = attribute(object, node.name, node.name_span);
      if (value.is_failed() && pending && !pending->span.valid()) pending->span = expr->span;
      return value;
    }
    case ExprKind::unary: {
      const auto& node = lang::as<lang::UnaryExpr>(*expr);
      V operand = evaluate(node.operand, scope);
      if (operand.is_failed()) return operand;
      switch (node.op) {
        case lang::UnaryOp::not_:
          if (is_secret(operand))
            return raise(expr->span, "TypeError", "a decision must not depend on a secret");
          return V::boolean(!truthy(operand));
        case lang::UnaryOp::plus:
          if (operand.is_integral()) return V::integer(operand.integer());
          if (operand.is(Tag::floating) || operand.is(Tag::size) || operand.is(Tag::duration))
            return operand;
          break;
        case lang::UnaryOp::minus:
          if (operand.is_integral() && operand.integer() != INT64_MIN)
            return V::integer(-operand.integer());
          if (operand.is(Tag::floating)) return V::floating(-operand.floating());
          if (operand.is(Tag::size)) return V::size(-operand.integer());
          if (operand.is(Tag::duration)) return V::duration(-operand.integer());
          break;
        case lang::UnaryOp::invert:
          if (operand.is_integral()) return V::integer(~operand.integer());
          break;
      }
      return raise(expr->span, "TypeError",
                   "this operator does not take " + with_article(type_name(operand)));
    }
    case ExprKind::binary: {
      const auto& node = lang::as<lang::BinaryExpr>(*expr);
      V left = evaluate(node.left, scope);
      if (left.is_failed()) return left;
      V right = evaluate(node.right, scope);
      if (right.is_failed()) return right;
      return binary(node.op, left, right, expr->span, node.op_span);
    }
    case ExprKind::comparison: {
      const auto& node = lang::as<lang::ComparisonExpr>(*expr);
      V left = evaluate(node.first, scope);
      if (left.is_failed()) return left;
      for (const lang::ComparisonPart& part : node.rest) {
        V right = evaluate(part.operand, scope);
        if (right.is_failed()) return right;
        V result = compare(part.op, left, right, expr->span);
        if (result.is_failed() || !truthy(result) || &part == &node.rest.back()) return result;
        left = std::move(right);
      }
      return V::boolean(true);
    }
    case ExprKind::logical: {
      const auto& node = lang::as<lang::LogicalExpr>(*expr);
      V value;
      for (const lang::Expr* operand : node.operands) {
        value = evaluate(operand, scope);
        if (value.is_failed()) return value;
        if (is_secret(value))
          return raise(operand->span, "TypeError", "a decision must not depend on a secret");
        if (truthy(value) == (node.op == lang::LogicalOp::or_)) return value;
      }
      return value;
    }
    case ExprKind::conditional: {
      const auto& node = lang::as<lang::ConditionalExpr>(*expr);
      const auto holds = condition(node.condition, scope);
      if (!holds) return V::failed();
      return evaluate(*holds ? node.value : node.otherwise, scope);
    }
    case ExprKind::repr: {
      V operand = evaluate(lang::as<lang::ReprExpr>(*expr).operand, scope);
      return operand.is_failed() ? operand : V::string(repr(operand));
    }
    case ExprKind::star:
      return raise(expr->span, "SyntaxError", "`*` does not belong here");
  }
  return V::failed();
}

std::optional<std::string> Interp::text_of(const V& value, Span span) {
  if (value.is(Tag::reference)) {
    const Address& address = value.as<ReferenceObject>().address;
    raise(span, "TypeError", "a reference is not text: `" + to_string(address) + "`",
          "write `.name` after it for its name");
    return std::nullopt;
  }
  return str(value);
}

std::optional<std::string> Interp::fstring_parts(lang::List<lang::FStringPart> parts,
                                                 const std::shared_ptr<Scope>& scope,
                                                 bool& secret) {
  std::string out;
  for (const lang::FStringPart& part : parts) {
    if (part.expr == nullptr) {
      out += part.text;
      continue;
    }
    V value = evaluate(part.expr, scope);
    if (value.is_failed()) return std::nullopt;
    secret = secret || is_secret(value);
    out += part.debug;
    std::string spec;
    if (part.has_format) {
      auto text = fstring_parts(part.format, scope, secret);
      if (!text) return std::nullopt;
      spec = std::move(*text);
    }
    switch (part.conversion) {
      case lang::Conversion::none:
        if (!part.debug.empty() && !part.has_format) value = V::string(repr(value));
        break;
      case lang::Conversion::str: {
        auto text = text_of(value, part.span);
        if (!text) return std::nullopt;
        value = V::string(std::move(*text));
        break;
      }
      case lang::Conversion::repr:
      case lang::Conversion::ascii:
        value = V::string(repr(value));
        break;
    }
    V formatted = format_value(value, spec, part.span);
    if (formatted.is_failed()) return std::nullopt;
    out += formatted.text();
    if (!charge(static_cast<int64_t>(out.size()), part.span)) return std::nullopt;
  }
  return out;
}

V Interp::fstring(const lang::FStringExpr& expr, const std::shared_ptr<Scope>& scope) {
  bool secret = false;
  auto text = fstring_parts(expr.parts, scope, secret);
  if (!text) return V::failed();
  return secret ? make_secret(std::move(*text)) : V::string(std::move(*text));
}

}  // namespace hv::compiler
