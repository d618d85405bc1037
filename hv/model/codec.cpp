// The only file that sees protobuf's generated code.
//
// A record is the message followed by eight bytes of check sum: protobuf takes almost any bytes for
// some message, so without it a flipped bit would be another value and not an error.
#include "hv/model/codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "schemas/records.pb.h"

namespace hv {
namespace {

using Peak = Proof::Peak;
using Texts = std::vector<std::string>;
using Sizes = std::map<std::string, Bytes>;
using Uses = std::vector<HostUse>;

// A value inside a value takes up to three levels of messages. Far above what the language lets
// nest, far below what a stack takes.
constexpr int kNesting = 3000;

// --- The list against the structs: each has as many members as the list names.

#define HV_RECORD(type) constexpr int kFieldsOf##type = 0
#define PLAIN(name) +1
#define MAYBE(name) +1
#define PLAINS(name) +1
#define RECORD(name) +1
#define MAYBE_RECORD(name) +1
#define RECORDS(name) +1
#define HV_END(type, members)                    \
  ;                                              \
  static_assert(kFieldsOf##type == members);     \
  void put(const type& value, pb::type* record); \
  bool take(const pb::type& record, type* value);
#include "hv/model/codec.def"
#undef HV_RECORD
#undef PLAIN
#undef MAYBE
#undef PLAINS
#undef RECORD
#undef MAYBE_RECORD
#undef RECORDS
#undef HV_END

#define HV_NAMES_2 m1, m2
#define HV_NAMES_3 HV_NAMES_2, m3
#define HV_NAMES_4 HV_NAMES_3, m4
#define HV_NAMES_5 HV_NAMES_4, m5
#define HV_NAMES_6 HV_NAMES_5, m6
#define HV_NAMES_7 HV_NAMES_6, m7
#define HV_NAMES_8 HV_NAMES_7, m8
#define HV_NAMES_9 HV_NAMES_8, m9
#define HV_NAMES_10 HV_NAMES_9, m10
#define HV_NAMES_11 HV_NAMES_10, m11
#define HV_NAMES_12 HV_NAMES_11, m12
#define HV_NAMES_13 HV_NAMES_12, m13
#define HV_NAMES_14 HV_NAMES_13, m14
#define HV_NAMES_15 HV_NAMES_14, m15
#define HV_NAMES_16 HV_NAMES_15, m16
#define HV_NAMES_17 HV_NAMES_16, m17
#define HV_NAMES_18 HV_NAMES_17, m18
#define HV_NAMES_19 HV_NAMES_18, m19
#define HV_NAMES_20 HV_NAMES_19, m20
#define HV_NAMES_21 HV_NAMES_20, m21
#define HV_NAMES_22 HV_NAMES_21, m22
#define HV_NAMES_23 HV_NAMES_22, m23
#define HV_NAMES_24 HV_NAMES_23, m24

// --- Scalars: what stands in the message, and back. Reading is false for what cannot be.

template <typename Enum>
constexpr Enum kLast = Enum{};
template <>
constexpr Severity kLast<Severity> = Severity::note;
template <>
constexpr AccessMode kLast<AccessMode> = AccessMode::write_shared;
template <>
constexpr AccessOrigin kLast<AccessOrigin> = AccessOrigin::plan;
template <>
constexpr OnRestartNeeded kLast<OnRestartNeeded> = OnRestartNeeded::fail;
template <>
constexpr StopBy kLast<StopBy> = StopBy::destroy;
template <>
constexpr PowerState kLast<PowerState> = PowerState::missing;
template <>
constexpr Scrub kLast<Scrub> = Scrub::never;
template <>
constexpr Op kLast<Op> = Op::domain_migrate;
template <>
constexpr RecordKind kLast<RecordKind> = RecordKind::update;
template <>
constexpr Action kLast<Action> = Action::forget;
template <>
constexpr How kLast<How> = How::bookkeeping;
template <>
constexpr Downtime kLast<Downtime> = Downtime::gone;
template <>
constexpr OutcomeKind kLast<OutcomeKind> = OutcomeKind::abandoned;
template <>
constexpr WordKind kLast<WordKind> = WordKind::unclaimed;

template <typename T>
concept IsQuantity = std::is_base_of_v<Quantity<T>, T>;
template <typename T>
concept IsWord = std::is_enum_v<T> && !std::is_same_v<T, Code>;

const std::string& wire(const std::string& text) {
  return text;
}
template <typename Tag>
const std::string& wire(const StringId<Tag>& id) {
  return id.text;
}
template <typename Tag>
uint64_t wire(const NumberId<Tag>& id) {
  return id.value;
}
template <IsQuantity T>
int64_t wire(const T& quantity) {
  return quantity.count;
}
template <IsWord T>
std::string wire(const T& word) {
  return std::string(to_string(word));
}
template <typename T>
requires std::is_integral_v<T> T wire(const T& number) {
  return number;
}
uint32_t wire(const Code& code) {
  return static_cast<uint32_t>(code);
}
std::string wire(const Uuid& uuid) {
  if (uuid.is_nil()) return {};
  return std::string(reinterpret_cast<const char*>(uuid.octets.data()), uuid.octets.size());
}
std::string wire(const Address& address) {
  return to_string(address);
}

bool read(const std::string& text, std::string* value) {
  *value = text;
  return true;
}
template <typename Tag>
bool read(const std::string& text, StringId<Tag>* value) {
  value->text = text;
  return true;
}
template <typename Tag>
bool read(uint64_t number, NumberId<Tag>* value) {
  value->value = number;
  return true;
}
template <IsQuantity T>
bool read(int64_t count, T* value) {
  value->count = count;
  return true;
}
// A word that is not there is one that the writer did not know yet: the member keeps its default.
template <IsWord T>
bool read(const std::string& text, T* value) {
  if (text.empty()) return true;
  for (int i = 0; i <= static_cast<int>(kLast<T>); ++i) {
    *value = static_cast<T>(i);
    if (to_string(*value) == text) return true;
  }
  return false;
}
template <typename From, typename To>
requires(std::is_integral_v<From>&& std::is_integral_v<To>) bool read(From number, To* value) {
  *value = static_cast<To>(number);
  return static_cast<From>(*value) == number;
}
bool read(uint32_t number, Code* value) {
  for (const CodeInfo& known : all_codes()) {
    *value = known.code;
    if (static_cast<uint32_t>(known.code) == number) return true;
  }
  return false;
}
bool read(const std::string& octets, Uuid* value) {
  if (octets.empty()) return true;
  if (octets.size() != value->octets.size()) return false;
  std::memcpy(value->octets.data(), octets.data(), octets.size());
  return true;
}
// Not parse_address(): an address that is not set yet has no name.
bool read(const std::string& text, Address* value) {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return text.empty();
  auto kind = kind_from(std::string_view(text).substr(0, dot));
  if (!kind) return false;
  *value = Address{*kind, text.substr(dot + 1)};
  return true;
}

// --- Values, and what is a map in the model

void put(const Value& value, pb::Value* record);
bool take(const pb::Value& record, Value* value);

template <typename Entries>
void put_entries(const Entries& entries, pb::Entries* record) {
  for (const auto& [name, value] : entries) {
    pb::Entry* entry = record->add_entry();
    entry->set_name(name);
    put(value, entry->mutable_value());
  }
}

void put(const Attributes& attributes, pb::Entries* record) {
  put_entries(attributes, record);
}
bool take(const pb::Entries& record, Attributes* attributes) {
  for (const pb::Entry& entry : record.entry()) {
    Value value;
    if (!take(entry.value(), &value)) return false;
    attributes->set(entry.name(), std::move(value));
  }
  return true;
}

struct PutValue {
  pb::Value* record;
  void operator()(std::monostate) const {}
  void operator()(bool truth) const { record->set_truth(truth); }
  void operator()(int64_t integer) const { record->set_integer(integer); }
  void operator()(double real) const { record->set_real(real); }
  void operator()(const std::string& text) const { record->set_text(text); }
  void operator()(const Secret& secret) const { record->set_secret(secret.text); }
  void operator()(Bytes size) const { record->set_size(size.count); }
  void operator()(Duration duration) const { record->set_duration(duration.count); }
  void operator()(const Address& address) const { record->set_address(wire(address)); }
  void operator()(const List& list) const {
    pb::Value::Items* items = record->mutable_list();
    for (const Value& item : list) put(item, items->add_item());
  }
  void operator()(const Record& entries) const { put_entries(entries, record->mutable_record()); }
};

void put(const Value& value, pb::Value* record) {
  std::visit(PutValue{record}, value.data);
}

bool take(const pb::Value& record, Value* value) {
  switch (record.data_case()) {
    case pb::Value::DATA_NOT_SET:
      return true;
    case pb::Value::kTruth:
      *value = record.truth();
      return true;
    case pb::Value::kInteger:
      *value = static_cast<int64_t>(record.integer());
      return true;
    case pb::Value::kReal:
      *value = record.real();
      return true;
    case pb::Value::kText:
      *value = record.text();
      return true;
    case pb::Value::kSecret:
      *value = Secret{record.secret()};
      return true;
    case pb::Value::kSize:
      *value = bytes(record.size());
      return true;
    case pb::Value::kDuration:
      *value = milliseconds(record.duration());
      return true;
    case pb::Value::kAddress: {
      Address address;
      if (!read(record.address(), &address)) return false;
      *value = std::move(address);
      return true;
    }
    case pb::Value::kList: {
      List list(static_cast<std::size_t>(record.list().item_size()));
      for (std::size_t i = 0; i < list.size(); ++i)
        if (!take(record.list().item(static_cast<int>(i)), &list[i])) return false;
      *value = std::move(list);
      return true;
    }
    case pb::Value::kRecord: {
      Record entries;
      for (const pb::Entry& entry : record.record().entry())
        if (!take(entry.value(), &entries[entry.name()])) return false;
      *value = std::move(entries);
      return true;
    }
  }
  return false;
}

template <typename Key>
void put(const std::pair<const Key, std::string>& item, pb::NamedText* record) {
  record->set_name(wire(item.first));
  record->set_value(item.second);
}
bool take(const pb::NamedText& record, std::pair<std::string, std::string>* item) {
  *item = {record.name(), record.value()};
  return true;
}

void put(const std::pair<const std::string, std::vector<Extent>>& item, pb::NamedExtents* record) {
  record->set_name(item.first);
  for (const Extent& extent : item.second) put(extent, record->add_value());
}
bool take(const pb::NamedExtents& record, std::pair<std::string, std::vector<Extent>>* item) {
  item->first = record.name();
  for (const pb::Extent& extent : record.value())
    if (!take(extent, &item->second.emplace_back())) return false;
  return true;
}

void put(const std::pair<const HostName, HostObservation>& item, pb::HostEntry* record) {
  record->set_name(item.first.text);
  put(item.second, record->mutable_value());
}
bool take(const pb::HostEntry& record, std::pair<HostName, HostObservation>* item) {
  item->first.text = record.name();
  return take(record.value(), &item->second);
}

void put(const Texts& texts, pb::Texts* record) {
  for (const std::string& text : texts) record->add_item(text);
}
bool take(const pb::Texts& record, Texts* texts) {
  texts->assign(record.item().begin(), record.item().end());
  return true;
}

void put(const Sizes& sizes, pb::Sizes* record) {
  for (const auto& [name, size] : sizes) {
    pb::NamedSize* item = record->add_item();
    item->set_name(name);
    item->set_value(size.count);
  }
}
bool take(const pb::Sizes& record, Sizes* sizes) {
  for (const pb::NamedSize& item : record.item()) (*sizes)[item.name()] = bytes(item.value());
  return true;
}

void put(const Uses& uses, pb::HostUses* record) {
  for (const HostUse& use : uses) put(use, record->add_items());
}
bool take(const pb::HostUses& record, Uses* uses) {
  for (const pb::HostUse& use : record.items())
    if (!take(use, &uses->emplace_back())) return false;
  return true;
}

template <typename Message, typename T>
bool take_item(const Message& record, std::vector<T>* items) {
  return take(record, &items->emplace_back());
}
template <typename Message, typename Key, typename T>
bool take_item(const Message& record, std::map<Key, T>* items) {
  std::pair<Key, T> item;
  if (!take(record, &item)) return false;
  return items->insert(std::move(item)).second;  // a key that comes twice is damage
}

// --- Records: the list of codec.def, once in each direction

#define HV_RECORD(type) void put(const type& value, pb::type* record) {
#define PLAIN(name) record->set_##name(wire(value.name));
#define MAYBE(name) \
  if (value.name) record->set_##name(wire(*value.name));
#define PLAINS(name) \
  for (const auto& item : value.name) record->add_##name(wire(item));
#define RECORD(name) put(value.name, record->mutable_##name());
#define MAYBE_RECORD(name) \
  if (value.name) put(*value.name, record->mutable_##name());
#define RECORDS(name) \
  for (const auto& item : value.name) put(item, record->add_##name());
#define HV_END(type, members)                                \
  [[maybe_unused]] const auto& [HV_NAMES_##members] = value; \
  }
#include "hv/model/codec.def"
#undef HV_RECORD
#undef PLAIN
#undef MAYBE
#undef PLAINS
#undef RECORD
#undef MAYBE_RECORD
#undef RECORDS
#undef HV_END

#define HV_RECORD(type) bool take(const pb::type& record, type* value) {
#define PLAIN(name) \
  if (!read(record.name(), &value->name)) return false;
#define MAYBE(name) \
  if (record.has_##name() && !read(record.name(), &value->name.emplace())) return false;
#define PLAINS(name)                     \
  for (const auto& item : record.name()) \
    if (!read(item, &value->name.emplace_back())) return false;
#define RECORD(name) \
  if (!take(record.name(), &value->name)) return false;
#define MAYBE_RECORD(name) \
  if (record.has_##name() && !take(record.name(), &value->name.emplace())) return false;
#define RECORDS(name)                    \
  for (const auto& item : record.name()) \
    if (!take_item(item, &value->name)) return false;
#define HV_END(type, members) \
  return true;                \
  }
#include "hv/model/codec.def"
#undef HV_RECORD
#undef PLAIN
#undef MAYBE
#undef PLAINS
#undef RECORD
#undef MAYBE_RECORD
#undef RECORDS
#undef HV_END

// --- Bytes

constexpr std::size_t kCheckSize = sizeof(uint64_t);
static_assert(std::endian::native == std::endian::little, "records are written as the machine has");

// Every step is one-to-one in the word it takes in, so damage within one word is always seen; other
// damage with a chance of 2^-64. Not against forgers: those meet the store's digest chain.
uint64_t check_sum(std::string_view data) {
  uint64_t sum = 0x9e3779b97f4a7c15u ^ data.size();
  for (; !data.empty(); data.remove_prefix(std::min(data.size(), kCheckSize))) {
    uint64_t word = 0;
    std::memcpy(&word, data.data(), std::min(data.size(), kCheckSize));
    sum = (sum ^ word) * 0x9fb21c651e98df25u;
    sum ^= sum >> 32;
  }
  return sum;
}

template <typename Message, typename T>
std::string encode_as(const T& value) {
  Message record;
  put(value, &record);
  std::string out;
  HV_CHECK(record.SerializeToString(&out), "a record of more than two gigabytes");
  return sealed(std::move(out));
}

Error damaged(const char* type) {
  return {Code::state_corrupt, std::string("a record (`") + type + "`) is damaged",
          "`hv state verify` says what else is"};
}

template <typename Message, typename T>
Result<T> decode_as(const char* type, std::string_view data) {
  if (data.size() < kCheckSize || data.size() > std::numeric_limits<int>::max())
    return damaged(type);
  uint64_t sum = 0;
  std::memcpy(&sum, data.data() + data.size() - kCheckSize, kCheckSize);
  data.remove_suffix(kCheckSize);
  if (sum != check_sum(data)) return damaged(type);

  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(data.data()),
                                                static_cast<int>(data.size()));
  stream.SetRecursionLimit(kNesting);
  Message record;
  T value;
  if (!record.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage() ||
      !take(record, &value))
    return damaged(type);
  return value;
}

}  // namespace

std::string sealed(std::string message) {
  const uint64_t sum = check_sum(message);
  message.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  return message;
}

#define HV_CODEC(type)                             \
  std::string encode(const type& value) {          \
    return encode_as<pb::type>(value);             \
  }                                                \
  template <>                                      \
  Result<type> decode(std::string_view data) {     \
    return decode_as<pb::type, type>(#type, data); \
  }
HV_CODEC(AppliedDomain)
HV_CODEC(AppliedPool)
HV_CODEC(AppliedVdisk)
HV_CODEC(NetworkSpec)
HV_CODEC(Operation)
HV_CODEC(Intent)
HV_CODEC(Outcome)
HV_CODEC(PlanRecord)
HV_CODEC(OperatorWord)
HV_CODEC(ObservedDomain)
HV_CODEC(Claim)
HV_CODEC(Observation)
HV_CODEC(Plan)
#undef HV_CODEC

}  // namespace hv
