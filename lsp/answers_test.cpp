#include "lsp/answers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lsp/lsp_test_support.h"

namespace hv::lsp {
namespace {

constexpr const char* kMain = "/p/main.vm";

// A project whose main.vm is open, with the cursor at its `@@`.
struct Editor {
  explicit Editor(const std::string& text, std::map<std::string, std::string> others = {})
      : at(marked(text)), files(with_main(std::move(others), at.text)), workspace(files, false) {
    workspace.open(kMain, at.text);
  }
  static compiler::MemoryFiles with_main(std::map<std::string, std::string> others,
                                         const std::string& text) {
    others["main.vm"] = text;
    return project_files(std::move(others));
  }
  std::vector<Item> items() { return complete(workspace, kMain, at.cursor); }

  Marked at;
  compiler::MemoryFiles files;
  Workspace workspace;
};

// "main.vm:3:5", places counted from 1.
std::string show(const Location& place) {
  return place.path.substr(place.path.rfind('/') + 1) + ":" +
         std::to_string(place.range.start.line + 1) + ":" +
         std::to_string(place.range.start.character + 1);
}
std::vector<std::string> show(const std::vector<Location>& places) {
  std::vector<std::string> out;
  for (const Location& each : places) out.push_back(show(each));
  return out;
}

const std::string kFleet = R"(param replicas: int(1..8) = 3
pool fast:
    devices = ["phy:/dev/sda"]
vdisk rescue in fast:
    size = 1GiB
template web:
    vcpus = 2
    memory = 512MiB
def label(i: int) -> str:
    return f"web{i}"
for i in range(replicas):
    vdisk f"web{i}-root" in fast:
        size = 8GiB
    domain f"web{i}"(web):
        disk = [vbd(vdisk[f"web{i}-root"], "xvda", "w"), vbd(rescue, "xvde", "r")]
        on_reboot = "restart"
)";

// kFleet with the cursor within the n-th `needle`.
std::string fleet_at(const std::string& needle, int n = 1) {
  std::size_t at = 0;
  for (int i = 0; i < n; ++i) {
    at = kFleet.find(needle, i == 0 ? 0 : at + 1);
    if (at == std::string::npos) break;
  }
  EXPECT_NE(at, std::string::npos) << needle;
  std::string text = kFleet;
  return text.insert(at + 1, "@@");
}

TEST(Hover, SaysWhatANameIs) {
  struct Case {
    std::string text;
    std::vector<std::string> has;  // none: no hover
  };
  const Case cases[] = {
      {fleet_at("memory"), {"domain.memory", "a size", "a change", "live"}},
      {fleet_at("vcpus"), {"domain.vcpus", "a change", "live"}},
      {fleet_at("on_reboot"), {"on_reboot", "`restart`"}},
      {fleet_at("size"), {"vdisk.size", "a size", "a change"}},
      {fleet_at("devices"), {"pool.devices"}},
      {fleet_at("replicas", 2), {"param replicas: int(1..8) = 3", "int"}},
      {fleet_at("web)"), {"template web"}},
      {fleet_at("label"), {"def label(i: int) -> str"}},
      {fleet_at("rescue,"), {"vdisk rescue in fast", "`vdisk.rescue`"}},
      {fleet_at("fast:\n    size"), {"pool fast", "`pool.fast`"}},
      {fleet_at("range"), {}},
      {fleet_at("3"), {}},
      // Old files: keys of the settings, by any name a generation had for them.
      {"mem@@ory = 512\n", {"domain.memory", "MiB"}},
      {"name = 'a'\nvc@@pus = 2\n", {"domain.vcpus"}},
      {"mem@@_size = 64\nvbd_list = []\n", {"domain.memory"}},
      {"name = 'a'\nfoo@@ = 2 + 2\n", {"foo = 2 + 2", "int"}},
      {"domain a o@@n xen1:\n    memory = 64MiB\n", {}},
      {"domain a on xen@@2:\n    memory = 64MiB\n", {"host `xen2`", "sim"}},
      {"domain a:\n    lifecycle:\n        prot@@ect = True\n", {"lifecycle.protect"}},
      {"@@", {}},
      {"# memory@@\n", {}},
  };
  for (const Case& each : cases) {
    Editor editor(each.text);
    const std::optional<Hover> answer = hover(editor.workspace, kMain, editor.at.cursor);
    EXPECT_EQ(answer.has_value(), !each.has.empty())
        << each.text << (answer ? answer->markdown : "");
    for (const std::string& words : each.has)
      if (answer) {
        EXPECT_NE(answer->markdown.find(words), std::string::npos)
            << each.text << "\nwithout `" << words << "`\n"
            << answer->markdown;
      }
  }
}

TEST(Definition, AndReferences) {
  struct Case {
    std::string text;
    std::vector<std::string> definition;
    std::vector<std::string> references;
  };
  const Case cases[] = {
      {fleet_at("replicas", 2), {"main.vm:1:7"}, {"main.vm:1:7", "main.vm:11:16"}},
      {fleet_at("fast:"), {"main.vm:2:6"}, {"main.vm:2:6", "main.vm:4:17", "main.vm:12:29"}},
      {fleet_at("rescue,"), {"main.vm:4:7"}, {"main.vm:4:7", "main.vm:15:62"}},
      {fleet_at("web)"), {"main.vm:6:10"}, {"main.vm:6:10", "main.vm:14:22"}},
      {fleet_at("f\"web{i}-root\"]"), {"main.vm:12:11"}, {"main.vm:12:11", "main.vm:15:27"}},
      {"a = 1\ndef f(a):\n    return @@a\nb = a\n",
       {"main.vm:2:7"},
       {"main.vm:2:7", "main.vm:3:12"}},
      {"a = 1\ndef f():\n    global a\n    @@a = 2\nb = a\n",
       {"main.vm:1:1"},
       {"main.vm:1:1", "main.vm:3:12", "main.vm:4:5", "main.vm:5:5"}},
      // A comprehension's name is its own, also where another stands within it.
      {"z = [[1]]\nq = [@@x for y in [x for x in z] for x in y]\n",
       {"main.vm:2:36"},
       {"main.vm:2:6", "main.vm:2:36"}},
      {"f = lambda n: @@n + 1\nn = 2\n", {"main.vm:1:12"}, {"main.vm:1:12", "main.vm:1:15"}},
      {"domain a:\n    memory = 64MiB\n    maxmem = mem@@ory\n",
       {"main.vm:2:5"},
       {"main.vm:2:5", "main.vm:3:14"}},
      {"vdisk d in p:\n    size = 1GiB\npool p:\n    devices = [\"phy:/dev/sda\"]\n"
       "x = vdisk.@@d\ny = vdisk[\"d\"]\nmoved vdisk.d -> vdisk.e\n",
       {"main.vm:1:7"},
       {"main.vm:1:7", "main.vm:5:11", "main.vm:6:11", "main.vm:7:13"}},
      {"x = 1\ny = un@@known\n", {}, {"main.vm:2:5"}},
      {"x = 1 @@ \n", {}, {}},
  };
  for (const Case& each : cases) {
    Editor editor(each.text);
    EXPECT_EQ(show(definition(editor.workspace, kMain, editor.at.cursor)), each.definition)
        << each.text;
    EXPECT_EQ(show(references(editor.workspace, kMain, editor.at.cursor, true)), each.references)
        << each.text;
  }
}

TEST(Definition, ThroughImports) {
  const std::map<std::string, std::string> others = {
      {"base.vm", "template small:\n    memory = 64MiB\ndef size(n):\n    return n\n"},
      {"mid.vm", "from \"base.vm\" import small, size as sized\n"}};
  struct Case {
    std::string text;
    std::vector<std::string> definition, references;
  };
  const Case cases[] = {
      {"from \"base.vm\" import small\ndomain a(sm@@all):\n    vcpus = 1\n",
       {"base.vm:1:10"},
       {"main.vm:1:23", "main.vm:2:10", "base.vm:1:10"}},
      {"from \"base.vm\" import si@@ze as s\nx = s(1)\n",
       {"base.vm:3:5"},
       {"main.vm:1:23", "main.vm:1:31", "main.vm:2:5", "base.vm:3:5"}},
      {"from \"mid.vm\" import sized\nx = si@@zed(1)\n",
       {"base.vm:3:5"},
       {"main.vm:1:22", "main.vm:2:5", "mid.vm:1:30", "mid.vm:1:38", "base.vm:3:5"}},
      {"from \"ba@@se.vm\" import small\n", {"base.vm:1:1"}, {}},
      {"from \"abs@@ent.vm\" import small\n", {}, {}},
      {"from \"main.vm\" import x\ny = @@x\n", {}, {"main.vm:1:23", "main.vm:2:5"}},
  };
  for (const Case& each : cases) {
    Editor editor(each.text, others);
    EXPECT_EQ(show(definition(editor.workspace, kMain, editor.at.cursor)), each.definition)
        << each.text;
    EXPECT_EQ(show(references(editor.workspace, kMain, editor.at.cursor, true)), each.references)
        << each.text;
  }
}

TEST(Definition, OfAComputedNameAndOfAHost) {
  Editor computed(
      "pool p:\n    devices = [\"phy:/dev/sda\"]\n# \xf0\x9d\x84\x9e\n"
      "for i in range(2):\n    vdisk f\"d{i}\" in p:\n        size = 1GiB\n"
      "domain a:\n    memory = 64MiB\n    disk = [vbd(vdisk[\"d@@1\"], \"xvda\", \"w\")]\n");
  EXPECT_EQ(show(definition(computed.workspace, kMain, computed.at.cursor)),
            (std::vector<std::string>{"main.vm:5:5"}));
  Editor host("domain a on xen@@2:\n    memory = 64MiB\n");
  EXPECT_EQ(show(definition(host.workspace, kMain, host.at.cursor)),
            (std::vector<std::string>{"hv.toml:12:8"}));
}

TEST(Completion, OffersWhatFits) {
  struct Case {
    std::string text;
    std::vector<std::string> has, has_not;
  };
  const std::string pools = "pool fast:\n    devices = [\"phy:/dev/sda\"]\n";
  const Case cases[] = {
      // attributes
      {"domain a:\n    @@\n", {"memory", "vcpus", "disk", "lifecycle", "for"}, {"size", "extent"}},
      {"domain a:\n    mem@@\n", {"memory"}, {}},
      {"domain a:\n    if True:\n        @@\n", {"memory"}, {"domain"}},
      {"template t:\n    @@\n", {"memory", "vcpus"}, {"size"}},
      {pools + "vdisk d in fast:\n    @@\n", {"size"}, {"vcpus"}},
      {"pool p:\n    @@\n", {"devices", "extent"}, {"vcpus"}},
      {"domain a:\n    lifecycle:\n        @@\n", {"protect", "on_restart_needed"}, {"memory"}},
      {"@@", {"domain", "template", "memory", "disk"}, {}},
      {"mem@@", {"memory", "maxmem"}, {}},
      {"domain a:\n    memory = 64MiB\n@@\n", {"domain", "param"}, {"memory"}},
      // values
      {"domain a:\n    on_reboot = @@\n", {"restart", "destroy"}, {"memory"}},
      {"domain a:\n    on_reboot = \"@@\"\n", {"restart", "destroy"}, {}},
      {"on_reboot = '@@'\n", {"restart", "destroy", "preserve"}, {}},
      {"domain a:\n    lifecycle:\n        on_restart_needed = @@\n", {"defer", "fail"}, {}},
      {"domain a:\n    lifecycle:\n        protect = @@\n", {"True", "False"}, {}},
      {"domain a:\n    memory = @@\n", {"None", "len", "range"}, {}},
      // resources, hosts, templates, files, types
      {pools + "vdisk d in @@\n", {"fast"}, {}},
      {pools + "vdisk d in fast:\n    size = 1GiB\nx = vdisk[\"@@\"]\n", {"d"}, {"fast"}},
      {pools + "vdisk d in fast:\n    size = 1GiB\nx = vdisk.@@\n", {"d"}, {"fast"}},
      {pools + "x = fast.@@\n", {"devices", "extent"}, {"memory"}},
      {"domain a on @@\n", {"xen1", "xen2"}, {"memory"}},
      {"template big:\n    vcpus = 8\ndomain a(@@\n", {"big"}, {}},
      {"from \"@@\n", {"other.vm"}, {"main.vm", "note.txt"}},
      {"param n: @@\n", {"int", "str", "size"}, {"memory"}},
      {"def f(a: @@\n", {"int", "str"}, {}},
      {"ab = 1\ndef abc(x):\n    return x\ny = a@@\n", {"ab", "abc"}, {}},
      // nothing where nothing can be known
      {"# mem@@\n", {}, {"memory"}},
      {"x = \"mem@@\"\n", {}, {"memory", "restart"}},
  };
  for (const Case& each : cases) {
    Editor editor(each.text, {{"other.vm", "a = 1\n"}, {"note.txt", ""}});
    std::vector<std::string> labels;
    for (const Item& item : editor.items()) labels.push_back(item.label);
    const auto offered = [&](const std::string& label) {
      return std::find(labels.begin(), labels.end(), label) != labels.end();
    };
    for (const std::string& label : each.has)
      EXPECT_TRUE(offered(label)) << label << " in\n" << each.text;
    for (const std::string& label : each.has_not)
      EXPECT_FALSE(offered(label)) << label << " in\n" << each.text;
  }
}

TEST(Completion, ReplacesTheWordAtTheCursor) {
  Editor editor("domain a:\n    mem@@ory\n");
  for (const Item& item : editor.items()) {
    EXPECT_EQ(item.replaces.start, (Position{1, 4})) << item.label;
    EXPECT_EQ(item.replaces.end, (Position{1, 7})) << item.label;
    if (item.label == "memory") {
      EXPECT_EQ(item.insert, "memory = ");
      EXPECT_NE(item.documentation.find("a change"), std::string::npos);
    }
  }
}

TEST(Formatting, IsOneEditOfTheLinesThatDiffer) {
  struct Case {
    std::string before, after;
    Range range;
  };
  const Case cases[] = {
      {"domain a:\n    memory=64MiB\n    vcpus = 1\n",
       "domain a:\n    memory = 64MiB\n    vcpus  = 1\n",
       {{1, 0}, {3, 0}}},
      {"domain a:\r\n    memory = 64MiB\r\n", "domain a:\n    memory = 64MiB\n", {{0, 0}, {2, 0}}},
      {"a = 1   \nb = 2\n", "a = 1\nb = 2\n", {{0, 0}, {1, 0}}},
      {"a = '\xf0\x9d\x84\x9e'\nb = 2", "a = '\xf0\x9d\x84\x9e'\nb = 2\n", {{1, 0}, {1, 5}}},
  };
  for (const Case& each : cases) {
    Editor editor("@@");
    const auto edits = format_edits(editor.workspace, each.before);
    ASSERT_TRUE(edits) << each.before;
    ASSERT_EQ(edits->size(), 1u) << each.before;
    EXPECT_EQ(edits->front().range, each.range) << each.before;
    const TextLines lines(each.before);
    std::string text = each.before;
    const uint32_t begin = lines.offset(edits->front().range.start);
    text.replace(begin, lines.offset(edits->front().range.end) - begin, edits->front().text);
    EXPECT_EQ(text, each.after);
    EXPECT_TRUE(format_edits(editor.workspace, each.after)->empty()) << each.after;
  }
  Editor editor("@@");
  EXPECT_FALSE(format_edits(editor.workspace, "domain a:\nmemory = = 1\n"));
}

std::vector<std::string> codes(Workspace& workspace, const std::string& path) {
  std::vector<std::string> out;
  for (const Finding& each : workspace.around(path).findings[path]) out.push_back(each.code);
  return out;
}

TEST(Findings, FollowTheTextAcrossImports) {
  Editor editor("from \"base.vm\" import small\ndomain a(small):\n    vcpus = 1\n@@",
                {{"base.vm", "template small:\n    memory = 64MiB\n"}});
  Workspace& workspace = editor.workspace;
  EXPECT_EQ(codes(workspace, kMain), std::vector<std::string>{});
  // The import is edited, not saved: what uses it is wrong at once.
  workspace.open("/p/base.vm", "template tiny:\n    memry = 64MiB\n");
  EXPECT_EQ(codes(workspace, kMain), std::vector<std::string>{"HV0405"});
  EXPECT_EQ(codes(workspace, "/p/base.vm"), std::vector<std::string>{"HV0203"});
  const Finding& finding = workspace.around(kMain).findings["/p/base.vm"].front();
  ASSERT_TRUE(finding.mend);
  EXPECT_EQ(finding.mend->replacement, "memory");
  EXPECT_EQ(finding.mend->range, (Range{{1, 4}, {1, 9}}));
  // Closed without saving: the disk counts again.
  workspace.close("/p/base.vm");
  EXPECT_EQ(codes(workspace, kMain), std::vector<std::string>{});
}

TEST(Findings, OfAFileThatIsNoSourceAndOfHvToml) {
  Editor editor("domain a:\n    memory = 64MiB\n@@", {{"lone.vm", ""}});
  Workspace& workspace = editor.workspace;
  workspace.open("/p/lone.vm", "domain b:\n    memry = 64MiB\n");
  EXPECT_EQ(codes(workspace, "/p/lone.vm"), std::vector<std::string>{"HV0203"});
  EXPECT_EQ(codes(workspace, kMain), std::vector<std::string>{});
  workspace.open("/p/hv.toml", "[project]\nname = \"p\"\nsauces = [\"main.vm\"]\n");
  EXPECT_EQ(codes(workspace, "/p/hv.toml").size(), 1u);
  workspace.open("/elsewhere/x.cfg", "memory = 'lots'\n");
  EXPECT_EQ(codes(workspace, "/elsewhere/x.cfg"),
            (std::vector<std::string>{"HV0222", "HV0223", "HV0204"}));
}

TEST(Outline, NestsWhatBlocksHold) {
  Editor editor("@@" + kFleet);
  const FileIndex* index = editor.workspace.index(kMain);
  ASSERT_NE(index, nullptr);
  std::string shown;
  for (const OutlineEntry& each : index->outline)
    shown += std::string(each.depth * 2, ' ') + each.name + "\n";
  EXPECT_EQ(shown,
            "replicas\npool fast\n  devices\nvdisk rescue\n  size\ntemplate web\n  vcpus\n"
            "  memory\nlabel\nvdisk f\"web{i}-root\"\n  size\ndomain f\"web{i}\"\n  disk\n"
            "  on_reboot\n");
}

}  // namespace
}  // namespace hv::lsp
