#include "state/rocks_table.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/table.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/clock.h"
#include "state/table_end.h"

namespace hv::state {
namespace {

namespace fs = std::filesystem;

// RocksDB's own log aborts the process when the disk is full (Debian's build keeps assertions), so
// it gets one that cannot fail. What matters comes back as a Status anyway.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Lets no table through whose end RocksDB would trip over.
class CheckedTables final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "CheckedTables"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    rocksdb::IOStatus status = target()->NewRandomAccessFile(path, options, &file, debug);
    if (status.ok() && path.ends_with(".sst")) status = check(path, *file, debug);
    if (status.ok()) *result = std::move(file);
    return status;
  }

 private:
  rocksdb::IOStatus check(const std::string& path, const rocksdb::FSRandomAccessFile& file,
                          rocksdb::IODebugContext* debug) {
    const rocksdb::IOOptions options;
    uint64_t size = 0;
    rocksdb::IOStatus status = target()->GetFileSize(path, options, &size, debug);
    if (!status.ok()) return status;
    const bool sound =
        is_table_end_sound(size, [&](uint64_t offset, std::size_t length, std::string* octets) {
          std::string buffer(length, '\0');
          rocksdb::Slice read;
          status = file.Read(offset, length, options, &read, buffer.data(), debug);
          if (!status.ok() || read.size() != length) return false;
          *octets = read.ToString();
          return true;
        });
    if (status.ok() && !sound)
      status = rocksdb::IOStatus::Corruption("the end of the table is damaged", path);
    return status;
  }
};

rocksdb::Options options_for(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.info_log = std::make_shared<NoLog>();
  // The default opens after garbage in the middle of the log and drops what was synced behind it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;  // a log that is gone is damage too
  options.paranoid_checks = true;
  options.atomic_flush = true;  // no column is ahead of another after a power loss
  options.max_open_files = -1;  // a reader holds every file, whatever is deleted later
  options.max_background_jobs = 2;
  options.write_buffer_size = 16 << 20;
  options.compression = rocksdb::kLZ4Compression;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 << 10;
  table.format_version = kTableFormat;
  table.checksum = rocksdb::kCRC32c;  // which is_table_end_sound() knows
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const RocksPlace& place,
                                                      const rocksdb::Options& options) {
  std::vector<rocksdb::ColumnFamilyDescriptor> all;
  for (const std::string& name : place.columns) all.emplace_back(name, options);
  if (place.columns.front() != rocksdb::kDefaultColumnFamilyName)
    all.emplace_back(rocksdb::kDefaultColumnFamilyName, options);  // RocksDB must have one
  return all;
}

Error errno_error(const RocksPlace& place, const std::string& doing, const std::string& path) {
  const int number = errno;
  if (number == ENOSPC || number == EDQUOT)
    return {Code::state_no_space, "no space to keep " + place.what + " in `" + path + "`",
            "free some space on the disk that holds it, and run the command again"};
  return {Code::state_unreadable, "cannot " + doing + " `" + path + "`: " + std::strerror(number),
          "check that the folder exists and that you may read and write it"};
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Error to_error(const RocksPlace& place, const rocksdb::Status& status) {
  const std::string where = place.what + " in `" + place.folder + "`";
  const std::string words = status.ToString();
  if (status.IsNoSpace() || contains(words, "No space left on device") ||
      contains(words, "Disk quota exceeded"))
    return {Code::state_no_space, "no space left to write " + where + ": " + words,
            "free some space on the disk that holds it, and run the command again"};
  if (contains(words, "While lock file") || contains(words, "lock hold by"))
    return {Code::state_locked, where + " is in use by another process",
            "wait for it to end, or give `--lock-timeout 30s` to wait here"};
  if (contains(words, "Permission denied") || contains(words, "Read-only file system") ||
      contains(words, "Operation not permitted"))
    return {Code::state_unreadable, "cannot open " + where + ": " + words,
            "check who owns the folder and its files; run hv as that user"};
  // A file that is missing is damage: that there is a database was known before it was opened.
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
      status.IsInvalidArgument() || status.IsNotSupported())
    return {
        Code::state_corrupt, where + " is damaged: " + words,
        "`hv state verify` says what else is; put back a backup with `hv state restore`, or make "
        "it anew from the hosts and the files with `hv state rebuild`"};
  return {Code::state_unreadable, "cannot read or write " + where + ": " + words,
          "look at the disk and the kernel's log; what was acknowledged before is kept"};
}

