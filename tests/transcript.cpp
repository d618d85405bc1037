#include "tests/transcript.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <vector>

#include "tests/process.h"

namespace hv::testing {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// A shell's words, as far as transcripts need them: '…' keeps blanks.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  bool quoted = false, begun = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      if (!begun) words.emplace_back();
      begun = true;
    } else if (c == ' ' && !quoted) {
      begun = false;
    } else {
      if (!begun) words.emplace_back();
      begun = true;
      words.back() += c;
    }
  }
  return words;
}

// What differs from run to run: each different thing a number of its own, so that what must be
// equal still shows. A UUID of version 5 is derived and stays as it is.
class Masked {
 public:
  explicit Masked(std::string folder) : folder_(std::move(folder)) {}

  std::string operator()(const std::string& text) {
    static const std::regex random(
        "[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}");
    static const std::regex plan_id("\"id\": \"[0-9a-f]{8}\"");
    static const std::regex clock("read at [0-9]{2}:[0-9]{2}");
    static const std::regex took("(  (?:✓|✗) .*?) +[0-9.]+ (ms|s|min)");
    static const std::regex applied("(Applied .*) in [0-9.]+ (ms|s|min)");
    // Steps that end together are one transition: how many there are depends on the machine.
    static const std::regex serial("(serial(?:\": )? ?)[1-9][0-9]*");
    std::string masked = replace_all(text, folder_, "(folder)");
    masked = std::regex_replace(masked, serial, "$1(n)");
    masked = std::regex_replace(masked, plan_id, "\"id\": \"(plan)\"");
    masked = std::regex_replace(masked, clock, "read at (time)");
    masked = std::regex_replace(masked, took, "$1");
    masked = std::regex_replace(masked, applied, "$1 in (time)");
    std::string result;
    auto after = masked.cbegin();
    for (std::sregex_iterator each(masked.begin(), masked.end(), random), end; each != end;
         ++each) {
      result.append(after, (*each)[0].first);
      const std::string found = each->str();
      const bool digest = found.size() == 64;
      auto& known = digest ? digests_ : uuids_;
      const auto number = known.emplace(found, known.size() + 1).first->second;
      result += (digest ? "(digest " : "(uuid ") + std::to_string(number) + ")";
      after = (*each)[0].second;
    }
    return result.append(after, masked.cend());
  }

 private:
  std::string folder_;
  std::map<std::string, std::size_t> uuids_, digests_;
};

// Steps that run at once end in any order.
void sort_progress(std::vector<std::string>& lines) {
  const auto is_step = [](const std::string& line) { return line.starts_with("  ✓ "); };
  for (auto begin = lines.begin(); begin != lines.end();) {
    begin = std::find_if(begin, lines.end(), is_step);
    const auto end = std::find_if_not(begin, lines.end(), is_step);
    std::sort(begin, end);
    begin = end;
  }
}

std::string answer(const Finished& finished, Masked& masked) {
  std::string text;
  for (const std::string& line : lines_of(masked(finished.out))) text += line + "\n";
  std::vector<std::string> errors = lines_of(masked(finished.err));
  sort_progress(errors);
  for (const std::string& line : errors) text += line.empty() ? "!\n" : "! " + line + "\n";
  if (finished.signal != 0)
    return text + "=> killed by signal " + std::to_string(finished.signal) + "\n";
  if (finished.code != 0) text += "=> " + std::to_string(finished.code) + "\n";
  return text;
}

// `edit FILE: OLD => NEW`, OLD once in the file; \n in both is a line's end.
bool edit(const Folder& project, const std::string& order) {
  const std::size_t colon = order.find(": "), arrow = order.find(" => ");
  if (colon == std::string::npos || arrow == std::string::npos) return false;
  const std::string file = order.substr(0, colon);
  const std::string from = replace_all(order.substr(colon + 2, arrow - colon - 2), "\\n", "\n");
  const std::string to = replace_all(order.substr(arrow + 4), "\\n", "\n");
  std::string text = project.read(file);
  const std::size_t at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos) return false;
  project.write(file, text.replace(at, from.size(), to));
  return true;
}

// Every JSON answer fits its schema, SARIF too.
std::string misfit_of(const std::string& line, const Finished& finished) {
  static const std::map<std::string, std::string> formats = {{"check", "hv.diagnostics.1"},
                                                             {"show", "hv.desired.1"},
                                                             {"plan", "hv.plan.1"},
                                                             {"lint", "hv.lint.1"},
                                                             {"status", "hv.status.1"}};
  const bool sarif = line.find("--format sarif") != std::string::npos;
  if (!sarif && line.find("--format json") == std::string::npos) return "";
  const std::string wrong =
      misfit(finished.out, sarif ? "sarif.2.1.0" : formats.at(words_of(line).at(2)));
  return wrong.empty() ? "" : line + ": " + wrong + "\n";
}

bool change_files(const Folder& project, const std::string& order) {
  if (order.starts_with("edit ")) return edit(project, order.substr(5));
  const std::vector<std::string> words = words_of(order);
  std::error_code error;
  if (words.size() == 3 && words[0] == "cp")
    std::filesystem::copy_file(project / words[1], project / words[2],
                               std::filesystem::copy_options::overwrite_existing, error);
  else if (words.size() == 2 && words[0] == "rm")
    return std::filesystem::remove_all(project / words[1], error) > 0;
  else if (words.size() == 2 && words[0] == "mkdir")
    return std::filesystem::create_directory(project / words[1], error);
  else
    return false;
  return !error;
}

}  // namespace

std::string play(const std::string& transcript, const std::string& folder, std::string& trouble) {
  const Folder project;
  if (!folder.empty()) project.copy_from(folder);
  Masked masked(project.path());
  std::string text;
  for (const std::string& line : lines_of(transcript)) {
    if (line.starts_with("# ")) text += (text.empty() ? "" : "\n") + line + "\n";
    if (!line.starts_with("$ ")) continue;
    const bool after_reason = !text.empty() && lines_of(text).back().starts_with("# ");
    text += (text.empty() || after_reason ? "" : "\n") + line + "\n";
    if (line.starts_with("$ hv ")) {
      const Finished finished = project.hv(words_of(line.substr(5)));
      trouble += misfit_of(line, finished);
      if (finished.timed_out) trouble += "takes too long: " + line + "\n";
      text += answer(finished, masked);
    } else if (!change_files(project, line.substr(2))) {
      trouble += "cannot be done: " + line + "\n";
    }
  }
  return text;
}

}  // namespace hv::testing
