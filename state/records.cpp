#include "state/records.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "hv/model/codec.h"

namespace hv::state {
namespace {

constexpr char kNul = '\0';
constexpr std::string_view kLast = "last";

std::string record_key(const Address& address) {
  return "r/" + to_string(address);
}
std::string generation_key(const Address& address) {
  return "n/" + to_string(address);
}
std::string intent_prefix(const PlanId& plan) {
  return "i" + plan.text + kNul;
}
std::string outcome_key(const OperationId& id) {
  return "o" + id.text;
}
std::string pending_key(const OperationId& id) {
  return "p" + id.text;
}

Error corrupt(const std::string& what) {
  return {Code::state_corrupt, what, "`hv state verify` says what else is damaged"};
}

// A record that cannot be read, with its name before the codec's words.
template <typename T>
Result<T> decode_record(std::string_view column, std::string_view key, std::string_view value) {
  Result<T> record = decode<T>(value);
  if (record.ok()) return record;
  return std::move(record).error().within(std::string(column) + " `" + std::string(key) + "`");
}

Result<Address> address_in(std::string_view text) {
  std::optional<Address> address = parse_address(text);
  if (!address) return corrupt("a record with the impossible address `" + std::string(text) + "`");
  return *std::move(address);
}

std::map<std::string, std::string> extent_rows(const AppliedVdisk& vdisk) {
  std::map<std::string, std::string> rows;
  for (const Extent& extent : vdisk.extents) {
    std::string key = extent.store.text + kNul;
    key += big_endian(static_cast<uint64_t>(extent.start.count));
    key += to_string(vdisk.spec.address);
    rows[key] = big_endian(static_cast<uint64_t>(extent.count.count));
  }
  return rows;
}

// "w" and a number, as people read it.
std::string word_name(std::string_view key) {
  return key.size() == 9 ? "w" + std::to_string(from_big_endian(key.substr(1))) : std::string("w");
}

class Writes {
 public:
  explicit Writes(const Table& table) : table_(table) {}

  void set(Column column, std::string key, std::optional<std::string> value) {
    rows_[{column, std::move(key)}] = std::move(value);
  }

  Status erase(const Address& address) {
    if (address.kind != Kind::vdisk) {
      set(column::applied, record_key(address), std::nullopt);
      return {};
    }
    const std::string key = to_string(address);
    const std::optional<std::string> old = TRY(table_.get(column::vdisks, key));
    if (!old) return {};
    const AppliedVdisk vdisk = TRY(decode_record<AppliedVdisk>("vdisks", key, *old));
    for (const auto& [row, count] : extent_rows(vdisk)) set(column::extents, row, std::nullopt);
    set(column::vdisks, key, std::nullopt);
    return {};
  }

  Status put(const AppliedVdisk& vdisk) {
    TRY(erase(vdisk.spec.address));  // the extents it had before, or a line above
    std::map<std::string, std::string>& rows = extents_put_[vdisk.spec.address];
    for (const auto& [row, count] : rows) set(column::extents, row, std::nullopt);
    rows = extent_rows(vdisk);
    for (const auto& [row, count] : rows) set(column::extents, row, count);
    set(column::vdisks, to_string(vdisk.spec.address), encode(vdisk));
    return {};
  }

  void begin(const Intent& intent) {
    set(column::journal, intent_prefix(intent.plan) + intent.id.text, encode(intent));
    set(column::journal, pending_key(intent.id), intent.plan.text);
    set(column::journal, outcome_key(intent.id), std::nullopt);
  }

  Status settle(const Outcome& outcome) {
    const std::string pending = pending_key(outcome.id), settled = outcome_key(outcome.id);
    if (!has(pending) && !TRY(table_.get(column::journal, pending)) &&
        !TRY(table_.get(column::journal, settled)))
      return corrupt("an outcome for the operation `" + outcome.id.text +
                     "`, which the journal does not know");
    set(column::journal, pending, std::nullopt);
    set(column::journal, settled, encode(outcome));
    return {};
  }

