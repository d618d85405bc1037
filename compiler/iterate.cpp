// Going through things: what can be iterated, in which order, and the comprehensions that do it.
#include "compiler/interp.h"

namespace hv::compiler {

struct Interp::Gathering {
  const lang::ComprehensionExpr& expr;
  const std::shared_ptr<Scope>& outer;
  std::shared_ptr<Scope> scope;
  std::vector<V> list;
  DictObject* dict = nullptr;
};

V Interp::comprehension(const lang::ComprehensionExpr& expr, const std::shared_ptr<Scope>& outer) {
  Gathering into{expr, outer, std::make_shared<Scope>(), {}, nullptr};
  into.scope->what = Scope::What::comprehension;
  into.scope->parent = outer;
  V made;
  if (expr.form == lang::ComprehensionForm::set) made = make(Tag::set, into.dict);
  if (expr.form == lang::ComprehensionForm::dict) made = make(Tag::dict, into.dict);
  if (!gather(into, 0)) return V::failed();
  return into.dict != nullptr ? made : make_list(std::move(into.list));
}

// Runs the clauses from `clause` on, and behind the last the element.
bool Interp::gather(Gathering& into, std::size_t at) {
  const lang::ComprehensionExpr& expr = into.expr;
  if (at == expr.fors.size()) {
    V key;
    if (expr.key != nullptr) {
      key = evaluate(expr.key, into.scope);
      if (key.is_failed()) return false;
    }
    V value = evaluate(expr.value, into.scope);
    if (value.is_failed()) return false;
    if (into.dict == nullptr) {
      into.list.push_back(std::move(value));
      return into.list.size() % 4096 != 0 ||
             charge(static_cast<int64_t>(into.list.size() * sizeof(V)), expr.span);
    }
    const V& keyed = expr.key != nullptr ? key : value;
    auto hashed = hash_key(keyed);
    if (!hashed) {
      raise(expr.span, "TypeError", with_article(type_name(keyed)) + " cannot be a key here");
      return false;
    }
    into.dict->put(*hashed, keyed, expr.key != nullptr ? value : V());
    return true;
  }
  const lang::ComprehensionFor& clause = expr.fors[at];
  V iterable = evaluate(clause.iterable, at == 0 ? into.outer : into.scope);
  if (iterable.is_failed()) return false;
  return iterate(iterable, clause.iterable->span, [&](const V& each) {
    if (!assign(clause.target, each, clause.target->span, into.scope)) return false;
    for (const lang::Expr* test : clause.conditions) {
      const auto holds = condition(test, into.scope);
      if (!holds) return false;
      if (!*holds) return true;
    }
    return gather(into, at + 1);
  });
}

bool Interp::iterate(const V& iterable, Span span, Callback<bool(const V&)> each) {
  // `each` may give the caller's variable another value.
  const V keep = iterable;  // NOLINT(performance-unnecessary-copy-initialization)
  switch (iterable.tag()) {
    case Tag::list:
    case Tag::tuple: {
      const auto& items = keep.as<SequenceObject>().items;
      for (std::size_t i = 0; i < items.size(); ++i) {
        const V item = items[i];
        if (!step(span) || !each(item)) return false;
      }
      return true;
    }
    case Tag::range: {
      const auto& range = keep.as<RangeObject>();
      int64_t at = range.begin;
      for (int64_t i = 0, n = range.length(); i < n; ++i, at += range.step)
        if (!step(span) || !each(V::integer(at))) return false;
      return true;
    }
    case Tag::dict:
    case Tag::set: {
      const auto& items = keep.as<DictObject>().items;
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].first.is_failed()) continue;
        const V key = items[i].first;
        if (!step(span) || !each(key)) return false;
      }
      return true;
    }
    case Tag::string: {
      const std::string& text = keep.text();
      for (std::size_t i = 0; i < text.size();) {
        std::size_t length = 1;
        while (i + length < text.size() &&
               (static_cast<unsigned char>(text[i + length]) & 0xc0) == 0x80 &&
               (static_cast<unsigned char>(text[i]) & 0x80) != 0)
          ++length;
        std::string one = text.substr(i, length);
        if (!step(span) ||
            !each(is_secret(keep) ? make_secret(std::move(one)) : V::string(std::move(one))))
          return false;
        i += length;
      }
      return true;
    }
    case Tag::kind:
      raise(span, "TypeError", "the resources of a kind cannot be listed from inside the language",
            "keep the names in a list of your own");
      return false;
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::none:
    case Tag::boolean:
    case Tag::integer:
    case Tag::floating:
    case Tag::size:
    case Tag::duration:
    case Tag::function:
    case Tag::builtin:
    case Tag::method:
    case Tag::module:
    case Tag::reference:
    case Tag::template_:
    case Tag::schema:
    case Tag::record:
    case Tag::vbd:
    case Tag::vif:
    case Tag::exception_type:
    case Tag::exception:
    case Tag::match:
      break;
  }
  raise(span, "TypeError", with_article(type_name(iterable)) + " has no elements to go through",
        iterable.is(Tag::integer) ? "write `range(…)` to count" : "");
  return false;
}

std::optional<std::vector<V>> Interp::elements(const V& iterable, Span span) {
  std::vector<V> items;
  const bool ok = iterate(iterable, span, [&](const V& each) {
    items.push_back(each);
    return items.size() % 65536 != 0 ||
           charge(static_cast<int64_t>(items.size() * sizeof(V)), span);
  });
  if (!ok) return std::nullopt;
  return items;
}

}  // namespace hv::compiler