class RocksTable final : public Table {
 public:
  RocksTable(RocksPlace place, std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db,
             std::vector<rocksdb::ColumnFamilyHandle*> columns, bool writes)
      : place_(std::move(place)),
        env_(std::move(env)),
        db_(std::move(db)),
        columns_(std::move(columns)),
        writes_(writes) {}

  ~RocksTable() override {
    // Without the flush the next open replays the log: 182 ms instead of 5 at 100 000 records.
    // A flush that fails loses nothing, so there is nobody to tell.
    if (writes_ && dirty_) db_->Flush(rocksdb::FlushOptions(), columns_).PermitUncheckedError();
    for (rocksdb::ColumnFamilyHandle* column : columns_)
      db_->DestroyColumnFamilyHandle(column).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  Result<std::optional<std::string>> get(Column column, std::string_view key) const override {
    std::string value;
    rocksdb::Status status = db_->Get(reading(), family(column), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return to_error(place_, status);
    return std::optional(std::move(value));
  }

  Status scan(Column column, std::string_view prefix, const Visit& visit) const override {
    std::unique_ptr<rocksdb::Iterator> row(db_->NewIterator(reading(), family(column)));
    for (row->Seek(slice(prefix)); row->Valid(); row->Next()) {
      if (!row->key().starts_with(slice(prefix))) break;
      TRY(visit(row->key().ToStringView(), row->value().ToStringView()));
    }
    if (!row->status().ok()) return to_error(place_, row->status());
    return {};
  }

  Status write(const std::vector<TableWrite>& writes, bool sync) override {
    rocksdb::WriteBatch batch;
    for (const TableWrite& write : writes) {
      rocksdb::Status added = write.value ? batch.Put(family(write.column), write.key, *write.value)
                                          : batch.Delete(family(write.column), write.key);
      if (!added.ok()) return to_error(place_, added);
    }
    rocksdb::WriteOptions how;
    how.sync = sync;
    rocksdb::Status written = db_->Write(how, &batch);
    if (!written.ok()) return to_error(place_, written);
    dirty_ = true;
    return {};
  }

  Status verify_blocks() const override {
    rocksdb::Status sound = db_->VerifyChecksum(reading());
    if (!sound.ok()) return to_error(place_, sound);
    return {};
  }

 private:
  static rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
  static rocksdb::ReadOptions reading() {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    return options;
  }
  rocksdb::ColumnFamilyHandle* family(Column column) const {
    HV_CHECK(column.index < place_.columns.size(), "a column the database does not have");
    return columns_[column.index];
  }

  RocksPlace place_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> columns_;
  bool writes_;
  bool dirty_ = false;
};

enum class Purpose { create, write, read };

Result<std::unique_ptr<Table>> open_once(const RocksPlace& place, Purpose purpose) {
  rocksdb::Env* disk = place.env != nullptr ? place.env : rocksdb::Env::Default();
  std::unique_ptr<rocksdb::Env> env =
      rocksdb::NewCompositeEnv(std::make_shared<CheckedTables>(disk->GetFileSystem()));
  rocksdb::Options options = options_for(env.get());
  options.create_if_missing = options.create_missing_column_families = purpose == Purpose::create;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> columns;
  rocksdb::Status opened;
  try {
    const auto all = families(place, options);
    opened = purpose == Purpose::read
                 ? rocksdb::DB::OpenForReadOnly(options, place.folder, all, &columns, &db)
                 : rocksdb::DB::Open(options, place.folder, all, &columns, &db);
  } catch (const std::exception& failure) {
    opened = rocksdb::Status::Corruption(failure.what());
  }
  if (!opened.ok()) return to_error(place, opened);
  return std::unique_ptr<Table>(
      std::make_unique<RocksTable>(place, std::move(env), std::unique_ptr<rocksdb::DB>(db),
                                   std::move(columns), purpose != Purpose::read));
}

// Every file by name: a writer that flushes or compacts changes the set.
std::set<std::string> files_in(const std::string& folder) {
  std::set<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator file(folder, failure), end; !failure && file != end;
       file.increment(failure))
    names.insert(file->path().filename().string());
  return names;
}

Status sync_folder(const RocksPlace& place, const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_error(place, "open", folder);
  const bool synced = fsync(fd) == 0 || errno == EINVAL;
  Error failure = errno_error(place, "sync", folder);
  close(fd);
  if (!synced) return failure;
  return {};
}

}  // namespace

