// Real files: what xm or xl took compiles here without errors, and means what they said it means.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compiler/compiler_test_support.h"

namespace hv::compiler {
namespace {

using nlohmann::json;

std::filesystem::path corpus() {
  if (const char* given = std::getenv("HV_CORPUS")) return given;
  return std::filesystem::path(HV_SOURCE_DIR) / "../shared/corpus";
}

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> split(const std::string& line, char by) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  std::string part;
  while (std::getline(in, part, by)) parts.push_back(part);
  return parts;
}

struct Entry {
  std::string file;
  bool xl = false, xm = false, of_2004 = false;
};

std::vector<Entry> index() {
  std::vector<Entry> entries;
  std::istringstream in(slurp(corpus() / "INDEX.tsv"));
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> head = split(line, '\t');
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(head.begin(), head.end(), name) - head.begin());
  };
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split(line, '\t');
    const auto cell = [&](const char* name) {
      const std::size_t at = column(name);
      return at < cells.size() ? cells[at] : std::string();
    };
    entries.push_back({cell("file"), cell("xlu_4.17") == "ok", cell("xm_create_4.3_py27") == "ok",
                       cell("origin").find("2004") != std::string::npos ||
                           cell("kind").find("2004") != std::string::npos});
  }
  return entries;
}

Compiled compile_file(const std::string& file, std::map<std::string, std::string> params) {
  Case setup;
  setup.files[file] = slurp(corpus() / "files" / file);
  setup.roots = {file};
  setup.root_params = std::move(params);
  return compile_setup(setup);
}

TEST(Corpus, WhatXmOrXlTookCompiles) {
  if (!std::filesystem::exists(corpus() / "INDEX.tsv")) GTEST_SKIP() << "no corpus is here";
  int taken = 0, failed = 0, warned = 0;
  for (const Entry& entry : index()) {
    if (!entry.xl && !entry.xm) continue;
    ++taken;
    const Compiled done = compile_file(entry.file, {{"vmid", "3"}, {"vmmem", "2048"}});
    if (!done.complaints().empty() && done.ok()) ++warned;
    if (done.ok()) continue;
    ++failed;
    ADD_FAILURE() << entry.file << "\n" << done.complaints();
  }
  std::printf("%d files compiled, %d with errors, %d with warnings\n", taken, failed, warned);
  EXPECT_GT(taken, 50);
}

// The values of keys as xm took them: numbers, texts and lists of texts by their meaning.
bool same_value(const Value& ours, const json& theirs, const Attribute& attribute) {
  const std::string key(attribute.name);
  const bool digits =
      theirs.is_string() && !theirs.get<std::string>().empty() &&
      theirs.get<std::string>().find_first_not_of("0123456789") == std::string::npos;
  if (attribute.type == AttributeType::choice && (theirs.is_number() || digits)) {
    const int64_t n =
        digits ? std::atoll(theirs.get<std::string>().c_str()) : theirs.get<int64_t>();
    const auto choice = choice_from(attribute, n);
    return choice && ours.get<std::string>() != nullptr && *ours.get<std::string>() == *choice;
  }
  if (const auto* size = ours.get<Bytes>()) {
    const int64_t unit =
        key == "videoram" || key == "memory" || key == "maxmem" || key == "shadow_memory" ? kMiB
                                                                                          : kKiB;
    if (theirs.is_number()) return size->count == theirs.get<int64_t>() * unit;
    if (theirs.is_string())
      return size->count == std::strtoll(theirs.get<std::string>().c_str(), nullptr, 0) * unit;
    return false;
  }
  if (const auto* text = ours.get<std::string>()) {
    if (theirs.is_string()) return *text == theirs.get<std::string>();
    if (theirs.is_number()) return *text == theirs.dump();
    return false;
  }
  if (const auto* duration = ours.get<Duration>())
    return duration->count ==
           1000 *
               std::atoll((theirs.is_string() ? theirs.get<std::string>() : theirs.dump()).c_str());
  if (const auto* secret = ours.get<Secret>())
    return secret->text == (theirs.is_string() ? theirs.get<std::string>() : theirs.dump());
  if (const auto* number = ours.get<int64_t>()) {
    if (theirs.is_number()) return *number == static_cast<int64_t>(theirs.get<double>());
    if (theirs.is_string())
      return *number == std::strtoll(theirs.get<std::string>().c_str(), nullptr, 0);
    return false;
  }
  if (const auto* flag = ours.get<bool>()) {
    if (theirs.is_number()) return *flag == (theirs.get<double>() != 0);
    if (theirs.is_boolean()) return *flag == theirs.get<bool>();
    if (theirs.is_string()) {
      const std::string text = theirs.get<std::string>();
      return *flag == (std::atol(text.c_str()) != 0 || text == "yes" || text == "on");
    }
  }
  if (const auto* list = ours.get<List>()) {
    const json items = theirs.is_array() ? theirs : json::array({theirs});
    if (items.size() == 1 && items[0] == "" && list->empty()) return true;
    if (list->size() != items.size()) return false;
    for (std::size_t i = 0; i < items.size(); ++i)
      if (!same_value((*list)[i], items[i], attribute)) return false;
    return true;
  }
  return false;
}

