#include "state/ledger.h"

#include <cstring>

#include "base/hash.h"
#include "state/records.h"

namespace hv::state {
namespace {

constexpr std::size_t kDigest = 32;
constexpr std::string_view kHeadKey = "head";
constexpr std::string_view kLinkPrefix = "c";

std::string link_key(uint64_t batch) {
  return std::string(kLinkPrefix) + big_endian(batch);
}

std::string lineage_octets(const Uuid& lineage) {
  return std::string(reinterpret_cast<const char*>(lineage.octets.data()), lineage.octets.size());
}

std::string first_digest(const Uuid& lineage) {
  return sha256("hv state" + lineage_octets(lineage));
}

std::string all_but_digest(const Link& link) {
  return big_endian(link.batch) + big_endian(link.epoch.value) + big_endian(link.serial.value) +
         link.previous + link.writes + link.content.octets();
}

std::string encode_link(const Link& link) {
  return all_but_digest(link) + link.digest;
}

std::optional<Link> decode_link(std::string_view octets) {
  if (octets.size() != 3 * 8 + 4 * kDigest) return std::nullopt;
  auto part = [&](std::size_t length) {
    std::string_view taken = octets.substr(0, length);
    octets.remove_prefix(length);
    return taken;
  };
  Link link;
  link.batch = from_big_endian(part(8));
  link.epoch.value = from_big_endian(part(8));
  link.serial.value = from_big_endian(part(8));
  link.previous = part(kDigest);
  link.writes = part(kDigest);
  link.content = ContentSum::from(part(kDigest));
  link.digest = part(kDigest);
  return link;
}

std::string record_digest(Column column, std::string_view key, std::string_view value) {
  std::string text(1, static_cast<char>(column.index));
  text += big_endian(key.size());
  text += key;
  text += value;
  return sha256(text);
}

std::string writes_digest(const std::vector<TableWrite>& writes) {
  std::string text;
  for (const TableWrite& write : writes) {
    text += static_cast<char>(write.column.index);
    text += big_endian(write.key.size());
    text += write.key;
    text += write.value ? "+" + sha256(*write.value) : "-";
  }
  return sha256(text);
}

Error corrupt(const std::string& what) {
  return {
      Code::state_corrupt, what,
      "`hv state verify` says what is damaged; `hv state rebuild` makes the state anew from the "
      "hosts and the files"};
}

}  // namespace

void ContentSum::add(Column column, std::string_view key, std::string_view value) {
  const ContentSum more = from(record_digest(column, key, value));
  unsigned __int128 carry = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    carry += static_cast<unsigned __int128>(words_[i]) + more.words_[i];
    words_[i] = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
}

void ContentSum::remove(Column column, std::string_view key, std::string_view value) {
  const ContentSum less = from(record_digest(column, key, value));
  uint64_t borrow = 0;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const unsigned __int128 taken = static_cast<unsigned __int128>(less.words_[i]) + borrow;
    borrow = words_[i] < taken ? 1 : 0;
    words_[i] -= static_cast<uint64_t>(taken);
  }
}

std::string ContentSum::octets() const {
  std::string text;
  for (uint64_t word : words_) text += big_endian(word);
  return text;
}

ContentSum ContentSum::from(std::string_view octets) {
  HV_CHECK(octets.size() == kDigest, "a digest of another length");
  ContentSum sum;
  for (std::size_t i = 0; i < sum.words_.size(); ++i)
    sum.words_[i] = from_big_endian(octets.substr(8 * i, 8));
  return sum;
}

Head first_head(const Uuid& lineage) {
  Head head{lineage, Link()};
  head.link.previous = head.link.writes = std::string(kDigest, '\0');
  head.link.digest = first_digest(lineage);
  return head;
}

Link next_link(const Link& before, Link after, const std::vector<TableWrite>& writes) {
  after.batch = before.batch + 1;
  after.previous = before.digest;
  after.writes = writes_digest(writes);
  after.digest = sha256(all_but_digest(after));
  return after;
}

std::vector<TableWrite> head_writes(const Head& head) {
  const std::string link = encode_link(head.link);
  std::vector<TableWrite> writes;
  writes.push_back({column::meta, std::string(kHeadKey), lineage_octets(head.lineage) + link});
  if (head.link.batch != 0) writes.push_back({column::meta, link_key(head.link.batch), link});
  return writes;
}

Result<Head> read_head(const Table& table) {
  const std::optional<std::string> octets = TRY(table.get(column::meta, kHeadKey));
  if (!octets) return corrupt("the state has no head record");
  Head head;
  const std::size_t lineage_size = head.lineage.octets.size();
  std::optional<Link> link;
  if (octets->size() > lineage_size) link = decode_link(std::string_view(*octets).substr(16));
  if (!link) return corrupt("the head record of the state is damaged");
  std::memcpy(head.lineage.octets.data(), octets->data(), lineage_size);
  head.link = *link;
  if (link->batch == 0) {
    if (link->digest != first_digest(head.lineage))
      return corrupt("the head record of the state is damaged");
    return head;
  }
  const std::optional<std::string> last = TRY(table.get(column::meta, link_key(link->batch)));
  if (!last || *last != encode_link(*link) || link->digest != sha256(all_but_digest(*link)))
    return corrupt("the head of the state and its last transition contradict each other");
  return head;
}

bool has_link(const Table& table, const Head& head, uint64_t batch, const std::string& digest) {
  if (batch == head.link.batch) return digest == head.link.digest;
  if (batch == 0) return digest == first_digest(head.lineage);
  const auto octets = table.get(column::meta, link_key(batch));
  if (!octets.ok() || !*octets) return false;
  const std::optional<Link> link = decode_link(**octets);
  return link && link->digest == digest;
}

Status walk_chain(const Table& table, const Head& head, std::vector<std::string>* damage) {
  uint64_t expected = 1;
  std::string previous = first_digest(head.lineage);
  Status walked = table.scan(
      column::meta, kLinkPrefix, [&](std::string_view key, std::string_view value) -> Status {
        const std::optional<Link> link = decode_link(value);
        const std::string name = "transition " + std::to_string(expected);
        if (!link || key != link_key(link->batch) || link->digest != sha256(all_but_digest(*link)))
          damage->push_back(name + ": the record of the chain is damaged");
        else if (link->batch != expected)
          damage->push_back(name + " is missing from the chain");
        else if (link->previous != previous)
          damage->push_back(name + " does not continue the one before it");
        expected = link ? link->batch + 1 : expected + 1;
        previous = link ? link->digest : std::string();
        return {};
      });
  if (!walked.ok()) return walked;
  if (expected != head.link.batch + 1 || previous != head.link.digest)
    damage->push_back("the chain does not end at the head of the state (transition " +
                      std::to_string(head.link.batch) + ")");
  return {};
}

}  // namespace hv::state
