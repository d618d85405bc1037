// Disk and interface strings: the rules, recorded answers of libxlutil 4.17, and places of
// mistakes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "lang/disk_string.h"
#include "lang/vif_string.h"

namespace hv::lang {
namespace {

namespace fs = std::filesystem;

fs::path corpus() {
  if (const char* folder = std::getenv("HV_CORPUS")) return folder;
  return fs::path(HV_SOURCE_DIR) / ".." / "shared" / "corpus";
}

std::string describe(const DiskString& disk) {
  static constexpr std::string_view kModes[] = {"r", "w", "w!"};
  std::string out = disk.target + "|" + disk.vdev + "|" + disk.backend + "|" + disk.format + "|" +
                    std::string(kModes[static_cast<std::size_t>(disk.access)]);
  if (!disk.script.empty()) out += "|script=" + disk.script;
  if (disk.cdrom) out += "|cdrom";
  for (const auto& [key, value] : disk.options) out += "|" + key + "=" + value;
  return out;
}

TEST(DiskStringTest, Forms) {
  struct Case {
    std::string_view text, disk;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"phy:vg0/web,xvda,w", "vg0/web|xvda||raw|w"},
           {"/dev/a,qcow2,xvda,ro", "/dev/a|xvda||qcow2|r"},
           {"/dev/a,,xvda", "/dev/a|xvda||raw|w"},
           {"tap:aio:/a,hda,w", "/a|hda||raw|w"},
           {"tap2:tapdisk:vhd:/a,hda", "/a|hda||vhd|w"},
           {"nbd:host,hda,r", "host|hda||raw|r|script=block-nbd"},
           {"phy:/a,ioemu:hda,w", "/a|hda||raw|w"},
           {"file:/a.iso,hdc:cdrom,w", "/a.iso|hdc||raw|r|cdrom"},
           {"vdev=hdc,cdrom", "|hdc||empty|r|cdrom"},
           {",hdc:cdrom,r", "|hdc||empty|r|cdrom"},
           {"vdev=xvda,access=r,target=/a,b=c,", "/a,b=c|xvda||raw|r"},
           {"C:/x,raw,hda", "C:/x|hda||raw|w"},
           {"phy:/a,xvda,w,backend=dom1,discard", "/a|xvda||raw|w|backend=dom1|discard="},
           {"backendtype=qdisk,vdev=hda,target=/a", "/a|hda|qdisk|raw|w"},
           {"phy:/a,hda,w!", "/a|hda||raw|w!"},
           {"phy:/a,hda,!", "/a|hda||raw|w!"},
           {"vd:17,sda1,w", "17|sda1|vd||w"},
           {",,,", "|||raw|w"}}) {
    const DiskResult result = parse_disk_string(c.text);
    ASSERT_TRUE(result.disk) << c.text << ": " << result.mistakes[0].message;
    EXPECT_EQ(describe(*result.disk), c.disk) << c.text;
    EXPECT_TRUE(result.mistakes.empty()) << c.text;
  }
}

TEST(DiskStringTest, MistakesPointIntoTheString) {
  struct Case {
    std::string_view text, at, message;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"/a,hda", "hda", "unknown format `hda`"},
           {"phy:/a,hda,x", "x", "unknown access mode `x`"},
           {"phy:/a,hda,w,r", "r", "too many positional parameters"},
           {"phy:/a,hda,w,vdev=hdb", "hdb", "the vdev is given twice: `hda` and `hdb`"},
           {"phy:/a,hda:tape,w", "tape", "unknown device type `tape`"},
           {"qed:/a,hda", "qed:", "unknown prefix `qed:`"},
           {"foramt=raw,vdev=hda,target=/a", "foramt", "unknown disk parameter `foramt`"},
           {"phy:/a=b,hda,w", "/a=", "a `=` inside a positional part"},
           {"phy:/a", "phy:/a", "the disk has no device name in the guest"},
           {"vdev=hda", "vdev=hda", "the disk has no target, and is not removable"},
           {"colo-port=x,vdev=hda,target=/a", "x", "`colo-port` is a number from 1 on"},
           {"vd:,sda1,w", "vd:", "`vd:` names no virtual disk"},
           {"", "", "the disk has no device name in the guest"}}) {
    const DiskResult result = parse_disk_string(c.text);
    ASSERT_EQ(result.mistakes.size(), 1u) << c.text;
    EXPECT_FALSE(result.disk) << c.text;
    const StringMistake& mistake = result.mistakes[0];
    EXPECT_EQ(mistake.message, c.message) << c.text;
    EXPECT_EQ(c.text.substr(mistake.begin, mistake.end - mistake.begin), c.at) << c.text;
  }
  EXPECT_EQ(parse_disk_string("foramt=raw,vdev=a").mistakes[0].help, "did you mean `format`?");
}

