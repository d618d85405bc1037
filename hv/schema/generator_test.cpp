#include "hv/schema/generator.h"

#include <gtest/gtest.h>

#include "base/render.h"

namespace hv {
namespace {

struct Outcome {
  std::optional<std::string> table;
  std::string report;
  std::vector<Code> codes;
};

Outcome generate(const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  SchemaFile file{Kind::domain, sources.add("schemas/domain.toml", text)};
  Outcome outcome;
  outcome.table = generate_table(std::span(&file, 1), sources, diagnostics);
  outcome.report = render_text(diagnostics, sources);
  for (const Diagnostic& diagnostic : diagnostics.all()) outcome.codes.push_back(diagnostic.code);
  return outcome;
}

constexpr const char* kGood = R"([memory]
type = "size"
unit = "MiB"
default = "32MiB"
generations = ["xm", "xl"]
aliases = { mem_size = "2004" }
marks_2004 = true
doc = "How much \"memory\"."
)";

TEST(Generator, WritesConstantRows) {
  Outcome outcome = generate(kGood);
  ASSERT_TRUE(outcome.table) << outcome.report;
  EXPECT_EQ(outcome.report, "");
  for (const char* part :
       {".name = \"memory\"", ".type = AttributeType::size", ".bare_unit = INT64_C(1048576)",
        ".default_text = \"32MiB\"", ".doc = \"How much \\\"memory\\\".\"", "constinit",
        "{\"mem_size\", 0, 36}", "{\"memory\", 0, 3}", ".how = How::restart"}) {
    EXPECT_NE(outcome.table->find(part), std::string::npos) << part;
  }
}

TEST(Generator, SameInSameOut) {
  EXPECT_EQ(*generate(kGood).table, *generate(kGood).table);
}

struct Mistake {
  std::string line;  // added to a good attribute, or a whole text
  Code code;
  std::string message;
};

TEST(Generator, RefusesEveryMistakeByName) {
  const Mistake mistakes[] = {
      {"colour = 1", Code::schema_unknown_field, "unknown key `colour` in [memory]"},
      {"how = \"alive\"", Code::schema_bad_value, "`memory`: `how` is one of"},
      {"min = \"64MiB\"\nmax = \"32MiB\"", Code::schema_bad_value,
       "`memory`: `max` is below `min`"},
      {"max = \"16MiB\"", Code::schema_bad_value, "`memory`: `default` does not fit the type"},
      {"min = \"many\"", Code::schema_bad_value, "`memory`: `min` does not fit the type"},
      {"observed = 1", Code::schema_wrong_type, "`observed` in [memory] takes true or false"},
      {"choices = [\"a\"]", Code::schema_bad_value, "`memory`: `choices` belong to the type"},
      {"reference_kind = \"pool\"", Code::schema_bad_value, "`memory`: `reference_kind` belongs"},
      {"only_for = [\"xen\"]", Code::schema_bad_value, "`memory`: `xen` is no type of domain"},
      {"follows = \"memroy\"", Code::schema_bad_value, "`memory` cannot follow `memroy`"},
      {"prefix_choice = true", Code::schema_bad_value, "`memory`: it has no `choices`"},
      {"[b]\ntype = \"integer\"\ndoc = \"B.\"\ngenerations = [\"xp\"]", Code::schema_bad_value,
       "`b`: a generation is one of"},
      {"[b]\ntype = \"integr\"\ndoc = \"B.\"\ngenerations = [\"xm\"]", Code::schema_bad_value,
       "`b`: `integr` is no type"},
      {"[b]\ntype = \"integer\"\ngenerations = [\"xm\"]", Code::schema_bad_value,
       "`b`: it needs a `doc`"},
      {"[b]\ndoc = \"B.\"\ngenerations = [\"xm\"]", Code::schema_bad_value,
       "`b`: it needs a `type`"},
      {"[b]\ntype = \"size\"\ndoc = \"B.\"\ngenerations = [\"xm\"]", Code::schema_bad_value,
       "`b`: it needs a `unit`"},
      {"[b]\ntype = \"choice\"\ndoc = \"B.\"\ngenerations = \"xm\"\nchoices = [\"x\"]\n"
       "default = \"y\"",
       Code::schema_bad_value, "`b`: `default` does not fit the type"},
      {"[b]\ntype = \"string\"\ndoc = \"B.\"\ngenerations = [\"xm\"]\naliases = { mem_size = "
       "\"xm\" }",
       Code::schema_bad_value, "the name `mem_size` is taken"},
      {"[B]\ntype = \"string\"\ndoc = \"B.\"\ngenerations = [\"xm\"]", Code::schema_bad_value,
       "`B` is no name of an attribute"},
      {"[b]\ntype = \"integer\"\ndoc = \"B.\"\ngenerations = [\"xm\"]\nfollows = \"c\"\n"
       "[c]\ntype = \"integer\"\ndoc = \"C.\"\ngenerations = [\"xm\"]\nfollows = \"b\"",
       Code::schema_bad_value, "follows itself"},
      {"[memory]", Code::schema_syntax, "this is not TOML"},
  };
  for (const Mistake& mistake : mistakes) {
    Outcome outcome = generate(kGood + mistake.line + "\n");
    EXPECT_FALSE(outcome.table) << mistake.line;
    ASSERT_FALSE(outcome.codes.empty()) << mistake.line;
    EXPECT_EQ(outcome.codes.front(), mistake.code) << outcome.report;
    EXPECT_NE(outcome.report.find(mistake.message), std::string::npos) << outcome.report;
    EXPECT_NE(outcome.report.find("schemas/domain.toml:"), std::string::npos);
  }
}

TEST(Generator, NamesFileAndKey) {
  EXPECT_EQ(generate(std::string(kGood) + "defualt = 1\n").report,
            R"(error[HV0471]: unknown key `defualt` in [memory]
 --> schemas/domain.toml:9:1
  |
9 | defualt = 1
  | ^^^^^^^ did you mean `default`?
)");
}

TEST(Generator, WantsTables) {
  EXPECT_EQ(generate("memory = 3\n").codes, std::vector<Code>{Code::schema_wrong_type});
}

}  // namespace
}  // namespace hv
