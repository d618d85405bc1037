// Golden transcripts: every example is played as tests/golden/EXAMPLE/*.txt has it, and answers the
// same. HV_UPDATE_GOLDEN=1 rewrites the transcripts, begins one for an example that has none, and
// counts as not passed, so that nobody updates by accident.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/process.h"
#include "tests/transcript.h"

namespace hv::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kExamples = fs::path(HV_SOURCE_DIR) / "examples";
const fs::path kGolden = fs::path(HV_SOURCE_DIR) / "tests" / "golden";

bool updating() {
  return std::getenv("HV_UPDATE_GOLDEN") != nullptr;
}

// Names of the entries of `folder`, sorted.
std::set<std::string> entries(const fs::path& folder) {
  std::set<std::string> names;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

std::vector<fs::path> transcripts() {
  std::vector<fs::path> all;
  for (const std::string& example_name : entries(kGolden))
    for (const std::string& name : entries(kGolden / example_name))
      if (name.ends_with(".txt")) all.push_back(kGolden / example_name / name);
  return all;
}

std::string first_difference(const std::string& kept, const std::string& now) {
  std::istringstream a(kept), b(now);
  std::string left, right;
  for (int number = 1;; ++number) {
    const bool more_left = static_cast<bool>(std::getline(a, left));
    const bool more_right = static_cast<bool>(std::getline(b, right));
    if (!more_left && !more_right) return "";
    if (more_left != more_right || left != right)
      return "line " + std::to_string(number) + "\n  kept: " + (more_left ? left : "(end)") +
             "\n  now:  " + (more_right ? right : "(end)");
  }
}

class Golden : public ::testing::TestWithParam<fs::path> {};

TEST_P(Golden, AnswersAsBefore) {
  const fs::path& path = GetParam();
  const fs::path folder = kExamples / path.parent_path().filename();
  ASSERT_TRUE(fs::is_directory(folder)) << "a transcript of no example";
  const std::string kept = file_text(path);
  std::string trouble;
  const std::string now = play(kept, folder, trouble);
  EXPECT_EQ(trouble, "");
  if (now == kept) return;
  ADD_FAILURE() << path << ", " << first_difference(kept, now)
                << "\nHV_UPDATE_GOLDEN=1 takes what is said now";
  if (updating()) std::ofstream(path, std::ios::binary) << now;
}

std::string test_name(const ::testing::TestParamInfo<fs::path>& info) {
  std::string name =
      info.param.parent_path().filename().string() + "_" + info.param.stem().string();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Transcripts, Golden, ::testing::ValuesIn(transcripts()), test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);

TEST(Examples, EachHasAPlanAsTextAndAsJson) {
  ASSERT_FALSE(entries(kExamples).empty());
  for (const std::string& name : entries(kExamples)) {
    std::string all;
    for (const std::string& transcript : entries(kGolden / name))
      all += file_text(kGolden / name / transcript);
    const bool whole = all.find("$ hv plan\n") != std::string::npos &&
                       all.find("$ hv plan --format json\n") != std::string::npos;
    EXPECT_TRUE(whole) << "examples/" << name << " has no golden plan in tests/golden/" << name;
    if (whole || !updating()) continue;
    fs::create_directories(kGolden / name);
    std::string trouble;
    std::ofstream(kGolden / name / "plan.txt")
        << play("$ hv check\n$ hv plan\n$ hv plan --format json\n", kExamples / name, trouble);
    EXPECT_EQ(trouble, "");
  }
}

// The harness itself: it must see what differs.
TEST(Transcript, CanFail) {
  const Folder folder;
  folder.write("a.cfg", "name = 'a'\nmemory = 64\nkernel = '/k'\n");
  std::string trouble;
  const std::string right = play("$ hv check a.cfg\n", folder.path(), trouble);
  EXPECT_EQ(trouble, "");
  EXPECT_EQ(right, "$ hv check a.cfg\nok: 1 file, 1 resource, 1 domain\n");
  const std::string wrong =
      play("$ edit a.cfg: memory => memory =\n$ hv check a.cfg\n", folder.path(), trouble);
  EXPECT_EQ(trouble, "");
  EXPECT_NE(wrong.find("\n=> 1\n"), std::string::npos) << wrong;
  EXPECT_NE(first_difference(right, wrong), "");
  play("$ edit a.cfg: nowhere => there\n", folder.path(), trouble);
  EXPECT_EQ(trouble, "cannot be done: $ edit a.cfg: nowhere => there\n");
}

}  // namespace
}  // namespace hv::testing
