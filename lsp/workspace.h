// The files as the editor has them: open texts over those on disk, the project around each, what
// the compiler says of it, and the index of every file in it.
//
// One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "lsp/index.h"
#include "lsp/text.h"

namespace hv::lsp {

struct Mend {
  std::string title;
  std::string path;
  Range range;
  std::string replacement;
};
struct Elsewhere {
  std::string path;
  Range range;
  std::string text;
};
struct Finding {
  Range range;
  Severity severity{};
  std::string code;     // "HV0203"
  std::string message;  // with its labels and its help
  std::vector<Elsewhere> related;
  std::optional<Mend> mend;
  auto sort_key() const { return std::tie(range, code, message); }
};
using Findings = std::map<std::string, std::vector<Finding>>;  // by path
// By place, each once.
void sort_and_thin(std::vector<Finding>& findings);

class Workspace {
 public:
  // `disk` outlives it.
  Workspace(const Files& disk, bool is_dom0, int64_t steps = CompileRequest{}.steps);
  ~Workspace();

  // ---- open documents, by path
  // Also of one that is open: its new text.
  void open(const std::string& path, std::string text);
  void close(const std::string& path);
  bool is_open(const std::string& path) const { return open_.contains(path); }
  // Null where it is not open.
  const std::string* text(const std::string& path) const;
  void changed_on_disk();  // anything may have
  std::vector<std::string> open_paths() const;

  const Files& files() const { return *files_; }

  // ---- places, as the client counts them
  void count_in(Encoding encoding) { encoding_ = encoding; }
  TextLines lines(std::string_view text) const { return TextLines(text, encoding_); }

  // ---- the project around a file
  struct Around {
    SourceMap sources;  // what the project's spans point into
    Project project;
    const Schema* schema = nullptr;
    std::vector<std::string> members;  // sources and what they import, absolute
    Findings findings;                 // of the members, hv.toml and the site's schemas
    DesiredGraph desired;
    std::map<std::string, std::string> types;  // "PATH:NAME": its type; filled on first use
    bool typed = false;
    std::unique_ptr<Schema> narrowed;
    CompileRequest request;
    std::string main;  // the open file that it was looked up for, where it is no source
  };
  // Compiled again where an open text has changed since.
  Around& around(const std::string& path);
  // The type of a name at the top of a file; empty where none is known.
  std::string type_of(const std::string& path, const std::string& name);

  // The index of an open file or of one on disk; null where it cannot be read.
  const FileIndex* index(const std::string& path);
  // The key behind imports.
  std::string resolve(const std::string& key);
  // Where a path that the compiler shows is: it may be relative to hv.toml.
  static std::string absolute(const Around& around, std::string_view shown);
  // Every file of the project around `path`, this one first.
  std::vector<std::string> project_files(const std::string& path);

 private:
  class Overlay;
  void changed(const std::string& path);
  std::string root_of(const std::string& path) const;
  void load_project(Around& around, const std::string& root, SourceMap& sources,
                    Diagnostics& diagnostics);
  void compile_around(Around& around, const std::string& root, const std::string& path);
  void sort_findings(Around& around, const SourceMap& sources, const Diagnostics& diagnostics);

  const Files& disk_;
  bool is_dom0_;
  int64_t steps_;
  Encoding encoding_ = Encoding::utf16;
  std::map<std::string, std::string> open_;
  std::unique_ptr<Files> files_;
  std::map<std::string, std::unique_ptr<Around>> projects_;  // by root, or by root and file
  std::map<std::string, FileIndex> indexes_;
};

}  // namespace hv::lsp
