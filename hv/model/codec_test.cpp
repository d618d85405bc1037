// Every record, filled by the list that the codec itself uses, there and back; and damaged bytes.
#include "hv/model/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "base/clock.h"

namespace hv {
namespace {

using Peak = Proof::Peak;

// Gives every member another value, and none its default.
class Filler {
 public:
  template <typename T>
  T make() {
    T value{};
    fill(value);
    return value;
  }

  void fill(std::string& text) { text = "text \xff " + std::to_string(++count_); }
  void fill(Uuid& uuid) { uuid.octets.fill(static_cast<uint8_t>(++count_ % 255 + 1)); }
  void fill(Address& address) { address = {pick(Kind::network), "a.b " + std::to_string(count_)}; }
  void fill(Code& code) { code = all_codes()[++count_ % all_codes().size()].code; }
  void fill(bool& truth) { truth = !truth; }
  template <typename Tag>
  void fill(StringId<Tag>& id) {
    fill(id.text);
  }
  template <typename Tag>
  void fill(NumberId<Tag>& id) {
    id.value = UINT64_MAX - ++count_;
  }
  template <typename T>
  requires std::is_integral_v<T>
  void fill(T& number) {
    number = static_cast<T>(std::numeric_limits<T>::max() - static_cast<T>(++count_));
  }
  template <typename T>
  requires std::is_base_of_v<Quantity<T>, T>
  void fill(T& quantity) { quantity.count = -1 - static_cast<int64_t>(++count_); }
  void fill(Severity& severity) { severity = pick(Severity::note); }
  void fill(AccessMode& mode) { mode = pick(AccessMode::write_shared); }
  void fill(AccessOrigin& origin) { origin = pick(AccessOrigin::plan); }
  void fill(OnRestartNeeded& policy) { policy = pick(OnRestartNeeded::fail); }
  void fill(StopBy& policy) { policy = pick(StopBy::destroy); }
  void fill(PowerState& state) { state = pick(PowerState::missing); }
  void fill(Scrub& scrub) { scrub = pick(Scrub::never); }
  void fill(Op& op) { op = pick(Op::domain_migrate); }
  void fill(RecordKind& kind) { kind = pick(RecordKind::update); }
  void fill(Action& action) { action = pick(Action::forget); }
  void fill(How& how) { how = pick(How::bookkeeping); }
  void fill(Downtime& downtime) { downtime = pick(Downtime::gone); }
  void fill(OutcomeKind& kind) { kind = pick(OutcomeKind::abandoned); }
  void fill(WordKind& kind) { kind = pick(WordKind::unclaimed); }

  void fill(Value& value) {
    switch (++count_ % 10) {
      case 0:
        value = true;
        break;
      case 1:
        value = static_cast<int64_t>(INT64_MIN);
        break;
      case 2:
        value = -0.5;
        break;
      case 3:
        value = std::string("t\0x", 3);
        break;
      case 4:
        value = Secret{"hush"};
        break;
      case 5:
        value = gib(3);
        break;
      case 6:
        value = seconds(-7);
        break;
      case 7:
        value = Address{Kind::vdisk, "v"};
        break;
      case 8:
        value = List{Value(), 1, List{"x", List{}}};
        break;
      default:
        value = Record{{"", Value()}, {"r", Record{{"s", List{2.5}}}}};
    }
  }
  void fill(Attributes& attributes) {
    for (int i = 0; i < 10; ++i) {
      Value value;
      fill(value);
      attributes.set("attribute " + std::to_string(i), value);
    }
  }
  template <typename T>
  void fill(std::optional<T>& maybe) {
    fill(maybe.emplace());
  }
  template <typename T>
  void fill(std::vector<T>& items) {
    items.resize(2);
    for (T& item : items) fill(item);
  }
  template <typename Key, typename T>
  void fill(std::map<Key, T>& items) {
    for (int i = 0; i < 2; ++i) {
      Key key;
      fill(key);
      fill(items[key]);
    }
  }

#define HV_RECORD(type) void fill(type& value) {
#define PLAIN(name) fill(value.name);
#define MAYBE(name) fill(value.name);
#define PLAINS(name) fill(value.name);
#define RECORD(name) fill(value.name);
#define MAYBE_RECORD(name) fill(value.name);
#define RECORDS(name) fill(value.name);
#define HV_END(type, members) }
#include "hv/model/codec.def"
#undef HV_RECORD
#undef PLAIN
#undef MAYBE
#undef PLAINS
#undef RECORD
#undef MAYBE_RECORD
#undef RECORDS
#undef HV_END