  Status say(const std::vector<OperatorWord>& words) {
    if (words.empty()) return {};
    uint64_t next = 0;
    TRY(table_.scan(column::journal, "w", [&](std::string_view key, std::string_view) -> Status {
      if (key.size() == 9) next = from_big_endian(key.substr(1)) + 1;
      return {};
    }));
    for (const OperatorWord& word : words)
      set(column::journal, "w" + big_endian(next++), encode(word));
    return {};
  }

  Status put(const PlanRecord& plan) {
    const std::optional<std::string> old = TRY(table_.get(column::history, plan.id.text));
    std::string order;
    if (old && old->size() >= 8) {
      order = old->substr(0, 8);
    } else {
      uint64_t next = 0;
      TRY(table_.scan(column::history, "", [&](std::string_view, std::string_view other) -> Status {
        if (other.size() >= 8) next = std::max(next, from_big_endian(other.substr(0, 8)) + 1);
        return {};
      }));
      order = big_endian(next);
    }
    set(column::history, plan.id.text, order + encode(plan));
    return {};
  }

  std::vector<TableWrite> take() && {
    std::vector<TableWrite> writes;
    writes.reserve(rows_.size());
    for (auto& [place, value] : rows_)
      writes.push_back({place.first, place.second, std::move(value)});
    return writes;
  }

 private:
  bool has(const std::string& journal_key) const {
    auto found = rows_.find({column::journal, journal_key});
    return found != rows_.end() && found->second.has_value();
  }

  const Table& table_;
  std::map<Address, std::map<std::string, std::string>> extents_put_;
  std::map<std::pair<Column, std::string>, std::optional<std::string>> rows_;
};

void in_order(std::vector<JournalEntry>* entries) {
  std::sort(entries->begin(), entries->end(), [](const JournalEntry& a, const JournalEntry& b) {
    return std::tie(a.intent.begun, a.intent.step, a.intent.id) <
           std::tie(b.intent.begun, b.intent.step, b.intent.id);
  });
}

Result<std::pair<uint64_t, PlanRecord>> plan_in(std::string_view key, std::string_view value) {
  if (value.size() < 8) return corrupt("history `" + std::string(key) + "`: a record is damaged");
  PlanRecord plan = TRY(decode_record<PlanRecord>("history", key, value.substr(8)));
  return std::pair(from_big_endian(value.substr(0, 8)), std::move(plan));
}

Status read_applied_row(std::string_view key, std::string_view value, Applied* applied) {
  const Address address = TRY(address_in(key.substr(std::min<std::size_t>(2, key.size()))));
  if (key.starts_with("n/")) {
    if (value.size() != 8)
      return corrupt("applied `" + std::string(key) + "`: a record is damaged");
    applied->next_generation[address] = static_cast<uint32_t>(from_big_endian(value));
    return {};
  }
  switch (address.kind) {
    case Kind::domain:
      applied->domains[address] = TRY(decode_record<AppliedDomain>("applied", key, value));
      return {};
    case Kind::pool:
      applied->pools[address] = TRY(decode_record<AppliedPool>("applied", key, value));
      return {};
    case Kind::network:
      applied->networks[address] = TRY(decode_record<NetworkSpec>("applied", key, value));
      return {};
    case Kind::vdisk:
      break;
  }
  return corrupt("applied `" + std::string(key) + "` is a virtual disk in the wrong place");
}

// Walks all columns for check_records(); every complaint is kept, none ends the walk.
class Check {
 public:
  Check(const Table& table, std::vector<std::string>* damage) : table_(table), damage_(damage) {}

  uint64_t run() {
    walk(column::applied, [&](std::string_view key, std::string_view value) {
      Applied alone;
      expect(read_applied_row(key, value, &alone));
      for (const auto& [address, domain] : alone.domains) same(address, domain.spec.address);
      for (const auto& [address, pool] : alone.pools) same(address, pool.spec.address);
      for (const auto& [address, network] : alone.networks) same(address, network.address);
    });
    walk(column::vdisks, [&](std::string_view key, std::string_view value) {
      auto vdisk = expect(decode_record<AppliedVdisk>("vdisks", key, value));
      if (!vdisk) return;
      if (to_string(vdisk->spec.address) != key) complain("vdisks", key, "lies under another name");
      extents_.merge(extent_rows(*vdisk));
    });
    walk(column::extents, [&](std::string_view key, std::string_view value) {
      auto expected = extents_.extract(std::string(key));
      if (expected.empty() || expected.mapped() != value)
        damage_->push_back("extents: an entry that no virtual disk has");
    });
    for (const auto& [key, value] : extents_)
      damage_->push_back("extents: an entry of `" + key.substr(key.find(kNul) + 9) + "` is lost");
    walk(column::journal, [&](std::string_view key, std::string_view value) { look(key, value); });
    for (const std::string& id : intents_)
      if (pending_.count(id) == outcomes_.count(id))
        complain("journal", id, "is neither open nor settled");
    walk(column::history,
         [&](std::string_view key, std::string_view value) { expect(plan_in(key, value)); });
    walk(column::observed, [&](std::string_view key, std::string_view value) {
      expect(decode_record<Observation>("observed", key, value));
    });
    return records_;
  }

