// What the names of one file mean: every place where a name stands, under the key of what it names.
//
// Keys: "v:PATH:SCOPE:NAME" a variable, function, template or schema; "r:KIND.NAME" a resource (its
// name computed: "r:KIND.f…", the f-string as written); "a:KIND.NAME" an attribute; "i:PATH:NAME"
// what that file calls NAME; "p:PATH" a file; "u:NAME" nothing that the file binds. A FileIndex
// owns its text. Any thread may read it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "compiler/compile.h"
#include "hv/schema/schema.h"

namespace hv::lsp {

struct Occurrence {
  uint32_t begin, end;
  std::string key;
  bool binds = false;  // an assignment, a declaration
};

enum class OutlineKind : uint8_t {
  resource,
  template_,
  schema,
  function,
  parameter,
  variable,
  key
};
struct OutlineEntry {
  std::string name;    // "domain web0"
  std::string detail;  // its header or declaration, on one line
  OutlineKind kind;
  uint32_t begin, end;            // all of it
  uint32_t name_begin, name_end;  // its name
  unsigned depth = 0;             // the entries below it follow, one deeper
};

struct FileIndex {
  std::string path;
  std::string text;
  bool domain_file = false;             // its top-level keys are settings
  std::vector<Occurrence> occurrences;  // by place
  std::vector<OutlineEntry> outline;
  std::map<std::string, std::string> exports;       // names of its top: their keys
  std::map<std::string, std::string> declarations;  // key: the words that declare it
  std::vector<std::string> imports;                 // absolute paths

  const Occurrence* at(uint32_t offset) const;
};

FileIndex index_file(std::string path, std::string text, const Schema& schema, const Files& files);

}  // namespace hv::lsp