Result<bool> rocks_exists(const RocksPlace& place) {
  std::error_code failure;
  const fs::file_status status = fs::status(place.folder, failure);
  if (status.type() == fs::file_type::not_found) return false;
  if (failure) {
    errno = failure.value();
    return errno_error(place, "look at", place.folder);
  }
  const bool empty = fs::is_empty(place.folder, failure);
  if (failure || status.type() != fs::file_type::directory) {
    errno = failure ? failure.value() : ENOTDIR;
    return errno_error(place, "read", place.folder);
  }
  return !empty;
}

Result<std::unique_ptr<Table>> create_rocks(const RocksPlace& place,
                                            const std::function<Status(Table*)>& fill) {
  RocksPlace draft = place;
  draft.folder += ".new";  // left behind by a death here, and made again
  const std::string parent = fs::path(place.folder).parent_path().string();
  std::error_code failure;
  fs::remove_all(draft.folder, failure);
  if (!failure && !parent.empty()) fs::create_directories(parent, failure);
  if (failure) {
    errno = failure.value();
    return errno_error(place, "make", draft.folder);
  }
  if (mkdir(draft.folder.c_str(), 0700) != 0) return errno_error(place, "make", draft.folder);
  {
    std::unique_ptr<Table> table = TRY(open_once(draft, Purpose::create));
    TRY(fill(table.get()));
  }
  TRY(sync_folder(place, draft.folder));
  if (rename(draft.folder.c_str(), place.folder.c_str()) != 0)
    return errno_error(place, "make", place.folder);
  TRY(sync_folder(place, parent.empty() ? "." : parent));
  return open_rocks(place);
}

Result<std::unique_ptr<Table>> open_rocks(const RocksPlace& place) {
  return open_once(place, Purpose::write);
}

Result<std::unique_ptr<Table>> open_rocks_reader(const RocksPlace& place) {
  // A busy writer takes files away between our reading their names and our opening them (55 of 200
  // opens fail so). It may also take away a log whose records we then miss, and RocksDB would not
  // notice: so an open counts only if the set of files was the same before and after. Damage stays
  // damage however often one looks.
  constexpr int kTries = 60;
  std::optional<Error> last;
  int failures_in_peace = 0;
  for (int attempt = 0; attempt < kTries && failures_in_peace < 3; ++attempt) {
    if (attempt > 0) system_clock().sleep(milliseconds(std::min(attempt, 20)));
    const std::set<std::string> before = files_in(place.folder);
    Result<std::unique_ptr<Table>> table = open_once(place, Purpose::read);
    const bool peace = before == files_in(place.folder);
    if (table.ok() && peace) return table;
    if (!table.ok()) {
      last = table.error();
      if (peace) ++failures_in_peace;
    } else {
      last = Error{Code::state_unreadable,
                   place.what + " in `" + place.folder + "` changed whenever it was read",
                   "run the command again when less is being written"};
    }
  }
  return *last;
}

}  // namespace hv::state
