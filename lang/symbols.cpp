// How operators are written.
#include "lang/syntax.h"

namespace hv::lang {

std::string_view symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return "+";
    case BinaryOp::subtract:
      return "-";
    case BinaryOp::multiply:
      return "*";
    case BinaryOp::divide:
      return "/";
    case BinaryOp::floor_divide:
      return "//";
    case BinaryOp::modulo:
      return "%";
    case BinaryOp::power:
      return "**";
    case BinaryOp::shift_left:
      return "<<";
    case BinaryOp::shift_right:
      return ">>";
    case BinaryOp::bit_and:
      return "&";
    case BinaryOp::bit_or:
      return "|";
    case BinaryOp::bit_xor:
      return "^";
  }
  return "";
}

std::string_view symbol(CompareOp op) {
  switch (op) {
    case CompareOp::less:
      return "<";
    case CompareOp::less_equal:
      return "<=";
    case CompareOp::greater:
      return ">";
    case CompareOp::greater_equal:
      return ">=";
    case CompareOp::equal:
      return "==";
    case CompareOp::not_equal:
      return "!=";
    case CompareOp::in:
      return "in";
    case CompareOp::not_in:
      return "not in";
    case CompareOp::is:
      return "is";
    case CompareOp::is_not:
      return "is not";
  }
  return "";
}

}  // namespace hv::lang
