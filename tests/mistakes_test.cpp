// Wrong input of every layer: the exit code, the code, the place, and a way out.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

#include "tests/process.h"

namespace hv::testing {
namespace {

struct Mistake {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<std::string> words;
  std::string code;   // "HV0203"
  std::string place;  // "web.vm:2:5", a file alone, or "" for none
  std::string says;   // in the message, the label or the help
};

std::string project(const std::string& more, const std::string& hosts = {}) {
  return "[project]\nsources = [\"web.cfg\"]\n" + more + "\n" + hosts;
}

const std::string kWeb = "name = 'web'\nmemory = 64\nkernel = '/k'\n";
constexpr char kJunkBytes[] =
    "\x7f"
    "ELF\x02\x01\x01\x00\x00\xff\xfe junk \x00\x01";
const std::string kJunk(kJunkBytes, sizeof kJunkBytes - 1);

std::vector<Mistake> mistakes() {
  return {
      {"unknown attribute",
       {{"w.vm", "domain w:\n    memroy = 64MiB\n"}},
       {"check", "w.vm"},
       "HV0203",
       "w.vm:2:5",
       "did you mean `memory`?"},
      {"wrong type",
       {{"w.vm", "domain w:\n    memory = \"lots\"\n    kernel = \"/k\"\n"}},
       {"check", "w.vm"},
       "HV0204",
       "w.vm:2:14",
       "for example `512MiB`"},
      {"out of range",
       {{"w.vm", "domain w:\n    vcpus = 0\n    kernel = \"/k\"\n"}},
       {"check", "w.vm"},
       "HV0205",
       "w.vm:2:13",
       ""},
      {"missing file",
       {},
       {"check", "no.vm"},
       "HV0402",
       "no.vm",
       "relative to the working directory"},
      {"missing source",
       {{"hv.toml", "[project]\nsources = [\"no.vm\"]\n"}},
       {"check"},
       "HV0402",
       "hv.toml:2:12",
       "relative to hv.toml"},
      {"pattern of nothing",
       {{"hv.toml", "[project]\nsources = [\"*.no\"]\n"}},
       {"check"},
       "HV0402",
       "hv.toml:2:12",
       "matches no file"},
      {"missing import",
       {{"w.vm", "from \"no.vm\" import x\n"}},
       {"check", "w.vm"},
       "HV0401",
       "w.vm:1:6",
       "no.vm"},
      {"import cycle",
       {{"a.vm", "from \"b.vm\" import x\ny = 1\n"}, {"b.vm", "from \"a.vm\" import y\nx = 1\n"}},
       {"check", "a.vm"},
       "HV0403",
       "b.vm:1:6",
       "a.vm → b.vm → a.vm"},
      {"import of what is not there",
       {{"a.vm", "from \"b.vm\" import widht\n"}, {"b.vm", "width = 1\n"}},
       {"check", "a.vm"},
       "HV0405",
       "a.vm:1:20",
       "width"},
      {"import from outside",
       {{"p/hv.toml", "[project]\nsources = [\"a.vm\"]\n"},
        {"p/a.vm", "from \"../b.vm\" import x\n"},
        {"b.vm", "x = 1\n"}},
       {"check", "-C", "p"},
       "HV0404",
       "a.vm:1:6",
       ""},
      {"binary junk", {{"w.vm", kJunk}}, {"check", "w.vm"}, "HV0102", "w.vm:1:1", "UTF-8 text"},
      {"binary junk as a project", {{"hv.toml", kJunk}}, {"check"}, "HV0420", "hv.toml:1:", ""},
      {"syntax",
       {{"w.vm", "domain w:\n    memory = = 3\n"}},
       {"check", "w.vm"},
       "HV0101",
       "w.vm:2:14",
       ""},
      {"open bracket",
       {{"w.cfg", "disk = [ 'phy:a,b,w'\n"}},
       {"check", "w.cfg"},
       "HV0108",
       "w.cfg:1:8",
       "is never closed"},
      {"bad disk",
       {{"w.cfg", kWeb + "disk = ['phy:/dev/sda']\n"}},
       {"check", "w.cfg"},
       "HV0213",
       "w.cfg:4:",
       ""},
      {"a folder without sources", {{"d/readme", ""}}, {"check", "d"}, "HV0402", "d", "no *.vm"},
      {"nothing at all", {}, {"plan"}, "HV0407", "", "hv init"},
      {"an empty project", {{"hv.toml", ""}}, {"plan"}, "HV0407", "", "sources = ["},
      {"a folder as project",
       {{"hv.toml/x", ""}, {"web.cfg", kWeb}},
       {"check", "web.cfg"},
       "HV0401",
       "hv.toml",
       "is a folder, not a file"},
      {"no folder to work in", {}, {"-C", "no", "check"}, "HV0401", "", "there is no folder `no`"},
      {"unknown host",
       {{"web.cfg", kWeb}},
       {"check", "web.cfg", "--host", "xen9"},
       "HV0212",
       "",
       "it has `local`"},
      {"unknown parameter",
       {{"w.vm", "param replicas: int = 1\n"}},
       {"check", "w.vm", "-p", "replcas=2"},
       "HV0220",
       "",
       "did you mean `replicas`?"},
      {"a parameter without value",
       {{"w.vm", "param n: int\n"}},
       {"check", "w.vm"},
       "HV0220",
       "w.vm:1:7",
       "-p n="},
      {"a wrong parameter",
       {{"w.vm", "param n: int(1..3) = 1\n"}},
       {"check", "w.vm", "-p", "n=9"},
       "HV0220",
       "w.vm:1:",
       "1..3"},
      {"a secret that is not there",
       {{"w.vm", "param n: secret\n"}},
       {"check", "w.vm", "-p", "n=@no"},
       "HV0401",
       "no",
       ""},
      {"a wrong assertion",
       {{"w.vm", "assert 1 == 2, \"odd\"\n"}},
       {"check", "w.vm"},
       "HV0305",
       "w.vm:1:",
       "odd"},
      {"endless",
       {{"w.vm", "while True:\n    pass\n"}},
       {"check", "w.vm"},
       "HV0302",
       "w.vm:1:",
       ""},
      // hv.toml
      {"no TOML", {{"hv.toml", "[project\n"}}, {"check"}, "HV0420", "hv.toml:1:", ""},
      {"unknown key",
       {{"hv.toml", project("nmae = \"x\"")}},
       {"check"},
       "HV0421",
       "hv.toml:3:1",
       "did you mean `name`?"},
      {"unknown table",
       {{"hv.toml", project("", "[host.a]\n")}},
       {"check"},
       "HV0421",
       "hv.toml:4:",
       "did you mean `hosts`?"},
      {"a number as name",
       {{"hv.toml", project("name = 3")}},
       {"check"},
       "HV0422",
       "hv.toml:3:8",
       "takes a string"},
      {"no UUID",
       {{"hv.toml", project("id = \"zz\"")}},
       {"check"},
       "HV0425",
       "hv.toml:3:6",
       "hv init"},
      {"a host nobody declares",
       {{"hv.toml", project("host = \"x\"")}},
       {"check"},
       "HV0426",
       "hv.toml:3:8",
       ""},
      {"level 2", {{"hv.toml", project("sharing = 2")}}, {"check"}, "HV0427", "hv.toml:3:11", ""},
      {"no budget",
       {{"hv.toml", project("max_destroy = \"lots\"")}},
       {"check"},
       "HV0428",
       "hv.toml:3:15",
       "\"10%\""},
      {"no state folder",
       {{"hv.toml", project("state = \"\"")}},
       {"check"},
       "HV0423",
       "hv.toml:3:9",
       ""},
      {"a host without driver",
       {{"hv.toml", project("", "[hosts.a]\n")}},
       {"check"},
       "HV0432",
       "hv.toml:4:8",
       "driver = \"sim\""},
      {"an unknown driver",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"esx\"\n")}},
       {"check"},
       "HV0423",
       "hv.toml:5:10",
       "`sim`"},
      {"a bad size",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"sim\"\nmemory = \"64 x\"\n")}},
       {"check"},
       "HV0424",
       "hv.toml:6:10",
       "64GiB"},
      {"a key of another driver",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"xl\"\ncpus = 4\n")}},
       {"check"},
       "HV0431",
       "hv.toml:6:1",
       ""},
      {"no host for it",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"sim\"\n[hosts.b]\ndriver = \"sim\"\n")},
        {"web.cfg", kWeb}},
       {"check"},
       "HV0225",
       "web.cfg:1:1",
       "host"},
      {"a driver hv lacks",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"libvirt\"\n")}, {"web.cfg", kWeb}},
       {"plan"},
       "HV0890",
       "",
       "driver = \"sim\""},
      // state and plans
      {"no state to verify", {{"web.cfg", kWeb}}, {"state", "verify"}, "HV0701", "", "hv apply"},
      {"no state to show",
       {{"web.cfg", kWeb}},
       {"state", "show", "domain.web"},
       "HV0701",
       "",
       "hv apply"},
      {"a host without the kernel",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"sim\"\nfiles = [\"/other\"]\n")},
        {"web.cfg", kWeb}},
       {"apply", "--yes"},
       "HV0608",
       "",
       "/k"},
      {"a host without the memory",
       {{"hv.toml", project("", "[hosts.a]\ndriver = \"sim\"\nmemory = \"1GiB\"\n")},
        {"web.cfg", "name = 'web'\nmemory = 4000\nkernel = '/k'\n"}},
       {"apply", "--yes"},
       "HV061",
       "",
       ""},
  };
}

