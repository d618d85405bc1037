#include "state/table_end.h"

#include <gtest/gtest.h>

#include "state/rocks_table.h"
#include "state/test_folder.h"

namespace hv::state {
namespace {

bool is_sound(const std::string& bytes) {
  return is_table_end_sound(bytes.size(),
                            [&](uint64_t offset, std::size_t length, std::string* octets) {
                              if (offset > bytes.size() || length > bytes.size() - offset)
                                return false;
                              *octets = bytes.substr(offset, length);
                              return true;
                            });
}

std::string a_table() {
  testing::TempFolder folder;
  RocksPlace place{folder / "db", {"default"}, "a database", nullptr};
  auto made = create_rocks(place, [](Table* table) {
    return table->write({{Column{0}, "key", std::string(3000, 'v')}}, true);
  });
  EXPECT_TRUE(made.ok());
  for (const auto& file : std::filesystem::directory_iterator(place.folder))
    if (file.path().extension() == ".sst") return testing::read_bytes(file.path().string());
  return {};
}

TEST(TableEnd, CheckSumIsTheOneOfTheTextbook) {
  const uint32_t sum = 0xe3069283;  // CRC-32C of "123456789"
  EXPECT_EQ(masked_crc32c("123456789"), ((sum >> 15) | (sum << 17)) + 0xa282ead8);
}

TEST(TableEnd, EveryFlippedBitIsSeenExceptInPadding) {
  const std::string table = a_table();
  ASSERT_TRUE(is_sound(table));
  std::size_t unseen_in_footer = 0, seen_before = 0;
  for (std::size_t at = 0; at < table.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = table;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      if (at + 53 < table.size())
        seen_before += is_sound(flipped) ? 0 : 1;
      else
        unseen_in_footer += is_sound(flipped) ? 1 : 0;
    }
  }
  EXPECT_LE(unseen_in_footer,
            8u * 39u);                // the handle of the index, which has a check sum, and zeroes
  EXPECT_GE(seen_before, 8u * 700u);  // the properties
}

TEST(TableEnd, CutAndRandomBytesAreUnsound) {
  const std::string table = a_table();
  for (std::size_t size = 0; size < table.size(); ++size)
    EXPECT_FALSE(is_sound(table.substr(0, size))) << size;
  SeededRandom random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = table;
    const std::size_t where = table.size() - 53 - (round % 2 == 0 ? 0 : 200);
    for (uint64_t i = 0; i <= random.below(20); ++i)
      damaged[where + random.below(table.size() - where)] = static_cast<char>(random.next());
    is_sound(damaged);  // any answer but a crash
  }
}

}  // namespace
}  // namespace hv::state