 private:
  template <typename Enum>
  Enum pick(Enum last) {
    return static_cast<Enum>(1 + ++count_ % static_cast<uint64_t>(last));
  }
  uint64_t count_ = 0;
};

// Equality where the model has none, because places are no part of it there.
template <typename T>
std::string differ(const T& a, const T& b);

#define HV_RECORD(type) std::string fields_differ(const type&, const type&);
#define PLAIN(name)
#define MAYBE(name)
#define PLAINS(name)
#define RECORD(name)
#define MAYBE_RECORD(name)
#define RECORDS(name)
#define HV_END(type, members)
#include "hv/model/codec.def"
#undef HV_RECORD
#undef PLAIN
#undef HV_END

template <typename T>
std::string differ(const std::optional<T>& a, const std::optional<T>& b) {
  if (a.has_value() != b.has_value()) return "presence";
  return a ? differ(*a, *b) : "";
}
template <typename T>
std::string differ(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return "size";
  std::string difference;
  for (std::size_t i = 0; i < a.size(); ++i) difference += differ<T>(a[i], b[i]);
  return difference;
}
template <typename Key, typename T>
std::string differ(const std::map<Key, T>& a, const std::map<Key, T>& b) {
  if (a.size() != b.size()) return "size";
  std::string difference;
  for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j)
    difference += differ(i->first, j->first) + differ(i->second, j->second);
  return difference;
}
template <typename T>
std::string differ(const T& a, const T& b) {
  if constexpr (requires { fields_differ(a, b); })
    return fields_differ(a, b);
  else
    return a == b ? "" : "value";
}

#undef MAYBE
#undef PLAINS
#undef RECORD
#undef MAYBE_RECORD
#undef RECORDS
#define HV_RECORD(type)                                                           \
  [[maybe_unused]] std::string fields_differ(const type& a, const type& b) {      \
    std::string out;                                                              \
    auto note = [&](const char* name, const std::string& why) {                   \
      if (!why.empty()) out += std::string(#type ".") + name + " (" + why + ") "; \
    };
#define PLAIN(name) note(#name, differ(a.name, b.name));
#define MAYBE(name) PLAIN(name)
#define PLAINS(name) PLAIN(name)
#define RECORD(name) PLAIN(name)
#define MAYBE_RECORD(name) PLAIN(name)
#define RECORDS(name) PLAIN(name)
#define HV_END(type, members) \
  return out;                 \
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

template <typename T>
class Codec : public testing::Test {};
using Records =
    testing::Types<AppliedDomain, AppliedPool, AppliedVdisk, NetworkSpec, Operation, Intent,
                   Outcome, PlanRecord, OperatorWord, ObservedDomain, Claim, Observation, Plan>;
TYPED_TEST_SUITE(Codec, Records);

TYPED_TEST(Codec, FilledValuesComeBackEqual) {
  Filler filler;
  for (int round = 0; round < 25; ++round) {
    const auto value = filler.make<TypeParam>();
    const std::string bytes = encode(value);
    auto back = decode<TypeParam>(bytes);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(differ(value, *back), "");
    EXPECT_EQ(encode(*back), bytes);  // records are digested: one value, one text
  }
}

TYPED_TEST(Codec, DefaultValuesComeBackEqual) {
  const TypeParam value{};
  auto back = decode<TypeParam>(encode(value));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(differ(value, *back), "");
}

// So that the two tests above can fail: another value is seen as another.
TYPED_TEST(Codec, DifferencesAreSeen) {
  Filler filler;
  const auto a = filler.make<TypeParam>();
  const auto b = filler.make<TypeParam>();
  EXPECT_NE(differ(a, b), "");
  EXPECT_NE(encode(a), encode(b));
}

TYPED_TEST(Codec, DamageIsAnError) {
  const std::string bytes = encode(Filler().make<TypeParam>());
  const std::size_t step = std::max<std::size_t>(1, bytes.size() / 500);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    auto cut = decode<TypeParam>(std::string_view(bytes).substr(0, at));
    ASSERT_FALSE(cut.ok()) << at;
    EXPECT_EQ(cut.error().code, Code::state_corrupt);
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    ASSERT_FALSE(decode<TypeParam>(flipped).ok()) << at;
  }
  EXPECT_FALSE(decode<TypeParam>(bytes + "x").ok());
}

// What a forger, or a bug, could put behind a right check sum: any answer but a crash.
TYPED_TEST(Codec, SealedRubbishNeverCrashes) {
  std::string message = encode(Filler().make<TypeParam>());
  message.resize(message.size() - 8);
  SeededRandom random(7);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = message;
    for (uint64_t i = 0; i <= random.below(4); ++i)
      damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    if (random.below(3) == 0) damaged.resize(random.below(damaged.size()));
    auto value = decode<TypeParam>(sealed(damaged));
    if (value.ok())
      EXPECT_FALSE(encode(*value).empty());
    else
      ++refused;
  }
  EXPECT_GT(refused, 0);
}

TEST(CodecValues, NestDeeply) {
  Value value = 1;
  for (int i = 0; i < 900; ++i)
    value = (i % 2 == 0) ? Value(List{value}) : Value(Record{{"r", value}});
  AppliedDomain domain;
  domain.spec.attributes.set("deep", value);
  auto back = decode<AppliedDomain>(encode(domain));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->spec.attributes, domain.spec.attributes);
}

