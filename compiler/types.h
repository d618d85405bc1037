// Types of params, annotations and schema fields: parsed from the tree, checked against values.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "compiler/value.h"
#include "lang/syntax.h"

namespace hv::compiler {

enum class TypeName : uint8_t {
  any,
  boolean,
  integer,
  floating,
  string,
  size,
  duration,
  mac,
  ip,
  cidr,
  path,
  regex,
  secret,
  none,
  list,       // arguments[0]
  tuple,      // arguments
  dict,       // arguments[0], [1]
  union_,     // arguments
  literal,    // literal
  record,     // schema
  reference,  // kind
};

struct TypeInfo;
using TypeRef = std::shared_ptr<const TypeInfo>;

struct TypeInfo {
  TypeName name = TypeName::any;
  std::vector<TypeRef> arguments;
  std::optional<V> minimum, maximum;
  std::string pattern;  // of str
  V literal;
  V schema;
  std::optional<Kind> kind;
};

std::string to_string(const TypeInfo& type);

// `schemas` finds a record type by its name. Mistakes are reported; the answer is then `any`.
class SchemaNames {
 public:
  virtual ~SchemaNames() = default;
  virtual V find_schema(std::string_view name) const = 0;
};
TypeRef type_of(const lang::Type* type, const SchemaNames& schemas, const SourceMap& sources,
                Diagnostics& diagnostics);

// Why the value does not have the type, or nothing.
std::optional<std::string> mismatch(const V& value, const TypeInfo& type);

// The text of `-p name=TEXT` as a value of the type: the text itself for str, a member for literal
// unions, else one literal. An error in words.
std::optional<V> parse_literal(std::string_view text, const TypeInfo& type, std::string& why);

// A literal of the tree as a value: a number (perhaps negative), size, duration, string, True,
// False, None, or a list or tuple of such; `failed` for every other expression, and for null.
V literal_of(const lang::Expr* expr);

bool is_mac(std::string_view text);
bool is_ip(std::string_view text);
bool is_cidr(std::string_view text);

}  // namespace hv::compiler
