#include "hv/inventory/headers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"

namespace hv {
namespace {

ReadBytes from(const std::string& image) {
  return [&image](int64_t offset, std::size_t count) {
    const auto size = static_cast<int64_t>(image.size());
    if (offset < 0) offset = std::max<int64_t>(0, size + offset);
    return offset >= size ? std::string() : image.substr(static_cast<std::size_t>(offset), count);
  };
}

std::string big(uint64_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

TEST(Headers, Qcow2WithADataFile) {
  std::string image =
      "QFI\xfb" + big(3, 4) + big(160, 8) + big(8, 4) + big(16, 4) + big(1 << 20, 8);
  image.resize(100, '\0');
  image += big(104, 4) + big(0xE2792ACA, 4) + big(3, 4) + std::string("raw\0\0\0\0\0", 8);
  image += big(0x44415441, 4) + big(5, 4) + std::string("x.raw\0\0\0", 8) + big(0, 8);
  image.resize(160, '\0');
  image += "base.img";
  const ImageHeader header = read_image_header(from(image));
  EXPECT_EQ(header.format, "qcow2");
  EXPECT_EQ(header.backing, "base.img");
  EXPECT_EQ(header.backing_format, "raw");
  EXPECT_EQ(header.parts, std::vector<std::string>{"x.raw"});
  EXPECT_EQ(header.shows, mib(1));
}

TEST(Headers, ABackingFileInJsonIsAPlainName) {
  const std::pair<const char*, std::pair<const char*, const char*>> cases[] = {
      {R"(json:{"driver":"qcow2","file":{"driver":"file","filename":"/img/b"}})",
       {"/img/b", "qcow2"}},
      {R"(json:{"driver":"raw","file.filename":"b.img","file.driver":"file"})", {"b.img", "raw"}},
      {R"(json:{"driver":"host_device","filename":"/dev/vg/b"})", {"/dev/vg/b", "raw"}},
      {R"(json:{"driver":"raw","file":{"driver":"nbd","host":"h"}})", {nullptr, ""}},
      {R"(json:{"driver":"raw","file":{"driver":"curl","filename":"x"}})", {nullptr, ""}},
      {R"(json:{"file":[]})", {nullptr, ""}},
      {R"(json:[1)", {nullptr, ""}},
  };
  for (const auto& [backing, expected] : cases) {
    std::string image = "QFI\xfb" + big(3, 4) + big(160, 8) + big(std::string(backing).size(), 4) +
                        big(16, 4) + big(1 << 20, 8);
    image.resize(100, '\0');
    image += big(104, 4) + big(0, 8);
    image.resize(160, '\0');
    const ImageHeader header = read_image_header(from(image + backing));
    EXPECT_EQ(header.backing, expected.first == nullptr ? backing : expected.first);
    EXPECT_EQ(header.backing_format, expected.second) << backing;
  }
}

TEST(Headers, VhdWithAParent) {
  std::string footer = "conectix";
  footer.resize(16, '\0');
  footer += big(512, 8);
  footer.resize(48, '\0');
  footer += big(4096, 8) + big(0, 4) + big(4, 4);
  footer.resize(512, '\0');
  std::string dynamic = "cxsparse";
  dynamic.resize(64, '\0');
  for (char c : std::string("parent.vhd")) dynamic += big(static_cast<uint8_t>(c), 2);
  dynamic.resize(1024, '\0');
  const std::string image = footer + dynamic + footer;
  const ImageHeader header = read_image_header(from(image));
  EXPECT_EQ(header.format, "vhd");
  EXPECT_EQ(header.backing, "parent.vhd");
  EXPECT_EQ(header.shows, bytes(4096));
  std::string fixed(8192, 'd');
  std::string plain = "conectix";
  plain.resize(60, '\0');
  plain += big(2, 4);
  plain.resize(512, '\0');
  fixed += plain;
  EXPECT_EQ(read_image_header(from(fixed)).format, "vhd") << "only at its end";
}

TEST(Headers, VmdkOfSeveralFiles) {
  const std::string image =
      "# Disk DescriptorFile\nversion=1\nparentFileNameHint=\"base.vmdk\"\n"
      "RW 4096 SPARSE \"d-s001.vmdk\"\nRW 4096 SPARSE \"d-s002.vmdk\"\n";
  const ImageHeader header = read_image_header(from(image));
  EXPECT_EQ(header.format, "vmdk");
  EXPECT_EQ(header.backing, "base.vmdk");
  EXPECT_EQ(header.parts, (std::vector<std::string>{"d-s001.vmdk", "d-s002.vmdk"}));
  EXPECT_EQ(header.shows, mib(4));
}

TEST(Headers, Marks) {
  std::string ext(8192, '\0');
  ext[1024 + 56] = '\x53';
  ext[1024 + 57] = '\xef';
  for (int i = 0; i < 16; ++i)
    ext[static_cast<std::size_t>(1024 + 104 + i)] = static_cast<char>(i + 1);
  EXPECT_EQ(read_marks(from(ext)),
            std::vector<std::string>{"ext:01020304-0506-0708-090a-0b0c0d0e0f10"});
  std::string gpt(8192, '\0');
  gpt.replace(512, 8, "EFI PART");
  for (int i = 0; i < 16; ++i)
    gpt[static_cast<std::size_t>(512 + 56 + i)] = static_cast<char>(i + 1);
  EXPECT_EQ(read_marks(from(gpt)),
            std::vector<std::string>{"gpt:04030201-0605-0807-090a-0b0c0d0e0f10"});
  std::string lvm(8192, '\0');
  lvm.replace(512, 8, "LABELONE");
  lvm.replace(512 + 24, 8, "LVM2 001");
  lvm.replace(512 + 32, 6, "abcdef");
  EXPECT_EQ(read_marks(from(lvm)), std::vector<std::string>{"lvm:abcdef"});
  EXPECT_TRUE(read_marks(from(std::string(8192, '\0'))).empty());
}

TEST(Headers, AnyBytesAreSomeAnswer) {
  SeededRandom random(5);
  const char* magics[] = {"QFI\xfb", "conectix", "KDMV", "# Disk DescriptorFile", "XFSB", ""};
  for (int i = 0; i < 20000; ++i) {
    std::string image = magics[random.below(6)];
    const uint64_t size = random.below(1500);
    while (image.size() < size)
      image += static_cast<char>(random.below(3) == 0 ? random.below(256) : 0);
    if (random.below(4) == 0) image += "conectix" + std::string(504, '\xff');
    const ImageHeader header = read_image_header(from(image));
    EXPECT_LE(header.backing.size(), 2048u);
    read_marks(from(image));
  }
}

}  // namespace
}  // namespace hv
