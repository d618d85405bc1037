#include <gtest/gtest.h>

#include "base/render.h"
#include "hv/schema/schema.h"

namespace hv {
namespace {

struct Narrowed {
  std::unique_ptr<Schema> schema;
  Diagnostics diagnostics;
  std::string report;
};

Narrowed narrow(const std::vector<std::string>& texts, const Schema& from = Schema::builtin()) {
  SourceMap sources;
  std::vector<FileId> files;
  for (const std::string& text : texts) {
    files.push_back(sources.add("schemas/site" + std::to_string(files.size()) + ".toml", text));
  }
  Narrowed narrowed;
  narrowed.schema = from.narrowed(files, sources, narrowed.diagnostics);
  narrowed.report = render_text(narrowed.diagnostics, sources);
  return narrowed;
}

const Attribute& domain_attribute(const Narrowed& narrowed, std::string_view name) {
  const Attribute* attribute = narrowed.schema->find(Kind::domain, name);
  EXPECT_NE(attribute, nullptr) << name;
  return *attribute;
}

TEST(Narrowing, BoundsChoicesAndRequired) {
  Narrowed site = narrow({R"([domain.memory]
max = "8GiB"
min = 128
[domain.vcpus]
max = 8
[domain.on_crash]
choices = ["destroy", "preserve"]
[domain.bootloader]
choices = ["/usr/bin/pygrub"]
[domain.kernel]
required = true
[pool.extent]
min = "4MiB"
[vdisk.expiry]
max = "1w"
)"});
  EXPECT_EQ(site.report, "");
  EXPECT_EQ(domain_attribute(site, "memory").maximum, gib(8).count);
  EXPECT_EQ(domain_attribute(site, "memory").minimum, mib(128).count);
  EXPECT_EQ(domain_attribute(site, "mem_size").maximum, gib(8).count);
  EXPECT_EQ(domain_attribute(site, "vcpus").maximum, 8);
  EXPECT_EQ(domain_attribute(site, "on_crash").choices.size(), 2U);
  EXPECT_EQ(choice_from(domain_attribute(site, "on_crash"), "restart"), std::nullopt);
  EXPECT_EQ(domain_attribute(site, "bootloader").type, AttributeType::choice);
  EXPECT_TRUE(domain_attribute(site, "kernel").required);
  EXPECT_EQ(site.schema->find(Kind::pool, "extent")->minimum, mib(4).count);
  EXPECT_EQ(site.schema->find(Kind::vdisk, "expiry")->maximum, seconds(7 * 24 * 3600).count);
  // The built-in one is as it was.
  EXPECT_EQ(Schema::builtin().find(Kind::domain, "memory")->maximum, std::nullopt);
  EXPECT_FALSE(Schema::builtin().find(Kind::domain, "kernel")->required);
}

TEST(Narrowing, AForbiddenDefaultMustBeSet) {
  Narrowed site = narrow({R"([domain.memory]
min = "64MiB"
[domain.on_crash]
choices = ["preserve"]
[domain.vcpus]
max = 4
)"});
  EXPECT_TRUE(domain_attribute(site, "memory").required);
  EXPECT_TRUE(domain_attribute(site, "on_crash").required);
  EXPECT_FALSE(domain_attribute(site, "vcpus").required);
}

TEST(Narrowing, NumbersAndBeginningsKeepTheirMeaning) {
  Narrowed site = narrow({R"([domain.tsc_mode]
choices = ["native"]
[domain.type]
choices = ["pvh"]
)"});
  EXPECT_EQ(choice_from(domain_attribute(site, "tsc_mode"), 2), "native");
  EXPECT_EQ(choice_from(domain_attribute(site, "tsc_mode"), 0), std::nullopt);
  EXPECT_EQ(choice_from(domain_attribute(site, "type"), "p"), std::nullopt);
}

TEST(Narrowing, AttributesOfTheSite) {
  Narrowed site = narrow({R"([domain.owner]
required = true
doc = "Who is called at night."
[domain.tier]
required = true
choices = ["gold", "silver"]
)",
                          R"([domain.owner]
required = true
choices = ["ops", "dev"]
)"});
  ASSERT_EQ(site.report, "");
  const Attribute& owner = domain_attribute(site, "owner");
  EXPECT_TRUE(owner.custom && owner.required && owner.block_only);
  EXPECT_EQ(owner.doc, "Who is called at night.");
  EXPECT_EQ(owner.source, "schemas/site0.toml");
  EXPECT_EQ(choice_from(owner, "ops"), "ops");
  EXPECT_EQ(site.schema->find_key("owner", false), nullptr);
  EXPECT_EQ(domain_attribute(site, "tier").type, AttributeType::choice);
  // Every other name still means what it meant.
  for (std::string_view name : Schema::builtin().names(Kind::domain)) {
    EXPECT_EQ(domain_attribute(site, name).name, Schema::builtin().find(Kind::domain, name)->name);
    for (bool old : {false, true}) {
      EXPECT_EQ(site.schema->find_key(name, old) != nullptr,
                Schema::builtin().find_key(name, old) != nullptr)
          << name;
    }
  }
}

TEST(Narrowing, OutlivesWhatItCameFrom) {
  Narrowed first =
      narrow({"[domain.owner]\nrequired = true\ndoc = \"A long text that no small "
              "string holds in itself.\"\n"});
  Narrowed second = narrow({"[domain.owner]\nchoices = [\"ops\"]\n"}, *first.schema);
  first.schema.reset();
  EXPECT_EQ(second.report, "");
  EXPECT_EQ(domain_attribute(second, "owner").doc,
            "A long text that no small string holds in itself.");
  EXPECT_EQ(domain_attribute(second, "owner").choices.size(), 1U);
}

struct Mistake {
  std::string text;
  Code code;
  std::string message;
};

TEST(Narrowing, RefusesWhatIsNone) {
  const Mistake mistakes[] = {
      {"[domain.vcpus]\nmax = 5000\n", Code::schema_widens, "`max` of `vcpus` is 4096 already"},
      {"[domain.memory]\nmin = 0\n", Code::schema_widens, "`min` of `memory` is 1MiB already"},
      {"[domain.on_crash]\nchoices = [\"explode\"]\n", Code::schema_widens,
       "`explode` is no choice of `on_crash`"},
      {"[network.bridge]\nrequired = false\n", Code::schema_widens, "`bridge` is required already"},
      {"[domain.memroy]\nmax = \"8GiB\"\n", Code::schema_unknown_attribute,
       "`memroy` is no attribute of a domain"},
      {"[domain.owner]\nrequired = false\n", Code::schema_unknown_attribute,
       "`owner` is no attribute of a domain"},
      {"[vdisk.owner]\nrequired = true\n", Code::schema_bad_value,
       "`owner` cannot be an attribute of your own"},
      {"[domain.Owner]\nrequired = true\n", Code::schema_bad_value,
       "`Owner` cannot be an attribute of your own"},
      {"[domain.memory]\nmax = \"lots\"\n", Code::schema_wrong_type,
       "`max` of `memory` cannot be read"},
      {"[domain.kernel]\nmax = 3\n", Code::schema_bad_value, "`kernel` has no `max`"},
      {"[domain.memory]\nchoices = [\"1GiB\"]\n", Code::schema_bad_value,
       "`memory` has no choices"},
      {"[domain.on_crash]\nchoices = []\n", Code::schema_bad_value,
       "no value of `on_crash` is left"},
      {"[domain.on_crash]\nchoices = [1]\n", Code::schema_wrong_type,
       "`choices` in [domain.on_crash] takes an array of strings"},
      {"[domain.memory]\nmin = \"2GiB\"\nmax = \"1GiB\"\n", Code::schema_bad_value,
       "no value of `memory` lies between 2GiB and 1GiB"},
      {"[domain.memory]\nmaximum = 3\n", Code::schema_unknown_field,
       "unknown key `maximum` in [domain.memory]"},
      {"[domian.memory]\nmax = 3\n", Code::schema_unknown_field, "unknown key `domian`"},
      {"[domain]\nmemory = 3\n", Code::schema_wrong_type, "`memory` takes a table"},
      {"domain = 3\n", Code::schema_wrong_type, "`domain` in a site's schema takes a table"},
      {"[domain.memory\n", Code::schema_syntax, "this is not TOML"},
  };
  for (const Mistake& mistake : mistakes) {
    Narrowed site = narrow({mistake.text});
    ASSERT_EQ(site.diagnostics.size(), 1U) << mistake.text << site.report;
    EXPECT_EQ(site.diagnostics.all()[0].code, mistake.code) << site.report;
    EXPECT_NE(site.report.find(mistake.message), std::string::npos) << site.report;
    // What was refused left everything as it was.
    EXPECT_EQ(domain_attribute(site, "memory").minimum, mib(1).count);
    EXPECT_EQ(site.schema->names(Kind::domain), Schema::builtin().names(Kind::domain));
  }
}

TEST(Narrowing, SecondFileCannotWidenTheFirst) {
  Narrowed site =
      narrow({"[domain.memory]\nmax = \"4GiB\"\n", "[domain.memory]\nmax = \"8GiB\"\n"});
  EXPECT_EQ(site.report, R"(error[HV0474]: `max` of `memory` is 4GiB already
 --> schemas/site1.toml:2:7
  |
2 | max = "8GiB"
  |       ^^^^^^
  |
  = help: a site's schema can only permit less
)");
  EXPECT_EQ(domain_attribute(site, "memory").maximum, gib(4).count);
}

}  // namespace
}  // namespace hv