 private:
  template <typename Look>
  void walk(Column column, Look look) {
    Status walked = table_.scan(column, "", [&](std::string_view key, std::string_view value) {
      ++records_;
      look(key, value);
      return Status();
    });
    if (!walked.ok())
      damage_->push_back(std::string(kColumnNames[column.index]) + ": " + walked.error().message);
  }

  void look(std::string_view key, std::string_view value) {
    const std::string rest(key.substr(std::min<std::size_t>(1, key.size())));
    if (key.starts_with("i")) {
      auto intent = expect(decode_record<Intent>("journal", rest, value));
      if (!intent) return;
      if (intent_prefix(intent->plan) + intent->id.text != key)
        complain("journal", intent->id.text, "lies under another name");
      intents_.insert(intent->id.text);
    } else if (key.starts_with("o")) {
      auto outcome = expect(decode_record<Outcome>("journal", rest, value));
      if (outcome && outcome->id.text != rest) complain("journal", rest, "has another's outcome");
      outcomes_.insert(rest);
    } else if (key.starts_with("p")) {
      pending_.insert(rest);
      auto intent = table_.get(column::journal, intent_prefix(PlanId{std::string(value)}) + rest);
      if (intent.ok() && !*intent) complain("journal", rest, "is open and its intent is lost");
    } else if (key.starts_with("w")) {
      expect(decode_record<OperatorWord>("journal", word_name(key), value));
    } else {
      complain("journal", key, "is no kind of record");
    }
  }

  template <typename T>
  std::optional<T> expect(Result<T> result) {
    if (result.ok()) return std::move(result).value();
    damage_->push_back(result.error().message);
    return std::nullopt;
  }
  void expect(const Status& status) {
    if (!status.ok()) damage_->push_back(status.error().message);
  }
  void same(const Address& key, const Address& address) {
    if (key != address) complain("applied", to_string(key), "lies under another name");
  }
  void complain(std::string_view column, std::string_view key, std::string_view what) {
    damage_->push_back(std::string(column) + " `" + std::string(key) + "` " + std::string(what));
  }