TEST(DiskStringTest, PartsKnowTheirPlaces) {
  const std::string text = "phy:vg0/web,xvda,r";
  const DiskResult result = parse_disk_string(text);
  ASSERT_TRUE(result.disk);
  const auto part = [&](std::pair<uint32_t, uint32_t> at) {
    return text.substr(at.first, at.second - at.first);
  };
  EXPECT_EQ(part(result.disk->target_at), "vg0/web");
  EXPECT_EQ(part(result.disk->vdev_at), "xvda");
  EXPECT_EQ(part(result.disk->access_at), "r");
}

// What libxlutil said of a string, against what we say.
void compare(const std::string& spec, const nlohmann::json& answer) {
  const DiskResult result = parse_disk_string(spec);
  ASSERT_EQ(answer.at("rc") == 0, result.disk.has_value())
      << spec << ": " << answer.dump() << " "
      << (result.mistakes.empty() ? "" : result.mistakes[0].message);
  if (!result.disk) return;
  const auto text = [&](const char* key) {
    return answer.contains(key) && answer[key].is_string() ? answer[key].get<std::string>() : "";
  };
  const DiskString& disk = *result.disk;
  EXPECT_EQ(disk.target, text("pdev_path")) << spec;
  EXPECT_EQ(disk.vdev, text("vdev")) << spec;
  EXPECT_EQ(disk.backend.empty() ? "unknown" : disk.backend, text("backend")) << spec;
  EXPECT_EQ(disk.format, text("format")) << spec;
  EXPECT_EQ(disk.script, text("script")) << spec;
  EXPECT_EQ(disk.access != DiskString::Access::read, answer.at("readwrite") == 1) << spec;
  EXPECT_EQ(disk.removable, answer.at("removable") == 1) << spec;
  EXPECT_EQ(disk.cdrom, answer.at("is_cdrom") == 1) << spec;
}

TEST(DiskStringTest, HardCasesAgreeWithLibxlutil) {
  std::ifstream in(corpus() / "disk_cases_extra.tsv");
  if (!in) GTEST_SKIP() << "skipped: no corpus at " << corpus();
  std::size_t compared = 0;
  for (std::string line; std::getline(in, line);) {
    const std::size_t tab = line.find('\t');
    if (line.empty() || line[0] != '"' || tab == std::string::npos) continue;
    compare(nlohmann::json::parse(line.substr(0, tab)).get<std::string>(),
            nlohmann::json::parse(line.substr(tab + 1)));
    ++compared;
  }
  EXPECT_GT(compared, 50u);
}

TEST(DiskStringTest, RealFilesAgreeWithLibxlutil) {
  std::ifstream in(corpus() / "xlu_results.jsonl");
  if (!in) GTEST_SKIP() << "skipped: no corpus at " << corpus();
  std::size_t compared = 0;
  for (std::string line; std::getline(in, line);) {
    const auto entry = nlohmann::json::parse(line);
    if (!entry.contains("disks")) continue;
    for (const auto& disk : entry["disks"]) {
      const auto spec = disk.at("spec").get<std::string>();
      // xl knows neither `w!` nor the virtual disks of 2004.
      if (spec.ends_with("!") || spec.starts_with("vd:")) continue;
      compare(spec, disk);
      ++compared;
    }
  }
  EXPECT_GT(compared, 50u);
}

