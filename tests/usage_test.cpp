// Words on the command line: usage, help, explain, completion.
#include <gtest/gtest.h>

#include "tests/process.h"

namespace hv::testing {
namespace {

TEST(Usage, VersionIsOneLine) {
  const Folder folder;
  for (const std::string word : {"version"}) {
    const Finished finished = folder.hv({word});
    EXPECT_EQ(finished.code, 0);
    EXPECT_EQ(finished.out.substr(0, 3), "hv ");
    EXPECT_EQ(std::count(finished.out.begin(), finished.out.end(), '\n'), 1);
    EXPECT_EQ(finished.err, "");
  }
}

}  // namespace
}  // namespace hv::testing