// A disk as it was written, against what hv made of it: nothing may get lost on the way.
bool same_disk(const Vbd& ours, const json& theirs) {
  if (theirs.is_string()) return ours.written == theirs.get<std::string>();
  return theirs.is_array() && theirs.size() == 3 && ours.device == theirs[1].get<std::string>();
}

// An interface: every `key=value` of the string, and nothing more.
bool same_vif(const Vif& ours, const json& theirs) {
  if (!theirs.is_string()) return false;
  std::map<std::string, std::string> settings;
  for (std::string part : split(theirs.get<std::string>(), ',')) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    const std::size_t equals = part.find('=');
    if (part.empty() || equals == std::string::npos) continue;
    std::string value = part.substr(equals + 1);
    if (part.starts_with("mac="))
      for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    settings[part.substr(0, equals)] = value;
  }
  return ours.settings == settings;
}

struct Tally {
  int files = 0, values = 0, wrong = 0;
  void differs(const std::string& what) {
    if (++wrong <= 20) ADD_FAILURE() << what;
  }
};

// One setting of a tool's answer against the domain that hv makes of the file.
void compare_setting(const DomainSpec& domain, const std::string& file, const std::string& key,
                     const json& theirs, Tally& tally) {
  const Attribute* attribute = Schema::builtin().find_key(key, false);
  if (attribute == nullptr || theirs.is_null()) return;
  const auto told = [&](const std::string& ours) {
    tally.differs(file + ": " + key + " is " + ours + ", not " + theirs.dump());
  };
  ++tally.values;
  const std::string name(attribute->name);
  if (name == "name" || name == "uuid") {
    const std::string ours = name == "name" ? domain.name : to_string(*domain.uuid);
    if (ours != theirs.get<std::string>()) told(ours);
  } else if (name == "disk" && (theirs.is_array() || theirs == "")) {
    bool same = theirs.is_array() ? domain.vbds.size() == theirs.size() : domain.vbds.empty();
    for (std::size_t i = 0; same && i < domain.vbds.size(); ++i)
      same = same_disk(domain.vbds[i], theirs[i]);
    if (!same) told(std::to_string(domain.vbds.size()) + " disks");
  } else if (name == "vif" && theirs.is_array()) {
    bool same = domain.vifs.size() >= theirs.size();
    for (std::size_t i = 0; same && i < theirs.size(); ++i)
      same = same_vif(domain.vifs[i], theirs[i]);
    if (!same) told(std::to_string(domain.vifs.size()) + " interfaces");
  } else if (name == "nics") {
    if (static_cast<int64_t>(domain.vifs.size()) < std::atoll(theirs.dump().c_str()))
      told(std::to_string(domain.vifs.size()) + " interfaces");
  } else if (name == "builder") {
    const std::string* type = domain.attributes.get<std::string>("type");
    const bool hvm = theirs.is_string() && (theirs.get<std::string>().starts_with("h") ||
                                            theirs.get<std::string>() == "vmx");
    if (type == nullptr || (*type == "pv") == hvm) told(type == nullptr ? "unset" : *type);
  } else if (name == "cpu_weight" && !domain.attributes.contains(name)) {
    if (std::atol(theirs.is_string() ? theirs.get<std::string>().c_str() : theirs.dump().c_str()))
      told("unset");
  } else {
    const Value* ours = domain.attributes.find(name);
    if (ours == nullptr)
      told("unset");
    else if (!same_value(*ours, theirs, *attribute))
      told(to_human(*ours));
  }
}

