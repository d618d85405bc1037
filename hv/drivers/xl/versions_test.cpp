// The words of xl in versions 4.11 to 4.20, where they differ: columns that are there or not,
// numbers that are wider than their column, processors that are not online, what a host's memory
// is.
#include <gtest/gtest.h>

#include "hv/drivers/xl/look.h"
#include "hv/drivers/xl/look_text.h"

namespace hv {
namespace {

constexpr const char* kUuid = "6f0d3a52-5c1e-4d0b-9f6e-0a4c1d2b7e93";
const std::string kLong(70, 'n');

struct Listed {
  const char* what;
  std::string line;
  std::string name;
  uint64_t domid;
  int64_t memory, vcpus;
  const char* state;
  double seconds;
};

std::vector<Listed> listed() {
  const std::string uuid = kUuid;
  return {
      {"verbose, no reason, no label", "web 3 100 1\t-b----\t19.8 " + uuid + " - -", "web", 3, 100,
       1, "-b----", 19.8},
      {"ends with the UUID", "web 3 100 1     r-----      19.8 " + uuid, "web", 3, 100, 1, "r-----",
       19.8},
      {"a label of XSM", "web 3 100 1 ------ 19.8 " + uuid + " - system_u:system_r:domU_t", "web",
       3, 100, 1, "------", 19.8},
      {"a reason and a label", "web 3 100 1 ---sc- 0.1 " + uuid + "        3 sys:r:t", "web", 3,
       100, 1, "---sc-", 0.1},
      {"a reason and a pool", "web 3 100 1 ---s-- 0.1 " + uuid + " 0 - Pool-0", "web", 3, 100, 1,
       "---s--", 0.1},
      {"a pool and nodes", "web 3 100 1 -b---- 0.1 " + uuid + " - - Pool-node1 all", "web", 3, 100,
       1, "-b----", 0.1},
      {"wider than their columns",
       "web 32751 16777216 4096     r-----  12345678.9 " + uuid + " - -", "web", 32751, 16777216,
       4096, "r-----", 12345678.9},
      {"a long name", kLong + " 3 100 1 r----- 1.0 " + uuid + " - -", kLong, 3, 100, 1, "r-----",
       1.0},
      {"a name like a row", "db 4 64 1 r----- 2.0 x 3 100 1 -b---- 1.0 " + uuid + " - -",
       "db 4 64 1 r----- 2.0 x", 3, 100, 1, "-b----", 1.0},
      {"no name yet", "(null) 3 0 1 --p--d 0.0 " + uuid + " - -", "(null)", 3, 0, 1, "--p--d", 0.0},
      {"a carriage return", "web 3 100 1 r----- 1.0 " + uuid + " - -\r", "web", 3, 100, 1, "r-----",
       1.0},
  };
}

TEST(XlVersions, ListsAreReadWhateverColumnsTheyHave) {
  for (const char* header :
       {"Name ID Mem VCPUs\tState\tTime(s)   UUID Reason-Code\tSecurity Label\n",
        "Name ID Mem VCPUs State Time(s) UUID Reason-Code Security Label Cpupool NODE Affinity\n",
        "a warning of the toolstack\nName ID Mem VCPUs State Time(s) UUID\n"})
    for (const Listed& one : listed()) {
      const auto read = read_list(header + one.line + "\n");
      ASSERT_EQ(read.size(), 1u) << one.what;
      EXPECT_EQ(read[0].name, one.name) << one.what;
      EXPECT_EQ(read[0].domid, one.domid) << one.what;
      EXPECT_EQ(read[0].memory_mib, one.memory) << one.what;
      EXPECT_EQ(read[0].vcpus, one.vcpus) << one.what;
      EXPECT_EQ(read[0].state, one.state) << one.what;
      EXPECT_EQ(read[0].seconds, one.seconds) << one.what;
      EXPECT_EQ(read[0].uuid, kUuid) << one.what;
    }
}

TEST(XlVersions, LinesThatAreNoRowAreNone) {
  for (const std::string& line :
       {std::string("web 3 100 1 r----- 1.0"), std::string("web 3 100 1 ") + kUuid,
        std::string("web three 100 1 r----- 1.0 ") + kUuid, std::string("libxl: error: ") + kUuid,
        std::string(kUuid), std::string(" ")})
    EXPECT_TRUE(read_list("Name ID Mem VCPUs State Time(s) UUID\n" + line + "\n").empty()) << line;
}

// ---- through a whole look

HostObservation look(const std::string& info, const std::string& pins) {
  return read_look(
      "\036boot\nb\n\036machine\nm\n\036info\n" + info +
          "\036list\nName ID Mem VCPUs State Time(s) UUID\nmy web 3 100 2 -b---- 99.0 " + kUuid +
          " - -\n\036long\n[]\n\036affinity\n" + pins + "\036end\n",
      HostName{"xen1"}, Time{{1}});
}

struct Pins {
  const char* what;
  const char* lines;  // below the heading
  const char *hard, *soft;
};
const Pins kPins[] = {
    {"everywhere", "my web 3 0 1 -b- 1.0 all / all\nmy web 3 1 0 r-- 1.0 all / all\n", "all",
     "all"},
    {"sets", "my web 3 0 1 -b- 1.0 0-3,6 / 1\nmy web 3 1 0 r-- 1.0 0-3,6 / 1\n", "0-3,6", "1"},
    {"one each", "my web 3 0 1 -b- 1.0 0 / all\nmy web 3 1 0 r-- 1.0 1 / all\n", "[0, 1]", "all"},
    {"not online", "my web 3 0 1 -b- 1.0 0-1 / all\nmy web 3 1 - --p 0.0 0-1 / all\n", "0-1",
     "all"},
    {"no preference", "my web 3 0 1 -b- 12345678.9 2 / none\nmy web 3 1 1 r-- 0.0 2 / none\n", "2",
     "none"},
    {"wide", "my web     3     0    1   -b-    1234.5  0-127 / 0-127\n", "0-127", "0-127"},
};

TEST(XlVersions, WhereProcessorsRunIsRead) {
  for (const Pins& one : kPins) {
    const HostObservation seen =
        look("nr_cpus : 4\n", std::string("Name ID VCPU CPU State Time(s) Affinity (Hard / Soft)\n"
                                          "Domain-0 0 0 0 r-- 1.0 all / all\n") +
                                  one.lines);
    ASSERT_EQ(seen.domains.size(), 1u) << one.what << seen.reason;
    EXPECT_EQ(seen.domains[0].name, "my web");
    ASSERT_NE(seen.domains[0].attributes.find("cpus"), nullptr) << one.what;
    EXPECT_EQ(to_human(*seen.domains[0].attributes.find("cpus")), one.hard) << one.what;
    EXPECT_EQ(to_human(*seen.domains[0].attributes.find("cpus_soft")), one.soft) << one.what;
  }
}

struct Info {
  const char* what;
  const char* lines;
  int64_t cpus;
  Bytes free;
  const char* version;
};
const Info kInfo[] = {
    {"as now",
     "host : a\nnr_cpus                : 16\nfree_memory            : 500\n"
     "outstanding_claims     : 0\nxen_version            : 4.17.7\n",
     16, mib(500), "4.17.7"},
    {"memory that is claimed is not free",
     "host : a\nnr_cpus : 2\nfree_memory : 500\noutstanding_claims : 100\nxen_version : "
     "4.11.4-pre\n",
     2, mib(400), "4.11.4-pre"},
    {"without claims, with what 4.20 adds",
     "host : a\nnr_cpus : 2\narm_sve_vector_length : 128\nfree_memory : 500\n"
     "cc_compiler : a:b : c\nxen_version : 4.20.0\n",
     2, mib(500), "4.20.0"},
    {"without a colon, without a number",
     "host : a\nxen_commandline        : nr_cpus=9 free_memory : 7\nnr_cpus : many\nfree_memory\n",
     0, mib(0), ""},
};

TEST(XlVersions, TheHostIsRead) {
  for (const Info& one : kInfo) {
    const HostObservation seen = look(one.lines, "");
    ASSERT_TRUE(seen.reachable) << one.what << seen.reason;
    EXPECT_EQ(seen.cpus, one.cpus) << one.what;
    EXPECT_EQ(seen.memory_free, one.free) << one.what;
    EXPECT_EQ(hypervisor_version(one.lines), one.version) << one.what;
  }
}

}  // namespace
}  // namespace hv