TEST(Mistakes, EachHasItsCodePlaceAndWayOut) {
  for (const Mistake& each : mistakes()) {
    const Folder folder;
    for (const auto& [name, text] : each.files) folder.write(name, text);
    const Finished finished = folder.hv(each.words);
    const std::string what = each.name + "\n" + finished.all();
    EXPECT_EQ(finished.code, 1) << what;
    EXPECT_NE(finished.all().find(each.code), std::string::npos) << what;
    EXPECT_NE(finished.all().find(each.place.empty() ? "" : "--> " + each.place), std::string::npos)
        << what;
    EXPECT_NE(finished.all().find(each.says), std::string::npos) << what;
    EXPECT_LT(finished.took, Milliseconds(15'000)) << each.name;
    EXPECT_FALSE(folder.has(".hv") && each.words[0] != "apply") << what << "reading made a store";
  }
}

// The same as JSON: in shape, and with the same place.
TEST(Mistakes, AreTheSameAsJson) {
  for (const Mistake& each : mistakes()) {
    if (each.words[0] != "check") continue;
    const Folder folder;
    for (const auto& [name, text] : each.files) folder.write(name, text);
    std::vector<std::string> words = each.words;
    words.insert(words.end(), {"--format", "json"});
    const Finished finished = folder.hv(words);
    EXPECT_EQ(finished.code, 1) << each.name;
    EXPECT_EQ(misfit(finished.out, "hv.diagnostics.1"), "") << each.name << "\n" << finished.all();
    EXPECT_NE(finished.out.find("\"" + each.code + "\""), std::string::npos) << each.name << "\n"
                                                                             << finished.all();
    EXPECT_EQ(finished.err, "") << each.name;
  }
}

TEST(Mistakes, ALinkToNowhereIsNoReasonToUseAnotherProject) {
  const Folder folder;
  folder.write("hv.toml", "[project]\nsources = [\"web.cfg\"]\n");
  folder.write("web.cfg", kWeb);
  folder.write("inner/web.cfg", kWeb);
  ASSERT_EQ(folder.hv({"-C", "inner", "check"}).code, 0) << "found above";
  std::filesystem::create_symlink("nowhere", folder / "inner/hv.toml");
  const Finished finished = folder.hv({"-C", "inner", "check"});
  EXPECT_EQ(finished.code, 1) << finished.all();
  EXPECT_NE(finished.err.find("error[HV0401]: cannot read `"), std::string::npos) << finished.err;
}

// A hundred megabytes on one line are refused at once, without being held in memory.
TEST(Mistakes, AHugeLineIsAnsweredFast) {
  const Folder folder;
  const std::string line = "name = \"" + std::string(100'000'000, 'x') + "\"\n";
  folder.write("huge.cfg", line);
  for (const std::string source : {"huge.cfg", "-"}) {
    Command command = folder.command({"check", source});
    if (source == "-") command.input = line;
    const Finished finished = run(command);
    EXPECT_EQ(finished.code, 1);
    EXPECT_NE(finished.err.find("error[HV0406]: "), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("more than "), std::string::npos) << finished.err;
    EXPECT_LT(finished.took, Milliseconds(5000));
    // A child has the peak of the process that it is forked from, too, and sanitizers keep much.
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    EXPECT_LE(finished.peak_kib, std::max<long>(400 * 1024, own.ru_maxrss));
    EXPECT_LT(finished.err.size(), 1000u);
  }
  folder.write("hv.toml", "[project]\nname = \"" + std::string(20'000'000, 'x') + "\"\n");
  const Finished project = folder.hv({"check"});
  EXPECT_EQ(project.code, 1);
  EXPECT_NE(project.err.find("error[HV0420]: this file is too large"), std::string::npos);
  EXPECT_LT(project.err.size(), 2000u);
}

// Below the limit a line is read, but no number of brackets or words takes hv down.
TEST(Mistakes, LongLinesHaveShortAnswers) {
  const Folder folder;
  const std::pair<std::string, std::string> cases[] = {
      {std::string(2'000'000, '('), "HV0120"},
      {std::string(2'000'000, 'x'), "HV0131"},
      {"x = " + std::string(1'000'000, '-') + "1\n", "HV0121"},
      {"x = " + std::string(1'500'000, '1') + "\n", "HV0"},
  };
  for (const auto& [text, code] : cases) {
    folder.write("long.cfg", text);
    const Finished finished = folder.hv({"check", "long.cfg"});
    EXPECT_EQ(finished.signal, 0) << code;
    EXPECT_EQ(finished.code, 1) << code << finished.all().substr(0, 500);
    EXPECT_NE(finished.err.find(code), std::string::npos) << finished.err.substr(0, 500);
    EXPECT_LT(finished.err.size(), 3000u);
  }
}

// An empty file declares nothing; where the state has something that is no plan to remove it.
TEST(Mistakes, AnEmptyFileRemovesNothing) {
  const Folder folder;
  folder.write("hv.toml", "[project]\nsources = [\"web.cfg\"]\n[hosts.a]\ndriver = \"sim\"\n");
  folder.write("web.cfg", "");
  EXPECT_EQ(folder.hv({"check"}).out, "ok: 2 files, 0 resources, 0 domains\n");
  EXPECT_EQ(folder.hv({"plan", "--detailed-exitcode"}).code, 0);
  folder.write("web.cfg", kWeb);
  ASSERT_EQ(folder.hv({"apply", "--yes", "-q"}).code, 0);
  folder.write("web.cfg", "");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"plan"},
                                                {"apply", "--yes"},
                                                {"apply", "--yes", "--max-destroy", "9"}}) {
    const Finished finished = folder.hv(words);
    EXPECT_EQ(finished.code, 1) << finished.all();
    EXPECT_NE(finished.all().find("hv destroy"), std::string::npos) << finished.all();
  }
  EXPECT_EQ(folder.hv({"state", "list"}).out, "domain.web\n");
}

}  // namespace
}  // namespace hv::testing
