// Disk strings, rates of interfaces and PCI devices against libxlutil itself, where the machine
// that builds has it: the man page's examples, hard cases, and strings that are made up.
#include <gtest/gtest.h>

#include "lang/device_strings.h"
#include "lang/disk_string.h"
#include "lang/vif_string.h"

#if HV_LIBXLUTIL
extern "C" {
#include <libxlutil.h>
}

#include <algorithm>
#include <cstdio>
#include <random>

// libxlutil 4.17 forgets what it copied of a PCI string that it refuses in the middle.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:xlu_pci_parse_spec_string\n";
}

namespace hv::lang {
namespace {

class Xlutil {
 public:
  Xlutil() : null_(std::fopen("/dev/null", "w")), config_(xlu_cfg_init(null_, "test")) {}
  ~Xlutil() {
    xlu_cfg_destroy(config_);
    std::fclose(null_);
  }
  Xlutil(const Xlutil&) = delete;
  Xlutil& operator=(const Xlutil&) = delete;

  // Everything libxlutil makes of a disk string, as one line; "refused" where it takes it not.
  std::string disk(const std::string& text) {
    libxl_device_disk disk;
    libxl_device_disk_init(&disk);
    const char* const spec = text.c_str();
    std::string out = "refused";
    if (xlu_disk_parse(config_, 1, &spec, &disk) == 0) {
      const auto part = [&](const char* name, const char* value) {
        if (value != nullptr && *value != '\0') out += std::string(" ") + name + "=" + value;
      };
      out = std::string("[") + (disk.pdev_path != nullptr ? disk.pdev_path : "") + "] [" +
            (disk.vdev != nullptr ? disk.vdev : "") + "]";
      part("backend", libxl_disk_backend_to_string(disk.backend));
      part("format", libxl_disk_format_to_string(disk.format));
      part("script", disk.script);
      part("domain", disk.backend_domname);
      part("colo-host", disk.colo_host);
      part("colo-export", disk.colo_export);
      part("active-disk", disk.active_disk);
      part("hidden-disk", disk.hidden_disk);
      part("specification", disk.specification == LIBXL_DISK_SPECIFICATION_VIRTIO ? "virtio" : "");
      if (disk.colo_port != 0) out += " colo-port=" + std::to_string(disk.colo_port);
      if (disk.readwrite != 0) out += " rw";
      if (disk.removable != 0) out += " removable";
      if (disk.is_cdrom != 0) out += " cdrom";
      if (disk.direct_io_safe) out += " direct-io-safe";
      if (!libxl_defbool_is_default(disk.discard_enable))
        out += libxl_defbool_val(disk.discard_enable) ? " discard" : " no-discard";
      if (!libxl_defbool_is_default(disk.colo_enable))
        out += libxl_defbool_val(disk.colo_enable) ? " colo" : " no-colo";
    }
    libxl_device_disk_dispose(&disk);
    return out;
  }

  bool rate(const std::string& text, uint64_t& bytes, uint32_t& interval) {
    libxl_device_nic nic;
    libxl_device_nic_init(&nic);
    const bool taken = xlu_vif_parse_rate(config_, text.c_str(), &nic) == 0;
    bytes = nic.rate_bytes_per_interval;
    interval = nic.rate_interval_usecs;
    libxl_device_nic_dispose(&nic);
    return taken;
  }

  bool pci(const std::string& text) {
    libxl_device_pci device;
    libxl_device_pci_init(&device);
    const bool taken = xlu_pci_parse_spec_string(config_, &device, text.c_str()) == 0;
    libxl_device_pci_dispose(&device);
    return taken;
  }

