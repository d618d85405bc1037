#include "hv/schema/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace hv {
namespace {

const Schema& schema() {
  return Schema::builtin();
}

// The rows of one of the corpus' tables, split at tabs, without the head; nothing where there is
// no corpus.
std::vector<std::vector<std::string>> corpus_rows(const std::string& name) {
  const char* set = std::getenv("HV_CORPUS");
  std::filesystem::path folder = set != nullptr
                                     ? std::filesystem::path(set)
                                     : std::filesystem::path(HV_SOURCE_DIR) / "../shared/corpus";
  std::ifstream input(folder / name);
  std::vector<std::vector<std::string>> rows;
  std::string line;
  for (std::getline(input, line); std::getline(input, line);) {
    std::vector<std::string>& cells = rows.emplace_back();
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, '\t');) cells.push_back(cell);
  }
  return rows;
}

// Generation that the table says knows the attribute, for keys of one of the corpus' tables.
void expect_all_known(const std::string& table, const std::string& generation,
                      std::size_t at_least) {
  std::vector<std::vector<std::string>> rows = corpus_rows(table);
  if (rows.empty()) GTEST_SKIP() << "no corpus: set HV_CORPUS to its folder";
  std::size_t keys = 0;
  for (const std::vector<std::string>& row : rows) {
    // Words of the manual that are parts of a device string, which no tool reads as keys.
    if (row.back().find("in man only") != std::string::npos) continue;
    ++keys;
    const Attribute* attribute = schema().find(Kind::domain, row[0]);
    ASSERT_NE(attribute, nullptr) << row[0];
    // A block says more than a key that one snapshot of xm had for a day.
    if (row[0] == "autostart") {
      EXPECT_EQ(schema().find_key(row[0], false), nullptr);
      continue;
    }
    EXPECT_EQ(schema().find_key(row[0], false), attribute) << row[0];
    EXPECT_TRUE(attribute->legacy_key) << row[0];
    if (attribute->name == row[0]) {
      EXPECT_NE((" " + std::string(attribute->generations) + " ").find(" " + generation + " "),
                std::string::npos)
          << row[0];
    }
  }
  EXPECT_GE(keys, at_least);
}

TEST(Corpus, EveryKeyOfXlHasAnAttribute) {
  expect_all_known("keys_xl.tsv", "xl", 158);
}

TEST(Corpus, EveryKeyOfXmHasAnAttribute) {
  expect_all_known("keys_xm.tsv", "xm", 132);
}

