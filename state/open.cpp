// The folder of a store: FORMAT says that there is one, `db` is RocksDB's, `lock` the kernel's,
// `mark` how far it was acknowledged.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "state/lock.h"
#include "state/records.h"
#include "state/rocks_table.h"
#include "state/table_store.h"

namespace hv {
namespace {

constexpr int kFormat = 1;

struct Format {
  int number = 0;
  std::string writer;  // "hv 0.1.0"
};

Error cannot(const std::string& doing, const std::string& path) {
  const int number = errno;
  const std::string message = "cannot " + doing + " `" + path + "`: " + std::strerror(number);
  if (number == ENOSPC || number == EDQUOT)
    return {Code::state_no_space, message,
            "free some space on the disk that holds the state, and run the command again"};
  return {Code::state_unreadable, message,
          "check who owns the folder of the state and its files, and run hv as that user"};
}

state::RocksPlace place_in(const std::string& folder) {
  return {folder + "/db",
          {state::kColumnNames.begin(), state::kColumnNames.end()},
          "the state",
          nullptr};
}

// Nothing: there is no such file.
Result<std::optional<Format>> read_format(const std::string& folder) {
  const std::string path = folder + "/FORMAT";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return std::optional<Format>();
  if (file < 0) return cannot("open", path);
  char text[1024];
  const ssize_t size = read(file, text, sizeof text);
  const Error failure = cannot("read", path);
  close(file);
  if (size < 0) return failure;

  const std::string_view all(text, static_cast<std::size_t>(size));
  Format format;
  constexpr std::string_view kWord = "format ";
  if (all.starts_with(kWord))
    std::from_chars(text + kWord.size(), text + all.size(), format.number);
  if (format.number < 1)
    return Error{
        Code::state_corrupt, "`" + path + "` does not say which format the state has",
        "put the file back from a backup; this hv writes `format " + std::to_string(kFormat) + "`"};
  std::string_view rest = all.substr(std::min(all.find('\n'), all.size() - 1) + 1);
  format.writer = rest.substr(0, rest.find('\n'));
  if (format.writer.empty()) format.writer = "an unknown hv";
  return std::optional(format);
}

Status write_format(const std::string& folder, Clock& clock) {
  const std::string path = folder + "/FORMAT", draft = path + ".new";
  const std::string text = "format " + std::to_string(kFormat) + "\nhv " HV_VERSION "\nmade " +
                           to_human(clock.now()) + "\n";
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return cannot("write", draft);
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  const Error failure = cannot("write", draft);
  close(file);
  if (!written) return failure;
  if (rename(draft.c_str(), path.c_str()) != 0) return cannot("write", path);
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    fsync(directory);
    close(directory);
  }
  return {};
}

enum class Presence { none, store };

// Whether `folder` holds a store that this hv can read.
Result<Presence> look_at(const std::string& folder) {
  const std::optional<Format> format = TRY(read_format(folder));
  if (format && format->number > kFormat)
    return Error{Code::state_newer_format,
                 "the state in `" + folder + "` has format " + std::to_string(format->number) +
                     ", written by " + format->writer +
                     "; this is hv " HV_VERSION ", which knows format " + std::to_string(kFormat),
                 "use " + format->writer + " or a later one"};
  const bool database = TRY(state::rocks_exists(place_in(folder)));
  // A new one over it would forget every machine that the lost one knew.
  if (format && !database)
    return Error{Code::state_corrupt,
                 "`" + folder + "/FORMAT` says that there is a state, but its database is missing",
                 "put `" + folder +
                     "/db` back from a backup with `hv state restore`, or make the "
                     "state anew from the hosts and the files with `hv state rebuild`"};
  // A database without FORMAT is whole: hv died between making the one and the other.
  return database ? Presence::store : Presence::none;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const std::string& folder, const StateLock& lock,
                                          Random& random, Clock& clock) {
  HV_CHECK(state::is_lock_of(lock, folder), "a store is opened to write without its lock");
  const state::RocksPlace place = place_in(folder);
  const std::optional<state::Acknowledged> acknowledged = state::read_mark(folder);
  std::unique_ptr<state::Table> table;
  if (TRY(look_at(folder)) == Presence::none) {
    // The folder may be older than the store and open to all; parameters in here may be secret.
    if (chmod(folder.c_str(), 0700) != 0) return cannot("close to others", folder);
    table = TRY(state::create_rocks(
        place, [&](state::Table* empty) { return state::begin_store(empty, random); }));
  } else {
    table = TRY(state::open_rocks(place));
  }
  std::unique_ptr<Store> store =
      TRY(state::store_over(std::move(table), acknowledged, std::make_unique<state::Mark>(folder)));
  if (!TRY(read_format(folder))) TRY(write_format(folder, clock));
  return store;
}

Result<std::unique_ptr<StoreReader>> open_store_reader(const std::string& folder) {
  if (TRY(look_at(folder)) == Presence::none) return std::unique_ptr<StoreReader>();
  // The mark first: a writer may move it on while the database is being opened.
  const std::optional<state::Acknowledged> acknowledged = state::read_mark(folder);
  return state::reader_over(TRY(state::open_rocks_reader(place_in(folder))), acknowledged);
}

Result<VerifyReport> verify_store(const std::string& folder) {
  Result<Presence> presence = look_at(folder);
  if (presence.ok() && *presence == Presence::none)
    return Error{Code::state_unreadable, "there is no state in `" + folder + "`",
                 "`hv apply` makes it; `-C DIR` looks in another project"};
  const std::optional<state::Acknowledged> acknowledged = state::read_mark(folder);
  Result<std::unique_ptr<state::Table>> table =
      presence.ok() ? state::open_rocks_reader(place_in(folder))
                    : Result<std::unique_ptr<state::Table>>(presence.error());
  if (table.ok()) return state::verify_table(**table, acknowledged);
  if (table.error().code != Code::state_corrupt) return table.error();
  VerifyReport report;
  report.damage.push_back(table.error().message);
  return report;
}

}  // namespace hv