 private:
  std::FILE* null_;
  XLU_Config* config_;
};

// What hv makes of it, in the same words.
std::string ours(const std::string& text) {
  const DiskResult result = parse_disk_string(text);
  if (!result.disk) return "refused";
  const DiskString& disk = *result.disk;
  std::string out = "[" + disk.target + "] [" + disk.vdev + "]";
  const auto part = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += std::string(" ") + name + "=" + value;
  };
  const auto option = [&](const char* name) {
    const auto it = disk.options.find(name);
    return it == disk.options.end() ? std::string() : it->second;
  };
  part("backend", disk.backend.empty() ? "unknown" : disk.backend);
  part("format", disk.format);
  part("script", disk.script);
  part("domain", option("backend"));
  part("colo-host", option("colo-host"));
  part("colo-export", option("colo-export"));
  part("active-disk", option("active-disk"));
  part("hidden-disk", option("hidden-disk"));
  part("specification", option("specification") == "none" ? "" : option("specification"));
  if (std::atoi(option("colo-port").c_str()) != 0)
    out += " colo-port=" + std::to_string(std::atoi(option("colo-port").c_str()));
  if (disk.access != DiskString::Access::read) out += " rw";
  if (disk.removable) out += " removable";
  if (disk.cdrom) out += " cdrom";
  for (const char* flag : {"direct-io-safe", "discard", "no-discard", "colo", "no-colo"})
    if (disk.options.contains(flag)) out += std::string(" ") + flag;
  return out;
}

// What hv takes on purpose and xl does not: xm's `w!`, and the virtual disks of 2004.
bool ours_alone(const std::string& text) {
  return text.find('!') != std::string::npos || text.find("vd:") != std::string::npos;
}

// Written for this test after the forms that xl-disk-configuration(5) describes.
constexpr std::string_view kDisks[] = {
    "/dev/vg/guest-volume,,hda",
    "/dev/vg/guest-volume,raw,hda,rw",
    "format=raw, vdev=hda, access=rw, target=/dev/vg/guest-volume",
    "raw:/dev/vg/guest-volume,hda,w",
    "/srv/rescue.iso,,hdc,,cdrom",
    "/srv/rescue.iso,,hdc,cdrom",
    "/srv/rescue.iso,raw,hdc,devtype=cdrom",
    "format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/srv/rescue.iso",
    "raw:/srv/rescue.iso,hdc:cdrom,ro",
    "/dev/vg/volume,,xvda,rw,backendtype=phy",
    "vdev=xvdb,target=rbd:pool/image:id=a,b=c",
    "format=qcow2,vdev=hdb,access=w,backendtype=qdisk,target=/a.qcow2",
    "vdev=hda,script=block-iscsi,target=iqn.2001-05.com.example:portal=[::1]:3260",
    "drbd:resource,xvda,w",
    "tap:tapdisk:aio:/x,hda,r",
    "/x,raw,hda,w,discard",
    "/x,raw,hda,w,no-discard,direct-io-safe",
    "/x,raw,hda,w,backend=storage",
    "specification=virtio,vdev=xvda,target=/x",
    "colo,colo-host=h,colo-port=9000,colo-export=e,active-disk=a,hidden-disk=b,vdev=hda,target=/x",
    "vdev=hdc,cdrom",
    ",hdc:cdrom,r",
    ",raw,hdc,cdrom",
};

std::string made_up(std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {"phy:",
                                                 "file:",
                                                 "tap:",
                                                 "tap2:",
                                                 "aio:",
                                                 "tapdisk:",
                                                 "ioemu:",
                                                 "raw:",
                                                 "qcow2:",
                                                 "vhd:",
                                                 "qed:",
                                                 "nbd:",
                                                 "iscsi:",
                                                 "/dev/a",
                                                 "/a b",
                                                 "vg0/web",
                                                 "a:b",
                                                 "C:/x",
                                                 "hda",
                                                 "xvda1",
                                                 "hdc:cdrom",
                                                 "hda:disk",
                                                 "hda:tape",
                                                 "r",
                                                 "w",
                                                 "rw",
                                                 "ro",
                                                 "",
                                                 "raw",
                                                 "qcow",
                                                 "qcow2",
                                                 "vhd",
                                                 "qed",
                                                 "empty",
                                                 "cdrom",
                                                 "discard",
                                                 "no-discard",
                                                 "colo",
                                                 "no-colo",
                                                 "vdev=",
                                                 "direct-io-safe",
                                                 "vdev=xvdb",
                                                 "format=raw",
                                                 "format=",
                                                 "access=r",
                                                 "access=",
                                                 "devtype=cdrom",
                                                 "devtype=disk",
                                                 "backendtype=phy",
                                                 "backendtype=",
                                                 "backendtype=tap",
                                                 "backend=d1",
                                                 "backend=",
                                                 "script=x",
                                                 "script=",
                                                 "target=/t,u",
                                                 "target=",
                                                 "colo-port=12",
                                                 "colo-port=0x1",
                                                 "colo-port=",
                                                 "colo-host=h",
                                                 "colo-export=",
                                                 "active-disk=z",
                                                 "specification=virtio",
                                                 "specification=",
                                                 "specification=none",
                                                 "foramt=raw",
                                                 "=",
                                                 "=x",
                                                 "x=",
                                                 " ",
                                                 "\t",
                                                 "9p:",
                                                 "-"};
  std::string text;
  const std::size_t parts = 1 + random() % 6;
  for (std::size_t i = 0; i < parts; ++i) {
    if (i > 0) text += random() % 12 == 0 ? "" : random() % 8 == 0 ? ", " : ",";
    text += kPieces[random() % std::size(kPieces)];
    if (random() % 5 == 0) text += kPieces[random() % std::size(kPieces)];
  }
  // Half of them name a device, without which nothing is taken.
  if (random() % 2 == 0) text += random() % 2 == 0 ? ",vdev=xvdq,target=/t" : ",vdev=xvdq,cdrom";
  if (random() % 4 == 0 && !text.empty()) {
    static constexpr std::string_view kBytes = ",:=/ abh9-_\t";
    const std::size_t at = random() % text.size();
    if (random() % 2 == 0)
      text[at] = kBytes[random() % kBytes.size()];
    else
      text.erase(at, 1);
  }
  return text;
}

TEST(Libxlutil, DiskStringsMeanTheSame) {
  Xlutil xlutil;
  std::size_t compared = 0, taken = 0, different = 0;
  const auto compare = [&](const std::string& text) {
    if (ours_alone(text)) return;
    const std::string theirs = xlutil.disk(text);
    ++compared;
    if (theirs != "refused") ++taken;
    const std::string here = ours(text);
    if (here != theirs && ++different <= 20)
      ADD_FAILURE() << "`" << text << "`\nhv:        " << here << "\nlibxlutil: " << theirs;
  };
  for (const std::string_view text : kDisks) {
    compare(std::string(text));
    EXPECT_NE(xlutil.disk(std::string(text)), "refused") << text;
  }
  std::mt19937 random(2003);
  while (compared < 150'000) compare(made_up(random));
  std::printf("%zu disk strings compared with libxlutil, %zu taken, %zu differ\n", compared, taken,
              different);
  EXPECT_EQ(different, 0u);
  EXPECT_GT(taken, compared / 20);
}

TEST(Libxlutil, RatesAreTakenAlike) {
  Xlutil xlutil;
  static constexpr std::string_view kPieces[] = {"1", "10", "250",  "0",    "K",  "M", "G",  "b",
                                                 "B", "/s", "@",    "u",    "ms", "s", "us", "20",
                                                 "m", "k",  "4294", "4295", ".",  "-"};
  std::mt19937 random(10);
  std::size_t taken = 0, different = 0;
  const auto compare = [&](const std::string& text) {
    uint64_t bytes = 0;
    uint32_t interval = 0;
    const bool theirs = xlutil.rate(text, bytes, interval);
    if (theirs) ++taken;
    const bool here = parse_vif_string("rate=" + text).vif.has_value();
    if (here != theirs && ++different <= 20)
      ADD_FAILURE() << "`" << text << "` hv: " << here << " libxlutil: " << theirs;
  };
  for (const char* text : {"10Mb/s", "250KB/s", "1MB/s@20ms", "1GB/s@1s", "1MB/s@20", "8b/s"})
    compare(text);
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    if (random() % 2 == 0) {
      text = std::to_string(random() % 100) + (random() % 2 ? "M" : "K") +
             (random() % 2 ? "B" : "b") + "/s";
      if (random() % 2 == 0) text += "@" + std::to_string(random() % 100);
    }
    for (std::size_t n = random() % 4; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
    compare(text);
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(taken, 10'000u);
}

// libxlutil goes on at a random place where an address has no function (`03:00`), and may crash.
bool unsafe_to_ask(const std::string& text) {
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t end =
        std::min(text.find_first_not_of("0123456789abcdefABCDEF:", at), text.size());
    const auto colons = std::count(text.begin() + static_cast<long>(at),
                                   text.begin() + static_cast<long>(end), ':');
    if ((colons == 1 || colons == 2) && (end == text.size() || text[end] != '.')) return true;
    at = text.find("bdf=", at);
    if (at != std::string::npos) at += 4;
  }
  return false;
}

TEST(Libxlutil, PciDevicesAreTakenAlike) {
  Xlutil xlutil;
  static constexpr std::string_view kPieces[] = {"0000:",
                                                 "03:",
                                                 "1f.",
                                                 "00.",
                                                 "0",
                                                 "7",
                                                 "*",
                                                 "8",
                                                 "@10",
                                                 "@1ff",
                                                 ",",
                                                 "=",
                                                 "1",
                                                 "g",
                                                 ":",
                                                 ",seize=1",
                                                 ",name=x",
                                                 ",bdf=1:2.3",
                                                 "bdf=03:00.0",
                                                 "name=",
                                                 ",rdm_policy=strict",
                                                 ",rdm_policy=",
                                                 ",permissive=0",
                                                 ",msitranslate=1",
                                                 ",vslot=5"};
  std::mt19937 random(3);
  std::size_t taken = 0, different = 0, compared = 0;
  const auto compare = [&](const std::string& text) {
    if (unsafe_to_ask(text)) {
      EXPECT_FALSE(parse_device_string(DeviceGrammar::pci, text).mistakes.empty()) << text;
      return;
    }
    const bool theirs = xlutil.pci(text);
    ++compared;
    if (theirs) ++taken;
    const bool here = parse_device_string(DeviceGrammar::pci, text).mistakes.empty();
    if (here != theirs && ++different <= 20)
      ADD_FAILURE() << "`" << text << "` hv: " << here << " libxlutil: " << theirs;
  };
  for (int i = 0; i < 100'000; ++i) {
    std::string text = random() % 2 ? "03:00." + std::to_string(random() % 9) : "";
    for (std::size_t n = random() % 6; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
    compare(text);
  }
  EXPECT_EQ(different, 0u);
  EXPECT_GT(taken, compared / 50);
}

}  // namespace
}  // namespace hv::lang
#else
TEST(Libxlutil, DiskStringsMeanTheSame) {
  GTEST_SKIP() << "skipped: built without libxen-dev";
}
#endif
