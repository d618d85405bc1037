#include <gtest/gtest.h>

#include <set>

#include "hv/model/cpu_sets.h"
#include "hv/model/desired.h"
#include "hv/model/journal.h"
#include "hv/model/plan.h"
#include "hv/model/secret_text.h"
#include "hv/model/vif_rate.h"

namespace hv {
namespace {

Address domain(const std::string& name) {
  return {Kind::domain, name};
}

// --- Values

TEST(Values, ForPeople) {
  const std::pair<Value, std::string> table[] = {
      {Value(), "unset"},
      {true, "yes"},
      {false, "no"},
      {3, "3"},
      {0.1, "0.1"},
      {"text", "text"},
      {Secret{"hush"}, "(secret)"},
      {mib(512), "512 MiB"},
      {seconds(12), "12 s"},
      {domain("a b"), "domain.a b"},
      {List{}, "[]"},
      {List{"a", 2}, "[a, 2]"},
      {Record{{"a", 1}, {"b", List{Secret{"x"}}}}, "{a = 1, b = [(secret)]}"},
  };
  for (const auto& [value, text] : table) EXPECT_EQ(to_human(value), text);
}

TEST(Values, PasswordsInsideStringsAreHidden) {
  const std::pair<std::string, std::string> table[] = {
      {"vnc=1,vncpasswd=hush,vncdisplay=2", "vnc=1,vncpasswd=(secret),vncdisplay=2"},
      {"vncpasswd = a=b", "vncpasswd =(secret)"},
      {"iqn=x,user=u,password=hush", "iqn=x,user=u,password=(secret)"},
      {"PASSWD=a,passwd=b", "PASSWD=(secret),passwd=(secret)"},
      {"vncpasswd=,sdl=1", "vncpasswd=,sdl=1"},
      {"vncpasswd=hush", "vncpasswd=(secret)"},
      {"passwd, x=1", "passwd, x=1"},
      {"passwordless=1", "passwordless=1"},
      {"=x,==", "=x,=="},
  };
  for (const auto& [text, shown] : table) {
    EXPECT_EQ(without_passwords(text), shown);
    EXPECT_EQ(to_human(List{text}), "[" + shown + "]");
  }
}

TEST(Values, EqualOnlyInKindAndValue) {
  EXPECT_EQ(Value(1), Value(1));
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_NE(Value("a"), Value(Secret{"a"}));
  EXPECT_NE(Value(bytes(1)), Value(milliseconds(1)));
  EXPECT_EQ(Value(List{1, List{"x"}}), Value(List{1, List{"x"}}));
  EXPECT_NE(Value(Record{{"a", 1}}), Value(Record{{"a", 2}}));
}

TEST(AttributesTest, KeepsTheOrderOfNames) {
  Attributes attributes;
  for (const char* name : {"m", "b", "z", "a", "m"}) attributes.set(name, name);
  std::string order;
  for (const auto& entry : attributes) order += entry.name;
  EXPECT_EQ(order, "abmz");
  attributes.set("b", 7);
  EXPECT_EQ(*attributes.get<int64_t>("b"), 7);
  EXPECT_EQ(attributes.get<std::string>("b"), nullptr);
  attributes.erase("b");
  attributes.erase("never there");
  EXPECT_EQ(attributes.find("b"), nullptr);
  EXPECT_EQ(attributes.size(), 3u);
}

// --- Words

template <typename Enum, typename Read>
void expect_words(std::initializer_list<Enum> values, Read from) {
  std::set<std::string_view> words;
  for (Enum value : values) {
    EXPECT_EQ(from(to_string(value)), value);
    words.insert(to_string(value));
  }
  EXPECT_EQ(words.size(), values.size());
  EXPECT_EQ(from("no such word"), std::nullopt);
  EXPECT_EQ(from(""), std::nullopt);
}

TEST(Words, ComeBack) {
  expect_words({AccessMode::read, AccessMode::write, AccessMode::write_shared}, access_mode_from);
  expect_words({OnRestartNeeded::restart, OnRestartNeeded::defer, OnRestartNeeded::fail},
               on_restart_needed_from);
  expect_words({StopBy::shutdown, StopBy::destroy}, stop_by_from);
  expect_words({PowerState::running, PowerState::paused, PowerState::halted, PowerState::saved,
                PowerState::missing},
               power_state_from);
  expect_words({Scrub::on_allocate, Scrub::on_release, Scrub::never}, scrub_from);
  expect_words({How::live, How::restart, How::replace, How::bookkeeping}, how_from);
  expect_words({Downtime::none, Downtime::restart, Downtime::gone}, downtime_from);
  expect_words({Action::create, Action::update, Action::restart, Action::replace, Action::destroy,
                Action::adopt, Action::move, Action::forget},
               action_from);
}

TEST(Words, OfEveryOperation) {
  std::set<std::string_view> words;
  for (Op op : all_ops()) {
    words.insert(to_string(op));
    EXPECT_EQ(op_from(to_string(op)), op);
  }
  EXPECT_EQ(words.size(), all_ops().size());
  EXPECT_EQ(all_ops().back(), Op::domain_migrate);
  EXPECT_EQ(to_string(Op::claim_put), "claim.put");
  EXPECT_EQ(to_string(Op::domain_shutdown), "domain.shutdown");
  EXPECT_EQ(to_string(Op::vbd_attach), "vbd.attach");
  EXPECT_EQ(to_string(Op::vif_detach), "vif.detach");
  EXPECT_EQ(to_string(Op::record_state), "record.state");
  EXPECT_EQ(to_string(AccessMode::write_shared), "w!");
  EXPECT_EQ(to_string(OutcomeKind::abandoned), "abandoned");
  EXPECT_EQ(to_string(WordKind::fenced), "fenced");
  EXPECT_EQ(to_string(WordKind::unclaimed), "unclaimed");
}

// The last word about a host counts.
TEST(Words, OfOperatorsAboutHosts) {
  const auto said = [](WordKind kind, const char* host, const char* why) {
    OperatorWord word;
    word.kind = kind;
    word.host = HostName{host};
    word.why = why;
    return word;
  };
  std::vector<OperatorWord> words = {
      said(WordKind::fenced, "a", "first"), said(WordKind::fenced, "b", "burnt"),
      said(WordKind::unfenced, "a", ""), said(WordKind::unclaimed, "b", "dead")};
  EXPECT_EQ(fenced_hosts(words).size(), 1u);
  words.push_back(said(WordKind::fenced, "a", "again"));
  EXPECT_EQ(fenced_hosts(words).at(HostName{"a"}).why, "again");
  words.push_back(said(WordKind::answered, "b", ""));
  EXPECT_FALSE(fenced_hosts(words).contains(HostName{"b"}));
}

// --- Accesses

Access access(AccessMode mode, int permitted, std::vector<uint32_t> grants = {}) {
  Access access;
  access.mode = mode;
  access.permitted = permitted;
  access.grants = std::move(grants);
  return access;
}

TEST(Accesses, Levels) {
  using enum AccessMode;
  const struct {
    Access a, b;
    int level, permitted;
  } table[] = {
      {access(read, 0), access(read, 0), 0, 0},
      {access(read, 2), access(write, 1), 1, 1},
      {access(write, 2), access(read, 0), 1, 0},
      {access(write, 2), access(write, 1), 2, 1},
      {access(write, 2), access(write, 2), 2, 2},
      {access(write_shared, 0), access(write, 0), 2, 0},
      {access(write_shared, 0), access(write_shared, 0), 2, 2},
      {access(write_shared, 0), access(read, 0), 1, 0},
      {access(write, 0, {1, 3}), access(write, 0, {3}), 2, 2},
      {access(write, 0, {1}), access(write, 0, {2}), 2, 0},
  };
  for (const auto& row : table) {
    EXPECT_EQ(level_between(row.a, row.b), row.level);
    EXPECT_EQ(level_between(row.b, row.a), row.level);
    EXPECT_EQ(permitted_between(row.a, row.b), row.permitted);
    EXPECT_EQ(permitted_between(row.b, row.a), row.permitted);
  }
}

TEST(Accesses, Parties) {
  EXPECT_EQ(party_of(domain("web0")).text, "domain.web0");
  EXPECT_EQ(party_unmanaged(HostName{"xen1"}, "alien").text, "unmanaged.xen1/alien");
  EXPECT_EQ(party_dom0(HostName{"xen1"}).text, "dom0.xen1");
}

TEST(Accesses, ExtentsOverlapOnlyWithinOneStore) {
  const Extent a{StoreId{"s"}, sectors(10), sectors(10)};
  EXPECT_TRUE(overlap(a, {StoreId{"s"}, sectors(19), sectors(1)}));
  EXPECT_FALSE(overlap(a, {StoreId{"s"}, sectors(20), sectors(1)}));
  EXPECT_FALSE(overlap(a, {StoreId{"s"}, sectors(0), sectors(10)}));
  EXPECT_FALSE(overlap(a, {StoreId{"t"}, sectors(10), sectors(10)}));
}

TEST(Settings, WhatComparesAndWhatDoesNot) {
  Vbd a;
  a.device = "xvda";
  Vbd b = a;
  b.written = "phy:x,xvda,w";
  b.place = {"f.vm", 1, 1};
  EXPECT_TRUE(same_settings(a, b));
  b.options["discard"] = "1";
  EXPECT_FALSE(same_settings(a, b));
  for (auto change :
       {+[](Vbd& v) { v.device = "xvdb"; }, +[](Vbd& v) { v.source = "s"; },
        +[](Vbd& v) { v.backend = "phy"; }, +[](Vbd& v) { v.format = "raw"; },
        +[](Vbd& v) { v.script = "block"; }, +[](Vbd& v) { v.cdrom = true; },
        +[](Vbd& v) { v.mode = AccessMode::read; }, +[](Vbd& v) { v.removable = true; }}) {
    Vbd c = a;
    change(c);
    EXPECT_FALSE(same_settings(a, c));
  }
  Vif v, w;
  w.place = {"f.vm", 2, 1};
  EXPECT_TRUE(same_settings(v, w));
  w.network = Address{Kind::network, "lan"};
  EXPECT_FALSE(same_settings(v, w));
}

// --- The desired graph

DesiredGraph graph_of(std::initializer_list<const char*> names,
                      std::initializer_list<std::pair<const char*, const char*>> references) {
  DesiredGraph graph;
  for (const char* name : names) {
    DomainSpec spec;
    spec.address = domain(name);
    EXPECT_TRUE(graph.add(spec));
  }
  uint32_t line = 0;
  for (auto [from, to] : references)
    graph.add_reference({domain(from), domain(to), {"f.vm", ++line, 1}});
  return graph;
}

std::string names(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += address.name;
  return text;
}

TEST(Graph, FindsWhatWasAdded) {
  DesiredGraph graph = graph_of({"a", "b"}, {});
  PoolSpec pool;
  pool.address = {Kind::pool, "a"};
  EXPECT_TRUE(graph.add(pool));
  DomainSpec again;
  again.address = domain("a");
  again.name = "second";
  EXPECT_FALSE(graph.add(again));
  EXPECT_EQ(graph.resources().size(), 3u);
  EXPECT_EQ(graph.get<DomainSpec>(domain("a"))->name, "");
  EXPECT_EQ(graph.get<PoolSpec>(domain("a")), nullptr);
  EXPECT_NE(graph.get<PoolSpec>({Kind::pool, "a"}), nullptr);
  EXPECT_EQ(graph.find(domain("c")), nullptr);
  DesiredGraph moved = std::move(graph);
  EXPECT_NE(moved.find(domain("b")), nullptr);
}

TEST(Graph, OrderPutsWhatIsReferredToFirst) {
  EXPECT_EQ(names(graph_of({"a", "b", "c"}, {}).in_dependency_order()), "abc");
  EXPECT_EQ(names(graph_of({"a", "b", "c"}, {{"a", "c"}}).in_dependency_order()), "cab");
  EXPECT_EQ(names(graph_of({"a", "b", "c"}, {{"a", "b"}, {"b", "c"}, {"a", "c"}, {"a", "b"}})
                      .in_dependency_order()),
            "cba");
  EXPECT_EQ(names(graph_of({"a"}, {{"a", "absent"}, {"absent", "a"}}).in_dependency_order()), "a");
  EXPECT_TRUE(DesiredGraph().in_dependency_order().empty());
}

TEST(Graph, CyclesAreToldWithTheirPlaces) {
  const struct {
    std::initializer_list<std::pair<const char*, const char*>> references;
    std::string cycle;
  } table[] = {
      {{{"a", "b"}, {"b", "c"}}, ""},
      {{{"a", "b"}, {"b", "a"}}, "a1b2"},
      {{{"b", "b"}}, "b1"},
      {{{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "b"}, {"c", "a"}}, "b2c3d4"},
      {{{"a", "c"}, {"a", "b"}, {"b", "d"}, {"d", "a"}}, "a2b3d4"},
  };
  for (const auto& row : table) {
    const DesiredGraph graph = graph_of({"a", "b", "c", "d"}, row.references);
    std::string cycle;
    std::vector<Reference> found = graph.find_cycle();
    for (std::size_t i = 0; i < found.size(); ++i) {
      cycle += found[i].from.name + std::to_string(found[i].place.line);
      EXPECT_EQ(found[i].to, found[(i + 1) % found.size()].from);
    }
    EXPECT_EQ(cycle, row.cycle);
    EXPECT_EQ(graph.in_dependency_order().empty(), !row.cycle.empty());
  }
}

TEST(Graph, LongChainsNeedNoStack) {
  DesiredGraph graph;
  const int length = 200'000;
  for (int i = 0; i < length; ++i) {
    VdiskSpec spec;
    spec.address = {Kind::vdisk, std::to_string(i)};
    graph.add(spec);
    graph.add_reference({spec.address, {Kind::vdisk, std::to_string(i + 1)}, {}});
  }
  EXPECT_EQ(graph.in_dependency_order().front().name, std::to_string(length - 1));
}

// --- Plans

TEST(Plans, AreSummedUp) {
  Plan plan;
  for (Action action :
       {Action::create, Action::create, Action::update, Action::restart, Action::replace,
        Action::destroy, Action::adopt, Action::move, Action::forget}) {
    Change change;
    change.action = action;
    plan.changes.push_back(change);
  }
  plan.changes.push_back(plan.changes.back());
  plan.changes.back().deferred = true;
  const PlanSummary summary = summarise(plan);
  EXPECT_EQ(summary.create, 2);
  EXPECT_EQ(summary.update, 1);
  EXPECT_EQ(summary.restart, 1);
  EXPECT_EQ(summary.replace, 1);
  EXPECT_EQ(summary.destroy, 1);
  EXPECT_EQ(summary.adopt, 1);
  EXPECT_EQ(summary.move, 1);
  EXPECT_EQ(summary.forget, 1);
  EXPECT_EQ(summary.total(), 9);
}

TEST(Observations, AreSearched) {
  Observation observation;
  HostObservation host;
  host.host = HostName{"xen1"};
  ObservedDomain machine;
  machine.uuid.octets.fill(3);
  host.domains.push_back(machine);
  observation.hosts[host.host] = host;
  ASSERT_NE(observation.find(HostName{"xen1"}), nullptr);
  EXPECT_EQ(observation.find(HostName{"xen2"}), nullptr);
  EXPECT_NE(find_domain(*observation.find(HostName{"xen1"}), machine.uuid), nullptr);
  EXPECT_EQ(find_domain(host, Uuid{}), nullptr);
}

// ---- rates of interfaces

TEST(VifRate, IsWhatXlMakesOfIt) {
  struct Case {
    const char* text;
    uint64_t bytes;
    uint32_t microseconds;
    const char* shown;
  };
  const Case cases[] = {
      {"10Mb/s", 62500, 50'000, "10Mb/s"},
      {"10Mb/s@50ms", 62500, 50'000, "10Mb/s"},
      {"1MB/s@20ms", 20'000, 20'000, "8Mb/s@20ms"},
      {"1250KB/s@20000us", 25'000, 20'000, "10Mb/s@20ms"},
      {"1GB/s@2", 2'000'000'000, 2'000'000, "8Gb/s@2s"},
      {"1GB/s@2s", 2'000'000'000, 2'000'000, "8Gb/s@2s"},
      {"3B/s@1u", 0, 1, "0b/s@1us"},
      {"1001B/s@333ms", 333, 333'000, "8Kb/s@333ms"},
      {"7B/s@1500000u", 10, 1'500'000, "7B/s@1500ms"},
      {"010B/s@1s", 8, 1'000'000, "8B/s@1s"},
  };
  for (const Case& one : cases) {
    const auto rate = vif_rate(one.text);
    ASSERT_TRUE(rate) << one.text;
    EXPECT_EQ(rate->bytes, one.bytes) << one.text;
    EXPECT_EQ(rate->microseconds, one.microseconds) << one.text;
    EXPECT_EQ(to_string(*rate), one.shown);
    if (rate->bytes > 0) {
      EXPECT_EQ(vif_rate(to_string(*rate)), rate) << one.text;
    }
  }
  for (const char* text :
       {"", "10", "10Mb", "10Mbs", "b/s", "10Tb/s", "-1b/s", "0b/s", "10Mb/s@", "10Mb/s@50h",
        "10Mb/s@5000s", "10Mb/s@50msx", "4294967296B/s", "4294967295GB/s@4294s", " 1b/s"})
    EXPECT_FALSE(vif_rate(text)) << text;
}

TEST(VifRate, IsComparedByItsValue) {
  EXPECT_TRUE(same_vif_setting("rate", "1MB/s", "8Mb/s@50ms"));
  EXPECT_FALSE(same_vif_setting("rate", "1MB/s", "8Mb/s@20ms"));
  EXPECT_FALSE(same_vif_setting("script", "1MB/s", "8Mb/s"));
  EXPECT_TRUE(same_vif_setting("rate", "rubbish", "rubbish"));
  EXPECT_FALSE(same_vif_setting("rate", "rubbish", "other"));
  // Whatever the backend may have comes back as it was.
  for (uint64_t bytes = 1; bytes < 4'000'000'000; bytes = bytes * 7 / 3 + 1)
    for (const uint32_t microseconds : {1u, 3u, 999u, 50'000u, 333'333u, 1'000'000u}) {
      const VifRate rate{bytes, microseconds};
      const auto again = vif_rate(to_string(rate));
      if (again) {
        EXPECT_EQ(*again, rate) << to_string(rate);
      }
    }
}

// ---- CPU sets

TEST(CpuSets, AreTheSameHoweverTheyAreWritten) {
  struct Case {
    Value a, b;
    bool same;
  };
  const auto list = [](std::vector<const char*> texts) {
    List items;
    for (const char* text : texts) items.emplace_back(text);
    return Value(items);
  };
  const Case cases[] = {
      {"0-3", "all", true},
      {"0-2", "all", false},
      {"0-7", "all", true},
      {"0,1", "0-1", true},
      {" 1 , 0", "0-1", true},
      {"all,^3", "0-2", true},
      {"0-3,^1,1", "all", true},
      {"^1", "none", true},
      {"", "all", true},
      {Value(), "all", true},
      {2, "2", true},
      {list({"0", "0"}), "0", true},
      {list({"0"}), list({"0", "all"}), true},
      {list({"0"}), "0", false},
      {list({"0", "1", "2"}), list({"0", "1"}), true},
      {"nodes:0", "nodes:0", true},
      {"nodes:0", "all", false},
      {"3-", "3", false},
      {true, "all", false},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(same_cpu_sets(one.a, one.b, 2, 4), one.same)
        << to_human(one.a) << " " << to_human(one.b);
    EXPECT_EQ(same_cpu_sets(one.b, one.a, 2, 4), one.same)
        << to_human(one.b) << " " << to_human(one.a);
  }
}

}  // namespace
}  // namespace hv
