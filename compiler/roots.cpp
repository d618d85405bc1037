// Files on disk, and which of them a command compiles.
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "compiler/compile.h"

namespace hv {
namespace {

class DiskFiles final : public Files {
 public:
  Result<std::string> read(const std::string& path) const override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failure(path);
    struct stat about {};
    if (::fstat(fd, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode)) {
      ::close(fd);
      return Error{
          Code::file_unreadable,
          "`" + path + "` is a " + (S_ISDIR(about.st_mode) ? "folder" : "device") + ", not a file",
          {}};
    }
    // Larger ones are refused by the caller; do not read a disk image into memory for that.
    constexpr std::size_t kMost = (64u << 20) + 1;
    std::string text;
    std::string buffer(1 << 16, '\0');
    while (text.size() < kMost) {
      const ssize_t n = ::read(fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        Error error = failure(path);
        ::close(fd);
        return error;
      }
      if (n == 0) break;
      text.append(buffer, 0, static_cast<std::size_t>(n));
    }
    ::close(fd);
    return text;
  }

  What what(const std::string& path) const override {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return What::absent;
    return S_ISDIR(about.st_mode) ? What::folder : What::file;
  }

  std::string canonical(const std::string& path) const override {
    char* real = ::realpath(path.c_str(), nullptr);
    if (real == nullptr) return path;
    std::string result(real);
    std::free(real);
    return result;
  }

  Result<std::vector<std::string>> list(const std::string& folder) const override {
    DIR* open = ::opendir(folder.c_str());
    if (open == nullptr) return failure(folder);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(open);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  static Error failure(const std::string& path) {
    const int why = errno;
    std::string help;
    if (why == ENOENT) help = "is the path right? relative paths start at the working directory";
    if (why == EACCES) help = "this user may not read it";
    return Error{Code::file_unreadable, "cannot read `" + path + "`: " + std::strerror(why), help};
  }
};

bool is_pattern(const std::string& path) {
  return path.find_first_of("*?[") != std::string::npos;
}

bool is_source_name(const std::string& name) {
  return !name.starts_with('.') && (name.ends_with(".vm") || name.ends_with(".cfg"));
}

std::string absolute(const std::string& path, const std::string& base) {
  if (path.starts_with('/')) return path;
  std::string joined = base;
  if (!joined.ends_with('/')) joined += '/';
  return joined + (path.starts_with("./") ? path.substr(2) : path);
}

// The files one entry means: itself, a folder's *.vm and *.cfg, what a pattern matches.
std::vector<std::string> expand(const std::string& written, const std::string& base, Span span,
                                const Files& files, Diagnostics& diagnostics) {
  const std::string path = absolute(written, base);
  const auto nothing = [&](const std::string& message, const std::string& help) {
    Diagnostic& diagnostic = diagnostics.report(Code::no_match, span, message);
    diagnostic.help = help;
    if (!span.valid()) diagnostic.file = written;
    return std::vector<std::string>{};
  };
  switch (files.what(path)) {
    case Files::What::file:
      return {path};
    case Files::What::folder: {
      Result<std::vector<std::string>> names = files.list(path);
      if (!names.ok()) {
        diagnostics.report(names.error(), written);
        return {};
      }
      std::vector<std::string> found;
      for (const std::string& name : *names) {
        std::string file = path;
        if (!file.ends_with('/')) file += '/';
        file += name;
        if (is_source_name(name) && files.what(file) == Files::What::file) found.push_back(file);
      }
      if (found.empty())
        return nothing("the folder `" + written + "` has no *.vm and no *.cfg",
                       "a folder means the files right in it, not those further down");
      return found;
    }
    case Files::What::absent:
      break;
  }
  if (!is_pattern(written))
    return nothing("there is no file `" + written + "`",
                   span.valid() ? "the path is relative to hv.toml"
                                : "is the path right? it is relative to the working directory");
  // The folder is listed through Files, so that a pattern works on a test's files too.
  const std::size_t slash = path.rfind('/');
  const std::string folder = path.substr(0, std::max<std::size_t>(slash, 1));
  const std::string pattern = path.substr(slash + 1);
  std::vector<std::string> found;
  if (!is_pattern(folder)) {
    Result<std::vector<std::string>> names = files.list(folder);
    if (names.ok())
      for (const std::string& name : *names)
        if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0 &&
            files.what(folder + "/" + name) == Files::What::file)
          found.push_back(folder + "/" + name);
  } else {
    glob_t matches{};
    if (::glob(path.c_str(), GLOB_NOSORT, nullptr, &matches) == 0)
      for (std::size_t i = 0; i < matches.gl_pathc; ++i)
        if (files.what(matches.gl_pathv[i]) == Files::What::file)
          found.emplace_back(matches.gl_pathv[i]);
    ::globfree(&matches);
    std::sort(found.begin(), found.end());
  }
  if (found.empty()) return nothing("`" + written + "` matches no file", "");
  return found;
}

}  // namespace

const Files& disk_files() {
  static const DiskFiles files;
  return files;
}

std::vector<Root> project_roots(const Project& project, const Files& files,
                                Diagnostics& diagnostics) {
  std::vector<Root> roots;
  for (const SourceEntry& entry : project.sources) {
    for (const std::string& path :
         expand(entry.path, project.root, entry.span, files, diagnostics)) {
      if (entry.params.empty()) {
        roots.push_back(Root{path, entry.host, {}, entry.span});
        continue;
      }
      for (const auto& params : entry.params)
        roots.push_back(Root{path, entry.host, params, entry.span});
    }
  }
  return roots;
}

std::vector<Root> path_roots(const std::vector<std::string>& paths,
                             const std::string& working_directory, const Files& files,
                             Diagnostics& diagnostics) {
  std::vector<Root> roots;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    if (path == "-") {
      if (seen.insert("-").second) roots.push_back(Root{"-", {}, {}, {}});
      continue;
    }
    for (const std::string& file : expand(path, working_directory, Span{}, files, diagnostics))
      if (seen.insert(files.canonical(file)).second) roots.push_back(Root{file, {}, {}, {}});
  }
  return roots;
}

}  // namespace hv
