// hv fmt: sources in the style of the house, written back only where something changes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/render.h"
#include "cli/commands.h"
#include "cli/line_diff.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "lang/format.h"
#include "lang/parse.h"

namespace hv::cli {
namespace {

constexpr std::size_t kLargest = std::size_t{64} << 20;

std::string folder_of(const std::string& path) {
  return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

Error cannot_write(const std::string& path, const std::string& why) {
  return Error{Code::file_unwritable, "cannot write `" + path + "`: " + why, {}};
}

// The new text beside the old file, then in its place: a reader sees one or the other, and a crash
// leaves the old one. `path` is no link.
Status replace_file(const std::string& path, const std::string& text) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return cannot_write(path, std::strerror(errno));
  if ((about.st_mode & 0222) == 0 || ::access(path.c_str(), W_OK) != 0)
    return cannot_write(path, "the file is read-only");
  std::string draft = folder_of(path) + "/.hv-fmt-XXXXXX";
  const int fd = ::mkostemp(draft.data(), O_CLOEXEC);
  if (fd < 0) return cannot_write(path, std::strerror(errno));
  bool good = true;
  for (std::size_t done = 0; good && done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    good = n > 0;
    if (good) done += static_cast<std::size_t>(n);
  }
  // The owner only root can keep; the mode must stay.
  if (::fchown(fd, about.st_uid, about.st_gid) != 0 && errno != EPERM) good = false;
  good = good && ::fchmod(fd, about.st_mode & 07777) == 0 && ::fsync(fd) == 0;
  const int why = errno;
  ::close(fd);
  if (good && ::rename(draft.c_str(), path.c_str()) == 0) return {};
  const std::string reason = std::strerror(good ? errno : why);
  ::unlink(draft.c_str());
  return cannot_write(path, reason);
}

class Formatting {
 public:
  Formatting(Session& session, const Options& options) : session_(session), options_(options) {}

  // False where the file has errors or cannot be read or written.
  bool file(const std::string& path) {
    const std::string real = path == "-" ? path : disk_files().canonical(path);
    if (!seen_.insert(real).second) return true;
    const std::string shown = shown_path(path);
    Result<std::string> text = disk_files().read(path == "-" ? "/dev/stdin" : real);
    if (!text.ok()) return refuse(text.error(), shown);
    if (text->size() > kLargest)
      return refuse(
          Error{Code::file_too_large, "`" + shown + "` is larger than a configuration can be", {}},
          shown);
    const FileId id = session_.sources.add(path == "-" ? "<stdin>" : shown, std::move(*text));
    Diagnostics found;
    const std::optional<std::string> formatted = lang::format(id, session_.sources, found);
    if (!formatted) {
      for (const Diagnostic& diagnostic : found.all())
        if (diagnostic.severity == Severity::error) session_.diagnostics.report(diagnostic);
      session_.show_diagnostics();
      return false;
    }
    return take(real, shown, session_.sources.text(id), *formatted);
  }

  // What the file imports belongs to the project too.
  std::vector<std::string> imports(const std::string& path) const {
    std::vector<std::string> found;
    Result<std::string> text = disk_files().read(path);
    if (!text.ok()) return found;
    SourceMap sources;
    Diagnostics ignored;
    const lang::SyntaxTree tree = lang::parse(sources.add(path, *text), sources, ignored);
    for (const lang::VmImportStmt* import : tree.shape.imports) {
      const std::string target =
          disk_files().canonical(folder_of(path) + "/" + std::string(import->path->value));
      if (disk_files().what(target) == Files::What::file &&
          target.starts_with(disk_files().canonical(session_.project.root) + "/"))
        found.push_back(target);
    }
    return found;
  }

  bool differences() const { return differences_; }
  bool seen(const std::string& path) const { return seen_.contains(path); }

 private:
  bool take(const std::string& path, const std::string& shown, std::string_view before,
            const std::string& after) {
    const bool changed = before != after;
    differences_ = differences_ || changed;
    if (changed) HV_CHECK(lang::same_program(before, after), "formatting would change a program");
    if (options_.diff) {
      print(unified_diff(before, after, path == "-" ? "<stdin>" : shown));
    } else if (path == "-") {
      if (!options_.check) print(after);
    } else if (changed) {
      if (!options_.check) {
        const Status written = replace_file(path, after);
        if (!written.ok()) return refuse(written.error(), shown);
      }
      if (!options_.quiet) print(shown + "\n");
    }
    return true;
  }

  bool refuse(const Error& error, const std::string& shown) {
    session_.fail(error, shown);
    return false;
  }

  std::string shown_path(const std::string& path) const {
    const std::string here = session_.working_directory + "/";
    std::string shown = path.starts_with(here) ? path.substr(here.size()) : path;
    while (shown.starts_with("./")) shown.erase(0, 2);
    return shown;
  }

  Session& session_;
  const Options& options_;
  std::set<std::string> seen_;
  bool differences_ = false;
};

bool enter_folder(Session& session, const Options& options) {
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    session.fail(
        Error{Code::file_unreadable, "there is no folder `" + options.directory + "`", {}});
    return false;
  }
  char* path = ::getcwd(nullptr, 0);
  session.working_directory = path == nullptr ? "/" : path;
  std::free(path);
  return true;
}

}  // namespace

int run_fmt(const Options& options) {
  Session session(options);
  Formatting formatting(session, options);
  bool good = true;
  if (!options.paths.empty()) {
    // Files that are named need no project: a broken hv.toml does not keep them from being mended.
    if (!enter_folder(session, options)) return kFailed;
    Diagnostics found;
    const std::vector<Root> roots =
        path_roots(options.paths, session.working_directory, disk_files(), found);
    for (const Diagnostic& diagnostic : found.all()) session.diagnostics.report(diagnostic);
    session.show_diagnostics();
    good = !found.has_errors();
    for (const Root& root : roots) good = formatting.file(root.path) && good;
  } else {
    if (!session.load_project()) return kFailed;
    std::vector<std::string> paths;
    for (const Root& root : project_roots(session.project, disk_files(), session.diagnostics))
      paths.push_back(root.path);
    if (session.project.sources.empty())
      session.diagnostics.report(Code::empty_project, Span{}, "there is nothing to format").help =
          "name files: hv fmt fleet.vm";
    session.show_diagnostics();
    good = !session.diagnostics.has_errors();
    for (std::size_t i = 0; i < paths.size(); ++i) {  // grows by what they import
      if (formatting.seen(disk_files().canonical(paths[i]))) continue;
      good = formatting.file(paths[i]) && good;
      for (std::string& import : formatting.imports(paths[i])) paths.push_back(std::move(import));
    }
  }
  if (!good) return kFailed;
  return options.check && formatting.differences() ? kFailed : kDone;
}

}  // namespace hv::cli