TEST(Corpus, ValuesAreThoseOfXm) {
  if (!std::filesystem::exists(corpus() / "xm_oracle.jsonl")) GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "xm_oracle.jsonl"));
  std::string line;
  Tally tally;
  while (std::getline(in, line)) {
    const json answer = json::parse(line);
    if (!answer["ok"].get<bool>()) continue;
    std::map<std::string, std::string> params;
    for (const auto& arg : answer["args"]) {
      const std::string text = arg.get<std::string>();
      params[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
    const std::string file = answer["file"];
    const Compiled done = compile_file(file, params);
    if (!done.ok() || done.graph.resources().empty()) {
      ADD_FAILURE() << file << "\n" << done.complaints();
      continue;
    }
    const auto* domain = std::get_if<DomainSpec>(&done.graph.resources()[0]);
    ASSERT_NE(domain, nullptr);
    ++tally.files;
    for (const auto& [key, theirs] : answer["vars"].items())
      compare_setting(*domain, file, key, theirs, tally);
  }
  std::printf("%d files, %d values compared with xm, %d differ\n", tally.files, tally.values,
              tally.wrong);
  EXPECT_EQ(tally.wrong, 0);
}

TEST(Corpus, ValuesAreThoseOfXl) {
  if (!std::filesystem::exists(corpus() / "xlu_results.jsonl")) GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "xlu_results.jsonl"));
  std::string line;
  Tally tally;
  int disks = 0;
  while (std::getline(in, line)) {
    const json answer = json::parse(line);
    if (!answer["ok"].get<bool>()) continue;
    const std::string file = answer["file"];
    const Compiled done = compile_file(file, {});
    if (!done.ok() || done.graph.resources().empty()) {
      ADD_FAILURE() << file << "\n" << done.complaints();
      continue;
    }
    const auto* domain = std::get_if<DomainSpec>(&done.graph.resources()[0]);
    ASSERT_NE(domain, nullptr);
    ++tally.files;
    std::map<std::string, json> last;
    for (const json& setting : answer["settings"]) {
      ASSERT_EQ(setting["op"], "=") << file;
      last[setting["name"].get<std::string>()] = setting["value"];
    }
    for (const auto& [key, theirs] : last) compare_setting(*domain, file, key, theirs, tally);
    if (!answer.contains("disks") || answer["disks"].size() != domain->vbds.size()) continue;
    for (std::size_t i = 0; i < domain->vbds.size(); ++i) {
      const json& theirs = answer["disks"][i];
      if (theirs["rc"] != 0) continue;  // `w!` and `vd:` are no words of xl's
      const Vbd& ours = domain->vbds[i];
      ++disks;
      const auto text = [&](const char* key) {
        return theirs[key].is_string() ? theirs[key].get<std::string>() : std::string();
      };
      const bool same = ours.source == text("pdev_path") && ours.device == text("vdev") &&
                        ours.format == text("format") && ours.script == text("script") &&
                        (ours.mode != AccessMode::read) == (theirs["readwrite"] == 1) &&
                        ours.cdrom == (theirs["is_cdrom"] == 1) &&
                        ours.removable == (theirs["removable"] == 1);
      if (!same) tally.differs(file + ": " + ours.written);
    }
  }
  std::printf("%d files, %d values and %d disks compared with libxlutil, %d differ\n", tally.files,
              tally.values, disks, tally.wrong);
  EXPECT_EQ(tally.wrong, 0);
}

// One construct each: what Python gives, or where Python refuses what xl gives.
std::string literal_of(const json& value) {
  if (value.is_array()) {
    std::string out = "[";
    for (const json& item : value) out += literal_of(item) + ", ";
    return out + "]";
  }
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  std::string out = value.dump();
  for (std::size_t at = 0; (at = out.find("\\u00", at)) != std::string::npos;)
    out.replace(at, 4, "\\x");
  return out;
}