TEST(VifStringTest, Forms) {
  const auto settings = [](std::string_view text) {
    const VifResult result = parse_vif_string(text);
    std::string out;
    if (!result.vif) return "mistake: " + result.mistakes.at(0).message;
    for (const auto& [key, value] : result.vif->settings) out += key + "=" + value + ";";
    return out;
  };
  EXPECT_EQ(settings(""), "");
  EXPECT_EQ(settings("bridge=xenbr0"), "bridge=xenbr0;");
  EXPECT_EQ(settings("mac=00:16:3E:aa:BB:01, bridge=xenbr0"),
            "bridge=xenbr0;mac=00:16:3e:aa:bb:01;");
  EXPECT_EQ(settings("mac=00-16-3e-aa-bb-01"), "mac=00:16:3e:aa:bb:01;");
  EXPECT_EQ(settings("mac=00163eaabb01"), "mac=00:16:3e:aa:bb:01;");
  EXPECT_EQ(settings("type=ioemu,model=e1000,vifname=v1,script=vif-bridge"),
            "model=e1000;script=vif-bridge;type=ioemu;vifname=v1;");
  EXPECT_EQ(settings("rate=10Mb/s,mtu=9000,vlan=3"), "mtu=9000;rate=10Mb/s;vlan=3;");
  EXPECT_EQ(settings("rate=1MB/s@20ms"), "rate=1MB/s@20ms;");
  EXPECT_EQ(settings("rate=1MB/s@20"), "rate=1MB/s@20;");
  EXPECT_EQ(settings("netdev=eth0,backend=net"), "backend=net;gatewaydev=eth0;");
  EXPECT_EQ(settings("ip=10.0.0.1 10.0.0.2"), "ip=10.0.0.1 10.0.0.2;");
}

TEST(VifStringTest, MistakesPointIntoTheString) {
  struct Case {
    std::string_view text, at;
  };
  for (const Case& c : std::initializer_list<Case>{{"mac=00:16:3e:01:02", "00:16:3e:01:02"},
                                                   {"mac=00:16-3e:01:02:03", "00:16-3e:01:02:03"},
                                                   {"mac=zz:16:3e:01:02:03", "zz:16:3e:01:02:03"},
                                                   {"bridge=a, brigde=b", "brigde"},
                                                   {"bridge=a,xenbr0", "xenbr0"},
                                                   {"rate=fast", "fast"},
                                                   {"rate=10Mb/s@", "10Mb/s@"},
                                                   {"mtu=big", "big"}}) {
    const VifResult result = parse_vif_string(c.text);
    ASSERT_EQ(result.mistakes.size(), 1u) << c.text;
    EXPECT_FALSE(result.vif) << c.text;
    const StringMistake& mistake = result.mistakes[0];
    EXPECT_EQ(c.text.substr(mistake.begin, mistake.end - mistake.begin), c.at) << c.text;
  }
  EXPECT_EQ(parse_vif_string("brigde=b").mistakes[0].help, "did you mean `bridge`?");
}

TEST(StringsTest, NoBytesBreakThem) {
  static constexpr std::string_view kPieces[] = {
      "phy:",    "tap:",   "vd:",     "/a",  "hda", ",", ",", ",",     "=",    ":",
      "target=", "vdev=",  "format=", "raw", "w!",  "r", " ", "cdrom", "mac=", "00:16:3e:01:02:03",
      "rate=",   "1Mb/s@", "\xff"};
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const std::size_t length = random() % 12;
    for (std::size_t i = 0; i < length; ++i) text += kPieces[random() % std::size(kPieces)];
    const DiskResult disk = parse_disk_string(text);
    EXPECT_EQ(disk.disk.has_value(), disk.mistakes.empty()) << text;
    const VifResult vif = parse_vif_string(text);
    EXPECT_EQ(vif.vif.has_value(), vif.mistakes.empty()) << text;
    for (const auto* mistakes : {&disk.mistakes, &vif.mistakes})
      for (const StringMistake& mistake : *mistakes)
        EXPECT_TRUE(mistake.begin <= mistake.end && mistake.end <= text.size()) << text;
  }
}

}  // namespace
}  // namespace hv::lang