  const Table& table_;
  std::vector<std::string>* damage_;
  uint64_t records_ = 0;
  std::map<std::string, std::string> extents_;
  std::set<std::string> intents_, outcomes_, pending_;
};

}  // namespace

std::string big_endian(uint64_t number) {
  std::string octets(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8)
    octets[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
  return octets;
}

uint64_t from_big_endian(std::string_view octets) {
  HV_CHECK(octets.size() == 8, "a number of another length");
  uint64_t number = 0;
  for (char octet : octets) number = number << 8 | static_cast<uint8_t>(octet);
  return number;
}

Result<std::vector<TableWrite>> writes_of(const Table& table, const Transition& transition) {
  Writes writes(table);
  for (const Address& address : transition.erase) TRY(writes.erase(address));
  for (const AppliedDomain& domain : transition.put_domains)
    writes.set(column::applied, record_key(domain.spec.address), encode(domain));
  for (const AppliedPool& pool : transition.put_pools)
    writes.set(column::applied, record_key(pool.spec.address), encode(pool));
  for (const NetworkSpec& network : transition.put_networks)
    writes.set(column::applied, record_key(network.address), encode(network));
  for (const AppliedVdisk& vdisk : transition.put_vdisks) TRY(writes.put(vdisk));
  for (const auto& [address, next] : transition.generations)
    writes.set(column::applied, generation_key(address), big_endian(next));
  for (const Intent& intent : transition.intents) writes.begin(intent);
  for (const Outcome& outcome : transition.outcomes) TRY(writes.settle(outcome));
  TRY(writes.say(transition.words));
  if (transition.plan) TRY(writes.put(*transition.plan));
  if (transition.observed)
    writes.set(column::observed, std::string(kLast), encode(*transition.observed));
  return std::move(writes).take();
}

Result<Applied> read_applied(const Table& table) {
  Applied applied;
  TRY(table.scan(column::applied, "", [&](std::string_view key, std::string_view value) {
    return read_applied_row(key, value, &applied);
  }));
  const Table::Visit visit = [&](std::string_view key, std::string_view value) -> Status {
    Address address = TRY(address_in(key));
    applied.vdisks[address] = TRY(decode_record<AppliedVdisk>("vdisks", key, value));
    return {};
  };
  TRY(table.scan(column::vdisks, "", visit));
  return applied;
}

Result<std::vector<JournalEntry>> read_open_intents(const Table& table) {
  std::vector<JournalEntry> entries;
  const Table::Visit visit = [&](std::string_view key, std::string_view value) -> Status {
    const std::string intent_key =
        intent_prefix(PlanId{std::string(value)}) + std::string(key.substr(1));
    const std::optional<std::string> intent = TRY(table.get(column::journal, intent_key));
    if (!intent)
      return corrupt("the intent of the open operation `" + std::string(key.substr(1)) +
                     "` is lost");
    entries.push_back({TRY(decode_record<Intent>("journal", key.substr(1), *intent)), {}});
    return {};
  };
  TRY(table.scan(column::journal, "p", visit));
  in_order(&entries);
  return entries;
}

Result<std::vector<JournalEntry>> read_journal(const Table& table, const PlanId& plan) {
  std::vector<JournalEntry> entries;
  const std::string prefix = intent_prefix(plan);
  const Table::Visit visit = [&](std::string_view key, std::string_view value) -> Status {
    const std::string id(key.substr(prefix.size()));
    JournalEntry entry{TRY(decode_record<Intent>("journal", id, value)), {}};
    const std::optional<std::string> outcome =
        TRY(table.get(column::journal, outcome_key(OperationId{id})));
    if (outcome) entry.outcome = TRY(decode_record<Outcome>("journal", id, *outcome));
    entries.push_back(std::move(entry));
    return {};
  };
  TRY(table.scan(column::journal, prefix, visit));
  in_order(&entries);
  return entries;
}

Result<std::vector<PlanRecord>> read_history(const Table& table) {
  std::vector<std::pair<uint64_t, PlanRecord>> plans;
  const Table::Visit visit = [&](std::string_view key, std::string_view value) -> Status {
    plans.push_back(TRY(plan_in(key, value)));
    return {};
  };
  TRY(table.scan(column::history, "", visit));
  std::sort(plans.begin(), plans.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<PlanRecord> newest_first;
  for (auto& [order, plan] : plans) newest_first.push_back(std::move(plan));
  return newest_first;
}

Result<std::vector<OperatorWord>> read_words(const Table& table) {
  std::vector<OperatorWord> words;
  const Table::Visit visit = [&](std::string_view key, std::string_view value) -> Status {
    words.push_back(TRY(decode_record<OperatorWord>("journal", word_name(key), value)));
    return {};
  };
  TRY(table.scan(column::journal, "w", visit));
  return words;
}

Result<std::optional<PlanRecord>> read_plan_record(const Table& table, const PlanId& plan) {
  const std::optional<std::string> value = TRY(table.get(column::history, plan.text));
  if (!value) return std::optional<PlanRecord>();
  return std::optional(TRY(plan_in(plan.text, *value)).second);
}

Result<std::optional<Observation>> read_last_observation(const Table& table) {
  const std::optional<std::string> value = TRY(table.get(column::observed, kLast));
  if (!value) return std::optional<Observation>();
  return std::optional(TRY(decode_record<Observation>("observed", kLast, *value)));
}

uint64_t check_records(const Table& table, std::vector<std::string>* damage) {
  return Check(table, damage).run();
}

}  // namespace hv::state
