// What an editor asks about a place in a file, answered: plain values, no protocol.
//
// Pure reads of a Workspace; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsp/workspace.h"

namespace hv::lsp {

struct Location {
  std::string path;
  Range range;
  auto operator<=>(const Location&) const = default;
};

struct Hover {
  std::string markdown;
  Range range;
};
std::optional<Hover> hover(Workspace& workspace, const std::string& path, Position at);

std::vector<Location> definition(Workspace& workspace, const std::string& path, Position at);
std::vector<Location> references(Workspace& workspace, const std::string& path, Position at,
                                 bool with_declarations);

enum class ItemKind : uint8_t {
  attribute,
  value,
  keyword,
  variable,
  function,
  resource,
  host,
  type
};
struct Item {
  std::string label;
  ItemKind kind{};
  std::string detail;
  std::string documentation;
  Range replaces;
  std::string insert;
};
std::vector<Item> complete(Workspace& workspace, const std::string& path, Position at);

struct TextEdit {
  Range range;
  std::string text;
};
// The edits that format the file; nothing where it has errors.
std::optional<std::vector<TextEdit>> format_edits(const Workspace& workspace,
                                                  const std::string& text);

}  // namespace hv::lsp