TEST(Corpus, ConstructsHaveTheValueThatPythonOrXlGives) {
  if (!std::filesystem::exists(corpus() / "cfg_syntax_cases.tsv"))
    GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "cfg_syntax_cases.tsv"));
  std::string line;
  int of_python = 0, of_xl = 0, of_none = 0;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split(line, '\t');
    if (cells.size() < 5 || cells[0].empty() || cells[0][0] != '"') continue;
    const json text = json::parse(cells[0], nullptr, false);
    if (!text.is_string()) continue;
    std::map<std::string, json> expected;
    if (cells[3] == "ok") {
      const json variables = json::parse(cells[4]);
      for (const auto& [name, typed] : variables.items())
        if (typed[0] == "tuple")
          expected["list(" + name + ")"] = typed[1];
        else if (typed[0] != "function")
          expected[name] = typed[1];
      // A comprehension's variable does not leak here, which the reference says.
      if (text.get<std::string>().find(" for x in ") != std::string::npos) expected.erase("x");
      ++of_python;
    } else if (cells[1] == "ok" && text.get<std::string>().find('\0') == std::string::npos) {
      const json settings = json::parse(cells[2]);
      for (const json& setting : settings)
        if (setting[0].get<std::string>().find('.') == std::string::npos)
          expected[setting[0].get<std::string>()] = setting[2];
      ++of_xl;
    } else {
      ++of_none;
      continue;
    }
    std::string program = text.get<std::string>();
    if (program.find("os.uname") != std::string::npos) program = "import os\n" + program;
    program += "\nname = 't'\nmemory = 64\n";
    for (const auto& [name, value] : expected) {
      // xl has every number as its text.
      const bool as_text = cells[3] != "ok" && value.is_string();
      program += "print " + (as_text ? "str(" + name + ")" : name) + " == " + literal_of(value);
      program += "\n";
    }
    if (program.find('\0') != std::string::npos) continue;  // hv takes no byte 0
    const Compiled done = compile_text(program);
    EXPECT_TRUE(done.ok()) << cells[0] << "\n" << done.complaints();
    const std::vector<std::string> printed = done.printed();
    for (const std::string& said : printed)
      EXPECT_TRUE(said == "True" || said == "x") << program << said;
    EXPECT_GE(printed.size(), expected.size()) << program;
  }
  std::printf("%d constructs with Python's value, %d with xl's, %d that neither took\n", of_python,
              of_xl, of_none);
  EXPECT_GT(of_python, 80);
}

TEST(Corpus, The2004FilesMeanWhatTheyMeant) {
  if (!std::filesystem::exists(corpus() / "xc2004_oracle.jsonl"))
    GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "xc2004_oracle.jsonl"));
  std::string line;
  int files = 0, values = 0;
  while (std::getline(in, line)) {
    const json answer = json::parse(line);
    if (!answer["ok"].get<bool>()) continue;
    std::map<std::string, std::string> params;
    for (const auto& [name, value] : answer["args"].items()) params[name] = value;
    const std::string file = answer["file"];
    const Compiled done = compile_file(file, params);
    ++files;
    EXPECT_TRUE(done.ok()) << file << " " << line.substr(0, 80) << "\n" << done.complaints();
    if (!done.ok() || done.graph.resources().empty()) continue;
    const auto& domain = std::get<DomainSpec>(done.graph.resources()[0]);
    const json& vars = answer["vars"];
    if (vars.contains("domain_name")) {
      EXPECT_EQ(domain.name, vars["domain_name"].get<std::string>()) << file;
    }
    if (vars.contains("mem_size")) {
      EXPECT_EQ(attribute_text(domain, "memory"), to_human(mib(vars["mem_size"].get<int64_t>())))
          << file;
    }
    if (vars.contains("vbd_list")) {
      ASSERT_EQ(domain.vbds.size(), vars["vbd_list"].size()) << file;
      for (std::size_t i = 0; i < domain.vbds.size(); ++i) {
        const json& theirs = vars["vbd_list"][i];
        EXPECT_EQ(domain.vbds[i].device, theirs[1].get<std::string>()) << file;
        EXPECT_EQ(to_string(domain.vbds[i].mode), theirs[2].get<std::string>()) << file;
        values += 2;
      }
    }
    static constexpr std::pair<const char*, const char*> kTexts[] = {
        {"image", "kernel"},          {"ramdisk", "ramdisk"},     {"cmdline_root", "cmdline_root"},
        {"cmdline_ip", "cmdline_ip"}, {"cmdline_extra", "extra"}, {"netmask", "netmask"},
        {"gateway", "gateway"},       {"nfsserv", "nfs_server"}};
    for (const auto& [theirs, ours] : kTexts) {
      if (!vars.contains(theirs) || !vars[theirs].is_string() || vars[theirs] == "") continue;
      ++values;
      EXPECT_EQ(attribute_text(domain, ours), vars[theirs].get<std::string>()) << file;
    }
    const Value line_2004 = Schema::builtin().effective(Kind::domain, "cmdline", domain.attributes);
    if (answer.contains("cmdline") && line_2004.get<std::string>() != nullptr) {
      ++values;
      EXPECT_EQ(*line_2004.get<std::string>(), answer["cmdline"].get<std::string>()) << file;
    }
  }
  std::printf("%d runs of 2004 files, %d values\n", files, values);
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace hv::compiler