TEST(Table, IsSortedAndComplete) {
  for (Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network}) {
    std::span<const Attribute> attributes = schema().attributes(kind);
    ASSERT_FALSE(attributes.empty());
    EXPECT_TRUE(std::is_sorted(attributes.begin(), attributes.end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
    std::vector<std::string_view> names = schema().names(kind);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
    std::set<std::string_view> seen;
    for (const Attribute& attribute : attributes) {
      EXPECT_EQ(schema().find(kind, attribute.name), &attribute);
      for (std::string_view alias : attribute.aliases) {
        EXPECT_EQ(schema().find(kind, alias), &attribute) << alias;
        EXPECT_TRUE(seen.insert(alias).second) << alias;
      }
      EXPECT_TRUE(seen.insert(attribute.name).second) << attribute.name;
      EXPECT_NE(attribute.legacy_key, attribute.block_only) << attribute.name;
      EXPECT_FALSE(attribute.source.empty()) << attribute.name;
      // A sentence for people.
      ASSERT_FALSE(attribute.doc.empty()) << attribute.name;
      EXPECT_EQ(attribute.doc.back(), '.') << attribute.name;
    }
    EXPECT_EQ(seen.size(), names.size());
  }
}

TEST(Table, AliasesMeanOneSetting) {
  struct Case {
    std::string_view alias, name;
  };
  for (const Case& c : {Case{"mem_size", "memory"}, Case{"vbd_list", "disk"},
                        Case{"image", "kernel"}, Case{"irq", "irqs"}, Case{"cpu_cap", "cap"},
                        Case{"domain_name", "name"}, Case{"builder_fn", "builder"},
                        Case{"cmdline_extra", "extra"}, Case{"vbd_expert", "sharing"}}) {
    const Attribute* attribute = schema().find(Kind::domain, c.alias);
    ASSERT_NE(attribute, nullptr) << c.alias;
    EXPECT_EQ(attribute->name, c.name);
  }
  EXPECT_EQ(schema().find(Kind::domain, "memroy"), nullptr);
  EXPECT_EQ(schema().find(Kind::domain, ""), nullptr);
  EXPECT_EQ(schema().find(Kind::vdisk, "memory"), nullptr);
}

TEST(Keys, BelongToTheirGeneration) {
  struct Case {
    std::string_view name;
    bool now, in_2004, marks;
  };
  for (const Case& c : {
           Case{"memory", true, false, false},
           Case{"mem_size", false, true, true},
           Case{"vbd_list", false, true, true},
           Case{"builder_fn", false, true, true},
           Case{"domain_name", false, true, true},
           Case{"vfr_ipaddr", false, true, true},
           Case{"cmdline_ip", false, true, true},
           Case{"cmdline_root", false, true, true},
           Case{"cmdline_extra", false, true, true},
           Case{"image", false, true, false},
           Case{"ramdisk", true, true, false},
           Case{"nfsserv", false, true, false},
           Case{"vbd_expert", true, true, false},
           Case{"sharing", true, true, false},
           Case{"state", false, false, false},
           Case{"autostart", false, false, false},
           Case{"host", false, false, false},
           Case{"usr_partn", false, false, false},
       }) {
    EXPECT_EQ(schema().find_key(c.name, false) != nullptr, c.now) << c.name;
    EXPECT_EQ(schema().find_key(c.name, true) != nullptr, c.in_2004) << c.name;
    EXPECT_EQ(schema().is_key_2004(c.name), c.marks) << c.name;
  }
  auto names = schema().names(Kind::domain);
  EXPECT_EQ(std::count_if(names.begin(), names.end(),
                          [](std::string_view name) { return schema().is_key_2004(name); }),
            8);
}

TEST(Attributes, SayHowTheyChange) {
  struct Case {
    std::string_view name;
    AttributeType type;
    How how;
  };
  for (const Case& c : {Case{"memory", AttributeType::size, How::live},
                        Case{"maxmem", AttributeType::size, How::restart},
                        Case{"vcpus", AttributeType::integer, How::live},
                        Case{"maxvcpus", AttributeType::integer, How::restart},
                        Case{"disk", AttributeType::vbd_list, How::live},
                        Case{"vif", AttributeType::vif_list, How::live},
                        Case{"cpus", AttributeType::cpu_list, How::live},
                        Case{"cap", AttributeType::integer, How::live},
                        Case{"kernel", AttributeType::path, How::restart},
                        Case{"uuid", AttributeType::uuid, How::replace},
                        Case{"vncpasswd", AttributeType::secret, How::restart},
                        Case{"rtc_timeoffset", AttributeType::duration, How::restart},
                        Case{"autostart", AttributeType::boolean, How::live}}) {
    const Attribute* attribute = schema().find(Kind::domain, c.name);
    ASSERT_NE(attribute, nullptr) << c.name;
    EXPECT_EQ(attribute->type, c.type) << c.name;
    EXPECT_EQ(attribute->how, c.how) << c.name;
  }
  EXPECT_EQ(schema().find(Kind::domain, "memory")->bare_unit, kMiB);
  EXPECT_EQ(schema().find(Kind::domain, "vmtrace_buf_kb")->bare_unit, kKiB);
  EXPECT_EQ(schema().find(Kind::domain, "rtc_timeoffset")->bare_unit, 1000);
  EXPECT_TRUE(schema().find(Kind::domain, "cpu_weight")->takes_float);
  EXPECT_EQ(schema().find(Kind::vdisk, "pool")->reference_kind, Kind::pool);
  EXPECT_TRUE(schema().find(Kind::network, "bridge")->required);
}

TEST(Attributes, EveryTypeHasAWord) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(AttributeType::raw); ++i) {
    auto type = static_cast<AttributeType>(i);
    EXPECT_EQ(attribute_type_from(to_string(type)), type);
    EXPECT_FALSE(describe(type).empty());
  }
  EXPECT_EQ(attribute_type_from("sized"), std::nullopt);
}

