// Python's repr() and str() of every value.
#include <charconv>
#include <cmath>

#include "compiler/visit.h"

namespace hv::compiler {

namespace {

std::string repr_string(const std::string& text) {
  const bool single = text.find('\'') == std::string::npos || text.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (octet < 0x20 || octet == 0x7f) {
      out += "\\x";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string repr_float(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  const std::string scientific(buffer, end);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent >= 16 || exponent < -4) {
    // Python writes at least two digits of exponent, as to_chars does.
    return scientific;
  }
  end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
  std::string fixed(buffer, end);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

std::string repr_of(const V& value);

std::string repr_parts(const V& value) {
  const auto joined = [&](const std::vector<V>& items) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + repr_of(items[i]);
    return out;
  };
  switch (value.tag()) {
    case Tag::failed:
    case Tag::ambiguous:
      return "<nothing>";
    case Tag::none:
      return "None";
    case Tag::boolean:
      return value.integer() != 0 ? "True" : "False";
    case Tag::integer:
      return std::to_string(value.integer());
    case Tag::floating:
      return repr_float(value.floating());
    case Tag::size:
      return to_literal(bytes(value.integer()));
    case Tag::duration:
      return to_literal(milliseconds(value.integer()));
    case Tag::string:
      Meter::spend(value.text().size());
      return is_secret(value) ? "(secret)" : repr_string(value.text());
    case Tag::list:
      return "[" + joined(value.as<SequenceObject>().items) + "]";
    case Tag::tuple: {
      const auto& items = value.as<SequenceObject>().items;
      return "(" + joined(items) + (items.size() == 1 ? ",)" : ")");
    }
    case Tag::dict: {
      std::string out = "{";
      for (const auto& [key, item] : value.as<DictObject>().items) {
        if (key.is_failed()) continue;
        if (out.size() > 1) out += ", ";
        out += repr_of(key) + ": " + repr_of(item);
      }
      return out + "}";
    }
    case Tag::set: {
      std::string out;
      for (const auto& [key, item] : value.as<DictObject>().items) {
        if (key.is_failed()) continue;
        out += (out.empty() ? "{" : ", ") + repr_of(key);
      }
      return out.empty() ? "set()" : out + "}";
    }
    case Tag::range: {
      const auto& r = value.as<RangeObject>();
      std::string out = "range(" + std::to_string(r.begin) + ", " + std::to_string(r.end);
      if (r.step != 1) out += ", " + std::to_string(r.step);
      return out + ")";
    }
    case Tag::function:
      return "<function " + value.as<FunctionObject>().name + ">";
    case Tag::builtin:
      return "<built-in function " + value.as<BuiltinObject>().name + ">";
    case Tag::method:
      return "<built-in method " + std::string(value.as<MethodObject>().name) + ">";
    case Tag::module:
      return "<module '" + value.as<ModuleObject>().name + "'>";
    case Tag::kind:
      return std::string(hv::to_string(value.as<KindObject>().kind));
    case Tag::reference:
      return hv::to_string(value.as<ReferenceObject>().address);
    case Tag::template_:
      return "<template " + value.as<TemplateObject>().name + ">";
    case Tag::schema:
      return "<schema " + value.as<SchemaObject>().name + ">";
    case Tag::record: {
      std::string out = value.as<RecordObject>().schema.as<SchemaObject>().name + "(";
      bool first = true;
      for (const auto& [name, field] : value.as<RecordObject>().fields) {
        out += (first ? "" : ", ") + name + "=" + repr_of(field);
        first = false;
      }
      return out + ")";
    }
    case Tag::vbd: {
      const Vbd& vbd = value.as<VbdObject>().vbd;
      return "vbd(" + repr_string(vbd.source) + ", " + repr_string(vbd.device) + ", '" +
             std::string(hv::to_string(vbd.mode)) + "')";
    }
    case Tag::vif:
      return "vif()";
    case Tag::exception_type:
      return "<exception '" + value.as<ExceptionTypeObject>().name + "'>";
    case Tag::exception: {
      const auto& e = value.as<ExceptionObject>();
      return e.type + "(" + (e.value.is(Tag::none) ? "" : repr_of(e.value)) + ")";
    }
    case Tag::match:
      return "<match>";
  }
  return "";
}

std::string repr_of(const V& value) {
  const Visit visit;
  if (!visit.go_on) return "...";
  std::string text = repr_parts(value);
  Meter::spend(text.size());
  if (text.size() > kLongestText) Meter::exhaust();
  // Nobody reads a text that was too much, and each list around it would copy it.
  return Meter::exhausted() ? "..." : text;
}

}  // namespace

std::string repr(const V& value) {
  return repr_of(value);
}

std::string str(const V& value) {
  if (value.is(Tag::string)) return value.text();
  if (value.is(Tag::exception)) {
    const V& argument = value.as<ExceptionObject>().value;
    return argument.is(Tag::none) ? "" : str(argument);
  }
  return repr(value);
}

}  // namespace hv::compiler
