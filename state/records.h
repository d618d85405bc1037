// Records: what a transition writes into which column, and how it is read back.
//
// Keys. applied: "r/ADDRESS" a domain, pool or network; "n/ADDRESS" the next identity. vdisks:
// ADDRESS. extents, for each of a vdisk's: STORE, NUL, start (8 octets, big-endian), ADDRESS;
// value: the number of sectors. journal: "i" PLAN NUL OPERATION an intent; "o" OPERATION its
// outcome; "p" OPERATION (value: PLAN) while it has none; "w" and a number (8 octets, big-endian)
// an operator's word. history: PLAN; value: in which order
// plans were first written (8 octets), and the record. observed: "last".
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/store.h"
#include "state/table.h"

namespace hv::state {

namespace column {
inline constexpr Column meta{0}, applied{1}, observed{2}, extents{3}, vdisks{4}, journal{5},
    history{6};
}
inline constexpr std::array<std::string_view, 7> kColumnNames = {
    "meta", "applied", "observed", "extents", "vdisks", "journal", "history"};

std::string big_endian(uint64_t number);
uint64_t from_big_endian(std::string_view octets);  // of 8

// The writes of `transition`, each key once, in the order of columns and keys. Erasing comes before
// putting, so that one transition can replace a resource.
Result<std::vector<TableWrite>> writes_of(const Table& table, const Transition& transition);

Result<Applied> read_applied(const Table& table);
Result<std::vector<JournalEntry>> read_open_intents(const Table& table);
Result<std::vector<JournalEntry>> read_journal(const Table& table, const PlanId& plan);
Result<std::vector<PlanRecord>> read_history(const Table& table);
Result<std::vector<OperatorWord>> read_words(const Table& table);
Result<std::optional<PlanRecord>> read_plan_record(const Table& table, const PlanId& plan);
Result<std::optional<Observation>> read_last_observation(const Table& table);

// Decodes every record and compares the indices with what they index; what is wrong is added to
// `damage`. Returns how many records there are.
uint64_t check_records(const Table& table, std::vector<std::string>* damage);

}  // namespace hv::state