TEST(Choices, AreTakenAsXlTakesThem) {
  const Attribute& builder = *schema().find(Kind::domain, "builder");
  EXPECT_EQ(choice_from(builder, "h"), "hvm");
  EXPECT_EQ(choice_from(builder, "linux"), "linux");
  EXPECT_EQ(choice_from(builder, ""), std::nullopt);
  EXPECT_EQ(choice_from(builder, "hvmx"), std::nullopt);
  EXPECT_EQ(choice_from(builder, 0), std::nullopt);
  const Attribute& type = *schema().find(Kind::domain, "type");
  EXPECT_EQ(choice_from(type, "p"), "pv");
  EXPECT_EQ(choice_from(type, "pvh"), "pvh");
  const Attribute& tsc = *schema().find(Kind::domain, "tsc_mode");
  EXPECT_EQ(choice_from(tsc, 2), "native");
  EXPECT_EQ(choice_from(tsc, 4), std::nullopt);
  EXPECT_EQ(choice_from(tsc, -1), std::nullopt);
  EXPECT_EQ(choice_from(tsc, "nativ"), std::nullopt);
}

struct DefaultCase {
  std::string what;
  std::vector<std::pair<std::string_view, Value>> given;
  std::string_view name;
  Value expected;
};

TEST(Defaults, AreThoseOfXl) {
  const Value unset;
  const DefaultCase cases[] = {
      {"a number", {}, "vcpus", Value(1)},
      {"maxvcpus follows vcpus", {{"vcpus", Value(4)}}, "maxvcpus", Value(4)},
      {"and its default", {}, "maxvcpus", Value(1)},
      {"vcpus does not follow", {{"maxvcpus", Value(4)}}, "vcpus", Value(1)},
      {"maxmem follows memory", {{"memory", Value(mib(512))}}, "maxmem", Value(mib(512))},
      {"memory follows maxmem", {{"maxmem", Value(gib(1))}}, "memory", Value(gib(1))},
      {"neither", {}, "memory", Value(mib(32))},
      {"neither", {}, "maxmem", Value(mib(32))},
      {"by alias", {}, "mem_size", Value(mib(32))},
      {"unset is not given", {{"memory", Value()}}, "maxmem", Value(mib(32))},
      {"stops", {}, "on_poweroff", Value("destroy")},
      {"stops", {}, "on_reboot", Value("restart")},
      {"stops", {}, "on_crash", Value("destroy")},
      {"stops", {}, "on_soft_reset", Value("soft-reset")},
      {"type", {}, "type", Value("pv")},
      {"type by builder", {{"builder", Value("hvm")}}, "type", Value("hvm")},
      {"by its beginning", {{"builder", Value("h")}}, "type", Value("hvm")},
      {"other builders", {{"builder", Value("linux")}}, "type", Value("pv")},
      {"only for hvm", {}, "hap", unset},
      {"hvm", {{"type", Value("hvm")}}, "hap", Value(true)},
      {"hvm by builder", {{"builder", Value("hvm")}}, "apic", Value(true)},
      {"pvh has acpi", {{"type", Value("pvh")}}, "acpi", Value(true)},
      {"pvh has no apic", {{"type", Value("pvh")}}, "apic", unset},
      {"a screen for hvm", {{"type", Value("hvm")}}, "vnc", Value(true)},
      {"none for pv", {}, "vnc", Value(false)},
      {"graphics card", {{"type", Value("hvm")}}, "videoram", Value(mib(8))},
      {"stdvga", {{"type", Value("hvm")}, {"stdvga", Value(true)}}, "vga", Value("stdvga")},
      {"its memory", {{"type", Value("hvm")}, {"stdvga", Value(true)}}, "videoram", Value(mib(16))},
      {"shadow",
       {{"type", Value("pvh")}, {"memory", Value(mib(1024))}, {"vcpus", Value(2)}},
       "shadow_memory",
       Value(kib(2048 + 8192))},
      {"no kernel", {}, "kernel", unset},
      {"no command line", {}, "cmdline", unset},
      {"root and extra",
       {{"root", Value("/dev/xvda1")}, {"extra", Value("ro 4")}},
       "cmdline",
       Value("root=/dev/xvda1 ro 4")},
      {"2004",
       {{"cmdline_ip", Value("ip=1.2.3.4")},
        {"cmdline_root", Value("root=/dev/sda1 ro")},
        {"extra", Value("4")}},
       "cmdline",
       Value("ip=1.2.3.4 root=/dev/sda1 ro 4")},
      {"xm's own parts",
       {{"dhcp", Value("dhcp")}, {"hostname", Value("nbd4")}},
       "cmdline",
       Value("ip=:127.0.255.255:::nbd4:eth0:dhcp")},
      {"NFS root",
       {{"root", Value("/dev/nfs")},
        {"nfs_server", Value("10.0.0.1")},
        {"nfs_root", Value("/srv/a")},
        {"extra", Value("ro")}},
       "cmdline",
       Value("root=/dev/nfs nfsroot=10.0.0.1:/srv/a ro")},
      {"hv's own", {}, "state", Value("running")},
      {"hv's own", {}, "lifecycle.stop_timeout", Value(seconds(60))},
      {"no such attribute", {}, "memroy", unset},
  };
  for (const DefaultCase& c : cases) {
    Attributes given;
    for (const auto& [name, value] : c.given) given.set(name, value);
    EXPECT_EQ(schema().default_of(Kind::domain, c.name, given), c.expected)
        << c.what << ": " << c.name << " is "
        << to_human(schema().default_of(Kind::domain, c.name, given));
  }
}

