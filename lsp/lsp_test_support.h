// What the tests of the language server share: a cursor in a text, a project in memory, and a whole
// conversation with the server in one call.
//
// Tests only. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/compiler_test_support.h"
#include "lsp/text.h"

namespace hv::lsp {

// A text in which `@@` marked the cursor.
struct Marked {
  std::string text;
  Position cursor;
};
Marked marked(const std::string& text, Encoding encoding = Encoding::utf16);

// hv.toml with two hosts whose source is /p/main.vm, and the files given (paths below /p).
compiler::MemoryFiles project_files(std::map<std::string, std::string> files);

std::string framed(const std::string& body);

struct Conversation {
  int code = -1;
  std::vector<std::string> bodies;  // of what the server sent, in order
  std::string trouble;              // what was no well-framed message
};
// The server from start to end, with all of `input` there at once.
Conversation converse(const std::string& input, const Files& files,
                      int64_t steps = CompileRequest{}.steps);

}  // namespace hv::lsp
