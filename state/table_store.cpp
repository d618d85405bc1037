#include "state/table_store.h"

#include "base/hash.h"
#include "state/records.h"

namespace hv::state {
namespace {

StoreHead public_head(const Head& head) {
  return {head.lineage, head.link.epoch, head.link.serial, head.link.batch,
          to_hex(head.link.digest)};
}

// All of StoreReader, under Store or alone.
template <typename Base>
class OverTable : public Base {
 public:
  OverTable(std::unique_ptr<Table> table, Head head)
      : table_(std::move(table)), head_(std::move(head)) {}

  StoreHead head() const override { return public_head(head_); }
  Result<Applied> applied() const override { return read_applied(*table_); }
  Result<std::vector<JournalEntry>> open_intents() const override {
    return read_open_intents(*table_);
  }
  Result<std::vector<JournalEntry>> journal(const PlanId& plan) const override {
    return read_journal(*table_, plan);
  }
  Result<std::vector<PlanRecord>> history() const override { return read_history(*table_); }
  Result<std::optional<PlanRecord>> plan_record(const PlanId& plan) const override {
    return read_plan_record(*table_, plan);
  }
  Result<std::vector<OperatorWord>> words() const override { return read_words(*table_); }
  Result<std::optional<Observation>> last_observation() const override {
    return read_last_observation(*table_);
  }

 protected:
  std::unique_ptr<Table> table_;
  Head head_;
};

class TableStore final : public OverTable<Store> {
 public:
  TableStore(std::unique_ptr<Table> table, Head head, std::unique_ptr<Mark> mark)
      : OverTable(std::move(table), std::move(head)), mark_(std::move(mark)) {}

  Status commit(const Transition& transition) override {
    if (failed_) return *failed_;
    Head next = head_;
    std::vector<TableWrite> writes;
    bool applied_changed = false;
    for (TableWrite& write : TRY(writes_of(*table_, transition))) {
      const std::optional<std::string> old = TRY(table_->get(write.column, write.key));
      if (old == write.value) continue;
      if (old) next.link.content.remove(write.column, write.key, *old);
      if (write.value) next.link.content.add(write.column, write.key, *write.value);
      applied_changed |= write.column == column::applied || write.column == column::vdisks;
      writes.push_back(std::move(write));
    }
    if (transition.epoch) next.link.epoch = *transition.epoch;
    if (applied_changed) ++next.link.serial.value;
    next.link = next_link(head_.link, next.link, writes);
    for (TableWrite& write : head_writes(next)) writes.push_back(std::move(write));

    Status written = table_->write(writes, transition.sync);
    // Whether a write that failed is on the disk is known only to the next open(), which reads the
    // log again. A second one with the same number could break the chain, so there is none.
    if (!written.ok()) {
      failed_ = written.error();
      return written;
    }
    head_ = std::move(next);
    // Only what a power loss cannot take: the mark may reach the disk before an unsynced log does.
    if (mark_ && transition.sync) mark_->write(head_.link);
    return {};
  }

 private:
  std::optional<Error> failed_;
  std::unique_ptr<Mark> mark_;
};

Result<Head> checked_head(const Table& table, const std::optional<Acknowledged>& acknowledged) {
  Head head = TRY(read_head(table));
  if (acknowledged) TRY(check_mark(table, head, *acknowledged));
  return head;
}

ContentSum content_of(const Table& table, std::vector<std::string>* damage) {
  ContentSum sum;
  for (Column column{1}; column.index < kColumnNames.size(); ++column.index) {
    Status walked = table.scan(column, "", [&](std::string_view key, std::string_view value) {
      sum.add(column, key, value);
      return Status();
    });
    if (!walked.ok()) damage->push_back(walked.error().message);
  }
  return sum;
}

}  // namespace

Status begin_store(Table* table, Random& random) {
  return table->write(head_writes(first_head(uuid_v4(random))), /*sync=*/true);
}

Result<std::unique_ptr<Store>> store_over(std::unique_ptr<Table> table,
                                          const std::optional<Acknowledged>& acknowledged,
                                          std::unique_ptr<Mark> mark) {
  Head head = TRY(checked_head(*table, acknowledged));
  return std::unique_ptr<Store>(
      std::make_unique<TableStore>(std::move(table), std::move(head), std::move(mark)));
}

Result<std::unique_ptr<StoreReader>> reader_over(std::unique_ptr<Table> table,
                                                 const std::optional<Acknowledged>& acknowledged) {
  Head head = TRY(checked_head(*table, acknowledged));
  return std::unique_ptr<StoreReader>(
      std::make_unique<OverTable<StoreReader>>(std::move(table), std::move(head)));
}

VerifyReport verify_table(const Table& table, const std::optional<Acknowledged>& acknowledged) {
  VerifyReport report;
  Status blocks = table.verify_blocks();
  if (!blocks.ok()) report.damage.push_back(blocks.error().message);
  report.records = check_records(table, &report.damage);
  Result<Head> head = read_head(table);
  if (!head.ok()) {
    report.damage.push_back(head.error().message);
    return report;
  }
  report.head = public_head(*head);
  report.transitions = head->link.batch;
  if (acknowledged) {
    Status kept = check_mark(table, *head, *acknowledged);
    if (!kept.ok()) report.damage.push_back(kept.error().message);
  }
  Status walked = walk_chain(table, *head, &report.damage);
  if (!walked.ok()) report.damage.push_back(walked.error().message);
  const std::size_t known = report.damage.size();
  if (content_of(table, &report.damage) != head->link.content && known == report.damage.size())
    report.damage.push_back(
        "a record was altered, added or lost: the content is not the one that transition " +
        std::to_string(report.transitions) + " left");
  return report;
}

}  // namespace hv::state

namespace hv {

std::unique_ptr<Store> make_memory_store(Random& random) {
  auto table = state::make_memory_table();
  Status begun = state::begin_store(table.get(), random);
  HV_CHECK(begun.ok(), "memory refused a write");
  auto store = state::store_over(std::move(table));
  HV_CHECK(store.ok(), "a new store is damaged");
  return std::move(store).value();
}

}  // namespace hv