TEST(Defaults, GiveWayToWhatIsSet) {
  Attributes given;
  given.set("memory", mib(256));
  given.set("cmdline", "quiet");
  given.set("root", "/dev/sda1");
  EXPECT_EQ(schema().effective(Kind::domain, "memory", given), Value(mib(256)));
  EXPECT_EQ(schema().effective(Kind::domain, "mem_size", given), Value(mib(256)));
  EXPECT_EQ(schema().effective(Kind::domain, "cmdline", given), Value("quiet"));
  EXPECT_EQ(schema().effective(Kind::pool, "extent", {}), Value(mib(64)));
  EXPECT_EQ(schema().effective(Kind::pool, "scrub", {}), Value("on_allocate"));
  EXPECT_EQ(schema().effective(Kind::vdisk, "expiry", {}), Value(seconds(0)));
}

// A default that could not be set would be refused by the checker as soon as somebody writes it.
TEST(Defaults, AreValuesOfTheirType) {
  for (Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network}) {
    for (const Attribute& attribute : schema().attributes(kind)) {
      Attributes given;
      if (kind == Kind::domain && !attribute.only_for.empty()) {
        given.set("type", std::string(attribute.only_for.substr(0, attribute.only_for.find(' '))));
      }
      Value value = schema().default_of(kind, attribute.name, given);
      if (attribute.type == AttributeType::choice && !value.is_unset()) {
        ASSERT_NE(value.get<std::string>(), nullptr) << attribute.name;
        EXPECT_TRUE(choice_from(attribute, *value.get<std::string>())) << attribute.name;
      }
      if (!attribute.default_text.empty()) {
        EXPECT_FALSE(value.is_unset()) << attribute.name;
      }
    }
  }
}

TEST(Describe, MemoryInFull) {
  EXPECT_EQ(describe(*schema().find(Kind::domain, "memory")), R"(memory

How much memory the guest gets at start. While it runs the balloon driver moves
it, up to `maxmem`.

  type        a size; a bare number counts MiB
  range       at least 1MiB
  default     that of `maxmem` where it is set, else 32MiB
  a change    is made live, while the machine runs
  also called `mem_size`
  known to    xm, xl
  observed    yes: a look at the host tells its value
  documented  xl.cfg(5)
)");
}

TEST(Describe, AChoiceOfABlock) {
  EXPECT_EQ(describe(*schema().find(Kind::pool, "scrub")), R"(scrub

When old data is overwritten with zeroes: before an extent is used again, when
its disk is deleted, or never.

  type        one of `on_allocate`, `on_release`, `never`
  default     "on_allocate"
  a change    is only noted; nothing running is touched
  known to    hv
  written     in blocks; no key of domain files
  observed    no: only what was set is known
  documented  hv
)");
}

TEST(Describe, LinesFitATerminal) {
  for (Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network}) {
    for (const Attribute& attribute : schema().attributes(kind)) {
      std::istringstream text(describe(attribute));
      for (std::string line; std::getline(text, line);) {
        EXPECT_LE(line.size(), 80U) << attribute.name << ": " << line;
      }
    }
  }
}

}  // namespace
}  // namespace hv
