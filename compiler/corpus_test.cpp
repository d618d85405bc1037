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
  if (attribute.type == AttributeType::choice && theirs.is_number()) {
    const auto choice = choice_from(attribute, theirs.get<int64_t>());
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
    return true;
  }
  if (const auto* number = ours.get<int64_t>()) {
    if (theirs.is_number()) return *number == static_cast<int64_t>(theirs.get<double>());
    if (theirs.is_string())
      return *number == std::strtoll(theirs.get<std::string>().c_str(), nullptr, 0);
    return false;
  }
  if (const auto* flag = ours.get<bool>()) {
    if (theirs.is_number()) return *flag == (theirs.get<double>() != 0);
    if (theirs.is_boolean()) return *flag == theirs.get<bool>();
  }
  return true;  // lists: compared through the disks and interfaces below
}

TEST(Corpus, ValuesAreThoseOfXm) {
  if (!std::filesystem::exists(corpus() / "xm_oracle.jsonl")) GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "xm_oracle.jsonl"));
  std::string line;
  int files = 0, values = 0, wrong = 0;
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
    ++files;
    for (const auto& [key, theirs] : answer["vars"].items()) {
      const Attribute* attribute = Schema::builtin().find_key(key, false);
      if (attribute == nullptr || theirs.is_null()) continue;
      if (attribute->name == "disk" && theirs.is_array()) {
        ++values;
        std::size_t count = 0;
        for (const auto& each : theirs) count += each.is_string() ? 1u : 1u;
        if (domain->vbds.size() != count && ++wrong <= 20)
          ADD_FAILURE() << file << ": " << domain->vbds.size() << " disks, not " << theirs;
        continue;
      }
      if (attribute->name == "vif" && theirs.is_array()) {
        ++values;
        if (domain->vifs.size() < theirs.size() && ++wrong <= 20)
          ADD_FAILURE() << file << ": " << domain->vifs.size() << " interfaces, not " << theirs;
        continue;
      }
      const Value* ours = domain->attributes.find(attribute->name);
      if (ours == nullptr) continue;
      ++values;
      if (!same_value(*ours, theirs, *attribute) && ++wrong <= 20)
        ADD_FAILURE() << file << ": " << key << " is " << to_human(*ours) << ", not " << theirs;
    }
    if (answer["vars"].contains("name") && answer["vars"]["name"].is_string()) {
      ++values;
      EXPECT_EQ(domain->name, answer["vars"]["name"].get<std::string>()) << file;
    }
  }
  std::printf("%d files, %d values compared with xm, %d differ\n", files, values, wrong);
  EXPECT_EQ(wrong, 0);
}

TEST(Corpus, The2004FilesMeanWhatTheyMeant) {
  if (!std::filesystem::exists(corpus() / "xc2004_oracle.jsonl"))
    GTEST_SKIP() << "no corpus is here";
  std::istringstream in(slurp(corpus() / "xc2004_oracle.jsonl"));
  std::string line;
  int files = 0;
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
      for (std::size_t i = 0; i < domain.vbds.size(); ++i)
        EXPECT_EQ(domain.vbds[i].device, vars["vbd_list"][i][1].get<std::string>()) << file;
    }
  }
  std::printf("%d runs of 2004 files\n", files);
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace hv::compiler
