#include "hv/schema/bounds.h"

namespace hv {

bool can_be_bounded(AttributeType type) {
  return type == AttributeType::integer || type == AttributeType::number ||
         type == AttributeType::size || type == AttributeType::duration;
}

std::optional<int64_t> bound_of(AttributeType type, int64_t bare_unit, const TomlValue& value) {
  if (!can_be_bounded(type)) return std::nullopt;
  if (value.type == TomlType::integer) {
    int64_t product = 0;
    if (__builtin_mul_overflow(value.integer, bare_unit, &product)) return std::nullopt;
    return product;
  }
  if (value.type != TomlType::string) return std::nullopt;
  if (type == AttributeType::size) {
    if (std::optional<Bytes> size = parse_bytes(value.text)) return size->count;
  }
  if (type == AttributeType::duration) {
    if (std::optional<Duration> duration = parse_duration(value.text)) return duration->count;
  }
  return std::nullopt;
}

std::string bound_text(AttributeType type, int64_t bound) {
  if (type == AttributeType::size) return to_literal(Bytes{{bound}});
  if (type == AttributeType::duration) return to_literal(Duration{{bound}});
  return std::to_string(bound);
}

std::string bound_form(AttributeType type) {
  if (type == AttributeType::size) return "a size such as \"8GiB\"";
  if (type == AttributeType::duration) return "a duration such as \"90s\"";
  return "a whole number";
}

}  // namespace hv
