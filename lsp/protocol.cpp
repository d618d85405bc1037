#include "lsp/protocol.h"

namespace hv::lsp {

int protocol_number(Severity severity) {
  switch (severity) {
    case Severity::error:
      return 1;
    case Severity::warning:
      return 2;
    case Severity::note:
      return 3;
  }
  return 1;
}

int protocol_number(OutlineKind kind) {
  switch (kind) {
    case OutlineKind::resource:
      return 23;  // Struct
    case OutlineKind::template_:
      return 5;  // Class
    case OutlineKind::schema:
      return 11;  // Interface
    case OutlineKind::function:
      return 12;
    case OutlineKind::parameter:
      return 14;  // Constant
    case OutlineKind::variable:
      return 13;
    case OutlineKind::key:
      return 7;  // Property
  }
  return 13;
}

int protocol_number(ItemKind kind) {
  switch (kind) {
    case ItemKind::attribute:
      return 10;  // Property
    case ItemKind::value:
      return 20;  // EnumMember
    case ItemKind::keyword:
      return 14;
    case ItemKind::variable:
      return 6;
    case ItemKind::function:
      return 3;
    case ItemKind::resource:
      return 22;  // Struct
    case ItemKind::host:
      return 21;  // Constant
    case ItemKind::type:
      return 7;  // Class
  }
  return 1;
}

}  // namespace hv::lsp
