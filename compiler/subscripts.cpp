// Subscripts and slices.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

namespace {

// Code points of a text; ASCII texts are their own index.
bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::vector<std::size_t> code_points(const std::string& text) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) begins.push_back(i);
  begins.push_back(text.size());
  return begins;
}

}  // namespace

V Interp::subscript(const V& object, const V& index, Span span) {
  if (object.is(Tag::kind)) {
    if (!index.is(Tag::string))
      return raise(span, "TypeError", "the name of a resource is a string");
    if (auto why = reason_name_is_bad(index.text())) return raise(span, "ValueError", *why);
    return make_reference(Address{object.as<KindObject>().kind, index.text()}, span);
  }
  if (object.is(Tag::dict)) {
    auto key = hash_key(index);
    const V* found = key ? object.as<DictObject>().find(*key) : nullptr;
    if (found != nullptr) return *found;
    return raise(span, "KeyError", repr(index));
  }
  const auto position = [&](std::size_t length) -> std::optional<std::size_t> {
    if (!index.is_integral()) {
      raise(span, "TypeError",
            with_article(type_name(object)) + " is indexed by an int, not by " +
                with_article(type_name(index)));
      return std::nullopt;
    }
    int64_t at = index.integer();
    if (at < 0) at += static_cast<int64_t>(length);
    if (at < 0 || at >= static_cast<int64_t>(length)) {
      raise(span, "IndexError",
            "index " + std::to_string(index.integer()) + " of " + with_article(type_name(object)) +
                " with " + std::to_string(length) + " elements");
      return std::nullopt;
    }
    return static_cast<std::size_t>(at);
  };
  switch (object.tag()) {
    case Tag::list:
    case Tag::tuple: {
      const auto& items = object.as<SequenceObject>().items;
      auto at = position(items.size());
      return at ? items[*at] : V::failed();
    }
    case Tag::string: {
      const std::string& text = object.text();
      Meter::spend(text.size());
      V result;
      if (is_ascii(text)) {
        auto at = position(text.size());
        if (!at) return V::failed();
        result = V::string(text.substr(*at, 1));
      } else {
        Meter::spend(text.size() * 8);
        const auto begins = code_points(text);
        auto at = position(begins.size() - 1);
        if (!at) return V::failed();
        result = V::string(text.substr(begins[*at], begins[*at + 1] - begins[*at]));
      }
      result.as<StringObject>().secret = is_secret(object);
      return result;
    }
    case Tag::range: {
      const auto& range = object.as<RangeObject>();
      auto at = position(static_cast<std::size_t>(range.length()));
      return at ? V::integer(range.begin + static_cast<int64_t>(*at) * range.step) : V::failed();
    }
    default:
      break;
  }
  return raise(span, "TypeError", with_article(type_name(object)) + " cannot be indexed");
}

V Interp::slice_of(const V& object, const lang::SliceExpr& slice, Span span,
                   const std::shared_ptr<Scope>& scope) {
  std::optional<int64_t> parts[3];
  const lang::Expr* nodes[] = {slice.lower, slice.upper, slice.step};
  for (int i = 0; i < 3; ++i) {
    if (nodes[i] == nullptr) continue;
    V value = evaluate(nodes[i], scope);
    if (value.is_failed()) return value;
    if (value.is(Tag::none)) continue;
    if (!value.is_integral()) return raise(nodes[i]->span, "TypeError", "a slice is made of ints");
    parts[i] = value.integer();
  }
  const int64_t step = parts[2].value_or(1);
  if (step == 0) return raise(span, "ValueError", "the step of a slice cannot be 0");
  const auto run = [&](int64_t length, Callback<void(std::size_t)> take) {
    const auto clamp = [&](std::optional<int64_t> given, int64_t fallback) {
      if (!given) return fallback;
      int64_t at = *given;
      if (at < 0) at += length;
      if (step > 0) return std::clamp<int64_t>(at, 0, length);
      return std::clamp<int64_t>(at, -1, length - 1);
    };
    const int64_t begin = clamp(parts[0], step > 0 ? 0 : length - 1);
    const int64_t end = clamp(parts[1], step > 0 ? length : -1);
    if (step > 0)
      for (int64_t i = begin; i<end; i = step> end - i ? end : i + step)
        take(static_cast<std::size_t>(i));
    else
      for (int64_t i = begin; i > end; i = step < end - i ? end : i + step)
        take(static_cast<std::size_t>(i));
  };
  // Copying is what a slice costs, also where it is taken again and again.
  if (object.is(Tag::string)) Meter::spend(object.text().size());
  switch (object.tag()) {
    case Tag::list:
    case Tag::tuple: {
      const auto& items = object.as<SequenceObject>().items;
      Meter::spend(items.size() * sizeof(V));
      std::vector<V> taken;
      run(static_cast<int64_t>(items.size()), [&](std::size_t i) { taken.push_back(items[i]); });
      return object.is(Tag::list) ? make_list(std::move(taken)) : make_tuple(std::move(taken));
    }
    case Tag::string: {
      const std::string& text = object.text();
      std::string taken;
      if (is_ascii(text)) {
        run(static_cast<int64_t>(text.size()), [&](std::size_t i) { taken += text[i]; });
      } else {
        Meter::spend(text.size() * 8);
        const auto begins = code_points(text);
        run(static_cast<int64_t>(begins.size() - 1),
            [&](std::size_t i) { taken.append(text, begins[i], begins[i + 1] - begins[i]); });
      }
      return is_secret(object) ? make_secret(std::move(taken)) : V::string(std::move(taken));
    }
    default:
      break;
  }
  return raise(span, "TypeError", with_article(type_name(object)) + " cannot be sliced");
}

}  // namespace hv::compiler
