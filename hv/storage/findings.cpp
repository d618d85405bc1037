#include "hv/storage/findings.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "hv/storage/names.h"

namespace hv {
namespace {

// How many sharers a note's sentence names; its accesses are all of them.
constexpr std::size_t kNamedInSentence = 6;

enum class PartyKind : uint8_t { domain, dom0, unmanaged, other };

PartyKind kind_of(const Party& party) {
  if (party.text.starts_with("domain.")) return PartyKind::domain;
  if (party.text.starts_with("dom0.")) return PartyKind::dom0;
  if (party.text.starts_with("unmanaged.")) return PartyKind::unmanaged;
  return PartyKind::other;
}

std::string short_name(const Party& party) {
  switch (kind_of(party)) {
    case PartyKind::domain:
      return party.text.substr(7);
    case PartyKind::dom0:
      return "dom0 of " + party.text.substr(5);
    case PartyKind::unmanaged: {
      const std::size_t slash = party.text.find('/');
      return slash == std::string::npos ? party.text : party.text.substr(slash + 1);
    }
    case PartyKind::other:
      break;
  }
  return party.text;
}

std::string article_name(const Party& party) {
  switch (kind_of(party)) {
    case PartyKind::domain:
      return "a domain";
    case PartyKind::dom0:
      return "dom0";
    case PartyKind::unmanaged:
      return "an unmanaged domain";
    case PartyKind::other:
      break;
  }
  return "another project";
}

std::string levels(int level, int permitted) {
  return " (level " + std::to_string(level) + ", permitted " + std::to_string(permitted) + ")";
}

// "two domains would write the same sectors", "a domain would read what dom0 writes".
std::string what_happens(const Access& a, const Access& b, int level) {
  const bool both_domains =
      kind_of(a.party) == PartyKind::domain && kind_of(b.party) == PartyKind::domain;
  if (level == 2) {
    const std::string who =
        both_domains ? "two domains" : article_name(a.party) + " and " + article_name(b.party);
    return who + " would write the same sectors";
  }
  const Access& reader = writes(a.mode) ? b : a;
  const Access& writer = writes(a.mode) ? a : b;
  return article_name(reader.party) + " would read what " +
         (both_domains ? "another" : article_name(writer.party)) + " writes";
}

std::string key_in_toml(const std::string& name) {
  const bool bare = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return bare && !name.empty() ? name : "\"" + name + "\"";
}

// What the doubt is about: a name, or two devices ("xen1/sdb").
struct Doubt {
  std::string name, first, second;
};
Doubt doubt_of(const StoreId& store) {
  Doubt doubt;
  std::string text = store.text.substr(store.text.find(':') + 1);
  if (text.starts_with("name:")) {
    doubt.name = text.substr(text.find(':', 5) + 1);
    return doubt;
  }
  // What lies on the two carries more words around them.
  const std::size_t equals = text.find('=');
  doubt.first = text.substr(0, equals);
  doubt.first = doubt.first.substr(doubt.first.rfind(':') + 1);
  doubt.second = equals == std::string::npos ? "" : text.substr(equals + 1);
  doubt.second = doubt.second.substr(0, doubt.second.find('@'));
  return doubt;
}

void add_words_of_operator(const UnsafePair& pair, const Access& a, const Access& b,
                           std::vector<std::string>& ways) {
  std::string name = name_in(pair.overlap.store);
  if (is_maybe(pair.overlap.store)) {
    const Doubt doubt = doubt_of(pair.overlap.store);
    name = doubt.name.empty() ? doubt.first.substr(doubt.first.find('/') + 1) : doubt.name;
  }
  if (a.host == b.host)
    ways.push_back("join the two by multipath, or give the disks ids of their own");
  else
    ways.push_back("`[stores." + key_in_toml(name) +
                   "] local = true` in hv.toml if each host has its own");
}

// What would end the host's own access, by what it is.
std::string way_out_of_dom0(const Access& access) {
  const std::string dom0 = short_name(access.party);
  const std::string what = access.path.empty() ? "" : access.path.front();
  if (what.find(" mounted on ") != std::string::npos) return "unmount it in " + dom0;
  if (what == "swap space") return "`swapoff` it in " + dom0;
  if (what.empty()) return "release it in " + dom0;
  return "end its use by " + dom0 + ": " + what;
}

// A file behind the top of a disk: whatever is permitted, nobody may write it.
bool is_behind_another(const Access& access) {
  return access.path.size() > 1 && access.path[1].starts_with("backing file ");
}

void add_ways_out(const UnsafePair& pair, const Access& a, const Access& b, Finding& finding) {
  auto& ways = finding.ways_out;
  if (pair.code == Code::same_sectors_twice) {
    ways.push_back("give " + short_name(a.party) + " one of the two only");
    if (pair.level == 2) ways.push_back("make one of them `r`, and permit level 1");
    return;
  }
  if (pair.code == Code::maybe_same_store) add_words_of_operator(pair, a, b, ways);
  for (const Access* side : {&a, &b}) {
    const PartyKind kind = kind_of(side->party);
    if (kind == PartyKind::dom0) ways.push_back(way_out_of_dom0(*side));
    if (kind == PartyKind::unmanaged)
      ways.push_back("stop " + short_name(side->party) + " on " + side->host.text +
                     ", or declare and adopt it");
    if (kind == PartyKind::other) ways.push_back("release it there first");
  }
  if (kind_of(a.party) != PartyKind::domain || kind_of(b.party) != PartyKind::domain) return;
  if (is_behind_another(a) || is_behind_another(b)) {
    const std::string writer = short_name((writes(a.mode) ? a : b).party);
    ways.push_back("give " + writer + " an image of its own on top of it");
    ways.push_back("give " + writer + " a full copy");
    return;
  }
  if (pair.level == 2) {
    ways.push_back("make one side `r`, and permit level 1 on both");
    ways.push_back("give " + short_name(b.party) + " a snapshot");
    ways.push_back("`shareable` if a cluster filesystem is on it");
  } else {
    ways.push_back("permit level 1 on both (`sharing = 1`)");
    ways.push_back("give " + short_name(writes(a.mode) ? b.party : a.party) + " a snapshot");
  }
}

// Whose word it is that several may write.
std::vector<std::string> words_for_writers(const SharingGroup& group,
                                           const std::vector<Access>& accesses) {
  std::size_t marked = 0, granted = 0, expert = 0;
  for (uint32_t member : group.members) {
    const Access& access = accesses[member];
    marked += access.mode == AccessMode::write_shared ? 1 : 0;
    granted += access.grants.empty() ? 0 : 1;
    expert += access.permitted == 2 ? 1 : 0;
  }
  std::vector<std::string> words;
  if (marked > 1) words.push_back("by the word of `w!` on both sides");
  if (granted > 1) words.push_back("by the word of `shareable`");
  if (expert > 1) words.push_back("by the word of `sharing = 2` on both sides");
  return words;
}

std::string list_names(const std::set<std::string>& names) {
  std::string text;
  std::size_t said = 0;
  for (const std::string& name : names) {
    const bool last_slot = said + 1 == kNamedInSentence && names.size() > kNamedInSentence;
    if (last_slot) return text + " and " + std::to_string(names.size() - said) + " more";
    if (said != 0) text += said + 1 == names.size() ? " and " : ", ";
    text += name;
    ++said;
  }
  return text;
}

bool comes_first(const Access& a, const Access& b) {
  return std::tuple(!a.place.valid(), a.place, a.party, a.device, a.host) <
         std::tuple(!b.place.valid(), b.place, b.party, b.device, b.host);
}

// What shall be, against what is.
bool is_future(AccessOrigin origin) {
  switch (origin) {
    case AccessOrigin::desired:
    case AccessOrigin::plan:
      return true;
    case AccessOrigin::live:
    case AccessOrigin::latent:
    case AccessOrigin::claim:
    case AccessOrigin::intent:
      return false;
  }
  return false;
}

}  // namespace

bool is_sharing(const Access& a, const Access& b) {
  if (a.party != b.party) return true;
  return a.device != b.device && is_future(a.origin) == is_future(b.origin);
}

bool in_doubt(const Access& a, const Access& b, const StoreId& store) {
  return is_twin(store) || (a.host != b.host && (is_bare_name(store) || is_maybe(store)));
}

Code code_of_pair(const Access& a, const Access& b, int level, const StoreId& store) {
  if (a.party == b.party) return Code::same_sectors_twice;
  if (in_doubt(a, b, store)) return Code::maybe_same_store;
  return level == 2 ? Code::unsafe_write_sharing : Code::unsafe_read_sharing;
}

Severity severity_of_pair(const Access& a, const Access& b, const StoreId& store,
                          const StorageContext& context) {
  if (a.dormant || b.dormant) return Severity::note;
  if (in_doubt(a, b, store) && (a.host == b.host || !context.unresolved_is_error))
    return Severity::warning;
  return Severity::error;
}

namespace {

// " if `sdb` is one disk on xen1 and xen2"
std::string doubt_in_words(const UnsafePair& pair, const Access& a, const Access& b) {
  if (!is_maybe(pair.overlap.store))
    return " if `" + name_in(pair.overlap.store) + "` is one disk on " + a.host.text + " and " +
           b.host.text;
  const Doubt doubt = doubt_of(pair.overlap.store);
  if (!doubt.name.empty())
    return " if `" + doubt.name + "` is one disk on " + a.host.text + " and " + b.host.text;
  return " if `" + doubt.first + "` and `" + doubt.second + "` are one disk";
}

}  // namespace

Finding describe(const UnsafePair& pair, const std::vector<Access>& accesses,
                 const StorageContext& context) {
  const Access* a = &accesses[pair.first];
  const Access* b = &accesses[pair.second];
  if (comes_first(*b, *a)) std::swap(a, b);
  Finding finding;
  finding.code = pair.code;
  finding.severity = severity_of_pair(*a, *b, pair.overlap.store, context);
  finding.level = pair.level;
  finding.permitted = pair.permitted;
  finding.overlap = pair.overlap;
  finding.accesses = {*a, *b};
  if (pair.code == Code::same_sectors_twice) {
    finding.message = "domain `" + short_name(a->party) + "` has the same sectors twice, as `" +
                      a->device + "` and as `" + b->device + "`";
  } else {
    finding.message = what_happens(*a, *b, pair.level);
  }
  if (pair.code == Code::maybe_same_store) finding.message += doubt_in_words(pair, *a, *b);
  if (a->dormant || b->dormant) {
    finding.message += ", once " + short_name((a->dormant ? a : b)->party) + " is started";
  }
  finding.message += levels(pair.level, pair.permitted);
  add_ways_out(pair, *a, *b, finding);
  if (pair.places > 1)
    finding.notes.push_back("the largest of " + std::to_string(pair.places) + " overlaps is shown");
  if (pair.not_shown > 0)
    finding.notes.push_back(std::to_string(pair.not_shown) +
                            " more overlaps in this stretch of the disk are not listed");
  return finding;
}

Finding describe_pair(const Access& a, const Access& b, int level, int permitted,
                      const Overlap& where, const StorageContext& context) {
  UnsafePair pair;
  pair.second = 1;
  pair.code = code_of_pair(a, b, level, where.store);
  pair.level = level;
  pair.permitted = permitted;
  pair.overlap = where;
  return describe(pair, {a, b}, context);
}

std::optional<Finding> describe(const SharingGroup& group, const std::vector<Access>& accesses) {
  // One access a device: what is desired stands for what is live of the same VBD.
  std::map<std::pair<Party, std::string>, const Access*> sharers;
  std::set<Party> parties;
  bool twice = false;
  for (uint32_t member : group.members) {
    const Access& access = accesses[member];
    auto [it, is_new] = sharers.try_emplace({access.party, access.device}, &access);
    if (!is_new && comes_first(access, *it->second)) it->second = &access;
    parties.insert(access.party);
  }
  if (parties.size() == 1) {
    for (const auto& [id, one] : sharers)
      twice = twice || is_sharing(*one, *sharers.begin()->second);
    if (!twice) return std::nullopt;
  }
  Finding finding;
  finding.code = twice ? Code::same_sectors_twice : Code::permitted_sharing;
  finding.severity = Severity::note;
  finding.level = group.level;
  finding.permitted = group.level;
  finding.overlap = group.overlap;
  for (const auto& [id, access] : sharers) finding.accesses.push_back(*access);
  std::stable_sort(finding.accesses.begin(), finding.accesses.end(),
                   [](const Access& a, const Access& b) {
                     if (writes(a.mode) != writes(b.mode)) return writes(a.mode);
                     return comes_first(a, b);
                   });
  std::set<std::string> names;
  for (const Party& party : parties) names.insert(short_name(party));
  if (twice)
    finding.message = *names.begin() + " has the same sectors on " +
                      std::to_string(sharers.size()) + " devices, as permitted";
  else
    finding.message = list_names(names) + (group.level == 2 ? " write" : " share") +
                      " the same sectors, as permitted";
  finding.message += " (level " + std::to_string(group.level) + ")";
  if (group.level == 2) finding.notes = words_for_writers(group, accesses);
  if (group.places > 1)
    finding.notes.push_back("the largest of " + std::to_string(group.places) +
                            " stretches is shown");
  return finding;
}

std::vector<Finding> name_warnings(const std::vector<Access>& accesses,
                                   const StorageContext& context) {
  struct Seen {
    const Access* first = nullptr;
    const Access* other = nullptr;  // of another store
    std::unordered_set<std::string_view> stores;
    bool written = false;
  };
  std::map<HostName, Seen> hosts;
  for (const Access& access : accesses) {
    if (context.exact_names.contains(access.host)) continue;
    if (context.map != nullptr && context.map->find(access.host) != nullptr) continue;
    Seen* found = nullptr;
    std::string_view last;
    for (const Extent& extent : access.extents) {
      if (extent.resolved || extent.store.text == last || is_maybe(extent.store)) continue;
      last = extent.store.text;
      if (found == nullptr) found = &hosts[access.host];
      Seen& seen = *found;
      seen.written = seen.written || writes(access.mode);
      if (!seen.stores.insert(last).second) continue;
      if (seen.first == nullptr)
        seen.first = &access;
      else if (seen.other == nullptr)
        seen.other = &access;
    }
  }
  std::vector<Finding> findings;
  for (const auto& [host, seen] : hosts) {
    // One name, or readers alone, leave nothing to be hidden.
    if (seen.stores.size() < 2 || !seen.written) continue;
    Finding finding;
    finding.code = Code::compared_by_name;
    finding.severity = Severity::warning;
    finding.message = "the " + std::to_string(seen.stores.size()) + " disks on " + host.text +
                      " are told apart by their names only";
    finding.accesses = {*seen.first, *seen.other};
    finding.ways_out.push_back("`hv inventory " + host.text + " -o inventory/" + host.text +
                               ".json` gathers what they really are");
    findings.push_back(std::move(finding));
  }
  return findings;
}

void sort_findings(std::vector<Finding>& findings) {
  auto key = [](const Finding& finding) {
    static const Access kNobody;
    const Access& first = finding.accesses.empty() ? kNobody : finding.accesses.front();
    const Access& second = finding.accesses.size() < 2 ? kNobody : finding.accesses[1];
    return std::tuple(static_cast<int>(finding.severity), !first.place.valid(),
                      std::cref(first.place), static_cast<int>(finding.code),
                      -finding.level.value_or(0), std::cref(first.party), std::cref(first.device),
                      std::cref(second.party), std::cref(second.device));
  };
  std::stable_sort(findings.begin(), findings.end(), [&](const Finding& a, const Finding& b) {
    auto [sa, va, pa, ca, la, qa, da, ra, ea] = key(a);
    auto [sb, vb, pb, cb, lb, qb, db, rb, eb] = key(b);
    return std::tie(sa, va, pa.get(), ca, la, qa.get(), da.get(), ra.get(), ea.get()) <
           std::tie(sb, vb, pb.get(), cb, lb, qb.get(), db.get(), rb.get(), eb.get());
  });
}

}  // namespace hv