TEST(CodecValues, NestingWithoutEndIsRefused) {
  Value value = 1;
  for (int i = 0; i < 2000; ++i) {
    List list;
    list.push_back(std::move(value));
    value = std::move(list);
  }
  AppliedDomain domain;
  domain.spec.attributes.set("deep", std::move(value));
  EXPECT_FALSE(decode<AppliedDomain>(encode(domain)).ok());
}

TEST(CodecValues, NumbersKeepTheirKind) {
  for (const Value& value :
       {Value(1), Value(1.0), Value(true), Value(bytes(1)), Value("1"), Value(Secret{"1"}),
        Value(milliseconds(1)), Value(), Value(INFINITY)}) {
    AppliedDomain domain;
    domain.spec.attributes.set("a", value);
    auto back = decode<AppliedDomain>(encode(domain));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->spec.attributes.find("a")->data.index(), value.data.index());
    EXPECT_EQ(*back->spec.attributes.find("a"), value);
  }
}

// A record of a later version: a field this hv does not know is passed over.
TEST(CodecVersions, UnknownFieldsAreIgnored) {
  std::string message = encode(Outcome{OperationId{"p-1-1"}, OutcomeKind::failed, "no", Time{{5}}});
  message.resize(message.size() - 8);
  message += std::string("\xf8\x06\x2a", 3);  // field 111, varint 42
  auto outcome = decode<Outcome>(sealed(message));
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->message, "no");
}

TEST(CodecVersions, UnknownWordIsRefused) {
  const std::string message = std::string("\x12\x05perha", 7);  // kind = "perha"
  EXPECT_FALSE(decode<Outcome>(sealed(message)).ok());
  EXPECT_TRUE(decode<Outcome>(sealed("")).ok());
}

}  // namespace
}  // namespace hv
