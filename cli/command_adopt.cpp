// hv adopt: declares what runs and takes it over — a `.vm` file of what the hosts tell, then a plan
// that writes state and claims only.
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/domain_source.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "lang/format.h"

namespace hv::cli {
namespace {

struct Found {
  HostName host;
  const ObservedDomain* domain = nullptr;
};

// Whether a source of hv.toml takes the file in: itself, its folder, or a glob.
bool is_covered(const Project& project, const std::string& file) {
  return std::any_of(
      project.sources.begin(), project.sources.end(), [&](const SourceEntry& source) {
        std::string pattern = source.path;
        while (pattern.starts_with("./")) pattern.erase(0, 2);
        if (pattern == file || ::fnmatch(pattern.c_str(), file.c_str(), FNM_PATHNAME) == 0)
          return true;
        while (pattern.ends_with('/')) pattern.pop_back();
        const std::size_t slash = file.rfind('/');
        const std::string folder = slash == std::string::npos ? "." : file.substr(0, slash);
        return pattern == folder && (file.ends_with(".vm") || file.ends_with(".cfg"));
      });
}

Status save(const std::string& path, const std::string& text) {
  const std::string draft = path + ".partial";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool good = fd >= 0;
  for (std::size_t done = 0; good && done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    good = n > 0;
    if (good) done += static_cast<std::size_t>(n);
  }
  good = good && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (good && ::rename(draft.c_str(), path.c_str()) == 0) return {};
  const int why = errno;
  ::unlink(draft.c_str());
  return Error{Code::file_unwritable, "cannot write `" + path + "`: " + std::strerror(why), {}};
}

// Another project's claim, or a name that two machines have.
std::string reason_against(const HostObservation& host, const ObservedDomain& domain,
                           const Uuid& project) {
  for (const Claim& claim : host.claims)
    if (claim.uuid == domain.uuid && claim.project != project) return "another project claims it";
  if (domain.dying) return "it is shutting down";
  if (domain.uuid.is_nil()) return "it has no UUID";
  if (auto bad = reason_name_is_bad(domain.name)) return *bad;
  const auto same = std::count_if(host.domains.begin(), host.domains.end(), [&](const auto& other) {
    return other.name == domain.name || other.uuid == domain.uuid;
  });
  return same > 1 ? "there are several of that name or UUID" : "";
}

class Adoption {
 public:
  explicit Adoption(const Options& options) : options_(options), session_(options_) {}

  // The exit code if there is nothing more to do.
  std::optional<int> write() {
    if (!session_.load_project()) return kFailed;
    file_ = options_.output.empty() ? "adopted.vm" : options_.output;
    path_ = file_.starts_with('/') ? file_ : session_.project.root + "/" + file_;
    if (session_.project.has_file && !is_covered(session_.project, file_)) {
      session_.fail(Error{Code::adoption_unclear, "no source of hv.toml takes in `" + file_ + "`",
                          "add \"" + file_ + "\" to `sources` in its [project]"});
      return kFailed;
    }
    if (!session_.lock() || !session_.open_reader() || !session_.open_drivers(false) ||
        !session_.observe() || !choose())
      return kFailed;
    if (found_.empty()) {
      if (!options_.quiet) print("Nothing to adopt: every machine that runs is known.\n");
      return kDone;
    }
    return add_to_file() ? std::nullopt : std::optional<int>(kFailed);
  }

  int take_over() const {
    Options options = options_;
    options.paths.clear();
    options.host.reset();
    if (!session_.project.has_file) options.paths = {path_};
    options.yes = true;  // only the state and the claims are written
    Ask ask;
    for (const Found& found : found_) ask.only.push_back({Kind::domain, found.domain->name});
    return apply(options, ask);
  }

  // Only one command holds the lock.
  void let_go() { session_.state_lock.reset(); }

 private:
  bool choose() {
    const Uuid project = project_uuid(session_.project, session_.head);
    std::set<Uuid> ours;
    for (const auto& [address, domain] : session_.applied.domains) ours.insert(domain.uuid);
    std::set<std::string> missing(options_.paths.begin(), options_.paths.end());
    bool good = true;
    for (const auto& [name, host] : session_.observation.hosts) {
      if (options_.host && name.text != *options_.host) continue;
      if (!host.reachable) {
        session_.fail(Error{Code::host_unreachable,
                            "the host `" + name.text + "` cannot be read: " + host.reason,
                            {}});
        good = false;
      }
      for (const ObservedDomain& domain : host.domains) {
        const bool asked = missing.erase(domain.name) != 0;
        if (ours.contains(domain.uuid) || (!options_.paths.empty() && !asked)) continue;
        const std::string why = reason_against(host, domain, project);
        if (why.empty()) {
          found_.push_back({name, &domain});
          continue;
        }
        session_.fail(Error{
            Code::adoption_unclear,
            "the machine `" + domain.name + "` on " + name.text + " cannot be adopted: " + why,
            {}});
        good = good && !asked;
      }
    }
    for (const std::string& name : missing) {
      session_.fail(Error{Code::adoption_unclear, "no machine `" + name + "` runs",
                          "`hv status` lists what runs"});
      good = false;
    }
    return good;
  }

  bool add_to_file() {
    std::string text;
    if (disk_files().what(path_) == Files::What::file) {
      Result<std::string> before = disk_files().read(path_);
      if (!before.ok()) {
        session_.fail(before.error(), file_);
        return false;
      }
      text = std::move(*before);
    } else {
      text =
          "# " + file_.substr(file_.rfind('/') + 1) +
          ": what ran already, as its hosts tell. What they do not tell of a running machine — a\n"
          "# password, what is as it would be anyway — is not here, nor is what a comment names:\n"
          "# compare with its old file before it is made again.\n";
    }
    for (const Found& found : found_) {
      if (const std::string untaken = untaken_settings(*found.domain); !untaken.empty())
        print_error("warning: of `" + found.domain->name + "` on " + found.host.text +
                    " there is more set than hv takes over, and a restart would lose it: " +
                    untaken + "\n");
      text += "\n" + domain_source(*found.domain,
                                   session_.project.hosts.size() > 1 ? found.host : HostName{},
                                   *session_.schema);
    }
    SourceMap sources;
    Diagnostics diagnostics;
    const FileId id = sources.add(file_, text);
    if (std::optional<std::string> formatted = lang::format(id, sources, diagnostics))
      text = std::move(*formatted);
    const Status saved = save(path_, text);
    if (saved.ok()) {
      if (!options_.quiet)
        print("Wrote " + std::to_string(found_.size()) +
              (found_.size() == 1 ? " domain to " : " domains to ") + file_ + ".\n\n");
      return true;
    }
    session_.fail(saved.error());
    return false;
  }

  const Options& options_;
  Session session_;
  std::string file_, path_;
  std::vector<Found> found_;
};

}  // namespace

int run_adopt(const Options& options) {
  Adoption adoption(options);
  if (std::optional<int> ended = adoption.write()) return *ended;
  adoption.let_go();
  return adoption.take_over();
}

}  // namespace hv::cli
